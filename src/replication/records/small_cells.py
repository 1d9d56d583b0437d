"""Cells that rest on too few to be published from licensed records: a mark in their place.

They are suppressed in a run of chapters on the reader's own records, and in no other: simulated
universities are nobody.
"""

from typing import Any

import pandas as pd

from replication.config import own_records

FEWEST = 3
"""Patents, and universities, that a published cell rests on at least."""
MARK = f"<{FEWEST}"
"""What stands in the place of a cell that rests on fewer; no number and no blank."""


def in_force() -> bool:
    """Whether small cells are suppressed in this run."""
    return own_records() is not None


def universities_with(panel: pd.DataFrame, rows: "pd.Series[bool]") -> int:
    """Universities that have any of these rows; where a table names none, each row is its own."""
    kept = panel.loc[rows]
    return int(kept["university"].nunique()) if "university" in kept else len(kept)


def small_groups(panel: pd.DataFrame, by: str | list[str]) -> "pd.Series[bool]":
    """Whether each group of rows is of fewer universities than may be published.

    Returns
    -------
    Series of bool
        By group.
    """
    if by == "university":
        return panel.groupby(by).size() >= 0
    if "university" not in panel:
        return panel.groupby(by).size() < FEWEST
    return panel.groupby(by)["university"].nunique() < FEWEST


def with_complement(small: "pd.Series[bool]", size: "pd.Series[float]") -> "pd.Series[bool]":
    """Suppress a second part of a total that would give back the only one that is suppressed.

    Parameters
    ----------
    small : Series of bool
        Parts that rest on too few.
    size : Series of float
        What each rests on; the smallest of the others goes as well.
    """
    if int(small.sum()) != 1 or small.all():
        return small
    second = size[~small].idxmin()
    return small | (small.index == second)


def marked(values: pd.Series, small: Any) -> pd.Series:
    """Put the mark in the place of the values that are small; the others stay as they are."""
    return values.astype(object).mask(small, MARK)


def extremes(panel: pd.DataFrame, column: str) -> tuple[bool, bool]:
    """Whether the smallest and the largest value of a column are of too few universities."""
    values = panel[column]
    low, high = (
        universities_with(panel, values == end) < FEWEST for end in (values.min(), values.max())
    )
    return low, high
