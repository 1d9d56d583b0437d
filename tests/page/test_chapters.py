"""A run is kept or compared; what fails, or cannot run here, is named."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_notebook

from replication.errors import (
    BusyError,
    ChapterError,
    OverwriteError,
    RegistryError,
    SourceUnavailableError,
)
from replication.page import chapters
from tests.support.chapter import code
from tests.support.project import HEADER

CHAPTER = (
    HEADER
    + """\

# A small chapter

```{code-cell} ipython3
import os
from pathlib import Path

folder = Path(os.environ["REPLICATION_RESULTS"]) / "small"
folder.mkdir(parents=True)
(folder / "tab-x.csv").write_text("x\\n1\\n")
print(Path.cwd().name)
```

```{code-cell} ipython3
%s
```
"""
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project that the module works in."""
    for name in ("notebooks", "results"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(chapters, "ROOT", tmp_path)
    monkeypatch.setattr(chapters, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setattr(chapters, "BUILD", tmp_path / "build")
    return tmp_path


def write(project: Path, code: str) -> None:
    (project / "notebooks" / "small.md").write_text(CHAPTER % code, encoding="utf-8")


def test_a_run_is_kept_and_then_as_committed(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project, "print(2 + 2)")
    (project / "build" / "results" / "small").mkdir(parents=True)
    (project / "build" / "results" / "small" / "old.csv").write_text("of an earlier run")
    assert chapters.run(["small", "small"]).differences == [
        "small.ipynb is not there: `replication run --update small` makes it"
    ]
    run = chapters.execute("small", project / "build" / "results")
    chapters.update({"small": run})
    committed = nbformat.read(project / "notebooks" / "small.ipynb", as_version=4)
    assert [cell.id for cell in committed.cells] == ["cell-00", "cell-01", "cell-02"]
    assert [o.text for c in code(committed) for o in c.outputs] == ["notebooks\n", "4\n"]
    assert [path.name for path in (project / "results" / "small").iterdir()] == ["tab-x.csv"]
    assert set(json.loads((project / "results" / "runs.json").read_text())) == {"small"}
    assert chapters.compare(run) == []
    first = (project / "notebooks" / "small.ipynb").read_bytes()
    chapters.update({"small": run})
    assert (project / "notebooks" / "small.ipynb").read_bytes() == first
    said = capsys.readouterr().out
    assert "running 1 chapters: small" in said
    assert "  small: " in said


def test_no_other_run_begins_before_what_was_written_is_kept(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project, "print(2 + 2)")
    refused: list[BaseException | None] = []

    def meanwhile(_: object) -> None:
        with ThreadPoolExecutor(1) as another:
            refused.append(another.submit(chapters.run).exception())

    monkeypatch.setattr(chapters, "update", meanwhile)
    chapters.run(keep=True)
    assert len(refused) == 1
    assert isinstance(refused[0], BusyError)
    assert (project / "build" / "results" / "small" / "tab-x.csv").is_file()


def test_keeping_a_run_leaves_numbers_that_differ_by_rounding(project: Path) -> None:
    kept, fresh = project / "results" / "small", project / "fresh"
    for folder, files in (
        (kept, {"tab-a.csv": "x\n0.25\n", "tab-b.csv": "x\n0.25\n", "tab-old.csv": "x\n1\n"}),
        (fresh, {"tab-a.csv": "x\n0.250000000001\n", "tab-b.csv": "x\n0.26\n", "tab-c.tex": "c"}),
    ):
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text)
    run = chapters.Run("small", new_notebook(), fresh, 1.0, 1.0)
    chapters.update({"small": run})
    assert {path.name: path.read_text() for path in kept.iterdir()} == {
        "tab-a.csv": "x\n0.25\n",
        "tab-b.csv": "x\n0.26\n",
        "tab-c.tex": "c",
    }


def test_numbers_that_differ_by_rounding_keep_their_value_and_take_the_new_order(
    project: Path,
) -> None:
    kept, fresh = project / "results" / "small", project / "fresh"
    for folder, numbers in (
        (kept, {"a": 0.25, "b": 0.5, "gone": 1.0, "n": 3}),
        (fresh, {"new": 2.0, "b": 0.51, "n": 4, "a": 0.250000000001}),
    ):
        folder.mkdir()
        entries = {
            name: {"value": value, "text": f"{value:.2f}"} for name, value in numbers.items()
        }
        (folder / "numbers.json").write_text(json.dumps(entries))
    chapters.update({"small": chapters.Run("small", new_notebook(), fresh, 1.0, 1.0)})
    found = json.loads((kept / "numbers.json").read_text())
    assert [(name, entry["value"]) for name, entry in found.items()] == [
        ("new", 2.0),
        ("b", 0.51),
        ("n", 4),
        ("a", 0.25),
    ]
    assert [entry["text"] for entry in found.values()] == ["2.00", "0.51", "4.00", "0.25"]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("1 / 0", "small.md, cell 2: ZeroDivisionError: division by zero\n\n1 / 0"),
        ("os._exit(1)", "small.md, cell 2: the kernel died"),
    ],
)
def test_a_cell_that_fails_is_named(project: Path, source: str, says: str) -> None:
    write(project, source)
    with pytest.raises(ChapterError) as error:
        chapters.execute("small", project / "build" / "results")
    assert says in str(error.value)


def test_a_chapter_whose_data_are_not_to_be_had_is_left_and_said(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project, "1 / 0")
    monkeypatch.setattr(chapters, "DOWNLOADS", {"small": ["evaluation"]})
    monkeypatch.setenv("REPLICATION_CACHE", str(project / "cache"))
    monkeypatch.delenv("REPLICATION_OPEN_DATA", raising=False)
    # A host that answers nothing: the discard port of this machine.
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    outcome = chapters.run(keep=True)
    assert outcome.differences == []
    assert list(outcome.not_run) == ["small"]
    assert "could not get evaluation-2017" in outcome.not_run["small"]
    said = capsys.readouterr().out
    assert "small does not run, its committed outputs stand: could not get" in said
    assert outcome.verdict.endswith("as committed, except of what did not run: small")
    with pytest.raises(SourceUnavailableError, match="small cannot run: could not get"):
        chapters.run(["small"])


def test_an_unknown_chapter_is_named(project: Path) -> None:
    write(project, "")
    assert chapters.chapters() == chapters.chapters([]) == ["small"]
    with pytest.raises(RegistryError, match="no chapter large: there are small"):
        chapters.chapters(["large", "small"])


@pytest.mark.parametrize(("asked", "threads"), [(None, "1"), ("3", "3")])
def test_kernels_side_by_side_have_one_thread_each_unless_more_are_asked_for(
    project: Path, monkeypatch: pytest.MonkeyPatch, asked: str | None, threads: str
) -> None:
    """Two that each start a thread a core took ten times as long on two cores."""
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    if asked:
        monkeypatch.setenv("OPENBLAS_NUM_THREADS", asked)
    write(project, 'print(os.environ["OPENBLAS_NUM_THREADS"])')
    run = chapters.execute("small", project / "build" / "results")
    assert [o.text for c in code(run.notebook) for o in c.outputs][-1] == f"{threads}\n"


def test_an_edit_in_the_executed_half_is_not_thrown_away(project: Path) -> None:
    """Only what people typed counts: a text that has moved on since the last run is no edit."""
    write(project, "print(2 + 2)")
    chapters.run(keep=True)
    write(project, "print(2 + 3)")
    chapters.run(keep=True)
    path = project / "notebooks" / "small.ipynb"
    notebook = nbformat.read(path, as_version=4)
    code(notebook)[-1]["source"] = "print('typed in Jupyter')"
    nbformat.write(notebook, path)
    before = path.read_bytes()
    with pytest.raises(
        OverwriteError, match=r"small\.ipynb has cells that notebooks/small\.md has not"
    ):
        chapters.run(keep=True)
    assert path.read_bytes() == before
    write(project, "print('typed in Jupyter')")
    chapters.run(keep=True)
    assert [o.text for c in code(nbformat.read(path, as_version=4)) for o in c.outputs][-1] == (
        "typed in Jupyter\n"
    )


@pytest.mark.parametrize(
    ("seconds", "megabytes", "kept"), [(12, 440, True), (40, 400, False), (10, 600, False)]
)
def test_a_cost_is_recorded_anew_where_it_is_news(
    project: Path, seconds: float, megabytes: float, kept: bool
) -> None:
    fresh = project / "fresh"
    fresh.mkdir()
    record = project / "results" / "runs.json"
    chapters.update({"small": chapters.Run("small", new_notebook(), fresh, 10.0, 400.0)})
    before = record.read_bytes()
    chapters.update({"small": chapters.Run("small", new_notebook(), fresh, seconds, megabytes)})
    assert (record.read_bytes() == before) == kept


def test_an_edited_working_copy_is_never_called_committed() -> None:
    assert chapters.Outcome([]).verdict == "every output and result is as committed"
    said = chapters.Outcome([], edited={"results/a.csv": "edited"}).verdict
    assert said == (
        "every output and result is as in this working copy, 1 of whose files are not as committed"
    )


def test_another_copy_of_the_project_runs_with_its_own_library(
    project: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    (copy / "notebooks").mkdir(parents=True)
    (copy / "src").mkdir()
    (copy / "src" / "replication.py").write_text("where = 'the copy'", encoding="utf-8")
    text = CHAPTER % "import replication; print(replication.where)"
    (copy / "notebooks" / "small.md").write_text(text, encoding="utf-8")
    run = chapters.execute("small", project / "build" / "results", copy)
    assert [o.text for c in code(run.notebook) for o in c.outputs][-1] == "the copy\n"
