"""The report says the same as text, as JSON, as a page and on the site."""

import json
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from replication.page.verification import render
from replication.page.verification.commitment import Commitment
from replication.page.verification.report import Cost, Report, Row

ROWS = (
    Row("a", "tab-x", "table", "A <b>table</b>", 2, ("results/a/tab-x.csv",), "identical"),
    Row(
        "a", "tab-y", "table", "Another", 3, ("results/a/tab-y.csv",), "within tolerance",
        2e-12, 4e-12, "column 'p', row 1",
    ),
    Row(
        "b", "fig-z", "figure", "A figure", 1, ("results/b/fig-z.csv",), "different",
        0.001, 0.01, "column 'x', row 2", ("fig-z.csv: column 'x', row 2: 1.1, committed 1.0",),
    ),
)  # fmt: skip


def report(rows: tuple[Row, ...] = ROWS, edited: dict[str, str] | None = None) -> Report:
    costs = (Cost("a", 3.4, 410.2, (7, 2026)), Cost("b", 12.0, 380.0, ()))
    against = Commitment("git", "abc1234 of 2026-01-01", edited or {})
    return Report(against, "2026-01-02 03:04", {"Python": "3.11"}, costs, rows, {"c": "no file"})


def test_text_has_a_line_a_notebook_and_names_what_differs() -> None:
    text = render.as_text(report(edited={"results/a/tab-x.csv": "edited"}))
    lines = text.splitlines()
    assert lines[0] == "compared with the git commit abc1234 of 2026-01-01"
    assert lines[1] == "  a: 1 identical, 1 within tolerance; 3 s, 410 MB, seeds 7, 2026"
    assert lines[2] == "  b: 1 different; 12 s, 380 MB, seeds the verbs' own"
    assert "  b, fig-z (figure), by up to 0.001 (0.01 of the committed, column 'x', row 2)" in lines
    assert "    fig-z.csv: column 'x', row 2: 1.1, committed 1.0" in lines
    assert "  results/a/tab-x.csv: edited" in lines
    assert "c did not run: no file" in lines
    assert lines[-1] == (
        "NOT verified: 3 exhibits: 1 identical, 1 within tolerance, 1 different; "
        "1 files here are not as committed; 1 chapters did not run"
    )


@pytest.mark.parametrize(
    ("rows", "edited", "verified"),
    [(ROWS[:2], {}, True), (ROWS, {}, False), (ROWS[:2], {"src/x.py": "edited"}, False)],
)
def test_verified_is_said_only_of_committed_files_that_came_out_again(
    rows: tuple[Row, ...], edited: dict[str, str], verified: bool
) -> None:
    said = report(rows, edited)
    assert json.loads(render.as_json(said))["verified"] is verified
    assert render.verdict(said).startswith("verified:" if verified else "NOT verified:")


def test_the_page_stands_alone_and_escapes_what_it_shows(tmp_path: Path) -> None:
    paths = render.write(report(), tmp_path / "new" / "r.json", tmp_path / "r.html")
    assert [path.name for path in paths] == ["r.json", "r.html"]
    page = BeautifulSoup(paths[1].read_text(encoding="utf-8"), "lxml")
    assert not page.select("[src], link, script")
    assert [tr["class"] for tr in page.select("tr[class]")] == [
        ["identical"], ["within", "tolerance"], ["different"],
    ]  # fmt: skip
    assert "A <b>table</b>" in page.text


def test_the_site_shows_the_last_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "BUILD", tmp_path)
    assert "built without running" in render.page_markdown()
    render.write(report())
    shown = render.page_markdown()
    assert "### b" in shown
    assert "1.1, committed 1.0" in shown
    assert "c did not run: no file" in shown
