"""Where the project keeps things, found from the package and never from the working directory."""

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent

INSTALLED = (PACKAGE / "project").is_dir()
"""Whether this is the package of a wheel, which holds the data and no notebooks, book or tests."""

ROOT = PACKAGE / "project" if INSTALLED else PACKAGE.parents[1]
"""The checkout, where the package is installed in place; else what a wheel holds of it."""

DATA = ROOT / "data"
NOTEBOOKS = ROOT / "notebooks"
BUILD = ROOT / "build"


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
