"""What the README and the pages tell a reader to type works: code, commands, targets, paths."""

import ast
import math
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest

import replication as rp
from replication import cli
from replication.arguments import parser
from replication.config import ROOT
from replication.estimate import few_clusters
from replication.page import chapters

# The pages show one treated state, and say themselves what its standard error is worth.
pytestmark = pytest.mark.filterwarnings("ignore::replication.errors.FewClustersWarning")

STUDENTS = ROOT / "book" / "students.md"
README = ROOT / "README.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
PAGES = [
    README,
    CONTRIBUTING,
    *sorted((ROOT / "book").glob("*.md")),
    *sorted((ROOT / "notebooks").glob("*.md")),
]

HEADING = re.compile(r"#{1,6} (.+)")
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
CONSOLE = re.compile(r"^(?:\$|>) (.+)$", re.MULTILINE)
# What commands write and git ignores.
MADE = ("data/records", "data/restricted/")
# What a reader is told to write.
NEW = ("notebooks/06_name", "results/06_name")
# Commands that are written without what they need, to name them.
PLACEHOLDER = re.compile(r"\b(COMMAND|DIR|FILE)\b|…")


def python_fences(page: Path) -> list[tuple[str, str]]:
    """Heading and code of each Python fence; blank lines keep the page's line numbers."""
    found, heading, code = [], "", None
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines()):
        if code is not None and line == "```":
            found.append((heading, code))
            code = None
        elif code is not None:
            code += line + "\n"
        elif line == "```python":
            code = "\n" * (number + 1)
        elif match := HEADING.match(line):
            heading = match[1]
    return found


def run(code: str, namespace: dict[str, Any], page: Path) -> Any:
    """Execute a fence as a notebook's cell: the value of a last line that is an expression."""
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, str(page), "exec"), namespace)
    if not isinstance(last, ast.Expr):
        return None
    return eval(compile(ast.Expression(last.value), str(page), "eval"), namespace)


@pytest.fixture(scope="module")
def shown() -> dict[str, Any]:
    """What a student sees under each heading who pastes the page from top to bottom."""
    namespace: dict[str, Any] = {}
    fences = python_fences(STUDENTS)
    assert len(fences) >= 9
    return {heading: run(code, namespace, STUDENTS) for heading, code in fences}


def test_the_example_on_other_data_returns_the_number_in_print(shown: dict[str, Any]) -> None:
    rows = tomllib.loads((ROOT / "data" / "published.toml").read_text("utf-8"))["published"]
    (printed,) = [row["value"] for row in rows if row["id"] == "organ-estimate"]
    assert f"{shown['On your own data'].estimate:.3f}" == printed


def test_methods_disagree_about_one_treated_state_as_the_page_says() -> None:
    (code,) = [code for heading, code in python_fences(STUDENTS) if heading == "On your own data"]
    names: dict[str, Any] = {"rp": rp}
    run(code, names, STUDENTS)
    p = few_clusters.compare(names["mine"], names["donors"].sample.design)["p_value"]
    assert (p[[few_clusters.CLUSTERED, few_clusters.CR2]] < 0.01).all()
    assert (p[[few_clusters.WILD, few_clusters.PERMUTED]] > 0.1).all()
    assert math.isnan(p[few_clusters.CR3])


def test_exposed_universities_file_more_whatever_exchange_does(shown: dict[str, Any]) -> None:
    assert shown["1. The naive comparison"][True] > shown["1. The naive comparison"][False]


def test_the_unit_of_the_count_moves_the_logarithm_only(shown: dict[str, Any]) -> None:
    once, tenfold, count, tenfold_count = shown["3. One plus y"]
    assert abs(tenfold / once - 1) > 0.1
    assert count == pytest.approx(tenfold_count, rel=1e-6)


def test_clustering_below_the_treatment_looks_too_precise(shown: dict[str, Any]) -> None:
    by_university, by_cell = shown["4. Cluster where treatment varies"]
    assert by_cell < 0.8 * by_university


def test_shuffled_exposure_is_significant_about_one_time_in_twenty(shown: dict[str, Any]) -> None:
    # More than 9 of 60 happen by luck less than once in a thousand times.
    assert shown["5. An effect that is not there"] <= 9 / 60


def test_parallel_planted_trends_pass_the_test_of_the_leads(shown: dict[str, Any]) -> None:
    assert shown["6. What the leads can and cannot tell"] > 0.05


def test_the_fall_of_a_coefficient_is_not_the_mediated_share(shown: dict[str, Any]) -> None:
    fall, planted = shown["7. Mediation"]
    assert 0 < fall < planted / 2


def test_the_broken_design_is_seen_and_misleads(shown: dict[str, Any]) -> None:
    estimate, truth = shown["8. A design that is broken on purpose"]
    assert estimate > 1.5 * truth


def typed(page: Path) -> list[str]:
    """What a page gives to type: lines of a console, and code in the text."""
    text = page.read_text(encoding="utf-8")
    return [line.partition("  #")[0] for line in [*CONSOLE.findall(text), *INLINE.findall(text)]]


def calls(page: Path, program: str) -> list[str]:
    """Arguments of each call of a program that a page gives."""
    call = re.compile(rf"(?:^|&& )(?:\.venv[/\\](?:bin|Scripts)[/\\])?{program} ([a-z][^&]*)")
    return [args.strip() for line in typed(page) for args in call.findall(line)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_are_ones_that_the_program_takes(
    page: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for call in filter(lambda call: not PLACEHOLDER.search(call), calls(page, "replication")):
        arguments = shlex.split(call)
        if len(arguments) == 1:  # named, not called: what it needs is left out
            arguments.append("--help")
        assert accepted(arguments), f"replication {call}: {capsys.readouterr().err}"


def accepted(arguments: list[str]) -> bool:
    """Whether the command's parser takes the arguments, or shows its help."""
    try:
        parser().parse_args(arguments)
    except SystemExit as end:
        return end.code == 0
    return True


def test_options_of_the_simulation_are_the_ones_described(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        cli.main(["simulate", "--help"])
    known = capsys.readouterr().out
    for page in (README, ROOT / "book" / "data.md"):
        options = [line.split() for line in typed(page) if line.startswith("--")]
        assert len(options) > 4
        for name, *values in options:
            assert name in known, f"{page.name}: {name}"
            assert name != "--effect" or values[0] in known, f"{page.name}: {name} {values}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_targets_are_in_the_makefile(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in (call.split()[0] for call in calls(page, "make")):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"make {target}"


def paths(page: Path) -> set[str]:
    """Files and folders of the project that a page names."""
    text = page.read_text(encoding="utf-8")
    names = {name for name in INLINE.findall(text) if re.fullmatch(r"[\w.*/-]+", name)}
    folder = re.compile(r"(?:src|data|book|notebooks|results|tests|tools|\.github)/")
    links = re.findall(r"\]\((?!https?:|#|\.\./)([^)#\s]+)\)", text) if page == README else []
    return {name for name in names if folder.match(name)} | set(links)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_are_named_are_there(page: Path) -> None:
    for name in sorted(paths(page)):
        if list(ROOT.glob(name)) or list(ROOT.glob(f"{name}.*")):
            continue
        assert name.startswith((*MADE, *NEW)), name


def test_readme_describes_every_folder_and_every_notebook() -> None:
    text = README.read_text(encoding="utf-8")
    folders, _, rest = text.partition("| Folder | What it does |")[2].partition("| Notebook |")
    source = ROOT / "src" / "replication"
    there = {path.parent.name for path in source.glob("*/__init__.py")}
    assert set(re.findall(r"^\| `(\w+)/` \|", folders, re.MULTILINE)) == there
    assert {f"{path.parent.name}/" for path in source.glob("*/*/__init__.py")} <= set(
        re.findall(r"`(\w+/)`", folders)
    )
    modules = {path.name for path in source.glob("*.py")} - {"__init__.py"}
    assert set(re.findall(r"`(\w+\.py)`", folders)) == modules
    assert sorted(re.findall(r"^\| `notebooks/(\w+)` \|", rest, re.MULTILINE)) == (
        chapters.chapters()
    )


def test_readme_begins_with_the_two_commands() -> None:
    first = README.read_text(encoding="utf-8").partition("```console\n")
    assert first[2].startswith("$ make book ")
    assert first[2].splitlines()[1].startswith("$ make test ")
    assert len(first[0].splitlines()) <= 5


def test_the_page_on_your_own_data_says_what_is_in_print() -> None:
    page = ROOT / "book" / "your_data.md"
    names: dict[str, Any] = {}
    fences = python_fences(page)
    assert len(fences) == 2
    for _, code in fences:
        assert len([line for line in code.splitlines() if line.strip()]) < 20
        run(code, names, page)
    rows = tomllib.loads((ROOT / "data" / "published.toml").read_text("utf-8"))["published"]
    (printed,) = [row["value"] for row in rows if row["id"] == "organ-estimate"]
    assert f"{names['effect']['california × post'].estimate:.3f}" == printed
    p = names["methods"]["p_value"]
    assert p[few_clusters.CLUSTERED] < 0.01 < 0.05 < p[few_clusters.PERMUTED]
    # Two years: the mean change of firms with a grant less that of the others.
    wide = names["firms"].pivot(index="fcode", columns="year", values="lscrap").dropna()
    change = wide[1988] - wide[1987]
    granted = names["firms"].groupby("fcode")["granted"].first()[wide.index] == 1
    by_hand = change[granted].mean() - change[~granted].mean()
    assert names["scrap"]["granted × post"].estimate == pytest.approx(by_hand, abs=1e-9)
    assert len(names["firms_left_out"]) == 1 + names["firms"]["fcode"].nunique()
    assert "california × post" in names["table"].data.to_string()
