"""The readers of rankings against the real files and against damaged copies of them."""

import math
import re
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from python_calamine import CalamineWorkbook

from replication.errors import DuplicateRowsError, MissingColumnError, ReplicationError, SchemaError
from replication.records.open import rankings
from replication.records.open.files import plain
from replication.records.open.rankings import bcur, leiden, the_scores
from tests.support.real_files import Replace, put, rows_of

PILLARS = list(rankings.PILLARS.values())
LEIDEN = "leiden/leiden_2022_all_sciences.xlsx"


def in_sheet(old: str, new: str) -> Callable[[bytes], bytes]:
    """Replace a text wherever it is in the parts of a spreadsheet."""

    def change(content: bytes) -> bytes:
        out = BytesIO()
        with zipfile.ZipFile(BytesIO(content)) as before, zipfile.ZipFile(out, "w") as after:
            for name in before.namelist():
                part = before.read(name)
                after.writestr(name, part.replace(old.encode(), new.encode(), 1))
        return out.getvalue()

    return change


# THE ----------------------------------------------------------------------------------------------


def test_scores_are_those_of_the_file(files: Path) -> None:
    """Row by row, against the file as the csv module reads it."""
    table = the_scores()
    assert list(table) == ["edition", "name", "university", "joint", *PILLARS]
    assert table.attrs["source"] == "open"
    heads = ["Teaching", "Research Environment", "Research Quality", "Industry",
             "International Outlook"]  # fmt: skip
    for edition, rows in table.groupby("edition"):
        printed = {r["Name"]: r for r in rows_of(files / f"the/THE_{edition}_rankings.csv")}
        for row in rows.to_dict("records"):
            expected = [float(printed[row["name"]][head]) for head in heads]
            if edition == 2016 and expected[3] == 0:
                expected[3] = math.nan
            np.testing.assert_array_equal([row[p] for p in PILLARS], expected)
    # The one blank, an industry score of 0, is Xiamen's of 2016.
    blank = table[table[PILLARS].isna().any(axis=1)]
    assert blank[["edition", "university"]].to_numpy().tolist() == [[2016, "厦门大学"]]


def test_no_row_of_an_edition_is_lost(files: Path) -> None:
    table = the_scores(range(2016, 2027))
    assert table.groupby("edition").size().to_dict() == {
        2016: 29, 2017: 38, 2018: 43, 2019: 44, 2020: 49, 2021: 52, 2022: 52, 2023: 42,
        2024: 34, 2025: 37, 2026: 39,
    }  # fmt: skip
    raw = [r for y in range(2016, 2027) for r in rows_of(files / f"the/THE_{y}_rankings.csv")]
    assert len(table) + sum(table.attrs["dropped"].values()) == len(raw)
    names = set(table["name"])
    assert sum(r["Name"] in names and r["Industry"] != "n/a" for r in raw) == len(table)
    assert table["university"].nunique() == 59  # 58 and the pair of mining.


def tsinghua(change: Callable[[list[str]], list[list[str]]]) -> Callable[[bytes], bytes]:
    """Replace the cells of one university's line by the lines that are made of them."""

    def damaged(content: bytes) -> bytes:
        lines = content.decode().splitlines()
        (at,) = [i for i, line in enumerate(lines) if ",Tsinghua University," in line]
        lines[at : at + 1] = [",".join(cells) for cells in change(lines[at].split(","))]
        return "\n".join(lines).encode()

    return damaged


def cell(place: int, text: str) -> Callable[[bytes], bytes]:
    """Another text in one cell: 0 year, 3 overall, 7 industry."""
    return tsinghua(lambda cells: [[*cells[:place], text, *cells[place + 1 :]]])


@pytest.mark.parametrize(
    ("how", "error", "says"),
    [
        (put("Industry", "Industry Income"), MissingColumnError, "column 'Industry' is not there"),
        (
            cell(7, "29.8–33.9"),
            SchemaError,
            "THE_2018_rankings.csv, row 31, column 'Industry': '29.8–33.9' is no number from 0",
        ),
        (cell(7, "998"), SchemaError, "row 31, column 'Industry'"),
        (cell(7, ""), SchemaError, "row 31, column 'Industry'"),
        (cell(7, "n/a"), SchemaError, "row 31, column 'Industry'"),
        (cell(0, "2017"), SchemaError, "row 31, column 'year': '2017' is not 2018"),
        (
            tsinghua(lambda cells: [cells, cells]),
            DuplicateRowsError,
            "THE_2018_rankings.csv: 清华大学 has more than one row",
        ),
    ],
)
def test_a_damaged_edition(
    damage: Replace, how: Callable[[bytes], bytes], error: type[ReplicationError], says: str
) -> None:
    damage("the/THE_2018_rankings.csv", how)
    with pytest.raises(error, match=re.escape(says)):
        the_scores([2018])
    assert len(the_scores([2017])) == 38


def test_a_reporter_is_set_aside(damage: Replace) -> None:
    reporter = ["2018", "Reporter", "Tsinghua University", *["n/a"] * 6, ""]
    damage("the/THE_2018_rankings.csv", tsinghua(lambda _: [reporter]))
    table = the_scores([2018])
    assert "清华大学" not in set(table["university"])
    assert table.attrs["dropped"]["reporter without scores (n/a)"] == 1
    assert len(table) + sum(table.attrs["dropped"].values()) == 1103


def test_the_overall_score_is_not_read(real: Path, damage: Replace) -> None:
    printed = rows_of(real / "the/THE_2018_rankings.csv")
    damage("the/THE_2018_rankings.csv", cell(3, "70.1–79.9"))
    row = the_scores([2018]).set_index("university").loc["清华大学"]
    (known,) = [r for r in printed if r["Name"] == "Tsinghua University"]
    assert row["industry"] == float(known["Industry"])
    assert row["international_outlook"] == float(known["International Outlook"])


def test_a_file_that_is_no_csv_is_named(damage: Replace) -> None:
    damage("the/THE_2018_rankings.csv", lambda content: content.decode().encode("utf-16"))
    with pytest.raises(SchemaError, match=r"THE_2018_rankings\.csv cannot be read as CSV in UTF-8"):
        the_scores([2018])


def test_a_truncated_file_is_refused_before_it_is_read(
    real: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "the").mkdir()
    content = (real / "the/THE_2018_rankings.csv").read_bytes()
    (tmp_path / "the/THE_2018_rankings.csv").write_bytes(content[: content.rindex(b"\n2018") + 1])
    monkeypatch.setenv("REPLICATION_OPEN_DATA", str(tmp_path))
    with pytest.raises(ReplicationError, match=r"THE_2018_rankings\.csv is damaged .* SHA-256"):
        the_scores([2018])


def test_no_edition_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one edition"):
        the_scores([])


# Leiden -------------------------------------------------------------------------------------------


def test_leiden_is_that_of_the_sheet(files: Path) -> None:
    table = leiden()
    assert list(table) == [
        "university", "joint", "name", "period", "p", "papers", "pp_industry", "pp_international",
    ]  # fmt: skip
    # Counts of papers stand in the sheet beside the shares of them.
    sheet = CalamineWorkbook.from_path(str(files / LEIDEN)).get_sheet_by_index(0).to_python()
    head = [str(cell) for cell in sheet[0]]
    places = [head.index(c) for c in ("impact_P", "collab_P", "P_industry_collab", "P_int_collab")]
    printed = {
        row[head.index("University")]: [float(row[place]) for place in places]
        for row in sheet[1:]
        if row[head.index("Country")] == "China"
    }
    for row in table.to_dict("records"):
        p, papers, firms, abroad = printed[row["name"]]
        assert (row["p"], row["papers"]) == (p, papers)
        assert row["pp_industry"] == pytest.approx(firms / papers, abs=1e-12)
        assert row["pp_international"] == pytest.approx(abroad / papers, abs=1e-12)
    assert table[["pp_industry", "pp_international"]].stack().between(0, 1).all()
    assert (table["p"] < table["papers"]).all()
    assert set(table["period"]) == {"2017–2020"}
    assert list(table.loc[table["joint"], "university"]) == [
        "中国矿业大学(两地)",
        "中国地质大学(两地)",
    ]
    assert len(table) == 61
    assert len(table) + sum(table.attrs["dropped"].values()) == 1318


def test_northeastern_is_the_one_in_shenyang(files: Path) -> None:
    sheet = CalamineWorkbook.from_path(str(files / LEIDEN)).get_sheet_by_index(0).to_python()
    head = [str(cell) for cell in sheet[0]]
    two = {
        row[head.index("Country")]: row[head.index("collab_P")]
        for row in sheet
        if row[head.index("University")] == "Northeastern University"
    }
    assert set(two) == {"China", "United States"}
    assert leiden().set_index("university").loc["东北大学", "papers"] == two["China"]


@pytest.mark.parametrize(
    ("old", "new", "error", "says"),
    [
        ("PP_industry_collab<", "PP_firms<", MissingColumnError, "column 'PP_industry_collab' is"),
        (
            "All sciences",
            "Physics",
            SchemaError,
            "row 2, column 'Field': 'Physics' is not 'All sciences'",
        ),
        ("2017–2020", "2016–2019", SchemaError, "row 2, column 'Period': '2016–2019' is not"),
    ],
)
def test_a_damaged_sheet(
    damage: Replace, old: str, new: str, error: type[ReplicationError], says: str
) -> None:
    damage(LEIDEN, in_sheet(old, new))
    with pytest.raises(error, match=re.escape(says)):
        leiden()


def test_a_file_that_is_no_spreadsheet_is_named(damage: Replace) -> None:
    damage(LEIDEN, lambda content: content[: len(content) // 2])
    with pytest.raises(SchemaError, match=r"leiden_2022_all_sciences\.xlsx cannot be read as"):
        leiden()


# BCUR ---------------------------------------------------------------------------------------------


def test_industry_income_is_that_of_the_file(files: Path) -> None:
    """Row by row, against the file as the csv module reads it, by the place of the column."""
    table = bcur()
    assert list(table) == [
        "edition", "university", "name", "industry_income", "industry_papers",
        "international_students", "papers",
    ]  # fmt: skip
    places = {2016: (9, 10, None, 5), 2017: (9, None, 11, 5), 2018: (10, None, 12, 6)}
    for edition, rows in table.groupby("edition"):
        raw = [list(r.values()) for r in rows_of(files / f"bcur/bcur_{edition}.csv")]
        printed = {values[0]: values for values in raw}
        for row in rows.to_dict("records"):
            numbers = ("industry_income", "industry_papers", "international_students", "papers")
            for column, place in zip(numbers, places[int(str(edition))], strict=True):
                text = "" if place is None else printed[row["name"]][place].strip()
                value = float(text.removesuffix("%")) if text else math.nan
                share = column == "international_students"
                np.testing.assert_allclose(row[column], value / 100 if share else value)
    assert table.groupby("edition").size().to_dict() == {2016: 59, 2017: 69, 2018: 71}
    raw_rows = sum(len(rows_of(files / f"bcur/bcur_{y}.csv")) for y in (2016, 2017, 2018))
    assert len(table) + sum(table.attrs["dropped"].values()) == raw_rows


def test_a_university_of_two_spellings_is_one(files: Path) -> None:
    rows = bcur().query("university == '中国石油大学(北京)'")
    assert list(rows["edition"]) == [2016, 2017, 2018]
    assert rows["industry_income"].gt(0).all()
    assert list(rows["name"]) == [
        "中国石油大学（北京）",
        "中国石油大学(北京)",
        "中国石油大学(北京)",
    ]


LINE_2017 = "清华大学,北京,94.0,100.0,97.70%,40938,1.381,1373,111,1263428,613524,7.04%"


@pytest.mark.parametrize(
    ("old", "new", "error", "says"),
    [
        ("企业科研经费", "企业经费", MissingColumnError, "'科技服务企业科研经费千元' is not there"),
        ("千元", "万元", MissingColumnError, "'科技服务企业科研经费千元' is not there"),
        ("7.04%", "7.04", SchemaError, "row 2, column '学生国际化留学生比例': '7.04' is no share"),
        ("7.04%", "704%", SchemaError, "row 2, column '学生国际化留学生比例': '704' is no number"),
        ("1263428", "1263428+", SchemaError, "row 2, column '科技服务企业科研经费千元': '126342"),
        ("1263428", "-1263428", SchemaError, "row 2, column '科技服务企业科研经费千元': '-12634"),
        (LINE_2017, f"{LINE_2017}\n{LINE_2017}", DuplicateRowsError, "清华大学 has more than one"),
    ],
)
def test_a_damaged_table(
    damage: Replace, old: str, new: str, error: type[ReplicationError], says: str
) -> None:
    damage("bcur/bcur_2017.csv", put(old, new))
    with pytest.raises(error, match=re.escape(says)):
        bcur([2017])


def test_what_is_empty_stays_missing(damage: Replace) -> None:
    damage(
        "bcur/bcur_2017.csv", put(LINE_2017, LINE_2017.replace("1263428", "").replace("7.04%", ""))
    )
    row = bcur([2017]).set_index("university").loc["清华大学"]
    assert row[["industry_income", "international_students"]].isna().all()
    assert row["papers"] == 40938


def test_headers_differ_in_brackets_only(damage: Replace) -> None:
    before = plain("科技服务(企业科研经费)( 千元 )")
    assert before == plain("科技服务（企业科研经费·千元）") == "科技服务企业科研经费千元"

    def wide(content: bytes) -> bytes:
        head, _, rest = content.decode("utf-8").partition("\n")
        return ("\ufeff" + head.replace("(", "（").replace(")", "）") + "\n" + rest).encode()

    damage("bcur/bcur_2017.csv", wide)
    assert len(bcur([2017])) == 69
