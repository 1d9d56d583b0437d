"""Variances of several coefficients and joint tests against R's clubSandwich and refits."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from replication.estimate.design import STUDY
from replication.estimate.fit import Estimate
from replication.estimate.verbs import ddd, did, event_study, poisson, pretrend_test, wald_test
from tests.support.designs_models import DDD, DID, Y, tolerance

TWO = [DID, DDD]


def two(data: pd.DataFrame, **changes: object) -> Estimate:
    dose = data["exposure"] * data["post"]
    terms = {DID: dose, DDD: dose * data["control_exposure"]}
    return did(data.assign(**terms), **{"outcome": "y", **changes}, treatment=TWO)


def of(model: str, data: pd.DataFrame, variance: str) -> Estimate:
    """Model as it is named in R's record, with a variance."""
    design = Y.but(variance=variance)
    calls = {
        "did": lambda: did(data, design),
        "did weighted": lambda: did(data, design, weights="weight"),
        "did controls": lambda: did(data, design, controls=["x1", "x2"]),
        "ddd": lambda: ddd(data, design),
        "event study": lambda: event_study(data, design),
        "two terms": lambda: two(data, variance=variance),
        "ppml did": lambda: poisson(data, variance=variance),
        "ppml did controls": lambda: poisson(data, variance=variance, controls=["x1", "x2"]),
        "ppml ddd": lambda: ddd(data, STUDY.but(variance=variance, model="ppml")),
        "ppml two terms": lambda: two(
            data, outcome="patents_joint", model="ppml", variance=variance
        ),
    }
    return calls[model]()


CR2 = [
    "did", "did controls", "ddd", "event study", "two terms",
    "ppml did", "ppml did controls", "ppml ddd", "ppml two terms",
]  # fmt: skip
CR3 = ["did", "did weighted", "did controls", "ddd", "event study", "two terms", "ppml two terms"]


@pytest.mark.parametrize(
    ("name", "variance"), [*((n, "CR2") for n in CR2), *((n, "CR3") for n in CR3)]
)
def test_standard_errors_of_all_coefficients_are_clubsandwich_s(data, r, name, variance):
    ours = of(name, data, variance)
    theirs = r.loc[(name, variance)].reindex(ours.frame.index)
    near = 10 * tolerance(name)
    np.testing.assert_allclose(ours.frame["std_error"], theirs["std_error"], rtol=near)
    if variance == "CR2":
        np.testing.assert_allclose(ours.df, theirs["df"], rtol=near)


def is_theirs(ours: pd.Series, theirs: pd.Series, near: float) -> None:
    assert ours["statistic"] == pytest.approx(theirs["estimate"], rel=near)
    assert ours["df"] == pytest.approx(theirs["df"], rel=near)


def test_joint_tests_are_clubsandwich_s(data, r):
    study = event_study(data, Y)
    is_theirs(pretrend_test(study), r.loc[("pretrend", "HTZ", "F, HTZ")], 1e-8)
    after = [f"exposure × +{k}" for k in (0, 1)]
    is_theirs(wald_test(study, after), r.loc[("event study", "HTZ", "+0 and +1")], 1e-8)


@pytest.mark.parametrize("name", ["two terms", "ppml two terms"])
def test_joint_test_of_two_terms_is_clubsandwich_s(data, r, name):
    is_theirs(wald_test(of(name, data, "CR3"), TWO), r.loc[(name, "HTZ", "both")], 1e-6)


@pytest.mark.parametrize("name", ["two terms", "ppml two terms"])
def test_a_contrast_has_satterthwaite_s_degrees_of_freedom(data, r, name):
    """R tests the one restriction that the coefficients are equal: F is t²."""
    ours = of(name, data, "CR2").contrast({DID: 1.0, DDD: -1.0})
    theirs = r.loc[(name, "HTZ", "difference")]
    assert ours.statistic**2 == pytest.approx(theirs["estimate"], rel=1e-6)
    p = stats.f.sf(theirs["estimate"], 1, theirs["df"])
    assert ours.p_value == pytest.approx(p, rel=1e-6)


# Brute force ----------------------------------------------------------------------------------


@pytest.mark.parametrize("weights", [None, "weight"])
def test_cr3_of_an_event_study_is_the_jackknife_of_all_coefficients(data, weights):
    """Variances and covariances from regressions on all dummies, each without one cluster."""
    ours = event_study(data, Y, weights=weights)
    periods = [p for p in sorted(data["event_time"].unique()) if p != -1]
    x = np.column_stack([data["exposure"] * (data["event_time"] == p) for p in periods])
    pairs = (["university", "discipline"], ["discipline", "year"])
    dummies = [pd.get_dummies(data.groupby(c).ngroup()).to_numpy(float) for c in pairs]
    root = np.sqrt(data[weights].to_numpy()) if weights else np.ones(len(data))
    z, y = np.column_stack([x, *dummies]) * root[:, None], data["y"].to_numpy() * root
    whole = np.linalg.lstsq(z, y)[0][:7]
    names = sorted(data["university"].unique())
    kept = [(data["university"] != name).to_numpy() for name in names]
    moves = np.array([np.linalg.lstsq(z[rows], y[rows])[0][:7] for rows in kept]) - whole
    g = len(names)
    np.testing.assert_allclose(ours.frame["estimate"], whole, atol=1e-10)
    np.testing.assert_allclose(ours.vcov, (g - 1) / g * moves.T @ moves, atol=1e-10)
    left_out = ours.clustered.leave_one_out()
    assert list(left_out.index) == names
    np.testing.assert_allclose(left_out, moves + whole, atol=1e-10)
