"""The examples in the docstrings of public verbs run, and print what they say."""

import doctest
import inspect
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import replication as rp
from replication.errors import FewClustersWarning
from replication.page.api import IMPORTED, SECTION, STUB

FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS

SECTIONS = ("Estimates", "Contrasts", "Robustness")
"""Of the façade, whose verbs must have an example each, and these besides."""

BESIDES = ("evaluate", "judge", "recovery", "load_panel", "load_truth", "load_event_truth", "load")

NAMESPACES = ("tables", "chinese", "figures", "few_clusters", "contrasts", "families", "staggered")
"""All whose functions a reader's own data can be given to."""

MORE = {
    "mediation": ("responses", "event_studies", "gelbach", "three_steps", "sobel", "sequential_g"),
    "robustness": ("bounds_figure", "power_table", "contour_figure", "left_out_figure"),
    "specification": ("curve_figure", "joint_table", "explained_table"),
    "doses": ("response",),
    "inference": ("methods",),
    "teaching": ("doubling",),
}


def of_the_facade() -> list[str]:
    """Verbs of some sections of the stub, and the two classes that a reader makes or gets."""
    stub = STUB.read_text(encoding="utf-8")
    sections = {s["title"]: s["imports"] for s in SECTION.finditer(stub)}
    names = [name for title in SECTIONS for _, name in IMPORTED.findall(sections[title])]
    return [*(n for n in names if inspect.isfunction(getattr(rp, n))), "Design", "Estimate"]


def own(namespace: ModuleType) -> list[str]:
    """Public functions that a module defines."""
    found = inspect.getmembers(namespace, inspect.isfunction)
    return [n for n, f in found if f.__module__ == namespace.__name__ and not n.startswith("_")]


def verbs() -> dict[str, Any]:
    """Every verb that must have an example, by the path that a reader calls it by."""
    found = {f"rp.{name}": getattr(rp, name) for name in (*of_the_facade(), *BESIDES)}
    spaces = {name: own(getattr(rp, name)) for name in NAMESPACES} | MORE
    for space, names in spaces.items():
        for name in names:
            verb = getattr(getattr(rp, space), name)
            if verb not in found.values():
                found[f"rp.{space}.{name}"] = verb
    return found


VERBS = verbs()


def test_there_are_examples_for_all_that_a_reader_estimates_tabulates_and_draws_with() -> None:
    assert len(VERBS) > 70
    assert {"rp.did", "rp.few_clusters.compare", "rp.figures.trends", "rp.three_way"} <= set(VERBS)


@pytest.mark.parametrize("path", VERBS)
def test_the_example_of_a_verb_prints_what_it_says(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verb = VERBS[path]
    monkeypatch.chdir(tmp_path)
    (example,) = doctest.DocTestFinder(recurse=False).find(verb, path, globs={"rp": rp})
    assert example.examples, f"{path} has no Examples in its docstring"
    called = "did" if verb is rp.Estimate else path.removeprefix("rp.")
    assert any(f"rp.{called}(" in each.source for each in example.examples)
    said: list[str] = []
    with warnings.catch_warnings():
        # Where one state is treated, its standard error is doubted; the example shows how.
        warnings.simplefilter("ignore", FewClustersWarning)
        doctest.DocTestRunner(optionflags=FLAGS).run(example, out=said.append)
    assert not said, "".join(said)
