"""The Poisson fit and what is made of it, against Newton steps in numpy on all dummies.

After the last step a Poisson regression is a weighted one, of (y − mean)/mean with the means as
weights: CR3 and the resampling of that regression are what the verbs give for ``"ppml"``. CR2 has
the working variance of the counts themselves, and R's numbers in tests/estimate/test_clustered.py.
"""

import numpy as np
import pyfixest as pf
import pytest

from replication.estimate.design import TRIPLE
from replication.estimate.few_clusters import (
    bias_reduced,
    effective_clusters,
    jackknife,
    randomisation_test,
    wild_cluster_bootstrap,
)
from replication.estimate.many.poisson import without_effect
from replication.estimate.sample import sample
from replication.montecarlo.truth import realised_panel
from replication.simulate.process import Process
from replication.simulate.study import simulate
from tests.support.refits import (
    Design,
    by_cluster,
    coefficient,
    design,
    fits,
    orthonormal,
    patterns,
    poisson,
    residuals,
    share,
)

KINDS = ["DID", "DDD"]
NEAR = 1e-7
"""The package goes round the effects until nothing moves by more than 1e-9."""


@pytest.fixture(scope="module", params=KINDS)
def d(request) -> Design:
    return design(request.param, "patents_joint")


@pytest.fixture(scope="module", params=KINDS)
def eight(request) -> Design:
    return design(request.param, "patents_joint", clusters=8)


@pytest.fixture(scope="module")
def fit(d) -> tuple[float, np.ndarray]:
    return poisson(d.y, d.x, d.others)


def verb(d: Design) -> dict[str, object]:
    return {**d.verb, "model": "ppml"}


def root(matrix: np.ndarray) -> np.ndarray:
    """Inverse symmetric square root on the directions that the matrix has."""
    values, vectors = np.linalg.eigh(matrix)
    kept = values > 1e-8 * values.max()
    return (vectors[:, kept] * values[kept] ** -0.5) @ vectors[:, kept].T


def test_the_coefficient_is_that_of_pyfixest(d, fit):
    frame = d.data.assign(x=d.x)
    effects = ["university^discipline", "discipline^year", "university^year"]
    absorbed = " + ".join(effects[: 3 if "third" in d.verb else 2])
    theirs = pf.fepois(
        f"patents_joint ~ x | {absorbed}",
        frame,
        iwls_tol=1e-12,
        iwls_maxiter=100,
        demeaner=pf.MapDemeaner(fixef_tol=1e-11),
    )
    assert jackknife(d.data, **verb(d)).estimate == pytest.approx(theirs.coef()["x"], rel=NEAR)
    assert fit[0] == pytest.approx(theirs.coef()["x"], rel=NEAR)


def test_cr3_is_one_newton_step_without_each_cluster(d, fit):
    """From the whole sample's fit: a weighted regression of its last step on the other rows."""
    b, mean = fit
    step = np.log(mean) + (d.y - mean) / mean
    assert coefficient(step, d.x, d.others, mean) == pytest.approx(b, rel=1e-9)
    rows = [d.cluster != g for g in range(d.clusters)]
    left_out = np.array([coefficient(step[r], d.x[r], d.others[r], mean[r]) for r in rows])
    variance = (1 - 1 / d.clusters) * ((left_out - b) ** 2).sum()
    ours = jackknife(d.data, **verb(d))
    assert ours.std_error == pytest.approx(np.sqrt(variance), rel=NEAR)
    most = np.abs(left_out - b).argmax()
    assert ours.influential == sorted(d.data["university"].unique())[most]
    assert ours.without == pytest.approx(left_out[most], rel=NEAR)


def test_cr2_has_the_root_of_the_counts_working_variance(d, fit):
    """Adjusted by A = D B^(−1/2) D with D² the means and B = D (I − H) M D: E(A e)(A e)' = M.

    (I − H)^(−1/2) on rows times the root of the mean satisfies the same condition, with a larger
    variance here: by R's record, which Pustejovsky and Tipton's formula meets, it is another root.
    """
    _, mean = fit
    r = np.sqrt(mean)
    columns = np.column_stack([d.x, d.others])
    inverse = np.linalg.pinv(columns * r[:, None])
    found = {"A": 0.0, "other root": 0.0}
    for g in range(d.clusters):
        rows = d.cluster == g
        left = np.eye(rows.sum()) - (columns[rows] * r[rows, None]) @ inverse[:, rows]
        left, error, w = (left + left.T) / 2, (d.y - mean)[rows], r[rows]
        # On the scale of the counts: (I − H) M = √M left √M.
        b = w[:, None] * (w[:, None] * left * w) * w
        adjust = w[:, None] * root(b) * w
        target = adjust @ (w[:, None] * left * w) @ adjust.T
        assert np.linalg.matrix_rank(target, tol=1e-6) == np.linalg.matrix_rank(left, tol=1e-6)
        found["A"] += float(inverse[0, rows] / w @ adjust @ error) ** 2
        found["other root"] += float(inverse[0, rows] @ root(left) @ (error / w)) ** 2
    ours = bias_reduced(d.data, **verb(d)).std_error
    assert ours == pytest.approx(np.sqrt(found["A"]), rel=NEAR)
    assert np.sqrt(found["other root"]) > 1.05 * ours


def test_effective_clusters_are_counted_by_their_information(d, fit):
    root_mean = np.sqrt(fit[1])[:, None]
    x = residuals(root_mean * d.x[:, None], orthonormal(root_mean * d.others))
    part = by_cluster(x**2, d.cluster)[:, 0]
    variation = part.std() / part.mean()
    ours = effective_clusters(d.data, **verb(d))
    assert ours.effective == pytest.approx(d.clusters / (1 + variation**2), rel=NEAR)
    assert ours.largest_share == pytest.approx(part.max() / part.sum(), rel=NEAR)


def enumerated(d: Design, fit: tuple[float, np.ndarray], null: float) -> float:
    """p-value over all patterns of signs of the last step's weighted regression.

    The null is imposed on its outcome, log μ + (y − μ)/μ, with the weights μ; what that leaves of
    each cluster takes a sign, and each sample is fitted again on the regressor and all dummies.
    """
    _, mean = fit
    r = np.sqrt(mean)
    y = (np.log(mean) + (d.y - mean) / mean) * r
    x, basis = r * d.x, orthonormal(d.others * r[:, None])
    left = residuals((y - null * x)[:, None], basis)
    samples = y[:, None] - left + left * patterns(d.clusters).T[d.cluster]
    _, t = fits(samples, x[:, None], basis, d.cluster, null)
    _, observed = fits(y[:, None], x[:, None], basis, d.cluster, null)
    return share(t, float(observed[0]))


@pytest.fixture(scope="module")
def fit_of_eight(eight) -> tuple[float, np.ndarray]:
    return poisson(eight.y, eight.x, eight.others)


def test_the_bootstrap_is_that_of_the_last_weighted_regression(eight, fit_of_eight):
    b, _ = fit_of_eight
    found = set()
    for null in (0.0, 0.6 * b, 0.95 * b, 1.2 * b):
        ours = wild_cluster_bootstrap(eight.data, null=null, interval=False, **verb(eight))
        assert ours.draws == 2**8
        assert ours.p_value == enumerated(eight, fit_of_eight, null)
        found.add(ours.p_value)
    assert len(found) > 2


def test_the_interval_ends_where_the_bootstrap_begins_to_reject(eight, fit_of_eight):
    ours = wild_cluster_bootstrap(eight.data, **verb(eight))
    for end, outward in ((ours.lower, -1), (ours.upper, 1)):
        assert enumerated(eight, fit_of_eight, end - outward * 1e-4) > 0.05
        assert enumerated(eight, fit_of_eight, end + outward * 1e-4) <= 0.05


@pytest.mark.parametrize("controls", [(), ("x1", "x2")], ids=["plain", "controls"])
def test_permutations_are_of_the_weighted_regression_at_the_restricted_fit(eight, controls):
    """The same permutations as the verb draws, each refitted."""
    kind = "DDD" if "third" in eight.verb else "DID"
    d, draws, seed = design(kind, "patents_joint", 8, controls), 499, 5
    _, mean = poisson(d.y, d.x, d.others, held=0.0)
    r = np.sqrt(mean)[:, None]
    actual = d.exposure[np.unique(d.cluster, return_index=True)[1]]
    rng = np.random.default_rng(seed)
    exposures = np.vstack([actual, rng.permuted(np.tile(actual, (draws, 1)), axis=1)])
    x = exposures.T[d.cluster] * d.schedule[:, None]
    b, t = fits((d.y - mean)[:, None] / r, r * x, orthonormal(r * d.others), d.cluster)
    ours = randomisation_test(d.data, draws=draws, seed=seed, **verb(d))
    assert ours.estimate == pytest.approx(b[0], rel=NEAR)
    assert ours.p_value == pytest.approx(share(t, t[0]), abs=1e-12)
    assert ours.p_coefficient == pytest.approx(share(b, b[0]), abs=1e-12)


def test_rows_that_effects_separate_together_are_left_out_of_a_restricted_fit():
    """A study whose triple difference has such a row: the likelihood without it is maximised."""
    process = Process().without_effect()
    table = realised_panel(simulate(process, 1_000_782))
    rows, means = without_effect(sample(table, TRIPLE.but(model="ppml")))
    assert rows.dropped["separated by effects and regressors together"] > 0
    left = rows.y.to_numpy() - means
    for code in rows.effect_codes:
        # The fit's own tolerance: a part of all counts.
        assert np.abs(np.bincount(code, left)).max() < 1e-8 * rows.y.sum()
