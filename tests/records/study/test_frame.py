"""The file of a study: what ships is what the panel holds, and a fault is named."""

import re
import shutil
import tomllib
from pathlib import Path

import pandas as pd
import pytest

from replication.config import DATA, ROOT, environment
from replication.errors import RegistryError
from replication.records.classify import load_disciplines
from replication.records.registry import Choices
from replication.records.study import frame
from replication.simulate.process import Process

SECOND = Path(__file__).parents[2] / "support" / "second_study"


def test_the_shipped_study_is_what_the_shipped_panel_holds() -> None:
    panel, study = pd.read_parquet(DATA / "panel.parquet"), frame.study()
    assert panel["university"].nunique() == study.universities == 56
    assert (panel["year"].min(), panel["year"].max()) == (study.first_year, study.last_year)
    assert panel.loc[panel["post"] == 1, "year"].min() == study.first_treated
    assert set(panel["category"]) == set(study.categories)
    assert set(panel.loc[panel["advantaged"] == 1, "grade"]) == set(study.advantaged)
    assert study.frame == len(pd.read_csv(DATA / "ministry_universities.csv"))


def test_defaults_of_process_and_panel_are_the_studys_own() -> None:
    with environment({frame.VARIABLE: SECOND / "study.toml"}):
        process, choices = Process(), Choices()
        assert load_disciplines()["discipline"].tolist()[0] == "3101"
    assert (process.universities, process.first_treated) == (14, 2010)
    assert process.mediators[0].where == "country != 'SG'"
    assert (choices.first_year, choices.last_year, choices.domestic) == (2006, 2013, ("SG",))
    assert Process().universities == 56


def test_no_constant_of_the_study_is_left_in_the_code() -> None:
    """Years, sizes and home stand in ``study.toml``: no default elsewhere repeats them."""
    default = re.compile(
        r"(first_year|last_year|first_treated|universities|domestic|categories)[^=\n]*="
        r"[^=\n]*\b(2011|2018|2022|56|75|CN|07)\b"
    )
    found = [
        f"{path.name}: {line.strip()}"
        for path in (ROOT / "src").rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if default.search(line) and "REMEDY" not in line
    ]
    assert not found


FAULTS = {
    "no study": ("[study]", "[studies]", "studies"),
    "no toml": ("[study]", "[study", "cannot be read as TOML"),
    "no name": ('name = "Inv', 'title = "Inv', "study.name"),
    "empty name": ('"Invented universities of Utopia"', '""', "study.name = ''"),
    "universities text": ("universities = 14", 'universities = "14"', "study.universities = '14'"),
    "universities float": ("universities = 14", "universities = 14.5", "universities = 14.5"),
    "one university": ("universities = 14", "universities = 1", "universities = 1:"),
    "too many": ("universities = 14", "universities = 5000", "universities = 5000"),
    "frame small": ("frame = 20", "frame = 12", "frame = 12: is less than universities = 14"),
    "frame absent": ("frame = 20", "", "study.frame"),
    "year text": ("first_year = 2006", 'first_year = "2006"', "first_year = '2006'"),
    "year short": ("first_year = 2006", "first_year = 6", "first_year = 6"),
    "year far": ("last_year = 2013", "last_year = 20130", "last_year = 20130"),
    "years reversed": ("last_year = 2013", "last_year = 2005", "last_year = 2005"),
    "treated first": ("treated = 2010", "treated = 2006", "first_treated = 2006"),
    "treated after": ("treated = 2010", "treated = 2014", "first_treated = 2014"),
    "treated true": ("treated = 2010", "treated = true", "first_treated = True"),
    "no category": ('["31", "32"]', "[]", "study.categories = []"),
    "category number": ('["31", "32"]', "[31, 32]", "study.categories = [31, 32]"),
    "category long": ('["31", "32"]', '["3101"]', "study.categories = ['3101']"),
    "category twice": ('["31", "32"]', '["31", "31"]', "'31' stands twice"),
    "category unknown": ('["31", "32"]', '["31", "07"]', "no discipline of '07'"),
    "home lower": ('["SG"]', '["sg"]', "study.domestic = ['sg']"),
    "home word": ('["SG"]', '["Utopia"]', "study.domestic = ['Utopia']"),
    "home plain": ('["SG"]', '"SG"', "study.domestic = 'SG'"),
    "home US": ('["SG"]', '["SG", "US"]', "doctorates from the US"),
    "grade": ('["A+", "A"]', '["A+", "AA"]', "'AA' is no grade"),
    "grade twice": ('["A+", "A"]', '["A", "A"]', "'A' stands twice"),
    "tables": ('tables = "."', 'tables = "elsewhere"', "disciplines.csv is not there"),
    "another key": ("frame = 20", "frame = 20\nfrist_year = 2006", "study.frist_year = 2006"),
    "another table": ("[study]", "[extra]\na = 1\n[study]", "extra"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_with_its_key_its_value_and_a_remedy(fault: str, tmp_path: Path) -> None:
    for path in SECOND.iterdir():
        shutil.copy(path, tmp_path)
    old, new, said = FAULTS[fault]
    text = (SECOND / "study.toml").read_text(encoding="utf-8")
    assert text.count(old) == 1
    path = tmp_path / "study.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(RegistryError) as caught:
        frame.load_study(path)
    assert str(path) in str(caught.value)
    assert said in str(caught.value)
    assert re.search(r"; \w+|: a file has", str(caught.value))


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("disciplines.csv", "3204,32", "3299,32", "lacks '3204'"),
        ("disciplines.csv", "name_zh", "name", "has no column name_zh"),
        ("ipc_discipline.csv", "discipline", "field", "has no column discipline"),
    ],
)
def test_tables_that_do_not_fit_are_refused(
    tmp_path: Path, file: str, old: str, new: str, said: str
) -> None:
    for path in SECOND.iterdir():
        shutil.copy(path, tmp_path)
    text = (tmp_path / file).read_text(encoding="utf-8")
    (tmp_path / file).write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(RegistryError, match=re.escape(said)):
        frame.load_study(tmp_path / "study.toml")


def test_the_second_study_shares_no_figure_with_the_shipped() -> None:
    ours, theirs = (
        tomllib.loads(path.read_text(encoding="utf-8"))["study"]
        for path in (frame.SHIPPED, SECOND / "study.toml")
    )
    assert [key for key in ours if ours[key] == theirs[key]] == ["tables"]
