"""What a row of an export of papers says, in one form, whoever exported it: SQL of DuckDB."""

from collections.abc import Mapping

import duckdb

from replication.errors import SchemaError
from replication.records.ingest.papers.layouts import PaperField, places
from replication.records.ingest.patents import SUBTOTAL
from replication.records.ingest.tables import Table, fault_of
from replication.records.ingest.vendors import PaperVendor

HONG_KONG = r",\s*(Hong Kong|Macau|Macao)\b[^,]*,\s*Peoples R China$"
FOREIGN = r"^[^\p{Han}]*[A-Za-z][^\p{Han}]*$"

# An address of Web of Science: [authors] organisation, …, place, country; an American one ends with
# state and code before USA. Universities that two cities have are told apart by these. In a list of
# CNKI no country is named: an organisation is taken for foreign, and shown to a person, if it is in
# Latin letters or begins with a country's name.
ADDRESSES = {
    "wos": rf"""
list_transform(
  list_filter(list_transform(string_split(regexp_replace(addresses, '\[[^\]]*\]', '', 'g'), ';'),
    lambda a: trim(a, ' .')), lambda a: a <> ''),
  lambda a: {{'name': trim(split_part(a, ',', 1)) || CASE
    WHEN NOT regexp_matches(a, '^China Univ (Min & Technol|Petr|Geosci),') THEN ''
    WHEN regexp_matches(a, '\bBeijing\b') THEN ' Beijing'
    WHEN regexp_matches(a, '^China Univ Geosci,.*\bWuhan\b') THEN ' Wuhan'
    WHEN regexp_matches(a, '^China Univ Petr,.*\b(Qingdao|Dongying)\b') THEN ' East China'
    ELSE '' END, 'place': CASE
    WHEN regexp_matches(a, '{HONG_KONG}') THEN regexp_extract(a, '{HONG_KONG}', 1)
    WHEN regexp_matches(a, '\bUSA$') THEN 'USA'
    ELSE trim(regexp_extract(a, '([^,]*)$', 1)) END}})""",
    "openalex": """
list_transform(list_zip(string_split(addresses, '|'), CASE
    WHEN len(string_split(codes, '|')) = len(string_split(addresses, '|'))
    THEN string_split(codes, '|') ELSE [] END),
  lambda z: {'name': trim(z[1]), 'place': nullif(trim(z[2]), '')})""",
    "cnki": r"""
list_transform(
  list_filter(list_transform(regexp_split_to_array(plain(addresses), ';'),
    lambda a: trim(a)), lambda a: a <> ''),
  lambda a: {'name': a, 'place': CASE
    WHEN regexp_matches(a, '{foreign}') OR regexp_matches(a, '^({states})') THEN a END})""",
}
CATEGORIES = {
    "wos": "list_transform(string_split(categories, ';'), lambda c: trim(c))",
    "openalex": "[trim(categories)]",
    # A class of the Chinese Library Classification to its first digit: TP391.4 is of TP3.
    "cnki": "list_transform(regexp_split_to_array(upper(plain(categories)), '[;,\\s]+'), "
    "lambda c: regexp_extract(c, '^(T[A-Z][0-9]?|[A-Z][0-9]?)', 1))",
}
READ = r"""
INSERT INTO paper_rows
SELECT file, row, place, doi, native, written, title, written_year, early, year, addresses,
  list_distinct(list_filter(coalesce(categories, []), lambda c: c <> '')) AS categories,
  countries,
  CASE
    WHEN coalesce(written, title, written_year, written_addresses) IS NULL THEN 'empty row'
    WHEN regexp_matches(lower(coalesce(written, title)), '{subtotal}')
      THEN 'subtotal or remark of the export'
    WHEN native IS NULL AND doi IS NULL THEN 'no number and no title'
    WHEN written_year IS NULL THEN 'no year'
    WHEN len(coalesce(addresses, [])) = 0 THEN 'no address'
    WHEN len(list_filter(coalesce(categories, []), lambda c: c <> '')) = 0 THEN 'no category'
  END AS fault
FROM (SELECT {number} AS file, row, {number} * 1099511627776 + row AS place,
    nullif(lower(regexp_extract(plain(doi), '10\.[0-9]{{4,9}}/\S+', 0)), '') AS doi,
    {native} AS native, coalesce(native, title) AS written, title,
    coalesce(year, early) AS written_year, early,
    try_cast(regexp_extract(plain(coalesce(year, early)),
      '^(?:[A-Za-z]{{3}} )?([0-9]{{4}})(?:[-/年. ]|$)', 1) AS BIGINT) AS year,
    addresses AS written_addresses, {addresses} AS addresses, {categories} AS categories,
    list_filter(string_split(upper(countries), '|'), lambda c: c <> '') AS countries
  FROM (SELECT row, {fields} FROM {relation}))
"""
NATIVE = {
    "wos": "upper(trim(native))",
    "openalex": "upper(regexp_extract(native, '([Ww][0-9]+)$', 1))",
    "cnki": "'CNKI:' || left(sha256(lower(concat_ws('|', letters(title), letters(source), "
    "written_of_year, letters(issue)))), 20)",
}
FIELDS: tuple[PaperField, ...] = (
    "native", "doi", "title", "year", "early", "source", "issue",
    "addresses", "codes", "countries", "categories",
)  # fmt: skip


def create(base: duckdb.DuckDBPyConnection) -> None:
    """Make the empty table ``paper_rows``."""
    base.execute("""
CREATE TABLE paper_rows (file BIGINT, row BIGINT, place BIGINT, doi VARCHAR, native VARCHAR,
  written VARCHAR, title VARCHAR, written_year VARCHAR, early VARCHAR, year BIGINT,
  addresses STRUCT("name" VARCHAR, place VARCHAR)[], categories VARCHAR[], countries VARCHAR[],
  fault VARCHAR)""")


def read(
    base: duckdb.DuckDBPyConnection,
    number: int,
    table: Table,
    vendor: PaperVendor,
    states: Mapping[str, str],
) -> None:
    """Read a file into ``paper_rows``, with the reason that a row is dropped for.

    `states` are names of countries in Chinese, with their codes. `SchemaError` names file, row,
    column, value and remedy of a year that cannot be read, of a paper of two DOIs.
    """
    at = places(vendor, table.headers, table.path)
    fields = ", ".join(
        f"coalesce({', '.join([*cells, 'NULL::VARCHAR'])}) AS {field}"
        for field in FIELDS
        for cells in [[f"nullif(trim(c{place}), '')" for place in at.get(field, [])]]
    )
    native = NATIVE[vendor.id].replace("written_of_year", "regexp_extract(year, '[0-9]{4}')")
    addresses = ADDRESSES[vendor.id]
    if vendor.id == "cnki":
        addresses = addresses.replace("{foreign}", FOREIGN).replace("{states}", "|".join(states))
        native = f"CASE WHEN title IS NOT NULL THEN {native} END"
    query = READ.format(
        number=number,
        fields=fields,
        relation=table.relation,
        native=f"nullif({native}, '')",
        addresses=addresses,
        categories=CATEGORIES[vendor.id],
        subtotal=SUBTOTAL,
    )
    try:
        base.execute(query)
    except duckdb.Error as error:
        raise fault_of(table.path, error) from error
    _require(base, number, table, vendor, at)


def _require(
    base: duckdb.DuckDBPyConnection,
    number: int,
    table: Table,
    vendor: PaperVendor,
    at: Mapping[str, list[int]],
) -> None:
    """Raise `SchemaError` on the first row of a file that cannot be read."""
    rules = (
        ("year", "written_year", "year IS NULL OR year NOT BETWEEN 1900 AND 2100",
         "is no year of a paper: correct it"),
        ("native", "written", "native IS NULL",
         "is no number of a paper: is the column what its header says?"),
        ("countries", "array_to_string(countries, '|')",
         "NOT list_bool_and(list_transform(countries, lambda c: regexp_matches(c, '^[A-Z]{2}$')))",
         "are no codes of countries of two letters: correct it"),
    )  # fmt: skip
    for field, column, fault, remedy in rules:
        if field not in at:
            continue
        found = base.execute(
            f"SELECT count(*), arg_min({column}, row), min(row) FROM paper_rows "
            f"WHERE file = {number} AND fault IS NULL AND ({fault})"
        ).fetchone()
        if found and found[0]:
            raise SchemaError(
                f"{table.path}, row {found[2]}, column {table.headers[at[field][0]]!r}: "
                f"{str(found[1])[:80]!r} {remedy} ({found[0]:,} such rows)"
            )
    two = base.execute(f"""
SELECT native, min(doi), max(doi), max(row) FROM paper_rows
WHERE fault IS NULL AND native IN (SELECT native FROM paper_rows WHERE file = {number})
GROUP BY native HAVING min(doi) <> max(doi) ORDER BY max(row) LIMIT 1""").fetchone()
    if two and vendor.id != "cnki":
        raise SchemaError(
            f"{table.path}, row {two[3]}, column {table.headers[at['doi'][0]]!r}: the paper "
            f"{two[0]} has two DOIs, {two[1]} and {two[2]}: correct one"
        )
