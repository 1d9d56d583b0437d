"""Estimators of the recent literature, as the package `moderndid` has them, in tables like ours."""

import warnings
from typing import Any, Literal

import numpy as np
import pandas as pd

from replication.errors import DesignError, NoVariationError
from replication.estimate.design import STUDY, Design, columns_of
from replication.estimate.fit import Estimate
from replication.estimate.sample import SCALES
from replication.estimate.verbs import event_frame, reference_of
from replication.records import checks
from replication.records.published import require_package


def dynamic_effects(
    data: pd.DataFrame,
    design: Design = STUDY,
    *,
    first_treated: str = "first_treated",
    **changes: Any,
) -> pd.DataFrame:
    """Callaway and Sant'Anna's event-study effects, and their overall mean, by `moderndid`.

    Effects of a binary treatment that begins at different times, each group of units compared with
    those that are never treated, doubly robust in the controls.

    Parameters
    ----------
    data : DataFrame
        Long: one row a unit and time, all units in all periods.
    design, **changes
        Outcome, scale, unit, time, controls and weights are used; the method has its own
        comparisons, so that exposure, post, effects and cluster are not. Errors are by unit.
    first_treated : str
        First treated period of the unit, 0 if there is none.

    Returns
    -------
    DataFrame
        ``estimate`` and analytical ``std_error`` by term, ``"e = 0"`` and so on, and
        ``"overall"``.

    Raises
    ------
    SourceUnavailableError
        If `moderndid` is not installed.
    DesignError
        On a Poisson model, repeated cross-sections or controls with slopes by another column.
    SchemaError
        If units lack periods, or have several first treated periods.
    NoVariationError
        If no unit is treated, or none is never treated.

    Examples
    --------
    Minimum wages and teenage employment; in print −.0772 in all, −.0199 in the first year.

    >>> effects = rp.staggered.dynamic_effects(
    ...     rp.load("mpdta"), outcome="lemp", unit="countyreal", first_treated="first.treat"
    ... )
    >>> effects.loc[["overall", "e = 0"], "estimate"].round(4)
    term
    overall   -0.0772
    e = 0     -0.0199
    Name: estimate, dtype: float64
    """
    require_package("moderndid", "Callaway and Sant'Anna's estimator comes from")
    from moderndid import aggte, att_gt

    frame = _staggered_frame(data, design.but(**changes), first_treated)
    controls = [c for c in map(str, frame) if c.startswith("x")]
    with warnings.catch_warnings():
        # Of a test of leads that is not asked for.
        warnings.filterwarnings("ignore", message="Not returning pre-test Wald statistic")
        by_group = att_gt(
            frame,
            yname="y",
            tname="time",
            idname="unit",
            gname="first",
            xformla=f"~ {' + '.join(controls)}" if controls else None,
            weightsname="weight" if "weight" in frame else None,
            cband=False,
        )
        effects = aggte(by_group, type="dynamic", cband=False)
    terms = [f"e = {int(e)}" for e in effects.event_times]
    return pd.DataFrame(
        {
            "estimate": [*effects.att_by_event, effects.overall_att],
            "std_error": [*effects.se_by_event, effects.overall_se],
        },
        index=pd.Index([*terms, "overall"], name="term"),
    )


def _staggered_frame(data: pd.DataFrame, design: Design, first_treated: str) -> pd.DataFrame:
    """Check the data and lay them out under names that a formula can hold."""
    controls = [c for c in design.controls if isinstance(c, str)]
    if design.model != "ols" or design.unit is None or len(controls) < len(design.controls):
        raise DesignError(
            "Callaway and Sant'Anna's effects are of an outcome on its scale (model='ols') in a "
            "panel (unit=), with controls that are columns"
        )
    unit, weights = list(columns_of(design.unit)), [design.weights] if design.weights else []
    numbers = [design.outcome, design.time, first_treated, *controls, *weights]
    checks.require_columns(data, [*unit, *numbers], "Callaway and Sant'Anna's effects")
    data = data.reset_index(drop=True)
    checks.require_unique(data, [*unit, design.time])
    data = checks.as_numbers(data, numbers)
    rows, _ = checks.complete_rows(data, numbers, "raise")
    for column in weights:
        checks.require_weights(rows, column)
    if design.scale != "level":
        checks.require_nonnegative(rows, design.outcome, f"{design.scale} of an outcome")
    checks.require_constant(rows, first_treated, unit)
    checks.require_balanced(rows, unit, design.time)
    treated = rows[first_treated] > 0
    if treated.all() or not treated.any():
        raise NoVariationError(
            f"{first_treated!r} says that {'every' if treated.all() else 'no'} unit is treated at "
            "some time: the effects compare those that are with those that never are, whose "
            f"{first_treated!r} is 0"
        )
    frame = {
        "y": SCALES[design.scale](rows[design.outcome]),
        "time": rows[design.time],
        "unit": rows.groupby(unit, observed=True).ngroup(),
        "first": rows[first_treated],
        **{f"x{i}": rows[c] for i, c in enumerate(controls)},
    }
    if design.weights is not None:
        frame["weight"] = rows[design.weights]
    return pd.DataFrame(frame).reset_index(drop=True)


def honest_interval(study: Estimate, method: Literal["FLCI", "C-LF"], m: float) -> pd.DataFrame:
    """Rambachan and Roth's 95 % interval for the first treated period, by `moderndid`.

    Parameters
    ----------
    study : Estimate
        From `event_study`, with reference period −1.
    method : {"FLCI", "C-LF"}
        FLCI: the slope of the difference in trends changes by `m` a period at most. C-LF: it
        changes by at most `m` times the largest change before treatment.
    m : float

    Returns
    -------
    DataFrame
        ``lower`` and ``upper``, one row, with the restriction as its term.

    Raises
    ------
    SourceUnavailableError
        If `moderndid` is not installed.

    Notes
    -----
    C-LF inverts a test on a grid. The points here are those of the R package's default (1,000
    within 20 standard errors of zero), less the ones beyond 10 standard errors of the estimate.
    Its critical value is simulated, from a fixed seed.

    Examples
    --------
    In print [.0132, .0787].

    >>> study = rp.event_study(
    ...     rp.load("ehec"), outcome="dins", exposure="expanded", unit="stfips",
    ...     effects=["stfips", "year"], cluster="stfips", variance="CR1",
    ... )
    >>> rp.staggered.honest_interval(study, "FLCI", 0.01).round(4)
                     lower   upper
    FLCI, M = 0.01  0.0132  0.0787
    """
    require_package("moderndid", "Rambachan and Roth's interval comes from")
    from moderndid import create_sensitivity_results_rm, create_sensitivity_results_sm

    if reference_of(study) != -1:
        raise DesignError(
            f"Rambachan and Roth's intervals take the last period before treatment, -1, for the "
            f"reference, and the study has {study.reference}"
        )
    event_time = event_frame(study).index
    before, after = int((event_time < -1).sum()), int((event_time >= 0).sum())
    size = (study.frame["estimate"].to_numpy(), study.vcov.to_numpy(), before, after)
    if method == "FLCI":
        found = create_sensitivity_results_sm(*size, method="FLCI", m_vec=[m])
    else:
        b, se = study.frame[["estimate", "std_error"]].iloc[before]
        grid = np.linspace(-20 * se, 20 * se, 1000)
        grid = grid[np.abs(grid - b) < 10 * se]
        ends = {"grid_lb": grid[0], "grid_ub": grid[-1], "grid_points": len(grid)}
        found = create_sensitivity_results_rm(*size, method="C-LF", m_bar_vec=[m], **ends)
    row = found.row(0, named=True)
    term = f"{method}, {'M' if method == 'FLCI' else 'M̄'} = {m:g}"
    return pd.DataFrame({"lower": [row["lb"]], "upper": [row["ub"]]}, index=[term])
