"""Workbooks for tests, as small as the format lets them be, written part by part."""

import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
KINDS = "application/vnd.openxmlformats-officedocument.spreadsheetml"
START = '<?xml version="1.0" encoding="UTF-8"?>'
Rows = Sequence[Sequence[object]]


def write_xlsx(
    path: Path, sheets: Mapping[str, Rows], merged: Mapping[str, Sequence[str]] | None = None
) -> Path:
    """Write sheets by name; `merged` are ranges such as ``B1:C1`` of a sheet."""
    parts = {
        name: (map(_row, range(1, len(rows) + 1), rows), _merge((merged or {}).get(name, ())))
        for name, rows in sheets.items()
    }
    return write_parts(path, parts)


def write_parts(
    path: Path,
    sheets: Mapping[str, tuple[Iterable[str], str]],
    shared: Callable[[], str] | None = None,
) -> Path:
    """Write a package.

    Parameters
    ----------
    path : Path
    sheets : mapping of str to (iterable of str, str)
        Rows of each sheet as XML, and what follows them.
    shared : callable, optional
        The texts that cells refer to, asked for when all rows are written.
    """
    names = [f"worksheets/sheet{n}.xml" for n in range(1, len(sheets) + 1)]
    kinds = {"workbook.xml": "sheet.main", **dict.fromkeys(names, "worksheet")}
    links = [("worksheet", name) for name in names]
    if shared:
        kinds["sharedStrings.xml"] = "sharedStrings"
        links.append(("sharedStrings", "sharedStrings.xml"))
    types = "".join(
        f'<Override PartName="/xl/{part}" ContentType="{KINDS}.{kind}+xml"/>'
        for part, kind in kinds.items()
    )
    listed = "".join(
        f'<sheet name="{escape(name)}" sheetId="{n}" r:id="rId{n}"/>'
        for n, name in enumerate(sheets, start=1)
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr(
            "[Content_Types].xml",
            f'{START}<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" ContentType="'
            f'application/vnd.openxmlformats-package.relationships+xml"/>{types}</Types>',
        )
        book.writestr("_rels/.rels", _links([("officeDocument", "xl/workbook.xml")]))
        book.writestr(
            "xl/workbook.xml",
            f'{START}<workbook {MAIN} xmlns:r="{DOCUMENT}"><sheets>{listed}</sheets></workbook>',
        )
        book.writestr("xl/_rels/workbook.xml.rels", _links(links))
        for name, (rows, after) in zip(names, sheets.values(), strict=True):
            with book.open(f"xl/{name}", "w", force_zip64=True) as part:
                part.write(f"{START}<worksheet {MAIN}><sheetData>".encode())
                for row in rows:
                    part.write(row.encode())
                part.write(f"</sheetData>{after}</worksheet>".encode())
        if shared:
            book.writestr("xl/sharedStrings.xml", f"{START}<sst {MAIN}>{shared()}</sst>")
    return path


def letters(at: int) -> str:
    """Column of a place counted from 0: A … Z, AA …."""
    return (letters(at // 26 - 1) if at >= 26 else "") + chr(65 + at % 26)


def _row(number: int, row: Sequence[object]) -> str:
    cells = "".join(_cell(f"{letters(at)}{number}", value) for at, value in enumerate(row))
    return f'<row r="{number}">{cells}</row>'


def _cell(at: str, value: object) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, (int, float)):
        return f'<c r="{at}"><v>{value}</v></c>'
    return f'<c r="{at}" t="inlineStr"><is><t>{escape(str(value))}</t></is></c>'


def _merge(ranges: Sequence[str]) -> str:
    cells = "".join(f'<mergeCell ref="{one}"/>' for one in ranges)
    return f'<mergeCells count="{len(ranges)}">{cells}</mergeCells>' if ranges else ""


def _links(targets: Sequence[tuple[str, str]]) -> str:
    links = "".join(
        f'<Relationship Id="rId{n}" Type="{DOCUMENT}/{kind}" Target="{target}"/>'
        for n, (kind, target) in enumerate(targets, start=1)
    )
    return f'{START}<Relationships xmlns="{PACKAGE}/relationships">{links}</Relationships>'
