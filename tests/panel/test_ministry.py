"""Panels of real universities: who is in them, what is merged, which bins are shown."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from replication.config import DATA
from replication.errors import NoVariationError, ReplicationError
from replication.panel.compilation import exchange_2016
from replication.panel.ministry import panels
from replication.records.open.lists.project_985 import project_985
from replication.records.variables import CONTROLS
from tests.support.real_files import mirror_or_skip

GROUPS = ("compilation", "the", "leiden", "leiden-2020", "evaluation", "entity-list")


@pytest.fixture(scope="module", autouse=True)
def files() -> Path:
    return mirror_or_skip(*GROUPS)


@pytest.fixture(scope="module")
def editions(files: Path) -> pd.DataFrame:
    return panels.edition_panel()


@pytest.fixture(scope="module")
def windows(files: Path) -> pd.DataFrame:
    return panels.window_panel()


def test_every_row_of_the_files_is_kept_or_counted(files: Path, editions: pd.DataFrame) -> None:
    lines = 0
    for edition in range(2016, 2024):
        with (files / "the" / f"THE_{edition}_rankings.csv").open(encoding="utf-8-sig") as file:
            lines += sum(1 for _ in csv.DictReader(file))
    assert len(editions) + sum(editions.attrs["dropped"].values()) == lines
    assert (editions.groupby("university")["post"].nunique() == 2).all()
    flow = panels.flow({"editions": editions})["editions"]
    assert flow["in the files"] == lines == flow.iloc[1:].sum()
    assert flow["kept"] == len(editions) == flow.iloc[-1]


def test_both_windows_of_58_universities(windows: pd.DataFrame) -> None:
    assert windows["university"].nunique() == 58
    assert (windows.groupby("university")["post"].sum() == 1).all()
    np.testing.assert_allclose(
        windows["share_firm"] / 100 * windows["papers"], windows["papers_firm"]
    )


@pytest.mark.parametrize("name", ["editions", "windows"])
def test_exposure_is_the_ministrys_and_is_not_standardised_again(
    name: str, request: pytest.FixtureRequest
) -> None:
    panel = request.getfixturevalue(name).drop_duplicates("university").set_index("university")
    counted = exchange_2016().set_index("university")
    for column in ("exposure", "exposure_cooperation", "exposure_conferences", *CONTROLS):
        pd.testing.assert_series_equal(panel[column], counted.loc[panel.index, column])
    assert panel["exposure"].std() != pytest.approx(1, abs=1e-3)


def test_a_sample_of_the_plan_keeps_whole_universities(editions: pd.DataFrame) -> None:
    balanced = panels.kept(editions, "balanced")
    assert (balanced.groupby("university").size() == 8).all()
    below = panels.kept(editions, "below ceiling")
    assert below.loc[below["post"] == 0, "industry"].max() < panels.CEILING
    out = set(editions["university"]) - set(below["university"])
    high = editions[(editions["post"] == 0) & (editions["industry"] >= panels.CEILING)]
    assert out == set(high["university"]) != set()
    listed = set(editions["university"]) - set(panels.kept(editions, "unlisted")["university"])
    assert 1 <= len(listed) <= 4
    with pytest.raises(NoVariationError, match="no university is left that is unlisted"):
        panels.kept(editions.assign(listed=1), "unlisted")


def test_no_bin_is_of_fewer_than_five(editions: pd.DataFrame) -> None:
    bins = panels.binned(editions, "industry")
    assert list(bins) == ["universities", "exposure", "change"]
    assert bins["universities"].min() >= 5
    assert bins["universities"].sum() == editions["university"].nunique()
    assert bins["exposure"].is_monotonic_increasing
    weighted = np.average(bins["change"], weights=bins["universities"])
    assert weighted == pytest.approx(0, abs=1e-12)
    few = editions[editions["university"].isin(sorted(set(editions["university"]))[:9])]
    with pytest.raises(NoVariationError, match="9 universities make no two bins of 5"):
        panels.binned(few, "industry")


def test_bins_show_what_was_planted() -> None:
    dose = np.arange(20.0)
    panel = pd.DataFrame(
        {
            "university": np.repeat([f"u{n:02}" for n in range(20)], 2),
            "post": np.tile([0, 1], 20),
            "exposure": np.repeat(dose, 2),
        }
    )
    panel["y"] = 7 + panel["post"] * (1 + 0.5 * panel["exposure"])
    bins = panels.binned(panel, "y")
    np.testing.assert_allclose(bins["change"], 0.5 * (bins["exposure"] - dose.mean()))


def test_members_of_project_985_are_the_32_under_the_ministry() -> None:
    table = project_985()
    assert len(table) == 75
    assert table["project_985"].sum() == 32
    members = set(table.loc[table["project_985"] == 1, "university"])
    # By the list of the ministry; the last is no member, though it was of Project 211.
    assert {"清华大学", "中国海洋大学", "西北农林科技大学"} <= members
    assert "北京交通大学" not in members
    # Members under other ministries, or under the army, which are on the list of 39, too.
    others = ["北京航空航天大学", "北京理工大学", "中央民族大学", "哈尔滨工业大学"]
    others += ["中国科学技术大学", "西北工业大学", "国防科学技术大学"]
    assert not members & set(others)
    assert len(members) + len(others) == 39
    with (DATA / "project_985.csv").open(encoding="utf-8") as file:
        sources = {row["source"] for row in csv.DictReader(file)}
    assert sources == {"教育部:“985工程”学校名单, 2006-12-06"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name_zh\n清华大学\n清华大学\n", "a duplicate; keep one row"),
        ("name_zh\n清华\n", "not in ministry_universities.csv; correct it"),
        ("name\n清华大学\n", "column 'name_zh' is not there"),
    ],
)
def test_a_faulty_list_of_members_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "project_985.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ReplicationError, match=said):
        project_985(path)
