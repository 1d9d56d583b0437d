"""Every column is described, and the lists of variables are what the tables are made of."""

import re

from replication.records import schema
from replication.records.variables import (
    CONTROLS,
    COOPERATION,
    EXCHANGE,
    MEDIATORS,
    RESOURCES,
)


def test_every_column_has_both_labels_a_unit_and_a_source() -> None:
    for table in (schema.PANEL, *schema.RECORDS.values()):
        assert table.description.endswith(".")
        for name, column in table.columns.items():
            assert re.search("[a-z]", column.title), name
            assert re.search("[\u4e00-\u9fff]", column.metadata["zh"]), name
            assert column.metadata["unit"], name
            assert column.metadata["source"], name


def test_six_exchange_counts_are_those_of_the_statistics() -> None:
    assert len(COOPERATION) == 2
    assert list(EXCHANGE)[: len(COOPERATION)] == list(COOPERATION)
    assert len(EXCHANGE) - len(COOPERATION) == 4
    assert set(EXCHANGE) < set(schema.RECORDS["exchange"].columns)


def test_a_listed_variable_is_in_every_table_that_it_belongs_to() -> None:
    assert set(RESOURCES) == set(schema.RECORDS["resources"].columns) - {"university", "year"}
    assert {f"log_{name}" for name in RESOURCES} == set(CONTROLS) < set(schema.PANEL.columns)
    assert set(MEDIATORS) < set(schema.PANEL.columns)
