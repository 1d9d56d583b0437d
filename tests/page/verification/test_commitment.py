"""What is committed is git's, or the manifest's; edits, removals and strays are named."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from replication.errors import RegistryError, SourceUnavailableError
from replication.page.verification.commitment import (
    MANIFEST,
    clean_copy,
    commitment,
    known,
    read_manifest,
    write_manifest,
)
from tests.support.project import commit, git


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    files = {"data/a b.csv": "1\n", "results/x/tab.csv": "2\n", "src/x.py": "3\n", "book/y.md": "4"}
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    commit(folder)
    return folder


def damage(project: Path) -> None:
    (project / "data/a b.csv").write_text("9\n", encoding="utf-8")
    (project / "results/x/tab.csv").unlink()
    (project / "results/x/stray.csv").write_text("5\n", encoding="utf-8")
    (project / "src/__pycache__").mkdir()
    (project / "src/__pycache__/x.pyc").write_text("", encoding="utf-8")
    (project / "data/restricted").mkdir()
    (project / "data/restricted/own.csv").write_text("6\n", encoding="utf-8")
    (project / "book/y.md").write_text("prose", encoding="utf-8")


DAMAGED = {
    "data/a b.csv": "edited",
    "results/x/stray.csv": "not committed",
    "results/x/tab.csv": "removed",
}


def test_edits_since_the_commit_are_named(project: Path) -> None:
    (project / ".gitignore").write_text("__pycache__/\n/data/restricted/\n", encoding="utf-8")
    commit(project)
    assert commitment(project).edited == {}
    damage(project)
    found = commitment(project)
    assert found.edited == DAMAGED
    head = git(project, "rev-parse", "--short", "HEAD").strip()
    assert found.sentence.startswith(f"the git commit {head} of 20")
    git(project, "add", "-A")
    assert commitment(project).edited == DAMAGED


def test_edits_since_the_deposit_are_named(project: Path) -> None:
    write_manifest(project)
    shutil.rmtree(project / ".git")
    assert commitment(project).edited == {}
    damage(project)
    assert commitment(project).edited == DAMAGED
    assert commitment(project).kind == "manifest"


def test_the_manifest_is_one_that_other_programs_read(project: Path) -> None:
    write_manifest(project)
    digest = hashlib.sha256(b"1\n").hexdigest()
    assert (project / MANIFEST).read_text().splitlines()[0] == f"{digest}  data/a b.csv"
    checked = subprocess.run(
        ["sha256sum", "--check", "--strict", MANIFEST],
        cwd=project,
        capture_output=True,
        check=False,
    )
    assert checked.returncode == 0
    assert set(read_manifest(project / MANIFEST)) == {
        "data/a b.csv",
        "results/x/tab.csv",
        "src/x.py",
    }


def test_a_clean_copy_is_of_what_is_committed(project: Path, tmp_path: Path) -> None:
    damage(project)
    clean_copy(tmp_path / "copy", project)
    copied = {p.relative_to(tmp_path / "copy").as_posix() for p in (tmp_path / "copy").rglob("*.*")}
    assert copied == {"data/a b.csv", "results/x/tab.csv", "src/x.py", "book/y.md"}
    assert (tmp_path / "copy/data/a b.csv").read_text() == "1\n"


@pytest.mark.parametrize("line", ["nonsense", "0" * 64 + "  ../x", "0" * 64 + "  book/y.md", "  "])
def test_a_damaged_manifest_is_refused_by_its_line(project: Path, line: str) -> None:
    write_manifest(project)
    shutil.rmtree(project / ".git")
    with (project / MANIFEST).open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    with pytest.raises(RegistryError, match=r"MANIFEST\.sha256, line 4"):
        commitment(project)


def test_a_file_listed_twice_is_refused(project: Path) -> None:
    write_manifest(project)
    with (project / MANIFEST).open("a", encoding="utf-8") as file:
        file.write("0" * 64 + "  src/x.py\n")
    with pytest.raises(RegistryError, match=r"line 4: src/x\.py is in it twice.*`make readme`"):
        read_manifest(project / MANIFEST)


def test_without_history_and_manifest_nothing_is_committed(project: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailableError, match="no git checkout"):
        write_manifest(tmp_path)
    shutil.rmtree(project / ".git")
    with pytest.raises(SourceUnavailableError, match="neither a git history nor MANIFEST"):
        commitment(project)
    assert known(project).edited == {}
    assert "nothing says what was committed" in known(project).sentence


def test_what_git_says_is_passed_on(project: Path) -> None:
    (project / ".git/HEAD").write_text("ref: refs/heads/none\n", encoding="utf-8")
    with pytest.raises(SourceUnavailableError, match="git log failed"):
        commitment(project)
