"""Writing that leaves the old files or the new, whole: after an error, a kill, or two at once.

New files are written into a folder beside their places, which is renamed when all are there. That
one step is what makes them count: whoever comes next, this command or, after a kill, another one,
moves them to their places.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, Timeout

from replication.errors import BusyError

UNFINISHED = ".replication.unfinished"
"""Folder of files that are being written; of no use after a kill."""
COMPLETE = ".replication.complete"
"""Folder of files that are all written; they count, and only have to be moved."""
REMOVED = ".removed"
"""Within them, one empty file for each file that is to go."""
PATIENCE = 20.0
"""Seconds to wait for another command that writes to the same folder."""


Progress = Callable[[str], None]
"""Is told, in words, how far a long work is."""


def silent(said: str) -> None:
    """Tell nobody."""


Content = bytes | Callable[[BinaryIO], object] | None
"""Of a file: its bytes, what writes them into an open file, or None where there is to be none."""


def write_files(folder: Path, files: Mapping[str, Content]) -> None:
    """Replace files of `folder`, all of them or none; those whose content is None are removed.

    They are written in the order of `files`, beside each other, so that what writes one of them
    finds those before it.

    `BusyError` says that another command is writing there. On any other error, a full disk for one,
    everything is as it was.
    """
    new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / UNFINISHED
    with alone(folder):
        try:
            for name, content in files.items():
                staged = unfinished / name if content is not None else unfinished / REMOVED / name
                _write(staged, content or b"", folder / name)
            unfinished.rename(folder / COMPLETE)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            if new:
                folder.rmdir()
            raise
        _finish(folder)


def write_file(path: Path, content: bytes) -> None:
    """Replace one file as `write_files` does; what a link points to, not the link."""
    path = path.resolve()
    write_files(path.parent, {path.name: content})


def settle(folder: Path) -> None:
    """Move what a killed command had written whole to its place, before any of it is read."""
    if (folder / COMPLETE).is_dir():
        with alone(folder):
            pass


@contextmanager
def alone(folder: Path, patience: float = PATIENCE) -> Iterator[None]:
    """Keep other commands from writing to `folder`; may be nested. What was killed is settled.

    `BusyError` says that another command kept at it for longer than `patience`, in seconds.
    """
    # Beside the files it would stay behind, since no system can remove a lock without a race.
    name = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:20]
    place = Path(tempfile.gettempdir()) / f"replication-{name}.lock"
    lock = FileLock(place, is_singleton=True)
    try:
        lock.acquire(timeout=patience)
    except Timeout:
        raise BusyError(
            f"another `replication` command is writing to {folder}: wait until it is done"
        ) from None
    try:
        if lock.lock_counter == 1:
            _finish(folder)
            shutil.rmtree(folder / UNFINISHED, ignore_errors=True)
        yield
    finally:
        lock.release()


def _write(staged: Path, content: bytes | Callable[[BinaryIO], object], target: Path) -> None:
    try:
        staged.parent.mkdir(parents=True, exist_ok=True)
        with staged.open("wb") as file:
            if callable(content):
                content(file)
            else:
                file.write(content)
            # Not only a kill, a loss of power too must find the content before the new name.
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        # Of a full disk the system says no name, of others that of the file beside.
        error.filename = str(target)
        raise


def _finish(folder: Path) -> None:
    """Move the files of `COMPLETE` to their places; to begin again after a kill does no harm."""
    complete = folder / COMPLETE
    if not complete.is_dir():
        return
    for path in sorted(p for p in complete.rglob("*") if p.is_file()):
        name = path.relative_to(complete)
        if name.parts[0] == REMOVED:
            (folder / name.relative_to(REMOVED)).unlink(missing_ok=True)
        else:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            path.replace(folder / name)
    shutil.rmtree(complete)
