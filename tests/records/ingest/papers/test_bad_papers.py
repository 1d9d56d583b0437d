"""Exports of papers that are wrong as exports are: refused by file, place and remedy."""

# ruff: noqa: E501

import json

import pytest

from replication.cli import main
from tests.records.ingest.papers.test_papers import (
    CNKI,
    FLAT,
    HEAD,
    LINES,
    PLAIN,
    WORKS,
    WOS,
    html,
    put,
)

FIRST = HEAD + "\n" + LINES[0]
WORK = json.dumps(WORKS[0])
BAD: dict[str, tuple[str, str | bytes, str]] = {
    "no categories": ("a.txt", WOS.replace("\tWC\t", "\tXX\t"), "no column WC (Web of Science): export the full record"),
    "no addresses": ("a.txt", WOS.replace("\tC1\t", "\tXX\t"), "no column C1"),
    "year in words": ("a.txt", WOS.replace("\t2018\t", "\tin press\t"), "row 2, column 'PY': 'in press' is no year"),
    "year 218": ("a.txt", WOS.replace("\t2018\t", "\t0218\t"), "row 2, column 'PY': '0218' is no year"),
    "two DOIs": ("a.txt", FIRST + "\n" + LINES[0].replace("10.1000/ABC.1", "10.1000/other") + "\n",
        "row 3, column 'DI': the paper WOS:000001 has two DOIs, 10.1000/abc.1 and 10.1000/other"),
    "cut off": ("a.txt", WOS + LINES[0][:60], "line 6"),
    "header twice": ("a.txt", WOS + WOS, "both look like a header"),
    "same tag twice in the header": ("a.txt", WOS.replace("\tAB\t", "\tPY\t"), "are both named 'PY'"),
    "plain text cut off": ("a.txt", PLAIN[:700], "no ER and EF at the end"),
    "plain text without its end": ("a.txt", PLAIN.replace("EF\n", ""), "no ER and EF at the end"),
    "two files in one": ("a.txt", PLAIN + PLAIN, "line 47: goes on after EF"),
    "no end of a record": ("a.txt", PLAIN.replace("ER\n\n", "", 1), "line 16, field PT: is there twice in the record that begins in line 3"),
    "line without tag": ("a.txt", PLAIN.replace("   gears", "gears"), "line 7: 'gears' begins with no field tag"),
    "CNKI without class": ("c.txt", CNKI.replace("CLC-中图分类号", "Fund-基金"), "no column CLC-中图分类号"),
    "CNKI of two records in one": ("c.txt", CNKI.replace("SrcDatabase-来源库: 期刊\nTitle-题名: 波", "Title-题名: 波"),
        "line 12, field Title-题名: is there twice in the record that begins in line 1"),
    "CNKI cut at its head": ("c.txt", CNKI.replace("SrcDatabase-来源库: 期刊\n", "", 1), "line 1: a record begins with Title-题名"),
    "CNKI as HTML cut off": ("c.xls", html(CNKI)[:300], "its table of HTML does not end"),
    "HTML of two tables": ("c.xls", html(CNKI) + "<table><tr><td>x</td></tr></table>", "2 tables of HTML"),
    "HTML with a cell too many": ("c.xls", html(CNKI).replace("<td>波", "<td>x</td><td>波"), "row 3: 10 cells under 9 headers"),
    "old workbook": ("c.xls", b"\xd0\xcf\x11\xe0", "save it as .xlsx"),
    "NoteExpress": ("c.txt", "{Reference Type}: Journal Article\n{Title}: 波\n", "line 1: is in the format of NoteExpress"),
    "RefWorks": ("c.txt", "RT Journal Article\nT1 波\n", "line 1: is in the format of RefWorks"),
    "RIS": ("c.ris", "TY  - JOUR\n", "it has no class of a paper"),
    "work a line, one cut off": ("w.jsonl", WORK + "\n" + WORK[:80] + "\n", "line 2"),
    "work without number": ("w.jsonl", json.dumps({**WORKS[0], "id": "https://openalex.org/A1"}) + "\n",
        "row 1, column 'id': 'https://openalex.org/A1' is no number of a paper"),
    "one document": ("w.json", "[]", "write a work a line"),
    "country in words": ("w.csv", FLAT.replace("CN|US", "China|US"), "row 2, column 'authorships.countries': 'CHINA|US' are no codes"),
    "no countries": ("w.csv", FLAT.replace("authorships.countries", "x"), "no column authorships.countries"),
    "no topic": ("w.csv", FLAT.replace("primary_topic.subfield.display_name", "x"), "no column primary_topic.subfield"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_refused_by_place_and_nothing_written(name, tmp_path, capsys):
    file, content, said = BAD[name]
    folder = put(tmp_path, **{file.replace(".", "_"): content})
    out = tmp_path / "out"
    assert main(["ingest", str(folder), "--out", str(out)]) == 2
    assert not out.exists()
    message = capsys.readouterr().err
    assert said in message
    assert file in message
    assert "Traceback" not in message


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('[disciplines]\nOptics = "803"', "disciplines, 'Optics' = '803': is no discipline"),
        (
            '[disciplines]\nOptics = "Physics"',
            "'Physics': is no discipline of the study: write a code",
        ),
        ("[disciplines]\nOptics = 803", "disciplines, Optics: Input should be a valid string"),
        ('[disciplines]\nOptics = "0803"\nOptics = "0802"', "cannot be read as TOML"),
        ('[discipline]\nOptics = "0803"', "Extra inputs are not permitted"),
        ('[countries]\nAtlantis = "XX"', "countries, 'Atlantis' = 'XX': is no code of ISO 3166"),
        ('[disciplines]\nOptics = "0803"', "asks which discipline 1 categories"),
    ],
)
def test_a_mapping_that_is_wrong(table, said, tmp_path, capsys):
    folder = put(tmp_path, savedrecs_txt=WOS)
    mapping = tmp_path / "mine.toml"
    mapping.write_text(table + "\n", "utf-8")
    options = ["ingest", str(folder), "--out", str(tmp_path / "out"), "--mapping", str(mapping)]
    assert main(options) == 2
    message = capsys.readouterr().err
    assert said in message
    assert "mine.toml" in message
    assert not (tmp_path / "out").exists()
