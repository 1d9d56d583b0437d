"""Awkward exports in vendors' shapes, each by the command; what is right is written beside them."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from replication.cli import main
from replication.config import ROOT
from replication.panel.applicants import FIRM, applicants
from replication.panel.engine import open_engine
from tests.records.ingest.test_ingest import NUMBERS

CASES = ROOT.parent / "shared" / "cases"
ENGLISH, YEARLY = "header_halfwidth_english.csv", "yearly_database_2018.csv"
SIGNS = ("comma", "dun", "fullwidth_comma", "newline", "pipe", "slash")
FILES = [
    *(f"applicants_{sign}.csv" for sign in SIGNS),
    *("dates_excel_serial.csv", ENGLISH, "ipc_spellings.csv", "merged_header.csv"),
    *("names_english.csv", "names_spellings.csv", "numbers_spellings.csv"),
    *("vendor_gb18030.csv", "vendor_utf16.txt", "vendor_utf8_bom.csv", YEARLY),
]  # fmt: skip


def ingested(name: str, tmp_path: Path) -> Path:
    """Records of one file, by the command; a mapping is confirmed as it is proposed."""
    if not (CASES / name).is_file():
        pytest.skip("the shared cases are not here; test_ingest has files of the same shapes")
    exports, out = tmp_path / "exports", tmp_path / "out"
    exports.mkdir()
    shutil.copy(CASES / name, exports)
    command = ["ingest", str(exports), "--out", str(out)]
    if name == ENGLISH:
        assert main(command) == 2
        assert [path.name for path in out.iterdir()] == ["mapping.toml"]
        mapping = out / "mapping.toml"
        text = mapping.read_text("utf-8").replace("confirmed = false", "confirmed = true")
        mapping.write_text(text, "utf-8")
    assert main(command) == 0
    return out


def joint_with_a_firm(records: Path) -> dict[str, int]:
    """Applications of each university with a firm, as the builder counts applicants."""
    tables = {
        path.stem: pd.read_parquet(path)
        for path in records.glob("*.parquet")
        if path.stem in ("patents", "universities", "applicant_types")
    }
    tables["patents"]["repetition"] = 0
    with open_engine("duckdb", None) as engine:
        t = {name: engine.table(name, table) for name, table in tables.items()}
        who = applicants(t["patents"], t["universities"], engine.keep, t.get("applicant_types"))
        named = who.of("university", "kind").to_pandas()
    firm = named.groupby("row")["kind"].transform(lambda kinds: FIRM in set(kinds))
    return named[firm].dropna(subset="university").groupby("university").size().to_dict()


@pytest.mark.parametrize("name", FILES)
def test_one_answer_for_every_case(name, tmp_path):
    records = ingested(name, tmp_path)
    patents = pd.read_parquet(records / "patents.parquet")
    assert list(patents["application"]) == NUMBERS
    assert list(patents["granted"]) == [True, False, False]
    assert list(patents["ipc"].str[:4]) == ["H04L", "A61K", "C08L"]
    assert joint_with_a_firm(records) == {"清华大学": 1, "浙江大学": 1}
    flow = pd.read_csv(records / "sample_flow.csv").set_index("reason")["rows"]
    assert flow.to_dict() == {
        "kept": 3,
        "another publication of an application read before": 1,
        "utility model or design, no invention": 1,
    }


def test_there_is_no_case_without_a_test():
    if not CASES.is_dir():
        pytest.skip("the shared cases are not here; test_ingest has files of the same shapes")
    there = {path.name for path in CASES.iterdir()} - {"README.md"}
    assert there == set(FILES)


def test_the_type_decides_of_a_firm_whose_name_ends_like_an_institutes(tmp_path):
    records = ingested(YEARLY, tmp_path)
    kinds = pd.read_parquet(records / "applicant_types.parquet").set_index("applicant")["kind"]
    assert kinds["丙研究院股份有限公司"] == "firm"
    assert kinds["北京大学第三医院"] != "firm"
