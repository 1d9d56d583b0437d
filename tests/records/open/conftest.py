"""The real files of open data, and damaged copies of them."""

import hashlib
import shutil
from pathlib import Path

import pytest

from replication.records.open import sources
from tests.support.openalex_server import at, server, waits  # noqa: F401
from tests.support.real_files import Change, Replace, mirror_or_skip


@pytest.fixture(scope="session")
def real() -> Path:
    return mirror_or_skip()


@pytest.fixture
def files(real: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REPLICATION_OPEN_DATA", str(real))
    return real


@pytest.fixture
def damage(real: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Replace:
    """Put a changed copy of a real file into a mirror, and its checksum into the list."""
    mirror = tmp_path / "mirror"
    monkeypatch.setenv("REPLICATION_OPEN_DATA", str(mirror))
    monkeypatch.setenv("REPLICATION_CACHE", str(tmp_path / "cache"))

    def change(file: str, how: Change) -> None:
        shutil.copytree(real, mirror)
        mirror.chmod(0o755)
        (mirror / file).parent.chmod(0o755)
        good = (real / file).read_bytes()
        bad = how(good)
        assert bad != good
        (mirror / file).unlink()
        (mirror / file).write_bytes(bad)
        text = sources.SOURCES.read_text(encoding="utf-8")
        sums = [hashlib.sha256(content).hexdigest() for content in (good, bad)]
        assert sums[0] in text
        path = tmp_path / "sources.toml"
        path.write_text(text.replace(*sums), encoding="utf-8")
        monkeypatch.setattr(sources, "SOURCES", path)

    return change
