"""The environment is made once, again when something changed, and never left half made."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools import setup


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose environment holds no packages, so that making it needs no network."""
    (tmp_path / "requirements.txt").write_text("")
    (tmp_path / "pyproject.toml").write_text("")
    monkeypatch.setattr(setup, "has_ensurepip", lambda: False)
    return tmp_path


@pytest.fixture
def installs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What pip would have been asked for, in order: the lock, the project."""
    asked: list[str] = []
    monkeypatch.setattr(setup, "pip_install", lambda _, *arguments: asked.append(arguments[-1]))
    return asked


def test_second_call_installs_nothing(project: Path, installs: list[str]) -> None:
    setup.setup(project)
    assert installs == ["requirements.txt", "."]
    assert setup.setup(project) == ".venv is up to date"
    assert installs == ["requirements.txt", "."]


def test_changed_lock_starts_from_nothing(project: Path, installs: list[str]) -> None:
    setup.setup(project)
    stale = project / ".venv" / "left-over"
    stale.touch()
    (project / "requirements.txt").write_text("# changed")
    setup.setup(project)
    assert installs == ["requirements.txt", ".", "requirements.txt", "."]
    assert not stale.exists()


def test_changed_project_file_reinstalls_the_package_alone(
    project: Path, installs: list[str]
) -> None:
    setup.setup(project)
    (project / "pyproject.toml").write_text("# changed")
    setup.setup(project)
    assert installs == ["requirements.txt", ".", "."]


@pytest.mark.parametrize("broken_at", ["requirements.txt", "."])
def test_interrupted_installation_is_made_anew(
    project: Path, monkeypatch: pytest.MonkeyPatch, broken_at: str
) -> None:
    asked = []

    def interrupted(_: Path, *arguments: str) -> None:
        asked.append(arguments[-1])
        if arguments[-1] == broken_at:
            raise KeyboardInterrupt

    monkeypatch.setattr(setup, "pip_install", interrupted)
    with pytest.raises(KeyboardInterrupt):
        setup.setup(project)
    monkeypatch.setattr(setup, "pip_install", lambda _, *arguments: asked.append(arguments[-1]))
    setup.setup(project)
    assert asked[-2:] == ["requirements.txt", "."]


@pytest.mark.parametrize("damage", ["python", "stamp"])
def test_damaged_environment_is_made_anew(project: Path, installs: list[str], damage: str) -> None:
    setup.setup(project)
    if damage == "python":
        Path(setup.environment_python(project / ".venv")).unlink()
    else:
        (project / ".venv" / setup.STAMP).write_text("{")
    setup.setup(project)
    assert installs == ["requirements.txt", ".", "requirements.txt", "."]


def test_moved_project_is_made_anew(
    project: Path, installs: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    setup.setup(project)
    moved = project.rename(tmp_path_factory.mktemp("elsewhere") / "project")
    setup.setup(moved)
    assert installs == ["requirements.txt", ".", "requirements.txt", "."]


def test_failing_pip_leaves_no_stamp(project: Path) -> None:
    # A hash is demanded of every package, so pip refuses before it asks the network.
    (project / "requirements.txt").write_text("pip==1.0\n")
    with pytest.raises(subprocess.CalledProcessError):
        setup.setup(project)
    assert setup.installed(project / ".venv") == {}


def test_stamp_tells_a_change_of_python(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = setup.wanted(project)
    monkeypatch.setattr(setup.sys, "version_info", (3, 99, 0))
    after = setup.wanted(project)
    assert before["environment"] != after["environment"]
    assert before["project"] == after["project"]


def test_old_python_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(setup.sys, "version_info", (3, 10, 13))
    assert setup.main() == 1
    assert "Python 3.11 or later" in capsys.readouterr().err


def test_stamp_is_json(project: Path, installs: list[str]) -> None:
    setup.setup(project)
    stamp = json.loads((project / ".venv" / setup.STAMP).read_text())
    assert set(stamp) == {"environment", "project"}


def test_half_deleted_environment_is_not_trusted_when_the_lock_comes_back(
    project: Path, installs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: Path) -> None:
        raise KeyboardInterrupt

    setup.setup(project)
    (project / "requirements.txt").write_text("# changed")
    with monkeypatch.context() as patch:
        patch.setattr(setup.shutil, "rmtree", interrupted)
        with pytest.raises(KeyboardInterrupt):
            setup.setup(project)
    (project / "requirements.txt").write_text("")
    setup.setup(project)
    assert installs == ["requirements.txt", ".", "requirements.txt", "."]


MIRROR = "https://mirror.example/simple"


@pytest.mark.parametrize("name", ["PIP_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX"])
def test_a_mirror_named_in_the_environment_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for other in ("PIP_INDEX_URL", *setup.UV_MIRRORS):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, MIRROR)
    monkeypatch.setattr(setup, "has_ensurepip", lambda: False)
    seen: list[tuple[list[str], dict[str, str]]] = []

    def run(command: list[str], **options: dict[str, str]) -> None:
        seen.append((command, options["env"]))

    monkeypatch.setattr(subprocess, "run", run)
    setup.pip_install(tmp_path / ".venv", "--require-hashes", "-r", "requirements.txt")
    ((command, environment),) = seen
    assert environment["PIP_INDEX_URL"] == MIRROR
    assert environment["PATH"]
    # No option speaks against the variable.
    assert not {"--isolated", "-i", "--index-url", "--extra-index-url", "-I"} & set(command)


def test_a_mirror_of_pips_own_goes_before_one_of_uvs() -> None:
    both = {"PIP_INDEX_URL": MIRROR, "UV_INDEX_URL": "https://other.example/simple"}
    assert setup.with_mirror(both) == both
    assert setup.with_mirror({"UV_INDEX_URL": ""}) == {"UV_INDEX_URL": ""}


def test_pip_itself_asks_the_mirror_that_is_named_for_uv(tmp_path: Path) -> None:
    environment = setup.with_mirror({**os.environ, "UV_INDEX_URL": MIRROR, "PIP_INDEX_URL": ""})
    done = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert f":env:.index-url='{MIRROR}'" in done.stdout
