"""Tables in pieces, written as they come: the same bytes however they are cut."""

import json
from collections.abc import Hashable, Iterable, Iterator
from typing import Any, BinaryIO

import pandas as pd
import pyarrow as pa
from pyarrow import parquet

Table = pd.DataFrame | Iterable[pd.DataFrame]
"""A table, or its pieces from the first row to the last, of which there is one at least."""
ROW_GROUP = 1024 * 1024
"""Rows of a row group, as pandas writes them."""


def whole(table: Table) -> pd.DataFrame:
    """Put the pieces of a table together."""
    if isinstance(table, pd.DataFrame):
        return table
    return pd.concat(table, ignore_index=True)


def write_parquet(table: Table, known: dict[Hashable, Any], file: BinaryIO) -> int:
    """Write a table that remembers what is `known` of it; return its rows.

    The bytes are those of ``DataFrame.to_parquet(index=False, write_page_checksum=True)`` of a
    table with these attributes.
    """
    writer, rows = None, 0
    pieces = [table] if isinstance(table, pd.DataFrame) else table
    for group in _row_groups(_with(known, piece) for piece in pieces):
        if writer is None:
            attributes = {b"PANDAS_ATTRS": json.dumps(known).encode()} if known else {}
            schema = group.schema.with_metadata({**group.schema.metadata, **attributes})
            # An open file is left to whoever opened it.
            writer = parquet.ParquetWriter(
                pa.PythonFile(file, "w"), schema, write_page_checksum=True
            )
        writer.write_table(group.replace_schema_metadata(schema.metadata), ROW_GROUP)
        rows += group.num_rows
    if writer is not None:
        writer.close()
    return rows


def _with(known: dict[Hashable, Any], piece: pd.DataFrame) -> pd.DataFrame:
    piece = piece.copy(deep=False)
    piece.attrs = known
    return piece


def _row_groups(pieces: Iterable[pd.DataFrame]) -> Iterator[pa.Table]:
    """Cut pieces anew, into tables of `ROW_GROUP` rows and a last one of those that are left."""
    waiting: list[pa.Table] = []
    first = True
    for piece in pieces:
        waiting.append(pa.Table.from_pandas(piece, preserve_index=False))
        while sum(table.num_rows for table in waiting) >= ROW_GROUP:
            joined = pa.concat_tables(waiting)
            yield joined.slice(0, ROW_GROUP).combine_chunks()
            rest = joined.slice(ROW_GROUP)
            waiting, first = [rest] if rest.num_rows else [], False
    if waiting or first:
        yield pa.concat_tables(waiting).combine_chunks()
