"""Where the project keeps things, found from the package and never from the working directory."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The checkout: the package is installed in place, beside the data and the notebooks it reads."""

DATA = ROOT / "data"
NOTEBOOKS = ROOT / "notebooks"
BUILD = ROOT / "build"


def results() -> Path:
    """Folder that exhibits are written to: ``$REPLICATION_RESULTS``, or ``results/``."""
    return Path(os.environ.get("REPLICATION_RESULTS") or ROOT / "results")
