"""Sheets of a workbook of the ministry's statistics, each held to its totals."""

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from replication.errors import SchemaError
from replication.records.ingest.files import BOOKS
from replication.records.ingest.ministry.heads import (
    Column,
    Grid,
    Head,
    head_of,
    letter,
    names_row,
    text,
)
from replication.records.ingest.tables import require_values

TOTAL, SUBTOTAL = re.compile("合计|总计|共计|总数"), re.compile("小计")
EDITION = re.compile(r"((?:19|20)[0-9]{2})年高等学校科技统计资料汇编")
YEAR = re.compile(r"((?:19|20)[0-9]{2})年?(?:度)?")
MOST_BYTES = 20_000_000
"""Of a workbook of statistics: larger ones are exports, and are not opened twice."""
REMARK, EMPTY = "subtotal or remark of the export", "empty row"


class Found(NamedTuple):
    """What a workbook says.

    ``cells`` has a row a number: ``name`` (as written), ``year``, ``measure``, ``value``, and where
    it is: ``file``, ``sheet``, ``row``, ``column``. ``dropped`` counts the other rows by reason.
    """

    path: Path
    cells: pd.DataFrame
    dropped: Counter[str]
    about: str


def is_statistics(path: Path) -> bool:
    """Whether a file is a workbook with names of universities under the compilation's head."""
    if path.suffix.lower() not in BOOKS or path.stat().st_size > MOST_BYTES:
        return False
    try:
        return any(names_row(_grid(sheet)) for _, sheet in _sheets(path))
    except (CalamineError, OSError, ValueError):
        return False


def read_workbook(path: Path) -> Found:
    """Read every sheet of a workbook.

    The head may be of several rows with merged cells; years stand in a column, in the head, or in
    the title of the sheet. An edition of the compilation is of the calendar year before.

    Raises
    ------
    SchemaError
        Names file, sheet, row, column, value and remedy of a cell that is no number, a total that
        its rows do not add up to, a head or year that is not clear.
    """
    require_values(path)
    cells: list[tuple[object, ...]] = []
    dropped: Counter[str] = Counter()
    said = []
    for title, sheet in _sheets(path):
        grid = _grid(sheet)
        if names_row(grid) is None and not any(_is_number(v) for row in grid for v in row):
            dropped[REMARK] += len(grid)
            continue
        where = f"{path}, sheet {title}"
        head = head_of(grid, title, where)
        found = _body(grid, head, path, title, where, dropped)
        dropped[REMARK] += head.below
        cells += found
        said.append(f"{title}: {', '.join(sorted({c.measure for c in head.columns}))}")
    names = ["name", "year", "measure", "value", "file", "sheet", "row", "column"]
    return Found(path, pd.DataFrame(cells, columns=names), dropped, "; ".join(said))


def _sheets(path: Path) -> list[tuple[str, CalamineSheet]]:
    book = CalamineWorkbook.from_path(path)
    sheets = [(name, book.get_sheet_by_name(name)) for name in book.sheet_names]
    return [(name, sheet) for name, sheet in sheets if sheet.height > 0]


def _grid(sheet: CalamineSheet) -> Grid:
    """Cells of a sheet, every cell that was merged with what the whole says."""
    grid: Grid = [list(row) for row in sheet.to_python(skip_empty_area=False)]
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or []:
        for row in range(top, min(bottom + 1, len(grid))):
            for column in range(left, min(right + 1, len(grid[row]))):
                grid[row][column] = grid[top][left]
    return grid


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _body(
    grid: Grid, head: Head, path: Path, sheet: str, where: str, dropped: Counter[str]
) -> list[tuple[object, ...]]:
    """Numbers below a head; the totals among the rows are held to them."""
    general = _general_year(head, path, sheet, where)
    kept: list[tuple[object, ...]] = []
    sums: list[tuple[int, str, str, dict[Column, float]]] = []
    for number, row in enumerate(grid[head.below :], start=head.below + 1):
        name = text(row[head.names])
        filled = [column for column in head.columns if text(row[column.at])]
        if not any(text(value) for value in row):
            dropped[EMPTY] += 1
        elif not name and filled:
            raise SchemaError(
                f"{where}, row {number}: has numbers and no name: write the university, or 合计"
            )
        elif not filled and not _may_be_university(name):
            # A heading such as a province's, or a note below the table.
            dropped[REMARK] += 1
        else:
            values = {c: _value(row[c.at], c, number, where) for c in head.columns}
            year = text(row[head.years]) if head.years is not None else ""
            sums.append((number, name, year, values))
            if TOTAL.search(name) or SUBTOTAL.search(name):
                dropped[REMARK] += 1
                continue
            for column, value in values.items():
                own = column.year or _row_year(year, number, head, where) or general
                if own is None:
                    raise SchemaError(
                        f"{where}, column {column.head}: of which year? Add a column 年份, or "
                        "write the year into the title of the sheet"
                    )
                at = (str(path), sheet, number, letter(column.at))
                kept.append((name, own, column.measure, value * column.scale, *at))
    _require_totals(sums, where)
    return kept


def _may_be_university(name: str) -> bool:
    return bool(re.search(r"(大学|学院)(\(.*\))?$", name))


def _value(cell: object, column: Column, row: int, where: str) -> float:
    place = f"{where}, row {row}, column {letter(column.at)} ({column.head})"
    if isinstance(cell, bool) or not text(cell) or text(cell) in ("-", "--", "—", "…"):
        raise SchemaError(
            f"{place}: {cell!r} is no number: write 0 if it is none, or take the row out"
        )
    if isinstance(cell, (int, float)):
        value = float(cell)
    else:
        # Thousands are set off by blanks or commas.
        written = str(cell).strip().replace("\u3000", " ").replace("\xa0", " ")
        if not re.fullmatch(r"[0-9]+([ ,，][0-9]{3})*(\.[0-9]+)?", written):
            raise SchemaError(f"{place}: {cell!r} is no number: correct the cell")
        value = float(re.sub(r"[ ,，]", "", written))
    if value < 0:
        raise SchemaError(f"{place}: {cell!r} is below zero: correct the cell")
    if column.measure != "rd_spending" and value % 1:
        raise SchemaError(f"{place}: {cell!r} is no whole number: correct the cell")
    return value


def _row_year(written: str, row: int, head: Head, where: str) -> int | None:
    if head.years is None:
        return None
    if not (found := YEAR.fullmatch(written)):
        raise SchemaError(
            f"{where}, row {row}, column {letter(head.years)} (年份): {written!r} is no year: "
            "write one such as 2016"
        )
    return int(found[1])


def _general_year(head: Head, path: Path, sheet: str, where: str) -> int | None:
    """Calendar year that the title, the name of the sheet or that of the file says."""
    said = {
        int(edition) - 1
        for one in (head.title, text(sheet), text(path.stem))
        for edition in EDITION.findall(one)
    }
    rest = [EDITION.sub("", one) for one in (head.title, text(sheet))]
    said |= {int(year) for one in rest for year in re.findall(r"((?:19|20)[0-9]{2})年", one)}
    if re.fullmatch("(19|20)[0-9]{2}", sheet.strip()):
        said.add(int(sheet))
    if len(said) > 1:
        raise SchemaError(
            f"{where}: is of {' and '.join(map(str, sorted(said)))}? An edition is of the year "
            "before; leave one year in title and names"
        )
    return said.pop() if said else None


def _require_totals(sums: list[tuple[int, str, str, dict[Column, float]]], where: str) -> None:
    """Hold the totals to the rows of their year, and subtotals to those since the last."""
    for at, (number, name, year, printed) in enumerate(sums):
        if TOTAL.search(name):
            parts = [one for one in sums if not year or one[2] == year]
        elif SUBTOTAL.search(name):
            start = max((i for i in range(at) if _is_sum(sums[i][1])), default=-1)
            parts = sums[start + 1 : at]
        else:
            continue
        parts = [one for one in parts if not _is_sum(one[1])]
        for column, value in printed.items():
            found = sum(one[3][column] for one in parts)
            # A number with decimals is off by half of the last.
            off = 0.005 * len(parts) if any(one[3][column] % 1 for one in parts) else 1e-6
            if abs(found - value) > off:
                raise SchemaError(
                    f"{where}, row {number}, column {letter(column.at)} ({column.head}): {name} is "
                    f"{value:,.10g} and the {len(parts)} rows add up to {found:,.10g}: a row is "
                    "missing, twice or misread; correct it"
                )


def _is_sum(name: str) -> bool:
    return bool(TOTAL.search(name) or SUBTOTAL.search(name))
