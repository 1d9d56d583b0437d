"""A panel of fewer records: tables that may be missing, and the columns that go with them.

Who has patents and the ministry's statistics alone can ask what those answer. What the rest would
have told is left out of the panel, so that its claims are not testable; nothing replaces it.
"""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from replication.records import schema
from replication.records.classify import load_ipc
from replication.records.registry import Choices

GOES_WITH = {
    "grades": ("grade", "advantaged"),
    "papers": ("papers_foreign",),
    "hires": ("hires_overseas", "exposure_us", "exposure_elsewhere"),
}
"""Tables that may be missing, and the columns of the panel that are made of them."""


def absent(records: Mapping[str, object]) -> list[str]:
    """Tables that are not among `records` and may be missing."""
    return [name for name in GOES_WITH if name not in records]


def columns(tables: list[str]) -> list[str]:
    """Columns of the panel that are made of these tables."""
    return [column for name in tables for column in GOES_WITH[name]]


def completed(
    records: Mapping[str, pd.DataFrame | Path], choices: Choices
) -> dict[str, pd.DataFrame | Path]:
    """Records with a table in the place of each that is missing, which the builder runs on.

    Without grades, a cell is a university and any discipline of the categories that has a patent
    class: which of them a university offers is not known, and a cell without any joint patent tells
    a Poisson model nothing. Papers and hires are none.
    """
    whole = dict(records)
    for name in absent(records):
        dtypes = schema.RECORDS[name].dtypes
        whole[name] = pd.DataFrame({c: pd.Series(dtype=d.type) for c, d in dtypes.items()})
    universities, catalogue = records.get("universities"), records.get("disciplines")
    if isinstance(universities, pd.DataFrame) and isinstance(catalogue, pd.DataFrame):
        of_patents = catalogue["discipline"].isin(load_ipc()["discipline"])
        chosen = catalogue[of_patents & catalogue["category"].isin(choices.categories)]
        if "grades" not in records:
            cells = universities[["university"]].merge(chosen[["discipline"]], how="cross")
            whole["grades"] = cells.assign(grade=pd.Series(None, cells.index, "str"))
    return whole


def said(tables: list[str]) -> list[str]:
    """A sentence for each table that is missing."""
    return [
        f"{name}: no such table, so that the panel has no column {', '.join(GOES_WITH[name])}"
        + (
            "; a cell is a university and any discipline that has a patent class"
            if name == "grades"
            else ""
        )
        for name in tables
    ]


def for_want_of(column: str) -> str | None:
    """Table whose want leaves a panel without a column, or None if no such table may be missing."""
    return next((name for name, made in GOES_WITH.items() if column in made), None)
