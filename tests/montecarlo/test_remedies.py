"""Every method on many studies at once is the public verb on each of them alone."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from replication.estimate import few_clusters as few
from replication.estimate.design import STUDY, TRIPLE
from replication.montecarlo.remedies import (
    CR1,
    CR1_FEW,
    CR2,
    CR3,
    LEVERAGE,
    PERMUTED,
    SCORE,
    WILD,
    remedies,
)
from replication.montecarlo.repeat import ESTIMATORS, OLS, PPML
from replication.montecarlo.truth import expected_panel
from replication.simulate.process import Process
from replication.simulate.study import Study, draw_counts, redraw, simulate

STUDIES, RESAMPLES, SEED = 6, 199, 2026
DESIGNS = {"DID": STUDY, "DDD": TRIPLE}


@pytest.fixture(scope="module")
def study() -> Study:
    return simulate(Process(universities=24, cells_per_university=16.0).without_effect(), seed=5)


@pytest.fixture(scope="module")
def found(study: Study) -> pd.Series:
    null = pd.Series(0.0, pd.MultiIndex.from_tuples(ESTIMATORS))
    table = remedies(study, null, STUDIES, seed=SEED, resamples=RESAMPLES, chunk=4)
    return table.set_index(["design", "model", "method"])["rejected"].sort_index()


@pytest.fixture(scope="module")
def panels(study: Study) -> list[pd.DataFrame]:
    """The same draws, one panel each."""
    drawn = []
    for number in range(STUDIES):
        rng = np.random.default_rng([SEED, number])
        log_mean, _ = redraw(study, rng)
        counts = draw_counts(study, log_mean, rng).sum(axis=2).ravel()
        drawn.append(expected_panel(study).assign(patents_joint=counts))
    return drawn


def p_of(row: pd.Series, df: float) -> float:
    return float(2 * stats.t.sf(abs(row.estimate / row.std_error), df))


@pytest.mark.parametrize("name", DESIGNS)
def test_least_squares(found: pd.Series, panels: list[pd.DataFrame], name: str) -> None:
    design = DESIGNS[name].but(scale="log1p")
    p: dict[str, list[float]] = {m: [] for m in found[name, OLS].index if m != LEVERAGE}
    for panel in panels:
        table = few.compare(panel, design)["p_value"]
        third = few.jackknife(panel, design, reference="clusters")
        star = few.effective_clusters(panel, design)["effective"] - 1
        one = few.fitted(panel, design, "the test").std_error("CR1")
        p[CR1].append(table[few.CLUSTERED])
        p[CR1_FEW].append(float(2 * stats.t.sf(abs(third.estimate / one), star)))
        p[CR2].append(table[few.CR2])
        p[CR3].append(third.p_value)
        boot = few.wild_cluster_bootstrap(
            panel, design, draws=RESAMPLES, seed=[SEED, 1], interval=False
        )
        p[WILD].append(boot.p_value)
        shuffled = few.randomisation_test(panel, design, draws=RESAMPLES, seed=SEED)
        p[PERMUTED].append(shuffled.p_value)
    for method, values in p.items():
        assert found[name, OLS, method] == np.mean(np.array(values) <= 0.05), method


@pytest.mark.parametrize("name", DESIGNS)
def test_poisson(found: pd.Series, panels: list[pd.DataFrame], name: str) -> None:
    design = DESIGNS[name].but(model="ppml")
    methods = found[name, PPML].index
    assert (CR3 in methods) == (name == "DID")
    p: dict[str, list[float]] = {CR1: [], SCORE: [], CR3: []}
    for panel in panels:
        p[CR1].append(few.compare(panel, design)["p_value"][few.CLUSTERED])
        boot = few.wild_cluster_bootstrap(
            panel, design, draws=RESAMPLES, seed=[SEED, 1], interval=False
        )
        p[SCORE].append(boot.p_value)
        p[CR3].append(few.jackknife(panel, design, reference="clusters").p_value)
    for method in set(p) & set(methods):
        assert found[name, PPML, method] == np.mean(np.array(p[method]) <= 0.05), method


def test_some_studies_are_rejected_and_some_are_not(found: pd.Series) -> None:
    """Else the comparisons above would compare nothing."""
    assert 0 < found.mean() < 1
