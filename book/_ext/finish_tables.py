"""Tables of a finished page: heads, numbers, and what a narrow screen makes of them.

A table keeps its rows and columns where they fit. Where they do not, each row becomes a card whose
entries carry the heads of their columns; the style sheet decides by the width that is estimated
here, so that paper is served as well as a screen.
"""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

NUMBER = re.compile(r"([(\[<≥≤~]?\s?[−+]?)(\d[\d,]*|)(\.\d+)?(\s?[%)\]]*)")
PLAIN = re.compile(r"[(\[]?[−+-]?(?:\d[\d,]*)?(?:\.\d+)?[%)\]]*")
HYPHEN = re.compile(r"(?<![\w.)])-(?=\.?\d)")
P_VALUE = re.compile(r"(?:^|\W)p(?:-value|[- ]values?)?(?:$|\W)", re.IGNORECASE)
ZERO = re.compile(r"0\.0{2,}")
THOUSANDS = re.compile(r"(?<![\d.,])(?:\d{5,}(?!\d)|\d{4}(?=\.\d))")
YEARS = re.compile(r"year|^(?:19|20)\d\d$", re.IGNORECASE)
STEPS = (24, 30, 36, 41, 48, 54, 60, 72, 90)
"""Widths, in rem, up to which a table of that class is laid out as cards."""
COLUMN, SMALL = 41, 0.87
"""Width of the text in rem, the rule of a fold off; what smaller letters save in a table that
needs more."""
LONG = 40
"""Letters of an entry that takes the whole line of a card."""
LETTER, GAP = 0.57, 0.95
"""Estimated width of a letter, and of the space between two columns, in rem."""


def finish_table(soup: BeautifulSoup, table: Tag) -> None:
    """Give a table its roles, its heads' reach, aligned numbers and names for its entries."""
    heads = head_texts(table)
    _corner(soup, table)
    rows = [row for row in table.select("tr") if row.find_parent("table") is table]
    body = [row for row in rows if row.find_parent("thead") is None]
    _stub(soup, body)
    for row in body:
        for column, entry in enumerate(row.find_all(["td", "th"], recursive=False)):
            head = heads[column] if column < len(heads) else ""
            _entry(entry, head)
            if head:
                entry["data-head"] = head
            if len(entry.get_text()) > LONG:
                _add_class(entry, "long")
    _align(soup, body)
    _roles(table)
    need = width(body, heads)
    if need > COLUMN:
        need *= SMALL
        _add_class(table, "small")
    step = next((s for s in STEPS if s >= need), STEPS[-1])
    _add_class(table, f"cards-{step}")
    if table.find_parent(class_=re.compile("^(exhibit|pst-scrollable-table-container)$")) is None:
        table.wrap(soup.new_tag("div", attrs={"class": "table-box"}))


def _add_class(tag: Tag, name: str) -> None:
    tag["class"] = " ".join([*filter(None, tag.get_attribute_list("class")), name])


def _reach(cell: Tag, name: str) -> int:
    return int(str(cell.get(name) or "1"))


def head_texts(table: Tag) -> list[str]:
    """Head of each column, those above it first."""
    grid: dict[tuple[int, int], str] = {}
    rows = table.select("thead tr")
    for y, row in enumerate(rows):
        x = 0
        for cell in row.find_all(["th", "td"], recursive=False):
            while (y, x) in grid:
                x += 1
            down, across = _reach(cell, "rowspan"), _reach(cell, "colspan")
            text = " ".join(cell.get_text(" ").split())
            for dy in range(down):
                for dx in range(across):
                    grid[y + dy, x + dx] = text if not dy else ""
            x += across
    columns = max((x for _, x in grid), default=-1) + 1
    return [
        " ".join(filter(None, (grid.get((y, x), "") for y in range(len(rows)))))
        for x in range(columns)
    ]


def _corner(soup: BeautifulSoup, table: Tag) -> None:
    """An empty head names nothing: it becomes a plain cell; the others say how far they reach."""
    for head in table.select("thead th"):
        if not head.get_text(strip=True):
            head.name = "td"
            del head["scope"]
        else:
            head["scope"] = "colgroup" if _reach(head, "colspan") > 1 else "col"


def _stub(soup: BeautifulSoup, body: list[Tag]) -> None:
    """The first entry of a row names it."""
    for row in body:
        first = row.find(["td", "th"], recursive=False)
        if first is None:
            continue
        if not first.get_text(strip=True):
            first.name = "td"
            del first["scope"]
        elif first.name == "th":
            first["scope"] = "row"


def _entry(entry: Tag, head: str) -> None:
    """True minus signs, thousands marks, and no p-value of zero."""
    if entry.find(["code", "a", "img"]):
        return
    for text in entry.find_all(string=True):
        said = str(text)
        new = HYPHEN.sub("−", said)
        if PLAIN.fullmatch(new.strip().replace("−", "")):
            if not YEARS.search(head):
                new = THOUSANDS.sub(lambda match: f"{int(match[0]):,}", new)
            if P_VALUE.search(head) and ZERO.fullmatch(new.strip()):
                new = "< " + new.strip()[1:-1] + "1"
        if new != said:
            text.replace_with(new)


def _align(soup: BeautifulSoup, body: list[Tag]) -> None:
    """Set the numbers of a column at their decimal points."""
    columns = zip_longest(*(row.find_all(["td", "th"], recursive=False) for row in body))
    for column in columns:
        texts = [
            (text, match)
            for cell in column
            if cell is not None and cell.name == "td" and not cell.find(["p", "code", "a"])
            for text in cell.find_all(string=True)
            if (match := NUMBER.fullmatch(text.strip())) and (match[2] or match[3])
        ]
        if len(texts) < 2 or not any(match[3] for _, match in texts):
            continue
        before = max(len(match[1] + match[2]) for _, match in texts)
        after = max(len((match[3] or "") + match[4]) for _, match in texts)
        for text, match in texts:
            number = soup.new_tag("span", attrs={"class": "number"})
            for part, size in ((match[1] + match[2], before), ((match[3] or "") + match[4], after)):
                half = soup.new_tag("span", attrs={"style": f"min-width:{size}ch"})
                half.string = part
                number.append(half)
            text.replace_with(number)


def _roles(table: Tag) -> None:
    """Keep what the parts are where the style sheet lays them out as cards."""
    table["role"] = "table"
    for part in table.find_all(["thead", "tbody", "tfoot"]):
        part["role"] = "rowgroup"
    for row in table.find_all("tr"):
        row["role"] = "row"
    for cell in table.find_all(["td", "th"]):
        rows = cell.get("scope") == "row"
        head = "rowheader" if rows else "columnheader"
        cell["role"] = head if cell.name == "th" else "cell"


def width(body: list[Tag], heads: list[str]) -> float:
    """Narrowest legible width in rem: what cannot break, and sentences at 15 letters."""
    columns = zip_longest(*(row.find_all(["td", "th"], recursive=False) for row in body))
    total = 0.0
    for at, column in enumerate(columns):
        lines = [
            line
            for cell in column
            if cell is not None and _reach(cell, "colspan") == 1
            for line in cell.get_text("\n" if cell.find("br") else "").splitlines()
        ]
        words = [w for line in [*lines, heads[at] if at < len(heads) else ""] for w in line.split()]
        numbers = [len(line.strip()) for line in lines if not re.search(r"[^\W\d]{3}", line)]
        texts = [min(len(line.strip()), 15) for line in lines]
        need = max([*map(len, words), *numbers, *texts, 1])
        total += need * LETTER + GAP
    return total
