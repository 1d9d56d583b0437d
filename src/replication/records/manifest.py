"""The mark of what a command wrote: who made it, of what, and the checksum of each file.

Simulated records carry it in their folder (``manifest.json``), a panel with its sample flow and a
truth file beside them (``panel.manifest.json``). Whatever reads them holds them to it; whatever
writes overwrites only what a mark says is ours.
"""

import dataclasses
import hashlib
import json
import os
from collections.abc import Hashable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from replication.errors import OverwriteError, SchemaError
from replication.records.pieces import Table, write_parquet
from replication.records.schema import RECORDS
from replication.writing import Progress, alone, settle, silent, write_files

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

MANIFEST = "manifest.json"
BREAKS = ("pretrend", "anticipation", "confounder", "exposure_noise")
"""Parameters of a process that break an assumption and leave what is planted."""
NO_STUDY = ("disciplines",)
"""Tables that are no simulation: the catalogue, which a reader may take from simulated records."""


class Planted(BaseModel):
    """The study that simulated data are of."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int
    process: dict[str, Any]


class Mark(BaseModel):
    """What a command says of the files it wrote."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    made_by: Literal["replication simulate", "replication build", "replication truth"]
    source: Literal["simulated", "restricted"]
    # Of simulated data.
    study: Planted | None = None
    draws: int | None = None
    # Checksums of the records that a panel was built from, by table.
    records: dict[str, str] | None = None
    sha256: dict[str, str] = Field(min_length=1)


def study_of(process: "DataclassInstance", seed: int) -> dict[str, Any]:
    """What tells one simulated study from another, as a mark has it."""
    plain = json.loads(json.dumps(dataclasses.asdict(process)))
    return {"seed": seed, "process": plain}


def table_path(folder: Path, name: str) -> Path:
    """Where a record table is."""
    return folder / f"{name}.parquet"


def flow_path(panel: Path) -> Path:
    """Where the sample flow of a panel is."""
    return panel.with_suffix(".sample_flow.csv")


def mark_path(file: Path) -> Path:
    """Where the mark of a panel or a truth file is."""
    return file.with_suffix(f".{MANIFEST}")


def write_records(
    folder: Path,
    tables: Mapping[str, Table],
    study: dict[str, Any],
    progress: Progress = silent,
) -> dict[str, int]:
    """Write simulated records and their mark; refused as of `require_own_records`.

    Of a table that comes in pieces no more than `pieces.ROW_GROUP` rows are in memory. Returns the
    number of rows of each table.
    """
    # In each table too, so that one among others' is known without the mark.
    known: dict[Hashable, Any] = {
        "source": "simulated",
        "study": _digest(json.dumps(study).encode())[:16],
    }
    rows: dict[str, int] = {}

    def table(name: str, file: BinaryIO) -> None:
        progress(f"writing {name}")
        rows[name] = write_parquet(tables[name], {} if name in NO_STUDY else known, file)

    files = {f"{name}.parquet": partial(table, name) for name in tables}
    about = {"made_by": "replication simulate", "source": "simulated", "study": study}

    def mark(file: BinaryIO) -> None:
        beside = Path(file.name).parent
        file.write(_marked({name: _checksum(beside / name) for name in files}, about))

    with alone(folder):
        require_own_records(folder)
        write_files(folder, {**files, MANIFEST: mark})
    return rows


def origin(records: Path) -> dict[str, Any]:
    """Source, study and checksums of the record tables: what the mark of their panel says."""
    of = require_unchanged(records / MANIFEST)
    paths = {name: path for name in RECORDS if (path := table_path(records, name)).is_file()}
    return {
        "source": of.source if of else "restricted",
        "study": of.study.model_dump() if of and of.study else None,
        "records": {name: _checksum(path) for name, path in paths.items()},
    }


def write_panel(
    out: Path, panel: pd.DataFrame, flow: pd.DataFrame, records: Path, read: dict[str, Any]
) -> None:
    """Write a panel, its sample flow and their mark; refused as of `require_own_panel`.

    `SchemaError` says that the `origin` of the records is not the one that was `read` any more.
    """
    if origin(records) != read:
        raise SchemaError(f"{records} changed while the panel was built of it: build it again")
    files = {
        out.name: _parquet(panel, {"source": read["source"]}),
        flow_path(out).name: flow.to_csv(index=False, lineterminator="\n").encode(),
    }
    mark = {"made_by": "replication build", **read}
    with alone(out.parent):
        require_own_panel(out, records)
        write_files(out.parent, {**files, mark_path(out).name: _marked(_digests(files), mark)})


def write_truth(out: Path, truth: pd.DataFrame, study: dict[str, Any], draws: int) -> None:
    """Write a truth file and its mark; refused as of `require_own_truth`."""
    files = {out.name: truth.to_csv(lineterminator="\n").encode()}
    mark = {
        "made_by": "replication truth",
        "source": "simulated",
        "study": study,
        "draws": draws,
    }
    with alone(out.parent):
        require_own_truth(out)
        write_files(out.parent, {**files, mark_path(out).name: _marked(_digests(files), mark)})


def require_unchanged(mark: Path, file: Path | None = None) -> Mark | None:
    """Return what a mark says of the files beside it, or None if there is no mark of ours.

    `SchemaError` names the first file that is missing or not as it was written. A mark that does
    not list the `file` in question is no mark of it.
    """
    settle(mark.parent)
    said = _read(mark)
    if not said or (file and file.name not in said.sha256):
        return None
    if changed := _changed(said, mark.parent):
        raise SchemaError(
            f"{changed[0]} is not as `{said.made_by}` wrote it (its SHA-256 is another than in "
            f"{mark.name}): make all of them anew with that command, or remove {mark.name} if the "
            "files are your own"
        )
    return said


def require_one_study(known: Mapping[str, Mapping[Hashable, Any]], folder: Path) -> None:
    """Raise `SchemaError` if simulated tables are among others, or among those of another study.

    `known` has the attributes of each table.
    """
    studies = {name: str(of.get("study", "")) for name, of in known.items() if name not in NO_STUDY}
    if len(set(studies.values())) > 1:
        first = next(iter(studies))
        other = next(name for name, study in studies.items() if study != studies[first])
        raise SchemaError(
            f"{folder} mixes records: {other}.parquet is not of the same study as {first}.parquet "
            "(other seed or process, or your own beside simulated ones); make all of them anew"
        )
    if any(studies.values()) and not _read(folder / MANIFEST):
        raise SchemaError(
            f"{folder} holds simulated records without their mark {MANIFEST}, and would be taken "
            "for your own: `replication simulate` makes all of them anew"
        )


def require_same_study(panel: Path, truth: Path) -> None:
    """Raise `SchemaError` if a panel and a truth file say that they are of different studies.

    What breaks an assumption is no part of the truth: `BREAKS` of the process may differ.
    """
    marks = {path: require_unchanged(mark_path(path), path) for path in (panel, truth)}
    planted = [
        {**mark.study.model_dump(), "process": mark.study.process | dict.fromkeys(BREAKS)}
        for mark in marks.values()
        if mark and mark.study
    ]
    if len(planted) == 2 and planted[0] != planted[1]:
        raise SchemaError(
            f"{truth} is the truth of another study than that of {panel} (seed or process, see "
            f"{mark_path(panel).name}): `replication truth` with the options of its `replication "
            "simulate` makes the right one, to be named with --truth"
        )


def require_own_records(folder: Path) -> None:
    """Raise `OverwriteError` unless every record table is as `write_records` left it."""
    _require_own(folder / MANIFEST, [table_path(folder, name) for name in RECORDS], "simulate")


def require_own_panel(out: Path, records: Path) -> None:
    """Raise `OverwriteError` unless a panel and its sample flow may be written to `out`.

    They may not if `out` is one of the record tables, or if a file is there that is not as
    `write_panel` left it.
    """
    written = [out, flow_path(out), mark_path(out)]
    read = [*(table_path(records, name) for name in RECORDS), records / MANIFEST]
    for path in written:
        same = path.exists() and any(one.exists() and one.samefile(path) for one in read)
        if same or os.path.realpath(path) in map(os.path.realpath, read):
            raise OverwriteError(
                f"--out {out} is one of the records: name another file for the panel"
            )
    _require_own(mark_path(out), written[:2], "build", out)


def require_own_truth(out: Path) -> None:
    """Raise `OverwriteError` unless a truth file may be written to `out`."""
    _require_own(mark_path(out), [out], "truth", out)


def _require_own(mark: Path, files: list[Path], command: str, file: Path | None = None) -> None:
    # A link that leads nowhere is somebody's, too.
    files = [path for path in files if os.path.lexists(path)]
    if not files and not os.path.lexists(mark):
        return
    try:
        said = _read(mark)
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


def _parquet(table: pd.DataFrame, known: dict[Hashable, Any]) -> bytes:
    """Return a table as Parquet that remembers what is known of it."""
    table = table.copy(deep=False)
    table.attrs = known
    return table.to_parquet(index=False, write_page_checksum=True)


def _marked(sha256: dict[str, str], about: dict[str, Any]) -> bytes:
    mark = Mark(sha256=sha256, **about)
    return (mark.model_dump_json(indent=2, exclude_none=True) + "\n").encode()


def _digests(files: dict[str, bytes]) -> dict[str, str]:
    return {name: _digest(content) for name, content in files.items()}


def _read(mark: Path) -> Mark | None:
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
    return [p for p, known in paths.items() if not p.is_file() or _checksum(p) != known]


def _checksum_of(path: Path) -> str:
    """As `_checksum`; none of what is no file, such as a pipe, which would be waited for."""
    return _checksum(path) if path.is_file() else ""


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
