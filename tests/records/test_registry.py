"""The reconstruction register is complete, and a damaged copy is refused by name."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from replication.config import ROOT
from replication.errors import RegistryError
from replication.records.registry import CLAIMS, REGISTER, load_claims, load_register

Damage = Callable[[str], str]


def drop(field: str, id_: str) -> Damage:
    """Delete one field's line from one row."""
    return lambda text: re.sub(rf'(id = "{id_}"\n(?:.+\n)*?){field} = .+\n', r"\1", text)


def put(old: str, new: str) -> Damage:
    """Replace the first occurrence of a text, which must be there."""
    return lambda text: text.replace(old, new, 1)


def test_the_register_has_every_choice_of_the_study_in_order() -> None:
    register = load_register()
    assert list(register["id"]) == [f"R{n}" for n in range(1, 22)]
    assert register["name"].is_unique
    assert (register["status"] == "default").all()
    # What each row is about, as the study's list of choices has it.
    subjects = [
        "year", "treated", "unit", "STEM", "outcome", "scale", "exposure", "window",
        "difference-in-differences", "third", "triple", "control", "inference", "class", "firm",
        "key core", "advantaged", "forms", "mechanism", "56", "overseas",
    ]  # fmt: skip
    for subject, name in zip(subjects, register["name"], strict=True):
        assert subject.lower() in name.lower()


def test_every_choice_names_a_file_of_the_project() -> None:
    for where in load_register()["where"]:
        assert (ROOT / where).is_file(), where


ALTERNATIVES = 'alternatives = ["2017", "2019"]'


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (drop("reason", "R7"), r"choice 7 \(R7\), field 'reason': Field required"),
        (drop("alternatives", "R3"), r"choice 3 \(R3\), field 'alternatives': Field required"),
        (put('id = "R2"\n', ""), r"choice 2 \(.+\), field 'id': Field required"),
        (put(ALTERNATIVES, "alternatives = []"), r"choice 2 \(R2\), field 'alternatives': List"),
        (put(ALTERNATIVES, 'alternatives = ["2017", " "]'), r"choice 2 \(R2\), field 'alternati"),
        (put(ALTERNATIVES, 'alternatives = "2017"'), r"\(R2\), field 'alternatives': .* valid li"),
        (put('choice = "2018"', 'choice = "  "'), r"choice 2 \(R2\), field 'choice': String"),
        (put('choice = "2018"', "choice = 2018"), r"choice 2 \(R2\), field 'choice': .*valid stri"),
        (put('choice = "2018"', 'choice = "2018"\nchioce = "2018"'), r"\(R2\), field 'chioce': Ex"),
        (
            put('id = "R5"', 'id = "R4"'),
            r"choice 5, field 'id': R4 where R5 belongs; keep R1 …",
        ),
        (put('id = "R5"', 'id = "R6"'), r"choice 5, field 'id': R6 where R5 belongs"),
        (lambda text: text[: text.index('[[choice]]\nid = "R21"')], r"choice 21.*no row where R21"),
        (
            lambda text: text + text[text.rindex("[[choice]]") :],
            r"choice 22, .*R21 where no row",
        ),
        (put('[[choice]]\nid = "R2"', '[[choice]\nid = "R2"'), r"cannot be read as TOML .*line"),
        (put('choice = "2018"', 'chioce = "2018"'), r"\(R2\), field 'choice': Field required"),
        (lambda _: "", r"register\.toml, choice: Field required"),
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


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (drop("contradicted_by", "C2"), r"claim 2 \(C2\), field 'contradicted_by': Field required"),
        (put('kind = "effect"', 'kind = "fact"'), r"claim 1 \(C1\), field 'kind': Input should be"),
        (
            put('needs = ["patents_joint", "exposure", "post"]', "needs = []"),
            r"C1\), field 'needs",
        ),
        (put('short = "C1', 'shrot = "C1'), r"claim 1 \(C1\), field 'short': Field required"),
        (put('id = "C3"', 'id = "C4"'), r"claim 3, field 'id': C4 where C3 belongs"),
        (put("level = 0.05", "level = 5"), r"claims\.toml, level: Input should be less than 1"),
        (put("level = 0.05", ""), r"claims\.toml, level: Field required"),
    ],
)
def test_damaged_claims_are_refused(tmp_path: Path, damage: Damage, says: str) -> None:
    good = CLAIMS.read_text(encoding="utf-8")
    bad = damage(good)
    assert bad != good
    copy = tmp_path / "claims.toml"
    copy.write_text(bad, encoding="utf-8")
    with pytest.raises(RegistryError, match=says) as caught:
        load_claims(copy)
    assert "claims.toml" in str(caught.value)


def test_a_claim_is_tested_in_a_family_or_alone() -> None:
    claims = load_claims()
    assert list(claims.index) == [f"C{n}" for n in range(1, 10)]
    assert (claims["level"] == 0.05).all()
    rows = tomllib.loads(CLAIMS.read_text(encoding="utf-8"))["claim"]
    assert claims["family"].to_dict() == {row["id"]: row.get("family") for row in rows}


# What the abstract does not have: our measures, and the groups that C8 and C9 compare with.
ADDED = {
    "C1": ("patent", "专利"),
    "C2": ("third difference", "第三重差分"),
    "C3": ("doctorate", "博士"),
    "C4": ("any partner", "合作者"),
    "C5": ("mainland", "大陆"),
    "C6": ("patent", "专利"),
    "C7": ("graded", "评估"),
    "C8": ("another overseas", "其他海外"),
    "C9": ("conferences", "会议"),
}


@pytest.mark.parametrize("id_", ADDED)
def test_what_a_claim_adds_to_the_abstract_is_said_to_be_ours(id_: str) -> None:
    claim = load_claims().loc[id_]
    for text, mark, word in zip(
        (claim["en"], claim["zh"]), ("Ours: ", "本书："), ADDED[id_], strict=True
    ):
        theirs, marked, ours = text.partition(mark)
        assert marked
        assert word in ours
        assert word not in theirs


@pytest.mark.parametrize("id_", ["C1", "C6", "C7", "C8", "C9"])
def test_the_abstract_has_not_what_we_add(id_: str) -> None:
    abstract = ROOT.parent / "shared" / "seeds" / "000_fa825f54de33e07b.txt"
    if not abstract.is_file():
        pytest.skip(f"the abstract is not ours to ship: save the journal's page as {abstract}")
    text = abstract.read_text(encoding="utf-8")
    # Patents are in it once: those applied for overseas.
    assert not re.search(r"(?<!overseas )patent|doctora|conference|graded|other overseas", text)
    assert ADDED[id_][1] not in text


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match=r"nowhere\.toml: cannot be read"):
        load_register(tmp_path / "nowhere.toml")
