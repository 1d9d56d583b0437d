"""Nothing that a command did not write is overwritten: records, panels, their sample flows."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from replication import cli
from replication.errors import OverwriteError
from replication.records.manifest import require_own_panel, require_own_records
from replication.records.schema import RECORDS
from tests.support.simulated import SMALL, built, tables

Damage = Callable[[Path], object]


def command(*arguments: object) -> int:
    return cli.main([str(argument) for argument in arguments])


def simulate(folder: Path, *more: object) -> int:
    return command("simulate", "--out", folder, "--scale", "0.1", *more)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records and panel of a small study, by the commands."""
    folder = tmp_path_factory.mktemp("made")
    assert simulate(folder / "records") == 0
    assert command("build", "--records", folder / "records", "--out", folder / "panel.parquet") == 0
    return folder


@pytest.fixture
def records(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made / "records", tmp_path / "records"))


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """Records that a reader has brought, with a file of notes."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    for name, table in tables(SMALL).items():
        table.to_parquet(folder / f"{name}.parquet", index=False)
    (folder / "notes.txt").write_text("from the vendor")
    return folder


class TestRecords:
    def test_mark_says_how_they_were_made(self, records):
        mark = json.loads((records / "manifest.json").read_text(encoding="utf-8"))
        assert (mark["made_by"], mark["seed"]) == ("replication simulate", 2026)
        assert mark["process"]["universities"] == 6
        assert mark["process"]["mediators"][0]["name"] == "hires_overseas"
        assert set(mark["sha256"]) == set(RECORDS)
        assert str(records) not in json.dumps(mark)

    def test_our_own_are_made_anew(self, records):
        before = contents(records)
        assert simulate(records, "--seed", "7") == 0
        after = contents(records)
        assert before.keys() == after.keys()
        assert before["patents.parquet"] != after["patents.parquet"]
        assert simulate(records) == 0
        assert contents(records) == before

    def test_a_file_beside_them_is_no_hindrance_and_stays(self, records):
        (records / "panel.parquet").write_bytes(b"mine")
        assert simulate(records) == 0
        assert (records / "panel.parquet").read_bytes() == b"mine"

    def test_a_reader_s_are_not_overwritten(self, theirs, capsys):
        before = contents(theirs)
        assert simulate(theirs) == 1
        said = capsys.readouterr().err
        assert "universities.parquet, disciplines.parquet, exchange.parquet" in said
        assert "name another folder with --out" in said
        assert contents(theirs) == before

    @pytest.mark.parametrize(
        "damage",
        [
            lambda f: (f / "manifest.json").unlink(),
            lambda f: (f / "hires.parquet").write_bytes(b"mine"),
            lambda f: shutil.copy(f / "papers.parquet", f / "hires.parquet"),
            lambda f: (f / "manifest.json").write_text("{"),
            lambda f: (f / "manifest.json").write_text("[]"),
            lambda f: (f / "manifest.json").write_text('{"made_by": "somebody", "sha256": {}}'),
            lambda f: (f / "manifest.json").write_text('{"made_by": "replication simulate"}'),
            lambda f: (
                [p.unlink() for p in f.glob("*.parquet")]
                and (f / "manifest.json").write_text('{"name": "of another program"}')
            ),
        ],
    )
    def test_a_table_or_mark_that_is_not_ours_is_refused(self, records, damage: Damage):
        damage(records)
        before = contents(records)
        with pytest.raises(OverwriteError, match=r"hires\.parquet|manifest\.json"):
            require_own_records(records)
        assert simulate(records) == 1
        assert contents(records) == before

    def test_one_table_of_a_reader_is_named_alone(self, records):
        (records / "hires.parquet").write_bytes(b"mine")
        with pytest.raises(OverwriteError, match=r"records holds hires\.parquet, which"):
            require_own_records(records)

    def test_a_mark_whose_tables_are_gone_is_ours(self, records):
        (records / "hires.parquet").unlink()
        assert simulate(records) == 0
        assert (records / "hires.parquet").is_file()

    def test_the_mark_is_written_last(self, tmp_path, monkeypatch):
        """A disk that is full at the last table leaves no mark that would vouch for the others."""
        write = pd.DataFrame.to_parquet

        def fail_at_hires(table: pd.DataFrame, path: Path, **options: bool) -> None:
            if path.stem == "hires":
                raise OSError(28, "No space left on device")
            write(table, path, **options)

        monkeypatch.setattr("pandas.DataFrame.to_parquet", fail_at_hires)
        assert simulate(tmp_path) == 1
        assert {path.stem for path in tmp_path.iterdir()} == set(RECORDS) - {"hires"}


class TestPanel:
    def test_incomplete_records_are_not_advised_away(self, theirs, capsys, tmp_path):
        (theirs / "hires.parquet").unlink()
        assert command("build", "--records", theirs, "--out", tmp_path / "panel.parquet") == 1
        said = capsys.readouterr().err
        assert "does not hold hires.parquet" in said
        assert "--out NEW_FOLDER" in said
        assert f"--out {theirs}" not in said
        assert not (tmp_path / "panel.parquet").exists()

    def test_our_own_is_made_anew(self, made):
        before = (made / "panel.parquet").read_bytes()
        out = made / "panel.parquet"
        assert command("build", "--records", made / "records", "--out", out) == 0
        assert out.read_bytes() == before

    @pytest.mark.parametrize("name", RECORDS)
    def test_no_record_table_is_overwritten(self, records, name, capsys):
        before = contents(records)
        assert command("build", "--records", records, "--out", records / f"{name}.parquet") == 1
        assert "is one of the records" in capsys.readouterr().err
        assert contents(records) == before

    def test_nor_by_another_name(self, records, tmp_path):
        (tmp_path / "alias.parquet").symlink_to(records / "hires.parquet")
        with pytest.raises(OverwriteError, match="is one of the records"):
            require_own_panel(tmp_path / "alias.parquet", records)

    @pytest.mark.parametrize(
        "content",
        [
            lambda path: path.write_text("my thesis"),
            lambda path: tables(SMALL)["hires"].to_parquet(path),
            lambda path: built(SMALL)[0].drop(columns="grade").to_parquet(path, index=False),
        ],
    )
    @pytest.mark.parametrize("flow", ["table,reason,rows\n", None])
    def test_a_file_that_is_no_panel_of_ours_is_refused(self, records, tmp_path, content, flow):
        out = tmp_path / "mine.parquet"
        content(out)
        before = out.read_bytes()
        if flow:
            (tmp_path / "mine.sample_flow.csv").write_text(flow)
        with pytest.raises(OverwriteError, match=r"mine\.parquet is there and not a panel"):
            require_own_panel(out, records)
        assert command("build", "--records", records, "--out", out) == 1
        assert out.read_bytes() == before

    def test_a_panel_without_its_sample_flow_is_the_reader_s(self, made, tmp_path):
        shutil.copy(made / "panel.parquet", tmp_path / "panel.parquet")
        with pytest.raises(OverwriteError, match=r"panel\.sample_flow\.csv beside it"):
            require_own_panel(tmp_path / "panel.parquet", made / "records")
        shutil.copy(made / "panel.sample_flow.csv", tmp_path / "panel.sample_flow.csv")
        require_own_panel(tmp_path / "panel.parquet", made / "records")

    def test_a_file_where_the_sample_flow_would_be_is_refused(self, made, tmp_path):
        (tmp_path / "panel.sample_flow.csv").write_text("a,b\n1,2\n")
        with pytest.raises(OverwriteError, match=r"panel\.sample_flow\.csv is no sample flow"):
            require_own_panel(tmp_path / "panel.parquet", made / "records")
