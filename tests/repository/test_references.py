"""The bibliography: every work is cited, is cited as what it is, and prints like no other."""

from collections import Counter
from pathlib import Path

import pytest
from pybtex.database import BibliographyData, Entry, parse_file, parse_string

from replication.config import NOTEBOOKS, ROOT
from replication.records.article import load_timeline
from replication.records.published import load_published

BOOK = ROOT / "book"
WORKS = parse_file(str(BOOK / "references.bib"))


def printed(work: Entry) -> str:
    """A work as the text prints it: one or two last names, or the first and others, and a year."""
    names = [
        " ".join([*person.prelast_names, *person.last_names]) for person in work.persons["author"]
    ]
    who = " and ".join(names) if len(names) < 3 else f"{names[0]} et al."
    return f"{who}, {work.fields['year']}"


def alike(works: BibliographyData) -> list[str]:
    """What more than one work prints as."""
    counts = Counter(map(printed, works.entries.values()))
    return [text for text, times in counts.items() if times > 1]


def test_no_two_works_print_alike() -> None:
    assert alike(WORKS) == []


def test_two_works_that_print_alike_are_seen() -> None:
    author = "author = {Roth, Jonathan and Young, A. and Webb, M.}"
    other = "author = {Roth, Jonathan and Cameron, A. C. and Webb, M.}"
    two = f"@misc{{a, {author}, year = 2022}} @misc{{b, {other}, year = 2022}}"
    assert alike(parse_string(two, "bibtex")) == ["Roth et al., 2022"]


def test_every_work_is_cited() -> None:
    pages: list[Path] = [*BOOK.glob("*.md"), *NOTEBOOKS.glob("*.md")]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    cited = set()
    for part in text.split("{cite")[1:]:
        cited |= {key.strip() for key in part.split("`")[1].split(",")}
    cited |= set(load_timeline()["cite"]) | {k for keys in load_published()["cite"] for k in keys}
    assert cited == set(WORKS.entries)


@pytest.mark.parametrize(
    ("key", "volume", "number", "pages"),
    [
        # The article's own first page has the number; 39 is the volume that follows its reference 7
        # of 2025, and its English summary stands on the sixth page of the issue.
        ("mu2026", "39", "8", "1--3, 6"),
        ("xu2026", "44", "7", "15--32"),
        # As their publishers print them.
        ("carter2017", "99", "4", "698--709"),
        ("klinesantos2012", "1", "1", "23--41"),
        ("webb2023", "56", "3", "839--858"),
        ("diciccioromano2017", "112", "519", "1211--1220"),
        ("romanowolf2005", "100", "469", "94--108"),
        ("montielolea2019", "34", "1", "1--17"),
        ("mackinnon2023fast", "38", "5", "671--694"),
        ("pustejovskytipton2018", "36", "4", "672--683"),
        ("abadie2023", "138", "1", "1--35"),
    ],
)
def test_a_work_is_where_its_publisher_put_it(
    key: str, volume: str, number: str, pages: str
) -> None:
    fields = WORKS.entries[key].fields
    assert (fields["volume"], fields["number"], fields["pages"]) == (volume, number, pages)
