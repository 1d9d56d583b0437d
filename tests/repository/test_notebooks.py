"""Every chapter keeps the house rules; and each rule sees what it is there for."""

import json
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from replication.config import NOTEBOOKS, ROOT
from tests.support import rules
from tests.support.chapter import (
    CHAPTERS,
    MODEL,
    RESULTS,
    code,
    copy_chapter,
    edit_outputs,
    edit_text,
    every_chapter,
    figure,
)


@every_chapter
def test_a_chapter_tells_and_does_not_program(name: str) -> None:
    assert list(rules.cell_breaches(NOTEBOOKS / f"{name}.md")) == []


@every_chapter
@pytest.mark.parametrize("half", [".md", ".ipynb"])
def test_no_output_is_hidden_from_a_reader_or_from_the_comparison(name: str, half: str) -> None:
    assert list(rules.metadata_breaches(NOTEBOOKS / f"{name}{half}")) == []


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


# Each rule sees its fault: on copies, one fault at a time ---------------------------------------


@pytest.fixture
def chapter(tmp_path: Path) -> Path:
    return copy_chapter(tmp_path)


def test_a_copy_breaks_no_rule(chapter: Path) -> None:
    assert list(rules.output_breaches(chapter / f"{MODEL}.ipynb", RESULTS / MODEL)) == []


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
    for computed in ("number(f'share_{i}', 1)", "numbers({'a': 1, **more})", "numbers(name, row)"):
        (line,) = rules.name_breaches([page(tmp_path, computed)])
        assert "is not written out" in line


def test_names_of_several_numbers_in_one_call_are_seen(tmp_path: Path) -> None:
    several = "numbers({'share': 1, 'did_se': 2}, '{:,d}')\nnumbers('did', row)"
    assert list(rules.name_breaches([page(tmp_path, several)])) == [
        "number('did_se') is called 2 times"
    ]
    twice = f"{several}\nnumber('share', 1)"
    assert "number('share') is called 2 times" in rules.name_breaches([page(tmp_path, twice)])


def test_calls_through_the_library_are_seen(tmp_path: Path) -> None:
    through = "import replication as rp\nrp.publish('fig-x', a)\nrp.publish('fig-x', b)\n"
    through += "rp.numbers('did', row)\nrp.number('did_p', 1)\nother.number('did', 1)"
    path = page(tmp_path, through)
    assert list(rules.name_breaches([path])) == [
        "publish('fig-x') is called 2 times",
        "number('did_p') is called 2 times",
    ]
    edit_text(path, 'chapter("x", source="simulated")', "import replication as rp\n\npass")
    assert "must be called once" in next(rules.opening_breaches(path))
    edit_text(path, "pass", 'rp.chapter("x", source="simulated")')
    assert list(rules.opening_breaches(path)) == []
    edit_text(path, "rp.publish('fig-x', a)", "rp.publish('fig-x', a, source='coded')")
    assert "its badge says" in next(rules.opening_breaches(path))


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


def test_of_the_numbers_of_a_coefficient_one_must_be_used(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    entry = {"value": 1.0, "text": "1.0"}
    names = [f"{base}{end}" for base in ("a", "b") for end in ("", "_se", "_lower", "_upper", "_p")]
    text = json.dumps(dict.fromkeys([*names, "c", "c_se"], entry))
    (tmp_path / "x" / "numbers.json").write_text(text)
    page = {"notebooks/x.md": "{glue:text}`a_se` {glue:text}`c_se`"}
    unused = sorted(["c", *(n for n in names if n.startswith("b"))])
    assert list(rules.glue_breaches(page, tmp_path)) == [
        f"number {name!r} is nowhere used" for name in unused
    ]
