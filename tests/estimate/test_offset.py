"""An offset of a Poisson model, against statsmodels' GLM with a column of dummies an effect."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from replication.errors import DesignError, MissingColumnError, MissingValueError
from replication.estimate.design import Design
from replication.estimate.few_clusters import compare, jackknife, randomisation_test
from replication.estimate.robustness.three_way import three_way
from replication.estimate.verbs import did, poisson

DESIGN = Design(
    outcome="firm",
    unit="university",
    time="window",
    effects=("university", "window"),
    model="ppml",
    offset="log_papers",
)
TERM = "exposure × post"


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    """Twelve universities in three windows: papers with firms are a rate times papers."""
    rng = np.random.default_rng(14)
    frame = pd.DataFrame(
        {
            "university": np.repeat([f"U{n:02}" for n in range(12)], 3),
            "window": np.tile([2010, 2014, 2018], 12),
            "exposure": np.repeat(rng.normal(size=12), 3),
        }
    )
    frame["post"] = (frame["window"] == 2018).astype(int)
    frame["papers"] = rng.integers(400, 9000, len(frame))
    noise = rng.normal(0, 0.2, len(frame))
    # Papers with firms grow less than in proportion, so that a free coefficient is not one.
    rate = 3 * frame["papers"] ** -0.5 * np.exp(0.3 * frame["exposure"] * frame["post"] + noise)
    frame["firm"] = rng.poisson(rate * frame["papers"])
    frame["log_papers"] = np.log(frame["papers"])
    return frame


def dummies(data: pd.DataFrame) -> np.ndarray:
    return np.column_stack(
        [
            pd.get_dummies(data["university"], dtype=float),
            pd.get_dummies(data["window"], dtype=float, drop_first=True),
        ]
    )


def glm(data: pd.DataFrame, x: np.ndarray) -> sm.GLM:
    family = sm.families.Poisson()
    model = sm.GLM(data["firm"], x, family=family, offset=data["log_papers"])
    return model.fit(tol=1e-13, maxiter=200)


def full(data: pd.DataFrame) -> np.ndarray:
    return np.column_stack([data["exposure"] * data["post"], dummies(data)])


def test_estimate_and_clustered_error_are_those_of_a_glm_with_an_offset(data: pd.DataFrame) -> None:
    theirs = glm(data, full(data))
    ours = did(data, DESIGN, variance="CR1")
    assert ours[TERM].estimate == pytest.approx(theirs.params.iloc[0], rel=1e-8)
    x, mean = full(data), theirs.mu
    bread = np.linalg.inv(x.T @ (x * mean[:, None]))
    score = pd.DataFrame(x * (data["firm"].to_numpy() - mean)[:, None])
    score = score.groupby(data["university"].to_numpy()).sum().to_numpy()
    cr0 = np.sqrt((bread @ score.T @ score @ bread)[0, 0])
    # K: the regressor, a constant and two windows less one; universities are the clusters.
    factor = 12 / 11 * 35 / (36 - 4)
    assert ours[TERM].std_error == pytest.approx(cr0 * np.sqrt(factor), rel=1e-6)
    # The offset is no control: without it, and with a free coefficient, the estimate is another.
    for other in (
        did(data, DESIGN, offset=None),
        did(data, DESIGN, offset=None, controls=["log_papers"]),
    ):
        assert abs(other[TERM].estimate - ours[TERM].estimate) > 0.01


def test_the_jackknife_is_one_newton_step_at_the_means_of_the_offset(data: pd.DataFrame) -> None:
    whole, x, y = glm(data, full(data)), full(data), data["firm"].to_numpy()
    mean = whole.mu
    step = np.log(mean) + (y - mean) / mean - data["log_papers"].to_numpy()
    left = []
    for university in sorted(data["university"].unique()):
        r = (data["university"] != university).to_numpy()
        used = x[r][:, np.abs(x[r]).sum(axis=0) > 0]
        w = np.sqrt(mean[r])
        left.append(np.linalg.lstsq(used * w[:, None], step[r] * w, rcond=None)[0][0])
    spread = np.sqrt(11 / 12 * ((np.array(left) - whole.params.iloc[0]) ** 2).sum())
    assert jackknife(data, DESIGN).std_error == pytest.approx(spread, rel=1e-6)
    assert did(data, DESIGN)[TERM].std_error == pytest.approx(spread, rel=1e-6)


def test_permutations_hold_the_offset_in_the_restricted_fit(data: pd.DataFrame) -> None:
    others = dummies(data)
    mean = glm(data, others).mu
    w, y = np.sqrt(mean), data["firm"].to_numpy()
    both = np.column_stack([data["exposure"] * data["post"], others]) * w[:, None]
    first = np.linalg.lstsq(both, (y - mean) / w, rcond=None)[0][0]
    ours = randomisation_test(data, DESIGN, draws=199)
    assert ours.estimate == pytest.approx(first, rel=1e-6)
    free = randomisation_test(data, DESIGN, draws=199, offset=None)
    assert free.estimate != pytest.approx(first, rel=1e-2)


@pytest.mark.filterwarnings("ignore::replication.errors.FewClustersWarning")
def test_every_method_is_of_the_model_with_the_offset(data: pd.DataFrame) -> None:
    table = compare(data, DESIGN)
    assert table["p_value"].between(0, 1).all()
    assert table["estimate"].iloc[:4].to_numpy() == pytest.approx(did(data, DESIGN)[TERM].estimate)


def test_a_level_of_the_offset_moves_nothing(data: pd.DataFrame) -> None:
    """Units of what is exposed are absorbed, however large."""
    shifted = data.assign(log_papers=data["log_papers"] + 900)
    first, second = did(data, DESIGN)[TERM], did(shifted, DESIGN)[TERM]
    assert second.estimate == pytest.approx(first.estimate, rel=1e-7)
    tests = [randomisation_test(d, DESIGN, draws=99).p_value for d in (data, shifted)]
    assert tests[0] == tests[1]


def test_what_an_offset_cannot_be(data: pd.DataFrame) -> None:
    with pytest.raises(DesignError, match="an offset belongs to the log of a Poisson mean"):
        did(data, DESIGN, model="ols")
    with pytest.raises(MissingColumnError, match="'log_staff'"):
        poisson(data, DESIGN, offset="log_staff")
    none = data.assign(log_papers=data["log_papers"].mask(data.index == 4, -np.inf))
    with pytest.raises(MissingValueError, match="'log_papers' is missing or infinite in 1 of 36"):
        poisson(none, DESIGN)
    assert poisson(none, DESIGN, missing="drop").dropped == {"no value of log_papers": 1}
    triple = data.assign(field="a")
    with pytest.raises(DesignError, match="without offset="):
        three_way(
            triple,
            DESIGN,
            unit=("university", "field"),
            time="window",
            effects=(("university", "field"), ("university", "window"), ("field", "window")),
        )
