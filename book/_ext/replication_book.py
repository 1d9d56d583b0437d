"""What the book needs beyond Jupyter Book: generated pages, source badges, search, mathematics.

``{generated} register``
    Markdown returned by a function of the package, parsed where the directive stands.
``{source-badge} simulated open``
    Says which data the numbers of the page come from; ``none`` for a page without numbers.
Search
    English stemming as usual, and Chinese text indexed by overlapping pairs of characters. The
    same rule splits the query in the browser, so no dictionary has to agree on both sides.
Mathematics
    The part of MathJax that the pages use is copied into the site, which then asks no other host.
"""

from __future__ import annotations

import re
import shutil
from importlib import import_module, resources
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from sphinx.search.en import SearchEnglish
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from sphinx.application import Sphinx

# Name in the directive: (function that returns Markdown, data files the result depends on).
# Functions are imported when a page asks for them, so that the other pages build without them.
GENERATED: dict[str, tuple[str, tuple[str, ...]]] = {
    "claims": (
        "replication.estimate.claims:claims_page",
        ("data/claims.toml", "results/03_heterogeneity/tab-claims.csv"),
    ),
    "codebook": (
        "replication.page.codebook:codebook_markdown",
        ("src/replication/records/schema.py", "src/replication/panel/openalex.py"),
    ),
    "context-drivers": (
        "replication.page.article:drivers_markdown",
        ("data/context.toml", "results/03_heterogeneity/tab-claims.csv"),
    ),
    "context-measures": (
        "replication.page.article:measures_markdown",
        ("data/context.toml",),
    ),
    "context-recommendations": (
        "replication.page.article:recommendations_markdown",
        ("data/context.toml",),
    ),
    "timeline": ("replication.page.article:timeline_markdown", ("data/timeline.toml",)),
    "register": ("replication.records.registry:register_markdown", ("data/register.toml",)),
}

BADGES: dict[str, tuple[str, str]] = {
    "simulated": ("Simulated data 模拟数据", "made by a known process; says nothing about China"),
    "restricted": ("Licensed records 受限数据", "the reader's own; not distributed here"),
    "open": ("Open data 公开数据", "real and public; anybody can fetch it"),
    "published": ("Published data 已发表数据", "real data sets of published studies"),
    "coded": ("Coded text 文本编码", "an article and public documents, read and coded by us"),
    "none": ("No estimates 无估计结果", "this page shows no numbers from data"),
}

# A run of Han characters. The two extension blocks keep rare names searchable; both sides use
# only ranges of the basic plane, where Python's and JavaScript's indices agree.
HAN = "\u3400-\u4dbf\u4e00-\u9fff"

# What the pages use of MathJax: one combined script, its fonts, TeX extensions on demand, and the
# reading aids its menu may ask for.
MATHJAX_PARTS = (
    "tex-chtml.js",
    "output/chtml/fonts",
    "input/tex/extensions",
    "a11y",
    "sre/mathmaps/base.json",
    "sre/mathmaps/en.json",
)


class Generated(SphinxDirective):
    """Parse the Markdown that a function of the package returns."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        if name not in GENERATED:
            known = ", ".join(sorted(GENERATED))
            raise self.error(f"{{generated}} knows {known}; got {name!r}")
        target, files = GENERATED[name]
        module, function = target.split(":")
        for file in files:
            self.env.note_dependency(str(Path(self.env.srcdir) / file))
        text: str = getattr(import_module(module), function)()
        return self.parse_markdown(text)

    def parse_markdown(self, text: str) -> list[nodes.Node]:
        """Nodes of a Markdown text, headings included."""
        holder = nodes.Element()
        self.state.nested_parse(text.splitlines(), self.content_offset, holder, match_titles=True)
        return holder.children


class SourceBadge(SphinxDirective):
    """One line under a page's title: where its numbers come from."""

    required_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar[dict[str, Any]] = {}

    def run(self) -> list[nodes.Node]:
        line = nodes.paragraph(classes=["source-badges"])
        for name in self.arguments[0].split():
            if name not in BADGES:
                raise self.error(f"{{source-badge}} knows {', '.join(BADGES)}; got {name!r}")
            label, meaning = BADGES[name]
            badge = nodes.inline(classes=["source-badge", f"source-{name}"])
            badge += nodes.strong(text=label)
            badge += nodes.inline(text=f" {meaning}", classes=["source-meaning"])
            line += badge
        return [line]


class SearchEnglishCJK(SearchEnglish):
    """English search that also finds Chinese: every pair of neighbouring characters is a word."""

    lang = "en-cjk"
    language_name = "English"  # the browser's stemmer is looked up by this name
    js_splitter_code = f"""
function splitQuery(query) {{
  const words = [];
  for (const run of query.match(/[{HAN}]+|[^\\s{HAN}]+/gu) || []) {{
    if (!/[{HAN}]/u.test(run)) {{
      words.push(...(run.match(/[\\p{{L}}\\p{{N}}_]+/gu) || []));
    }} else if (run.length === 1) {{
      words.push(run);
    }} else {{
      for (let i = 0; i + 1 < run.length; i++) words.push(run.slice(i, i + 2));
    }}
  }}
  return words;
}}
"""
    _piece = re.compile(rf"[{HAN}]+|[^\W{HAN}]+")

    def split(self, input: str) -> list[str]:
        """Latin words whole; a run of Han characters as its characters and neighbouring pairs."""
        words: list[str] = []
        for piece in self._piece.findall(input):
            if re.match(f"[{HAN}]", piece):
                words += [*piece, *map("".join, pairwise(piece))]
            else:
                words.append(piece)
        return words


def copy_mathjax(app: Sphinx, exception: Exception | None) -> None:
    """Copy the used part of MathJax beside the site's other static files."""
    if exception is not None or app.builder.format != "html":
        return
    source = Path(str(resources.files("sphinx-mathjax-offline"))) / "static" / "mathjax"
    target = Path(app.outdir) / "_static" / "mathjax"
    for part in MATHJAX_PARTS:
        if (source / part).is_dir():
            shutil.copytree(source / part, target / part, dirs_exist_ok=True)
        else:
            (target / part).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / part, target / part)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register everything above with Sphinx."""
    app.add_directive("generated", Generated)
    app.add_directive("source-badge", SourceBadge)
    app.add_search_language(SearchEnglishCJK)
    app.connect("build-finished", copy_mathjax)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
