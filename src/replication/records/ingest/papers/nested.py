"""Works of OpenAlex as its programming interface gives them, a line each or in Parquet.

They come out under the headers of the CSV that its site exports, several values with bars between
(OpenAlex, "Work object"; the site's export).
"""

import json
from pathlib import Path
from typing import Final

import duckdb

NAMES: Final = {
    "id": "VARCHAR",
    "doi": "VARCHAR",
    "title": "VARCHAR",
    "publication_year": "VARCHAR",
    "authorships": "STRUCT(institutions STRUCT(display_name VARCHAR, country_code VARCHAR)[], "
    "countries VARCHAR[])[]",
    "primary_topic": "STRUCT(display_name VARCHAR, subfield STRUCT(display_name VARCHAR))",
}
INSTITUTIONS = (
    "flatten(list_transform(coalesce(authorships, []), lambda a: coalesce(a.institutions, [])))"
)
COUNTRIES = (
    "flatten(list_transform(coalesce(authorships, []), lambda a: coalesce(a.countries, [])))"
)
COLUMNS: Final = {
    "id": "id",
    "doi": "doi",
    "title": "title",
    "publication_year": "publication_year",
    "authorships.institutions.display_name": "array_to_string(list_transform("
    f"{INSTITUTIONS}, lambda i: replace(coalesce(i.display_name, ''), '|', ' ')), '|')",
    "authorships.institutions.country_code": "array_to_string(list_transform("
    f"{INSTITUTIONS}, lambda i: coalesce(i.country_code, '')), '|')",
    "authorships.countries": f"array_to_string(list_distinct({COUNTRIES}), '|')",
    "primary_topic.display_name": "primary_topic.display_name",
    "primary_topic.subfield.display_name": "primary_topic.subfield.display_name",
}
"""Headers of the site's export, and what they hold of a nested work."""


def lines(base: duckdb.DuckDBPyConnection, name: str, file: str) -> list[str]:
    """Make the relation `name` of a file that has a work a line; return its headers."""
    columns = ", ".join(f"{column}: '{kind}'" for column, kind in NAMES.items())
    source = (
        f"read_json({file}, format = 'newline_delimited', columns = {{{columns}}}, "
        "maximum_object_size = 67108864)"
    )
    return _view(base, name, source)


def is_nested(base: duckdb.DuckDBPyConnection, source: str) -> bool:
    """Whether a relation has works with their authorships as a list."""
    kinds = {row[0]: row[1] for row in base.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
    return kinds.get("authorships", "").endswith("[]") and {"id", "publication_year"} <= set(kinds)


def parquet(base: duckdb.DuckDBPyConnection, name: str, source: str) -> list[str]:
    """Make the relation `name` of nested works in Parquet; return its headers."""
    there = {row[0] for row in base.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
    typed = ", ".join(
        f"try_cast({column} AS {kind}) AS {column}" if column in there else f"NULL AS {column}"
        for column, kind in NAMES.items()
    )
    return _view(base, name, f"(SELECT {typed} FROM {source})")


def _view(base: duckdb.DuckDBPyConnection, name: str, source: str) -> list[str]:
    cells = ", ".join(f"{sql} AS c{i}" for i, sql in enumerate(COLUMNS.values()))
    base.execute(f"CREATE VIEW {name} AS SELECT {cells}, row_number() OVER () AS row FROM {source}")
    return list(COLUMNS)


def bad_line(path: Path) -> int | None:
    """Return the number of the first line that is no JSON, which DuckDB does not tell rightly."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                json.loads(line or b"{}")
            except ValueError:
                if line.strip():
                    return number
    return None
