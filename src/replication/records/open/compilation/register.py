"""The tables of the compilation, column by column, as ``data/compilation.toml`` describes them."""

from functools import cache
from typing import Self

import pandas as pd
from pydantic import model_validator

from replication.config import DATA
from replication.records.toml import Chinese, Row, Text, read

TABLES = DATA / "compilation.toml"
PREFIX = "教育部直属高等学校"
"""How the title of each table begins: universities directly under the Ministry of Education."""


class Column(Row):
    """A column: our name, the head of its own cell, and what it counts.

    A column of rounded numbers adds up to its total but for the rounding.
    """

    name: Text
    header: Chinese
    unit: Text
    rounded: bool = False


class Whole(Row):
    """A column that is the sum of others."""

    name: Text
    parts: list[Text]


class Table(Row):
    """A table: its title after `PREFIX`, the headings over its columns, and these."""

    id: Text
    title: Chinese
    what: Text
    groups: list[Chinese]
    columns: list[Column]
    wholes: list[Whole]


class Tables(Row):
    """All tables that are read."""

    table: list[Table]

    @model_validator(mode="after")
    def _names_are_clear(self) -> Self:
        names = [column.name for table in self.table for column in table.columns]
        if len(names) > len(set(names)):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"column {twice!r} is a duplicate; rename one")
        for table in self.table:
            own = {column.name for column in table.columns}
            summed = {name for whole in table.wholes for name in (whole.name, *whole.parts)}
            if unknown := sorted(summed - own):
                raise ValueError(
                    f"table {table.id!r}: 'wholes' has {unknown[0]!r}, no column of it"
                )
        return self


@cache
def tables() -> list[Table]:
    """Tables of the compilation that are read, of ``data/compilation.toml``."""
    return read(TABLES, Tables).table


def columns() -> pd.DataFrame:
    """Columns of `read_compilation`, a row each: ``name``, ``table``, ``header``, ``unit``."""
    rows = [
        {"name": column.name, "table": table.id, "header": column.header, "unit": column.unit}
        for table in tables()
        for column in table.columns
    ]
    return pd.DataFrame(rows)
