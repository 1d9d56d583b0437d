"""Every file of a folder opened, and taken for what its headers say it is."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from replication.records.ingest import others, patents
from replication.records.ingest.mapping import (
    HEAD,
    Layout,
    UnconfirmedError,
    layout_of,
    proposal,
    read_mapping,
)
from replication.records.ingest.ministry import workbook
from replication.records.ingest.papers import made
from replication.records.ingest.papers.layouts import paper_vendor_of
from replication.records.ingest.tables import Table, open_table
from replication.records.ingest.vendors import position, table_of, vendor_of
from replication.writing import write_file

Say = Callable[[str], None]


@dataclass
class Work:
    """What is read, and what is to be written."""

    base: duckdb.DuckDBPyConnection
    scratch: Path
    say: Say
    sources: list[patents.Source] = field(default_factory=list)
    papers: dict[int, made.Source] = field(default_factory=dict)
    statistics: list[workbook.Found] = field(default_factory=list)
    parts: dict[str, list[pd.DataFrame]] = field(default_factory=dict)
    flow: list[dict[str, Any]] = field(default_factory=list)
    reports: dict[str, pd.DataFrame] = field(default_factory=dict)

    def count(self, path: Path, table: str, rows: dict[str, int]) -> None:
        """Enter rows of a file by what became of them."""
        for reason, n in rows.items():
            if n:
                self.flow.append({"file": path.name, "table": table, "reason": reason, "rows": n})


def open_exports(work: Work, paths: list[Path], mapping: Path) -> None:
    """Open every file and say whose it is; `UnconfirmedError` stops if a person has to."""
    layouts = read_mapping(mapping).layout
    proposed: dict[str, str] = {}
    for number, path in enumerate(paths):
        if path.suffix.lower() == ".pdf":
            for name, frame in others.read_pdf(path).items():
                work.parts.setdefault(name, []).append(frame)
                work.count(path, name, {patents.KEPT: len(frame)})
        elif workbook.is_statistics(path):
            found = workbook.read_workbook(path)
            work.statistics.append(found)
            work.say(f"{path}: the ministry's statistics ({found.about})")
        else:
            _table(work, number, path, layouts, proposed)
    if proposed:
        _stop(mapping, [one for one in proposed.values() if one])


def _table(
    work: Work, number: int, path: Path, layouts: list[Layout], proposed: dict[str, str]
) -> None:
    """Open one file; what is proposed for headers that nobody knows goes to `proposed`."""
    copy = work.scratch / str(number)
    copy.mkdir()
    table = open_table(path, f"raw_{number}", work.base, copy)
    vendor, layout = vendor_of(table.headers), layout_of(table.headers, layouts)
    papers, other = paper_vendor_of(table.headers), table_of(table.headers)
    said = vendor.name if vendor else other or ("mapping" if layout else "nobody known")
    if layout and layout.confirmed:
        columns = dict(layout.columns)
        work.sources.append(patents.Source(table, columns, layout.person_a_row, "mapping"))
    elif vendor:
        work.sources.append(as_source(table))
    elif papers:
        work.papers[len(work.papers)] = made.Source(table, papers)
        said = papers.name
    elif other:
        frame = others.read_other(work.base, other, table)
        work.parts.setdefault(other, []).append(frame)
        work.count(path, other, {patents.KEPT: len(frame), "empty row": frame.attrs["empty"]})
    elif layout is None:
        proposed[str(table.headers)] = proposal(table.headers, path.name, _examples(work, table))
    else:
        proposed.setdefault(str(table.headers), "")
    work.say(f"{path}: {said} ({table.about})")


def as_source(table: Table) -> patents.Source:
    """Patents in the layout of a vendor that is known."""
    vendor = vendor_of(table.headers)
    if vendor is None:
        raise ValueError(f"{table.path} is of no known vendor")
    where = str(table.path)
    present = {
        f: h for f, h in vendor.columns.items() if position(table.headers, h, where) is not None
    }
    return patents.Source(table, present, vendor.person_a_row, vendor.name)


def _stop(mapping: Path, proposals: list[str]) -> None:
    """Write proposals behind what a person has in the file, and raise `UnconfirmedError`."""
    before = mapping.read_text(encoding="utf-8") if mapping.is_file() else HEAD
    if proposals:
        write_file(mapping, "\n".join([before.rstrip("\n"), "", *proposals]).encode())
    raise UnconfirmedError(
        f"{mapping} says which column is what, and is not confirmed: look at the examples, correct "
        "it, set confirmed = true, and give the command again; nothing else was written"
    )


def _examples(work: Work, table: Table) -> dict[str, list[str]]:
    """Three values of each column."""
    rows = work.base.execute(f"SELECT * EXCLUDE (row) FROM {table.relation} LIMIT 20").fetchall()
    return {
        header: list(dict.fromkeys(row[i][:60] for row in rows if row[i]))[:3]
        for i, header in enumerate(table.headers)
    }
