"""What stands around the text of a finished page: head, languages, the root page, the map."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from bs4 import BeautifulSoup
from bs4.element import NavigableString

if TYPE_CHECKING:
    from bs4 import Tag

HAN = "\u3400-\u4dbf\u4e00-\u9fff"
CHINESE = re.compile(rf"[{HAN}](?:[{HAN}\u3000-\u303f\uff00-\uffef·、,]*[{HAN}\u3002\uff09])?")
LINES = re.compile(r"<dl>\s*((?:<dd><em class=\"sig-param\">.*?</dd>\s*)+)</dl>", re.DOTALL)
LINE = re.compile("<dd>(.*?)</dd>", re.DOTALL)
UNSPOKEN = {"script", "style", "title", "textarea", "option"}
UNUSED = (
    "scripts/fontawesome.js",
    "scripts/fontawesome.js.LICENSE.txt",
    "vendor/fontawesome/webfonts/fa-regular-400.woff2",
    "locales",
    "webpack-macros.html",
    "sbt-webpack-macros.html",
)
"""Of the theme's files: what no page of this book asks for."""


def head(soup: BeautifulSoup, title: str) -> None:
    """Description and preview of a page, one viewport, a title that is not said twice."""
    for again in soup.select('meta[name="viewport"]')[1:]:
        again.decompose()
    if soup.title is not None:
        own = soup.title.get_text().split(" — ")[0].strip()
        soup.title.string = title if title.startswith(own) else f"{own} — {title.split(':')[0]}"
    if soup.head is None or soup.head.find("meta", attrs={"property": "og:title"}):
        return
    paragraphs = soup.select(".bd-article section > p:not([class])")
    texts = (" ".join(p.get_text(" ").split()) for p in paragraphs)
    text = next((t for t in texts if len(t) > 60), title)
    short = text if len(text) <= 160 else text[:157].rsplit(" ", 1)[0] + " …"
    soup.head.append(soup.new_tag("meta", attrs={"name": "description", "content": short}))
    og = {"title": soup.title.get_text() if soup.title else title, "description": short}
    for key, value in {**og, "type": "article", "site_name": title}.items():
        tag = soup.new_tag("meta", attrs={"property": f"og:{key}", "content": value})
        soup.head.append(tag)


def say_chinese(soup: BeautifulSoup) -> None:
    """Mark Chinese as Chinese: for voices that read it, and for its letters' shapes."""
    for text in list((soup.body or soup).find_all(string=CHINESE)):
        inside = [one.name for one in text.parents]
        if type(text) is not NavigableString or UNSPOKEN & set(inside):
            continue
        if any(str(one.get("lang")).startswith("zh") for one in text.parents):
            continue
        parts: list[Tag | str] = []
        said, at = str(text), 0
        for match in CHINESE.finditer(said):
            span = soup.new_tag("span", attrs={"lang": "zh-Hans"})
            span.string = match[0]
            parts += [said[at : match.start()], span]
            at = match.end()
        text.replace_with(*(part for part in [*parts, said[at:]] if part != ""))


def signatures(text: str) -> str:
    """A signature of several lines without the list that the builder puts into its head.

    A list may not stand in the head of another: a parser of HTML would take it out of there.
    """
    return LINES.sub(
        lambda found: f'<span class="sig-lines">{LINE.sub(_line, found[1])}</span>', text
    )


def _line(found: re.Match[str]) -> str:
    return f'<span class="sig-line">{found[1]}</span>'


def mend_theme(soup: BeautifulSoup) -> None:
    """What the theme's templates leave without a name or in the wrong place."""
    for script in soup.select("script[src*='fontawesome.js']"):
        script.decompose()
    for box in soup.select("pre, .pst-scrollable-table-container, mjx-container, div.math"):
        box["tabindex"] = "0"
    # The builder's roles of references are deprecated, and their list has no entries to one.
    for cited in soup.select("[role=doc-biblioentry], .citation-list"):
        del cited["role"]
    # A search of its own page needs the index; on the others it would stop the marking of words.
    if soup.select_one("#search-results") is None:
        for script in soup.select("script[src]"):
            if re.search("(searchtools|language_data|searchindex)[.]js", str(script["src"])):
                script.decompose()
    for n, label in enumerate(soup.select("label.sidebar-toggle, input.sidebar-toggle")):
        label["aria-label"] = label.get("aria-label") or f"Sidebar {n}"
    for summary in soup.select("nav details > summary"):
        entry = summary.find_parent("li")
        link = entry.a if entry is not None else None
        if link is not None and not summary.get_text().strip():
            summary["aria-label"] = f"Pages below {link.get_text().strip()}"
    # The logo stands in no landmark.
    for logo in soup.select(".bd-sidebar-primary a.navbar-brand"):
        if logo.parent is not None and logo.find_parent("nav") is None:
            logo.parent["role"], logo.parent["aria-label"] = "navigation", "Home"
    for again in soup.select("dialog#pst-search-dialog form"):
        again["aria-label"] = "Search in a dialog"


def trim(static: Path) -> None:
    """Drop of the theme's files what no page asks for; its style sheet draws the same icons."""
    for path in [static / name for name in UNUSED] + [
        *static.rglob("*.map"),
        *static.rglob("*.ttf"),
    ]:
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def rooted(text: str, page: str, top: str) -> str:
    """The text of `page` as it reads from the top of the site, its addresses turned."""
    soup = BeautifulSoup(text, "lxml")
    for tag in soup.find_all(True):
        for name in ("href", "src", "action"):
            value = tag.get(name)
            if value is None or urlsplit(str(value)).scheme or str(value).startswith(("#", "//")):
                continue
            tag[name] = urljoin(f"/{page}", str(value)).removeprefix("/")
    if soup.html is not None:
        soup.html["data-content_root"] = top
    return str(soup)
