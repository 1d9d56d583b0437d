"""Tables on the pages of a PDF, their columns told apart by vertical rules.

Text alone would not do: where thousands are set off by a blank, ``1 783 887 3 685`` may be two
numbers, three or four.
"""

import bisect
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pdfplumber
import pypdfium2
from pdfplumber.utils.clustering import cluster_objects
from pdfplumber.utils.exceptions import PdfminerException

from replication.errors import SchemaError

NAMES = "学校名称"
"""Head of the column of names, which is the first."""
TOUCH = 3.0
"""Points that the bottoms of words in one line, or the parts of one rule, differ by at most."""


class Block(NamedTuple):
    """What one page has of a table.

    ``page`` is counted from 1 in the file; ``title`` is the line above the table, without the word
    table, its number and the unit; ``heads`` has the text over each column; ``names`` is empty
    where the page goes on with the columns of the page before (``named`` is False).
    """

    page: int
    title: str
    named: bool
    heads: list[str]
    names: list[str]
    rows: list[list[str]]


class Document:
    """An open PDF: the text of all pages, quickly, and the table of one page, by place."""

    def __init__(self, path: Path, fast: Any, exact: Any) -> None:
        self.file, self._fast, self._exact = path.name, fast, exact

    def texts(self) -> list[str]:
        """Text of each page, its lines in the order of the file."""
        return [page.get_textpage().get_text_range() for page in self._fast]

    def block(self, page: int) -> Block:
        """Return the table on a page, counted from 0; raise `SchemaError` if it has none."""
        place = f"{self.file}, page {page + 1}"
        sheet = self._exact.pages[page]
        try:
            words = sheet.extract_words()
            edges = [edge for edge in sheet.edges if edge["orientation"] == "v"]
        finally:
            sheet.close()
        rules, bottom = _rules(edges)
        if not rules:
            raise SchemaError(f"{place}: no vertical rules, by which columns are told apart")
        lines = [
            _cells(line, rules)
            for line in cluster_objects([w for w in words if w["bottom"] < bottom], "bottom", TOUCH)
        ]
        first = next((at for at, line in enumerate(lines) if all(map(_number, line[1:]))), None)
        if first is None:
            raise SchemaError(f"{place}: no row has a number in every column")
        head, body = lines[:first], lines[first:]
        title = plain(" ".join(head[0]))
        over = [plain("".join(column)) for column in zip(*head[1:], strict=True)]
        # The page on the right begins with a rule, and with nothing before it.
        named = over[0].endswith(NAMES)
        if not named and any(line[0] for line in body):
            raise SchemaError(f"{place}: names without the head {NAMES}, or a number before a rule")
        return Block(
            page=page + 1,
            title=re.sub(r"^(续?表[0-9]*)|单位:.*$", "", title),
            named=named,
            heads=over[1:],
            names=[plain(line[0]) for line in body] if named else [],
            rows=[line[1:] for line in body],
        )


@contextmanager
def opened(path: Path) -> Iterator[Document]:
    """Open a PDF; raise `SchemaError` if the file is none, or is damaged."""
    try:
        with pypdfium2.PdfDocument(path) as fast, pdfplumber.open(path) as exact:
            if len(fast) != len(exact.pages):
                raise SchemaError(f"{path.name} is damaged: its pages cannot all be found")
            yield Document(path, fast, exact)
    except (OSError, pypdfium2.PdfiumError, PdfminerException) as error:
        raise SchemaError(
            f"{path.name} cannot be read as PDF, or is cut off: {error or type(error).__name__}"
        ) from error


def plain(text: str) -> str:
    """Text without blanks, its brackets and colons in one width."""
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", text))


def _number(cell: str) -> bool:
    return bool(re.fullmatch(r"[0-9 ]+", cell))


def _rules(edges: list[dict[str, Any]]) -> tuple[list[float], float]:
    """Places of the rules that part the columns, and the bottom of the table.

    A rule is drawn in pieces, one a row; those of the frame are drawn at its corners only.
    """
    rules = []
    for pieces in cluster_objects(edges, "x0", TOUCH):
        top, bottom = min(e["top"] for e in pieces), max(e["bottom"] for e in pieces)
        drawn = sum(e["bottom"] - e["top"] for e in pieces)
        rules.append((sum(e["x0"] for e in pieces) / len(pieces), top, bottom, drawn))
    if not rules:
        return [], 0.0
    bottom = max(rule[2] for rule in rules)
    tallest = max(rule[2] - rule[1] for rule in rules)
    whole = [
        x
        for x, top, end, drawn in rules
        if end > bottom - TOUCH and min(end - top, drawn) > 0.6 * tallest
    ]
    return whole, bottom + TOUCH


def _cells(line: list[dict[str, Any]], rules: list[float]) -> list[str]:
    """Texts of a line by column; its words keep a blank between them."""
    cells: list[list[str]] = [[] for _ in range(len(rules) + 1)]
    for word in sorted(line, key=lambda word: word["x0"]):
        cells[bisect.bisect(rules, (word["x0"] + word["x1"]) / 2)].append(word["text"])
    return [" ".join(cell) for cell in cells]
