"""The book builds without a warning, passes the site's checks, and can be searched."""

import html
import inspect
import json
import re
import runpy
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from bs4 import BeautifulSoup, Tag
from docutils.core import publish_doctree

import replication
from replication.config import ROOT
from replication.page.site import check_site
from tools.system_packages import find_browser

pytestmark = pytest.mark.site

NOT_RUN = "05_real_universities"
"""The chapter that the build is told has not run."""
LONGEST = {NOT_RUN: 4100}
"""Words that a chapter may have where they are more than the usual number."""
FOURTEEN = (
    *("book/index", "book/study", "book/data", "book/codebook", "book/reviewers"),
    *("book/students", "book/glossary", "notebooks/01_baseline", "notebooks/02_mechanisms"),
    *("notebooks/03_heterogeneity", "notebooks/04_ai_era", "notebooks/05_real_universities"),
    *("notebooks/A1_validation", "notebooks/A2_design"),
)
"""Pages that a reader goes through; the others are looked up, or read by whoever needs them."""


def test_the_built_site_has_no_problem(site: Path) -> None:
    assert check_site(site) == []


def test_every_chapter_of_the_contents_is_built(site: Path) -> None:
    chapters = re.findall(r"(?:root|file): (\S+)", (ROOT / "_toc.yml").read_text("utf-8"))
    assert len(chapters) > 2
    for chapter in chapters:
        assert (site / chapter).with_suffix(".html").is_file(), chapter


def article(site: Path, page: str) -> Tag:
    text = (site / page).with_suffix(".html").read_text(encoding="utf-8")
    found = BeautifulSoup(text, "lxml").select_one("article.bd-article")
    assert found
    return found


def words(part: Tag) -> int:
    """English words, and runs of Chinese."""
    return len(re.findall(r"[A-Za-z][\w'’-]*|[\u4e00-\u9fff]+", part.get_text(" ")))


def test_a_picture_on_two_pages_is_one_file_and_every_address_leads_to_one(site: Path) -> None:
    pictures = [path.read_bytes() for path in (site / "_images").iterdir()]
    assert len(set(pictures)) == len(pictures)
    asked = {
        (page.parent / str(image["src"])).resolve()
        for page in site.rglob("*.html")
        if "_static" not in page.parts
        for image in BeautifulSoup(page.read_text("utf-8"), "lxml").select("img[src*=_images]")
    }
    assert len(asked) > 20
    assert [path for path in asked if not path.is_file()] == []


def test_folded_outputs_are_in_the_page_under_their_titles(site: Path) -> None:
    page = article(site, "notebooks/03_heterogeneity")
    folded = page.select_one("#tab-recovery").find_parent("details", class_="folded")
    assert folded.summary.text == "Verdicts over many studies: shares of studies"
    assert page.select_one("#tab-claims").find_parent("details") is None


def test_a_page_without_code_prints_registered_numbers(site: Path) -> None:
    numbers = json.loads((ROOT / "results/03_heterogeneity/numbers.json").read_text("utf-8"))
    said = article(site, "book/index").get_text(" ")
    assert f"the effect in {numbers['often_c1']['text']} % of them" in said


def words_to_read(page: Tag) -> float:
    """Words without code and exercises, which are done and not read; folded ones count half."""
    for cell in page.select("div.cell_input, script, style, section#exercises"):
        cell.decompose()
    folded = [part for part in page.select("details") if not part.find_parent("details")]
    return words(page) - sum(map(words, folded)) / 2


def test_the_pages_to_be_read_have_no_more_than_twenty_thousand_words(site: Path) -> None:
    assert sum(words_to_read(article(site, page)) for page in FOURTEEN) <= 20_000


def test_code_that_only_prints_is_folded_and_pages_stay_short(site: Path) -> None:
    """Words of a page, and the lines of code that stand open."""
    open_lines = 0
    for path in sorted((site / "notebooks").glob("*.html")):
        page = article(site, f"notebooks/{path.name}")
        for cell in page.select("div.cell_input"):
            if not cell.find_parent("details"):
                open_lines += sum(bool(line.strip()) for line in cell.get_text().splitlines())
        assert words_to_read(page) <= LONGEST.get(path.stem, 3200), path.stem
    assert open_lines <= 500


def test_the_page_on_the_facade_documents_every_name_and_links_them(site: Path) -> None:
    page = (site / "book" / "api.html").read_text("utf-8")
    for name in dir(replication):
        if inspect.ismodule(getattr(replication, name)):
            assert re.search(rf"<h3><code[^>]*><span[^>]*>rp\.{name}<", page), name
        else:
            assert f'id="replication.{name}"' in page, name
    assert 'href="#replication.Estimate"' in page


def test_a_chapter_that_did_not_run_says_so_under_its_title(site: Path) -> None:
    said = "Not run in this build: no network here; the outputs are the committed ones."
    pages = {path.stem: path.read_text("utf-8") for path in (site / "notebooks").glob("*.html")}
    assert {name for name, page in pages.items() if said in page} == {NOT_RUN}
    title, note, badge = (pages[NOT_RUN].index(text) for text in ("<h1>", said, '"source-badges'))
    assert title < note < badge


def test_a_build_by_hand_says_nothing_of_what_ran(monkeypatch: pytest.MonkeyPatch) -> None:
    extension = runpy.run_path(str(ROOT / "book" / "_ext" / "replication_book.py"))
    app = SimpleNamespace(env=SimpleNamespace(docname=f"notebooks/{NOT_RUN}"))
    monkeypatch.delenv("REPLICATION_NOT_RUN", raising=False)
    page = publish_doctree("Title\n=====\n\nText.")
    before = page.pformat()
    extension["note_not_run"](app, page)
    assert page.pformat() == before
    monkeypatch.setenv("REPLICATION_NOT_RUN", json.dumps({NOT_RUN: "why"}))
    extension["note_not_run"](app, page)
    assert "Not run in this build: why" in page.pformat()


def test_mathematics_is_served_by_the_site_itself(site: Path) -> None:
    page = (site / "book" / "study.html").read_text("utf-8")
    (source,) = re.findall(r'<script[^>]* src="([^"?]*mathjax[^"?]*)', page)
    assert (site / "book" / source).is_file()
    assert list((site / "_static" / "mathjax" / "output" / "chtml" / "fonts").rglob("*.woff"))


@pytest.mark.system
@pytest.mark.parametrize(
    ("query", "found", "not_found"),
    [
        ("clusters", {"study", "glossary", "reviewers"}, set()),
        ("高校", {"study", "glossary"}, set()),
        ("校企合作", {"index", "study", "glossary"}, {"reviewers", "students"}),
        ("野聚类自助法", {"glossary"}, {"study", "index"}),
        ("pre-trend", {"glossary", "data"}, set()),
        ("zzyzx", set(), {"study", "glossary", "index"}),
        ("猫鼬", set(), {"study", "glossary", "index"}),
    ],
)
def test_the_search_finds_words_of_both_languages(
    address: str, tmp_path: Path, query: str, found: set[str], not_found: set[str]
) -> None:
    browser = find_browser()
    if browser is None:
        pytest.skip("no browser: `make system` installs one")
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}"]
    done = subprocess.run(
        [
            browser,
            *options,
            "--virtual-time-budget=8000",
            "--dump-dom",
            f"{address}/search.html?q={query}",
        ],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=True,
    )
    results = html.unescape(done.stdout.partition('id="search-results"')[2])
    pages = set(re.findall(r'<a href="[^"]*?(\w+)\.html[^"]*"[^>]*data-score', results))
    assert found <= pages, (query, pages)
    assert not (not_found & pages), (query, pages)
