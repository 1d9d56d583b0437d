"""Publishing: one call shows an exhibit in the notebook and writes it to ``results/``.

``results/<chapter>/`` holds, for a table, its numbers (csv) and its LaTeX; for a figure, the
drawing (png) and the numbers drawn (csv); ``numbers.json`` for prose and ``exhibits.json``, the
registry that the list of exhibits and every check are made from.
"""

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, overload

import pandas as pd

from replication.config import own_records, results
from replication.errors import RegistryError
from replication.exhibit.render import bundle, frame, to_png
from replication.exhibit.tables import Table
from replication.exhibit.theme import Figure
from replication.records import small_cells
from replication.records.checks import require_columns
from replication.records.study.choices import MARK, in_force, said

SOURCES = {
    "simulated": "Simulated data with a planted effect: no finding about any real university.",
    "published": "Real data of published studies, as shipped in public packages.",
    "restricted": "Licensed records of the reader.",
    "open": "Open data on real universities.",
    "coded": "Coded by us from published texts: no measurement.",
    "none": "No data.",
}

SUPPRESSED = (
    f"{small_cells.MARK}: suppressed, for it rests on fewer than {small_cells.FEWEST} patents or "
    "universities, or would give back what does."
)

COEFFICIENT = {
    "estimate": "",
    "std_error": "_se",
    "lower": "_lower",
    "upper": "_upper",
    "p_value": "_p",
}
"""Columns of a table of coefficients, and how the names of their numbers end."""

STYLE = "{:.3f}"

_chapter: dict[str, str] = {}


def chapter(name: str, source: str) -> None:
    """Open a chapter: its exhibits go to ``results/<name>/`` and say that their data are `source`.

    In a run of chapters on the reader's records, what would be simulated is theirs, and says so.

    Raises
    ------
    RegistryError
        If `source` is not one of `SOURCES`, or `name` could not be a file's.
    """
    if source == "simulated" and own_records():
        source = "restricted"
    if not re.fullmatch(r"\w+", name):
        raise RegistryError(f"chapter {name!r} must be the name of its file without the suffix")
    _require_source(source)
    _chapter.update(name=name, source=source)
    _folder().mkdir(parents=True, exist_ok=True)


def publish(
    name: str,
    exhibit: Table | Figure,
    *,
    title: str,
    note: str = "",
    aim: str = "",
    source: str | None = None,
) -> None:
    """Show a table or figure, write it to ``results/``, register it.

    Parameters
    ----------
    name : str
        ``tab-…`` or ``fig-…``; the anchor of links to it and the name of its files.
    exhibit : Table or Figure
    title : str
        One line without a final stop.
    note : str
        Sentences for below the exhibit; the source and, for a table, the variance are added.
    aim : str
        Sentences on what a design aims at, left out where nothing was planted.
    source : str, optional
        One of `SOURCES`, where it is another than the chapter's.

    Raises
    ------
    RegistryError
        If no chapter is open, the name does not fit the exhibit, the title is none, or the source
        is unknown.
    """
    kind = "tab" if isinstance(exhibit, Table) else "fig"
    if not re.fullmatch(rf"{kind}-[a-z0-9-]+", name):
        raise RegistryError(
            f"exhibit name {name!r} must be {kind}-… of lower-case letters, digits, -"
        )
    if not title.strip() or "\n" in title or title.endswith("."):
        raise RegistryError(f"title of {name}, {title!r}, must be one line without a final stop")
    from IPython.display import HTML, Image, display

    source = source or _open()["source"]
    _require_source(source)
    notes = [note, "" if own_records() else aim]
    notes += [exhibit.note if isinstance(exhibit, Table) else "", SOURCES[source], said()]
    note = " ".join(n for n in notes if n)
    file = _folder() / name
    if source == "restricted" and exhibit.data.isin([small_cells.MARK]).to_numpy().any():
        note += f" {SUPPRESSED}"
    exhibit.data.to_csv(file.with_suffix(".csv"), index=False, lineterminator="\n")
    if isinstance(exhibit, Table):
        shown = bundle(exhibit, name, title, note)
        file.with_suffix(".tex").write_text(shown["text/latex"] + "\n", encoding="utf-8")
        display(shown, raw=True)
    else:
        picture, (head, foot) = to_png(exhibit), frame(name, title, note)
        file.with_suffix(".png").write_bytes(picture)
        display(HTML(head))
        display(Image(picture, alt=exhibit.alt))
        display(HTML(foot))
    entry: dict[str, Any] = {"kind": kind, "title": title, "source": source, "note": note}
    if in_force():
        entry["choices"] = {one.row: one.value for one in in_force()}
    _register("exhibits.json", name, entry)


def number(name: str, value: Any, style: str = STYLE, *, universities: int | None = None) -> None:
    """Register a number for prose: `value` as `style` prints it, by ``{glue:text}`` in the text.

    Parameters
    ----------
    name : str
        Unique in the book.
    value : number
    style : str
        Format, as ``"{:.3f}"``; a minus becomes a true minus sign.
    universities : int, optional
        How many the number rests on; licensed records of fewer than three are suppressed.

    Raises
    ------
    RegistryError
        If no chapter is open, the name is no word, the value is not finite or does not fit `style`.
    """
    from myst_nb import glue

    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise RegistryError(f"number {name!r} must be of lower-case letters, digits, _")
    plain = value.item() if hasattr(value, "item") else value
    if own_records() and pd.isna(plain):
        return  # Such as what was planted: it is not known of real records, and not printed.
    if own_records() and universities is not None and universities < small_cells.FEWEST:
        plain, style = small_cells.MARK, "{}"
    if pd.isna(plain) or (isinstance(plain, float) and not math.isfinite(plain)):
        raise RegistryError(f"number {name!r} is {plain}: prose cannot print it")
    try:
        text = style.format(plain)
    except ValueError as error:
        raise RegistryError(f"number {name!r}: {plain!r} as {style!r}: {error}") from None
    if not isinstance(plain, str):
        text = text.replace("-", "−")
    if in_force():
        text += MARK
    _register("numbers.json", name, {"value": plain, "text": text})
    # As a quoted string: unquoted, 1,000 would be read as a pair and 0.270 lose its zero.
    glue(name, text, display=False)


@overload
def numbers(names: Mapping[str, Any], style: str = ..., /) -> None: ...
@overload
def numbers(names: str, row: pd.Series, style: str = ..., /) -> None: ...
def numbers(names: Any, what: Any = STYLE, style: str = STYLE, /) -> None:
    """Register several numbers for prose, as `number` does.

    ``numbers("did", row)`` registers a coefficient with its inference from a row of a table of
    coefficients: ``did`` (the estimate), ``did_se``, ``did_lower``, ``did_upper``, ``did_p``.
    ``numbers({"n_rows": 8, "n_years": 2}, "{:,d}")`` registers those named, in one style.

    Parameters
    ----------
    names : str or mapping of str to number
    row : Series
        A row of `Estimate.frame`, where `names` is the name of a coefficient.
    style : str

    Raises
    ------
    MissingColumnError
        If the row lacks what the table of an estimate has.
    RegistryError
        As `number`; then nothing of this call is registered after the number that is named.
    """
    if isinstance(names, str):
        require_columns(what.to_frame().T, list(COEFFICIENT), f"the numbers of {names!r}")
        names = {names + suffix: what[column] for column, suffix in COEFFICIENT.items()}
    else:
        style = what
    for name, value in names.items():
        number(name, value, style)


def _require_source(source: str) -> None:
    if source not in SOURCES:
        raise RegistryError(f"source {source!r} is not one of {', '.join(SOURCES)}")


def _open() -> dict[str, str]:
    if not _chapter:
        raise RegistryError("no chapter is open: call chapter(name, source=…) in the first cell")
    return _chapter


def _folder() -> Path:
    return results() / _open()["name"]


def _register(file: str, name: str, entry: dict[str, Any]) -> None:
    path = _folder() / file
    entries = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    entries[name] = entry
    text = json.dumps(entries, ensure_ascii=False, indent=1) + "\n"
    path.write_text(text, encoding="utf-8")


def load_registry(folder: Path | None = None) -> pd.DataFrame:
    """All exhibits under ``results/``: chapter, name, kind, title, source, note."""
    rows = [
        {"chapter": path.parent.name, "name": name, **entry}
        for path in sorted((folder or results()).glob("*/exhibits.json"))
        for name, entry in json.loads(path.read_text(encoding="utf-8")).items()
    ]
    return pd.DataFrame(rows, columns=["chapter", "name", "kind", "title", "source", "note"])
