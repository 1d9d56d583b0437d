"""Figures and tables of the chapter that explains the design, on a few invented numbers."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import poisson

from replication.errors import DesignError
from replication.exhibit import theme
from replication.exhibit.figures import GROUPS
from replication.exhibit.tables import Table, plain
from replication.exhibit.theme import Figure
from replication.records.checks import require_columns


def counterfactual(cells: pd.DataFrame, outcome: str = "patents") -> Figure:
    """Two groups in two years, and where the exposed one would be had it moved as the other did.

    Parameters
    ----------
    cells : DataFrame
        Four rows: ``year``, ``exposure`` (0 and 1), `outcome`.
    outcome : str

    Raises
    ------
    MissingColumnError
    DesignError
        If the rows are not two years of two groups.
    """
    require_columns(cells, ["year", "exposure", outcome], "the four cells")
    wide = cells.pivot_table(outcome, "exposure", "year")
    if wide.shape != (2, 2) or len(cells) != 4:
        raise DesignError("the four cells are not one row for each of two groups in two years")
    early, late = wide.columns
    control, exposed = wide.loc[0].to_dict(), wide.loc[1].to_dict()
    without = exposed[early] + control[late] - control[early]
    with theme.axes(3.4) as axes:
        for exposure, label in enumerate(["little exchange", "much"]):
            marker = theme.MARKERS[exposure]
            axes.plot([0, 1], wide.loc[exposure], marker=marker, label=label, **theme.SERIES)
        parallel = [exposed[early], without]
        axes.plot([0, 1], parallel, label="much, had it moved alike", **theme.TRUTH)
        arrow = {"arrowstyle": "<->", "color": theme.INK}
        axes.annotate("", (1.04, exposed[late]), (1.04, without), arrowprops=arrow)
        axes.text(1.07, (exposed[late] + without) / 2, f"effect: {exposed[late] - without:g}")
        axes.set(xlim=(-0.1, 1.4), xticks=[0, 1], ylabel="joint patents")
        axes.set_xticklabels([f"{early}, before", f"{late}, after"])
        axes.set_ylim(0)
        axes.legend(loc="lower right", bbox_to_anchor=(0.99, 0.02))
    data = wide.reset_index().assign(without=[np.nan, without])
    data.columns = data.columns.map(str)
    alt = (
        f"Line chart of joint patents in {early} and {late}. Little exchange: "
        f"{control[early]:g} to {control[late]:g}. Much: {exposed[early]:g} to {exposed[late]:g}; "
        f"had it moved as the other group did, {without:g}. "
        f"The effect is the difference, {exposed[late] - without:g}."
    )
    return theme.drawn(axes, data, alt)


def noiseless(
    drawn: pd.DataFrame, expected: pd.DataFrame, outcome: str = "patents_joint"
) -> Figure:
    """Mean outcomes of two groups by year, as drawn and as expected.

    Parameters
    ----------
    drawn, expected : DataFrame
        Panels of one study: its counts, and their means without shocks.
    outcome : str

    Raises
    ------
    MissingColumnError
    """
    keys = ["year", "event_time", "exposure", outcome]
    panels = {"without shocks and draws": expected, "as drawn": drawn}
    parts = []
    for name, panel in panels.items():
        require_columns(panel, keys, f"the panel {name}")
        high = (panel["exposure"] > panel.groupby("university")["exposure"].first().median()) * 1
        mean = panel.groupby(["year", high.rename("high")])[outcome].mean()
        parts.append(mean.reset_index().assign(panel=name))
    data = pd.concat(parts, ignore_index=True)
    first = int(drawn.loc[drawn["event_time"] == 0, "year"].iloc[0])
    with theme.panels(3.4, 2) as grid:
        for axes, name in zip(grid, panels, strict=True):
            for group, marker, style in [(0, "o", "-"), (1, "s", "--")]:
                line = data[(data["panel"] == name) & (data["high"] == group)]
                axes.plot(
                    line["year"],
                    line[outcome],
                    marker=marker,
                    linestyle=style,
                    label=GROUPS[group],
                    **theme.SERIES,
                )
            axes.axvline(first - 0.5, **theme.CUT)
            axes.set(title=name, yscale="log")
            axes.set_yticks(ticks := [1, 2, 3, 4, 6, 8], [str(tick) for tick in ticks])
            axes.minorticks_off()
        grid[0].set_ylabel("mean joint applications, a cell and year")
        handles = grid[0].get_legend_handles_labels()
        grid[0].figure.legend(*handles, loc="outside lower center", ncols=2)
    ends = data[data["year"].isin([data["year"].min(), first - 1, data["year"].max()])]
    said = [
        f"{GROUPS[g['high'].iloc[0]]}, {name}: "
        + ", ".join(f"{y:.2f} in {t}" for t, y in zip(g["year"], g[outcome], strict=True))
        for (name, _), g in ends.groupby(["panel", "high"], sort=False)
    ]
    alt = f"Two line charts of mean joint applications by year. {'; '.join(said)}."
    return theme.drawn(grid[0], data, alt)


def doubling(means: Sequence[float] = (0.5, 1, 5, 50)) -> Table:
    """What a doubled mean does to the log of the mean, and to the mean of log(1 + y).

    Parameters
    ----------
    means : sequence of float
        Means of Poisson counts, before they double.

    Examples
    --------
    >>> rp.teaching.doubling([1]).data.round(3)
      mean before after  log of the mean  mean of log(1 + y)
    0           1     2            0.693               0.405
    """
    added = [[poisson(scale * mean).expect(np.log1p) for scale in (1, 2)] for mean in means]
    frame = pd.DataFrame(
        {
            "from": [f"{mean:g}" for mean in means],
            "to": [f"{2 * mean:g}" for mean in means],
            "log of the mean": np.log(2),
            "mean of log(1 + y)": [after - before for before, after in added],
        }
    ).set_index(["from", "to"])
    return plain(frame.rename_axis(["mean before", "after"]), digits=2)
