"""The curve of the score: the planned estimate is in it, and each other is what its choices say."""

import pandas as pd
import pytest

from replication.estimate.planned import choices
from replication.estimate.planned.plan import EDITIONS, Panels, panels
from replication.estimate.specification import Curve
from replication.estimate.verbs import did
from replication.records.variables import CONTROLS
from tests.support.real_files import mirror_or_skip


@pytest.fixture(scope="module")
def main() -> Panels:
    mirror_or_skip("compilation", "the")
    return panels()


@pytest.fixture(scope="module")
def curve(main: Panels) -> Curve:
    few = pytest.MonkeyPatch()
    few.setattr(choices, "SINCE", {"from 2016": 2016})
    few.setattr(choices, "UNIVERSITIES", {"all ranked": None, "in every edition": "balanced"})
    few.setattr(choices, "EXPOSURES", {"mean of logs": "exposure"})
    found = choices.curve(main, draws=19)
    few.undo()
    return found


def one(curve: Curve, **changes: str) -> pd.Series:
    named = choices.PLANNED | changes
    rows = curve.table[(curve.table[list(named)] == pd.Series(named)).all(axis=1)]
    assert len(rows) == 1
    return rows.iloc[0]


def test_the_planned_estimate_is_in_it_in_deviations(main: Panels, curve: Curve) -> None:
    table = main["editions"]
    planned = did(table, EDITIONS).frame.iloc[0]
    outcome = table.loc[table["post"] == 0, "industry"].std()
    exposure = table.drop_duplicates("university")["exposure"].std()
    row = one(curve)
    assert row["estimate"] == pytest.approx(planned["estimate"] * exposure / outcome)
    assert row["p_value"] == pytest.approx(planned["p_value"])


def test_choices_mean_what_they_are_called(main: Panels, curve: Curve) -> None:
    table = panels(2020)["editions"]
    seen = table.groupby("university")["edition"].transform("size")
    table = table[seen == table["edition"].nunique()]
    controls = [(control, "edition") for control in CONTROLS]
    expected = did(table, EDITIONS, controls=controls)
    row = one(
        curve,
        **{
            "first treated (R2)": "2020",
            "universities": "in every edition",
            "controls (R12)": "resources × edition",
        },
    )
    assert row["p_value"] == pytest.approx(expected.frame["p_value"].iloc[0])
    assert row["rows"] == expected.n == len(table) - 1


def test_every_combination_is_there_once(curve: Curve) -> None:
    assert len(curve.table) == 3 * 2 * 3 * 2
    assert not curve.table[list(choices.CHOICES)].duplicated().any()
    assert (curve.table["reason"] == "").all()
    assert "university" not in curve.table.columns
