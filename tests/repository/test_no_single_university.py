"""What the chapter on real universities publishes: nothing of a single one."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from replication.config import NOTEBOOKS, ROOT
from replication.estimate.planned import CHOICES
from replication.records.open.universities import ministry_universities

CHAPTER = "05_real_universities"
FOLDER = ROOT / "results" / CHAPTER
NAMES = re.compile(
    "|".join(
        re.escape(name)
        for column in ("name_zh", "name_en")
        for name in ministry_universities()[column]
    )
)
ROWS = 41
"""No table has as many rows as a panel has universities."""


@pytest.mark.parametrize("path", sorted(FOLDER.iterdir()), ids=lambda path: path.name)
def test_no_result_names_a_university(path: Path) -> None:
    if path.suffix != ".png":
        assert NAMES.findall(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.csv")), ids=lambda path: path.name)
def test_no_result_has_a_row_a_university(path: Path) -> None:
    table = pd.read_csv(path)
    assert "university" not in table.columns
    if path.name == "fig-open-curve.csv":
        # A row is a combination of choices, each there once.
        assert not table[list(CHOICES)].duplicated().any()
        assert table["rows"].min() > ROWS
    elif path.name != "tab-open-inference.csv":
        assert len(table) < ROWS
    if "universities" in table.columns and "bins" in path.name:
        assert table["universities"].min() >= 5
        # More digits would tell the value of the one university by which two samples differ.
        means = table[["exposure", "change"]]
        pd.testing.assert_frame_equal(means, means.round(2))


def test_no_output_of_the_notebook_names_a_university() -> None:
    notebook = json.loads((NOTEBOOKS / f"{CHAPTER}.ipynb").read_text(encoding="utf-8"))
    said = json.dumps([cell.get("outputs", []) for cell in notebook["cells"]], ensure_ascii=False)
    assert NAMES.findall(said) == []


def test_a_name_is_seen() -> None:
    assert NAMES.search("without Tsinghua University the estimate is")
    assert NAMES.search("清华大学,1.2")
