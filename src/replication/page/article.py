"""The coded context article as tables and annotations, and what the panel's years can say."""

import math
from collections.abc import Mapping

import pandas as pd

from replication.config import ROOT
from replication.exhibit.tables import Table, plain
from replication.records.article import Context, Driver, load_context, load_timeline
from replication.records.registry import load_register

VERDICTS = {
    "simulated": ROOT / "results" / "03_heterogeneity" / "tab-claims.csv",
    "open": ROOT / "results" / "05_real_universities" / "tab-open-claims.csv",
}
"""Committed verdicts on the claims, by source."""

NONE = "–"


# Tables -------------------------------------------------------------------------------------------


def matrix(context: Context) -> Table:
    """Drivers by cases: whether a case's measures were filed there by the article or by us."""
    rows = {
        d.en: {c.short: _placed(context, d.id, c.id) for c in context.case} for d in context.driver
    }
    return plain(pd.DataFrame(rows).T.rename_axis("driver"), words=True)


def _placed(context: Context, driver: str, case: str) -> str:
    ways = [m.placed for m in context.measure if (m.driver, m.case) == (driver, case)]
    if not ways:
        return NONE
    return "named" if "named" in ways else "by us"


def unnamed(context: Context) -> int:
    """How many drivers no case shows under a name of the article's own."""
    named = {m.driver for m in context.measure if m.placed == "named"}
    return sum(d.id not in named for d in context.driver)


def links(context: Context) -> Table:
    """Each driver's evidence, the claims and columns of the panel it touches, or the gap."""
    rows = {
        d.en: {
            "Evidence": ", ".join(d.evidence),
            "Claims": ", ".join(d.claims) or NONE,
            "Columns of the panel": ", ".join(d.variables) or "none",
        }
        for d in context.driver
    }
    return plain(pd.DataFrame(rows).T.rename_axis("driver"), words=True)


def windows(panel: pd.DataFrame, timeline: pd.DataFrame, label: str = "ChatGPT") -> pd.DataFrame:
    """Months after an event that the study's years hold, for each choice of years (R1).

    Parameters
    ----------
    panel : DataFrame
        Its years must be those of the register's default.
    timeline : DataFrame
        As of `context.load_timeline`.
    label : str
        Label of the event.

    Returns
    -------
    DataFrame
        Indexed by ``years``: ``months`` in all and ``after``, whole months from the event on.
    """
    since = pd.Timestamp(str(timeline.set_index("label").loc[label, "date"]))
    # The first of a month begins a whole one.
    first_whole = (since - pd.Timedelta(days=1) + pd.offsets.MonthBegin(1)).to_period("M")
    choice = load_register().set_index("id").loc["R1"]
    rows = {}
    for years in [choice["choice"], *choice["alternatives"]]:
        first, last = (int(year) for year in str(years).split("–"))
        months = pd.period_range(f"{first}-01", f"{last}-12", freq="M")
        rows[years] = {"months": len(months), "after": int((months >= first_whole).sum())}
    drawn = f"{panel['year'].min()}–{panel['year'].max()}"
    if drawn != choice["choice"]:
        raise ValueError(f"the panel has {drawn}, the register's default is {choice['choice']}")
    return pd.DataFrame(rows).T.rename_axis("years")


def smallest_visible(std_error: float, df: float, share: float, power: float = 0.8) -> float:
    """Effect, present in a share of a year only, that a two-sided test at 5 % sees with `power`.

    Parameters
    ----------
    std_error : float
        Of the year's coefficient, on the log of the mean.
    df : float
        Degrees of freedom of its t distribution.
    share : float
        Part of the year in which the effect is there, in (0, 1].

    Returns
    -------
    float
        On the log of the mean: the year's mean rises by the factor ``1 + share (exp(b) − 1)``.
    """
    from scipy import stats

    needed = (stats.t.ppf(0.975, df) + stats.t.ppf(power, df)) * std_error
    return math.log1p(math.expm1(needed) / share)


# Text of the annotations --------------------------------------------------------------------------


def drivers_markdown(context: Context | None = None) -> str:
    """Each driver: what the article says and shows, with our annotation in the margin."""
    context = context or load_context()
    verdicts = _verdicts()
    parts = []
    for environment in context.environment:
        parts.append(f"### The {environment.en} environment {environment.zh}\n")
        for driver in context.driver:
            if driver.environment == environment.id:
                parts += _annotated(context, driver, verdicts)
    return "\n".join(parts)


def _annotated(context: Context, driver: Driver, verdicts: Mapping[str, list[str]]) -> list[str]:
    """One driver in the text, and our annotation in the margin."""
    judged = [f"{claim} on {said}" for claim in driver.claims for said in verdicts.get(claim, [])]
    measured = ", ".join(f"`{v}`" for v in driver.variables)
    annotation = [
        f"*Claims.* {driver.short}",
        f"*Evidence.* {_evidence(context, driver)}.",
        f"*Would test it.* {driver.would_test}",
        f"*Measured by.* {measured or 'No column of the panel.'}",
        f"*Data say.* {driver.data_say}",
    ]
    if judged:
        annotation.append(
            f"*The design of the claims.* {'; '.join(judged)}. It says nothing about the driver."
        )
    examples = [
        f"Its example: {e.en}."
        if e.section == driver.section
        else f"From section {e.section}, placed here by us: {e.en}."
        for e in context.example
        if e.driver == driver.id
    ]
    name = f"{driver.en[0].upper()}{driver.en[1:]}"
    # The margin comes first, so that it stands beside the paragraphs it belongs to.
    return [
        ":::::{div} driver",
        "::::{margin}",
        f"**{name}**",
        *[f": {line}" for line in annotation],
        "::::",
        "",
        f"(driver-{driver.id})=",
        f"**{name} {driver.zh}** (section {driver.section}).",
        " ".join([driver.claim_en, *examples]),
        "",
        driver.claim_zh,
        ":::::",
        "",
    ]


def _evidence(context: Context, driver: Driver) -> str:
    """Kinds of evidence, and the cases with whether the article or we file them there."""
    shown = [
        f"{case.short}, by our placement" if placed == "by us" else case.short
        for case in context.case
        if (placed := _placed(context, driver.id, case.id)) != NONE
    ]
    words = ", ".join(driver.evidence) + (f" ({'; '.join(shown)})" if shown else "")
    return f"{words[0].upper()}{words[1:]}"


def _verdicts() -> dict[str, list[str]]:
    """Committed verdicts by claim, each with its source."""
    found: dict[str, list[str]] = {}
    for source, path in VERDICTS.items():
        if path.is_file():
            table = pd.read_csv(path)
            for claim, verdict in zip(table["claim"], table["verdict"], strict=True):
                found.setdefault(claim, []).append(f"{source} data: {verdict}")
    return found


def measures_markdown(context: Context | None = None) -> str:
    """The cases with their measures: one table a case."""
    context = context or load_context()
    names = context.driver_names()
    parts = []
    for case in context.case:
        parts += [f"**{case.en}** {case.zh}\n", "| section | measure | driver | placed |"]
        parts += ["|---|---|---|---|"]
        parts += [
            f"| {m.section} | {m.en}. {m.zh}。 | [{names[m.driver]}](#driver-{m.driver}) "
            f"| {m.placed} |"
            for m in context.measure
            if m.case == case.id
        ]
        parts.append("")
    return "\n".join(parts)


def recommendations_markdown(context: Context | None = None) -> str:
    """Six pieces of advice for three actors."""
    context = context or load_context()
    names = context.driver_names()
    rows = ["| actor | section | advice | drivers (ours) |", "|---|---|---|---|"]
    rows += [
        f"| {r.actor} {r.actor_zh} | {r.section} | *{r.short}*: {r.en} {r.zh} "
        f"| {', '.join(names[d] for d in r.drivers)} |"
        for r in context.recommendation
    ]
    return "\n".join(rows)


def timeline_markdown(events: pd.DataFrame | None = None) -> str:
    """Events with date, source and what each means for the event study."""
    events = load_timeline() if events is None else events
    rows = ["| date | event | what it means here | source |", "|---|---|---|---|"]
    rows += [
        f"| {e['date']:%Y-%m-%d} | {e['en']}. {e['zh']}。 ({e['kind']}) | {e['matters']} "
        f"| {{cite:p}}`{e['cite']}` |"
        for e in events.to_dict("records")
    ]
    return "\n".join(rows)
