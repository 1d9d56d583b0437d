"""Small awkward exports that are kept beside the checkout: one answer, whatever the spelling.

Each holds the same five rows: two publications of one application of Tsinghua with a firm, one
utility model, one of Peking University without a firm, one of Zhejiang with a firm.
"""

from pathlib import Path

import pandas as pd
import pytest

from replication.config import ROOT
from replication.panel.applicants import FIRM, OURS, applicants
from replication.panel.engine import open_engine
from replication.records.ingest.run import UnconfirmedError, ingest

CASES = ROOT.parent / "shared" / "cases"
FILES = [
    "applicants_comma.csv",
    "applicants_dun.csv",
    "applicants_fullwidth_comma.csv",
    "applicants_newline.csv",
    "applicants_pipe.csv",
    "applicants_slash.csv",
    "dates_excel_serial.csv",
    "header_halfwidth_english.csv",
    "ipc_spellings.csv",
    "merged_header.csv",
    "names_english.csv",
    "names_spellings.csv",
    "numbers_spellings.csv",
    "vendor_gb18030.csv",
    "vendor_utf16.txt",
    "vendor_utf8_bom.csv",
    "yearly_database_2018.csv",
]

pytestmark = pytest.mark.skipif(
    not CASES.is_dir(),
    reason="made-up exports lie beside the authors' checkout: run it there",
)


def read(name: str, tmp_path: Path) -> Path:
    """Records of one case file; what has to be confirmed is confirmed."""
    exports, out = tmp_path / "exports", tmp_path / "out"
    exports.mkdir()
    (exports / name).write_bytes((CASES / name).read_bytes())
    try:
        ingest(exports, out, say=lambda _: None)
    except UnconfirmedError:
        mapping = out / "mapping.toml"
        proposed = mapping.read_text("utf-8")
        mapping.write_text(proposed.replace("confirmed = false", "confirmed = true"), "utf-8")
        ingest(exports, out, say=lambda _: None)
    return out


def joint(out: Path) -> dict[str, int]:
    """Applications of each university with a firm, by types where there are some, else by R15."""
    patents = pd.read_parquet(out / "patents.parquet").assign(repetition=0)
    typed = out / "applicant_types.parquet"
    with open_engine("duckdb", None) as engine:
        named = {"p": patents, "u": pd.read_parquet(out / "universities.parquet")}
        named |= {"t": pd.read_parquet(typed)} if typed.is_file() else {}
        tables = {name: engine.table(name, table) for name, table in named.items()}
        found = applicants(tables["p"], tables["u"], engine.keep, tables.get("t"))
        who = found.of("university", "kind").to_pandas()
    sides = who.groupby(who.columns[0])["kind"].agg(set)
    both = sides.index[[{OURS, FIRM} <= kinds for kinds in sides]]
    ours = who[who.iloc[:, 0].isin(both) & (who["kind"] == OURS)]
    return ours["university"].value_counts().to_dict()


def test_every_case_is_read() -> None:
    assert sorted(p.name for p in CASES.iterdir() if p.suffix in {".csv", ".txt"}) == FILES


@pytest.mark.parametrize("name", FILES)
def test_a_case_gives_the_answer_that_is_right(name: str, tmp_path: Path) -> None:
    out = read(name, tmp_path)
    patents = pd.read_parquet(out / "patents.parquet")
    numbers = [f"CN2018{n:08d}" for n in (10000002, 10000013, 10000014)]
    assert patents["application"].tolist() == numbers
    assert patents["date"].dt.strftime("%Y-%m-%d").tolist() == [
        "2018-01-04",
        "2018-01-06",
        "2018-01-06",
    ]
    assert patents["granted"].tolist() == [True, False, False]
    first = patents["ipc"].str.extract(r"^([A-H]\d\d[A-Z])")[0].tolist()
    assert first == ["H04L", "A61K", "C08L"]
    assert joint(out) == {"清华大学": 1, "浙江大学": 1}
    flow = pd.read_csv(out / "sample_flow.csv")
    assert flow.set_index("reason")["rows"].to_dict() == {
        "kept": 3,
        "another publication of an application read before": 1,
        "utility model or design, no invention": 1,
    }


def test_near_names_are_listed_and_credited_to_nobody(tmp_path: Path) -> None:
    near = pd.read_csv(read("yearly_database_2018.csv", tmp_path) / "near_misses.csv")
    assert near[["name", "university"]].values.tolist() == [["北京大学第三医院", "北京大学"]]
