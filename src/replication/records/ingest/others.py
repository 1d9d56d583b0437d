"""Tables other than patents: as they are under their own headers, or as the compilation's PDF."""

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from replication.errors import SchemaError
from replication.records.ingest.tables import Table, fault_of
from replication.records.ingest.text import NO, YES
from replication.records.ingest.vendors import key, position
from replication.records.schema import RECORDS
from replication.records.validation import validate
from replication.records.variables import EXCHANGE

COMPILED = {"rd_staff": "rd_staff", "rd_spending": "rd_spending", "graduates": "research_graduates"}
"""Resources, and the columns of the compilation that have them or stand in for them."""


def read_other(base: duckdb.DuckDBPyConnection, name: str, table: Table) -> pd.DataFrame:
    """Read a record table under its English or Chinese headers.

    Returns
    -------
    DataFrame
        As `schema.RECORDS` says; ``attrs["empty"]`` counts the rows that were dropped, since no
        column that is needed was filled.

    Raises
    ------
    SchemaError
        Names file, row, column, value and rule of a fault.
    """
    schema, where = RECORDS[name], str(table.path)
    at: dict[str, int] = {}
    for column, described in schema.columns.items():
        found = [
            position(table.headers, header, where)
            for header in {
                key(column): column,
                key(described.metadata["zh"]): described.metadata["zh"],
            }.values()
        ]
        places = [place for place in found if place is not None]
        if len(places) != 1:
            raise SchemaError(
                f"{where}: column {column!r} is there {len(places)} times, under its English and "
                "its Chinese name: keep one"
            )
        at[column] = places[0]
    cells = ", ".join(f"nullif(trim(c{i}), '') AS \"{column}\"" for column, i in at.items())
    try:
        frame = base.execute(f"SELECT row, {cells} FROM {table.relation}").df()
    except duckdb.Error as error:
        raise fault_of(table.path, error) from error
    blank = frame.drop(columns="row").isna().all(axis=1)
    frame = frame[~blank].reset_index(drop=True)
    rows = frame.pop("row")
    made = {
        column: _typed(frame[column], schema.columns[column].dtype.type, rows, where, column)
        for column in at
    }
    try:
        valid = validate(pd.DataFrame(made), schema, where)
    except SchemaError as error:
        above = int(rows.iloc[0]) if len(rows) else 0
        raise SchemaError(f"{error}\n  (row 0 is row {above} of the file)") from None
    valid.attrs["empty"] = int(blank.sum())
    return valid


def _typed(values: pd.Series, dtype: Any, rows: pd.Series, where: str, column: str) -> pd.Series:
    """Give text the type of its column; `SchemaError` names the first cell that has another."""
    kind = np.dtype(dtype).kind if not isinstance(dtype, pd.StringDtype) else "U"
    plain = values.astype("str").str.normalize("NFKC")
    if kind in "iuf":
        # A thousand may be parted by commas, and a spreadsheet may write a year as 2018.0.
        number = pd.to_numeric(
            plain.where(
                ~plain.str.contains(r"\d,\d{3}(?!\d)", na=False), plain.str.replace(",", "")
            ),
            errors="coerce",
        )
        odd = number.isna() | (kind != "f") & (number % 1 != 0)
        made = number if kind == "f" else number.where(~odd, 0).astype("int64")
        said = "is no number" if kind == "f" else "is no whole number"
    elif kind == "b":
        made = plain.str.upper().map(dict.fromkeys(YES, True) | dict.fromkeys(NO, False))
        odd, said = made.isna(), "says neither yes nor no"
    else:
        return plain
    if odd.any():
        first = int(odd.to_numpy().argmax())
        raise SchemaError(
            f"{where}, row {rows.iloc[first]}, column {column!r}: {values.iloc[first]!r} {said}: "
            "correct the cell; take out subtotals and remarks"
        )
    return made.astype("bool") if kind == "b" else made


def read_pdf(path: Path) -> dict[str, pd.DataFrame]:
    """Exchange and resources of one edition of the ministry's compilation.

    The compilation prints no graduate students: those on projects of research stand in for them.
    """
    # A reader of PDF takes longer to import than a small folder to ingest.
    from replication.records.open.compilation.reader import read_compilation

    edition = read_compilation(path)
    keys = ["university", "year"]
    resources = edition[[*keys, *COMPILED.values()]].set_axis([*keys, *COMPILED], axis=1)
    tables = {"exchange": edition[[*keys, *EXCHANGE]], "resources": resources}
    return {
        name: validate(
            table.astype(
                {
                    c: d.dtype.type
                    for c, d in RECORDS[name].columns.items()
                    if d.dtype.type is not str
                }
            ),
            RECORDS[name],
            str(path),
        )
        for name, table in tables.items()
    }
