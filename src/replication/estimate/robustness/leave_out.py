"""How far the answer hangs on one university, one discipline or one year."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from replication.errors import DesignError
from replication.estimate import few_clusters
from replication.estimate.design import STUDY, Design
from replication.records import checks, small_cells

EVERYTHING = "nothing left out"


def leave_one_out(
    data: pd.DataFrame,
    design: Design = STUDY,
    *,
    by: Sequence[str] = ("university", "discipline", "year"),
    **changes: Any,
) -> pd.DataFrame:
    """Estimate without each value of some columns in turn.

    Parameters
    ----------
    data, design, **changes
        As for `verbs.did`, with one regressor of interest.
    by : sequence of str
        Columns, each with two values at least.

    Returns
    -------
    DataFrame
        ``by``, ``left_out``, ``estimate``; its first row is the whole, ``by`` empty. In a run of
        chapters on the reader's records, what is of fewer than three universities is suppressed:
        its name is a mark, its estimate missing.

    Raises
    ------
    DesignError
        If `by` is empty.
    MissingColumnError
        If a column is not there.
    NoVariationError
        If without some value the treatment does not vary: it names the value.

    Notes
    -----
    The values of a column are taken for clusters, and `few_clusters.leave_one_out` does the rest:
    exactly for least squares, with one Newton step from the whole for PPML.

    Examples
    --------
    The last row, the highest estimate, is that of the panel without 2018.

    >>> panel = rp.load_panel()
    >>> last = rp.leave_one_out(panel, by=["year"]).iloc[-1]
    >>> rest = rp.did(panel[panel["year"] != 2018])["exposure × post"]
    >>> print(f"{last.left_out}: {last.estimate:.3f}, {rest.estimate:.3f}")
    2018: 1.589, 1.589
    """
    design, columns = design.but(**changes), [by] if isinstance(by, str) else list(by)
    if not columns:
        raise DesignError("by= names no column: there is nothing to leave out")
    checks.require_columns(data, columns, "leaving one value out")
    whole = few_clusters.parted(data, design.but(cluster=columns[0], variance="CR1"), "the whole")
    rows = [("", EVERYTHING, whole.estimate)]
    for column in columns:
        found = few_clusters.leave_one_out(data, design.but(cluster=column, variance="CR1"))
        if small_cells.in_force():
            # The difference from the whole is what one university, or too few, did.
            few = small_cells.behind(data, column).map(len) < small_cells.FEWEST
            small = few.reindex(found.index, fill_value=True)
            found = found.mask(small)
            found.index = found.index.astype(str).where(~small, small_cells.MARK)
            # Their place in the order would tell them.
            found = found.sort_values(kind="stable")
        rows += [(column, str(value), float(estimate)) for value, estimate in found.items()]
    return pd.DataFrame(rows, columns=["by", "left_out", "estimate"])
