"""What empties or halves an outcome is said aloud, and not only by a line of the sample flow."""

import warnings
from collections.abc import Iterable, Iterator, Mapping

import ibis.expr.types as ir
import pandas as pd
from ibis import _

from replication.errors import SchemaError
from replication.panel.applicants import FIRM, OURS
from replication.panel.patents import NO_UNIVERSITY, by_record
from replication.panel.reasons import COUNTED
from replication.records.variables import MEDIATORS

# Events a year of a university from which on a year without any is no chance.
MANY = 15
# Share of the joint patents that applicants who look like a firm or university may stand for.
UNSURE = 0.05
LEGAL_FORM = r"[(（]?(集团|股份|有限|责任|控股|总)*公司$|集团$"


class LossWarning(UserWarning):
    """An outcome is not what the records suggest; the message says why."""


def warn(said: Iterable[str]) -> None:
    """Warn of each loss."""
    for sentence in said:
        warnings.warn(sentence, LossWarning, stacklevel=3)


def losses(
    panel: pd.DataFrame,
    sample: pd.Series,
    credits: ir.Table,
    applicants: ir.Table,
    events: Mapping[str, ir.Table],
) -> list[str]:
    """A sentence for each loss; raises `SchemaError` if no joint patent is left.

    `events` are papers and hires, with ``outcome`` for those that an outcome counts.
    """
    joint = credits.filter(_.firm, _.university.notnull())
    at_home = joint.filter(_.domestic)
    rows = at_home.group_by("reason").agg(rows=_.count()).to_pandas()
    by_reason = {str(r): int(n) for r, n in zip(rows["reason"], rows["rows"], strict=True)}
    # A row is lost to a repetition only if what is kept of its application is none that counts.
    kept = at_home.filter(_.repetition == 0).select("application").distinct()
    hidden = at_home.filter(_.repetition > 0).anti_join(kept, "application")
    by_reason = {r: n for r, n in by_reason.items() if not r.startswith("application listed")}
    by_reason["application listed before, and the row that is kept names no firm"] = int(
        hidden.application.nunique().to_pandas()
    )
    abroad = joint.filter(~_.domestic, _.reason == COUNTED).count().to_pandas()
    by_reason["filed at an office that counts as overseas"] = int(abroad)
    counted = by_reason.pop(COUNTED, 0)
    unsure = [*_unsure(credits, applicants)]
    if not counted:
        because = [f"{n:,}: {reason}" for reason, n in by_reason.items() if n]
        named = [f"{n:,}: {what} ({names})" for what, n, names in unsure if n]
        raise SchemaError(
            "patents: no joint patent of a university of the sample and a firm is left; "
            + ("; ".join([*because, *named]) or "no row names a university and a firm")
            + ". Look at applicants, applicant_names, jurisdiction, date and ipc"
        )
    said = [
        f"patents: {n:,} joint patents are dropped and {counted:,} are counted ({reason})"
        for reason, n in by_reason.items()
        if n >= counted
    ]
    said += [
        f"patents: {n:,} more joint patents beside {counted:,} if {what}, most often {names}: "
        "complete the names"
        for what, n, names in unsure
        if n > UNSURE * (counted + n)
    ]
    said += _repeated(credits)
    abroad = credits.filter(~_.domestic, _.university.notnull(), _.repetition == 0)
    said += _halved("patents", "overseas applications", abroad)
    for (name, table), what in zip(
        events.items(), ("papers with a foreign partner", "hires from abroad"), strict=True
    ):
        said += _halved(name, what, table.filter(_.outcome))
    said += _without(panel, sample, applicants, events)
    outcomes = [c for c in map(str, panel) if c.startswith("patents_joint") or c in MEDIATORS]
    said += [f"{c} is zero in every row" for c in (*outcomes, "advantaged") if not panel[c].any()]
    yearly = panel.groupby("year")[["patents_joint", *MEDIATORS]].sum()
    said += [
        f"{c} is zero in {', '.join(map(str, zero))}: look for a year that is missing"
        for c in yearly
        if 0 < len(zero := yearly.index[yearly[c] == 0]) < len(yearly)
    ]
    return [*said, *_gaps(panel, yearly)]


def _rows(events: ir.Table) -> dict[str, int]:
    """Rows by reason."""
    rows = events.group_by("reason").agg(rows=_.count()).order_by("reason").to_pandas()
    return {str(r): int(n) for r, n in zip(rows["reason"], rows["rows"], strict=True)}


def _repeated(credits: ir.Table) -> list[str]:
    """A number that stands for several patents: it drops half of two, some as a plain repetition.

    Patents are joint or not: this is told of all of them.
    """
    rows = _rows(by_record(credits))
    counted = rows.get(COUNTED, 0)
    return [
        f"patents: {n:,} rows are dropped and {counted:,} are counted ({reason})"
        for reason, n in rows.items()
        if reason.endswith("other content") and n >= counted / 2
    ]


def _halved(name: str, what: str, events: ir.Table) -> list[str]:
    """Reasons that drop as many events of an outcome as are counted."""
    rows = _rows(events)
    counted = rows.pop(COUNTED, 0)
    return [
        f"{name}: {n:,} {what} are dropped and {counted:,} are counted ({reason})"
        for reason, n in rows.items()
        if n >= counted / (2 if reason.endswith("other content") else 1)
        and not reason.endswith(" listed before")
    ]


def _without(
    panel: pd.DataFrame, sample: pd.Series, applicants: ir.Table, events: Mapping[str, ir.Table]
) -> Iterator[str]:
    """Universities that a table leaves out, maybe since it has them under another name."""
    has = set(panel["university"])
    named = {"application": (applicants.filter(_.kind == OURS), "applicant_names")}
    named |= {n[:-1]: (t.filter(_.reason == COUNTED), n) for n, t in events.items()}
    if lost := sorted(set(sample) - has):
        yield f"universities: grades give no cell to {_list(lost)}: look for its name in grades"
    for what, (rows, column) in named.items():
        if lost := sorted(has - set(rows.university.to_pandas())):
            yield (
                f"universities: no {what} names {_list(lost)}: complete {column}"
                if column == "applicant_names"
                else f"universities: no {what} counts for {_list(lost)}: look for its name in "
                f"{column}"
            )


def _list(lost: list[str]) -> str:
    return f"{', '.join(lost[:5])} ({len(lost)} of the sample)"


def _gaps(panel: pd.DataFrame, yearly: pd.DataFrame) -> Iterator[str]:
    """A year without any event of a university that has many in each other year."""
    totals = panel.groupby(["university", "year"])[list(yearly)].sum()
    elsewhere = totals.groupby("university").transform("sum") / (len(yearly) - 1)
    # Of a year that is missing for all, enough is said.
    gap = (totals == 0) & (elsewhere >= MANY) & (yearly > 0).reindex(totals.index, level="year")
    for column in gap:
        if first := list(gap.index[gap[column]]):
            at = ", ".join(f"{university} in {year}" for university, year in first[:5])
            yield f"{column} is zero for {at} ({len(first)} in all), against {MANY} a year or more"


def _unsure(credits: ir.Table, applicants: ir.Table) -> Iterable[tuple[str, int, str]]:
    """What would make more joint patents: the condition, how many, and the names it is about."""
    key = ["application", "repetition"]
    named = applicants.semi_join(credits.filter(_.domestic, _.repetition == 0), key)
    ours = named.filter(_.kind == OURS)
    firms = named.filter(_.kind == FIRM)
    counted = credits.filter(_.reason == COUNTED, ~_.firm).semi_join(ours, key)
    brands = firms.select(brand=_.name.re_replace(LEGAL_FORM, "")).distinct()
    stems = named.filter(_.kind == "person").semi_join(brands, [("name", "brand")])
    yield _most(
        "these are firms",
        named.filter(_.kind == "other").union(stems).semi_join(counted, key),
    )
    lost = credits.filter(_.reason == NO_UNIVERSITY, _.firm)
    sample = applicants.filter(_.kind == OURS).select(whole=_.name).distinct()
    others = named.filter(_.kind == "university").semi_join(lost, key)
    parts = others.inner_join(sample, others.name.contains(sample.whole)).select(*others.columns)
    # In Latin letters or traditional characters.
    foreign = others.filter(~_.name.re_search(r"\p{Han}") | _.name.contains("學"))
    yield _most("these are universities of the sample", foreign.union(parts))


def _most(condition: str, named: ir.Table) -> tuple[str, int, str]:
    rows = named.select("application", "name").distinct().to_pandas()
    most = rows["name"].value_counts().head(5)
    names = ", ".join(f"{name!r} ({n:,})" for name, n in most.items())
    return condition, rows["application"].nunique(), names
