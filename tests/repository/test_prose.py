"""Prose types no number that is computed, words none as a finding, and files name no machine."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from replication.config import NOTEBOOKS, ROOT
from tests.support import rules

PAGES = [ROOT / "README.md", *sorted((ROOT / "book").glob("*.md")), *sorted(NOTEBOOKS.glob("*.md"))]

# What is no prose: parts that a command prints, code, mathematics, addresses.
NO_PROSE = re.compile(
    r"""<!--\ (?P<part>\w+)\ -->.*?<!--\ end\ of\ (?P=part)\ -->
    | ^(?P<fence>`{3,}|~{3,})(?!\{(?!code-cell|code-block|math)).*?^(?P=fence)`*\s*$
    | `[^`\n]+`
    | \$\$.*?\$\$ | \$[^$\n]+\$
    | https?://\S+ | \b10\.\d{4,}/\S+
    """,
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)
# A number after one of these is the name of a version.
VERSION = r"(?<!Python )(?<!version )(?<!Version )(?<!release )(?<![=<>~v])"


def prose(text: str) -> str:
    """Text of a page with all that is no prose blanked out, each line in its place."""
    return NO_PROSE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def digits(text: str) -> int:
    """Significant digits of a printed number that is recognised when it is typed.

    Years, counts without a separator and words are not: they are typed for many reasons.
    """
    if not re.fullmatch(r"−?[\d,]+(\.\d+)?", text) or not re.search("[.,]", text):
        return 0
    return len(re.sub(r"\D", "", text).lstrip("0"))


def typed_numbers(
    page: str, registered: dict[str, tuple[str, str]], own: str = ""
) -> Iterator[str]:
    """Registered numbers that stand in the prose of a page.

    Two digits are enough on the page of their own chapter; elsewhere they may stand there by
    chance, three in a chapter with numbers of its own, two on a page without.
    """
    for name, (chapter, text) in registered.items():
        enough = 2 if own == chapter else 4 if own else 3
        if digits(text) < enough:
            continue
        number = re.escape(text).replace("−", "[−-]")
        typed = re.compile(rf"{VERSION}(?<![\w.,−-]){number}(?![\w]|[.,]\d)")
        for match in typed.finditer(prose(page)):
            line = page.count("\n", 0, match.start()) + 1
            yield f"line {line}: {match[0]} is {name!r} of {chapter}: use {{glue:text}}"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_no_computed_number_is_typed(page: Path) -> None:
    registered = rules.numbers(ROOT / "results")
    assert registered
    own = page.stem if page.parent == NOTEBOOKS else ""
    assert list(typed_numbers(page.read_text(encoding="utf-8"), registered, own)) == []


REGISTERED = {
    "effect": ("x", "0.269"),
    "zeros": ("x", "31.0"),
    "rows": ("x", "12,096"),
    "drop": ("x", "−0.5210"),
    "python": ("x", "3.11"),
    "year": ("x", "2018"),
    "universities": ("x", "56"),
    "small": ("x", "0.5"),
    "verdict": ("x", "recovers the planted effect"),
}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("The effect is 0.269.", ["effect"]),
        ("The effect (0.269, that is) of 12,096 rows", ["effect", "rows"]),
        ("31.0 % of them", ["zeros"]),
        ("a drop of −0.5210 or -0.5210", ["drop", "drop"]),
        (":::{admonition} Note\nThe effect is 0.269\n:::", ["effect"]),
        ("```{admonition} Note\nThe effect is 0.269\n```", ["effect"]),
        ("| mean | 0.269 |", ["effect"]),
        ("In 2018, 56 universities recovers the planted effect by 0.5", []),
        ("0.2690, 10.269, 0.269.1, 0.269,5, a0.269", []),
        ("{glue:text}`effect` and `0.269` and $\\beta = 0.269$", []),
        ("$$\n\\beta = 0.269\n$$", []),
        ("```python\nx = 0.269\n```\n", []),
        ("```{code-cell} ipython3\nx = 0.269\n```\n", []),
        ("<!-- costs -->\n| x | 0.269 |\n<!-- end of costs -->", []),
        ("https://example.org/0.269 and doi 10.1000/0.269", []),
        ("Python 3.11, version 3.11, pandas==3.11, v3.11", []),
        ("a mean of 3.11", ["python"]),
    ],
)
def test_a_typed_number_is_seen(text: str, names: list[str]) -> None:
    found = list(typed_numbers(text, REGISTERED, "x"))
    assert [re.findall(r"'(\w+)'", line)[0] for line in found] == names


@pytest.mark.parametrize(("page", "digits"), [("x", 2), ("", 3), ("y", 4)])
def test_a_number_of_few_digits_may_stand_elsewhere_by_chance(page: str, digits: int) -> None:
    registered = {"two": ("x", "0.25"), "three": ("x", "0.256"), "four": ("x", "0.2563")}
    text = "0.25, 0.256 and 0.2563."
    assert len(list(typed_numbers(text, registered, page))) == 5 - digits


def test_the_line_of_a_typed_number_is_named() -> None:
    page = "# Title\n\n```python\n0.269\n```\n\nIt is\n0.269 now."
    (line,) = typed_numbers(page, REGISTERED)
    assert line.startswith("line 8: 0.269 is 'effect' of x")


# No finding about a country ------------------------------------------------------------------

SENTENCE = re.compile(r"(?<=[.!?。！？])\s+|\n\s*\n")


def findings(page: str) -> Iterator[str]:
    """Sentences that hold a number of ours and a country: the numbers are of no country."""
    for sentence in SENTENCE.split(page):
        if "{glue:" in sentence and re.search(r"\bChina\b|\bChinese\b|中国|我国", sentence):
            yield sentence.strip()


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_no_simulated_number_is_worded_as_a_finding(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    badges = {name for found in rules.BADGE.findall(text) for name in "".join(found).split()}
    if badges.isdisjoint({"open", "restricted"}):
        assert list(findings(text)) == []


def test_a_finding_about_a_country_is_seen() -> None:
    page = "It is {glue:text}`a`. Nothing about China.\n\nIn China exchange adds {glue:text}`a`."
    assert list(findings(page)) == ["In China exchange adds {glue:text}`a`."]


# No machine, no registry ---------------------------------------------------------------------

BINARY = {".parquet", ".png", ".pdf", ".woff2", ".xlsx", ".ico"}
# Written so that this file does not itself name what it looks for.
NAMED = {
    "a path of a machine": re.compile(
        r"(?<![\w.~:*/})\]-])/(?:root|home|tmp|work|Users|private|mnt)/\w|[A-Z]:\\Users\b"
    ),
    "a package registry": re.compile(
        r"\b(?:[\w-]+\.)*(?:py[p]i\.org|python[h]osted\.org|ana[c]onda\.(?:org|com)|npm[j]s\.(?:com|org)"
        r"|cran\.r-[p]roject\.org|jsdelivr\.[n]et|unpkg\.[c]om)\b",
        re.IGNORECASE,
    ),
    "an entry of an issue tracker": re.compile(
        r"\b(?:issue|ticket|pull request|PR) ?#\d+|\(#\d+\)|\b(?:closes|fixes|resolves) #\d+",
        re.IGNORECASE,
    ),
}


def committed() -> list[Path]:
    """Text files that are, or are about to be, in the repository."""
    done = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = (ROOT / name for name in done.stdout.split("\0") if name)
    return [path for path in paths if path.is_file() and path.suffix not in BINARY]


def names(text: str) -> Iterator[str]:
    """What a text names and should not."""
    for what, pattern in NAMED.items():
        for match in pattern.finditer(text):
            yield f"line {text.count(chr(10), 0, match.start()) + 1} names {what}: {match[0]!r}"


def test_no_committed_file_names_a_machine_a_registry_or_an_issue() -> None:
    paths = committed()
    assert len(paths) > 50
    found = {
        str(path.relative_to(ROOT)): said
        for path in paths
        if (said := list(names(path.read_text(encoding="utf-8"))))
    }
    assert found == {}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("written to /" + "home/someone/project", 1),
        ("in (/" + "tmp/x) and '/" + "root/y'", 2),
        ("C:" + "\\Users\\someone", 1),
        ("from https://" + "pypi" + ".org/simple", 1),
        ("https://files." + "pythonhosted" + ".org/x", 1),
        ("see issue " + "#12, PR" + "#3, (" + "#7)", 3),
        ("data/tmp/x, https://example.org/home/x, ~/work/x, ./root/x", 0),
        ("colour #123456, column (1), volume 44, issue 7", 0),
    ],
)
def test_a_name_of_a_machine_a_registry_or_an_issue_is_seen(text: str, number: int) -> None:
    assert len(list(names(text))) == number
