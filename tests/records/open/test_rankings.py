"""The readers of open data against the real files and against damaged copies of them."""

import csv
import hashlib
import math
import re
import shutil
import zipfile
from collections import Counter
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from python_calamine import CalamineWorkbook

from replication.errors import (
    DuplicateRowsError,
    MissingColumnError,
    RegistryError,
    ReplicationError,
    SchemaError,
)
from replication.records.classify import load_disciplines
from replication.records.open import download, rankings, universities
from replication.records.open.files import plain
from replication.records.open.rankings import bcur, coverage, evaluation, frame, leiden, the_scores
from tests.support.real_files import mirror_or_skip

PILLARS = list(rankings.PILLARS.values())
EVALUATION = "discipline-evaluation/round4_2017.csv"
LEIDEN = "leiden/leiden_2022_all_sciences.xlsx"

PAIRS = {
    "中国地质大学(两地)": {"中国地质大学(北京)", "中国地质大学(武汉)"},
    "中国矿业大学(两地)": {"中国矿业大学", "中国矿业大学(北京)"},
    "中国石油大学(两地)": {"中国石油大学(北京)", "中国石油大学(华东)"},
}


@pytest.fixture(scope="session")
def real() -> Path:
    return mirror_or_skip()


@pytest.fixture
def files(real: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REPLICATION_OPEN_DATA", str(real))
    return real


Replace = Callable[[str, Callable[[bytes], bytes]], None]


@pytest.fixture
def damage(real: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Replace:
    """Put a changed copy of a real file into a mirror, and its checksum into the list."""
    mirror = tmp_path / "mirror"
    monkeypatch.setenv("REPLICATION_OPEN_DATA", str(mirror))
    monkeypatch.setenv("REPLICATION_CACHE", str(tmp_path / "cache"))

    def change(file: str, how: Callable[[bytes], bytes]) -> None:
        shutil.copytree(real, mirror)
        mirror.chmod(0o755)
        (mirror / file).parent.chmod(0o755)
        good = (real / file).read_bytes()
        bad = how(good)
        assert bad != good
        (mirror / file).unlink()
        (mirror / file).write_bytes(bad)
        text = download.SOURCES.read_text(encoding="utf-8")
        sums = [hashlib.sha256(content).hexdigest() for content in (good, bad)]
        assert sums[0] in text
        path = tmp_path / "sources.toml"
        path.write_text(text.replace(*sums), encoding="utf-8")
        monkeypatch.setattr(download, "SOURCES", path)

    return change


def put(old: str, new: str) -> Callable[[bytes], bytes]:
    """Replace the first occurrence of a text, which must be there."""

    def change(content: bytes) -> bytes:
        assert old.encode() in content
        return content.replace(old.encode(), new.encode(), 1)

    return change


def in_sheet(old: str, new: str) -> Callable[[bytes], bytes]:
    """Replace a text wherever it is in the parts of a spreadsheet."""

    def change(content: bytes) -> bytes:
        out = BytesIO()
        with zipfile.ZipFile(BytesIO(content)) as before, zipfile.ZipFile(out, "w") as after:
            for name in before.namelist():
                part = before.read(name)
                after.writestr(name, part.replace(old.encode(), new.encode(), 1))
        return out.getvalue()

    return change


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def row_of(text: str, begin: str) -> str:
    """The line of a file that begins with a text."""
    return next(line for line in text.splitlines() if line.startswith(begin))


# Universities and names ---------------------------------------------------------------------------


def test_there_are_75_ministry_universities() -> None:
    table = rankings.ministry_universities()
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
        ("清华大学,", "北京大学,", "row 4, column 'name_zh': '北京大学' is doubled"),
        (",Tsinghua University,", ",Peking University,", "row 4, column 'name_en': 'Peking"),
        (",Tsinghua University,", ", ,", "row 4, column 'name_en': empty"),
        ("name_en", "name", "its columns are name_zh, name, city"),
    ],
)
def test_a_damaged_list_of_universities(tmp_path: Path, old: str, new: str, says: str) -> None:
    path = tmp_path / "ministry_universities.csv"
    path.write_bytes(put(old, new)(universities.MINISTRY.read_bytes()))
    with pytest.raises(RegistryError, match=re.escape(says)):
        rankings.ministry_universities(path)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("兰州大学,the,,", "兰州大学,teh,,", "source is none of the, leiden"),
        ("兰州大学,the,", "兰州大學,the,", "university is not in ministry_universities.csv"),
        ("兰州大学,the,,not in editions 2016 to 2026\n", "", "兰州大学 has no row for 'the'"),
        ("兰州大学,the,,not in editions 2016 to 2026", "兰州大学,the,,", "needs a note"),
        ("兰州大学,the,", "兰州大学,the,x,\n兰州大学,the,", "cannot have a name and be absent"),
        ("兰州大学,the,", "兰州大学,the,Xidian University", "for more than one university"),
        (
            "兰州大学,the,",
            "兰州大学,the,China University of Mining and Technology",
            "for more than one university",
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
        rankings.university_names("the", path)


def test_a_source_has_to_be_one_of_ours() -> None:
    with pytest.raises(ValueError, match="source must be one of the, leiden, bcur, evaluation"):
        rankings.university_names("qs")


def test_a_match_is_exact_and_counted() -> None:
    names = [
        "Northeastern University, China", "Northeastern University, US",
        "Xi'an Jiaotong University", "Xi’an Jiaotong University",
        "Beijing University of Technology", "Southwest University ",
        "China University of Mining and Technology", "China University of Petroleum, Beijing",
    ]  # fmt: skip
    found = rankings.match(pd.DataFrame({"Name": names}), "the", "Name")
    assert dict(zip(found["Name"], found["university"], strict=True)) == {
        "Northeastern University, China": "东北大学",
        "Xi’an Jiaotong University": "西安交通大学",
        "China University of Mining and Technology": "中国矿业大学(两地)",
        "China University of Petroleum, Beijing": "中国石油大学(北京)",
    }
    assert list(found["joint"]) == [False, False, True, False]
    assert found.attrs["set_aside"] == {"not a ministry university": 4}
    with pytest.raises(MissingColumnError, match="column 'name' is needed to match names"):
        rankings.match(pd.DataFrame({"Name": names}), "the", "name")


def test_a_shared_name_stands_for_its_pair_and_for_neither_of_the_two() -> None:
    ministry = set(rankings.ministry_universities()["name_zh"])
    joint = universities.joint_names("evaluation")
    assert joint == {pair.removesuffix("(两地)"): pair for pair in PAIRS}
    assert not set(joint.values()) & ministry
    rows = rankings.university_names("evaluation").set_index("name_zh")
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
            for _, rows in rankings.university_names(source).groupby("name_zh")
        )
        for source in universities.SOURCES
    }
    assert found == {"the": 58, "leiden": 59, "bcur": 71, "evaluation": 69}
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


# THE ----------------------------------------------------------------------------------------------


def test_scores_are_those_of_the_file(files: Path) -> None:
    """Row by row, against the file as the csv module reads it."""
    table = the_scores()
    assert list(table) == ["edition", "name", "university", "joint", *PILLARS]
    assert table.attrs["source"] == "open"
    heads = ["Teaching", "Research Environment", "Research Quality", "Industry",
             "International Outlook"]  # fmt: skip
    for edition, rows in table.groupby("edition"):
        printed = {r["Name"]: r for r in rows_of(files / f"the/THE_{edition}_rankings.csv")}
        for row in rows.to_dict("records"):
            expected = [float(printed[row["name"]][head]) for head in heads]
            if edition == 2016 and expected[3] == 0:
                expected[3] = math.nan
            np.testing.assert_array_equal([row[p] for p in PILLARS], expected)
    # The one blank, an industry score of 0, is Xiamen's of 2016.
    blank = table[table[PILLARS].isna().any(axis=1)]
    assert blank[["edition", "university"]].to_numpy().tolist() == [[2016, "厦门大学"]]


def test_no_row_of_an_edition_is_lost(files: Path) -> None:
    table = the_scores(range(2016, 2027))
    assert table.groupby("edition").size().to_dict() == {
        2016: 29, 2017: 38, 2018: 43, 2019: 44, 2020: 49, 2021: 52, 2022: 52, 2023: 42,
        2024: 34, 2025: 37, 2026: 39,
    }  # fmt: skip
    raw = [r for y in range(2016, 2027) for r in rows_of(files / f"the/THE_{y}_rankings.csv")]
    assert len(table) + sum(table.attrs["set_aside"].values()) == len(raw)
    names = set(table["name"])
    assert sum(r["Name"] in names and r["Industry"] != "n/a" for r in raw) == len(table)
    assert table["university"].nunique() == 59  # 58 and the pair of mining.


def tsinghua(change: Callable[[list[str]], list[list[str]]]) -> Callable[[bytes], bytes]:
    """Replace the cells of one university's line by the lines that are made of them."""

    def damaged(content: bytes) -> bytes:
        lines = content.decode().splitlines()
        (at,) = [i for i, line in enumerate(lines) if ",Tsinghua University," in line]
        lines[at : at + 1] = [",".join(cells) for cells in change(lines[at].split(","))]
        return "\n".join(lines).encode()

    return damaged


def cell(place: int, text: str) -> Callable[[bytes], bytes]:
    """Another text in one cell: 0 year, 3 overall, 7 industry."""
    return tsinghua(lambda cells: [[*cells[:place], text, *cells[place + 1 :]]])


@pytest.mark.parametrize(
    ("how", "error", "says"),
    [
        (put("Industry", "Industry Income"), MissingColumnError, "column 'Industry' is not there"),
        (
            cell(7, "29.8–33.9"),
            SchemaError,
            "THE_2018_rankings.csv, row 31, column 'Industry': '29.8–33.9' is no number from 0",
        ),
        (cell(7, "998"), SchemaError, "row 31, column 'Industry'"),
        (cell(7, ""), SchemaError, "row 31, column 'Industry'"),
        (cell(7, "n/a"), SchemaError, "row 31, column 'Industry'"),
        (cell(0, "2017"), SchemaError, "row 31, column 'year': '2017' is not 2018"),
        (
            tsinghua(lambda cells: [cells, cells]),
            DuplicateRowsError,
            "THE_2018_rankings.csv: 清华大学 has more than one row",
        ),
    ],
)
def test_a_damaged_edition(
    damage: Replace, how: Callable[[bytes], bytes], error: type[ReplicationError], says: str
) -> None:
    damage("the/THE_2018_rankings.csv", how)
    with pytest.raises(error, match=re.escape(says)):
        the_scores([2018])
    assert len(the_scores([2017])) == 38


def test_a_reporter_is_set_aside(damage: Replace) -> None:
    reporter = ["2018", "Reporter", "Tsinghua University", *["n/a"] * 6, ""]
    damage("the/THE_2018_rankings.csv", tsinghua(lambda _: [reporter]))
    table = the_scores([2018])
    assert "清华大学" not in set(table["university"])
    assert table.attrs["set_aside"]["reporter without scores (n/a)"] == 1
    assert len(table) + sum(table.attrs["set_aside"].values()) == 1103


def test_the_overall_score_is_not_read(real: Path, damage: Replace) -> None:
    printed = rows_of(real / "the/THE_2018_rankings.csv")
    damage("the/THE_2018_rankings.csv", cell(3, "70.1–79.9"))
    row = the_scores([2018]).set_index("university").loc["清华大学"]
    (known,) = [r for r in printed if r["Name"] == "Tsinghua University"]
    assert row["industry"] == float(known["Industry"])
    assert row["international_outlook"] == float(known["International Outlook"])


def test_a_file_that_is_no_csv_is_named(damage: Replace) -> None:
    damage("the/THE_2018_rankings.csv", lambda content: content.decode().encode("utf-16"))
    with pytest.raises(SchemaError, match=r"THE_2018_rankings\.csv cannot be read as CSV in UTF-8"):
        the_scores([2018])


def test_a_truncated_file_is_refused_before_it_is_read(
    real: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "the").mkdir()
    content = (real / "the/THE_2018_rankings.csv").read_bytes()
    (tmp_path / "the/THE_2018_rankings.csv").write_bytes(content[: content.rindex(b"\n2018") + 1])
    monkeypatch.setenv("REPLICATION_OPEN_DATA", str(tmp_path))
    with pytest.raises(ReplicationError, match=r"THE_2018_rankings\.csv is damaged .* SHA-256"):
        the_scores([2018])


def test_no_edition_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one edition"):
        the_scores([])


# Evaluation ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def grades() -> pd.DataFrame:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REPLICATION_OPEN_DATA", str(mirror_or_skip()))
        return evaluation()


def test_grades_are_those_in_print(grades: pd.DataFrame) -> None:
    assert list(grades) == ["discipline", "name_zh", "grade", "school", "university", "joint"]
    cell = grades.set_index(["university", "discipline"])["grade"]
    assert cell["清华大学", "0812"] == "A+"
    assert cell["清华大学", "0804"] == "A+"  # Padded with spaces in the file.
    # What the universities themselves have announced.
    counts = grades.groupby(["university", "grade"]).size()
    assert counts["清华大学", "A+"] == counts["北京大学", "A+"] == 21
    assert list(counts["浙江大学"][["A+", "A", "A-"]]) == [11, 11, 17]
    assert counts["中国人民大学", "A+"] == 9


def test_every_grade_is_kept_or_counted(grades: pd.DataFrame, real: Path) -> None:
    found = Counter(
        (row["一级学科名称"], row["评估结果"].strip(), school)
        for row in rows_of(real / EVALUATION)
        for column, school in row.items()
        if column.startswith("学校名称") and school
    )
    assert max(found.values()) == 1
    kept = set(grades[["name_zh", "grade", "school"]].itertuples(index=False, name=None))
    assert kept < set(found)
    names = set(rankings.ministry_universities()["name_zh"].str.replace(r"\(.*", "", regex=True))
    assert {school for _, _, school in set(found) - kept} & names == set()
    assert grades.attrs["set_aside"] == {"not a ministry university": len(found) - len(grades)}
    assert len(found) == 5112


def test_disciplines_are_those_of_the_catalogue(grades: pd.DataFrame) -> None:
    ours = load_disciplines().set_index("discipline")["name_zh"]
    stem = grades[grades["discipline"].str[:2].isin(["07", "08"])]
    theirs = stem.drop_duplicates("discipline").set_index("discipline")["name_zh"]
    assert theirs.equals(ours[theirs.index].rename("name_zh"))
    # Weapons (0826) are not taught at a ministry university; the others were not evaluated.
    assert set(ours.index) - set(theirs.index) == {"0826", "0836", "0838", "0839"}
    assert grades.groupby("name_zh")["discipline"].nunique().max() == 1
    business = grades[grades["name_zh"] == "工商管理"]
    assert set(business["discipline"]) == {"1202"}
    assert {"C", "C-"} <= set(business["grade"])


@pytest.mark.parametrize(
    ("minimum", "joint", "universities"),
    [(2, True, 58), (2, False, 55), (1, True, 65), (1, False, 62), (5, True, 56)],
)
def test_the_frame_has_the_universities_that_were_counted(
    files: Path, minimum: int, joint: bool, universities: int
) -> None:
    cells = frame(minimum, joint=joint)
    assert cells["university"].nunique() == universities
    assert not cells.duplicated(["university", "discipline"]).any()
    assert cells["joint"].any() == joint
    total = len(cells) + sum(cells.attrs["set_aside"].values())
    assert total == 5112


def test_the_frame_counted_by_hand(files: Path) -> None:
    """R20: 55 without the three shared names, one more with the bare name of mining, 58 in all."""
    names = {u.partition("(")[0] for u in rankings.ministry_universities()["name_zh"]}
    graded: Counter[str] = Counter()
    good: Counter[str] = Counter()
    for row in rows_of(files / EVALUATION):
        if row["一级学科代码"][:2] in ("07", "08"):
            schools = [s for c, s in row.items() if c.startswith("学校名称") and s in names]
            graded.update(schools)
            good.update(schools if row["评估结果"].strip() in ("A+", "A", "A-") else [])
    enough = {school for school, count in graded.items() if count >= 2}
    shared = {pair.removesuffix("(两地)") for pair in PAIRS}
    assert (len(enough), len(enough - shared)) == (58, 55)
    assert len(enough - (shared - {"中国矿业大学"})) == 56
    cells = frame()
    assert len(cells) == sum(graded[school] for school in enough) == 1015
    assert cells["advantaged"].sum() == sum(good[school] for school in enough) == 275
    assert set(cells["category"]) == {"07", "08"}
    assert cells.loc[cells["joint"], "university"].value_counts().to_dict() == {
        pair: graded[pair.removesuffix("(两地)")] for pair in PAIRS
    }


def test_advantaged_is_a_minus_or_better(files: Path) -> None:
    cells = frame()
    by_grade = cells.groupby("grade")["advantaged"].agg(["min", "max"])
    assert set(by_grade.index[by_grade["min"] == 1]) == {"A+", "A", "A-"}
    assert (by_grade["min"] == by_grade["max"]).all()


@pytest.mark.parametrize(
    ("old", "new", "error", "says"),
    [
        ("评估结果", "等级", MissingColumnError, "column '评估结果' is not there"),
        ("0101,哲学,A,", "0101,哲学,A++,", SchemaError, "row 3, column '评估结果': 'A++' is none"),
        (
            "0101,哲学,A,",
            "101,哲学,A,",
            SchemaError,
            "row 3, column '一级学科代码': '101' is no 4-",
        ),
        ("0101,哲学,A,", "0100,哲学,A,", SchemaError, "a second discipline of one name_zh"),
        ("0101,哲学,A,", "0101,道学,A,", SchemaError, "a second name_zh of one discipline"),
        (
            "A,中国人民大学,南京大学",
            "A,中国人民大学,北京大学",
            DuplicateRowsError,
            "round4_2017.csv: 0101, 北京大学 has more than one row",
        ),
    ],
)
def test_a_damaged_evaluation(
    damage: Replace, old: str, new: str, error: type[ReplicationError], says: str
) -> None:
    damage(EVALUATION, put(old, new))
    with pytest.raises(error, match=re.escape(says)):
        evaluation()


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.removeprefix(b"\xef\xbb\xbf"),
        put("0101,哲学,A,中国人民大学", "0101,哲学, A  ,中国人民大学 "),
        lambda content: content.replace(b"\n", b"\r\n"),
    ],
    ids=["without byte-order mark", "padded", "line ends of Windows"],
)
def test_what_does_not_matter_reads_the_same(
    damage: Replace, grades: pd.DataFrame, change: Callable[[bytes], bytes]
) -> None:
    damage(EVALUATION, change)
    pd.testing.assert_frame_equal(evaluation(), grades)


def test_a_grade_of_two_campuses_is_credited_to_neither(
    damage: Replace, grades: pd.DataFrame
) -> None:
    """One campus more in a discipline is a row of the pair, and of nobody else."""
    damage(
        EVALUATION, put("0101,哲学,A,中国人民大学,南京大学", "0101,哲学,A,中国矿业大学,南京大学")
    )
    now = evaluation().set_index(["discipline", "school"])
    row = now.loc[("0101", "中国矿业大学")]
    assert (row["university"], row["joint"]) == ("中国矿业大学(两地)", True)
    assert not set(now["university"]) & set.union(*PAIRS.values())
    assert len(now) == len(grades)


# Leiden -------------------------------------------------------------------------------------------


def test_leiden_is_that_of_the_sheet(files: Path) -> None:
    table = leiden()
    assert list(table) == [
        "university", "joint", "name", "period", "p", "papers", "pp_industry", "pp_international",
    ]  # fmt: skip
    # Counts of papers stand in the sheet beside the shares of them.
    sheet = CalamineWorkbook.from_path(str(files / LEIDEN)).get_sheet_by_index(0).to_python()
    head = [str(cell) for cell in sheet[0]]
    places = [head.index(c) for c in ("impact_P", "collab_P", "P_industry_collab", "P_int_collab")]
    printed = {
        row[head.index("University")]: [float(row[place]) for place in places]
        for row in sheet[1:]
        if row[head.index("Country")] == "China"
    }
    for row in table.to_dict("records"):
        p, papers, firms, abroad = printed[row["name"]]
        assert (row["p"], row["papers"]) == (p, papers)
        assert row["pp_industry"] == pytest.approx(firms / papers, abs=1e-12)
        assert row["pp_international"] == pytest.approx(abroad / papers, abs=1e-12)
    assert table[["pp_industry", "pp_international"]].stack().between(0, 1).all()
    assert (table["p"] < table["papers"]).all()
    assert set(table["period"]) == {"2017–2020"}
    assert list(table.loc[table["joint"], "university"]) == [
        "中国矿业大学(两地)",
        "中国地质大学(两地)",
    ]
    assert len(table) == 61
    assert len(table) + sum(table.attrs["set_aside"].values()) == 1318


def test_northeastern_is_the_one_in_shenyang(files: Path) -> None:
    sheet = CalamineWorkbook.from_path(str(files / LEIDEN)).get_sheet_by_index(0).to_python()
    head = [str(cell) for cell in sheet[0]]
    two = {
        row[head.index("Country")]: row[head.index("collab_P")]
        for row in sheet
        if row[head.index("University")] == "Northeastern University"
    }
    assert set(two) == {"China", "United States"}
    assert leiden().set_index("university").loc["东北大学", "papers"] == two["China"]


@pytest.mark.parametrize(
    ("old", "new", "error", "says"),
    [
        ("PP_industry_collab<", "PP_firms<", MissingColumnError, "column 'PP_industry_collab' is"),
        (
            "All sciences",
            "Physics",
            SchemaError,
            "row 2, column 'Field': 'Physics' is not 'All sciences'",
        ),
        ("2017–2020", "2016–2019", SchemaError, "row 2, column 'Period': '2016–2019' is not"),
    ],
)
def test_a_damaged_sheet(
    damage: Replace, old: str, new: str, error: type[ReplicationError], says: str
) -> None:
    damage(LEIDEN, in_sheet(old, new))
    with pytest.raises(error, match=re.escape(says)):
        leiden()


def test_a_file_that_is_no_spreadsheet_is_named(damage: Replace) -> None:
    damage(LEIDEN, lambda content: content[: len(content) // 2])
    with pytest.raises(SchemaError, match=r"leiden_2022_all_sciences\.xlsx cannot be read as"):
        leiden()


# BCUR ---------------------------------------------------------------------------------------------


def test_industry_income_is_that_of_the_file(files: Path) -> None:
    """Row by row, against the file as the csv module reads it, by the place of the column."""
    table = bcur()
    assert list(table) == [
        "edition", "university", "name", "industry_income", "industry_papers",
        "international_students", "papers",
    ]  # fmt: skip
    places = {2016: (9, 10, None, 5), 2017: (9, None, 11, 5), 2018: (10, None, 12, 6)}
    for edition, rows in table.groupby("edition"):
        raw = [list(r.values()) for r in rows_of(files / f"bcur/bcur_{edition}.csv")]
        printed = {values[0]: values for values in raw}
        for row in rows.to_dict("records"):
            numbers = ("industry_income", "industry_papers", "international_students", "papers")
            for column, place in zip(numbers, places[int(str(edition))], strict=True):
                text = "" if place is None else printed[row["name"]][place].strip()
                value = float(text.removesuffix("%")) if text else math.nan
                share = column == "international_students"
                np.testing.assert_allclose(row[column], value / 100 if share else value)
    assert table.groupby("edition").size().to_dict() == {2016: 59, 2017: 69, 2018: 71}
    raw_rows = sum(len(rows_of(files / f"bcur/bcur_{y}.csv")) for y in (2016, 2017, 2018))
    assert len(table) + sum(table.attrs["set_aside"].values()) == raw_rows


def test_a_university_of_two_spellings_is_one(files: Path) -> None:
    rows = bcur().query("university == '中国石油大学(北京)'")
    assert list(rows["edition"]) == [2016, 2017, 2018]
    assert rows["industry_income"].gt(0).all()
    assert list(rows["name"]) == [
        "中国石油大学（北京）",
        "中国石油大学(北京)",
        "中国石油大学(北京)",
    ]


LINE_2017 = "清华大学,北京,94.0,100.0,97.70%,40938,1.381,1373,111,1263428,613524,7.04%"


@pytest.mark.parametrize(
    ("old", "new", "error", "says"),
    [
        ("企业科研经费", "企业经费", MissingColumnError, "'科技服务企业科研经费千元' is not there"),
        ("千元", "万元", MissingColumnError, "'科技服务企业科研经费千元' is not there"),
        ("7.04%", "7.04", SchemaError, "row 2, column '学生国际化留学生比例': '7.04' is no share"),
        ("7.04%", "704%", SchemaError, "row 2, column '学生国际化留学生比例': '704' is no number"),
        ("1263428", "1263428+", SchemaError, "row 2, column '科技服务企业科研经费千元': '126342"),
        ("1263428", "-1263428", SchemaError, "row 2, column '科技服务企业科研经费千元': '-12634"),
        (LINE_2017, f"{LINE_2017}\n{LINE_2017}", DuplicateRowsError, "清华大学 has more than one"),
    ],
)
def test_a_damaged_table(
    damage: Replace, old: str, new: str, error: type[ReplicationError], says: str
) -> None:
    damage("bcur/bcur_2017.csv", put(old, new))
    with pytest.raises(error, match=re.escape(says)):
        bcur([2017])


def test_what_is_empty_stays_missing(damage: Replace) -> None:
    damage(
        "bcur/bcur_2017.csv", put(LINE_2017, LINE_2017.replace("1263428", "").replace("7.04%", ""))
    )
    row = bcur([2017]).set_index("university").loc["清华大学"]
    assert row[["industry_income", "international_students"]].isna().all()
    assert row["papers"] == 40938


def test_headers_differ_in_brackets_only(damage: Replace) -> None:
    before = plain("科技服务(企业科研经费)( 千元 )")
    assert before == plain("科技服务（企业科研经费·千元）") == "科技服务企业科研经费千元"

    def wide(content: bytes) -> bytes:
        head, _, rest = content.decode("utf-8").partition("\n")
        return ("\ufeff" + head.replace("(", "（").replace(")", "）") + "\n" + rest).encode()

    damage("bcur/bcur_2017.csv", wide)
    assert len(bcur([2017])) == 69
