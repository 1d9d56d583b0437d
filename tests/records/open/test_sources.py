"""The list of public files: complete, pinned, and refused by row and field where it is not."""

from collections.abc import Callable
from pathlib import Path

import pytest

from replication.errors import RegistryError
from replication.records.open.sources import load_sources, read_sources
from tests.support.source_list import COMMIT, entry, group

SIZE, GOOD = 512, "0f" * 32
LIST = group() + entry("toy", f"https://host.example/{COMMIT}/toy.bin", GOOD, SIZE)


def test_the_list_holds_every_edition_and_source() -> None:
    table = load_sources()
    names = [f"the-{y}" for y in range(2016, 2027)]
    names += ["leiden-2022", "bcur-2016", "bcur-2017", "bcur-2018", "evaluation-2017"]
    names += ["leiden-2020-all", "compilation-2017"]
    subjects = table.loc[table["group"] == "the-subjects", "name"]
    # Six subjects until 2016, eight in 2017, eleven from 2018 on.
    assert subjects.str[-4:].astype(int).value_counts(sort=False).to_dict() == {
        **dict.fromkeys(range(2011, 2017), 6), 2017: 8, **dict.fromkeys(range(2018, 2021), 11),
    }  # fmt: skip
    names += [*subjects, "nature-index-2021", "entity-list-2026", "leiden-panel-2023"]
    assert list(table["name"]) == names
    assert list(table["group"].unique()) == [
        "the", "leiden", "bcur", "evaluation", "leiden-2020", "compilation", "the-subjects",
        "nature-index", "entity-list", "leiden-panel",
    ]  # fmt: skip
    sums = table["sha256"].dropna()
    assert sums.is_unique
    assert len(sums) == len(table) - 1
    assert table["terms"].str.contains("not redistributed").all()
    for publisher, of in {
        "the": "Times Higher Education",
        "leiden": "CWTS",
        "bcur": "ShanghaiRanking",
        "evaluation": "教育部学位与研究生教育发展中心",
    }.items():
        assert table.loc[table["group"] == publisher, "citation"].str.contains(of).all()


def put(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new, 1)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (put('publisher = "text"\n', ""), r"source 1 \(toy\), field 'publisher': Field required"),
        (put('terms = "text"', 'terms = " "'), r"source 1 \(toy\), field 'terms': String should"),
        (put('what = "text"', "what = 3"), r"field 'what': Input should be a valid string"),
        (put("what = ", 'waht = "x"\nwhat = '), r"field 'waht': Extra inputs are not permitted"),
        (put(GOOD, GOOD[:-1]), r"field 'sha256': String should match .*\{64\}"),
        (put(GOOD, GOOD.upper()), r"field 'sha256': String should match .*0-9a-f"),
        (put("https:", "http:"), "field 'url': .*begin with https"),
        (put(f"{COMMIT}/toy", f"{COMMIT}/学"), "field 'url': .*begin with https:// and escape"),
        (put(COMMIT, "main"), "field 'url': .*pin it to a commit"),
        (put(COMMIT, COMMIT[:-1]), "field 'url': .*pin it to a commit"),
        (put(f"bytes = {SIZE}", 'bytes = "9"'), "field 'bytes': Input should be a valid integer"),
        (put(f"bytes = {SIZE}", "bytes = true"), "field 'bytes': Input should be a valid integer"),
        (put(f"bytes = {SIZE}", "bytes = 0"), "field 'bytes': Input should be greater than 0"),
        (put(f"bytes = {SIZE}", ""), "field 'bytes': Field required"),
        (put("toys/toy.bin", "../toy.bin"), r"field 'file': .*'../toy.bin' must stay within"),
        (put("toys/toy.bin", "/toy.bin"), r"field 'file': .*'/toy.bin' must stay within"),
        (lambda text: text.replace('"toys"', '"toy"'), "name 'toy' is a duplicate"),
        (lambda text: text + "[[source]]" + text.partition("[[source]]")[2], "name 'toy' is a"),
        (lambda text: text + group(), "name 'toys' is a duplicate"),
        (lambda text: text + text.replace('"toy"', '"boy"').replace('"toys"', '"xs"'),
         "file 'toys/toy.bin' is a duplicate"),
        (put('group = "toys"', 'group = "other"'), r"group 'other' needs a row \[\[group\]\]"),
        (lambda text: text + group("empty"), r"group 'empty' needs .* at least one \[\[source\]\]"),
        (put("[[source]]", "[[source]"), r"cannot be read as TOML .*line"),
        (lambda _: group(), "source: Field required"),
        (lambda _: group() + "source = []", "source"),
        (lambda _: "", "Field required"),
    ],
)  # fmt: skip
def test_a_damaged_list_is_refused(tmp_path: Path, damage: Callable[[str], str], says: str) -> None:
    path = tmp_path / "sources.toml"
    path.write_text(LIST, encoding="utf-8")
    assert len(load_sources(path)) == 1
    changed = damage(LIST)
    assert changed != LIST
    path.write_text(changed, encoding="utf-8")
    with pytest.raises(RegistryError, match=says) as caught:
        read_sources(path)
    assert "sources.toml" in str(caught.value)


def test_only_a_file_that_was_seen_has_a_day(tmp_path: Path) -> None:
    path = tmp_path / "sources.toml"
    dated = LIST.replace('title = "Toys"', 'title = "Toys"\naccessed = 2026-11-25')
    path.write_text(dated, encoding="utf-8")
    assert str(read_sources(path).group[0].accessed) == "2026-11-25"
    path.write_text(dated.replace(f'sha256 = "{GOOD}"\n', ""), encoding="utf-8")
    with pytest.raises(RegistryError, match="'toys' is accessed, and none of its files has sha256"):
        read_sources(path)


def test_a_doi_pins_as_a_commit_does(tmp_path: Path) -> None:
    path = tmp_path / "sources.toml"
    path.write_text(group() + entry("toy", "https://doi.org/10.5281/toy.1", GOOD, SIZE), "utf-8")
    assert len(load_sources(path)) == 1


def test_a_version_of_a_deposit_pins_as_a_commit_does(tmp_path: Path) -> None:
    path = tmp_path / "sources.toml"
    address = "https://zenodo.org/records/1/files/toy.bin"
    path.write_text(group() + entry("toy", address, GOOD, SIZE), "utf-8")
    assert len(load_sources(path)) == 1


def test_a_list_that_changes_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "sources.toml"
    path.write_text(LIST, encoding="utf-8")
    assert read_sources(path).source[0].bytes == SIZE
    path.write_text(LIST.replace(f"bytes = {SIZE}", "bytes = 513"), encoding="utf-8")
    assert read_sources(path).source[0].bytes == 513


def test_a_missing_list_is_named(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match=r"none\.toml: cannot be read"):
        load_sources(tmp_path / "none.toml")
