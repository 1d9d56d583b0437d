"""Whose export of papers a file is: by headers that nobody else has, ``data/vendors.toml``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from replication.errors import SchemaError
from replication.records.ingest.vendors import PaperVendor, key, position, vendors

PaperField = Literal[
    "native", "doi", "title", "year", "early", "source", "issue",
    "addresses", "codes", "countries", "categories",
]  # fmt: skip


def paper_vendor_of(headers: Sequence[str]) -> PaperVendor | None:
    """Vendor of a file of papers, or None."""
    keys = {key(header) for header in headers}
    for vendor in vendors().papers:
        if {key(mark) for mark in vendor.marks} <= keys:
            return vendor
    return None


def places(vendor: PaperVendor, headers: Sequence[str], path: Path) -> dict[str, list[int]]:
    """Where each field is that the export has: the first of its columns that is filled counts.

    `SchemaError` names what is needed and not there, and how it is exported.
    """
    found: dict[str, list[int]] = {}
    for field, names in vendor.columns.items():
        at = [position(headers, name, str(path)) for name in names]
        if there := [place for place in at if place is not None]:
            found[field] = there
    for field in vendor.needs:
        if field not in found:
            named = " or ".join(vendor.columns[field])
            raise SchemaError(f"{path}: no column {named} ({vendor.name}): {vendor.remedy}")
    return found
