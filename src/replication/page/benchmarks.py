"""The committed benchmarks as tables of a page."""

import json
from pathlib import Path

import pandas as pd

from replication.config import ROOT
from replication.page import markdown

TABLE = ROOT / "results" / "benchmarks.csv"
MACHINE = ROOT / "results" / "benchmarks.json"
SCALE = ROOT / "results" / "scale.csv"
SCALE_MACHINE = ROOT / "results" / "scale.json"
INGEST = ROOT / "results" / "ingest.csv"
INGEST_MACHINE = ROOT / "results" / "ingest.json"
CHAIN = ROOT / "results" / "records.csv"
CHAIN_MACHINE = ROOT / "results" / "records.json"
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
    return "\n".join([*markdown.table(heads, rows, right=heads[1:]), "", _where(SCALE_MACHINE)])


def ingest_markdown() -> str:
    """Time and memory of reading yearly files, beside the same in pandas, and where."""
    found = pd.read_csv(INGEST)
    heads = (
        "command", "rows", "megabytes", "seconds", "seconds of processors", "MB a second and core",
        "without the start", "peak, MB",
    )  # fmt: skip
    rows = [
        (
            {"pandas": "the same tables, in pandas"}.get(row["task"], f"`{row['task']}`"),
            f"{row['rows']:,}",
            f"{row['megabytes']:,.0f}",
            _seconds(row["seconds"]),
            _seconds(row["processor_seconds"]),
            f"{row['megabytes'] / row['processor_seconds']:,.0f}",
            f"{row['megabytes'] / (row['processor_seconds'] - row['start_seconds']):,.0f}",
            f"{row['peak_mb']:,.0f}",
        )
        for row in found.to_dict("records")
    ]
    return "\n".join([*markdown.table(heads, rows, right=heads[1:]), "", _where(INGEST_MACHINE)])


def chain_markdown() -> str:
    """What each command took from vendors' files to executed chapters, and where."""
    found = pd.read_csv(CHAIN)
    heads = (
        "command", "all tables, seconds", "peak, MB", "patents and ministry, seconds", "peak, MB ",
    )  # fmt: skip
    commands = {
        "ingest": "replication ingest",
        "build": "replication build",
        "claims": "replication claims",
        "run": "replication run --source restricted",
    }
    rows = []
    for task, command in commands.items():
        own = found[found["task"] == task]
        cells = [(f"{r['seconds']:.0f}", f"{r['peak_mb']:,.0f}") for r in own.to_dict("records")]
        rows.append((f"`{command}`", *(cell for pair in cells for cell in pair)))
    size = found.iloc[0]
    said = (
        f"The simulated study as yearly files of {size['megabytes']:,.0f} MB, "
        f"{size['rows']:,.0f} rows of all tables. "
    )
    return "\n".join(
        [*markdown.table(heads, rows, right=heads[1:]), "", said + _where(CHAIN_MACHINE)]
    )


def _where(machine: Path) -> str:
    """Say when and where it was measured."""
    where = json.loads(machine.read_text(encoding="utf-8"))
    versions = ", ".join(f"{name} {version}" for name, version in where["versions"].items())
    return (
        f"Measured on {where['date']}, {where['machine']} with {where['processors']} processors, "
        f"Python {where['python']}; {versions}. {where['note']}"
    ).rstrip()


def _seconds(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:,.3f}" if value < 10 else f"{value:,.0f}"


def _ratio(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:,.1f}" if value < 100 else f"{value:,.0f}"
