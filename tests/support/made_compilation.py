"""Editions of the ministry's compilation that the tests make, laid out as the printed ones.

The PDF is written by hand, its text in a font that is named and not embedded: small, the same bytes
every time, and read as a printed one. Numbers are random and of no year.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from replication.records.open.compilation.register import PREFIX, Table, tables
from replication.records.open.universities import ministry_universities

Cells = dict[str, dict[str, int]]
"""Numbers by university and column."""

WIDTH, HEIGHT, SIZE = 595.0, 842.0, 7.0
ROW, TOP = 15.0, 200.0
NAMES_END = 150.0


@dataclass
class Edition:
    """What is printed; a test changes it before `write`."""

    year: int
    numbers: dict[str, Cells]
    totals: dict[str, dict[str, int]]
    order: list[str]
    rows_a_page: int = 31
    heads: dict[str, str] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    first: int = 51

    def write(self, path: Path) -> Path:
        """Title page, contents, a table of other universities, and the tables."""
        pages = [
            _Page().text(100, 200, f"{self.year} 年高等学校科技统计资料汇编"),
            _Page().text(80, 90, f"表 {self.first} {PREFIX}科技人力......................224"),
            _Page().text(80, 90, "表 6 部委高等学校国际科技交流").text(80, 120, "合计 1 000"),
            _Page(),
        ]
        for number, name in enumerate(self.order):
            (table,) = (table for table in tables() if table.id == name)
            pages += self._pages(table, self.first + number)
        path.write_bytes(_bytes([*pages, _Page(), _Page().text(250, 200, "附 录")]))
        return path

    def _pages(self, table: Table, number: int) -> list["_Page"]:
        columns = [column.name for column in table.columns]
        title = PREFIX + self.titles.get(table.id, table.title)
        rows = [("合计", self.totals[table.id]), *self.numbers[table.id].items()]
        # Wide tables are broken over two pages side by side, and so is the title.
        left = len(columns) if len(columns) <= 6 else len(columns) // 2
        cut = 5 if left < len(columns) else len(title)
        pages = []
        for begin in range(0, len(rows), self.rows_a_page):
            part = rows[begin : begin + self.rows_a_page]
            for names, shown in ((True, columns[:left]), (False, columns[left:])):
                if not shown:
                    continue
                line = title[:cut] if names else title[cut:]
                said = f"表 {number} {line}" if names else line
                page = _Page()
                page.text(80, 85, "续表" if begin else said)
                self._table(page, table, shown, names, part)
                pages.append(page)
        return pages

    def _table(
        self, page: "_Page", table: Table, shown: list[str], named: bool,
        part: list[tuple[str, dict[str, int]]],
    ) -> None:  # fmt: skip
        start = NAMES_END if named else 82.0
        edges = np.linspace(start, 513, len(shown) + 1)
        bottom = TOP + ROW * len(part) - 8
        for x in edges[:-1]:
            page.rule(x, 90, bottom)
        heads = {column.name: column.header for column in table.columns}
        for group, (x, y) in self._groups(table, shown, edges):
            page.text(x, y, group)
        for name, right, before in zip(shown, edges[1:], edges[:-1], strict=True):
            head = self.heads.get(name, heads[name])
            # In pieces of two, one below the other, as narrow columns print them.
            for at in range(0, len(head), 2):
                page.text((right + before) / 2 - 6, 120 + 4.5 * at, head[at : at + 2], 5)
        if named:
            page.text(110, 140, "学校名称")
        for at, (university, cells) in enumerate(part):
            y = TOP + ROW * at
            if named:
                page.text(82, y - 1, university)
            for name, right in zip(shown, edges[1:], strict=True):
                page.number(right - 1, y, cells.get(name))

    def _groups(
        self, table: Table, shown: list[str], edges: np.ndarray
    ) -> list[tuple[str, tuple[float, float]]]:
        """Headings over the columns, each where its columns begin: evenly, in their order."""
        columns = [column.name for column in table.columns]
        placed = []
        for number, group in enumerate(table.groups):
            column = columns[number * len(columns) // len(table.groups)]
            if column in shown:
                at = shown.index(column)
                placed.append((group, ((edges[at] + edges[at + 1]) / 2 - 2.5 * len(group), 105)))
        return placed


def made(year: int = 2019, universities: int = 63, seed: int = 0) -> Edition:
    """Return an edition whose columns add up: to the totals, and to the columns they make."""
    draw = np.random.default_rng([seed, year])
    names = list(ministry_universities()["name_zh"][:universities])
    numbers: dict[str, Cells] = {}
    for table in tables():
        numbers[table.id] = {}
        # Thousands, hundreds, and small numbers, some of them zero.
        scale = 10.0 ** draw.integers(0, 5, len(table.columns))
        for name in names:
            row = draw.poisson(scale * draw.gamma(1.0, 1.0, len(scale)))
            cells = dict(zip([c.name for c in table.columns], map(int, row), strict=True))
            for whole in reversed(table.wholes):
                cells[whole.name] = sum(cells[part] for part in whole.parts)
            numbers[table.id][name] = cells
    totals = {
        table.id: {
            column.name: sum(cells[column.name] for cells in numbers[table.id].values())
            for column in table.columns
        }
        for table in tables()
    }
    return Edition(year, numbers, totals, [table.id for table in tables()])


class _Page:
    """Content of a page, in points from the upper left as a reader of PDF reports them."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    def text(self, x: float, y: float, text: str, size: float = SIZE) -> "_Page":
        code = text.encode("utf-16-be").hex()
        place = f"{x:.2f} {HEIGHT - y:.2f}"
        self.parts.append(f"BT /F1 {size:g} Tf 1 0 0 1 {place} Tm <{code}> Tj ET")
        return self

    def number(self, right: float, y: float, value: int | None) -> None:
        """A number that ends at `right`, its thousands set off by a narrow blank."""
        if value is None:
            return
        groups = f"{value:,}".split(",")
        for group in reversed(groups):
            right -= len(group) * SIZE / 2
            self.text(right, y, group)
            right -= 1.9

    def rule(self, x: float, top: float, bottom: float) -> None:
        self.parts.append(f"{x:.2f} {HEIGHT - bottom:.2f} 0.5 {bottom - top:.2f} re f")


def document(texts: list[str]) -> bytes:
    """Bytes of a PDF with a text a page."""
    return _bytes([_Page().text(100, 200, text) for text in texts])


def _bytes(pages: list[_Page]) -> bytes:
    """Bytes of a PDF with these pages; its one font is the standard Chinese one of PDF readers."""
    kids = " ".join(f"{5 + 2 * at} 0 R" for at in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count {len(pages)} /Kids [{kids}] >>",
        "<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding /UniGB-UCS2-H "
        "/DescendantFonts [4 0 R] >>",
        # Latin letters and digits are half as wide as Chinese ones.
        "<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /DW 1000 "
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 0 >> "
        "/W [1 95 500 814 939 500] /FontDescriptor << /Type /FontDescriptor "
        "/FontName /STSong-Light /Flags 6 /FontBBox [-25 -254 1000 880] /ItalicAngle 0 "
        "/Ascent 880 /Descent -120 /CapHeight 880 /StemV 93 >> >>",
    ]
    for at, page in enumerate(pages):
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {WIDTH:g} {HEIGHT:g}] "
            f"/Resources << /Font << /F1 3 0 R >> >> /Contents {6 + 2 * at} 0 R >>"
        )
        content = "\n".join(page.parts)
        objects.append(f"<< /Length {len(content)} >>\nstream\n{content}\nendstream")
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode("ascii")
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    out += (
        f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
        f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
    ).encode("ascii")
    return bytes(out)
