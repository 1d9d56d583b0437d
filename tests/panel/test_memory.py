"""Records that stay files: the same panel, the same refusals, within a limit of memory."""

from pathlib import Path

import ibis.expr.types as ir
import pandas as pd
import pytest
from pyarrow import parquet

from replication.cli import main
from replication.errors import ReplicationError, SchemaError
from replication.panel.build import build_panel, open_records, read_records
from replication.panel.engine import open_engine
from replication.panel.engine.on_duckdb import DuckDB
from replication.panel.memory import read_memory
from replication.records import schema, validation
from tests.support.simulated import SMALL, built, tables


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, table in tables(SMALL).items():
        table.to_parquet(tmp_path / f"{name}.parquet", index=False)
    return tmp_path


def put(folder: Path, name: str, row: int, column: str, value: object) -> None:
    table = tables(SMALL)[name].copy()
    table.loc[row, column] = value
    table.to_parquet(folder / f"{name}.parquet", index=False)


@pytest.mark.parametrize("memory", [None, 10**9])
def test_files_give_the_panel_of_their_frames(folder: Path, memory: int | None) -> None:
    records = open_records(folder)
    assert {name for name, of in records.items() if isinstance(of, Path)} == set(schema.EVENTS)
    panel, flow = build_panel(records, memory=memory)
    expected, counted = built(SMALL)
    pd.testing.assert_frame_equal(panel, expected)
    pd.testing.assert_frame_equal(flow, counted)
    assert flow.attrs == counted.attrs


def test_columns_of_another_order_and_an_index_change_nothing(folder: Path) -> None:
    """A line told twice is told twice, whatever the index of its rows says."""
    for name in schema.EVENTS:
        table = tables(SMALL)[name]
        again = pd.concat([table, table.iloc[:5]], ignore_index=True)[list(table)[::-1]]
        again.iloc[1:].sample(frac=1, random_state=3).to_parquet(folder / f"{name}.parquet")
        names = parquet.read_schema(folder / f"{name}.parquet").names
        assert "__index_level_0__" in names
    one = build_panel(open_records(folder))
    two = build_panel(read_records(folder))
    for found, expected in zip(one, two, strict=True):
        pd.testing.assert_frame_equal(found, expected)
    reasons = one[1].set_index(["table", "reason"])["rows"]
    assert reasons["hires", "hire listed before"] == 4
    assert not any("other content" in reason for _, reason in reasons.index)


@pytest.mark.parametrize(
    ("name", "row", "column", "value"),
    [
        ("hires", 1234, "year", 1900),
        ("papers", 2222, "partner_countries", "USA"),
        ("patents", 1001, "application", " CN1"),
        ("patents", 0, "jurisdiction", None),
        ("grades", 3, "grade", "Z"),
    ],
)
def test_a_fault_in_any_piece_is_refused_in_the_words_of_the_whole(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, row: int, column: str, value: object
) -> None:
    monkeypatch.setattr(validation, "PIECE", 1000)
    put(folder, name, row, column, value)
    said = []
    for look in (open_records, read_records):
        with pytest.raises(SchemaError) as refused:
            look(folder)
        said.append(str(refused.value))
    assert said[0] == said[1]
    assert f"row {row}" in said[0]


def test_a_file_without_rows_or_a_column_is_refused(folder: Path) -> None:
    whole = tables(SMALL)["hires"]
    path = folder / "hires.parquet"
    for faulty, what in (
        (whole.iloc[:0], "has no rows"),
        (whole.drop(columns="year"), "column 'year' is missing"),
        (whole.assign(more=1), "column 'more' is not known"),
        (whole.assign(year=whole["year"].astype(str)), "column 'year' has type str"),
    ):
        faulty.to_parquet(path, index=False)
        with pytest.raises(SchemaError, match=what):
            open_records(folder)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(SchemaError, match="cannot be read as Parquet"):
        open_records(folder)


def test_progress_is_told_of_long_work(folder: Path) -> None:
    said: list[str] = []
    build_panel(open_records(folder, said.append), progress=said.append)
    rows = len(tables(SMALL)["papers"])
    assert f"papers.parquet: {rows:,} of {rows:,} rows are as they should be" in said
    assert said[-1] == "what was dropped"


@pytest.mark.parametrize(
    ("said", "size"),
    [("2GB", 2e9), ("1.5 gb", 1.5e9), ("1500MB", 1.5e9), ("2GiB", 2**31), (" 4 GB ", 4e9)],
)
def test_amounts_of_memory(said: str, size: float) -> None:
    assert read_memory(said) == size


@pytest.mark.parametrize(
    "said", ["", "2", "GB", "-2GB", "2 TB", "nan", "2,5GB", "1e9", "２GB", "∞"]
)
def test_what_is_no_amount_of_memory_is_named(said: str) -> None:
    with pytest.raises(ReplicationError, match=r"is no amount of memory: a number and MB or GB"):
        read_memory(said)


def test_too_little_is_refused_before_anything_is_read(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "panel.parquet"
    build = ["build", "--records", str(folder), "--out", str(out), "--memory", "200MB"]
    assert main(build) == 2
    assert "--memory 200MB is too little" in capsys.readouterr().err
    assert not out.exists()


def test_no_table_of_events_is_read_whole(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither as a frame, nor in pieces that do not go again."""
    seen: list[str] = []
    whole = pd.read_parquet

    def read(path: Path, **options: object) -> pd.DataFrame:
        seen.append(Path(path).stem)
        return whole(path, **options)

    monkeypatch.setattr(pd, "read_parquet", read)
    fetched: list[int] = []
    frame = DuckDB.frame

    def fetch(engine: DuckDB, table: ir.Table) -> pd.DataFrame:
        found = frame(engine, table)
        fetched.append(len(found))
        return found

    monkeypatch.setattr(DuckDB, "frame", fetch)
    panel, _ = build_panel(open_records(folder), memory=10**9)
    assert sorted(seen) == sorted(set(schema.RECORDS) - set(schema.EVENTS))
    assert max(fetched) == len(panel)


def test_the_database_has_what_python_leaves(folder: Path) -> None:
    with open_engine("duckdb", 2 * 10**9) as engine:
        said = "SELECT current_setting('memory_limit')"
        (limit,) = engine.connection.raw_sql(said).fetchone()
        assert limit.split()[1] in ("MiB", "GiB")
        size = float(limit.split()[0]) * (2**20 if "MiB" in limit else 2**30)
        assert 10**9 < size < 1.5 * 10**9
