"""Tables and figures of the Monte Carlo studies."""

from dataclasses import replace

import pandas as pd

from replication.estimate.fit import Estimate
from replication.exhibit import theme
from replication.exhibit.figures import Mark, forest
from replication.exhibit.tables import WORDS, Table, plain
from replication.exhibit.theme import Figure
from replication.montecarlo.repeat import ESTIMATORS

HEADS = {
    "target": "target",
    "bias": "bias",
    "spread": "SD of estimates",
    "std_error": "mean SE",
    "coverage": "coverage",
    "coverage_of_mean": "coverage of effect on mean",
    "size": "size",
    "power": "power",
    "type_s": "type S",
    "type_m": "type M",
}
"""Columns of a result by estimator that are printed, and their heads."""


def estimators_table(frame: pd.DataFrame) -> Table:
    """Print the columns of a result by estimator that are in `HEADS`; its data keep all of them."""
    shown = frame[[column for column in HEADS if column in frame]].rename(columns=HEADS)
    shown.index = pd.Index([", ".join(map(str, label)) for label in frame.index])
    return replace(plain(shown, digits=3), data=frame.reset_index())


def power_figure(table: pd.DataFrame, by: str, label: str, mark: float | None = None) -> Figure:
    """Power of each estimator against `by`.

    Parameters
    ----------
    table : DataFrame
        Of `power_by_effect` or `power_by_universities`.
    by, label : str
        Column of the horizontal axis and its name.
    mark : float, optional
        Where the study stands.
    """
    lines = {
        f"{design}, {model}": table[(table["design"] == design) & (table["model"] == model)]
        for design, model in ESTIMATORS
    }
    ticks = sorted(table[by].unique())
    with theme.axes(3.8) as axes:
        axes.axhline(0.8, **theme.GOAL)
        axes.axhline(0.05, **theme.LEVEL)
        if mark is not None:
            axes.axvline(mark, **theme.CUT)
        for i, (name, line) in enumerate(lines.items()):
            axes.errorbar(
                line[by],
                line["power"],
                yerr=theme.whiskers(line, "power"),
                marker=theme.MARKERS[i],
                linestyle=theme.DASHES[i],
                label=name,
                **theme.SERIES,
            )
        if by == "universities":
            axes.set_xscale("log", base=2)
        axes.set_xticks(ticks, [f"{v:g}" for v in ticks])
        axes.minorticks_off()
        axes.set(xlabel=label, ylabel="share of studies that reject zero", ylim=(-0.02, 1.05))
        axes.legend(loc="lower right")
    words = [
        f"{name}: " + ", ".join(f"{p:.2f} at {v:g}" for v, p in zip(r[by], r["power"], strict=True))
        for name, r in lines.items()
    ]
    alt = (
        f"Line chart of the share of studies that reject zero against {label}. {'; '.join(words)}."
    )
    return theme.drawn(axes, table, alt)


def shares_figure(shares: Estimate, targets: pd.DataFrame) -> Figure:
    """Forest plot of the shares of a decomposition, what it aims at, and what is planted.

    Parameters
    ----------
    shares : Estimate
        `Decomposition.shares`.
    targets : DataFrame
        As of `accounted`.
    """
    data = shares.frame[["estimate", "std_error", "lower", "upper"]]
    data = data.join(targets[["counts", "intensity", "planted"]]).rename_axis("mediator")
    data = data.rename(index=WORDS).reset_index()
    marks = {
        "counts": Mark("s", "its average over draws", "on average"),
        "intensity": Mark(
            "^", "its average, nothing measured with error", "without measurement error"
        ),
        "planted": Mark("D", "planted share", "planted"),
    }
    return forest(
        data,
        "share of the total",
        marks=marks,
        label="decomposition, 95 %",
        said="Shares of the total by mediator",
        height=3.2,
        legend_at=0.4,
    )
