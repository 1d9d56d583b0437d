"""Publishing writes what it shows, registers what it writes, and refuses what it cannot print."""

import hashlib
import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from replication.config import ROOT
from replication.errors import MissingColumnError, RegistryError
from replication.estimate.verbs import did, poisson
from replication.exhibit import figures, tables
from replication.exhibit.publish import (
    SOURCES,
    chapter,
    load_registry,
    number,
    numbers,
    publish,
)
from tests.support.designs_panel import panel


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Results of an open chapter, apart from the committed ones."""
    monkeypatch.setenv("REPLICATION_RESULTS", str(tmp_path))
    monkeypatch.setattr("replication.exhibit.publish._chapter", {})
    chapter("x", "simulated")
    return tmp_path / "x"


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is displayed, in order."""
    import IPython.display

    found: list[Any] = []
    monkeypatch.setattr(IPython.display, "display", lambda value, **_: found.append(value))
    return found


def regression() -> tables.Table:
    data = panel()
    models = {"(1)": did(data, outcome="y"), "(2)": poisson(data)}
    return tables.regression(models, labels={"exposure × post": "Exposure & post_t [β]"})


def awkward() -> tables.Table:
    """Everything that LaTeX reads as a command, in labels, heads and entries."""
    frame = pd.DataFrame(
        {"A_b": ["50 %", "R&D"], "#1 {x}": [r"\frac", "~^$"], "≤ < >": [-1.5, 1e-17]},
        index=["[0, 1]", "y_t − 1"],
    )
    return tables.plain(frame, digits=3)


def balanced(latex: str) -> None:
    """Environments and braces close, and no command character stands by itself."""
    open_ones: list[str] = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", latex):
        if kind == "begin":
            open_ones.append(name)
        else:
            assert open_ones.pop() == name
    assert open_ones == []
    text = re.sub(r"\\[&%$#_{}\\]", "", latex)
    assert text.count("{") == text.count("}")
    text = re.sub(r"\$[^$]*\$", "", text)
    assert "$" not in text
    body = text.partition("\\toprule")[2].partition("\\bottomrule")[0]
    for bare in "%#_^~":
        assert bare not in text, bare
    assert "&" not in text.replace(body, "")
    # What follows a line break is no bracket, which would be its height.
    assert not re.search(r"\\\\\s*\[", latex)
    assert not re.search(r"\\(?:midrule|toprule)\s*\[", latex)


def columns_of(latex: str) -> set[int]:
    """Number of entries in the rows of the body."""
    body = latex.partition("\\midrule")[2].partition("\\bottomrule")[0]
    body = re.sub(r"\\makecell(\[\w\])?\{[^{}]*\}", "cell", body)
    rows = [row for row in re.sub(r"\\&", "", body).split(r"\\") if "&" in row]
    return {row.count("&") + 1 for row in rows}


def test_a_table_is_written_in_full_and_shown_rounded(folder: Path, shown: list[Any]) -> None:
    table = regression()
    publish("tab-did", table, title="A title", note="A note.")
    assert sorted(p.name for p in folder.iterdir()) == [
        "exhibits.json",
        "tab-did.csv",
        "tab-did.tex",
    ]
    pd.testing.assert_frame_equal(
        pd.read_csv(folder / "tab-did.csv"), table.data, check_exact=True, check_dtype=False
    )
    assert b"\r" not in (folder / "tab-did.csv").read_bytes()
    (bundle,) = shown
    latex = (folder / "tab-did.tex").read_text(encoding="utf-8")
    assert bundle["text/latex"] + "\n" == latex
    coefficient = f"{table.data['estimate'].iloc[0]:.3f}"
    for text in bundle.values():
        assert coefficient in text
        assert "14 clusters" in text
        assert SOURCES["simulated"] in text
        assert "A note." in text
        assert "A title" in text
    # Names of the parts of a table are for the program, not for the reader.
    assert not re.search(r"^(coef|fe|stats)\b", bundle["text/plain"], re.MULTILINE)
    entry = json.loads((folder / "exhibits.json").read_text(encoding="utf-8"))["tab-did"]
    assert entry == {
        "kind": "tab",
        "title": "A title",
        "source": "simulated",
        "note": f"A note. {table.note} {SOURCES['simulated']}",
    }


def test_latex_is_escaped_and_balanced(folder: Path) -> None:
    title = r"R&D, 10 % of x_y #1 {z} ~ ^ \ $"
    for name, table in (("tab-a", awkward()), ("tab-b", regression())):
        publish(name, table, title=title, note="[see] 5 % & more_")
        latex = (folder / f"{name}.tex").read_text(encoding="utf-8")
        balanced(latex)
        assert rf"\label{{{name}}}" in latex
        assert r"\caption{R\&D, 10 \% of x\_y \#1 \{z\} " in latex
        assert r"{[}see] 5 \% \& more\_" in latex
    assert columns_of((folder / "tab-a.tex").read_text(encoding="utf-8")) == {4}
    assert columns_of((folder / "tab-b.tex").read_text(encoding="utf-8")) == {3}
    latex = (folder / "tab-a.tex").read_text(encoding="utf-8")
    for entry in (r"50 \%", r"R\&D", r"\textbackslash{}frac", r"A\_b", "$-$1.500", r"{[}0, 1]"):
        assert entry in latex, entry
    assert r"Exposure \& post\_t {[}$\beta$]" in (folder / "tab-b.tex").read_text(encoding="utf-8")


def test_escaping_does_not_change_the_table(shown: list[Any]) -> None:
    table = awkward()
    publish("tab-a", table, title="A & B")
    publish("tab-a", table, title="A & B")
    assert shown[0] == shown[1]
    assert list(table.printed.df.columns) == ["A_b", "#1 {x}", "≤ < >"]


def test_committed_latex_is_balanced() -> None:
    paths = list((ROOT / "results").glob("*/*.tex"))
    assert paths
    for path in paths:
        balanced(path.read_text(encoding="utf-8"))
        assert len(columns_of(path.read_text(encoding="utf-8"))) == 1, path


def test_html_is_safe_and_has_one_identifier(shown: list[Any]) -> None:
    title = 'A <b> & "c"'
    publish("tab-a", awkward(), title=title, note="x < y & z")
    publish("tab-b", regression(), title=title)
    for name, bundle in zip(("tab-a", "tab-b"), shown, strict=True):
        page = BeautifulSoup(bundle["text/html"], "lxml")
        assert [tag["id"] for tag in page.find_all(id=True)] == [name]
        assert page.find(id=name).get_text() == title
        assert not page.find_all(["style", "script", "b", "tfoot"])
        attributes = {a for tag in page.find_all(True) for a in tag.attrs}
        assert attributes <= {"id", "class", "scope", "rowspan", "colspan"}
        assert len(page.find_all("table")) == 1
        assert page.select_one(".exhibit table") is not None
        assert page.select_one(".exhibit-note").get_text().endswith(SOURCES["simulated"])
    cells = [td.get_text() for td in BeautifulSoup(shown[0]["text/html"], "lxml").find_all("td")]
    assert cells == ["50 %", r"\frac", "−1.500", "R&D", "~^$", "0.000"]


def test_a_figure_is_written_with_its_data_and_shown_with_its_text(
    folder: Path, shown: list[Any]
) -> None:
    figure = figures.histogram(panel())
    publish("fig-a", figure, title="A & B", note="Note.")
    pd.testing.assert_frame_equal(
        pd.read_csv(folder / "fig-a.csv"), figure.data, check_exact=True, check_dtype=False
    )
    png = (folder / "fig-a.png").read_bytes()
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    head, image, foot = shown
    assert head.data == '<p class="exhibit-title" id="fig-a">A &amp; B</p>'
    assert image.data == png
    assert image._repr_mimebundle_()[1]["image/png"] == {"alt": figure.alt}
    assert foot.data == f'<p class="exhibit-note">Note. {SOURCES["simulated"]}</p>'


def test_numbers_are_kept_in_full_beside_their_text(folder: Path) -> None:
    number("a", np.float64(0.26854))
    number("b", np.int64(12096), "{:,d}")
    number("c", -0.5, "{:.1f}")
    number("d", "not a finding", "{}")
    number("e", "well-known", "{}")
    kept = json.loads((folder / "numbers.json").read_text(encoding="utf-8"))
    assert kept == {
        "a": {"value": 0.26854, "text": "0.269"},
        "b": {"value": 12096, "text": "12,096"},
        "c": {"value": -0.5, "text": "−0.5"},
        "d": {"value": "not a finding", "text": "not a finding"},
        "e": {"value": "well-known", "text": "well-known"},
    }


def test_a_coefficient_is_registered_with_its_inference(folder: Path) -> None:
    frame = poisson(panel()).frame
    numbers("did", frame.iloc[0])
    numbers("did_wide", frame.iloc[0], "{:.1f}")
    kept = json.loads((folder / "numbers.json").read_text(encoding="utf-8"))
    columns = ["estimate", "std_error", "lower", "upper", "p_value"]
    for name, style in (("did", "{:.3f}"), ("did_wide", "{:.1f}")):
        for end, column in zip(("", "_se", "_lower", "_upper", "_p"), columns, strict=True):
            value = frame[column].iloc[0]
            assert kept.pop(f"{name}{end}") == {
                "value": value,
                "text": style.format(value).replace("-", "−"),
            }
    assert kept == {}


def test_several_numbers_share_a_style(folder: Path) -> None:
    numbers({"n_rows": 12096, "n_cells": np.int64(1008)}, "{:,d}")
    numbers({"share": 0.25})
    kept = json.loads((folder / "numbers.json").read_text(encoding="utf-8"))
    assert {name: entry["text"] for name, entry in kept.items()} == {
        "n_rows": "12,096",
        "n_cells": "1,008",
        "share": "0.250",
    }


def test_a_row_without_inference_is_refused(folder: Path) -> None:
    row = poisson(panel()).frame.iloc[0].drop("p_value")
    with pytest.raises(MissingColumnError, match="'p_value' is needed for the numbers of 'did'"):
        numbers("did", row)
    assert not (folder / "numbers.json").exists()


@pytest.mark.parametrize(
    ("name", "value", "style", "says"),
    [
        ("a", np.nan, "{:.3f}", "number 'a' is nan: prose cannot print it"),
        ("a", np.float64("inf"), "{:.3f}", "number 'a' is inf"),
        ("a", pd.NA, "{}", "number 'a' is <NA>"),
        ("a", None, "{}", "number 'a' is None"),
        ("a", 0.5, "{:d}", "number 'a': 0.5 as '{:d}'"),
        ("a-b", 0.5, "{:.3f}", "number 'a-b' must be of lower-case letters"),
        ("", 0.5, "{:.3f}", "number '' must be"),
    ],
)
def test_a_number_that_prose_cannot_print_is_refused(
    folder: Path, name: str, value: object, style: str, says: str
) -> None:
    with pytest.raises(RegistryError, match=re.escape(says)):
        number(name, value, style)
    assert not (folder / "numbers.json").exists()


@pytest.mark.parametrize(
    ("name", "title", "says"),
    [
        ("fig-a", "T", "exhibit name 'fig-a' must be tab-"),
        ("tab_a", "T", "exhibit name 'tab_a'"),
        ("tab-A", "T", "exhibit name 'tab-A'"),
        ("tab-../a", "T", "exhibit name"),
        ("tab-", "T", "exhibit name"),
        ("tab-a", "T.", "title of tab-a, 'T.', must be one line without a final stop"),
        ("tab-a", "A\nB", "must be one line"),
        ("tab-a", " ", "must be one line"),
    ],
)
def test_a_wrong_name_or_title_is_refused(folder: Path, name: str, title: str, says: str) -> None:
    with pytest.raises(RegistryError, match=re.escape(says)):
        publish(name, awkward(), title=title)
    assert list(folder.iterdir()) == []


def test_a_table_is_no_figure() -> None:
    with pytest.raises(RegistryError, match="must be fig-… of"):
        publish("tab-a", figures.histogram(panel()), title="T")


def test_nothing_is_published_without_a_chapter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("replication.exhibit.publish._chapter", {})
    for call in (lambda: publish("tab-a", awkward(), title="T"), lambda: number("a", 1.0)):
        with pytest.raises(RegistryError, match=r"no chapter is open: call chapter\(name"):
            call()


def test_a_chapter_has_a_known_source_and_a_name_of_a_file() -> None:
    with pytest.raises(RegistryError, match="source 'real' is not one of simulated, published"):
        chapter("y", "real")
    for name in ("../y", "a b", ""):
        with pytest.raises(RegistryError, match="must be the name of its file"):
            chapter(name, "open")


def test_an_exhibit_may_be_of_another_source_than_its_chapter(
    folder: Path, shown: list[Any]
) -> None:
    for name, source in (("tab-mine", None), ("tab-theirs", "coded")):
        publish(name, tables.plain(pd.DataFrame({"x": [1]})), title="A title", source=source)
    registry = json.loads((folder / "exhibits.json").read_text(encoding="utf-8"))
    assert {name: entry["source"] for name, entry in registry.items()} == {
        "tab-mine": "simulated", "tab-theirs": "coded",
    }  # fmt: skip
    assert [SOURCES["coded"] in bundle["text/html"] for bundle in shown] == [False, True]
    assert [SOURCES["simulated"] in bundle["text/plain"] for bundle in shown] == [True, False]
    with pytest.raises(RegistryError, match="source 'real' is not one of"):
        publish("tab-x", tables.plain(pd.DataFrame({"x": [1]})), title="A title", source="real")
    assert not (folder / "tab-x.csv").exists()


def test_a_table_of_sentences_is_marked_for_the_site(shown: list[Any]) -> None:
    frame = pd.DataFrame({"reason": ["a sentence that is longer than a number"]})
    for words in (False, True):
        publish("tab-x", tables.plain(frame, words=words), title="A title")
    marks = [re.findall(r'<div class="(exhibit[^"]*)">', b["text/html"]) for b in shown]
    assert marks == [["exhibit"], ["exhibit words"]]


def test_every_source_is_one_that_pages_can_show() -> None:
    path = ROOT / "book" / "_ext" / "replication_book.py"
    spec = importlib.util.spec_from_file_location("replication_book", path)
    assert spec is not None
    assert spec.loader is not None
    extension = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(extension)
    assert set(SOURCES) == set(extension.BADGES)


def test_results_go_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPLICATION_RESULTS", str(tmp_path / "elsewhere" / "deep"))
    chapter("y", "open")
    publish("tab-a", awkward(), title="T")
    assert (tmp_path / "elsewhere" / "deep" / "y" / "tab-a.csv").is_file()
    monkeypatch.delenv("REPLICATION_RESULTS")
    from replication.config import results

    # A notebook that was taken out of the project must not write into it.
    monkeypatch.chdir(tmp_path)
    assert results() == tmp_path / "results"
    for inside in (ROOT, ROOT / "notebooks"):
        monkeypatch.chdir(inside)
        assert results() == ROOT / "results"


def test_the_registry_keeps_what_was_there(folder: Path) -> None:
    publish("tab-a", awkward(), title="First")
    publish("fig-b", figures.histogram(panel()), title="Second")
    chapter("y", "open")
    publish("tab-c", awkward(), title="Third")
    chapter("x", "simulated")
    publish("tab-d", awkward(), title="Fourth")
    registry = load_registry(folder.parent)
    assert registry[["chapter", "name", "title", "source"]].to_numpy().tolist() == [
        ["x", "tab-a", "First", "simulated"],
        ["x", "fig-b", "Second", "simulated"],
        ["x", "tab-d", "Fourth", "simulated"],
        ["y", "tab-c", "Third", "open"],
    ]
    assert load_registry(folder / "none").empty


def test_running_a_cell_twice_changes_nothing(folder: Path, shown: list[Any]) -> None:
    def cell() -> dict[str, bytes]:
        publish("tab-a", regression(), title="First")
        publish("fig-b", figures.histogram(panel()), title="Second")
        number("a", 0.5)
        return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}

    assert cell() == cell()
    # Less the hidden records of numbers, which are seen here only if glue was loaded late.
    seen = [value for value in shown if "papermill" not in repr(value)]
    assert len(seen) == 8
    assert seen[0] == seen[4]


SHOW = """
import hashlib, sys
sys.path.insert(0, "")
import IPython.display
from tests.exhibit import test_publish as t
IPython.display.display = lambda value, **_: print(hashlib.sha256(repr(value).encode()).hexdigest())
t.chapter("x", "simulated")
t.publish("tab-a", t.awkward(), title="T")
t.publish("tab-b", t.regression(), title="T")
"""


def test_what_is_shown_is_the_same_in_every_process(tmp_path: Path, shown: list[Any]) -> None:
    publish("tab-a", awkward(), title="T")
    publish("tab-b", regression(), title="T")
    done = subprocess.run(
        [sys.executable, "-c", SHOW],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "2", "REPLICATION_RESULTS": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    here = [hashlib.sha256(repr(value).encode()).hexdigest() for value in shown]
    assert done.stdout.split() == here
