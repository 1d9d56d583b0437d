"""Search by any of the words for a thing: the glossary's terms of one entry stand for each other.

A page that speaks of ``difference-in-differences`` is found by 双重差分 and by ``DID`` too: the
other terms go into the page's keywords, from which the builder makes its index. The search page
knows the entries as well, so that a page that is reached by one term has the others marked.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from replication_book import HAN, SearchEnglishCJK

if TYPE_CHECKING:
    from sphinx.application import Sphinx

GLOSSARY = Path("book") / "glossary.md"
ENTRIES = re.compile(r"^```\{glossary\}\n(.*?)^```", re.DOTALL | re.MULTILINE)
ASIDE = re.compile(r"[(（](.*?)[)）]")
TELLING = re.compile(rf"[{HAN}]{{3,}}|.{{8,}}|.*[A-Z]{{2}}.*")
"""Terms that stand for nothing else: "post" and "size" stand on pages that mean another thing."""


def entries(text: str) -> list[list[str]]:
    """Terms of each entry of a glossary in MyST; what stands in brackets is a term of its own.

    >>> entries("```{glossary}\\ntriple difference (DDD)\\n三重差分\\n  of two groups\\n```")
    [['triple difference', '三重差分', 'DDD']]
    """
    found = ENTRIES.search(text)
    blocks = re.split(r"\n\s*\n", found[1]) if found else []
    return [_terms(block) for block in blocks]


def _terms(block: str) -> list[str]:
    heads = [line for line in block.splitlines() if line and not line.startswith(" ")]
    asides = [part for head in heads for part in re.split("[,，、]", ",".join(ASIDE.findall(head)))]
    terms = (term.strip() for term in [*(ASIDE.sub("", head) for head in heads), *asides])
    return [term for term in terms if term and "$" not in term and term != "mechanism"]


def _speaks_of(text: str, term: str) -> bool:
    if TELLING.fullmatch(term) is None:
        return False
    if re.search(f"[{HAN}]", term):
        return term in text
    flags = 0 if term.isupper() else re.IGNORECASE
    return re.search(rf"(?<!\w){re.escape(term)}(?!\w)", text, flags) is not None


def keywords(text: str, found: list[list[str]]) -> list[str]:
    """Words by which a page with this text is found besides its own."""
    split = SearchEnglishCJK({}).split
    words = (
        word
        for terms in found
        if any(_speaks_of(text, term) for term in terms)
        for term in terms
        if not _speaks_of(text, term)
        for word in split(term)
        if len(word) > 1
    )
    return sorted(set(words))


def add_keywords(app: Sphinx, doctree: nodes.document) -> None:
    """Give a page the other terms of what it speaks of."""
    glossary = Path(app.srcdir) / GLOSSARY
    app.env.note_dependency(str(glossary))
    found = keywords(doctree.astext(), entries(glossary.read_text(encoding="utf-8")))
    if found:
        doctree.insert(0, nodes.meta("", name="keywords", content=", ".join(found)))


def tell_the_search(app: Sphinx) -> None:
    """Write the entries where the search page of this build finds them."""
    found = entries((Path(app.srcdir) / GLOSSARY).read_text(encoding="utf-8"))
    text = json.dumps([[term.lower() for term in terms] for terms in found], ensure_ascii=False)
    SearchEnglishCJK.js_splitter_code += f"const synonyms = {text};\n"


def setup(app: Sphinx) -> dict[str, Any]:
    """Register both, before the index is begun."""
    app.connect("doctree-read", add_keywords)
    app.connect("builder-inited", tell_the_search, priority=100)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
