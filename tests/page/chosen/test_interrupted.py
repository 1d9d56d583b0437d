"""An interrupted run of chapters leaves its folder as it was, and the next one works.

What takes minutes, the chapters and the claims, is cut short; what writes is the command's own.
"""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from replication.panel.load import load_panel

SCRIPT = """
import signal, sys, time
from replication import cli
from replication.errors import ChapterError
from replication.page.chosen import run
# What runs in the background of a shell inherits an interrupt that is ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
out, stays = sys.argv[1:]
run.BUILD = run.Path(out).parent / "build"
claims = run.claims_under
run.claims_under = lambda panel, chosen=(): claims(panel.head(0), chosen)

def chapter(name, results):
    (results / name).mkdir(parents=True)
    (results / name / "numbers.json").write_text("{")
    print("half", flush=True)
    time.sleep(300 if stays == "stays" else 0)
    return ChapterError("cut short")

run._executed = chapter
path = run.Path(out).parent / "paper.toml"
sys.exit(cli.main(["run", "01_baseline", "--choices", str(path), "--out", out]))
"""

RESTRICTED = """
import signal, sys, time
import pandas as pd
from replication import cli
from replication.errors import ChapterError
from replication.page.chosen import restricted
signal.signal(signal.SIGINT, signal.default_int_handler)
out, stays = sys.argv[1:]
restricted.BUILD = restricted.Path(out).parent / "build"
path = restricted.Path(out).parent / "panel.parquet"
shown = ["estimate", "lower", "upper", "p_adjusted", "verdict", "reason", "target"]
restricted.evaluate = lambda panel, source: pd.DataFrame(float(len(panel.columns)), ["C1"], shown)

def chapter(name, panel, results, lacks):
    (results / name).mkdir(parents=True)
    (results / name / "numbers.json").write_text("{")
    print("half", flush=True)
    time.sleep(300 if stays == "stays" else 0)
    raise ChapterError("cut short")

restricted._executed = chapter
arguments = ["run", "01_baseline", "--source", "restricted", "--panel", str(path), "--out", out]
sys.exit(cli.main(arguments))
"""


def started(script: str, out: Path, stays: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", script, str(out), stays]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize(
    ("script", "written"),
    [
        (SCRIPT, {"report.html", "report.csv", "report.txt", "claims.csv", "run.json"}),
        (RESTRICTED, {"report.txt", "claims.csv", "run.json"}),
    ],
    ids=["choices", "own records"],
)
def test_nothing_is_half_written(tmp_path: Path, script: str, written: set[str]) -> None:
    out, choices = tmp_path / "out", tmp_path / "paper.toml"
    choices.write_text('[choices]\nR6 = "asinh"\n', encoding="utf-8")
    panel = load_panel("simulated")
    panel.attrs = {}
    panel.to_parquet(tmp_path / "panel.parquet", index=False)
    first = started(script, out, "ends")
    said = first.communicate(timeout=120)
    # A chapter that could not be run, and all else written.
    assert first.returncode == 1, said
    before = contents(out)
    assert written <= set(before)
    # Of another panel and other choices, so that a file that is written anew would differ.
    choices.write_text('[choices]\nR9 = "university, year"\n', encoding="utf-8")
    panel.drop(columns="grade").to_parquet(tmp_path / "panel.parquet", index=False)
    for sent, status in ((signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 130)):
        going = started(script, out, "stays")
        # Past the folder's lock, whatever ended the run before.
        assert going.stdout is not None
        assert going.stdout.readline() == "half\n"
        going.send_signal(sent)
        said = going.communicate(timeout=60)
        assert going.returncode == status
        assert contents(out) == before
        assert ("interrupted" in said[1]) is (sent == signal.SIGINT)
