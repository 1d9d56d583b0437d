"""The coded context article as tables, figures and annotations, and what the years can say."""

import datetime as dt
import math
from collections.abc import Mapping

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Curve

from replication.context import ACTORS, Context, Driver, load_context, load_timeline
from replication.figures import Figure, _figure, _theme
from replication.paths import ROOT
from replication.register import load_register
from replication.tables import Table, plain

VERDICTS = {
    "simulated": ROOT / "results" / "03_heterogeneity" / "tab-claims.csv",
    "open": ROOT / "results" / "A4_open_data" / "tab-open-claims.csv",
}
"""Committed verdicts on the claims, by source."""

NONE = "–"


# Tables -------------------------------------------------------------------------------------------


def matrix(context: Context) -> Table:
    """Drivers by cases: whether a case's measures were filed there by the article or by us."""
    rows = {
        d.en: {c.short: _placed(context, d.id, c.id) for c in context.case} for d in context.driver
    }
    return plain(pd.DataFrame(rows).T.rename_axis("driver"))


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
    return plain(pd.DataFrame(rows).T.rename_axis("driver"))


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


# Figures ------------------------------------------------------------------------------------------


def flow(context: Context) -> Figure:
    """From drivers through recommendations to actors, each link a band of one width."""
    links_ = [(d, r.id) for r in context.recommendation for d in r.drivers]
    data = pd.DataFrame(
        [
            (context.driver_names()[d], r.id, r.short, r.actor)
            for r in context.recommendation
            for d in r.drivers
        ],
        columns=["driver", "recommendation", "advice", "actor"],
    )
    ids = [d.id for d in context.driver]
    advice = [r.id for r in context.recommendation]
    weight = {r.id: len(r.drivers) for r in context.recommendation}
    left = _stack({d: sum(one == d for one, _ in links_) for d in ids})
    middle = _stack(weight)
    right = _stack(
        {a: sum(weight[r.id] for r in context.recommendation if r.actor == a) for a in ACTORS}
    )
    colours = dict(zip(ACTORS, sns.color_palette("colorblind"), strict=False))
    actor = {r.id: r.actor for r in context.recommendation}
    with _theme(5.2) as axes:
        done: dict[str, float] = dict.fromkeys([*ids, *advice, *ACTORS], 0.0)
        for r in advice:
            for d in [d for d in ids if (d, r) in links_]:
                _band(axes, (0.345, left[d][1] - done[d]), (0.48, middle[r][1] - done[r]), 1,
                      colours[actor[r]])  # fmt: skip
                done[d], done[r] = done[d] + 1, done[r] + 1
        for r in advice:
            a = actor[r]
            top = right[a][1] - done[a]
            _band(axes, (0.77, middle[r][1]), (0.86, top), weight[r], colours[a])
            done[a] += weight[r]
        _boxes(axes, left, (0.335, 0.345), context.driver_names(), "right")
        _boxes(axes, middle, (0.48, 0.77), {r.id: r.short for r in context.recommendation})
        _boxes(axes, right, (0.86, 1.0), {a: a for a in ACTORS})
        axes.set(xlim=(0, 1), ylim=(min(b for b, _ in left.values()) - 0.3, 0.3))
        axes.axis("off")
    words = [
        f"{r.short} ({r.actor}): {', '.join(context.driver_names()[d] for d in r.drivers)}"
        for r in context.recommendation
    ]
    alt = f"Flow from {len(ids)} drivers to {len(advice)} recommendations: {'; '.join(words)}."
    return _figure(axes, data, alt)


def _stack(sizes: Mapping[str, int], height: float = 21.0) -> dict[str, tuple[float, float]]:
    """Bottom and top of boxes under each other, the gaps filling `height`."""
    gap = (height - sum(sizes.values())) / max(len(sizes) - 1, 1)
    tops = -np.concatenate([[0], np.cumsum([n + gap for n in sizes.values()])[:-1]])
    return {k: (float(t - n), float(t)) for (k, n), t in zip(sizes.items(), tops, strict=True)}


def _band(
    axes: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    width: float,
    colour: object,
) -> None:
    (x0, y0), (x1, y1) = start, end
    half = (x0 + x1) / 2
    points = [(x0, y0), (half, y0), (half, y1), (x1, y1)]
    points += [(x1, y1 - width), (half, y1 - width), (half, y0 - width), (x0, y0 - width), (x0, y0)]
    codes = [Curve.MOVETO, *[Curve.CURVE4] * 3, Curve.LINETO, *[Curve.CURVE4] * 3, Curve.CLOSEPOLY]
    axes.add_patch(PathPatch(Curve(points, codes), facecolor=colour, alpha=0.45, linewidth=0))


def _boxes(
    axes: Axes,
    places: Mapping[str, tuple[float, float]],
    span: tuple[float, float],
    names: Mapping[str, str],
    align: str = "center",
) -> None:
    """Boxes with their names: in them, or to the left of them."""
    for key, (bottom, top) in places.items():
        axes.fill_between(span, bottom, top, color="0.93" if align == "center" else "0.35")
        x = sum(span) / 2 if align == "center" else span[0] - 0.01
        axes.text(x, (bottom + top) / 2, names[key], ha=align, va="center", fontsize=8.5)


def timeline(events: pd.DataFrame, panel: pd.DataFrame) -> Figure:
    """Events by date beside the years of the panel and its first treated year."""
    first, last = int(panel["year"].min()), int(panel["year"].max())
    treated = int(panel.loc[panel["post"] == 1, "year"].min())
    data = events[["date", "kind", "label", "cite"]].assign(date=events["date"].dt.date.astype(str))
    places = events.assign(place=range(len(events)), day=mdates.date2num(events["date"]))
    start = _day(int(events["date"].dt.year.min()))
    with _theme(1.2 + 0.27 * len(events)) as axes:
        axes.axvspan(_day(first), _day(last + 1), color="0.93", zorder=0)
        axes.axvline(_day(treated), color="0.35", linestyle=":", linewidth=1.2)
        axes.hlines(places["place"], start, places["day"], color="0.75", linewidth=0.8, zorder=1)
        sns.scatterplot(places, x="day", y="place", hue="kind", style="kind", s=55, ax=axes)
        axes.set(xlabel="", ylabel="", yticks=range(len(events)), yticklabels=events["label"])
        axes.set(xlim=(start, places["day"].max() + 120), ylim=(len(events) - 0.4, -0.6))
        axes.xaxis.set_major_locator(mdates.YearLocator())
        axes.xaxis.set_major_formatter(mdates.DateFormatter("%Y"))
        axes.grid(visible=False, axis="y")
        axes.legend(title="", frameon=False, loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=2)
    said = [f"{e['label']} {e['date']} ({e['kind']})" for e in data.to_dict("records")]
    alt = (
        f"Timeline of {len(data)} events: {'; '.join(said)}. The panel ends with {last}; its first "
        f"treated year is {treated}."
    )
    return _figure(axes, data, alt)


def _day(year: int) -> float:
    """First of January as matplotlib counts days."""
    return float(mdates.date2num(dt.datetime(year, 1, 1)))


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
        f"| {r.actor} {r.actor_zh} | {r.section} | {r.en} {r.zh} "
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
