"""Each kind of damage to what is committed is told, by exhibit, and by how much."""

import shutil
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from replication.config import NOTEBOOKS, ROOT
from replication.errors import RegistryError, SourceUnavailableError
from replication.exhibit.publish import load_registry
from replication.page import chapters
from replication.page.verification.commitment import known, write_manifest
from replication.page.verification.render import as_text
from replication.page.verification.report import Report, Row, report, verify
from tests.support.chapter import CHAPTERS, code, edit_outputs, edit_text
from tests.support.project import commit, small_project


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_project(tmp_path_factory.mktemp("committed") / "project")


@pytest.fixture(scope="module")
def run(committed: Path, tmp_path_factory: pytest.TempPathFactory) -> chapters.Run:
    return chapters.execute("small", tmp_path_factory.mktemp("fresh"), committed)


@pytest.fixture
def damaged(committed: Path, tmp_path: Path) -> Path:
    """A copy of the project, to be damaged."""
    return Path(shutil.copytree(committed, tmp_path / "project"))


def reported(run: chapters.Run, folder: Path) -> Report:
    return report({"small": run}, folder, known(folder), "2026-01-01 00:00", {})


def row(of: Report, name: str) -> Row:
    (found,) = (row for row in of.rows if row.name == name)
    return found


def test_what_comes_out_again_is_identical_exhibit_by_exhibit(
    run: chapters.Run, committed: Path
) -> None:
    said = reported(run, committed)
    assert {row.name: (row.kind, row.cell, row.status) for row in said.rows} == {
        "notebook": ("outputs", None, "identical"),
        "numbers.json": ("register", None, "identical"),
        "exhibits.json": ("register", None, "identical"),
        "tab-x": ("table", 2, "identical"),
        "fig-x": ("figure", 3, "identical"),
    }
    assert row(said, "tab-x").files == ("results/small/tab-x.csv", "results/small/tab-x.tex")
    assert said.verified
    assert [cost.seeds for cost in said.costs] == [(2026,)]


def add_a_thousandth(project: Path) -> None:
    edit_text(project / "results/small/tab-x.csv", "0.125", "0.126")


def add_rounding(project: Path) -> None:
    edit_text(project / "results/small/tab-x.csv", "0.125", "0.12500000001")


def change_a_digit_of_tex(project: Path) -> None:
    edit_text(project / "results/small/tab-x.tex", "0.33", "0.34")


def remove_a_table(project: Path) -> None:
    (project / "results/small/tab-x.csv").unlink()


def leave_a_stray_table(project: Path) -> None:
    (project / "results/small/tab-y.csv").write_text("x\n1\n")


def replace_a_picture(project: Path) -> None:
    other = next((ROOT / "results/01_baseline").glob("fig-*.png"))
    shutil.copy(other, project / "results/small/fig-x.png")


def change_a_number_of_prose(project: Path) -> None:
    edit_text(project / "results/small/numbers.json", "0.5,", "0.75,")


def edit_a_stored_output(project: Path) -> None:
    def edit(notebook: nbformat.NotebookNode) -> None:
        output = code(notebook)[-1].outputs[0]
        output["text"] = output["text"].replace("6", "7")

    edit_outputs(project / "notebooks/small.ipynb", edit)


def edit_half_a_pair(project: Path) -> None:
    edit_text(project / "notebooks/small.md", "A small", "Another small")


@pytest.mark.parametrize(
    ("damage", "name", "status", "sentence"),
    [
        (add_a_thousandth, "tab-x", "different", "tab-x.csv: column 'share', row 4: 0.125"),
        (add_rounding, "tab-x", "within tolerance", ""),
        (change_a_digit_of_tex, "tab-x", "different", "tab-x.tex: line"),
        (remove_a_table, "tab-x", "missing", "tab-x.csv: made, and not committed"),
        (leave_a_stray_table, "tab-y.csv", "missing", "committed, and not made any more"),
        (replace_a_picture, "fig-x", "different", "fig-x.png: the picture"),
        (change_a_number_of_prose, "numbers.json", "different", "'half' is"),
        (edit_a_stored_output, "notebook", "different", "cell 4: the output is not the committed"),
        (edit_half_a_pair, "notebook", "different", "small.md and small.ipynb differ"),
    ],
)
def test_each_damage_is_told(
    run: chapters.Run,
    damaged: Path,
    damage: Callable[[Path], None],
    name: str,
    status: str,
    sentence: str,
) -> None:
    damage(damaged)
    commit(damaged)
    said = reported(run, damaged)
    assert not said.against.edited
    found = row(said, name)
    assert found.status == status
    assert sentence in " ".join(found.said)
    assert said.verified == (status == "within tolerance")
    assert [other.name for other in said.failures] == ([] if said.verified else [name])


def test_the_largest_difference_and_its_place_are_measured(
    run: chapters.Run, damaged: Path
) -> None:
    add_a_thousandth(damaged)
    found = row(reported(run, damaged), "tab-x")
    assert found.absolute == pytest.approx(0.001)
    assert found.relative == pytest.approx(0.001 / 0.126)
    assert found.where == "column 'share', row 4"


def test_a_clean_copy_is_run_and_the_working_copy_is_neither_run_nor_changed(
    damaged: Path,
) -> None:
    edit_text(damaged / "notebooks/small.md", "1 / 3", "2 / 3")
    add_a_thousandth(damaged)
    before = {
        p: p.read_bytes() for p in damaged.rglob("*") if p.is_file() and ".git" not in p.parts
    }
    said = verify(root=damaged)
    after = {p: p.read_bytes() for p in damaged.rglob("*") if p.is_file() and ".git" not in p.parts}
    assert not said.failures
    assert said.against.edited == {
        "notebooks/small.md": "edited",
        "results/small/tab-x.csv": "edited",
    }
    assert not said.verified
    assert before == after
    text = as_text(said)
    assert "NOT verified: 5 exhibits: 5 identical; 2 files here are not as committed" in text
    assert "results/small/tab-x.csv: edited" in text


def test_a_deposit_without_history_is_held_to_its_manifest(damaged: Path) -> None:
    write_manifest(damaged)
    shutil.rmtree(damaged / ".git")
    (damaged / "data/panel.csv").write_text("b,a\n1,2\n", encoding="utf-8")
    said = verify(["small"], root=damaged)
    assert not said.failures
    assert said.against.edited == {"data/panel.csv": "edited"}
    assert not said.verified


def test_what_cannot_be_verified_is_named(damaged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RegistryError, match="no chapter large is committed: small are"):
        verify(["large"], root=damaged)
    monkeypatch.setattr(chapters, "unavailable", lambda name: "the file is not here")
    with pytest.raises(SourceUnavailableError, match="small cannot be verified: the file is not"):
        verify(["small"], root=damaged)
    said = verify(root=damaged)
    assert said.not_run == {"small": "the file is not here"}
    assert not said.rows
    assert "1 chapters did not run" in as_text(said)


def test_every_exhibit_of_the_book_has_a_row_and_a_cell() -> None:
    runs = {
        name: chapters.Run(
            name,
            nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4),
            ROOT / "results" / name,
            1.0,
            1.0,
        )
        for name in CHAPTERS
    }
    said = report(runs, ROOT, known(ROOT), "2026-01-01 00:00", {})
    assert {row.status for row in said.rows} == {"identical"}
    exhibits = {(row.chapter, row.name) for row in said.rows if row.kind in ("table", "figure")}
    registry = load_registry(ROOT / "results")
    assert exhibits == set(zip(registry["chapter"], registry["name"], strict=True))
    assert not [row for row in said.rows if row.kind in ("table", "figure") and row.cell is None]
