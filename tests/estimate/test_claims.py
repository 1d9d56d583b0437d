"""Verdicts follow from the interval and the truth, boundaries included."""

import math

import pandas as pd
import pytest

from replication.errors import MissingValueError
from replication.estimate.claims import holds, recovery

RECOVERS = "recovers the planted effect"
MISSES = "finds the direction, misses the size"
UNCLEAR = "not distinguishable from zero"
WRONG = "contradicts the planted effect"
NOTHING = "finds nothing, and nothing is planted"
INVENTS = "claims an effect that is not planted"


def row(lower: float, estimate: float, upper: float) -> pd.Series:
    return pd.Series({"estimate": estimate, "std_error": 0.1, "lower": lower, "upper": upper})


CASES = [
    # interval, truth, verdict
    ((0.1, 0.2, 0.3), 0.25, RECOVERS),
    ((0.1, 0.2, 0.3), 0.1, RECOVERS),
    ((0.1, 0.2, 0.3), 0.3, RECOVERS),
    ((0.1, 0.2, 0.3), 0.0999999, MISSES),
    ((0.1, 0.2, 0.3), 0.5, MISSES),
    ((0.1, 0.2, 0.3), 1e-9, MISSES),
    ((0.1, 0.2, 0.3), -0.25, WRONG),
    ((0.1, 0.2, 0.3), -1e-9, WRONG),
    ((-0.1, 0.1, 0.3), 0.1, UNCLEAR),
    ((-0.1, 0.1, 0.3), 0.9, UNCLEAR),
    ((-0.1, 0.1, 0.3), -0.9, UNCLEAR),
    ((0.0, 0.1, 0.2), 0.1, UNCLEAR),
    ((0.1, 0.2, 0.3), 0.0, INVENTS),
    ((-0.1, 0.1, 0.3), 0.0, NOTHING),
    ((0.0, 0.1, 0.2), 0.0, NOTHING),
]


@pytest.mark.parametrize(("interval", "truth", "verdict"), CASES)
def test_the_verdict_is_a_rule(
    interval: tuple[float, float, float], truth: float, verdict: str
) -> None:
    lower, estimate, upper = interval
    assert recovery(row(lower, estimate, upper), truth) == verdict
    # An effect below zero is judged as its mirror image.
    assert recovery(row(-upper, -estimate, -lower), -truth) == verdict


@pytest.mark.parametrize(("interval", "truth", "verdict"), CASES)
def test_a_test_given_decides_in_the_place_of_the_interval(
    interval: tuple[float, float, float], truth: float, verdict: str
) -> None:
    estimate = row(*interval)
    assert recovery(estimate, truth, significant=False) == (NOTHING if truth == 0 else UNCLEAR)
    if verdict not in (UNCLEAR, NOTHING):
        assert recovery(estimate, truth, significant=True) == verdict


@pytest.mark.parametrize(("interval", "truth", "verdict"), CASES)
def test_an_interval_holds_its_ends(
    interval: tuple[float, float, float], truth: float, verdict: str
) -> None:
    lower, _, upper = interval
    assert holds(row(*interval), truth) == ("misses" if truth < lower or truth > upper else "holds")
    if verdict in (RECOVERS, MISSES):
        assert (holds(row(*interval), truth) == "holds") == (verdict == RECOVERS)


@pytest.mark.parametrize("unknown", [math.nan, math.inf])
@pytest.mark.parametrize("name", ["estimate", "lower", "upper", "truth"])
def test_no_verdict_without_a_number(name: str, unknown: float) -> None:
    values = {"estimate": 0.2, "lower": 0.1, "upper": 0.3, "truth": 0.2, name: unknown}
    truth = values.pop("truth")
    with pytest.raises(MissingValueError, match=f"no verdict without a number for {name}"):
        recovery(pd.Series(values), truth)
