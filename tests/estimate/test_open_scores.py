"""Estimates on the open scores: dense regressions, planted effects, rank correlations."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from replication.errors import RegistryError
from replication.estimate.claims import CONTRADICTED, SUPPORTED, UNCLEAR, UNTESTABLE, judge
from replication.estimate.open_scores import (
    COUNTED,
    EXCHANGE,
    INDUSTRY,
    MEASURES,
    SCORES,
    agreement,
)
from replication.estimate.verbs import did
from replication.panel.scores import measures, score_panel
from replication.records.open.lists.nature_index import nature_index
from replication.records.open.rankings import leiden
from replication.records.registry import load_claims
from tests.support.real_files import mirror_or_skip


@pytest.fixture(scope="module", autouse=True)
def files() -> Path:
    """The mirror, made known to the readers by `conftest.py`."""
    return mirror_or_skip()


# Estimates ----------------------------------------------------------------------------------------


def test_difference_in_differences_is_the_dense_regression() -> None:
    panel = score_panel().dropna(subset="industry")
    dummies = [pd.get_dummies(panel[c], dtype=float) for c in ("university", "edition")]
    x = np.column_stack([panel["exposure"] * panel["post"], *dummies])
    slope = np.linalg.lstsq(x, panel["industry"].to_numpy(), rcond=None)[0][0]
    found = did(score_panel(), SCORES)["exposure × post"].estimate
    assert found == pytest.approx(slope, rel=1e-8)


@pytest.mark.parametrize("effect", [-5.0, 3.0])
def test_an_effect_added_to_the_real_scores_is_found_in_full(effect: float) -> None:
    panel = score_panel()
    before = did(panel, SCORES)["exposure × post"]
    moved = panel.assign(industry=panel["industry"] + effect * panel["exposure"] * panel["post"])
    after = did(moved, SCORES)["exposure × post"]
    assert after.estimate - before.estimate == pytest.approx(effect)
    verdict = judge({"C1": after}, "open").loc["C1", "verdict"]
    assert verdict == (SUPPORTED if effect > 0 else CONTRADICTED)


def test_agreement_is_spearmans() -> None:
    table = measures()
    found = agreement(table, EXCHANGE, EXCHANGE)
    assert len(found) == 3
    both = table[["outlook", "students"]].dropna()
    rho = stats.spearmanr(both["outlook"], both["students"]).statistic
    row = found[found["and"] == MEASURES["students"]].iloc[0]
    assert row["rho"] == pytest.approx(rho)
    assert row["universities"] == len(both)
    assert row["lower"] < rho < row["upper"]
    counted = agreement(table, COUNTED, COUNTED)
    nature = nature_index().set_index("university")["count_2020"]
    papers = leiden().set_index("university")["papers"]
    both = pd.concat([papers, nature], axis=1).dropna()
    row = counted[counted["and"] == MEASURES["counted_nature"]].iloc[-1]
    assert row["rho"] == pytest.approx(stats.spearmanr(both).statistic)
    assert row["universities"] == len(both)
    across = agreement(table, EXCHANGE, INDUSTRY)
    assert len(across) == 9
    assert across["universities"].max() <= 75


def test_interval_of_a_rank_correlation_covers() -> None:
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(300):
        x = rng.standard_normal((50, 2))
        x[:, 1] = 0.6 * x[:, 0] + 0.8 * x[:, 1]
        table = pd.DataFrame(x, columns=["outlook", "students"])
        row = agreement(table, ["outlook"], ["students"]).iloc[0]
        # The population's rho of a normal pair (Kruskal 1958).
        hits += row["lower"] <= 6 / np.pi * np.arcsin(0.6 / 2) <= row["upper"]
    assert 0.92 <= hits / 300 <= 0.98


# Verdicts -----------------------------------------------------------------------------------------


def test_claims_without_open_data_are_not_testable_for_the_reason_in_the_file() -> None:
    row = pd.Series({"estimate": 0.1, "std_error": 1.0, "lower": -2, "upper": 2, "p_value": 0.9})
    table = judge({"C1": row}, "open")
    assert table.loc["C1", "verdict"] == UNCLEAR
    rest = table.drop("C1")
    assert (rest["verdict"] == UNTESTABLE).all()
    assert rest["reason"].to_dict() == load_claims()["open"].drop("C1").to_dict()
    with pytest.raises(RegistryError, match="differ: each claim needs an estimate or the reason"):
        judge({"C10": row}, "open")
    with pytest.raises(RegistryError, match="differ"):
        judge({"C1": row}, "restricted")
