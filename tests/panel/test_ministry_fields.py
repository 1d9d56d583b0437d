"""By field, on a workbook of the publisher's shape that the tests make, with planted effects."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from replication.config import DATA
from replication.errors import NoVariationError, RegistryError, SourceUnavailableError
from replication.estimate.planned import fields as planned
from replication.panel.compilation import exchange_2016
from replication.panel.ministry import fields
from replication.records.classify import load_fields
from replication.records.open import download
from replication.records.open.leiden.fields import FIELDS
from replication.records.open.universities import university_names
from tests.support.made_workbook import leiden_rows, listed, write
from tests.support.real_files import mirror_or_skip

PERIODS = ("2006–2009", "2008–2011", "2010–2013", "2014–2017", "2015–2018", "2018–2021")
EFFECT, MORE, WORLD = 0.2, 0.4, 0.3


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A workbook in which exchange raises papers with firms, more so where control bites."""
    mirror_or_skip("compilation")
    folder = tmp_path_factory.mktemp("leiden")
    path = folder / "leiden_2023_all_fields.xlsx"
    named = university_names("leiden-panel").set_index("name")["name_zh"]
    dose = exchange_2016().set_index("university")["exposure"]
    control = load_fields()["control_exposure"]
    rng = np.random.default_rng(8)
    world = [(f"University {n}", "Norway") for n in range(30)]
    rows = leiden_rows([*listed(), *world], PERIODS)
    size = {name: float(rng.uniform(200, 4000)) for name in sorted({r["University"] for r in rows})}
    for row in rows:
        name, field = str(row["University"]), FIELDS[str(row["Field"])]
        # Growth is the same everywhere; papers are means, as if there were no noise.
        papers = size[name] * (int(str(row["Period"])[:4]) - 1999)
        effect = 0.0
        if str(row["Period"]).startswith("2018"):
            more = EFFECT + MORE * float(control.get(field, 0.0))
            ours = row["Country"] == "China"
            effect = float(dose.get(named.get(name, ""), 0.0)) * more if ours else WORLD
        row["collab_P"] = row["impact_P"] = 40 * papers
        row["P_collab"] = row["P_int_collab"] = 9 * papers
        row["P_industry_collab"] = float(papers * np.exp(effect))
        row["P_short_dist_collab"] = row["P_long_dist_collab"] = papers
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REPLICATION_CACHE", str(folder / "cache"))
        real = download.locate
        patch.setattr(
            download, "locate", lambda name: path if name == "leiden-panel-2023" else real(name)
        )
        yield write(path, rows)


def test_periods_do_not_overlap_and_the_last_begins_with_the_shock(book: Path) -> None:
    panel = fields.field_panel()
    periods = panel.groupby("first_year")["event_time"].first()
    assert periods.to_dict() == {2006: -3, 2010: -2, 2014: -1, 2018: 0}
    assert set(panel["field"]) == set(FIELDS.values()) - {"all"}
    dropped = panel.attrs["dropped"]
    units = 61 * len(FIELDS)
    assert dropped[fields.OVERLAPS] == 2 * units
    assert dropped["all fields together"] == 4 * 61
    assert len(panel) == 4 * 5 * 61 - dropped[fields.UNCOUNTED]
    assert panel.loc[panel["field"] == "social", "control_exposure"].isna().all()
    with pytest.raises(NoVariationError, match="no period of 4 years begins in 2019"):
        fields.field_panel(2019)


def test_the_planted_effects_are_found(book: Path) -> None:
    found = planned.by_field()
    assert found["DDD"].frame["estimate"].iloc[0] == pytest.approx(MORE, abs=1e-6)
    control = load_fields()["control_exposure"]
    low, high = EFFECT, EFFECT + MORE * control.max()
    assert low < found["DID"].frame["estimate"].iloc[0] < high
    study = found["event study"].frame["estimate"]
    np.testing.assert_allclose(study.iloc[:2], 0, atol=1e-8)
    assert study.iloc[2] == pytest.approx(found["DID"].frame["estimate"].iloc[0], rel=1e-6)


def test_the_world_is_a_comparison_of_its_own(book: Path) -> None:
    world = fields.world_panel()
    assert (world.groupby("university")["ministry"].nunique() == 1).all()
    names = world.loc[world["ministry"] == 0, "university"]
    assert set(names.str.rsplit(", ", n=1).str[1]) == {"Norway", "United States"}
    gap = planned.by_field()["ministry against world"].frame["estimate"].iloc[0]
    # Poisson with these effects is exact on totals; what is left is how it weighs the fields.
    ours = world[world["ministry"] == 1].pivot_table(
        index="field", columns="first_year", values="papers_firm", aggfunc="sum"
    )
    more = np.log(ours[2018] / ours[2014] / ((2018 - 1999) / (2014 - 1999))) - WORLD
    assert more.min() < gap < more.max()


def test_without_the_workbook_it_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REPLICATION_CACHE", str(tmp_path))
    table = planned.by_field_here()
    assert list(table) == ["why"]
    assert table["why"].iloc[0].startswith("not run: the workbook is not here; ")

    def refused() -> None:
        raise SourceUnavailableError("no network")

    monkeypatch.setattr(planned.download, "where", lambda source: "cache")
    monkeypatch.setattr(planned, "by_field", refused)
    assert "no network" in planned.by_field_here()["why"].iloc[0]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [("0812,computing\n", "", "0812"), ("0701,computing\n", "0701,life\n0701,life\n", "0701")],
)
def test_every_discipline_has_one_field(tmp_path: Path, old: str, new: str, said: str) -> None:
    table = load_fields()
    assert table["subclasses"].sum() == len(pd.read_csv(DATA / "ipc_discipline.csv"))
    assert table["control_exposure"].between(0, 1).all()
    for file in DATA.glob("*.csv"):
        text = file.read_text(encoding="utf-8")
        changed = text.replace(old, new) if file.name == "leiden_fields.csv" else text
        (tmp_path / file.name).write_text(changed, encoding="utf-8")
    with pytest.raises(RegistryError, match=f"{said} must have one row"):
        load_fields(tmp_path)
