"""Patents in the panel: what is an application, who applied, and which discipline is theirs."""

import ibis
import ibis.expr.types as ir
from ibis import _

from replication.panel import reasons
from replication.panel.applicants import applicants
from replication.records.registry import Choices

CELL = ["university", "discipline"]
NO_UNIVERSITY = "no university of the sample among the applicants"

# Number of a Chinese application since 2003: year, kind, seven digits, and a check digit.
APPLICATION = "^(?:CN|ZL)?((?:19|20)[0-9]{2}[1-9][0-9]{7})[0-9X]?$"
# Number of a Chinese publication: application (A) and grant (B, C) bear one number.
PUBLICATION = "^CN([0-9]{7,9})([ABCUYS])[0-9]?$"
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
        ipc_subclass=_plain(_.ipc).re_extract(MAIN_CLASS, 1),
    )
    first = first.cache()
    named = applicants(first, t["universities"]).cache()
    parties = named.group_by("application", "repetition").agg(
        firm=(_.kind == "firm").any(),
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
    plain = _plain(_.application).re_replace(r"[\s.]", "")
    at_home = _.jurisdiction == "CN"
    patents = patents.mutate(plain=plain).mutate(
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


def _plain(text: ir.StringValue) -> ir.StringValue:
    """Text in capitals, full-width letters, digits and signs made plain."""
    wide = "".join(chr(code) for code in range(0xFF01, 0xFF5F))
    return text.translate(wide, "".join(chr(ord(c) - 0xFEE0) for c in wide)).upper()
