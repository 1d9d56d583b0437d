"""`replication ingest`: a folder of exports to a folder of records, all of it or nothing."""

import json
import shutil
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import BinaryIO

import duckdb
import pandas as pd

from replication.errors import SchemaError
from replication.records.classify import load_disciplines
from replication.records.ingest import kinds, others, patents, text, universities
from replication.records.ingest.files import checked, exported
from replication.records.ingest.mapping import MAPPING, UnconfirmedError
from replication.records.ingest.ministry import statistics, workbook
from replication.records.ingest.opening import Say, Work, as_source, open_exports
from replication.records.ingest.papers import made
from replication.records.ingest.papers.layouts import paper_vendor_of
from replication.records.ingest.tables import open_table
from replication.records.ingest.vendors import table_of, vendor_of
from replication.records.manifest import require_own_ingest, write_ingested
from replication.records.pieces import write_parquet
from replication.records.schema import RECORDS, described

__all__ = ["UnconfirmedError", "ingest", "validate_file"]

FLOW, NEAR, NEAR_PAPERS, CONFUSION, ERRORS = (
    "sample_flow.csv",
    "near_misses.csv",
    "near_misses_papers.csv",
    "types_by_rule.csv",
    "errors_of_rule.csv",
)
PAPERS = "paper, university, discipline, year, partner_countries"


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
        described in `mapping`; papers as Web of Science, OpenAlex and CNKI export them; other
        record tables under their own headers, in English or Chinese; the ministry's statistics as
        PDF of an edition or as workbooks in its layout.
    out : Path
        New folder, or one that this command has written: a Parquet file a table, the sample flow
        and the reports.
    mapping : Path, optional
        Which column is what, where no vendor is known, and which discipline a category of papers
        is of (default: ``mapping.toml`` in `out`).
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
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="replication-")))
        # In memory, and on disk what does not fit: a file of DuckDB's would compress every column.
        base = stack.enter_context(duckdb.connect())
        base.execute(f"SET memory_limit = '{memory}B'; SET enable_progress_bar = false")
        base.execute(f"SET temp_directory = '{scratch / 'spill'}'")
        text.prepare(base)
        work = Work(base, scratch, say)
        open_exports(work, exported(folder), mapping)
        if work.sources:
            _patents(work)
        tables = _tables(work, folder)
        if work.papers:
            _papers(work, tables, mapping)
        return _write(work, tables, out)


def _patents(work: Work) -> None:
    signs = patents.read_patents(work.base, work.sources)
    patents.applications(work.base)
    for number, source in enumerate(work.sources):
        work.say(f"{source.table.path}: {patents.noticed(work.base, number, signs[number])}")
    _flow(work, "flow", "patents", {n: s.table.path for n, s in enumerate(work.sources)})
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


def _tables(work: Work, folder: Path) -> dict[str, pd.DataFrame]:
    """Tables that pass through memory; universities and disciplines are there if need be."""
    own = work.parts.get("universities")
    known = universities.default_universities() if own is None else pd.concat(own)
    for name, frame in statistics.tables(work.statistics, known).items():
        work.parts.setdefault(name, []).append(frame)
    for found in work.statistics:
        work.count(found.path, "statistics", statistics.counts(found, known))
    tables = {name: pd.concat(parts, ignore_index=True) for name, parts in work.parts.items()}
    for name, table in tables.items():
        schema = described(name)
        if schema.unique and (twice := table.duplicated(schema.unique)).any():
            said = table.loc[twice, schema.unique].iloc[0].to_dict()
            raise SchemaError(f"{folder}, table {name}: {said} is in two files: keep one")
    if work.sources or work.papers or work.statistics:
        tables.setdefault("universities", known)
    if "disciplines" not in tables:
        tables["disciplines"] = load_disciplines()
    return tables


def _papers(work: Work, tables: dict[str, pd.DataFrame], mapping: Path) -> None:
    made.read_papers(work.base, work.papers)
    made.make_papers(work.base, tables["universities"], tables["disciplines"], mapping, work.say)
    _flow(work, "paper_flow", "papers", {n: s.table.path for n, s in work.papers.items()})
    if (own := tables.pop("papers", None)) is not None:
        work.base.register("own_papers", own)
        work.base.execute(f"INSERT INTO papers_made SELECT {PAPERS} FROM own_papers")
    work.reports[NEAR_PAPERS] = universities.near_misses(
        work.base, tables["universities"], universities.ADDRESSES, "papers"
    )
    n = len(work.reports[NEAR_PAPERS])
    work.say(f"addresses nearly a university's, credited to none: {n:,} ({NEAR_PAPERS})")


def _flow(work: Work, relation: str, table: str, paths: dict[int, Path]) -> None:
    """Enter what became of the rows of each file."""
    names = ("reason", "rows", "first_row", "example")
    for number, path in paths.items():
        found = work.base.execute(
            f'SELECT reason, "rows", first_row, example FROM {relation} WHERE file = $1 '
            "ORDER BY reason",
            [number],
        ).fetchall()
        about = {"file": path.name, "table": table}
        work.flow += [about | dict(zip(names, row, strict=True)) for row in found]


def _write(work: Work, tables: dict[str, pd.DataFrame], out: Path) -> pd.DataFrame:
    flow = pd.DataFrame(
        work.flow, columns=["file", "table", "reason", "rows", "first_row", "example"]
    )
    reports = {FLOW: flow, **work.reports}
    if work.sources:
        reports[NEAR] = universities.near_misses(work.base, tables["universities"])
        work.say(f"names nearly a university's, credited to none: {len(reports[NEAR]):,} ({NEAR})")

    files = {f"{name}.parquet": partial(_put_table, table) for name, table in tables.items()}
    files |= {name: partial(_put_report, report) for name, report in reports.items()}
    streamed = {
        "patents": "SELECT application, date::TIMESTAMP AS date, jurisdiction, applicants, ipc, "
        "granted FROM applications ORDER BY application",
        "papers": f"SELECT {PAPERS} FROM papers_made ORDER BY ALL",
    }
    there = {"patents": work.sources, "papers": work.papers}
    for name, query in streamed.items():
        if there[name]:
            files[f"{name}.parquet"] = partial(_put_query, work, name, query)
    write_ingested(out, files)
    made_now = sorted({*tables, *(name for name in streamed if there[name])})
    work.say(f"{out}: {', '.join(made_now)}")
    if absent := [name for name in RECORDS if name not in made_now]:
        work.say(f"not among the exports: {', '.join(absent)}")
    return flow


def _put_table(table: pd.DataFrame, file: BinaryIO) -> None:
    write_parquet(table, {}, file)


def _put_report(report: pd.DataFrame, file: BinaryIO) -> None:
    file.write(report.to_csv(index=False, lineterminator="\n").encode())


def _put_query(work: Work, name: str, query: str, file: BinaryIO) -> None:
    """DuckDB writes to a path, and the table is copied from there piece by piece."""
    written = work.scratch / f"{name}.parquet"
    work.base.execute(f"COPY ({query}) TO '{written}' (FORMAT parquet)")
    with written.open("rb") as copy:
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
        work = Work(base, scratch, lambda _: None)
        checked(path)
        if path.suffix.lower() == ".pdf":
            return "compilation: " + json.dumps(
                {n: len(t) for n, t in others.read_pdf(path).items()}
            )
        if workbook.is_statistics(path):
            found = workbook.read_workbook(path)
            return f"the ministry's statistics, {found.about}"
        table = open_table(path, "raw", base, scratch)
        if vendor := vendor_of(table.headers):
            work.sources = [as_source(table)]
            patents.read_patents(base, work.sources)
            return f"{vendor.name}, {_rows(base, 'rows_read')} rows"
        if papers := paper_vendor_of(table.headers):
            made.read_papers(base, {0: made.Source(table, papers)})
            return f"{papers.name}, {_rows(base, 'paper_rows')} papers"
        if (other := table_of(table.headers)) is None:
            raise SchemaError(
                f"{path}: columns {', '.join(table.headers[:12])}: of no known vendor and no table "
                "of records; `replication ingest` proposes a mapping"
            )
        return f"table {other}, {len(others.read_other(base, other, table)):,} rows"


def _rows(base: duckdb.DuckDBPyConnection, table: str) -> str:
    found = base.execute(f"SELECT count(*) FROM {table}").fetchone()
    return f"{found[0]:,}" if found else "0"
