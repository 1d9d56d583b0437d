"""The bound PDF, tried on a few pages of the built book: the whole takes minutes."""

import json
import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from pypdf import PdfReader

from replication.config import ROOT
from replication.errors import ReplicationError
from replication.page import pdf

pytestmark = [pytest.mark.site]

PARTS = [
    ("", ["book/index"]),
    ("The question", ["book/study"]),
    ("The simulated study", ["notebooks/01_baseline"]),
]


@pytest.fixture(scope="module")
def bound(site: Path, browser: str, tmp_path_factory: pytest.TempPathFactory) -> PdfReader:
    path = tmp_path_factory.mktemp("bound") / "book.pdf"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHROMIUM", browser)
        pdf.bind(site, PARTS).write(path)
    return PdfReader(path)


def marks(document: PdfReader) -> dict[str, int]:
    """Bookmarks and their pages, from 1."""

    def flat(entries: list) -> list:
        return [one for e in entries for one in (flat(e) if isinstance(e, list) else [e])]

    at = document.get_destination_page_number
    return {str(mark.title): (at(mark) or 0) + 1 for mark in flat(document.outline)}


@pytest.mark.system
def test_bookmarks_and_contents_name_the_pages_where_chapters_begin(bound: PdfReader) -> None:
    found = marks(bound)
    assert {"The question", "The simulated study", "Contents", "The study"} <= set(found)
    listed = bound.pages[found["Contents"] - 1].extract_text()
    for title in ("The study", "Baseline: exchange and joint patents"):
        assert title in " ".join(bound.pages[found[title] - 1].extract_text().split())
        assert re.search(rf"{title} +{found[title]}\b", listed), listed
    assert len(bound.pages) > found["Baseline: exchange and joint patents"] + 5


@pytest.mark.system
def test_every_page_is_a4_and_bears_its_number(bound: PdfReader) -> None:
    for number, sheet in enumerate(bound.pages, start=1):
        assert (round(float(sheet.mediabox.width)), round(float(sheet.mediabox.height))) == (
            595,
            842,
        )
        assert sheet.extract_text().split()[-1] == str(number)


@pytest.mark.system
def test_exhibits_code_figures_and_chinese_are_on_paper(bound: PdfReader) -> None:
    text = " ".join(" ".join(sheet.extract_text() for sheet in bound.pages).split())
    assert "校企合作" in text
    kept = ROOT / "notebooks" / "01_baseline.ipynb"
    said = "".join(
        "".join(output.get("data", {}).get("text/html", []))
        for cell in json.loads(kept.read_text("utf-8"))["cells"]
        for output in cell.get("outputs", [])
    )
    titles = BeautifulSoup(said, "lxml").select(".exhibit-title")
    assert len(titles) > 3
    for title in titles:
        assert " ".join(title.get_text().split()) in text
    assert "rp.did(" in text
    assert sum(len(sheet.images) for sheet in bound.pages) > 3


@pytest.mark.system
def test_links_stay_within_and_name_no_file_of_this_machine(bound: PdfReader) -> None:
    links = [mark.get_object() for sheet in bound.pages for mark in sheet.get("/Annots", [])]
    assert not [link for link in links if "file:" in str(link.get("/A", {}).get("/URI", ""))]
    assert len([link for link in links if "/Dest" in link]) >= len(PARTS)


def test_a_site_that_is_not_built_is_told(tmp_path: Path) -> None:
    with pytest.raises(ReplicationError, match="make book"):
        pdf.make(tmp_path)


def test_the_contents_are_those_of_the_book() -> None:
    pages = [page for _, some in pdf.chapters() for page in some]
    listed = re.findall(
        r"(?:root|file): (\S+?)(?:\.ipynb)?\n", (ROOT / "_toc.yml").read_text("utf-8")
    )
    assert pages == listed
