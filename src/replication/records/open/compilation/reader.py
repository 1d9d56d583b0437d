"""The ministry's compilation of science and technology statistics, read from its PDF.

Each edition of 高等学校科技统计资料汇编 is of the calendar year before. Its last part has a row for
each university directly under the ministry; what its tables are is data, ``data/compilation.toml``.
Tables are found by their titles and columns held to their heads, so that an edition of another year
with the same tables is read too, and one with other tables is refused.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from replication.errors import DuplicateRowsError, SchemaError
from replication.records.open.compilation import pages
from replication.records.open.compilation.pages import Block
from replication.records.open.compilation.register import PREFIX, Table, tables
from replication.records.open.universities import ministry_universities

TOTAL = "合计"
EDITION = re.compile(r"([12][0-9]{3})\s*年高等学校科技统计资料汇编")


class _Part(NamedTuple):
    """Pages side by side: the names of universities and every column of a table."""

    names: list[str]
    blocks: list[Block]


def read_compilation(path: Path) -> pd.DataFrame:
    """One edition of the compilation: every university directly under the ministry that it has.

    A number is read by its place on the page, between the vertical rules of its column, since
    thousands are set off by a blank. Each column is held to its head, to the printed total, and to
    the columns that add up to it.

    Parameters
    ----------
    path : Path
        PDF with a text layer.

    Returns
    -------
    DataFrame
        One row a university, in the order of print: ``edition``, ``year`` (the calendar year
        before), ``university`` (name in ``data/ministry_universities.csv``), and the columns of
        `columns`. Money is in thousand yuan at current prices, staff in persons or, where so said,
        in full-time equivalents, visits in person-times; science, engineering, agriculture and
        medicine only, affiliated hospitals included. A column is missing where its table leaves a
        university out; the others add up to the total, so nothing is left for it.

    Raises
    ------
    SchemaError
        The file is no PDF or is cut off, has no text (a scan) or no edition in its title; a table
        is missing, is there twice, or has other columns; a cell is no number, a row is not in the
        halves of a table alike; a column does not add up to the total, or not with the columns that
        it is made of; a university is none of the ministry's, or is not in the first table.
    DuplicateRowsError
        A university has two rows in a table.
    """
    with pages.opened(path) as document:
        texts = document.texts()
        edition = _edition(texts, path.name)
        found = _find(document, texts)
        whole = [_read_table(table, found.get(table.title, []), path.name) for table in tables()]
    for table, other in zip(tables()[1:], whole[1:], strict=True):
        if more := sorted(set(other.index) - set(whole[0].index)):
            raise SchemaError(
                f"{path.name}, table {PREFIX}{table.title}: {more[0]} is not in the first table, "
                f"{PREFIX}{tables()[0].title}; a row or a name is misread in one of them"
            )
    counts = pd.concat(whole, axis=1).copy().rename_axis("university").reset_index()
    dates = pd.DataFrame({"edition": edition, "year": edition - 1}, counts.index)
    joined = pd.concat([dates, counts], axis=1)
    joined.attrs = {"source": "open"}
    return joined


def _edition(texts: list[str], file: str) -> int:
    if not any(text.strip() for text in texts):
        raise SchemaError(
            f"{file}: no page has text, as in a scan; take a copy with a text layer, or run text "
            "recognition and check what it read"
        )
    for text in texts[:10]:
        if said := EDITION.search(text):
            return int(said[1])
    raise SchemaError(
        f"{file}: none of its first pages reads 年高等学校科技统计资料汇编 after a year; it is "
        "another document, or lacks its title page"
    )


def _find(document: pages.Document, texts: list[str]) -> dict[str, list[list[Block]]]:
    """Blocks of each table by its title, one list for each time that the title is there.

    A table may be broken over two pages side by side, and so may its title; what follows is headed
    as continued (续表).
    """
    found: dict[str, list[list[Block]]] = {}
    runs: list[list[Block]] = [[]]
    for page, text in enumerate(texts):
        head = re.sub(r"^\W*[0-9]+\W+|^\W+", "", text)[:60]
        begins = re.match(rf"表\s*[0-9]+\s*{PREFIX[:5]}", head) and "..." not in text
        second = len(runs[-1]) == 1 and head and not re.match(r"表\s*[0-9]", head)
        if begins or not (second or "续表" in head):
            runs.append([])
        if begins or runs[-1]:
            runs[-1].append(document.block(page))
    for run in filter(None, runs):
        title = run[0].title
        # The second half of a title is over the second half of the table.
        if len(run) > 1 and not run[1].named:
            title += run[1].title
        found.setdefault(title.removeprefix(PREFIX), []).append(run)
    return found


def _read_table(table: Table, runs: list[list[Block]], file: str) -> pd.DataFrame:
    place = f"{file}, table {PREFIX}{table.title}"
    if len(runs) != 1:
        raise SchemaError(
            f"{place}: it is there {len(runs)} times and must be there once; is the file cut off, "
            "or an edition with other tables?"
        )
    names: list[str] = []
    rows, printed_on = [], []
    for part in _parts(runs[0], place):
        _check_heads(table, part.blocks, place)
        names += part.names
        for at in range(len(part.names)):
            rows.append([cell for block in part.blocks for cell in block.rows[at]])
            printed_on.append([block.page for block in part.blocks for _ in block.heads])
    heads = [column.name for column in table.columns]
    where = pd.DataFrame(printed_on, columns=heads)
    frame = _numbers(pd.DataFrame(rows, names, heads), where, place)
    if names[0] != TOTAL or TOTAL in names[1:]:
        raise SchemaError(f"{place}: its first row, and no other, must be the total ({TOTAL})")
    total, frame = frame.iloc[0], frame.iloc[1:]
    _check_names(frame, list(where.iloc[1:, 0]), place)
    _check_sums(table, frame, total, where.drop_duplicates(), place)
    return frame


def _check_sums(
    table: Table, frame: pd.DataFrame, total: pd.Series, where: pd.DataFrame, place: str
) -> None:
    """Hold every column to the printed total, and every row to its sums."""
    for column in table.columns:
        found, printed = frame[column.name].sum(), total[column.name]
        # Each row is off by half a unit at most.
        if abs(found - printed) > (len(frame) / 2 if column.rounded else 0):
            raise SchemaError(
                f"{place}, page {' and '.join(map(str, where[column.name]))}, column "
                f"{column.header} ({column.name}): the {len(frame)} universities add up to "
                f"{found:,} and the printed total is {printed:,}; a row or a cell is misread"
            )
    rounded = {column.name for column in table.columns if column.rounded}
    for whole in table.wholes:
        off = (frame[whole.parts].sum(axis=1) - frame[whole.name]).abs()
        if (bad := off > (whole.name in rounded)).any():
            raise SchemaError(
                f"{place}, row {frame.index[bad][0]}: {whole.name} is not the sum of "
                f"{', '.join(whole.parts)}; are the columns in another order?"
            )


def _parts(run: list[Block], place: str) -> Iterator[_Part]:
    """Pages with names, each with the pages that go on to its right."""
    starts = [at for at, block in enumerate(run) if block.named]
    if not starts or starts[0] != 0:
        raise SchemaError(f"{place}, page {run[0].page}: no column of names (学校名称)")
    for start, end in zip(starts, [*starts[1:], len(run)], strict=True):
        blocks = run[start:end]
        for block in blocks[1:]:
            if len(block.rows) != len(blocks[0].rows):
                raise SchemaError(
                    f"{place}: page {blocks[0].page} has {len(blocks[0].rows)} rows and page "
                    f"{block.page}, which goes on with them, {len(block.rows)}"
                )
        yield _Part(blocks[0].names, blocks)


def _check_heads(table: Table, blocks: list[Block], place: str) -> None:
    """Hold the heads of the columns, and those over them, to what they must be."""
    heads = [(block.page, head) for block in blocks for head in block.heads]
    if len(heads) != len(table.columns):
        raise SchemaError(
            f"{place}, page {blocks[0].page}: {len(heads)} columns where {len(table.columns)} "
            "belong; the edition has another table"
        )
    over = ""
    for (page, head), column in zip(heads, table.columns, strict=True):
        if not head.endswith(column.header):
            raise SchemaError(
                f"{place}, page {page}: the column {column.header} ({column.name}) is headed "
                f"{head!r}; the edition has another table"
            )
        over += head.removesuffix(column.header)
    at = 0
    for group in table.groups:
        at = over.find(group, at) + len(group)
        if at < len(group):
            raise SchemaError(
                f"{place}, page {blocks[0].page}: no heading {group} in its place over the "
                f"columns; they read {over!r}"
            )


def _numbers(cells: pd.DataFrame, where: pd.DataFrame, place: str) -> pd.DataFrame:
    """Integers of the printed cells, whose thousands may be set off by blanks."""
    for column, values in cells.items():
        good = values.str.fullmatch("[0-9]+( [0-9]{3})*")
        if not good.all():
            at = int((~good).to_numpy().argmax())
            raise SchemaError(
                f"{place}, page {where[column].iloc[at]}, row {cells.index[at]}, column {column}: "
                f"{values.iloc[at]!r} is no number"
            )
    return cells.replace(" ", "", regex=True).astype("int64")


def _check_names(frame: pd.DataFrame, where: list[int], place: str) -> None:
    known = frame.index.isin(ministry_universities()["name_zh"])
    for bad, error, what in (
        (~known, SchemaError, "is none of data/ministry_universities.csv"),
        (frame.index.duplicated(), DuplicateRowsError, "has more than one row"),
    ):
        if bad.any():
            at = int(bad.argmax())
            raise error(f"{place}, page {where[at]}: {frame.index[at]!r} {what}")
