"""What an event study says about parallel trends: how far they may fail, what a test would see.

All verbs take an event study, as `verbs.pretrend_test` does, and ask about one combination of its
effects after treatment, their average unless another is named.
"""

import warnings
from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from scipy import optimize, stats

from replication.errors import DesignError
from replication.estimate.convention import LEVEL, Coefficient
from replication.estimate.fit import Estimate
from replication.estimate.robustness import relative_magnitudes
from replication.estimate.robustness.relative_magnitudes import Leads
from replication.estimate.verbs import event_frame, event_periods, reference_of, wald_test
from replication.records.published import require_package

Restriction = Literal["relative magnitudes", "smoothness"]
Weights = Literal["average", "first"] | Sequence[float]
PreTest = Literal["joint", "any"]

LEAST, MOST = 2.0**-6, 2.0**6
"""Breakdown values below and above these are zero and infinite."""

SEED = 2026


def honest_bounds(
    study: Estimate,
    m: Sequence[float],
    restriction: Restriction = "relative magnitudes",
    weights: Weights = "average",
) -> pd.DataFrame:
    """Intervals of 95 % that allow trends to part after treatment (Rambachan and Roth 2023).

    Parameters
    ----------
    study : Estimate
        From `verbs.event_study`, with reference period −1.
    m : sequence of float
        ``"relative magnitudes"``: after treatment, trends part from one period to the next by at
        most `m` times the largest such change before it; above zero. ``"smoothness"``: the slope
        of the difference in trends changes by at most `m` from one period to the next; with 0 it
        is a line, which the leads tell.
    restriction : {"relative magnitudes", "smoothness"}
        The hybrid test C-LF, see `relative_magnitudes`; or fixed-length intervals, FLCI, by
        `moderndid`.
    weights : {"average", "first"} or sequence of float
        Of the effects after treatment: their average, the first, or any combination.

    Returns
    -------
    DataFrame
        ``restriction``, ``m``, ``lower``, ``upper``. The first row, ``"parallel trends"``, is the
        interval of the study itself.

    Raises
    ------
    DesignError
        If the study has another reference, no period on one side of it, or not as many effects as
        there are weights; if an `m` is out of its range.
    SourceUnavailableError
        For smoothness, if `moderndid` is not installed.

    Notes
    -----
    Both methods are made for estimates that are normal with a known variance. The variance here is
    the study's own, times the square of the ratio of its critical value, of t, to the normal one,
    so that where nothing is allowed for, the interval is the study's own. The published numbers are
    with CR1 and the normal distribution.

    Examples
    --------
    Medicaid: the first year's effect, and what is left of it if trends part by as much as they did
    before it, and by twice as much.

    >>> study = rp.event_study(
    ...     rp.load("ehec"), outcome="dins", exposure="expanded", unit="stfips",
    ...     effects=["stfips", "year"], cluster="stfips", variance="CR1",
    ... )
    >>> rp.honest_bounds(study, m=[1, 2], weights="first").round(3)
               restriction    m  lower  upper
    0      parallel trends  0.0  0.028  0.065
    1  relative magnitudes  1.0  0.016  0.073
    2  relative magnitudes  2.0 -0.002  0.089
    """
    leads, own = _leads(study, weights)
    _require_choice(restriction, Restriction)
    rows = [("parallel trends", 0.0, own.lower, own.upper)]
    for size in map(float, m):
        _require_size(size, restriction)
        rows.append((restriction, size, *_interval(leads, restriction, size)))
    return pd.DataFrame(rows, columns=["restriction", "m", "lower", "upper"])


def breakdown(
    study: Estimate,
    restriction: Restriction = "relative magnitudes",
    weights: Weights = "average",
    null: float = 0.0,
) -> float:
    """Largest m of `honest_bounds` with which the interval still excludes `null`.

    Returns
    -------
    float
        Zero if even the least departure lets the null in; infinite if `MOST` does not (for
        smoothness, so many standard errors).

    Examples
    --------
    Just below it the interval excludes zero, just above it does not.

    >>> panel = rp.load_panel()
    >>> study = rp.event_study(panel, model="ppml")
    >>> m = rp.breakdown(study)
    >>> rp.honest_bounds(study, m=[0.9 * m, 1.1 * m])["lower"].gt(0).to_list()
    [True, True, False]
    """
    leads, _ = _leads(study, weights)
    _require_choice(restriction, Restriction)
    if restriction == "relative magnitudes":
        return _last(lambda m: not relative_magnitudes.accepts(leads, null, m))

    def excludes(m: float) -> bool:
        low, high = _interval(leads, restriction, m * leads.std_error)
        return not low <= null <= high

    return leads.std_error * _last(excludes)


def _last(holds: Callable[[float], bool]) -> float:
    """Largest value at which something holds that ceases to once, by doubling and halving."""
    low, high = 0.0, LEAST
    while holds(high):
        low, high = high, 2 * high
        if low >= MOST:
            return np.inf
    if low == 0.0:
        return 0.0
    for _ in range(10):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def pretrend_power(
    study: Estimate,
    test: PreTest = "joint",
    powers: Sequence[float] = (0.5, 0.8),
    weights: Weights = "average",
) -> pd.DataFrame:
    """Trend that a pre-test detects so often, and the bias that it would leave (Roth 2022).

    Parameters
    ----------
    study : Estimate
        From `verbs.event_study`, with periods before its reference.
    test : {"joint", "any"}
        `verbs.pretrend_test`, all leads at once; or whether any lead's own interval excludes zero,
        as Roth's R package has it.
    powers : sequence of float
        Between the size of the test and one.
    weights : {"average", "first"} or sequence of float
        Of the effects after treatment, as for `honest_bounds`.

    Returns
    -------
    DataFrame
        A row a ``power``: ``slope`` of the difference in trends, a period, that is detected so
        often; ``bias`` that it adds to the combination of effects; ``bias_passing``, the same in
        those samples alone that pass the test.

    Raises
    ------
    DesignError
        If there are no leads, or a power is not above the size of the test.

    Notes
    -----
    The joint test is Hotelling's T², so that its power and the selection by it are distributions of
    F that are not central. For ``"any"`` they are means over 2^16 draws of a scrambled Sobol
    sequence. Either takes the estimated variance for the true one.

    Examples
    --------
    A trend that half of the tests miss, and the bias that it leaves.

    >>> panel = rp.load_panel()
    >>> rp.pretrend_power(rp.event_study(panel, model="ppml")).round(3)
           slope   bias  bias_passing
    power
    0.5    0.030  0.090         0.098
    0.8    0.041  0.123         0.139
    """
    reference = _reference(study)
    _require_choice(test, PreTest)
    time = np.array(event_periods(study.frame.index), dtype=float) - reference
    before = time < 0
    if not before.any():
        raise DesignError("the study has no period before its reference: there is no pre-test")
    after = _combination(weights, int((~before).sum()))
    passing = _Joint(study, before) if test == "joint" else _Any(study, before)
    v, trend = passing.vcov, time[before]
    # What a sample's noise in the leads tells of its noise in the combination.
    told = np.linalg.solve(v[np.ix_(before, before)], v[np.ix_(before, ~before)] @ after)
    rows = []
    for power in powers:
        if not LEVEL < power < 1:
            raise DesignError(f"a power lies between the test's size, {LEVEL}, and 1: not {power}")
        slope = _slope(passing, trend, power)
        bias = slope * float(after @ time[~before])
        moved = passing.mean(slope * trend) - slope * trend
        rows.append((power, slope, bias, bias + float(told @ moved)))
    return pd.DataFrame(rows, columns=["power", "slope", "bias", "bias_passing"]).set_index("power")


class _Joint:
    """Test HTZ of all leads."""

    def __init__(self, study: Estimate, before: np.ndarray) -> None:
        leads = [str(term) for term in study.frame.index[before]]
        found = wald_test(study, leads)
        self.q, self.df = int(found["q"]), float(found["df"])
        clustered = len(study.sample.design.clusters) == 1
        self.vcov = (study.clustered.vcov("CR2") if clustered else study.vcov).to_numpy()
        self._inverse = np.linalg.inv(self.vcov[np.ix_(before, before)])
        self._critical = float(stats.f.isf(LEVEL, self.q, self.df))

    def power(self, violation: np.ndarray) -> float:
        return float(stats.ncf.sf(self._critical, self.q, self.df, self._distance(violation)))

    def mean(self, violation: np.ndarray) -> np.ndarray:
        """Mean of the leads in samples that pass: they shrink towards zero, all alike."""
        distance, wider = self._distance(violation), self.q + 2
        passed = stats.ncf.cdf(self._critical * self.q / wider, wider, self.df, distance)
        return violation * passed / (1 - self.power(violation))

    def _distance(self, violation: np.ndarray) -> float:
        return float(violation @ self._inverse @ violation)


class _Any:
    """Each lead by itself."""

    def __init__(self, study: Estimate, before: np.ndarray) -> None:
        self.vcov = study.vcov.to_numpy()
        own = self.vcov[np.ix_(before, before)]
        df = study.df if isinstance(study.df, int) else study.df.to_numpy()[before]
        self._limit = stats.t.isf(LEVEL / 2, df) * np.sqrt(np.diag(own))
        rng = np.random.default_rng(SEED)
        normal = stats.qmc.MultivariateNormalQMC(np.zeros(len(own)), own, rng=rng)
        self._noise = normal.random(2**16)

    def power(self, violation: np.ndarray) -> float:
        return 1 - float(self._passed(violation).mean())

    def mean(self, violation: np.ndarray) -> np.ndarray:
        """Mean of the leads in samples that pass."""
        return violation + self._noise[self._passed(violation)].mean(axis=0)

    def _passed(self, violation: np.ndarray) -> np.ndarray:
        return (np.abs(self._noise + violation) <= self._limit).all(axis=1)


def _slope(passing: _Joint | _Any, trend: np.ndarray, power: float) -> float:
    high = float(np.sqrt(np.diag(passing.vcov)).min() / np.abs(trend).max())
    while passing.power(high * trend) < power:
        high *= 2
    return float(optimize.brentq(lambda s: passing.power(s * trend) - power, 0.0, high))


def _leads(study: Estimate, weights: Weights) -> tuple[Leads, Coefficient]:
    """What the intervals are made of, and the combination's own interval."""
    if _reference(study) != -1:
        raise DesignError(
            "Rambachan and Roth's intervals take the last period before treatment, -1, for the "
            f"reference, and the study has {study.reference}"
        )
    periods = np.array(event_periods(study.frame.index))
    before = periods < -1
    if before.all() or not before.any():
        side = "after" if before.all() else "before"
        raise DesignError(f"the study has no period {side} its reference: nothing to hold it to")
    after = _combination(weights, int((~before).sum()))
    terms = study.frame.index[~before]
    own = study.contrast(dict(zip(terms, after, strict=True)))
    # The critical value of t in place of the normal one.
    wider = (own.upper - own.lower) / 2 / own.std_error / stats.norm.isf(LEVEL / 2)
    vcov = study.vcov.to_numpy() * wider**2
    return Leads(study.frame["estimate"].to_numpy(), vcov, after), own


def _reference(study: Estimate) -> int:
    reference = reference_of(study)
    steps = np.diff(event_frame(study).index)
    if (steps != steps[0]).any():
        raise DesignError(
            f"the periods of the event study are not evenly spaced "
            f"({', '.join(map(str, event_frame(study).index))}): changes from one to the next "
            "cannot be compared; number them without gaps"
        )
    return reference


def _combination(weights: Weights, periods: int) -> np.ndarray:
    if isinstance(weights, str):
        _require_choice(weights, Literal["average", "first"])
        return np.full(periods, 1 / periods) if weights == "average" else np.eye(periods)[0]
    found = np.asarray(weights, dtype=float)
    if found.shape != (periods,) or not np.isfinite(found).all() or not found.any():
        raise DesignError(
            f"weights are one number a period after treatment, {periods} here, not all zero: "
            f"not {weights!r}"
        )
    return found


def _interval(leads: Leads, restriction: Restriction, m: float) -> tuple[float, float]:
    if restriction == "relative magnitudes":
        return relative_magnitudes.interval(leads, m)
    require_package("moderndid", "Rambachan and Roth's interval under smoothness comes from")
    from moderndid.didhonest import compute_flci

    after = len(leads.weights)
    with warnings.catch_warnings():
        # At the edge of what can be attained the solver warns; the result is a search over many.
        warnings.filterwarnings("ignore", message="Solution may be inaccurate")
        found = compute_flci(
            leads.estimates, leads.vcov, m, leads.before, after, leads.weights, alpha=LEVEL
        )
    # To the accuracy of its solver, whose last digits differ from run to run.
    low, high = (round(float(end), 6) for end in found.flci)
    return low, high


def _require_size(m: float, restriction: Restriction) -> None:
    if not (np.isfinite(m) and m >= 0):
        raise DesignError(f"m says how far trends may part, a number from zero on: not {m!r}")
    if m == 0 and restriction == "relative magnitudes":
        raise DesignError(
            "with m = 0, relative magnitudes let nothing part: that interval is the first row; "
            "name an m above zero"
        )


def _require_choice(value: str, known: Any) -> None:
    if value not in get_args(known):
        raise DesignError(f"{value!r} is not one of {', '.join(map(repr, get_args(known)))}")
