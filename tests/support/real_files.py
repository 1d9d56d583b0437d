"""Where the tests find the public files of others, which do not ship with the project."""

import csv
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from replication.config import ROOT
from replication.records.open.download import cache_folder
from replication.records.open.sources import load_sources

CHAPTER = ("the", "leiden", "bcur", "evaluation")
"""Groups of files that the panels of ranking scores read."""


def mirror_or_skip(*groups: str) -> Path:
    """Folder with the files of some groups of the list, or skip the test where there is none."""
    named = os.environ.get("REPLICATION_OPEN_DATA")
    mirror = Path(named) if named else ROOT.parent / "shared" / "open-data"
    table = load_sources()
    needed = table.loc[table["group"].isin(groups or CHAPTER), "file"]
    # What `replication fetch` keeps is laid out as a mirror is.
    for folder in (mirror, cache_folder()):
        if all((folder / file).is_file() for file in needed):
            return folder
    pytest.skip(
        "no public files here: `replication fetch`, or name a folder in REPLICATION_OPEN_DATA"
    )


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


Change = Callable[[bytes], bytes]
Replace = Callable[[str, Change], None]


def put(old: str, new: str) -> Callable[[bytes], bytes]:
    """Replace the first occurrence of a text, which must be there."""

    def change(content: bytes) -> bytes:
        assert old.encode() in content
        return content.replace(old.encode(), new.encode(), 1)

    return change
