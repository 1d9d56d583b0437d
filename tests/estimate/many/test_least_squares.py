"""Least squares taken apart by cluster, against regressions on all dummies, one a cluster left out.

CR2, whose oracle is R, is in tests/estimate/test_few_clusters.py.
"""

import numpy as np
import pytest

from replication.estimate.few_clusters import effective_clusters, jackknife
from tests.support.refits import Design, by_cluster, coefficient, design, residuals

KINDS = ["DID", "DDD"]
CONTROLS = {"none": [], "two": ["x1", "x2"]}


@pytest.fixture(scope="module", params=KINDS)
def kind(request) -> str:
    return request.param


@pytest.fixture(scope="module", params=CONTROLS)
def d(request, kind) -> Design:
    return design(kind, controls=CONTROLS[request.param])


@pytest.fixture(scope="module")
def left_out(d) -> np.ndarray:
    """Estimates without each cluster."""
    return np.array([coefficient(*d.without(g)) for g in range(d.clusters)])


def test_the_estimate_is_the_coefficient_beside_all_dummies(d):
    assert jackknife(d.data, **d.verb).estimate == pytest.approx(
        coefficient(d.y, d.x, d.others), abs=1e-10
    )


def test_cr3_is_the_spread_of_the_estimates_without_a_cluster(d, left_out):
    """(G − 1)/G Σ (b_g − b)², about the whole sample's estimate and not about their mean."""
    g, whole = d.clusters, coefficient(d.y, d.x, d.others)
    variance = (g - 1) / g * ((left_out - whole) ** 2).sum()
    assert jackknife(d.data, **d.verb).std_error == pytest.approx(np.sqrt(variance), abs=1e-10)


def test_the_influential_cluster_moves_the_estimate_most(d, left_out):
    most = np.abs(left_out - coefficient(d.y, d.x, d.others)).argmax()
    ours = jackknife(d.data, **d.verb)
    assert ours.influential == sorted(d.data["university"].unique())[most]
    assert ours.without == pytest.approx(left_out[most], abs=1e-10)


def test_a_discipline_that_one_cluster_alone_has_is_left_out_with_it(kind):
    """Its effects are in no other cluster, and (I − H) of that cluster has no inverse."""
    d = design(kind)
    alone = (d.data["discipline"] == "D2") & (d.data["university"] != "U01")
    assert (d.data.loc[~alone & (d.data["discipline"] == "D2"), "university"] == "U01").all()
    kept = (~alone).to_numpy()
    y, x, others, cluster = d.y[kept], d.x[kept], d.others[kept], d.cluster[kept]
    whole = coefficient(y, x, others)
    left_out = np.array(
        [coefficient(*(v[cluster != g] for v in (y, x, others))) for g in range(cluster.max() + 1)]
    )
    variance = (d.clusters - 1) / d.clusters * ((left_out - whole) ** 2).sum()
    ours = jackknife(d.data[kept], **d.verb)
    assert ours.std_error == pytest.approx(np.sqrt(variance), abs=1e-10)


def test_effective_clusters_are_counted_by_the_variation_that_each_holds(d):
    """G / (1 + the squared coefficient of variation of the clusters' parts), Carter et al. 2017."""
    x = residuals(d.x[:, None], d.basis)
    part = by_cluster(x**2, d.cluster)[:, 0]
    variation = part.std() / part.mean()
    ours = effective_clusters(d.data, **d.verb)
    assert ours.clusters == d.clusters
    assert ours.effective == pytest.approx(d.clusters / (1 + variation**2), rel=1e-10)
    assert ours.largest_share == pytest.approx(part.max() / part.sum(), rel=1e-10)
