"""The columns of the compilation: each has one name, and what adds up is in one table."""

from collections.abc import Callable
from pathlib import Path

import pytest

from replication.errors import RegistryError
from replication.records.open.compilation import register
from replication.records.variables import EXCHANGE
from tests.support.real_files import put


def test_columns_have_one_name_and_a_unit() -> None:
    table = register.columns()
    assert table["name"].is_unique
    # As the contents of edition 2017 number its tables 58 to 66.
    assert table.groupby("table", sort=False).size().to_dict() == {
        "staff": 15, "scientists": 11, "funds": 9, "projects": 20, "services": 15,
        "exchange": 6, "prizes": 12, "results": 23, "transfer": 15,
    }  # fmt: skip
    # The study knows the six counts of exchange under the same names, in the same order.
    assert list(table.loc[table["table"] == "exchange", "name"]) == list(EXCHANGE)
    money = table["header"].str.contains("千元")
    assert (table.loc[money, "unit"] == "thousand yuan").all()


@pytest.mark.parametrize(
    ("how", "says"),
    [
        (put('name = "papers"', 'name = "books"'), "column 'books' is a duplicate"),
        (
            put('parts = ["teachers",', 'parts = ["lecturers",'),
            "'wholes' has 'lecturers', no",
        ),
        (
            put('header = "派遣(人次)"', 'header = "sent"'),
            r"table 6 \(exchange\), field 'columns': String should match",
        ),
        (put("\ngroups", "\ngroup"), "field 'groups?': "),
    ],
)
def test_a_damaged_register(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, how: Callable[[bytes], bytes], says: str
) -> None:
    path = tmp_path / "compilation.toml"
    path.write_bytes(how(register.TABLES.read_bytes()))
    monkeypatch.setattr(register, "TABLES", path)
    with pytest.raises(RegistryError, match=says):
        register.tables.__wrapped__()
