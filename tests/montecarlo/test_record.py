"""The committed studies are whole and come out again; a run is kept, resumed, or not begun."""

import errno
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from replication import cli
from replication.config import DATA
from replication.errors import SchemaError
from replication.montecarlo import record, redrawn
from replication.montecarlo.record import disagreements, load_studies, make, require_agreement
from replication.montecarlo.register import curves

Tables = tuple[pd.DataFrame, pd.DataFrame]

STUDIES = {"none": 7, "planted": 4}
NEW = "b" * 64
"""Checksum of changed code."""


def one(world: str, number: int, shift: float = 0.0) -> Tables:
    """A study in no time, with as many rows and missing numbers as a true one."""
    slow = world == "none" and number % 2 == 0
    rng = np.random.default_rng([number, len(world)])
    asked = ["C1 PPML", "C1 log(1 + y)", "C2 PPML"] if slow else ["C1 PPML", "C2 PPML"]
    claims = pd.DataFrame(
        {
            "world": world,
            "study": number,
            "claim": [name[:2] for name in asked],
            "model": [name[3:] for name in asked],
            "estimate": rng.normal(size=len(asked)) + shift,
            "clusters": 56,
            "cr2": rng.normal(size=len(asked)) if slow else np.nan,
        }
    )
    leads = [{"study": number, "model": m, "f": rng.random(), "df": np.nan} for m in ("PPML", "x")]
    # In an order of its own, as a true study has it, that is not that of the committed rows.
    return claims.iloc[::-1], pd.DataFrame(leads if slow else [])


class Runs:
    """Stands in for `many_studies`, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []
        self.jobs: list[int] = []
        self.shift = 0.0
        self.stop_at: tuple[str, int] | None = None

    def __call__(self, tasks: Sequence[tuple[str, int]], jobs: int = 1) -> Iterator[Tables]:
        self.jobs.append(jobs)
        for task in tasks:
            if task == self.stop_at:
                raise KeyboardInterrupt
            self.asked.append(task)
            yield one(*task, self.shift)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Runs:
    """Studies in no time, few of them, written to a folder of the test."""
    stand_in = Runs()
    monkeypatch.setattr(record, "many_studies", stand_in)
    monkeypatch.setattr(record, "STUDIES", STUDIES)
    monkeypatch.setattr(record, "PIECE", 2)
    monkeypatch.setattr(record, "UNFINISHED", tmp_path / "build")
    monkeypatch.setattr(record, "checksum_of_code", lambda: "a" * 64)
    return stand_in


@pytest.fixture
def folder(runs: Runs, tmp_path: Path) -> Path:
    """Tables of all of these studies."""
    place = tmp_path / "montecarlo"
    make(place, everything=True)
    runs.asked.clear()
    runs.jobs.clear()
    return place


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def manifest(folder: Path) -> dict[str, object]:
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))


def rewrite(folder: Path, name: str, table: pd.DataFrame) -> None:
    """Put other numbers in a table, and its checksum in the manifest."""
    table.to_parquet(folder / f"{name}.parquet", index=False)
    content = (folder / f"{name}.parquet").read_bytes()
    said = manifest(folder)
    said["sha256"][name] = hashlib.sha256(content).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(said), encoding="utf-8")


def everything() -> list[tuple[str, int]]:
    return sorted((world, n) for world, studies in STUDIES.items() for n in range(studies))


# What is committed --------------------------------------------------------------------------------


def test_the_committed_tables_are_whole() -> None:
    tables = load_studies()
    assert manifest(record.FOLDER)["studies"] == redrawn.STUDIES
    claims, leads = tables["claims"], tables["leads"]
    for name, keys in record.TABLES.items():
        rows = tables[name].set_index(keys).index
        assert rows.is_unique
        assert rows.is_monotonic_increasing
    none, planted = (claims[claims["world"] == world] for world in ("none", "planted"))
    assert len(none) + len(planted) == len(claims)
    for table, world in ((none, "none"), (planted, "planted")):
        assert sorted(table["study"].unique()) == list(range(redrawn.STUDIES[world]))
    slow = none["study"] % 2 == 0
    assert set(none[slow].groupby("study").size()) == {11}
    assert set(none[~slow].groupby("study").size()) == {3}
    assert set(planted.groupby("study").size()) == {9}
    assert sorted(leads["study"].unique()) == sorted(none.loc[slow, "study"].unique())
    assert set(leads.groupby("study").size()) == {2}


def test_the_committed_numbers_are_possible() -> None:
    tables = load_studies()
    claims, leads = tables["claims"], tables["leads"]
    known = ["estimate", "target", "cr1", "cr3", "clusters", "effective", "largest", "wild"]
    assert np.isfinite(claims[known]).all(axis=None)
    assert (claims[["cr1", "cr3"]] > 0).all(axis=None)
    assert claims["effective"].between(1, claims["clusters"]).all()
    assert claims["wild"].between(1 / 1000, 1).all()
    asked = claims["claim"].isin(["C1", "C2"]) & (claims["world"] == "none")
    asked &= claims["study"] % 2 == 0
    assert (claims["cr2"].notna() == asked).all()
    assert (claims["permuted"].notna() == (asked & (claims["model"] == redrawn.PPML))).all()
    assert (claims["target"] == 0).equals(
        (claims["world"] == "none") & (claims["model"] == redrawn.PPML)
    )
    assert leads["f"].between(0, 1).all()
    assert (leads["htz"].isna() == leads["df"].isna()).all()


def test_the_committed_tables_are_those_of_this_code() -> None:
    assert not record.is_stale(), (
        "code or lists that the committed Monte Carlo comes from have changed: run "
        "`make montecarlo`, which runs a sample again, and all studies only if it differs"
    )


def test_a_sample_of_the_committed_studies_comes_out_again() -> None:
    """One study that was asked everything, one that was asked little, one with the effect."""
    numbers = require_agreement({"none": [888, 889], "planted": [444]})
    # Per row: estimate, target, three errors, clusters, G*, its df, largest share, two p-values.
    least = 11 * 8 + 4 * 2 + 2 + 2 * 1 + 3 * 8 + 9 * 8
    # Where a joint test of leads is not possible, its p-value and degrees of freedom are missing.
    assert numbers - least in (0, 2, 4)


# Reading ------------------------------------------------------------------------------------------


def test_tables_are_read_as_they_were_made(folder: Path) -> None:
    tables = load_studies(folder)
    made = [one(world, n) for world, n in everything()]
    for name, position in (("claims", 0), ("leads", 1)):
        keys = record.TABLES[name]
        due = pd.concat([m[position] for m in made if len(m[position])]).sort_values(keys)
        pd.testing.assert_frame_equal(tables[name], due.reset_index(drop=True))


@pytest.mark.parametrize("name", ["claims.parquet", "leads.parquet", "manifest.json"])
def test_a_missing_file_is_named_with_what_to_do(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(SchemaError, match="are missing or damaged; take them from the repository"):
        load_studies(folder)
    with pytest.raises(SchemaError, match=r"`replication montecarlo --all` \(an hour\)"):
        make(folder)


@pytest.mark.parametrize(
    "text", ["", "{}", '{"studies": {}, "made_by": "", "agrees_with": "", "sha256": {}, "x": 1}']
)
def test_a_damaged_manifest_is_told(folder: Path, text: str) -> None:
    (folder / "manifest.json").write_text(text, encoding="utf-8")
    for read in (load_studies, record.is_stale, make):
        with pytest.raises(SchemaError, match="missing or damaged"):
            read(folder)


@pytest.mark.parametrize("name", ["claims", "leads"])
def test_a_changed_file_is_named(folder: Path, runs: Runs, name: str) -> None:
    path = folder / f"{name}.parquet"
    table = pd.read_parquet(path)
    table.iloc[:-1].to_parquet(path)
    for read in (load_studies, make):
        with pytest.raises(SchemaError, match=rf"{name}\.parquet is not the file that its manifes"):
            read(folder)
    assert runs.asked == []


# Running again ------------------------------------------------------------------------------------


def test_studies_that_agree_are_counted_by_their_numbers(folder: Path, runs: Runs) -> None:
    assert require_agreement({"none": [0, 3], "planted": [1]}, folder) == (3 * 3 + 2) + 4 + 4
    assert runs.asked == [("none", 0), ("none", 3), ("planted", 1)]


def test_studies_without_leads_agree(folder: Path) -> None:
    differing, compared = disagreements("none", [1, 5], folder)
    assert differing.empty
    assert compared == 8


@pytest.mark.parametrize(
    ("name", "row", "column", "key"),
    [("claims", 3, "estimate", ("none", 1, "C1", "PPML")), ("leads", 1, "f", (0, "x"))],
)
def test_a_changed_number_is_named(
    folder: Path, name: str, row: int, column: str, key: tuple[object, ...]
) -> None:
    table = load_studies(folder)[name]
    old = table.loc[row, column]
    table.loc[row, column] = old * (1 + 1e-7)
    rewrite(folder, name, table)
    differing, _ = disagreements("none", range(7), folder)
    (found,) = differing.to_dict("records")
    assert found == {
        "table": name,
        "row": key,
        "column": column,
        "committed": old * (1 + 1e-7),
        "again": old,
    }
    with pytest.raises(SchemaError, match=r"1 of \d+ numbers are not as in .*: if that is meant"):
        require_agreement({"none": range(7)}, folder)


def test_rounding_is_no_difference(folder: Path) -> None:
    table = load_studies(folder)["claims"]
    table["estimate"] *= 1 + 1e-9
    rewrite(folder, "claims", table)
    assert require_agreement({"none": range(7), "planted": range(4)}, folder)


def test_a_number_that_is_missing_on_one_side_differs(folder: Path) -> None:
    table = load_studies(folder)["claims"]
    table.loc[[0, 3], "cr2"] = [np.nan, 0.5]
    rewrite(folder, "claims", table)
    differing, _ = disagreements("none", [0, 1], folder)
    assert differing["column"].tolist() == ["cr2", "cr2"]
    assert differing[["committed", "again"]].isna().sum().tolist() == [1, 1]


@pytest.mark.parametrize("name", ["claims", "leads"])
def test_a_missing_row_differs_as_a_whole(folder: Path, name: str) -> None:
    table = load_studies(folder)[name]
    rewrite(folder, name, table.drop(index=1))
    differing, _ = disagreements("none", [0], folder)
    columns = [c for c in table if c not in record.TABLES[name]]
    assert sorted(differing["column"]) == sorted(columns)
    assert differing["committed"].isna().all()
    assert set(differing["table"]) == {name}
    with pytest.raises(SchemaError, match="numbers are not as in"):
        require_agreement({"none": [0]}, folder)


def test_a_row_too_many_and_a_column_too_few_differ(folder: Path) -> None:
    claims = load_studies(folder)["claims"]
    more = claims.iloc[[0]].assign(claim="C9")
    rewrite(folder, "claims", pd.concat([claims, more]).drop(columns="clusters"))
    differing, _ = disagreements("none", [0], folder)
    assert len(differing[differing["column"] == "clusters"]) == 3
    extra = differing[differing["column"] != "clusters"]
    assert {row[2] for row in extra["row"]} == {"C9"}
    assert extra["again"].isna().all()


# Making -------------------------------------------------------------------------------------------


def test_all_studies_are_run_once_and_described(runs: Runs, tmp_path: Path) -> None:
    said = make(tmp_path / "new", jobs=3, everything=True)
    assert said == f"11 studies in {tmp_path / 'new'}"
    assert sorted(runs.asked) == everything()
    assert runs.jobs == [3]
    assert manifest(tmp_path / "new") == {
        "studies": STUDIES,
        "made_by": "a" * 64,
        "agrees_with": "a" * 64,
        "sha256": {
            name: hashlib.sha256((tmp_path / "new" / f"{name}.parquet").read_bytes()).hexdigest()
            for name in ("claims", "leads")
        },
    }
    assert not record.is_stale(tmp_path / "new")
    # What was kept for an interruption is of no more use.
    assert list(record.UNFINISHED.glob("*.parquet")) == []


def test_all_worlds_grow_alike(runs: Runs, tmp_path: Path) -> None:
    make(tmp_path / "new", everything=True)
    half = [world for world, _ in runs.asked[:6]]
    assert half.count("none") == 4
    assert half.count("planted") == 2


def test_unchanged_code_runs_nothing(folder: Path, runs: Runs) -> None:
    before = contents(folder)
    assert make(folder).endswith("nothing to do")
    assert runs.asked == []
    assert contents(folder) == before


def test_changed_code_with_equal_numbers_is_noted_alone(
    folder: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "checksum_of_code", lambda: NEW)
    monkeypatch.setattr(record, "SAMPLE", 2)
    assert record.is_stale(folder)
    before, said = contents(folder), manifest(folder)
    assert make(folder, jobs=2).endswith("the new checksum is noted")
    # Seven studies by steps of three, of both kinds; four by steps of three.
    assert runs.asked == [("none", 0), ("none", 3), ("planted", 0), ("planted", 3)]
    assert set(runs.jobs) == {2}
    assert not record.is_stale(folder)
    assert manifest(folder) == said | {"agrees_with": NEW}
    changed = {name for name, content in contents(folder).items() if content != before[name]}
    assert changed == {"manifest.json"}
    assert make(folder).endswith("nothing to do")


def test_the_sample_of_the_true_numbers_has_both_kinds_of_study(
    folder: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "STUDIES", redrawn.STUDIES)
    monkeypatch.setattr(record, "checksum_of_code", lambda: NEW)
    rewrite_studies(folder, redrawn.STUDIES)
    looked_at: dict[str, list[int]] = {}

    def look(world: str, numbers: range, *_: object) -> tuple[pd.DataFrame, int]:
        looked_at[world] = list(numbers)
        return pd.DataFrame(), 1

    monkeypatch.setattr(record, "disagreements", look)
    make(folder)
    for world, numbers in looked_at.items():
        assert len(numbers) == 12
        assert sum(n % 2 for n in numbers) == 6
        assert max(numbers) < redrawn.STUDIES[world]
    assert set(looked_at) == set(redrawn.STUDIES)


def rewrite_studies(folder: Path, studies: dict[str, int]) -> None:
    text = json.dumps(manifest(folder) | {"studies": studies})
    (folder / "manifest.json").write_text(text, encoding="utf-8")


def test_changed_code_with_other_numbers_runs_all(
    folder: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(record, "checksum_of_code", lambda: NEW)
    old = load_studies(folder)["claims"]
    runs.shift = 1e-3
    assert make(folder).startswith("11 studies in ")
    assert "studies differ from the committed, the first:" in capsys.readouterr().out
    assert sorted(runs.asked[-11:]) == everything()
    assert manifest(folder)["made_by"] == manifest(folder)["agrees_with"] == NEW
    new = load_studies(folder)["claims"]
    np.testing.assert_allclose(new["estimate"] - old["estimate"], 1e-3)


def test_changed_code_with_other_rows_or_studies_runs_all(
    folder: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "checksum_of_code", lambda: NEW)
    table = load_studies(folder)["claims"]
    rewrite(folder, "claims", table.drop(index=0))
    assert make(folder).startswith("11 studies in ")
    # Fewer studies than before all agree: they are no longer the tables that are asked for.
    monkeypatch.setattr(record, "checksum_of_code", lambda: "c" * 64)
    monkeypatch.setattr(record, "STUDIES", {"none": 5, "planted": 4})
    runs.asked.clear()
    assert make(folder).startswith("9 studies in ")
    assert len(runs.asked) == 9
    assert set(load_studies(folder)["claims"].query("world == 'none'")["study"]) == set(range(5))


def test_an_interrupted_run_goes_on_where_it_stopped(
    folder: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(folder)
    monkeypatch.setattr(record, "checksum_of_code", lambda: NEW)
    runs.stop_at = ("none", 3)
    with pytest.raises(KeyboardInterrupt):
        make(folder, everything=True)
    assert contents(folder) == before
    kept = set(runs.asked) - {("none", 2)}
    assert kept == {("none", 0), ("none", 1), ("planted", 0), ("planted", 1)}
    runs.asked.clear()
    runs.stop_at = None
    make(folder, everything=True)
    assert set(runs.asked) == set(everything()) - kept
    assert len(runs.asked) == len(set(runs.asked))
    resumed = contents(folder)
    make(folder, everything=True)
    assert contents(folder) == resumed
    assert resumed["claims.parquet"] == before["claims.parquet"]


def test_pieces_of_other_code_or_another_length_are_not_taken_up(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs.stop_at = ("planted", 2)
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "new", everything=True)
    runs.stop_at = None
    for change, value in (("PIECE", 3), ("checksum_of_code", lambda: NEW)):
        monkeypatch.setattr(record, change, value)
        runs.asked.clear()
        make(tmp_path / "new", everything=True)
        assert sorted(runs.asked) == everything()
        assert len(load_studies(tmp_path / "new")["claims"].drop_duplicates("study")) == 7


def test_nothing_half_written_is_left_by_an_error(
    folder: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(folder)
    # Six pieces of two tables each, then both whole tables and the manifest: the last but one.
    steps, sync = iter(range(14)), os.fsync

    def full(file: int) -> None:
        if next(steps, None) == 13:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(file)

    monkeypatch.setattr(os, "fsync", full)
    runs.shift = 1.0
    with pytest.raises(OSError, match="No space"):
        make(folder, everything=True)
    assert contents(folder) == before
    # No study is lost by it.
    runs.asked.clear()
    make(folder, everything=True)
    assert runs.asked == []
    assert load_studies(folder)["claims"]["estimate"].mean() > 0.5


def test_rows_do_not_depend_on_the_order_in_which_studies_end(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(folder)
    monkeypatch.setattr(record, "PIECE", 100)
    make(folder, everything=True, jobs=7)
    assert contents(folder) == before


# The checksum of the code -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "place",
    [
        "package/montecarlo/redrawn.py",
        "package/simulate/study.py",
        "package/estimate/many/variance.py",
        "package/records/exposure.py",
        "data/key_core_ipc.csv",
        "data/ipc_discipline.csv",
        "data/disciplines.csv",
    ],
)
def test_what_the_numbers_come_from_is_in_the_checksum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    package = Path(record.__file__).parents[1]
    for root, patterns, name in ((package, record.CODE, "package"), (DATA, record.LISTS, "data")):
        for path in {p for pattern in patterns for p in root.glob(pattern)}:
            copy = tmp_path / name / path.relative_to(root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    actual = record.checksum_of_code()
    monkeypatch.setattr(record, "__file__", str(tmp_path / "package" / "montecarlo" / "record.py"))
    monkeypatch.setattr(record, "DATA", tmp_path / "data")
    assert record.checksum_of_code() == actual
    path = tmp_path / place
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert record.checksum_of_code() == actual
    path.write_bytes(path.read_bytes() + b"#")
    assert record.checksum_of_code() != actual


REFUSE_OR_READ = {
    "replication",
    "replication.config",
    "replication.errors",
    "replication.montecarlo",
    "replication.estimate.mediation",
    "replication.records",
    "replication.records.checks",
    "replication.records.study",
    "replication.records.toml",
    "replication.simulate",
}
"""Modules that a study loads and that can change no number: names, and checks of what is read."""


def test_every_other_module_that_a_study_loads_is_in_the_checksum() -> None:
    code = "import sys, replication.montecarlo.redrawn; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name for name in done.stdout.split() if name.split(".")[0] == "replication"}
    package = Path(record.__file__).parents[1]
    for path in {p for pattern in record.CODE for p in package.glob(pattern)}:
        parts = path.relative_to(package.parent).with_suffix("").parts
        loaded.discard(".".join(parts).removesuffix(".__init__"))
    assert loaded - REFUSE_OR_READ == set()


# The command --------------------------------------------------------------------------------------


def test_the_command_hands_over_what_it_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[dict[str, object]] = []
    for made in (record, curves):
        monkeypatch.setattr(made, "make", lambda **options: told.append(options) or "done")
    assert cli.main(["montecarlo"]) == 0
    assert cli.main(["montecarlo", "--all", "--jobs", "4"]) == 0
    some, every = {"jobs": 2, "everything": False}, {"jobs": 4, "everything": True}
    assert told == [some, some, every, every]
    assert capsys.readouterr().out == "done\n" * 4


def test_an_interrupted_command_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(**_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(record, "make", stop)
    assert cli.main(["montecarlo"]) == 130
    assert "interrupted" in capsys.readouterr().err
