"""Tables and figures of inference: one coefficient by every method, and the worth of methods."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from replication.errors import NoVariationError
from replication.estimate import convention
from replication.estimate.design import Design
from replication.estimate.few_clusters import compare, effective_clusters, leave_one_out
from replication.exhibit import theme
from replication.exhibit.tables import Table, plain
from replication.exhibit.theme import Figure
from replication.records import small_cells

Question = tuple[pd.DataFrame, Design]


def methods(questions: Mapping[str, Question]) -> Table:
    """One coefficient a column, by every method: p-value and 95 % interval.

    Parameters
    ----------
    questions : mapping of str to (DataFrame, Design)
        As of `contrasts.question`, by what the column is called.

    Returns
    -------
    Table
        Below the methods: effective clusters G*, the largest share of one cluster in the variation
        of the regressor, and the lowest and highest estimate without one cluster. Its data have one
        row a column and method or fact.

    Examples
    --------
    >>> panel = rp.load_panel()
    >>> table = rp.inference.methods({"C1": rp.question("C1", panel)})
    >>> table.data.columns.to_list()
    ['claim', 'what', 'estimate', 'lower', 'upper', 'p_value', 'value']
    """
    printed, rows = {}, []
    for name, (data, design) in questions.items():
        table, facts = compare(data, design), effective_clusters(data, design)
        cells = {"Estimate": f"{table['estimate'].iloc[0]:.3f}".replace("-", "−")}
        cells |= {str(method): _method(row) for method, row in table.iterrows()}
        cells["Effective clusters G*"] = f"{facts['effective']:.1f} of {facts['clusters']:.0f}"
        told: dict[str, Any] = dict(facts)
        cells["Largest cluster's share"] = f"{100 * facts['largest_share']:.0f} %"
        without = _without(data, design)
        ends: dict[str, Any] = {"lowest": without.min(), "highest": without.max()}
        cells["Without one cluster"] = _range(**ends)
        if small_cells.in_force():
            # What one university weighs and changes is for nobody to see.
            ends = dict.fromkeys(ends, small_cells.MARK)
            told["largest_share"] = small_cells.MARK
            alone = ("Largest cluster's share", "Without one cluster")
            cells |= dict.fromkeys(alone, small_cells.MARK)
        printed[name] = cells
        rows += [{"claim": name, "what": method, **row} for method, row in table.iterrows()]
        rows += [{"claim": name, "what": fact, "value": value} for fact, value in told.items()]
        rows += [
            {"claim": name, "what": f"{end} without one", "value": value}
            for end, value in ends.items()
        ]
    frame = pd.DataFrame(printed)
    frame = frame.rename(index={convention.CR3: f"{convention.CR3}: the verdict's"})
    said = "p-value, and 95 % interval in brackets; G* counts clusters by their leverage."
    return replace(plain(frame), data=pd.DataFrame(rows), note=said)


def _without(data: pd.DataFrame, design: Design) -> pd.Series:
    """Estimates without each cluster; none where one cannot be spared."""
    try:
        return leave_one_out(data, design)
    except NoVariationError:
        return pd.Series(dtype=float)


def _method(row: pd.Series) -> str:
    if pd.isna(row["p_value"]):
        return "not possible"
    p = "p < .001" if row["p_value"] < 0.001 else f"p = {row['p_value']:.3f}".replace("0.", ".", 1)
    return p if pd.isna(row["lower"]) else f"{p} ({_range(row['lower'], row['upper'])})"


def _range(lowest: float, highest: float) -> str:
    return "" if pd.isna(lowest) else f"{lowest:.2f} to {highest:.2f}".replace("-", "−")


def sizes_table(sizes: pd.DataFrame, strict: pd.DataFrame) -> Table:
    """How often each test rejects a true null, in per cent: at 5 % and, behind the stroke, at 1 %.

    Parameters
    ----------
    sizes, strict : DataFrame
        As of `montecarlo.verdicts.sizes`, or any with ``method``, ``claim``, ``model``,
        ``rejected``, ``rate_error`` and ``studies``, at the two levels.
    """
    keys = ["method", "claim", "model"]
    both = sizes.merge(strict, on=keys, suffixes=("", "_strict"), validate="one_to_one")
    both["cell"] = [
        f"{100 * five:.1f} / {100 * one:.1f}"
        for five, one in zip(both["rejected"], both["rejected_strict"], strict=True)
    ]
    both["column"] = both["claim"] + ", " + both["model"]
    shown = both.pivot(index="method", columns="column", values="cell").fillna("")
    shown = shown.loc[both["method"].drop_duplicates(), both["column"].drop_duplicates()]
    shown.columns.name = None
    return replace(plain(shown), data=both.drop(columns=["cell", "column"]))


def recovery_figure(table: pd.DataFrame, names: Mapping[str, str]) -> Figure:
    """How often each claim is recovered, and how often it is claimed where nothing is planted.

    Parameters
    ----------
    table : DataFrame
        As of `montecarlo.verdicts.recovery`.
    names : mapping of str to str
        Short name of a claim, by its id.
    """
    data = table[["recovered", "direction", "invented"]].reset_index()
    data.insert(1, "name", [names[str(claim)] for claim in data["claim"]])
    lines = {
        "recovered, where planted": ("o", data["recovered"]),
        "significant, where planted": ("^", data["recovered"] + data["direction"]),
        "significant, where nothing is planted": ("D", data["invented"]),
    }
    rows = range(len(data))
    with theme.axes(1.3 + 0.34 * len(data)) as axes:
        axes.axvline(0.05, **theme.LEVEL)
        axes.axvline(0.8, **theme.GOAL)
        for label, (marker, shares) in lines.items():
            axes.plot(shares, rows, marker, label=label, markersize=5, fillstyle="none")
        axes.set(xlabel="share of studies", xlim=(-0.02, 1.02))
        axes.set_yticks(rows, data["name"])
        axes.set_ylim(len(data) - 0.5, -0.5)
        # Where claims that are nearly always or nearly never found leave room.
        axes.legend(loc="upper center", bbox_to_anchor=(0.45, 0.78))
    words = [
        f"{r['name']}: {r['recovered']:.2f} recovered, {r['invented']:.2f} without effect"
        for _, r in data.iterrows()
    ]
    alt = f"Dot chart of how often each claim is found in simulated studies. {'; '.join(words)}."
    return theme.drawn(axes, data, alt)
