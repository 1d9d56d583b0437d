"""Exhibits of a finished page: numbered, captioned, with the way to their data and code.

Their numbers come from the registry that the chapters publish (``results/*/exhibits.json``), in
the order of a chapter; their anchors stay the names, so that links outlive a renumbering.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from finish_charts import LONG, add_chart
from finish_registry import SAID, Exhibit
from PIL import Image

from replication.exhibit.publish import SOURCES

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

DARK = 24
"""Grey of the darkest ground of a figure in dark mode, of 255."""


def finish_exhibits(
    soup: BeautifulSoup, exhibits: dict[str, Exhibit], root: str, results: Path
) -> set[str]:
    """Rebuild each exhibit of a page around its title; `root` leads to the top of the site.

    Returns
    -------
    set of str
        Sources of the exhibits, whose sentences the page says once.
    """
    sources: set[str] = set()
    for title in soup.select("p.exhibit-title"):
        exhibit = exhibits.get(str(title.get("id")))
        if exhibit is None:
            continue
        sources.add(exhibit.source)
        cell = title.find_parent("div", class_="cell")
        table = title.find_next_sibling("div", class_="exhibit")
        note = title.find_next("p", class_="exhibit-note")
        block = soup.new_tag("figure", attrs={"class": "book-exhibit", "id": exhibit.name})
        number = soup.new_tag("span", attrs={"class": "exhibit-number"})
        number.string = f"{exhibit.label}."
        if isinstance(table, type(title)) and table.table is not None:
            caption = _table(soup, title, table, block)
        else:
            caption = _figure(soup, title, block)
        caption.insert(0, " ")
        caption.insert(0, number)
        if note is not None:
            for sentence in SOURCES.values():
                _shorten(note, sentence)
            block.append(note.extract())
        chart = add_chart(soup, block, exhibit, results)
        long = chart is not None and len(chart.table) > LONG
        block.append(_links(soup, exhibit, cell, root, long))
    return sources


def _table(soup: BeautifulSoup, title: Tag, box: Tag, block: Tag) -> Tag:
    caption = soup.new_tag("caption", attrs={"class": "exhibit-title"})
    caption.extend(list(title.contents))
    title.insert_before(block)
    title.decompose()
    if box.table is not None:
        box.table.insert(0, caption)
    block.append(box.extract())
    return caption


def _figure(soup: BeautifulSoup, title: Tag, block: Tag) -> Tag:
    caption = soup.new_tag("figcaption", attrs={"class": "exhibit-title"})
    caption.extend(list(title.contents))
    image = title.find_next("img")
    title.insert_before(block)
    title.decompose()
    block.append(caption)
    if image is not None:
        block.append(image.extract())
    return caption


def _shorten(note: Tag, sentence: str) -> None:
    said = note.get_text()
    if said.endswith(sentence):
        note.string = said[: -len(sentence)].strip()


def _links(soup: BeautifulSoup, exhibit: Exhibit, cell: Tag | None, root: str, long: bool) -> Tag:
    """Source, and links to the numbers, the LaTeX and the cell that made them."""
    line = soup.new_tag("p", attrs={"class": "exhibit-links"})
    source = soup.new_tag("span", attrs={"class": f"source-{exhibit.source}"})
    source.string = SAID[exhibit.source]
    line.append(source)
    base = f"{root}results/{exhibit.chapter}/{exhibit.name}"
    links = [("data (csv)", f"{base}.csv")]
    if long:
        links.append(("table", f"{base}.html"))
    if exhibit.name.startswith("tab-"):
        links.append(("LaTeX", f"{base}.tex"))
    code = cell.select_one("div.cell_input") if cell else None
    if code is not None:
        cells = soup.select("div.cell_input")
        at = next(i for i, one in enumerate(cells, 1) if one is code)
        code["id"] = code.get("id") or f"cell-{at}"
        links.append((f"code (cell {at})", f"#{code['id']}"))
    for text, address in links:
        link = soup.new_tag("a", href=address)
        link["aria-label"] = f"{text} of {exhibit.label}"
        if address.endswith((".csv", ".tex")):
            link["download"] = ""
        link.string = text
        line.append(" · ")
        line.append(link)
    return line


def say_sources(soup: BeautifulSoup, sources: set[str]) -> None:
    """What the exhibits' sources mean, once below the badges of the page."""
    badges = soup.select_one(".bd-article .source-badges")
    if badges is None or not sources:
        return
    line = soup.new_tag("p", attrs={"class": "exhibit-sources"})
    said = [f"{SAID[source]}: {SOURCES[source]}" for source in SAID if source in sources]
    line.string = "Each exhibit names its data. " + " ".join(said)
    badges.insert_after(line)


def number_links(soup: BeautifulSoup, exhibits: dict[str, Exhibit]) -> None:
    """A link to an exhibit says its number."""
    for link in soup.select(".bd-article a[href*='#']"):
        name = str(link["href"]).partition("#")[2]
        exhibit = exhibits.get(name)
        if exhibit is None or exhibit.label in link.get_text() or link.find_parent("figure"):
            continue
        link.append(f" ({exhibit.label})")


def number_figures(soup: BeautifulSoup, exhibits: dict[str, Exhibit], root: str) -> None:
    """A figure of a chapter that stands on another page keeps its number and leads to it."""
    for number in soup.select("figure .caption-number"):
        figure = number.find_parent("figure")
        image = figure.find("img") if figure else None
        exhibit = exhibits.get(Path(str(image["src"])).stem) if image else None
        if exhibit is None:
            number.decompose()
            continue
        number.name = "a"
        number["href"] = f"{root}notebooks/{exhibit.chapter}.html#{exhibit.name}"
        number.string = f"{exhibit.label}. "


def both_modes(soup: BeautifulSoup, page: Path) -> None:
    """A figure for each mode, in a box that scrolls where its text would be too small."""
    for image in soup.select(".bd-article .cell_output img, .bd-article figure img"):
        source = (page.parent / str(image["src"])).resolve()
        if source.suffix != ".png" or "only-dark" in image.get_attribute_list("class"):
            continue
        dark = source.with_name(source.stem + "-dark.png")
        if not dark.exists():
            darken(source, dark)
        with Image.open(source) as picture:
            image["width"], image["height"] = map(str, picture.size)
        image["loading"] = "lazy"
        box = image.wrap(soup.new_tag("div", attrs={"class": "figure-box", "tabindex": "0"}))
        box["role"], box["aria-label"] = "group", "Figure; Enter enlarges it"
        kept = {k: str(v) for k, v in image.attrs.items() if k != "class"}
        second = soup.new_tag("img", attrs=kept)
        second["src"] = re.sub(r"\.png$", "-dark.png", str(image["src"]))
        image["class"] = " ".join(filter(None, [*image.get_attribute_list("class"), "only-light"]))
        second["class"] = "only-dark"
        image.insert_after(second)


def once(site: Path) -> None:
    """Keep one file of a picture that stands on several pages, each of which made its own."""
    kept: dict[bytes, str] = {}
    moved: dict[str, str] = {}
    for path in sorted((site / "_images").iterdir(), key=lambda one: (len(one.name), one.name)):
        first = kept.setdefault(path.read_bytes(), path.name)
        if first != path.name:
            moved[path.name] = first
            path.unlink()
    for page in site.rglob("*.html") if moved else ():
        text = page.read_text(encoding="utf-8")
        for name, first in moved.items():
            text = text.replace(f"_images/{name}", f"_images/{first}")
        page.write_text(text, encoding="utf-8")


def darken(source: Path, target: Path) -> None:
    """Turn light and dark around and keep the colours, of which the notes speak."""
    with Image.open(source) as picture:
        ground = Image.new("RGB", picture.size, "white")
        ground.paste(picture, mask=picture.getchannel("A") if picture.mode == "RGBA" else None)
    light, blue, red = ground.convert("YCbCr").split()
    light = light.point([DARK + (255 - v) * (240 - DARK) // 255 for v in range(256)])
    turned = Image.merge("YCbCr", (light, blue, red)).convert("RGB")
    turned.quantize(64).save(target, optimize=True)
