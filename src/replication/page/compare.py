"""What a run has made beside what is committed: cells, outputs, files, numbers.

Numbers and drawings are compared with a tolerance, text exactly.
"""

import json
from base64 import b64decode
from difflib import SequenceMatcher
from io import BytesIO
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import numpy as np
import pandas as pd
from nbformat import NotebookNode
from PIL import Image, ImageChops, ImageFilter

RTOL, ATOL = 1e-7, 1e-9
"""A number agrees with the committed one if it is this near; linear algebra differs by less."""

BLUR, CONTRAST, RESIZED = 6, 60, 0.05
"""A drawing is the committed one if no spot of it, seen through a blur of so many pixels, differs
by more than this (of 255), and no side by more than this share. Another rasteriser of letters or
a resolution 1.5 % off stays below 55; another label, or a bar that moved by 2 % of its axis, is
above 80."""

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
    found = compare_notebook(fresh, executed)
    return found + compare_results(results, committed) if executed.is_file() else found


def compare_notebook(fresh: NotebookNode, executed: Path) -> list[str]:
    """Differences of a notebook just executed from the committed one, a sentence each."""
    if not executed.is_file():
        remedy = f"`replication run --update {executed.stem}` makes it"
        return [f"{executed.name} is not there: {remedy}"]
    committed = nbformat.read(executed, as_version=4)
    found = compare_pair(executed.with_suffix(".md"), executed) + not_in_order(executed)
    # By what they say, so that one cell more does not make all that follow it differ.
    matched = SequenceMatcher(None, sources(committed), sources(fresh), autojunk=False)
    for what, first, last, begin, end in matched.get_opcodes():
        if what != "equal":
            gone, added = committed.cells[first:last], fresh.cells[begin:end]
            found += [
                f"{executed.name}, cell {first + i}: no longer in the text"
                for i in range(len(gone))
            ]
            found += [
                f"{executed.name}: cell {begin + i} of the text is added" for i in range(len(added))
            ]
            continue
        for index in range(first, last):
            old, new = committed.cells[index], fresh.cells[begin + index - first]
            if old.cell_type == "code" and _shown(old) != _shown(new):
                found.append(f"{executed.name}, cell {index}: the output is not the committed one")
            for one, other in zip(_pictures(new), _pictures(old), strict=False):
                apart = compare_pictures(one, other)
                found += [f"{executed.name}, cell {index}: {said}" for said in apart]
    return found


def sources(notebook: NotebookNode) -> list[tuple[str, str]]:
    """What each cell is and says, without its outputs."""
    return [(cell.cell_type, cell.source.strip()) for cell in notebook.cells]


def compare_pair(source: Path, executed: Path) -> list[str]:
    """Cells that the two halves of a pair do not have in common."""
    halves = jupytext.read(source), nbformat.read(executed, as_version=4)
    left, right = (sources(half) for half in halves)
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


def largest_difference(fresh: Path, committed: Path) -> tuple[float, float, str]:
    """Largest absolute and relative difference between the numbers of two files, and where.

    Parameters
    ----------
    fresh, committed : Path
        Both csv or both json. A number that one of them lacks is not compared here: `COMPARE` says
        what is missing.

    Returns
    -------
    absolute, relative : float
        Relative to the committed number; infinite where that one is zero and the other is not.
    where : str
        Place of the largest relative difference; empty without any.
    """
    new, old = _numbers(fresh), _numbers(committed)
    shared = [place for place in old if place in new]
    apart = np.abs([new[place] - old[place] for place in shared])
    size = np.abs([old[place] for place in shared])
    if not np.any(apart > 0):
        return 0.0, 0.0, ""
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(apart > 0, apart / size, 0.0)
    most = int(np.nanargmax(relative))
    return float(np.nanmax(apart)), float(relative[most]), shared[most]


def _numbers(path: Path) -> dict[str, float]:
    """Every number of a csv or json file by its place in it."""
    if path.suffix == ".csv":
        table = pd.read_csv(path, **CSV)
        return {
            f"column {column!r}, row {row}": float(value)
            for column in table.select_dtypes("number")
            for row, value in enumerate(table[column], 1)
        }
    flat = pd.json_normalize(json.loads(path.read_text(encoding="utf-8")), sep="\0")
    return {
        ", ".join(repr(part) for part in str(name).split("\0")): float(values.iloc[0])
        for name, values in flat.items()
        if isinstance(values.iloc[0], (int, float))
    }


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


def compare_pictures(fresh: bytes, committed: bytes) -> list[str]:
    """Whether two drawings look different; fonts and rounding of positions are no difference."""
    try:
        new, old = (_seen(picture) for picture in (fresh, committed))
    except OSError as error:
        return [f"the picture cannot be read: {error}"]
    if any(abs(a / b - 1) > RESIZED for a, b in zip(new.size, old.size, strict=True)):
        return [f"the picture has {new.size} pixels, committed {old.size}"]
    blur = ImageFilter.GaussianBlur(BLUR)
    apart = ImageChops.difference(new.resize(old.size).filter(blur), old.filter(blur))
    # The largest of the three colours, spot by spot.
    red, green, blue = apart.split()
    most = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    place = most.point(lambda value: 255 * (value > CONTRAST)).getbbox()
    return [f"the picture is another one, in the box {place} of {old.size} pixels"] if place else []


def _seen(picture: bytes) -> Image.Image:
    """A picture as it appears on a white page."""
    image = Image.open(BytesIO(picture)).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def _compare_png(fresh: Path, committed: Path) -> list[str]:
    return compare_pictures(fresh.read_bytes(), committed.read_bytes())


COMPARE = {
    ".csv": compare_csv,
    ".json": _compare_json,
    ".png": _compare_png,
    ".tex": _compare_text,
}


def _shown(cell: NotebookNode) -> list[Any]:
    """What a reader sees of a cell's output as text."""
    outputs = cell.get("outputs", [])
    text = [
        o.get("text") or {k: v for k, v in o.get("data", {}).items() if not k.startswith("image/")}
        for o in outputs
    ]
    return [*text, *alternative_texts(outputs)]


def alternative_texts(outputs: list[NotebookNode]) -> list[str | None]:
    """Alternative text of each figure among the outputs of a cell; None where it has none."""
    return [f.get("metadata", {}).get("image/png", {}).get("alt") for f in _figures(outputs)]


def _pictures(cell: NotebookNode) -> list[bytes]:
    return [b64decode(f["data"]["image/png"]) for f in _figures(cell.get("outputs", []))]


def _figures(outputs: list[NotebookNode]) -> list[NotebookNode]:
    return [o for o in outputs if "image/png" in o.get("data", {})]
