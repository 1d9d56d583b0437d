"""Exhibits of the evidence on real universities: the plan, the claims side by side, bins."""

import textwrap
from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from replication.estimate.claims import UNTESTABLE
from replication.exhibit import theme
from replication.exhibit.tables import Table, in_words, plain
from replication.exhibit.theme import Figure
from replication.records.checks import require_columns
from replication.records.plan import load_plan
from replication.records.registry import load_claims

COLUMNS = {
    "short": ("claim", 0.0, 15),
    "abstract": ("the\nabstract", 0.165, 12),
    "simulated": ("simulated\nstudies", 0.295, 14),
    "real": ("real\nuniversities", 0.45, 19),
    "settled_by": ("what would settle it", 0.67, 32),
}
"""Head of each column of the figure of the claims, where it begins, and letters in a line."""

WORDS = 8.8
"""Points of its letters: eleven pixels where the figure is shown forty rem wide, its least."""


def plan_table() -> Table:
    """The plan's tests, one row each, as they are read from ``data/plan.toml``."""
    tests = [test.model_dump() for test in load_plan().test]
    rows = [
        {
            "test": test["id"],
            "claim": test["claim"],
            "outcome": f"{in_words(test['outcome'])}, {test['model'].upper()}",
            "family": test["family"] or "secondary",
            "what is estimated, and on whom": f"{test['estimand']}. On: {test['sample']}.",
        }
        for test in tests
    ]
    printed = plain(pd.DataFrame(rows).set_index("test"), words=True)
    return replace(printed, data=pd.DataFrame(tests).astype({"controls": str}))


def departures_table() -> Table:
    """What was done differently from the plan, and why."""
    rows = [row.model_dump() for row in load_plan().departure]
    frame = pd.DataFrame(rows, columns=["date", "what", "reason"]).astype(str)
    return plain(frame.set_index("date"), words=True)


def estimates_table(table: pd.DataFrame, role: str) -> Table:
    """Tests of one role: estimate with its interval, p-values, universities, effective clusters.

    Parameters
    ----------
    table : DataFrame
        As of `planned.estimates`; with a column ``p_romano_wolf``, that is printed, too.
    role : {"primary", "secondary"}
    """
    needed = ["role", "estimate", "p_value", "p_holm", "p_all"]
    require_columns(table, needed, "the table of the tests")
    rows = table[table["role"] == role]
    shown = pd.DataFrame(
        {
            "Claim": rows["claim"],
            "Estimate": rows["estimate"].map(_short),
            "95 % interval": [
                f"{_short(low)} to {_short(high)}"
                for low, high in zip(rows["lower"], rows["upper"], strict=True)
            ],
            "p": rows["p_value"],
            "Holm": rows["p_holm"],
            "R–W": rows.get("p_romano_wolf", float("nan")),
            "All": rows["p_all"],
            "N": rows["universities"],
            "G*": rows["effective"],
        }
    )
    # A column without a number is none: nothing is adjusted among secondary tests.
    shown = shown.dropna(axis="columns", how="all")
    printed = plain(shown.rename_axis(None), digits=3, formats={"G*": "{:.1f}"}, words=True)
    return replace(printed, data=rows.reset_index())


def _short(value: float) -> str:
    """Three decimals of what is below one, two of what is not."""
    return (f"{value:.3f}" if abs(value) < 1 else f"{value:.2f}").replace("-", "−")


def facts_table(facts: Mapping[str, tuple[float, str]]) -> Table:
    """Single numbers that the text speaks of, each with how it is printed.

    Parameters
    ----------
    facts : mapping of str to tuple of number and str
        What it is, its value and format, as ``{"Share, %": (12.3, "{:.0f}")}``.
    """
    printed = [style.format(value).replace("-", "−") for value, style in facts.values()]
    shown = plain(pd.DataFrame({"value": printed}, pd.Index(facts, name="what")), words=True)
    values = [float(value) for value, _ in facts.values()]
    return replace(shown, data=pd.DataFrame({"what": list(facts), "value": values}))


def claims_figure(table: pd.DataFrame) -> Figure:
    """For each claim: the abstract, simulated studies, real universities, what would settle it.

    Parameters
    ----------
    table : DataFrame
        Indexed by claim: ``short``, ``abstract``, ``simulated``, ``real``, ``verdict`` and
        ``settled_by``, all text.
    """
    require_columns(table, [*COLUMNS, "verdict"], "the figure of the claims")
    data = table[[*COLUMNS, "verdict"]].reset_index()
    with theme.axes(8.2) as axes:
        axes.grid(visible=False)
        axes.set(xlim=(0, 1), ylim=(len(data) - 0.45, -1.1), xticks=[], yticks=[])
        for row, claim in enumerate(data.to_dict("records")):
            tested = claim["verdict"] != UNTESTABLE
            if tested:
                axes.axhspan(row - 0.5, row + 0.5, color=theme.WASH, zorder=0)
            for column, (_, left, letters) in COLUMNS.items():
                said = textwrap.fill(str(claim[column]), letters, break_on_hyphens=False)
                bold = "bold" if column == "real" and tested else "normal"
                axes.text(left, row, said, fontsize=WORDS, va="center", fontweight=bold)
            axes.axhline(row + 0.5, color=theme.GRID, linewidth=0.8)
        for head, left, _ in COLUMNS.values():
            axes.text(left, -0.8, head, fontsize=WORDS, fontweight="bold", va="center")
        axes.axhline(-0.5, **theme.ZERO)
        axes.spines[:].set_visible(False)
        axes.spines["left"].set_color("none")
        axes.spines["bottom"].set_color("none")
    words = [
        f"{r['short']}: {r['simulated']}; real universities: {r['real']}"
        for r in data.to_dict("records")
    ]
    return theme.drawn(axes, data, f"Table drawn as a figure, a row a claim. {'. '.join(words)}.")


def bins_figure(bins: pd.DataFrame, ylabel: str) -> Figure:
    """Mean change of an outcome by bins of exposure, both to two decimals.

    With more of them, the bins of two samples would tell the value of a university by which they
    differ.

    Parameters
    ----------
    bins : DataFrame
        As of `ministry.binned`.
    ylabel : str
    """
    require_columns(bins, ["universities", "exposure", "change"], "the bins")
    bins = bins.round({"exposure": 2, "change": 2})
    with theme.axes(3.2) as axes:
        axes.axhline(0, **theme.ZERO)
        axes.plot(bins["exposure"], bins["change"], "o", **theme.SERIES)
        axes.set(xlabel="exchange in 2016, standard deviations (mean of the bin)", ylabel=ylabel)
    few, most = bins["universities"].min(), bins["universities"].max()
    ends = bins.iloc[[0, -1]]
    said = " and ".join(
        f"{change:.2f} at {dose:.2f}"
        for change, dose in zip(ends["change"], ends["exposure"], strict=True)
    )
    alt = f"Dots of {len(bins)} bins of {few} to {most} universities; {ylabel}: {said}."
    return theme.drawn(axes, bins, alt.replace("-", "−"))


def _said(row: Mapping[Hashable, Any]) -> str:
    """Verdict, with how many tests it is over and their smallest adjusted p-value."""
    if not row["tests"]:
        return str(row["verdict"])
    p = f"{row['smallest_p']:.3f}".replace("0.", ".", 1)
    many = "one test" if row["tests"] == 1 else f"{row['tests']} tests"
    return f"{row['verdict']} ({many}, p {'=' if row['tests'] == 1 else '≥'} {p})"


ABSTRACT = {
    "effect": "exchange raises it",
    "mechanism": "a channel",
    "heterogeneity": "a larger effect",
}
"""What the abstract says of a claim, by its kind."""


def sides(judged: pd.DataFrame, recovery: pd.DataFrame) -> pd.DataFrame:
    """What each source says of each claim, in words, for `claims_figure`.

    Parameters
    ----------
    judged : DataFrame
        As of `planned.verdicts`.
    recovery : DataFrame
        As of `montecarlo.verdicts.recovery`.
    """
    claims = load_claims()
    recovered = 100 * recovery["recovered"]
    return pd.DataFrame(
        {
            "short": claims["short"],
            "abstract": claims["kind"].map(ABSTRACT),
            "simulated": [
                f"planted, and recovered in {recovered[claim]:.0f} % of studies"
                for claim in claims.index
            ],
            "real": [_said(row) for row in judged.to_dict("records")],
            "verdict": judged["verdict"],
            "settled_by": judged["settled_by"],
        }
    ).rename_axis("claim")
