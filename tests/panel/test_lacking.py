"""A reader with fewer tables: what can be tested is the same, the rest is said to be missing."""

from pathlib import Path

import pandas as pd
import pytest

from replication.cli import main
from replication.errors import SourceUnavailableError
from replication.estimate.claims import evaluate
from replication.panel.build import build_panel
from replication.panel.lacking import COLUMNS, files
from replication.panel.losses import LossWarning
from replication.records.classify import load_ipc
from replication.records.schema import PANEL
from tests.support.simulated import tables

pytestmark = pytest.mark.filterwarnings("ignore::replication.panel.losses.LossWarning")

LEAST = ("universities", "disciplines", "exchange", "patents")


@pytest.fixture(scope="module")
def records() -> dict[str, pd.DataFrame]:
    return tables()


@pytest.fixture(scope="module")
def whole(records: dict[str, pd.DataFrame]) -> pd.DataFrame:
    return build_panel(records)[0]


@pytest.fixture(scope="module")
def least(records: dict[str, pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    return build_panel({name: records[name] for name in LEAST})


def test_patents_and_exchange_reach_the_same_estimates(
    whole: pd.DataFrame, least: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    """A cell in which nothing is ever filed tells a Poisson model with cell effects nothing."""
    of_all, of_few = (evaluate(panel, "restricted") for panel in (whole, least[0]))
    for claim in ("C1", "C2", "C5", "C6", "C9"):
        numbers = ["estimate", "std_error", "p_value"]
        assert of_few.loc[claim, numbers].to_numpy(float) == pytest.approx(
            of_all.loc[claim, numbers].to_numpy(float), rel=1e-5
        )
    for claim in ("C3", "C4", "C7", "C8"):
        assert of_few.loc[claim, "verdict"] == "not testable"
        assert "no column" in of_few.loc[claim, "reason"]


def test_without_grades_cells_are_all_that_a_class_leads_to(
    records: dict[str, pd.DataFrame], least: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    catalogue = records["disciplines"]
    reached = set(catalogue["discipline"]) & set(load_ipc()["discipline"])
    cells = least[0][["university", "discipline"]].drop_duplicates()
    assert len(cells) == len(records["universities"]) * len(reached)
    # No joint patent is placed elsewhere than before.
    graded = records["grades"][["university", "discipline"]].merge(least[0])
    assert graded["patents_joint"].sum() == least[0]["patents_joint"].sum()


@pytest.mark.parametrize("name", COLUMNS)
def test_one_table_takes_its_columns_and_no_more(
    name: str, records: dict[str, pd.DataFrame], whole: pd.DataFrame
) -> None:
    some = {n: table for n, table in records.items() if n != name}
    with pytest.warns(LossWarning, match=f"^{name}: no such table"):
        panel, flow = build_panel(some)
    assert set(PANEL.columns) - set(panel.columns) == set(COLUMNS[name])
    assert name not in set(flow["table"])
    kept = panel.merge(whole[["university", "discipline", "year"]])
    pd.testing.assert_frame_equal(kept, whole[list(panel.columns)], check_exact=True)


@pytest.mark.parametrize("name", LEAST)
def test_tables_in_hand_are_refused_as_files_are(
    name: str, records: dict[str, pd.DataFrame]
) -> None:
    some = {n: table for n, table in records.items() if n != name}
    with pytest.raises(SourceUnavailableError, match=f"records without {name}"):
        build_panel(some)


def put(records: dict[str, pd.DataFrame], folder: Path, *names: str) -> Path:
    folder.mkdir()
    for name in names:
        records[name].to_parquet(folder / f"{name}.parquet", index=False)
    return folder


@pytest.mark.parametrize("name", LEAST)
def test_what_a_panel_cannot_be_without(
    name: str, records: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    folder = put(records, tmp_path / "own", *(set(LEAST) - {name}))
    with pytest.raises(SourceUnavailableError, match=f"does not hold {name}.parquet"):
        files(folder)


def test_a_table_under_another_name_is_not_taken_for_absent(
    records: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    folder = put(records, tmp_path / "own", *LEAST)
    records["papers"].to_parquet(folder / "paper.parquet", index=False)
    with pytest.raises(SourceUnavailableError, match=r"paper\.parquet is no table of records"):
        files(folder)


def test_commands_say_what_is_not_testable_and_end_well(
    records: dict[str, pd.DataFrame], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = {n: table.copy() for n, table in records.items() if n in LEAST}
    for table in own.values():
        table.attrs = {}
    folder = put(own, tmp_path / "own", *LEAST)
    panel = folder / "panel.parquet"
    assert main(["build", "--records", str(folder), "--out", str(panel)]) == 0
    assert "hires: no such table" in capsys.readouterr().err
    assert main(["claims", "--source", "restricted", "--panel", str(panel)]) == 0
    said = capsys.readouterr().out
    assert said.count("not testable") == 4
    assert "C1" in said
