"""Tests of several claims at once, against loops over refitted samples and closed forms."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from replication import errors
from replication.estimate.contrasts import holm
from replication.estimate.design import STUDY
from replication.estimate.families import romano_wolf, step_down
from replication.estimate.few_clusters import wild_cluster_bootstrap
from replication.estimate.verbs import did, event_frame, event_study
from tests.support.designs_models import Y
from tests.support.refits import Design, design, fits, patterns, residuals


def questions(d: Design, outcomes: dict[str, np.ndarray]) -> dict[str, tuple]:
    return {
        n: (d.data.assign(y=y), STUDY.but(**{**d.verb, "outcome": "y"}))
        for n, y in outcomes.items()
    }


@pytest.fixture(scope="module")
def d() -> Design:
    return design("DID", clusters=8)


@pytest.fixture(scope="module")
def outcomes(d) -> dict[str, np.ndarray]:
    """Outcomes that share a part of their noise, with effects of several sizes."""
    rng = np.random.default_rng(4)
    shared = rng.standard_normal(d.clusters)[d.cluster] * d.data["post"].to_numpy()
    noise = {n: shared + rng.standard_normal(len(d.y)) for n in ("a", "b", "c", "d")}
    return {n: u + s * d.x for (n, u), s in zip(noise.items(), (0.6, 0.0, 0.9, 0.3), strict=True)}


def by_loop(d: Design, outcomes: dict[str, np.ndarray], weights: np.ndarray) -> dict[str, float]:
    """Each sample refitted on all dummies; then the steps down, literally."""
    drawn, observed = {}, {}
    for name, y in outcomes.items():
        left = residuals(y[:, None], d.basis)
        samples = y[:, None] - left + left * weights.T[d.cluster]
        drawn[name] = np.abs(fits(samples, d.x[:, None], d.basis, d.cluster)[1])
        observed[name] = abs(float(fits(y[:, None], d.x[:, None], d.basis, d.cluster)[1][0]))
    rest, found, last = list(outcomes), {}, 0.0
    while rest:
        most = max(rest, key=lambda name: observed[name])
        largest = np.max([drawn[name] for name in rest], axis=0)
        p = float(np.mean(largest >= observed[most] * (1 - 1e-9)))
        found[most] = last = max(last, p)
        rest.remove(most)
    return found


def test_steps_down_are_those_of_a_loop_over_refits(d, outcomes):
    ours = romano_wolf(questions(d, outcomes))
    theirs = by_loop(d, outcomes, patterns(d.clusters))
    assert list(ours.index) == list(outcomes)
    assert ours.name == "p_romano_wolf"
    for name, p in theirs.items():
        assert ours[name] == pytest.approx(p, abs=1e-12), name
    assert len(set(theirs.values())) > 2


def test_drawn_weights_are_the_same_in_all_tests(d, outcomes):
    """The data are one of the draws: (1 + number as far out) / (1 + draws)."""
    weights = np.random.default_rng(5).choice([-1.0, 1.0], (199, d.clusters))
    ours = romano_wolf(questions(d, outcomes), draws=199, seed=5)
    theirs = by_loop(d, outcomes, weights)
    for name, p in theirs.items():
        assert ours[name] == pytest.approx((1 + 199 * p) / 200, abs=1e-12), name


def test_one_test_has_its_own_p_value(d, outcomes):
    one = questions(d, {"a": outcomes["a"]})
    alone = wild_cluster_bootstrap(*one["a"], interval=False).p_value
    assert romano_wolf(one)["a"] == alone
    # The same test many times over costs nothing, where Holm would take it for so many.
    equal = romano_wolf(questions(d, dict.fromkeys("uvw", outcomes["a"])))
    assert equal.tolist() == [alone] * 3


def test_no_p_value_is_below_its_own_nor_above_bonferroni_s(d, outcomes):
    asked = questions(d, outcomes)
    own = pd.Series(
        {n: wild_cluster_bootstrap(*q, interval=False).p_value for n, q in asked.items()}
    )
    adjusted = romano_wolf(asked)
    assert (adjusted >= own - 1e-12).all()
    assert (adjusted <= len(own) * own + 1e-12).all()


def test_no_p_value_is_below_that_of_a_larger_statistic(d):
    """Where few clusters hold most of an exposure, t is large by chance too: 14.3 at p = 0.094."""
    rng, asked = np.random.default_rng(32), {}
    for name, spread in (("few", 3.0), ("many", 0.3)):
        exposure = np.exp(spread * rng.standard_normal(d.clusters))
        table = d.data.assign(exposure=(exposure / exposure.std())[d.cluster])
        noise = rng.standard_normal(len(table))
        table = table.assign(y=noise + 0.8 * table["exposure"] * table["post"])
        asked[name] = (table, STUDY.but(outcome="y"))
    own = {n: wild_cluster_bootstrap(*q, interval=False) for n, q in asked.items()}
    assert own["few"].statistic > own["many"].statistic > 10
    assert own["few"].p_value > 0.05 > own["many"].p_value
    assert romano_wolf(asked).tolist() == [own["few"].p_value] * 2


def test_independent_tests_come_near_to_holm():
    """Signs of many clusters, tests on noise of their own: 1 − (1 − p)^k, and Holm's k p above."""
    rng = np.random.default_rng(12)
    g, t = np.divmod(np.arange(60 * 6), 6)
    table = pd.DataFrame({"g": g, "t": t, "exposure": rng.standard_normal(60)[g], "post": t > 2})
    table = table.assign(post=table["post"].astype(int))
    plain = STUDY.but(unit="g", time="t", effects=("g", "t"), cluster="g", outcome="y")
    asked = {}
    for name, size in {"a": 0.55, "b": 0.45, "c": 0.35, "d": 0.0}.items():
        y = rng.standard_normal(len(table)) + size * table["exposure"] * table["post"]
        asked[name] = (table.assign(y=y), plain)
    own = pd.Series(
        {n: wild_cluster_bootstrap(*q, interval=False).p_value for n, q in asked.items()}
    )
    adjusted, bound = romano_wolf(asked), holm(own)
    assert own.min() < 0.02
    ordered = own.sort_values()
    sidak = pd.Series(
        [1 - (1 - p) ** (4 - i) for i, p in enumerate(ordered)], ordered.index
    ).cummax()
    np.testing.assert_allclose(adjusted[ordered.index], sidak, atol=0.03)
    assert (adjusted <= bound + 0.02).all()


def test_other_clusters_are_an_error_that_names_them(d, outcomes):
    asked = questions(d, {n: outcomes[n] for n in "ab"})
    data, plain = asked["b"]
    asked["b"] = (data[data["university"] != "U03"], plain)
    with pytest.raises(errors.DesignError, match="clusters of 'a' and 'b' differ by U03"):
        romano_wolf(asked)
    assert romano_wolf({}).empty


# Intervals for several coefficients ---------------------------------------------------------------


def test_of_one_coefficient_the_band_is_its_interval(data):
    one = did(data, Y)
    np.testing.assert_allclose(
        one.simultaneous(), one.frame[["estimate", "std_error", "lower", "upper"]], rtol=1e-12
    )


def with_correlation(data: pd.DataFrame, rho: float, df: float) -> pd.DataFrame:
    """Band of an event study whose estimates had these correlations."""
    study = event_study(data, Y, variance="CR1")
    terms, s = study.frame.index, study.frame["std_error"].to_numpy()
    r = np.full((len(s), len(s)), rho) + (1 - rho) * np.eye(len(s))
    vcov = pd.DataFrame(r * np.outer(s, s), terms, terms)
    dfs = pd.Series(df + np.arange(len(s)), terms)
    return replace(study, vcov=vcov, df=dfs).simultaneous()


def test_of_independent_normal_estimates_it_is_sidak_s(data):
    """The largest of seven independent |z|: the quantile of 0.95^(1/7)."""
    found = with_correlation(data, 0.0, 1e7)
    width = (found["upper"] - found["estimate"]) / found["std_error"]
    np.testing.assert_allclose(width, stats.norm.ppf((1 + 0.95 ** (1 / 7)) / 2), atol=2e-3)
    np.testing.assert_allclose(found["estimate"] - found["lower"], width * found["std_error"])


def test_of_estimates_that_move_together_it_is_the_single_one(data):
    found = with_correlation(data, 1 - 1e-12, 8.5)
    width = (found["upper"] - found["estimate"]) / found["std_error"]
    np.testing.assert_allclose(width, stats.t.ppf(0.975, 8.5), rtol=2e-3)


@pytest.mark.parametrize("rho", [0.3, 0.8])
def test_it_is_the_quantile_of_draws_of_a_multivariate_t(data, rho):
    """A million draws of t itself; their share outside has an error of 0.0002."""
    found = with_correlation(data, rho, 9.0)
    width = ((found["upper"] - found["estimate"]) / found["std_error"]).iloc[0]
    r = np.full((7, 7), rho) + (1 - rho) * np.eye(7)
    t = stats.multivariate_t(np.zeros(7), r, df=9.0, seed=3).rvs(1_000_000)
    assert (np.abs(t).max(axis=1) > width).mean() == pytest.approx(0.05, abs=8e-4)


def test_the_band_of_an_event_study_is_wider_and_in_its_frame(data):
    study = event_study(data, Y)
    alone, band = event_frame(study), event_frame(study, simultaneous=True)
    assert list(band.index) == list(alone.index)
    assert band.loc[-1, ["estimate", "std_error", "lower", "upper"]].tolist() == [0.0] * 4
    others = band.index != -1
    assert (band["upper"] - alone["upper"])[others].gt(0).all()
    pd.testing.assert_series_equal(band["estimate"], alone["estimate"])
    bonferroni = stats.t.ppf(1 - 0.025 / 7, study.df.min()) * band["std_error"]
    assert (band["upper"] - band["estimate"])[others].lt(bonferroni[others]).all()
    pd.testing.assert_frame_equal(band, event_frame(study, simultaneous=True))


def test_step_down_is_that_of_statsmodels_family_by_family() -> None:
    p_values = np.random.default_rng(7).beta(0.4, 1.5, (5, 4))
    p_values[0] = [0.02, 0.02, 1.0, 0.0]
    alone = [multipletests(family, method="holm")[1] for family in p_values]
    np.testing.assert_array_equal(step_down(p_values), alone)
