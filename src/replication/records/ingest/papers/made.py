"""The table of papers of what `rows` has read, every row kept or dropped with its reason."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa

from replication.errors import SchemaError
from replication.records.ingest.mapping import UnconfirmedError, ask, read_mapping
from replication.records.ingest.papers import match, rows
from replication.records.ingest.patents import KEPT
from replication.records.ingest.tables import Table
from replication.records.ingest.vendors import PaperVendor
from replication.records.study.frame import study

DROP = "drop"
"""Stands in a mapping for a category that is of no discipline of the study."""
LOOKS = 3
"""Examples of a category that a person is shown."""

JOINS = (
    """
CREATE TABLE of_row AS
SELECT place, coalesce(doi, max(doi) OVER (PARTITION BY native), native) AS paper
FROM paper_rows WHERE fault IS NULL""",
    """
CREATE TABLE paper_countries AS
SELECT place, list_distinct(list(code)) AS codes FROM (
  SELECT r.place, k.code FROM (SELECT place, unnest(addresses) AS a FROM paper_rows
      WHERE fault IS NULL) r JOIN place_codes k ON k.place = r.a.place
  UNION ALL SELECT place, unnest(countries) FROM paper_rows WHERE fault IS NULL
  UNION ALL SELECT place, '{home}' FROM (SELECT place, unnest(addresses) AS a, countries
      FROM paper_rows WHERE fault IS NULL) WHERE a.place IS NULL AND countries IS NULL)
GROUP BY place""",
    # Where no address says its country, the paper must be of the country of the university.
    """
CREATE TABLE paper_universities AS
SELECT r.place, n.university, bool_and(n.homonym AND k.code IS NULL AND len(c.codes) > 1)
  AS homonym
FROM (SELECT place, unnest(addresses) AS a FROM paper_rows WHERE fault IS NULL) r
JOIN address_names n ON n."name" = r.a."name"
LEFT JOIN place_codes k ON k.place = r.a.place
LEFT JOIN paper_countries c ON c.place = r.place
WHERE k.code = '{home}' OR k.code IS NULL AND list_contains(c.codes, '{home}')
GROUP BY r.place, n.university""",
    """
CREATE TABLE paper_disciplines AS
SELECT DISTINCT r.place, k.discipline
FROM (SELECT place, unnest(categories) AS category FROM paper_rows WHERE fault IS NULL) r
JOIN category_codes k USING (category) WHERE k.discipline <> '{drop}'""",
    # Of several records the first that places the paper, if one does.
    """
CREATE TABLE paper_first AS
SELECT paper, place,
  EXISTS (FROM paper_universities u WHERE u.place = f.place AND NOT u.homonym) AS ours,
  EXISTS (FROM paper_universities u WHERE u.place = f.place AND u.homonym) AS homonym,
  EXISTS (FROM paper_disciplines d WHERE d.place = f.place) AS placed
FROM of_row f
QUALIFY row_number() OVER (PARTITION BY paper ORDER BY ours AND placed DESC, place) = 1""",
    """
CREATE TABLE papers_made AS
SELECT f.paper, u.university, d.discipline, r.year,
  coalesce(array_to_string(list_sort(list_filter(c.codes, lambda k: k <> '{home}')), ';'), '')
    AS partner_countries
FROM paper_first f JOIN paper_rows r USING (place) JOIN paper_universities u USING (place)
JOIN paper_disciplines d USING (place) LEFT JOIN paper_countries c USING (place)
WHERE NOT u.homonym""",
)
"""What is known of each row, and then of each paper, in order."""
FLOW = f"""
CREATE TABLE paper_flow AS
SELECT file, reason, count(*) AS "rows", arg_min(row, place) AS first_row,
  arg_min(coalesce(title, written), place) AS example
FROM (SELECT r.file, r.row, r.place, r.title, r.written, CASE
    WHEN r.fault IS NOT NULL THEN r.fault
    WHEN p.place <> r.place THEN 'another record of the same paper'
    WHEN NOT p.ours AND p.homonym THEN 'a university whose name one abroad has too'
    WHEN NOT p.ours THEN 'no university of the sample among the addresses'
    WHEN NOT p.placed THEN 'category that the mapping drops'
    ELSE '{KEPT}' END AS reason
  FROM paper_rows r LEFT JOIN of_row USING (place) LEFT JOIN paper_first p USING (paper))
GROUP BY file, reason"""


@dataclass(frozen=True)
class Source:
    """A file of papers."""

    table: Table
    vendor: PaperVendor


def read_papers(base: duckdb.DuckDBPyConnection, sources: Mapping[int, Source]) -> None:
    """Read files into ``paper_rows``; raises as `rows.read` does."""
    rows.create(base)
    for number, source in sources.items():
        rows.read(base, number, source.table, source.vendor, match.chinese_countries())


def make_papers(
    base: duckdb.DuckDBPyConnection,
    universities: pd.DataFrame,
    disciplines: pd.DataFrame,
    mapping: Path,
    say: Callable[[str], None],
) -> None:
    """Make ``papers_made``, a row a paper, university and discipline, and ``paper_flow``.

    A paper with several categories is one of each discipline that they lead to; its partners are
    the countries of its addresses but for the study's own.

    Raises
    ------
    UnconfirmedError
        Categories, or countries, that a person has to say what they are; `mapping` asks.
    SchemaError
        A category is mapped to what is no discipline, a country to what is no code.
    """
    told = read_mapping(mapping)
    codes, asked = _countries(base, told.countries, mapping)
    found, open_ones = _disciplines(base, told.disciplines, disciplines, mapping)
    if asked or open_ones:
        ask(mapping, {"disciplines": open_ones, "countries": asked})
        raise UnconfirmedError(
            f"{mapping} asks which discipline {_empty(open_ones)} categories of papers are of, "
            f"and in which country {len(asked)} addresses are: fill each, a discipline by its code "
            f'or "{DROP}", look at those that are filled, and give the command again; nothing else '
            "was written"
        )
    base.register("place_codes", pa.table(codes))
    base.register("category_codes", pa.table(found))
    _join(base, universities)
    _tell(base, say)


def _tell(base: duckdb.DuckDBPyConnection, say: Callable[[str], None]) -> None:
    differ = base.execute("""
SELECT count(*) FILTER (years > 1), count(*) FILTER (partners > 1)
FROM (SELECT count(DISTINCT year) AS years, count(DISTINCT list_sort(codes)) AS partners
  FROM of_row JOIN paper_rows USING (place) LEFT JOIN paper_countries USING (place)
  GROUP BY paper)""").fetchone() or (0, 0)
    papers, rows_made = base.execute(
        "SELECT count(DISTINCT paper), count(*) FROM papers_made"
    ).fetchone() or (0, 0)
    say(
        f"papers: {papers:,}, by university and discipline {rows_made:,} rows; whose records "
        f"differ in year: {differ[0]:,}, in countries: {differ[1]:,}; the first that has a "
        "university and a discipline is kept"
    )


def _countries(
    base: duckdb.DuckDBPyConnection, own: Mapping[str, str], mapping: Path
) -> tuple[dict[str, list[str]], dict[str, tuple[str, str]]]:
    """Codes of the places, and the places that a person is asked about."""
    if wrong := match.wrong(own, match.is_code):
        raise SchemaError(
            f"{mapping}, countries, {wrong[0]!r} = {wrong[1]!r}: is no code of ISO 3166: write one "
            "such as US, or CN for an organisation at home"
        )
    places = base.execute("""
SELECT a.place, count(*), arg_min(a."name", r.place) FROM (
  SELECT place, unnest(addresses) AS a FROM paper_rows WHERE fault IS NULL) r
WHERE a.place IS NOT NULL GROUP BY a.place ORDER BY 2 DESC, 1""").fetchall()
    codes: dict[str, list[str]] = {"place": [], "code": []}
    asked: dict[str, tuple[str, str]] = {}
    for place, n, example in places:
        code, proposed = match.country_of(place, {p: c for p, c in own.items() if c})
        if code is None and match.is_code(place):
            code = place
        if code is None:
            asked[place] = (proposed, f"{n:,} addresses; for example {example[:60]}")
        else:
            codes["place"].append(place)
            codes["code"].append(code)
    return codes, asked


def _empty(asked: Mapping[str, tuple[str, str]]) -> int:
    return sum(not proposed for proposed, _ in asked.values())


def _disciplines(
    base: duckdb.DuckDBPyConnection, own: Mapping[str, str], known: pd.DataFrame, mapping: Path
) -> tuple[dict[str, list[str]], dict[str, tuple[str, str]]]:
    """Disciplines of the categories, and the categories that a person is asked about."""
    allowed = {*known["discipline"], DROP}
    if wrong := match.wrong(own, allowed.__contains__):
        raise SchemaError(
            f"{mapping}, disciplines, {wrong[0]!r} = {wrong[1]!r}: is no discipline of the study: "
            f'write a code of four digits out of disciplines.csv, or "{DROP}"'
        )
    there = base.execute(f"""
SELECT category, count(*), list(title ORDER BY place)[:{LOOKS}] FROM (
  SELECT place, title, unnest(categories) AS category FROM paper_rows WHERE fault IS NULL)
GROUP BY category ORDER BY 2 DESC, 1""").fetchall()
    codes: dict[str, list[str]] = {"category": [], "discipline": []}
    asked: dict[str, tuple[str, str]] = {}
    proposed = {c: own.get(c) or match.discipline_of(c, known) for c, *_ in there}
    complete = all(proposed.values())
    for category, n, titles in there:
        if proposed[category]:
            codes["category"].append(category)
            codes["discipline"].append(proposed[category])
        if not complete and not own.get(category):
            said = "; ".join(str(title)[:40] for title in titles)
            asked[category] = (proposed[category], f"{n:,} papers; for example {said}")
    return codes, asked


def _join(base: duckdb.DuckDBPyConnection, universities: pd.DataFrame) -> None:
    """Put rows, universities, countries and disciplines together."""
    names = base.execute(
        'SELECT DISTINCT a."name" FROM (SELECT unnest(addresses) AS a FROM paper_rows '
        "WHERE fault IS NULL)"
    ).fetchall()
    known = match.Matcher(universities).table(name for (name,) in names)
    base.register("address_names", pa.Table.from_pandas(known.astype({"homonym": bool})))
    for statement in JOINS:
        base.execute(statement.format(home=study().home, drop=DROP))
    base.execute(FLOW)
