"""Copies of a chapter and its results, to be damaged one fault at a time."""

import shutil
from collections.abc import Callable
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from replication.config import NOTEBOOKS, ROOT

CHAPTERS = sorted(path.stem for path in NOTEBOOKS.glob("*.md"))
RESULTS = ROOT / "results"
MODEL = "01_baseline"
every_chapter = pytest.mark.parametrize("name", CHAPTERS)


def copy_chapter(tmp_path: Path) -> Path:
    """A copy of a chapter and its results: ``x.md``, ``x.ipynb``, ``results/x``."""
    for suffix in (".md", ".ipynb"):
        shutil.copy(NOTEBOOKS / f"{MODEL}{suffix}", tmp_path)
    shutil.copytree(RESULTS / MODEL, tmp_path / "results" / MODEL)
    return tmp_path


def edit_csv(path: Path, edit: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    edit(pd.read_csv(path)).to_csv(path, index=False, lineterminator="\n")


def edit_text(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def edit_outputs(path: Path, edit: Callable[[nbformat.NotebookNode], None]) -> None:
    notebook = nbformat.read(path, as_version=4)
    edit(notebook)
    nbformat.write(notebook, path)


def code(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def figure(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    outputs = [output for cell in code(notebook) for output in cell.outputs]
    return next(output for output in outputs if "image/png" in output.get("data", {}))
