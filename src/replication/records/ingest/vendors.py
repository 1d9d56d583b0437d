"""Whose export a file is, by its headers; and a proposal where nobody is known to make such a file.

Headers are compared in one width and case, without blanks and signs.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Literal, get_args

from pydantic import Field as Described
from rapidfuzz import fuzz

from replication.config import DATA
from replication.errors import SchemaError
from replication.records.schema import RECORDS
from replication.records.toml import Row, Text, read

Field = Literal[
    "application", "date", "applicants", "types", "main", "ipc",
    "kind", "publication", "grant", "granted", "status", "office",
]  # fmt: skip
FIELDS: tuple[Field, ...] = get_args(Field)
NEEDED: tuple[Field, ...] = ("application", "date", "applicants")
OTHERS = tuple(name for name in RECORDS if name != "patents")
"""Tables that are taken as they are, under their English or Chinese headers."""


class Vendor(Row):
    """How a vendor lays out patents."""

    id: Text
    name: Text
    needs: list[Text]
    columns: dict[Field, Text]
    person_a_row: bool = False


class PaperVendor(Row):
    """How a vendor lays out papers."""

    id: Literal["wos", "openalex", "cnki"]
    name: Text
    marks: list[Text]
    needs: list[Text]
    remedy: Text
    unquoted: bool = False
    columns: dict[str, list[Text]]


class Vendors(Row):
    """Vendors, and headers that are seen elsewhere."""

    vendor: list[Vendor]
    papers: list[PaperVendor]
    synonyms: dict[Field, list[Text]] = Described(min_length=1)


@cache
def vendors() -> Vendors:
    """Content of ``data/vendors.toml``."""
    return read(DATA / "vendors.toml", Vendors)


def key(header: str) -> str:
    """Header without what tells no two apart: width, case, blanks, brackets, signs."""
    plain = unicodedata.normalize("NFKC", header).casefold()
    return re.sub(r"[\W_]+", "", plain)


@cache
def _known() -> frozenset[str]:
    said = {key(h) for v in vendors().vendor for h in [*v.needs, *v.columns.values()]}
    said |= {key(h) for headers in vendors().synonyms.values() for h in headers}
    said |= {key(h) for v in vendors().papers for names in v.columns.values() for h in names}
    for table in RECORDS.values():
        said |= {key(c) for c in table.columns}
        said |= {key(column.metadata["zh"]) for column in table.columns.values()}
    return frozenset(said)


def header_score(row: Sequence[object]) -> int:
    """Cells of a row that are headers of some export."""
    return sum(key(str(cell)) in _known() for cell in row if cell)


def position(headers: Sequence[str], wanted: str, where: str) -> int | None:
    """Where a header is; `SchemaError` if two columns have it."""
    at = [i for i, header in enumerate(headers) if key(header) == key(wanted)]
    if len(at) > 1:
        raise SchemaError(
            f"{where}: columns {at[0] + 1} and {at[1] + 1} are both named {headers[at[0]]!r}: "
            "rename the one that is not meant"
        )
    return at[0] if at else None


def vendor_of(headers: Sequence[str]) -> Vendor | None:
    """Vendor of a file of patents, or None."""
    keys = {key(header) for header in headers}
    for vendor in vendors().vendor:
        if {key(need) for need in vendor.needs} <= keys:
            return vendor
    return None


def table_of(headers: Sequence[str]) -> str | None:
    """Record table other than patents that the headers are of, in either language, or None."""
    keys = {key(header) for header in headers}
    for name in OTHERS:
        columns = RECORDS[name].columns
        if all({key(c), key(d.metadata["zh"])} & keys for c, d in columns.items()):
            return name
    return None


def propose(headers: Sequence[str]) -> dict[Field, tuple[str, float]]:
    """For each field the header that is most like one known for it, and how much so, in [0, 1].

    Each header goes to one field; what is less than 0.8 alike is not proposed.
    """
    scored = sorted(
        (
            (max(fuzz.ratio(key(header), key(known)) for known in names) / 100, field, header)
            for field, names in vendors().synonyms.items()
            for header in headers
            if key(header)
        ),
        key=lambda row: (-row[0], FIELDS.index(row[1]), row[2]),
    )
    found: dict[Field, tuple[str, float]] = {}
    for confidence, field, header in scored:
        if confidence < 0.8 or field in found or header in {h for h, _ in found.values()}:
            continue
        found[field] = (header, confidence)
    return found
