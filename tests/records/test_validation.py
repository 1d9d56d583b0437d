"""Each fault in a table is refused with the file, the column, the row, the value and the rule."""

import re

import numpy as np
import pandas as pd
import pytest
from pyarrow import parquet

from replication.errors import SchemaError
from replication.records import schema, validation
from replication.records.validation import read, validate
from tests.support.simulated import SMALL, built, tables

FILE = "some/panel.parquet"


def message(table: pd.DataFrame, name: str = "panel") -> str:
    """What `validate` says about a table that is not valid."""
    which = schema.PANEL if name == "panel" else schema.RECORDS[name]
    with pytest.raises(SchemaError) as caught:
        validate(table, which, FILE)
    return str(caught.value)


def panel() -> pd.DataFrame:
    return built(SMALL)[0].copy()


def put(table: pd.DataFrame, row: int, column: str, value: object) -> pd.DataFrame:
    """Table with one cell changed."""
    return table.assign(**{column: table[column].where(table.index != row, value)})


class TestValid:
    def test_panel_and_records_are(self):
        pd.testing.assert_frame_equal(validate(panel(), schema.PANEL, FILE), panel())

    def test_in_any_order_of_columns_and_under_any_index(self):
        other = panel()[panel().columns[::-1]].set_axis(range(5, 5 + len(panel())))
        pd.testing.assert_frame_equal(validate(other, schema.PANEL, FILE), panel())

    def test_event_may_be_listed_twice(self):
        hires = pd.concat([tables(SMALL)["hires"]] * 2)
        assert len(validate(hires, schema.RECORDS["hires"], FILE)) == len(hires)

    @pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
    def test_dates_of_any_precision(self, unit):
        patents = tables(SMALL)["patents"]
        patents = patents.assign(date=patents["date"].astype(f"datetime64[{unit}]"))
        validate(patents, schema.RECORDS["patents"], FILE)


@pytest.mark.parametrize(
    ("row", "column", "value", "rule"),
    [
        (7, "patents_joint", -1, "greater_than_or_equal_to(0)"),
        (0, "year", 20189, "in_range(1985, 2100)"),
        (3, "discipline", "812", "matches '[0-9]{4}'"),
        (3, "grade", "D", "isin(['A+', 'A', 'A-', 'B+', 'B', 'B-', 'C+', 'C', 'C-', 'none'])"),
        (9, "post", 2, "isin([0, 1])"),
        (2, "control_exposure", 1.01, "in_range(0, 1)"),
        (2, "exposure", np.inf, "in_range(-100, 100)"),
        (2, "exposure", 1e308, "in_range(-100, 100)"),
        (2, "log_rd_staff", -np.inf, "in_range(-100, 100)"),
    ],
)
def test_value_that_breaks_a_rule(row, column, value, rule):
    said = message(put(panel(), row, column, value))
    assert said.startswith(f"{FILE} is not a valid table 'panel'")
    assert said.splitlines()[1:] == [
        f"  column {column!r}, row {row}: {value!r} breaks the rule {rule}"
    ]


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (lambda t: t.drop(columns="exposure"), "column 'exposure' is missing: add it"),
        (lambda t: t.assign(foo=1), "column 'foo' is not known: remove or rename it"),
        (
            lambda t: pd.concat([t, t[["year"]]], axis=1),
            "column year is there more than once: keep one",
        ),
        (lambda t: put(t, 5, "exposure", np.nan), "column 'exposure' is empty in row 5: fill it"),
        (lambda t: put(t, 5, "university", None), "column 'university' is empty in row 5: fill it"),
        (lambda t: t.assign(year=t["year"] + 0.0), "column 'year' has type float64, not int64"),
        (lambda t: t.assign(year=t["year"].astype(str)), "column 'year' has type str, not int64"),
        (
            lambda t: t.assign(year=t["year"].astype("int32")),
            "column 'year' has type int32, not int64",
        ),
        (
            lambda t: t.assign(discipline=t["discipline"].astype(int)),
            "column 'discipline' has type int64, not text",
        ),
        (
            lambda t: t.assign(university=t["university"].astype(object).mask(t.index == 4, 7)),
            "column 'university' holds 7, not text",
        ),
        (
            lambda t: t.assign(university=t["university"].astype("category")),
            "column 'university' has type category, not text",
        ),
    ],
)
def test_column_that_is_not_as_it_should_be(damage, line):
    assert message(damage(panel())).splitlines()[1:] == [f"  {line}"]


class TestKeys:
    def test_repeated_key_is_one_line_with_both_rows(self):
        last = len(panel())
        said = message(pd.concat([panel(), panel().iloc[[3]]]))
        row = panel().iloc[3]
        assert said.splitlines()[1:] == [
            f"  rows 3 and {last} have the same key (university {row['university']}, "
            f"discipline {row['discipline']}, year {row['year']}): keep one"
        ]

    @pytest.mark.parametrize("name", sorted(set(schema.RECORDS) - set(schema.EVENTS)))
    def test_of_every_table_but_events(self, name):
        table = tables(SMALL)[name]
        said = message(pd.concat([table, table.iloc[[1]]]), name)
        assert (
            f"rows 1 and {len(table)} have the same key ({schema.RECORDS[name].unique[0]}" in said
        )

    def test_part_of_a_key_may_repeat(self):
        assert panel()["university"].duplicated().any()


@pytest.mark.parametrize(
    ("name", "column", "value", "line"),
    [
        ("patents", "date", "2016-05-01", "has type str, not date (datetime64, no zone)"),
        ("patents", "granted", 1, "has type int64, not bool"),
        ("patents", "jurisdiction", "China", "row 0: 'China' breaks the rule code of ISO 3166"),
        (
            "papers",
            "partner_countries",
            "USA;GB",
            "row 0: 'USA;GB' breaks the rule codes of ISO 3166",
        ),
        ("hires", "doctorate_country", "", "row 0: '' breaks the rule code of ISO 3166"),
        ("exchange", "conf_hosted", -9, "row 0: -9 breaks the rule greater_than_or_equal_to(0)"),
        ("grades", "grade", "none", "row 0: 'none' breaks the rule isin"),
    ],
)
def test_records(name, column, value, line):
    said = message(tables(SMALL)[name].assign(**{column: value}), name)
    assert said.startswith(f"{FILE} is not a valid table {name!r}")
    assert f"column {column!r}" in said
    assert line in said
    assert len(said.splitlines()) == 2


def test_dates_with_a_zone_are_refused() -> None:
    patents = tables(SMALL)["patents"]
    patents = patents.assign(date=patents["date"].dt.tz_localize("Asia/Shanghai"))
    assert "Asia/Shanghai], not date (datetime64, no zone)" in message(patents, "patents")


def test_all_faults_are_told_at_once_up_to_ten() -> None:
    faulty = panel().assign(patents_joint=-1, exposure=np.nan, foo=2).drop(columns="post")
    said = message(faulty)
    for part in ("'patents_joint', row 0", "'exposure' is empty", "'foo' is not", "'post' is miss"):
        assert part in said
    assert len(said.splitlines()) == 5
    assert len(message(pd.DataFrame({"a": [1]})).splitlines()) == 11


def test_table_without_rows_is_refused() -> None:
    assert message(panel().iloc[:0]) == f"{FILE} has no rows"


def test_messages_hold_no_type_of_a_library() -> None:
    """A reader knows text and numbers, not how a column is stored."""
    for name, table in tables(SMALL).items():
        text = table.astype(dict.fromkeys(table, "category"))
        said = message(text, name)
        assert not re.search(r"pyarrow|pandera|DataType|np\.|Index\(", said), said


class TestRightAnswers:
    """What looks like a fault and is none."""

    @pytest.mark.parametrize("empty", [None, np.nan, pd.NA])
    @pytest.mark.parametrize(
        ("name", "column"),
        [("papers", "partner_countries"), ("grades", "grade"), ("patents", "ipc")],
    )
    def test_column_that_may_be_empty_and_is(self, name, column, empty):
        table = tables(SMALL)[name].assign(**{column: empty})
        valid = validate(table, schema.RECORDS[name], FILE)
        assert valid[column].isna().all()
        assert valid[column].dtype == "str"

    def test_column_that_a_file_holds_without_a_type(self, tmp_path):
        """As pandas writes a column of None only."""
        table = tables(SMALL)["patents"].assign(ipc=pd.Series(None, dtype=object))
        table.to_parquet(tmp_path / "patents.parquet", index=False)
        assert str(parquet.read_schema(tmp_path / "patents.parquet").field("ipc").type) == "null"
        found = validate(read(tmp_path / "patents.parquet"), schema.RECORDS["patents"], FILE)
        assert found["ipc"].isna().all()

    @pytest.mark.parametrize(
        ("printed", "grade"),
        [("A－", "A-"), ("B−", "B-"), ("C–", "C-"), ("A＋", "A+"), ("A-", "A-"), ("A", "A")],
    )
    def test_grades_with_the_signs_they_are_printed_with(self, printed, grade):
        table = put(tables(SMALL)["grades"], 0, "grade", printed)
        assert validate(table, schema.RECORDS["grades"], FILE)["grade"].iloc[0] == grade

    def test_dates_as_dates(self, tmp_path):
        """The type of Parquet for dates without a time of day."""
        table = tables(SMALL)["patents"]
        days = table.assign(date=table["date"].dt.date)
        days.to_parquet(tmp_path / "patents.parquet", index=False)
        assert (
            str(parquet.read_schema(tmp_path / "patents.parquet").field("date").type)
            == "date32[day]"
        )
        found = validate(read(tmp_path / "patents.parquet"), schema.RECORDS["patents"], FILE)
        assert found["date"].astype("datetime64[us]").equals(table["date"])


class TestReading:
    def test_file_that_unfolds_to_more_than_a_table_may_have(self, tmp_path, monkeypatch):
        path = tmp_path / "hires.parquet"
        tables(SMALL)["hires"].to_parquet(path, index=False)
        size = parquet.read_metadata(path).row_group(0).total_byte_size
        monkeypatch.setattr(validation, "MOST", (10**8, 1000, size))
        read(path)
        monkeypatch.setattr(validation, "MOST", (10**8, 1000, size - 1))
        with pytest.raises(SchemaError, match=rf"hires\.parquet would unfold to .* {size:,} bytes"):
            read(path)

    def test_a_flipped_bit_of_a_page_is_found(self, tmp_path):
        """Without the checksum of the page, another count would be read."""
        path = tmp_path / "exchange.parquet"
        numbers = tables(SMALL)["exchange"]
        numbers.to_parquet(
            path, index=False, write_page_checksum=True, compression="none", use_dictionary=False
        )
        content = bytearray(path.read_bytes())
        at = content.index(numbers["coop_sent"].to_numpy().tobytes())
        content[at] ^= 16
        path.write_bytes(content)
        assert not pd.read_parquet(path).equals(numbers)
        with pytest.raises(SchemaError, match=r"exchange\.parquet cannot be read as Parquet"):
            read(path)


@pytest.mark.parametrize("value", [-1, 10**9 + 1, 2**62, 2**63 - 1])
def test_counts_are_shown_as_they_are_written(value):
    said = message(put(tables(SMALL)["exchange"], 3, "conf_hosted", value), "exchange")
    assert f"row 3: {value} breaks the rule" in said


def test_a_fraction_is_shown_as_it_is_written() -> None:
    said = message(put(panel(), 3, "patents_joint_fractional", -0.5))
    assert "row 3: -0.5 breaks the rule" in said
