"""Three lines, Chinese labels, and the numbers of the English table, in every format."""

import re
from pathlib import Path

import docx
import pandas as pd
import pytest
from docx.oxml.ns import qn

import replication as rp
from replication.errors import OverwriteError, SchemaError
from replication.exhibit import chinese, tables
from replication.exhibit.tables import Table

HAN = re.compile("[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def models() -> dict[str, rp.Estimate]:
    panel = rp.load_panel()
    return {"(1)": rp.did(panel, scale="log1p"), "(2)": rp.ddd(panel, model="ppml")}


@pytest.fixture(scope="module")
def table(models: dict[str, rp.Estimate]) -> Table:
    return chinese.regression(models, rows={"控制变量": ["No", "No"]})


def test_every_label_is_chinese_and_every_number_that_of_the_english_table(
    models: dict[str, rp.Estimate], table: Table
) -> None:
    frame = table.printed.df
    assert all(HAN.search(label) for label in [*frame.index, *frame.columns])
    english = tables.regression(models).printed.df
    shared = [i for i, label in enumerate(frame.index) if label != "控制变量"]
    words = {"Yes": "是", "No": "否"}
    said = english.map(lambda entry: words.get(entry, entry)).to_numpy()
    assert (frame.iloc[shared].to_numpy() == said).all()
    pd.testing.assert_frame_equal(table.data, tables.regression(models).data)


def test_the_words_are_those_of_the_codebook_and_of_the_literature(table: Table) -> None:
    assert table.printed.df.index.to_list() == [
        "国际科技交流暴露度 × 冲击后",
        "国际科技交流暴露度 × 冲击后 × 技术管制暴露度",
        "高校 × 一级学科固定效应",
        "一级学科 × 年份固定效应",
        "高校 × 年份固定效应",
        "控制变量",
        "观测数",
        "聚类数",
    ]
    assert table.printed.df.columns.to_list() == [
        "(1)\nln(1 + 校企联合发明专利申请)",
        "(2)\n校企联合发明专利申请",
    ]
    assert table.note == (
        "括号内为标准误：CR3（刀切法），t(G* − 1)，56 个聚类；未进入估计的观测至多 72 个。"
    )


def test_own_columns_are_named_by_the_reader() -> None:
    labels = {
        "rate": "登记率",
        "california": "加州",
        "state": "州",
        "quarter": "季度",
        "post": "之后",
    }
    effect = rp.did(
        rp.load("organ_donations"),
        outcome="rate",
        exposure="california",
        unit="state",
        time="quarter",
        effects=["state", "quarter"],
        cluster=None,
    )
    frame = chinese.regression({"(1)": effect}, labels=labels).printed.df
    assert frame.index[:3].to_list() == ["加州 × 之后", "州固定效应", "季度固定效应"]
    assert frame.columns.to_list() == ["(1)\n登记率"]
    assert frame.iloc[0, 0].startswith("−0.022")


def test_a_name_within_a_name_stays_whole() -> None:
    known = {"rate": "率", "rate_ai": "智能率"}
    assert chinese._said("rate_ai × rate", known) == "智能率 × 率"


def test_latex_has_three_lines(table: Table, tmp_path: Path) -> None:
    text = chinese.save(table, tmp_path / "tab.tex", title="基准结果").read_text("utf-8")
    lines = {name: text.count(f"\\{name}") for name in ("toprule", "midrule", "bottomrule")}
    assert lines == {"toprule": 1, "midrule": 1, "bottomrule": 1}
    assert "cmidrule" not in text
    assert r"\caption{基准结果}" in text
    assert "注：括号内为标准误" in text
    needed = set(text.splitlines()[0].removeprefix("% ").split(", "))
    assert {"ctex", "booktabs", "tabularx"} <= needed


def rules(document: docx.document.Document) -> list[str]:
    """Border of each row of the only table that is drawn, in order from the top."""
    found = []
    for row in document.tables[0].rows:
        # Two elements of borders in a cell are no valid document.
        (borders,) = row.cells[0]._element.tcPr.findall(qn("w:tcBorders"))
        for side in ("top", "bottom"):
            line = borders.find(qn(f"w:{side}"))
            if line is not None and line.get(qn("w:val")) == "single":
                found.append(side)
    return found


def test_word_has_three_lines_and_chinese_is_set_in_a_chinese_font(
    table: Table, tmp_path: Path
) -> None:
    document = docx.Document(str(chinese.save(table, tmp_path / "表1.docx", title="表1 基准结果")))
    assert document.paragraphs[0].text == "表1 基准结果"
    assert len(rules(document)) == 3
    runs = [
        run
        for row in document.tables[0].rows
        for cell in row.cells
        for paragraph in cell.paragraphs
        for run in paragraph.runs
    ]
    assert {run._element.rPr.rFonts.get(qn("w:eastAsia")) for run in runs} == {"宋体"}
    assert any("0.172" in run.text for run in runs)


def test_a_page_says_its_language_and_encoding(table: Table, tmp_path: Path) -> None:
    page = chinese.save(table, tmp_path / "tab.html", title="基准结果").read_bytes()
    assert page.startswith(b'<!doctype html>\n<html lang="zh">\n<meta charset="utf-8">')
    assert "国际科技交流暴露度" in page.decode("utf-8")


def test_nothing_is_written_over_and_another_ending_is_refused(
    table: Table, tmp_path: Path
) -> None:
    (tmp_path / "tab.tex").write_text("mine")
    with pytest.raises(OverwriteError, match="is there already"):
        chinese.save(table, tmp_path / "tab.tex")
    with pytest.raises(SchemaError, match=r"written as \.tex, \.docx, \.html"):
        chinese.save(table, tmp_path / "tab.pdf")
    assert [p.name for p in tmp_path.iterdir()] == ["tab.tex"]
    assert (tmp_path / "tab.tex").read_text() == "mine"
