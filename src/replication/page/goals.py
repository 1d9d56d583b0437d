"""What the tests for few clusters were to reach, beside what one run measured."""

import json

import pandas as pd

from replication.config import DATA
from replication.page import markdown
from replication.page.benchmarks import TABLE

CURVES = DATA / "montecarlo" / "curves_manifest.json"
OURS = "replication, with interval"


def goals() -> pd.DataFrame:
    """Each goal with its measure, from the committed benchmarks and the committed curve.

    Returns
    -------
    DataFrame
        ``goal``, ``bound`` (at least or at most), ``asked``, ``measured`` and ``met``; ratios are
        of medians of one run, times in seconds.
    """
    found = pd.read_csv(TABLE)
    seconds = found.set_index(["task", "peer"])["seconds"]
    growth = found[found["task"] == "growth"].sort_values("rows")
    first, last = growth.iloc[0], growth.iloc[-1]
    bootstrap = seconds["wild cluster bootstrap"]
    test = seconds["randomisation test", "replication"]
    took = json.loads(CURVES.read_text(encoding="utf-8"))["seconds"]
    curves = sum(took[name] for name in took if name.startswith("curve of"))
    refits = seconds["randomisation test", "refitting by pyfixest.feols"]
    fit, demeaned, diff = (
        "StatsPAI, its own fit",
        "StatsPAI, on columns demeaned by pyfixest",
        "diff-diff, on columns demeaned by pyfixest",
    )
    rows = [
        (
            "randomisation test, times the floor",
            "most",
            1.5,
            test / seconds["steps", "floor of a studentised test"],
        ),
        ("refitting, times the randomisation test", "least", 2000, refits / test),
        (
            "laying out the clusters, seconds",
            "most",
            0.030,
            seconds["steps", "laying out the clusters"],
        ),
        (f"{fit}, times the bootstrap with interval", "least", 3, bootstrap[fit] / bootstrap[OURS]),
        (f"{demeaned}, times the same", "least", 3, bootstrap[demeaned] / bootstrap[OURS]),
        (f"{diff}, times the same", "least", 50, bootstrap[diff] / bootstrap[OURS]),
        ("all five methods, seconds", "most", 0.4, seconds["all five methods", "replication"]),
        (
            "time, times the first, over rows, times the first",
            "most",
            1.0,
            last["seconds"] / first["seconds"] / (last["rows"] / first["rows"]),
        ),
        ("peak memory, times the data", "most", 3, last["memory_mb"] / last["data_mb"]),
        ("both specification curves with joint tests, seconds", "most", 120, curves),
    ]
    table = pd.DataFrame(rows, columns=["goal", "bound", "asked", "measured"])
    over = table["measured"] >= table["asked"]
    return table.assign(
        met=over.where(table["bound"] == "least", table["measured"] <= table["asked"])
    )


def goals_markdown() -> str:
    """Goals as a table of the page."""
    heads = ("what", "asked", "measured", "met")
    rows = [
        (
            row["goal"],
            f"at {row['bound']} {row['asked']:,g}",
            f"{row['measured']:,.3g}" if row["measured"] < 1000 else f"{row['measured']:,.0f}",
            "yes" if row["met"] else "no",
        )
        for row in goals().to_dict("records")
    ]
    return "\n".join(markdown.table(heads, rows, right=heads[1:3]))
