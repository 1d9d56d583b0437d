"""The committed benchmarks as tables of a page."""

import json

import pandas as pd

from replication.config import ROOT
from replication.page import markdown

TABLE = ROOT / "results" / "benchmarks.csv"
MACHINE = ROOT / "results" / "benchmarks.json"
SCALE = ROOT / "results" / "scale.csv"
SCALE_MACHINE = ROOT / "results" / "scale.json"
HEADS = {
    "wild cluster bootstrap": "Restricted wild cluster bootstrap",
    "randomisation test": "Studentised randomisation test",
    "all five methods": "All five methods, `few_clusters.compare`",
}


def benchmarks_markdown() -> str:
    """Peers by task, our own steps, growth with the rows, and where it was measured."""
    found = pd.read_csv(TABLE)
    parts = []
    for task, title in HEADS.items():
        own = found[found["task"] == task]
        n, draws = int(own["rows"].iloc[0]), int(own["draws"].iloc[0])
        heads = ("whole call", "seconds", "times ours", "p", "answer")
        rows = [
            (
                row["peer"],
                f"{_seconds(row['seconds'])}{' (scaled up)' if row['scaled'] else ''}",
                _ratio(row["ratio"]),
                "–" if pd.isna(row["p_value"]) else f"{row['p_value']:.4f}",
                row["verdict"] + ("" if pd.isna(row["reason"]) else f": {row['reason']}"),
            )
            for row in own.to_dict("records")
        ]
        parts += [f"**{title}**, {n:,} rows, {draws:,} draws\n"]
        parts += [*markdown.table(heads, rows, right=heads[1:4]), ""]
    steps = found[found["task"] == "steps"].to_dict("records")
    times = [(row["peer"], _seconds(row["seconds"])) for row in steps]
    parts += ["**Steps of our own**\n"]
    parts += [*markdown.table(("step", "seconds"), times, ("seconds",)), ""]
    growth = found[found["task"] == "growth"]
    columns = ("rows", "seconds", "times the first", "panel, MB", "peak above it, MB")
    sizes = [
        (
            f"{int(row['rows']):,}",
            _seconds(row["seconds"]),
            _ratio(row["ratio"]),
            f"{row['data_mb']:.0f}",
            f"{row['memory_mb']:.0f}",
        )
        for row in growth.to_dict("records")
    ]
    parts += ["**Growth**, the bootstrap with its interval\n"]
    parts += [*markdown.table(columns, sizes, columns), ""]
    where = json.loads(MACHINE.read_text(encoding="utf-8"))
    versions = ", ".join(f"{name} {version}" for name, version in where["versions"].items())
    parts.append(
        f"Measured on {where['date']}, {where['machine']} with {where['processors']} processors, "
        f"Python {where['python']}, threads of the linear algebra: {where['blas_threads']}; "
        f"{versions}."
    )
    return "\n".join(parts)


def scale_markdown() -> str:
    """Time and memory of simulating and building by the number of records, and where."""
    found = pd.read_csv(SCALE)
    heads = (
        "command", "patents", "papers", "seconds", "seconds of processors",
        "of these a million events", "peak, MB",
    )  # fmt: skip
    events = found["patents"] + found["papers"] + found["hires"]
    rows = [
        (
            {"pandas": "the counts alone, in pandas"}.get(row["task"], f"`{row['task']}`"),
            f"{row['patents']:,}",
            f"{row['papers']:,}",
            f"{row['seconds']:,.0f}",
            f"{row['processor_seconds']:,.0f}",
            f"{row['processor_seconds'] / n * 1e6:.1f}",
            f"{row['peak_mb']:,.0f}",
        )
        for row, n in zip(found.to_dict("records"), events, strict=True)
    ]
    where = json.loads(SCALE_MACHINE.read_text(encoding="utf-8"))
    versions = ", ".join(f"{name} {version}" for name, version in where["versions"].items())
    said = (
        f"Measured on {where['date']}, {where['machine']} with {where['processors']} processors, "
        f"Python {where['python']}; {versions}. {where['note']}"
    )
    return "\n".join([*markdown.table(heads, rows, right=heads[1:]), "", said])


def _seconds(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:,.3f}" if value < 10 else f"{value:,.0f}"


def _ratio(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:,.1f}" if value < 100 else f"{value:,.0f}"
