"""One run of a notebook serves nbval and the comparison of its results.

In a project of its own, with the real `conftest.py`: notebooks that do and do not write what is
committed.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from replication.config import ROOT

WRITE = """\
import os
from pathlib import Path

folder = Path(os.environ["REPLICATION_RESULTS"]) / "{name}"
folder.mkdir(parents=True, exist_ok=True)
print((folder / "tab-x.csv").write_text("x,y\\\\n1,{value}\\\\n"))"""
COMMITTED = "x,y\n1,0.25\n"
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5ErkJg"
    "gg=="
)
SHOW = f"""\
from base64 import b64decode

from IPython.display import Image

Image(b64decode("{PIXEL}"), alt="{{alt}}")"""


def write(project: Path, name: str, *more: str, value: str = "0.25", alt: str = "A dot.") -> None:
    """A notebook ``name`` as if executed, and the results that are committed for it."""
    printed = len(COMMITTED) + len(value) - len("0.25")
    metadata = {"image/png": {"alt": "A dot."}}
    picture = new_output(
        "execute_result", {"image/png": PIXEL}, execution_count=2, metadata=metadata
    )
    picture.data["text/plain"] = "<IPython.core.display.Image object>"
    cells = [
        new_code_cell(
            WRITE.format(name=name, value=value).replace("\\\\n", "\\n"),
            execution_count=1,
            outputs=[new_output("stream", name="stdout", text=f"{printed}\n")],
        ),
        new_code_cell(SHOW.format(alt=alt), execution_count=2, outputs=[picture]),
        *(new_code_cell(source, execution_count=3) for source in more),
    ]
    (project / "notebooks").mkdir(exist_ok=True)
    nbformat.write(new_notebook(cells=cells), project / "notebooks" / f"{name}.ipynb")
    (project / "results" / name).mkdir(parents=True)
    (project / "results" / name / "tab-x.csv").write_text(COMMITTED)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with this one's `conftest.py` and notebooks with a fault each."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copy(ROOT / "conftest.py", folder)
    shutil.copytree(ROOT / "tools", folder / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "pytest.ini").write_text(
        "[pytest]\npythonpath = .\naddopts = --import-mode=importlib -p no:cacheprovider\n"
    )
    write(folder, "a_good", "print('not committed')", value="0.250000000001")
    more = 'x = (folder / "fig-y.png").write_bytes(b"")'
    write(folder, "b_changed", more, value="0.2501", alt="A line.")
    write(folder, "c_stopped", "1 / 0")
    write(folder, "d_best")
    # What an earlier run left behind must not count, neither for nor against a notebook.
    for worker in ("main", "gw0", "gw1"):
        stale = folder / "build" / "tests" / worker / "d_best"
        stale.mkdir(parents=True)
        (stale / "tab-old.csv").write_text("x\n1\n")
        shutil.copytree(folder / "results" / "c_stopped", stale.parent / "c_stopped")
    return folder


def run(project: Path, *options: str) -> tuple[int, str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-rA", "--nbval-current-env", "--color=no", *options],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def outcome(said: str, name: str, test: str = "results") -> str:
    """PASSED or FAILED, from the summary."""
    (word,) = re.findall(rf"^([A-Z]+) notebooks/{name}\.ipynb::{test}\b", said, re.MULTILINE)
    return str(word)


@pytest.mark.parametrize(
    "options", [(), ("-n", "2", "--dist", "loadscope")], ids=["one process", "workers"]
)
def test_results_are_compared_after_the_cells(project: Path, options: tuple[str, ...]) -> None:
    code, said = run(project, "--nbval", *options)
    assert code == 1
    expected = {"b_changed": "FAILED", "c_stopped": "FAILED", "d_best": "PASSED"}
    # A cell that shows something else has run all the same: results are complete.
    expected["a_good"] = "PASSED"
    assert {name: outcome(said, name) for name in expected} == expected
    assert outcome(said, "a_good", "Cell 2") == "FAILED"
    # The alternative text is none of nbval's business.
    assert outcome(said, "b_changed", "Cell 1") == "PASSED"
    assert outcome(said, "c_stopped", "Cell 2") == "FAILED"
    for text in (
        "b_changed/tab-x.csv: column 'y', row 1: 0.2501, committed 0.25",
        "b_changed/fig-y.png is made and not committed",
        "Cell 1: alternative text is ['A line.'], committed ['A dot.']",
        "If this is as it should be: `replication run --update b_changed`",
        "the results of c_stopped.ipynb are incomplete: Cell 2 did not run to the end",
    ):
        assert text in said
    assert "4 failed" in said
    assert "INTERNALERROR" not in said


def test_one_notebook_can_be_named(project: Path) -> None:
    code, said = run(project, "notebooks/d_best.ipynb", "--nbval")
    assert code == 0, said
    assert "3 passed" in said
    written = project / "build" / "tests" / "main" / "d_best"
    assert [path.name for path in written.iterdir()] == ["tab-x.csv"]


def test_results_without_the_cells_are_incomplete(project: Path) -> None:
    code, said = run(project, "notebooks/d_best.ipynb::results", "--nbval")
    assert code == 1
    assert "results of d_best.ipynb are incomplete: Cell 0, Cell 1 did not run to the end" in said


def test_a_chapter_whose_data_are_not_to_be_had_is_skipped_with_the_reason(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "elsewhere" / "project"
    shutil.copytree(project, folder, ignore=shutil.ignore_patterns("build", "results"))
    write(folder, "05_real_universities")
    monkeypatch.delenv("REPLICATION_OPEN_DATA", raising=False)
    monkeypatch.setenv("REPLICATION_CACHE", str(tmp_path / "cache"))
    # A host that answers nothing: the discard port of this machine.
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    code, said = run(folder, "notebooks/05_real_universities.ipynb", "--nbval")
    assert code == 0, said
    assert "3 skipped" in said
    assert re.search(r"SKIPPED .*could not get the-2016 .* cannot be reached", said)


def test_without_nbval_nothing_is_collected(project: Path) -> None:
    code, said = run(project, "notebooks")
    assert code == pytest.ExitCode.NO_TESTS_COLLECTED
    assert "no tests ran" in said
