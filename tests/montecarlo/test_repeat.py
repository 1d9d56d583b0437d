"""Many studies at once: each is what the ordinary estimators give one by one."""

import numpy as np
import pandas as pd
import pytest

from replication.estimate.designs import ddd, did, poisson
from replication.estimate.few_clusters import (
    bias_reduced,
    jackknife,
    randomisation_test,
    wild_cluster_bootstrap,
)
from replication.estimate.many.poisson import poisson_fits
from replication.montecarlo.repeat import DESIGNS, layouts, repeat, targets
from replication.panel.load import load_panel
from replication.simulate.study import Process, Study, draw_counts, redraw, simulate


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
    panel = layouts(study)[design].panel
    fit = {"DID": did, "DDD": ddd}[design]
    options = {"scale": "log1p"} if model != "PPML" else {"model": "ppml"}
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
    layout = layouts(study)["DID"]
    y = _drawn(study, 0).astype(float)
    y[layout.codes[0] == 2] = 0.0
    many = poisson_fits(y[:, None], layout.x, layout.codes, layout.cluster)
    alone = poisson(layout.panel.assign(patents_joint=y))
    assert alone.set_aside
    assert many.estimate[0] == pytest.approx(alone.frame["estimate"].iloc[0], abs=1e-6)
    assert many.std_error[0] == pytest.approx(alone.frame["std_error"].iloc[0], rel=1e-5)


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


def test_the_wild_bootstrap_refits_on_outcomes_with_turned_signs(small: pd.DataFrame) -> None:
    """All 2^5 sign patterns of five universities, each refitted, give the same p-value."""
    few = small[small["university"].isin(sorted(small["university"].unique())[:5])]
    few = few.reset_index(drop=True)
    effects = [("university", "discipline"), "year"]
    ours = wild_cluster_bootstrap(few, scale="log1p", effects=effects, draws=999)
    y = np.log1p(few["patents_joint"])
    x = few["exposure"] * few["post"]
    dummies = pd.get_dummies(few.groupby(["university", "discipline"]).ngroup()).join(
        pd.get_dummies(few["year"])
    )
    z = dummies.to_numpy(float)
    restricted = z @ np.linalg.lstsq(z, y, rcond=None)[0]
    codes = pd.factorize(few["university"])[0]
    signs = np.array(np.meshgrid(*[[-1, 1]] * 5)).reshape(5, -1).T
    frame = few.assign(x=x)
    t = []
    for pattern in signs:
        again = frame.assign(again=restricted + (y - restricted) * pattern[codes])
        t.append(did(again, "again", treatment="x", effects=effects)["x"].statistic)
    observed = did(frame.assign(again=y), "again", treatment="x", effects=effects)["x"].statistic
    brute = np.mean(np.abs(t) >= abs(observed) * (1 - 1e-9))
    assert ours.p_value == pytest.approx(brute, abs=0.05)


def test_a_permutation_is_a_refit_with_exposures_exchanged(small: pd.DataFrame) -> None:
    """The share of refits at least as far out, over the same number of permutations."""
    result = randomisation_test(small, scale="log1p", draws=1999, seed=1)
    values = small.groupby("university")["exposure"].first()
    rng = np.random.default_rng(5)
    observed = abs(did(small, scale="log1p")["exposure × post"].estimate)
    out = 0
    for _ in range(200):
        given = pd.Series(rng.permutation(values.to_numpy()), values.index)
        again = small.assign(exposure=small["university"].map(given).astype(float))
        out += abs(did(again, scale="log1p")["exposure × post"].estimate) >= observed
    share = out / 200
    assert result.p_coefficient == pytest.approx(share, abs=4 * np.sqrt(max(share, 0.02) / 200))


def test_bias_reduction_needs_fewer_degrees_of_freedom_than_clusters(small: pd.DataFrame) -> None:
    ours = bias_reduced(small, scale="log1p")
    cr1 = did(small, scale="log1p")["exposure × post"]
    assert ours.estimate == pytest.approx(cr1.estimate, abs=1e-10)
    assert 1 < ours.df < small["university"].nunique() - 1
