"""Records that a reader need not have: the panel without them, and what cannot be tested."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from replication.errors import SourceUnavailableError
from replication.records import schema
from replication.records.classify import load_ipc
from replication.records.manifest import table_path
from replication.records.registry import Choices, load_claims
from replication.records.variables import CONTROLS

COLUMNS = {
    "resources": tuple(CONTROLS),
    "grades": ("grade", "advantaged"),
    "papers": ("papers_foreign",),
    "hires": ("hires_overseas", "exposure_us", "exposure_elsewhere"),
}
"""Tables that may be absent, and the columns of the panel that need them."""


def files(folder: Path) -> dict[str, Path]:
    """Files of the record tables in a folder, by table.

    Raises
    ------
    SourceUnavailableError
        A table that the panel cannot be without is not there; or one is absent and a Parquet file
        has a name that is no table's, so that it may be the one.
    """
    every = {name: table_path(folder, name) for name in (*schema.RECORDS, *schema.OPTIONAL)}
    found = {name: path for name, path in every.items() if path.is_file()}
    absent = [name for name in schema.RECORDS if name not in found]
    # A folder or a link to nowhere that has the name of a table was meant to be one.
    meant = {name for name, path in every.items() if path.exists() or path.is_symlink()}
    if needed := [every[name].name for name in absent if name not in COLUMNS or name in meant]:
        raise SourceUnavailableError(
            f"{folder} does not hold {', '.join(needed)}: data/restricted/README.md says how to "
            "bring your own records; `replication simulate --out NEW_FOLDER` writes simulated ones"
        )
    known = {path.name for path in every.values()} | {"panel.parquet"}
    odd = sorted(path.name for path in folder.glob("*.parquet") if path.name not in known)
    if absent and odd:
        raise SourceUnavailableError(
            f"{folder} does not hold {', '.join(every[name].name for name in absent)}, and "
            f"{odd[0]} is no table of records: give it the name of the table that it is, or take "
            "it out of the folder"
        )
    return found


def lacking(tables: Iterable[str]) -> list[str]:
    """Columns of the panel that records of these tables cannot give."""
    has = set(tables)
    return [c for name, columns in COLUMNS.items() if name not in has for c in columns]


def completed(records: Mapping[str, Any], choices: Choices) -> dict[str, Any]:
    """Record tables with one in the place of each that is absent.

    Raises
    ------
    SourceUnavailableError
        If a table is absent that the panel cannot be without.
    """
    absent = [name for name in schema.RECORDS if name not in records]
    if needed := [name for name in absent if name not in COLUMNS]:
        raise SourceUnavailableError(
            f"records without {', '.join(needed)}: a panel cannot be without "
            f"{'it' if len(needed) == 1 else 'them'}; the codebook describes each table"
        )
    return {**records, **{name: _stand_in(name, records, choices) for name in absent}}


def _stand_in(name: str, records: Mapping[str, Any], choices: Choices) -> pd.DataFrame:
    """Table that takes the place of one that is absent, so that the rest can be counted.

    Without grades every university has a cell in each discipline of the catalogue that a patent
    class leads to; cells in which nothing happens tell a Poisson model nothing. The other tables
    are empty.
    """
    described = schema.RECORDS[name]
    if name != "grades":
        return pd.DataFrame({c: pd.Series(dtype=d.type) for c, d in described.dtypes.items()})
    universities, disciplines = records["universities"], records["disciplines"]
    kept = disciplines["category"].isin(choices.categories)
    reached = disciplines.loc[kept & disciplines["discipline"].isin(load_ipc()["discipline"])]
    made = universities[["university"]].merge(reached[["discipline"]], how="cross")
    made["grade"] = pd.Series(pd.NA, made.index, dtype="str")
    return made.astype({c: d.type for c, d in described.dtypes.items()})


def said(tables: Iterable[str]) -> Iterator[str]:
    """A sentence on each table that is absent: what cannot be tested for want of it."""
    has, needs = set(tables), load_claims()["needs"]
    for name, columns in COLUMNS.items():
        if name in has:
            continue
        claims = [str(claim) for claim, needed in needs.items() if set(needed) & set(columns)]
        untested = f"; {', '.join(claims)} not testable for want of it" if claims else ""
        yield f"{name}: no such table, so the panel has no {', '.join(columns)}{untested}"
