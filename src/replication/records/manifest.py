"""What each command writes, with its mark: who made it, of what, and the checksum of each file.

Simulated records carry it in their folder (``manifest.json``), a panel with its sample flow and a
truth file beside them (``panel.manifest.json``). Whatever reads them holds them to it; whatever
writes overwrites only what a mark says is ours.
"""

import dataclasses
import json
import os
from collections.abc import Callable, Hashable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import pandas as pd

from replication.errors import OverwriteError, SchemaError
from replication.records.mark import (
    MANIFEST,
    checksum,
    digest,
    mark_path,
    marked,
    read_mark,
    require_own,
    require_unchanged,
)
from replication.records.pieces import Table, write_parquet
from replication.records.schema import OPTIONAL, RECORDS
from replication.writing import Progress, alone, silent, write_files

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

BREAKS = ("pretrend", "anticipation", "confounder", "exposure_noise")
"""Parameters of a process that break an assumption and leave what is planted."""
NO_STUDY = ("disciplines",)
"""Tables that are no simulation: the catalogue, which a reader may take from simulated records."""


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
        "study": digest(json.dumps(study).encode())[:16],
    }
    rows: dict[str, int] = {}

    def table(name: str, file: BinaryIO) -> None:
        progress(f"writing {name}")
        rows[name] = write_parquet(tables[name], {} if name in NO_STUDY else known, file)

    files = {f"{name}.parquet": partial(table, name) for name in tables}
    about = {"made_by": "replication simulate", "source": "simulated", "study": study}

    def mark(file: BinaryIO) -> None:
        beside = Path(file.name).parent
        file.write(marked({name: checksum(beside / name) for name in files}, about))

    with alone(folder):
        require_own_records(folder)
        write_files(folder, {**files, MANIFEST: mark})
    return rows


def write_ingested(folder: Path, files: Mapping[str, Callable[[BinaryIO], None]]) -> None:
    """Write records made of exports, and their mark; tables of an earlier run go.

    Refused as of `require_own_ingest`.
    """

    def mark(file: BinaryIO) -> None:
        beside = Path(file.name).parent
        about = {"made_by": "replication ingest", "source": "restricted"}
        file.write(marked({name: checksum(beside / name) for name in files}, about))

    with alone(folder):
        require_own_ingest(folder)
        before = read_mark(folder / MANIFEST)
        gone = dict.fromkeys(set(before.sha256 if before else ()) - set(files))
        write_files(folder, {**files, **gone, MANIFEST: mark})


def require_own_ingest(folder: Path) -> None:
    """Raise `OverwriteError` unless every record table is as `write_ingested` left it."""
    if folder.is_file():
        raise OverwriteError(f"--out {folder} is a file: name a folder")
    said = [table_path(folder, name) for name in (*RECORDS, *OPTIONAL)]
    reports = sorted(folder.glob("*.csv")) if folder.is_dir() else []
    require_own(folder / MANIFEST, [*said, *reports], "ingest")


def origin(records: Path) -> dict[str, Any]:
    """Source, study and checksums of the record tables: what the mark of their panel says."""
    of = require_unchanged(records / MANIFEST)
    every = (*RECORDS, *OPTIONAL)
    paths = {name: path for name in every if (path := table_path(records, name)).is_file()}
    return {
        "source": of.source if of else "restricted",
        "study": of.study.model_dump() if of and of.study else None,
        "records": {name: checksum(path) for name, path in paths.items()},
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
        write_files(out.parent, {**files, mark_path(out).name: marked(_digests(files), mark)})


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
        write_files(out.parent, {**files, mark_path(out).name: marked(_digests(files), mark)})


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
    if any(studies.values()) and not read_mark(folder / MANIFEST):
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
    require_own(folder / MANIFEST, [table_path(folder, name) for name in RECORDS], "simulate")


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
    require_own(mark_path(out), written[:2], "build", out)


def require_own_truth(out: Path) -> None:
    """Raise `OverwriteError` unless a truth file may be written to `out`."""
    require_own(mark_path(out), [out], "truth", out)


def _parquet(table: pd.DataFrame, known: dict[Hashable, Any]) -> bytes:
    """Return a table as Parquet that remembers what is known of it."""
    table = table.copy(deep=False)
    table.attrs = known
    return table.to_parquet(index=False, write_page_checksum=True)


def _digests(files: dict[str, bytes]) -> dict[str, str]:
    return {name: digest(content) for name, content in files.items()}
