"""The small-sample factors and the Wald test against R and linearmodels."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from replication import errors
from replication.estimate.convention import (
    distinct_permutations,
    doubts,
    require_variance,
    wald,
    warn_of_doubts,
)
from replication.estimate.few_clusters import bias_reduced, effective_clusters
from replication.estimate.fit import Estimate
from replication.estimate.sample import sample
from replication.estimate.verbs import did, event_study, wald_test
from tests.support.designs_models import DID, MODELS, Y_CR1, G, Y, counted


@pytest.mark.parametrize("name", MODELS)
def test_r_s_own_factors_agree_with_their_formulas(r, name):
    """Guards the record: "stata" counts every column of the design, CR1 what nested ones leave."""
    _, n, k = MODELS[name]
    cr0, stata, cr1 = (r.loc[(name, c)]["std_error"] for c in ("CR0", "stata", "CR1"))
    rank = n - int(r.loc[(name, "classical")]["df"].iloc[0])
    np.testing.assert_allclose(stata, cr0 * math.sqrt(counted(n, rank)), rtol=1e-10)
    np.testing.assert_allclose(cr1, cr0 * math.sqrt(counted(n, k)), rtol=1e-10)


def test_conventions_differ_by_enough_to_be_told_apart(r):
    """A DDD has many nested effects, so the choice of the factor shows in the second digit."""
    ddd_errors = r["std_error"].xs("ddd").droplevel("term").round(4).to_dict()
    assert ddd_errors["CR0"] == 0.0979
    assert ddd_errors["CR1"] == 0.1049
    assert ddd_errors["stata"] == 0.1273
    assert ddd_errors["CR2"] == 0.1070


def leads(study: Estimate) -> list[str]:
    return [t for t in study.frame.index if "−" in t]


def f_test(study: Estimate, terms: list[str]) -> pd.Series:
    """F(q, G − 1) with the estimate's own variance."""
    b, v = study.frame.loc[terms, "estimate"], study.vcov.loc[terms, terms]
    return wald(b.to_numpy(), v.to_numpy(), G - 1)


def test_f_test_is_r_s_f_over_the_factor(fits, r):
    theirs = r.loc[("pretrend", "CR0", "F, CR0")]
    ours = f_test(fits["event study"], leads(fits["event study"]))
    assert ours["q"] == theirs["df"] == 3
    assert ours["df"] == G - 1
    assert ours["statistic"] == pytest.approx(theirs["estimate"] / counted(577, 50), rel=1e-9)


def test_f_test_is_linearmodels_chi_square_without_our_factor(fits):
    """The library's own test of the leads uses CR0 and no division by q."""
    study = fits["event study"]
    theirs = study.result.wald_test(formula=[f"`{t}` = 0" for t in leads(study)])
    ours = f_test(study, leads(study))
    assert ours["statistic"] * 3 * counted(577, 50) == pytest.approx(theirs.stat, rel=1e-9)


def test_f_test_of_one_coefficient_is_its_t_test(fits):
    row = fits["did"][DID]
    found = f_test(fits["did"], [DID])
    assert found["statistic"] == pytest.approx(row.statistic**2, rel=1e-12)
    assert found["p_value"] == pytest.approx(row.p_value, rel=1e-9)


def test_f_test_refers_to_f():
    """Of an F with 3 and 13 degrees of freedom, 5 % lies above 3.41 (any printed table)."""
    found = wald(np.full(3, math.sqrt(3.41)), np.eye(3), 13)
    assert found["statistic"] == pytest.approx(3.41, rel=1e-12)
    assert found["p_value"] == pytest.approx(0.05, abs=5e-4)


def test_hotelling_s_t_square_is_f_with_its_own_factor():
    """T² times (η − q + 1)/(η q) is F(q, η − q + 1), Hotelling 1931: here 10 − 3 + 1 = 8."""
    found = wald(np.array([1.0, 2.0, 2.0]), np.eye(3), 8, 10)
    assert found["statistic"] == pytest.approx(9 * 8 / 30, rel=1e-12)
    assert found["p_value"] == pytest.approx(stats.f.sf(9 * 8 / 30, 3, 8), rel=1e-12)


def test_without_one_dimension_of_clusters_the_joint_test_is_f(data):
    """Two-way clusters: 6 disciplines, the fewer; and none at all: N − K."""
    study = event_study(data, Y_CR1, cluster=("university", "discipline"))
    found = wald_test(study, leads(study)[:2])
    b, v = study.frame["estimate"].to_numpy()[:2], study.vcov.to_numpy()[:2, :2]
    assert found["df"] == 5
    assert found["statistic"] == pytest.approx(b @ np.linalg.inv(v) @ b / 2, rel=1e-10)
    alone = event_study(data, Y, cluster=None)
    assert wald_test(alone, leads(alone))["df"] == alone.df


@pytest.mark.parametrize("variance", ["CR1", "CR2", "CR3"])
def test_joint_test_of_one_coefficient_is_the_t_test_of_cr2(data, variance):
    """Whatever variance the estimate itself has."""
    row = did(data, Y, variance="CR2")[DID]
    found = wald_test(did(data, Y, variance=variance), [DID])
    assert found["statistic"] == pytest.approx(row.statistic**2, rel=1e-10)
    assert found["p_value"] == pytest.approx(row.p_value, rel=1e-9)


def test_a_joint_test_of_more_than_the_clusters_can_tell_is_refused(data):
    """Five universities, seven periods: the variance has rank four, and F would be noise."""
    few = data[data["university"].isin(["U01", "U02", "U03", "U05", "U06"])]
    study = event_study(few, Y_CR1)
    with pytest.raises(errors.TooFewClustersError, match="7 restrictions and a variance of rank"):
        wald(study.frame["estimate"].to_numpy(), study.vcov.to_numpy(), 4)
    with pytest.raises(errors.TooFewClustersError, match="7 restrictions, and the clusters are"):
        wald_test(study, study.frame.index)


# What cannot be relied on -----------------------------------------------------------------------


def treated(data: pd.DataFrame, *universities: str) -> pd.DataFrame:
    return data.assign(exposure=data["university"].isin(universities) * 1.0)


def test_permutations_of_exposures_are_counted():
    """Multinomial coefficients: 12 ways to treat one of 12, 6 to treat two of four."""
    assert distinct_permutations(np.eye(12)[0]) == 12
    assert distinct_permutations(np.array([0, 1, 1, 0])) == 6
    assert distinct_permutations(np.arange(5.0)) == 120
    assert distinct_permutations(np.ones(30)) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda p: treated(p, "U01"),
            ["1 of 14 clusters is exposed", "only 14 assign", "worth 1.2"],
        ),
        (lambda p: treated(p, "U01", "U02"), ["2 of 14 clusters are exposed"]),
        (
            lambda p: p.assign(exposure=(p["university"] != "U01") * 1.0),
            ["1 of 14 clusters is not exposed"],
        ),
        (
            lambda p: p.assign(exposure=1.0 + (p["university"] == "U01")),
            ["1 of 14 clusters is at exposure = 2"],
        ),
    ],
)
def test_few_treated_clusters_are_named_in_a_warning(data, change, said):
    table = change(data)
    effective = effective_clusters(table, Y)["effective"]
    rows = sample(table, Y)
    for words in said:
        assert any(words in reason for reason in doubts(rows, effective)), doubts(rows, effective)
    with pytest.warns(errors.FewClustersWarning, match="CR2 cannot be relied on here: . of 14"):
        warn_of_doubts(rows, effective, "CR2")
    with pytest.warns(errors.FewClustersWarning, match="CR2 cannot be relied on here: . of 14"):
        bias_reduced(table, Y)


def test_there_are_no_doubts_without_a_reason(data):
    """Exposures that all differ, and treatments that are named: the clusters alone decide."""
    assert doubts(sample(data, Y), effective_clusters(data, Y)["effective"]) == []
    named = Y.but(treatment="x1")
    assert doubts(sample(data, named), 14.0) == []
    assert doubts(sample(data, named), 4.9) == ["the clusters are worth 4.9 of like size"]


def test_an_error_of_rounding_is_refused(data):
    """One university with exchange and one without: the scores of both are zero by construction."""
    two = treated(data[data["university"].isin(["U01", "U10"])], "U01")
    with pytest.raises(errors.TooFewClustersError, match="zero but for rounding"):
        did(two, Y)
    for bad in (0.0, np.nan, np.inf, 1e-15):
        with pytest.raises(errors.TooFewClustersError, match="error of 'x' is zero"):
            require_variance([1.0, bad], [1.0, 1.0], ["y", "x"])
    require_variance([1e-8], [1.0], ["x"])
