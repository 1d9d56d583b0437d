"""Figures of robustness: trends that part, variables that are left out, rows that are."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns

from replication.errors import DesignError, SuppressedError
from replication.estimate.robustness.confounding import Sensitivity
from replication.exhibit import theme
from replication.exhibit.tables import Table, in_words, plain
from replication.exhibit.theme import Figure
from replication.records import small_cells
from replication.records.checks import require_columns
from replication.records.schema import PANEL

SAID = {
    "smoothness": "change of the slope of the difference in trends, a period",
    "relative magnitudes": "M̄: largest change after treatment, in those before it",
}


def bounds_figure(bounds: Mapping[str, pd.DataFrame]) -> Figure:
    """Intervals against how far trends may part, a design a group.

    Parameters
    ----------
    bounds : mapping of str to DataFrame
        Of `parallel_trends.honest_bounds`, by design, all under one restriction.

    Examples
    --------
    >>> panel = rp.load_panel()
    >>> study = rp.event_study(panel, model="ppml")
    >>> figure = rp.robustness.bounds_figure({"DID": rp.honest_bounds(study, m=[0.5])})
    >>> len(figure.data)
    2
    """
    data = pd.concat(dict(bounds), names=["design"]).reset_index(level=0).reset_index(drop=True)
    kinds = set(data["restriction"]) - {"parallel trends"}
    if len(kinds) > 1:
        raise DesignError(f"one figure is of one restriction, not of {', '.join(sorted(kinds))}")
    sizes = sorted(data["m"].unique())
    with theme.axes(3.4) as axes:
        axes.axhline(0, **theme.ZERO)
        for i, (name, d) in enumerate(data.groupby("design", sort=False)):
            at = np.searchsorted(sizes, d["m"]) + 0.18 * (i - (len(bounds) - 1) / 2)
            middle = (d["lower"] + d["upper"]) / 2
            axes.errorbar(
                at,
                middle,
                yerr=(d["upper"] - d["lower"]) / 2,
                fmt="none",
                capsize=4,
                color=sns.color_palette()[i],
                label=str(name),
            )
        axes.set_xticks(range(len(sizes)), ["none"] + [f"{m:g}" for m in sizes[1:]])
        axes.set(
            xlabel=SAID[min(kinds)] if kinds else "",
            ylabel="average effect of one SD, 95 %",
        )
        axes.legend(loc="upper left")
    words = [
        f"{name}: "
        + ", ".join(f"{r.lower:.2f} to {r.upper:.2f} at {r.m:g}" for r in d.itertuples())
        for name, d in data.groupby("design", sort=False)
    ]
    alt = f"Intervals that widen as trends may part further. {'; '.join(words)}."
    return theme.drawn(axes, data, alt)


def power_table(powers: Mapping[str, pd.DataFrame]) -> Table:
    """Slopes that pre-tests detect, and what they would leave, a row a design and power.

    Examples
    --------
    >>> panel = rp.load_panel()
    >>> powers = {"DID": rp.pretrend_power(rp.event_study(panel, model="ppml"))}
    >>> rp.robustness.power_table(powers).data.columns.to_list()
    ['design', 'power', 'slope', 'bias', 'bias_passing']
    """
    data = pd.concat(dict(powers), names=["design"]).reset_index()
    shown = data.rename(
        columns={
            "power": "detected with",
            "slope": "slope a year",
            "bias": "bias of the average effect",
            "bias_passing": "bias where the test is passed",
        }
    ).set_index("design")
    printed = plain(shown, digits=3, formats={"detected with": "{:.0%}"})
    return replace(printed, data=data)


def co_treatment_table(moved: pd.DataFrame) -> Table:
    """Aims of designs and what policies change of them, of `montecarlo.co_treatment`."""
    heads = {"aim": "aim", "follows": "policy follows exposure", "list": "policy has a list"}
    require_columns(moved, list(heads), "the table of other policies")
    return replace(plain(moved.rename(columns=heads), digits=3), data=moved.reset_index())


def contour_figure(found: Sensitivity, limits: tuple[float, float] | None = None) -> Figure:
    """Estimate that is left, by how strong an omitted variable is.

    Parameters
    ----------
    found : Sensitivity
        Its bounds are marked.
    limits : tuple of float, optional
        Ends of both axes: largest partial R² with the treatment and with the outcome; so far
        that what is marked and the contour of zero at the ceiling are shown, if not given.

    Examples
    --------
    >>> panel = rp.load_panel()
    >>> found = rp.sensitivity(panel, scale="log1p", controls=rp.CONTROLS)
    >>> figure = rp.robustness.contour_figure(found)
    >>> len(figure.data)
    11
    """
    known = found.bounds.dropna(subset=["r2_treatment", "r2_outcome"])
    known = known.assign(benchmark=[_title(str(b)) for b in known["benchmark"]])
    most = np.array([known[c].max() if len(known) else 0.0 for c in ("r2_treatment", "r2_outcome")])
    width, height = limits or (
        float(np.nanmax([3 * most[0], 1.1 * found.treatment_needed(found.ceiling), 0.05])),
        float(np.nanmax([1.3 * most[1], 1.2 * found.ceiling, 0.01])),
    )
    x, y = np.linspace(0, min(width, 0.95), 200), np.linspace(0, min(height, 1.0), 200)
    left = found.adjusted(x[None, :], y[:, None])
    with theme.axes(3.8) as axes:
        lines = axes.contour(x, y, left, levels=8, colors=theme.LINE, linewidths=0.8)
        axes.clabel(lines, fmt="%.2f", fontsize=8)
        if left.min() < 0 < left.max():
            axes.contour(x, y, left, levels=[0.0], colors=theme.INK, linewidths=1.6)
        if np.isfinite(found.ceiling):
            axes.axhline(
                found.ceiling, label="most that one number a cluster can explain", **theme.LEVEL
            )
        for i, (name, d) in enumerate(known.groupby("benchmark", sort=False)):
            axes.plot(
                d["r2_treatment"], d["r2_outcome"], theme.MARKERS[i % 4], label=name, markersize=5
            )
        axes.set(
            xlabel="partial R² of the omitted variable with exposure × post",
            ylabel="partial R² with the outcome",
            xlim=(0, x[-1]),
            ylim=(0, y[-1]),
        )
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.22), ncols=2)
    rows = [
        {"what": "estimate", "adjusted": found.estimate},
        {"what": "ceiling", "r2_outcome": found.ceiling},
    ]
    marked = known.rename(columns={"benchmark": "what"})
    data = pd.concat([pd.DataFrame(rows), marked], ignore_index=True)
    words = [
        f"{r.what} times {r.strength:g}: {r.adjusted:.3f}" for r in marked.itertuples(index=False)
    ]
    alt = (
        f"Contours of the estimate, {found.estimate:.3f}, less the bias of an omitted variable, "
        f"against its partial R². A robustness value of {found.robustness_value():.3f} brings it "
        f"to zero. {'; '.join(words)}."
    )
    return theme.drawn(axes, data, alt)


def _title(column: str) -> str:
    return PANEL.columns[column].title if column in PANEL.columns else in_words(column)


def left_out_figure(
    tables: Mapping[str, pd.DataFrame], panels: Sequence[str] | None = None
) -> Figure:
    """Estimates without each value of a column, a panel a column, the whole as a line.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Of `leave_out.leave_one_out`, by design, all by the same columns.
    panels : sequence of str, optional
        Columns to show; all of them if not given. One of which every estimate is suppressed has no
        panel.

    Raises
    ------
    SuppressedError
        If none is left.

    Examples
    --------
    >>> panel = rp.load_panel()
    >>> figure = rp.robustness.left_out_figure({"DID": rp.leave_one_out(panel, by=["year"])})
    >>> len(figure.data)
    13
    """
    data = pd.concat(dict(tables), names=["design"]).reset_index(level=0).reset_index(drop=True)
    require_columns(data, ["by", "left_out", "estimate"], "the figure of what is left out")
    of_one = data[data["by"] != ""]
    unknown = of_one.groupby("by", sort=False)["estimate"].count() == 0
    hidden = set(unknown.index[unknown])
    if not (shown := [by for by in panels or unknown.index if by not in hidden]):
        raise SuppressedError("suppressed: every estimate would show what one university did")
    with theme.panels(3.6, len(shown)) as every:
        for axes, by in zip(every, shown, strict=True):
            for i, (name, d) in enumerate(data.groupby("design", sort=False)):
                whole = float(d.loc[d["by"] == "", "estimate"].iloc[0])
                some = d[d["by"] == by].sort_values("estimate")
                style: dict[str, Any] = {"color": sns.color_palette()[i]}
                axes.axhline(whole, linewidth=0.9, **style)
                axes.plot(
                    np.linspace(0, 1, len(some)),
                    some["estimate"],
                    theme.MARKERS[i % 4],
                    markersize=3.5,
                    label=str(name),
                    **style,
                )
            axes.axhline(0, **theme.ZERO)
            axes.set(xlabel=f"without one {in_words(by)}", xticks=[])
        every[0].set_ylabel("effect of one SD of exposure")
        every[-1].legend(loc="best")
    words = []
    for which, d in of_one.groupby(["design", "by"], sort=False):
        known = d.dropna(subset="estimate").sort_values("estimate")
        if known.empty:
            words.append(f"{in_words(' by '.join(map(str, which)))}: suppressed")
            continue
        ends = known.iloc[[0, -1]]
        low, high = (f"{r.estimate:.3f} without {r.left_out}" for r in ends.itertuples())
        words.append(f"{in_words(' by '.join(map(str, which)))}: {low} to {high}")
    alt = f"Estimates without one value at a time. {'; '.join(words)}."
    small = data["left_out"] == small_cells.MARK
    if small.any():
        data["estimate"] = small_cells.marked(data["estimate"], small)
    return theme.drawn(every[0], data, alt)
