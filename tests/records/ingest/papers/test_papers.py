"""Papers as Web of Science, OpenAlex and CNKI export them: one table, every row accounted for."""

# ruff: noqa: E501

import json
import re
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from replication.cli import main
from replication.records.classify import load_disciplines
from replication.records.columns import COUNTRY
from replication.records.ingest.papers.match import (
    Matcher,
    countries,
    discipline_of,
    is_unit,
    uniform,
)
from replication.records.ingest.run import UnconfirmedError, ingest
from replication.records.ingest.universities import default_universities
from replication.records.schema import RECORDS
from replication.records.validation import validate
from tests.support.simulated import SMALL, tables
from tests.support.xlsx import write_xlsx

# A quotation mark stands within two cells, and begins one of them.
HEAD = "PT\tAU\tTI\tSO\tAB\tC1\tC3\tDI\tPY\tEY\tWC\tUT"
LINES = [
    'J\tLi, A; Smith, B\t"Smart" gears\tGEAR J\tof 1" steel\t[Li, A; Wu, B] Tsinghua Univ, Dept Mech Engn, '
    "Beijing 100084, Peoples R China; [Smith, B] MIT, Dept Phys, Cambridge, MA 02139 USA\t\t10.1000/ABC.1\t2018\t\t"
    "Engineering, Mechanical; Optics\tWOS:000001",
    "J\tLi, A\tWaves\tWAVE J\t\t[Li, A] Huazhong Univ Sci & Technol, Wuhan, Peoples R China; [X, Y] Univ Hong Kong, "
    "Hong Kong, Peoples R China\t\t\t\t2019\tMechanics\tWOS:000002",
    "J\tRoe, Z\tBoston\tX J\t\t[Roe, Z] Northeastern Univ, Boston, MA 02115 USA\tNortheastern University\t\t2017\t\t"
    "Optics\tWOS:000003",
    "J\tLi, A\tOld\tX J\t\tPeking Univ, Beijing, Peoples R China.\t\t\t2016\t\tLaw\tWOS:000004",
]  # fmt: skip
WOS = "\n".join([HEAD, *LINES]) + "\n"
PLAIN = """FN Clarivate Analytics Web of Science
VR 1.0
PT J
AU Li, A
   Smith, B
TI "Smart"
   gears
SO GEAR J
C1 [Li, A; Wu, B] Tsinghua Univ, Dept Mech Engn, Beijing 100084, Peoples R China.
   [Smith, B] MIT, Dept Phys, Cambridge, MA 02139 USA.
DI 10.1000/abc.1
PY 2018
WC Engineering,
   Mechanical; Optics
UT WOS:000001
ER

PT J
TI Waves
SO WAVE J
C1 [Li, A] Huazhong Univ Sci & Technol, Wuhan, Peoples R China.
   [X, Y] Univ Hong Kong, Hong Kong, Peoples R China.
EY 2019
WC Mechanics
UT WOS:000002
ER

PT J
TI Boston
SO X J
C1 [Roe, Z] Northeastern Univ, Boston, MA 02115 USA.
PY 2017
WC Optics
UT WOS:000003
ER

PT J
TI Old
SO X J
C1 Peking Univ, Beijing, Peoples R China.
PY 2016
WC Law
UT WOS:000004
ER

EF
"""
CNKI = """SrcDatabase-来源库: 期刊
Title-题名: 齿轮
Author-作者: 甲;乙;
Organ-单位: 清华大学机械工程系;美国麻省理工学院;吉林大学珠海学院;
Source-文献来源: 齿轮学报
Summary-摘要: 第一行
第二行
PubTime-发表时间: 2018-06-15 09:30
Year-年: 2018
CLC-中图分类号: TH132.41;O43

SrcDatabase-来源库: 期刊
Title-题名: 波
Author-作者: 丙;
Organ-单位: 北京大学;
Source-文献来源: 力学学报
PubTime-发表时间: 2019-06-15
CLC-中图分类号: O35
"""
ANSWERS = {
    "Optics": "0803", "Law": "drop", "Gear Theory": "0802", "Wave Theory": "0801",
    "TH1": "0802", "O4": "0803", "O3": "0801",
}  # fmt: skip


def work(
    number: str, names: list[tuple[str, str]], topic: str, **more: object
) -> dict[str, object]:
    """A work of OpenAlex as its interface gives it."""
    places = [{"display_name": name, "country_code": code} for name, code in names]
    return {
        "id": f"https://openalex.org/{number}", "doi": None, "title": number, "publication_year": 2018,
        "authorships": [{"institutions": [p], "countries": [p["country_code"]]} for p in places],
        "primary_topic": {"display_name": "x", "subfield": {"display_name": topic}}, **more,
    }  # fmt: skip


WORKS = [
    work(
        "W1",
        [("Tsinghua University", "CN"), ("MIT", "US")],
        "Gear Theory",
        doi="https://doi.org/10.1000/abc.1",
    ),
    work("W2", [("Northeastern University", "US"), ("Peking University", "CN")], "Wave Theory"),
]
FLAT = (
    "id,display_name,publication_year,doi,authorships.institutions.display_name,authorships.countries,"
    "primary_topic.subfield.display_name\n"
    "https://openalex.org/W1,Gears,2018,https://doi.org/10.1000/abc.1,Tsinghua University|MIT,CN|US,Gear Theory\n"
    "https://openalex.org/W2,Waves,2018,,Northeastern University|Peking University,US|CN,Wave Theory\n"
)


def put(tmp_path: Path, **files: str | bytes) -> Path:
    """Folder of files, whose names have _ for the full stop."""
    folder = tmp_path / "exports"
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        raw = content if isinstance(content, bytes) else content.encode()
        (folder / name.replace("_", ".")).write_bytes(raw)
    return folder


def read(tmp_path: Path, **files: str | bytes) -> tuple[list[tuple[object, ...]], pd.DataFrame]:
    """Rows of the table of papers, and sample flow, after a person has answered."""
    folder, out = put(tmp_path, **files), tmp_path / "out"
    with pytest.raises(UnconfirmedError):
        ingest(folder, out, say=lambda _: None)
    answer(out / "mapping.toml")
    flow = ingest(folder, out, say=lambda _: None)
    table = validate(pd.read_parquet(out / "papers.parquet"), RECORDS["papers"], "papers")
    assert flow.groupby("file")["rows"].sum().index.tolist() == sorted(
        p.name for p in folder.iterdir()
    )
    return list(table.sort_values(["paper", "discipline"]).itertuples(index=False, name=None)), flow


def answer(mapping: Path) -> None:
    """Fill what is asked."""
    text = mapping.read_text("utf-8")
    for key, value in ANSWERS.items():
        text = text.replace(f'"{key}" = ""', f'"{key}" = "{value}"')
    assert '= ""' not in text
    mapping.write_text(text, "utf-8")


OF_WOS = [
    ("10.1000/abc.1", "清华大学", "0802", 2018, "US"),
    ("10.1000/abc.1", "清华大学", "0803", 2018, "US"),
    ("WOS:000002", "华中科技大学", "0801", 2019, "HK"),
]


@pytest.mark.parametrize(
    "content",
    [
        WOS.encode("utf-8-sig"),
        WOS.encode("utf-16"),
        WOS.replace("\n", "\r\n"),
        "\n".join([HEAD, *(line + "\t" for line in LINES)]) + "\n",
        PLAIN.encode("utf-8-sig"),
        PLAIN.replace("\n", "\r\n"),
    ],
    ids=["BOM", "UTF-16", "CRLF", "a tab too many", "plain text", "plain text, CRLF"],
)
def test_web_of_science(tmp_path, content):
    rows, flow = read(tmp_path, savedrecs_txt=content)
    assert rows == OF_WOS
    reasons = flow.set_index("reason")["rows"].to_dict()
    assert reasons == {
        "kept": 2,
        "no university of the sample among the addresses": 1,
        "category that the mapping drops": 1,
    }


def test_web_of_science_as_a_workbook(tmp_path):
    names = [
        "UT (Unique WOS ID)",
        "Article Title",
        "Source Title",
        "Addresses",
        "DOI",
        "Publication Year",
    ]
    own = dict(
        zip(HEAD.split("\t"), zip(*(line.split("\t") for line in LINES), strict=True), strict=True)
    )
    years = [int(year) if year else None for year in own["PY"]]
    columns = [
        own["UT"],
        own["TI"],
        own["SO"],
        own["C1"],
        own["DI"],
        years,
        [None, "JAN 2019", None, None],
        own["WC"],
    ]
    (tmp_path / "exports").mkdir()
    rows = [[*names, "Early Access Date", "WoS Categories"], *map(list, zip(*columns, strict=True))]
    write_xlsx(tmp_path / "exports" / "savedrecs.xlsx", {"savedrecs": rows})
    assert read(tmp_path)[0] == OF_WOS


@pytest.mark.parametrize("form", ["lines", "parquet", "csv"])
def test_openalex(tmp_path, form):
    """A university of Boston has the name of one of Shenyang: its country tells, or it is nobody."""
    if form == "lines":
        files = {"works_jsonl": "".join(json.dumps(one) + "\n" for one in WORKS)}
    elif form == "csv":
        files = {"works_csv": FLAT}
    else:
        parquet.write_table(pa.Table.from_pylist(WORKS), tmp_path / "works")
        files = {"works_parquet": (tmp_path / "works").read_bytes()}
    rows, flow = read(tmp_path, **files)
    assert rows == [
        ("10.1000/abc.1", "清华大学", "0802", 2018, "US"),
        ("W2", "北京大学", "0801", 2018, "US"),
    ]
    assert flow["rows"].sum() == 2


def test_a_name_that_is_abroad_too_is_dropped_with_its_reason(tmp_path):
    lines = FLAT.replace("|Peking University", "|Fuzhou University")
    _, flow = read(tmp_path, works_csv=lines)
    assert flow.set_index("reason")["rows"]["a university whose name one abroad has too"] == 1


def html(text: str) -> str:
    """The same records as CNKI's table of HTML."""
    records = [dict(re.findall(r"^(\S+-\S+?): (.*)$", one, re.M)) for one in text.split("\n\n")]
    heads = list(records[0])
    body = [heads, *([one.get(head, "") for head in heads] for one in records)]
    lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in body)
    return f"<html><head><meta charset='utf-8'></head><body><table>{lines}</table></body></html>"


@pytest.mark.parametrize("form", ["text", "GB18030", "html"])
def test_cnki(tmp_path, form):
    """Country by the name of a foreign organisation; a college of its own is no unit."""
    content = {
        "text": CNKI,
        "GB18030": CNKI.encode("gb18030"),
        "html": html(CNKI).replace("2019-06-15", "2019"),
    }
    if form == "html":
        content["html"] = content["html"].replace("<td></td><td>O35", "<td>2019</td><td>O35")
    rows, _ = read(tmp_path, **{"cnki_xls" if form == "html" else "cnki_txt": content[form]})
    assert [row[1:] for row in rows if row[1] == "清华大学"] == [
        ("清华大学", "0802", 2018, "US"),
        ("清华大学", "0803", 2018, "US"),
    ]
    assert [row[1:] for row in rows if row[1] != "清华大学"] == [("北京大学", "0801", 2019, "")]
    near = pd.read_csv(tmp_path / "out" / "near_misses_papers.csv")
    assert near["name"].tolist() == ["吉林大学珠海学院"]


def test_universities_of_two_cities_under_one_short_name(tmp_path):
    cities = {
        "China Univ Min & Technol, Beijing 100083": "中国矿业大学(北京)",
        "China Univ Min & Technol, Xuzhou": "中国矿业大学",
        "China Univ Geosci, Wuhan 430074": "中国地质大学(武汉)",
        "China Univ Petr, Coll Sci, Qingdao": "中国石油大学(华东)",
        "China Univ Geosci, Xian": None,
    }
    lines = [
        f"J\tA\tT\tS\t\t[A] {city}, Peoples R China\t\t\t2018\t\tMechanics\tWOS:{n}"
        for n, city in enumerate(cities)
    ]
    folder = put(tmp_path, savedrecs_txt="\n".join([HEAD, *lines]) + "\n")
    ingest(folder, tmp_path / "out", say=lambda _: None)
    found = pd.read_parquet(tmp_path / "out" / "papers.parquet")
    assert found.sort_values("paper")["university"].tolist() == [u for u in cities.values() if u]


def test_a_paper_of_two_vendors_is_one(tmp_path):
    """By DOI whatever its case, by the number of the vendor where one record lacks the DOI."""
    again = LINES[0].replace("10.1000/ABC.1", "")
    rows, flow = read(
        tmp_path,
        a_txt=WOS,
        b_txt="\n".join([HEAD, again]) + "\n",
        c_jsonl=json.dumps(WORKS[0]) + "\n",
        d_txt=CNKI,
        e_txt=CNKI.encode("gb18030"),
    )
    assert [row for row in rows if not row[0].startswith("CNKI")] == OF_WOS
    assert sum(row[0].startswith("CNKI") for row in rows) == 3
    repeated = flow[flow["reason"] == "another record of the same paper"]
    assert repeated.set_index("file")["rows"].to_dict() == {"b.txt": 1, "c.jsonl": 1, "e.txt": 2}


def test_of_two_records_the_one_that_places_the_paper_is_kept(tmp_path):
    bare = LINES[1].replace("Huazhong Univ Sci & Technol", "Dept Phys")
    folder = put(tmp_path, savedrecs_txt="\n".join([HEAD, bare, LINES[1]]) + "\n")
    flow = ingest(folder, tmp_path / "out", say=lambda _: None)
    assert pd.read_parquet(tmp_path / "out" / "papers.parquet")["university"].tolist() == [
        "华中科技大学"
    ]
    assert flow.set_index("reason")["first_row"].to_dict() == {
        "another record of the same paper": 2,
        "kept": 3,
    }


def test_the_first_run_asks_and_the_second_adds_only_what_is_new(tmp_path):
    folder, out = put(tmp_path, savedrecs_txt=WOS), tmp_path / "out"
    assert main(["ingest", str(folder), "--out", str(out)]) == 2
    mapping = out / "mapping.toml"
    text = mapping.read_text("utf-8")
    assert [path.name for path in out.iterdir()] == ["mapping.toml"]
    # Filled by the discipline's own name, the noun before it or behind.
    assert '"Engineering, Mechanical" = "0802"' in text
    assert '"Mechanics" = "0801"' in text
    assert '# 2 papers; for example "Smart" gears; Boston\n"Optics" = ""' in text
    text = text.replace("[disciplines]", "[ disciplines ] # mine")
    mapping.write_text(text.replace('"Optics" = ""', '"Optics" = "0803" # mine'), "utf-8")
    put(
        tmp_path,
        works_jsonl=json.dumps(work("W9", [("Atlantis University", "CN")], "Tides")) + "\n",
    )
    assert main(["ingest", str(folder), "--out", str(out)]) == 2
    again = mapping.read_text("utf-8")
    assert '"Optics" = "0803" # mine' in again
    assert again.count("disciplines ]") == 1
    assert "[disciplines]" not in again
    assert '"Tides" = ""' in again
    assert again.count('"Law"') == 1


def test_nothing_is_asked_where_every_category_is_a_discipline(tmp_path):
    lines = [HEAD, LINES[1]]
    folder = put(tmp_path, savedrecs_txt="\n".join(lines) + "\n")
    assert main(["ingest", str(folder), "--out", str(tmp_path / "out")]) == 0


def test_own_papers_and_exported_ones_are_one_table(tmp_path):
    own = "paper,university,discipline,year,partner_countries\nP1,清华大学,0801,2018,US\n"
    rows, flow = read(tmp_path, savedrecs_txt=WOS, own_csv=own)
    assert ("P1", "清华大学", "0801", 2018, "US") in rows
    assert len(rows) == 4
    assert flow.groupby("file")["rows"].sum().to_dict() == {"own.csv": 1, "savedrecs.txt": 4}


def test_validate_says_what_a_file_is(tmp_path, capsys):
    folder = put(tmp_path, savedrecs_txt=WOS)
    assert main(["validate", str(folder / "savedrecs.txt")]) == 0
    assert "Web of Science, 4 papers" in capsys.readouterr().out


def test_names_of_the_ministrys_universities_stay_apart_when_shortened():
    universities = default_universities()
    matcher = Matcher(universities)
    for university, names in universities.itertuples(index=False):
        for name in names.split(";"):
            assert matcher.university(name) == university
    # As Web of Science writes them (addresses of its records).
    for short, university in {
        "Univ Elect Sci & Technol China": "电子科技大学",
        "Beijing Univ Chem Technol": "北京化工大学",
        "China Agr Univ": "中国农业大学",
        "Hefei Univ Technol": "合肥工业大学",
        "Cent South Univ": "中南大学",
        "Ocean Univ China": "中国海洋大学",
        "Northwest A&F Univ": "西北农林科技大学",
        "Xi An Jiao Tong Univ": "西安交通大学",
    }.items():
        assert matcher.university(short) == university, short


@pytest.mark.parametrize(
    ("rest", "unit"),
    [
        ("机械工程系", True), ("材料科学与工程学院", True), ("医学部", True),
        ("信息科学与工程学院计算机系", True), ("摩擦学国家重点实验室", True),
        ("珠海学院", False), ("城市学院", False), ("城市科技学院", False), ("第一医院", False),
        ("金陵学院信息科学与工程系", False), ("(北京)机电学院", False), ("出版社", False), ("", False),
    ],
)  # fmt: skip
def test_what_is_a_unit_of_a_university(rest, unit):
    assert is_unit(rest) is unit


def test_countries_and_disciplines_are_the_schemas():
    assert all(re.fullmatch(COUNTRY, code) for code in countries().values())
    known = load_disciplines()
    assert discipline_of("Computer Science & Technology", known) == "0812"
    assert discipline_of("力学", known) == "0801"
    assert discipline_of("Physics, Applied", known) == ""
    assert uniform("Tsinghua　University.") == uniform("TSINGHUA UNIV")


def as_wos(papers: pd.DataFrame, names: dict[str, str], disciplines: dict[str, str]) -> str:
    """Simulated papers as Web of Science would export them."""
    codes = {code: name for name, code in reversed(countries().items()) if name.isascii()}
    lines = [HEAD.replace("PT\t", "")]
    for row in papers.to_dict("records"):
        abroad = [f"[B] Univ {c}, {codes[c]}" for c in row["partner_countries"].split(";") if c]
        home = f"[A; C] {names[row['university']]}, Wuhan 430074, Peoples R China"
        cells = ["A", "T", "S", "", "; ".join([home, *abroad]), "", "", str(row["year"]), ""]
        lines.append("\t".join([*cells, disciplines[row["discipline"]], row["paper"]]))
    return "\n".join(lines) + "\n"


def as_works(papers: pd.DataFrame, names: dict[str, str], disciplines: dict[str, str]) -> str:
    """Simulated papers as OpenAlex would give them."""
    return "".join(
        json.dumps(
            work(
                f"W{number}",
                [
                    (names[row["university"]], "CN"),
                    *(("X", c) for c in row["partner_countries"].split(";") if c),
                ],
                disciplines[row["discipline"]],
                publication_year=row["year"],
            )
        )
        + "\n"
        for number, row in enumerate(papers.to_dict("records"))
    )


@pytest.mark.parametrize("form", [as_wos, as_works])
def test_simulated_papers_in_a_vendors_layout_are_the_same_papers(tmp_path, form):
    """Nothing is asked, since every category is a discipline by its name."""
    records = tables(SMALL)
    papers = records["papers"].head(3000).copy()
    papers["partner_countries"] = papers["partner_countries"].fillna("").str.replace("; ", ";")
    universities = records["universities"]
    names = {u: n.split(";")[0] for u, n in universities.itertuples(index=False)}
    english = load_disciplines().set_index("discipline")["name_en"].to_dict()
    suffix = "txt" if form is as_wos else "jsonl"
    folder = put(tmp_path, **{f"papers_{suffix}": form(papers, names, english)})
    universities.to_csv(folder / "universities.csv", index=False)
    ingest(folder, tmp_path / "out", say=lambda _: None)
    found = pd.read_parquet(tmp_path / "out" / "papers.parquet")
    by = ["university", "discipline", "year", "partner_countries"]
    papers["partner_countries"] = papers["partner_countries"].map(
        lambda c: ";".join(sorted(c.split(";")))
    )
    for table in (found, papers):
        table["n"] = 1
    wanted = papers.groupby(by)["n"].sum().sort_index()
    pd.testing.assert_series_equal(
        found.groupby(by)["n"].sum().sort_index(), wanted, check_index_type=False
    )
