"""Loading the concordances; what is in them is tested in `tests/data`."""

import csv
import re
import shutil

import pytest

from replication.config import DATA
from replication.errors import RegistryError
from replication.records.classify import load_disciplines, load_ipc, load_name_rules

LISTS = {
    "key_core": "key_core_ipc.csv",
    "controlled": "export_control_ipc.csv",
    "ai": "ai_ipc.csv",
}


@pytest.fixture
def folder(tmp_path):
    for path in DATA.glob("*ipc*.csv"):
        shutil.copy(path, tmp_path)
    return tmp_path


def test_codes_keep_their_leading_zero() -> None:
    assert load_disciplines()["discipline"].str.fullmatch(r"0[78]\d\d").all()
    assert load_disciplines()["category"].isin(["07", "08"]).all()
    assert load_ipc()["discipline"].str.fullmatch(r"0[78]\d\d").all()


def test_one_row_a_subclass_with_the_flags_of_the_lists() -> None:
    ipc = load_ipc()
    assert ipc["ipc_subclass"].is_unique
    assert list(ipc) == ["ipc_subclass", "discipline", *LISTS]
    for flag, name in LISTS.items():
        with (DATA / name).open(encoding="utf-8", newline="") as file:
            listed = [row["ipc_subclass"] for row in csv.DictReader(file)]
        assert set(ipc.loc[ipc[flag], "ipc_subclass"]) == set(listed)
        assert ipc[flag].dtype == bool


@pytest.mark.parametrize("name", LISTS.values())
def test_listed_subclass_that_could_never_count_is_refused(name, folder) -> None:
    with (folder / name).open("a", encoding="utf-8") as file:
        file.write("Z99Z,nothing,nobody" + "," * (name == "ai_ipc.csv") + "\n")
    with pytest.raises(RegistryError, match=f"{re.escape(name)}: Z99Z not in ipc_discipline.csv"):
        load_ipc(folder)


def test_subclass_with_two_disciplines_is_refused(folder) -> None:
    with (folder / "ipc_discipline.csv").open("a", encoding="utf-8") as file:
        file.write("H01L,0702,semiconductor devices,closest of several\n")
    with pytest.raises(RegistryError, match=r"ipc_discipline\.csv: H01L has more than one row"):
        load_ipc(folder)


def test_name_rules_are_in_the_order_of_the_file() -> None:
    rules = load_name_rules()
    assert rules.firm_kinds == ["firm"]
    kinds = [rule.kind for rule in rules.rule]
    assert kinds[0] == "university_holding"
    assert kinds[-1] == "other"
    assert len(rules.normalise.translate_from) == len(rules.normalise.translate_to)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('kind = "university_holding"\n', "", r"rule 1 \(holding_full_name\), field 'kind': Field"),
        ("[[rule]]", '[[rule]]\nkidn = "firm"', r"rule 1 \(holding_full_name\), field 'kidn': Ext"),
        ("uppercase = true", "uppercase = false", r"normalise, uppercase: Input should be True"),
        ("translate_from", "translate", r"normalise, translate_from: Field required"),
        ('firm_kinds = ["firm"]', "", r"firm_kinds: Field required"),
    ],
)
def test_damaged_name_rules_are_refused(tmp_path, old, new, says) -> None:
    text = (DATA / "firm_names.toml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "firm_names.toml").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(RegistryError, match=rf"firm_names\.toml, {says}"):
        load_name_rules(tmp_path)
