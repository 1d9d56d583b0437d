"""`replication ingest`: a folder of exports to a folder of records, all of it or nothing."""

import json
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import duckdb
import pandas as pd

from replication.errors import ReplicationError, SchemaError
from replication.records.classify import load_disciplines
from replication.records.ingest import kinds, others, patents, text, universities
from replication.records.ingest.files import checked, exported
from replication.records.ingest.mapping import (
    HEAD,
    MAPPING,
    Layout,
    layout_of,
    proposal,
    read_mapping,
)
from replication.records.ingest.tables import Table, open_table
from replication.records.ingest.vendors import position, table_of, vendor_of
from replication.records.manifest import require_own_ingest, write_ingested
from replication.records.pieces import write_parquet
from replication.records.schema import RECORDS, described
from replication.writing import write_file

Say = Callable[[str], None]
FLOW, NEAR, CONFUSION, ERRORS = (
    "sample_flow.csv",
    "near_misses.csv",
    "types_by_rule.csv",
    "errors_of_rule.csv",
)


class UnconfirmedError(ReplicationError):
    """A file is of no known vendor, and nobody has confirmed yet which column is what."""


@dataclass
class _Work:
    """What is read, and what is to be written."""

    base: duckdb.DuckDBPyConnection
    scratch: Path
    say: Say
    sources: list[patents.Source] = field(default_factory=list)
    parts: dict[str, list[pd.DataFrame]] = field(default_factory=dict)
    flow: list[dict[str, Any]] = field(default_factory=list)
    reports: dict[str, pd.DataFrame] = field(default_factory=dict)


def ingest(
    folder: Path,
    out: Path,
    mapping: Path | None = None,
    memory: int = 1_200_000_000,
    say: Say = print,
) -> pd.DataFrame:
    """Make record tables of a folder of exports.

    Parameters
    ----------
    folder : Path
        CSV, TSV, text, XLSX and Parquet files of patents, of any vendor in ``data/vendors.toml`` or
        described in `mapping`; other record tables under their own headers, in English or Chinese;
        editions of the ministry's compilation as PDF.
    out : Path
        New folder, or one that this command has written: a Parquet file a table, the sample flow
        and the reports.
    mapping : Path, optional
        Which column is what, where no vendor is known (default: ``mapping.toml`` in `out`).
    memory : int
        Bytes that DuckDB may use before it writes to disk.
    say : callable
        Told what is found.

    Returns
    -------
    DataFrame
        Sample flow: ``file``, ``table``, ``reason``, ``rows``, ``first_row``, ``example``; the rows
        of a file add up to those that it has.

    Raises
    ------
    UnconfirmedError
        Says where the proposal is that a person has to confirm.
    SchemaError, SourceUnavailableError, OverwriteError
        What is wrong with an export, named by file, row, column and value; nothing is written.
    """
    mapping = mapping or out / MAPPING
    require_own_ingest(out)
    layouts = read_mapping(mapping)
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="replication-")))
        base = stack.enter_context(duckdb.connect(str(scratch / "ingest.duckdb")))
        base.execute(f"SET memory_limit = '{memory}B'; SET enable_progress_bar = false")
        base.execute(f"SET temp_directory = '{scratch / 'spill'}'")
        text.prepare(base)
        work = _Work(base, scratch, say)
        _open(work, exported(folder), layouts, mapping)
        if work.sources:
            _patents(work)
        return _write(work, folder, out)


def _open(work: _Work, paths: list[Path], layouts: list[Layout], mapping: Path) -> None:
    """Open every file and say whose it is; stop if a person has to."""
    proposed: dict[str, str] = {}
    for number, path in enumerate(paths):
        if path.suffix.lower() == ".pdf":
            for name, frame in others.read_pdf(path).items():
                work.parts.setdefault(name, []).append(frame)
                _count(work, path, name, len(frame), 0)
            continue
        copy = work.scratch / str(number)
        copy.mkdir()
        table = open_table(path, f"raw_{number}", work.base, copy)
        vendor, layout = vendor_of(table.headers), layout_of(table.headers, layouts)
        other = table_of(table.headers)
        if layout and layout.confirmed:
            columns = dict(layout.columns)
            work.sources.append(patents.Source(table, columns, layout.person_a_row, "mapping"))
        elif vendor:
            present = {f: h for f, h in vendor.columns.items() if _has(table, h)}
            work.sources.append(patents.Source(table, present, vendor.person_a_row, vendor.name))
        elif other:
            frame = others.read_other(work.base, other, table)
            work.parts.setdefault(other, []).append(frame)
            _count(work, path, other, len(frame), frame.attrs["empty"])
        elif layout is None:
            proposed[str(table.headers)] = proposal(
                table.headers, path.name, _examples(work, table)
            )
        else:
            proposed.setdefault(str(table.headers), "")
        said = vendor.name if vendor else other or ("mapping" if layout else "nobody known")
        work.say(f"{path}: {said} ({table.about})")
    if proposed:
        _stop(mapping, [one for one in proposed.values() if one])


def _stop(mapping: Path, proposals: list[str]) -> None:
    """Write proposals behind what a person has in the file, and raise `UnconfirmedError`."""
    before = mapping.read_text(encoding="utf-8") if mapping.is_file() else HEAD
    if proposals:
        write_file(mapping, "\n".join([before.rstrip("\n"), "", *proposals]).encode())
    raise UnconfirmedError(
        f"{mapping} says which column is what, and is not confirmed: look at the examples, correct "
        "it, set confirmed = true, and give the command again; nothing else was written"
    )


def _has(table: Table, header: str) -> bool:
    return position(table.headers, header, str(table.path)) is not None


def _examples(work: _Work, table: Table) -> dict[str, list[str]]:
    """Three values of each column."""
    rows = work.base.execute(f"SELECT * EXCLUDE (row) FROM {table.relation} LIMIT 20").fetchall()
    return {
        header: list(dict.fromkeys(row[i][:60] for row in rows if row[i]))[:3]
        for i, header in enumerate(table.headers)
    }


def _count(work: _Work, path: Path, table: str, kept: int, empty: int) -> None:
    for reason, rows in ((patents.KEPT, kept), ("empty row", empty)):
        if rows:
            work.flow.append({"file": path.name, "table": table, "reason": reason, "rows": rows})


def _patents(work: _Work) -> None:
    patents.read_patents(work.base, work.sources)
    patents.applications(work.base)
    for number, source in enumerate(work.sources):
        work.say(f"{source.table.path}: {patents.noticed(work.base, number)}")
        rows = work.base.execute(
            'SELECT reason, "rows", first_row, example FROM flow WHERE file = $1 ORDER BY reason',
            [number],
        ).fetchall()
        names = ("reason", "rows", "first_row", "example")
        about = {"file": source.table.path.name, "table": "patents"}
        work.flow += [about | dict(zip(names, row, strict=True)) for row in rows]
    differ = work.base.execute(
        "SELECT count_if(dates_differ), count_if(applicants_differ) FROM applications"
    ).fetchone() or (0, 0)
    work.say(
        f"applications whose rows differ in date: {differ[0]:,}, in applicants: {differ[1]:,}; "
        "the earliest date and the applicants of the first row are kept"
    )
    if any("types" in source.columns for source in work.sources):
        counted = kinds.count_types(work.base)
        work.say("; ".join(f"{said}: {n:,}" for said, n in counted.items()))
        if not counted["typed"]:
            return
        types = kinds.applicant_types(work.base)
        work.parts |= {"applicant_types": [types]} if len(types) else {}
        table, wrong = kinds.confusion(work.base)
        work.reports[CONFUSION], work.reports[ERRORS] = table.reset_index(), wrong
        work.say(f"the rule by name (R15) beside the types of the file:\n{table.to_string()}")
        work.say(wrong.to_string(index=False) if len(wrong) else "the rule makes no error")


def _write(work: _Work, folder: Path, out: Path) -> pd.DataFrame:
    tables = {name: pd.concat(parts, ignore_index=True) for name, parts in work.parts.items()}
    for name, table in tables.items():
        schema = described(name)
        if schema.unique and (twice := table.duplicated(schema.unique)).any():
            said = table.loc[twice, schema.unique].iloc[0].to_dict()
            raise SchemaError(f"{folder}, table {name}: {said} is in two files: keep one")
    if work.sources and "universities" not in tables:
        tables["universities"] = universities.default_universities()
    if tables.get("disciplines") is None:
        tables["disciplines"] = load_disciplines()
    flow = pd.DataFrame(
        work.flow, columns=["file", "table", "reason", "rows", "first_row", "example"]
    )
    reports = {FLOW: flow, **work.reports}
    if work.sources:
        reports[NEAR] = universities.near_misses(work.base, tables["universities"])
        work.say(f"names nearly a university's, credited to none: {len(reports[NEAR]):,} ({NEAR})")

    files = {f"{name}.parquet": partial(_put_table, table) for name, table in tables.items()}
    files |= {name: partial(_put_report, report) for name, report in reports.items()}
    if work.sources:
        files["patents.parquet"] = partial(_put_patents, work)
    write_ingested(out, files)
    made = sorted({*tables, *(["patents"] if work.sources else [])})
    work.say(f"{out}: {', '.join(made)}")
    if absent := [name for name in RECORDS if name not in made]:
        work.say(f"not among the exports: {', '.join(absent)}")
    return flow


def _put_table(table: pd.DataFrame, file: BinaryIO) -> None:
    write_parquet(table, {}, file)


def _put_report(report: pd.DataFrame, file: BinaryIO) -> None:
    file.write(report.to_csv(index=False, lineterminator="\n").encode())


def _put_patents(work: _Work, file: BinaryIO) -> None:
    """DuckDB writes to a path, and the table is copied from there piece by piece."""
    made = work.scratch / "patents.parquet"
    work.base.execute(
        "COPY (SELECT application, date::TIMESTAMP AS date, jurisdiction, applicants, ipc, granted "
        f"FROM applications ORDER BY application) TO '{made}' (FORMAT parquet)"
    )
    with made.open("rb") as copy:
        shutil.copyfileobj(copy, file)


def validate_file(path: Path) -> str:
    """Look through one table, of records or as a vendor exports it; return what it is.

    Raises
    ------
    SchemaError
        Names file, row, column, value and remedy.
    """
    with tempfile.TemporaryDirectory(prefix="replication-") as name, duckdb.connect() as base:
        scratch = Path(name)
        text.prepare(base)
        work = _Work(base, scratch, lambda _: None)
        checked(path)
        if path.suffix.lower() == ".pdf":
            return "compilation: " + json.dumps(
                {n: len(t) for n, t in others.read_pdf(path).items()}
            )
        table = open_table(path, "raw", base, scratch)
        if vendor := vendor_of(table.headers):
            present = {f: h for f, h in vendor.columns.items() if _has(table, h)}
            work.sources = [patents.Source(table, present, vendor.person_a_row, vendor.name)]
            patents.read_patents(base, work.sources)
            return f"{vendor.name}, {_rows(base)} rows"
        if (other := table_of(table.headers)) is None:
            raise SchemaError(
                f"{path}: columns {', '.join(table.headers[:12])}: of no known vendor and no table "
                "of records; `replication ingest` proposes a mapping"
            )
        return f"table {other}, {len(others.read_other(base, other, table)):,} rows"


def _rows(base: duckdb.DuckDBPyConnection) -> str:
    found = base.execute("SELECT count(*) FROM rows_read").fetchone()
    return f"{found[0]:,}" if found else "0"
