"""C-LF intervals: numbers in print, the definition of the test, another package."""

import numpy as np
import pytest
from moderndid.didhonest import compute_arp_nuisance_ci
from scipy.optimize import linprog

from replication.estimate.fit import Estimate
from replication.estimate.robustness.relative_magnitudes import Leads, Side, accepts, interval
from replication.estimate.verbs import event_study
from replication.records.published import load


@pytest.fixture(scope="module")
def medicaid() -> Estimate:
    states = {"unit": "stfips", "effects": ["stfips", "year"], "cluster": "stfips"}
    return event_study(load("ehec"), outcome="dins", exposure="expanded", variance="CR1", **states)


def leads(study: Estimate, weights: list[float]) -> Leads:
    return Leads(study.frame["estimate"].to_numpy(), study.vcov.to_numpy(), np.array(weights))


@pytest.mark.parametrize(
    ("m", "low", "high"), [(0.5, 0.0240, 0.0669), (1, 0.0170, 0.0720), (2, -0.0009, 0.0881)]
)
def test_intervals_are_those_in_print(medicaid: Estimate, m, low, high) -> None:
    """The README of HonestDiD prints accepted points of a grid whose steps are 0.04 errors wide."""
    step = 40 * medicaid.frame["std_error"].iloc[-2] / 999
    found = interval(leads(medicaid, [1.0, 0.0]), m)
    assert low - step - 1e-4 < found[0] < low + 1e-4
    assert high - 1e-4 < found[1] < high + step + 1e-4


def test_the_vertices_are_those_of_the_linear_program(medicaid: Estimate) -> None:
    """The statistic of the test is the least η with moments ≤ nuisance + η errors."""
    these = leads(medicaid, [0.5, 0.5])
    side = Side(these, 2, -1.0, 0.7)
    after = these.changes[5:]
    bound = -0.7 * these.changes[2]
    moments = np.vstack([after - bound, -after - bound])
    errors = np.sqrt(np.diag(moments @ these.vcov @ moments.T))
    # Effects that keep the average: (θ, θ) + (1, −1) t.
    for null in (-0.1, 0.0, 0.05, 0.2):
        y = moments @ these.estimates - moments[:, 5:] @ np.array([null, null])
        free = moments[:, 5:] @ np.array([1.0, -1.0])
        program = linprog(
            [1.0, 0.0], A_ub=-np.column_stack([errors, free]), b_ub=-y, bounds=[(None, None)] * 2
        )
        values = side._at_zero - null * side._slope
        assert values.max() == pytest.approx(program.fun, abs=1e-9)


def test_another_package_agrees_about_each_side(medicaid: Estimate) -> None:
    """But for its 1,000 draws of the critical value, where ours are 10,000."""
    these = leads(medicaid, [1.0, 0.0])
    after = these.changes[5:]
    for change, sign in ((1, 1.0), (3, -1.0)):
        bound = sign * these.changes[change]
        moments = np.vstack([after - bound, -after - bound])
        found = compute_arp_nuisance_ci(
            these.estimates,
            these.vcov,
            these.weights[:, None],
            moments,
            np.zeros(len(moments)),
            5,
            2,
            hybrid_flag="LF",
            hybrid_list={"hybrid_kappa": 0.005},
            grid_lb=-0.1,
            grid_ub=0.2,
            grid_points=601,
        )
        nulls, theirs = found.accept_grid.T
        ours = Side(these, change, sign, 1.0).accepts(nulls)
        assert 0 < theirs.sum() < len(nulls)
        assert (ours != theirs.astype(bool)).mean() < 0.01


def test_the_earliest_change_before_treatment_counts() -> None:
    """`moderndid` 0.2.0 leaves it out; here it is the only one that is large."""
    estimates = np.array([-0.5, 0.0, 0.0, 1.0, 1.0])
    these = Leads(estimates, 1e-6 * np.eye(5), np.array([1.0, 0.0]))
    # A change of 0.5 bounds the first effect, 1, to within 0.5 of it.
    assert interval(these, 1.0) == pytest.approx((0.5, 1.5), abs=0.01)
    assert not accepts(these, 0.0, 1.5)
    assert accepts(these, 0.0, 2.1)


def test_bounds_without_noise_add_up_over_the_periods() -> None:
    """After three periods trends can have parted by three changes: on average, by two."""
    estimates = np.array([0.1, 0.0, 1.0, 1.0, 1.0])
    these = Leads(estimates, 1e-8 * np.eye(5), np.full(3, 1 / 3))
    assert interval(these, 1.0) == pytest.approx((0.8, 1.2), abs=0.005)


def test_one_period_after_treatment_is_enough() -> None:
    these = Leads(np.array([0.1, 0.0, 1.0]), 1e-8 * np.eye(3), np.ones(1))
    assert interval(these, 2.0) == pytest.approx((0.8, 1.2), abs=0.005)


def test_where_trends_are_parallel_no_more_than_one_in_twenty_intervals_misses() -> None:
    """Drawn from the normal distribution that the method assumes, whatever its covariance."""
    rng = np.random.default_rng(7)
    root = np.tril(rng.normal(size=(6, 6)))
    vcov, weights = root @ root.T, np.array([0.5, 0.5])
    missed = 0
    for draw in rng.multivariate_normal(np.zeros(6), vcov, size=300):
        missed += not accepts(Leads(draw, vcov, weights), 0.0, 0.5)
    # Three standard errors above the level.
    assert missed / 300 < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)
