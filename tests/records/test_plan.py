"""Dates and plan of the analysis of real universities: their order, and what is refused."""

from pathlib import Path

import pytest

from replication.config import DATA
from replication.errors import NoVariationError, RegistryError
from replication.panel import scores
from replication.records import plan


def test_the_code_takes_the_first_treated_edition_that_the_dates_give() -> None:
    assert plan.first_edition(2018) == scores.FIRST_EDITION
    assert plan.load_editions().index.max() == scores.LAST_EDITION
    assert plan.first_edition(2017) == scores.FIRST_EDITION - 1


def test_no_edition_of_a_year_is_named() -> None:
    with pytest.raises(NoVariationError, match="income of 2030 or later; the last is of 2020"):
        plan.first_edition(2030)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("edition = 2017", "edition = 2018", "edition 2, field 'id': 2018"),
        ("income_year = 2014", "income_year = 2016", "must follow each other"),
        ('evidence = "bounded"', 'evidence = "certain"', "edition 6, field 'evidence'"),
    ],
)
def test_a_faulty_date_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    text = (DATA / "the_editions.toml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "the_editions.toml"
    path.write_text(text.replace("\n" + old, "\n" + new, 1), encoding="utf-8")
    with pytest.raises(RegistryError, match=said):
        plan.load_editions(path)


def test_the_plan_holds_to_the_dates_and_to_the_claims() -> None:
    written = plan.load_plan()
    first = plan.first_edition(2018)
    assert written.first_edition == first
    assert written.other_editions == [first - 1, first + 1]
    primary = plan.planned().query("role == 'primary'")
    assert set(primary["claim"]) == {"C1", "C4", "C7", "C9"}
    assert (primary.loc[primary["family"] == "C1", "claim"] == "C1").all()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('id = "papers-firm"', 'id = "industry"', "duplicate 'industry'"),
        ('claim = "C8"', 'claim = "C1"', "each of C1 to C9 has primary tests or a reason"),
        ('family = "C4"\n', "", r"test 8 \(papers-abroad\): Value error, a primary test"),
        ('scale = "level"', 'scale = "level"\noffset = "papers"', "an offset belongs to a Poisson"),
        ('model = "ppml"', 'model = "tobit"', r"test 2 \(papers-firm\), field 'model'"),
    ],
)
def test_a_faulty_plan_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    text = (DATA / "plan.toml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "plan.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(RegistryError, match=said):
        plan.load_plan(path)
