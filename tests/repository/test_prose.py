"""Prose types no number, words none as a finding; files name no machine, person or secret."""

import json
import re
import subprocess
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

from replication.config import NOTEBOOKS, ROOT
from tests.support import rules
from tests.support.chapter import every_chapter
from tests.support.leaks import PERSONAL, firms, foreign_outputs, record_files, secrets
from tests.support.prose import (
    PAGES,
    Allowed,
    Registered,
    allowed,
    captions,
    exceptions,
    prose,
    registered,
    typed_numbers,
)

ALLOWED = allowed()


def texts(page: Path) -> list[str]:
    """What a page says: itself and, in a chapter, the titles and notes of its exhibits."""
    said = page.read_text(encoding="utf-8")
    return [said, captions(page)] if page.parent == NOTEBOOKS else [said]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_no_number_is_typed(page: Path) -> None:
    numbers = registered(ROOT / "results")
    assert numbers
    may = exceptions(page.relative_to(ROOT).as_posix(), ALLOWED)
    assert [line for text in texts(page) for line in typed_numbers(text, numbers, may)] == []


@pytest.mark.parametrize("entry", ALLOWED, ids=lambda entry: entry.text)
def test_what_may_be_typed_is_there_and_has_a_reason(entry: Allowed) -> None:
    pages = [page for page in PAGES if fnmatch(page.relative_to(ROOT).as_posix(), entry.page)]
    assert any(entry.text in prose(text) for page in pages for text in texts(page))
    assert entry.reason
    # A bare number would be allowed wherever it stands.
    assert re.search("[^\\W\\d]{2}", entry.text) or len(entry.text) > 8


REGISTERED = [
    Registered("effect", "x", 0.26931),
    Registered("zeros", "x", 30.98),
    Registered("rows", "x", 12096),
    Registered("drop", "x", -0.5210),
]
EFFECT, RARE = "is 'effect' of x", "no registered number"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The effect is 0.269.", [EFFECT]),
        ("The effect (0.269, that is) of 12,096 rows", [EFFECT, "is 'rows' of x"]),
        ("31.0 % of them", ["is 'zeros' of x"]),
        ("a drop of −0.5210 or -0.5210", ["is 'drop' of x"] * 2),
        (":::{admonition} Note\nThe effect is 0.269\n:::", [EFFECT]),
        ("```{admonition} Note\nThe effect is 0.269\n```", [EFFECT]),
        ("```{source-badge} none\n```\nThe effect is 0.269\n```python\nx = 0.269\n```", [EFFECT]),
        ("```sql\nSELECT 0.269\n```\nThe effect is 0.269", [EFFECT]),
        ("````{dropdown} Two\n```{figure} 0.269.png\n```\n````\nThe effect is 0.269", [EFFECT]),
        (":::{figure} x.png\n:alt: An effect of 0.269\n:::", [EFFECT]),
        ("| mean | 0.269 |", [EFFECT]),
        # Rounded, in per cent, as a share, in Chinese, full width, without its zero.
        ("about 0.27, or 0.3", [EFFECT] * 2),
        ("27 % more, 26.9 per cent", ["is in per cent 'effect' of x"] * 2),
        ("a share of 0.310", ["is as a share 'zeros' of x"]),
        ("约27%的专利", ["is in per cent 'effect' of x"]),
        ("in ０.２６９ and .269 and ~0.269", [EFFECT] * 3),
        ("+0.27pp and 0.269x", [EFFECT] * 2),
        ("`0.269`, $0.269$ and $\\beta = 0.269$", [EFFECT] * 3),
        ("# 0.269 more\n\n- 0.269", [EFFECT] * 2),
        # Registered nowhere.
        ("In 2018, 57 universities gain 0.8123 or 45 %.", [RARE] * 3),
        ("In 2018.5, 2,018 of 1500", [RARE] * 3),
        ("Table 2.7 and Section 45 %", [RARE] * 2),
        # No number of the data.
        ("{glue:text}`effect` and `x = 0.269` and $y_{1} = 1 + x$", []),
        ("{glue:text}`a_1` in 2018–2021, 2018年, C1, CR1, IPC-A61B", []),
        ("Column (3), columns (1) to (4), Table 2, section 4, the 4th", []),
        ("1. One\n2. Two\n\n## 3. Three", []),
        ("```python\nx = 0.269\n```\n", []),
        ("```{code-cell} ipython3\nx = 0.269\n```\n", []),
        ("---\nversion: 0.269\n---\nText", []),
        ("<!-- costs -->\n| x | 0.269 |\n<!-- end of costs -->", []),
        ("https://example.org/0.269 and doi 10.1000/0.269, [x](0.269.md)", []),
        ("Python 3.11, version 3.11, pandas==3.11, v3.11, 44(7): 15–32", []),
        (":::{list-table}\n:widths: 26 22 52\n:::", []),
    ],
)
def test_a_typed_number_is_seen(text: str, found: list[str]) -> None:
    lines = list(typed_numbers(text, REGISTERED))
    assert [re.split(r"[(),]", line.partition("typed")[2])[1] for line in lines] == found


def test_a_number_may_be_typed_in_the_text_that_is_allowed_only() -> None:
    text = "56 universities, 156 universities, 56 firms, 0.56 universities"
    lines = list(typed_numbers(text, REGISTERED, ["56 universities"]))
    assert [line.split()[2] for line in lines] == ["1", "56", "0"]


def test_the_line_of_a_typed_number_is_named() -> None:
    page = "# Title\n\n```python\n0.269\n```\n\nIt is\n0.269 now."
    (line,) = typed_numbers(page, REGISTERED)
    assert line.startswith("line 8: 0.269 is typed (is 'effect' of x): use {glue:text}")


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
NAMED = PERSONAL | {
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


def everything() -> list[str]:
    """Files that are, or are about to be, in the repository."""
    done = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in done.stdout.split("\0") if name]


def committed() -> list[Path]:
    """Those of text."""
    paths = (ROOT / name for name in everything())
    return [path for path in paths if path.is_file() and path.suffix not in BINARY]


def names(text: str) -> Iterator[str]:
    """What a text names and should not."""
    for what, pattern in NAMED.items():
        for match in pattern.finditer(text):
            yield f"line {text.count(chr(10), 0, match.start()) + 1} names {what}: {match[0]!r}"


def test_no_committed_file_names_a_machine_a_registry_an_issue_or_a_person() -> None:
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
        ("data/" + "tmp/x, https://example.org/" + "home/x, ~/" + "desk/x, ./" + "root/x", 0),
        ("colour #123456, column (1), volume 44, issue 7", 0),
    ],
)
def test_a_name_of_a_machine_a_registry_or_an_issue_is_seen(text: str, number: int) -> None:
    assert len(list(names(text))) == number


# No record, no key --------------------------------------------------------------------------


def test_no_committed_file_holds_records() -> None:
    assert list(record_files(ROOT, everything())) == []


def test_no_committed_file_holds_a_key() -> None:
    assert list(secrets(committed())) == []


def test_what_the_book_shows_names_no_firm() -> None:
    shown = [
        p for p in committed() if p.relative_to(ROOT).parts[0] in {"book", "notebooks", "results"}
    ]
    assert len(shown) > 100
    assert {str(p): found for p in shown if (found := firms(p.read_text(encoding="utf-8")))} == {}


@every_chapter
def test_a_notebook_shows_exhibits_only(name: str) -> None:
    registry = json.loads((ROOT / "results" / name / "exhibits.json").read_text(encoding="utf-8"))
    assert list(foreign_outputs(NOTEBOOKS / f"{name}.ipynb", registry)) == []
