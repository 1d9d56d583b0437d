"""A wheel is enough for a notebook that was taken out of the project, and holds nothing private."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from replication.page.compare import compare_notebook, compare_results
from tests.support.project import git

ROOT = Path(__file__).resolve().parents[2]
PROJECT = "replication/project/"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of a checkout in which a reader keeps records of his own."""
    folder = tmp_path_factory.mktemp("wheel")
    checkout = folder / "checkout"
    names = git(ROOT, "ls-files", "-z", "-c", "-o", "--exclude-standard").split("\0")
    for name in filter(None, names):
        if name.startswith(("notebooks/", "results/")) or not (ROOT / name).is_file():
            continue
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_bytes((ROOT / name).read_bytes())
    for private in ("data/restricted/patents.parquet", "data/records/patents.parquet"):
        (checkout / private).parent.mkdir(parents=True, exist_ok=True)
        (checkout / private).write_bytes(b"private")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=checkout, check=True, capture_output=True)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    """What the wheel puts on Python's path, ahead of the project's own library."""
    folder = wheel.parent / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def run(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(installed), "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8"
    )


def test_it_holds_the_package_and_its_data_and_nothing_private(wheel: Path) -> None:
    assert wheel.name.startswith("exchange_innovation_replication-")
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert all(name.startswith("replication/") for name in names)
    shipped = set(git(ROOT, "ls-files", "data").split())
    assert {n.removeprefix(PROJECT) for n in names if n.startswith(PROJECT)} == shipped | {
        "book/references.bib",
        "tests/oracles/r_numbers.csv",
    }
    assert "replication/__init__.pyi" in names, "without its stub the facade is empty"


def test_a_downloaded_notebook_runs_alone(installed: Path, tmp_path: Path) -> None:
    name = "04_ai_era"  # of the simulated study, and the quickest
    downloaded = tmp_path / f"{name}.ipynb"
    downloaded.write_bytes((ROOT / "notebooks" / downloaded.name).read_bytes())
    notebook = nbformat.read(downloaded, as_version=4)
    environment = {"PYTHONPATH": str(installed), "OPENBLAS_NUM_THREADS": "1"}
    environment = {**os.environ, **environment}
    environment.pop("REPLICATION_RESULTS", None)
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        record_timing=False,
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
        resources={"metadata": {"path": str(tmp_path)}},
    )
    with client.setup_kernel(env=environment):
        for index, cell in enumerate(notebook.cells):
            client.execute_cell(cell, index)
    assert compare_notebook(notebook, ROOT / "notebooks" / downloaded.name) == []
    assert compare_results(tmp_path / "results" / name, ROOT / "results" / name) == []
    assert sorted(p.name for p in tmp_path.iterdir()) == [downloaded.name, "results"]


def test_what_needs_the_project_says_so(installed: Path, tmp_path: Path) -> None:
    said = run(installed, tmp_path, "-m", "replication.cli", "run")
    assert said.returncode == 2
    assert "works in the project's folder: clone it" in said.stderr
    done = run(installed, tmp_path, "-m", "replication.cli", "claims", "--json")
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.iterdir())
