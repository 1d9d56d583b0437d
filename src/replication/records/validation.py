"""Reading a table and holding it to its schema, with errors that name column, row and rule."""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pyarrow import ArrowException, parquet

from replication.errors import SchemaError
from replication.writing import Progress, silent

# What the largest exports stay below: all Chinese patents since 1985 are some 51 million rows.
MOST = (100_000_000, 1_000, 2**35)
"""Rows, columns and bytes of a table."""
PIECE = 100_000
"""Rows of a file that are looked at together."""


def type_name(column: pa.Column) -> str:
    """Name of a column's type as the codebook and the messages print it."""
    name = str(column.dtype).split("[")[0]
    return {"string": "text", "str": "text", "datetime64": "date (datetime64, no zone)"}.get(
        name, name
    )


def read(path: Path) -> pd.DataFrame:
    """Read a Parquet file, or raise `SchemaError` if it is none."""
    with _reading(path):
        _require_size(path, parquet.read_metadata(path))
        return pd.read_parquet(
            path,
            engine="pyarrow",
            page_checksum_verification=True,
            to_pandas_kwargs={"date_as_object": False},
        )


def attributes(path: Path) -> dict[Hashable, Any]:
    """What a Parquet file remembers of its frame (``DataFrame.attrs``); raises as `read` does."""
    with _reading(path):
        # An empty table of the file's schema brings them without a row.
        return parquet.read_schema(path).empty_table().to_pandas().attrs


def require_valid(path: Path, schema: pa.DataFrameSchema, progress: Progress = silent) -> None:
    """Hold a Parquet file to its schema as `validate` does a table, a piece of it at a time.

    Of a table without a key alone: rows of two pieces are not compared. Raises as `read` and
    `validate` do; rows are counted from the first of the file.
    """
    with _reading(path), parquet.ParquetFile(path, page_checksum_verification=True) as file:
        _require_size(path, file.metadata)
        rows = file.metadata.num_rows
        pieces = file.iter_batches(PIECE, use_threads=False)
        first = 0
        # A file without rows has no piece, and says so by its empty table.
        for piece in pieces if rows else [file.schema_arrow.empty_table()]:
            validate(piece.to_pandas(date_as_object=False), schema, str(path), first)
            first += piece.num_rows
            progress(f"{path.name}: {first:,} of {rows:,} rows are as they should be")


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn what a file that is no Parquet raises into a `SchemaError`."""
    try:
        yield
    except (OSError, ValueError, TypeError, LookupError, ArrowException) as error:
        raise SchemaError(f"{path} cannot be read as Parquet: {error}") from error


def _require_size(path: Path, size: parquet.FileMetaData) -> None:
    """Raise `SchemaError` if a file would unfold to more than `MOST`."""
    found = (size.num_rows, size.num_columns, _bytes(size))
    if any(n > most for n, most in zip(found, MOST, strict=True)):
        raise SchemaError(
            "{} would unfold to {:,} rows, {:,} columns and {:,} bytes: a table may have {:,}, "
            "{:,} and {:,}; look for a fault of the export, or leave out rows of other "
            "years".format(path, *found, *MOST)
        )


def _bytes(size: parquet.FileMetaData) -> int:
    """Bytes of a file when it is unpacked."""
    return sum(size.row_group(group).total_byte_size for group in range(size.num_row_groups))


def validate(
    table: pd.DataFrame, schema: pa.DataFrameSchema, where: str, first: int = 0
) -> pd.DataFrame:
    """Return `table` with its columns in the schema's order; its rows are counted from `first`.

    Raises
    ------
    SchemaError
        Names `where` it is from, and for each fault the column, the first row, the value, the rule.
    """
    if not len(table):
        raise SchemaError(f"{where} has no rows")
    if table.columns.nlevels > 1:
        raise SchemaError(f"{where} has column names in {table.columns.nlevels} rows: keep one")
    table = table.set_axis(pd.RangeIndex(first, first + len(table)))
    # A column in which every row is empty has no type of its own.
    empty = [c for c in schema.columns if schema.columns[c].nullable and _is_empty(table, c)]
    table = table.astype(dict.fromkeys(empty, "str"))
    try:
        return schema.validate(table, lazy=True)[list(schema.columns)]
    except pa.errors.SchemaErrors as errors:
        cases = errors.failure_cases
        # A column of the wrong type fails its other checks for no reason of its own.
        is_type = cases["check"].astype(str).str.startswith("dtype")
        cases = cases[is_type | ~cases["column"].isin(cases.loc[is_type, "column"])]
        # Nor is a key repeated of which a column is missing.
        if not set(schema.unique or []) <= set(table.columns):
            cases = cases[cases["check"] != "multiple_fields_uniqueness"]
        # One line for each column and rule; a repeated key is one fault of all its columns.
        of_table = cases["check"].astype(str).str.startswith("column_in")
        about = cases["column"].mask(of_table, cases["failure_case"]).astype(str)
        about = about.mask(cases["check"] == "multiple_fields_uniqueness", "")
        cases = cases[~cases.assign(about=about).duplicated(["about", "check"])]
        lines = [_fault(case, schema, table) for case in cases.head(10).to_dict("records")]
        raise SchemaError(
            f"{where} is not a valid table {schema.name!r} (see the codebook; rows are counted "
            "from 0):\n  " + "\n  ".join(lines)
        ) from None


def _is_empty(table: pd.DataFrame, column: str) -> bool:
    return list(table.columns).count(column) == 1 and bool(table[column].isna().all())


def _shown(value: Any) -> str:
    """A value as Python writes it, not as NumPy or pandas does, and no longer than a line."""
    if isinstance(value, pd.Timestamp):
        value = str(value)
    said = repr(value.item() if isinstance(value, np.generic) else value)
    return said if len(said) <= 80 else f"{said[:60]}… ({len(said):,} characters)"


def _fault(case: dict[Any, Any], schema: pa.DataFrameSchema, table: pd.DataFrame) -> str:
    """One line for one failed check."""
    column, check, value, row = (case[k] for k in ("column", "check", "failure_case", "index"))
    if check == "column_in_dataframe":
        return f"column {value!r} is missing: add it"
    if check == "column_in_schema":
        return f"column {value!r} is not known: remove or rename it"
    if check == "dataframe_column_labels_unique":
        return f"column {', '.join(value)} is there more than once: keep one"
    if str(check).startswith("dtype"):
        dtype = table[column].dtype
        mixed = pd.api.types.is_object_dtype(dtype)
        found = f"holds {_shown(value)}" if mixed else f"has type {dtype}"
        return f"column {column!r} {found}, not {type_name(schema.columns[column])}"
    if check == "not_nullable":
        return f"column {column!r} is empty in row {int(row)}: fill it"
    if check == "multiple_fields_uniqueness":
        key = list(schema.unique)
        same = table[key].eq(table.loc[row, key]) | table[key].isna() & table.loc[row, key].isna()
        first, second = table.index[same.all(axis=1)][:2]
        said = ", ".join(f"{c} {table.loc[row, c]}" for c in key)
        return f"rows {first} and {second} have the same key ({said}): keep one"
    return f"column {column!r}, row {int(row)}: {_shown(value)} breaks the rule {check}"
