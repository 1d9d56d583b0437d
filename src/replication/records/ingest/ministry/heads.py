"""Heads of tables: rows of merged cells, read down each column as one name."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from replication.errors import SchemaError
from replication.records.open.compilation.pages import plain

Grid = list[list[object]]

NAMES = {"学校名称", "学校", "学校名", "高校名称", "高等学校", "院校名称", "单位名称"}
YEARS = {"年份", "年度", "年"}
TOP = 15
"""Rows from the top among which the names' head is."""
UNIT = r"(?:\((?:人次|篇|次|人|人年|千元|万元|亿元|元)\))?"
MEASURES = {
    "coop_sent": rf"(国际)?(科技)?(合作研究).*派遣(人次)?{UNIT}",
    "coop_received": rf"(国际)?(科技)?(合作研究).*接[受收](人次)?{UNIT}",
    "conf_attended": rf".*会议.*出席(人员|人数)?(人次)?{UNIT}",
    "conf_papers": rf".*会议.*交流论文(篇数|数)?{UNIT}",
    "conf_invited": rf".*会议.*特邀报告(篇数|数)?{UNIT}",
    "conf_hosted": rf".*会议.*主办(次数|会议)?{UNIT}",
    "rd_staff": rf"(研究与发展|R&D)全时(人员|当量){UNIT}(合计|小计)?{UNIT}",
    "rd_spending": rf"(科技经费)?(拨入、)?(当年)?(经费)?支出(总额|经费)?{UNIT}(合计|小计)?{UNIT}",
    "graduates": rf"(研究与发展项目)?(合计)?(在读|在校)研究生(数|人数)?{UNIT}(合计)?",
}
"""Heads of what is read, from the top of the head to its foot, as the compilation prints them."""
MONEY = {"千元": 1.0, "万元": 10.0, "亿元": 100_000.0, "元": 0.001}
"""Thousand yuan of a unit."""


class Column(NamedTuple):
    """A column that is read: where it is, what it counts, its year if the head has one."""

    at: int
    measure: str
    year: int | None
    scale: float
    head: str


class Head(NamedTuple):
    """Head of a sheet: the first row below it, the places of names and years, the columns."""

    below: int
    names: int
    years: int | None
    columns: list[Column]
    title: str


def text(value: object) -> str:
    """Text of a cell, in one width and without blanks."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return plain("" if value is None else str(value))


def names_row(grid: Grid) -> tuple[int, int] | None:
    """Row and column of the head of the names, or None."""
    for row, cells in enumerate(grid[:TOP]):
        for column, value in enumerate(cells):
            if text(value) in NAMES:
                return row, column
    return None


def head_of(grid: Grid, sheet: str, where: str) -> Head:
    """Read the head of a sheet; `SchemaError` names what is not there or is there twice."""
    found = names_row(grid)
    if found is None:
        raise SchemaError(
            f"{where}: no column of names (学校名称) in the first {TOP} rows: put it above them"
        )
    row, names = found
    top, below = row, row + 1
    while top and _is_head(grid[top - 1], names):
        top -= 1
    while below < len(grid) and _goes_on(grid[below], names):
        below += 1
    paths = [_path([grid[r][c] for r in range(top, below)]) for c in range(len(grid[row]))]
    title = "".join(dict.fromkeys(text(value) for line in grid[:top] for value in line))
    years = [at for at, path in enumerate(paths) if path in YEARS]
    if len(years) > 1:
        raise SchemaError(f"{where}: columns {_letters(years)} are both of years: keep one")
    columns = _columns(paths, sheet, title, where)
    return Head(below, names, years[0] if years else None, columns, title)


def _is_head(cells: Sequence[object], names: int) -> bool:
    """Whether a row above the names' head belongs to it: a title stands in the first column too."""
    words = {text(value) for value in cells} - {""}
    return bool(words) and not text(cells[names]) and not any("单位" in word for word in words)


def _goes_on(cells: Sequence[object], names: int) -> bool:
    """Whether a row below the names' head belongs to it."""
    own = text(cells[names])
    rest = [text(value) for at, value in enumerate(cells) if at != names]
    words = [word for word in rest if word]
    return (own in NAMES or not own) and bool(words) and not all(map(_is_number, words))


def _is_number(word: str) -> bool:
    return bool(re.fullmatch(r"-?[0-9][0-9,. ]*", word)) and not re.fullmatch(
        "(19|20)[0-9]{2}", word
    )


def _path(cells: Sequence[object]) -> str:
    return "".join(dict.fromkeys(word for word in map(text, cells) if word))


def _columns(paths: list[str], sheet: str, title: str, where: str) -> list[Column]:
    columns: list[Column] = []
    for at, path in enumerate(paths):
        year = re.search(r"((?:19|20)[0-9]{2})年?(?:度)?", path)
        bare = path.replace(year[0], "") if year else path
        # A sheet may be of one count, which its name or title says, with a column a year.
        for said in [bare] if bare else [plain(sheet), _bare(title)] if year else []:
            if measure := measure_of(said):
                scale = _scale(path + title + plain(sheet), measure, path, where)
                own = int(year[1]) if year else None
                columns.append(Column(at, measure, own, scale, path))
                break
    if not columns:
        raise SchemaError(
            f"{where}: none of the columns {', '.join(p for p in paths if p)[:200]} is a count of "
            "exchange, staff, spending or graduates as the compilation prints its heads: correct "
            "the head, or take the sheet out"
        )
    for one in columns:
        same = [c.at for c in columns if (c.measure, c.year) == (one.measure, one.year)]
        if len(same) > 1:
            raise SchemaError(
                f"{where}: columns {_letters(same)} are both {one.head} ({one.measure}): keep one"
            )
    return columns


def _bare(title: str) -> str:
    """Title of a table without its number, year, unit and whose universities it is of."""
    return re.sub(r"^表[0-9]+|(?:19|20)[0-9]{2}年(?:度)?|\(?单位:.*$|.*高等学校", "", title)


def measure_of(head: str) -> str | None:
    """Count that a head is of, or None."""
    return next((name for name, rule in MEASURES.items() if re.fullmatch(rule, head)), None)


def _scale(said: str, measure: str, path: str, where: str) -> float:
    """Thousand yuan of the unit of a column of money."""
    if measure != "rd_spending":
        return 1.0
    own = re.findall(r"千元|万元|亿元|元", path) or re.findall(r"千元|万元|亿元|元", said)
    if len(set(own)) != 1:
        raise SchemaError(
            f"{where}, column {path}: its unit is not said, or not one: write (千元) or (万元) "
            "behind the head"
        )
    return MONEY[own[0]]


def _letters(places: Sequence[int]) -> str:
    return " and ".join(letter(at) for at in places)


def letter(at: int) -> str:
    """Column as a spreadsheet names it."""
    name = ""
    while at >= 0:
        name, at = chr(65 + at % 26) + name, at // 26 - 1
    return name
