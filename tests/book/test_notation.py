"""Every symbol in a formula is in the table of notation, and has one row there."""

import re
from collections import Counter
from pathlib import Path

import pytest

from replication.config import NOTEBOOKS, ROOT
from tests.support.prose import unfenced

NOTATION = ROOT / "book" / "notation.md"
PAGES = [*sorted((ROOT / "book").glob("*.md")), *sorted(NOTEBOOKS.glob("*.md"))]
CODE = re.compile(r"^(`{3,})(?:\{(?:code-cell|raw)\}[^\n]*|\w*)$.*?^\1$", re.DOTALL | re.MULTILINE)
FORMULA = re.compile(r"\$\$(.*?)\$\$|(?<![\\$\w])\$([^$\n]+)\$", re.DOTALL)
# Words, operators and accents are no symbols; upright letters are named with their command.
NO_SYMBOL = re.compile(
    r"\\(?:text|label|operatorname)\{[^}]*\}"
    r"|\\(?:log|exp|sum|qquad|quad|cdot|times|frac|left|right|big|hat|bar|tilde|ge|le|neq|mid|in"
    r"|ldots|mathbf|sqrt|sim|approx|max|min|[,;!{}])(?![a-zA-Z])"
)
SYMBOL = re.compile(r"\\mathrm\{\w+\}|t(?=\()|\\[a-zA-Z]+|[a-zA-Z]")


def formulas(page: Path) -> list[str]:
    text = CODE.sub("", unfenced(page.read_text(encoding="utf-8")))
    return [display or inline for display, inline in FORMULA.findall(text)]


def symbols(formula: str) -> set[str]:
    return set(SYMBOL.findall(NO_SYMBOL.sub(" ", formula)))


def first(formula: str) -> str:
    """The symbol that an entry of the table is about, without its indices."""
    return SYMBOL.findall(NO_SYMBOL.sub(" ", formula))[0]


def rows() -> list[list[str]]:
    """Symbols of each row of the table."""
    text = NOTATION.read_text(encoding="utf-8")
    cells = re.findall(r"^\* - (\$.*)$", text, re.MULTILINE)
    return [[first(formula) for _, formula in FORMULA.findall(cell)] for cell in cells]


def known() -> set[str]:
    """Symbols of the table, those that its meanings introduce included."""
    return {s for formula in formulas(NOTATION) for s in symbols(formula)}


def test_a_symbol_has_one_row() -> None:
    count = Counter(symbol for row in rows() for symbol in set(row))
    assert len(count) > 30
    assert [symbol for symbol, number in count.items() if number > 1] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_symbols_of_a_page_are_in_the_table(page: Path) -> None:
    assert {s for formula in formulas(page) for s in symbols(formula)} - known() == set()


def test_every_row_is_used_by_a_page() -> None:
    used = {s for p in PAGES if p != NOTATION for f in formulas(p) for s in symbols(f)}
    assert {symbol for row in rows() for symbol in row} - used == set()


@pytest.mark.parametrize(
    ("formula", "found"),
    [
        (r"\hat\psi_m\,\hat\pi_m", {r"\psi", r"\pi", "m"}),
        (r"t(G^* - 1)", {"t", "G"}),
        (r"\log \mathrm{E}[y_{udt}]", {r"\mathrm{E}", "y", "u", "d", "t"}),
        (r"\beta_{\text{with mediators}}", {r"\beta"}),
    ],
)
def test_symbols_are_read_from_formulas(formula: str, found: set[str]) -> None:
    assert symbols(formula) == found
