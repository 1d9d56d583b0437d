"""The file that says which column is what: proposed, confirmed by a person, then read."""

import json
import re
from collections.abc import Mapping as Entries
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field as Described

from replication.errors import ReplicationError, SchemaError
from replication.records.ingest.vendors import FIELDS, NEEDED, Field, position, propose
from replication.records.toml import Row, Text, read
from replication.writing import write_file

MAPPING = "mapping.toml"
HEAD = """\
# Which column of an export is what. Look at the examples, correct the headers, delete the lines of
# fields that the export does not have, and set confirmed = true. Then give the command again.
"""


TABLES = {
    "disciplines": "# Which discipline a category of papers is of: its code in disciplines.csv, or "
    '"drop".\n# What is filled is a discipline by its name.',
    "countries": "# In which country an address of a paper is: a code such as US, or CN for one at "
    "home.",
}
"""Tables that papers add, and what is said above each."""


class UnconfirmedError(ReplicationError):
    """A person has not said yet which column is what, or what discipline a category is of."""


class Layout(Row):
    """Columns of the files that have one row of headers."""

    headers: list[str]
    confirmed: bool
    person_a_row: bool = False
    columns: dict[Field, Text]


class Mapping(Row):
    """Layouts of no known vendor; disciplines by category and countries by address of papers."""

    layout: list[Layout] = Described(default_factory=list)
    disciplines: dict[str, str] = Described(default_factory=dict)
    countries: dict[str, str] = Described(default_factory=dict)


def read_mapping(path: Path) -> Mapping:
    """Content of a mapping file, nothing if there is no file.

    `SchemaError` names a column that is not there or is mapped twice, or a field that is needed and
    has no column; `RegistryError` what is no such file.
    """
    if not path.is_file():
        return Mapping()
    told = read(path, Mapping)
    for number, layout in enumerate(told.layout, start=1):
        where = f"{path}, layout {number}"
        used: dict[int, str] = {}
        for field, header in layout.columns.items():
            at = position(layout.headers, header, where)
            if at is None:
                raise SchemaError(
                    f"{where}, field {field!r}: no column {header!r}; the headers are "
                    f"{', '.join(layout.headers)}"
                )
            if at in used:
                raise SchemaError(
                    f"{where}: column {header!r} is mapped twice, to {used[at]!r} and {field!r}: "
                    "delete one line"
                )
            used[at] = field
        if lacking := [field for field in NEEDED if field not in layout.columns]:
            raise SchemaError(f"{where}: no column for {', '.join(lacking)}: add a line for each")
    return told


def ask(path: Path, asked: Entries[str, Entries[str, tuple[str, str]]]) -> None:
    """Add lines to tables of a mapping file: of each key what is proposed, and a remark above.

    A line that a person has left empty stays where it is.
    """
    text = path.read_text(encoding="utf-8") if path.is_file() else HEAD
    own = read_mapping(path)
    for table, entries in asked.items():
        lines = [
            f"# {' '.join(remark.split())}\n{json.dumps(key, ensure_ascii=False)} = "
            f"{json.dumps(value)}\n"
            for key, (value, remark) in entries.items()
            if key not in getattr(own, table)
        ]
        if not lines:
            continue
        head = re.compile(rf"^\s*\[\s*{table}\s*\][^\n]*(\n|\Z)", re.MULTILINE)
        if not head.search(text):
            text = f"{text.rstrip()}\n\n{TABLES[table]}\n[{table}]\n"
        at = head.search(text)
        end = at.end() if at else len(text)
        text = f"{text[:end].rstrip()}\n{''.join(lines)}{text[end:]}"
    write_file(path, text.encode())


def layout_of(headers: Sequence[str], layouts: Sequence[Layout]) -> Layout | None:
    """Layout with these headers, or None."""
    return next((layout for layout in layouts if layout.headers == list(headers)), None)


def proposal(headers: Sequence[str], file: str, examples: dict[str, list[str]]) -> str:
    """One layout, as text of TOML, for a person to look at.

    `examples` are values of each header.
    """
    found = propose(headers)
    lines = [
        f"# As in {file}",
        "[[layout]]",
        f"headers = {json.dumps(list(headers), ensure_ascii=False)}",
        "confirmed = false",
        "[layout.columns]",
    ]
    for field in FIELDS:
        if field in found:
            header, confidence = found[field]
            shown = json.dumps(examples.get(header, []), ensure_ascii=False)
            lines.append(f"# {confidence:.0%} sure; for example {shown}")
            lines.append(f"{field} = {json.dumps(header, ensure_ascii=False)}")
        elif field in NEEDED:
            lines.append(f'# No header looks like this one, which is needed: {field} = "…"')
    return "\n".join(lines) + "\n"
