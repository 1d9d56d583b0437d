"""The Makefile's list of targets, and what happens where a browser cannot be had."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "Makefile").read_text(encoding="utf-8")

pytestmark = pytest.mark.skipif(
    shutil.which("make") is None,
    reason="no make on this machine: install it, or see 'Without make' in README",
)


# What a surrounding make passes down would change what this one does and prints.
OURS = {"MAKEFLAGS", "MAKEOVERRIDES", "MAKELEVEL", "CI", "ARGS", "JOBS"}


def make(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run make in the project, with some variables set."""
    clean = {k: v for k, v in os.environ.items() if k not in OURS}
    return subprocess.run(
        ["make", *arguments],
        cwd=ROOT,
        env={**clean, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_lists_every_target_in_a_line_each() -> None:
    (phony,) = re.findall(r"^\.PHONY: (.*)$", TEXT, flags=re.MULTILINE)
    listed = [line.split()[1] for line in make("help").stdout.splitlines()]
    assert sorted(listed) == sorted(phony.split())
    assert make().stdout == make("help").stdout
    assert max(map(len, make("help").stdout.splitlines())) <= 100


@pytest.mark.parametrize(
    "target", ["book", "test", "notebooks", "data", "montecarlo", "readme", "lock"]
)
def test_every_step_sets_up_first(target: str) -> None:
    commands = make("-n", target, PYTHON="python3").stdout.splitlines()
    assert commands[0].endswith("tools/setup.py")
    assert len(commands) > 1


def test_many_studies_get_as_many_processes_as_they_are_told() -> None:
    for jobs, arguments in (("2", ()), ("5", ("JOBS=5",))):
        last = make("-n", "montecarlo", "PYTHON=python3", *arguments).stdout.splitlines()[-1]
        assert last.split()[1:] == ["montecarlo", "--jobs", jobs]
    last = make("-n", "montecarlo", "PYTHON=python3", "ARGS=--all").stdout.splitlines()[-1]
    assert last.endswith("--all")


@pytest.mark.parametrize(("ci", "goes_on"), [("", True), ("true", False)])
def test_missing_browser_stops_the_tests_only_in_continuous_integration(
    tmp_path: Path, ci: str, goes_on: bool
) -> None:
    log = tmp_path / "log"
    for tool in ("ruff", "mypy", "lint-imports", "deptry", "python", "pytest"):
        script = tmp_path / tool
        # The stand-in for Python reports that system packages are missing.
        script.write_text(f"#!/bin/sh\necho {tool} >> '{log}'\n[ {tool} != python ]\n")
        script.chmod(0o755)
    done = make("test", "PYTHON=true", f"BIN={tmp_path}", CI=ci)
    assert (done.returncode == 0) is goes_on
    assert ("pytest" in log.read_text().split()) is goes_on


def test_missing_python_is_named(tmp_path: Path) -> None:
    found = shutil.which("make")
    assert found
    done = subprocess.run(
        [found, "setup"],
        cwd=ROOT,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "Python 3.11 or later is needed" in done.stderr


def test_hash_seed_is_left_to_chance() -> None:
    # A fixed seed would hide results that depend on it.
    for name in ("Makefile", ".ci/run", "pyproject.toml", "conftest.py"):
        assert "PYTHONHASHSEED" not in (ROOT / name).read_text(encoding="utf-8")
