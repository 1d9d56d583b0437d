"""The finishing of the built pages: exhibits, tables, languages, head, icons, root page.

It works on what the builder wrote, so that the notebooks' outputs stay as they were checked. A
page is finished once; the mark is on its root element.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bs4 import BeautifulSoup
from finish_charts import long_table
from finish_exhibits import (
    both_modes,
    finish_exhibits,
    number_figures,
    number_links,
    once,
    say_sources,
)
from finish_files import link_files
from finish_registry import registry
from finish_shell import head, mend_theme, rooted, say_chinese, signatures, trim
from finish_tables import STEPS, finish_table

if TYPE_CHECKING:
    from finish_registry import Exhibit
    from sphinx.application import Sphinx
    from sphinx.config import Config

MARK = "data-finished"
PAGES = {"book", "notebooks"}
"""Folders of what Sphinx writes from the sources."""
REMOTE = re.compile(r"(?:https://|git@)(github\.com)[:/]([\w.-]+/[\w.-]+?)(?:\.git)?/?$")


@dataclass(frozen=True)
class Book:
    """What the finishing of a page knows of the book."""

    source: Path
    site: Path
    exhibits: dict[str, Exhibit]
    title: str
    remote: str

    @property
    def results(self) -> Path:
        """Folder of the published exhibits."""
        return self.source / "results"


def finish_page(page: Path, book: Book) -> None:
    """Finish one page in its place."""
    soup = BeautifulSoup(signatures(page.read_text(encoding="utf-8")), "lxml")
    if soup.html is None or soup.html.get(MARK):
        return
    root = "../" * (len(page.relative_to(book.site).parts) - 1)
    say_sources(soup, finish_exhibits(soup, book.exhibits, root, book.results))
    number_links(soup, book.exhibits)
    number_figures(soup, book.exhibits, root)
    link_files(soup, book.source, book.site, root, book.remote)
    for table in soup.select(".bd-article table"):
        finish_table(soup, table)
    both_modes(soup, page)
    say_chinese(soup)
    mend_theme(soup)
    head(soup, book.title)
    soup.html[MARK] = "yes"
    page.write_text(str(soup), encoding="utf-8")


def publish(exhibit: Exhibit, book: Book) -> None:
    """Copy what an exhibit links to, and write the table of a long chart."""
    target = book.site / "results" / exhibit.chapter
    target.mkdir(parents=True, exist_ok=True)
    for path in (book.results / exhibit.chapter).glob(f"{exhibit.name}.*"):
        if path.suffix in {".csv", ".tex"}:
            shutil.copy2(path, target)
    if (text := long_table(exhibit, book.results)) is not None:
        (target / f"{exhibit.name}.html").write_text(text, encoding="utf-8")


def finish(app: Sphinx, exception: Exception | None) -> None:
    """Finish every page, copy what they link to, and write the pages that Sphinx has not."""
    if exception is not None or app.builder.format != "html":
        return
    options = app.config.html_theme_options
    remote = options.get("repository_url", "")
    book = Book(
        Path(app.srcdir),
        site := Path(app.outdir),
        registry(Path(app.srcdir) / "results"),
        app.config.html_title or app.config.project,
        f"{remote}/blob/{options.get('repository_branch', 'main')}" if remote else "",
    )
    for page in sorted(site.rglob("*.html")):
        if page.parent.name in PAGES or page == site / "404.html" or page == site / "search.html":
            finish_page(page, book)
    for exhibit in book.exhibits.values():
        publish(exhibit, book)
    once(site)
    trim(site / "_static")
    # A container query takes no variable: the rule is written out for each width of a table.
    rule = (Path(__file__).parent / "cards.css").read_text(encoding="utf-8")
    cards = "".join(rule.replace("STEP", str(step)) for step in STEPS)
    (site / "_static" / "cards.css").write_text(cards, encoding="utf-8")
    home = "book/index.html"
    (site / "index.html").write_text(
        rooted((site / home).read_text(encoding="utf-8"), home, "./"), encoding="utf-8"
    )
    if app.config.html_baseurl:
        pages = sorted(p.relative_to(site).as_posix() for p in site.glob("*/*.html"))
        base = app.config.html_baseurl.rstrip("/")
        urls = "".join(f"<url><loc>{base}/{p}</loc></url>" for p in ["", *pages])
        space = "http://www.sitemaps.org/schemas/sitemap/0.9"
        text = f'<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="{space}">{urls}</urlset>\n'
        (site / "sitemap.xml").write_text(text, encoding="utf-8")


def git(root: str, *arguments: str) -> str:
    """What git says, or nothing where this is no clone."""
    try:
        done = subprocess.run(
            ["git", "-C", root, *arguments], capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def know_the_clone(app: Sphinx, config: Config) -> None:
    """Date of the edition; buttons and the site's address where the clone has a public remote."""
    citation = (Path(app.srcdir) / "CITATION.cff").read_text(encoding="utf-8")
    version = re.search(r'^version: "?([^"\n]+)', citation, re.MULTILINE)
    date = git(str(app.srcdir), "log", "-1", "--format=%cs")
    edition = ", ".join(filter(None, (f"Edition {version[1]}" if version else "", date)))
    options = config.html_theme_options
    options["extra_footer"] = f'<p class="edition">{edition}</p>'
    found = REMOTE.match(git(str(app.srcdir), "remote", "get-url", "origin"))
    if found is None:
        return
    owner, _, name = found[2].partition("/")
    options |= {
        "repository_url": f"https://{found[1]}/{found[2]}",
        "repository_branch": git(str(app.srcdir), "branch", "--show-current") or "main",
        "use_repository_button": True,
        "launch_buttons": {
            "binderhub_url": "https://mybinder.org",
            "colab_url": "https://colab.research.google.com",
        },
    }
    config.html_baseurl = config.html_baseurl or f"https://{owner}.github.io/{name}/"


def missing_page(app: Sphinx) -> list[tuple[str, dict[str, Any], str]]:
    """The page that a server shows where there is none."""
    body = (
        "<section><h1>No such page</h1><p>This address leads to no page of the book. "
        "The search and the contents beside lead to those that there are.</p></section>"
    )
    return [("404", {"title": "No such page", "body": body}, "page.html")]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the finishing, after everything else that ends a build."""
    app.connect("config-inited", know_the_clone)
    app.connect("html-collect-pages", missing_page)
    app.connect("build-finished", finish, priority=900)
    app.add_css_file("cards.css")
    app.add_js_file("reader.js")
    app.add_js_file("chart.js")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
