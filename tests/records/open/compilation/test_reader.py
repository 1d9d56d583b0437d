"""The compilation: the real edition against what it prints, made editions whole and damaged."""

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pypdfium2
import pytest

from replication.errors import DuplicateRowsError, ReplicationError, SchemaError
from replication.records.open.compilation import reader, register
from replication.records.open.compilation.reader import read_compilation
from replication.records.open.universities import ministry_universities
from tests.support import made_compilation
from tests.support.made_compilation import Edition, made

REAL = "moe-statistics/hei_science_statistics_2017.pdf"


# The printed edition ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def printed(real: Path) -> pd.DataFrame:
    return read_compilation(real / REAL)


def test_columns_add_up_to_the_totals_in_print(printed: pd.DataFrame) -> None:
    """Totals typed from the page, not taken from the reader."""
    assert len(printed) == 65
    assert printed["university"].isin(ministry_universities()["name_zh"]).all()
    assert set(printed["edition"]) == {2017}
    assert set(printed["year"]) == {2016}
    for column, total in {
        "coop_sent": 15_650, "coop_received": 15_326, "conf_attended": 84_947,
        "conf_papers": 47_352, "conf_invited": 10_957, "conf_hosted": 1_138,
        "funds": 72_325_924, "funds_government": 47_038_341, "funds_firms": 22_526_460,
        "funds_other": 2_761_123, "rd_spending": 62_142_242,
        "st_staff": 154_593, "rd_persons": 95_054, "rd_staff": 57_035,
        "research_graduates": 288_898, "application_income": 4_209_079,
        "service_income": 4_704_215, "patents_applied": 64_221, "transfers": 2_143,
        "transfers_state": 495, "transfers_foreign": 57, "transfers_private": 1_492,
        "transfers_other": 99, "scientists": 147_902,
    }.items():  # fmt: skip
        assert printed[column].sum() == total, column


def test_cells_are_those_on_the_page(printed: pd.DataFrame) -> None:
    """Two rows that a line's text alone would leave open: 1 783 887 3 685 …."""
    rows = printed.set_index("university")
    exchange = list(register.columns().query("table == 'exchange'")["name"])
    assert rows.loc["清华大学", exchange].tolist() == [1783, 887, 3685, 1244, 238, 41]
    assert rows.loc["兰州大学", exchange].tolist() == [184, 373, 1652, 377, 78, 16]
    staff = ["st_staff", "rd_persons", "rd_staff", "outreach_full_time_support"]
    assert rows.loc["北京大学", staff].tolist() == [4840, 3386, 2032, 12]
    kinds = ["transfer_income", "transfer_income_state", "transfer_income_foreign"]
    assert rows.loc["浙江大学", kinds].tolist() == [101_208, 1711, 2274]


def test_another_library_reads_the_same_digits(printed: pd.DataFrame, real: Path) -> None:
    """Line by line, without the blanks; how digits part into columns, the totals say."""
    document = pypdfium2.PdfDocument(real / REAL)
    text = "\n".join(document[page].get_textpage().get_text_range() for page in range(223, 255))
    document.close()
    lines = {re.sub(r"\s", "", line) for line in text.replace("\r", "").split("\n")}
    rows = printed.set_index("university")
    found = 0
    for name, columns in register.columns().groupby("table", sort=False)["name"]:
        for university, row in rows[columns].dropna().astype(int).astype(str).iterrows():
            # A page ends somewhere in a row.
            halves = [
                (university + "".join(row[:cut]), "".join(row[cut:]))
                for cut in range(1, len(row) + 1)
            ]
            assert any(a in lines and (b == "" or b in lines) for a, b in halves), (
                name,
                university,
            )
            found += 1
    assert found == 7 * 65 + 2 * 62


def test_a_table_may_leave_universities_out(printed: pd.DataFrame) -> None:
    """Tables 62 and 64 print 62 rows, and these add up to the totals."""
    gaps = printed.set_index("university").isna()
    for column, universities in (("service_income", 3), ("prizes_nature", 3), ("funds", 0)):
        assert gaps[column].sum() == universities


# Editions made by the tests -----------------------------------------------------------------------


def test_a_second_edition_is_read_number_by_number(tmp_path: Path) -> None:
    """Other year, order and numbers of tables, rows a page, breaks of columns, universities."""
    edition = made(2019, universities=63)
    edition.order = edition.order[::-1]
    table = read_compilation(edition.write(tmp_path / "2019.pdf"))
    assert set(table["year"]) == {2018}
    assert list(table["university"]) == list(ministry_universities()["name_zh"][:63])
    rows = table.set_index("university")
    for cells in edition.numbers.values():
        expected = pd.DataFrame(cells).T
        pd.testing.assert_frame_equal(
            rows[list(expected)], expected, check_names=False, check_dtype=False
        )


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Edition], pd.DataFrame]:
    """Write an edition of three tables and read it."""
    few = [table for table in register.tables() if table.id in ("staff", "funds", "exchange")]
    for module in (reader, made_compilation):
        monkeypatch.setattr(module, "tables", lambda: few)
    return lambda edition: read_compilation(edition.write(tmp_path / "edition.pdf"))


def change(table: str, university: str, column: str, by: int) -> Callable[[Edition], None]:
    def damage(edition: Edition) -> None:
        edition.numbers[table][university][column] += by

    return damage


def rename(table: str, old: str, new: str) -> Callable[[Edition], None]:
    def damage(edition: Edition) -> None:
        rows = edition.numbers[table].items()
        edition.numbers[table] = {new if name == old else name: cells for name, cells in rows}

    return damage


def swap(edition: Edition) -> None:
    """Two columns change places in the rows, heads and totals left alone."""
    for cells in [*edition.numbers["funds"].values(), edition.totals["funds"]]:
        cells["funds_other"], cells["rd_spending"] = cells["rd_spending"], cells["funds_other"]


def drop_cell(edition: Edition) -> None:
    del edition.numbers["exchange"]["复旦大学"]["conf_papers"]


def drop_row(edition: Edition) -> None:
    del edition.numbers["exchange"]["南开大学"]


def without_total(edition: Edition) -> None:
    edition.numbers["exchange"]["合计"] = edition.totals["exchange"]


def test_an_edition_that_is_whole_is_read(small: Callable[[Edition], pd.DataFrame]) -> None:
    assert small(made(2015, universities=40)).notna().all(axis=None)


@pytest.mark.parametrize(
    ("damage", "error", "says"),
    [
        (
            change("exchange", "南开大学", "conf_papers", 1),
            SchemaError,
            r"国际科技交流, page 13 and 14, column 交流论文\(篇\) \(conf_papers\): the 40 univ",
        ),
        (swap, SchemaError, "经费拨入、支出, row 北京大学: funds is not the sum of funds_governme"),
        (drop_cell, SchemaError, "page 14, row 复旦大学, column conf_papers: '' is no number"),
        (drop_row, SchemaError, r"column 派遣\(人次\) \(coop_sent\): the 39 universities add up"),
        (without_total, SchemaError, r"first row, and no other, must be the total \(合计\)"),
        (
            rename("staff", "南开大学", "南开大學"),
            SchemaError,
            "科技人力, page 5: '南开大學' is none of data/ministry_universities.csv",
        ),
        (
            rename("staff", "南开大学", "郑州大学"),
            SchemaError,
            "page 5: '郑州大学' is none of data/ministry",
        ),
        (
            rename("exchange", "南开大学", "武汉大学"),
            SchemaError,
            "table 教育部直属高等学校国际科技交流: 武汉大学 is not in the first table",
        ),
        (
            lambda edition: edition.order.remove("exchange"),
            SchemaError,
            "国际科技交流: it is there 0 times and must be there once",
        ),
        (
            lambda edition: edition.order.append("exchange"),
            SchemaError,
            "国际科技交流: it is there 2 times and must be there once",
        ),
        (
            lambda edition: edition.titles.update(exchange="国际交流"),
            SchemaError,
            "国际科技交流: it is there 0 times",
        ),
        (
            lambda edition: edition.heads.update(coop_sent="接受(人次)"),
            SchemaError,
            r"page 13: the column 派遣\(人次\) \(coop_sent\) is headed '合作研究接受\(人次\)'",
        ),
    ],
)  # fmt: skip
def test_a_damaged_edition(
    small: Callable[[Edition], pd.DataFrame],
    damage: Callable[[Edition], None],
    error: type[ReplicationError],
    says: str,
) -> None:
    edition = made(2015, universities=40)
    damage(edition)
    with pytest.raises(error, match=says) as caught:
        small(edition)
    assert str(caught.value).startswith("edition.pdf")


def test_a_university_twice(small: Callable[[Edition], pd.DataFrame]) -> None:
    """Printed twice, with the columns adding up."""
    edition = made(2015, universities=40)
    rename("exchange", "南开大学", "清华大学 ")(edition)
    with pytest.raises(DuplicateRowsError, match="流, page 13: '清华大学' has more than one row"):
        small(edition)


@pytest.mark.parametrize("columns", ["", "one more"])
def test_a_table_of_other_columns(
    small: Callable[[Edition], pd.DataFrame], monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    """What the register expects is not what is printed: a column less, a column more."""
    edition = made(2015, universities=5)
    staff, funds, exchange = made_compilation.tables()
    less = exchange.model_copy(update={"columns": exchange.columns[:-1]})
    expected = [staff, funds, exchange if columns else less]
    shown = [staff, funds, less if columns else exchange]
    monkeypatch.setattr(reader, "tables", lambda: expected)
    monkeypatch.setattr(made_compilation, "tables", lambda: shown)
    with pytest.raises(SchemaError, match=r"[56] columns where [65] belong; the edition has an"):
        small(edition)


def test_columns_of_another_group(
    small: Callable[[Edition], pd.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Heads alike under other headings: what was received reads as what was spent."""
    staff, funds, exchange = made_compilation.tables()
    other = funds.model_copy(update={"groups": funds.groups[::-1]})
    monkeypatch.setattr(made_compilation, "tables", lambda: [staff, other, exchange])
    with pytest.raises(SchemaError, match="no heading 支出 in its place over the columns"):
        small(made(2015, universities=5))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", r"cannot be read as PDF, or is cut off"),
        (b"PK\x03\x04 a spreadsheet", r"cannot be read as PDF, or is cut off"),
        (made_compilation.document([]), r"cannot be read as PDF|no page has text"),
        (made_compilation.document([""]), r"no page has text, as in a scan"),
        (made_compilation.document(["2019 年统计年鉴"]), r"none of its first pages reads 年"),
        (
            made_compilation.document(["2019 年高等学校科技统计资料汇编"]),
            r"科技人力: it is there 0 times",
        ),
    ],
)  # fmt: skip
def test_a_file_of_another_kind(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "other.pdf"
    path.write_bytes(content)
    with pytest.raises(SchemaError, match=says):
        read_compilation(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match=r"none\.pdf cannot be read"):
        read_compilation(tmp_path / "none.pdf")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_file_that_is_cut_off(
    small: Callable[[Edition], pd.DataFrame], tmp_path: Path, share: float
) -> None:
    """Whatever a reader of PDF makes of the rest, it is refused."""
    whole = made(2015, universities=40).write(tmp_path / "whole.pdf").read_bytes()
    path = tmp_path / "part.pdf"
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(SchemaError, match=r"^part\.pdf"):
        read_compilation(path)
