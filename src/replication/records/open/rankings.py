"""Open data about the ministry universities: rankings, grades of disciplines, research income.

Each reader takes a published file as it is, checks it, and keeps the rows of ministry universities;
``attrs["set_aside"]`` of what it returns has the number of the other rows by reason.
"""

import math
from collections.abc import Iterable

import pandas as pd

from replication.errors import RegistryError
from replication.records.open.files import (
    match_once,
    numbers,
    plain,
    read_csv,
    read_sheet,
    require,
    require_all,
    require_once,
    shares,
    stack,
)
from replication.records.open.universities import (
    NAMES,
    SOURCES,
    joint_names,
    match,
    ministry_universities,
    set_aside,
    university_names,
)
from replication.records.schema import ADVANTAGED, GRADES

__all__ = [
    "bcur",
    "coverage",
    "evaluation",
    "frame",
    "industry_pool",
    "leiden",
    "match",
    "ministry_universities",
    "the_scores",
    "university_names",
]

THE_EDITIONS = range(2016, 2027)
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
EVALUATION = {"一级学科代码": "discipline", "一级学科名称": "name_zh", "评估结果": "grade"}
STEM = ("07", "08")
# Four rows of Business Administration carry the code of the row above plus one, as a spreadsheet
# fills a column; the discipline has one code.
SLIPS = {("工商管理", code): "1202" for code in ("1209", "1210", "1211", "1212")}


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
    MissingColumnError
        A column is not there.
    DuplicateRowsError
        A university has two rows in an edition.
    """
    return stack([_the(edition) for edition in editions])


def industry_pool(editions: Iterable[int]) -> pd.DataFrame:
    """Industry scores of every university in the world that is in all of some THE editions.

    The score's scale is not the same in every edition; where a university stands in a fixed pool
    does not depend on the scale, nor on who enters.

    Parameters
    ----------
    editions : iterable of int

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
    ranked = kept["teaching"].notna()
    kept = set_aside(kept[ranked], kept, {"reporter without scores (n/a)": int((~ranked).sum())})
    return kept[["edition", "name", "university", "joint", *PILLARS.values()]]


def _the_all(edition: int) -> tuple[pd.DataFrame, str]:
    """Every row of an edition, and the file's name."""
    raw, file = read_csv(f"the-{edition}")
    require(raw, ["year", "Name", *PILLARS], file)
    rule = f"not {edition}: this is another edition, or two in one file"
    require_all(raw["year"], raw["year"] == str(edition), rule, file)
    # A reporter hands in data and is not ranked; it has no score at all.
    reporter = (raw[list(PILLARS)] == "n/a").all(axis=1)
    scores = {new: numbers(raw[old].mask(reporter), file, 100) for old, new in PILLARS.items()}
    if edition == DASHES:
        scores["industry"] = scores["industry"].where(scores["industry"] > 0)
    return raw[["Name"]].set_axis(["name"], axis=1).assign(edition=edition, **scores), file


def evaluation() -> pd.DataFrame:
    """Grades of the 4th national discipline evaluation (2017).

    Returns
    -------
    DataFrame
        One row a discipline and university: ``discipline`` (4-digit code), ``name_zh`` (of the
        discipline), ``grade`` (A+ to C-), ``school`` (as printed), ``university``, and ``joint``:
        whether the grade is of two campuses, which the release prints under one name. Such a row
        has the pair for its university, ``中国地质大学(两地)``, and none of the two.

    Raises
    ------
    SchemaError
        A code or a grade is none, or a code has two names.
    MissingColumnError
        A column is not there.
    DuplicateRowsError
        A school has two grades in a discipline.
    """
    raw, file = read_csv("evaluation-2017")
    schools = _schools(raw)
    require(raw, [*EVALUATION, *(schools or ["学校名称1"])], file)
    rows = raw[list(EVALUATION)].apply(lambda column: column.str.strip())
    code, grade = rows["一级学科代码"], rows["评估结果"]
    require_all(code, code.str.fullmatch(r"\d{4}"), "no 4-digit code", file)
    require_all(grade, grade.isin(GRADES), f"none of {', '.join(GRADES)}", file)
    rows = rows.rename(columns=EVALUATION)
    codes = zip(rows["name_zh"], rows["discipline"], strict=True)
    rows["discipline"] = [SLIPS.get((name, code), code) for name, code in codes]
    for one, other in (("discipline", "name_zh"), ("name_zh", "discipline")):
        first = rows.groupby(one)[other].transform("first")
        require_all(rows[other], rows[other] == first, f"a second {other} of one {one}", file)
    long = rows.join(raw[schools]).melt(list(EVALUATION.values()), value_name="school")
    long["school"] = long["school"].str.strip()
    long = long[long["school"] != ""].drop(columns="variable")
    require_once(long, ["discipline", "school"], file)
    return match(long, "evaluation", "school").sort_values(
        ["discipline", "school"], ignore_index=True
    )


def _schools(raw: pd.DataFrame) -> list[str]:
    """Columns of the evaluation that hold schools: as many as its longest row has."""
    return [str(column) for column in raw if str(column).startswith("学校名称")]


def frame(minimum: int = 2, joint: bool = True) -> pd.DataFrame:
    """Cells of the open study (R20): ministry university by science or engineering discipline.

    Parameters
    ----------
    minimum : int
        Graded disciplines of science (07) or engineering (08) that a university needs.
    joint : bool
        Keep the three pairs of campuses that share a grade, each as one unit.

    Returns
    -------
    DataFrame
        One row a cell: ``university``, ``joint``, ``discipline``, ``category``, ``name_zh``,
        ``grade`` and ``advantaged`` (1 for A- or better, R17).
    """
    grades = evaluation()
    cells = grades.assign(
        category=grades["discipline"].str[:2],
        advantaged=grades["grade"].isin(ADVANTAGED).astype("int64"),
    )
    stem = cells["category"].isin(STEM)
    cells = set_aside(cells[stem], cells, {"not science or engineering": int((~stem).sum())})
    if not joint:
        pair = cells["joint"]
        cells = set_aside(cells[~pair], cells, {"two campuses under one name": int(pair.sum())})
    enough = cells.groupby("university")["discipline"].transform("size") >= minimum
    cells = set_aside(
        cells[enough],
        cells,
        {f"of a university with fewer than {minimum} such disciplines": int((~enough).sum())},
    )
    columns = ["university", "joint", "discipline", "category", "name_zh", "grade", "advantaged"]
    return cells.sort_values(["university", "discipline"], ignore_index=True)[columns]


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
    MissingColumnError
        A column is not there.
    DuplicateRowsError
        A university has two rows.
    """
    raw, file = _leiden()
    # The sheet's own P is a mark of the collector's, not the number of papers.
    table = raw[list(LEIDEN)].rename(columns=LEIDEN)
    for old, new in LEIDEN.items():
        if new in LEIDEN_NUMBERS:
            table[new] = numbers(raw[old].astype(str), file, LEIDEN_NUMBERS[new])
    kept = match_once(table, "leiden", file)
    return kept[["university", "joint", "name", "period", *LEIDEN_NUMBERS]]


def _leiden() -> tuple[pd.DataFrame, str]:
    """Rows of China, and the file's name: there is a Northeastern University in Boston, too."""
    raw, file = read_sheet("leiden-2022")
    require(raw, ["Country", *LEIDEN_ONE, *LEIDEN], file)
    for column, value in LEIDEN_ONE.items():
        rule = f"not {value!r}: select the rows of one field, period and way to count"
        require_all(raw[column], raw[column] == value, rule, file)
    china = raw["Country"] == "China"
    kept = raw[china].copy()
    kept.attrs = {"set_aside": {"not in China": int((~china).sum())}}
    return kept, file


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
    MissingColumnError
        A column is not there.
    DuplicateRowsError
        A university has two rows in an edition.
    """
    return stack([_bcur(edition) for edition in editions])


def _bcur(edition: int) -> pd.DataFrame:
    raw, file = read_csv(f"bcur-{edition}")
    raw.columns = pd.Index([plain(str(column)) for column in raw])
    table = raw[[]].assign(edition=edition)
    for old, new in BCUR.items():
        if edition not in BCUR_SOME.get(new, BCUR_EDITIONS):
            table[new] = math.nan
            continue
        require(raw, [old], file)
        if new == "name":
            table[new] = raw[old]
        elif new == "international_students":
            table[new] = shares(raw[old], file)
        else:
            table[new] = numbers(raw[old], file, empty=True)
    return match_once(table, "bcur", file)[["edition", "university", *BCUR.values()]]


def coverage() -> pd.DataFrame:
    """Say for each ministry university and source under which name it is found, or why it is not.

    Returns
    -------
    DataFrame
        One row a university, ``university`` and a column for each of `SOURCES`.

    Raises
    ------
    RegistryError
        A name of the table is in no edition of its source, so that the university would vanish;
        or a university is said to be absent and its own name is there.
    """
    universities = ministry_universities()
    table = universities[["name_zh"]].rename(columns={"name_zh": "university"})
    for source in SOURCES:
        printed, rows = _printed(source), university_names(source)
        shared = set(joint_names(source))
        for name in [*rows.loc[rows["name"] != "", "name"], *shared]:
            if name not in printed:
                raise RegistryError(
                    f"{NAMES.name}: {name!r} is not in the files of {source!r}; look under which "
                    "name the university is now, and add a row"
                )
        absent = universities[universities["name_zh"].isin(rows.loc[rows["name"] == "", "name_zh"])]
        there = (set(absent["name_zh"]) | set(absent["name_en"])) & printed - shared
        if there:
            raise RegistryError(
                f"{NAMES.name}: {min(there)!r} is said not to be in {source!r} and is there; give "
                "its row the name"
            )
        said = rows["name"].mask(rows["name"] == "", rows["note"])
        table[source] = table["university"].map(said.groupby(rows["name_zh"]).agg("; ".join))
    return table


def _printed(source: str) -> set[str]:
    """Every name in the files of a source."""
    if source == "the":
        return {n for e in THE_EDITIONS for n in read_csv(f"the-{e}")[0]["Name"]}
    if source == "bcur":
        return {n for e in BCUR_EDITIONS for n in read_csv(f"bcur-{e}")[0]["学校名称"]}
    if source == "leiden":
        return set(_leiden()[0]["University"])
    raw = read_csv("evaluation-2017")[0]
    return set(raw[_schools(raw)].to_numpy().ravel()) - {""}
