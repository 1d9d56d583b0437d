"""The ministry universities, and what each source of open data calls them.

The match is data, ``data/university_names.csv``, and is exact: a name that is not in the table is
not matched, however alike it looks. Three pairs of universities share a name and in some sources a
row (Beijing and Wuhan for geosciences, Beijing and Xuzhou for mining, Beijing and Qingdao for
petroleum). Such a row is a unit of its own, ``中国地质大学(两地)`` and so on, and is credited to
neither of the two. The suffix keeps it apart from the university in Xuzhou, whose official name is
the bare 中国矿业大学.
"""

from pathlib import Path

import pandas as pd

from replication.config import DATA
from replication.errors import MissingColumnError, RegistryError

MINISTRY = DATA / "ministry_universities.csv"
NAMES = DATA / "university_names.csv"
SOURCES = ("the", "leiden", "bcur", "evaluation")
SHARED = "two campuses under one name: "
"""How a note begins that names the row a university shares with its sister."""
BOTH = "(两地)"
STRANGER = "not a ministry university"


def ministry_universities(path: Path | None = None) -> pd.DataFrame:
    """Universities directly under the Ministry of Education.

    Returns
    -------
    DataFrame
        75 rows: ``name_zh`` (official, campus in ASCII brackets), ``name_en`` (official),
        ``city``.

    Raises
    ------
    RegistryError
        A column or a value is missing, or a name is doubled.
    """
    path = path or MINISTRY
    table = _read(path, ["name_zh", "name_en", "city"])
    for column in table:
        empty = table[column].str.strip() == ""
        if empty.any():
            row = int(empty.to_numpy().argmax())
            raise RegistryError(f"{path.name}, row {row + 2}, column {column!r}: empty; fill it")
    for column in ("name_zh", "name_en"):
        doubled = table[column].duplicated()
        if doubled.any():
            row = int(doubled.to_numpy().argmax())
            raise RegistryError(
                f"{path.name}, row {row + 2}, column {column!r}: {table[column][row]!r} is "
                "doubled; keep one row"
            )
    return table


def university_names(source: str, path: Path | None = None) -> pd.DataFrame:
    """What one source calls each ministry university.

    Parameters
    ----------
    source : {"the", "leiden", "bcur", "evaluation"}
    path : Path, optional
        Another table than `NAMES`.

    Returns
    -------
    DataFrame
        ``name_zh``, ``name`` (as printed, empty if it is not there) and ``note`` (why not); a
        university may have more than one name.

    Raises
    ------
    RegistryError
        A university is unknown, lacks a row, has an empty name without a note or beside another
        name; a name stands for two universities, or is also the name of two campuses together.
    """
    if source not in SOURCES:
        raise ValueError(f"source must be one of {', '.join(SOURCES)}, not {source!r}")
    path = path or NAMES
    table = _read(path, ["name_zh", "source", "name", "note"])
    known = ministry_universities()["name_zh"]
    for about, wrong in {
        "source is none of " + ", ".join(SOURCES): ~table["source"].isin(SOURCES),
        "university is not in ministry_universities.csv": ~table["name_zh"].isin(known),
    }.items():
        if wrong.any():
            row = int(wrong.to_numpy().argmax())
            said = ", ".join(repr(table[column][row]) for column in ("name_zh", "source"))
            raise RegistryError(f"{path.name}, row {row + 2} ({said}): {about}; correct it")
    rows = table[table["source"] == source].drop(columns="source")
    lacking = sorted(set(known) - set(rows["name_zh"]))
    if lacking:
        raise RegistryError(
            f"{path.name}: {lacking[0]} has no row for {source!r}; add its name there, or an "
            "empty name and a note that says why"
        )
    absent = rows["name"] == ""
    several = rows.duplicated("name_zh", keep=False)
    taken = rows["name"].isin(set(_shared(rows))) | rows["name"].duplicated(keep=False)
    for about, wrong in {
        "an empty name needs a note that says why": absent & (rows["note"].str.strip() == ""),
        "a university cannot have a name and be absent": absent & several,
        "the name stands for more than one university": ~absent & taken,
    }.items():
        if wrong.any():
            row = int(rows.index[wrong.to_numpy()][0])
            said = ", ".join(map(repr, [rows["name_zh"][row], rows["name"][row], source]))
            raise RegistryError(f"{path.name}, row {row + 2} ({said}): {about}; correct it")
    return rows.reset_index(drop=True)


def joint_names(source: str, path: Path | None = None) -> dict[str, str]:
    """Names that stand for two universities in a source, and the unit each is kept as."""
    return _shared(university_names(source, path))


def match(frame: pd.DataFrame, source: str, column: str) -> pd.DataFrame:
    """Keep the rows of ministry universities, by exact name.

    Parameters
    ----------
    frame : DataFrame
    source : {"the", "leiden", "bcur", "evaluation"}
    column : str
        Column that holds the name as the source prints it.

    Returns
    -------
    DataFrame
        The rows that are matched, with ``university`` (Chinese name) and ``joint`` (whether the
        row is of two campuses together). ``attrs["set_aside"]`` has the number of the others.

    Raises
    ------
    MissingColumnError
        If `column` is not there.
    """
    if column not in frame.columns:
        raise MissingColumnError(
            f"column {column!r} is needed to match names of {source!r}; the table has: "
            f"{', '.join(map(str, frame.columns))}"
        )
    rows = university_names(source)
    shared = _shared(rows)
    own = rows[rows["name"] != ""].set_index("name")["name_zh"].to_dict()
    unit: dict[str, str] = {str(name): str(one) for name, one in own.items()} | shared
    university = frame[column].map(unit)
    found = frame.assign(university=university, joint=frame[column].isin(shared))
    kept = found[university.notna()]
    return set_aside(kept, frame, {STRANGER: int(university.isna().sum())})


def set_aside(kept: pd.DataFrame, before: pd.DataFrame, more: dict[str, int]) -> pd.DataFrame:
    """Add to the account that goes with a table: how many rows are not in it, and why."""
    account = {**before.attrs.get("set_aside", {})}
    for reason, rows in more.items():
        if rows:
            account[reason] = account.get(reason, 0) + rows
    kept = kept.reset_index(drop=True)
    kept.attrs = {**before.attrs, "source": "open", "set_aside": account}
    return kept


def _shared(rows: pd.DataFrame) -> dict[str, str]:
    """Printed name of each pair of campuses, and the unit that the pair is."""
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
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise RegistryError(f"{path}: cannot be read as CSV ({error}); mend the file") from error
    if list(table) != columns:
        raise RegistryError(
            f"{path.name}: its columns are {', '.join(map(str, table))}; they must be "
            f"{', '.join(columns)}"
        )
    return table
