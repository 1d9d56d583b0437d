"""Text that has a record a paragraph, and tables of HTML, as rows with one header.

Formats: plain text of Web of Science (``FN`` to ``EF``, two-letter tags, three blanks before what
goes on: Clarivate, "Core Collection Field Tags"), and of CNKI what it calls 自定义, a field a line
(``Title-题名: …``), or the same fields as a table of HTML in a file named ``.xls``.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from lxml import html

from replication.errors import SchemaError

WOS_TAG = re.compile(r"([A-Z][A-Z0-9]) (.*)|(ER|EF)\s*$")
SEVERAL = {"AU", "AF", "C1", "C3", "CR"}
"""Fields of Web of Science that have a value a line; the lines of others are one text."""
CNKI_FIELD = re.compile(r"([A-Za-z]+-(?:[\u4e00-\u9fff]+|DOI)) ?[:：] ?(.*)")
CNKI_FIRST = "SrcDatabase-"
ELSEWHERE = (
    (r"\{Reference Type\}:", "NoteExpress"),
    (r"RT [A-Z]", "RefWorks"),
    (r"%0 [A-Z]", "EndNote"),
    (r"TY  - ", "RIS"),
    (r"@[a-zA-Z]+\{", "BibTeX"),
)
"""Formats of programs that keep references: none of them has the class of a paper."""


class Records(NamedTuple):
    """Rows of text under headers, and the line at which each begins."""

    headers: list[str]
    rows: list[list[str | None]]
    lines: list[int]


def kind(path: Path, top: str) -> str | None:
    """Which of the formats a text is in, by how it begins: "Web of Science", "CNKI", "HTML".

    `SchemaError` names a format that has too little to place a paper.
    """
    start = top.lstrip("\ufeff \r\n\t")
    if start.startswith("FN ") and re.search(r"^VR ", start, re.MULTILINE):
        return "Web of Science"
    if CNKI_FIELD.match(start):
        return "CNKI"
    if re.match(r"(?i)<(!doctype html|html|table|meta|head|style)", start):
        return "HTML"
    for sign, name in ELSEWHERE:
        if re.match(sign, start):
            raise SchemaError(
                f"{path}, line 1: is in the format of {name}, which has no class of a paper, so "
                "that its discipline cannot be told: export CNKI's 自定义 with 中图分类号 ticked, "
                "or the full record of Web of Science"
            )
    return None


def records(path: Path, file: Path, which: str) -> Records:
    """Read the records of a file in UTF-8; `SchemaError` names the line of a fault."""
    with file.open(encoding="utf-8-sig", newline=None) as lines:
        if which == "HTML":
            return _html(path, lines.read())
        found = _wos(path, lines) if which == "Web of Science" else _cnki(path, lines)
        return _table(list(found))


def _table(found: list[tuple[int, dict[str, str]]]) -> Records:
    headers = list(dict.fromkeys(name for _, record in found for name in record))
    rows = [[record.get(name) for name in headers] for _, record in found]
    return Records(headers, rows, [line for line, _ in found])


def _wos(path: Path, lines: Iterable[str]) -> Iterator[tuple[int, dict[str, str]]]:
    record: dict[str, str] = {}
    tag, began, whole = "", 0, False
    for number, line in enumerate(lines, start=1):
        line = line.rstrip("\n").lstrip("\ufeff")
        if match := WOS_TAG.match(line):
            if whole:
                raise SchemaError(f"{path}, line {number}: goes on after EF: two files in one?")
            tag = match[3] or match[1]
            if tag == "ER":
                yield began, record
                record, began = {}, 0
            elif tag == "EF":
                whole = True
            elif tag not in ("FN", "VR"):
                if tag in record:
                    raise SchemaError(
                        f"{path}, line {number}, field {tag}: is there twice in the record that "
                        f"begins in line {began}: no ER between two records? Export it again"
                    )
                began, record[tag] = began or number, match[2].strip()
        elif line.startswith("   ") and tag in record:
            joint = "; " if tag in SEVERAL else " "
            record[tag] += joint + line.strip()
        elif line.strip():
            raise SchemaError(
                f"{path}, line {number}: {line[:60]!r} begins with no field tag and no blanks: "
                "export it again as plain text"
            )
    if record or not whole:
        raise SchemaError(
            f"{path}, line {began or number}: no ER and EF at the end: the file is cut off, export "
            "it again"
        )


def _cnki(path: Path, lines: Iterable[str]) -> Iterator[tuple[int, dict[str, str]]]:
    record: dict[str, str] = {}
    name, began = "", 0
    for number, line in enumerate(lines, start=1):
        line = line.strip().lstrip("\ufeff")
        match = CNKI_FIELD.match(line)
        if match and match[1].startswith(CNKI_FIRST) and record:
            yield began, record
            record = {}
        if match:
            name = match[1]
            if not record:
                began = number
                if not name.startswith(CNKI_FIRST):
                    raise SchemaError(
                        f"{path}, line {number}: a record begins with {name} and not with "
                        f"{CNKI_FIRST}来源库: the file is cut, or its fields were put in another "
                        "order; export it again"
                    )
            if name in record:
                raise SchemaError(
                    f"{path}, line {number}, field {name}: is there twice in the record that "
                    f"begins in line {began}: export it again"
                )
            record[name] = match[2].strip()
        elif line and record:
            record[name] += " " + line
    if record:
        yield began, record


def _html(path: Path, text: str) -> Records:
    if "</table" not in text.lower():
        raise SchemaError(f"{path}: its table of HTML does not end: cut off? Export it again")
    # Counted in the text, since what stands behind the end of a page is parsed by nobody.
    if (tables := len(re.findall(r"(?i)<table[\s>]", text))) != 1:
        raise SchemaError(f"{path}: {tables} tables of HTML, and one is needed: export it again")
    tree = html.fromstring(re.sub(r"^\s*<\?xml[^>]*\?>", "", text))
    rows = [
        [" ".join(cell.text_content().split()) or None for cell in row.iter("td", "th")]
        for row in tree.iter("tr")
    ]
    rows = [row for row in rows if row]
    headers = [cell or "" for cell in rows[0]] if rows else []
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(headers):
            raise SchemaError(
                f"{path}, row {number}: {len(row)} cells under {len(headers)} headers: the file "
                "is damaged; export it again"
            )
    return Records(headers, rows[1:], list(range(2, len(rows) + 1)))
