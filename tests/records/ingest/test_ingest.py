"""Exports as vendors write them: one answer whatever the layout, every row accounted for."""

# ruff: noqa: E501

from pathlib import Path

import pandas as pd
import pytest

from replication.cli import main
from replication.panel.build import build_panel, read_records
from replication.records.ingest.run import UnconfirmedError, ingest
from replication.records.ingest.universities import default_universities
from tests.support import vendors
from tests.support.simulated import thin_panel
from tests.support.vendors import write_exports

HEAD = "序号,标题,公开（公告）号,申请号,申请日,申请人,IPC主分类号,IPC,当前法律状态,专利类型"


def of_2018(text: str) -> str:
    """Invented numbers of 2018: this file names no patent."""
    return text.replace("#", "2018")


ROWS = [
    '1,法,CN#1000000A,CN#10000002.X,20180104,"清华大学; 甲科技有限公司",H04L 29/06,,实审,发明申请',
    '2,法,CN#1000001B,CN#10000002.X,20180104,"清华大学; 甲科技有限公司",H04L 29/06,,授权,发明授权',
    "3,器,CN#2000002U,CN#20000011.1,20180105,东华大学; 乙厂,G01N21/00,,授权,实用新型",
    "4,法,CN#1000003A,CN#10000013.6,20180106,北京大学,A61K 31/00,,公开,发明申请",
    "5,法,CN#1000004A,ZL#10000014.0,2018/1/6,浙江大学;丙（中国）有限公司,C08L 1/00,,-,发明申请",
]
ROWS = [of_2018(row) for row in ROWS]
EXPORT = "\n".join([HEAD, *ROWS]) + "\n"
NUMBERS = [of_2018(number) for number in ("CN#10000002", "CN#10000013", "CN#10000014")]


def read(tmp_path: Path, **files: str | bytes) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Patents and sample flow of files, whose names have _ for the full stop."""
    folder = tmp_path / "exports"
    folder.mkdir()
    for name, content in files.items():
        raw = content if isinstance(content, bytes) else content.encode()
        (folder / name.replace("_", ".")).write_bytes(raw)
    flow = ingest(folder, tmp_path / "out", say=lambda _: None)
    return pd.read_parquet(tmp_path / "out" / "patents.parquet"), flow


@pytest.mark.parametrize(
    "content",
    [
        EXPORT,
        EXPORT.encode("utf-8-sig"),
        EXPORT.encode("gb18030"),
        EXPORT.replace(",", "\t").encode("utf-16"),
        "导出结果,,,,,,,,,\n" + EXPORT,
        EXPORT.replace("20180104", "43104"),
        EXPORT.replace(of_2018("CN#10000002.X"), of_2018(" cn #10000002x ")),
        EXPORT.replace(of_2018("CN#10000013.6"), "２０１８１００００１３６".replace("１００００", "１０００００")),
        EXPORT.replace("清华大学; 甲", "清華大學; 甲").replace("（中国）", "【中国】"),
        EXPORT.replace("北京大学", "\u200b北京大学。"),
        EXPORT.replace("清华大学; ", "清华大学、").replace("浙江大学;", "浙江大学|"),
        EXPORT.replace("清华大学; ", "清华大学\n"),
        EXPORT.replace("H04L 29/06", "h04l29/06(2006.01)i").replace("A61K", ";Int.Cl.8 A61K"),
    ],
    ids=[
        "UTF-8", "BOM", "GB18030", "UTF-16", "title", "serial", "blanks", "width", "traditional",
        "invisible", "separators", "line break", "IPC",
    ],
)  # fmt: skip
def test_one_answer_whatever_the_spelling(tmp_path, content):
    patents, flow = read(tmp_path, a_csv=content)
    assert list(patents["application"]) == NUMBERS
    assert list(patents["granted"]) == [True, False, False]
    assert list(patents["ipc"].str[:4]) == ["H04L", "A61K", "C08L"]
    assert list(patents["date"].dt.strftime("%Y%m%d")) == ["20180104", "20180106", "20180106"]
    assert patents["applicants"][0] == "清华大学;甲科技有限公司"
    assert list(patents["applicants"][1:]) == ["北京大学", "浙江大学;丙（中国）有限公司"]
    assert flow["rows"].sum() == 5


def test_the_main_symbol_comes_first_and_once(tmp_path):
    cells = EXPORT.replace("H04L 29/06,,", "H04L 29/06,G06F16/00；h04l29/06;A61K31/00,")
    patents, _ = read(tmp_path, a_csv=cells)
    assert patents["ipc"][0] == "H04L29/06;G06F16/00;A61K31/00"


def test_rows_of_two_files_are_one_application(tmp_path):
    patents, flow = read(tmp_path, a_csv=EXPORT, b_csv=EXPORT.encode("gb18030"))
    assert list(patents["application"]) == NUMBERS
    assert flow.groupby("file")["rows"].sum().to_dict() == {"a.csv": 5, "b.csv": 5}


def test_an_unknown_layout_stops_for_a_person_and_then_runs_through(tmp_path):
    known = ["申请号", "申请日", "申请人", "IPC主分类号"]
    english = ["Application No.", "Application date", "Applicant(s)", "IPC main"]
    content = EXPORT
    for zh, en in zip(known, english, strict=True):
        content = content.replace(f",{zh},", f",{en},", 1)
    with pytest.raises(UnconfirmedError, match=r"mapping\.toml"):
        read(tmp_path, a_csv=content)
    mapping = tmp_path / "out" / "mapping.toml"
    assert [path.name for path in mapping.parent.iterdir()] == ["mapping.toml"]
    proposed = mapping.read_text("utf-8")
    assert 'application = "Application No."' in proposed
    assert of_2018("CN#10000002.X") in proposed
    mapping.write_text(proposed.replace("confirmed = false", "confirmed = true"), "utf-8")
    ingest(tmp_path / "exports", tmp_path / "out", say=lambda _: None)
    found = pd.read_parquet(tmp_path / "out" / "patents.parquet")
    assert list(found["application"]) == NUMBERS


def test_types_of_the_yearly_files_go_before_the_rule(tmp_path):
    """丙厂商 is no firm by the rule, 丁集团 one; the types say the reverse."""
    head = "申请人类型,公开公告号,授权公告号,IPC分类号,申请号,申请日,申请人,专利类型"
    rows = [
        "大专院校；企业,CN#1001A,,A61K31/00,CN#10000021.0,20180101,清华大学；丙研究院,发明公开",
        "大专院校；个人,CN#1002A,,A61K31/00,CN#10000022.0,20180101,清华大学；丁集团,发明公开",
        "大专院校；企业,CN#1003A,,A61K31/00,CN#10000023.0,20180101,"
        "清华大学；东湖大学资产经营有限公司,发明公开",
    ]
    read(tmp_path, a_csv=of_2018("\n".join([head, *rows])))
    kinds = pd.read_parquet(tmp_path / "out" / "applicant_types.parquet")
    assert dict(zip(kinds["applicant"], kinds["kind"], strict=True)) == {
        "清华大学": "university",
        "丙研究院": "firm",
        "丁集团": "person",
        "东湖大学资产经营有限公司": "university_holding",
    }
    wrong = pd.read_csv(tmp_path / "out" / "errors_of_rule.csv").set_index("name")["error"]
    assert wrong.to_dict() == {
        "丙研究院": "a firm by type, no firm by name",
        "丁集团": "no firm by type, a firm by name",
    }


def test_near_names_go_to_a_list_and_no_further(tmp_path):
    patents, _ = read(tmp_path, a_csv=EXPORT.replace("北京大学", "北京大学工学院第二实验室"))
    near = pd.read_csv(tmp_path / "out" / "near_misses.csv")
    assert list(near["university"]) == ["北京大学"]
    assert patents["applicants"][1] == "北京大学工学院第二实验室"


def test_the_list_of_universities_is_the_ministrys(tmp_path):
    table = default_universities()
    assert len(table) == 75
    names = table.set_index("university")["applicant_names"]
    assert "浙江农业大学" in names["浙江大学"]


@pytest.mark.parametrize("vendor", vendors.PATENTS, ids=lambda one: one.__name__)
def test_simulated_records_in_a_vendors_layout_give_the_same_panel(tmp_path, vendor):
    folder = tmp_path / "exports"
    write_exports(folder, vendor)
    ingest(folder, tmp_path / "out", say=lambda _: None)
    panel, _ = build_panel(read_records(tmp_path / "out"))
    pd.testing.assert_frame_equal(panel, thin_panel(), check_exact=True)


def test_wrong_check_digits_are_counted_and_drop_nothing(tmp_path, capsys):
    """Digits times 2 to 9 and again from 2, modulo 11, as ZC 0006-2003 has it.

    By hand, for 2018 and the kind 54; then 2·5 makes 64, which leaves 9; 1·4 + 3·5 makes 73, which
    leaves 7; 1·4 + 4·5 makes 78, which leaves 1 and not the 0 of the file.
    """
    content = EXPORT.replace(of_2018("#10000002.X"), of_2018("#10000002.9"))
    content = content.replace(of_2018("#10000013.6"), of_2018("#10000013.7"))
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "a.csv").write_text(content, "utf-8")
    assert main(["ingest", str(tmp_path / "exports"), "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert f"check digits: 4, of them wrong: 1, first in row 6 ({of_2018('ZL#10000014.0')})" in said
    patents = pd.read_parquet(tmp_path / "out" / "patents.parquet")
    assert list(patents["application"]) == NUMBERS


def test_commands(tmp_path, capsys):
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "a.csv").write_text(EXPORT, "utf-8")
    assert main(["ingest", str(tmp_path / "exports"), "--out", str(tmp_path / "out")]) == 0
    assert "another publication" in capsys.readouterr().out
    assert main(["validate", str(tmp_path / "exports" / "a.csv")]) == 0
    assert "incoPat, 5 rows" in capsys.readouterr().out
