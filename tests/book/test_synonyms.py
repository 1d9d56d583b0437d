"""Search by the words of one entry of the glossary."""

import sys

import pytest

from replication.config import ROOT

sys.path.insert(0, str(ROOT / "book" / "_ext"))

import synonyms

FOUND = synonyms.entries((ROOT / "book" / "glossary.md").read_text(encoding="utf-8"))


def test_an_entry_has_its_words_in_both_languages_and_its_letters() -> None:
    assert ["difference-in-differences", "双重差分", "DID"] in FOUND
    assert all(len(terms) >= 2 for terms in FOUND)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("the triple difference", "DDD"),
        ("三重差分的估计", "triple"),
        ("by PPML alone", "泊松"),
        ("the wild cluster bootstrap", "自助"),
    ],
)
def test_a_page_is_found_by_the_other_words(text: str, word: str) -> None:
    assert word in synonyms.keywords(text, FOUND)


@pytest.mark.parametrize("text", ["a post in the frame", "he did it", "a leading question"])
def test_a_word_of_another_meaning_brings_none(text: str) -> None:
    assert synonyms.keywords(text, FOUND) == []
