"""A statement killed at its n-th step on the disk, for each n: what it leaves is for a test to see.

Run as a script, in a process of its own that has imported everything once and is forked for each
kill. A step is a file opened to be written, renamed or removed, or a folder made or removed, under
the folder in question.
"""

import itertools
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

STEPS = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "shutil.rmtree"}
ROOT = Path(__file__).parents[2]


def killed(
    statement: str, folder: Path, after: Path, every: int = 1, imports: str = ""
) -> Iterator[Path]:
    """Folders that `statement`, which writes to `folder`, leaves when it is killed.

    Each begins as `folder` is, and is put where `folder` was while it is looked at. The last one is
    not killed. Kills come at steps 1, 1 + `every`, …; what is left is kept in `after`.
    """
    done = subprocess.run(
        [sys.executable, __file__, imports, statement, str(folder), str(after), str(every)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for left in sorted(after.iterdir()):
        shutil.rmtree(folder)
        shutil.copytree(left, folder)
        yield folder


def _kill_at(step: int, folder: str) -> None:
    count = itertools.count(1)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        writes = event == "open" and set(str(arguments[1])) & set("wax+")
        counts = (writes or event in STEPS) and str(arguments[0]).startswith(folder)
        if counts and next(count) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def _main(imports: str, statement: str, folder: Path, after: Path, every: int) -> None:
    names: dict[str, object] = {}
    exec(imports, names)
    before = after.with_name(f"{after.name}.before")
    shutil.copytree(folder, before)
    after.mkdir()
    for step in itertools.count(1, every):
        shutil.rmtree(folder)
        shutil.copytree(before, folder)
        child = os.fork()
        if not child:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            _kill_at(step, str(folder))
            exec(statement, names)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        shutil.copytree(folder, after / f"{step:04d}")
        if status != -signal.SIGKILL:
            raise SystemExit(status)


if __name__ == "__main__":
    _main(*sys.argv[1:3], Path(sys.argv[3]), Path(sys.argv[4]), int(sys.argv[5]))
