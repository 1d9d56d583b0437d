"""The Entity List against its file, and damaged copies of it."""

import json
import re
from pathlib import Path

import pytest

from replication.errors import DuplicateRowsError, RegistryError, ReplicationError, SchemaError
from replication.records.open.lists.entity_list import entity_list
from tests.support.real_files import Replace, mirror_or_skip, put

FILE = "entity-list/universities.json"


@pytest.fixture(scope="session")
def real() -> Path:
    return mirror_or_skip("entity-list")


def test_four_ministry_universities_are_on_the_list(files: Path) -> None:
    table = entity_list()
    assert len(table) == 75
    assert set(table.loc[table["listed"] == 1, "university"]) == {
        "北京邮电大学", "四川大学", "天津大学", "电子科技大学",
    }  # fmt: skip
    entries = json.loads((files / FILE).read_bytes())["entries"]
    assert table.attrs["dropped"] == {"not a ministry university": len(entries) - 4}


@pytest.mark.parametrize(
    ("how", "error", "says"),
    [
        (put('"entries"', '"list"'), SchemaError, "universities.json, entries: Field required"),
        (lambda content: content[:500], SchemaError, "universities.json, file: Invalid JSON"),
        (put('"raw"', '"text"'), SchemaError, "universities.json, entries.0.raw: Field required"),
        (
            put('"name": "Sichuan University"', '"name": "Sichuan"'),
            RegistryError,
            "'Sichuan University' is not in the files of 'entity-list'",
        ),
        (
            put('"name": "Academy of Military Medical Sciences"', '"name": "Sichuan University"'),
            DuplicateRowsError,
            "四川大学 has more than one row",
        ),
        (
            put('"name": "Academy of Military Medical Sciences"', '"name": "Nankai University"'),
            RegistryError,
            "'Nankai University' is said not to be in 'entity-list' and is there",
        ),
    ],
)
def test_a_damaged_file(damage: Replace, how, error: type[ReplicationError], says: str) -> None:
    damage(FILE, how)
    with pytest.raises(error, match=re.escape(says)):
        entity_list()
