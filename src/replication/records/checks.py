"""What every design asks of its data, checked before anything is estimated.

A check either passes, raises an error of `replication.errors` that names the column and what to
do, or drops rows and counts them with the reason: nothing is dropped in silence.
"""

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd

from replication import errors


def require_columns(data: pd.DataFrame, columns: Sequence[str], purpose: str) -> None:
    """Raise `MissingColumnError` unless the columns are there that "are needed for" `purpose`."""
    missing = [c for c in columns if c not in data.columns]
    if missing:
        raise errors.MissingColumnError(
            f"column {', '.join(map(repr, missing))} is needed for {purpose}, and the table does "
            f"not have it; it has: {', '.join(map(str, data.columns))}"
        )


def require_unique(data: pd.DataFrame, key: Sequence[str]) -> None:
    """Raise `MissingValueError` on a gap in the key, `DuplicateRowsError` on a repeated key."""
    require_columns(data, key, "the key of a row (unit and time)")
    gaps = data[list(key)].isna()
    if gaps.to_numpy().any():
        column = next(c for c in key if gaps[c].any())
        raise errors.MissingValueError(
            f"key column {column!r} is missing in {int(gaps[column].sum())} rows, first in row "
            f"{_first(gaps[column])}: a row without its key belongs to no unit; fill the key or "
            "remove the row"
        )
    duplicate = data.duplicated(list(key), keep=False)
    if duplicate.any():
        first = data.loc[duplicate, list(key)].iloc[0].to_dict()
        raise errors.DuplicateRowsError(
            f"{int(duplicate.sum())} rows share their key {tuple(key)}, first {first}: aggregate "
            "them, or name the columns that tell them apart with unit= and time="
        )


def complete_rows(
    data: pd.DataFrame, columns: Sequence[str], missing: str
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Keep the rows that are complete and finite in `columns`.

    Parameters
    ----------
    data : DataFrame
    columns : sequence of str
    missing : {"raise", "drop"}
        What to do with the others: raise `MissingValueError` on the first column with a gap, or
        drop and count them under the first column, in the order of `columns`, that is missing.

    Returns
    -------
    kept : DataFrame
    dropped : dict of str to int
        Reason and number of rows.
    """
    if missing not in ("raise", "drop"):
        raise ValueError(f"missing must be 'raise' or 'drop', not {missing!r}")
    kept = np.ones(len(data), dtype=bool)
    dropped: dict[str, int] = {}
    for column in columns:
        values = data[column]
        if pd.api.types.is_numeric_dtype(values):
            bad = ~np.isfinite(values.to_numpy(dtype=float, na_value=np.nan))
        else:
            bad = values.isna().to_numpy()
        if bad.any() and missing == "raise":
            raise errors.MissingValueError(
                f"column {column!r} is missing or infinite in {int(bad.sum())} of {len(data)} "
                f"rows, first in row {_first(pd.Series(bad, data.index))}; fill it, or pass "
                "missing='drop' to drop those rows and have them counted"
            )
        if fresh := int((bad & kept).sum()):
            dropped[f"no value of {column}"] = fresh
        kept &= ~bad
    return data[kept], dropped


def _first(rows: pd.Series) -> str:
    """Label of the first row that is true, as Python writes it."""
    return repr(rows.index[rows.fillna(False).to_numpy(dtype=bool)].tolist()[0])


def as_numbers(data: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Make `columns` plain floats, a gap NaN; raise `SchemaError` on what is no number."""
    numbers = {}
    for column in dict.fromkeys(columns):
        values = data[column]
        if not pd.api.types.is_numeric_dtype(values):
            values = pd.to_numeric(values.astype(object), errors="coerce")
            text = values.isna() & data[column].notna()
            if text.any():
                raise errors.SchemaError(
                    f"column {column!r} holds {data[column][text].iloc[0]!r}, which is no number "
                    f"({int(text.sum())} such rows, first row {_first(text)}); recode the "
                    "column, or name another"
                )
        numbers[column] = values.to_numpy(dtype=float, na_value=np.nan)
    return data.assign(**numbers)


def require_whole_numbers(data: pd.DataFrame, column: str) -> None:
    """Raise `SchemaError` if a column of complete numbers holds a fraction."""
    fraction = data[column] % 1 != 0
    if fraction.any():
        raise errors.SchemaError(
            f"column {column!r} must hold whole numbers; {int(fraction.sum())} rows do not, first "
            f"row {_first(fraction)} ({data[column][fraction].iloc[0]}): count the periods "
            "since treatment began as …, -2, -1, 0, 1, …"
        )


def require_flag(data: pd.DataFrame, column: str) -> None:
    """Raise `SchemaError` if a column of numbers holds anything but 0, 1 and gaps."""
    other = data[column].notna() & ~data[column].isin([0, 1])
    if other.any():
        raise errors.SchemaError(
            f"column {column!r} must be 0 before and 1 from the first treated period on, and holds "
            f"{data[column][other].tolist()[0]:g} in row {_first(other)} ({int(other.sum())} rows "
            f"hold another number): compare it with the first treated period, as data[{column!r}] "
            ">= first, and name the result with post="
        )


def warn_if_staggered(data: pd.DataFrame, post: str, unit: Sequence[str], time: str) -> None:
    """Warn, by `StaggeredTreatmentWarning`, if treated units are treated from different times on.

    That is, if in some period `post` is 1 in one unit and 0 in another that is treated at some
    time. Units that never are may be 0 throughout.
    """
    # Labels of the index may repeat, and its levels bear the names of columns.
    table = data[list(dict.fromkeys([post, *unit, time]))].reset_index(drop=True)
    ever = table.groupby(list(unit), observed=True)[post].transform("max") > 0
    both = table[ever].groupby(time, observed=True)[post].nunique() > 1
    if both.any():
        warnings.warn(
            f"{post!r} is 1 in some treated units and 0 in others in {int(both.sum())} periods of "
            f"{time!r}, first {both.index[both].tolist()[0]!r}: treatment is staggered; two-way "
            "fixed effects then average comparisons with units that are treated already, which may "
            "have the wrong sign; see staggered.dynamic_effects",
            errors.StaggeredTreatmentWarning,
            stacklevel=2,
        )


def require_weights(data: pd.DataFrame, column: str) -> None:
    """Raise `WeightError` unless every weight is above zero."""
    none = data[column] <= 0
    if none.any():
        raise errors.WeightError(
            f"weights {column!r} are zero or below in {int(none.sum())} rows, first in row "
            f"{_first(none)} ({data[column][none].tolist()[0]:g}): a row of no weight is no row; "
            "take such rows out, or correct their weights"
        )


def require_constant(data: pd.DataFrame, column: str, unit: Sequence[str]) -> None:
    """Raise `SchemaError` if a column differs within a unit."""
    several = data.groupby(list(unit), observed=True)[column].transform("nunique") > 1
    if several.any():
        first = data.loc[several.to_numpy(), list(unit)].iloc[0].to_dict()
        raise errors.SchemaError(
            f"column {column!r} must have one value a unit, and has several in "
            f"{int(several.sum())} rows, first {first}: correct it, or name the unit with unit="
        )


def require_balanced(data: pd.DataFrame, unit: Sequence[str], time: str) -> None:
    """Raise `SchemaError` if a unit lacks a period that another has; keys are unique."""
    periods = data[time].nunique()
    short = data.groupby(list(unit), observed=True)[time].transform("size") < periods
    if short.any():
        first = data.loc[short.to_numpy(), list(unit)].iloc[0].to_dict()
        raise errors.SchemaError(
            f"{int(short.sum())} rows are of units without all {periods} periods of {time!r}, "
            f"first {first}: fill the periods, or take such units out"
        )


def require_variation(data: pd.DataFrame, columns: Sequence[str]) -> None:
    """Raise `NoVariationError` if a column of `columns` holds one value only."""
    for column in columns:
        if data[column].nunique() < 2:
            value = data[column].tolist()[0] if len(data) else "no rows"
            raise errors.NoVariationError(
                f"{column!r} does not vary ({value!r} in all {len(data)} rows): its coefficient "
                "does not exist; check the treatment, the first treated year and the sample"
            )


def require_outcome_variation(values: pd.Series, label: str) -> None:
    """Raise `NoVariationError` if an outcome has one value only: nothing could explain it."""
    if values.nunique() < 2:
        value = values.tolist()[0]
        raise errors.NoVariationError(
            f"outcome {label!r} does not vary ({value!r} in all {len(values)} rows): no effect on "
            "it can be estimated; check the column, its scale and the sample"
        )


def require_clusters(data: pd.DataFrame, cluster: str) -> None:
    """Raise `TooFewClustersError` if `cluster` has fewer than two values."""
    groups = data[cluster].nunique()
    if groups < 2:
        raise errors.TooFewClustersError(
            f"cluster column {cluster!r} has {groups} value: a clustered standard error needs at "
            "least two (and many more to be trusted); name another column with cluster="
        )


def require_nonnegative(data: pd.DataFrame, outcome: str, model: str) -> None:
    """Raise `NegativeCountError` if the outcome is negative somewhere."""
    negative = data[outcome] < 0
    if negative.any():
        raise errors.NegativeCountError(
            f"outcome {outcome!r} is negative in {int(negative.sum())} rows, first in row "
            f"{_first(negative)} ({data[outcome][negative].iloc[0]}): {model} needs counts "
            "of zero or more; look for a code for 'missing' such as -1 or -9"
        )
