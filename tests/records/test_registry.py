"""The reconstruction register is complete, and a damaged copy is refused by name."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from replication.config import ROOT
from replication.errors import RegistryError
from replication.records.registry import REGISTER, load_register, register_markdown

Damage = Callable[[str], str]


def drop(field: str, id_: str) -> Damage:
    """Delete one field's line from one row."""
    return lambda text: re.sub(rf'(id = "{id_}"\n(?:.+\n)*?){field} = .+\n', r"\1", text)


def put(old: str, new: str) -> Damage:
    """Replace the first occurrence of a text, which must be there."""
    return lambda text: text.replace(old, new, 1)


def test_the_register_has_the_twenty_choices_of_the_study_in_order() -> None:
    register = load_register()
    assert list(register["id"]) == [f"R{n}" for n in range(1, 21)]
    assert register["name"].is_unique
    assert (register["status"] == "default").all()
    # What each row is about, as the study's list of choices has it.
    subjects = [
        "year", "treated", "unit", "STEM", "outcome", "scale", "exposure", "window",
        "difference-in-differences", "third", "triple", "control", "inference", "class", "firm",
        "key core", "advantaged", "forms", "mechanism", "56",
    ]  # fmt: skip
    for subject, name in zip(subjects, register["name"], strict=True):
        assert subject.lower() in name.lower()


def test_every_choice_names_a_file_of_the_project() -> None:
    for where in load_register()["where"]:
        assert (ROOT / where).is_file(), where


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (drop("reason", "R7"), r"row 7 \(R7\), field 'reason': missing"),
        (drop("alternatives", "R3"), r"row 3 \(R3\), field 'alternatives': missing"),
        (put('id = "R2"\n', ""), r"row 2 \(without id\), field 'id': missing"),
        (put('alternatives = ["2017", "2019"]', "alternatives = []"), r"R2.*'alternatives': miss"),
        (put('alternatives = ["2017", "2019"]', 'alternatives = ["2017", " "]'), r"R2.*'alternat"),
        (put('alternatives = ["2017", "2019"]', 'alternatives = "2017"'), r"R2.*as a list"),
        (put('choice = "2018"', 'choice = "  "'), r"row 2 \(R2\), field 'choice': missing or empt"),
        (put('choice = "2018"', "choice = 2018"), r"row 2 \(R2\), field 'choice'.*give it a text"),
        (put('choice = "2018"', 'chioce = "2018"'), r"row 2 \(R2\), field 'chioce': unknown"),
        (put('id = "R5"', 'id = "R4"'), r"row 5, field 'id': 'R4' is doubled; 'R5' stands here"),
        (put('id = "R5"', 'id = "R6"'), r"row 5, field 'id': 'R6' is out of order or unknown"),
        (lambda text: text[: text.index('[[choice]]\nid = "R20"')], r"19 rows, 20 are needed"),
        (lambda text: text + text[text.rindex("[[choice]]") :], r"21 rows, 20 are needed"),
        (put('[[choice]]\nid = "R2"', '[[choice]\nid = "R2"'), r"cannot be read as TOML .*line"),
        (lambda _: "", r"0 rows, 20 are needed"),
    ],
)
def test_a_damaged_copy_is_refused(tmp_path: Path, damage: Damage, says: str) -> None:
    good = REGISTER.read_text(encoding="utf-8")
    bad = damage(good)
    assert bad != good
    copy = tmp_path / "register.toml"
    copy.write_text(bad, encoding="utf-8")
    with pytest.raises(RegistryError, match=says) as caught:
        load_register(copy)
    assert "register.toml" in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match=r"nowhere\.toml: cannot be read"):
        load_register(tmp_path / "nowhere.toml")


def test_the_page_prints_every_text_of_the_file() -> None:
    page = register_markdown()
    for row in tomllib.loads(REGISTER.read_text(encoding="utf-8"))["choice"]:
        texts = [*row.pop("alternatives"), *row.values()]
        assert all(text in page for text in texts)
        anchor = f"register-{row['id'].lower()}"
        assert f"](#{anchor})" in page
        assert f"({anchor})=" in page
