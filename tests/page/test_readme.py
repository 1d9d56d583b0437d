"""The generated parts of the README are what the registry and the runs say."""

import json
import re
from pathlib import Path

import pytest

from replication.config import NOTEBOOKS, ROOT
from replication.errors import RegistryError
from replication.exhibit.publish import load_registry
from replication.page import readme

README = ROOT / "README.md"
PLACES = """\
# Title

<!-- exhibits -->
old
<!-- end of exhibits -->

Text between.

<!-- costs -->
<!-- end of costs -->
"""


def test_the_readme_is_current() -> None:
    text = README.read_text(encoding="utf-8")
    assert readme.generate(text) == text, "run `make readme`"


def test_generating_twice_changes_nothing() -> None:
    once = readme.generate(PLACES)
    assert once != PLACES
    assert readme.generate(once) == once
    assert "old" not in once
    assert "# Title\n" in once
    assert "\nText between.\n" in once


def test_every_exhibit_is_listed_with_the_line_that_publishes_it() -> None:
    listed = readme.exhibits().splitlines()[2:]
    registry = load_registry(ROOT / "results").to_dict("records")
    assert len(listed) == len(registry) > 5
    for row, exhibit in zip(listed, registry, strict=True):
        assert exhibit["title"].replace("|", r"\|") in row
        assert f"| {exhibit['source']} |" in row
        program, line = re.findall(r"`(notebooks/\w+\.md)` \| (\d+) \|", row)[0]
        source = (ROOT / program).read_text(encoding="utf-8").splitlines()
        near = "".join(source[int(line) - 2 : int(line)])
        assert f'"{exhibit["name"]}"' in source[int(line) - 1]
        assert "publish(" in near
        links = re.findall(r"\]\(([^)]+)\)", row)
        assert len(links) == 2
        for link in links:
            assert (ROOT / link).is_file(), link


def test_every_notebook_has_its_measured_cost() -> None:
    rows = readme.costs().splitlines()[2:]
    names = [re.findall(r"`(\w+)`", row)[0] for row in rows]
    assert names == sorted(path.stem for path in NOTEBOOKS.glob("*.md"))
    for row in rows:
        seconds, megabytes = re.findall(r"\| (\d+) ", row)
        assert 0 < int(seconds) < 600
        assert 100 < int(megabytes) < 8000


@pytest.mark.parametrize("name", ["exhibits", "costs"])
def test_a_missing_place_is_named(name: str) -> None:
    with pytest.raises(RegistryError, match=f"no place for {name}: add <!-- {name} -->"):
        readme.generate(PLACES.replace(f"<!-- end of {name} -->", ""))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one exhibit."""
    (tmp_path / "results" / "x").mkdir(parents=True)
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "x.md").write_text('publish(\n    "tab-a",\n)\n')
    entry = {"kind": "tab", "title": "P(a | b)", "source": "open", "note": ""}
    (tmp_path / "results" / "x" / "exhibits.json").write_text(json.dumps({"tab-a": entry}))
    monkeypatch.setattr(readme, "ROOT", tmp_path)
    monkeypatch.setattr(readme, "NOTEBOOKS", tmp_path / "notebooks")
    return tmp_path


def test_a_bar_in_a_title_does_not_end_the_cell(project: Path) -> None:
    assert readme.exhibits().splitlines()[2] == (
        r"| Table: P(a \| b) | open | `notebooks/x.md` | 2 | "
        "[csv](results/x/tab-a.csv), [tex](results/x/tab-a.tex) |"
    )


def test_an_exhibit_that_is_not_published_any_more_is_named(project: Path) -> None:
    (project / "notebooks" / "x.md").write_text("")
    with pytest.raises(RegistryError, match=r"x\.md publishes no 'tab-a': `replication run"):
        readme.exhibits()
    (project / "notebooks" / "x.md").unlink()
    with pytest.raises(RegistryError, match="results/x belongs to no chapter: remove it"):
        readme.exhibits()


def test_costs_that_were_never_measured_are_named(project: Path) -> None:
    with pytest.raises(RegistryError, match=r"runs\.json is not there: `replication run --update`"):
        readme.costs()


def test_writing_changes_the_generated_parts_only(project: Path) -> None:
    (project / "results" / "runs.json").write_text('{"x": {"seconds": 3, "megabytes": 250.0}}')
    path = project / "README.md"
    path.write_text(PLACES, encoding="utf-8")
    readme.write(path)
    text = path.read_text(encoding="utf-8")
    assert "| `x` | 3 | 250 |" in text
    assert re.sub(r"(<!-- (\w+) -->\n).*?(<!-- end of \2 -->)", r"\1\3", text, flags=re.DOTALL) == (
        PLACES.replace("old\n", "")
    )
