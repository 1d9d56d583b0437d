"""The chain from process to verdict can fail: where nothing is planted, little is claimed."""

import numpy as np
import pytest

from replication.estimate.claims import evaluate
from replication.estimate.designs import event_study, pretrend_test
from replication.montecarlo.truth import _panel, realised_panel, truth
from replication.simulate.study import Process, Study, draw_counts, redraw, simulate

DRAWS = 15


def _claimed(study: Study, claims: list[str], draws: int, seed: int) -> np.ndarray:
    """Whether each claim is made (its test, in its direction) in each of many draws."""
    made = []
    for number in range(draws):
        rng = np.random.default_rng([seed, number])
        joint, mediators = (draw_counts(study, m, rng) for m in redraw(study, rng))
        # A real source has no truth: the verdict is the direction of a significant difference.
        table = evaluate(_panel(study, joint, mediators), "open")
        made.append(table.loc[claims, "verdict"].eq("direction supported").to_numpy())
    return np.array(made)


def test_without_an_effect_no_claim_is_made_more_often_than_its_level() -> None:
    study = simulate(Process().without_effect())
    claims = [f"C{i}" for i in range(1, 10)]
    made = _claimed(study, claims, DRAWS, seed=1)
    trials = made.size
    bound = 0.05 * trials + 3 * np.sqrt(0.05 * 0.95 * trials)
    assert made.sum() <= bound, made.mean(axis=0)
    # No single claim is the exception: 5 of 15 has a chance of 6 in 10,000 at five per cent.
    assert made.sum(axis=0).max() <= 4


def test_without_heterogeneity_the_four_contrasts_are_not_claimed() -> None:
    study = simulate(Process().without_heterogeneity())
    made = _claimed(study, ["C6", "C7", "C8", "C9"], DRAWS, seed=3)
    assert made.any(axis=1).mean() <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / DRAWS)


def test_with_the_effect_planted_the_same_count_is_high() -> None:
    """The counter of the tests above can count: planted, most claims are made."""
    made = _claimed(simulate(), [f"C{i}" for i in range(1, 10)], 3, seed=4)
    assert made.mean() > 0.5


def test_a_pretrend_sets_the_test_of_the_leads_off() -> None:
    broken = realised_panel(simulate(Process(pretrend=0.05)))
    assert pretrend_test(event_study(broken, model="ppml")).p_value < 1e-4


def test_a_triple_difference_is_not_planted_where_disciplines_are_alike() -> None:
    alike = truth(simulate(Process().without_heterogeneity()))
    assert alike.loc[("C2", "mean"), "value"] == pytest.approx(0.0, abs=1e-6)
