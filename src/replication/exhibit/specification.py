"""Specification curves: the estimates in order, and below each the choices that made it."""

from collections.abc import Mapping, Sequence

import pandas as pd

from replication.estimate.specification import Curve, explained
from replication.exhibit import theme
from replication.exhibit.tables import Table, plain
from replication.exhibit.theme import Figure
from replication.records.registry import load_register, load_varied

HEADS = {"simulated": "Simulated study", "open": "Real universities", "restricted": "Your records"}
NAMES = {
    "median": "Median estimate",
    "share_predicted": "Share with the predicted sign",
    "share_significant": "Share with that sign and significant",
}


def curve_figure(
    curve: Curve, choices: Sequence[str], default: Mapping[str, str], ylabel: str
) -> Figure:
    """Draw estimates in order with their intervals, and a row of marks an alternative.

    Parameters
    ----------
    curve : Curve
    choices : sequence of str
        In the order of the rows.
    default : mapping of str to str
        Choices of the specification to point at.
    ylabel : str

    Examples
    --------
    >>> panel = rp.load_panel()
    >>> scales = ("log1p", "asinh")
    >>> choices = [rp.Specification({"scale": s}, "all", rp.STUDY.but(scale=s)) for s in scales]
    >>> curve = rp.specification_curve({"all": panel}, choices, draws=99)
    >>> figure = rp.specification.curve_figure(curve, ["scale"], {"scale": "log1p"}, "effect")
    >>> len(figure.data)
    2
    """
    table = curve.sorted
    alternatives = [(c, a) for c in choices for a in dict.fromkeys(curve.table[c])]
    ours = (table[list(default)] == pd.Series(dict(default))).all(axis=1)
    with theme.stacked(2.2 + 0.19 * len(alternatives), (1.0, 0.075 * len(alternatives))) as axes:
        top, below = axes
        top.axhline(0, **theme.ZERO)
        top.fill_between(
            table.index, table["lower"], table["upper"], color=theme.WASH, label="95 % interval"
        )
        top.plot(table.index, table["estimate"], ".", markersize=2, label="estimate")
        if "target" in table:
            top.plot(table.index, table["target"], ".", markersize=2, color=theme.INK, label="aim")
        top.plot(table.index[ours], table["estimate"][ours], "D", label="as planned", **theme.AIM)
        top.set(ylabel=ylabel)
        top.legend(loc="upper left", ncols=4)
        for row, (choice, alternative) in enumerate(alternatives):
            chosen = table.index[table[choice] == alternative]
            below.plot(chosen, [row] * len(chosen), "|", markersize=4, color=theme.LINE)
        below.set_yticks(range(len(alternatives)), [a for _, a in alternatives], fontsize=7)
        below.set_ylim(len(alternatives) - 0.5, -0.5)
        below.set(xlabel="specifications, from the lowest estimate")
        below.grid(visible=False)
    positive = (table["estimate"] > 0).mean()
    alt = (
        f"Specification curve of {len(table)} estimates from {table['estimate'].min():.2f} to "
        f"{table['estimate'].max():.2f}, median {table['estimate'].median():.2f}; "
        f"{100 * positive:.0f} % are above zero."
    )
    return theme.drawn(top, table.assign(as_planned=ours), alt)


def joint_table(curve: Curve) -> Table:
    """Joint test of all specifications.

    Examples
    --------
    >>> panel = rp.load_panel()
    >>> scales = ("log1p", "asinh")
    >>> choices = [rp.Specification({"scale": s}, "all", rp.STUDY.but(scale=s)) for s in scales]
    >>> curve = rp.specification_curve({"all": panel}, choices, draws=99)
    >>> rp.specification.joint_table(curve).data.columns.to_list()
    ['Statistic', 'Observed', 'Under permutations', 'p-value']
    """
    shown = curve.joint.drop(columns="specifications").rename(index=NAMES)
    shown.columns = ["Observed", "Under permutations", "p-value"]
    return plain(shown.rename_axis("Statistic"), digits=3)


def explained_table(curve: Curve, choices: Sequence[str]) -> Table:
    """Share of the variance of the estimates that each choice explains, as `explained`.

    Examples
    --------
    >>> panel = rp.load_panel()
    >>> scales = ("log1p", "asinh")
    >>> choices = [rp.Specification({"scale": s}, "all", rp.STUDY.but(scale=s)) for s in scales]
    >>> curve = rp.specification_curve({"all": panel}, choices, draws=99)
    >>> rp.specification.explained_table(curve, ["scale"]).data.columns.to_list()
    ['Choice', 'Share of variance', 'Largest less smallest mean']
    """
    shown = explained(curve, choices).rename(index={"together": "Together"})
    shown.columns = ["Share of variance", "Largest less smallest mean"]
    return plain(shown.rename_axis("Choice"), digits=3)


def varied_table() -> Table:
    """Which rows of the register each source can vary, and why it cannot vary the others."""
    rows = load_varied().set_index("id")
    names = load_register().set_index("id")["name"]
    rows.index = [f"{row} {names[row]}" for row in rows.index]
    return plain(rows.rename(columns=HEADS).rename_axis("Choice"), words=True)


def sizes_table(sizes: pd.DataFrame) -> Table:
    """How often the joint test rejects where exchange does nothing, by claim and world."""
    wide = sizes.pivot_table("rejected", ["claim", "world"], "statistic")[list(NAMES)]
    wide.columns = list(NAMES.values())
    return plain(wide.reset_index().set_index("claim"), digits=3)
