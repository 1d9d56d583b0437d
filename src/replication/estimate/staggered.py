"""Estimators of the recent literature, as the package `moderndid` has them, in tables like ours."""

from typing import Literal

import numpy as np
import pandas as pd

from replication.errors import DesignError
from replication.estimate.fit import Estimate
from replication.estimate.verbs import event_frame, reference_of
from replication.records.published import require_package


def dynamic_effects(mpdta: pd.DataFrame) -> pd.DataFrame:
    """Callaway and Sant'Anna's event-study effects, and their overall mean, by `moderndid`.

    Returns
    -------
    DataFrame
        ``estimate`` and analytical ``std_error`` by term, ``"e = 0"`` and so on, and
        ``"overall"``. The published errors are bootstrapped, so only estimates are compared.

    Raises
    ------
    SourceUnavailableError
        If `moderndid` is not installed.
    """
    require_package("moderndid", "Callaway and Sant'Anna's estimator comes from")
    from moderndid import aggte, att_gt

    by_group = att_gt(
        mpdta, yname="lemp", tname="year", idname="countyreal", gname="first.treat", cband=False
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
