"""Tables and figures of the coded context article, and what the panel's years can say of it."""

import datetime as dt
from collections.abc import Mapping

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Curve

from replication.errors import RegistryError
from replication.exhibit import theme
from replication.exhibit.tables import Table, in_words, plain
from replication.exhibit.theme import Figure
from replication.montecarlo.power import smallest_visible
from replication.records.article import ACTORS, Context, load_context, load_timeline
from replication.records.classify import load_ai
from replication.records.registry import load_register

__all__ = [
    "flow",
    "load_ai",
    "load_context",
    "load_timeline",
    "matrix",
    "smallest_visible",
    "timeline",
    "unnamed",
    "windows",
]

NONE = "–"

PLACED = ("named", "by us")
"""Whether the article files a measure under its driver, or we do."""

Point = tuple[float, float]

# Tables -------------------------------------------------------------------------------------------


def matrix(context: Context) -> Table:
    """Drivers by cases, evidence and what could measure them, with the gaps.

    A case's entry says whether its measures were filed under the driver by the article or by us,
    and how many there are.
    """
    rows = {}
    for driver in context.driver:
        row = {case.short: _measures(context, driver.id, case.id) for case in context.case}
        row["Evidence"] = ", ".join(driver.evidence)
        row["Claims"] = ", ".join(driver.claims) or NONE
        row["Columns of the panel"] = "; ".join(map(in_words, driver.variables)) or NONE
        rows[driver.en] = row
    return plain(pd.DataFrame(rows).T.rename_axis("driver"), words=True)


def _measures(context: Context, driver: str, case: str) -> str:
    """How a case shows a driver, and with how many measures of each kind."""
    own = [m.placed for m in context.measure if (m.driver, m.case) == (driver, case)]
    return ", ".join(f"{how} ({own.count(how)})" for how in PLACED if how in own) or NONE


def unnamed(context: Context) -> int:
    """How many drivers no case shows under a name of the article's own."""
    named = {m.driver for m in context.measure if m.placed == "named"}
    return sum(d.id not in named for d in context.driver)


def windows(panel: pd.DataFrame, events: pd.DataFrame, label: str = "ChatGPT") -> pd.DataFrame:
    """Months after an event that the study's years hold, for each choice of years (R1).

    Parameters
    ----------
    panel : DataFrame
        Its years must be those of the register's default.
    events : DataFrame
        As of `load_timeline`.
    label : str
        Label of the event.

    Returns
    -------
    DataFrame
        Indexed by ``years``: ``months`` in all and ``after``, whole months from the event on.

    Raises
    ------
    RegistryError
        If the panel has other years.
    """
    since = pd.Timestamp(str(events.set_index("label").loc[label, "date"]))
    # The first of a month begins a whole one.
    first_whole = (since - pd.Timedelta(days=1) + pd.offsets.MonthBegin(1)).to_period("M")
    choice = load_register().set_index("id").loc["R1"]
    rows = {}
    for years in [choice["choice"], *choice["alternatives"]]:
        first, last = (int(year) for year in str(years).split("–"))
        months = pd.period_range(f"{first}-01", f"{last}-12", freq="M")
        rows[years] = {"months": len(months), "after": int((months >= first_whole).sum())}
    held = f"{panel['year'].min()}–{panel['year'].max()}"
    if held != choice["choice"]:
        raise RegistryError(
            f"the panel has {held}, the register's default is {choice['choice']}: load the "
            "default panel"
        )
    return pd.DataFrame(rows).T.rename_axis("years")


# Figures ------------------------------------------------------------------------------------------


def flow(context: Context) -> Figure:
    """From drivers through recommendations to actors, each link a band of one width."""
    links = [(d, r) for r in context.recommendation for d in r.drivers]
    data = pd.DataFrame(
        [(context.driver_names()[d], r.id, r.short, r.actor) for d, r in links],
        columns=["driver", "recommendation", "advice", "actor"],
    )
    ids = [d.id for d in context.driver]
    advice = [r.id for r in context.recommendation]
    weight = {r.id: len(r.drivers) for r in context.recommendation}
    left = _stack({d: sum(one == d for one, _ in links) for d in ids})
    middle = _stack(weight)
    right = _stack(
        {a: sum(weight[r.id] for r in context.recommendation if r.actor == a) for a in ACTORS}
    )
    actor = {r.id: r.actor for r in context.recommendation}
    with theme.axes(5.2) as axes:
        colours = dict(zip(ACTORS, sns.color_palette(), strict=False))
        done: dict[str, float] = dict.fromkeys([*ids, *advice, *ACTORS], 0.0)
        # From above to below on both sides, so that bands cross no more than they must.
        for d, one in sorted(
            links, key=lambda link: (advice.index(link[1].id), ids.index(link[0]))
        ):
            start, end = left[d][1] - done[d], middle[one.id][1] - done[one.id]
            _band(axes, (0.345, start), (0.48, end), 1, colours[one.actor])
            done[d], done[one.id] = done[d] + 1, done[one.id] + 1
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
    return theme.drawn(axes, data, alt)


def _stack(sizes: Mapping[str, int], height: float = 21.0) -> dict[str, Point]:
    """Bottom and top of boxes under each other, the gaps filling `height`."""
    gap = (height - sum(sizes.values())) / max(len(sizes) - 1, 1)
    tops = -np.concatenate([[0], np.cumsum([n + gap for n in sizes.values()])[:-1]])
    return {k: (float(t - n), float(t)) for (k, n), t in zip(sizes.items(), tops, strict=True)}


def _band(axes: Axes, start: Point, end: Point, width: float, colour: object) -> None:
    """A curved band from the right side of one box to the left side of another, by their tops."""
    (x0, y0), (x1, y1) = start, end
    half = (x0 + x1) / 2
    points = [(x0, y0), (half, y0), (half, y1), (x1, y1)]
    points += [(x1, y1 - width), (half, y1 - width), (half, y0 - width), (x0, y0 - width), (x0, y0)]
    codes = [Curve.MOVETO, *[Curve.CURVE4] * 3, Curve.LINETO, *[Curve.CURVE4] * 3, Curve.CLOSEPOLY]
    axes.add_patch(PathPatch(Curve(points, codes), facecolor=colour, alpha=0.45, linewidth=0))


def _boxes(
    axes: Axes,
    places: Mapping[str, Point],
    span: Point,
    names: Mapping[str, str],
    align: str = "center",
) -> None:
    """Boxes with their names: in them, or to the left of them."""
    for key, (bottom, top) in places.items():
        axes.fill_between(span, bottom, top, color=theme.WASH if align == "center" else theme.LINE)
        x = sum(span) / 2 if align == "center" else span[0] - 0.01
        axes.text(x, (bottom + top) / 2, names[key], ha=align, va="center", fontsize=8.5)


def timeline(events: pd.DataFrame, panel: pd.DataFrame) -> Figure:
    """Events by date beside the years of the panel and its first treated year."""
    first, last = int(panel["year"].min()), int(panel["year"].max())
    treated = int(panel.loc[panel["post"] == 1, "year"].min())
    data = events[["date", "kind", "label", "cite"]].assign(date=events["date"].dt.date.astype(str))
    places = events.assign(place=range(len(events)), day=mdates.date2num(events["date"]))
    start = _day(int(events["date"].dt.year.min()))
    with theme.axes(1.2 + 0.27 * len(events)) as axes:
        axes.axvspan(_day(first), _day(last + 1), color=theme.WASH, zorder=0)
        axes.axvline(_day(treated), **theme.CUT)
        axes.hlines(
            places["place"], start, places["day"], color=theme.PALE, linewidth=0.8, zorder=1
        )
        sns.scatterplot(places, x="day", y="place", hue="kind", style="kind", s=55, ax=axes)
        axes.set(xlabel="", ylabel="", yticks=range(len(events)), yticklabels=events["label"])
        axes.set(xlim=(start, places["day"].max() + 120), ylim=(len(events) - 0.4, -0.6))
        axes.xaxis.set_major_locator(mdates.YearLocator())
        axes.xaxis.set_major_formatter(mdates.DateFormatter("%Y"))
        axes.grid(visible=False, axis="y")
        axes.legend(title="", loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=2)
    said = [f"{e['label']} {e['date']} ({e['kind']})" for e in data.to_dict("records")]
    alt = (
        f"Timeline of {len(data)} events: {'; '.join(said)}. The panel ends with {last}; its first "
        f"treated year is {treated}."
    )
    return theme.drawn(axes, data, alt)


def _day(year: int) -> float:
    """First of January as matplotlib counts days."""
    return float(mdates.date2num(dt.datetime(year, 1, 1)))
