"""THE by subject against the files, and damaged copies of one."""

import math
import re
from pathlib import Path

import pytest

from replication.errors import DuplicateRowsError, MissingColumnError, ReplicationError, SchemaError
from replication.records.open.lists.subjects import EDITIONS, PILLARS, subjects_of, the_subjects
from tests.support.real_files import Replace, mirror_or_skip, put, rows_of

FILES = {"physical": "Physical sciences", "arts": "Arts & Humanities", "law": "Law"}
PHYSICAL = "the-subjects/2020/Physical sciences.csv"


@pytest.fixture(scope="session")
def real() -> Path:
    return mirror_or_skip("the-subjects")


def test_scores_are_those_of_the_files(files: Path) -> None:
    table = the_subjects(range(2018, 2021))
    assert set(table["subject"]) == set(subjects_of(2020))
    for subject, title in FILES.items():
        for edition in range(2018, 2021):
            path = files / f"the-subjects/{edition}/{title}.csv"
            chinese = {row["name"]: row for row in rows_of(path) if row["location"] == "China"}
            rows = table[(table["subject"] == subject) & (table["edition"] == edition)]
            # Law of 2018 ranks none of ours.
            assert len(rows) > 0 or (subject, edition) == ("law", 2018)
            for row in rows.to_dict("records"):
                for old, new in PILLARS.items():
                    text = chinese[row["name"]][old]
                    expected = math.nan if text == "-" else float(text)
                    assert row[new] == expected or (math.isnan(row[new]) and text == "-")


def test_no_row_of_any_edition_is_lost(files: Path) -> None:
    table = the_subjects()
    rows = [row for path in files.glob("the-subjects/*/*.csv") for row in rows_of(path)]
    assert len(table) + sum(table.attrs["dropped"].values()) == len(rows) == 21_440
    stem = table[table["subject"].isin(["engineering", "physical", "life", "computing"])]
    found = stem[~stem["joint"]].groupby("edition")["university"].nunique()
    assert found.loc[2018:].to_list() == [33, 43, 47]
    # What makes an exposure thin before 2018.
    assert found.loc[:2017].max() == 6


def test_an_edition_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="edition must be one of 2011 to 2020, not 2021"):
        subjects_of(EDITIONS.stop)


def twice(content: bytes) -> bytes:
    """Tsinghua's row a second time."""
    (line,) = [one for one in content.splitlines() if b",Tsinghua University," in one]
    return content.rstrip() + b"\n" + line + b"\n"


@pytest.mark.parametrize(
    ("how", "error", "says"),
    [
        (put("scores_industry_income,", "industry,"), MissingColumnError, "scores_industry_income"),
        (
            put(",99.4,12,98.3,", ",99.4,12,983,"),
            SchemaError,
            "2020/Physical sciences.csv, row 2, column 'scores_industry_income': '983' is no",
        ),
        (twice, DuplicateRowsError, "2020, physical, 清华大学 has more than one row"),
    ],
)
def test_a_damaged_file(damage: Replace, how, error: type[ReplicationError], says: str) -> None:
    damage(PHYSICAL, how)
    with pytest.raises(error, match=re.escape(says)):
        the_subjects([2020])
