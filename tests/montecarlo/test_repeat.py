"""Many studies at once: each is what the ordinary estimators give one by one."""

import numpy as np
import pandas as pd
import pytest

from replication.estimate.many.poisson import poisson_fits
from replication.estimate.verbs import ddd, did, poisson
from replication.montecarlo.repeat import DESIGNS, layouts, repeat, targets
from replication.montecarlo.truth import expected_panel
from replication.simulate.process import Process
from replication.simulate.study import Study, draw_counts, redraw, simulate


@pytest.fixture(scope="module")
def study() -> Study:
    return simulate(Process(universities=20, cells_per_university=8.0), seed=3)


def _drawn(study: Study, number: int, seed: int = 2026) -> np.ndarray:
    rng = np.random.default_rng([seed, number])
    log_mean, _ = redraw(study, rng)
    return draw_counts(study, log_mean, rng).sum(axis=2).ravel()


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("model", ["log(1 + y)", "PPML"])
def test_a_study_of_many_is_the_study_alone(study: Study, design: str, model: str) -> None:
    """Against linearmodels and pyfixest, which fit one study at a time."""
    many = repeat(study, 3, models=((design, model),))
    panel = expected_panel(study)
    fit = {"DID": did, "DDD": ddd}[design]
    options = {"scale": "log1p"} if model != "PPML" else {"model": "ppml"}
    options["variance"] = "CR1"
    for number in range(3):
        alone = fit(panel.assign(patents_joint=_drawn(study, number)), **options).frame.iloc[0]
        assert many["estimate"][number] == pytest.approx(alone.estimate, abs=1e-6)
        assert many["std_error"][number] == pytest.approx(alone.std_error, rel=1e-5)


def test_the_numbers_do_not_depend_on_how_many_are_drawn_at_a_time(study: Study) -> None:
    one = repeat(study, 5, chunk=1).sort_values(["design", "model", "study"], ignore_index=True)
    all_ = repeat(study, 5, chunk=5).sort_values(["design", "model", "study"], ignore_index=True)
    pd.testing.assert_frame_equal(one, all_, rtol=1e-8, atol=1e-10)


def test_no_effect_is_planted_at_scale_zero(study: Study) -> None:
    aims = targets(study, scale=0.0, studies=10)
    assert aims.loc[("DID", "PPML"), "own"] == 0.0
    found = repeat(study, 150, scale=0.0, models=(("DID", "PPML"),))["estimate"]
    assert abs(found.mean()) < 4 * found.std() / np.sqrt(len(found))


def test_separated_rows_are_left_out_as_pyfixest_leaves_them_out(study: Study) -> None:
    rows = layouts(study)["DID"].sample
    y = _drawn(study, 0).astype(float)
    y[rows.effect_codes[0] == 2] = 0.0
    many = poisson_fits(rows, y[:, None])
    alone = poisson(expected_panel(study).assign(patents_joint=y), variance="CR1")
    assert alone.dropped
    assert many.estimate[0] == pytest.approx(alone.frame["estimate"].iloc[0], abs=1e-6)
    assert many.std_error[0] == pytest.approx(alone.frame["std_error"].iloc[0], rel=1e-5)
