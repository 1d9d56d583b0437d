"""Patents in the panel: what is an application, who applied, and which discipline is theirs."""

import ibis
import ibis.expr.types as ir
from ibis import _

from replication.errors import SchemaError
from replication.panel import reasons
from replication.panel.applicants import applicants, plain
from replication.records.registry import Choices

CELL = ["university", "discipline"]
NO_UNIVERSITY = "no university of the sample among the applicants"

# Number of a Chinese application since 2003: year, kind, seven digits, and a check digit. DOCDB
# puts the kind of the publication behind it.
APPLICATION = "^[^0-9]*((?:19|20)[0-9]{2}[1-9][0-9]{7})[0-9X]?(?:[ABCUYS][0-9]?)?$"
# Number of a Chinese publication: application (A) and grant (B, C) bear one number.
PUBLICATION = "^[^0-9]*([0-9]{7,9})([ABCUYS])[0-9]?$"
# Numbers of other offices, and of PCT filings at the Chinese one.
ABROAD = (
    "^(?:PCT|(?:US|EP|WO|JP|KR|DE|GB|FR|TW|HK|MO|CA|AU|IN|RU|SG)[0-9])|^CN[0-9]{4}[0-9]*W[0-9]?$"
)
# Subclass of the first symbol of a list, which may have words such as "Int.Cl." before it.
MAIN_CLASS = r"^[;,|、\s]*[^;,|、\n]*?\b([A-H][0-9]{2}[A-Z])"


def patents(
    t: dict[str, ir.Table], ipc: ir.Table, cells: ir.Table, choices: Choices
) -> tuple[ir.Table, ir.Table]:
    """Credits and applicants.

    Credits are one row a patent and university of the sample, with the reason why one is not
    counted; applicants are those of `applicants.applicants`.
    """
    first = reasons.numbered(_applications(t["patents"]), "application").mutate(
        year=_.date.year().cast("int64"),
        domestic=_.jurisdiction.isin(choices.domestic),
        # Of the first symbol, whatever its case, width and the words before it.
        ipc_subclass=plain(_.ipc).upper().re_extract(MAIN_CLASS, 1),
    )
    first = first.cache()
    kinds = ["firm", "university_holding"] if choices.holdings else ["firm"]
    named = applicants(first, t["universities"]).cache()
    parties = named.group_by("application", "repetition").agg(
        firm=_.kind.isin(kinds).any(),
        universities=_.university.collect(where=_.university.notnull(), distinct=True),
        share=1 / _.name.nunique(),
    )
    placed = (
        first.left_join(parties, ["application", "repetition"])
        .left_join(ipc, "ipc_subclass")
        .mutate(firm=_.firm.fill_null(False))
        .unnest("universities", keep_empty=True)
        .rename(university="universities")
        .left_join(cells.select(*CELL).mutate(in_frame=True), CELL)
    )
    rules = [
        *reasons.repeated("application"),
        (_.other_right, "utility model or design, no invention"),
        (~_.year.between(choices.first_year, choices.last_year), reasons.OUTSIDE_STUDY),
        (_.university.isnull(), NO_UNIVERSITY),
        (_.discipline.isnull(), "main IPC subclass without a discipline"),
        (_.in_frame.isnull(), reasons.NO_CELL),
    ]
    what = ("year", "domestic", "granted", "firm", "key_core", "controlled", "ai", "share")
    credits = reasons.first_of(placed, rules).select(
        "application", "repetition", *CELL, *what, "reason"
    )
    return credits.cache(), named


def by_record(credits: ir.Table) -> ir.Table:
    """One row a patent: counted if it is for one of its universities."""
    counted = (_.reason == reasons.COUNTED).any()
    return credits.group_by("application", "repetition").agg(
        reason=ibis.ifelse(counted, reasons.COUNTED, _.reason.min())
    )


def _applications(patents: ir.Table) -> ir.Table:
    """Patents under the number of their application, however it is spelt.

    Those that are published twice are granted if one of the publications is. `other_right` says
    that the number is that of a utility model or design.
    """
    number = plain(_.application).upper()
    at_home = _.jurisdiction == "CN"
    patents = patents.mutate(plain=number.re_replace(r"[^\p{L}\p{N}]", "")).cache()
    _require_office(patents)
    patents = patents.mutate(
        filed=ibis.ifelse(at_home, _.plain.re_extract(APPLICATION, 1), ""),
        published=ibis.ifelse(at_home, _.plain.re_extract(PUBLICATION, 1), ""),
        # Kind of an application: 1 and, by way of a PCT filing, 8 are inventions.
        other_right=at_home
        & (
            _.plain.re_extract(APPLICATION, 1).substr(4, 1).isin(["2", "3", "9"])
            | _.plain.re_extract(PUBLICATION, 2).isin(["U", "Y", "S"])
        ),
    )
    number = ibis.cases(
        (_.filed != "", "CN" + _.filed),
        (_.published != "", "CN" + _.published),
        else_=_.plain,
    )
    patents = patents.mutate(application=number).drop("plain", "filed", "published")
    return patents.mutate(granted=_.granted.any().over(group_by="application"))


def _require_office(patents: ir.Table) -> None:
    """Raise `SchemaError` if a number is that of another office, or is one no more."""
    at_home = _.jurisdiction == "CN"
    chinese = _.plain.startswith("CN") & (
        _.plain.re_search(APPLICATION) | _.plain.re_search(PUBLICATION)
    )
    contrary = (at_home & _.plain.re_search(ABROAD)) | (~at_home & chinese)
    rounded = _.application.re_search(r"^[0-9](\.[0-9]+)?[Ee]\+?[0-9]{1,2}$")
    for found, fault in (
        (contrary, "is not a number of its office: correct jurisdiction (WO for a PCT filing)"),
        (rounded, "was rounded by a spreadsheet: export application as text"),
    ):
        odd = patents.filter(found).order_by("application", "jurisdiction")
        if rows := odd.count().to_pandas():
            number, office = odd.select("application", "jurisdiction").limit(1).to_pandas().loc[0]
            raise SchemaError(
                f"patents, column 'application': {number!r}, filed at {office}, {fault} ({rows:,} "
                "such rows)"
            )
