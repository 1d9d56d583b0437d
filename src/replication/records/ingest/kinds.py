"""The types that a file gives its applicants, and the rule by name (R15) held to them."""

import duckdb
import pandas as pd

from replication.errors import SchemaError
from replication.records.classify import load_name_rules

TYPES = {
    "大专院校": "university",
    "企业": "firm",
    "工矿企业": "firm",
    "科研单位": "institute",
    "科研机构": "institute",
    "个人": "person",
    "机关团体": "government",
    "其他": "other",
}
"""Types of the yearly files, and the kinds of ``firm_names.toml`` they are nearest to."""


def count_types(base: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Make the table ``typed``: uniform name, kind by the rule, type, and number of applications.

    Returns
    -------
    dict of str to int
        Applications whose types go with their applicants, and those that have another number of
        types than of names, which are left to the rule.

    Raises
    ------
    SchemaError
        A type is none of `TYPES`.
    """
    rules = load_name_rules()
    uniform = (
        f"translate(plain(n), '{rules.normalise.translate_from}', '{rules.normalise.translate_to}')"
    )
    uniform = f"upper({uniform})"
    for pattern, replacement in rules.normalise.replace:
        uniform = f"regexp_replace({uniform}, {_text(pattern)}, {_text(replacement)}, 'g')"
    kind = " ".join(
        f"WHEN regexp_matches(name, {_text(rule.pattern)}) THEN '{rule.kind}'"
        for rule in rules.rule
    )
    base.execute("""
CREATE TEMP TABLE lists AS SELECT named, kinds, len(named) = len(kinds) AS paired
FROM rows_read JOIN type_lists USING (types) SEMI JOIN applications USING (place)""")
    base.execute("""
CREATE TABLE pairs AS SELECT unnest(named) AS n, unnest(kinds) AS type FROM lists WHERE paired""")
    base.execute(f"""
CREATE TABLE typed AS SELECT name, type, "rows", CASE {kind} ELSE 'other' END AS kind
FROM (SELECT {uniform} AS name, type, sum("rows") AS "rows"
  FROM (SELECT n, type, count(*) AS "rows" FROM pairs GROUP BY ALL) GROUP BY ALL)""")
    known = ", ".join(map(_text, TYPES))
    odd = base.execute(
        f"SELECT type, name FROM typed WHERE type NOT IN ({known}) ORDER BY type, name LIMIT 1"
    ).fetchone()
    if odd:
        raise SchemaError(
            f"types of applicants: {odd[0]!r} (of {odd[1]!r}) is none of {', '.join(TYPES)}: "
            "correct it, or take the column of types out of the mapping"
        )
    counted = base.execute(
        "SELECT count(*) FILTER (paired), count(*) FILTER (NOT paired) FROM lists"
    ).fetchone() or (0, 0)
    return {"typed": counted[0], "types and names differ in number": counted[1]}


def applicant_types(base: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Kind of each name by the type it has most often; a tie is left to the rule and not listed.

    A company that a university keeps to hold its shares is a firm by type and no second party
    (R15): the rule finds it, and is followed.
    """
    table = base.execute("""
SELECT name, kind, type, "rows" FROM typed
QUALIFY rank() OVER (PARTITION BY name ORDER BY "rows" DESC) = 1 ORDER BY name""").df()
    table = table[~table["name"].duplicated(keep=False)].copy()
    by_type = table["type"].map(TYPES)
    holding = table["kind"] == "university_holding"
    # Between kinds that are no firm the rule tells more: a hospital is a 机关团体.
    finer = (by_type != "firm") & (table["kind"] != "firm")
    return pd.DataFrame(
        {"applicant": table["name"], "kind": by_type.mask(holding | finer, table["kind"])}
    ).reset_index(drop=True)


def confusion(base: duckdb.DuckDBPyConnection) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Hold the rule to the types.

    Returns
    -------
    table : DataFrame
        One row a type: applications by the kind that the rule gives, a time an applicant is named.
    errors : DataFrame
        ``error`` ("a firm by type, no firm by name" or the reverse), ``name``, ``type``, ``kind``,
        ``rows``: the ten commonest names of each error. A university's holding company is none.
    """
    typed = base.execute('SELECT name, type, kind, "rows" FROM typed').df()
    typed["rows"] = typed["rows"].astype("int64")
    table = typed.pivot_table(
        index="type", columns="kind", values="rows", aggfunc="sum", fill_value=0
    )
    by_type, by_name = typed["type"].map(TYPES) == "firm", typed["kind"] == "firm"
    holding = typed["kind"] == "university_holding"
    said = pd.Series("", index=typed.index)
    said[by_type & ~by_name & ~holding] = "a firm by type, no firm by name"
    said[~by_type & by_name] = "no firm by type, a firm by name"
    wrong = typed.assign(error=said)[said != ""]
    wrong = wrong.sort_values(["error", "rows", "name"], ascending=[True, False, True])
    return table, wrong.groupby("error").head(10)[["error", "name", "type", "kind", "rows"]]


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
