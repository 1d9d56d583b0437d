"""DuckDB in this process: reads record files as they are, and spills to disk at a limit."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import ibis
import ibis.expr.types as ir
import pandas as pd

from replication.errors import ReplicationError
from replication.panel.engine import ROW
from replication.panel.memory import share_of_database


class DuckDB:
    """Tables in a database of their own, on disk."""

    def __init__(self, connection: Any, limit: int | None) -> None:
        self.connection = connection
        self.limit = limit

    def table(self, name: str, content: pd.DataFrame | Path) -> ir.Table:
        """Make a frame or a Parquet file a table."""
        if isinstance(content, Path):
            read = self.connection.read_parquet(content, file_row_number=True)
            return read.rename({ROW: "file_row_number"})
        return self.connection.create_table(name, content.assign(**{ROW: range(len(content))}))

    def keep(self, table: ir.Table) -> ir.Table:
        """Write a table to the database, compressed."""
        return self.connection.create_table(ibis.util.gen_name("kept"), table)

    def frame(self, table: ir.Table) -> pd.DataFrame:
        """Fetch a table; what it takes, the database has less of from then on."""
        if self.limit is None:
            return table.to_pandas()
        # It is there twice for a while: as Arrow brings it, and as pandas has it.
        self._limit(self.limit // 3)
        frame = table.to_pandas()
        self.limit = max(self.limit // 3, self.limit - 2 * int(frame.memory_usage().sum()))
        self._limit(self.limit)
        return frame

    def _limit(self, size: int) -> None:
        self.connection.raw_sql(f"SET memory_limit = '{size}B'")


@contextmanager
def open_engine(memory: int | None) -> Iterator[DuckDB]:
    """Open a database that goes with the context, even after an error."""
    with tempfile.TemporaryDirectory(prefix="replication-build-") as folder:
        limit = None if memory is None else share_of_database(memory)
        connection = ibis.duckdb.connect(
            Path(folder) / "records.duckdb",
            temp_directory=folder,
            preserve_insertion_order=False,
            **({} if limit is None else {"memory_limit": f"{limit}B"}),
        )
        # A slow query must not draw a progress bar into the output of a command or notebook.
        connection.raw_sql("SET enable_progress_bar = false")
        try:
            yield DuckDB(connection, limit)
        except duckdb.OutOfMemoryException as error:
            raise ReplicationError(
                f"--memory {(memory or 0) / 10**6:,.0f} MB is too little for these records, or the "
                f"disk of {tempfile.gettempdir()} is full: name more memory, or another folder for "
                f"temporary files in TMPDIR ({str(error).splitlines()[0]})"
            ) from error
        finally:
            connection.disconnect()
