"""What a run has made beside what is committed: cells, outputs, files, numbers.

Numbers are compared with a tolerance, text exactly, drawings by the numbers that they draw.
"""

import json
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import numpy as np
import pandas as pd
from nbformat import NotebookNode

RTOL, ATOL = 1e-7, 1e-9
"""A number agrees with the committed one if it is this near; linear algebra differs by less."""

# Only an empty entry is missing; the words that pandas takes for missing ("NA", "None") are words.
CSV: dict[str, Any] = {"keep_default_na": False, "na_values": [""]}


def compare_run(fresh: NotebookNode, results: Path, executed: Path, committed: Path) -> list[str]:
    """Differences of a run from what is committed, a sentence each.

    Parameters
    ----------
    fresh : NotebookNode
        The notebook as it was just executed.
    results : Path
        Folder that it wrote to.
    executed, committed : Path
        The committed notebook and its results.
    """
    if not executed.is_file():
        remedy = f"`replication run --update {executed.stem}` makes it"
        return [f"{executed.name} is not there: {remedy}"]
    old_cells = nbformat.read(executed, as_version=4).cells
    found = compare_pair(executed.with_suffix(".md"), executed) + not_in_order(executed)
    for index, (old, new) in enumerate(zip(old_cells, fresh.cells, strict=False)):
        if old.cell_type == "code" and _shown(old) != _shown(new):
            found.append(f"{executed.name}, cell {index}: the output is not the committed one")
    return found + compare_results(results, committed)


def compare_pair(source: Path, executed: Path) -> list[str]:
    """Cells that the two halves of a pair do not have in common."""
    halves = jupytext.read(source), nbformat.read(executed, as_version=4)
    left, right = ([(c.cell_type, c.source.strip()) for c in half.cells] for half in halves)
    if left == right:
        return []
    first = next(
        (i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b),
        min(len(left), len(right)),
    )
    return [
        f"{source.name} and {executed.name} differ, first in cell {first}: edit the .md, then "
        f"`replication run --update {source.stem}`"
    ]


def not_in_order(executed: Path) -> list[str]:
    """Code cells that were not executed from top to bottom without an error."""
    notebook = nbformat.read(executed, as_version=4)
    code = [c for c in notebook.cells if c.cell_type == "code" and c.source.strip()]
    counts = [c.execution_count for c in code]
    found = []
    if counts != list(range(1, len(code) + 1)):
        found.append(f"{executed.name}: cells not executed in order: {counts}")
    if any(o.output_type == "error" for c in code for o in c.outputs):
        found.append(f"{executed.name}: a cell ended in an error")
    return found


def compare_results(fresh: Path, committed: Path) -> list[str]:
    """Differences between two folders of results: files, columns, rows, text, numbers."""
    new, old = ({p.name for p in side.glob("*") if p.is_file()} for side in (fresh, committed))
    where = committed.name
    found = [f"{where}/{n} is committed and not made any more" for n in sorted(old - new)]
    found += [f"{where}/{n} is made and not committed" for n in sorted(new - old)]
    for name in sorted(new & old):
        compared = COMPARE.get(Path(name).suffix)
        if compared:
            found += [f"{where}/{name}: {d}" for d in compared(fresh / name, committed / name)]
    return found


def compare_csv(fresh: Path, committed: Path) -> list[str]:
    """Differences between two tables: numbers by the tolerance, all else exactly."""
    new, old = (pd.read_csv(p, **CSV) for p in (fresh, committed))
    if list(new.columns) != list(old.columns) or len(new) != len(old):
        return [
            f"{len(new)} rows of {list(new.columns)}, committed {len(old)} of {list(old.columns)}"
        ]
    found = []
    for column in old:
        numeric = pd.api.types.is_numeric_dtype(old[column])
        if numeric != pd.api.types.is_numeric_dtype(new[column]):
            found.append(f"column {column!r} changed its type")
            continue
        if numeric:
            equal = np.isclose(new[column], old[column], rtol=RTOL, atol=ATOL, equal_nan=True)
        else:
            equal = (new[column].fillna("") == old[column].fillna("")).to_numpy()
        if not equal.all():
            row = int(np.flatnonzero(~equal)[0])
            found.append(
                f"column {column!r}, row {row + 1}: {new[column].tolist()[row]!r}, committed "
                f"{old[column].tolist()[row]!r} ({int((~equal).sum())} such rows)"
            )
    return found


def _compare_json(fresh: Path, committed: Path) -> list[str]:
    new, old = (json.loads(p.read_text(encoding="utf-8")) for p in (fresh, committed))
    return [
        f"{key!r} is {new.get(key)}, committed {old.get(key)}"
        for key in sorted(set(new) | set(old))
        if not _same(new.get(key), old.get(key))
    ]


def with_committed(fresh: Any, committed: Any) -> Any:
    """Values of JSON as they are fresh, and as they are committed where rounding alone differs."""
    if isinstance(fresh, dict) and isinstance(committed, dict):
        return {key: with_committed(value, committed.get(key)) for key, value in fresh.items()}
    return committed if _same(fresh, committed) else fresh


def _same(new: Any, old: Any) -> bool:
    if isinstance(new, dict) and isinstance(old, dict):
        return new.keys() == old.keys() and all(_same(new[k], old[k]) for k in new)
    if isinstance(new, float) and isinstance(old, float):
        return bool(np.isclose(new, old, rtol=RTOL, atol=ATOL))
    return type(new) is type(old) and new == old


def _compare_text(fresh: Path, committed: Path) -> list[str]:
    new, old = (p.read_text(encoding="utf-8").splitlines() for p in (fresh, committed))
    for line, (a, b) in enumerate(zip(new, old, strict=False), 1):
        if a != b:
            return [f"line {line} differs"]
    return ["length differs"] if len(new) != len(old) else []


# A drawing is not compared by its pixels, which depend on fonts, but by the numbers in its csv.
COMPARE = {".csv": compare_csv, ".json": _compare_json, ".tex": _compare_text}


def _shown(cell: NotebookNode) -> list[Any]:
    """What a reader sees of a cell's output as text; pictures are compared by their numbers."""
    outputs = cell.get("outputs", [])
    text = [
        o.get("text") or {k: v for k, v in o.get("data", {}).items() if not k.startswith("image/")}
        for o in outputs
    ]
    return [*text, *alternative_texts(outputs)]


def alternative_texts(outputs: list[NotebookNode]) -> list[str | None]:
    """Alternative text of each figure among the outputs of a cell; None where it has none."""
    figures = [o for o in outputs if "image/png" in o.get("data", {})]
    return [f.get("metadata", {}).get("image/png", {}).get("alt") for f in figures]
