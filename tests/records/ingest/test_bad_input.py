"""Exports that are wrong as exports are: each refused by file, place and remedy."""

# ruff: noqa: E501

import zipfile
from pathlib import Path

import pandas as pd
import pytest

from replication.cli import main
from tests.records.ingest.test_ingest import EXPORT, HEAD, ROWS, of_2018

HIRES = "hire,university,discipline,year,doctorate_country\n"
EXCHANGE = (
    "university,year,coop_sent,coop_received,conf_attended,conf_papers,conf_invited,conf_hosted\n"
)


def cell(column: str, value: str) -> str:
    """The export with one cell of its last row changed."""
    cells = ROWS[-1].split(",")
    cells[HEAD.split(",").index(column)] = value
    return "\n".join([HEAD, *ROWS[:-1], ",".join(cells)]) + "\n"


LATIN = (
    EXPORT.replace("东华大学; ", "东华大学，")
    .replace("; ", ", ")
    .replace("清华大学", "TSINGHUA UNIVERSITY")
)
LATIN = LATIN.replace("甲科技有限公司", "JIA TOOLS").replace(";", "，")
BAD: dict[str, tuple[str, str | bytes, str]] = {
    "empty file": ("a.csv", "", "is empty"),
    "old workbook": ("a.xls", "x", "save it as .xlsx"),
    "zip": ("a.zip", "x", "unpack it"),
    "gzip": ("a.gz", "x", "unpack it"),
    "document": ("a.docx", "x", "are not read"),
    "no suffix": ("a", "x", "without a suffix"),
    "no workbook": ("a.xlsx", "x", "is no workbook"),
    "no parquet": ("a.parquet", "PAR1", "cannot be read as Parquet"),
    "mixed encodings": ("a.csv", EXPORT.encode() + ROWS[-1].encode("gb18030"), "line 7"),
    "mark and other encoding": ("a.csv", b"\xef\xbb\xbf" + EXPORT.encode("gb18030"), "line 1"),
    "zero byte": ("a.csv", EXPORT.encode() + b"\0\n", "line 7: holds a byte of value 0"),
    "UTF-16 without mark": ("a.csv", EXPORT.encode("utf-16-le"), "UTF-16 without its mark"),
    "UTF-16 cut off": ("a.txt", EXPORT.replace(",", "\t").encode("utf-16")[:-1], "UTF-16"),
    "GB18030 damaged": ("a.csv", EXPORT.encode("gb18030") + b"\xff\xff\n", "neither UTF-8 nor GB"),
    "one column": ("a.csv", "申请号\n", "columns cannot be told apart"),
    "no header": ("a.csv", "\n".join(ROWS), "none looks like a header"),
    "two headers": ("a.csv", "\n".join([HEAD, ROWS[0], HEAD, ROWS[1]]), "rows 1 and 3: both look like"),
    "million columns": ("a.csv", "申请号,申请日," + ",".join(f"x{i}" for i in range(2000)) + "\n",
        "2,002 columns"),
    "cut off": ("a.csv", EXPORT + "6,法,CN1", "line 7"),
    "row too long": ("a.csv", EXPORT + ROWS[-1] + ",x,y\n", "line 7"),
    "quote not closed": ("a.csv", EXPORT + '6,"法,CN1\n', "quotation mark"),
    "quote within": ("a.csv", EXPORT.replace(",器,", ',"器"x,'), "quotation mark"),
    "same header twice": ("a.csv", EXPORT.replace("标题", "申请号"), "are both named '申请号'"),
    "same header twice, by width": ("a.csv", EXPORT.replace("标题", "申 请 号"), "are both named"),
    "unknown vendor": ("a.csv", "甲,乙,丙\n1,2,3\n", "mapping.toml"),
    "unknown vendor, English": ("a.csv", "one,two,three\n1,2,3\n", "mapping.toml"),
    "number rounded": ("a.csv", cell("申请号", "2.01810E+11"), "row 6, column '申请号'"),
    "number of nothing": ("a.csv", cell("申请号", "CN见附件"), "is no number of an application"),
    "number without office": (
        "a.csv", cell("申请号", "1234567").replace(of_2018("CN#1000004A"), ""), "is of no office"),
    "date of two ways": ("a.csv", cell("申请日", "06/01/2018"), "row 6, column '申请日'"),
    "thirteenth month": ("a.csv", cell("申请日", "2018-13-01"), "'2018-13-01' is no date"),
    "thirtieth of February": ("a.csv", cell("申请日", "20180230"), "'20180230' is no date"),
    "date of a year": ("a.csv", cell("申请日", "2018"), "is no date"),
    "date in words": ("a.csv", cell("申请日", "Jan 6, 2018").replace("Jan 6, 2018", "Jan 6 2018"),
        "is no date"),
    "date of a day that is no day": ("a.csv", cell("申请日", "00000000"), "is no date"),
    "year 3018": ("a.csv", cell("申请日", "30180106"), "is no date of a patent"),
    "year 218": ("a.csv", cell("申请日", "0218-01-06"), "is no date of a patent"),
    "no symbol": ("a.csv", cell("IPC主分类号", "未分类"), "holds no IPC symbol"),
    "symbol without letter": ("a.csv", cell("IPC主分类号", "08L 1/00"), "holds no IPC symbol"),
    "commas between Latin names": ("a.csv", LATIN, "a comma separates names, or is part of one"),
    "no grant": (
        "a.csv", "申请号,申请日,申请人\n", "mapping.toml"),
    "hires: no year": ("h.csv", HIRES + "H1,U1,0701,,US\n", "row 2, column 'year'"),
    "hires: words": ("h.csv", HIRES + "H1,U1,0701,二〇,US\n", "row 2, column 'year'"),
    "hires: half a year": ("h.csv", HIRES + "H1,U1,0701,2018.5,US\n", "is no whole number"),
    "hires: discipline": ("h.csv", HIRES + "H1,U1,701,2018,US\n", "'701' breaks the rule"),
    "hires: country": ("h.csv", HIRES + "H1,U1,0701,2018,USA\n", "'USA' breaks the rule"),
    "hires: no country": ("h.csv", HIRES + "H1,U1,0701,2018,\n", "is empty in row 0"),
    "hires: no university": ("h.csv", HIRES + "H1,,0701,2018,US\n", "is empty in row 0"),
    "hires: no rows": ("h.csv", HIRES, "no rows"),
    "hires: year 20189": ("h.csv", HIRES + "H1,U1,0701,20189,US\n", "breaks the rule"),
    "exchange: subtotal": ("e.csv", EXCHANGE + "U1,2018,1,1,1,1,1,1\n合计,,1,1,1,1,1,1\n", "row 3"),
    "exchange: negative": ("e.csv", EXCHANGE + "U1,2018,-1,1,1,1,1,1\n", "breaks the rule"),
    "exchange: twice": ("e.csv", EXCHANGE + "U1,2018,1,1,1,1,1,1\n" * 2, "have the same key"),
    "exchange: fraction": ("e.csv", EXCHANGE + "U1,2018,1.5,1,1,1,1,1\n", "is no whole number"),
    "exchange: n/a": ("e.csv", EXCHANGE + "U1,2018,n/a,1,1,1,1,1\n", "'n/a' is no whole number"),
    "exchange: cut off": ("e.csv", EXCHANGE + "U1,2018,1,1\n", "line 2"),
    "exchange: both languages": (
        "e.csv", EXCHANGE.replace("\n", ",年份\n") + "U1,2018,1,1,1,1,1,1,2018\n", "2 times"),
    "grades: unknown": ("g.csv", "university,discipline,grade\nU1,0701,D\n", "'D' breaks the rule"),
    "grades: twice": ("g.csv", "university,discipline,grade\nU1,0701,A\nU1,0701,B\n", "same key"),
    "papers: country": (
        "p.csv", "paper,university,discipline,year,partner_countries\nP,U1,0701,2018,Mars\n",
        "breaks the rule"),
}  # fmt: skip


def refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    out = tmp_path / "out"
    assert main(["ingest", str(tmp_path / "exports"), "--out", str(out)]) == 2
    left = {path.name for path in out.iterdir()} if out.is_dir() else set()
    assert left <= {"mapping.toml"}
    return capsys.readouterr().err


@pytest.mark.parametrize("name", BAD)
def test_refused_by_name_and_nothing_written(name, tmp_path, capsys):
    file, content, said = BAD[name]
    (tmp_path / "exports").mkdir()
    raw = content if isinstance(content, bytes) else content.encode()
    (tmp_path / "exports" / file).write_bytes(raw)
    message = refused(tmp_path, capsys)
    assert said in message
    assert said == "mapping.toml" or file in message
    assert "Traceback" not in message


def test_link_out_of_the_folder(tmp_path, capsys):
    (tmp_path / "exports").mkdir()
    (tmp_path / "a.csv").write_text(EXPORT, "utf-8")
    (tmp_path / "exports" / "a.csv").symlink_to(tmp_path / "a.csv")
    assert "outside of the folder" in refused(tmp_path, capsys)


def test_zip_bomb(tmp_path, capsys):
    (tmp_path / "exports").mkdir()
    with zipfile.ZipFile(tmp_path / "exports" / "a.xlsx", "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("xl/worksheets/sheet1.xml", bytes(2**10))
        book.infolist()[0].file_size = 260 * 2**23  # what the directory of the archive says
    assert "would unfold to" in refused(tmp_path, capsys)


def test_formula_cell(tmp_path, capsys):
    (tmp_path / "exports").mkdir()
    with zipfile.ZipFile(tmp_path / "exports" / "a.xlsx", "w") as book:
        book.writestr("xl/worksheets/sheet1.xml", '<row><c r="B5"><f>SUM(A1)</f></c></row>')
    assert "cell B5: is a formula" in refused(tmp_path, capsys)


def test_no_folder_and_no_files(tmp_path, capsys):
    assert "is no folder" in refused(tmp_path, capsys)
    (tmp_path / "exports").mkdir()
    assert "holds no file" in refused(tmp_path, capsys)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ('application = "申请号"\n', "no column for application"),
        ('date = "申请日"|date = "申请号"', "mapped twice"),
        ('date = "申请日"|date = "日"', "no column '日'"),
        ("confirmed = false|confirmed = maybe", "cannot be read as TOML"),
        ("confirmed = false|sure = true", "field 'confirmed': Field required"),
        ("confirmed = false|confirmed = false\nsure = true", "field 'sure': Extra inputs"),
    ],
)
def test_mapping_that_is_wrong(change, said, tmp_path, capsys):
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "a.csv").write_text("申请号,申请日,申请人,类型\n1,2,3,4\n", "utf-8")
    refused(tmp_path, capsys)
    mapping = tmp_path / "out" / "mapping.toml"
    old, _, new = change.partition("|")
    text = mapping.read_text("utf-8")
    assert old in text
    mapping.write_text(text.replace(old, new), "utf-8")
    assert said in refused(tmp_path, capsys)


def test_a_file_of_the_readers_own_is_not_overwritten(tmp_path, capsys):
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "a.csv").write_text(EXPORT, "utf-8")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "patents.parquet").write_text("mine", "utf-8")
    assert main(["ingest", str(tmp_path / "exports"), "--out", str(tmp_path / "out")]) == 2
    assert (tmp_path / "out" / "patents.parquet").read_text("utf-8") == "mine"


def test_namibia_is_no_gap(tmp_path):
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "h.csv").write_text(HIRES + "H1,U1,0701,2018,NA\n", "utf-8")
    assert main(["ingest", str(tmp_path / "exports"), "--out", str(tmp_path / "out")]) == 0
    hires = pd.read_parquet(tmp_path / "out" / "hires.parquet")
    assert list(hires["doctorate_country"]) == ["NA"]
