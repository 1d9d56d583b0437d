"""The design on open data: against the files read by hand, dense regressions, planted effects."""

import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from replication.errors import NoVariationError, RegistryError
from replication.estimate.claims import CONTRADICTED, SUPPORTED, UNCLEAR, UNTESTABLE, judge
from replication.estimate.designs import did, event_study, pretrend_test
from replication.panel import scores
from replication.records.open import rankings
from replication.records.registry import load_claims
from tests.support.real_files import mirror_or_skip


@pytest.fixture(scope="module", autouse=True)
def files() -> Path:
    """The mirror, made known to the readers by `conftest.py`."""
    return mirror_or_skip()


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as opened:
        return list(csv.DictReader(opened))


def score(files: Path, edition: int, name: str, pillar: str) -> float:
    table = rows(files / "the" / f"THE_{edition}_rankings.csv")
    (found,) = [row for row in table if row["Name"] == name]
    return float(found[pillar])


# Panel --------------------------------------------------------------------------------------------


def test_exposure_is_the_standardised_mean_outlook_before_treatment(files: Path) -> None:
    """These three are in every edition, so that the level of an edition cancels between them."""
    panel = scores.score_panel()
    per_university = panel.drop_duplicates("university").set_index("university")["exposure"]
    assert per_university.mean() == pytest.approx(0, abs=1e-12)
    assert per_university.std() == pytest.approx(1)
    means = {
        zh: np.mean([score(files, e, en, "International Outlook") for e in range(2016, 2021)])
        for zh, en in (("清华大学", "Tsinghua University"), ("北京大学", "Peking University"),
                       ("复旦大学", "Fudan University"))
    }  # fmt: skip
    spread = per_university["北京大学"] - per_university["清华大学"]
    other = per_university["复旦大学"] - per_university["清华大学"]
    expected = (means["北京大学"] - means["清华大学"]) / (means["复旦大学"] - means["清华大学"])
    assert spread / other == pytest.approx(expected)


def test_exposure_does_not_favour_who_entered_late() -> None:
    """Moving all scores of an edition alike moves a plain mean, and not one net of the edition."""
    before = pd.DataFrame(
        {
            "university": ["a", "a", "b", "b", "c"],
            "edition": [1, 2, 1, 2, 2],
            "international_outlook": [10.0, 10.0, 20.0, 20.0, 15.0],
        }
    )
    later = before["edition"] == 2
    moved = before.assign(international_outlook=before["international_outlook"] + 8.0 * later)
    for net, gap in ((True, 0.0), (False, 4.0)):
        still, after = (scores._outlook(b, net) for b in (before, moved))
        difference = (after - after["a"]) - (still - still["a"])
        assert difference["b"] == pytest.approx(0)
        assert difference["c"] == pytest.approx(gap)


def test_time_runs_from_the_first_edition_with_data_of_2018() -> None:
    panel = scores.score_panel()
    assert scores.FIRST_EDITION == 2021
    assert (panel["event_time"] == panel["edition"] - 2021).all()
    assert (panel["post"] == (panel["edition"] >= 2021)).all()
    assert panel["edition"].max() == 2023
    early = scores.score_panel(2020)
    assert early.groupby("post")["edition"].agg(["min", "max"]).to_numpy().tolist() == [
        [2016, 2019], [2020, 2023],
    ]  # fmt: skip
    with pytest.raises(NoVariationError, match="first treated edition 2016"):
        scores.score_panel(2016)
    with pytest.raises(NoVariationError, match="first treated edition 2024"):
        scores.score_panel(2024)


def test_a_window_measures_exposure_in_the_first_editions_only(files: Path) -> None:
    panel = scores.score_panel(window=3).drop_duplicates("university")
    exposure = panel.set_index("university")["exposure"]
    means = [
        np.mean([score(files, e, en, "International Outlook") for e in (2016, 2017, 2018)])
        for en in ("Tsinghua University", "Peking University", "Fudan University")
    ]
    thu, pku, fudan = exposure[["清华大学", "北京大学", "复旦大学"]]
    expected = (means[1] - means[0]) / (means[2] - means[0])
    assert (pku - thu) / (fudan - thu) == pytest.approx(expected)
    first = rankings.the_scores(range(2016, 2019))["university"]
    assert set(exposure.index) <= set(first)


def test_who_is_left_out_is_counted_and_placed() -> None:
    whole = pd.DataFrame({"university": list("aabbcd"), "exposure": [0, 0, 3, 3, -2, 1]})
    for kept, found in (("abcd", (0, "none is")), ("bcd", (1, "none is")), ("acd", (1, "one is")),
                        ("ad", (2, "both are"))):  # fmt: skip
        part = whole[whole["university"].isin(list(kept))]
        assert scores.left_out(whole, part) == found


def test_every_row_of_the_files_is_kept_or_set_aside(files: Path) -> None:
    panel = scores.score_panel()
    lines = sum(len(rows(files / "the" / f"THE_{e}_rankings.csv")) for e in range(2016, 2024))
    assert len(panel) + sum(panel.attrs["set_aside"].values()) == lines
    late = rankings.the_scores(range(2016, 2024))
    before = set(late.loc[late["edition"] < 2021, "university"])
    entered = (~late["university"].isin(before)).sum()
    assert panel.attrs["set_aside"][scores.UNEXPOSED] == entered > 0
    assert panel.attrs["set_aside"][scores.ALONE] == 1
    assert panel.groupby("university").size().min() == 2


def test_a_score_of_zero_is_no_score(files: Path) -> None:
    """Edition 2016 has 37 zeros and no other score below 28: blanks, not scores."""
    table = rows(files / "the" / "THE_2016_rankings.csv")
    values = sorted(float(row["Industry"]) for row in table)
    assert values[36] == 0.0
    assert values[37] == 28.0
    assert score(files, 2016, "Xiamen University", "Industry") == 0.0
    panel = scores.score_panel().set_index(["university", "edition"])
    assert np.isnan(panel.loc[("厦门大学", 2016), "industry"])
    assert np.isnan(panel.loc[("厦门大学", 2016), "industry_standing"])
    assert panel["industry"].isna().sum() == 1
    assert did(panel.reset_index(), "industry", missing="drop", **scores.DESIGN).set_aside == {
        "no value of industry": 1
    }


def test_standing_is_the_share_of_a_fixed_pool_below(files: Path) -> None:
    names = [
        {row["Name"]: float(row["Industry"]) for row in rows(path) if row["Industry"] != "n/a"}
        for e in range(2016, 2024)
        for path in [files / "the" / f"THE_{e}_rankings.csv"]
    ]
    # A dash of edition 2016 is 0 in the file; later ones print none.
    named = ({n for n, v in one.items() if v > 0 or i} for i, one in enumerate(names))
    always = set.intersection(*named)
    pool = rankings.industry_pool(range(2016, 2024))
    # Names that one edition prints twice stand for two universities and are in no pool.
    assert set(pool.index) <= always
    assert len(always - set(pool.index)) <= 2
    panel = scores.score_panel().set_index(["university", "edition"])
    for edition in (2017, 2022):
        mine = score(files, edition, "Tongji University", "Industry")
        others = pool[edition]
        share = ((others < mine).sum() + 0.5 * (others == mine).sum()) / len(others)
        found = panel.loc[("同济大学", edition), "industry_standing"]
        assert found == pytest.approx(100 * share)
    # Where a university stands does not depend on the scale.
    assert scores._standing(30.0, np.array([10.0, 20.0, 30.0, 40.0])) == 62.5
    assert scores._standing(900.0, np.array([100.0, 400.0, 900.0, 1600.0])) == 62.5


def test_share_of_advantaged_disciplines_is_that_of_the_evaluation(files: Path) -> None:
    grades = defaultdict(list)
    for row in rows(files / "discipline-evaluation" / "round4_2017.csv"):
        code, grade = row["一级学科代码"], row["评估结果"].strip()
        for column, school in row.items():
            if column.startswith("学校名称") and school and code[:2] in ("07", "08"):
                grades[school].append(grade in ("A+", "A", "A-"))
    panel = scores.score_panel().drop_duplicates("university").set_index("university")
    for name in ("清华大学", "厦门大学", "兰州大学"):
        if name in panel.index:
            assert panel.loc[name, "advantaged_share"] == pytest.approx(np.mean(grades[name])), name
    inside = set(rankings.frame()["university"])
    assert set(panel.index[panel["advantaged_share"].notna()]) == inside & set(panel.index)


# Estimates ----------------------------------------------------------------------------------------


def test_difference_in_differences_is_the_dense_regression() -> None:
    panel = scores.score_panel().dropna(subset="industry")
    dummies = [pd.get_dummies(panel[c], dtype=float) for c in ("university", "edition")]
    x = np.column_stack([panel["exposure"] * panel["post"], *dummies])
    slope = np.linalg.lstsq(x, panel["industry"].to_numpy(), rcond=None)[0][0]
    found = scores.variants()["Universities seen before treatment"].frame["estimate"].iloc[0]
    assert found == pytest.approx(slope, rel=1e-8)


@pytest.mark.parametrize("effect", [-5.0, 3.0])
def test_an_effect_added_to_the_real_scores_is_found_in_full(effect: float) -> None:
    panel = scores.score_panel()
    options = {"missing": "drop", **scores.DESIGN}
    before = did(panel, "industry", **options)["exposure × post"]
    moved = panel.assign(industry=panel["industry"] + effect * panel["exposure"] * panel["post"])
    after = did(moved, "industry", **options)["exposure × post"]
    assert after.estimate - before.estimate == pytest.approx(effect)
    verdict = judge({"C1": after}, "open").loc["C1", "verdict"]
    assert verdict == (SUPPORTED if effect > 0 else CONTRADICTED)


def test_what_the_chapter_says_of_the_leads_is_so() -> None:
    """On which side of five per cent depends on the averaging; without 2016 there is nothing."""
    options = {"missing": "drop", **scores.DESIGN}
    panel, plain = scores.score_panel(), scores.score_panel(net=False)
    late = panel[panel["edition"] > 2016]
    p = [
        pretrend_test(event_study(sample, "industry", **options)).p_value
        for sample in (panel, plain, late)
    ]
    assert p[1] < 0.05 < p[0] < 0.1
    assert p[2] > 0.5
    estimates = {n: e.frame["estimate"].iloc[0] for n, e in scores.variants().items()}
    whole = estimates["Universities seen before treatment"]
    assert estimates["Editions from 2017"] < whole / 3
    rest = event_study(panel, "industry", **options).frame["estimate"].iloc[-3:]
    assert rest.abs().max() < 0.5


def test_variants_are_six_samples_of_one_design() -> None:
    found = scores.variants()
    clusters = {name: e.clusters for name, e in found.items()}
    assert clusters["Universities seen before treatment"] == 50
    assert clusters["Universities of the frame (R20)"] == 43
    assert clusters["Universities in all editions"] == 23
    assert clusters["Treated one edition earlier"] < 50
    assert len({e.frame["estimate"].iloc[0] for e in found.values()}) == 6


# Frame, match, agreement --------------------------------------------------------------------------


def test_frame_sizes_are_those_of_the_evaluation() -> None:
    sizes = scores.frame_sizes().set_index("pairs", append=True)["universities"]
    assert sizes["2 or more", "each one unit"] == 58
    assert sizes["2 or more", "left out"] == 55
    assert sizes["5 or more", "each one unit"] == 56


def test_every_university_is_found_or_not_with_a_reason() -> None:
    found = scores.found()
    assert (found.groupby("source")["universities"].sum() == 75).all()
    assert set(found.index) == set(scores.PRINTED.values())
    assert not found["state"].isin(["", "nan"]).any()


def test_entries_add_up() -> None:
    table = scores.entries()
    change = table["Universities"].diff().dropna()
    assert (change == (table["New"] - table["Gone"]).loc[change.index]).all()
    assert table.loc[2016, "Universities"] == 29


def test_agreement_is_spearmans() -> None:
    table = scores.measures()
    found = scores.agreement(table, scores.EXCHANGE, scores.EXCHANGE)
    assert len(found) == 3
    both = table[["outlook", "students"]].dropna()
    rho = stats.spearmanr(both["outlook"], both["students"]).statistic
    row = found[found["and"] == scores.MEASURES["students"]].iloc[0]
    assert row["rho"] == pytest.approx(rho)
    assert row["universities"] == len(both)
    assert row["lower"] < rho < row["upper"]
    across = scores.agreement(table, scores.EXCHANGE, scores.INDUSTRY)
    assert len(across) == 9
    assert across["universities"].max() <= 75


def test_interval_of_a_rank_correlation_covers() -> None:
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(300):
        x = rng.standard_normal((50, 2))
        x[:, 1] = 0.6 * x[:, 0] + 0.8 * x[:, 1]
        table = pd.DataFrame(x, columns=["outlook", "students"])
        row = scores.agreement(table, ["outlook"], ["students"]).iloc[0]
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
