"""The dates that the analysis of real universities rests on, as data."""

from pathlib import Path
from typing import Literal, Self

import pandas as pd
from pydantic import Field, model_validator

from replication.config import DATA
from replication.errors import NoVariationError
from replication.records.toml import Row, Text, read, require_ids

EDITIONS = DATA / "the_editions.toml"


class Edition(Row):
    """When an edition of THE's ranking appeared, and of which year its income is."""

    edition: int
    published: int
    income_year: int
    evidence: Literal["bounded", "collection", "rule"]
    source: Text

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.income_year < self.published < self.edition:
            raise ValueError("income_year, published and edition must follow each other")
        return self


class Editions(Row):
    """All editions that are used."""

    edition: list[Edition] = Field(min_length=1)


def load_editions(path: Path = EDITIONS) -> pd.DataFrame:
    """Read the dates of the THE editions, indexed by ``edition``, with the fields of `Edition`.

    Raises
    ------
    RegistryError
        Names the file, the row and the field at fault; an edition that is out of order.
    """
    rows = read(path, Editions).edition
    found = [str(row.edition) for row in rows]
    require_ids(path, "edition", found, [str(rows[0].edition + n) for n in range(len(rows))])
    return pd.DataFrame([row.model_dump() for row in rows]).set_index("edition")


def first_edition(year: int, path: Path = EDITIONS) -> int:
    """First edition whose research income is of `year` or later.

    Raises
    ------
    NoVariationError
        There is none.
    """
    editions = load_editions(path)
    late = editions.index[editions["income_year"] >= year]
    if late.empty:
        raise NoVariationError(
            f"{path.name}: no edition has income of {year} or later; the last is of "
            f"{editions['income_year'].max()}"
        )
    return int(late.min())
