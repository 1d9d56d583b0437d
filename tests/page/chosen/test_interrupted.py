"""An interrupted run under a file of choices leaves its folder as it was, and the next one works.

What takes minutes, the chapters and the claims, is cut short; what writes is the command's own.
"""

import signal
import subprocess
import sys
from pathlib import Path

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


def started(out: Path, stays: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", SCRIPT, str(out), stays]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_nothing_is_half_written(tmp_path: Path) -> None:
    out, choices = tmp_path / "out", tmp_path / "paper.toml"
    choices.write_text('[choices]\nR6 = "asinh"\n', encoding="utf-8")
    first = started(out, "ends")
    said = first.communicate(timeout=120)
    # A chapter that could not be run, and all else written.
    assert first.returncode == 1, said
    before = contents(out)
    assert {"report.html", "report.csv", "claims.csv", "run.json"} <= set(before)
    choices.write_text('[choices]\nR9 = "university, year"\n', encoding="utf-8")
    for sent, status in ((signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 130)):
        going = started(out, "stays")
        # Past the folder's lock, whatever ended the run before.
        assert going.stdout is not None
        assert going.stdout.readline() == "half\n"
        going.send_signal(sent)
        said = going.communicate(timeout=60)
        assert going.returncode == status
        assert contents(out) == before
        assert ("interrupted" in said[1]) is (sent == signal.SIGINT)
