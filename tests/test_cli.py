"""The command: what it makes is what ships, what it is told wrongly it says in a sentence."""

import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from replication import cli
from replication.arguments import parser
from replication.config import DATA, ROOT
from replication.errors import ChapterError, ReplicationError
from replication.estimate.verbs import did
from replication.page import book, chapters, readme
from replication.panel.load import load_panel

COMMANDS = list(cli.COMMANDS)


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, as a user starts it."""
    return subprocess.run(
        [sys.executable, "-m", "replication.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records and panel of the default study, made by the two commands."""
    folder = tmp_path_factory.mktemp("study")
    for arguments in (
        ("simulate", "--out", folder / "records"),
        ("build", "--records", folder / "records", "--out", folder / "panel.parquet"),
    ):
        done = command(*arguments)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        (folder / f"{arguments[0]}.txt").write_text(done.stdout, encoding="utf-8")
    return folder


# What ships ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["panel.parquet", "panel.sample_flow.csv", "panel.manifest.json"])
def test_the_shipped_panel_is_what_two_commands_make(built: Path, name: str) -> None:
    same = (built / name).read_bytes() == (DATA / name).read_bytes()
    assert same, f"{name} is out of date: `make data` makes it anew"


def test_the_shipped_truth_is_what_the_command_computes(tmp_path: Path) -> None:
    done = command("truth", "--out", tmp_path / "truth.csv")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("the claims, then 500 draws\n")
    for name in ("truth.csv", "truth.manifest.json"):
        same = (tmp_path / name).read_bytes() == (DATA / name).read_bytes()
        assert same, f"{name} is out of date: `make data` makes it anew"


def test_each_table_is_told_when_it_is_written(built: Path) -> None:
    said = (built / "simulate.txt").read_text(encoding="utf-8")
    rows = {
        Path(p).stem: int(n.replace(",", "")) for p, n in re.findall(r"(\S+): ([\d,]+) rows", said)
    }
    for path in (built / "records").glob("*.parquet"):
        assert rows.pop(path.stem) == len(pd.read_parquet(path))
    assert rows == {}
    said = (built / "build.txt").read_text(encoding="utf-8")
    assert said.endswith(f"panel.parquet: {len(pd.read_parquet(built / 'panel.parquet')):,} rows\n")
    assert "counted" in said


def test_scale_multiplies_the_universities(built: Path, tmp_path: Path) -> None:
    assert cli.main(["simulate", "--out", str(tmp_path), "--scale", "2"]) == 0
    counts = [
        len(pd.read_parquet(folder / "universities.parquet"))
        for folder in (built / "records", tmp_path)
    ]
    assert counts == [56, 112]


def test_the_switches_change_the_study(tmp_path: Path) -> None:
    patents = set()
    options = [[], ["--effect", "none"], ["--effect", "uniform"], ["--pretrend", "0.05"]]
    options += [["--anticipation"], ["--confounder", "0.2"], ["--seed", "7"]]
    for i, more in enumerate(options):
        folder = tmp_path / str(i)
        assert cli.main(["simulate", "--out", str(folder), "--scale", "0.1", *more]) == 0
        patents.add((folder / "patents.parquet").read_bytes())
    assert len(patents) == len(options)


# What a user may get wrong ------------------------------------------------------------------------


def refuse(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """What the command says when it refuses: one sentence on the error stream, and status 2."""
    assert cli.main([str(argument) for argument in arguments]) == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"replication {arguments[0]}: ")
    assert said.err.count("\n") == 1
    assert "Traceback" not in said.err
    return said.err.partition(": ")[2].strip()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["simulate", "--out", "{file}"], "--out {file} is a file: name a folder"),
        (["simulate", "--out", "{file}/deeper"], "{file}/deeper: "),
        (
            ["simulate", "--out", "{new}", "--scale", "0"],
            "--scale 0 makes 0 universities: at least 2",
        ),
        (["simulate", "--out", "{new}", "--scale", "-1"], "--scale -1 makes -56 universities"),
        (["simulate", "--out", "{new}", "--scale", "nan"], "--scale nan makes nan"),
        (["simulate", "--out", "{new}", "--scale", "inf"], "--scale inf makes inf"),
        (
            ["simulate", "--out", "{new}", "--scale", "1e9"],
            "--scale 1e+09 makes 5.6e+10 universities: at least 2 are needed, and 8,400 are",
        ),
        (
            ["simulate", "--out", "{new}", "--pretrend", "nan"],
            "--pretrend nan must lie between -0.3 and 0.3: it adds to the log of every count",
        ),
        (["simulate", "--out", "{new}", "--pretrend=-3"], "--pretrend -3 must lie between -0.3"),
        (["simulate", "--out", "{new}", "--pretrend", "0.31"], "--pretrend 0.31 must lie between"),
        (["simulate", "--out", "{new}", "--confounder", "inf"], "--confounder inf must lie betw"),
        (["simulate", "--out", "{new}", "--confounder=-2"], "--confounder -2 must lie between -1 "),
        (["simulate", "--out", "{new}", "--seed", "-1"], "--seed -1: a seed is 0 or more"),
        (
            ["build", "--records", "{new}", "--out", "{new}/p"],
            "{new} does not hold universities.parq",
        ),
        (
            ["build", "--records", "{records}", "--out", "{folder}"],
            "--out {folder} is a folder: name",
        ),
        (
            ["build", "--records", "{records}", "--out", "{new}/p", "--backend", "sqlite"],
            "backend 'sqlite' is not one of those the builder runs on: duckdb",
        ),
        (["truth", "--out", "{folder}"], "--out {folder} is a folder"),
        (["truth", "--out", "{new}/t.csv", "--draws", "-1"], "--draws -1: 0 or more are possible"),
        (
            ["claims", "--source", "restricted", "--truth", "{file}"],
            "--truth is known of simulated data alone",
        ),
        (["fetch", "--list", "--years", "2011-2012"], "--years and --institutions are for openal"),
        (["run", "99_nothing"], "no chapter 99_nothing: there are 00_design"),
        (["run", "--jobs", "0"], "--jobs 0: at least 1"),
        (["book", "--jobs", "-2"], "--jobs -2: at least 1"),
        (["montecarlo", "--jobs", "0"], "--jobs 0: at least 1"),
        (["montecarlo", "--all", "--jobs", "-1"], "--jobs -1: at least 1"),
    ],
)
def test_a_wrong_option_is_named(
    built: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    says: str,
) -> None:
    file = tmp_path / "file"
    file.write_text("")
    folder = tmp_path / "folder"
    folder.mkdir()
    places = {
        "file": file,
        "folder": folder,
        "new": tmp_path / "new",
        "records": built / "records",
    }
    said = refuse(capsys, *(argument.format(**places) for argument in arguments))
    assert said.startswith(says.format(**places)), said
    assert not (tmp_path / "new").exists()


def test_a_damaged_file_is_named(
    built: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = tmp_path / "records"
    shutil.copytree(built / "records", records)
    (records / "manifest.json").unlink()
    (records / "patents.parquet").write_bytes((records / "patents.parquet").read_bytes()[:5000])
    said = refuse(capsys, "build", "--records", records, "--out", tmp_path / "panel.parquet")
    assert said.startswith(f"{records / 'patents.parquet'} cannot be read as Parquet: ")
    assert not (tmp_path / "panel.parquet").exists()


def test_a_failed_cell_is_said_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> list[str]:
        raise ChapterError("notebooks/x.md, cell 2: ZeroDivisionError: division by zero")

    monkeypatch.setattr(chapters, "run", fail)
    assert "notebooks/x.md, cell 2" in refuse(capsys, "run")
    assert "notebooks/x.md, cell 2" in refuse(capsys, "book")


def test_an_error_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(readme, "write", fail)
    with pytest.raises(ZeroDivisionError):
        cli.main(["readme"])


# What it says -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_help_describes_and_gives_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main([name, "--help"])
    assert end.value.code == 0
    said = " ".join(capsys.readouterr().out.split())
    description = re.search(rf"usage: replication {name} .*? ([A-Z]\w+ .{{15,}}?)\. ", said)
    assert description, said
    assert re.search(rf"example: replication {name}\b", said)


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"replication {version('exchange-innovation-replication')}\n"


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    said = capsys.readouterr().out
    for name in COMMANDS:
        assert re.search(rf"^    {name} +\w+", said, re.MULTILINE), name


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_are_commands_that_parse(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main([name, "--help"])
    (example,) = re.findall(r"example: replication (.+)", " ".join(capsys.readouterr().out.split()))
    assert parser().parse_args(example.split()).command == name


def test_every_subcommand_of_the_parser_has_its_function() -> None:
    assert next(list(a.choices) for a in parser()._actions if a.choices) == COMMANDS


def test_an_unknown_command_or_option_is_refused_by_the_parser(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for arguments in ([], ["simulat"], ["simulate"], ["simulate", "--out", "x", "--effect", "big"]):
        with pytest.raises(SystemExit) as end:
            cli.main(arguments)
        assert end.value.code == 2
        assert "usage: replication" in capsys.readouterr().err


def test_run_and_book_hand_over_what_they_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found: list[object] = []

    def run(names: list[str], *, keep: bool, jobs: int) -> chapters.Outcome:
        found.append((names, keep, jobs))
        return chapters.Outcome([] if keep else ["x.ipynb, cell 1: differs"])

    monkeypatch.setattr(chapters, "run", run)
    monkeypatch.setattr(book, "make", lambda jobs: found.append(jobs) or 1)
    assert cli.main(["run", "01_baseline", "--update"]) == 0
    assert capsys.readouterr().out == ""
    assert cli.main(["run", "--jobs", "1"]) == 1
    assert capsys.readouterr().out == "x.ipynb, cell 1: differs\n1 differences\n"
    assert cli.main(["book", "--jobs", "3"]) == 1
    assert found == [(["01_baseline"], True, 2), ([], False, 1), 3]
    monkeypatch.setattr(chapters, "run", lambda *_, **__: chapters.Outcome([]))
    assert cli.main(["run"]) == 0
    assert capsys.readouterr().out == "every output and result is as committed\n"
    without = chapters.Outcome([], {"05_real_universities": "no network"})
    monkeypatch.setattr(chapters, "run", lambda *_, **__: without)
    assert cli.main(["run"]) == 0
    assert capsys.readouterr().out.endswith(
        "except of what did not run: 05_real_universities\n"
        "05_real_universities did not run: no network\n"
    )


# Printing -----------------------------------------------------------------------------------------

PLACES = {
    "no language": {"LC_ALL": "C"},
    "no language, nothing in its place": {
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
    },
    "Western code page": {"PYTHONIOENCODING": "cp1252"},
    "Chinese code page": {"PYTHONIOENCODING": "gbk"},
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "arguments",
    [("fetch", "--list"), ("build", "--records", "没有 记录 − ©", "--out", "panel.parquet")],
    ids=["list", "error"],
)
def test_every_character_is_printed_in_every_language(
    tmp_path: Path, place: str, arguments: tuple[str, ...]
) -> None:
    folder = tmp_path / "复现 包"
    folder.mkdir()
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "PYTHONIO"))}
    done = subprocess.run(
        [sys.executable, "-m", "replication.cli", *arguments],
        cwd=folder,
        env={**environment, **PLACES[place]},
        capture_output=True,
        check=False,
    )
    encoding = PLACES[place].get("PYTHONIOENCODING", "utf-8")
    out, error = done.stdout.decode(encoding), done.stderr.decode(encoding)
    assert "Traceback" not in error
    if arguments[0] == "fetch":
        # The list has a dash that gbk prints in another way, and a sign that gbk has not.
        assert done.returncode == 0
        assert "©" in out or r"\xa9" in out
    else:
        assert done.returncode == 2
        missing = {"cp1252": r"\u6ca1\u6709 \u8bb0\u5f55 \u2212 ©", "gbk": r"没有 记录 \u2212 \xa9"}
        assert f"build: {missing.get(encoding, '没有 记录 − ©')} does not hold" in error


def test_a_study_is_made_and_built_under_a_chinese_name(tmp_path: Path) -> None:
    folder = tmp_path / "复现 包"
    environment = {**os.environ, "LC_ALL": "C"}
    for arguments in (
        ("simulate", "--out", folder / "记录", "--scale", "0.1"),
        ("build", "--records", folder / "记录", "--out", folder / "面板.parquet"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "replication.cli", *map(str, arguments)],
            env=environment,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert str(folder) in done.stdout
    assert (folder / "面板.parquet").is_file()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"exposure": np.float64(1.5)}, "(1.5 in all"),
        ({"exposure": np.inf}, "in row 0"),
        ({"post": np.int64(1)}, "(1.0 in all"),
        ({"patents_joint": np.float64(-1.5)}, "(-1.5)"),
        ({"university": np.int64(1)}, "'university': 1"),
    ],
)
def test_messages_show_numbers_as_they_are_written(change: dict[str, object], says: str) -> None:
    with pytest.raises(ReplicationError) as caught:
        did(load_panel().assign(**change), treatment=["exposure", "post"], scale="log1p")
    assert says in str(caught.value)
    assert "np." not in str(caught.value)


# Importing ----------------------------------------------------------------------------------------

HEAVY = {
    *("duckdb", "ibis", "linearmodels", "maketables", "matplotlib", "myst_nb", "nbclient"),
    *("pandera", "pyfixest", "scipy", "seaborn"),
}


def loaded(statement: str) -> set[str]:
    code = f"{statement}\nimport sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "module", ["replication", "replication.panel.load", "replication.cli", "replication.config"]
)
def test_an_import_loads_nothing_heavy(module: str) -> None:
    assert loaded(f"import {module}") & HEAVY == set()


def test_the_heavy_ones_would_be_seen() -> None:
    assert {"matplotlib", "seaborn"} <= loaded("import replication.exhibit.figures")


def test_an_import_takes_little_more_than_that_of_pandas() -> None:
    def seconds(statement: str) -> Callable[[], float]:
        def measure() -> float:
            begin = time.perf_counter()
            subprocess.run([sys.executable, "-c", statement], check=True)
            return time.perf_counter() - begin

        return measure

    pandas, package = (
        seconds("import pandas"),
        seconds("import replication, replication.panel.load"),
    )
    pandas()
    package()
    # Measured in turn, so that whatever else the machine does slows both alike.
    pairs = [(pandas(), package()) for _ in range(7)]
    assert statistics.median(ours / theirs for theirs, ours in pairs) < 1.5


def test_the_command_is_installed() -> None:
    scripts = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert 'replication = "replication.cli:main"' in scripts
    assert shutil.which("replication", path=str(Path(sys.executable).parent))
