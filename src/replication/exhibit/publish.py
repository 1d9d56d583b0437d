"""Publishing: one call shows an exhibit in the notebook and writes it to ``results/``.

``results/<chapter>/`` holds, for a table, its numbers (csv) and its LaTeX; for a figure, the
drawing (png) and the numbers drawn (csv); ``numbers.json`` for prose and ``exhibits.json``, the
registry that the list of exhibits and every check are made from.
"""

import html
import io
import json
import math
import re
from copy import copy
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
from maketables import MTable

from replication.config import results
from replication.errors import RegistryError
from replication.exhibit.figures import Figure
from replication.exhibit.tables import Table

SOURCES = {
    "simulated": "Simulated data with a planted effect: no finding about any real university.",
    "published": "Real data of published studies, as shipped in public packages.",
    "restricted": "Licensed records of the reader.",
    "open": "Open data on real universities.",
    "coded": "Coded by us from published texts: no measurement.",
    "none": "No data.",
}

LATEX = str.maketrans(
    {
        **{sign: f"\\{sign}" for sign in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "−": "$-$",
        # After a line break, LaTeX would take a bracket for the break's height.
        "[": "{[}",
    }
)
"""What LaTeX does not print as it is written."""

_chapter: dict[str, str] = {}


def chapter(name: str, source: str) -> None:
    """Open a chapter: its exhibits go to ``results/<name>/`` and say that their data are `source`.

    Raises
    ------
    RegistryError
        If `source` is not one of `SOURCES`, or `name` could not be a file's.
    """
    if not re.fullmatch(r"\w+", name):
        raise RegistryError(f"chapter {name!r} must be the name of its file without the suffix")
    _require_source(source)
    _chapter.update(name=name, source=source)
    _folder().mkdir(parents=True, exist_ok=True)


def publish(
    name: str, exhibit: Table | Figure, *, title: str, note: str = "", source: str | None = None
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
    source = source or _open()["source"]
    _require_source(source)
    notes = [note, exhibit.note if isinstance(exhibit, Table) else "", SOURCES[source]]
    note = " ".join(n for n in notes if n)
    exhibit.data.to_csv(_folder() / f"{name}.csv", index=False, lineterminator="\n")
    head = f'<p class="exhibit-title" id="{name}">{html.escape(title)}</p>'
    foot = f'<p class="exhibit-note">{html.escape(note)}</p>'
    if isinstance(exhibit, Table):
        _show_table(name, exhibit, title, note, head, foot)
    else:
        _show_figure(name, exhibit, head, foot)
    entry = {"kind": kind, "title": title, "source": source, "note": note}
    _register("exhibits.json", name, entry)


def number(name: str, value: Any, style: str = "{:.3f}") -> None:
    """Register a number for prose: `value` as `style` prints it, by ``{glue:text}`` in the text.

    Parameters
    ----------
    name : str
        Unique in the book.
    value : number
    style : str
        Format, as ``"{:.3f}"``; a minus becomes a true minus sign.

    Raises
    ------
    RegistryError
        If no chapter is open, the name is no word, the value is not finite or does not fit `style`.
    """
    from myst_nb import glue

    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise RegistryError(f"number {name!r} must be of lower-case letters, digits, _")
    plain = value.item() if hasattr(value, "item") else value
    if pd.isna(plain) or (isinstance(plain, float) and not math.isfinite(plain)):
        raise RegistryError(f"number {name!r} is {plain}: prose cannot print it")
    try:
        text = style.format(plain)
    except ValueError as error:
        raise RegistryError(f"number {name!r}: {plain!r} as {style!r}: {error}") from None
    if not isinstance(plain, str):
        text = text.replace("-", "−")
    _register("numbers.json", name, {"value": plain, "text": text})
    # As a quoted string: unquoted, 1,000 would be read as a pair and 0.270 lose its zero.
    glue(name, text, display=False)


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


def _show_table(name: str, table: Table, title: str, note: str, head: str, foot: str) -> None:
    from IPython.display import display

    printed = table.printed
    body = _web(str(printed.make("html")), "exhibit words" if table.words else "exhibit")
    latex = _latex(printed, name, title, note)
    (_folder() / f"{name}.tex").write_text(latex + "\n", encoding="utf-8")
    text = printed.df.map(lambda v: re.sub(r"\s*\n\s*", " ", str(v)))
    if text.index.nlevels > 1:
        text = text.droplevel(0)  # names of the parts of the table, which are not printed
    bundle = {
        "text/html": head + body + foot,
        "text/latex": latex,
        "text/plain": f"{title}\n\n{text.to_string()}\n\n{note}",
    }
    display(bundle, raw=True)


def _latex(printed: MTable, name: str, title: str, note: str) -> str:
    """LaTeX of a table; maketables leaves it to us to escape what LaTeX reads as commands."""
    table = copy(printed)
    table.df = printed.df.map(_escape)
    table.df.index, table.df.columns = (_escaped(axis) for axis in printed.df.axes)
    table.notes, table.caption, table.tab_label = _escape(note), _escape(title), name
    return str(table.make("tex"))


def _escaped(labels: pd.Index) -> pd.Index:
    if isinstance(labels, pd.MultiIndex):
        return pd.MultiIndex.from_tuples([tuple(map(_escape, entry)) for entry in labels])
    return pd.Index([_escape(label) for label in labels])


def _escape(text: Any) -> str:
    return str(text).translate(LATEX)


def _web(table: str, css: str = "exhibit") -> str:
    """HTML of great_tables without what differs from run to run or belongs to the style sheet.

    It draws a new identifier for every rendering, repeats identifiers between tables, brings its
    own style, and names groups of rows that are not to be seen.
    """
    table = re.sub(r"<style>.*?</style>", "", table, flags=re.DOTALL)
    table = re.sub(r'<tr class="gt_group_heading_row">.*?</tr>', "", table, flags=re.DOTALL)
    table = re.sub(r"<tfoot>.*?</tfoot>", "", table, flags=re.DOTALL)
    table = re.sub(r' (id|headers|style|data-quarto-[\w-]+)="[^"]*"', "", table)
    table = re.sub(r"\n\s*\n+", "\n", table).strip()
    return re.sub(r"^<div>", f'<div class="{css}">', table) + "\n"


def _show_figure(name: str, figure: Figure, head: str, foot: str) -> None:
    from IPython.display import HTML, Image, display

    drawn = picture(figure)
    (_folder() / f"{name}.png").write_bytes(drawn)
    display(HTML(head))
    display(Image(drawn, alt=figure.alt))
    display(HTML(foot))


def picture(figure: Figure) -> bytes:
    """Drawing as PNG, whatever the settings of the program that asks for it."""
    buffer = io.BytesIO()
    with mpl.rc_context():
        mpl.rcdefaults()
        figure.canvas.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def load_registry(folder: Path | None = None) -> pd.DataFrame:
    """All exhibits under ``results/``: chapter, name, kind, title, source, note."""
    rows = [
        {"chapter": path.parent.name, "name": name, **entry}
        for path in sorted((folder or results()).glob("*/exhibits.json"))
        for name, entry in json.loads(path.read_text(encoding="utf-8")).items()
    ]
    return pd.DataFrame(rows, columns=["chapter", "name", "kind", "title", "source", "note"])
