"""Checks of the built site: links and images resolve, nothing comes from another host.

Every check reads the files as a browser would, without running a script, and yields sentences that
name the page and the fault.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup

# Pages that Sphinx makes for itself: they hold no numbers, so they need no source badge.
AUXILIARY = {"404.html", "genindex.html", "search.html"}

# Elements that make a browser ask for a file, and the attribute that names it. A plain link asks
# for nothing until somebody follows it.
RESOURCES = {
    "object": "data",
    **dict.fromkeys(
        ("audio", "embed", "iframe", "img", "input", "script", "source", "track", "video"), "src"
    ),
}
# Kinds of <link> that a browser fetches; the others (canonical, next, search …) only inform.
FETCHED = {
    "apple-touch-icon",
    "dns-prefetch",
    "icon",
    "manifest",
    "modulepreload",
    "preconnect",
    "prefetch",
    "preload",
    "stylesheet",
}

CSS_URL = re.compile(r"""(?:url\(\s*|@import\s+)["']?([^"')\s;]+)""")
CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
SCRIPT_IMPORT = re.compile(r"""\b(?:import|from)\s*\(?\s*["']((?:https?:)?//[^"']+)""")
REFRESH = 'meta[http-equiv="refresh" i]'
FILE_NAME = re.compile(r"\S+\.(?:avif|gif|jpe?g|png|svg|webp)", re.IGNORECASE)


def check_site(html: Path) -> list[str]:
    """Problems of a built site, one sentence each; an empty list is a good site.

    Parameters
    ----------
    html : Path
        Folder of the built site, with ``index.html`` in it.
    """
    if not (html / "index.html").is_file():
        return [f"{html}: no index.html; build the book first"]
    pages = {
        path.relative_to(html).as_posix(): BeautifulSoup(path.read_text("utf-8"), "lxml")
        for path in sorted(html.rglob("*.html"))
        if "_static" not in path.relative_to(html).parts
    }
    anchors = {name: _anchors(page) for name, page in pages.items()}
    problems: list[str] = []
    for name, page in pages.items():
        found = [*_links(html, name, page, anchors), *_requests(page), *_images(page)]
        if page.select_one(REFRESH) is None:
            found += _head(name, page)
        problems += [f"{name}: {problem}" for problem in found]
    for path in sorted(html.rglob("*.css")):
        problems += [
            f"{path.relative_to(html).as_posix()}: asks another host for {url}"
            for url in _css_urls(path.read_text("utf-8"))
            if _is_external(url)
        ]
    return problems


def _anchors(page: BeautifulSoup) -> set[str]:
    """Every name that a fragment can point to; an empty one and ``top`` are the page itself."""
    named = {str(tag["id"]) for tag in page.find_all(id=True)}
    return named | {str(tag["name"]) for tag in page.find_all("a", attrs={"name": True})} | {"top"}


def _is_external(url: str) -> bool:
    return url.startswith("//") or urlsplit(url).scheme in {"http", "https", "ws", "wss", "ftp"}


def _css_urls(text: str) -> list[str]:
    return CSS_URL.findall(CSS_COMMENT.sub("", text))


def _addresses(page: BeautifulSoup) -> Iterator[tuple[str, str]]:
    """Element and address of everything on a page that names a file."""
    for tag in page.find_all(["a", "link", *RESOURCES]):
        url = tag.get(RESOURCES.get(tag.name, "href"))
        if url is not None:
            yield tag.name, str(url).strip()
        for candidate in str(tag.get("srcset", "")).split(","):
            if candidate.strip():
                yield tag.name, candidate.split()[0]
    for tag in page.select(REFRESH):
        _, _, target = str(tag.get("content", "")).partition("url=")
        yield "meta", target.strip()


def _links(
    html: Path, name: str, page: BeautifulSoup, anchors: dict[str, set[str]]
) -> Iterator[str]:
    """Addresses within the site that lead nowhere, to a missing file or to a missing heading."""
    for element, url in _addresses(page):
        parts = urlsplit(url)
        if parts.scheme or url.startswith("//"):
            continue
        target = (html / name).parent / unquote(parts.path) if parts.path else html / name
        if not target.resolve().is_relative_to(html.resolve()):
            yield f"<{element}> leaves the site: {url}"
            continue
        target = target / "index.html" if target.is_dir() else target
        if not target.is_file():
            yield f"<{element}> points to a file that is not there: {url}"
            continue
        key = target.resolve().relative_to(html.resolve()).as_posix()
        fragment = unquote(parts.fragment)
        if fragment and key in anchors and fragment not in anchors[key]:
            yield f"<{element}> points to a place that is not in the page: {url}"


def _requests(page: BeautifulSoup) -> Iterator[str]:
    """Find what a browser would ask another host for."""
    for element, url in _addresses(page):
        if element in RESOURCES and _is_external(url):
            yield f"<{element}> asks another host for {url}"
    for tag in page.find_all("link", href=True):
        if FETCHED & set(tag.get_attribute_list("rel")) and _is_external(str(tag["href"])):
            yield f"<link> asks another host for {tag['href']}"
    styles = [tag.get_text() for tag in page.find_all("style")]
    styles += [str(tag["style"]) for tag in page.find_all(style=True)]
    for url in (url for text in styles for url in _css_urls(text) if _is_external(url)):
        yield f"a style asks another host for {url}"
    for script in page.find_all("script"):
        for url in SCRIPT_IMPORT.findall(script.get_text()):
            yield f"a script asks another host for {url}"


def _images(page: BeautifulSoup) -> Iterator[str]:
    """Images without a text for those who cannot see them."""
    for tag in page.find_all("img"):
        text = str(tag.get("alt", "")).strip()
        source = str(tag.get("src", ""))[:80]
        if not text:
            yield f"<img> without alternative text: {source}"
        elif FILE_NAME.fullmatch(text) or text == Path(urlsplit(source).path).stem:
            yield f"<img> whose alternative text is a file name, {text!r}: {source}"


def _head(name: str, page: BeautifulSoup) -> Iterator[str]:
    """What the head of a page lacks."""
    if page.title is None or not page.title.get_text().strip():
        yield "no title"
    if name not in AUXILIARY and page.select_one(".source-badges .source-badge") is None:
        yield "does not say where its numbers come from: add {source-badge} under the title"
