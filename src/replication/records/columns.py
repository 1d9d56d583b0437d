"""Kinds of columns: what every table's description is made of.

A column states its type, its unit, its admissible range, where it comes from in real records, and
its label in English and Chinese.
"""

from typing import Any

import numpy as np
import pandera.pandas as pa

MOE = "MoE S&T statistics (高等学校科技统计资料汇编), university by year"
PATENT = "patent export (incoPat, CNIPA or PATSTAT)"
PAPER = "bibliographic export (Web of Science or OpenAlex)"
HIRE = "university personnel records or public CVs"
EVALUATION = "4th national discipline evaluation (2017)"
CATALOGUE = "national discipline catalogue"
DERIVED = "derived by `replication build`"

COUNT = pa.Check.ge(0)
YEAR = pa.Check.in_range(1985, 2100)
COUNTRY = pa.Check.str_matches(r"^[A-Z]{2}$")
CODE = pa.Check.str_matches(r"^\d{4}$")
FINITE = pa.Check(np.isfinite, name="finite", error="finite")


def column(
    dtype: Any,
    en: str,
    zh: str,
    unit: str,
    source: str,
    *checks: pa.Check,
    nullable: bool = False,
    word: str = "",
) -> pa.Column:
    """Describe one column: type, labels, unit, source, checks; its short name in tables."""
    metadata = {"zh": zh, "unit": unit, "source": source, "word": word}
    return pa.Column(
        dtype, list(checks), nullable=nullable, title=en, metadata=metadata, coerce=False
    )


def text(
    en: str, zh: str, unit: str, source: str, *checks: pa.Check, nullable: bool = False
) -> pa.Column:
    """Text."""
    return column(str, en, zh, unit, source, *checks, nullable=nullable)


def university() -> pa.Column:
    """Name of a university."""
    return text("university", "高校", "identifier", "list of ministry universities")


def discipline() -> pa.Column:
    """Code of a first-level discipline."""
    return text("first-level discipline", "一级学科", "4-digit code", CATALOGUE, CODE)


def year(source: str) -> pa.Column:
    """Calendar year."""
    return column("int64", "year", "年份", "calendar year", source, YEAR)


def count(en: str, zh: str, unit: str, source: str, word: str = "") -> pa.Column:
    """Whole number of zero or more."""
    return column("int64", en, zh, unit, source, COUNT, word=word)


def sd(en: str, zh: str) -> pa.Column:
    """Exposure in standard deviations."""
    return column("float64", en, zh, "standard deviations over universities", DERIVED, FINITE)


def share(en: str, zh: str, unit: str, word: str) -> pa.Column:
    """Number from 0 to 1."""
    return column("float64", en, zh, unit, DERIVED, pa.Check.in_range(0, 1), word=word)


def flag(en: str, zh: str) -> pa.Column:
    """0 or 1."""
    return column("int64", en, zh, "0 or 1", DERIVED, pa.Check.isin([0, 1]))


def log(en: str, zh: str, unit: str) -> pa.Column:
    """Log of a resource, mean of the pre-period."""
    return column("float64", en, zh, f"log of {unit}, mean of the pre-period", DERIVED, FINITE)
