"""Whoever reads why a test was skipped learns what to do about it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = [ROOT / "conftest.py", *sorted((ROOT / "tests").rglob("*.py"))]

REMEDY = re.compile(r"`[a-z][^`]+`|: (?:run|install|save|see) |\brun it (?:on|in|there)\b")
"""A command, or what to run, install or save."""


def reasons() -> Iterator[tuple[str, str]]:
    """Every reason that a test gives for being skipped, by file and line, names in braces."""
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            named = [k.value for k in node.keywords if k.arg == "reason"]
            if called == "pytest.skip":
                found = node.args[0]
            elif called in ("pytest.mark.skipif", "pytest.importorskip", "pytest.mark.skip"):
                found = named[0]
            else:
                continue
            yield f"{path.relative_to(ROOT)}:{node.lineno}", ast.unparse(found)


REASONS = dict(reasons())


def test_the_reasons_are_found() -> None:
    assert len(REASONS) > 10
    assert any("conftest.py" in where for where in REASONS)


# What `unavailable` says: the message of a failed download, which names the command.
PASSED_ON = {"reason"}


@pytest.mark.parametrize("where", REASONS)
def test_a_skip_says_what_a_stranger_can_do(where: str) -> None:
    said = REASONS[where]
    assert said in PASSED_ON or REMEDY.search(said), said
