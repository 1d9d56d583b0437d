"""Workbooks that the tests make, of the shape of the Leiden Ranking 2023, written part by part."""

from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path
from xml.sax.saxutils import escape

from replication.records.open.leiden.fields import COLUMNS, FIELDS
from replication.records.open.universities import university_names
from tests.support import xlsx

HEADS = ["Rank", *COLUMNS, "PP_collab", "PP_collab_lb"]
"""What is read, and columns before and after that are not."""
Row = dict[str, str | float | None]


def leiden_rows(
    names: Iterable[tuple[str, str]], periods: Iterable[str] = ("2006–2009", "2018–2021")
) -> list[Row]:
    """Rows of universities (name and country), in every field, period and way to count."""
    rows: list[Row] = []
    for number, ((name, country), field, period, counting) in enumerate(
        product(names, FIELDS, periods, (0, 1))
    ):
        papers = 100.0 + number // 2
        rows.append(
            {
                "Rank": 1.0, "University": name, "Country": country, "Field": field,
                "Period": period, "Frac_counting": float(counting),
                "impact_P": papers if not counting else papers / 3, "collab_P": papers,
                "P_collab": papers - 10, "P_int_collab": papers - 50, "P_industry_collab": 7.0,
                "P_short_dist_collab": 20.0, "P_long_dist_collab": 30.0,
                "PP_collab": (papers - 10) / papers, "PP_collab_lb": None,
            }
        )  # fmt: skip
    return rows


def listed() -> list[tuple[str, str]]:
    """Every name that the table of names has for the workbook, and two that are not ours."""
    rows = university_names("leiden-panel")
    shared = rows["note"].str.extract("^two campuses under one name: (.*)$")[0].dropna()
    ours = [*rows.loc[rows["name"] != "", "name"], *shared.unique()]
    others = [("Northeastern University", "United States"), ("Fuzhou University", "China")]
    return [*((name, "China") for name in ours), *others]


def write(
    path: Path, rows: Iterable[Row], heads: list[str] = HEADS, sheet: str = "Results"
) -> Path:
    """Write a workbook with two sheets, Explanation and `sheet`; its texts are shared."""
    texts: dict[str, int] = {}

    def lines() -> Iterator[str]:
        yield _row(1, dict(zip(heads, heads, strict=True)), heads, texts)
        for number, row in enumerate(rows, start=2):
            yield _row(number, row, heads, texts)

    def shared() -> str:
        return "".join(f"<si><t>{escape(text)}</t></si>" for text in texts)

    return xlsx.write_parts(path, {"Explanation": ([], ""), sheet: (lines(), "")}, shared)


def _row(number: int, row: Row, heads: list[str], texts: dict[str, int]) -> str:
    cells = []
    for at, head in enumerate(heads):
        value, place = row[head], f"{xlsx.letters(at)}{number}"
        if isinstance(value, str):
            cells.append(f'<c r="{place}" t="s"><v>{texts.setdefault(value, len(texts))}</v></c>')
        elif value is not None:
            cells.append(f'<c r="{place}"><v>{value!r}</v></c>')
    return f'<row r="{number}">{"".join(cells)}</row>'
