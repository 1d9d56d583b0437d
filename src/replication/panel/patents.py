"""Patents in the panel: what is an application, who applied, and which discipline is theirs."""

import ibis
import ibis.expr.types as ir
from ibis import _

from replication.errors import SchemaError
from replication.panel import reasons
from replication.panel.applicants import FIRM, Applicants, applicants, plain
from replication.panel.engine import ROW, Keep
from replication.records.registry import Choices

CELL = ["university", "discipline"]
NO_UNIVERSITY = "no university of the sample among the applicants"
NO_DISCIPLINE = {
    "main": "main IPC subclass without a discipline",
    "all": "IPC subclass without a discipline",
}

# Number of a Chinese application since 2003: year, kind, seven digits, and a check digit. DOCDB
# puts the kind of the publication behind it.
APPLICATION = "^[^0-9]*((?:19|20)[0-9]{2}[1-9][0-9]{7})[0-9X]?(?:[ABCUYS][0-9]?)?$"
# Number of a Chinese publication: application (A) and grant (B, C) bear one number.
PUBLICATION = "^[^0-9]*([0-9]{7,9})([ABCUYS])[0-9]?$"
# Numbers of other offices, and of PCT filings at the Chinese one.
ABROAD = (
    "^(?:PCT|(?:US|EP|WO|JP|KR|DE|GB|FR|TW|HK|MO|CA|AU|IN|RU|SG)[0-9])|^CN[0-9]{4}[0-9]*W[0-9]?$"
)
FAULTS = {
    "contrary": "is not a number of its office: correct jurisdiction (WO for a PCT filing)",
    "rounded": "was rounded by a spreadsheet: export application as text",
}
"""Faults of a number, by the column that says that it has one."""
# Subclass of a symbol, which may have words such as "Int.Cl." before it, and what parts symbols.
CLASS = r"\b([A-H][0-9]{2}[A-Z])"
BETWEEN = r"[;,|、\n]+"
MAIN_CLASS = r"^[;,|、\s]*[^;,|、\n]*?\b([A-H][0-9]{2}[A-Z])"


def patents(
    t: dict[str, ir.Table], ipc: ir.Table, cells: ir.Table, choices: Choices, keep: Keep
) -> tuple[ir.Table, Applicants]:
    """Credits and applicants.

    Credits are one row a patent and university of the sample, or, where all its classes count
    (R14), one a patent, university and class, with the reason why one is not counted; ``weight`` is
    the part of the patent that it stands for, ``several`` says that a patent gives more than one,
    and ``shared`` is the application that other rows bear too, or null.
    """
    alike = {"granted": _.granted.any()}
    first = reasons.numbered(
        _applications(t["patents"], keep), keep, "application", together=alike
    ).mutate(
        year=_.date.year().cast("int64"),
        domestic=_.jurisdiction.isin(choices.domestic),
        shared=ibis.ifelse(_.shared, _.application, ibis.null("string")),
    )
    types = t.get("applicant_types")
    who = applicants(first, t["universities"], keep, types, choices.owned_firms)
    parties = who.of("university", "kind").group_by(ROW)
    parties = parties.agg(
        firm=(_.kind == FIRM).any(),
        names=_.who.nunique(),
        university=_.university.min(),
        last=_.university.max(),
    )
    parties = keep(parties.mutate(several=(_.university != _.last).fill_null(False)))
    # Most patents have one university at most: only the others are taken apart.
    each = who.of("university", where=_.university.notnull()).semi_join(
        parties.filter(_.several), ROW
    )
    each = each.select(ROW, "university").distinct()
    joint = parties.filter(_.several).drop("university").inner_join(each, ROW)
    parties = parties.filter(~_.several).union(joint.select(parties.columns)).drop("last")
    placed = (
        _classed(first, choices, keep)
        .left_join(parties, ROW)
        .left_join(ipc, "ipc_subclass")
        .mutate(
            firm=_.firm.fill_null(False),
            several=_.several.fill_null(False) | (_.weight < 1),
            share=_.weight / _.names,
        )
        .left_join(cells.select(*CELL).mutate(in_frame=True), CELL)
    )
    rules = [
        *reasons.repeated("application"),
        (_.other_right, "utility model or design, no invention"),
        (~_.year.between(choices.first_year, choices.last_year), reasons.OUTSIDE_STUDY),
        (_.university.isnull(), NO_UNIVERSITY),
        (_.discipline.isnull(), NO_DISCIPLINE[choices.classes]),
        (_.in_frame.isnull(), reasons.NO_CELL),
    ]
    what = (
        "year",
        "domestic",
        "granted",
        "firm",
        "key_core",
        "controlled",
        "ai",
        "share",
        "weight",
    )
    credits = reasons.first_of(placed, rules).select(
        ROW, "shared", "repetition", "several", *CELL, *what, "reason"
    )
    return keep(credits), who


def by_record(credits: ir.Table) -> ir.Table:
    """One row a patent: counted if it is for one of its universities."""
    counted = (_.reason == reasons.COUNTED).any()
    several = (
        credits.filter(_.several)
        .group_by(ROW)
        .agg(reason=ibis.ifelse(counted, reasons.COUNTED, _.reason.min()))
    )
    return credits.filter(~_.several).select("reason").union(several.select("reason"))


def by_university(credits: ir.Table) -> ir.Table:
    """Credits, one row a patent and university: counted if one of its classes is."""
    same = [ROW, "shared", "repetition", "university", "domestic", "firm"]
    counted = (_.reason == reasons.COUNTED).any()
    return credits.group_by(same).agg(
        several=_.several.any(),
        reason=ibis.ifelse(counted, reasons.COUNTED, _.reason.min()),
    )


def _classed(patents: ir.Table, choices: Choices, keep: Keep) -> ir.Table:
    """Patents with ``ipc_subclass``, whatever its case, width and the words before it (R14).

    The main class has ``weight`` 1; of all classes, each has an equal part. A symbol that is no
    class of the IPC has none, and a patent without any class stays one row.
    """
    symbols = plain(_.ipc).upper()
    if choices.classes == "main":
        return patents.mutate(ipc_subclass=symbols.re_extract(MAIN_CLASS, 1), weight=1.0)
    each = patents.select(ROW, symbol=symbols.re_split(BETWEEN).unnest())
    each = each.select(ROW, ipc_subclass=_.symbol.re_extract(CLASS, 1))
    each = keep(each.filter(_.ipc_subclass != "").distinct())
    parts = each.group_by(ROW).agg(weight=1 / _.count())
    classed = patents.left_join(each.inner_join(parts, ROW), ROW)
    return classed.mutate(weight=_.weight.fill_null(1.0)).drop(f"{ROW}_right")


def _applications(patents: ir.Table, keep: Keep) -> ir.Table:
    """Patents under the number of their application, however it is spelt.

    `other_right` says that the number is that of a utility model or design.
    """
    number = plain(_.application).upper()
    at_home = _.jurisdiction == "CN"
    made = patents.mutate(plain=number.re_replace(r"[^\p{L}\p{N}]", ""))
    made = made.mutate(
        filed=ibis.ifelse(at_home, _.plain.re_extract(APPLICATION, 1), ""),
        published=ibis.ifelse(at_home, _.plain.re_extract(PUBLICATION, 1), ""),
        # Kind of an application: 1 and, by way of a PCT filing, 8 are inventions.
        other_right=at_home
        & (
            _.plain.re_extract(APPLICATION, 1).substr(4, 1).isin(["2", "3", "9"])
            | _.plain.re_extract(PUBLICATION, 2).isin(["U", "Y", "S"])
        ),
        **_faults(),
    )
    number = ibis.cases(
        (_.filed != "", "CN" + _.filed),
        (_.published != "", "CN" + _.published),
        else_=_.plain,
    )
    made = keep(made.mutate(application=number).drop("plain", "filed", "published"))
    _require_office(made, patents)
    return made.drop(*FAULTS)


def _faults() -> dict[str, ir.BooleanValue]:
    """Whether a number is that of another office, or is one no more."""
    at_home = _.jurisdiction == "CN"
    chinese = _.plain.startswith("CN") & (
        _.plain.re_search(APPLICATION) | _.plain.re_search(PUBLICATION)
    )
    return {
        "contrary": (at_home & _.plain.re_search(ABROAD)) | (~at_home & chinese),
        "rounded": _.application.re_search(r"^[0-9](\.[0-9]+)?[Ee]\+?[0-9]{1,2}$"),
    }


def _require_office(made: ir.Table, patents: ir.Table) -> None:
    """Raise `SchemaError` if there is one of `FAULTS`; `patents` are the rows as they came."""
    counts = made.agg(**{name: made[name].sum() for name in FAULTS}).to_pandas().loc[0]
    for name, fault in FAULTS.items():
        if rows := int(counts[name]):
            odd = patents.semi_join(made.filter(made[name]), ROW)
            odd = odd.order_by("application", "jurisdiction").limit(1)
            number, office = odd.select("application", "jurisdiction").to_pandas().loc[0]
            raise SchemaError(
                f"patents, column 'application': {number!r}, filed at {office}, {fault} ({rows:,} "
                "such rows)"
            )
