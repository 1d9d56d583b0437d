"""Building the book: what differs or is wrong is said, and decides the exit code."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from replication.page import book, chapters
from replication.page.chapters import Outcome
from replication.page.verification import render

SOUND = """\
<html><head><title>Home</title></head><body>
<p class="source-badges"><span class="source-badge">None</span></p></body></html>"""

# Stands in for `jupyter-book build <root> … --path-output <out>`: a site in a moment.
BUILDER = """
import sys
from pathlib import Path
site = Path(sys.argv[sys.argv.index("--path-output") + 1]) / "_build" / "html"
site.mkdir(parents=True)
(site / "index.html").write_text({page!r})
sys.stderr.write({said!r})
sys.exit({code})
"""


@pytest.fixture
def builder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Puts a builder with a given end in the place of Jupyter Book."""
    monkeypatch.setattr(book, "ROOT", tmp_path)
    monkeypatch.setattr(render, "BUILD", tmp_path / "build")
    monkeypatch.setattr(book.build_site, "__defaults__", (tmp_path, None))

    def replace(page: str = SOUND, said: str = "", code: int = 0) -> None:
        script = BUILDER.format(page=page, said=said, code=code)
        monkeypatch.setattr(book, "JUPYTER_BOOK", [sys.executable, "-c", script])

    return replace


def differing(monkeypatch: pytest.MonkeyPatch, *differences: str) -> None:
    monkeypatch.setattr(chapters, "run", lambda *_, **__: Outcome(list(differences)))


def test_a_site_is_built_with_warnings_as_errors(
    builder: Callable[..., None], tmp_path: Path
) -> None:
    builder()
    assert book.build_site(tmp_path / "out") == (tmp_path / "out" / "_build" / "html", [])
    script = "import sys; sys.stderr.write(' '.join(sys.argv[1:]) + ' ERROR'); sys.exit(1)"
    book.JUPYTER_BOOK[2] = script
    _, (said,) = book.build_site(tmp_path / "other")
    assert said == (
        f"build {tmp_path} -W --keep-going --all -q --path-output {tmp_path / 'other'} ERROR"
    )


@pytest.mark.parametrize(
    ("said", "code", "problems"),
    [
        ("", 0, []),
        (
            "reading ...\nx.md:3: WARNING: no such page\ndone\n",
            1,
            ["x.md:3: WARNING: no such page"],
        ),
        ("x.md:3: WARNING: no such page\n", 0, ["x.md:3: WARNING: no such page"]),
        ("x.md:3: ERROR: a\ny.md:1: WARNING: b\n", 2, ["x.md:3: ERROR: a", "y.md:1: WARNING: b"]),
        (
            "Extension error:\nno module named z\n",
            2,
            ["jupyter-book ended with 2: Extension error: / no module named z"],
        ),
        ("", 3, ["jupyter-book ended with 3: "]),
    ],
)
def test_what_the_builder_says_is_handed_on(
    builder: Callable[..., None], tmp_path: Path, said: str, code: int, problems: list[str]
) -> None:
    builder(said=said, code=code)
    assert book.build_site(tmp_path)[1] == problems


def test_a_sound_book_ends_with_0(
    builder: Callable[..., None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    builder()
    differing(monkeypatch)
    assert book.make() == 0
    site = tmp_path / "_build" / "html" / "index.html"
    assert capsys.readouterr().out.splitlines() == [
        "building the site",
        "every output and result is as committed",
        f"the site: {site}",
    ]


def test_what_did_not_run_is_told_to_the_builder_and_in_the_last_lines(
    builder: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    builder()
    book.JUPYTER_BOOK[2] = (
        book.JUPYTER_BOOK[2]
        .replace(
            "sys.stderr.write('')",
            "sys.stderr.write('WARNING ' + os.environ['REPLICATION_NOT_RUN'])",
        )
        .replace("import sys\n", "import os, sys\n", 1)
    )
    not_run = {"05_real_universities": "no network", "x": "no data"}
    monkeypatch.setattr(chapters, "run", lambda *_, **__: Outcome([], not_run))
    book.make()
    lines = capsys.readouterr().out.splitlines()
    assert f"site: WARNING {json.dumps(not_run)}" in lines
    assert lines[-2:] == ["05_real_universities did not run: no network", "x did not run: no data"]
    assert "except of what did not run: 05_real_universities, x" in lines[-4]


def test_differences_are_said_and_end_with_1(
    builder: Callable[..., None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    builder()
    differing(
        monkeypatch, "x.ipynb, cell 1: the output is not the committed one", "x/tab.csv: row 1"
    )
    assert book.make() == 1
    said = capsys.readouterr().out
    assert "differs from what is committed: x.ipynb, cell 1: the output is not the" in said
    assert "differs from what is committed: x/tab.csv: row 1" in said
    assert "is as committed" not in said
    assert f"the site: {tmp_path}" in said


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"said": "x.md:3: WARNING: no such page\n"}, "site: x.md:3: WARNING: no such page"),
        ({"page": SOUND.replace("Home", "")}, "site: index.html: no title"),
        ({"page": SOUND + '<a href="gone.html">x</a>'}, "is not there: gone.html"),
        ({"code": 2}, "site: jupyter-book ended with 2"),
    ],
)
def test_problems_of_the_site_are_said_and_end_with_1(
    builder: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: dict[str, object],
    says: str,
) -> None:
    builder(**options)
    differing(monkeypatch)
    assert book.make() == 1
    assert says in capsys.readouterr().out


def test_a_site_that_is_not_there_is_said(
    builder: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    builder()
    book.JUPYTER_BOOK[2] = "import sys; sys.exit('cannot start')"
    differing(monkeypatch)
    assert book.make() == 1
    said = capsys.readouterr().out
    assert "site: jupyter-book ended with 1: cannot start" in said
    assert "no index.html; build the book first" in said
    assert said.endswith("the site: not built\n")
