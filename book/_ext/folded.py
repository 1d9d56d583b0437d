"""Outputs that readers open: those of a cell with the tag ``folded``.

They stay in the page, are found by its search and compared as every other. A line with the titles
of their exhibits stands in their place until it is chosen. Printing opens them (``reader.js``).
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

from docutils import nodes

if TYPE_CHECKING:
    from sphinx.application import Sphinx

TAG = "tag_folded"
PUBLISHED = re.compile(r"title=\"([^\"]+)\"")


def fold(app: Sphinx, doctree: nodes.document) -> None:
    """Wrap the outputs of tagged cells in an element that opens and closes."""
    for cell in doctree.findall(nodes.container):
        if TAG not in cell["classes"]:
            continue
        for output in [c for c in cell.children if "cell_output" in c.get("classes", [])]:
            titles = PUBLISHED.findall(cell.astext())
            summary = html.escape("; ".join(titles) or "Output")
            at = cell.index(output)
            head = f'<details class="folded"><summary>{summary}</summary>'
            cell.insert(at + 1, nodes.raw("", "</details>", format="html"))
            cell.insert(at, nodes.raw("", head, format="html"))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the transformation."""
    app.connect("doctree-read", fold)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
