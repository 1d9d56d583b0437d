"""Patents of all files as one table of applications, every row kept or dropped with its reason.

SQL, since the whole is a stream from files to a file: what a row says is made uniform as it is
read, the rows of an application become one, and no table passes through memory.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from replication.errors import SchemaError
from replication.records.ingest.separators import OPEN_COMMA, SIGNS, legal_sql
from replication.records.ingest.tables import Table, fault_of
from replication.records.ingest.text import NO, YES
from replication.records.ingest.vendors import FIELDS, Field, position

KEPT = "kept"
SUBTOTAL = "^(合计|总计|小计|共.*(条|件)|total|sum|subtotal)"
GRANTS: tuple[Field, ...] = ("kind", "publication", "grant", "granted", "status")
"""Fields of which one must be there, for whether a patent is granted."""
OFFICES = "{'中国': 'CN', '中国专利局': 'CN', '中国大陆': 'CN', 'ZL': 'CN', 'PC': 'WO'}"

STANDARD = r"""
SELECT * EXCLUDE (first, rest, uniform),
  CASE WHEN modern <> '' THEN '' ELSE early(number) END AS early,
  list_concat(first, list_filter(rest, lambda s: NOT list_contains(first, s))) AS found,
  separate(uniform) AS named
FROM (SELECT *, modern(number) AS modern, named(applicants) AS uniform,
    coalesce(symbols(main), []) AS first, coalesce(symbols(ipc), []) AS rest
  FROM (SELECT {file} AS file, row, {fields}, letters(application) AS number FROM {relation}))
"""
READ = r"""
CREATE TABLE rows_read AS
SELECT file, row, file * 1099511627776 + row AS place, {person} AS person, applicants, types, named,
  CASE WHEN office_of = 'CN' AND modern <> '' THEN 'CN' || modern
       WHEN office_of = 'CN' AND early <> '' THEN 'CN' || early
       WHEN starts_with(replace(number, '.', ''), office_of) THEN replace(number, '.', '')
       ELSE office_of || replace(number, '.', '') END AS application,
  application AS written, number, date AS written_date, office_of AS office,
  day(trim(plain(date))) AS filed, array_to_string(found, ';') AS ipc,
  coalesce(main, ipc) AS written_ipc, granted AS written_granted,
  coalesce(regexp_matches(kind, '授权|^[BC][0-9]?$'), false)
    OR coalesce(nullif(trim("grant"), '') NOT IN ('0', '-'), false)
    OR coalesce(upper(granted) IN {yes}, false)
    OR coalesce(regexp_matches(status,
      '^(授权|有权|有效|未缴年费|期限届满|专利权的?终止|权利终止)'), false)
    OR coalesce(office_of = 'CN' AND regexp_matches(upper(plain(publication)),
      '[0-9]-?[BC][0-9]?$'), false)
    AS granted,
  CASE
    WHEN coalesce(application, date, applicants, ipc, main, kind, publication) IS NULL
      THEN 'empty row'
    WHEN regexp_matches(lower(coalesce(application, applicants, date, publication, kind)),
      '{subtotal}')
      THEN 'subtotal or remark of the export'
    WHEN application IS NULL THEN 'no application number'
    WHEN date IS NULL THEN 'no filing date'
    WHEN len(named) = 0 THEN 'no applicant'
    WHEN coalesce(regexp_matches(upper(kind),
        '实用新型|外观|UTILITY|DESIGN|^(UM|DP|U|Y|S)[0-9]?$'), false)
      OR (office_of = 'CN' AND (substr(modern, 5, 1) IN ('2', '3', '9')
        OR substr(early, 3, 1) IN ('2', '3')))
      OR coalesce(office_of = 'CN' AND regexp_matches(upper(plain(publication)),
        '[0-9]-?[UYS][0-9]?$'), false)
      THEN 'utility model or design, no invention'
  END AS fault
FROM (SELECT *, coalesce(
    CASE WHEN office IS NULL THEN NULL
      ELSE coalesce({offices}[trim(plain(office))][1], upper(trim(plain(office)))) END,
    CASE WHEN modern <> '' OR early <> '' THEN 'CN' END,
    {offices}[nullif(regexp_extract(number, '^[A-Z]{{2}}'), '')][1],
    nullif(regexp_extract(number, '^[A-Z]{{2}}'), ''),
    nullif(regexp_extract(upper(plain(publication)), '^[A-Z]{{2}}'), '')) AS office_of
  FROM ({standard}))
"""


@dataclass(frozen=True)
class Source:
    """A file of patents: its table, and the header of each field."""

    table: Table
    columns: Mapping[Field, str]
    person_a_row: bool
    layout: str


def read_patents(
    base: duckdb.DuckDBPyConnection, sources: list[Source]
) -> dict[int, dict[str, int]]:
    """Read files into the table ``rows_read``, with the reason that a row is dropped for.

    The table ``type_lists`` has every list of types, taken apart.

    Returns
    -------
    dict of int to dict of str to int
        For each file the rows in which each sign of `SIGNS` stands among the applicants.

    Raises
    ------
    SchemaError
        Names file, row, column, value and remedy of a number, date or office that cannot be read,
        of applicants that cannot be told apart, of a damaged file.
    """
    base.execute("CREATE TABLE type_lists (types VARCHAR, kinds VARCHAR[])")
    found = {}
    for number, source in enumerate(sources):
        where = str(source.table.path)
        if not set(GRANTS) & set(source.columns):
            raise SchemaError(
                f"{where}: no column says whether a patent is granted: map one of "
                f"{', '.join(GRANTS)}"
            )
        fields = ", ".join(_field(source, field) for field in FIELDS)
        standard = STANDARD.format(file=number, fields=fields, relation=source.table.relation)
        query = READ.format(
            person=str(source.person_a_row).lower(),
            subtotal=SUBTOTAL,
            yes=YES,
            offices="MAP " + OFFICES,
            standard=standard,
        )
        if number:
            query = query.replace("CREATE TABLE rows_read AS", "INSERT INTO rows_read")
        try:
            base.execute(query)
        except duckdb.Error as error:
            raise fault_of(source.table.path, error) from error
        base.execute(
            "INSERT INTO type_lists SELECT types, names(types) FROM (SELECT DISTINCT types FROM "
            f"rows_read WHERE file = {number}) WHERE types NOT IN (SELECT types FROM type_lists)"
        )
        found[number] = signs(base, number)
        _require(base, number, source)
        _require_told_apart(base, number, source, found[number])
    return found


def _field(source: Source, field: Field) -> str:
    """SQL of a field: null where it is blank, or where the export has no such column."""
    header = source.columns.get(field)
    if header is None:
        return f'NULL::VARCHAR AS "{field}"'
    at = position(source.table.headers, header, str(source.table.path))
    return f"CASE WHEN trim(c{at}) IN ('', '-', '--') THEN NULL ELSE trim(c{at}) END AS \"{field}\""


def _require(base: duckdb.DuckDBPyConnection, number: int, source: Source) -> None:
    """Raise `SchemaError` on the first row of a file that cannot be read."""
    rules: tuple[tuple[Field, str, str, str], ...] = (
        ("application", "written", r"regexp_matches(written, '^[0-9](\.[0-9]+)?[Ee]\+?[0-9]+$')",
         "was rounded by a spreadsheet: export the column as text"),
        ("application", "written", "office = '' OR office IS NULL",
         "is of no office: put CN or another code before it, or map a column to office"),
        ("application", "written", "NOT regexp_matches(number, '[0-9]{4}')",
         "is no number of an application: is the column mapped rightly?"),
        ("office", "office", "NOT regexp_matches(office, '^[A-Z]{2}$')",
         "is no code of two letters: correct it"),
        ("date", "written_date", "filed IS NULL",
         "is no date: write 2018-01-06, 20180106 or 2018年1月6日"),
        ("date", "written_date", "year(filed) NOT BETWEEN 1900 AND 2100",
         "is no date of a patent: correct it"),
        ("ipc", "written_ipc", "written_ipc IS NOT NULL AND ipc = '' AND "
         r"regexp_matches(written_ipc, '[\p{L}\p{N}]')",
         "holds no IPC symbol: is the column mapped rightly?"),
        ("granted", "written_granted", "written_granted IS NOT NULL AND upper(written_granted) NOT "
         f"IN {(*YES, *NO)}",
         "says neither yes nor no: write Y or N"),
    )  # fmt: skip
    each = ", ".join(
        f"count_if({fault}), arg_min({column}, row) FILTER ({fault}), min(row) FILTER ({fault})"
        for _, column, fault, _ in rules
    )
    # What is dropped for another reason need not be readable.
    found = base.execute(
        f"SELECT {each} FROM rows_read WHERE file = {number} AND fault IS NULL"
    ).fetchone()
    for at, (field, _, _, remedy) in enumerate(rules):
        n, value, row = (found or (0, 0, 0) * len(rules))[3 * at : 3 * at + 3]
        if n:
            header = source.columns.get(field, field)
            raise SchemaError(
                f"{source.table.path}, row {row}, column {header!r}: {str(value)[:80]!r} "
                f"{remedy} ({n:,} such rows)"
            )


def _require_told_apart(
    base: duckdb.DuckDBPyConnection, number: int, source: Source, found: Mapping[str, int]
) -> None:
    """Raise `SchemaError` where only commas could separate Latin names, and may be part of them."""
    if any(found[sign] for sign in SIGNS if sign != "comma"):
        return
    rows = base.execute(
        f"SELECT count(*), arg_min(applicants, row), min(row) FROM rows_read WHERE file = {number} "
        f"AND fault IS NULL AND regexp_matches({legal_sql('applicants')}, '{OPEN_COMMA}')"
    ).fetchone()
    if rows and rows[0] and not source.person_a_row:
        raise SchemaError(
            f"{source.table.path}, row {rows[2]}, column {source.columns['applicants']!r}: "
            f"{rows[1][:80]!r}: a comma separates names, or is part of one, and no other sign is "
            f"in the column ({rows[0]:,} such rows): separate applicants by semicolons"
        )
    pairs = base.execute(
        "SELECT row, applicants, types FROM rows_read JOIN type_lists USING (types) "
        f"WHERE file = {number} AND fault IS NULL AND len(named) = 1 AND len(kinds) > 1 "
        "ORDER BY row LIMIT 1"
    ).fetchone()
    if pairs:
        raise SchemaError(
            f"{source.table.path}, row {pairs[0]}, column {source.columns['applicants']!r}: "
            f"{pairs[1][:80]!r} is one name, and has the types {pairs[2]!r}: separate applicants "
            "by semicolons"
        )


def signs(base: duckdb.DuckDBPyConnection, number: int) -> dict[str, int]:
    """Rows of a file in which each sign of `SIGNS` stands among the applicants."""
    counts = ", ".join(f"count_if(regexp_matches(applicants, '{s}'))" for s in SIGNS.values())
    query = f"SELECT {counts} FROM rows_read WHERE file = {number} AND fault IS NULL"
    return dict(zip(SIGNS, base.execute(query).fetchone() or (), strict=True))


def noticed(base: duckdb.DuckDBPyConnection, number: int, found: Mapping[str, int]) -> str:
    """Say which signs stand between the applicants of a file, and how many check digits are wrong.

    A number is known without its check digit, so that a wrong one is told and drops nothing: many
    of them are a sign that numbers were typed, or are of something else.
    """
    used = {sign: n for sign, n in found.items() if n}
    said = ", ".join(f"{sign} in {n:,} rows" for sign, n in used.items()) or "none"
    checked, wrong, first, example = base.execute(f"""
SELECT count(*), coalesce(count_if(given <> due), 0), min(row) FILTER (given <> due),
  arg_min(written, row) FILTER (given <> due)
FROM (SELECT row, written, right(number, 1) AS given, check_digit(substr(application, 3)) AS due
  FROM rows_read WHERE file = {number} AND fault IS NULL AND office = 'CN'
    AND length(application) IN (10, 14)
    AND ends_with(rtrim(left(number, -1), '.'), substr(application, 3)))
""").fetchone() or (0, 0, None, None)
    digits = f"check digits: {checked:,}, of them wrong: {wrong:,}"
    if wrong:
        digits += f", first in row {first} ({example})"
    return f"signs between applicants: {said}; {digits}"


def applications(base: duckdb.DuckDBPyConnection) -> None:
    """Make ``patents`` of ``rows_read``, an application a row, and ``flow`` of why others went."""
    persons = base.execute("SELECT count_if(person) FROM rows_read").fetchone()
    several = bool(persons and persons[0])
    text = "array_to_string(named, ';')"
    every = f"string_agg({text}, ';' ORDER BY place)" if several else f"arg_min({text}, place)"
    ipc = (
        "string_agg(nullif(ipc, ''), ';' ORDER BY place)"
        if several
        else "arg_min(nullif(ipc, ''), place)"
    )
    base.execute(f"""
CREATE TABLE applications AS
SELECT application, min(place) AS place, min(filed) AS date, arg_min(office, place) AS jurisdiction,
  CASE WHEN bool_or(person) THEN {every} ELSE arg_min({text}, place) END AS applicants,
  CASE WHEN bool_or(person) THEN {ipc} ELSE arg_min(nullif(ipc, ''), place) END AS ipc,
  bool_or(granted) AS granted,
  count(DISTINCT filed) > 1 AS dates_differ,
  count(DISTINCT {text}) > 1 AND NOT bool_or(person) AS applicants_differ
FROM rows_read WHERE fault IS NULL GROUP BY application""")
    base.execute(f"""
CREATE TABLE flow AS
SELECT file, reason, count(*) AS "rows", arg_min(r.row, r.place) AS first_row,
  arg_min(r.written, r.place) AS example
FROM (SELECT r.file, r.row, r.place, r.written, CASE
    WHEN r.fault IS NOT NULL THEN r.fault
    WHEN a.place = r.place THEN '{KEPT}'
    WHEN r.person THEN 'another applicant or symbol of an application read before'
    ELSE 'another publication of an application read before' END AS reason
  FROM rows_read r LEFT JOIN applications a ON r.application = a.application AND r.fault IS NULL) r
GROUP BY file, reason""")
