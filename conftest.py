"""What the tests and the notebooks under test share."""

import os
from functools import cache
from pathlib import Path

import pytest

from tools import system_packages

ROOT = Path(__file__).resolve().parent


@cache
def missing() -> tuple[str, ...]:
    """What the machine lacks for the tests marked ``system``."""
    return tuple(system_packages.missing())


def pytest_configure() -> None:
    """Keep the notebooks under test from writing over the committed results."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    os.environ.setdefault("REPLICATION_RESULTS", str(ROOT / "build" / "tests" / worker))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a browser where there is none; in continuous integration it must run."""
    if item.get_closest_marker("system") and os.environ.get("CI") != "true" and missing():
        pytest.skip(f"no {' and no '.join(missing())} on this machine: see `make system`")


@pytest.fixture(scope="session")
def browser() -> str:
    """Path of Chromium or Chrome."""
    path = system_packages.find_browser()
    assert path, "no browser on this machine: see `make system`"
    return path
