"""What empties or halves an outcome is said aloud, and not only by a line of the sample flow."""

import warnings
from collections.abc import Iterable

import ibis.expr.types as ir
import pandas as pd
from ibis import _

from replication.errors import SchemaError
from replication.panel.applicants import FIRM, OURS
from replication.panel.patents import NO_UNIVERSITY
from replication.panel.reasons import COUNTED
from replication.records.variables import MEDIATORS

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
    panel: pd.DataFrame, flow: pd.DataFrame, credits: ir.Table, applicants: ir.Table
) -> list[str]:
    """A sentence for each loss; raises `SchemaError` if no joint patent is left."""
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
    for name in ("patents", "papers", "hires"):
        of = flow[flow["table"] == name]
        rows_of = {str(r): int(n) for r, n in zip(of["reason"], of["rows"], strict=True)}
        kept_rows = rows_of.pop(COUNTED, 0)
        said += [
            f"{name}: {n:,} rows are dropped and {kept_rows:,} are counted ({reason})"
            for reason, n in rows_of.items()
            # Patents are joint or not; only what repeats a number is told of all of them. A number
            # of two records drops half, and some of it as a plain repetition.
            if n >= kept_rows / (2 if reason.endswith("other content") else 1)
            and reason.endswith("other content" if name == "patents" else "")
            and not reason.endswith(" listed before")
        ]
    named = applicants.filter(_.kind == OURS).university.to_pandas()
    if unnamed := sorted(set(panel["university"]) - set(named)):
        said.append(
            f"universities: no application names {', '.join(unnamed[:5])} ({len(unnamed)} of "
            "the sample): complete applicant_names"
        )
    outcomes = [c for c in map(str, panel) if c.startswith("patents_joint") or c in MEDIATORS]
    said += [f"{c} is zero in every row" for c in outcomes if not panel[c].any()]
    yearly = panel.groupby("year")[["patents_joint", *MEDIATORS]].sum()
    return said + [
        f"{c} is zero in {', '.join(map(str, zero))}: look for a year that is missing"
        for c in yearly
        if 0 < len(zero := yearly.index[yearly[c] == 0]) < len(yearly)
    ]


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
