"""What the book needs beyond Jupyter Book: generated pages, source badges, search, mathematics.

``{generated} register``
    Markdown that `replication.page.generated` makes from data, parsed where the directive stands.
``{source-badge} simulated open``
    Says which data the numbers of the page come from; ``none`` for a page without numbers.
``{{ name }}``
    A number that a chapter registered, on a page without code.
Chapters that did not run
    A note under the title of each, in a build by ``make book``.
Search
    English stemming as usual, British and American spelling as one, and Chinese text indexed by
    overlapping pairs of characters. The same rules turn the query in the browser, so no dictionary
    has to agree on both sides.
Mathematics
    The part of MathJax that the pages use is copied into the site, which then asks no other host.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from sphinx.search.en import SearchEnglish
from sphinx.util.docutils import SphinxDirective

from replication.page.book import NOT_RUN
from replication.page.generated import PARTS

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

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

# What the pages use of MathJax: one combined script, its fonts, and the reading aids its menu may
# ask for. No page asks for another TeX extension; the browser's test would tell.
MATHJAX_PARTS = (
    "tex-chtml.js",
    "output/chtml/fonts",
    "a11y",
    "sre/mathmaps/base.json",
    "sre/mathmaps/en.json",
)


class Generated(SphinxDirective):
    """Parse the Markdown that a function of the package returns."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        if name not in PARTS:
            raise self.error(f"{{generated}} knows {', '.join(PARTS)}; got {name!r}")
        part = PARTS[name]
        for file in part.files:
            self.env.note_dependency(str(Path(self.env.srcdir) / file))
        return self.parse_markdown(part.markdown())

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


# British endings and the American ones that the index holds. Both sides turn every word alike, so
# that a word that is no such pair ("exercise") still meets itself.
SPELLINGS = (
    (r"([a-z]{3})is(e|ed|es|ing|er|ers|ation|ations)$", r"\1iz\2"),
    (r"([a-z]{3})our(s|ed|ing|al|able|ably)?$", r"\1or\2"),
    (r"([a-z]{3})tre(s?)$", r"\1ter\2"),
    (r"([a-z]{2})ll(ed|ing|er|ers)$", r"\1l\2"),
    (r"([a-z]{3})mme(s?)$", r"\1m\2"),
    (r"([a-z]{3})ogue(s?)$", r"\1og\2"),
)


def american(word: str) -> str:
    """An English word in the spelling of the index."""
    for british, instead in SPELLINGS:
        word = re.sub(british, instead, word)
    return word


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
const PlainStemmer = Stemmer;
const spellings = {json.dumps([(a, b.replace(chr(92), "$")) for a, b in SPELLINGS])};
Stemmer = function () {{
  const plain = new PlainStemmer();
  this.stemWord = (word) => plain.stemWord(
    spellings.reduce((w, [from, to]) => w.replace(new RegExp(from), to), word));
}};
"""
    _piece = re.compile(rf"[{HAN}]+|[^\W{HAN}]+")

    def stem(self, word: str) -> str:
        """The stem of a word in the one spelling."""
        return super().stem(american(word.lower()))

    def split(self, input: str) -> list[str]:
        """Latin words whole; a run of Han characters as its characters and neighbouring pairs."""
        words: list[str] = []
        for piece in self._piece.findall(input):
            if re.match(f"[{HAN}]", piece):
                words += [*piece, *map("".join, pairwise(piece))]
            else:
                words.append(piece)
        return words


def registered_numbers(app: Sphinx, config: Config) -> None:
    """Let pages without code print registered numbers: ``{{ name }}``."""
    found: dict[str, str] = {}
    for path in sorted((Path(app.srcdir) / "results").glob("*/numbers.json")):
        numbers = json.loads(path.read_text(encoding="utf-8"))
        found |= {name: number["text"] for name, number in numbers.items()}
    config.myst_substitutions = found | config.myst_substitutions


def note_not_run(app: Sphinx, doctree: nodes.document) -> None:
    """Say under its title that a chapter did not run in this build, where `make book` says so."""
    not_run: dict[str, str] = json.loads(os.environ.get(NOT_RUN, "{}"))
    reason = not_run.get(app.env.docname.removeprefix("notebooks/"))
    title = next(doctree.findall(nodes.title), None)
    if reason is None or title is None:
        return
    text = f"Not run in this build: {reason}; the outputs are the committed ones."
    said = nodes.paragraph()
    for n, part in enumerate(text.split("`")):  # what to type stands between two of them
        said += nodes.literal(text=part) if n % 2 else nodes.Text(part)
    note = nodes.note("", said, classes=["not-run"])
    title.parent.insert(title.parent.index(title) + 1, note)


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
    app.connect("config-inited", registered_numbers)
    app.connect("doctree-read", note_not_run)
    app.connect("build-finished", copy_mathjax)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
