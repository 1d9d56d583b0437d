"""Where the builder's expressions run: on this machine within a memory limit, or on a cluster.

An engine holds record tables, frames or Parquet files, for Ibis expressions; each row of a record
table has a number in ``row``. What is used more than once is kept: computed once, and out of
memory where it is large. With the engine all that it kept goes.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path
from typing import Protocol

import ibis.expr.types as ir
import pandas as pd

from replication.errors import SourceUnavailableError

ROW = "row"
"""Number of a row of a record table; which one a row has, means nothing."""
BACKENDS = {
    "duckdb": "replication.panel.engine.on_duckdb",
    "spark": "replication.panel.engine.on_spark",
}
"""Modules of the engines, by the name of `--backend`: each opens one with ``open_engine``."""

Keep = Callable[[ir.Table], ir.Table]
"""Computes a table once for the expressions that use it."""


class Engine(Protocol):
    """What the builder asks of a backend."""

    def table(self, name: str, content: pd.DataFrame | Path) -> ir.Table:
        """Make a frame, or a Parquet file that stays where it is, a table with `ROW`."""

    def keep(self, table: ir.Table) -> ir.Table:
        """Compute a table once."""

    def frame(self, table: ir.Table) -> pd.DataFrame:
        """Fetch a table."""


def open_engine(backend: str, memory: int | None) -> AbstractContextManager[Engine]:
    """Open an engine that keeps this process within `memory` bytes.

    `SourceUnavailableError` says that the backend is unknown, or what it lacks on this machine.
    """
    if backend not in BACKENDS:
        raise SourceUnavailableError(
            f"backend {backend!r} is not one of those the builder runs on: {', '.join(BACKENDS)}"
        )
    return import_module(BACKENDS[backend]).open_engine(memory)
