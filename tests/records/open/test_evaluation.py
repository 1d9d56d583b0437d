"""Grades and frame of the discipline evaluation against the real file and damaged copies."""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from replication.errors import DuplicateRowsError, MissingColumnError, ReplicationError, SchemaError
from replication.records.classify import load_disciplines
from replication.records.open.evaluation import evaluation, frame
from replication.records.open.universities import ministry_universities
from tests.support.real_files import Replace, mirror_or_skip, put, rows_of

EVALUATION = "discipline-evaluation/round4_2017.csv"

PAIRS = {
    "中国地质大学(两地)": {"中国地质大学(北京)", "中国地质大学(武汉)"},
    "中国矿业大学(两地)": {"中国矿业大学", "中国矿业大学(北京)"},
    "中国石油大学(两地)": {"中国石油大学(北京)", "中国石油大学(华东)"},
}


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
    names = set(ministry_universities()["name_zh"].str.replace(r"\(.*", "", regex=True))
    assert {school for _, _, school in set(found) - kept} & names == set()
    assert grades.attrs["dropped"] == {"not a ministry university": len(found) - len(grades)}
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
    total = len(cells) + sum(cells.attrs["dropped"].values())
    assert total == 5112


def test_the_frame_counted_by_hand(files: Path) -> None:
    """R20: 55 without the three shared names, one more with the bare name of mining, 58 in all."""
    names = {u.partition("(")[0] for u in ministry_universities()["name_zh"]}
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
