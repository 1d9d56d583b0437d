"""Chapters and the students' page use what `import replication as rp` gives, and nothing deeper."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import replication
from replication.config import NOTEBOOKS, ROOT
from tests.support import rules

CHAPTERS = sorted(NOTEBOOKS.glob("*.md"))
STUDENTS = ROOT / "book" / "students.md"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "book").glob("*.md"), *CHAPTERS]


def breaches(source: str) -> Iterator[str]:
    """What code takes from the package by another way than `rp`, or cannot find there."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "replication":
            yield f"imports from {node.module}: write `import replication as rp` and `rp.NAME`"
        if isinstance(node, ast.Import):
            for alias in node.names:
                deeper = alias.name.startswith("replication.")
                if deeper or (alias.name == "replication" and alias.asname != "rp"):
                    yield f"imports {alias.name}: write `import replication as rp`"
        if path := attributes(node):
            found: object = replication
            for name in path:
                if name.startswith("_") or name not in dir(found):
                    yield f"rp.{'.'.join(path)}: the façade has no such name"
                    break
                found = getattr(found, name)


def attributes(node: ast.AST) -> list[str]:
    """Names after ``rp`` in an expression such as ``rp.tables.plain``; of the first two at most."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.insert(0, node.attr)
        node = node.value
    return names[:2] if isinstance(node, ast.Name) and node.id == "rp" else []


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_takes_everything_from_the_facade(chapter: Path) -> None:
    code = "\n".join(rules.sources(chapter, "code"))
    assert list(dict.fromkeys(breaches(code))) == []


def test_the_students_page_does_too() -> None:
    fences = re.findall(r"```python\n(.*?)```", STUDENTS.read_text(encoding="utf-8"), re.DOTALL)
    assert list(dict.fromkeys(breaches("\n".join(fences)))) == []


def spoken(page: Path) -> str:
    """What the text of a page says of the façade, as code: ``rp.tables.plain``, a line each."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    return "\n".join(re.findall(r"\brp(?:\.\w+)+", " ".join(re.findall(r"`([^`\n]+)`", text))))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_calls_by_name_is_there(page: Path) -> None:
    assert list(dict.fromkeys(breaches(spoken(page)))) == []


def test_a_page_that_names_what_is_not_there_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("Call `rp.did(rp.scores.panel())`.\n\n```python\nrp.ddt()\n```\n", "utf-8")
    assert spoken(page).splitlines() == ["rp.did", "rp.scores.panel"]
    assert list(breaches(spoken(page))) == ["rp.scores.panel: the façade has no such name"]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import replication as rp\nrp.did(panel)", None),
        ("import replication as rp\nrp.tables.plain(frame)", None),
        ("from replication.panel.load import load_panel", "imports from replication.panel.load"),
        ("import replication.panel as p", "imports replication.panel"),
        ("import replication as rp\nrp.ddt(panel)", "rp.ddt: the façade has no such name"),
        ("import replication as rp\nrp.tables.plane(x)", "rp.tables.plane: the façade has no"),
    ],
)
def test_the_rule_sees_a_breach(code: str, said: str | None) -> None:
    found = list(breaches(code))
    assert found == [] if said is None else any(one.startswith(said) for one in found)
