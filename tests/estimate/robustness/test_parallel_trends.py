"""Bounds, breakdown values and the power of pre-tests, against print, closed forms and draws."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from replication import errors
from replication.estimate.fit import Estimate
from replication.estimate.robustness import breakdown, honest_bounds, pretrend_power
from replication.estimate.verbs import event_study, event_term
from replication.records.published import load
from tests.support.designs_panel import panel

STATES = {"unit": "stfips", "effects": ["stfips", "year"], "cluster": "stfips"}


@pytest.fixture(scope="module")
def medicaid() -> Estimate:
    return event_study(load("ehec"), outcome="dins", exposure="expanded", variance="CR1", **STATES)


def normal(study: Estimate, b: list[float], v: list[list[float]], periods: list[int]) -> Estimate:
    """An event study of these coefficients, known to be normal."""
    terms = [event_term("x", p) for p in periods]
    error = np.sqrt(np.diag(v))
    frame = pd.DataFrame({"estimate": b, "std_error": error}, index=terms)
    vcov = pd.DataFrame(v, terms, terms)
    return replace(study, frame=frame, vcov=vcov, df=10**9, parts=None)


# He and Wang (2017), figure 2C, as the R package pretrends 0.1.0 has it: estimates, covariances.
HE_WANG_B = [0.066703148, -0.007701792, -0.030769054, 0.084030658, 0.242441818, 0.219878986]
HE_WANG_B += [0.191092536]
HE_WANG_V = [
    [0.00890657119, 0.00448831357, 0.00145870249, 0.00121576886, 0.00203276449, 0.00132250146],
    [0.00448831357, 0.00593691692, 0.00275007915, 0.00135058584, 0.00143154595, 0.00120677915],
    [0.00145870249, 0.00275007915, 0.00303862477, 0.00090561662, 0.00067912985, 0.00101676362],
    [0.00121576886, 0.00135058584, 0.00090561662, 0.00392474094, 0.00259611802, 0.00173261494],
    [0.00203276449, 0.00143154595, 0.00067912985, 0.00259611802, 0.00806589704, 0.00587537512],
    [0.00132250146, 0.00120677915, 0.00101676362, 0.00173261494, 0.00587537512, 0.00788157899],
]
HE_WANG_LAST = [0.00196177280, 0.00138471578, 0.00070901442, 0.00223455252, 0.00374143594]
HE_WANG_LAST += [0.00365070952, 0.00978842657]


@pytest.fixture(scope="module")
def he_wang(medicaid: Estimate) -> Estimate:
    v = np.zeros((7, 7))
    v[:6, :6], v[6], v[:, 6] = HE_WANG_V, HE_WANG_LAST, HE_WANG_LAST
    return normal(medicaid, HE_WANG_B, v.tolist(), [-4, -3, -2, 0, 1, 2, 3])


def test_the_slope_that_half_the_tests_see_is_the_printed_one(he_wang: Estimate) -> None:
    """README of the R package: 0.05205871, and means of the effects in samples that pass."""
    found = pretrend_power(he_wang, "any", [0.5]).loc[0.5]
    assert found["slope"] == pytest.approx(0.05205871, rel=2e-3)
    passing = [0.06490184, 0.12084694, 0.16946498, 0.22453827]
    for period, printed in enumerate(passing):
        one = pretrend_power(he_wang, "any", [0.5], np.eye(4)[period]).loc[0.5]
        assert one["bias_passing"] == pytest.approx(printed, rel=4e-3)
        assert one["bias"] == pytest.approx((period + 1) * 0.05205871, rel=2e-3)


def test_the_joint_test_sees_a_slope_as_often_as_it_says() -> None:
    """Normal leads and a Wishart variance with the test's degrees of freedom, drawn."""
    study = event_study(panel(), outcome="y")
    clustered = study.clustered
    leads = [t for t in study.frame.index if "−" in t]
    q, v = len(leads), clustered.vcov("CR2").to_numpy()
    df = float(clustered.wald(leads)["df"])
    eta = df + q - 1
    rng = np.random.default_rng(3)
    for power, row in pretrend_power(study, "joint", [0.3, 0.7]).iterrows():
        time = np.arange(-q, 0.0)
        drawn = rng.multivariate_normal(row["slope"] * time, v[:q, :q], size=40_000)
        wishart = stats.wishart(eta, v[:q, :q] / eta).rvs(40_000, random_state=rng)
        t2 = np.einsum("ni,ni->n", drawn, np.linalg.solve(wishart, drawn[:, :, None])[:, :, 0])
        passed = t2 * df / (eta * q) <= stats.f.isf(0.05, q, df)
        assert 1 - passed.mean() == pytest.approx(power, abs=0.01)
        after = np.full(len(v) - q, 1 / (len(v) - q))
        moved = drawn[passed].mean(axis=0) - row["slope"] * time
        told = np.linalg.solve(v[:q, :q], v[:q, q:] @ after)
        size = abs(row["slope"] * time).max()
        assert row["bias_passing"] == pytest.approx(row["bias"] + told @ moved, abs=0.03 * size)


def test_without_departure_the_interval_is_the_studys_own(medicaid: Estimate) -> None:
    first = honest_bounds(medicaid, [], weights="first").iloc[0]
    own = medicaid.frame.loc["expanded × +0"]
    assert (first["lower"], first["upper"]) == pytest.approx((own["lower"], own["upper"]))


def test_a_linear_trend_is_told_by_generalised_least_squares(medicaid: Estimate) -> None:
    """FLCI with M = 0: the best unbiased estimate beside a slope, with its normal interval."""
    own = medicaid.frame.loc["expanded × +0"]
    wider = (own["upper"] - own["estimate"]) / own["std_error"] / stats.norm.isf(0.025)
    b, v = medicaid.frame["estimate"].to_numpy(), medicaid.vcov.to_numpy() * wider**2
    x = np.zeros((7, 3))
    x[:, 0] = [-5, -4, -3, -2, -1, 1, 2]
    x[5, 1] = x[6, 2] = 1.0
    inner = np.linalg.inv(x.T @ np.linalg.solve(v, x))
    best = inner @ x.T @ np.linalg.solve(v, b)
    half = stats.norm.isf(0.025) * np.sqrt(inner[1, 1])
    found = honest_bounds(medicaid, [0.0], "smoothness", "first").iloc[1]
    expected = (best[1] - half, best[1] + half)
    assert (found["lower"], found["upper"]) == pytest.approx(expected, abs=2e-5)


def test_breakdown_values_are_where_the_intervals_meet_zero(medicaid: Estimate) -> None:
    for restriction in ("relative magnitudes", "smoothness"):
        value = breakdown(medicaid, restriction, "first")
        assert 0 < value < np.inf
        inside, outside = honest_bounds(
            medicaid, [0.99 * value, 1.01 * value], restriction, "first"
        )["lower"].iloc[1:]
        assert inside > 0 > outside
    # A little below 2, by the numbers in print: with M̄ = 2 the interval reaches −0.0009.
    assert 1.7 < breakdown(medicaid, weights="first") < 2.0


def test_a_null_outside_nothing_breaks_at_once(medicaid: Estimate) -> None:
    middle = medicaid.frame.loc["expanded × +0", "estimate"]
    assert breakdown(medicaid, weights="first", null=middle) == 0.0


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda s: honest_bounds(s, [0.0]), "m above zero"),
        (lambda s: honest_bounds(s, [-1.0], "smoothness"), "from zero on"),
        (lambda s: honest_bounds(s, [float("nan")]), "from zero on"),
        (lambda s: honest_bounds(s, [1.0], "smooth"), "'smooth' is not one of"),
        (lambda s: honest_bounds(s, [1.0], weights=[1.0]), "2 here"),
        (lambda s: honest_bounds(s, [1.0], weights=[0.0, 0.0]), "not all zero"),
        (lambda s: honest_bounds(s, [1.0], weights="mean"), "'mean' is not one of"),
        (lambda s: pretrend_power(s, "all"), "'all' is not one of"),
        (lambda s: pretrend_power(s, powers=[0.05]), "not 0.05"),
        (lambda s: honest_bounds(replace(s, reference=None), [1.0]), "no reference period"),
    ],
)
def test_what_makes_no_sense_is_refused(medicaid: Estimate, call, said) -> None:
    with pytest.raises(errors.DesignError, match=said):
        call(medicaid)


def test_periods_with_a_gap_and_other_references_are_refused() -> None:
    data = load("ehec")
    with pytest.raises(errors.DesignError, match="take the last period"):
        honest_bounds(
            event_study(data, outcome="dins", exposure="expanded", reference=-2, **STATES), [1.0]
        )
    gap = data[data["event_time"] != -3]
    with pytest.raises(errors.DesignError, match="not evenly spaced"):
        pretrend_power(event_study(gap, outcome="dins", exposure="expanded", **STATES))
