"""The built book in a reader's browser: requests, errors, accessibility, widths, paper, search.

Every page is opened once over HTTP and once as a file. As a file it is looked at by axe-core
(WCAG 2 A and AA, best practice) light and wide; dark and narrow by the rules that colours and sizes
can break; measured at three widths and on A4; and what it asks for and complains of is kept.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from axe_playwright_python.base import AXE_SCRIPT
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from replication.config import ROOT

pytestmark = [pytest.mark.site, pytest.mark.system]

WIDTHS = (1280, 1024, 360)
PAPER = 672
"""Pixels between the margins of A4: 178 mm at 96 to the inch."""
PATIENCE = 180_000
"""Milliseconds that a page may take on a machine that is busy with other tests."""

AXE = """options => axe.run(document, options).then(found => found.violations.flatMap(
  rule => rule.nodes.map(node => `${rule.id}: ${node.target} ${node.html.slice(0, 150)}`)))"""
SEEN_ONLY = {"runOnly": ["color-contrast", "target-size", "scrollable-region-focusable"]}
ALIKE = """() => {
  const keep = (found, number) => [...found].slice(number).forEach(one => one.remove());
  keep(document.querySelectorAll(".bd-article dl.py"), 12);
  keep(document.querySelectorAll(".bd-article .highlight"), 6);
  keep(document.querySelectorAll("mjx-container"), 12);
  document.querySelectorAll("tbody").forEach(body => keep(body.children, 8));
  document.querySelectorAll("svg").forEach(one => keep(one.querySelectorAll("circle, path"), 24));
}"""
"""Of many parts of one making, axe-core looks at the first; widths are measured before."""
SETTLED = "() => window.MathJax && MathJax.startup && MathJax.startup.promise"
# A formula or a figure may scroll in its box, the page may not; a head of cards is out of sight.
WIDE = """() => {
  const width = document.documentElement.clientWidth, found = [];
  const at = document.documentElement.scrollWidth;
  if (at > width + 1) found.push(`the page is ${at} wide`);
  const parts = ".bd-article *:not(.math, .math *, mjx-container *, svg *, thead, thead *)";
  for (const part of document.querySelectorAll(parts)) {
    if (!part.offsetParent || part.closest(".figure-box, figure.drawn-table, svg")) continue;
    const name = `${part.tagName}.${part.className} ${part.textContent.trim().slice(0, 40)}`;
    const box = part.getBoundingClientRect();
    if (box.width > 2 && box.height > 2 && box.right > width + 1)
      found.push(`${name} ends at ${Math.round(box.right)}`);
    if (getComputedStyle(part).overflowX !== "visible" && part.clientWidth > 2
        && part.scrollWidth > part.clientWidth + 1)
      found.push(`${name} holds ${part.scrollWidth} in ${part.clientWidth}`);
  }
  return found;
}"""


@pytest.fixture(scope="module")
def chromium(browser: str) -> Iterator[Browser]:
    with sync_playwright() as driver:
        started = driver.chromium.launch(
            executable_path=browser, args=["--no-sandbox", "--disable-gpu"], timeout=PATIENCE
        )
        yield started
        started.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


def wide(page: Page, width: int) -> list[str]:
    page.set_viewport_size({"width": width, "height": 900})
    return page.evaluate(WIDE)


def look(page: Page, path: Path) -> dict[str, list[str]]:
    """What is wrong with one page."""
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(path.as_uri())
    page.evaluate(SETTLED)
    found: dict[str, list[str]] = {f"width {width}": wide(page, width) for width in WIDTHS}
    # Paper is to be light all the same.
    page.evaluate("() => document.documentElement.dataset.theme = 'dark'")
    page.emulate_media(media="print")
    page.evaluate("() => window.dispatchEvent(new Event('beforeprint'))")
    found["paper"] = wide(page, PAPER)
    found["dark paper"] = [
        ground
        for ground in [page.evaluate("() => getComputedStyle(document.body).backgroundColor")]
        if ground not in {"rgb(255, 255, 255)", "rgba(0, 0, 0, 0)"}
    ]
    closed = page.locator(".bd-article details:not([open])").count()
    found["closed on paper"] = [f"{closed} folded parts"] if closed else []
    page.emulate_media(media="screen")
    page.evaluate("() => window.dispatchEvent(new Event('afterprint'))")
    page.evaluate(AXE_SCRIPT)
    page.evaluate(ALIKE)
    for theme, width, rules in (("light", 1280, {}), ("dark", 360, SEEN_ONLY)):
        page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
        page.set_viewport_size({"width": width, "height": 900})
        found[f"axe {theme} {width}"] = page.evaluate(AXE, {"preload": False, **rules})
    return found


@pytest.fixture(scope="module")
def seen(chromium: Browser, site: Path, address: str) -> dict[str, dict[str, list[str]]]:
    """What is wrong with each page, by what it was looked at for."""
    context = chromium.new_context()
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    errors: list[str] = []
    foreign: list[str] = []
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))

    def asked(request: Any) -> None:
        if not request.url.startswith(("file:", "data:", "blob:", address)):
            foreign.append(request.url)

    page.on("request", asked)
    found: dict[str, dict[str, list[str]]] = {}
    for path in sorted(p for p in site.rglob("*.html") if "_static" not in p.parts):
        name = path.relative_to(site).as_posix()
        errors.clear()
        foreign.clear()
        page.goto(f"{address}/{name}")
        page.evaluate(SETTLED)
        found[name] = look(page, path) | {"errors": [*errors], "other hosts": [*foreign]}
    context.close()
    return found


def faults(seen: dict[str, dict[str, list[str]]], kind: str) -> list[str]:
    return [
        f"{name}, {what}: {fault}"
        for name, found in seen.items()
        for what, said in found.items()
        if what.startswith(kind)
        for fault in said
    ]


@pytest.mark.parametrize(
    "kind", ["other hosts", "errors", "axe", "width", "paper", "dark paper", "closed on paper"]
)
def test_no_page_has_a_fault(seen: dict[str, dict[str, list[str]]], kind: str) -> None:
    assert len(seen) > 20
    found = faults(seen, kind)
    assert not found, f"{len(found)} faults\n" + "\n".join(found[:60])


def hits(page: Page, site: Path, query: str) -> set[str]:
    """Names of the pages that a search of the site, opened as a file, finds."""
    page.goto(f"{(site / 'search.html').as_uri()}?q={query}")
    page.wait_for_function(
        "() => /finished|not match|no results/i.test(document.querySelector('.search-summary')"
        "?.textContent || '')"
    )
    links = page.locator("#search-results li a")
    addresses = [links.nth(n).get_attribute("href") or "" for n in range(links.count())]
    return {Path(re.sub(r"[?#].*", "", address)).stem for address in addresses}


def test_search_takes_british_and_american_spelling_alike(page: Page, site: Path) -> None:
    british, american = hits(page, site, "deglobalisation"), hits(page, site, "deglobalization")
    assert "study" in british
    assert british == american


@pytest.mark.parametrize("query", ["国际交流", "核心技术"])
def test_search_finds_chinese_within_longer_words_and_marks_it_whole(
    page: Page, site: Path, query: str
) -> None:
    assert hits(page, site, query)
    page.locator("#search-results li a").first.click()
    marked = page.locator(".bd-article .highlighted")
    marked.first.wait_for(state="attached")
    assert query in marked.all_inner_texts()


def test_what_was_searched_for_is_marked_and_in_sight(page: Page, site: Path) -> None:
    assert hits(page, site, "bootstrap")
    page.locator("#search-results li a").first.click()
    marked = page.locator(".bd-article .highlighted")
    # The first may stand in the contents of a fold; the one that was led to is in sight.
    marked.first.wait_for(state="attached")
    page.wait_for_function(
        """() => [...document.querySelectorAll(".bd-article .highlighted")].some(mark => {
          const box = mark.getBoundingClientRect();
          return box.height > 0 && box.top >= 0 && box.bottom <= innerHeight; })"""
    )
    assert all("bootstrap" in text.lower() for text in marked.all_text_contents())


def charted(page: Page, site: Path, chapter: str, name: str) -> tuple[Locator, pd.DataFrame]:
    """A chart of a page, and the published numbers behind it."""
    page.goto((site / "notebooks" / f"{chapter}.html").as_uri())
    return page.locator(f"#{name}"), pd.read_csv(ROOT / "results" / chapter / f"{name}.csv")


def said(figure: Locator) -> str:
    return figure.locator(".chart-said").inner_text().replace("−", "-")


def test_arrow_keys_step_through_the_estimates_of_an_event_study(page: Page, site: Path) -> None:
    figure, data = charted(page, site, "01_baseline", "fig-event-study")
    box = figure.locator(".chart-box")
    assert figure.locator(".chart-box > svg > path").count() == len(data)
    assert f"{data['estimate'].iloc[0]:.3f}" in said(figure)
    box.press("ArrowRight")
    second = data.iloc[1]
    assert said(figure).startswith(f"{second['design']}, year {second['event_time']}: ")
    assert f"{second['lower']:.3f} to {second['upper']:.3f}" in said(figure)
    box.press("End")
    assert f"{data['estimate'].iloc[-1]:.3f}" in said(figure)
    assert box.get_attribute("aria-valuenow") == str(len(data))
    assert f"{data['estimate'].iloc[-1]:.3f}" in str(box.get_attribute("aria-valuetext")).replace(
        "−", "-"
    )


def test_a_pointer_says_the_estimate_that_it_is_over(page: Page, site: Path) -> None:
    figure, data = charted(page, site, "03_heterogeneity", "fig-claims")
    figure.scroll_into_view_if_needed()
    where = figure.locator(".chart-box").bounding_box()
    assert where
    # Nine claims share the width between the margins of the drawing, 52 and 12 pixels.
    step = (where["width"] - 64) / len(data)
    page.mouse.move(where["x"] + 52 + 5.5 * step, where["y"] + 100)
    assert f"{data['estimate'][5]:.3f}" in said(figure)
    assert said(figure).startswith(data["design"][5].replace("−", "-"))


def test_a_specification_says_its_choices_and_has_its_row_in_the_table(
    page: Page, site: Path
) -> None:
    figure, data = charted(page, site, "A3_robustness", "fig-curve-c1")
    lowest = data.sort_values("estimate", kind="stable").iloc[0]
    figure.locator(".chart-box").press("Home")
    assert f"Specification 1 of {len(data)}" in said(figure)
    assert f"{lowest['estimate']:.3f}" in said(figure)
    varied = [c for c in data if re.fullmatch(r"R\d+", c) and data[c].nunique() > 1]
    assert len(varied) >= 8
    for row in varied:
        assert f": {lowest[row]}".replace("−", "-") in said(figure)
    figure.get_by_role("link", name="table of").click()
    page.wait_for_url("**/results/**")
    page.wait_for_load_state()
    assert page.locator("tbody tr").count() == len(data)


def test_without_a_script_and_on_paper_a_chart_is_its_picture(
    chromium: Browser, page: Page, site: Path
) -> None:
    address = (site / "notebooks" / "01_baseline.html").as_uri()
    plain = chromium.new_context(java_script_enabled=False)
    still = plain.new_page()
    still.goto(address)
    assert still.locator("#fig-event-study img.only-light").is_visible()
    plain.close()
    page.goto(address)
    assert not page.locator("#fig-event-study img.only-light").is_visible()
    page.wait_for_function("document.querySelector('#fig-event-study img.only-light').complete")
    page.emulate_media(media="print")
    assert page.locator("#fig-event-study img.only-light").is_visible()
    assert not page.locator("#fig-event-study .chart-whole").is_visible()


def test_search_takes_the_words_of_the_glossary_for_each_other(page: Page, site: Path) -> None:
    """A page that has the English words alone is found by the Chinese ones."""
    text = (site / "notebooks" / "A2_design.html").read_text(encoding="utf-8")
    assert "三重差分" not in text
    assert "triple difference" in text
    assert "A2_design" in hits(page, site, "DDD")
    assert "A2_design" in hits(page, site, "三重差分")
    page.locator("#search-results li a[href*='A2_design']").first.click()
    marked = page.locator(".bd-article .highlighted")
    marked.first.wait_for(state="attached")
    assert "triple" in {text.lower() for text in marked.all_text_contents()}


def test_the_site_is_no_larger_than_is_asked(site: Path) -> None:
    """Ten megabytes without downloads, and a page with its pictures one, beyond MathJax."""
    downloads = {"_sources", "results", "files"}
    sizes = {
        path.relative_to(site): path.stat().st_size
        for path in site.rglob("*")
        if path.is_file() and path.suffix != ".pdf"
    }
    shown = {p: n for p, n in sizes.items() if p.parts[0] not in downloads}
    assert sum(shown.values()) <= 10e6
    for page in [p for p in shown if p.suffix == ".html"]:
        soup = BeautifulSoup((site / page).read_text(encoding="utf-8"), "lxml")
        pictures = {
            (site / page).parent.joinpath(str(one["src"])).resolve()
            for one in soup.select("img.only-light, img:not([class])")
        }
        own = sizes[page] + sum(p.stat().st_size for p in pictures if p.is_file())
        assert own <= 1e6, f"{page}: {own} bytes"


def test_a_table_that_fits_its_column_is_a_table_and_cards_on_a_phone(
    page: Page, site: Path
) -> None:
    page.goto((site / "notebooks" / "01_baseline.html").as_uri())
    page.evaluate("() => document.querySelectorAll('details').forEach(one => one.open = true)")
    layout = "name => getComputedStyle(document.querySelector(`#${name} table`)).display"
    # Four numbers a row, in the text and under a fold, whose rules take two pixels.
    assert [page.evaluate(layout, name) for name in ("tab-did", "tab-descriptives")] == [
        "table"
    ] * 2
    page.set_viewport_size({"width": 360, "height": 900})
    assert page.evaluate(layout, "tab-did") == "block"
    # Seven columns of words: the gaps of a matrix are seen in a matrix.
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto((site / "notebooks" / "04_ai_era.html").as_uri())
    assert page.evaluate(layout, "tab-drivers") == "table"
