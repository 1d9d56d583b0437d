"""The whole book as one PDF: the finished pages in one, printed by a browser.

The pages are taken from the built site in the order of its contents. Their anchors are given the
name of their page, so that links between pages become links within the document; the browser
writes the outline from the headings. The contents get their page numbers from the outline of a
first printing.
"""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from posixpath import normpath
from urllib.parse import urlsplit

import pypdfium2
from bs4 import BeautifulSoup, Tag

from replication.config import ROOT
from replication.errors import ReplicationError
from replication.writing import write_file

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
NAME = "book.pdf"
SINGLE = "whole-book.html"
PAGE = """@page { @bottom-center { content: counter(page); font: 9pt sans-serif } }
body { display: block; background: #fff; font-size: 10.5pt }
article { break-before: page } h1 { break-after: avoid } main.bd-article { max-width: none }
#contents a { display: flex; justify-content: space-between; gap: 1em }
#contents .part { font-weight: 700; margin: 1em 0 .2em } .toggle-button { display: none }"""


def find_browser() -> str:
    """Path of the browser that prints.

    Raises
    ------
    ReplicationError
        If there is none.
    """
    for name in filter(None, (os.environ.get("CHROMIUM"), *BROWSERS)):
        if path := shutil.which(name):
            return path
    raise ReplicationError(
        "no browser to print with: `make system` installs Chromium, or name yours in CHROMIUM"
    )


def contents() -> list[tuple[str, list[str]]]:
    """Parts of the book and their pages, by ``_toc.yml``; the first part is the title page."""
    parts: list[tuple[str, list[str]]] = [("", [])]
    for line in (ROOT / "_toc.yml").read_text(encoding="utf-8").splitlines():
        if found := re.match(r"\s*- caption: (.+)", line):
            parts.append((found[1].strip(), []))
        elif found := re.match(r"\s*(?:- file|root): (\S+)", line):
            parts[-1][1].append(re.sub(r"\.(ipynb|md)$", "", found[1]))
    return parts


def anchor(page: str, name: str = "") -> str:
    """Name of a place of a page in the single document."""
    return re.sub(r"\W+", "-", page) + (f"--{name}" if name else "")


def article(site: Path, page: str, pages: set[str]) -> Tag:
    """A page's text, its anchors and addresses turned for the single document.

    Raises
    ------
    ReplicationError
        If the page is not built.
    """
    path = site / f"{page}.html"
    if not path.is_file():
        raise ReplicationError(f"{path} is not there; run `make book` first")
    found = BeautifulSoup(path.read_text(encoding="utf-8"), "lxml").select_one(".bd-article")
    if found is None:
        raise ReplicationError(f"{path} has no text; run `make book` again")
    for tag in found.select("[id]"):
        tag["id"] = anchor(page, str(tag["id"]))
    for tag in found.find_all(True):
        for name in ("href", "src"):
            if tag.get(name) is not None:
                tag[name] = _address(str(tag[name]), page, pages)
    for tag in found.select("details"):
        tag["open"] = ""
    for tag in found.select(".headerlink, img.only-dark, script"):
        tag.decompose()
    for tag in found.select("img[loading]"):
        del tag["loading"]
    found.name = "article"
    found["id"] = anchor(page)
    return found


def _address(url: str, page: str, pages: set[str]) -> str:
    parts = urlsplit(url)
    if parts.scheme or url.startswith("//"):
        return url
    here = str(Path(page).parent.as_posix())
    target = normpath(f"{here}/{parts.path}") if parts.path else f"{page}.html"
    if target.removesuffix(".html") in pages:
        return "#" + anchor(target.removesuffix(".html"), parts.fragment)
    return target


def single(site: Path, numbers: dict[str, int]) -> str:
    """The book as one page of HTML; `numbers` are the pages of its chapters, by title."""
    parts = contents()
    pages = {page for _, some in parts for page in some}
    source = BeautifulSoup((site / "book" / "index.html").read_text(encoding="utf-8"), "lxml")
    made = BeautifulSoup("<!doctype html><html lang='en' data-theme='light'></html>", "lxml")
    html = made.html
    head, body = made.new_tag("head"), made.new_tag("body")
    for tag in source.select("meta[charset], title, link[rel=stylesheet], script[src*=mathjax]"):
        for name in ("href", "src"):
            if tag.get(name):
                tag[name] = _address(str(tag[name]), "book/index", pages)
        head.append(tag)
    settings = source.find("script", string=re.compile("window.MathJax"))
    if settings:
        head.append(settings)
    style = made.new_tag("style")
    style.string = PAGE
    head.append(style)
    articles = {page: article(site, page, pages) for page in pages}
    front = contents_page(made, parts, articles, numbers)
    order = [page for _, some in parts for page in some]
    body.append(articles[order[0]])
    body.append(front)
    body.extend([articles[page] for page in order[1:]])
    if html is not None:
        html.extend([head, body])
    return str(made)


def title_of(text: Tag) -> str:
    """Title of a page."""
    return text.h1.get_text().strip() if text.h1 else ""


def contents_page(
    made: BeautifulSoup,
    parts: list[tuple[str, list[str]]],
    articles: dict[str, Tag],
    numbers: dict[str, int],
) -> Tag:
    """The contents, a line a page."""
    front = made.new_tag("article", attrs={"id": "contents", "class": "bd-article"})
    head = made.new_tag("h1")
    head.string = "Contents"
    front.append(head)
    for part, pages in parts[1:]:
        line = made.new_tag("p", attrs={"class": "part"})
        line.string = part
        front.append(line)
        for page in pages:
            title = title_of(articles[page])
            link = made.new_tag("a", href="#" + anchor(page))
            for text in (title, str(numbers.get(title, ""))):
                span = made.new_tag("span")
                span.string = text
                link.append(span)
            front.append(link)
    return front


def print_page(page: Path, target: Path) -> None:
    """Print a page of HTML with an outline.

    Raises
    ------
    ReplicationError
        If the browser makes no file.
    """
    with tempfile.TemporaryDirectory() as profile:
        done = subprocess.run(
            [
                find_browser(),
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                f"--user-data-dir={profile}",
                "--generate-pdf-document-outline",
                "--no-pdf-header-footer",
                "--virtual-time-budget=60000",
                f"--print-to-pdf={target}",
                page.as_uri(),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
    if not target.is_file():
        last = " / ".join(done.stderr.strip().splitlines()[-3:])
        raise ReplicationError(f"the browser printed nothing: {last}")


def chapter_pages(printed: Path) -> dict[str, int]:
    """Pages, from 1, of the headings of the highest level, by title."""
    document = pypdfium2.PdfDocument(printed)
    found: dict[str, int] = {}
    for mark in document.get_toc():
        target = mark.get_dest()
        if target is not None:
            found.setdefault(mark.get_title().strip(), (target.get_index() or 0) + 1)
    document.close()
    return found


def make(site: Path = ROOT / "_build" / "html") -> Path:
    """Print the built site as one PDF and offer it on its first page.

    Returns
    -------
    Path
        ``book.pdf`` in the site's folder.

    Raises
    ------
    ReplicationError
        If the site is not built, or no browser is there to print it.
    """
    page = site / SINGLE
    try:
        numbers: dict[str, int] = {}
        with tempfile.TemporaryDirectory() as folder:
            printed = Path(folder) / NAME
            for _ in range(2):  # the second time with the numbers of the first
                text = single(site, numbers)
                page.write_text(text, encoding="utf-8")
                printed.unlink(missing_ok=True)
                print_page(page, printed)
                numbers = chapter_pages(printed)
            write_file(site / NAME, printed.read_bytes())
    finally:
        page.unlink(missing_ok=True)
    for index, root in ((site / "index.html", ""), (site / "book" / "index.html", "../")):
        offer(index, f"{root}{NAME}")
    return site / NAME


def offer(index: Path, address: str) -> None:
    """Link the PDF below the title of a page, once."""
    soup = BeautifulSoup(index.read_text(encoding="utf-8"), "lxml")
    badges = soup.select_one(".bd-article .source-badges")
    if badges is None or soup.select_one(".book-pdf"):
        return
    line = soup.new_tag("p", attrs={"class": "book-pdf"})
    link = soup.new_tag("a", href=address, download="")
    link.string = "The whole book as one PDF"
    line.append(link)
    badges.insert_after(line)
    index.write_text(str(soup), encoding="utf-8")
