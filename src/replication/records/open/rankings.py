"""Rankings of universities: THE scores, the Leiden Ranking, Best Chinese Universities.

Each reader takes a published file as it is, checks it, and keeps the rows of ministry universities;
``attrs["dropped"]`` of what it returns has the number of the other rows by reason. Each raises
`MissingColumnError` on a column that is not there, and `DuplicateRowsError` on a university that
has two rows in an edition.
"""

import math
from collections.abc import Iterable

import pandas as pd

from replication.records.open import files
from replication.records.open.universities import match_once

FIRST_EDITION = 2016
"""First edition of the THE files."""

PILLARS = {
    "Teaching": "teaching",
    "Research Environment": "research_environment",
    "Research Quality": "research_quality",
    "Industry": "industry",
    "International Outlook": "international_outlook",
}
DASHES = 2016
"""Edition that prints a dash for a missing industry score, which the file holds as 0."""

BCUR_EDITIONS = (2016, 2017, 2018)
# Without brackets, points and spaces, which differ from edition to edition.
BCUR = {
    "学校名称": "name",
    "科技服务企业科研经费千元": "industry_income",
    "产学研合作校企合作论文篇": "industry_papers",
    "学生国际化留学生比例": "international_students",
    "科研规模论文数量篇": "papers",
}
BCUR_SOME = {"industry_papers": (2016,), "international_students": (2017, 2018)}
"""Columns that not every edition has."""
LEIDEN = {
    "University": "name",
    "Period": "period",
    "impact_P": "p",
    "collab_P": "papers",
    "PP_industry_collab": "pp_industry",
    "PP_int_collab": "pp_international",
}
LEIDEN_NUMBERS = {"p": math.inf, "papers": math.inf, "pp_industry": 1, "pp_international": 1}
"""The largest value that each may have."""
LEIDEN_ONE = {"Field": "All sciences", "Period": "2017–2020", "Frac_counting": 1}
"""Columns that hold one value; other editions of the sheet hold several."""


def the_scores(editions: Iterable[int] = range(2016, 2024)) -> pd.DataFrame:
    """Pillar scores of the THE World University Rankings.

    From edition 2024 on the scores are made in another way, and the files name pillars and
    universities of all editions as the newest does (research environment was research, research
    quality was citations).

    Parameters
    ----------
    editions : iterable of int
        Of 2016 to 2026. An edition is published in the autumn of the year before.

    Returns
    -------
    DataFrame
        One row an edition and university: ``edition``, ``name`` (as in the file), ``university``,
        ``joint``, and the scores ``teaching``, ``research_environment``, ``research_quality``,
        ``industry``, ``international_outlook``, each from 0 to 100. An industry score of 0 in
        edition 2016 is missing: that edition prints a dash there.

    Raises
    ------
    SchemaError
        A score is neither a number from 0 to 100 nor n/a (a band of ranks, say), or the year is
        not that of the file.
    """
    return files.stack([_the(edition) for edition in editions])


def industry_pool(editions: Iterable[int]) -> pd.DataFrame:
    """Industry scores of every university in the world that is in all of some THE editions.

    The score's scale is not the same in every edition; where a university stands in a fixed pool
    does not depend on the scale, nor on who enters.

    Returns
    -------
    DataFrame
        Indexed by the printed name, a column an edition. A name that an edition prints twice is
        not in the pool, nor one without a score.
    """
    columns = {}
    for edition in editions:
        table = _the_all(edition)[0].drop_duplicates("name", keep=False)
        columns[edition] = table.set_index("name")["industry"]
    return pd.DataFrame(columns).dropna().rename_axis(columns="edition")


def _the(edition: int) -> pd.DataFrame:
    table, file = _the_all(edition)
    kept = match_once(table, "the", file)
    kept = files.keep(kept, kept["teaching"].notna(), "reporter without scores (n/a)")
    return kept[["edition", "name", "university", "joint", *PILLARS.values()]]


def _the_all(edition: int) -> tuple[pd.DataFrame, str]:
    """Every row of an edition, and the file's name."""
    raw, file = files.read(f"the-{edition}")
    files.require(raw, ["year", "Name", *PILLARS], file)
    rule = f"not {edition}: this is another edition, or two in one file"
    files.require_all(raw["year"], raw["year"] == str(edition), rule, file)
    # A reporter hands in data and is not ranked; it has no score at all.
    reporter = (raw[list(PILLARS)] == "n/a").all(axis=1)
    scores = {
        new: files.numbers(raw[old].mask(reporter), file, 100) for old, new in PILLARS.items()
    }
    if edition == DASHES:
        scores["industry"] = scores["industry"].where(scores["industry"] > 0)
    return raw[["Name"]].set_axis(["name"], axis=1).assign(edition=edition, **scores), file


def leiden() -> pd.DataFrame:
    """Collaboration in the CWTS Leiden Ranking 2022: all sciences, 2017–2020.

    Returns
    -------
    DataFrame
        One row a university: ``university``, ``joint``, ``name`` (as printed), ``period``, ``p``
        (papers, each shared between the universities on it), ``papers`` (each counted in full),
        ``pp_industry`` and ``pp_international`` (shares of ``papers``, in [0, 1], written together
        with a firm and with another country).

    Raises
    ------
    SchemaError
        The file is no spreadsheet, holds other fields, periods or ways to count, or a number is
        none or out of range.
    """
    raw, file = files.read("leiden-2022")
    files.require(raw, ["Country", *LEIDEN_ONE, *LEIDEN], file)
    for column, value in LEIDEN_ONE.items():
        rule = f"not {value!r}: select the rows of one field, period and way to count"
        files.require_all(raw[column], raw[column] == value, rule, file)
    # There is a Northeastern University in Boston, too.
    raw = files.keep(raw, raw["Country"] == "China", "not in China")
    # The sheet's own P is a mark of the collector's, not the number of papers.
    table = raw[list(LEIDEN)].rename(columns=LEIDEN)
    for old, new in LEIDEN.items():
        if new in LEIDEN_NUMBERS:
            table[new] = files.numbers(raw[old].astype(str), file, LEIDEN_NUMBERS[new])
    kept = match_once(table, "leiden", file)
    return kept[["university", "joint", "name", "period", *LEIDEN_NUMBERS]]


def bcur(editions: Iterable[int] = BCUR_EDITIONS) -> pd.DataFrame:
    """Research income from industry in ShanghaiRanking's Best Chinese Universities.

    Parameters
    ----------
    editions : iterable of int
        Of 2016, 2017, 2018.

    Returns
    -------
    DataFrame
        One row an edition and university: ``edition``, ``university``, ``name`` (as printed),
        ``industry_income`` (thousand yuan), ``industry_papers`` (papers with firms; edition 2016
        only), ``international_students`` (share in [0, 1]; from edition 2017 on), ``papers``. What
        an edition does not give is missing.

    Raises
    ------
    SchemaError
        A value is no number, or no share with a percent sign.
    """
    return files.stack([_bcur(edition) for edition in editions])


def _bcur(edition: int) -> pd.DataFrame:
    raw, file = files.read(f"bcur-{edition}")
    raw.columns = pd.Index([files.plain(str(column)) for column in raw])
    table = raw[[]].assign(edition=edition)
    for old, new in BCUR.items():
        if edition not in BCUR_SOME.get(new, BCUR_EDITIONS):
            table[new] = math.nan
            continue
        files.require(raw, [old], file)
        if new == "name":
            table[new] = raw[old]
        elif new == "international_students":
            table[new] = files.shares(raw[old], file)
        else:
            table[new] = files.numbers(raw[old], file, empty=True)
    return match_once(table, "bcur", file)[["edition", "university", *BCUR.values()]]
