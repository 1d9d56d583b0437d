"""The book builds without a warning, passes the site's checks, and can be searched."""

import functools
import html
import http.server
import inspect
import json
import os
import re
import runpy
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from docutils.core import publish_doctree

import replication
from replication.config import ROOT
from replication.page.site import check_site
from tools.system_packages import find_browser

pytestmark = pytest.mark.site

NOT_RUN = "05_real_universities"
BUILD = "from jupyter_book.cli.main import main; main()"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The book, built apart from the one that a reader may be looking at, without one chapter."""
    out = tmp_path_factory.mktemp("book")
    options = ["-W", "--keep-going", "--all", "-q", "--path-output", str(out)]
    done = subprocess.run(
        [sys.executable, "-c", BUILD, "build", str(ROOT), *options],
        capture_output=True,
        text=True,
        cwd=out,
        env={**os.environ, "REPLICATION_NOT_RUN": json.dumps({NOT_RUN: "no network here"})},
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    return out / "_build" / "html"


def test_the_built_site_has_no_problem(site: Path) -> None:
    assert check_site(site) == []


def test_every_chapter_of_the_contents_is_built(site: Path) -> None:
    chapters = re.findall(r"(?:root|file): (\S+)", (ROOT / "_toc.yml").read_text("utf-8"))
    assert len(chapters) > 2
    for chapter in chapters:
        assert (site / chapter).with_suffix(".html").is_file(), chapter


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


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """The site over HTTP: a browser does not search a site opened as files."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: the tests' own output is what counts."""

    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


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
