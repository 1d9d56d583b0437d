"""The parameters of the process: one entry a mediator, in the order of the panel's columns."""

import pytest

from replication.records.variables import MEDIATORS
from replication.simulate.process import Process


def test_mediators_are_those_of_the_panel_in_their_order() -> None:
    assert tuple(m.name for m in Process().mediators) == MEDIATORS
    assert [Process().position(name) for name in MEDIATORS] == [0, 1, 2]


def test_shares_and_responses_are_the_documented_ones() -> None:
    assert Process().shares.tolist() == [0.25, 0.25, 0.20]
    assert Process().responses.tolist() == [1.5, 1.2, 1.5]


def test_one_mediator_can_be_changed_or_all() -> None:
    one = Process().with_mediators("papers_foreign", share=0.1, start=0.0)
    assert one.shares.tolist() == [0.25, 0.1, 0.20]
    assert [m.start for m in one.mediators] == [-0.1, 0.0, -0.2]
    assert Process().with_mediators(response=0.5).responses.tolist() == [0.5] * 3
    assert Process().shares.tolist() == [0.25, 0.25, 0.20]


def test_an_unknown_mediator_is_refused() -> None:
    with pytest.raises(ValueError, match="hires"):
        Process().with_mediators("hires", share=0.0)
