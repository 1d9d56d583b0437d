"""Omitted variables: numbers in print, and variables that are put in and left out."""

import numpy as np
import pandas as pd
import pytest

from replication import errors
from replication.estimate.robustness import Sensitivity, oster, sensitivity
from replication.estimate.robustness.confounding import _as_strong, _selection
from replication.estimate.verbs import did
from tests.support.designs_panel import panel


def of(estimate: float, error: float, df: int) -> Sensitivity:
    spread = error * np.sqrt(df)
    return Sensitivity(estimate, error, 1.96 * error, spread, np.nan, pd.DataFrame())


def test_darfur_as_printed() -> None:
    """Cinelli and Hazlett (2020), tables 1 and of their R package: female, once to three times."""
    darfur = of(0.097, 0.0232, 783)
    assert darfur.robustness_value() == pytest.approx(0.139, abs=5e-4)
    assert darfur.robustness_value(darfur.to_interval) == pytest.approx(0.076, abs=1e-3)
    assert darfur.partial_r2 == pytest.approx(0.022, abs=5e-4)
    for k, treatment, outcome, adjusted in (
        (1, 0.00916, 0.12464, 0.0752),
        (2, 0.01833, 0.24918, 0.0529),
        (3, 0.02749, 0.37365, 0.0304),
    ):
        # Partial R² of the control itself, from the bounds for one such variable.
        found = _as_strong(0.00908, 0.10903, k)
        assert found == pytest.approx((treatment, outcome), rel=5e-3)
        assert darfur.adjusted(*found) == pytest.approx(adjusted, abs=5e-4)


@pytest.fixture(scope="module")
def confounded() -> pd.DataFrame:
    """The panel in closed form, and variables that move with universities after treatment."""
    data = panel()
    number = data["university"].astype("category").cat.codes.to_numpy()
    for i, name in enumerate(("z", "w")):
        level = np.sin(3.1 * (i + 1) * number) + 0.4 * data["exposure"]
        data[name] = level * data["post"] + 0.05 * np.cos(1.7 * np.arange(len(data)) * (i + 1))
    return data.assign(y=data["y"] + 0.3 * data["z"] + 0.2 * data["w"])


def test_a_variable_left_out_moves_the_estimate_by_what_its_partial_r2_say(confounded) -> None:
    """The bias is an identity: with z in the model, or out and its partial R² known."""
    without = sensitivity(confounded, outcome="y", controls=["w"])
    within = sensitivity(confounded, outcome="y", controls=["w", "z"], benchmarks=["z"])
    with_z = did(confounded, outcome="y", controls=["w", "z"])["exposure × post"].estimate
    assert within.estimate == pytest.approx(with_z, abs=1e-9)

    def left(outcome: str, controls: list[str]) -> float:
        """Sum of squares of what effects and controls leave of a column, by dummies."""
        x = pd.get_dummies(confounded["university"] + confounded["discipline"], dtype=float)
        d = pd.get_dummies(confounded["discipline"] + confounded["year"].astype(str), dtype=float)
        more = [confounded[c] * 1.0 for c in controls]
        columns = np.column_stack([x, d, *more])
        y = confounded[outcome].to_numpy(dtype=float)
        return float(((y - columns @ np.linalg.lstsq(columns, y)[0]) ** 2).sum())

    confounded["dose"] = confounded["exposure"] * confounded["post"]
    r2_treatment = 1 - left("dose", ["w", "z"]) / left("dose", ["w"])
    r2_outcome = 1 - left("y", ["dose", "w", "z"]) / left("y", ["dose", "w"])
    found = without.adjusted(r2_treatment, r2_outcome)
    other = 2 * without.estimate - found
    assert min(abs(found - with_z), abs(other - with_z)) < 1e-8
    # And the ceiling is above what any one such variable explains, but for its noise within cells.
    assert without.ceiling > 0.9 * r2_outcome


def test_the_ceiling_is_reached_by_the_best_variable(confounded) -> None:
    """Least squares on a dummy for every university × post, by brute force."""
    found = sensitivity(confounded, outcome="y").ceiling
    cell = pd.get_dummies(confounded["university"] + confounded["discipline"], dtype=float)
    year = pd.get_dummies(confounded["discipline"] + confounded["year"].astype(str), dtype=float)
    dose = (confounded["exposure"] * confounded["post"]).to_numpy()
    each = pd.get_dummies(confounded["university"], dtype=float).mul(confounded["post"], axis=0)
    y = confounded["y"].to_numpy()

    def left(*columns: np.ndarray) -> float:
        x = np.column_stack(columns)
        return float(((y - x @ np.linalg.lstsq(x, y)[0]) ** 2).sum())

    expected = 1 - left(cell, year, dose, each) / left(cell, year, dose)
    assert found == pytest.approx(expected, abs=1e-8)


def population(beta: float, delta: float, observed: float, omitted: float) -> tuple[float, float]:
    """Proportion that the polynomials find where selection in proportion is planted."""
    variance = np.diag([observed, omitted, 0.8, 0.5])
    treatment = np.array([0.4, 0.4 * delta, 1.0, 0.0])
    one, two = np.eye(4)[0], np.eye(4)[1]
    y = beta * treatment + one + two + np.eye(4)[3]

    def cov(a: np.ndarray, b: np.ndarray) -> float:
        return float(a @ variance @ b)

    def fit(*columns: np.ndarray) -> tuple[float, float]:
        z = np.array(columns)
        b = np.linalg.solve(z @ variance @ z.T, z @ variance @ y)
        return float(b[0]), float(b @ z @ variance @ y)

    (b0, s0), (b1, s1), (_, s2) = fit(treatment), fit(treatment, one), fit(treatment, one, two)
    own = cov(treatment, treatment) - cov(treatment, one) ** 2 / observed
    above, below = _selection(b0 - b1, s1 - s0, s2 - s1, cov(treatment, treatment), own)
    powers = (b1 - beta) ** np.arange(4)
    return float(above @ powers / (below @ powers)), b1


@pytest.mark.parametrize("delta", [0.3, 1.0, 1.7, -0.5])
@pytest.mark.parametrize("beta", [0.0, 0.6])
def test_the_planted_proportion_of_selection_is_found(beta: float, delta: float) -> None:
    assert population(beta, delta, 1.0, 0.7)[0] == pytest.approx(delta, rel=1e-9)


def test_the_bound_and_the_proportion_agree(confounded) -> None:
    """The coefficient that selection of proportion p leaves needs selection of proportion p."""
    for proportion in (0.5, 1.0, 2.0):
        design = {"outcome": "y", "controls": ["z", "w"], "proportion": proportion}
        first = oster(confounded, **design)
        again = oster(confounded, **design, null=first["bound"])
        assert again["delta"] == pytest.approx(proportion, rel=1e-6)
    alone = did(confounded, outcome="y")["exposure × post"].estimate
    assert first["uncontrolled"] == pytest.approx(alone, abs=1e-9)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda d: sensitivity(d, outcome="y", controls=["z"], benchmarks=["w"]), "no control"),
        (lambda d: sensitivity(d, outcome="y", strengths=[0.0]), "above zero"),
        (lambda d: oster(d, outcome="y"), "name controls="),
        (
            lambda d: oster(d, outcome="patents_joint", model="ppml", controls=["z"]),
            "least squares",
        ),
        (lambda d: oster(d, outcome="y", controls=["z"], r_max=1.0), "above 1"),
    ],
)
def test_what_makes_no_sense_is_refused(confounded, call, said) -> None:
    with pytest.raises(errors.DesignError, match=said):
        call(confounded)
