"""Every chapter keeps the rules and agrees with its run; and each check sees what it is there for.

What the cells show and what they write is compared where they are executed, by nbval and by the
item ``results`` of `conftest`; `tests/test_results_item.py` has the tests of that item.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from nbformat.v4 import new_markdown_cell, new_notebook, new_output

from replication.config import NOTEBOOKS, ROOT
from replication.errors import ChapterError, RegistryError, SourceUnavailableError
from replication.page import chapters
from tests.support import rules

CHAPTERS = sorted(path.stem for path in NOTEBOOKS.glob("*.md"))
RESULTS = ROOT / "results"
MODEL = "01_baseline"
every_chapter = pytest.mark.parametrize("name", CHAPTERS)


@every_chapter
def test_the_halves_of_a_pair_agree(name: str) -> None:
    pair = NOTEBOOKS / f"{name}.md", NOTEBOOKS / f"{name}.ipynb"
    assert chapters.compare_pair(*pair) == []


@every_chapter
def test_a_chapter_was_executed_in_order(name: str) -> None:
    assert chapters.not_in_order(NOTEBOOKS / f"{name}.ipynb") == []


@every_chapter
def test_a_chapter_tells_and_does_not_program(name: str) -> None:
    assert list(rules.cell_breaches(NOTEBOOKS / f"{name}.md")) == []


@every_chapter
def test_a_chapter_opens_under_its_name_and_shows_its_source(name: str) -> None:
    assert list(rules.opening_breaches(NOTEBOOKS / f"{name}.md")) == []


@every_chapter
def test_what_a_chapter_shows_is_in_results_and_is_described(name: str) -> None:
    assert list(rules.output_breaches(NOTEBOOKS / f"{name}.ipynb", RESULTS / name)) == []


def test_names_are_unique_and_results_complete() -> None:
    assert list(rules.name_breaches([NOTEBOOKS / f"{name}.md" for name in CHAPTERS])) == []
    assert list(rules.registry_breaches(RESULTS, CHAPTERS)) == []


def test_numbers_in_prose_are_registered_and_used() -> None:
    pages = {
        f"{path.parent.name}/{path.name}": path.read_text(encoding="utf-8")
        for path in [*NOTEBOOKS.glob("*.md"), *(ROOT / "book").glob("*.md")]
    }
    assert list(rules.glue_breaches(pages, RESULTS)) == []


def test_every_chapter_is_in_the_book() -> None:
    contents = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    assert [name for name in CHAPTERS if f"file: notebooks/{name}.ipynb\n" not in contents] == []


# Each check sees its fault: on copies, one fault at a time --------------------------------------


@pytest.fixture
def chapter(tmp_path: Path) -> Path:
    """A copy of a chapter and its results: ``x.md``, ``x.ipynb``, ``results/x``."""
    for suffix in (".md", ".ipynb"):
        shutil.copy(NOTEBOOKS / f"{MODEL}{suffix}", tmp_path)
    shutil.copytree(RESULTS / MODEL, tmp_path / "results" / MODEL)
    return tmp_path


def differences(chapter: Path) -> list[str]:
    return chapters.compare_results(chapter / "results" / MODEL, RESULTS / MODEL)


def edit_csv(path: Path, edit: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    edit(pd.read_csv(path)).to_csv(path, index=False, lineterminator="\n")


def edit_text(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def edit_outputs(path: Path, edit: Callable[[nbformat.NotebookNode], None]) -> None:
    notebook = nbformat.read(path, as_version=4)
    edit(notebook)
    nbformat.write(notebook, path)


def code(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def figure(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    outputs = [output for cell in code(notebook) for output in cell.outputs]
    return next(output for output in outputs if "image/png" in output.get("data", {}))


def test_a_copy_does_not_differ(chapter: Path) -> None:
    assert differences(chapter) == []
    assert list(rules.output_breaches(chapter / f"{MODEL}.ipynb", RESULTS / MODEL)) == []


@pytest.mark.parametrize(
    ("by", "red"), [(1e-4, True), (-1e-4, True), (1e-6, True), (1e-12, False), (-1e-12, False)]
)
def test_a_coefficient_may_differ_by_rounding_only(chapter: Path, by: float, red: bool) -> None:
    path = chapter / "results" / MODEL / "tab-did-ppml.csv"
    edit_csv(path, lambda t: t.assign(estimate=t["estimate"] + by * (t["model"] == "(3)")))
    found = differences(chapter)
    assert bool(found) == red
    if red:
        (line,) = found
        assert line.startswith(f"{MODEL}/tab-did-ppml.csv: column 'estimate', row 3: ")
        assert "(1 such rows)" in line


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda t: t.iloc[[1, 0, *range(2, len(t))]], "row 1"),
        (lambda t: t.iloc[:-1], "rows of"),
        (lambda t: t.rename(columns={"truth": "target"}), "rows of"),
        (lambda t: t.assign(truth=np.nan), "column 'truth', row 1"),
        (lambda t: t.assign(design="PPML"), "column 'design', row 1"),
        (lambda t: t.assign(lower="low"), "column 'lower' changed its type"),
    ],
)
def test_changed_data_of_a_figure_are_seen(
    chapter: Path, edit: Callable[[pd.DataFrame], pd.DataFrame], says: str
) -> None:
    edit_csv(chapter / "results" / MODEL / "fig-event-study.csv", edit)
    found = differences(chapter)
    assert found
    assert says in found[0]


def test_data_of_another_figure_are_seen(chapter: Path) -> None:
    folder = chapter / "results" / MODEL
    shutil.copy(folder / "fig-targets.csv", folder / "fig-event-study.csv")
    assert len(differences(chapter)) == 1


def test_a_word_that_pandas_takes_for_missing_is_a_word(tmp_path: Path) -> None:
    for side, word in (("fresh", "NA"), ("committed", "")):
        (tmp_path / side).mkdir()
        (tmp_path / side / "tab-x.csv").write_text(f"name,value\n{word},1.5\nx,\n")
    (line,) = chapters.compare_results(tmp_path / "fresh", tmp_path / "committed")
    assert "column 'name', row 1" in line


def test_a_file_too_few_or_too_many_is_seen(chapter: Path) -> None:
    folder = chapter / "results" / MODEL
    (folder / "fig-trends.png").rename(folder / "fig-other.png")
    assert differences(chapter) == [
        f"{MODEL}/fig-trends.png is committed and not made any more",
        f"{MODEL}/fig-other.png is made and not committed",
    ]


def test_a_digit_of_a_printed_table_is_seen(chapter: Path) -> None:
    printed = json.loads((RESULTS / MODEL / "numbers.json").read_text())["did_ppml"]["text"]
    edit_text(chapter / "results" / MODEL / "tab-did-ppml.tex", printed, "9.999")
    (line,) = differences(chapter)
    assert line.startswith(f"{MODEL}/tab-did-ppml.tex: line ")


def test_a_number_for_prose_is_seen(chapter: Path) -> None:
    path = chapter / "results" / MODEL / "numbers.json"
    registry = json.loads(path.read_text(encoding="utf-8"))
    registry["did_ppml"]["value"] *= 1 + 1e-12
    path.write_text(json.dumps(registry), encoding="utf-8")
    assert differences(chapter) == []
    registry["did_ppml"]["value"] += 1e-4
    del registry["did_ols"]
    path.write_text(json.dumps(registry), encoding="utf-8")
    first, second = differences(chapter)
    assert "'did_ols' is None, committed" in first
    assert "'did_ppml' is {" in second


def test_an_edit_of_one_half_is_seen(chapter: Path) -> None:
    pair = chapter / f"{MODEL}.md", chapter / f"{MODEL}.ipynb"
    assert chapters.compare_pair(*pair) == []
    edit_text(pair[0], 'scale="log1p", effects', 'scale="asinh", effects')
    (line,) = chapters.compare_pair(*pair)
    assert f"edit the .md, then `replication run --update {MODEL}`" in line
    shutil.copy(NOTEBOOKS / f"{MODEL}.md", chapter)
    edit_outputs(pair[1], lambda n: n.cells.append(new_markdown_cell("one more")))
    assert len(chapters.compare_pair(*pair)) == 1
    shutil.copy(NOTEBOOKS / f"{MODEL}.ipynb", chapter)
    edit_text(pair[0], "# Baseline", "# Basis")
    assert "first in cell 0" in chapters.compare_pair(*pair)[0]


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda n: code(n)[3].update(execution_count=None), "not executed in order"),
        (lambda n: code(n)[3].update(execution_count=99), "not executed in order"),
        (
            lambda n: code(n)[0].outputs.append(new_output("error", ename="E", evalue="v")),
            "a cell ended in an error",
        ),
    ],
)
def test_an_execution_out_of_order_or_in_error_is_seen(
    chapter: Path, edit: Callable[[nbformat.NotebookNode], None], says: str
) -> None:
    path = chapter / f"{MODEL}.ipynb"
    edit_outputs(path, edit)
    (line,) = chapters.not_in_order(path)
    assert says in line


def run_of(chapter: Path, edit: Callable[[nbformat.NotebookNode], object]) -> chapters.Run:
    """A run whose outputs are the committed ones but for an edit."""
    notebook = nbformat.read(NOTEBOOKS / f"{MODEL}.ipynb", as_version=4)
    edit(notebook)
    return chapters.Run(MODEL, notebook, chapter / "results" / MODEL, 1.0, 1.0)


def test_the_committed_outputs_do_not_differ_from_themselves(chapter: Path) -> None:
    assert chapters.compare(run_of(chapter, lambda notebook: None)) == []


@pytest.mark.parametrize(
    "edit",
    [
        lambda n: next(c for c in code(n) if c.outputs).outputs.clear(),
        lambda n: code(n)[0].outputs.append(new_output("stream", name="stdout", text="hello")),
        lambda n: figure(n).metadata["image/png"].update(alt="A figure of something else."),
        lambda n: figure(n).metadata.clear(),
    ],
    ids=["cleared", "one more", "another alternative text", "no alternative text"],
)
def test_a_changed_output_is_seen(
    chapter: Path, edit: Callable[[nbformat.NotebookNode], object]
) -> None:
    (line,) = chapters.compare(run_of(chapter, edit))
    assert "the output is not the committed one" in line


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda n: figure(n).metadata["image/png"].update(alt="fig-outcome.png"), "no sentence"),
        (lambda n: figure(n).metadata["image/png"].update(alt=""), "no sentence"),
        (
            lambda n: figure(n).metadata["image/png"].update(alt="Mean outcome is nan in 2018."),
            "holds no number",
        ),
        (lambda n: figure(n).data.update({"image/png": "AAAA"}), "figures are not those"),
        (lambda n: next(c for c in code(n) if c.outputs).outputs.clear(), "tables are not those"),
    ],
)
def test_an_output_that_results_do_not_hold_is_seen(
    chapter: Path, edit: Callable[[nbformat.NotebookNode], None], says: str
) -> None:
    path = chapter / f"{MODEL}.ipynb"
    edit_outputs(path, edit)
    (line,) = rules.output_breaches(path, RESULTS / MODEL)
    assert says in line


PAGE = """\
# A page

{{source-badge}}`{badge}`

```{{code-cell}} ipython3
from replication.exhibit.publish import chapter, number, publish

chapter("{name}", source="simulated")
```

It is {{glue:text}}`share` %.

```{{code-cell}} ipython3
{code}
```
"""


def page(
    folder: Path, code: str = "number('share', 1)", name: str = "x", badge: str = "simulated"
) -> Path:
    path = folder / "x.md"
    path.write_text(PAGE.format(code=code, name=name, badge=badge), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("def f():\n    return 1", "line 1: defines a function"),
        ("x = 1\nclass C:\n    x = 1", "line 2: defines a class"),
        ("for i in range(3):\n    print(i)", "line 1: loops"),
        ("while True:\n    break", "line 1: loops"),
        ("f = lambda x: x", "line 1: holds a lambda"),
        ("import matplotlib.pyplot as plt", "line 1: imports matplotlib"),
        ("from seaborn import lineplot", "line 1: imports seaborn"),
        ("\n".join(["x = 1"] * 41), "has 41 lines, more than 40"),
    ],
)
def test_code_that_belongs_in_the_library_is_seen(tmp_path: Path, source: str, says: str) -> None:
    assert list(rules.cell_breaches(page(tmp_path))) == []
    (line,) = rules.cell_breaches(page(tmp_path, source))
    assert line.startswith("x.md, code cell 1")
    assert says in line


def test_a_comprehension_and_forty_lines_are_no_breach(tmp_path: Path) -> None:
    source = "\n".join(["x = {n: [n] for n in range(3)}"] * 40)
    assert list(rules.cell_breaches(page(tmp_path, source))) == []


def test_a_wrong_opening_is_seen(tmp_path: Path) -> None:
    assert list(rules.opening_breaches(page(tmp_path))) == []
    assert list(rules.opening_breaches(page(tmp_path, name="y")))
    assert list(rules.opening_breaches(page(tmp_path, badge="open")))
    assert list(rules.opening_breaches(page(tmp_path, badge="simulated open")))
    assert list(rules.opening_breaches(page(tmp_path, code="chapter('x', source='open')")))
    # An exhibit of another source is told by the badge, too.
    other = "publish('tab-x', t, title='x', source='coded')"
    assert list(rules.opening_breaches(page(tmp_path, code=other)))
    assert list(rules.opening_breaches(page(tmp_path, code=other, badge="simulated coded"))) == []
    edit_text(page(tmp_path), "{source-badge}", "{none}")
    assert list(rules.opening_breaches(tmp_path / "x.md"))
    edit_text(page(tmp_path), 'chapter("x"', 'print("x"')
    assert list(rules.opening_breaches(tmp_path / "x.md"))


def test_a_name_given_twice_or_computed_is_seen(tmp_path: Path) -> None:
    path = page(tmp_path)
    assert list(rules.name_breaches([path])) == []
    assert list(rules.name_breaches([path, path])) == ["number('share') is called 2 times"]
    publish = "publish('fig-x', a, title='t')\npublish('fig-x', b, title='t')"
    assert list(rules.name_breaches([page(tmp_path, publish)])) == [
        "publish('fig-x') is called 2 times"
    ]
    (line,) = rules.name_breaches([page(tmp_path, "number(f'share_{i}', 1)")])
    assert "is not written out" in line


def test_a_wrong_registry_is_seen(tmp_path: Path) -> None:
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "exhibits.json").write_text('{"tab-a": {}}')
        (tmp_path / name / "tab-a.csv").write_text("a\n1\n")
    (tmp_path / "x" / "tab-a.tex").write_text("")
    found = list(rules.registry_breaches(tmp_path, ["x"]))
    assert found == [
        "results/ holds ['x', 'y'], the chapters are ['x']",
        "'tab-a' is in 2 files exhibits.json",
        "results/y: files of no exhibit or none: ['tab-a.tex']",
    ]


def test_a_wrong_reference_to_a_number_is_seen(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    entry = {"value": 1.0, "text": "1.0"}
    (tmp_path / "x" / "numbers.json").write_text(json.dumps({"share": entry, "mean": entry}))
    good = {
        "notebooks/x.md": "{glue:text}`share`",
        "book/y.md": "{glue:}`notebooks/x.ipynb::mean`",
    }
    assert list(rules.glue_breaches(good, tmp_path)) == []
    wrong = {
        "notebooks/x.md": "{glue:text}`shares`",
        "notebooks/z.md": "{glue:text}`share`",
        "book/y.md": "{glue:}`notebooks/z.ipynb::share` {glue:text}`share`",
    }
    assert list(rules.glue_breaches(wrong, tmp_path)) == [
        "notebooks/x.md: no number 'shares' is registered",
        "notebooks/z.md: 'share' is a number of x, not of z",
        "book/y.md: 'share' is a number of x, not of z",
        "book/y.md: 'share' is a number of x, not of y",
        "number 'mean' is nowhere used",
    ]


# Running --------------------------------------------------------------------------------------

CHAPTER = """\
---
kernelspec:
  display_name: Python 3
  name: python3
---

# A small chapter

```{code-cell} ipython3
import os
from pathlib import Path

folder = Path(os.environ["REPLICATION_RESULTS"]) / "small"
folder.mkdir(parents=True)
(folder / "tab-x.csv").write_text("x\\n1\\n")
print(Path.cwd().name)
```

```{code-cell} ipython3
%s
```
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project that the module works in."""
    for name in ("notebooks", "results"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(chapters, "ROOT", tmp_path)
    monkeypatch.setattr(chapters, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setattr(chapters, "BUILD", tmp_path / "build")
    return tmp_path


def write(project: Path, code: str) -> None:
    (project / "notebooks" / "small.md").write_text(CHAPTER % code, encoding="utf-8")


def test_a_run_is_kept_and_then_as_committed(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project, "print(2 + 2)")
    (project / "build" / "results" / "small").mkdir(parents=True)
    (project / "build" / "results" / "small" / "old.csv").write_text("of an earlier run")
    assert chapters.run(["small", "small"]).differences == [
        "small.ipynb is not there: `replication run --update small` makes it"
    ]
    run = chapters.execute("small", project / "build" / "results")
    chapters.update({"small": run})
    committed = nbformat.read(project / "notebooks" / "small.ipynb", as_version=4)
    assert [cell.id for cell in committed.cells] == ["cell-00", "cell-01", "cell-02"]
    assert [o.text for c in code(committed) for o in c.outputs] == ["notebooks\n", "4\n"]
    assert [path.name for path in (project / "results" / "small").iterdir()] == ["tab-x.csv"]
    assert set(json.loads((project / "results" / "runs.json").read_text())) == {"small"}
    assert chapters.compare(run) == []
    first = (project / "notebooks" / "small.ipynb").read_bytes()
    chapters.update({"small": run})
    assert (project / "notebooks" / "small.ipynb").read_bytes() == first
    said = capsys.readouterr().out
    assert "running 1 chapters: small" in said
    assert "  small: " in said


def test_keeping_a_run_leaves_numbers_that_differ_by_rounding(project: Path) -> None:
    kept, fresh = project / "results" / "small", project / "fresh"
    for folder, files in (
        (kept, {"tab-a.csv": "x\n0.25\n", "tab-b.csv": "x\n0.25\n", "tab-old.csv": "x\n1\n"}),
        (fresh, {"tab-a.csv": "x\n0.250000000001\n", "tab-b.csv": "x\n0.26\n", "tab-c.tex": "c"}),
    ):
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text)
    run = chapters.Run("small", new_notebook(), fresh, 1.0, 1.0)
    chapters.update({"small": run})
    assert {path.name: path.read_text() for path in kept.iterdir()} == {
        "tab-a.csv": "x\n0.25\n",
        "tab-b.csv": "x\n0.26\n",
        "tab-c.tex": "c",
    }


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("1 / 0", "small.md, cell 2: ZeroDivisionError: division by zero\n\n1 / 0"),
        ("os._exit(1)", "small.md, cell 2: the kernel died"),
    ],
)
def test_a_cell_that_fails_is_named(project: Path, source: str, says: str) -> None:
    write(project, source)
    with pytest.raises(ChapterError) as error:
        chapters.execute("small", project / "build" / "results")
    assert says in str(error.value)


def test_a_chapter_whose_data_are_not_to_be_had_is_left_and_said(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project, "1 / 0")
    monkeypatch.setattr(chapters, "DOWNLOADS", {"small": ["evaluation"]})
    monkeypatch.setenv("REPLICATION_CACHE", str(project / "cache"))
    monkeypatch.delenv("REPLICATION_OPEN_DATA", raising=False)
    # A host that answers nothing: the discard port of this machine.
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    outcome = chapters.run(keep=True)
    assert outcome.differences == []
    assert list(outcome.not_run) == ["small"]
    assert "could not get evaluation-2017" in outcome.not_run["small"]
    said = capsys.readouterr().out
    assert "small is not run, its committed outputs stand: could not get" in said
    assert outcome.verdict.endswith("as committed, except of what did not run: small")
    with pytest.raises(SourceUnavailableError, match="small cannot run: could not get"):
        chapters.run(["small"])


def test_an_unknown_chapter_is_named(project: Path) -> None:
    write(project, "")
    assert chapters.chapters() == chapters.chapters([]) == ["small"]
    with pytest.raises(RegistryError, match="no chapter large: there are small"):
        chapters.chapters(["large", "small"])
