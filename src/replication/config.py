"""Where the project keeps things, found from the package and never from the working directory."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent

INSTALLED = (PACKAGE / "project").is_dir()
"""Whether this is the package of a wheel, which holds the data and no notebooks, book or tests."""

ROOT = PACKAGE / "project" if INSTALLED else PACKAGE.parents[1]
"""The checkout, where the package is installed in place; else what a wheel holds of it."""

DATA = ROOT / "data"
NOTEBOOKS = ROOT / "notebooks"
BUILD = ROOT / "build"


@contextmanager
def environment(values: Mapping[str, Path | str | None]) -> Iterator[None]:
    """Name files in environment variables, for this process and those that it starts.

    None leaves a variable as it is, an empty text names nothing.
    """
    named = {
        name: str(value.resolve()) if isinstance(value, Path) else value
        for name, value in values.items()
        if value is not None
    }
    before = {name: os.environ.get(name) for name in named}
    os.environ.update(named)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def simulated() -> Path:
    """Folder of the simulated panel and its truth: ``$REPLICATION_SIMULATED``, or ``data/``."""
    return Path(os.environ.get("REPLICATION_SIMULATED") or DATA)


RECORDS = "REPLICATION_RESTRICTED"
"""Panel of the reader's records, in a run of chapters on it; only such a run sets it."""


def own_records() -> Path | None:
    """Panel of the reader's own records that this run of a chapter is on; None in any other."""
    told = os.environ.get(RECORDS)
    return Path(told) if told else None


def results() -> Path:
    """Folder that exhibits are written to: ``$REPLICATION_RESULTS``, or ``results/``.

    That is the project's in the project, and the working directory's elsewhere: a notebook that
    was taken out of the project does not write into it.
    """
    told = os.environ.get("REPLICATION_RESULTS")
    if told:
        return Path(told)
    here = Path.cwd()
    return (ROOT if here.is_relative_to(ROOT) else here) / "results"
