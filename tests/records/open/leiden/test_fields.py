"""The panel of fields and periods, on workbooks of its shape that the tests make."""

import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from python_calamine import CalamineWorkbook

from replication.errors import (
    DuplicateRowsError,
    MissingColumnError,
    RegistryError,
    ReplicationError,
    SchemaError,
)
from replication.records.open.leiden import fields
from replication.records.open.leiden.fields import FIELDS, convert, leiden_fields
from tests.support.made_workbook import HEADS, Row, leiden_rows, listed, write

BY_CALAMINE = list(fields.COLUMNS)


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Place of the workbook; it is found there, and what is made of it is kept beside it."""
    path = tmp_path / "leiden_2023_all_fields.xlsx"
    monkeypatch.setenv("REPLICATION_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(fields.download, "locate", lambda name: path)
    return path


def test_rows_are_those_that_another_reader_finds(book: Path) -> None:
    write(book, leiden_rows([("Tsinghua University", "China"), ("Elsewhere & Co", "Norway")]))
    head, *rows = CalamineWorkbook.from_path(book).get_sheet_by_name("Results").to_python()
    assert head == HEADS
    other = pd.DataFrame(rows, columns=head)[BY_CALAMINE]
    other["Field"] = other["Field"].map(FIELDS)
    found = convert(book).set_axis(BY_CALAMINE, axis=1).reset_index(drop=True)
    pd.testing.assert_frame_equal(found, other, check_dtype=False)


def test_every_university_has_every_field_and_period(book: Path) -> None:
    periods = ("2006–2009", "2014–2017", "2018–2021")
    write(book, leiden_rows(listed(), periods))
    table = leiden_fields()
    assert len(table) == 61 * len(FIELDS) * len(periods)
    assert table["joint"].sum() == 2 * len(FIELDS) * len(periods)
    assert sorted(set(table["first_year"])) == [2006, 2014, 2018]
    sizes = table.groupby(["field", "period"]).size()
    assert set(sizes) == {61}
    northeast = table[table["university"] == "东北大学"]
    assert len(northeast) == len(FIELDS) * len(periods)
    other = len(FIELDS) * len(periods)
    assert table.attrs["dropped"] == {
        "second row, of the other counting": 63 * other,
        "not in China": other,
        "not a ministry university": other,
    }


def test_the_workbook_is_read_once(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(book, leiden_rows(listed()))
    first = leiden_fields()
    calls: list[Path] = []
    monkeypatch.setattr(fields, "convert", lambda path: calls.append(path) or convert(path))
    pd.testing.assert_frame_equal(leiden_fields(), first)
    assert calls == []
    # A workbook that came later is read again.
    write(book, leiden_rows(listed(), ["2010–2013"]))
    later = time.time() + 5
    os.utime(book, (later, later))
    assert set(leiden_fields()["period"]) == {"2010–2013"}
    assert calls == [book]


def cell(column: str, value: str | float | None) -> Callable[[list[Row]], None]:
    """Another value in the third row of the sheet."""

    def change(rows: list[Row]) -> None:
        rows[1][column] = value

    return change


def again(rows: list[Row]) -> None:
    rows.append(rows[1])


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        (cell("P_industry_collab", "7"), SchemaError, "row 3, column 'P_industry_collab': '7' is"),
        (cell("P_industry_collab", None), SchemaError, "row 3, column 'P_industry_collab': None"),
        (cell("P_industry_collab", -1.0), SchemaError, "column 'P_industry_collab': -1.0 is no"),
        (cell("P_int_collab", 1e6), SchemaError, "row 3, column 'P_int_collab': 1000000.0 is more"),
        (cell("Field", "Physics"), SchemaError, "row 3, column 'Field': 'Physics' is none of All"),
        (cell("Period", "2006–2010"), SchemaError, "'2006–2010' is no period of four years"),
        (cell("Period", 2006.0), SchemaError, "row 3, column 'Period': 2006.0 is no text"),
        (cell("Frac_counting", 2.0), SchemaError, "column 'Frac_counting': 2.0 is neither 0"),
        (cell("University", " "), SchemaError, "row 3, column 'University': ' ' is no text"),
        (again, DuplicateRowsError, "University, China, All sciences, 2006–2009, 1.0 has"),
        (lambda rows: rows.clear(), SchemaError, "no row below the heads"),
    ],
)  # fmt: skip
def test_a_damaged_workbook(
    book: Path, change: Callable[[list[Row]], None], error: type[ReplicationError], says: str
) -> None:
    rows = leiden_rows([("Tsinghua University", "China")])
    assert len(convert(write(book, rows))) == len(rows)
    change(rows)
    write(book, rows)
    with pytest.raises(error, match=re.escape(says)) as caught:
        convert(book)
    assert str(caught.value).startswith("leiden_2023_all_fields.xlsx, sheet 'Results'")


def test_a_renamed_column_and_sheet(book: Path) -> None:
    rows = [
        {("P_industry" if head == "P_industry_collab" else head): row[head] for head in row}
        for row in leiden_rows([("Tsinghua University", "China")])
    ]
    write(book, rows, list(rows[0]))
    with pytest.raises(MissingColumnError, match="column 'P_industry_collab' is not there; it has"):
        convert(book)
    write(book, leiden_rows([("Tsinghua University", "China")]), sheet="Data")
    with pytest.raises(SchemaError, match="no sheet 'Results'; it has Explanation, Data"):
        convert(book)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_workbook_that_is_cut_off(book: Path, share: float) -> None:
    whole = write(book, leiden_rows(listed())).read_bytes()
    book.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(SchemaError, match="cannot be read as a workbook"):
        convert(book)
    assert not (book.parent / "cache").exists()


def test_a_university_cannot_vanish(book: Path) -> None:
    names = [(name, country) for name, country in listed() if name != "Nankai University"]
    write(book, leiden_rows(names))
    with pytest.raises(RegistryError, match="'Nankai University' is not in the files of 'leiden-p"):
        leiden_fields()
    # Too small for edition 2022, and there now.
    new = ("Shanghai University of Finance and Economics", "China")
    write(book, leiden_rows([*listed(), new]))
    later = time.time() + 5
    os.utime(book, (later, later))
    with pytest.raises(RegistryError, match="Economics' is said not to be in 'leiden-panel'"):
        leiden_fields()
