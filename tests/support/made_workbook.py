"""Workbooks that the tests make, of the shape of the Leiden Ranking 2023, written part by part."""

import zipfile
from collections.abc import Iterable
from itertools import product
from pathlib import Path
from xml.sax.saxutils import escape

from replication.records.open.leiden.fields import COLUMNS, FIELDS
from replication.records.open.universities import university_names

HEADS = ["Rank", *COLUMNS, "PP_collab", "PP_collab_lb"]
"""What is read, and columns before and after that are not."""
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
START = '<?xml version="1.0" encoding="UTF-8"?>'
Row = dict[str, str | float | None]


def leiden_rows(
    names: Iterable[tuple[str, str]], periods: Iterable[str] = ("2006–2009", "2018–2021")
) -> list[Row]:
    """Rows of universities (name and country), in every field, period and way to count."""
    rows: list[Row] = []
    for number, ((name, country), field, period, counting) in enumerate(
        product(names, FIELDS, periods, (0, 1))
    ):
        papers = 100.0 + number // 2
        rows.append(
            {
                "Rank": 1.0, "University": name, "Country": country, "Field": field,
                "Period": period, "Frac_counting": float(counting),
                "impact_P": papers if not counting else papers / 3, "collab_P": papers,
                "P_collab": papers - 10, "P_int_collab": papers - 50, "P_industry_collab": 7.0,
                "P_short_dist_collab": 20.0, "P_long_dist_collab": 30.0,
                "PP_collab": (papers - 10) / papers, "PP_collab_lb": None,
            }
        )  # fmt: skip
    return rows


def listed() -> list[tuple[str, str]]:
    """Every name that the table of names has for the workbook, and two that are not ours."""
    rows = university_names("leiden-panel")
    shared = rows["note"].str.extract("^two campuses under one name: (.*)$")[0].dropna()
    ours = [*rows.loc[rows["name"] != "", "name"], *shared.unique()]
    others = [("Northeastern University", "United States"), ("Fuzhou University", "China")]
    return [*((name, "China") for name in ours), *others]


def write(
    path: Path, rows: Iterable[Row], heads: list[str] = HEADS, sheet: str = "Results"
) -> Path:
    """Write a workbook with two sheets, Explanation and `sheet`; its texts are shared."""
    texts: dict[str, int] = {}
    types = "".join(
        f'<Override PartName="/xl/{part}" ContentType="application/vnd.openxmlformats-'
        f'officedocument.spreadsheetml.{kind}+xml"/>'
        for part, kind in (
            ("workbook.xml", "sheet.main"),
            ("worksheets/sheet1.xml", "worksheet"),
            ("worksheets/sheet2.xml", "worksheet"),
            ("sharedStrings.xml", "sharedStrings"),
        )
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr(
            "[Content_Types].xml",
            f'{START}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.'
            f'relationships+xml"/>{types}</Types>',
        )
        book.writestr("_rels/.rels", _links([("officeDocument", "xl/workbook.xml")]))
        book.writestr(
            "xl/workbook.xml",
            f'{START}<workbook {MAIN} xmlns:r="{RELATIONS}"><sheets>'
            '<sheet name="Explanation" sheetId="1" r:id="rId1"/>'
            f'<sheet name="{sheet}" sheetId="2" r:id="rId2"/></sheets></workbook>',
        )
        parts = [("worksheet", f"worksheets/sheet{n}.xml") for n in (1, 2)]
        book.writestr(
            "xl/_rels/workbook.xml.rels", _links([*parts, ("sharedStrings", "sharedStrings.xml")])
        )
        book.writestr(
            "xl/worksheets/sheet1.xml", f"{START}<worksheet {MAIN}><sheetData/></worksheet>"
        )
        with book.open("xl/worksheets/sheet2.xml", "w", force_zip64=True) as out:
            out.write(f"{START}<worksheet {MAIN}><sheetData>".encode())
            out.write(_row(1, dict(zip(heads, heads, strict=True)), heads, texts))
            for number, row in enumerate(rows, start=2):
                out.write(_row(number, row, heads, texts))
            out.write(b"</sheetData></worksheet>")
        items = "".join(f"<si><t>{escape(text)}</t></si>" for text in texts)
        book.writestr("xl/sharedStrings.xml", f"{START}<sst {MAIN}>{items}</sst>")
    return path


def _row(number: int, row: Row, heads: list[str], texts: dict[str, int]) -> bytes:
    cells = []
    for at, head in enumerate(heads):
        value, place = row[head], f"{_letters(at)}{number}"
        if isinstance(value, str):
            cells.append(f'<c r="{place}" t="s"><v>{texts.setdefault(value, len(texts))}</v></c>')
        elif value is not None:
            cells.append(f'<c r="{place}"><v>{value!r}</v></c>')
    return f'<row r="{number}">{"".join(cells)}</row>'.encode()


def _letters(at: int) -> str:
    """Column of a place counted from 0: A … Z, AA …."""
    return (_letters(at // 26 - 1) if at >= 26 else "") + chr(65 + at % 26)


def _links(parts: list[tuple[str, str]]) -> str:
    items = "".join(
        f'<Relationship Id="rId{n}" Type="{RELATIONS}/{kind}" Target="{target}"/>'
        for n, (kind, target) in enumerate(parts, start=1)
    )
    place = "http://schemas.openxmlformats.org/package/2006/relationships"
    return f'{START}<Relationships xmlns="{place}">{items}</Relationships>'
