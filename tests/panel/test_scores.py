"""The design on open data: against the files read by hand, dense regressions, planted effects."""

import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from replication.errors import NoVariationError
from replication.estimate.open_scores import SCORES
from replication.estimate.verbs import did
from replication.panel import scores
from replication.records.open import rankings
from replication.records.open.evaluation import frame
from replication.records.open.universities import tabulated
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


def test_every_row_of_the_files_is_kept_or_set_aside(files: Path) -> None:
    panel = scores.score_panel()
    lines = sum(len(rows(files / "the" / f"THE_{e}_rankings.csv")) for e in range(2016, 2024))
    assert len(panel) + sum(panel.attrs["dropped"].values()) == lines
    late = rankings.the_scores(range(2016, 2024))
    before = set(late.loc[late["edition"] < 2021, "university"])
    entered = (~late["university"].isin(before)).sum()
    assert panel.attrs["dropped"][scores.UNEXPOSED] == entered > 0
    assert panel.attrs["dropped"][scores.ALONE] == 1
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
    assert did(panel.reset_index(), SCORES).dropped == {"no value of industry": 1}


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
    inside = set(frame()["university"])
    assert set(panel.index[panel["advantaged_share"].notna()]) == inside & set(panel.index)


# Frame, match, agreement --------------------------------------------------------------------------


def test_frame_sizes_are_those_of_the_evaluation() -> None:
    sizes = scores.frame_sizes().set_index("pairs", append=True)["universities"]
    assert sizes["2 or more", "each one unit"] == 58
    assert sizes["2 or more", "left out"] == 55
    assert sizes["5 or more", "each one unit"] == 56


def test_every_university_is_found_or_not_with_a_reason() -> None:
    found = scores.found()
    assert (found.groupby("source")["universities"].sum() == 75).all()
    assert set(found.index) == {group.title for group in tabulated()}
    assert not found["state"].isin(["", "nan"]).any()


def test_entries_add_up() -> None:
    table = scores.entries()
    change = table["Universities"].diff().dropna()
    assert (change == (table["New"] - table["Gone"]).loc[change.index]).all()
    assert table.loc[2016, "Universities"] == 29
