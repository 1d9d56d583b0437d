"""Few clusters: the verbs against R's clubSandwich, and what their rows and errors say.

Their numbers by brute force are in tests/estimate/many.
"""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from replication import errors
from replication.config import ROOT
from replication.estimate.design import STUDY, TRIPLE
from replication.estimate.few_clusters import (
    bias_reduced,
    compare,
    effective_clusters,
    jackknife,
    randomisation_test,
    wild_cluster_bootstrap,
)
from replication.estimate.verbs import ddd, did
from replication.montecarlo.truth import realised_panel
from replication.panel.load import load_panel
from replication.simulate.process import Process
from replication.simulate.study import simulate
from tests.support.designs_panel import UNIVERSITIES, panel

THIRD = {"third": "control_exposure"}
MODELS = {
    "did": {"outcome": "y"},
    "did controls": {"outcome": "y", "controls": ["x1", "x2"]},
    "did log1p": {"outcome": "patents_joint", "scale": "log1p"},
    "did pooled": {"outcome": "y", "effects": (), "controls": ["exposure", "post"]},
    "ddd": {"outcome": "y", **THIRD},
    "ppml did": {"outcome": "patents_joint", "model": "ppml"},
    "ppml did controls": {"outcome": "patents_joint", "model": "ppml", "controls": ["x1", "x2"]},
    "ppml ddd": {"outcome": "patents_joint", "model": "ppml", **THIRD},
}


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return panel()


@pytest.fixture(scope="module")
def r() -> pd.DataFrame:
    """What tests/oracles/validation.R wrote of the same table, by model and variance."""
    record = pd.read_csv(ROOT / "tests" / "oracles" / "r_numbers.csv")
    record = record[
        (record["dataset"] == "panel") & record["model"].isin([*MODELS, "did weighted"])
    ]
    return record.set_index(["model", "convention"])


def tolerance(name: str) -> float:
    """Least squares is solved, a Poisson likelihood iterated to: R's glm stops at 1e-10."""
    return 1e-7 if name.startswith("ppml") else 1e-10


@pytest.mark.parametrize("name", MODELS)
def test_cr2_is_that_of_clubsandwich(data, r, name):
    theirs, ours, near = r.loc[(name, "CR2")], bias_reduced(data, **MODELS[name]), tolerance(name)
    assert ours.estimate == pytest.approx(theirs.estimate, rel=near)
    assert ours.std_error == pytest.approx(theirs.std_error, rel=near)
    assert ours.df == pytest.approx(theirs.df, rel=near)
    assert effective_clusters(data, **MODELS[name]).df == pytest.approx(theirs.df, rel=near)


def test_cr2_of_weighted_rows_has_their_inverse_for_variance(data, r):
    """As `Design.weights` says; clubSandwich's own default is errors of one variance."""
    theirs = r.loc[("did weighted", "CR2 inverse variance")]
    ours = bias_reduced(data, outcome="y", weights="weight")
    assert ours.std_error == pytest.approx(theirs.std_error, rel=1e-10)
    assert ours.df == pytest.approx(theirs.df, rel=1e-10)


def test_cr2_is_the_number_that_is_known(data):
    """The digits as they are printed, should the record ever be written anew."""
    did, ddd = bias_reduced(data, **MODELS["did"]), bias_reduced(data, **MODELS["ddd"])
    assert [round(did.std_error, 6), round(did.df, 5)] == [0.036779, 6.41598]
    assert [round(ddd.std_error, 6), round(ddd.df, 5)] == [0.106990, 6.18378]


@pytest.mark.parametrize("name", MODELS)
def test_cr1_in_the_comparison_is_that_of_sandwich(data, r, name):
    theirs = r.loc[(name, "CR1")]
    ours = compare(data, **MODELS[name]).loc["CR1, t(G − 1)"]
    half = stats.t.ppf(0.975, UNIVERSITIES - 1) * theirs.std_error
    p = 2 * stats.t.sf(theirs.estimate / theirs.std_error, UNIVERSITIES - 1)
    expected = [theirs.estimate, theirs.estimate - half, theirs.estimate + half, p]
    near = pytest.approx(expected, rel=100 * tolerance(name))
    assert ours[["estimate", "lower", "upper", "p_value"]].tolist() == near


@pytest.mark.parametrize("name", ["ddd", "ppml did"])
def test_the_comparison_says_what_each_verb_says(data, name):
    table = compare(data, **MODELS[name])
    rows = [f(data, **MODELS[name]) for f in (bias_reduced, jackknife, wild_cluster_bootstrap)]
    rows.append(randomisation_test(data, **MODELS[name]))
    for (method, row), alone in zip(table.iloc[1:].iterrows(), rows, strict=True):
        expected = alone.reindex(row.index).astype(float)
        pd.testing.assert_series_equal(row, expected, check_names=False, obj=str(method))
    assert table.loc["randomisation test", ["lower", "upper"]].isna().all()


@pytest.mark.parametrize("name", ["did", "ppml did"])
@pytest.mark.parametrize("reference", ["clusters", "effective"])
def test_the_jackknife_refers_to_t_with_the_degrees_of_freedom_asked_for(data, name, reference):
    row = jackknife(data, reference=reference, **MODELS[name])
    worth = effective_clusters(data, **MODELS[name])
    df = worth[reference] - 1
    assert worth.clusters == UNIVERSITIES
    assert row.df == pytest.approx(df, rel=1e-12)
    assert row.statistic == pytest.approx(row.estimate / row.std_error, rel=1e-12)
    assert row.p_value == pytest.approx(2 * stats.t.sf(abs(row.statistic), df), rel=1e-10)
    half = stats.t.ppf(0.975, df) * row.std_error
    assert [row.lower, row.upper] == pytest.approx([row.estimate - half, row.estimate + half])


@pytest.mark.filterwarnings("ignore::replication.errors.FewClustersWarning")
def test_four_clusters_cannot_reject_at_five_per_cent(data):
    """Of 16 patterns of signs two are the data's: no p-value is below 1/8, no null rejected."""
    few = data[data["university"].isin(["U01", "U02", "U03", "U04"])].reset_index(drop=True)
    found = wild_cluster_bootstrap(few, outcome="y")
    assert found.draws == 16
    assert found.p_value >= 1 / 8
    assert [found.lower, found.upper] == [-np.inf, np.inf]


def test_an_exposure_that_differs_within_a_cluster_cannot_be_permuted(data):
    with pytest.raises(errors.NoVariationError, match="differs within a cluster"):
        randomisation_test(data.assign(exposure=data["x1"]), outcome="y")


def test_an_absorbed_exposure_is_an_error(data):
    """Exposure × post has one value a university and year."""
    effects = [("university", "discipline"), ("university", "year")]
    verbs = (bias_reduced, jackknife, effective_clusters, wild_cluster_bootstrap)
    for verb in (*verbs, randomisation_test):
        with pytest.raises(errors.NoVariationError, match="leave no variation"):
            verb(data, outcome="y", effects=effects)


@pytest.fixture(scope="module")
def small() -> pd.DataFrame:
    panel = load_panel("simulated")
    return panel[panel["university"].isin(sorted(panel["university"].unique())[:12])]


def test_the_jackknife_is_leaving_out_one_university_at_a_time(small: pd.DataFrame) -> None:
    full = did(small, scale="log1p")["exposure × post"].estimate
    names = small["university"].unique()
    left = [
        did(small[small["university"] != u], scale="log1p")["exposure × post"].estimate
        for u in names
    ]
    g = len(names)
    brute = np.sqrt((g - 1) / g * ((np.array(left) - full) ** 2).sum())
    ours = jackknife(small, scale="log1p")
    assert ours.estimate == pytest.approx(full, abs=1e-10)
    assert ours.std_error == pytest.approx(brute, rel=1e-8)


def test_bias_reduction_needs_fewer_degrees_of_freedom_than_clusters(small: pd.DataFrame) -> None:
    ours = bias_reduced(small, scale="log1p")
    cr1 = did(small, scale="log1p")["exposure × post"]
    assert ours.estimate == pytest.approx(cr1.estimate, abs=1e-10)
    assert 1 < ours.df < small["university"].nunique() - 1


# Weights, large clusters, one treated cluster ---------------------------------------------------


def test_weights_are_weighted_least_squares_in_every_method(data):
    """Weighted rows are rows times the root of their weight: CR3 by weighted refits."""
    design = STUDY.but(outcome="y", weights="weight")
    full = did(data, design)["exposure × post"].estimate
    left = [
        did(data[data["university"] != u], design)["exposure × post"].estimate
        for u in sorted(data["university"].unique())
    ]
    ours = jackknife(data, design)
    assert ours.estimate == pytest.approx(full, abs=1e-10)
    g = len(left)
    brute = np.sqrt((g - 1) / g * ((np.array(left) - full) ** 2).sum())
    assert ours.std_error == pytest.approx(brute, rel=1e-8)
    cr1 = did(data, design, variance="CR1")["exposure × post"]
    row = compare(data, design).loc["CR1, t(G − 1)"]
    np.testing.assert_allclose(row, cr1[["estimate", "lower", "upper", "p_value"]], rtol=1e-8)


@pytest.mark.parametrize("rows", [7, 60])
def test_a_cluster_of_many_rows_is_decomposed_by_its_few_columns(rows):
    """Both ways to the hat matrix, where a cluster has fewer rows than columns and where more."""
    rng = np.random.default_rng(rows)
    g, t = np.divmod(np.arange(8 * rows), rows)
    table = pd.DataFrame(
        {
            "g": g,
            "t": t % 5,
            "exposure": rng.standard_normal(8)[g],
            "post": (t % 5 > 2).astype(int),
            "y": rng.standard_normal(8 * rows),
        }
    )
    design = STUDY.but(outcome="y", unit=None, time="t", effects=("g", "t"), cluster="g")
    dummies = pd.get_dummies(table[["g", "t"]].astype(str)).to_numpy(float)
    x = np.column_stack([table["exposure"] * table["post"], dummies])
    hat = x @ np.linalg.pinv(x)
    bread = np.linalg.pinv(x.T @ x)
    u = table["y"] - hat @ table["y"]
    scores = []
    for group in range(8):
        own = g == group
        values, vectors = np.linalg.eigh(np.eye(own.sum()) - hat[np.ix_(own, own)])
        kept = values > 1e-8
        root = vectors[:, kept] * values[kept] ** -0.5 @ vectors[:, kept].T
        scores.append((bread @ x[own].T @ root @ u[own])[0])
    with warnings.catch_warnings():
        # One of the two tables is worth fewer than five clusters, and says so.
        warnings.simplefilter("ignore", errors.FewClustersWarning)
        ours = bias_reduced(table, design)
    assert ours.std_error == pytest.approx(np.sqrt((np.array(scores) ** 2).sum()), rel=1e-8)


def test_without_its_only_treated_cluster_there_is_no_jackknife(data):
    one = data.assign(exposure=(data["university"] == "U05").astype(float))
    with pytest.raises(errors.NoVariationError, match="without 'U05' the treatment does not vary"):
        jackknife(one, outcome="y")
    with pytest.warns(errors.FewClustersWarning, match="1 of 14 clusters is exposed"):
        table = compare(one, outcome="y")
    assert table.loc["CR3 (jackknife), t(G* − 1)"].drop("reason").isna().all()
    assert "without 'U05'" in table.loc["CR3 (jackknife), t(G* − 1)", "reason"]
    rest = table.drop("CR3 (jackknife), t(G* − 1)")
    assert rest["p_value"].between(0, 1).all()
    assert (rest["reason"] == "").all()


def test_what_cannot_be_permuted_leaves_the_other_methods(data):
    moving = data.assign(x=data["exposure"] * data["post"] + 0.1 * data["x1"])
    table = compare(moving, outcome="y", treatment="x")
    assert table["p_value"].isna().tolist() == [False, False, False, False, True]
    assert "pass exposure= and post=" in table["reason"].iloc[-1]


def test_cr2_of_a_cluster_that_effects_take_up_is_that_without_it():
    """University × year effects fit all rows of a university with one cell: it says nothing."""
    table = realised_panel(simulate(Process().without_effect(), 1_001_348))
    design = TRIPLE.but(model="ppml")
    cells = ddd(table, design, variance="CR1").sample.rows.groupby("university")["discipline"]
    alone = cells.nunique().index[cells.nunique() == 1]
    assert len(alone) == 1
    whole = bias_reduced(table, design)
    rest = bias_reduced(table[~table["university"].isin(alone)], design)
    assert rest.std_error == pytest.approx(whole.std_error, rel=1e-6)
    assert rest.df == pytest.approx(whole.df, rel=1e-6)
