"""How a table or figure is written out: HTML, LaTeX and plain text, PNG."""

import html
import io
import re
from copy import copy
from typing import Any

import matplotlib as mpl
import pandas as pd
from PIL import Image

from replication.exhibit.tables import Table
from replication.exhibit.theme import Figure

COLOURS = 256
"""Of a drawing's palette; the most that PNG has."""

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

# What great_tables draws anew for every rendering, repeats between tables, or leaves to no style
# sheet: identifiers, its own style, names of groups of rows that are not to be seen.
NOISE = (
    re.compile(r"<style>.*?</style>", re.DOTALL),
    re.compile(r'<tr class="gt_group_heading_row">.*?</tr>', re.DOTALL),
    re.compile(r"<tfoot>.*?</tfoot>", re.DOTALL),
    re.compile(r' (id|headers|style|data-quarto-[\w-]+)="[^"]*"'),
)


def bundle(table: Table, name: str, title: str, note: str) -> dict[str, str]:
    """A table for every reader, by MIME type; `name` is its anchor and label."""
    head, foot = frame(name, title, note)
    return {
        "text/html": head + to_html(table) + foot,
        "text/latex": to_latex(table, name, title, note),
        "text/plain": f"{title}\n\n{to_text(table)}\n\n{note}",
    }


def frame(name: str, title: str, note: str) -> tuple[str, str]:
    """HTML above an exhibit, with its anchor, and below it."""
    return (
        f'<p class="exhibit-title" id="{name}">{html.escape(title)}</p>',
        f'<p class="exhibit-note">{html.escape(note)}</p>',
    )


def to_html(table: Table) -> str:
    """HTML that is the same in every run and leaves its looks to the style sheet."""
    text = str(table.printed.make("html"))
    for noise in NOISE:
        text = noise.sub("", text)
    text = re.sub(r"\n\s*\n+", "\n", text).strip()
    css = "exhibit words" if table.words else "exhibit"
    return re.sub(r"^<div>", f'<div class="{css}">', text) + "\n"


def to_latex(table: Table, name: str, title: str, note: str) -> str:
    """LaTeX; maketables leaves it to us to escape what LaTeX reads as commands."""
    printed = copy(table.printed)
    printed.df = table.printed.df.map(_escape)
    printed.df.index, printed.df.columns = (_escaped(axis) for axis in table.printed.df.axes)
    printed.notes, printed.caption, printed.tab_label = _escape(note), _escape(title), name
    return str(printed.make("tex"))


def to_text(table: Table) -> str:
    """Plain text, a line a row."""
    text = table.printed.df.map(lambda v: re.sub(r"\s*\n\s*", " ", str(v)))
    if text.index.nlevels > 1:
        text = text.droplevel(0)  # names of the parts of the table, which are not printed
    return str(text.to_string())


def _escape(text: Any) -> str:
    return str(text).translate(LATEX)


def _escaped(labels: pd.Index) -> pd.Index:
    if isinstance(labels, pd.MultiIndex):
        return pd.MultiIndex.from_tuples([tuple(map(_escape, entry)) for entry in labels])
    return pd.Index([_escape(label) for label in labels])


def to_png(figure: Figure) -> bytes:
    """Drawing as PNG, whatever the settings of the program that asks for it.

    It has a palette, a third of the size: lines and letters have few colours between them.
    """
    drawn, small = io.BytesIO(), io.BytesIO()
    with mpl.rc_context():
        mpl.rcdefaults()
        figure.canvas.savefig(drawn, format="png", metadata={"Software": None})
    with Image.open(drawn) as picture:
        palette = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        palette.save(small, format="png", optimize=True, dpi=picture.info["dpi"])
    return small.getvalue()
