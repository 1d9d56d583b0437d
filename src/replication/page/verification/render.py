"""The report as text for a terminal, as JSON, as a page of its own and as a page of the site."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from replication.config import BUILD
from replication.page import markdown
from replication.page.verification.report import IDENTICAL, STATUSES, Report, Row, exhibits
from replication.writing import write_files

JSON, HTML = "report.json", "report.html"

HEADS = ("exhibit", "cell", "files", "status", "largest difference")

STYLE = """\
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem;
  color-scheme: light dark; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem;
  border-bottom: 1px solid #8886; }
.scroll { overflow-x: auto; }
.different, .missing { font-weight: bold; color: #c0392b; }
"""


def folder() -> Path:
    """Folder of the report of the last run on this machine."""
    return BUILD / "verification"


def write(report: Report, json_to: Path | None = None, html_to: Path | None = None) -> list[Path]:
    """Write the report as JSON and as a page; where nothing else is said, below ``build/``.

    Returns
    -------
    list of Path
        The two files.
    """
    paths = [json_to or folder() / JSON, html_to or folder() / HTML]
    for path, text in zip(paths, (as_json(report), as_html(report)), strict=True):
        write_files(path.resolve().parent, {path.name: text.encode()})
    return paths


def as_json(report: Report) -> str:
    """All of the report."""
    values = asdict(report) | {"verified": report.verified}
    return json.dumps(values, ensure_ascii=False, indent=1) + "\n"


def as_text(report: Report) -> str:
    """Report for a terminal: each notebook in a line, then what did not come out again."""
    lines = [f"compared with {report.against.sentence}"]
    lines += [f"  {line}" for line in _chapters(report)]
    for status in (s for s in STATUSES if s != IDENTICAL):
        rows = [row for row in report.rows if row.status == status]
        lines += ["", f"{status}:"] if rows else []
        for row in rows:
            lines += [f"  {row.chapter}, {row.name} ({row.kind}){_apart(row)}"]
            lines += [f"    {sentence}" for sentence in row.said]
    if report.against.edited:
        lines += ["", "not as committed on this machine, and not what was run:"]
        lines += [f"  {name}: {what}" for name, what in report.against.edited.items()]
    lines += [f"{name} did not run: {reason}" for name, reason in report.not_run.items()]
    return "\n".join([*lines, "", verdict(report)])


def verdict(report: Report) -> str:
    """One line: whether every exhibit came out again."""
    counts = _counts(report.rows)
    said = f"{len(report.rows)} exhibits: {counts}"
    if report.against.edited:
        said += f"; {len(report.against.edited)} files here are not as committed"
    if report.not_run:
        said += f"; {len(report.not_run)} chapters did not run"
    return f"{'verified' if report.verified else 'NOT verified'}: {said}"


def as_html(report: Report) -> str:
    """Page that needs nothing beside it."""
    parts = [f"<h1>Verification report</h1><p><strong>{escape(verdict(report))}</strong></p>"]
    facts = {"compared with": report.against.sentence, "begun (UTC)": report.begun}
    parts += [_html_table(("", ""), list((facts | report.machine).items()))]
    if report.against.edited:
        rows = list(report.against.edited.items())
        parts += ["<h2>Not as committed here</h2>", _html_table(("file", "what"), rows)]
    if report.not_run:
        parts += ["<h2>Not run</h2>", _html_table(("chapter", "why"), list(report.not_run.items()))]
    for cost in report.costs:
        parts += [f"<h2>{escape(cost.chapter)}</h2>", f"<p>{escape(_cost(cost))}</p>"]
        cells = [_cells(row) for row in report.rows if row.chapter == cost.chapter]
        parts += [_html_table(HEADS, cells)]
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Verification report</title><style>{STYLE}</style></head>\n"
        f"<body><main>{body}</main></body>\n</html>\n"
    )


def page_markdown() -> str:
    """Report of the last run on this machine, for the site; or how to make one."""
    path = folder() / JSON
    if not path.is_file():
        rows = [
            (row.chapter, f"{row.name}: {row.title}", str(row.cell), ", ".join(row.files))
            for row in exhibits()
        ]
        return "\n".join(
            [
                "This site was built without running the notebooks, so there is no report: "
                "`make book` runs them and shows it here, `replication verify` writes one. "
                "Where each exhibit comes from:",
                "",
                *markdown.table(("notebook", "exhibit", "cell", "files"), rows),
            ]
        )
    report = json.loads(path.read_text(encoding="utf-8"))
    facts = {"begun (UTC)": report["begun"], **report["machine"]}
    lines = ["### The machine", "", *[f"- {name}: {value}" for name, value in facts.items()]]
    lines += ["", "### The notebooks"]
    rows = [
        (c["chapter"], f"{c['seconds']:.0f}", f"{c['megabytes']:.0f}", _seeds(c["seeds"]))
        for c in report["costs"]
    ]
    heads = ("notebook", "seconds", "memory, MB", "seeds")
    lines += ["", *markdown.table(heads, rows, right=heads[1:3])]
    lines += [f"- {name} did not run: {why}" for name, why in report["not_run"].items()]
    for cost in report["costs"]:
        own = [Row(**row) for row in report["rows"] if row["chapter"] == cost["chapter"]]
        lines += [
            "",
            f"### {cost['chapter']}",
            "",
            f"Files are in `results/{cost['chapter']}`.",
            "",
        ]
        lines += markdown.table(HEADS, [_short(row) for row in own])
    return "\n".join(lines)


def _chapters(report: Report) -> Iterator[str]:
    for cost in report.costs:
        rows = [row for row in report.rows if row.chapter == cost.chapter]
        yield f"{cost.chapter}: {_counts(tuple(rows))}; {_cost(cost)}"


def _cost(cost: Any) -> str:
    return f"{cost.seconds:.0f} s, {cost.megabytes:.0f} MB, seeds {_seeds(cost.seeds)}"


def _seeds(seeds: Any) -> str:
    return ", ".join(str(seed) for seed in seeds) or "the verbs' own"


def _counts(rows: tuple[Row, ...]) -> str:
    found = pd.Series([row.status for row in rows]).value_counts()
    return ", ".join(f"{found[status]} {status}" for status in STATUSES if status in found)


def _apart(row: Row) -> str:
    if not row.where:
        return ""
    return f", by up to {row.absolute:.2g} ({row.relative:.2g} of the committed, {row.where})"


def _cells(row: Row) -> tuple[str, str, str, str, str]:
    cell = "" if row.cell is None else str(row.cell)
    said = "; ".join(row.said) or _apart(row).removeprefix(", ")
    return f"{row.name}: {row.title}", cell, ", ".join(row.files), row.status, said


def _short(row: Row) -> tuple[str, str, str, str, str]:
    """Cells for the column of a page: suffixes for files, a difference without its sentence."""
    name, cell, _, status, said = _cells(row)
    files = ", ".join(Path(file).suffix[1:] for file in row.files)
    apart = f"{row.relative:.1g} at {row.where}" if row.where and not row.said else said
    return name, cell, files, status, apart


def _html_table(heads: tuple[str, ...], rows: list[Any]) -> str:
    top = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads if any(heads))
    body = []
    for row in rows:
        state = next((str(cell) for cell in row if cell in STATUSES), "")
        cells = "".join(f"<td>{escape(str(cell))}</td>" for cell in row)
        body.append(f'<tr class="{state}">{cells}</tr>' if state else f"<tr>{cells}</tr>")
    return f'<div class="scroll"><table><tr>{top}</tr>{"".join(body)}</table></div>'
