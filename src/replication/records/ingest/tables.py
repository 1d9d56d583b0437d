"""One export as columns of text in DuckDB: its header found, its faults named by line."""

import csv
import datetime as dt
import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import duckdb
import pyarrow as pa
from python_calamine import CalamineError, CalamineWorkbook

from replication.errors import SchemaError
from replication.records.ingest.files import BOOKS, LINES, as_utf8
from replication.records.ingest.papers import nested, tagged
from replication.records.ingest.papers.layouts import paper_vendor_of
from replication.records.ingest.vendors import header_score

MOST_COLUMNS = 1_000
MOST_CELL = 32 * 1024 * 1024
LOOKED_AT = 15
"""Rows from the top among which the header is."""
FORMULA = re.compile(rb'<c r="([A-Z]+[0-9]+)"[^>]*>\s*<f')


@dataclass(frozen=True)
class Table:
    """An export that was opened.

    Attributes
    ----------
    path : Path
    relation : str
        Name in DuckDB: columns ``c0``, ``c1`` … of text, and ``row``, as a spreadsheet counts.
    headers : list of str
        Of the columns, in order.
    about : str
        Encoding and sign between columns, in words.
    """

    path: Path
    relation: str
    headers: list[str]
    about: str


def open_table(path: Path, name: str, base: duckdb.DuckDBPyConnection, scratch: Path) -> Table:
    """Open an export under `name`; `SchemaError` names file, row and remedy of a fault."""
    if path.suffix.lower() == ".parquet":
        return _parquet(path, name, base)
    if path.suffix.lower() in BOOKS:
        return _workbook(path, name, base)
    if path.suffix.lower() in LINES:
        file, encoding = as_utf8(path, scratch)
        headers = nested.lines(base, name, _quoted(str(file)))
        return Table(path, name, headers, f"{encoding}, a work a line")
    return _text(path, name, base, scratch)


def _text(path: Path, name: str, base: duckdb.DuckDBPyConnection, scratch: Path) -> Table:
    file, encoding = as_utf8(path, scratch)
    with file.open(encoding="utf-8-sig", newline="") as stream:
        top = stream.read(256 * 1024)
    if which := tagged.kind(path, top):
        return _records(path, name, base, tagged.records(path, file, which), f"{which}, {encoding}")
    delimiter = _delimiter(path, top)
    rows = _first_rows(top, delimiter)
    above, headers = _header(path, rows)
    vendor = paper_vendor_of(headers)
    if unquoted := vendor is not None and vendor.unquoted:
        rows = [line.split(delimiter) for line in top.splitlines()[:LOOKED_AT]]
        # Some of these files end each line with a sign too many, their header not.
        body = rows[above + 1] if len(rows) > above + 1 else []
        headers += [""] if len(body) == len(headers) + 1 and not body[-1] else []
    quote = "quote='', escape=''" if unquoted else "quote='\"', escape='\"'"
    # A title may hold a line break; lines are what is skipped.
    lines = sum(1 + sum(c.count("\n") for c in row) for row in rows[: above + 1])
    columns = {f"c{i}": "VARCHAR" for i in range(len(headers))}
    source = (
        f"read_csv({_quoted(str(file))}, auto_detect=false, header=false, skip={lines}, "
        f"delim={_quoted(delimiter)}, {quote}, strict_mode=true, "
        f"max_line_size={MOST_CELL}, buffer_size={2 * MOST_CELL}, columns={columns!r})"
    )
    base.execute(
        f"CREATE VIEW {name} AS SELECT *, row_number() OVER () + {above + 1} AS row FROM {source}"
    )
    sign = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}[delimiter]
    return Table(path, name, headers, f"{encoding}, {sign}")


def _first_rows(top: str, delimiter: str) -> list[list[str]]:
    with io.StringIO(top, newline="") as stream:
        csv.field_size_limit(MOST_CELL)
        return list(islice(csv.reader(stream, delimiter=delimiter), LOOKED_AT))


def _records(
    path: Path, name: str, base: duckdb.DuckDBPyConnection, found: tagged.Records, about: str
) -> Table:
    """Register records that were read row by row."""
    columns = {
        f"c{i}": pa.array([row[i] for row in found.rows], pa.string())
        for i in range(len(found.headers))
    }
    base.register(name, pa.table({**columns, "row": pa.array(found.lines, pa.int64())}))
    return Table(path, name, found.headers, about)


def _delimiter(path: Path, top: str) -> str:
    """Sign between columns: the one that stands in the header most often."""
    found = dict.fromkeys(",\t;|", 0)
    for line in top.splitlines()[:LOOKED_AT]:
        if header_score(re.split(r'[,\t;|]"?', line)) >= 2:
            found = {sign: line.count(sign) for sign in found}
            break
    else:
        found = {sign: top.count(sign) for sign in found}
    best = max(found, key=lambda sign: found[sign])
    if not found[best]:
        raise SchemaError(
            f"{path}, row 1: no comma, tab, semicolon or bar: columns cannot be told apart; export "
            "it as CSV"
        )
    return best


def _header(path: Path, rows: Sequence[Sequence[str | None]]) -> tuple[int, list[str]]:
    """Number of the header among the first rows, and its columns."""
    scores = [header_score(row) for row in rows]
    best = max(scores, default=0)
    if best < 2:
        # An unknown vendor may still have a header: the first row without an empty cell.
        whole = [
            i for i, row in enumerate(rows) if len(row) > 1 and all((c or "").strip() for c in row)
        ]
        if not whole or (rows[whole[0]][0] or "").strip().isdigit():
            raise SchemaError(
                f"{path}, rows 1 to {len(rows)}: none looks like a header: put one column name "
                "above each column"
            )
        at = whole[0]
    else:
        at = scores.index(best)
        if scores.count(best) > 1:
            again = [i for i, score in enumerate(scores) if score == best][1]
            raise SchemaError(
                f"{path}, rows {at + 1} and {again + 1}: both look like a header: two exports in "
                "one file? Split it, or leave one header"
            )
    headers = [(h or "").strip().lstrip("\ufeff") for h in rows[at]]
    if len(headers) > MOST_COLUMNS:
        raise SchemaError(
            f"{path}, row {at + 1}: {len(headers):,} columns, of {MOST_COLUMNS:,} at most: look "
            "for a fault of the export"
        )
    return at, headers


def _workbook(path: Path, name: str, base: duckdb.DuckDBPyConnection) -> Table:
    require_values(path)
    try:
        book = CalamineWorkbook.from_path(path)
        sheets = [(s, book.get_sheet_by_name(s)) for s in book.sheet_names]
        filled = [(s, sheet) for s, sheet in sheets if sheet.height > 0]
    except (CalamineError, OSError, ValueError) as error:
        raise SchemaError(
            f"{path} cannot be read as a workbook ({error}): export it again"
        ) from error
    if len(filled) != 1:
        named = ", ".join(s for s, _ in filled) or "none"
        raise SchemaError(
            f"{path}: sheets with rows: {named}: one is needed; save each in a file of its own"
        )
    title, sheet = filled[0]
    rows = [[_cell(c) for c in row] for row in sheet.to_python(skip_empty_area=False)]
    above, headers = _header(path, [[c or "" for c in row] for row in rows[:LOOKED_AT]])
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or []:
        if bottom > above:
            raise SchemaError(
                f"{path}, sheet {title}: rows {top + 1} to {bottom + 1}, columns {left + 1} to "
                f"{right + 1} are merged into one cell: unmerge them and fill each"
            )
    body = rows[above + 1 :]
    numbers = list(range(above + 2, above + 2 + len(body)))
    found = tagged.Records(headers, body, numbers)
    return _records(path, name, base, found, f"sheet {title}")


def require_values(path: Path) -> None:
    """Raise `SchemaError` on a formula: its value is what a spreadsheet left there, or nothing."""
    with zipfile.ZipFile(path) as book:
        for part in book.namelist():
            if part.startswith("xl/worksheets/") and (at := FORMULA.search(book.read(part))):
                raise SchemaError(
                    f"{path}, cell {at[1].decode()}: is a formula: copy the sheet and paste it as "
                    "values"
                )


def _cell(value: object) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, (dt.datetime, dt.date)):
        return value.strftime("%Y-%m-%d")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _parquet(path: Path, name: str, base: duckdb.DuckDBPyConnection) -> Table:
    source = f"read_parquet({_quoted(str(path))})"
    try:
        if nested.is_nested(base, source):
            return Table(path, name, nested.parquet(base, name, source), "Parquet, nested")
        headers = [row[0] for row in base.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]
    except duckdb.Error as error:
        raise SchemaError(f"{path} cannot be read as Parquet: {error}") from error
    cells = ", ".join(f'"{h}"::VARCHAR AS c{i}' for i, h in enumerate(headers))
    base.execute(f"CREATE VIEW {name} AS SELECT {cells}, row_number() OVER () AS row FROM {source}")
    return Table(path, name, headers, "Parquet")


def fault_of(path: Path, error: duckdb.Error) -> SchemaError:
    """Say what DuckDB found wrong with a text file, with the line it names."""
    said = str(error)
    if path.suffix.lower() in LINES:
        return SchemaError(
            f"{path}, line {nested.bad_line(path)}: is no work in JSON: the file may be cut off: "
            "correct the line or export it again"
        )
    line = re.search(r"CSV Error on Line: (\d+)", said)
    where = f"{path}, line {line[1]}" if line else str(path)
    for sign, fault in (
        ("unterminated quote", "a quotation mark opens and is not closed"),
        ("quote should be followed", "a quotation mark stands within a cell and is not doubled"),
        ("Expected Number of Columns", "has another number of cells than the header"),
        (
            "Maximum line size",
            f"is longer than {MOST_CELL:,} bytes: a quotation mark is not closed",
        ),
        ("Too many columns", "has more cells than the header"),
    ):
        if sign.lower() in said.lower():
            return SchemaError(
                f"{where}: {fault}; the file may be cut off: correct the line or export it again"
            )
    return SchemaError(f"{where}: {said.splitlines()[0]}; correct it or export the file again")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
