"""The committed chapters agree with themselves; and each comparison sees what it is there for.

What the cells show and what they write is compared where they are executed, by nbval and by the
item ``results`` of `conftest`; `tests/test_conftest.py` has the tests of that item.
"""

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from replication.config import NOTEBOOKS
from replication.page import chapters, compare
from tests.support.chapter import (
    MODEL,
    RESULTS,
    code,
    copy_chapter,
    edit_csv,
    edit_outputs,
    edit_text,
    every_chapter,
    figure,
)


@every_chapter
def test_the_halves_of_a_pair_agree(name: str) -> None:
    pair = NOTEBOOKS / f"{name}.md", NOTEBOOKS / f"{name}.ipynb"
    assert compare.compare_pair(*pair) == []


@every_chapter
def test_a_chapter_was_executed_in_order(name: str) -> None:
    assert compare.not_in_order(NOTEBOOKS / f"{name}.ipynb") == []


@pytest.fixture
def chapter(tmp_path: Path) -> Path:
    return copy_chapter(tmp_path)


def differences(chapter: Path) -> list[str]:
    return compare.compare_results(chapter / "results" / MODEL, RESULTS / MODEL)


def test_a_copy_does_not_differ(chapter: Path) -> None:
    assert differences(chapter) == []


@pytest.mark.parametrize(
    ("by", "red"), [(1e-4, True), (-1e-4, True), (1e-6, True), (1e-12, False), (-1e-12, False)]
)
def test_a_coefficient_may_differ_by_rounding_only(chapter: Path, by: float, red: bool) -> None:
    path = chapter / "results" / MODEL / "tab-did.csv"
    edit_csv(path, lambda t: t.assign(estimate=t["estimate"] + by * (t["model"] == "(3)")))
    found = differences(chapter)
    assert bool(found) == red
    if red:
        (line,) = found
        assert line.startswith(f"{MODEL}/tab-did.csv: column 'estimate', row 3: ")
        assert "(1 such rows)" in line


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda t: t.iloc[[1, 0, *range(2, len(t))]], "row 1"),
        (lambda t: t.iloc[:-1], "rows of"),
        (lambda t: t.rename(columns={"target": "aim"}), "rows of"),
        (lambda t: t.assign(target=np.nan), "column 'target', row 1"),
        (lambda t: t.assign(design="PPML"), "column 'design', row 1"),
        (lambda t: t.assign(lower="low"), "column 'lower' changed its type"),
    ],
)
def test_changed_data_of_a_figure_are_seen(
    chapter: Path, edit: Callable[[pd.DataFrame], pd.DataFrame], says: str
) -> None:
    edit_csv(chapter / "results" / MODEL / "fig-event-study.csv", edit)
    found = differences(chapter)
    assert found
    assert says in found[0]


def test_data_of_another_figure_are_seen(chapter: Path) -> None:
    folder = chapter / "results" / MODEL
    shutil.copy(folder / "fig-targets.csv", folder / "fig-event-study.csv")
    assert len(differences(chapter)) == 1


def test_a_word_that_pandas_takes_for_missing_is_a_word(tmp_path: Path) -> None:
    for side, word in (("fresh", "NA"), ("committed", "")):
        (tmp_path / side).mkdir()
        (tmp_path / side / "tab-x.csv").write_text(f"name,value\n{word},1.5\nx,\n")
    (line,) = compare.compare_results(tmp_path / "fresh", tmp_path / "committed")
    assert "column 'name', row 1" in line


def test_a_file_too_few_or_too_many_is_seen(chapter: Path) -> None:
    folder = chapter / "results" / MODEL
    (folder / "fig-trends.png").rename(folder / "fig-other.png")
    assert differences(chapter) == [
        f"{MODEL}/fig-trends.png is committed and not made any more",
        f"{MODEL}/fig-other.png is made and not committed",
    ]


def test_a_digit_of_a_printed_table_is_seen(chapter: Path) -> None:
    printed = json.loads((RESULTS / MODEL / "numbers.json").read_text())["did_ppml"]["text"]
    edit_text(chapter / "results" / MODEL / "tab-did.tex", printed, "9.999")
    (line,) = differences(chapter)
    assert line.startswith(f"{MODEL}/tab-did.tex: line ")


def test_a_number_for_prose_is_seen(chapter: Path) -> None:
    path = chapter / "results" / MODEL / "numbers.json"
    registry = json.loads(path.read_text(encoding="utf-8"))
    registry["did_ppml"]["value"] *= 1 + 1e-12
    path.write_text(json.dumps(registry), encoding="utf-8")
    assert differences(chapter) == []
    registry["did_ppml"]["value"] += 1e-4
    del registry["did_ols"]
    path.write_text(json.dumps(registry), encoding="utf-8")
    first, second = differences(chapter)
    assert "'did_ols' is None, committed" in first
    assert "'did_ppml' is {" in second


def test_an_edit_of_one_half_is_seen(chapter: Path) -> None:
    pair = chapter / f"{MODEL}.md", chapter / f"{MODEL}.ipynb"
    assert compare.compare_pair(*pair) == []
    edit_text(pair[0], 'scale="log1p", controls', 'scale="asinh", controls')
    (line,) = compare.compare_pair(*pair)
    assert f"edit the .md, then `replication run --update {MODEL}`" in line
    shutil.copy(NOTEBOOKS / f"{MODEL}.md", chapter)
    edit_outputs(pair[1], lambda n: n.cells.append(new_markdown_cell("one more")))
    assert len(compare.compare_pair(*pair)) == 1
    shutil.copy(NOTEBOOKS / f"{MODEL}.ipynb", chapter)
    edit_text(pair[0], "# Baseline", "# Basis")
    assert "first in cell 0" in compare.compare_pair(*pair)[0]


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda n: code(n)[3].update(execution_count=None), "not executed in order"),
        (lambda n: code(n)[3].update(execution_count=99), "not executed in order"),
        (
            lambda n: code(n)[0].outputs.append(new_output("error", ename="E", evalue="v")),
            "a cell ended in an error",
        ),
    ],
)
def test_an_execution_out_of_order_or_in_error_is_seen(
    chapter: Path, edit: Callable[[nbformat.NotebookNode], None], says: str
) -> None:
    path = chapter / f"{MODEL}.ipynb"
    edit_outputs(path, edit)
    (line,) = compare.not_in_order(path)
    assert says in line


def run_of(chapter: Path, edit: Callable[[nbformat.NotebookNode], object]) -> chapters.Run:
    """A run whose outputs are the committed ones but for an edit."""
    notebook = nbformat.read(NOTEBOOKS / f"{MODEL}.ipynb", as_version=4)
    edit(notebook)
    return chapters.Run(MODEL, notebook, chapter / "results" / MODEL, 1.0, 1.0)


def test_the_committed_outputs_do_not_differ_from_themselves(chapter: Path) -> None:
    assert chapters.compare(run_of(chapter, lambda notebook: None)) == []


@pytest.mark.parametrize(
    "edit",
    [
        lambda n: next(c for c in code(n) if c.outputs).outputs.clear(),
        lambda n: code(n)[0].outputs.append(new_output("stream", name="stdout", text="hello")),
        lambda n: figure(n).metadata["image/png"].update(alt="A figure of something else."),
        lambda n: figure(n).metadata.clear(),
    ],
    ids=["cleared", "one more", "another alternative text", "no alternative text"],
)
def test_a_changed_output_is_seen(
    chapter: Path, edit: Callable[[nbformat.NotebookNode], object]
) -> None:
    (line,) = chapters.compare(run_of(chapter, edit))
    assert "the output is not the committed one" in line


def test_a_cell_more_or_less_is_one_difference(chapter: Path) -> None:
    """By number alone every later cell would differ from the one in its place."""
    more = run_of(chapter, lambda n: n.cells.insert(4, new_code_cell("1 + 1")))
    assert compare.compare_notebook(more.notebook, chapter / f"{MODEL}.ipynb") == [
        f"{MODEL}.ipynb: cell 4 of the text is added"
    ]
    less = run_of(chapter, lambda n: n.cells.pop(4))
    assert compare.compare_notebook(less.notebook, chapter / f"{MODEL}.ipynb") == [
        f"{MODEL}.ipynb, cell 4: no longer in the text"
    ]


@pytest.mark.parametrize(
    ("name", "old", "new", "apart"),
    [
        ("a.csv", "x,y\n1,0.5\n2,4\n", "x,y\n1,0.5\n2,4.4\n", (0.4, 0.1, "column 'y', row 2")),
        ("a.csv", "x\n0\n", "x\n0.5\n", (0.5, math.inf, "column 'x', row 1")),
        ("a.csv", "x\n\n1\n", "x\n\n1\n", (0, 0, "")),
        ("a.json", '{"a": {"v": 2.0}}', '{"a": {"v": 2.5}}', (0.5, 0.25, "'a', 'v'")),
        ("a.json", '{"a": 1, "b": 2}', '{"a": 1, "c": 3}', (0, 0, "")),
    ],
)
def test_the_largest_difference_of_two_files(
    tmp_path: Path, name: str, old: str, new: str, apart: tuple[float, float, str]
) -> None:
    for folder, text in (("old", old), ("new", new)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text(text)
    absolute, relative, where = compare.largest_difference(
        tmp_path / "new" / name, tmp_path / "old" / name
    )
    assert (absolute, relative) == pytest.approx(apart[:2])
    assert where == apart[2]
