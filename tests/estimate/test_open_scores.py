"""Estimates on the open scores: dense regressions, planted effects, rank correlations."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from replication.errors import RegistryError
from replication.estimate.claims import CONTRADICTED, SUPPORTED, UNCLEAR, UNTESTABLE, judge
from replication.estimate.open_scores import (
    EXCHANGE,
    INDUSTRY,
    MEASURES,
    SCORES,
    agreement,
    variants,
)
from replication.estimate.verbs import did, event_study, pretrend_test
from replication.panel.scores import measures, score_panel
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
    found = variants()["Universities seen before treatment"].frame["estimate"].iloc[0]
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


def test_what_the_chapter_says_of_the_leads_is_so() -> None:
    """Not rejected, whatever the averaging, and least of all without edition 2016."""
    panel, plain = score_panel(), score_panel(net=False)
    late = panel[panel["edition"] > 2016]
    p = [pretrend_test(event_study(sample, SCORES)).p_value for sample in (panel, plain, late)]
    assert 0.1 < p[1] < p[0] < 0.25
    assert p[2] > 0.5
    estimates = {n: e.frame["estimate"].iloc[0] for n, e in variants().items()}
    whole = estimates["Universities seen before treatment"]
    assert estimates["Editions from 2017"] < whole / 3
    rest = event_study(panel, SCORES).frame["estimate"].iloc[-3:]
    assert rest.abs().max() < 0.5


def test_variants_are_six_samples_of_one_design() -> None:
    found = variants()
    clusters = {name: e.clusters for name, e in found.items()}
    assert clusters["Universities seen before treatment"] == 50
    assert clusters["Universities of the frame (R20)"] == 43
    assert clusters["Universities in all editions"] == 23
    assert clusters["Treated one edition earlier"] < 50
    assert len({e.frame["estimate"].iloc[0] for e in found.values()}) == 6


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
