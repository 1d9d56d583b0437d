"""How every figure looks, and what a figure is: a drawing, its numbers, its alternative text."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, cast

import matplotlib as mpl
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

WIDTH = 7.0
"""Inches; the width of a journal's text block."""

DPI = 200
"""Pixels an inch: two for each of a page's column, as sharp screens show."""

PALETTE = "colorblind"
"""Colours of all series, in their order (seaborn's name, or a list): the one line to change."""

INK, LINE, PALE, WASH, GRID = "0.2", "0.35", "0.75", "0.93", "#e5e7eb"
"""What is known, lines of reference, lines that lead the eye, areas, the grid."""

MARKERS = "os^D"
DASHES = ("-", "-", "--", "--")

Style = dict[str, Any]
SERIES: Style = {"markersize": 4.5, "linewidth": 1.2}
ZERO: Style = {"color": LINE, "linewidth": 0.8}
LEVEL: Style = {"color": LINE, "linestyle": "--", "linewidth": 0.8}
GOAL: Style = {"color": "0.6", "linewidth": 0.8}
BAND: Style = {"color": PALE, "linewidth": 0.9, "zorder": 1}
CUT: Style = {"color": LINE, "linestyle": ":", "linewidth": 1.2}
TRUTH: Style = {"color": INK, "linestyle": "--", "linewidth": 1.4}
AIM: Style = {"color": INK, "markerfacecolor": "none", "markersize": 7}
"""Lines and marks by what they stand for; `CUT` is a date or a place on an axis."""


@dataclass(frozen=True)
class Figure:
    """A drawing, the numbers in it, and what it shows in words.

    Attributes
    ----------
    canvas : matplotlib Figure
    data : DataFrame
        What is drawn; this is written and checked.
    alt : str
        Alternative text, computed from `data`.
    """

    canvas: Canvas
    data: pd.DataFrame
    alt: str


@contextmanager
def axes(height: float) -> Iterator[Axes]:
    """One pair of axes, `height` inches tall: dark ink on white, for print and both modes."""
    with _grid(height) as (only,):
        yield only


def panels(height: float, number: int) -> AbstractContextManager[list[Axes]]:
    """Pairs of axes side by side that share their vertical axis, in the same style."""
    return _grid(height, ncols=number, sharey=True)


def stacked(height: float, ratios: tuple[float, ...]) -> AbstractContextManager[list[Axes]]:
    """Pairs of axes one below the other that share their horizontal axis, in the same style."""
    return _grid(height, nrows=len(ratios), sharex=True, height_ratios=ratios)


@contextmanager
def _grid(height: float, **subplots: Any) -> Iterator[list[Axes]]:
    style = {"font.family": "DejaVu Sans", "axes.grid": True, "grid.color": GRID}
    with (
        sns.axes_style("ticks", style),
        sns.plotting_context("paper", font_scale=1.1),
        mpl.rc_context({"figure.dpi": DPI, "savefig.dpi": DPI, "legend.frameon": False}),
        sns.color_palette(PALETTE),
    ):
        canvas = Canvas(figsize=(WIDTH, height), layout="constrained")
        yield list(canvas.subplots(squeeze=False, **subplots).ravel())
        sns.despine(fig=canvas)


def drawn(axes: Axes, data: pd.DataFrame, alt: str) -> Figure:
    """The figure of a pair of axes."""
    return Figure(cast(Canvas, axes.figure), data, alt)


def whiskers(data: pd.DataFrame, column: str = "estimate") -> list[pd.Series]:
    """Lengths of the interval from ``lower`` to ``upper`` on both sides of `column`."""
    return [data[column] - data["lower"], data["upper"] - data[column]]
