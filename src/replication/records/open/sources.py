"""The list of public files, ``data/sources.toml``: what each is, where it is and whose it is.

A group is what one publisher prints: editions of a ranking, say. Group and file are named here and
nowhere else; the readers, the match of names and the pages take them from this list.
"""

import datetime
import re
from collections import Counter
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Annotated, Self

import pandas as pd
from pydantic import AfterValidator, Field, StringConstraints, model_validator

from replication.config import DATA
from replication.records.toml import Row, Text, read

SOURCES = DATA / "sources.toml"
PINNED = re.compile(r"/[0-9a-f]{40}/|/10\.[0-9]{4,9}/|zenodo\.org/records/[0-9]+/files/")
"""A commit, a DOI, or a version of a deposit: what is behind the address does not change."""


def _within(file: str) -> str:
    path = PurePosixPath(file)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{file!r} must stay within the cache")
    return file


def _pinned(url: str) -> str:
    if not url.startswith("https://") or not url.isascii():
        raise ValueError("begin with https:// and escape what is no ASCII")
    if not PINNED.search(url):
        raise ValueError("pin it to a commit (40 digits) or a DOI")
    return url


class Group(Row):
    """What one publisher prints; its name for the command line and its title for tables."""

    name: Text
    title: Text
    # How the header of a column that holds universities begins; none where the file is no table
    # of texts, or the names are of one reader only.
    names: Text | None = None
    # Column whose value is China in the rows of Chinese universities.
    country: Text | None = None
    # Day on which the files behind the checksums were read; none where nobody has seen them here.
    accessed: datetime.date | None = None


class Source(Row):
    """One file: its place in the cache, its address, its size and checksum, and its terms.

    Without a checksum nobody has seen the file here; it is held to its size, and brought only where
    it is named.
    """

    name: Text
    group: Text
    file: Annotated[Text, AfterValidator(_within)]
    url: Annotated[Text, AfterValidator(_pinned)]
    bytes: Annotated[int, Field(strict=True, gt=0)]
    sha256: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")] | None = None
    what: Text
    publisher: Text
    citation: Text
    licence: Text
    terms: Text


class Sources(Row):
    """The whole list."""

    group: list[Group]
    source: Annotated[list[Source], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_are_clear(self) -> Self:
        groups = [one.name for one in self.group]
        names = [one.name for one in self.source]
        files = [one.file for one in self.source]
        for field, values in (("name", [*groups, *names]), ("file", files)):
            ((first, times),) = Counter(values).most_common(1) or [("", 0)]
            if times > 1:
                raise ValueError(f"{field} {first!r} is a duplicate; rename one row")
        seen = {one.group for one in self.source if one.sha256}
        for one in self.group:
            if one.accessed and one.name not in seen:
                raise ValueError(
                    f"group {one.name!r} is accessed, and none of its files has sha256"
                )
        if differ := sorted({one.group for one in self.source} ^ set(groups)):
            raise ValueError(
                f"group {differ[0]!r} needs a row [[group]] and at least one [[source]]"
            )
        return self


def read_sources(path: Path | None = None) -> Sources:
    """Groups and files, checked, of `SOURCES` or another list.

    Raises
    ------
    RegistryError
        The list is missing or is no TOML; a field is missing, empty, unknown or of the wrong kind;
        a name or file is a duplicate, a group has no row or no file; a checksum is no SHA-256; a
        file would leave the cache; an address is not https, or is not pinned to a commit or a DOI.
    """
    path = path or SOURCES
    return _checked(path, path.read_bytes() if path.is_file() else b"")


@lru_cache(maxsize=4)
def _checked(path: Path, _content: bytes) -> Sources:
    """Check a list once for each content: every file that is looked for asks for it."""
    return read(path, Sources)


def load_sources(path: Path | None = None) -> pd.DataFrame:
    """Read the files of the list as a table, a row each; columns and errors as of the models."""
    return pd.DataFrame([one.model_dump() for one in read_sources(path).source])
