"""The exercises at the end of the chapters: their text, and what their solutions give."""

import ast
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from replication.config import ROOT

FOLDER = ROOT / "book" / "exercises"
CODE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXERCISE = re.compile(r"^:::\{exercise\} ([^\n]+)\n:label: (\S+)\n\n(.*?)^:::$", re.M | re.S)
HINT = re.compile(r"^:::\{dropdown\} Hint\n(.*?)^:::$", re.M | re.S)
SOLUTION = re.compile(r"^:::\{solution\} (\S+)\n:class: dropdown\n\n(.*?)^:::$", re.M | re.S)


@dataclass(frozen=True)
class Exercise:
    """One exercise with its solution, of which `code` is what is run."""

    label: str
    title: str
    text: str
    hint: str
    code: str
    said: str


def exercises(chapter: str) -> tuple[str, list[Exercise]]:
    """What a chapter's exercises begin from, and the exercises, in order."""
    text = (FOLDER / f"{chapter}.md").read_text(encoding="utf-8")
    start = CODE.search(text.partition(":::{exercise}")[0])
    assert start, f"{chapter}: nothing to begin from"
    asked, hints, solved = (p.findall(text) for p in (EXERCISE, HINT, SOLUTION))
    assert len(asked) == len(hints) == len(solved), f"{chapter}: an exercise lacks a part"
    found = []
    for (title, label, body), hint, (of, said) in zip(asked, hints, solved, strict=True):
        assert of == label, f"{chapter}: the solution after {label} is of {of}"
        (code,) = CODE.findall(said)
        found.append(Exercise(label, title, body.strip(), hint.strip(), code, CODE.sub("", said)))
    return start[1], found


def run(code: str, names: dict[str, Any], page: str) -> Any:
    """Execute code as a notebook's cell: the value of a last line that is an expression."""
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        exec(compile(tree, page, "exec"), names)
        if isinstance(last, ast.Expr):
            return eval(compile(ast.Expression(last.value), page, "eval"), names)
    return None


def solve(chapter: str) -> dict[str, Any]:
    """What each solution of a chapter gives, by label, in one namespace from top to bottom."""
    start, found = exercises(chapter)
    names: dict[str, Any] = {}
    run(start, names, f"{chapter}.md")
    return {one.label: run(one.code, names, f"{chapter}: {one.label}") for one in found}


def chapters() -> list[str]:
    """Chapters that have exercises."""
    return sorted(path.stem for path in Path(FOLDER).glob("*.md"))
