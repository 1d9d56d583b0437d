"""What a slope weighs, and responses that are known."""

import numpy as np
import pandas as pd
import pytest

from replication.errors import DesignError, NoVariationError
from replication.estimate.design import STUDY
from replication.estimate.robustness import dose_bins, dose_spline, dose_weights
from replication.estimate.verbs import did
from replication.panel.load import load_panel


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    return load_panel("simulated")


def with_response(panel: pd.DataFrame, response: object) -> pd.DataFrame:
    """The panel with a known response to the dose, and levels that the effects take up."""
    rng = np.random.default_rng(3)
    level = (
        panel.groupby(["university", "discipline"])
        .ngroup()
        .map(dict(enumerate(rng.standard_normal(2000))))
    )
    effect = response(panel["exposure"]) * panel["post"]  # type: ignore[operator]
    return panel.assign(y=level + 0.1 * panel["year"] + effect)


LINEAR = {"outcome": "y", "model": "ols", "scale": "level"}


@pytest.mark.parametrize("response", [np.exp, np.square, np.sign], ids=["exp", "square", "step"])
def test_the_weights_give_the_slope_of_any_response(panel: pd.DataFrame, response: object) -> None:
    data = with_response(panel, response)
    slope = did(data, **LINEAR, variance="none").frame["estimate"].iloc[0]
    weights = dose_weights(panel)
    doses = np.sort(panel["exposure"].unique())
    steps = np.diff(response(doses)) / np.diff(doses)  # type: ignore[operator]
    assert weights["weight"].sum() == pytest.approx(1)
    assert float(weights["weight"] @ steps) == pytest.approx(slope, rel=1e-8)


def test_in_a_balanced_panel_they_are_those_of_the_paper() -> None:
    """Their theorem 3: (E[D | D ≥ l] − E[D]) P(D ≥ l) / Var(D)."""
    rng = np.random.default_rng(8)
    doses = rng.gamma(2.0, size=30)
    data = pd.DataFrame(
        [(u, t, doses[u], int(t >= 3)) for u in range(30) for t in range(6)],
        columns=["u", "year", "exposure", "post"],
    ).assign(y=rng.standard_normal(180))
    found = dose_weights(data, outcome="y", unit="u", cluster="u", effects=["u", "year"])
    above = np.sort(doses)[1:]
    share = np.array([(doses >= low).mean() for low in above])
    mean = np.array([doses[doses >= low].mean() for low in above])
    theirs = (mean - doses.mean()) * share / doses.var()
    assert found["density"].to_numpy() == pytest.approx(theirs)
    assert (found["weight"] > 0).all()


def test_bins_find_the_means_of_a_response(panel: pd.DataFrame) -> None:
    universities = panel.groupby("university")["exposure"].first().sort_values()
    high = set(universities.index[len(universities) // 2 :])
    data = with_response(panel, np.zeros_like)
    data["y"] += 0.7 * data["university"].isin(high) * data["post"]
    found = dose_bins(data, bins=2, **LINEAR, variance="none")
    assert found["estimate"].tolist() == pytest.approx([0, 0.7])
    assert found["clusters"].tolist() == [28, 28]
    four = dose_bins(data, bins=4, **LINEAR, variance="none")
    assert four["estimate"].tolist() == pytest.approx([0, 0, 0.7, 0.7], abs=1e-8)


def test_a_spline_finds_a_line_and_stands_at_the_mean_dose(panel: pd.DataFrame) -> None:
    data = with_response(panel, lambda dose: 0.3 * dose)
    data["y"] += np.random.default_rng(1).standard_normal(len(data)) * 1e-6
    found = dose_spline(data, df=4, **LINEAR, at=[-1.5, 0.2, 2.0])
    mean = panel.groupby("university")["exposure"].first().mean()
    assert found["response"].to_numpy() == pytest.approx(0.3 * (found["dose"] - mean), abs=1e-5)
    at_mean = dose_spline(panel, model="ppml", at=[mean])
    assert at_mean[["response", "lower", "upper"]].to_numpy() == pytest.approx(0, abs=1e-9)


def test_what_has_no_dose_is_refused(panel: pd.DataFrame) -> None:
    for verb in (dose_bins, dose_spline, dose_weights):
        with pytest.raises(DesignError, match="without third="):
            verb(panel, third="control_exposure")
    binary = panel.assign(exposure=panel["exposure_high"])
    with pytest.raises(NoVariationError, match="2 distinct doses of 'exposure' make no 3 bins"):
        dose_bins(binary, bins=3)
    with pytest.raises(NoVariationError, match="more distinct doses"):
        dose_spline(binary)
    moving = panel.assign(exposure=panel["exposure"] + 0.01 * panel["year"])
    with pytest.raises(DesignError, match="one value a cluster"):
        dose_bins(moving, STUDY)
