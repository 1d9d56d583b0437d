"""What empties or halves an outcome is said aloud, and not only by a line of the sample flow."""

import warnings
from collections.abc import Iterable, Iterator, Mapping

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from replication.errors import SchemaError
from replication.panel.applicants import FIRM, OURS, Applicants
from replication.panel.engine import ROW
from replication.panel.patents import NO_UNIVERSITY, by_record
from replication.panel.reasons import COUNTED
from replication.records.variables import MEDIATORS

# Events a year of a university from which on a year without any is no chance.
MANY = 15
# Share of the joint patents that applicants who look like a firm or university may stand for.
UNSURE = 0.05
WHAT = {"papers": "papers with a foreign partner", "hires": "hires from abroad"}
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
    who: Applicants,
    events: Mapping[str, ir.Table],
) -> list[str]:
    """A sentence for each loss; raises `SchemaError` if no joint patent is left.

    `events` are papers and hires: how many ``rows`` there are by ``university``, ``reason``, and
    ``outcome`` for those that an outcome counts.
    """
    joint = credits.filter(_.firm, _.university.notnull())
    at_home = joint.filter(_.domestic)
    by_reason = _rows(at_home)
    # A row is lost to a repetition only if what is kept of its application is none that counts.
    shared = at_home.filter(_.shared.notnull())
    kept = shared.filter(_.repetition == 0).select("shared").distinct()
    hidden = shared.filter(_.repetition > 0).anti_join(kept, "shared")
    by_reason = {r: n for r, n in by_reason.items() if not r.startswith("application listed")}
    by_reason["application listed before, and the row that is kept names no firm"] = int(
        hidden.shared.nunique().to_pandas()
    )
    abroad = joint.filter(~_.domestic, _.reason == COUNTED).count().to_pandas()
    by_reason["filed at an office that counts as overseas"] = int(abroad)
    counted = by_reason.pop(COUNTED, 0)
    unsure = [*_unsure(credits, who)]
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
    said += _halved("patents", "overseas applications", _rows(abroad))
    for name, table in events.items():
        found = table.filter(_.outcome).group_by("reason").agg(rows=_.rows.sum()).to_pandas()
        said += _halved(name, WHAT[name], _by_reason(found))
    said += _without(panel, sample, who, events)
    outcomes = [c for c in map(str, panel) if c.startswith("patents_joint") or c in MEDIATORS]
    flags = [c for c in ("advantaged",) if c in panel]
    said += [f"{c} is zero in every row" for c in (*outcomes, *flags) if not panel[c].any()]
    mediators = [c for c in MEDIATORS if c in panel]
    yearly = panel.groupby("year")[["patents_joint", *mediators]].sum()
    said += [
        f"{c} is zero in {', '.join(map(str, zero))}: look for a year that is missing"
        for c in yearly
        if 0 < len(zero := yearly.index[yearly[c] == 0]) < len(yearly)
    ]
    return [*said, *_gaps(panel, yearly)]


def _rows(events: ir.Table) -> dict[str, int]:
    """Rows by reason."""
    return _by_reason(events.group_by("reason").agg(rows=_.count()).to_pandas())


def _by_reason(rows: pd.DataFrame) -> dict[str, int]:
    return dict(sorted((str(r), int(n)) for r, n in rows[["reason", "rows"]].to_numpy()))


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


def _halved(name: str, what: str, rows: dict[str, int]) -> list[str]:
    """Reasons that drop as many events of an outcome as are counted."""
    counted = rows.pop(COUNTED, 0)
    return [
        f"{name}: {n:,} {what} are dropped and {counted:,} are counted ({reason})"
        for reason, n in rows.items()
        if n >= counted / (2 if reason.endswith("other content") else 1)
        and not reason.endswith(" listed before")
    ]


def _without(
    panel: pd.DataFrame, sample: pd.Series, who: Applicants, events: Mapping[str, ir.Table]
) -> Iterator[str]:
    """Universities that a table leaves out, maybe since it has them under another name."""
    has = set(panel["university"])
    named = {"application": (who.people.semi_join(who.named, "who"), "applicant_names")}
    named |= {n[:-1]: (t.filter(_.reason == COUNTED), n) for n, t in events.items()}
    if lost := sorted(set(sample) - has):
        yield f"universities: grades give no cell to {_list(lost)}: look for its name in grades"
    for what, (rows, column) in named.items():
        found = rows.select("university").distinct().to_pandas()["university"]
        if lost := sorted(has - set(found)):
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


def _unsure(credits: ir.Table, who: Applicants) -> Iterable[tuple[str, int, str]]:
    """What would make more joint patents: the condition, how many, and the names it is about."""
    first = credits.filter(_.domestic, _.repetition == 0)
    named = who.named.filter(_.repetition == 0)
    counted = first.filter(_.reason == COUNTED, ~_.firm)
    here = named.semi_join(first, ROW).select("who").distinct()
    firms = who.people.filter(_.kind == FIRM).semi_join(here, "who")
    brands = firms.select(brand=_.name.re_replace(LEGAL_FORM, "")).distinct()
    stems = who.people.filter(_.kind == "person").semi_join(brands, [("name", "brand")])
    likely = who.people.filter(_.kind == "other").union(stems)
    yield _most("these are firms", named.semi_join(counted, ROW), likely)
    lost = first.filter(_.reason == NO_UNIVERSITY, _.firm)
    sample = who.people.filter(_.kind == OURS).semi_join(here, "who").select(whole=_.name)
    others = who.people.filter(_.kind == "university")
    parts = others.inner_join(sample, others.name.contains(sample.whole)).select(*others.columns)
    # In Latin letters or traditional characters.
    foreign = others.filter(~_.name.re_search(r"\p{Han}") | _.name.contains("學"))
    likely = foreign.union(parts).distinct()
    yield _most("these are universities of the sample", named.semi_join(lost, ROW), likely)


def _most(condition: str, named: ir.Table, likely: ir.Table) -> tuple[str, int, str]:
    """How many patents name who is `likely` meant, and whom most often."""
    found = named.semi_join(likely, "who").select(ROW, "who").distinct()
    each = found.group_by("who").agg(patents=_.count()).inner_join(likely, "who")
    most = each.order_by(ibis.desc("patents"), "name").limit(5).to_pandas()
    names = ", ".join(f"{name!r} ({n:,})" for name, n in most[["name", "patents"]].to_numpy())
    return condition, int(found[ROW].nunique().to_pandas()), names
