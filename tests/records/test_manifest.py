"""Nothing that a command did not write is overwritten: records, panels, their sample flows."""

import json
import os
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from replication import cli
from replication.errors import OverwriteError, SchemaError
from replication.panel.build import build_panel
from replication.panel.load import load_panel, load_truth
from replication.records.manifest import (
    origin,
    require_own_panel,
    require_own_records,
    write_panel,
    write_truth,
)
from replication.records.schema import RECORDS
from tests.support.simulated import SMALL, built, tables

Damage = Callable[[Path], object]


def command(*arguments: object) -> int:
    return cli.main([str(argument) for argument in arguments])


def simulate(folder: Path, *more: object) -> int:
    return command("simulate", "--out", folder, "--scale", "0.1", *more)


def full_disk(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A disk that has no room left when the file of this name is written."""
    opened = Path.open

    def fail(path: Path, mode: str = "r", *more: object, **options: object) -> object:
        if path.name == name and mode == "wb":
            with opened(path, mode) as file:
                file.write(b"half of")
            raise OSError(28, "No space left on device")
        return opened(path, mode, *more, **options)

    monkeypatch.setattr(Path, "open", fail)


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
        assert (mark["made_by"], mark["study"]["seed"]) == ("replication simulate", 2026)
        assert mark["source"] == "simulated"
        assert mark["study"]["process"]["universities"] == 6
        assert mark["study"]["process"]["mediators"][0]["name"] == "hires_overseas"
        files = {f"{name}.parquet": records / f"{name}.parquet" for name in RECORDS}
        assert mark["sha256"] == {n: sha256(p.read_bytes()).hexdigest() for n, p in files.items()}
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
        assert simulate(theirs) == 2
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
        assert simulate(records) == 2
        assert contents(records) == before

    def test_one_table_of_a_reader_is_named_alone(self, records):
        (records / "hires.parquet").write_bytes(b"mine")
        with pytest.raises(OverwriteError, match=r"records holds hires\.parquet, which"):
            require_own_records(records)

    def test_a_mark_whose_tables_are_gone_is_ours(self, records):
        (records / "hires.parquet").unlink()
        assert simulate(records) == 0
        assert (records / "hires.parquet").is_file()

    @pytest.mark.parametrize("make", [lambda path: path.symlink_to("nowhere"), os.mkfifo])
    def test_a_link_that_leads_nowhere_or_a_pipe_is_refused(self, tmp_path, make):
        make(tmp_path / "hires.parquet")
        with pytest.raises(OverwriteError, match=r"hires\.parquet"):
            require_own_records(tmp_path)

    @pytest.mark.parametrize("name", [*RECORDS, "manifest"])
    def test_a_full_disk_leaves_the_old_records_and_names_the_file(
        self, records, name, monkeypatch, capsys
    ):
        before, file = contents(records), f"{name}.{'json' if name == 'manifest' else 'parquet'}"
        full_disk(monkeypatch, file)
        assert simulate(records, "--seed", "7") == 2
        assert capsys.readouterr().err == (
            f"replication simulate: {records / file}: No space left on device\n"
        )
        assert contents(records) == before

    def test_a_full_disk_leaves_no_new_folder(self, tmp_path, monkeypatch):
        full_disk(monkeypatch, "hires.parquet")
        assert simulate(tmp_path / "new") == 2
        assert list(tmp_path.iterdir()) == []


class TestReading:
    """What the mark says is held against the files before a panel is built of them."""

    def refused(self, records: Path, capsys: pytest.CaptureFixture[str]) -> str:
        capsys.readouterr()
        out = records.parent / "panel.parquet"
        assert command("build", "--records", records, "--out", out) == 2
        assert not out.exists()
        return capsys.readouterr().err

    def test_a_table_of_another_seed_is_refused(self, records, tmp_path, capsys):
        assert simulate(tmp_path / "seven", "--seed", "7") == 0
        shutil.copy(tmp_path / "seven" / "hires.parquet", records)
        said = self.refused(records, capsys)
        assert f"{records / 'hires.parquet'} is not as `replication simulate` wrote it" in said

    @pytest.mark.parametrize("name", sorted(RECORDS.keys() - {"disciplines"}))
    def test_nor_without_the_mark(self, records, tmp_path, name, capsys):
        assert simulate(tmp_path / "seven", "--seed", "7") == 0
        shutil.copy(tmp_path / "seven" / f"{name}.parquet", records)
        (records / "manifest.json").unlink()
        said = self.refused(records, capsys)
        assert f"{records} mixes records" in said
        assert "same study" in said

    def test_one_simulated_table_among_a_reader_s_is_refused(self, theirs, records, capsys):
        shutil.copy(records / "hires.parquet", theirs)
        assert "mixes records: hires.parquet is not of the same" in self.refused(theirs, capsys)

    def test_nor_are_all_of_them_taken_for_a_reader_s(self, records, capsys):
        (records / "manifest.json").unlink()
        said = self.refused(records, capsys)
        assert "holds simulated records without their mark manifest.json" in said

    def test_but_the_catalogue_may_be_taken(self, theirs, records, tmp_path):
        shutil.copy(records / "disciplines.parquet", theirs)
        assert command("build", "--records", theirs, "--out", tmp_path / "panel.parquet") == 0
        assert load_panel("restricted", tmp_path / "panel.parquet").attrs["source"] == "restricted"

    def test_a_flipped_bit_is_refused(self, records, capsys):
        path = records / "patents.parquet"
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 4
        path.write_bytes(content)
        assert "patents.parquet is not as `replication simulate` wrote" in self.refused(
            records, capsys
        )

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "{",
            '{"made_by": "replication simulate"}',
            '{"made_by": "replication simulate", "source": "open", "sha256": {"a": "b"}}',
            '{"made_by": "replication simulate", "source": "simulated", "sha256": {}}',
            '{"made_by": "replication simulate", "source": "simulated", "sha256": {"a": 1}}',
        ],
    )
    def test_a_damaged_mark_is_refused(self, records, text, capsys):
        (records / "manifest.json").write_text(text)
        assert "manifest.json is damaged" in self.refused(records, capsys)

    def test_a_file_of_that_name_of_another_program_is_no_mark(self, theirs, tmp_path):
        (theirs / "manifest.json").write_text('{"name": "of another program"}')
        assert command("build", "--records", theirs, "--out", tmp_path / "panel.parquet") == 0


class TestPanel:
    def test_incomplete_records_are_not_advised_away(self, theirs, capsys, tmp_path):
        (theirs / "patents.parquet").unlink()
        assert command("build", "--records", theirs, "--out", tmp_path / "panel.parquet") == 2
        said = capsys.readouterr().err
        assert "does not hold patents.parquet" in said
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
        assert command("build", "--records", records, "--out", records / f"{name}.parquet") == 2
        assert "is one of the records" in capsys.readouterr().err
        assert contents(records) == before

    def test_nor_where_their_mark_would_be(self, theirs):
        with pytest.raises(OverwriteError, match="is one of the records"):
            require_own_panel(theirs / "manifest.json", theirs)

    @pytest.mark.parametrize("name", ["panel.parquet", "panel.sample_flow.csv"])
    @pytest.mark.parametrize("make", [lambda path: path.symlink_to("nowhere"), os.mkfifo])
    def test_a_link_that_leads_nowhere_or_a_pipe_stays(self, records, tmp_path, name, make):
        make(tmp_path / name)
        with pytest.raises(OverwriteError, match=name):
            require_own_panel(tmp_path / "panel.parquet", records)

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
        with pytest.raises(
            OverwriteError, match=r"holds mine\.parquet, .*which `replication build"
        ):
            require_own_panel(out, records)
        assert command("build", "--records", records, "--out", out) == 2
        assert out.read_bytes() == before

    def test_a_panel_without_its_mark_is_the_reader_s(self, made, tmp_path):
        files = ["panel.parquet", "panel.sample_flow.csv", "panel.manifest.json"]
        for name in files[:2]:
            shutil.copy(made / name, tmp_path / name)
            with pytest.raises(OverwriteError, match=r"holds panel\.parquet.* did not write"):
                require_own_panel(tmp_path / "panel.parquet", made / "records")
        shutil.copy(made / files[2], tmp_path / files[2])
        require_own_panel(tmp_path / "panel.parquet", made / "records")

    @pytest.mark.parametrize("name", ["panel.sample_flow.csv", "panel.manifest.json"])
    def test_a_file_where_the_sample_flow_or_the_mark_would_be_is_refused(
        self, made, tmp_path, name
    ):
        (tmp_path / name).write_text("a,b\n1,2\n")
        with pytest.raises(OverwriteError, match=rf"holds {name}, which"):
            require_own_panel(tmp_path / "panel.parquet", made / "records")
        assert (
            command("build", "--records", made / "records", "--out", tmp_path / "panel.parquet")
            == 2
        )
        assert contents(tmp_path) == {name: b"a,b\n1,2\n"}

    @pytest.mark.parametrize("name", ["", ".sample_flow", ".manifest"])
    def test_a_full_disk_leaves_the_old_panel(self, records, tmp_path, name, monkeypatch, capsys):
        out = tmp_path / "out" / "panel.parquet"
        assert command("build", "--records", records, "--out", out) == 0
        before = contents(out.parent)
        simulate(records, "--seed", "7")
        (file,) = (
            n for n in before if n.startswith(f"panel{name}.") and n.count(".") == 1 + bool(name)
        )
        full_disk(monkeypatch, file)
        assert command("build", "--records", records, "--out", out) == 2
        assert f"{out.parent / file}: No space left on device" in capsys.readouterr().err
        assert contents(out.parent) == before

    def test_it_is_refused_before_it_is_built_and_when_it_is_written(
        self, records, tmp_path, monkeypatch
    ):
        """Between the two somebody may have put a file there."""
        out = tmp_path / "panel.parquet"
        out.write_text("mine")
        with pytest.raises(OverwriteError, match="did not write"):
            write_panel(out, *built(SMALL), records, origin(records))
        monkeypatch.setattr("replication.panel.build.build_panel", None)
        assert command("build", "--records", records, "--out", out) == 2
        assert out.read_text() == "mine"

    def test_it_says_what_it_was_built_of(self, made):
        mark = json.loads((made / "panel.manifest.json").read_text(encoding="utf-8"))
        records = json.loads((made / "records" / "manifest.json").read_text(encoding="utf-8"))
        assert (mark["made_by"], mark["source"]) == ("replication build", "simulated")
        assert mark["study"] == records["study"]
        assert {f"{n}.parquet": c for n, c in mark["records"].items()} == records["sha256"]
        assert set(mark["sha256"]) == {"panel.parquet", "panel.sample_flow.csv"}

    def test_another_suffix_is_not_the_same_panel(self, made, tmp_path, capsys):
        """`panel` and `panel.parquet` would have one sample flow and one mark between them."""
        for path in made.glob("panel.*"):
            shutil.copy(path, tmp_path)
        before = contents(tmp_path)
        assert command("build", "--records", made / "records", "--out", tmp_path / "panel") == 2
        assert "nothing of yours is overwritten: name another file" in capsys.readouterr().err
        assert contents(tmp_path) == before

    @pytest.mark.parametrize("marked", [True, False])
    def test_records_that_change_meanwhile_are_not_what_it_was_built_of(
        self, records, theirs, tmp_path, marked, monkeypatch, capsys
    ):
        folder, build = records if marked else theirs, build_panel

        def and_another(tables: dict[str, Any], **options: Any) -> object:
            made = build(tables, **options)
            if marked:
                simulate(folder, "--seed", "7")
            else:
                path = folder / "hires.parquet"
                pd.read_parquet(path).iloc[1:].to_parquet(path, index=False)
            return made

        monkeypatch.setattr("replication.panel.build.build_panel", and_another)
        assert command("build", "--records", folder, "--out", tmp_path / "panel.parquet") == 2
        assert f"{folder} changed while the panel was built" in capsys.readouterr().err
        assert not (tmp_path / "panel.parquet").exists()

    @pytest.mark.parametrize("name", ["panel.parquet", "panel.sample_flow.csv"])
    def test_a_change_after_it_was_built_is_refused(self, made, tmp_path, name):
        for path in made.glob("panel.*"):
            shutil.copy(path, tmp_path)
        with (tmp_path / name).open("ab") as file:
            file.write(b" ")
        with pytest.raises(SchemaError, match=rf"{name} is not as `replication build` wrote it"):
            load_panel("simulated", tmp_path / "panel.parquet")

    @pytest.mark.parametrize("marked", [True, False])
    @pytest.mark.parametrize("mine", [True, False])
    def test_a_panel_is_taken_for_what_it_is(self, made, theirs, tmp_path, mine, marked, capsys):
        out = tmp_path / "panel.parquet"
        records = theirs if mine else made / "records"
        assert command("build", "--records", records, "--out", out) == 0
        if not marked:
            (tmp_path / "panel.manifest.json").unlink()
        right, wrong = ("restricted", "simulated") if mine else ("simulated", "restricted")
        assert load_panel(right, out).attrs["source"] == right
        capsys.readouterr()
        assert command("claims", "--source", wrong, "--panel", out) == 2
        assert f"is a panel of the source '{right}', not '{wrong}'" in capsys.readouterr().err


class TestTruth:
    @pytest.fixture
    def truth(self, tmp_path) -> Path:
        assert command("truth", "--out", tmp_path / "truth.csv", "--draws", "0") == 0
        return tmp_path / "truth.csv"

    def test_it_carries_its_mark_and_is_made_anew(self, truth):
        mark = json.loads((truth.parent / "truth.manifest.json").read_text(encoding="utf-8"))
        assert (mark["made_by"], mark["study"]["seed"], mark["draws"]) == (
            "replication truth",
            2026,
            0,
        )
        assert mark["sha256"] == {"truth.csv": sha256(truth.read_bytes()).hexdigest()}
        before = contents(truth.parent)
        assert command("truth", "--out", truth, "--draws", "0") == 0
        assert contents(truth.parent) == before

    @pytest.mark.parametrize(
        ("panel", "truth", "agree"),
        [
            (["--effect", "none"], [], False),
            (["--seed", "7"], [], False),
            ([], ["--effect", "uniform"], False),
            (["--effect", "none"], ["--effect", "none"], True),
            (["--pretrend", "0.05", "--anticipation", "--confounder", "0.2"], [], True),
        ],
    )
    def test_it_must_be_of_the_panel_s_study(self, tmp_path, panel, truth, agree, capsys):
        """What breaks an assumption plants nothing else, and is what a verdict is to show."""
        records, out, known = (tmp_path / name for name in ("records", "p.parquet", "t.csv"))
        assert simulate(records, "--scale", "0.1", *panel) == 0
        assert command("build", "--records", records, "--out", out) == 0
        assert command("truth", "--out", known, "--draws", 0, "--scale", "0.1", *truth) == 0
        capsys.readouterr()
        assert command("claims", "--panel", out, "--truth", known) == (0 if agree else 2)
        said = "t.csv is the truth of another study than that of"
        assert (said in capsys.readouterr().err) is not agree
        if agree:
            return
        # A file without its mark says nothing of its study, and is taken at its word.
        known.with_suffix(".manifest.json").unlink()
        assert command("claims", "--panel", out, "--truth", known) == 0

    def test_without_an_effect_it_is_zero(self, tmp_path):
        out = tmp_path / "t.csv"
        assert command("truth", "--out", out, "--draws", 0, "--effect", "none") == 0
        known = load_truth(out)["value"].drop(index="AI", level="claim")
        assert (known.drop(index="share", level="target") == 0).all()

    def test_a_change_is_refused_by_all_verbs(self, truth, capsys):
        truth.write_text(truth.read_text().replace("0.2", "0.3", 1))
        before = contents(truth.parent)
        assert command("claims", "--truth", truth) == 2
        assert "truth.csv is not as `replication truth` wrote it" in capsys.readouterr().err
        assert command("truth", "--out", truth, "--draws", "0") == 2
        assert "truth.csv, which `replication truth` did not write" in capsys.readouterr().err
        assert contents(truth.parent) == before

    def test_it_is_refused_before_it_is_computed_and_when_it_is_written(self, tmp_path, capsys):
        out = tmp_path / "truth.csv"
        out.write_text("mine")
        with pytest.raises(OverwriteError, match="did not write"):
            write_truth(out, load_truth(), {"seed": 1, "process": {}}, 0)
        assert command("truth", "--out", out) == 2
        assert capsys.readouterr().out == ""
        assert out.read_text() == "mine"
