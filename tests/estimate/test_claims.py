"""Verdicts follow from the interval and the truth, boundaries included."""

import math
import warnings

import numpy as np
import pandas as pd
import pytest

import replication as rp
from replication.errors import FewClustersWarning, MissingValueError
from replication.estimate import claims
from replication.estimate.claims import holds, recovery
from replication.estimate.convention import CLUSTERED, CR2, CR3
from replication.estimate.design import Design
from replication.estimate.few_clusters import PERMUTED, WILD, compare
from replication.montecarlo.truth import realised_panel
from tests.support.simulated import SMALL, study

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


# What other methods say ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def adjusted() -> pd.DataFrame:
    """P-values of the claims by all methods, on a panel of ten universities."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        # Ten universities are worth fewer than five, and the methods say so.
        warnings.simplefilter("ignore", FewClustersWarning)
        patch.setattr(claims, "compare", compare_and_keep)
        return claims.methods(realised_panel(study(SMALL)))


def compare_and_keep(data: pd.DataFrame, design: Design) -> pd.DataFrame:
    table = compare(data, design)
    RAW.append(table["p_value"])
    return table


RAW: list[pd.Series] = []
"""What `few_clusters.compare` found, claim by claim."""


def test_methods_are_those_of_one_coefficient_adjusted_within_a_family(
    adjusted: pd.DataFrame,
) -> None:
    assert list(adjusted.index) == [f"C{i}" for i in range(1, 10)]
    raw = pd.DataFrame([p.to_numpy() for p in RAW], adjusted.index, RAW[0].index)
    assert list(adjusted.columns) == list(raw.columns)
    # Contrasts of two coefficients have no exposure of a cluster that could be permuted.
    possible = pd.DataFrame(True, adjusted.index, adjusted.columns)
    possible.loc["C6":"C9", PERMUTED] = False
    assert adjusted.notna().equals(possible)
    pd.testing.assert_frame_equal(adjusted.loc["C1":"C5"], raw.loc["C1":"C5"], check_names=False)
    for method in raw.columns.drop(PERMUTED):
        # Holm by hand: the k-th smallest times what is left, never less than those before.
        ordered = raw.loc["C6":"C9", method].sort_values()
        due = (ordered * [4, 3, 2, 1]).cummax().clip(upper=1)
        np.testing.assert_allclose(adjusted.loc[due.index, method], due, rtol=1e-12)


def test_a_method_that_is_not_possible_leaves_its_family_to_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = {"C6": 0.01, "C7": 0.02, "C8": math.nan, "C9": 0.03}

    def compared(claim: str, *_: object) -> pd.DataFrame:
        return pd.DataFrame({"p_value": {"A": known.get(claim, 0.04), "B": math.nan}})

    monkeypatch.setattr(claims, "question", lambda claim, *_, **__: (claim, None))
    monkeypatch.setattr(claims, "compare", compared)
    columns = {column for needs in rp.load_claims()["needs"] for column in needs}
    panel = pd.DataFrame(columns=sorted(columns))
    table = claims.methods(panel)
    # A claim whose columns are not there is left out, and takes no other with it.
    fewer = claims.methods(panel.drop(columns="papers_foreign"))
    assert set(table.index) - set(fewer.index) == {"C4"}
    assert table.loc["C1":"C5", "A"].tolist() == [0.04] * 5
    # Three tests: .03, .04, .04.
    assert table.loc[["C6", "C7", "C9"], "A"].tolist() == pytest.approx([0.03, 0.04, 0.04])
    assert math.isnan(table.loc["C8", "A"])
    assert table["B"].isna().all()


def test_dissent_names_who_disagrees_with_the_verdict() -> None:
    methods = [CLUSTERED, CR2, CR3, WILD, PERMUTED]
    written = {
        "C1": ([0.01, 0.02, 0.03, 0.04, 0.049], "all methods agree"),
        "C2": ([0.5, 0.06, 0.3, 0.2, 0.05], "all methods agree"),
        "C3": ([0.01, 0.06, 0.07, 0.2, 0.3], "significant by CR1"),
        "C4": ([0.01, 0.06, 0.07, 0.2, 0.01], "significant by CR1, randomisation test"),
        "C5": ([0.01, 0.06, 0.02, 0.05, 0.01], "not significant by CR2, wild cluster bootstrap"),
        # What was not possible says nothing, and a p-value of the level itself is not below it.
        "C6": ([0.01, math.nan, 0.02, 0.01, math.nan], "all methods agree"),
        "C7": ([0.05, math.nan, 0.06, 0.04, math.nan], "significant by wild cluster bootstrap"),
    }
    table = pd.DataFrame({claim: p for claim, (p, _) in written.items()}, methods).T
    said = claims.dissent(table)
    assert said.to_dict() == {claim: words for claim, (_, words) in written.items()}
    assert said.index.name == "claim"
