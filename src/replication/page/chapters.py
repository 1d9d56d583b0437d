"""Running the chapters, and keeping what comes out or comparing it with what is committed.

A chapter is a pair: ``notebooks/x.md``, which people edit and review, and ``notebooks/x.ipynb``,
executed, which the book shows. Its exhibits are in ``results/x/``.
"""

import json
import os
import re
import shutil
import time
import zlib
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from replication.config import BUILD, NOTEBOOKS, ROOT
from replication.errors import (
    ChapterError,
    OverwriteError,
    RegistryError,
    SourceUnavailableError,
)
from replication.page.compare import compare_csv, compare_pair, compare_run, sources, with_committed
from replication.page.verification.commitment import known
from replication.records.open import download
from replication.writing import alone, settle, write_files

RUNS = "runs.json"

EXECUTED = "replication_sources"
"""Entry of a notebook's metadata: checksum of its cells when they were executed."""

NOISE = 0.3
"""Share by which time and memory of a run may differ from the recorded ones without being news."""

DOWNLOADS: dict[str, list[str]] = {
    "05_real_universities": [
        "compilation",
        "the",
        "leiden-2020",
        "leiden",
        "bcur",
        "evaluation",
        "the-subjects",
        "entity-list",
        "nature-index",
    ]
}
"""Chapters that read files which do not ship, and the groups of ``data/sources.toml`` they read."""


@dataclass(frozen=True)
class Run:
    """One executed chapter.

    Attributes
    ----------
    name : str
    notebook : NotebookNode
    results : Path
        Folder of the exhibits that this run wrote.
    seconds, megabytes : float
        Wall time, and the largest memory the kernel held (0 where it cannot be told).
    """

    name: str
    notebook: NotebookNode
    results: Path
    seconds: float
    megabytes: float


@dataclass(frozen=True)
class Outcome:
    """What came of running chapters.

    Attributes
    ----------
    differences : list of str
        From what is committed.
    not_run : dict of str to str
        Chapters whose data are not to be had here, and why; their committed outputs stand.
    runs : dict of str to Run
        The chapters that ran.
    edited : dict of str to str
        Files that are not as they were committed, so that the run was compared with edited ones.
    """

    differences: list[str]
    not_run: dict[str, str] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    edited: dict[str, str] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """One line: how the run agrees with what is committed."""
        if self.differences:
            return f"{len(self.differences)} differences"
        but = f", except of what did not run: {', '.join(self.not_run)}" if self.not_run else ""
        if self.edited:
            count = f"{len(self.edited)} of whose files are not as committed"
            return f"every output and result is as in this working copy, {count}{but}"
        return f"every output and result is as committed{but}"

    @property
    def gaps(self) -> list[str]:
        """One line for each chapter that did not run."""
        return [f"{name} did not run: {reason}" for name, reason in self.not_run.items()]


def unavailable(name: str) -> str:
    """Why the files that a chapter reads are neither here nor to be had; empty if they are."""
    if name not in DOWNLOADS:
        return ""
    try:
        for source in download.select(DOWNLOADS[name]):
            download.locate(source.name)
    except SourceUnavailableError as error:
        return str(error)
    return ""


def chapters(names: list[str] | None = None) -> list[str]:
    """Names of all chapters, or the ones asked for.

    Raises
    ------
    RegistryError
        On a name that is no chapter.
    """
    known = sorted(path.stem for path in NOTEBOOKS.glob("*.md"))
    unknown = sorted(set(names or []) - set(known))
    if unknown:
        raise RegistryError(f"no chapter {', '.join(unknown)}: there are {', '.join(known)}")
    return list(dict.fromkeys(names or known))


class _Client(NotebookClient):
    """Client whose kernel another thread can end."""

    def kill(self) -> None:
        """End the kernel at once; the cell that it executes fails."""
        process = getattr(self.km and self.km.provisioner, "process", None)
        if process:
            process.kill()


_running: set[_Client] = set()


def execute(name: str, results: Path, copy: Path | None = None) -> Run:
    """Execute ``notebooks/<name>.md`` from the data, in a new kernel, cell by cell.

    Parameters
    ----------
    name : str
    results : Path
        Folder for the exhibits.
    copy : Path, optional
        Folder of another copy of the project, whose notebook, library and data are taken instead of
        this one's.

    Raises
    ------
    ChapterError
        On the first cell that fails, takes too long or ends the kernel: which one, its source, the
        error.
    """
    client = opened(name, copy / "notebooks" if copy else NOTEBOOKS)
    notebook, folder = client.nb, results / name
    notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
    shutil.rmtree(folder, ignore_errors=True)
    begin = time.perf_counter()
    # Kernels run side by side, and each would start a thread a core for its small matrices.
    environment = {
        "OPENBLAS_NUM_THREADS": "1",
        **os.environ,
        "REPLICATION_RESULTS": str(results),
    }
    if copy:
        # Ahead of the installed library, which is this project's.
        paths = [str(copy / "src"), os.environ.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    _running.add(client)
    try:
        with client.setup_kernel(env=environment):
            for index, cell in enumerate(notebook.cells):
                if failed := failure(client, cell, index):
                    raise ChapterError(
                        f"notebooks/{name}.md, cell {index}: {failed.said}\n\n{cell.source}"
                    )
            seconds = time.perf_counter() - begin
            provisioner = client.km.provisioner if client.km else None
            megabytes = _peak_memory(getattr(provisioner, "pid", None))
    finally:
        _running.discard(client)
    for index, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{index:02d}"
    return Run(name, notebook, folder, seconds, megabytes)


def opened(name: str, notebooks: Path = NOTEBOOKS) -> _Client:
    """A client for a chapter, that is its ``nb``, in a kernel of this Python that is to start."""
    notebook = jupytext.read(notebooks / f"{name}.md")
    notebook.metadata["kernelspec"] = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    return _Client(
        notebook,
        timeout=1200,
        kernel_name="python3",
        record_timing=False,
        # The kernel listens on this machine only; its warning about that tells a reader nothing.
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
        resources={"metadata": {"path": str(notebooks)}},
    )


class Failure(NamedTuple):
    """Why a cell did not end: what the error is called, its message, and both for a person."""

    kind: str
    message: str
    said: str


def failure(client: NotebookClient, cell: NotebookNode, index: int) -> Failure | None:
    """Execute a cell; what went wrong, or None."""
    try:
        client.execute_cell(cell, index)
    except CellExecutionError as error:
        return Failure(error.ename, error.evalue, f"{error.ename}: {error.evalue}")
    except CellTimeoutError:
        return Failure("CellTimeoutError", "", f"not done after {client.timeout} seconds")
    except DeadKernelError:
        return Failure("DeadKernelError", "", "the kernel died (out of memory?)")
    return None


def execute_all(
    names: list[str], results: Path, jobs: int = 2, copy: Path | None = None
) -> dict[str, Run]:
    """Execute several chapters at a time and say when each is done.

    Their kernels are children of this process: one that is interrupted ends them, and they end
    themselves where it is killed.
    """
    runs: dict[str, Run] = {}
    with ThreadPoolExecutor(jobs) as pool:
        futures: list[Future[Run]] = []
        try:
            print(f"running {len(names)} chapters: {', '.join(names)}", flush=True)
            futures += [pool.submit(execute, name, results, copy) for name in names]
            pending = set(futures)
            while pending:
                # A wait without end does not see an interrupt that another thread was given.
                done, pending = wait(pending, timeout=0.5, return_when=FIRST_COMPLETED)
                for future in done:
                    run = future.result()
                    runs[run.name] = run
                    print(f"  {run.name}: {run.seconds:.0f} s, {run.megabytes:.0f} MB", flush=True)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            while any(future.running() for future in futures):
                for client in list(_running):
                    client.kill()
                time.sleep(0.1)
            raise
    return {name: runs[name] for name in names}


def require_unedited(names: list[str]) -> None:
    """Refuse to overwrite notebooks whose cells were edited since they were executed.

    Raises
    ------
    OverwriteError
        The notebooks, and how the edit is taken over or thrown away.
    """
    for name in names:
        text, executed = NOTEBOOKS / f"{name}.md", NOTEBOOKS / f"{name}.ipynb"
        if not executed.is_file() or not compare_pair(text, executed):
            continue
        notebook = nbformat.read(executed, as_version=4)
        if notebook.metadata.get(EXECUTED, _digest(notebook)) != _digest(notebook):
            raise OverwriteError(
                f"notebooks/{name}.ipynb has cells that notebooks/{name}.md has not, and --update "
                f"would throw them away: take them over with `jupytext --to md:myst "
                f"notebooks/{name}.ipynb`, or drop them with `git checkout notebooks/{name}.ipynb`"
            )


def _digest(notebook: NotebookNode) -> int:
    return zlib.crc32(repr(sources(notebook)).encode())


def update(runs: dict[str, Run]) -> None:
    """Keep the outputs and results of `runs` as the committed ones, all of them or none."""
    record = json.loads(_read(ROOT / "results" / RUNS) or "{}")
    files: dict[str, bytes | None] = {}
    for name, run in runs.items():
        path = (NOTEBOOKS / f"{name}.ipynb").relative_to(ROOT)
        run.notebook.metadata[EXECUTED] = _digest(run.notebook)
        files[path.as_posix()] = jupytext.writes(run.notebook, fmt="ipynb").encode()
        kept = _kept(run.results, ROOT / "results" / name)
        files |= {f"results/{name}/{file}": content for file, content in kept.items()}
        cost = {"megabytes": round(run.megabytes, -1), "seconds": round(run.seconds)}
        # One run differs from the next by so much on any machine, and the record would never rest.
        if not _about(cost, record.get(name)):
            record[name] = cost
    files[f"results/{RUNS}"] = _as_json(dict(sorted(record.items())))
    write_files(ROOT, files)


def _about(cost: dict[str, float], old: dict[str, float] | None) -> bool:
    return old is not None and all(
        abs(cost[key] - old[key]) <= max(NOISE * old[key], 5) for key in cost
    )


def _kept(fresh: Path, target: Path) -> dict[str, bytes | None]:
    """What makes `target` what `fresh` is: numbers that differ by rounding only stay."""
    made = {path.name: path for path in fresh.iterdir()}
    there = {path.name: path for path in target.iterdir()} if target.is_dir() else {}
    files: dict[str, bytes | None] = dict.fromkeys(there.keys() - made.keys())
    for name, path in made.items():
        old = there.get(name)
        # The registry tells an order too, which is not compared.
        if old and path.suffix == ".json":
            files[name] = _as_json(with_committed(_read_json(path), _read_json(old)))
        elif not (old and path.suffix == ".csv" and not compare_csv(path, old)):
            files[name] = path.read_bytes()
    return files


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _as_json(values: Any) -> bytes:
    return (json.dumps(values, ensure_ascii=False, indent=1) + "\n").encode()


def compare(run: Run) -> list[str]:
    """Differences of a run from the committed notebook and results, a sentence each."""
    executed, committed = NOTEBOOKS / f"{run.name}.ipynb", ROOT / "results" / run.name
    return compare_run(run.notebook, run.results, executed, committed)


def _peak_memory(pid: int | None) -> float:
    """Largest resident memory of a process in megabytes, where the system tells (Linux)."""
    status = _read(Path(f"/proc/{pid}/status"))
    peak = re.search(r"VmHWM:\s+(\d+) kB", status or "")
    return int(peak.group(1)) / 1024 if peak else 0.0


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def run(names: list[str] | None = None, *, keep: bool = False, jobs: int = 2) -> Outcome:
    """Execute chapters and either keep their outputs or say how they differ from the committed.

    A chapter whose data cannot be had here is left as it is committed, and that is said.

    Returns
    -------
    Outcome
        Without differences if `keep`.

    Raises
    ------
    SourceUnavailableError
        If that chapter was asked for by its name.
    OverwriteError
        If `keep` would throw away an edit that was made in a notebook, and not in its text.
    BusyError
        If another process runs chapters here.
    """
    settle(ROOT)
    wanted = chapters(names)
    if keep:
        require_unedited(wanted)
    not_run = {name: reason for name in wanted if (reason := unavailable(name))}
    for name, reason in not_run.items():
        if names:
            raise SourceUnavailableError(f"{name} cannot run: {reason}")
        print(f"{name} does not run, its committed outputs stand: {reason}", flush=True)
    results = BUILD / "results"
    # Until the last of what the chapters wrote is read, no other run may begin them anew.
    with alone(results, patience=0):
        runs = execute_all([name for name in wanted if name not in not_run], results, jobs)
        if keep:
            update(runs)
            return Outcome([], not_run, runs)
        differences = [difference for one in runs.values() for difference in compare(one)]
    return Outcome(differences, not_run, runs, known(ROOT).edited)
