"""Which university an applicant's name is, and names that are nearly one's, for a person to see."""

import duckdb
import pandas as pd
from rapidfuzz import fuzz, process

from replication.config import DATA
from replication.errors import RegistryError
from replication.records.ingest.text import simple
from replication.records.open.universities import ministry_universities

NEAR = 85.0
"""Likeness, of 100, from which a name is shown to a person."""
MOST = 20_000
"""Commonest names that are compared."""
LOOKS = "大学|大學|学院|UNIV|COLLEGE"
APPLICANTS = "SELECT unnest(string_split(applicants, ';')) AS name FROM applications"
ADDRESSES = """
SELECT a."name" AS name FROM (SELECT unnest(addresses) AS a FROM paper_rows WHERE fault IS NULL)
WHERE a."name" NOT IN (SELECT "name" FROM address_names)"""
"""Names of applicants, and of those addresses of papers that no university was found for."""


def default_universities() -> pd.DataFrame:
    """The 75 universities under the ministry, with former names, campuses and schools.

    ``university`` (Chinese name), ``applicant_names``. `RegistryError` if an alias is no
    university's of the list, or two universities'.
    """
    ministry = ministry_universities()
    aliases = pd.read_csv(DATA / "university_aliases.csv", dtype=str)
    if stray := sorted(set(aliases["name_zh"]) - set(ministry["name_zh"])):
        raise RegistryError(
            f"university_aliases.csv: {stray[0]!r} is not in ministry_universities.csv: correct it"
        )
    short = aliases[aliases["kind"] == "English"]
    own = pd.concat(
        [
            ministry[["name_zh", "name_zh"]].set_axis(["name_zh", "alias"], axis=1),
            ministry[["name_zh", "name_en"]].set_axis(["name_zh", "alias"], axis=1),
            aliases[["name_zh", "alias"]],
            # An abbreviation is written with its full stop as often as without.
            short[["name_zh", "alias"]].assign(alias=short["alias"] + "."),
        ]
    )
    if twice := sorted(set(own.loc[own["alias"].str.upper().duplicated(), "alias"])):
        raise RegistryError(f"university_aliases.csv: {twice[0]!r} is there twice: keep one")
    joined = own.groupby("name_zh", sort=False)["alias"].agg(";".join)
    return joined.rename("applicant_names").rename_axis("university").reset_index()


def near_misses(
    base: duckdb.DuckDBPyConnection,
    universities: pd.DataFrame,
    names: str = APPLICANTS,
    counted: str = "applications",
) -> pd.DataFrame:
    """Names that are nearly, or begin with, a name of a university.

    `names` is a query of them, with repetitions; `counted` says what is counted by these.

    Returns
    -------
    DataFrame
        ``name``, `counted`, ``university``, ``known`` (its name that is like it) and
        ``alike`` (0 to 100), the commonest first. None of these is credited to the university: a
        person adds the name to ``applicant_names`` if it is the university's.
    """
    known: dict[str, str] = {}
    for university, own in universities[["university", "applicant_names"]].itertuples(index=False):
        for name in str(own).split(";"):
            known[_plain(name)] = university
    written = base.execute(
        f"SELECT name, count(*) AS n FROM ({names}) WHERE regexp_matches(upper(name), '{LOOKS}') "
        f"GROUP BY name ORDER BY n DESC, name LIMIT {MOST}"
    ).fetchall()
    rows = []
    for name, applications in written:
        if (plain := _plain(name)) in known:
            continue
        begins = [one for one in known if len(one) > 3 and plain.startswith(one)]
        found = process.extractOne(plain, list(known), scorer=fuzz.ratio, score_cutoff=NEAR)
        like = max(begins, key=len) if begins else found[0] if found else None
        if like is not None:
            alike = round(fuzz.ratio(plain, like), 1)
            rows.append((name, applications, known[like], like, alike))
    return pd.DataFrame(rows, columns=["name", counted, "university", "known", "alike"])


def _plain(name: str) -> str:
    for sign, other in ("（(", "）)", "〔(", "〕)", "【(", "】)", "[(", "])"):
        name = name.replace(sign, other)
    return simple(name).upper().strip(" 。").replace(" (", "(")
