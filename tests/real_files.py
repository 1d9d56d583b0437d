"""Where the tests find the public files of others, which do not ship with the project."""

import os
from pathlib import Path

import pytest

from replication.paths import ROOT


def mirror_or_skip() -> Path:
    """Folder with the files of ``data/sources.toml``, or skip the test where there is none."""
    named = os.environ.get("REPLICATION_OPEN_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "open-data"
    if not (folder / "the").is_dir():
        pytest.skip("no mirror of the public files: `replication fetch`, or REPLICATION_OPEN_DATA")
    return folder
