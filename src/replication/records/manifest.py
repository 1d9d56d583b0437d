"""What a command may overwrite: only what it wrote itself.

Simulated records carry a mark, ``manifest.json``, that says how they were made and what each table
is by its checksum. A panel is told by its columns and by the sample flow beside it.
"""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow.parquet
from pyarrow import ArrowException

from replication.errors import OverwriteError
from replication.records.schema import PANEL, RECORDS

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

MANIFEST = "manifest.json"
MADE_BY = "replication simulate"
FLOW = ("table", "reason", "rows")
"""Columns of a sample flow."""


def table_path(folder: Path, name: str) -> Path:
    """Where a record table is."""
    return folder / f"{name}.parquet"


def flow_path(panel: Path) -> Path:
    """Where the sample flow of a panel is."""
    return panel.with_suffix(".sample_flow.csv")


def write_records(
    folder: Path, tables: dict[str, pd.DataFrame], process: "DataclassInstance", seed: int
) -> None:
    """Write simulated records and, last, their mark; refused as of `require_own_records`."""
    require_own_records(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        table.to_parquet(table_path(folder, name), index=False)
    mark = {
        "made_by": MADE_BY,
        "seed": seed,
        "process": dataclasses.asdict(process),
        "sha256": {name: _checksum(table_path(folder, name)) for name in tables},
    }
    text = json.dumps(mark, indent=2, ensure_ascii=False) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8", newline="\n")


def require_own_records(folder: Path) -> None:
    """Raise `OverwriteError` unless every record table is as `write_records` left it."""
    mark = folder / MANIFEST
    files = {name: path for name in RECORDS if (path := table_path(folder, name)).exists()}
    if not files and not mark.exists():
        return
    written = _checksums(mark)
    other = [path.name for name, path in files.items() if written.get(name) != _checksum(path)]
    if other or not written:
        raise OverwriteError(
            f"{folder} holds {', '.join(other) or MANIFEST}, which `{MADE_BY}` did not write or "
            "which was changed since, and nothing of yours is overwritten: name another folder "
            "with --out, or move these files away"
        )


def require_own_panel(out: Path, records: Path) -> None:
    """Raise `OverwriteError` unless a panel and its sample flow may be written to `out`.

    They may not if `out` is one of the record tables, or if it or the file of its sample flow is
    there and not of `replication build`.
    """
    tables = [table_path(records, name) for name in RECORDS]
    if out.exists() and any(path.exists() and path.samefile(out) for path in tables):
        raise OverwriteError(f"--out {out} is one of the records: name another file for the panel")
    flow = flow_path(out)
    if flow.exists() and not _is_flow(flow):
        raise OverwriteError(f"{flow} is no sample flow: name another --out, or move it away")
    if out.exists() and not (flow.exists() and _is_panel(out)):
        raise OverwriteError(
            f"--out {out} is there and not a panel of `replication build` with its sample flow "
            f"{flow.name} beside it: name another file, or move it away"
        )


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _checksums(mark: Path) -> dict[str, str]:
    """Checksums by table that a mark of ours lists; none if there is no such mark."""
    try:
        content = json.loads(mark.read_text(encoding="utf-8"))
        return dict(content["sha256"]) if content["made_by"] == MADE_BY else {}
    except (OSError, ValueError, LookupError, TypeError):
        return {}


def _is_flow(path: Path) -> bool:
    try:
        return tuple(pd.read_csv(path, nrows=0)) == FLOW
    except (OSError, ValueError):
        return False


def _is_panel(path: Path) -> bool:
    try:
        return pyarrow.parquet.read_schema(path).names == list(PANEL.columns)
    except (OSError, ArrowException):
        return False
