"""Where the tests find the public files of others, which do not ship with the project."""

import os
from pathlib import Path

import pytest

from replication.config import ROOT
from replication.records.open.download import cache_folder, load_sources


def mirror_or_skip() -> Path:
    """Folder with the files of ``data/sources.toml``, or skip the test where there is none."""
    named = os.environ.get("REPLICATION_OPEN_DATA")
    mirror = Path(named) if named else ROOT.parent / "shared" / "open-data"
    # What `replication fetch` keeps is laid out as a mirror is.
    for folder in (mirror, cache_folder()):
        if all((folder / file).is_file() for file in load_sources()["file"]):
            return folder
    pytest.skip("no public files here: `replication fetch`, or REPLICATION_OPEN_DATA")
