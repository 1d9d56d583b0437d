"""The target of a contrast about which nothing is planted: from the fields, and from the mix."""

import numpy as np
import pytest

from replication.montecarlo.ai import ai_decomposition, ai_event_truth, key_core_shares
from replication.panel.load import load_truth
from replication.simulate.process import Process
from tests.support.simulated import study


def test_the_whole_is_the_shipped_truth() -> None:
    whole = ai_decomposition().loc["all differences"]
    shipped = load_truth()["value"]["AI"]
    assert whole["all disciplines"] == pytest.approx(shipped["mean"], abs=1e-7)
    assert whole["same disciplines"] == pytest.approx(shipped["mean, same disciplines"], abs=1e-7)


def test_without_differences_the_same_disciplines_nearly_agree() -> None:
    """One effect a university for all its fields: what is left is who holds the classes."""
    found = ai_decomposition()["same disciplines"].abs()
    assert found["none of the three"] < 0.01 < found["key core only"]


def test_the_event_truth_is_that_of_the_periods() -> None:
    """Nothing before treatment, one step after it: the effect is planted whole and stays."""
    found = ai_event_truth(study())
    assert list(found.index) == list(range(-7, 5))
    before, after = found[found.index < 0], found[found.index >= 0]
    # What a discipline's growth does to its weight moves them in the third decimal.
    assert before.abs().max() < 0.01
    assert after.min() > 0.15
    assert after.max() - after.min() < 0.02
    without = ai_event_truth(study(Process().without_effect()))
    assert without.abs().max() < 1e-6


def test_key_core_shares_are_those_of_the_patents_drawn() -> None:
    s = study()
    before = s.joint[s.joint["year"] < s.process.first_treated]
    discipline = s.discipline[before["cell"]]
    has_ai = s.technology.ai_share.sum(axis=1)[discipline] > 0
    ai = s.technology.ai[before["subclass"]]
    key = before["group"].to_numpy() == 0
    shares = key_core_shares(s)
    for name, rows in (("ai", has_ai & ai), ("other", has_ai & ~ai)):
        p, n = shares[name], rows.sum()
        # Over-dispersed counts vary more than binomial ones.
        assert abs(key[rows].mean() - p) < 6 * np.sqrt(p * (1 - p) / n), name
