"""The chain from process to verdict can fail: where nothing is planted, little is claimed."""

import numpy as np
import pandas as pd
import pytest

from replication.estimate.claims import evaluate
from replication.estimate.contrasts import estimand
from replication.estimate.many.poisson import poisson_fits
from replication.estimate.verbs import event_study, pretrend_test
from replication.montecarlo.repeat import layouts
from replication.montecarlo.truth import _panel, realised_panel, truth
from replication.simulate.process import Process
from replication.simulate.study import Study, draw_counts, redraw, simulate

DRAWS = 8
OUTCOMES = {
    "C1": "patents_joint",
    "C3": "hires_overseas",
    "C4": "papers_foreign",
    "C5": "patents_overseas",
}
"""Claims that are difference-in-differences of one outcome."""
CONTRASTS = ["C6", "C7", "C8", "C9"]


def _drawn(study: Study, draws: int, seed: int) -> list[pd.DataFrame]:
    """Panels of many draws."""
    panels = []
    for number in range(draws):
        rng = np.random.default_rng([seed, number])
        joint, mediators = (draw_counts(study, m, rng) for m in redraw(study, rng))
        panels.append(_panel(study, joint, mediators))
    return panels


def _evaluated(panels: list[pd.DataFrame]) -> list[pd.DataFrame]:
    """Tables of the claims.

    A real source has no truth: the verdict is the direction of a significant difference.
    """
    return [evaluate(panel, "open") for panel in panels]


def _made(tables: list[pd.DataFrame]) -> np.ndarray:
    """Whether each claim of a table is made (its test, in its direction), a row a draw."""
    return np.array([table["verdict"].eq("direction supported") for table in tables])


@pytest.mark.parametrize("process", [Process(), Process().without_effect()], ids=["one", "none"])
def test_outcomes_fitted_together_have_the_estimates_of_each_alone(process: Process) -> None:
    study = simulate(process)
    (panel,) = _drawn(study, 1, seed=1)
    designs = layouts(study)
    for name, claims in {"DID": list(OUTCOMES), "DDD": ["C2"]}.items():
        counts = panel[[OUTCOMES.get(claim, "patents_joint") for claim in claims]]
        fits = poisson_fits(designs[name].sample, counts.to_numpy())
        for i, claim in enumerate(claims):
            alone = estimand(claim, panel, model="ppml", variance="CR1")
            assert fits.estimate[i] == pytest.approx(alone["estimate"], rel=1e-5, abs=1e-9)
            assert fits.std_error[i] == pytest.approx(alone["std_error"], rel=1e-5)


def test_without_an_effect_no_claim_is_made_more_often_than_its_level() -> None:
    study = simulate(Process().without_effect())
    made = _made(_evaluated(_drawn(study, DRAWS, seed=1)))
    assert made.shape == (DRAWS, 9)
    trials = made.size
    bound = 0.05 * trials + 3 * np.sqrt(0.05 * 0.95 * trials)
    assert made.sum() <= bound, made.mean(axis=0)
    # No single claim is the exception: 4 of 8 has a chance of 4 in 10,000 at five per cent.
    assert made.sum(axis=0).max() <= 3


def test_without_heterogeneity_the_four_contrasts_are_not_claimed() -> None:
    """Of the four alone: without the columns that others need, these are not tested."""
    study = simulate(Process().without_heterogeneity())
    panels = _drawn(study, DRAWS, seed=3)
    spared = ["control_exposure", "hires_overseas", "papers_foreign", "patents_overseas"]
    tables = _evaluated([panel.drop(columns=spared) for panel in panels])
    assert all(table.loc[CONTRASTS, "estimate"].notna().all() for table in tables)
    claimed = [table.loc[CONTRASTS, "verdict"].eq("direction supported").any() for table in tables]
    assert np.mean(claimed) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / DRAWS)


def test_with_the_effect_planted_the_same_count_is_high() -> None:
    """The counter of the tests above can count: planted, most claims are made."""
    made = _made(_evaluated(_drawn(simulate(), 3, seed=4)))
    assert made.shape == (3, 9)
    assert made.mean() > 0.5


def test_a_pretrend_sets_the_test_of_the_leads_off() -> None:
    broken = realised_panel(simulate(Process(pretrend=0.05)))
    assert pretrend_test(event_study(broken, model="ppml")).p_value < 0.01


def test_a_triple_difference_is_not_planted_where_disciplines_are_alike() -> None:
    alike = truth(simulate(Process().without_heterogeneity()))
    assert alike.loc[("C2", "mean"), "value"] == pytest.approx(0.0, abs=1e-6)
