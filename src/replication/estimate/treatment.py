"""The treatment of a design: its exposure, and when it begins.

A table says when treatment begins by a column that is 0 before and 1 after, by periods since it
began, or not at all: then the design says it, by its ``first_treated``.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from replication.errors import DesignError, ExposureWindowWarning, StaggeredTreatmentWarning
from replication.estimate.design import Design, columns_of
from replication.records import checks


def treatment_columns(
    data: pd.DataFrame, design: Design, columns: Sequence[str], purpose: str
) -> pd.DataFrame:
    """Make `columns`, of which a treatment is the product, numbers, and look at post.

    Post is made from `Design.first_treated`, where the design has one.

    Raises
    ------
    MissingColumnError, SchemaError
        If a column is missing or holds no numbers; if post is anything but 0 and 1.

    Warns
    -----
    StaggeredTreatmentWarning
        See `replication.records.checks.warn_if_staggered`.
    """
    if design.first_treated is not None and design.post in columns:
        dose = design.exposure if design.exposure in columns else columns[0]
        data = _with_post(data, design, dose)
    checks.require_columns(data, columns, purpose)
    data = checks.as_numbers(data, columns)
    if design.post in columns:
        checks.require_flag(data, design.post)
        unit = design.clusters if design.unit is None else columns_of(design.unit)
        if unit and {*unit, design.time} <= set(data.columns):
            exposed = data[columns[0]] != 0
            checks.warn_if_staggered(data[exposed], design.post, unit, design.time)
    return data


def product(data: pd.DataFrame, columns: Sequence[str]) -> pd.Series:
    """Product of columns, from left to right."""
    first, *others = columns
    found = data[first]
    for column in others:
        found = found * data[column]
    return found


def first_treated(data: pd.DataFrame, design: Design) -> tuple[pd.DataFrame, Any]:
    """First treated time of each row: one for all, or a column whose gaps and zeros mean never.

    Returns
    -------
    data : DataFrame
        The time, and the column, as numbers.
    first : float or Series
        NaN where a unit is never treated.

    Raises
    ------
    DesignError
        If no time lies before it, or none from it on.
    MissingColumnError, SchemaError
        If a column is missing or holds no numbers, or a unit has several first times.
    """
    asked = design.first_treated
    checks.require_columns(data, [design.time], design.purpose("time"))
    data = checks.as_numbers(data, [design.time])
    times = data[design.time].dropna()
    if not isinstance(asked, str):
        if not times.min() < asked <= times.max():
            raise DesignError(
                f"first_treated={asked!r} leaves no {design.time!r} before it or none from it on: "
                f"the table has {times.min():g} to {times.max():g}"
            )
        return data, float(asked)  # type: ignore[arg-type]
    checks.require_columns(data, [asked], "the first treated time of a unit")
    data = checks.as_numbers(data, [asked])
    first = data[asked].where(np.isfinite(data[asked]) & (data[asked] != 0))
    if design.unit is not None:
        checks.require_columns(data, columns_of(design.unit), design.purpose("unit"))
        known = data.assign(**{asked: first.fillna(0.0)})
        checks.require_constant(known, asked, columns_of(design.unit))
    return data, first


def _with_post(data: pd.DataFrame, design: Design, exposure: str) -> pd.DataFrame:
    data, first = first_treated(data, design)
    time = data[design.time]
    if isinstance(first, pd.Series):
        first = _common(first.dropna().unique(), design)
    # A row without its time has no post.
    post = (time >= first).astype(float).where(time.notna())
    if design.post in data and exposure in data and data[exposure].nunique() > 2:
        _warn_of_window(data, design, exposure, post)
    return data.assign(**{design.post: post})


def _common(times: np.ndarray, design: Design) -> float:
    """First time of all units that are ever treated: post is the same for those that never are."""
    if len(times) != 1:
        said = ", ".join(f"{time:g}" for time in sorted(times)) or "none"
        raise DesignError(
            f"{design.first_treated!r} has {len(times)} first treated times ({said}), and exposure "
            "× post has one: see staggered.dynamic_effects for units that are treated from "
            "different times on, or pass treatment= with a column of your own"
        )
    return float(times[0])


def _warn_of_window(data: pd.DataFrame, design: Design, exposure: str, post: pd.Series) -> None:
    """Warn where a dose was measured before another time than the one that is now called treated.

    A group, 0 or 1, is not measured in a window.
    """
    own = pd.to_numeric(data[design.post], errors="coerce")
    if not (own.notna() & post.notna() & (own != post)).any() or not (own == 1).any():
        return
    began = data[design.time][own == 1].min()
    warnings.warn(
        f"{exposure!r} is not measured anew for first_treated={design.first_treated!r}: the "
        f"table's own {design.post!r} begins in {began:g}, and an exposure measured in the years "
        f"before {began:g} holds years that now count as treated, or lacks some that do not; "
        "measure it again in the years before the new one, as build_panel does",
        ExposureWindowWarning,
        stacklevel=2,
    )


def periods_since(
    data: pd.DataFrame, design: Design, event_time: str, parts: Sequence[str]
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Rows whose time since treatment began is known or of no account, and the others counted.

    Parameters
    ----------
    data : DataFrame
    design : Design
        With `Design.first_treated`, `event_time` is made from it.
    event_time : str
    parts : sequence of str
        Columns whose product the periods are multiplied by. Where it is zero and the period is
        missing or infinite, the unit is never treated: the row stays, and has no period.

    Returns
    -------
    data : DataFrame
    dropped : dict of str to int
        Rows by reason.

    Raises
    ------
    MissingValueError
        If an exposed row has no period, unless the design drops such rows.
    SchemaError
        If a period is no whole number.

    Warns
    -----
    StaggeredTreatmentWarning
        If exposed units are in different periods at one time.
    """
    if design.first_treated is not None:
        data, first = first_treated(data, design)
        data = data.assign(**{event_time: data[design.time] - first})
    checks.require_columns(data, [*parts, event_time], "the event study")
    data = checks.as_numbers(data, [*parts, event_time])
    clock = data[event_time].where(np.isfinite(data[event_time]))
    never = clock.isna() & (product(data, parts) == 0)
    data = data.assign(**{event_time: clock.mask(never, 0.0)})
    # A row without its event time must not pass for a row of the reference period.
    kept, dropped = checks.complete_rows(data, [event_time], design.missing)
    checks.require_whole_numbers(kept, event_time)
    clock = kept[event_time].mask(never[clock.notna() | never].to_numpy())
    if design.time in kept:
        _warn_if_staggered(kept.assign(clock=clock)[product(kept, parts) != 0], design, event_time)
    return kept.assign(**{event_time: clock}), dropped


def _warn_if_staggered(exposed: pd.DataFrame, design: Design, event_time: str) -> None:
    # Labels of the index may repeat, and its levels bear the names of columns.
    several = exposed.reset_index(drop=True).groupby(design.time)["clock"].nunique() > 1
    if several.any():
        warnings.warn(
            f"exposed units are in several periods of {event_time!r} at once, first in "
            f"{design.time!r} {several.index[several].tolist()[0]!r}: treatment is staggered, and "
            "the coefficient of a period then holds effects of others (Sun and Abraham 2021); see "
            "staggered.dynamic_effects",
            StaggeredTreatmentWarning,
            stacklevel=2,
        )
