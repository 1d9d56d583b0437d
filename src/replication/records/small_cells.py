"""Cells that rest on too few to be published from licensed records: a mark in their place.

They are suppressed in a run of chapters on the reader's own records, and in no other: simulated
universities are nobody.
"""

from typing import Any

import numpy as np
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


def behind(panel: pd.DataFrame, by: Any, column: str | None = None) -> "pd.Series[Any]":
    """Universities in each group of rows, of which a column is above zero if one is named.

    Returns
    -------
    Series of frozenset
        By group; empty where there is none.
    """
    own = panel if "university" in panel else panel.assign(university=range(len(panel)))
    counted = own if column is None else own[own[column] > 0]
    found = counted.groupby(by)["university"].agg(frozenset)
    every = own.groupby(by).size().index
    return found.reindex(every).map(lambda one: one if isinstance(one, frozenset) else frozenset())


def with_complement(
    small: "pd.Series[bool]", size: "pd.Series[float]", who: "pd.Series[Any]"
) -> "pd.Series[bool]":
    """Suppress further parts of a total until what is suppressed is of enough universities.

    Parameters
    ----------
    small : Series of bool
        Parts that rest on too few.
    size : Series of float
        What each rests on; the smallest of the others goes first.
    who : Series of frozenset
        Universities behind each, as of `behind`.
    """
    found = small.copy()
    while found.any() and not found.all():
        together = frozenset().union(*who[found.to_numpy()])
        if found.sum() > 1 and len(together) >= FEWEST:
            break
        others = np.flatnonzero(~found)
        found.iloc[others[size.iloc[others].argmin()]] = True
    return found


def marked(values: pd.Series, small: Any) -> pd.Series:
    """Put the mark in the place of the values that are small; the others stay as they are."""
    return values.astype(object).mask(small, MARK)


def at_places(panel: pd.DataFrame, column: str) -> tuple[bool, bool, bool]:
    """Whether the smallest, the middle and the largest value are of too few universities.

    Of an even number of rows the median is between two values, and of those who have either.
    """
    values = panel[column]
    middle = [values.quantile(0.5, interpolation=side) for side in ("lower", "higher")]
    low, mid, high = (
        universities_with(panel, values.isin(held)) < FEWEST
        for held in ([values.min()], middle, [values.max()])
    )
    return low, mid, high


def reached(panel: pd.DataFrame, column: str) -> int:
    """Largest count that enough universities reach."""
    most = panel.groupby("university")[column].max() if "university" in panel else panel[column]
    return int(most.nlargest(FEWEST).iloc[-1])
