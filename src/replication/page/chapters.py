"""Running the chapters and comparing what comes out with what is committed.

A chapter is a pair: ``notebooks/x.md``, which people edit and review, and ``notebooks/x.ipynb``,
executed, which the book shows. Its exhibits are in ``results/x/``.
"""

import json
import os
import re
import shutil
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import numpy as np
import pandas as pd
from nbformat import NotebookNode

from replication.config import BUILD, NOTEBOOKS, ROOT
from replication.errors import ChapterError, RegistryError, SourceUnavailableError

RTOL, ATOL = 1e-7, 1e-9
"""A number agrees with the committed one if it is this near; linear algebra differs by less."""

# Only an empty entry is missing; the words that pandas takes for missing ("NA", "None") are words.
CSV: dict[str, Any] = {"keep_default_na": False, "na_values": [""]}

RUNS = "runs.json"

DOWNLOADS = {"05_real_universities": ("the", "leiden", "bcur", "evaluation")}
"""Chapters that read files which do not ship, and the groups of ``data/sources.toml`` they are."""


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
    """

    differences: list[str]
    not_run: dict[str, str] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """One line: how the run agrees with what is committed."""
        if self.differences:
            return f"{len(self.differences)} differences"
        but = f", except of what did not run: {', '.join(self.not_run)}" if self.not_run else ""
        return f"every output and result is as committed{but}"


def unavailable(name: str) -> str:
    """Why the files that a chapter reads are neither here nor to be had; empty if they are."""
    from replication.records.open import download

    if name not in DOWNLOADS:
        return ""
    try:
        for source in download.select(DOWNLOADS[name]):
            download.locate(source)
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


def execute(name: str, results: Path) -> Run:
    """Execute ``notebooks/<name>.md`` from the data, in a new kernel, cell by cell.

    Raises
    ------
    ChapterError
        On the first cell that fails, takes too long or ends the kernel: which one, its source, the
        error.
    """
    from nbclient import NotebookClient

    notebook = jupytext.read(NOTEBOOKS / f"{name}.md")
    notebook.metadata["kernelspec"] = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
    folder = results / name
    shutil.rmtree(folder, ignore_errors=True)
    client = NotebookClient(
        notebook,
        timeout=1200,
        kernel_name="python3",
        record_timing=False,
        # The kernel listens on this machine only; its warning about that tells a reader nothing.
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
        resources={"metadata": {"path": str(NOTEBOOKS)}},
    )
    begin = time.perf_counter()
    environment = {**os.environ, "REPLICATION_RESULTS": str(results)}
    with client.setup_kernel(env=environment):
        for index, cell in enumerate(notebook.cells):
            _execute_cell(client, name, cell, index)
        seconds = time.perf_counter() - begin
        provisioner = client.km.provisioner if client.km else None
        megabytes = _peak_memory(getattr(provisioner, "pid", None))
    for index, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{index:02d}"
    return Run(name, notebook, folder, seconds, megabytes)


def _execute_cell(client: Any, name: str, cell: NotebookNode, index: int) -> None:
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    try:
        client.execute_cell(cell, index)
    except CellExecutionError as error:
        said = f"{error.ename}: {error.evalue}"
    except CellTimeoutError:
        said = f"not done after {client.timeout} seconds"
    except DeadKernelError:
        said = "the kernel died (out of memory?)"
    else:
        return
    raise ChapterError(f"notebooks/{name}.md, cell {index}: {said}\n\n{cell.source}")


def execute_all(names: list[str], results: Path, jobs: int = 2) -> dict[str, Run]:
    """Execute several chapters at a time and say when each is done."""
    runs: dict[str, Run] = {}
    with ProcessPoolExecutor(jobs) as pool:
        futures = {pool.submit(execute, name, results): name for name in names}
        print(f"running {len(names)} chapters: {', '.join(names)}", flush=True)
        for future in as_completed(futures):
            run = future.result()
            runs[run.name] = run
            print(f"  {run.name}: {run.seconds:.0f} s, {run.megabytes:.0f} MB", flush=True)
    return {name: runs[name] for name in names}


def update(runs: dict[str, Run]) -> None:
    """Keep the outputs and results of `runs` as the committed ones."""
    record = json.loads(_read(ROOT / "results" / RUNS) or "{}")
    for name, run in runs.items():
        jupytext.write(run.notebook, NOTEBOOKS / f"{name}.ipynb")
        _keep(run.results, ROOT / "results" / name)
        record[name] = {"seconds": round(run.seconds), "megabytes": round(run.megabytes, -1)}
    text = json.dumps(record, indent=1, sort_keys=True) + "\n"
    (ROOT / "results" / RUNS).write_text(text, encoding="utf-8")


def _keep(fresh: Path, target: Path) -> None:
    """Make `target` what `fresh` is, without touching numbers that differ by rounding only."""
    target.mkdir(parents=True, exist_ok=True)
    made = {path.name for path in fresh.iterdir()}
    for path in target.iterdir():
        if path.name not in made:
            path.unlink()
    for path in fresh.iterdir():
        old = target / path.name
        # The registry tells an order too, which is not compared.
        same = path.suffix == ".csv" and old.is_file() and not _compare_csv(path, old)
        if not same:
            shutil.copyfile(path, old)


def compare(run: Run) -> list[str]:
    """Differences of a run from the committed notebook and results, a sentence each."""
    path = NOTEBOOKS / f"{run.name}.ipynb"
    if not path.is_file():
        return [f"{path.name} is not there: `replication run --update {run.name}` makes it"]
    committed = nbformat.read(path, as_version=4)
    found = compare_pair(NOTEBOOKS / f"{run.name}.md", path) + not_in_order(path)
    for index, (old, new) in enumerate(zip(committed.cells, run.notebook.cells, strict=False)):
        if old.cell_type == "code" and _shown(old) != _shown(new):
            found.append(f"{path.name}, cell {index}: the output is not the committed one")
    return found + compare_results(run.results, ROOT / "results" / run.name)


def compare_pair(source: Path, executed: Path) -> list[str]:
    """Cells that the two halves of a pair do not have in common."""
    halves = jupytext.read(source), nbformat.read(executed, as_version=4)
    left, right = ([(c.cell_type, c.source.strip()) for c in half.cells] for half in halves)
    if left == right:
        return []
    first = next(
        (i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b),
        min(len(left), len(right)),
    )
    return [
        f"{source.name} and {executed.name} differ, first in cell {first}: edit the .md, then "
        f"`replication run --update {source.stem}`"
    ]


def not_in_order(executed: Path) -> list[str]:
    """Code cells that were not executed from top to bottom without an error."""
    notebook = nbformat.read(executed, as_version=4)
    code = [c for c in notebook.cells if c.cell_type == "code" and c.source.strip()]
    counts = [c.execution_count for c in code]
    found = []
    if counts != list(range(1, len(code) + 1)):
        found.append(f"{executed.name}: cells not executed in order: {counts}")
    if any(o.output_type == "error" for c in code for o in c.outputs):
        found.append(f"{executed.name}: a cell ended in an error")
    return found


def compare_results(fresh: Path, committed: Path) -> list[str]:
    """Differences between two folders of results: files, columns, rows, text, numbers."""
    files = {
        side: {p.name for p in folder.glob("*") if p.is_file()}
        for side, folder in (("fresh", fresh), ("committed", committed))
    }
    where = committed.name
    found = [
        f"{where}/{n} is committed and not made any more"
        for n in sorted(files["committed"] - files["fresh"])
    ]
    found += [
        f"{where}/{n} is made and not committed"
        for n in sorted(files["fresh"] - files["committed"])
    ]
    for name in sorted(files["fresh"] & files["committed"]):
        compared = COMPARE.get(Path(name).suffix)
        if compared:
            found += [f"{where}/{name}: {d}" for d in compared(fresh / name, committed / name)]
    return found


def _compare_csv(fresh: Path, committed: Path) -> list[str]:
    new, old = (pd.read_csv(p, **CSV) for p in (fresh, committed))
    if list(new.columns) != list(old.columns) or len(new) != len(old):
        return [
            f"{len(new)} rows of {list(new.columns)}, committed {len(old)} of {list(old.columns)}"
        ]
    found = []
    for column in old:
        numeric = pd.api.types.is_numeric_dtype(old[column])
        if numeric != pd.api.types.is_numeric_dtype(new[column]):
            found.append(f"column {column!r} changed its type")
            continue
        if numeric:
            equal = np.isclose(new[column], old[column], rtol=RTOL, atol=ATOL, equal_nan=True)
        else:
            equal = (new[column].fillna("") == old[column].fillna("")).to_numpy()
        if not equal.all():
            row = int(np.flatnonzero(~equal)[0])
            found.append(
                f"column {column!r}, row {row + 1}: {new[column].tolist()[row]!r}, committed "
                f"{old[column].tolist()[row]!r} ({int((~equal).sum())} such rows)"
            )
    return found


def _compare_json(fresh: Path, committed: Path) -> list[str]:
    new, old = (json.loads(p.read_text(encoding="utf-8")) for p in (fresh, committed))
    return [
        f"{key!r} is {new.get(key)}, committed {old.get(key)}"
        for key in sorted(set(new) | set(old))
        if not _same(new.get(key), old.get(key))
    ]


def _same(new: Any, old: Any) -> bool:
    if isinstance(new, dict) and isinstance(old, dict):
        return new.keys() == old.keys() and all(_same(new[k], old[k]) for k in new)
    if isinstance(new, float) and isinstance(old, float):
        return bool(np.isclose(new, old, rtol=RTOL, atol=ATOL))
    return type(new) is type(old) and new == old


def _compare_text(fresh: Path, committed: Path) -> list[str]:
    new, old = (p.read_text(encoding="utf-8").splitlines() for p in (fresh, committed))
    lines = [i for i, (a, b) in enumerate(zip(new, old, strict=False), 1) if a != b]
    return (
        [f"line {lines[0]} differs"]
        if lines
        else []
        if len(new) == len(old)
        else ["length differs"]
    )


# A drawing is not compared by its pixels, which depend on fonts, but by the numbers in its csv.
COMPARE = {".csv": _compare_csv, ".json": _compare_json, ".tex": _compare_text}


def _shown(cell: NotebookNode) -> list[Any]:
    """What a reader sees of a cell's output as text; pictures are compared by their numbers."""
    outputs = cell.get("outputs", [])
    text = [
        o.get("text") or {k: v for k, v in o.get("data", {}).items() if not k.startswith("image/")}
        for o in outputs
    ]
    return [*text, *alternative_texts(outputs)]


def alternative_texts(outputs: list[NotebookNode]) -> list[str | None]:
    """Alternative text of each figure among the outputs of a cell; None where it has none."""
    figures = [o for o in outputs if "image/png" in o.get("data", {})]
    return [f.get("metadata", {}).get("image/png", {}).get("alt") for f in figures]


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
    """
    wanted = chapters(names)
    not_run = {name: reason for name in wanted if (reason := unavailable(name))}
    for name, reason in not_run.items():
        if names:
            raise SourceUnavailableError(f"{name} cannot run: {reason}")
        print(f"{name} is not run, its committed outputs stand: {reason}", flush=True)
    runs = execute_all([name for name in wanted if name not in not_run], BUILD / "results", jobs)
    if keep:
        update(runs)
        return Outcome([], not_run)
    return Outcome([difference for one in runs.values() for difference in compare(one)], not_run)
