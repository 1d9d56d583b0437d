"""Nature Index 2021 against its file, and damaged copies of it."""

import re
from pathlib import Path

import pytest

from replication.errors import (
    DuplicateRowsError,
    MissingColumnError,
    RegistryError,
    ReplicationError,
    SchemaError,
)
from replication.records.open.lists.nature_index import nature_index
from tests.support.real_files import Replace, mirror_or_skip, put, rows_of

FILE = "nature-index/nature_index_2021_academic.csv"


@pytest.fixture(scope="session")
def real() -> Path:
    return mirror_or_skip("nature-index")


def test_rows_are_those_of_the_file(files: Path) -> None:
    table = nature_index().set_index("name")
    assert len(table) == 50
    assert list(table.index[table["joint"]]) == ["China University of Petroleum (CUP)"]
    rows = {row["Institution"]: row for row in rows_of(files / FILE)}
    assert len(table) + sum(table.attrs["dropped"].values()) == len(rows_of(files / FILE)) == 500
    for name, row in table.iterrows():
        printed = rows[name]
        heads = ["Share 2019", "Share 2020", "Count 2020", "Change Adjusted in Share 2019-2020"]
        columns = ["share_2019", "share_2020", "count_2020", "change_adjusted"]
        assert row[columns].to_list() == [float(printed[head]) for head in heads]
    # The two campuses of geosciences are told apart here, as they are not in other lists.
    assert {"中国地质大学(北京)", "中国地质大学(武汉)"} <= set(table["university"])


def twice(content: bytes) -> bytes:
    (line,) = [one for one in content.splitlines() if b",Tsinghua University," in one]
    return content.rstrip() + b"\n" + line + b"\n"


def line_of(content: bytes) -> list[bytes]:
    (line,) = [one for one in content.splitlines() if b",Tsinghua University," in one]
    return line.split(b",")


def cell(at: int, text: bytes):
    """Another text in one cell of Tsinghua's row: 3 and 4 shares, 5 count, 6 change."""

    def change(content: bytes) -> bytes:
        cells = line_of(content)
        new = [*cells[:at], text, *cells[at + 1 :]]
        return content.replace(b",".join(cells), b",".join(new))

    return change


@pytest.mark.parametrize(
    ("how", "error", "says"),
    [
        (put("Share 2020", "Share"), MissingColumnError, "column 'Share 2020' is not there"),
        (cell(3, b"-"), SchemaError, "column 'Share 2019': '-' is no number of 0 or more"),
        (cell(4, b"99999"), SchemaError, "column 'Share 2020': '99999' is more than Count 2020"),
        (cell(6, b"n/a"), SchemaError, "column 'Change Adjusted in Share 2019-2020': 'n/a' is no"),
        (cell(1, b"Tsinghua"), RegistryError, "'Tsinghua University' is not in the files of 'nat"),
        (twice, DuplicateRowsError, "清华大学 has more than one row"),
    ],
)
def test_a_damaged_file(damage: Replace, how, error: type[ReplicationError], says: str) -> None:
    damage(FILE, how)
    with pytest.raises(error, match=re.escape(says)):
        nature_index()
