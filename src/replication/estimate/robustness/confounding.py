"""How strong an omitted variable would have to be (Cinelli and Hazlett 2020; Oster 2019).

Both ask what a variable that moves with exposure × post and with the outcome, all effects and
controls taken out, would do to the coefficient. That is algebra of the sample, and clusters do not
enter it; they enter where an interval is asked for, by the rule of `convention`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from replication.errors import DesignError
from replication.estimate.clustered import Clustered
from replication.estimate.convention import LEVEL
from replication.estimate.design import STUDY, Design, columns_of
from replication.estimate.few_clusters import parted
from replication.estimate.many.regression import Regression, regression

METHOD = "the sensitivity to an omitted variable"


@dataclass(frozen=True)
class Sensitivity:
    """What omitted variables of given strength do to one coefficient.

    Attributes
    ----------
    estimate, std_error, half_width : float
        Coefficient, standard error and half the 95 % interval, as of the design.
    spread : float
        Standard deviation of the outcome's residual over that of the regressor's.
    ceiling : float
        Largest partial R² with the outcome that a variable can have which, as the exposure, is one
        number a cluster times the schedule; NaN where the design names its treatment itself.
    bounds : DataFrame
        A row a ``benchmark`` and ``strength``: ``r2_treatment``, ``r2_outcome`` of a variable so
        many times as strong as the benchmark, ``adjusted`` estimate, ``lower``, ``upper``.
    """

    estimate: float
    std_error: float
    half_width: float
    spread: float
    ceiling: float
    bounds: pd.DataFrame

    @property
    def partial_r2(self) -> float:
        """Partial R² of the regressor with the outcome.

        A variable that explains all of the outcome's residual must explain so much of the
        regressor's to bring the estimate to zero.
        """
        f2 = (self.estimate / self.spread) ** 2
        return float(f2 / (1 + f2))

    def robustness_value(self, reduced_by: float = 1.0) -> float:
        """Partial R², alike with regressor and outcome, that takes off this part of the estimate.

        With `to_interval`, the part that brings the interval to zero.
        """
        f2 = (max(reduced_by, 0.0) * self.estimate / self.spread) ** 2
        return float((np.sqrt(f2**2 + 4 * f2) - f2) / 2)

    @property
    def to_interval(self) -> float:
        """Part of the estimate by which its interval, no wider, touches zero; 0 if it holds it."""
        return max(1 - self.half_width / abs(self.estimate), 0.0)

    def treatment_needed(self, r2_outcome: float) -> float:
        """Partial R² with the regressor that brings the estimate to zero, given the outcome's."""
        f2 = (self.estimate / self.spread) ** 2
        return float(f2 / (f2 + r2_outcome))

    def adjusted(self, r2_treatment: Any, r2_outcome: Any) -> Any:
        """Estimate less the bias of a variable with these partial R², towards zero and beyond."""
        bias = self.spread * np.sqrt(r2_outcome * r2_treatment / (1 - r2_treatment))
        return np.sign(self.estimate) * (abs(self.estimate) - bias)

    @property
    def summary(self) -> pd.Series:
        """Statistics of one coefficient, by name."""
        return pd.Series(
            {
                "estimate": self.estimate,
                "std_error": self.std_error,
                "partial_r2": self.partial_r2,
                "robustness_value": self.robustness_value(),
                "robustness_value_interval": self.robustness_value(self.to_interval),
                "ceiling": self.ceiling,
                "treatment_at_ceiling": self.treatment_needed(self.ceiling),
            }
        )


def sensitivity(
    data: pd.DataFrame,
    design: Design = STUDY,
    *,
    benchmarks: Sequence[str] | None = None,
    strengths: Sequence[float] = (1.0, 2.0, 3.0),
    **changes: Any,
) -> Sensitivity:
    """Sensitivity of one coefficient to an omitted variable (Cinelli and Hazlett 2020).

    Parameters
    ----------
    data, design, **changes
        As for `verbs.did`, with one regressor of interest.
    benchmarks : sequence of str, optional
        Controls of the design that an omitted variable is measured by, each with all its slopes;
        all of them unless named.
    strengths : sequence of float
        How many times as strong it is, with regressor and outcome alike.

    Raises
    ------
    DesignError
        If a benchmark is no control of the design, or a strength is not above zero.

    Notes
    -----
    For ``model="ppml"`` it is about the last weighted least squares of the fit. An adjusted
    interval is as wide as the estimate's: a variable that explains some of the residual would also
    make it narrower, which cannot be known for clustered errors.

    Examples
    --------
    How strong an omitted variable must be to take the whole estimate away.

    >>> panel = rp.load_panel()
    >>> found = rp.sensitivity(panel, scale="log1p", controls=rp.CONTROLS, strengths=[1])
    >>> round(found.robustness_value(), 3)
    0.095
    >>> found.bounds[["benchmark", "adjusted"]].round(3)
             benchmark  adjusted
    0     log_rd_staff     0.113
    1  log_rd_spending     0.105
    2    log_graduates     0.113
    """
    design = design.but(**changes)
    fit = parted(data, design, METHOD)
    kind = "CR1" if design.variance == "none" else design.variance
    error = fit.std_error(kind)
    half = float(stats.t.isf(LEVEL / 2, fit.df(kind))) * error
    y = _outcome(fit)
    left = fit.regression.fit(y)[1]
    found = Sensitivity(
        fit.estimate,
        error,
        half,
        float(np.linalg.norm(left) / np.sqrt(fit.regression.total)),
        _ceiling(fit, left) if design.parts else np.nan,
        pd.DataFrame(),
    )
    groups = _groups(fit, benchmarks)
    if min(strengths, default=1.0) <= 0:
        raise DesignError(f"strengths are above zero, not {min(strengths)}")
    rows = []
    for name, controls in groups.items():
        without = _without(fit, controls)
        r2_x = 1 - fit.regression.total / without.total
        r2_y = 1 - float((left**2).sum() / (without.fit(y)[1] ** 2).sum())
        rows += [(name, k, *_as_strong(r2_x, r2_y, k)) for k in map(float, strengths)]
    bounds = pd.DataFrame(rows, columns=["benchmark", "strength", "r2_treatment", "r2_outcome"])
    bounds["adjusted"] = found.adjusted(bounds["r2_treatment"], bounds["r2_outcome"])
    for side, sign in (("lower", -1), ("upper", 1)):
        bounds[side] = bounds["adjusted"] + sign * half
    return replace(found, bounds=bounds)


def _as_strong(r2_x: float, r2_y: float, k: float) -> tuple[float, float]:
    """Partial R² of a variable `k` times as strong as a control; NaN where none can be."""
    treatment = k * r2_x / (1 - r2_x)
    other = k * r2_x**2 / ((1 - k * r2_x) * (1 - r2_x))
    if not (treatment < 1 and 0 <= other < 1):
        return np.nan, np.nan
    outcome = (np.sqrt(k) + np.sqrt(other)) ** 2 / (1 - other) * r2_y / (1 - r2_y)
    return treatment, min(float(outcome), 1.0)


def _outcome(fit: Clustered) -> np.ndarray:
    """Outcome, or working outcome of the last weighted least squares, in the sample's order."""
    y, means = fit.sample.y.to_numpy(), _means(fit)
    return y if means is None else np.log(means) + (y - means) / means


def _means(fit: Clustered) -> np.ndarray | None:
    if fit.sample.design.model == "ols":
        return None
    means = np.empty(len(fit.sample.rows))
    means[fit.regression.kernel.order] = fit.regression.working
    return means


def _without(fit: Clustered, controls: Sequence[str]) -> Regression:
    """The same regression without some controls, rows and weights as they are."""
    kept = tuple(c for c in fit.sample.controls if c not in controls)
    return regression(replace(fit.sample, controls=kept), METHOD, _means(fit))


def _groups(fit: Clustered, benchmarks: Sequence[str] | None) -> dict[str, list[str]]:
    """Slopes of each control that is a benchmark."""
    known = list(dict.fromkeys(columns_of(c)[0] for c in fit.sample.design.controls))
    for name in benchmarks or ():
        if name not in known:
            raise DesignError(
                f"benchmark {name!r} is no control of the design, which has "
                f"{', '.join(map(repr, known)) or 'none'}: pass it in controls="
            )
    names = known if benchmarks is None else list(benchmarks)
    return {
        name: [c for c in fit.sample.controls if c == name or c.startswith(f"{name} × ")]
        for name in names
    }


def _ceiling(fit: Clustered, left: np.ndarray) -> float:
    """Part of the residual that numbers, one a cluster, times the schedule explain."""
    k, x = fit.regression.kernel, fit.regression.x
    cluster = fit.sample.cluster(METHOD)
    columns = np.zeros((len(cluster), len(k.names)))
    columns[np.arange(len(cluster)), cluster] = fit.sample.schedule
    columns = k.residualise(k.arrange(columns))
    columns -= x @ (x.T @ columns) / fit.regression.total
    cross, told = columns.T @ columns, columns.T @ left
    explained = told.T @ np.linalg.pinv(cross, rcond=1e-9, hermitian=True) @ told
    return float(explained[0, 0] / (left**2).sum())


def oster(
    data: pd.DataFrame,
    design: Design = STUDY,
    *,
    r_max: float = 1.3,
    proportion: float = 1.0,
    null: float = 0.0,
    **changes: Any,
) -> pd.Series:
    """Selection on unobservables in proportion to that on the controls (Oster 2019).

    Parameters
    ----------
    data, design, **changes
        As for `verbs.did`, by OLS, with one regressor of interest and the controls.
    r_max : float
        R² of a model with all that matters, over that with the controls; at most 1 is reached.
    proportion : float
        δ for the bound.
    null : float
        Coefficient that ``delta`` brings it to.

    Returns
    -------
    Series
        ``uncontrolled`` and ``controlled`` coefficient, their ``r2_uncontrolled`` and
        ``r2_controlled``, ``r2_max``; ``delta`` that brings the coefficient to `null`; ``bound``,
        the coefficient at `proportion`, the nearest where there are several. Effects are taken out
        of everything first: every R² is of what they leave of the outcome.

    Raises
    ------
    DesignError
        On PPML, a design without controls, or an `r_max` that is not above one.

    Examples
    --------
    >>> panel = rp.load_panel()
    >>> found = rp.oster(panel, scale="log1p", controls=rp.CONTROLS)
    >>> found[["uncontrolled", "controlled", "delta", "bound"]].round(3)
    uncontrolled    0.172
    controlled      0.114
    delta           1.931
    bound           0.072
    dtype: float64
    """
    design = design.but(**changes)
    if design.model != "ols" or not design.controls:
        raise DesignError(
            "Oster's proportion is about least squares with and without controls: use model='ols' "
            "(and a scale=), and name controls="
        )
    if not r_max > 1:
        raise DesignError(f"r_max is above 1, as a multiple of the R² with controls: not {r_max}")
    fit = parted(data, design, "Oster's proportion")
    short, long = _without(fit, fit.sample.controls), fit.regression
    y = fit.sample.y.to_numpy()
    within = float((short.kernel.residualise(short.kernel.arrange(y)) ** 2).sum())
    (b0,), e0 = short.fit(y)
    (b1,), e1 = long.fit(y)
    r0, r1 = (1 - float((e**2).sum()) / within for e in (e0, e1))
    top = min(r_max * r1, 1.0)
    above, below = _selection(
        b0 - b1, (r1 - r0) * within, (top - r1) * within, short.total, long.total
    )
    roots = np.roots((above - proportion * below)[::-1])
    real = roots[np.abs(roots.imag) < 1e-9 * np.abs(roots).max()].real
    move = real[np.abs(real).argmin()] if len(real) else np.nan
    powers = (b1 - null) ** np.arange(4)
    return pd.Series(
        {
            "uncontrolled": b0,
            "controlled": b1,
            "r2_uncontrolled": r0,
            "r2_controlled": r1,
            "r2_max": top,
            "delta": float(above @ powers / (below @ powers)),
            "bound": b1 - move,
        }
    )


def _selection(
    moved: float, gained: float, left: float, x: float, own: float
) -> tuple[np.ndarray, np.ndarray]:
    """Polynomials in the bias, from its power 0 on, whose ratio is δ (Oster 2019, proposition 3).

    Parameters
    ----------
    moved : float
        Coefficient without controls less that with them.
    gained, left : float
        Sums of squares that the controls explain, and that what is omitted would.
    x, own : float
        Sums of squares of the regressor, without controls and with them.
    """
    cubic = own * (x - own)
    above = np.array([0.0, gained * own + x * own * moved**2, 2 * own * moved * x, cubic])
    below = np.array([left * moved * x, left * (x - own), own * moved * x, cubic])
    return above, below
