"""Figures of the coded context article: from drivers to actors, and the events by date."""

import datetime as dt
from collections.abc import Mapping

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Curve

from replication.exhibit.figures import Figure, _figure, _theme
from replication.records.article import ACTORS, Context


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
    colours = dict(zip(ACTORS, sns.color_palette("colorblind"), strict=False))
    actor = {r.id: r.actor for r in context.recommendation}
    with _theme(5.2) as axes:
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
