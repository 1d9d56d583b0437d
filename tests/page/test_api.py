"""The page on the façade has a section a heading of the stub and an entry a name."""

import re

import replication
from replication.page.api import api_markdown

PAGE = api_markdown()


def test_every_name_has_one_entry() -> None:
    directive = r"^\.\. (?:auto(?:function|class)|py:data):: replication\.(\w+)$"
    verbs = re.findall(directive, PAGE, re.MULTILINE)
    namespaces = re.findall(r"^### `rp\.(\w+)`$", PAGE, re.MULTILINE)
    assert sorted([*verbs, *namespaces]) == dir(replication)
    assert {"did", "load_panel", "publish"} <= set(verbs)
    assert {"tables", "montecarlo"} <= set(namespaces)


def test_sections_come_in_the_order_of_the_stub_with_a_sentence_each() -> None:
    sections = re.findall(r"^## (\w+)\n\n([A-Z].+[.?])$", PAGE, re.MULTILINE)
    assert [title for title, _ in sections][:2] == ["Data", "Estimates"]
    assert len(sections) == PAGE.count("\n## ") + 1


def test_a_namespace_lists_its_own_functions_and_not_what_it_imports() -> None:
    (tables,) = re.findall(r"^### `rp\.tables`$(.*?)(?=^### )", PAGE, re.MULTILINE | re.DOTALL)
    assert re.search(
        r"^\| `rp\.tables\.regression` \| Several models side by side\. \|$", tables, re.M
    )
    assert "Estimate`" not in tables
    assert re.search(r"^\| `rp\.montecarlo\.coverage` \| \S", PAGE, re.MULTILINE)


def test_a_namespace_lists_what_it_says_it_gives() -> None:
    (article,) = re.findall(r"^### `rp\.article`$(.*?)(?=^### )", PAGE, re.MULTILINE | re.DOTALL)
    assert re.search(r"^\| `rp\.article\.load_context` \| \S", article, re.MULTILINE)
    assert "Context`" not in article
