"""Patterns hold a text from its first to its last character, in ASCII digits and letters."""

import pandas as pd
import pytest

from replication.records import columns as col

KINDS = ["str", "object"]
"""Types that a column of text may have: pandas matches each with another library."""


def valid(column, value: str, dtype: str) -> bool:
    texts = pd.Series([value, value], dtype=dtype)
    return all(check(texts).check_passed for check in column.checks)


@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize("more", ["\n", "\r\n", " ", "\u2028", "\x00", "\n\n"])
@pytest.mark.parametrize(
    ("column", "value"),
    [
        (col.discipline(), "0801"),
        (col.category(), "08"),
        (col.country("office", "局"), "CN"),
        (col.university(), "U01"),
        (col.identifier("number", "号"), "CN2016"),
    ],
)
def test_nothing_may_follow_or_come_before(column, value, more, dtype):
    assert valid(column, value, dtype)
    assert not valid(column, value + more, dtype)
    assert not valid(column, more + value, dtype)


@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize("value", ["０８０１", "٠٨٠١", "080", "08011", "08O1", "", "0801;0802"])
def test_a_discipline_has_four_ascii_digits(value, dtype):
    assert not valid(col.discipline(), value, dtype)


@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize("value", ["cn", "ＣＮ", "CHN", "C", "", "ÇN", "C1"])
def test_an_office_has_two_ascii_capitals(value, dtype):
    assert not valid(col.country("office", "局"), value, dtype)


@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize("value", ["U", "东湖大学", "CN 2016 1", "中国地质大学(两地)", "a b"])
def test_an_identifier_may_be_any_line(value, dtype):
    assert valid(col.identifier("number", "号"), value, dtype)


@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize(
    "value", ["", " ", "a\tb", "a\nb", "\ufeffa", "a\u3000", "\xa0a", "a\u200b"]
)
def test_an_identifier_is_one_line_without_blanks_at_its_ends(value, dtype):
    assert not valid(col.identifier("number", "号"), value, dtype)
