"""What must not leave the machine of whoever works on the project: records, persons, keys."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import nbformat
import pandas as pd
from detect_secrets.core.baseline import load_from_file
from detect_secrets.core.scan import scan_file, scan_line
from detect_secrets.settings import configure_settings_from_baseline, default_settings

from replication.config import ROOT
from replication.records.ingest.vendors import paper_vendor_of, vendor_of
from replication.records.schema import PANEL, RECORDS

PERSONAL = {
    "an e-mail address": re.compile(
        r"(?<![\w.+-])[\w.+-]+(?:[@＠]| ?[\[(]at[\])] ?)(?!example\.)"
        r"[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}(?!\w)"
    ),
    "a telephone number": re.compile(
        r"(?<![\w.])(?:\+?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?!\w)"
        r"|(?<!\w)\+\d{2,3}[ -]?\d{2,4}[ -]\d{3,}"
    ),
    "a number of an identity card": re.compile(
        r"(?<![\w.])[1-9]\d{5}(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?!\w)"
    ),
    "a patent by its number": re.compile(
        r"(?<![\w.])(?:CN|ZL)?(?:19|20)\d\d[1-389]\d{7}(?:\.[\dXx])?(?!\w)"
        r"|\b(?:CN|EP|JP|US|WO)\d{6,10}[A-CS-UY]\d?\b"
    ),
}
FIRM = re.compile(r"[\u4e00-\u9fff]{2,}(?:有限|股份|集团|责任)*公司|\bCo\.,? ?Ltd|\bInc\.|\bCorp\.")
"""An applicant; what the book shows names none."""

TABULAR = {
    ".arrow", ".csv", ".db", ".dta", ".duckdb", ".feather", ".gz", ".jsonl", ".ods", ".parquet",
    ".pkl", ".rds", ".sav", ".sqlite", ".tsv", ".xls", ".xlsx", ".zip",
}  # fmt: skip
NOTES = {".htm", ".html", ".json", ".log", ".ris", ".txt"}
"""Text in which a table may hide."""
WORD = re.compile(r"\{cite[^`]*`[^`]*`|(?<![\w./-])(?=(?:[\w+=-]*\d){3})[\w+=-]{20,}(?![\w./])")
"""What in prose may be a key: long, with digits, no part of an address."""

RECORD_COLUMNS = {
    name: [set(table.columns), {c.metadata["zh"] for c in table.columns.values()}]
    for name, table in RECORDS.items()
    # The catalogue of disciplines is public, and the panel has the columns of the grades.
    if name != "disciplines" and not set(table.columns) <= set(PANEL.columns)
}


def firms(text: str) -> list[str]:
    """Firms that a text names."""
    return FIRM.findall(text)


def record_files(root: Path, committed: Iterable[str]) -> Iterator[str]:
    """Files of data that are not described in ``data/README.md``, or hold a table of records."""
    described = set(
        re.findall(r"^\| `([^`]+)`", (root / "data" / "README.md").read_text("utf-8"), re.MULTILINE)
    )
    for name in committed:
        path = Path(name)
        if name.startswith(("data/restricted/", "data/records/")) and path.name != "README.md":
            yield f"{name} is in a folder of records"
        elif path.suffix.lower() in TABULAR:
            written = re.fullmatch(
                r"results/(?:\w+/[\w-]+|benchmarks|scale|ingest|records)\.csv"
                r"|tests/oracles/(?:r_numbers|separation/\d\d)\.csv"
                r"|tests/support/second_study/\w+\.csv",
                name,
            )
            if not written and not (name.startswith("data/") and name[5:] in described):
                yield f"{name} is no file of data that the project describes"
            elif tables := holding(root / name):
                yield f"{name} has the columns of the records {', '.join(tables)}"
        elif path.suffix.lower() in NOTES:
            yield from (f"{name} {said}" for said in in_text(root / name))
        elif path.suffix == ".ipynb":
            yield from (f"{name} {said}" for said in in_notebook(root / name))


def holding(path: Path) -> list[str]:
    """Tables of records, or vendors, whose columns a file has."""
    read = pd.read_parquet if path.suffix == ".parquet" else pd.read_csv
    columns = set(read(path).columns)
    of_records = [
        name for name, forms in RECORD_COLUMNS.items() if any(f <= columns for f in forms)
    ]
    return of_records or exports(map(str, read(path).columns))


def exports(headers: Iterable[str]) -> list[str]:
    """Vendors whose exports have these headers."""
    every = [header.strip().strip('"\ufeff') for header in headers]
    return [found.name for found in (vendor_of(every), paper_vendor_of(every)) if found]


def in_text(path: Path) -> Iterator[str]:
    """What a file of text has of an export: a line of headers near its top, or tagged papers."""
    top = path.read_bytes()[:20_000].decode("utf-8", errors="replace").splitlines()[:30]
    if any(re.match(r"\ufeff?FN (?:Clarivate|Thomson)", line) for line in top):
        yield "is an export of papers"
    for line in top:
        for mark in ",\t;|":
            for vendor in exports(line.split(mark)):
                yield f"has the columns of {vendor}"


def in_notebook(path: Path) -> Iterator[str]:
    """What a notebook shows of an export, and whether it was run on somebody's records."""
    notebook = nbformat.read(path, as_version=4)
    if notebook.metadata.get("replication_source") == "restricted":
        yield "was run on licensed records"
    for output in (one for cell in notebook.cells for one in cell.get("outputs", [])):
        data = output.get("data", {})
        shown = re.findall(r"<th[^>]*>([^<]*)</th>", str(data.get("text/html", "")))
        lines = [
            *str(data.get("text/plain", "")).splitlines(),
            *output.get("text", "").splitlines(),
        ]
        for headers in [shown, *(re.split(r"[,;\t|]|\s{2,}", line) for line in lines[:3])]:
            for vendor in exports(headers):
                yield f"shows the columns of {vendor}"


def foreign_outputs(executed: Path, registry: dict[str, dict[str, str]]) -> Iterator[str]:
    """Outputs of a notebook that are neither a published exhibit nor a registered number."""
    for index, cell in enumerate(nbformat.read(executed, as_version=4).cells):
        where = f"{executed.name}, cell {index}"
        if cell.get("attachments") or cell.cell_type == "raw":
            yield f"{where}: holds an attachment or raw text"
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            html = str(data.get("text/html", ""))
            named = re.match(r'<p class="exhibit-title" id="([\w-]+)"', html)
            shown = named[1] in registry if named else html.startswith('<p class="exhibit-note">')
            if not (shown or "image/png" in data or "scrapbook" in output.get("metadata", {})):
                yield f"{where}: shows what is no exhibit; publish it"
    for name, entry in registry.items():
        if entry["source"] == "restricted":
            yield f"{executed.name}: {name} is made from licensed records"


def secrets(paths: Iterable[Path]) -> Iterator[str]:
    """Keys and passwords in files; in prose no quotation marks are needed to be one."""
    with default_settings():
        configure_settings_from_baseline(load_from_file(str(ROOT / ".secrets.baseline")))
        for path in paths:
            # A mark is nothing but checksums of files and the process they were made by.
            if path.name.endswith("manifest.json"):
                continue
            for one in scan_file(str(path)):
                yield f"{path.name}, line {one.line_number}: {one.type}"
            if path.suffix == ".md":
                for line, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                    words = [word for word in WORD.findall(text) if not word.startswith("{cite")]
                    for kind in {one.type for word in words for one in scan_line(f'"{word}"')}:
                        yield f"{path.name}, line {line}: {kind}"
