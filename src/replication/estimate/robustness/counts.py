"""The same design with the count on other scales, and how much each scale asks of the zeros."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from replication.errors import DesignError
from replication.estimate.design import STUDY, Design
from replication.estimate.verbs import did

SCALES = {
    "Poisson (PPML)": {"model": "ppml", "scale": "level"},
    "log(1 + y)": {"model": "ols", "scale": "log1p"},
    "asinh(y)": {"model": "ols", "scale": "asinh"},
    "any: 1[y > 0]": {"model": "ols", "scale": "any"},
}


def scales(
    data: pd.DataFrame,
    design: Design = STUDY,
    *,
    units: Sequence[float] = (1, 10, 100),
    margins: Sequence[float] = (0, 1, 3),
    **changes: Any,
) -> pd.DataFrame:
    """Estimate a count's design on every scale that this literature uses.

    Parameters
    ----------
    data : DataFrame
    design : Design, default STUDY
    units : sequence of float
        Multiples in which the outcome is counted, for log(1 + y): an effect in per cent does not
        depend on them, and a coefficient on log(1 + y) does (Chen and Roth 2024).
    margins : sequence of float
        Log points that going from no event to one is taken to be worth: their outcome is log(y)
        above zero and minus the value at zero.
    **changes
        Changes to the design, but of its model and scale.

    Returns
    -------
    DataFrame
        Indexed by ``scale``: the row of the regressor as of `Estimate.frame`, ``rows`` used, and
        ``dropped``, the others: by Poisson those whose outcome an effect gives alone (separated),
        by log(y) those without an event.

    Raises
    ------
    DesignError
        If `changes` name a model or a scale.

    Examples
    --------
    Counted in hundreds, the effect on log(1 + y) is another; by Poisson it stays.

    >>> panel = rp.load_panel()
    >>> rp.scales(panel, units=[1, 100], margins=[])[["estimate", "rows"]].round(3)
                         estimate     rows
    scale
    Poisson (PPML)          0.269  12024.0
    log(1 + y)              0.172  12096.0
    asinh(y)                0.205  12096.0
    any: 1[y > 0]           0.027  12096.0
    log(1 + 100y)           0.318  12096.0
    log(y), y > 0 alone     0.213   8348.0
    """
    fixed = sorted({"model", "scale"} & set(changes))
    if fixed:
        raise DesignError(f"scales() goes through all of them: leave out {', '.join(fixed)}=")
    design = design.but(**changes)
    y = data[design.outcome]
    rows = {name: _row(data, design, **scale) for name, scale in SCALES.items()}
    for unit in units:
        if unit != 1:
            name = f"log(1 + {unit:g}y)"
            rows[name] = _row(data.assign(**{design.outcome: unit * y}), design, **OLS_LOG1P)
    with np.errstate(divide="ignore"):
        logs = np.log(y.where(y > 0))
    rows["log(y), y > 0 alone"] = _row(
        data.assign(**{design.outcome: logs}), design, **LEVELS, missing="drop"
    )
    for worth in margins:
        name = f"log(y), zero as −{worth:g}" if worth else "log(y), zero as 0"
        rows[name] = _row(data.assign(**{design.outcome: logs.fillna(-worth)}), design, **LEVELS)
    return pd.DataFrame(rows).T.rename_axis("scale")


OLS_LOG1P = {"model": "ols", "scale": "log1p"}
LEVELS = {"model": "ols", "scale": "level"}


def _row(data: pd.DataFrame, design: Design, **changes: Any) -> pd.Series:
    estimate = did(data, design, **changes)
    counts = {"rows": estimate.n, "dropped": sum(estimate.dropped.values())}
    return pd.concat([estimate.frame.iloc[0], pd.Series(counts)])
