"""Rows taken apart in blocks, for designs of every shape, against regressions on all dummies.

Disciplines that no effect links, cells with holes, a discipline of one cluster alone, effects that
lie across the clusters in several ways, weights, controls, and no effect at all.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import pytest

from replication import errors
from replication.config import ROOT
from replication.estimate.design import STUDY, Design, columns_of
from replication.estimate.few_clusters import (
    jackknife,
    randomisation_test,
    wild_cluster_bootstrap,
)
from replication.estimate.many import least_squares
from replication.estimate.many.least_squares import kernel
from replication.estimate.many.regression import regression
from replication.estimate.sample import sample
from tests.support.designs_panel import panel
from tests.support.refits import coefficient, fits, orthonormal, patterns, residuals, share

UNIT, DY, UY = ("university", "discipline"), ("discipline", "year"), ("university", "year")
SHAPES: dict[str, dict[str, object]] = {
    "a component a discipline": {"effects": (UNIT, DY)},
    "all rows linked": {"effects": (UNIT, UY, DY), "third": "control_exposure"},
    "several crossed effects": {"effects": (UNIT, DY, ("year", "kind"))},
    "crossed effects only": {"effects": ("discipline", "year")},
    "units across the clusters": {"effects": (UNIT, DY), "cluster": "team"},
    "weights": {"effects": (UNIT, DY), "weights": "weight"},
    "controls": {"effects": (UNIT, DY), "controls": ("x1", ("x2", "year"))},
    "weights and controls": {
        "effects": (UNIT, UY, DY),
        "third": "control_exposure",
        "weights": "weight",
        "controls": ("x1", "x2"),
    },
    "no effect": {"effects": (), "controls": ("exposure", "post")},
}


def rows() -> pd.DataFrame:
    """Eight universities, a third of the rows out at random; one discipline is U02's alone."""
    table, rng = panel(), np.random.default_rng(17)
    table = table[table["university"] <= "U08"]
    table = table[(rng.random(len(table)) > 0.33) | (table["year"] >= 2017)]
    alone = (table["discipline"] == "D5") & (table["university"] != "U02")
    table = table[~alone].sample(frac=1, random_state=3).reset_index(drop=True)
    # Clusters of their own: each holds parts of many units.
    return table.assign(
        kind=np.where(rng.random(len(table)) > 0.5, "a", "b"),
        team=np.arange(len(table)) % 7,
    )


@dataclass(frozen=True)
class Shape:
    """A design, and its columns written out."""

    data: pd.DataFrame
    design: Design

    @cached_property
    def others(self) -> np.ndarray:
        groups = [self.data.groupby(list(columns_of(e))).ngroup() for e in self.design.effects]
        parts = [pd.get_dummies(g).to_numpy(float) for g in groups] or [np.ones((len(self.x), 1))]
        for control in self.design.controls:
            if isinstance(control, str):
                parts.append(self.data[[control]].to_numpy(float))
                continue
            by = pd.get_dummies(self.data[control[1]]).to_numpy(float)[:, 1:]
            parts.append(by * self.data[[control[0]]].to_numpy(float))
        return np.column_stack(parts)

    @property
    def schedule(self) -> np.ndarray:
        third = 1.0 if self.design.third is None else self.data[self.design.third]
        return (self.data["post"] * third).to_numpy(float)

    @property
    def x(self) -> np.ndarray:
        return self.data["exposure"].to_numpy() * self.schedule

    @property
    def y(self) -> np.ndarray:
        return self.data["y"].to_numpy()

    @cached_property
    def weights(self) -> np.ndarray:
        named = self.design.weights
        return np.ones(len(self.data)) if named is None else self.data[named].to_numpy()

    @cached_property
    def basis(self) -> np.ndarray:
        return orthonormal(self.others * np.sqrt(self.weights)[:, None])

    @cached_property
    def cluster(self) -> np.ndarray:
        return pd.factorize(self.data[self.design.clusters[0]], sort=True)[0]

    def rooted(self, values: np.ndarray) -> np.ndarray:
        return values.reshape(len(self.data), -1) * np.sqrt(self.weights)[:, None]


@pytest.fixture(scope="module", params=SHAPES)
def shape(request) -> Shape:
    design = STUDY.but(outcome="y", unit=None, **SHAPES[request.param])
    return Shape(rows(), design)


def test_there_are_blocks_of_several_shapes(shape):
    """What the other tests are worth: stacks that differ, and rows that each is in once."""
    k = kernel(sample(shape.data, shape.design), "a test")
    found = np.concatenate([s.rows.ravel() for s in k.stacks])
    assert sorted(found) == list(range(len(shape.data)))
    if shape.design.effects and shape.design.cluster == "university":
        assert len(k.stacks) > 3


def test_residuals_are_those_of_a_regression_on_all_dummies(shape):
    k = kernel(sample(shape.data, shape.design), "a test")
    values = np.column_stack([shape.y, shape.x, np.sin(np.arange(len(shape.x)))])
    ours = k.residualise(k.arrange(values))
    theirs = residuals(shape.rooted(values), shape.basis)
    np.testing.assert_allclose(ours, theirs[k.order], atol=1e-9)


def test_left_out_is_the_estimate_without_each_cluster(shape):
    ours = jackknife(shape.data, shape.design)
    names = np.unique(shape.data[shape.design.clusters[0]])
    parts = (shape.y, shape.x, shape.others, shape.weights)
    whole = coefficient(*parts)
    kept = [shape.cluster != g for g in range(len(names))]
    left = np.array([coefficient(*(p[rows] for p in parts)) for rows in kept])
    g = len(names)
    assert ours.estimate == pytest.approx(whole, abs=1e-9)
    variance = (g - 1) / g * ((left - whole) ** 2).sum()
    assert ours.std_error == pytest.approx(np.sqrt(variance), rel=1e-8)
    assert ours.without == pytest.approx(left[np.abs(left - whole).argmax()], abs=1e-9)


def test_all_patterns_of_signs_are_refitted(shape):
    y, x, g = shape.rooted(shape.y), shape.rooted(shape.x), shape.cluster.max() + 1
    b, t = fits(y, x, shape.basis, shape.cluster)
    for null in (0.0, float(b[0] - 1.5 * b[0] / t[0])):
        left = residuals(y - null * x, shape.basis)
        samples = y - left + left * patterns(g).T[shape.cluster]
        drawn = fits(samples, x, shape.basis, shape.cluster, null)[1]
        observed = float(fits(y, x, shape.basis, shape.cluster, null)[1][0])
        ours = wild_cluster_bootstrap(shape.data, shape.design, null=null, interval=False)
        assert ours.p_value == share(drawn, observed), null


def test_permutations_are_refitted(shape):
    if shape.design.cluster == "team":
        with pytest.raises(errors.NoVariationError, match="differs within a cluster"):
            randomisation_test(shape.data, shape.design)
        return
    first = np.unique(shape.cluster, return_index=True)[1]
    actual = shape.data["exposure"].to_numpy()[first]
    rng = np.random.default_rng(8)
    moved = np.vstack([actual, rng.permuted(np.tile(actual, (199, 1)), axis=1)])
    # With no effect the exposure itself is a control, and is not permuted with its product.
    x = shape.rooted(moved.T[shape.cluster] * shape.schedule[:, None])
    b, t = fits(shape.rooted(shape.y), x, shape.basis, shape.cluster)
    ours = randomisation_test(shape.data, shape.design, draws=199, seed=8)
    assert ours.p_value == pytest.approx(share(t, t[0]), abs=1e-12)
    assert ours.p_coefficient == pytest.approx(share(b, b[0]), abs=1e-12)


def test_the_clusters_that_alone_tell_the_treatment_are_named():
    """Exposure to nobody but U02 in its discipline: without it there is no estimate."""
    table = rows()
    alone = (table["university"] == "U02") & (table["discipline"] == "D5")
    table = table.assign(dose=np.where(alone, table["post"], 0.0))
    design = STUDY.but(outcome="y", unit=None, treatment="dose", effects=(UNIT, "year"))
    names = regression(sample(table, design), "a test").left_out[1]
    assert names.tolist() == ["U02"]
    # With discipline × year effects U02's own years of D5 tell nothing at all.
    with pytest.raises(errors.NoVariationError, match="leave no variation"):
        regression(sample(table, design.but(effects=(UNIT, DY))), "a test")


PROGRAM = """
import json
from replication.estimate.few_clusters import compare
from replication.estimate.verbs import event_study, pretrend_test
from tests.support.designs_panel import panel
p = panel()
tables = [compare(p, outcome="y"), compare(p, model="ppml", controls=["x1"])]
study = event_study(p, outcome="y")
tables += [study.frame, study.simultaneous()]
tables = [t.drop(columns="reason", errors="ignore").fillna(-9).to_numpy(float) for t in tables]
print(json.dumps([t.tolist() for t in tables] + [pretrend_test(study).tolist()]))
"""


def test_nothing_depends_on_the_number_of_threads():
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    runs = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", PROGRAM],
            env={**os.environ, **dict.fromkeys(names, threads)},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for threads in ("1", "2")
    ]
    one, other = [json.loads(run.communicate(timeout=300)[0]) for run in runs]
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-14)
    # Shares of draws: the same ones, in both tables.
    assert [row[3] for row in one[0][3:]] == [row[3] for row in other[0][3:]]
    assert [row[3] for row in one[1][3:]] == [row[3] for row in other[1][3:]]


def test_crossed_effects_add_the_rank_of_their_dummies(shape):
    """By singular values of all dummies, with the nested ones and without."""
    k = kernel(sample(shape.data, shape.design), "a test")
    groups = [shape.data.groupby(list(columns_of(e))).ngroup() for e in shape.design.effects]
    dummies = [pd.get_dummies(g).to_numpy(float) for g in groups]
    dummies = dummies or [np.ones((len(shape.data), 1))]
    nested = [d for d in dummies if all(len(np.unique(shape.cluster[c > 0])) == 1 for c in d.T)]
    inside = np.linalg.matrix_rank(np.column_stack(nested)) if nested else 0
    assert k.added == np.linalg.matrix_rank(np.column_stack(dummies)) - inside


def test_a_block_larger_than_a_piece_is_one_of_its_own(monkeypatch):
    """As a cluster of many rows is: laid out alone, with the same answer."""
    whole = kernel(sample(rows(), STUDY.but(outcome="y", unit=None)), "a test")
    monkeypatch.setattr(least_squares, "PIECE", 5)
    alone = kernel(sample(rows(), STUDY.but(outcome="y", unit=None)), "a test")
    assert max(len(s.rows) for s in alone.stacks) == 1
    values = np.sin(np.arange(len(rows())))[:, None]
    np.testing.assert_allclose(alone.residualise(values), whole.residualise(values), atol=1e-12)
