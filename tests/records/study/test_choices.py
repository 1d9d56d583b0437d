"""A file of choices: the register's rows, what each changes, and what is refused."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from replication.config import environment
from replication.errors import RegistryError
from replication.estimate.design import CONTROLS, Design
from replication.panel.build import build_panel
from replication.records.registry import Choices, load_register
from replication.records.study import choices
from replication.records.study.options import options
from replication.records.variables import EXCHANGE
from tests.support.simulated import SMALL, tables


def written(folder: Path, *rows: str) -> Path:
    path = folder / "paper.toml"
    path.write_text("[choices]\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def panel(folder: Path, *rows: str) -> pd.DataFrame:
    """Panel of ten universities under choices."""
    return build_panel(
        tables(SMALL), choices.panel_choices(choices.load_choices(written(folder, *rows)))
    )[0]


@pytest.fixture(scope="module")
def default() -> pd.DataFrame:
    return build_panel(tables(SMALL))[0]


def test_every_alternative_of_the_register_has_an_option() -> None:
    register = load_register().set_index("id")
    assert list(options()) == list(register.index)
    for row, known in options().items():
        kind = known[0].value.isupper() and known[0].value in ("YEARS", "YEAR", "CATEGORIES")
        alternatives = [a for a in register.loc[row, "alternatives"] if not a.startswith("none:")]
        assert kind or len(known) - 1 >= len(alternatives), row


def test_fields_that_an_option_names_exist() -> None:
    for known in options().values():
        for option in known:
            replace(Choices(), **option.panel)
            Design().but(**{k: v for k, v in option.design.items() if k != "controls"})
    controls = next(o for o in options()["R12"] if o.design).design["controls"]
    assert tuple(map(tuple, controls)) == CONTROLS


def test_defaults_written_out_change_nothing(tmp_path: Path, default: pd.DataFrame) -> None:
    text = choices.template()
    path = tmp_path / "all.toml"
    path.write_text(text.replace("\n# R", "\nR").replace("\nR", "\n# R", 0), encoding="utf-8")
    lines = [
        line.removeprefix("# ") if line.startswith("# R") and " = " in line else line
        for line in text.splitlines()
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    chosen = choices.load_choices(path)
    assert [one.row for one in chosen] == [f"R{n}" for n in range(1, 22)]
    assert choices.moved(chosen) == []
    assert choices.panel_choices(chosen) == Choices()
    pd.testing.assert_frame_equal(
        build_panel(tables(SMALL), choices.panel_choices(chosen))[0], default
    )


def test_years_and_first_treated_year(tmp_path: Path) -> None:
    made = panel(tmp_path, 'R1 = "2013-2021"', 'R2 = "2017"')
    assert (made["year"].min(), made["year"].max()) == (2013, 2021)
    assert made.loc[made["post"] == 1, "year"].min() == 2017


def test_granted_is_the_column_of_the_granted(tmp_path: Path, default: pd.DataFrame) -> None:
    made = panel(tmp_path, 'R5 = "granted"')
    assert made["patents_joint"].equals(default["patents_joint_granted"])
    assert (made["patents_joint_key"] <= default["patents_joint_key"]).all()


def test_fractional_is_the_column_of_the_shares(tmp_path: Path, default: pd.DataFrame) -> None:
    made = panel(tmp_path, 'R5 = "fractional"')
    assert made["patents_joint"].to_numpy() == pytest.approx(default["patents_joint_fractional"])


def test_a_subset_of_categories(tmp_path: Path, default: pd.DataFrame) -> None:
    made = panel(tmp_path, 'R4 = "08"')
    assert set(made["category"]) == {"08"}
    assert len(made) == (default["category"] == "08").sum()


def test_a_lower_grade(tmp_path: Path, default: pd.DataFrame) -> None:
    made = panel(tmp_path, 'R17 = "B"')
    assert (made["advantaged"] == 1).equals(made["grade"].isin(["A+", "A", "A-", "B+", "B"]))


def test_exposure_above_the_median(tmp_path: Path, default: pd.DataFrame) -> None:
    made = panel(tmp_path, 'R7 = "median"')
    assert made["exposure"].tolist() == default["exposure_high"].astype(float).tolist()


def test_exposure_of_the_first_three_years_is_by_hand(tmp_path: Path) -> None:
    made = panel(tmp_path, 'R8 = "three years"').drop_duplicates("university")
    counts = tables(SMALL)["exchange"].query("year < 2014").set_index("university")
    z = (1 + counts[list(EXCHANGE)]).map(lambda n: __import__("math").log(n))
    by_hand = ((z - z.mean()) / z.std()).mean(axis=1).groupby("university").mean()
    by_hand = (by_hand - by_hand.mean()) / by_hand.std()
    assert made.set_index("university")["exposure"].to_numpy() == pytest.approx(by_hand, abs=1e-9)


@pytest.mark.parametrize("value", ["component", "per staff"])
def test_other_exposures_go_with_the_usual(
    tmp_path: Path, default: pd.DataFrame, value: str
) -> None:
    made = panel(tmp_path, f'R7 = "{value}"')
    assert not made["exposure"].equals(default["exposure"])
    assert made["exposure"].corr(default["exposure"]) > 0.5
    assert made["patents_joint"].equals(default["patents_joint"])


def test_third_difference(tmp_path: Path, default: pd.DataFrame) -> None:
    made = panel(tmp_path, 'R10 = "median"')
    shares = default.drop_duplicates("discipline").set_index("discipline")["control_exposure"]
    above = made["discipline"].map(shares > shares.median())
    assert (made["control_exposure"] == above.astype(float)).all()
    other = panel(tmp_path, 'R10 = "key core"')
    assert not other["control_exposure"].equals(default["control_exposure"])


def test_holdings_and_lists(tmp_path: Path, default: pd.DataFrame) -> None:
    more = panel(tmp_path, 'R15 = "holdings included"')
    assert more["patents_joint"].sum() > default["patents_joint"].sum()
    other = panel(tmp_path, 'R16 = "export control"')
    assert other["patents_joint"].equals(default["patents_joint"])
    assert not other["patents_joint_key"].equals(default["patents_joint_key"])


def test_in_force_by_the_environment(tmp_path: Path) -> None:
    path = written(tmp_path, 'R2 = "2019"', 'R13 = "CR3"')
    with environment({choices.VARIABLE: path}):
        assert choices.choices_in_force().first_treated == 2019
        assert choices.said() == "‡ Under other choices than the book's: R2 = 2019."
    assert choices.said() == ""
    assert choices.in_force() == []


FAULTS = {
    "R22": ('R22 = "x"', "choices.R22: there is no such row"),
    "number": ("R2 = 2017", "choices.R2 = 2017: write it as text"),
    "word": ('R2 = "soon"', "any first treated year"),
    "late": ('R2 = "2023"', "2023 is treated first"),
    "early": ('R2 = "2011"', "2011 is treated first"),
    "years": ('R1 = "2011"', "any first and last year"),
    "backwards": ('R1 = "2022–2011"', "2011 does not lie after 2022"),
    "begins late": ('R1 = "2018–2022"', "write R1 and R2 so that R1 begins before R2"),
    "unit": ('R3 = "firm × year"', "'university × year'"),
    "agriculture": ('R4 = "07 + 08 + 09"', "no patent class leads to a discipline of 09"),
    "category": ('R4 = "seven"', "categories of the catalogue"),
    "outcome": ('R5 = "cited"', "'granted' or 'fractional'"),
    "scale": ('R6 = "sqrt"', "'asinh' or 'any'"),
    "rate": ('R6 = "per staff"', "no run can carry it"),
    "exposure": ('R7 = "sum"', "'component'"),
    "window": ('R1 = "2015–2022"\nR8 = "three years"', "there are 3 years before 2018"),
    "effects": ('R9 = "none"', "'university, year'"),
    "two effects": ('R3 = "university × year"\nR9 = "university, year"', "leave R9 out"),
    "third": ('R10 = "mean"', "'median' or 'key core'"),
    "smaller set": ('R11 = "none"', "'all pairs'"),
    "controls": ('R12 = "time-varying"', "no run can carry it"),
    "inference": ('R13 = "HC1"', "'CR1' or 'CR2'"),
    "two-way": ('R3 = "university × year"\nR13 = "two-way"', "leave R3 or R13 out"),
    "classes": ('R14 = "second class"', "'all classes'"),
    "firm": ('R15 = "yes"', "'holdings included'"),
    "same twice": ('R10 = "key core"\nR16 = "export control"', "leave one"),
    "grade": ('R17 = "C-"', "advantaged from this grade on"),
    "list": ('R17 = "Double First-Class"', "anonymous"),
    "split": ('R18 = "split"', "no run can carry it"),
    "mediation": ('R19 = "three steps"', "'each mediator'"),
    "universities": ('R20 = "five disciplines"', "named universities"),
    "home": ('R21 = "all"', "'with Hong Kong, Macao and Taiwan'"),
    "PCT": ('R21 = "PCT left out"', "no run can carry it"),
    "twice": ('R2 = "2017"\nR2 = "2019"', "cannot be read as TOML"),
    "nothing": ("", "there is no [choices] table with a row"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_cannot_be_chosen_is_refused(tmp_path: Path, fault: str) -> None:
    text, said = FAULTS[fault]
    path = written(tmp_path, text)
    with pytest.raises(RegistryError) as caught:
        choices.load_choices(path)
    assert str(path) in str(caught.value)
    assert said in str(caught.value)


def test_a_row_takes_its_value_in_any_case_and_spacing(tmp_path: Path) -> None:
    [one] = choices.load_choices(written(tmp_path, 'R3 = "University x  Year"'))
    assert not one.default
    assert one.design["unit"] == "university"
