"""Who has patents and the ministry's statistics alone gets what those answer, and nothing else."""

import pandas as pd
import pytest

from replication.cli import main
from replication.estimate.claims import UNTESTABLE, evaluate
from replication.panel.build import build_panel
from replication.panel.losses import LossWarning
from replication.panel.partial import GOES_WITH
from replication.records.classify import load_ipc
from tests.support.simulated import SMALL, built, tables

ALONE = ("universities", "disciplines", "exchange", "resources", "patents")


def without(*names: str) -> pd.DataFrame:
    records = {name: table for name, table in tables(SMALL).items() if name not in names}
    with pytest.warns(LossWarning, match="no such table"):
        return build_panel(records)[0]


@pytest.mark.parametrize("name", ["papers", "hires"])
def test_the_rest_of_the_panel_is_as_with_the_table(name):
    whole = built(SMALL)[0]
    pd.testing.assert_frame_equal(
        without(name), whole.drop(columns=[*GOES_WITH[name]]), check_exact=True
    )


def test_without_grades_each_discipline_with_a_patent_class_is_a_cell():
    panel, whole = without("grades"), built(SMALL)[0]
    classes = set(load_ipc()["discipline"])
    assert set(panel["discipline"]) <= classes
    cells = panel.groupby("university")["discipline"].nunique()
    assert cells.nunique() == 1
    key = ["university", "discipline", "year"]
    counts = ["patents_joint", "patents_joint_granted", "patents_overseas"]
    both = whole[key].merge(panel[[*key, *counts]], on=key)
    same = whole[whole["discipline"].isin(classes)].set_index(key).sort_index()[counts]
    pd.testing.assert_frame_equal(both.set_index(key).sort_index(), same)


def test_patents_and_the_ministrys_statistics_reach_the_first_two_claims():
    panel = without(*GOES_WITH)
    table = evaluate(panel, "restricted")
    asked = table[table["verdict"] != UNTESTABLE]
    assert {"C1", "C2"} <= set(asked.index)
    assert asked["estimate"].notna().all()
    wanted = {"C3": "hires", "C4": "papers", "C7": "grades", "C8": "hires"}
    assert set(table.index) - set(asked.index) == set(wanted)
    for claim, name in wanted.items():
        assert table.loc[claim, "reason"].startswith(f"for want of {name}: ")


def test_the_estimate_of_a_claim_is_as_with_the_tables_that_it_does_not_need():
    whole = evaluate(built(SMALL)[0], "restricted")
    fewer = evaluate(without("papers", "hires"), "restricted")
    there = fewer[fewer["verdict"] != UNTESTABLE].index
    columns = ["estimate", "std_error", "lower", "upper", "p_value"]
    pd.testing.assert_frame_equal(fewer.loc[there, columns], whole.loc[there, columns])


def test_commands(tmp_path, capsys):
    folder, panel = tmp_path / "records", tmp_path / "panel.parquet"
    folder.mkdir()
    for name in ALONE:
        table = tables(SMALL)[name].copy(deep=False)
        table.attrs = {}
        table.to_parquet(folder / f"{name}.parquet", index=False)
    assert main(["build", "--records", str(folder), "--out", str(panel)]) == 0
    assert "warning: papers: no such table" in capsys.readouterr().err
    assert main(["claims", "--source", "restricted", "--panel", str(panel)]) == 0
    said = capsys.readouterr().out
    assert said.count("not testable") == 4
    assert "for want of grades" in said


def test_what_is_needed_is_still_asked_for(tmp_path, capsys):
    for name in ("universities", "disciplines", "exchange", "patents"):
        tables(SMALL)[name].to_parquet(tmp_path / f"{name}.parquet", index=False)
    out = tmp_path / "panel.parquet"
    assert main(["build", "--records", str(tmp_path), "--out", str(out)]) == 2
    assert "does not hold resources.parquet" in capsys.readouterr().err
