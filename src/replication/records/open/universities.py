"""The ministry universities, and what each source of open data calls them.

The match is data, ``data/university_names.csv``, and is exact: a name that is not in the table is
not matched, however alike it looks. Three pairs of universities share a name and in some sources a
row (Beijing and Wuhan for geosciences, Beijing and Xuzhou for mining, Beijing and Qingdao for
petroleum). Such a row is a unit of its own, ``中国地质大学(两地)`` and so on, and is credited to
neither of the two. The suffix keeps it apart from the university in Xuzhou, whose official name is
the bare 中国矿业大学.

A source here is a group of ``data/sources.toml``.
"""

from pathlib import Path

import pandas as pd

from replication.config import DATA
from replication.errors import MissingColumnError, RegistryError
from replication.records.open.files import keep, read, read_texts, require_all, require_once
from replication.records.open.sources import Group, read_sources

MINISTRY = DATA / "ministry_universities.csv"
NAMES = DATA / "university_names.csv"
SHARED = "two campuses under one name: "
"""How a note begins that names the row a university shares with its sister."""
BOTH = "(两地)"
OTHERS = "not a ministry university"


def ministry_universities(path: Path | None = None) -> pd.DataFrame:
    """Universities directly under the Ministry of Education, 75 rows.

    ``name_zh`` (official, campus in ASCII brackets), ``name_en`` (official), ``city``. Raises
    `RegistryError` if a column or a value is missing, or a name is a duplicate.
    """
    path = path or MINISTRY
    table = _read(path, ["name_zh", "name_en", "city"])
    for name, values in table.items():
        given = values.str.strip() != ""
        require_all(values, given, "empty; fill it", path.name, RegistryError)
        once = ~values.duplicated() | (name == "city")
        require_all(values, once, "a duplicate; keep one row", path.name, RegistryError)
    return table.reset_index(drop=True)


def university_names(source: str, path: Path | None = None) -> pd.DataFrame:
    """What one source calls each ministry university.

    ``name_zh``, ``name`` (as printed, empty if it is not there) and ``note`` (why not); a
    university may have more than one name.

    Raises
    ------
    RegistryError
        A university is unknown, lacks a row, has an empty name without a note or beside another
        name; a name stands for two universities, or is also the name of two campuses together.
    ValueError
        The source is none of ``data/sources.toml``.
    """
    groups = [group.name for group in read_sources().group]
    if source not in groups:
        raise ValueError(f"source must be one of {', '.join(groups)}, not {source!r}")
    path = path or NAMES
    table = _read(path, ["name_zh", "source", "name", "note"])

    def check(column: str, good: pd.Series, rule: str) -> None:
        require_all(table.loc[good.index, column], good, rule, path.name, RegistryError)

    known = ministry_universities()["name_zh"]
    check("source", table["source"].isin(groups), f"none of {', '.join(groups)}")
    check("name_zh", table["name_zh"].isin(known), "not in ministry_universities.csv; correct it")
    rows = table[table["source"] == source].drop(columns="source")
    if lacking := sorted(set(known) - set(rows["name_zh"])):
        raise RegistryError(
            f"{path.name}: {lacking[0]} has no row for {source!r}; add its name there, or an "
            "empty name and a note that says why"
        )
    named = rows["name"] != ""
    several = rows.duplicated("name_zh", keep=False)
    taken = rows["name"].isin(set(joint_names(rows))) | rows["name"].duplicated(keep=False)
    check("note", named | (rows["note"].str.strip() != ""), "empty: say why there is no name")
    check("name", named | ~several, "empty, and the university has another row; keep one of them")
    check("name", ~named | ~taken, "the name of more than one university; correct one")
    return rows.reset_index(drop=True)


def match(frame: pd.DataFrame, source: str, column: str) -> pd.DataFrame:
    """Keep the rows of ministry universities, by exact name; `column` holds it as printed.

    What is kept has ``university`` (Chinese name) and ``joint`` (whether the row is of two campuses
    together); ``attrs["dropped"]`` has the number of the others. Raises `MissingColumnError`
    without the column.
    """
    if column not in frame.columns:
        raise MissingColumnError(
            f"column {column!r} is needed to match names of {source!r}; the table has: "
            f"{', '.join(map(str, frame.columns))}"
        )
    rows = university_names(source)
    shared = joint_names(rows)
    own = rows[rows["name"] != ""]
    university = frame[column].map(dict(zip(own["name"], own["name_zh"], strict=True)) | shared)
    found = frame.assign(university=university, joint=frame[column].isin(shared))
    return keep(found, university.notna(), OTHERS).reset_index(drop=True)


def match_once(table: pd.DataFrame, source: str, file: str) -> pd.DataFrame:
    """Match the column ``name`` to ministry universities, of which each may have one row."""
    kept = match(table, source, "name")
    require_once(kept, ["university"], file)
    return kept


def coverage() -> pd.DataFrame:
    """Say for each ministry university and source under which name it is found, or why it is not.

    One row a university: ``university``, and a column for each source.

    Raises
    ------
    RegistryError
        A name of the table is in no edition of its source, so that the university would vanish;
        or a university is said to be absent and its own name is there.
    """
    universities = ministry_universities()
    table = universities[["name_zh"]].rename(columns={"name_zh": "university"})
    for group in tabulated():
        require_names(group.name, _printed(group))
        rows = university_names(group.name)
        nameless = rows["name"] == ""
        said = rows["name"].mask(nameless, rows["note"])
        table[group.name] = table["university"].map(said.groupby(rows["name_zh"]).agg("; ".join))
    return table


def require_names(source: str, printed: set[str]) -> None:
    """Raise `RegistryError` unless the names of a source are among those that it prints.

    Nor may a university that is said to be absent be there under its own name.
    """
    universities, rows = ministry_universities(), university_names(source)
    shared, nameless = set(joint_names(rows)), rows["name"] == ""
    if gone := (set(rows.loc[~nameless, "name"]) | shared) - printed:
        raise RegistryError(
            f"{NAMES.name}: {min(gone)!r} is not in the files of {source!r}; look under "
            "which name the university is now, and add a row"
        )
    absent = universities[universities["name_zh"].isin(rows.loc[nameless, "name_zh"])]
    if there := {*absent["name_zh"], *absent["name_en"]} & printed - shared:
        raise RegistryError(
            f"{NAMES.name}: {min(there)!r} is said not to be in {source!r} and is there; "
            "give its row the name"
        )


def tabulated() -> list[Group]:
    """Sources whose files are tables with a column of names, to compare `NAMES` with."""
    return [group for group in read_sources().group if group.names]


def _printed(group: Group) -> set[str]:
    """Every name in the files of a source: there is a Northeastern University in Boston, too."""
    names: set[str] = set()
    head = group.names or ""
    for source in read_sources().source:
        if source.group == group.name:
            raw = read(source.name)[0]
            if group.country is not None:
                raw = raw[raw[group.country] == "China"]
            columns = [column for column in raw if str(column).startswith(head)]
            names |= set(raw[columns].to_numpy().ravel())
    return names - {""}


def joint_names(rows: pd.DataFrame) -> dict[str, str]:
    """Names that stand for two universities in a source's rows, and the unit each is kept as."""
    pairs = rows[rows["note"].str.startswith(SHARED)]
    printed = pairs["note"].str.removeprefix(SHARED)
    unit = pairs["name_zh"].str.replace(r"\(.*", "", regex=True) + BOTH
    for name, units in unit.groupby(printed):
        if units.nunique() > 1 or len(units) != 2:
            raise RegistryError(
                f"university_names.csv: {name!r} must be the shared name of two universities of "
                f"one name, not of {', '.join(pairs.loc[units.index, 'name_zh'])}"
            )
    return dict(zip(printed, unit, strict=True))


def _read(path: Path, columns: list[str]) -> pd.DataFrame:
    table = read_texts(path, RegistryError)
    if list(table) != columns:
        raise RegistryError(
            f"{path.name}: its columns are {', '.join(map(str, table))}; they must be "
            f"{', '.join(columns)}"
        )
    return table
