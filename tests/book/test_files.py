"""Files that pages name, as links."""

import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from replication.config import ROOT

sys.path.insert(0, str(ROOT / "book" / "_ext"))

import finish_files

PAGE = '<div class="bd-article"><code>data/claims.toml</code> <code>make book</code></div>'


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("data/claims.toml", "data/claims.toml"),
        ("CITATION.cff", "CITATION.cff"),
        ("panel/build.py", "src/replication/panel/build.py"),
        ("data/restricted/README.md", "data/restricted/README.md"),
        ("mapping.toml", None),
        ("../main/README.md", None),
        ("rp.load_panel", None),
    ],
)
def test_a_file_is_known_by_its_name(name: str, path: str | None) -> None:
    assert finish_files.file_named(name, ROOT) == path


def test_nobody_s_records_are_linked(tmp_path: Path) -> None:
    records = tmp_path / "data" / "restricted" / "patents.csv"
    records.parent.mkdir(parents=True)
    records.write_text("application\n")
    assert finish_files.file_named("data/restricted/patents.csv", tmp_path) is None


def test_without_a_remote_a_copy_stands_in_the_site(tmp_path: Path) -> None:
    soup = BeautifulSoup(PAGE, "lxml")
    finish_files.link_files(soup, ROOT, tmp_path, "../", "")
    (link,) = soup.select("a")
    assert link["href"] == "../files/data/claims.toml"
    copied = (tmp_path / "files" / "data" / "claims.toml").read_bytes()
    assert copied == (ROOT / "data" / "claims.toml").read_bytes()


def test_with_one_the_link_leads_there(tmp_path: Path) -> None:
    soup = BeautifulSoup(PAGE, "lxml")
    finish_files.link_files(soup, ROOT, tmp_path, "../", "https://example.org/blob/main")
    assert [link["href"] for link in soup.select("a")] == [
        "https://example.org/blob/main/data/claims.toml"
    ]
    assert not list(tmp_path.iterdir())
