"""Placebos against refits, and two measures of an exposure against another library."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from linearmodels.iv import IV2SLS

from replication.errors import DesignError, NoVariationError
from replication.estimate.design import TRIPLE
from replication.estimate.robustness import fake_years, instrumented, shuffled
from replication.estimate.verbs import did
from replication.panel.load import load_panel


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    return load_panel("simulated")


def test_a_fake_year_is_an_estimate_on_untreated_years(panel: pd.DataFrame) -> None:
    found = fake_years(panel, TRIPLE, scale="log1p")
    assert list(found) == [f"as if from {year}" for year in (2013, 2014, 2015, 2016)]
    before = panel[panel["year"] < 2018].assign(post=lambda d: (d["year"] >= 2015).astype(int))
    refit = did(before, TRIPLE, scale="log1p").frame.iloc[0]
    pd.testing.assert_series_equal(found["as if from 2015"].frame.iloc[0], refit)


def test_a_year_that_cannot_be_pretended_is_named(panel: pd.DataFrame) -> None:
    for year in (2011, 2018):
        with pytest.raises(DesignError, match=f"{year} cannot be pretended .* 2012, .* can"):
            fake_years(panel, years=[year])
    with pytest.raises(NoVariationError, match="3 untreated years leave none"):
        fake_years(panel[panel["year"] >= 2015])


def test_every_shuffle_is_a_permutation_within_its_stratum() -> None:
    """Two disciplines of three universities: 36 ways, each of which a refit knows."""
    rng = np.random.default_rng(4)
    doses = np.array([0.3, 1.1, 2.6])
    rows = [(u, d, t, int(t > 1)) for u in range(3) for d in range(2) for t in range(4)]
    data = pd.DataFrame(rows, columns=["university", "discipline", "year", "post"])
    data = data.assign(y=rng.standard_normal(len(data)), exposure=doses[data["university"]])
    shared = {"outcome": "y", "model": "ols", "scale": "level", "variance": "none"}
    found = shuffled(data, draws=400, seed=1, **shared)
    known = set()
    for first in permutations(range(3)):
        for second in permutations(range(3)):
            given = np.array([doses[list(first)], doses[list(second)]])
            z = given[data["discipline"], data["university"]] * data["post"]
            fit = did(data.assign(z=z), treatment="z", **shared)
            known.add(round(float(fit.frame["estimate"].iloc[0]), 8))
    own = did(data, **shared).frame["estimate"].iloc[0]
    assert found.iloc[0] == pytest.approx(own)
    assert {round(float(b), 8) for b in found} == known
    assert shuffled(data, draws=5, seed=9, **shared).equals(
        shuffled(data, draws=5, seed=9, **shared)
    )


def test_shuffled_exposures_are_asked_of_a_linear_design(panel: pd.DataFrame) -> None:
    with pytest.raises(DesignError, match="linear design"):
        shuffled(panel, model="ppml")


def test_two_measures_agree_with_two_stage_least_squares_of_linearmodels() -> None:
    rng = np.random.default_rng(6)
    units, years = 25, 6
    true = rng.standard_normal(units)
    rows = [(u, t, int(t >= 3)) for u in range(units) for t in range(years)]
    data = pd.DataFrame(rows, columns=["u", "year", "post"])
    noise = rng.standard_normal((2, units))
    at = data["u"]
    data = data.assign(
        a=(true + 0.7 * noise[0])[at],
        b=(true + 0.7 * noise[1])[at],
        y=0.5 * true[at] * data["post"] + rng.standard_normal(len(data)),
    )
    shared = {"outcome": "y", "unit": "u", "cluster": "u", "effects": ["u", "year"]}
    found = instrumented(data, "a", "b", **shared, model="ols", scale="level")
    dummies = pd.get_dummies(data[["u", "year"]].astype(str), drop_first=True, dtype=float)
    dummies["one"] = 1.0
    for name, other in (("a", "b"), ("b", "a")):
        theirs = IV2SLS(
            data["y"],
            dummies,
            (data[name] * data["post"]).rename("d"),
            (data[other] * data["post"]).rename("z"),
        ).fit(cov_type="clustered", clusters=data["u"], debiased=False)
        row = found.loc[name]
        assert row["estimate"] == pytest.approx(theirs.params["d"])
        # CR1: their variance times G/(G − 1) (N − 1)/(N − K), effects nested in clusters not in K.
        factor = units / (units - 1) * (len(data) - 1) / (len(data) - 1 - years)
        assert row["std_error"] == pytest.approx(theirs.std_errors["d"] * np.sqrt(factor), rel=0.01)
    with pytest.raises(DesignError, match="without controls"):
        instrumented(data, "a", "b", **shared, model="ols", scale="level", controls=["b"])
