"""The small-sample factors and the Wald test against R and linearmodels."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from replication import errors
from replication.estimate.verbs import event_study, pretrend_test, wald_test
from tests.support.designs_models import DID, MODELS, G, Y, counted


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


def test_wald_test_is_r_s_f_over_the_factor(fits, r):
    theirs = r.loc[("pretrend", "CR0", "F, CR0")]
    ours = pretrend_test(fits["event study"])
    assert ours["q"] == theirs["df"] == 3
    assert ours["df"] == G - 1
    assert ours["statistic"] == pytest.approx(theirs["estimate"] / counted(577, 50), rel=1e-9)


def test_wald_test_is_linearmodels_chi_square_without_our_factor(fits):
    """The library's own test of the leads uses CR0 and no division by q."""
    study = fits["event study"]
    leads = [t for t in study.frame.index if "−" in t]
    theirs = study.result.wald_test(formula=[f"`{t}` = 0" for t in leads])
    ours = wald_test(study, leads)
    assert ours["statistic"] * 3 * counted(577, 50) == pytest.approx(theirs.stat, rel=1e-9)


def test_wald_test_of_one_coefficient_is_its_t_test(fits):
    row = fits["did"][DID]
    found = wald_test(fits["did"], [DID])
    assert found["statistic"] == pytest.approx(row.statistic**2, rel=1e-12)
    assert found["p_value"] == pytest.approx(row.p_value, rel=1e-9)


def test_wald_test_refers_to_f(fits):
    """Of an F with 3 and 13 degrees of freedom, 5 % lies above 3.41 (any printed table)."""
    leads = [t for t in fits["event study"].frame.index if "−" in t]
    frame = fits["event study"].frame.assign(estimate=math.sqrt(3.41))
    vcov = pd.DataFrame(np.eye(len(frame)), frame.index, frame.index)
    found = wald_test(replace(fits["event study"], frame=frame, vcov=vcov), leads)
    assert found["statistic"] == pytest.approx(3.41, rel=1e-12)
    assert found["p_value"] == pytest.approx(0.05, abs=5e-4)


def test_a_joint_test_of_more_than_the_clusters_can_tell_is_refused(data):
    """Five universities, seven periods: the variance has rank four, and F would be noise."""
    few = data[data["university"].isin(["U01", "U02", "U03", "U05", "U06"])]
    study = event_study(few, Y)
    with pytest.raises(errors.TooFewClustersError, match="7 restrictions and a variance of rank"):
        wald_test(study, study.frame.index)
