"""The mark itself: what a command says of the files it wrote, beside them.

`manifest` writes the files of each command with it, and holds them to it.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from replication.errors import OverwriteError, SchemaError
from replication.writing import settle

MANIFEST = "manifest.json"


class Planted(BaseModel):
    """The study that simulated data are of."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int
    process: dict[str, Any]


class Mark(BaseModel):
    """What a command says of the files it wrote."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    made_by: Literal[
        "replication simulate", "replication build", "replication truth", "replication ingest"
    ]
    source: Literal["simulated", "restricted"]
    # Of simulated data.
    study: Planted | None = None
    draws: int | None = None
    # Checksums of the records that a panel was built from, by table.
    records: dict[str, str] | None = None
    sha256: dict[str, str] = Field(min_length=1)


def mark_path(file: Path) -> Path:
    """Where the mark of a panel or a truth file is."""
    return file.with_suffix(f".{MANIFEST}")


def require_unchanged(mark: Path, file: Path | None = None) -> Mark | None:
    """Return what a mark says of the files beside it, or None if there is no mark of ours.

    `SchemaError` names the first file that is missing or not as it was written. A mark that does
    not list the `file` in question is no mark of it.
    """
    settle(mark.parent)
    said = read_mark(mark)
    if not said or (file and file.name not in said.sha256):
        return None
    if changed := _changed(said, mark.parent):
        raise SchemaError(
            f"{changed[0]} is not as `{said.made_by}` wrote it (its SHA-256 is another than in "
            f"{mark.name}): make all of them anew with that command, or remove {mark.name} if the "
            "files are your own"
        )
    return said


def require_own(mark: Path, files: list[Path], command: str, file: Path | None = None) -> None:
    """Raise `OverwriteError` unless the `files` are as `replication command` left them.

    `file` is the one that the mark is of, where it is of one and not of a folder.
    """
    # A link that leads nowhere is somebody's, too.
    files = [path for path in files if os.path.lexists(path)]
    if not files and not os.path.lexists(mark):
        return
    try:
        said = read_mark(mark)
    except SchemaError:
        said = None
    # Another suffix, and the same mark would be that of two files.
    ours = (
        said is not None
        and said.made_by == f"replication {command}"
        and (file is None or file.name in said.sha256)
    )
    written = said.sha256 if said and ours else {}
    other = [path.name for path in files if written.get(path.name) != _checksum_of(path)]
    if other or not ours:
        raise OverwriteError(
            f"{mark.parent} holds {', '.join(other) or mark.name}, which `replication {command}` "
            "did not write or which was changed since, and nothing of yours is overwritten: name "
            f"another {'file' if file else 'folder'} with --out, or move these files away"
        )


def marked(sha256: dict[str, str], about: dict[str, Any]) -> bytes:
    """Return a mark as it is written: checksums, and what is known `about` the files."""
    mark = Mark(sha256=sha256, **about)
    return (mark.model_dump_json(indent=2, exclude_none=True) + "\n").encode()


def read_mark(mark: Path) -> Mark | None:
    """Content of a mark; None if there is none, or another program's file of that name."""
    if not mark.exists():
        return None
    try:
        content = json.loads(mark.read_text(encoding="utf-8"))
        if isinstance(content, dict) and str(content.get("made_by")).startswith("replication "):
            return Mark.model_validate(content)
    except (ValueError, RecursionError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise SchemaError(
            f"{mark} is damaged ({reason}): make it and its files anew, or remove it if the files "
            "are your own"
        ) from None
    return None


def _changed(mark: Mark, folder: Path) -> list[Path]:
    """Files of a mark that are missing or not as it says."""
    paths = {folder / name: checksum for name, checksum in mark.sha256.items()}
    return [p for p, known in paths.items() if not p.is_file() or checksum(p) != known]


def _checksum_of(path: Path) -> str:
    """As `checksum`; none of what is no file, such as a pipe, which would be waited for."""
    return checksum(path) if path.is_file() else ""


def checksum(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(content: bytes) -> str:
    """SHA-256 of bytes."""
    return hashlib.sha256(content).hexdigest()
