"""A study of many is what the public verbs give of it alone, and processes change nothing."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyfixest as pf
import pytest
from scipy import stats

from replication.config import ROOT
from replication.errors import TooFewClustersError
from replication.estimate.clustered import Clustered
from replication.estimate.contrasts import CLAIMS, estimand, question
from replication.estimate.few_clusters import (
    bias_reduced,
    effective_clusters,
    jackknife,
    randomisation_test,
    wild_cluster_bootstrap,
)
from replication.estimate.verbs import event_periods, event_study, pretrend_test
from replication.montecarlo import redrawn
from replication.montecarlo.redrawn import MEAN, OLS, PPML, SEED, WORLDS, many_studies, one_study
from replication.montecarlo.truth import EXPECTED, expected_panel, mean_targets, realised_panel
from replication.simulate.study import Study, draw_counts, redraw
from tests.support import simulated

TASKS = [("none", 0), ("none", 1), ("planted", 0)]
MODELS = {PPML: {"model": "ppml"}, OLS: {"scale": "log1p"}}
Found = dict[tuple[str, int], tuple[pd.DataFrame, pd.DataFrame]]


@pytest.fixture(scope="module")
def found() -> Found:
    """One study of each kind: asked everything, asked little, and with the effect planted."""
    return {task: one_study(*task) for task in TASKS}


def study(world: str, number: int) -> Study:
    return simulated.study(WORLDS[world], SEED + number)


def rows(found: Found, task: tuple[str, int]) -> pd.DataFrame:
    return found[task][0].set_index(["claim", "model"])


def test_each_kind_of_study_is_asked_what_it_is_for(found: Found) -> None:
    asked = {task: list(rows(found, task).index) for task in TASKS}
    everything = [(claim, PPML) for claim in CLAIMS]
    assert asked["planted", 0] == everything
    assert asked["none", 0] == [*everything, ("C1", OLS), ("C2", OLS)]
    assert asked["none", 1] == [("C1", PPML), ("C2", PPML), ("C2", OLS)]
    assert [len(found[task][1]) for task in TASKS] == [2, 0, 0]
    for world, number in TASKS:
        table = found[world, number][0]
        assert set(table["world"]) == {world}
        assert set(table["study"]) == {number}


@pytest.mark.parametrize(
    ("task", "claims"),
    [(("none", 0), ["C1", "C2"]), (("none", 1), ["C2"]), (("planted", 0), ["C1", "C3", "C6"])],
)
def test_estimates_and_standard_errors_are_those_of_the_study_alone(
    found: Found, task: tuple[str, int], claims: list[str]
) -> None:
    panel, table = realised_panel(study(*task)), rows(found, task)
    for claim, model in table.index:
        if claim not in claims:
            continue
        row = table.loc[(claim, model)]
        usual = estimand(claim, panel, variance="CR1", **MODELS[model])
        jack = estimand(claim, panel, variance="CR3", **MODELS[model])
        assert row["estimate"] == pytest.approx(usual["estimate"], rel=1e-7, abs=1e-9)
        assert row["cr1"] == pytest.approx(usual["std_error"], rel=1e-7)
        assert row["cr3"] == pytest.approx(jack["std_error"], rel=1e-7)
        # The interval of the verdict is that of the kept G*.
        half = stats.t.ppf(0.975, row["effective"] - 1) * row["cr3"]
        assert jack["upper"] - jack["estimate"] == pytest.approx(half, rel=1e-7)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("claim", ["C1", "C2"])
def test_tests_for_few_clusters_are_those_of_the_study_alone(
    found: Found, claim: str, model: str
) -> None:
    seed = SEED
    data, design = question(claim, realised_panel(study("none", 0)), **MODELS[model])
    row = rows(found, ("none", 0)).loc[(claim, model)]
    reduced = bias_reduced(data, design)
    assert row["cr2"] == pytest.approx(reduced["std_error"], rel=1e-8)
    assert row["df_cr2"] == pytest.approx(reduced["df"], rel=1e-8)
    assert row["effective"] == pytest.approx(jackknife(data, design)["df"] + 1, rel=1e-8)
    facts = effective_clusters(data, design)
    assert row["clusters"] == facts["clusters"] == 56
    assert row["largest"] == pytest.approx(facts["largest_share"], rel=1e-8)
    wild = wild_cluster_bootstrap(
        data, design, null=row["target"], draws=999, seed=[seed, 1], interval=False
    )
    assert row["wild"] == pytest.approx(wild["p_value"], abs=1e-12)
    if model == PPML:
        test = randomisation_test(data, design, draws=999, seed=seed)
        assert row["permuted"] == pytest.approx(test["p_value"], abs=1e-12)
    else:
        assert np.isnan(row["permuted"])


def intensity(s: Study) -> np.ndarray:
    """Log of the mean of each cell and year, shocks included."""
    return np.log(np.exp(s.level + s.effect + s.shock[..., None]).sum(axis=2)).ravel()


@pytest.mark.parametrize("model", [PPML, MEAN])
def test_joint_tests_of_leads_are_those_of_the_study_alone(found: Found, model: str) -> None:
    s = study("none", 0)
    panel = realised_panel(s)
    options = {"model": "ppml"} if model == PPML else {}
    if model == MEAN:
        panel = panel.assign(patents_joint=intensity(s))
    alone = event_study(panel, variance="CR1", **options)
    row = found["none", 0][1].set_index("model").loc[model]
    try:
        test = pretrend_test(alone)
    except TooFewClustersError:
        assert row[["htz", "df"]].isna().all()
    else:
        assert row["htz"] == pytest.approx(test["p_value"], rel=1e-7)
        assert row["df"] == pytest.approx(test["df"], rel=1e-7)
    leads = np.array(event_periods(alone.frame.index)) < -1
    assert leads.sum() == 6
    b, v = alone.frame["estimate"][leads].to_numpy(), alone.vcov.to_numpy()[np.ix_(leads, leads)]
    f = b @ np.linalg.inv(v) @ b / 6
    assert row["f"] == pytest.approx(stats.f.sf(f, 6, 55), rel=1e-6)


def test_where_the_joint_test_is_not_possible_it_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> pd.Series:
        raise TooFewClustersError("too few")

    monkeypatch.setattr(Clustered, "wald", refuse)
    monkeypatch.setattr(redrawn, "CLAIMS", ("C1",))
    _, leads = one_study("none", 0)
    assert leads[["htz", "df"]].isna().all(axis=None)
    assert leads["f"].between(0, 1).all()


@pytest.mark.parametrize(
    ("number", "claim", "effects"),
    [(0, "C1", "cell + time"), (1, "C2", "cell + time + place")],
)
def test_own_targets_are_means_over_redraws_that_are_fitted_again(
    found: Found, number: int, claim: str, effects: str
) -> None:
    """Against pyfixest, which fits every redraw."""
    s = study("none", number)
    data = simulated.frame(s)
    dose = data["exposure"] * data["post"]
    frame = pd.DataFrame(
        {
            "x": dose if claim == "C1" else dose * data["control_exposure"],
            "cell": data.groupby(["university", "discipline"]).ngroup(),
            "time": data.groupby(["discipline", "year"]).ngroup(),
            "place": data.groupby(["university", "year"]).ngroup(),
        }
    )
    rng = np.random.default_rng([SEED + number, 2])
    names = [f"y{i}" for i in range(redrawn.REDRAWS)]
    for name in names:
        log_mean, _ = redraw(s, rng)
        frame[name] = np.log1p(draw_counts(s, log_mean, rng).sum(axis=2).ravel())
    fits = pf.feols(f"{' + '.join(names)} ~ x | {effects}", frame, vcov="iid").to_list()
    refitted = [float(fit.coef()["x"]) for fit in fits]
    assert len(refitted) == 20
    target = rows(found, ("none", number)).loc[(claim, OLS), "target"]
    assert target == pytest.approx(np.mean(refitted), rel=1e-5)
    # Redraws differ, and the study's own counts are none of them.
    assert np.std(refitted) > 0.001
    own = rows(found, ("none", number)).loc[(claim, OLS), "estimate"]
    assert np.abs(np.array(refitted) - own).min() > 1e-9


def test_without_an_effect_every_design_aims_at_zero(found: Found) -> None:
    expected = expected_panel(study("none", 0))
    assert list(mean_targets(expected).values()) == pytest.approx([0.0] * 9, abs=1e-7)
    for task in TASKS[:2]:
        table = found[task][0]
        assert (table.loc[table["model"] == PPML, "target"] == 0).all()
    # Every lead, too, in both models of which joint tests are kept.
    log_mean = expected.assign(patents_joint=np.log(expected["patents_joint"]))
    for data, model in ((expected, "ppml"), (log_mean, "ols")):
        leads = event_study(data, EXPECTED, model=model).frame["estimate"]
        assert leads.abs().max() < 1e-7


def test_a_planted_effect_is_the_target_of_a_fit_to_expected_outcomes(found: Found) -> None:
    """By weighted least squares in numpy, which shares nothing with the package."""
    s = study("planted", 0)
    table = rows(found, ("planted", 0))["target"]
    data = simulated.frame(s, patents_joint=simulated.expected(s))
    assert table["C1", PPML] == pytest.approx(simulated.double(data), abs=1e-5)
    assert table["C2", PPML] == pytest.approx(simulated.triple(data), abs=1e-5)
    assert table.min() > 0


def test_two_processes_give_the_studies_of_one_in_their_order(found: Found) -> None:
    before = dict(os.environ)
    # The longest first: what is done earlier must not come out earlier.
    tasks = [("planted", 0), ("none", 1)]
    for task, tables in zip(tasks, many_studies(tasks, jobs=2), strict=True):
        for table, alone in zip(tables, found[task], strict=True):
            pd.testing.assert_frame_equal(table, alone, rtol=1e-9, atol=1e-11)
    assert dict(os.environ) == before


@pytest.mark.parametrize("jobs", [1, 2])
def test_no_study_is_no_study(jobs: int) -> None:
    assert list(many_studies([], jobs)) == []


SLOW = """
import os, sys, time
from pathlib import Path
from replication.montecarlo import redrawn

def slow(world, number):
    threads = {os.environ.get(name) for name in redrawn.THREADS}
    mark = Path(sys.argv[1], f"{number}-{os.getpid()}")
    mark.touch()
    time.sleep(0.2)
    mark.write_text(str(threads))

if __name__ == "__main__":
    redrawn.one_study = slow
    list(redrawn.many_studies([("none", n) for n in range(500)], jobs=2))
"""


@pytest.mark.skipif(
    os.name != "posix", reason="signals to a group of processes: run it on Linux or macOS"
)
@pytest.mark.parametrize("how", ["Ctrl-C", "kill"])
def test_no_process_outlives_the_command(tmp_path: Path, how: str) -> None:
    script, marks = tmp_path / "slow.py", tmp_path / "marks"
    script.write_text(SLOW, encoding="utf-8")
    marks.mkdir()
    command = subprocess.Popen(
        [sys.executable, str(script), str(marks)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        wait_until(lambda: len({path.name.split("-")[1] for path in marks.iterdir()}) == 2)
        if how == "Ctrl-C":
            # As a terminal does, to every process of the command.
            os.killpg(command.pid, signal.SIGINT)
        else:
            command.kill()
        said = command.communicate(timeout=30)[1]
        wait_until(lambda: not alive(command.pid), seconds=30)
    finally:
        if alive(command.pid):
            os.killpg(command.pid, signal.SIGKILL)
    written = {path.read_text(encoding="utf-8") for path in marks.iterdir()}
    assert len(list(marks.iterdir())) < 100
    if how == "Ctrl-C":
        # What was begun is done, and the command's own traceback is the only one.
        assert written == {"{'1'}"}
        assert said.count("Traceback") == 1, said
        assert said.rstrip().endswith("KeyboardInterrupt")
    else:
        assert written <= {"{'1'}", ""}


def alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(done: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end
        time.sleep(0.05)
