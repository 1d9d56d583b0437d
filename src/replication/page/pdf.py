"""The whole book as one PDF: each page of the site printed by a browser, then bound.

A browser asked to print the book as one page of HTML ran for minutes and wrote nothing; page by
page it takes seconds each, and a page that fails is named. The bound book has contents, bookmarks
and page numbers; links between its pages lead within it.
"""

import io
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from html import escape
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml
from bs4 import BeautifulSoup
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from pypdf import PdfReader, PdfWriter
from pypdf.annotations import Link
from pypdf.generic import ArrayObject, Fit, NameObject

from replication.config import ROOT
from replication.errors import ReplicationError
from replication.writing import write_file

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
NAME = "book.pdf"
PATIENCE = 180
"""Seconds that one page may take on a busy machine."""
CONTENTS = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Contents</title><style>
@page {{ size: A4; margin: 18mm 16mm 20mm }} body {{ font: 11pt sans-serif }}
p {{ display: flex; justify-content: space-between; gap: 2em; margin: .3em 0 }}
h2 {{ font-size: 11pt; margin: 1.2em 0 .3em }} a {{ color: inherit; text-decoration: none }}
</style><h1>Contents</h1>{lines}</html>"""


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


def chapters() -> list[tuple[str, list[str]]]:
    """Parts of the book and their pages, by ``_toc.yml``; the first part is the first page."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    parts = [("", [str(toc["root"])])]
    for part in toc["parts"]:
        pages: list[str] = []
        for entry in part["chapters"]:
            pages += [one["file"] for one in (entry, *entry.get("sections", []))]
        parts.append((part["caption"], [re.sub(r"\.(ipynb|md)$", "", page) for page in pages]))
    return parts


def print_page(address: str) -> PdfReader:
    """Print one page of HTML.

    Raises
    ------
    ReplicationError
        If the browser writes nothing.
    """
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "page.pdf"
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
        options += [f"--user-data-dir={folder}/profile", "--virtual-time-budget=10000"]
        try:
            done = subprocess.run(
                [find_browser(), *options, f"--print-to-pdf={target}", address],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=PATIENCE,
                check=False,
            )
            said = " / ".join(done.stderr.strip().splitlines()[-2:])
        except subprocess.TimeoutExpired:
            said = f"nothing within {PATIENCE} seconds"
        if not target.is_file():
            raise ReplicationError(f"the browser did not print {address}: {said}")
        return PdfReader(io.BytesIO(target.read_bytes()))


def heading(page: Path) -> str:
    """Title of a built page.

    Raises
    ------
    ReplicationError
        If the page is not built.
    """
    if not page.is_file():
        raise ReplicationError(f"{page} is not there; run `make book` first")
    title = BeautifulSoup(page.read_text(encoding="utf-8"), "lxml").select_one(".bd-article h1")
    for mark in title.select(".headerlink") if title else []:
        mark.decompose()
    return " ".join(title.get_text().split()) if title else page.stem


def contents(
    parts: list[tuple[str, list[str]]], titles: Mapping[str, str], at: Mapping[str, int]
) -> str:
    """The contents as HTML; `at` are the page numbers, from 1."""
    lines = []
    for part, pages in parts:
        lines += [f"<h2>{escape(part)}</h2>"] if part else []
        for page in pages:
            number = f"<span>{at[page]}</span>"
            lines.append(f'<p><a href="file:///{page}.html">{escape(titles[page])}</a>{number}</p>')
    return CONTENTS.format(lines="\n".join(lines))


def print_contents(text: str) -> PdfReader:
    """Print the contents."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "contents.html"
        page.write_text(text, encoding="utf-8")
        return print_page(page.as_uri())


def bind(site: Path, parts: list[tuple[str, list[str]]]) -> PdfWriter:
    """Print the pages of `parts` and bind them, the contents behind the first."""
    pages = [page for _, some in parts for page in some]
    titles = {page: heading(site / f"{page}.html") for page in pages}
    with ThreadPoolExecutor(2) as pool:
        addresses = [(site / f"{page}.html").as_uri() for page in pages]
        printed = dict(zip(pages, pool.map(print_page, addresses), strict=True))
    length, front = 0, print_contents(contents(parts, titles, dict.fromkeys(pages, 100)))
    at: dict[str, int] = {}
    for page in pages:
        at[page] = length + 1
        length += len(printed[page].pages)
        if page == pages[0]:
            length += len(front.pages)
    front = print_contents(contents(parts, titles, at))
    writer = PdfWriter()
    for page in pages:
        writer.append(printed[page], import_outline=False)
        if page == pages[0]:
            writer.append(front, import_outline=False)
    for part, some in parts:
        under = writer.add_outline_item(title=part, page_number=at[some[0]] - 1) if part else None
        for page in some:
            writer.add_outline_item(title=titles[page], page_number=at[page] - 1, parent=under)
        if not part:
            writer.add_outline_item(title="Contents", page_number=len(printed[pages[0]].pages))
    lead_within(writer, at)
    number(writer)
    return writer


def lead_within(writer: PdfWriter, at: Mapping[str, int]) -> None:
    """Turn links to pages of the site into links within the book; leave out those to files."""
    for n, sheet in enumerate(writer.pages):
        marks = [mark.get_object() for mark in sheet.get("/Annots", None) or []]
        kept, within = ArrayObject(), []
        for mark in marks:
            address = str(mark.get("/A", {}).get("/URI", ""))
            if not address.startswith("file:"):
                kept.append(writer._add_object(mark))
                continue
            path = unquote(urlsplit(address).path).removesuffix(".html")
            within += [(mark["/Rect"], at[page]) for page in at if path.endswith(page)]
        sheet[NameObject("/Annots")] = kept
        for rectangle, target in within:
            writer.add_annotation(
                n, Link(rect=rectangle, target_page_index=target - 1, fit=Fit.fit())
            )


def number(writer: PdfWriter) -> None:
    """Set the number of each page into its lower margin."""
    drawn = io.BytesIO()
    with PdfPages(drawn) as sheets:
        for n, sheet in enumerate(writer.pages, start=1):
            width, height = float(sheet.mediabox.width), float(sheet.mediabox.height)
            figure = Figure(figsize=(width / 72, height / 72))
            figure.patch.set_visible(False)
            figure.text(0.5, 28 / height, str(n), ha="center", size=9)
            sheets.savefig(figure)
    for sheet, numbered in zip(writer.pages, PdfReader(drawn).pages, strict=True):
        sheet.merge_page(numbered)


def make(site: Path = ROOT / "_build" / "html") -> Path:
    """Print the built site as one PDF, beside its pages.

    Returns
    -------
    Path
        ``book.pdf`` in the site's folder.

    Raises
    ------
    ReplicationError
        If the site is not built, or no browser prints it.
    """
    writer = bind(site.resolve(), chapters())
    writer.compress_identical_objects()
    writer.add_metadata({"/Title": heading(site / "book" / "index.html")})
    made = io.BytesIO()
    writer.write(made)
    write_file(site / NAME, made.getvalue())
    offer(site / "index.html", NAME)
    offer(site / "book" / "index.html", f"../{NAME}")
    return site / NAME


def offer(page: Path, address: str) -> None:
    """Link the PDF below the badges of a page, once."""
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "lxml")
    badges = soup.select_one(".bd-article .source-badges")
    if badges is None or soup.select_one(".book-pdf"):
        return
    line = soup.new_tag("p", attrs={"class": "book-pdf"})
    link = soup.new_tag("a", href=address, attrs={"download": ""})
    link.string = "The whole book as one PDF"
    line.append(link)
    badges.insert_after(line)
    write_file(page, str(soup).encode())
