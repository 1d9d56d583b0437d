"""Bootstrap and permutation from cluster sums, against every sample fitted again.

A p-value is a share of samples, hence a rational number: ours is to be the same one, not one near.
Where samples are drawn, the same are drawn here and fitted one by one, since the p-value of other
draws would differ by chance. That the draws are fair is seen by comparison with all permutations.
"""

from itertools import permutations

import numpy as np
import pytest

from replication import errors
from replication.estimate.design import STUDY
from replication.estimate.few_clusters import parted, randomisation_test, wild_cluster_bootstrap
from replication.estimate.many.resampling import WildBootstrap
from tests.support.refits import (
    Design,
    coefficient,
    design,
    fits,
    patterns,
    residuals,
    share,
)

KINDS = ["DID", "DDD"]


def bootstrap(d: Design, null: float, weights: np.ndarray) -> tuple[np.ndarray, float]:
    """t statistics of samples with the restricted residuals of each cluster times its weight.

    The restricted model holds the coefficient at `null` and fits all effects; each sample is then
    fitted without restriction. Weights have the shape (draws, G).
    """
    left = residuals((d.y - null * d.x)[:, None], d.basis)
    samples = d.y[:, None] - left + left * weights.T[d.cluster]
    _, t = fits(samples, d.x[:, None], d.basis, d.cluster, null)
    _, observed = fits(d.y[:, None], d.x[:, None], d.basis, d.cluster, null)
    return t, float(observed[0])


def enumerated(d: Design, null: float) -> float:
    """p-value over all patterns of signs."""
    return share(*bootstrap(d, null, patterns(d.clusters)))


class TestWildBootstrap:
    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("controls", [[], ["x1", "x2"]], ids=["plain", "controls"])
    def test_all_patterns_of_signs_are_refitted(self, kind, controls):
        d = design(kind, clusters=8, controls=controls)
        b, t = fits(d.y[:, None], d.x[:, None], d.basis, d.cluster)
        error = float(b[0] / t[0])
        found = set()
        for null in (0.0, 0.3, *(float(b[0]) + error * np.array([-2.5, -1.0, 0.1, 3.0]))):
            ours = wild_cluster_bootstrap(d.data, null=null, interval=False, **d.verb)
            assert ours.draws == 2**8
            assert ours.p_value == enumerated(d, null), null
            found.add(ours.p_value)
        assert len(found) > 3

    @pytest.mark.parametrize("kind", KINDS)
    def test_the_interval_ends_where_the_p_value_crosses_five_per_cent(self, kind):
        d = design(kind, clusters=8)
        b, t = fits(d.y[:, None], d.x[:, None], d.basis, d.cluster)
        error = float(abs(b[0] / t[0]))
        ours = wild_cluster_bootstrap(d.data, **d.verb)
        for end, outward in ((ours.lower, -1), (ours.upper, 1)):
            assert (end - ours.estimate) * outward > 0
            assert enumerated(d, end - outward * 1e-5 * error) > 0.05
            assert enumerated(d, end + outward * 1e-5 * error) <= 0.05

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("weights", ["rademacher", "webb"])
    def test_drawn_weights_are_refitted(self, kind, weights):
        """With fewer draws than patterns: p = (1 + number as far out) / (1 + draws)."""
        d = design(kind)
        six = np.sqrt([1.5, 1.0, 0.5])
        points = {"rademacher": [-1.0, 1.0], "webb": [*-six, *six[::-1]]}[weights]
        drawn = np.random.default_rng(7).choice(points, (399, d.clusters))
        null = 0.43
        t, observed = bootstrap(d, null, drawn)
        ours = wild_cluster_bootstrap(
            d.data, null=null, draws=399, seed=7, weights=weights, interval=False, **d.verb
        )
        assert ours.draws == 399
        assert ours.p_value == pytest.approx((1 + share(t, observed) * 399) / 400, abs=1e-12)
        assert 0.005 < ours.p_value < 0.995

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_p_value_of_many_nulls_is_that_of_each(self, kind):
        """By one product for all nulls, and by one for each; equal shares, not near ones."""
        d = design(kind, clusters=9, controls=["x1"])
        fit = parted(d.data, STUDY.but(**d.verb), "a test")
        boot = WildBootstrap(fit.regression, fit.residuals + fit.estimate * fit.regression.x)
        weights = np.random.default_rng(3).choice([-1.0, 1.0], (999, d.clusters))
        test = boot.test(weights)
        for null in np.linspace(fit.estimate - 2, fit.estimate + 2, 40):
            assert test(float(null)) == boot.p_values(float(null), weights)[0]

    def test_other_weights_are_an_error(self):
        d = design("DID", clusters=5)
        with pytest.raises(ValueError, match="'rademacher' or 'webb', not 'mammen'"):
            wild_cluster_bootstrap(d.data, weights="mammen", **d.verb)


def given(d: Design) -> np.ndarray:
    """Exposure of each cluster, shape (G,)."""
    first = np.unique(d.cluster, return_index=True)[1]
    return d.exposure[first]


def drawn(d: Design, draws: int, seed: int) -> np.ndarray:
    """The actual exposures, and as many permutations of them as the verb draws."""
    actual = given(d)
    rng = np.random.default_rng(seed)
    return np.vstack([actual, rng.permuted(np.tile(actual, (draws, 1)), axis=1)])


def regressors(d: Design, exposures: np.ndarray) -> np.ndarray:
    """A column for each row of `exposures`: exposure × schedule."""
    return exposures.T[d.cluster] * d.schedule[:, None]


def shifted(d: Design, statistics: np.ndarray) -> list[np.ndarray]:
    """Outcomes with so much of the regressor added that the t statistics are these."""
    b, t = fits(d.y[:, None], d.x[:, None], d.basis, d.cluster)
    return [d.y + (statistic / t[0] - 1) * b[0] * d.x for statistic in statistics]


@pytest.fixture(scope="module", params=KINDS)
def seven(request) -> Design:
    return design(request.param, clusters=7, controls=["x1"])


class TestRandomisation:
    def test_drawn_permutations_are_refitted(self, seven):
        """For outcomes with effects on either side of none, so that the data's rank goes far."""
        d, draws, seed = seven, 499, 11
        x = regressors(d, drawn(d, draws, seed))
        found = []
        for y in shifted(d, np.linspace(-5, 5, 9)):
            b, t = fits(y[:, None], x, d.basis, d.cluster)
            ours = randomisation_test(d.data.assign(y=y), draws=draws, seed=seed, **d.verb)
            assert ours.draws == draws
            assert ours.p_value == pytest.approx(share(t, t[0]), abs=1e-12)
            assert ours.p_coefficient == pytest.approx(share(b, b[0]), abs=1e-12)
            found.append((ours.p_value, ours.p_coefficient))
        assert all(len(set(p)) > 5 and max(p) > 0.5 > 0.1 > min(p) for p in np.array(found).T)
        assert any(p != q for p, q in found)

    def test_each_permutation_has_the_coefficient_of_a_refit(self, seven):
        """Seen one by one, as the estimate of data in which it is the exposure."""
        d = seven
        for exposures in drawn(d, 12, seed=3):
            data = d.data.assign(exposure=exposures[d.cluster])
            alone = coefficient(d.y, exposures[d.cluster] * d.schedule, d.others)
            assert randomisation_test(data, draws=1, **d.verb).estimate == pytest.approx(
                alone, abs=1e-10
            )

    def test_draws_come_near_to_all_permutations(self, seven):
        """All 5,040 of seven exposures, each refitted; four binomial errors of the draws."""
        d, draws = seven, 50_000
        every = np.array(list(permutations(given(d))))
        (y,) = shifted(d, np.array([2.0]))
        b, t = fits(y[:, None], regressors(d, every), d.basis, d.cluster)
        ours = randomisation_test(d.data.assign(y=y), draws=draws, **d.verb)
        for mine, all_ in ((ours.p_value, share(t, t[0])), (ours.p_coefficient, share(b, b[0]))):
            assert 0.01 < all_ < 0.99
            assert abs(mine - all_) < 4 * np.sqrt(all_ * (1 - all_) / draws)

    def test_within_strata_all_permutations_are_refitted(self):
        """Strata of three, three and one: 3! 3! exposures, each as often as another."""
        d = design("DID", clusters=7)
        kind = np.array(["a", "b", "a", "b", "c", "b", "a"])
        (y,) = shifted(d, np.array([2.0]))
        exposure = given(d)
        every = []
        for a in permutations([0, 2, 6]):
            for b in permutations([1, 3, 5]):
                moved = exposure.copy()
                moved[[0, 2, 6]], moved[[1, 3, 5]] = exposure[list(a)], exposure[list(b)]
                every.append(moved)
        b, t = fits(y[:, None], regressors(d, np.array(every)), d.basis, d.cluster)
        table = d.data.assign(y=y, kind=kind[d.cluster])
        draws = 20_000
        ours = randomisation_test(table, draws=draws, strata="kind", **d.verb)
        assert ours.distinct == 36
        for mine, all_ in ((ours.p_value, share(t, t[0])), (ours.p_coefficient, share(b, b[0]))):
            assert 0.01 < all_ < 0.99
            assert abs(mine - all_) < 4 * np.sqrt(all_ * (1 - all_) / draws)
        free = randomisation_test(table, draws=99, **d.verb)
        assert free.distinct == 5040

    @pytest.mark.filterwarnings("ignore::replication.errors.FewClustersWarning")
    def test_a_stratum_for_each_cluster_leaves_the_data_alone(self):
        d = design("DDD", clusters=7)
        ours = randomisation_test(d.data, draws=50, strata="university", **d.verb)
        assert (ours.distinct, ours.p_value, ours.p_coefficient) == (1, 1.0, 1.0)

    @pytest.mark.filterwarnings("ignore::replication.errors.FewClustersWarning")
    def test_equal_exposures_make_fewer_permutations(self):
        """One of seven treated: seven permutations; in strata of three and four, three."""
        d = design("DID", clusters=7)
        one = d.data.assign(
            exposure=(d.cluster == 1).astype(float), kind=np.where(d.cluster < 3, "x", "y")
        )
        assert randomisation_test(one, draws=9, **d.verb).distinct == 7
        assert randomisation_test(one, draws=9, strata="kind", **d.verb).distinct == 3

    def test_strata_have_one_value_a_cluster(self):
        d = design("DID", clusters=7)
        says = "the strata, column 'discipline', must have one value a cluster, and in 'U01'"
        with pytest.raises(errors.DesignError, match=f"{says} it has several values"):
            randomisation_test(d.data, strata="discipline", **d.verb)
        gap = d.data.assign(kind=np.where(d.cluster == 2, None, "x"))
        with pytest.raises(errors.DesignError, match="in 'U03' it has none"):
            randomisation_test(gap, strata="kind", **d.verb)
        with pytest.raises(errors.MissingColumnError, match="'kinds'"):
            randomisation_test(gap, strata="kinds", **d.verb)
