"""Kinds of columns: what every table's description is made of.

A column states its type, its unit, its admissible range, where it comes from in real records, and
its label in English and Chinese.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import pandera.pandas as pa

MOE = "MoE S&T statistics (高等学校科技统计资料汇编), university by year"
PATENT = "patent export (incoPat, CNIPA or PATSTAT)"
PAPER = "bibliographic export (Web of Science, OpenAlex or CNKI)"
HIRE = "university personnel records or public CVs"
EVALUATION = "4th national discipline evaluation (2017)"
CATALOGUE = "national discipline catalogue"
DERIVED = "derived by `replication build`"

COUNT = pa.Check.ge(0)
# More than anything here can be counted; beyond some 10^15 sums and floats are no longer exact.
CREDIBLE = pa.Check.le(1_000_000_000)
DATE = pa.Check.in_range(pd.Timestamp("1985-01-01"), pd.Timestamp("2100-12-31"))
# Signs that the evaluation is printed with.
PRINTED = {
    f"{letter}{sign}": f"{letter}{plain}"
    for letter in "ABC"
    for plain, signs in {"-": "－−–—﹣", "+": "＋﹢"}.items()
    for sign in signs
}
# Standard deviations and logarithms: of 10,000 universities one cannot lie further out than 100.
SCORE = pa.Check.in_range(-100, 100)


def table(
    name: str, description: str, key: list[str], source: str, **columns: pa.Column
) -> pa.DataFrameSchema:
    """Describe a table: what a row is, its key, the source of the columns that name no other."""
    for described in columns.values():
        described.metadata["source"] = described.metadata["source"] or source
    return pa.DataFrameSchema(
        columns,
        name=name,
        description=description,
        unique=key,
        metadata={"key": key},
        strict=True,
        unique_column_names=True,
    )


def events(
    name: str, description: str, key: list[str], source: str, **columns: pa.Column
) -> pa.DataFrameSchema:
    """As `table`; an export may list an event twice, which `panel` counts and drops."""
    described = table(name, description, key, source, **columns)
    described.unique = None
    return described


def column(
    dtype: Any,
    en: str,
    zh: str,
    unit: str,
    *checks: pa.Check,
    source: str = "",
    nullable: bool = False,
    word: str = "",
) -> pa.Column:
    """Describe one column: type, labels, unit, checks, source; its short name in tables."""
    metadata = {"zh": zh, "unit": unit, "source": source, "word": word}
    return pa.Column(dtype, list(checks), nullable=nullable, title=en, metadata=metadata)


def text(
    en: str,
    zh: str,
    unit: str = "text",
    *checks: pa.Check,
    source: str = "",
    nullable: bool = False,
) -> pa.Column:
    """Text."""
    return column(str, en, zh, unit, *checks, source=source, nullable=nullable)


def matches(pattern: str) -> pa.Check:
    """All of a text must match; `str_matches` lets a line break at its end through."""
    return pa.Check(
        lambda texts: texts.str.fullmatch(pattern),
        name="matches",
        error=f"matches {pattern!r}",
        statistics={"pattern": pattern},
    )


def identifier(en: str, zh: str, unit: str = "text", source: str = "") -> pa.Column:
    """Text that tells rows apart: not empty, no blank at its ends, no line break or tab within."""
    edge = r"[^\s\x00-\x1f\x7f\u00a0\u200b\u3000\ufeff]"
    plain = pa.Check(
        lambda texts: texts.str.fullmatch(rf"{edge}([^\x00-\x1f\x7f]*{edge})?"),
        name="identifier",
        error="no blank at its ends, no line break",
    )
    return text(en, zh, unit, plain, source=source)


def university() -> pa.Column:
    """Name of a university."""
    return identifier("university", "高校", "identifier", "list of ministry universities")


def discipline() -> pa.Column:
    """Code of a first-level discipline."""
    code = matches("[0-9]{4}")
    return text("first-level discipline", "一级学科", "4-digit code", code, source=CATALOGUE)


def category() -> pa.Column:
    """Category of a discipline."""
    code = matches("[0-9]{2}")
    return text("category of the catalogue", "学科门类", "2-digit code", code, source=CATALOGUE)


def grade(en: str, grades: Sequence[str], nullable: bool = False) -> pa.Column:
    """Grade of a discipline, one of `grades`."""
    unit, known = "A+ (best) to C-", pa.Check.isin(grades)
    described = text(en, "学科评估等级", unit, known, source=EVALUATION, nullable=nullable)
    described.parsers = [pa.Parser(lambda values: values.replace(PRINTED))]
    return described


# ISO 3166 leaves AA, QM–QZ, X? and ZZ to users: they say "unknown". XK is Kosovo, the others are
# offices of WIPO's standard ST.3.
COUNTRY = "(?:A[B-Z]|[B-PR-WY][A-Z]|Q[A-L]|X[KNUV]|Z[A-Y])"


def country(en: str, zh: str) -> pa.Column:
    """Code of a country or patent office."""
    return text(en, zh, "2-letter code", _countries(COUNTRY, "code of ISO 3166"))


def countries(en: str, zh: str) -> pa.Column:
    """Codes of countries; empty if there is none."""
    several = _countries(f"({COUNTRY}(; ?{COUNTRY})*)?", "codes of ISO 3166 with semicolons")
    return text(en, zh, "2-letter codes", several, nullable=True)


def _countries(pattern: str, what: str) -> pa.Check:
    return pa.Check(
        lambda texts: texts.str.fullmatch(pattern),
        name="countries",
        error=f"{what}, none for unknown (AA, XX, ZZ)",
    )


def year() -> pa.Column:
    """Calendar year."""
    return column("int64", "year", "年份", "calendar year", pa.Check.in_range(1985, 2100))


def count(en: str, zh: str, unit: str, word: str = "") -> pa.Column:
    """Whole number of zero or more."""
    return column("int64", en, zh, unit, COUNT, CREDIBLE, word=word)


def sd(en: str, zh: str, word: str = "") -> pa.Column:
    """Exposure in standard deviations."""
    return column("float64", en, zh, "standard deviations over universities", SCORE, word=word)


def flag(en: str, zh: str) -> pa.Column:
    """0 or 1."""
    return column("int64", en, zh, "0 or 1", pa.Check.isin([0, 1]))
