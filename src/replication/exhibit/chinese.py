"""Three-line tables 三线表 as Chinese journals print them: in Chinese, ready for Word and LaTeX."""

import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from maketables import MTable

from replication.errors import OverwriteError, SchemaError
from replication.estimate.fit import Estimate
from replication.exhibit import tables
from replication.exhibit.render import to_latex
from replication.exhibit.tables import DESCRIBED, Table
from replication.records.schema import PANEL
from replication.writing import write_file

LABELS = {name: column.metadata["zh"] for name, column in PANEL.columns.items()}
"""Chinese names of the study's columns, as the codebook has them."""

WORDS = {
    "Observations": "观测数",
    "Clusters": "聚类数",
    "Yes": "是",
    "No": "否",
    "N": "观测数",
    "Mean": "均值",
    "SD": "标准差",
    "Min": "最小值",
    "Median": "中位数",
    "Max": "最大值",
    "Zeros": "零值占比",
}
"""What our tables say besides the names of columns."""

CONVENTIONS = {"classical": "经典", " (jackknife)": "（刀切法）", "cluster bootstrap": "聚类自助法"}

KINDS = (".tex", ".docx", ".html")

PACKAGES = "% ctex, booktabs, makecell, tabularx, threeparttable, amsmath\n"

WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
"""Namespace of the elements of a document."""


def regression(
    models: Mapping[str, Estimate],
    *,
    labels: Mapping[str, str] | None = None,
    rows: Mapping[str, Sequence[Any]] | None = None,
    digits: int = 3,
) -> Table:
    """Several models side by side, in Chinese: `tables.regression` with three lines.

    Parameters
    ----------
    models : mapping of str to Estimate
        Column heads and models, in order.
    labels : mapping of str to str, optional
        Chinese names of columns; the study's own are known.
    rows, digits
        As for `tables.regression`.

    Returns
    -------
    Table

    Examples
    --------
    >>> panel = rp.load_panel()
    >>> table = rp.chinese.regression({"(1)": rp.did(panel, scale="log1p")})
    >>> table.printed.df.index.to_list()[:2]
    ['国际科技交流暴露度 × 冲击后', '高校 × 一级学科固定效应']
    >>> rp.chinese.save(table, "表1.docx", title="基准结果").name
    '表1.docx'
    """
    known = LABELS | dict(labels or {})
    estimates = list(models.values())
    names = {name for m in estimates for name in (m.outcome, *m.frame.index)}
    effects = {name for m in estimates for name in m.effects}
    printed = {name: _said(name, known) for name in names | effects}
    printed |= {name: f"{printed[name]}固定效应" for name in effects}
    table = tables.regression(models, labels=printed, rows=rows, digits=digits)
    frame = table.printed.df.droplevel(0)
    # One line of heads: what tells the columns apart, over the outcome.
    frame.columns = pd.Index([f"{head}\n{_said(m.outcome, known)}" for head, m in models.items()])
    return _three_lines(frame, table.data, _note(estimates))


def descriptives(
    panel: pd.DataFrame,
    columns: Sequence[str] = DESCRIBED,
    *,
    labels: Mapping[str, str] | None = None,
) -> Table:
    """Descriptive statistics in Chinese, as `tables.descriptives`.

    Examples
    --------
    >>> table = rp.chinese.descriptives(rp.load_panel(), ["patents_joint"])
    >>> table.printed.df.T
             校企联合发明专利申请
    观测数       12,096
    均值          2.78
    标准差         5.33
    最小值         0.00
    中位数         1.00
    最大值       102.00
    零值占比        0.31
    """
    table = tables.descriptives(panel, columns)
    known = LABELS | dict(labels or {})
    frame = table.printed.df.set_axis([_said(name, known) for name in columns])
    return _three_lines(frame, table.data, "")


def save(table: Table, path: Path | str, *, title: str = "", note: str = "") -> Path:
    r"""Write a table of this module for Word (.docx), LaTeX (.tex) or the web (.html).

    Parameters
    ----------
    table : Table
    path : Path or str
        A new file; its ending says which.
    title : str
        Over the table; the number before it, 表1, is the reader's own.
    note : str
        Under the table, before what it says of its standard errors.

    Returns
    -------
    Path

    Raises
    ------
    OverwriteError
        If the file is there already.
    SchemaError
        On another ending.

    Notes
    -----
    Chinese is set in SimSun 宋体, digits in Times New Roman, at 五号. LaTeX needs the packages that
    the first line of the file names.

    Examples
    --------
    >>> table = rp.chinese.descriptives(rp.load_panel(), ["patents_joint"])
    >>> text = rp.chinese.save(table, "tab.tex", title="描述性统计").read_text("utf-8")
    >>> [text.count(line) for line in (r"\toprule", r"\midrule", r"\bottomrule", r"\cmidrule")]
    [1, 1, 1, 0]
    """
    path = Path(path)
    if path.suffix not in KINDS:
        raise SchemaError(f"{path}: a table is written as {', '.join(KINDS)}: give it such an end")
    if path.exists():
        raise OverwriteError(f"{path} is there already: name a new file, or remove it")
    said = "".join(
        part if part.endswith("。") else f"{part}。" for part in (note, table.note) if part
    )
    said = f"注：{said}" if said else " "
    if path.suffix == ".tex":
        content = (PACKAGES + to_latex(table, path.stem, title, said)).encode("utf-8")
    elif path.suffix == ".docx":
        content = _word(table, title, said)
    else:
        printed = MTable(table.printed.df, notes=said, caption=title or None)
        page = f'<!doctype html>\n<html lang="zh">\n<meta charset="utf-8">\n{printed.make("html")}'
        content = page.encode("utf-8")
    write_file(path, content)
    return path


def _said(name: str, known: Mapping[str, str]) -> str:
    """Name of a regressor, outcome or effect, its columns in Chinese."""
    for column in sorted(known, key=len, reverse=True):
        name = re.sub(rf"(?<!\w){re.escape(column)}(?!\w)", known[column], name)
    return name.replace("log(", "ln(")


def _three_lines(frame: pd.DataFrame, data: pd.DataFrame, note: str) -> Table:
    """Table without parts, whose only lines are above and below its heads and at its end."""
    frame = frame.map(lambda entry: WORDS.get(entry, entry))
    frame = frame.rename(index=WORDS, columns=WORDS)
    return Table(MTable(frame, notes=" "), data, note)


def _note(models: Sequence[Estimate]) -> str:
    """Variance behind the standard errors, number of clusters, rows that were not used."""
    parts = []
    for convention in sorted({m.convention for m in models}):
        counts = sorted({m.clusters for m in models if m.convention == convention and m.clusters})
        ends = "–".join(str(n) for n in dict.fromkeys((counts[0], counts[-1]))) if counts else ""
        said = convention.replace(", ", "，")
        for english, chinese in CONVENTIONS.items():
            said = said.replace(english, chinese)
        parts.append(f"{said}，{ends} 个聚类" if ends else said)
    text = f"括号内为标准误：{'；'.join(parts)}"
    if dropped := max(sum(m.dropped.values()) for m in models):
        text += f"；未进入估计的观测至多 {dropped:,} 个"
    return f"{text}。"


def _word(table: Table, title: str, note: str) -> bytes:
    printed = MTable(table.printed.df, notes=note)
    style = {"font_size_pt": 10.5, "notes_font_size_pt": 9, "border_group_rule_sz": 0}
    document: Any = printed.make("docx", docx_style=style)
    if title:
        heading = document.add_paragraph(title)
        heading.alignment = 1  # centred
        document.tables[0]._element.addprevious(heading._element)
    _merge_borders(document.tables[0]._element)
    # Without this, Word takes the Latin font of its theme for Chinese, too.
    cells = [c for row in document.tables[0].rows for c in row.cells]
    for paragraph in [*document.paragraphs, *(p for cell in cells for p in cell.paragraphs)]:
        for run in paragraph.runs:
            run.font.name = "Times New Roman"
            run._element.rPr.rFonts.set(f"{WORD}eastAsia", "宋体")
    content = io.BytesIO()
    document.save(content)
    return content.getvalue()


def _merge_borders(table: Any) -> None:
    """Leave each cell one element of borders, as the format allows: maketables gives two."""
    for cell in table.iter(f"{WORD}tcPr"):
        first, *more = cell.findall(f"{WORD}tcBorders")
        for later in more:
            for side in later:
                first.replace(first.find(side.tag), side)
            cell.remove(later)
