"""The ministry universities and their names in each source, whole and damaged."""

import re
from pathlib import Path

import pandas as pd
import pytest

from replication.errors import MissingColumnError, RegistryError
from replication.records.open import universities
from replication.records.open.sources import read_sources
from replication.records.open.universities import (
    coverage,
    joint_names,
    match,
    ministry_universities,
    university_names,
)
from tests.support.real_files import put

PAIRS = {
    "中国地质大学(两地)": {"中国地质大学(北京)", "中国地质大学(武汉)"},
    "中国矿业大学(两地)": {"中国矿业大学", "中国矿业大学(北京)"},
    "中国石油大学(两地)": {"中国石油大学(北京)", "中国石油大学(华东)"},
}


def test_there_are_75_ministry_universities() -> None:
    table = ministry_universities()
    assert len(table) == 75
    assert not table.map(lambda text: text != text.strip()).any(axis=None)
    assert not table["name_zh"].str.contains("[（）]").any()
    # By city, as the ministry's list has them; Beijing holds the third of all.
    cities = table["city"].value_counts()
    assert cities["Beijing"] == 24
    assert (cities["Shanghai"], cities["Wuhan"]) == (8, 7)
    # Well known, and of other ministries.
    assert not set(table["name_zh"]) & {"北京航空航天大学", "哈尔滨工业大学", "中国科学技术大学"}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("清华大学,", "北京大学,", "row 4, column 'name_zh': '北京大学' is a duplicate"),
        (",Tsinghua University,", ",Peking University,", "row 4, column 'name_en': 'Peking"),
        (",Tsinghua University,", ", ,", "row 4, column 'name_en': ' ' is empty"),
        ("name_en", "name", "its columns are name_zh, name, city"),
    ],
)
def test_a_damaged_list_of_universities(tmp_path: Path, old: str, new: str, says: str) -> None:
    path = tmp_path / "ministry_universities.csv"
    path.write_bytes(put(old, new)(universities.MINISTRY.read_bytes()))
    with pytest.raises(RegistryError, match=re.escape(says)):
        ministry_universities(path)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("兰州大学,the,,", "兰州大学,teh,,", "column 'source': 'teh' is none of the, leiden"),
        (
            "兰州大学,the,",
            "兰州大學,the,",
            "column 'name_zh': '兰州大學' is not in ministry_universities.csv",
        ),
        ("兰州大学,the,,not in editions 2016 to 2026\n", "", "兰州大学 has no row for 'the'"),
        (
            "兰州大学,the,,not in editions 2016 to 2026",
            "兰州大学,the,,",
            "column 'note': '' is empty: say why",
        ),
        (
            "兰州大学,the,",
            "兰州大学,the,x,\n兰州大学,the,",
            "column 'name': '' is empty, and the university has another row",
        ),
        (
            "兰州大学,the,",
            "兰州大学,the,Xidian University",
            "is the name of more than one university",
        ),
        (
            "兰州大学,the,",
            "兰州大学,the,China University of Mining and Technology",
            "is the name of more than one university",
        ),
        (
            "中国矿业大学,the,,two campuses under one name: China",
            "中国矿业大学,the,,two campuses under one name: china",
            "must be the shared name of two universities",
        ),
        ("name,note", "name,remark", "its columns are name_zh, source, name, remark"),
    ],
)
def test_a_damaged_table_of_names(tmp_path: Path, old: str, new: str, says: str) -> None:
    path = tmp_path / "university_names.csv"
    path.write_bytes(put(old, new)(universities.NAMES.read_bytes()))
    with pytest.raises(RegistryError, match=re.escape(says)):
        university_names("the", path)


def test_a_source_has_to_be_one_of_ours() -> None:
    with pytest.raises(ValueError, match="source must be one of the, leiden, bcur, evaluation"):
        university_names("qs")


def test_a_match_is_exact_and_counted() -> None:
    names = [
        "Northeastern University, China", "Northeastern University, US",
        "Xi'an Jiaotong University", "Xi’an Jiaotong University",
        "Beijing University of Technology", "Southwest University ",
        "China University of Mining and Technology", "China University of Petroleum, Beijing",
    ]  # fmt: skip
    found = match(pd.DataFrame({"Name": names}), "the", "Name")
    assert dict(zip(found["Name"], found["university"], strict=True)) == {
        "Northeastern University, China": "东北大学",
        "Xi’an Jiaotong University": "西安交通大学",
        "China University of Mining and Technology": "中国矿业大学(两地)",
        "China University of Petroleum, Beijing": "中国石油大学(北京)",
    }
    assert list(found["joint"]) == [False, False, True, False]
    assert found.attrs["dropped"] == {"not a ministry university": 4}
    with pytest.raises(MissingColumnError, match="column 'name' is needed to match names"):
        match(pd.DataFrame({"Name": names}), "the", "name")


def test_a_shared_name_stands_for_its_pair_and_for_neither_of_the_two() -> None:
    ministry = set(ministry_universities()["name_zh"])
    joint = joint_names(university_names("evaluation"))
    assert joint == {pair.removesuffix("(两地)"): pair for pair in PAIRS}
    assert not set(joint.values()) & ministry
    rows = university_names("evaluation").set_index("name_zh")
    for pair, campuses in PAIRS.items():
        assert campuses <= ministry
        assert (rows.loc[sorted(campuses), "name"] == "").all()
        assert rows.loc[sorted(campuses), "note"].str.endswith(pair.removesuffix("(两地)")).all()


def test_coverage_says_for_each_university_where_it_is(files: Path) -> None:
    table = coverage()
    assert list(table) == ["university", "the", "leiden", "bcur", "evaluation"]
    assert len(table) == 75
    assert not table.isna().any(axis=None)
    table = table.set_index("university")
    found = {
        source: sum(
            bool((rows["name"] != "").any())
            for _, rows in university_names(source).groupby("name_zh")
        )
        for source in [group.name for group in read_sources().group if group.name != "compilation"]
    }
    assert found == {
        "the": 58, "leiden": 59, "bcur": 71, "evaluation": 69, "leiden-2020": 58,
        "the-subjects": 50, "nature-index": 49, "entity-list": 4, "leiden-panel": 59,
    }  # fmt: skip
    assert table.loc["中央音乐学院", "the"] == "arts academy: not ranked"
    assert table.loc["兰州大学", "the"] == "not in editions 2016 to 2026"
    assert table.loc["中国石油大学(北京)", "bcur"] == "中国石油大学（北京）; 中国石油大学(北京)"


def with_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "university_names.csv"
    path.write_bytes(put(old, new)(universities.NAMES.read_bytes()))
    monkeypatch.setattr(universities, "NAMES", path)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (",the,Jilin University", ",the,Jilin Univ.", "'Jilin Univ.' is not in the files of 'the'"),
        (",leiden,Jilin University", ",leiden,Jilin", "'Jilin' is not in the files of 'leiden'"),
        # There, and in another country.
        (",leiden,Jilin University", ",leiden,Harvard University", "'Harvard University' is not"),
        ("吉林大学,bcur,吉林大学", "吉林大学,bcur,吉大", "'吉大' is not in the files of 'bcur'"),
        (
            "吉林大学,evaluation,吉林大学,",
            "吉林大学,evaluation,,lost",
            "'吉林大学' is said not to be in 'evaluation' and is there",
        ),
    ],
)
def test_a_university_cannot_vanish(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, says: str
) -> None:
    with_names(monkeypatch, tmp_path, old, new)
    with pytest.raises(RegistryError, match=re.escape(says)):
        coverage()
