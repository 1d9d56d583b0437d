"""The report of a verification: a row for each exhibit, and what each notebook took."""

import platform
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from replication.config import ROOT
from replication.errors import RegistryError, SourceUnavailableError
from replication.exhibit.publish import load_registry
from replication.page import chapters, compare
from replication.page.verification.commitment import Commitment, clean_copy, commitment

IDENTICAL, WITHIN, DIFFERENT, MISSING = "identical", "within tolerance", "different", "missing"
STATUSES = (IDENTICAL, WITHIN, DIFFERENT, MISSING)
"""What can be said of an exhibit, from best to worst."""

KINDS = {"tab": "table", "fig": "figure"}
SUFFIXES = {"tab": (".csv", ".tex"), "fig": (".csv", ".png")}
REGISTERS = {"numbers.json": "numbers in prose", "exhibits.json": "titles and notes"}

PACKAGES = ("linearmodels", "pyfixest", "statsmodels", "pandas", "numpy", "scipy", "matplotlib")
"""Packages whose versions decide the numbers and the drawings."""


@dataclass(frozen=True)
class Row:
    """One exhibit of a chapter, run again beside the committed one.

    Attributes
    ----------
    chapter, name, kind, title : str
    cell : int or None
        Cell of the notebook that publishes it.
    files : tuple of str
    status : str
        One of `STATUSES`.
    absolute, relative : float
        Largest difference between two of its numbers.
    where : str
        Place of the largest relative difference.
    said : tuple of str
        What differs, a sentence each.
    """

    chapter: str
    name: str
    kind: str
    title: str
    cell: int | None
    files: tuple[str, ...]
    status: str
    absolute: float = 0.0
    relative: float = 0.0
    where: str = ""
    said: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cost:
    """What a notebook took, and the seeds that its cells name.

    Attributes
    ----------
    chapter : str
    seconds, megabytes : float
    seeds : tuple of int
    """

    chapter: str
    seconds: float
    megabytes: float
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class Report:
    """All rows of one run, what it was compared with, and on what machine.

    Attributes
    ----------
    against : Commitment
    begun : str
        Date and time, UTC.
    machine : dict of str to str
        System, Python, the versions that decide numbers, and departures from the lock.
    costs : tuple of Cost
    rows : tuple of Row
    not_run : dict of str to str
        Chapters whose data are not to be had, and why.
    """

    against: Commitment
    begun: str
    machine: dict[str, str]
    costs: tuple[Cost, ...]
    rows: tuple[Row, ...]
    not_run: dict[str, str]

    @property
    def failures(self) -> list[Row]:
        """Rows that did not come out again."""
        return [row for row in self.rows if row.status in (DIFFERENT, MISSING)]

    @property
    def verified(self) -> bool:
        """Whether all that ran came out again, of files that are as they were committed."""
        return not self.failures and not self.against.edited


def verify(names: list[str] | None = None, jobs: int = 2, root: Path = ROOT) -> Report:
    """Run chapters in a clean copy of what is committed, and compare each exhibit with it.

    Parameters
    ----------
    names : list of str, optional
        Chapters; all of them by default.
    jobs : int
        Chapters at a time.
    root : Path
        The checkout or the unpacked deposit; nothing in it is changed.

    Raises
    ------
    RegistryError
        On a name that is no chapter.
    SourceUnavailableError
        If nothing says what is committed, or a chapter that was asked for by name lacks its data.
    ChapterError
        If a cell fails.
    """
    against, begun = commitment(root), now()
    with tempfile.TemporaryDirectory(prefix="replication-verify-") as folder:
        copy, results = Path(folder) / "copy", Path(folder) / "results"
        clean_copy(copy, root)
        wanted, not_run = _wanted(names, copy)
        runs = chapters.execute_all(wanted, results, jobs, copy)
        return report(runs, copy, against, begun, not_run)


def report(
    runs: Mapping[str, chapters.Run],
    committed: Path,
    against: Commitment,
    begun: str,
    not_run: Mapping[str, str],
) -> Report:
    """Report on chapters that have run, beside the notebooks and results in a folder."""
    rows = [row for run in runs.values() for row in _rows(run, committed)]
    costs = [Cost(r.name, r.seconds, r.megabytes, _seeds(r.notebook)) for r in runs.values()]
    return Report(against, begun, _machine(committed), tuple(costs), tuple(rows), dict(not_run))


def exhibits(root: Path = ROOT) -> list[Row]:
    """Committed tables and figures with the cells that publish them, compared with themselves."""
    runs = {}
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        runs[path.stem] = chapters.Run(path.stem, notebook, root / "results" / path.stem, 0.0, 0.0)
    rows = [row for run in runs.values() for row in _rows(run, root)]
    return [row for row in rows if row.kind in KINDS.values()]


def _wanted(names: list[str] | None, copy: Path) -> tuple[list[str], dict[str, str]]:
    known = sorted(path.stem for path in (copy / "notebooks").glob("*.md"))
    unknown = sorted(set(names or []) - set(known))
    if unknown:
        raise RegistryError(f"no chapter {', '.join(unknown)} is committed: {', '.join(known)} are")
    wanted = list(dict.fromkeys(names or known))
    not_run = {name: reason for name in wanted if (reason := chapters.unavailable(name))}
    if names and not_run:
        name, reason = next(iter(not_run.items()))
        raise SourceUnavailableError(f"{name} cannot be verified: {reason}")
    return [name for name in wanted if name not in not_run], not_run


def _rows(run: chapters.Run, committed: Path) -> Iterator[Row]:
    """Rows of a chapter: its notebook, its numbers in prose, its exhibits, and files of none."""
    executed, old = committed / "notebooks" / f"{run.name}.ipynb", committed / "results" / run.name
    new = run.results
    said = compare.compare_notebook(run.notebook, executed)
    kind = MISSING if not executed.is_file() else DIFFERENT if said else IDENTICAL
    cells = len(run.notebook.cells)
    yield Row(
        run.name, "notebook", "outputs", f"Outputs of {cells} cells", None,
        (f"notebooks/{run.name}.ipynb",), kind, said=tuple(said),
    )  # fmt: skip
    taken = set()
    for file, title in REGISTERS.items():
        taken.add(file)
        if (new / file).is_file() or (old / file).is_file():
            yield _row(run, committed, file, "register", title.capitalize(), None, (file,))
    entries = {}
    for folder in (old, new):
        registry = load_registry(folder.parent)
        for entry in registry[registry["chapter"] == run.name].to_dict("records"):
            entries[str(entry["name"])] = entry
    for name, entry in entries.items():
        files = tuple(name + suffix for suffix in SUFFIXES[entry["kind"]])
        taken |= set(files)
        cell = _publishes(run.notebook, name)
        yield _row(run, committed, name, KINDS[entry["kind"]], entry["title"], cell, files)
    stray = {p.name for side in (old, new) for p in side.glob("*")} - taken
    for file in sorted(stray):
        yield _row(run, committed, file, "file", "A file that no exhibit has", None, (file,))


def _row(
    run: chapters.Run,
    committed: Path,
    name: str,
    kind: str,
    title: str,
    cell: int | None,
    files: tuple[str, ...],
) -> Row:
    """One exhibit: the worst of its files, and the largest difference in them."""
    worst, said, apart = IDENTICAL, [], (0.0, 0.0, "")
    for file in files:
        fresh, old = run.results / file, committed / "results" / run.name / file
        status, sentences = _status(fresh, old)
        worst = max(worst, status, key=STATUSES.index)
        said += [f"{file}: {sentence}" for sentence in sentences]
        if status in (WITHIN, DIFFERENT) and fresh.suffix in (".csv", ".json"):
            found = compare.largest_difference(fresh, old)
            apart = max(apart, found, key=lambda one: one[1])
    paths = tuple(f"results/{run.name}/{file}" for file in files)
    return Row(run.name, name, kind, title, cell, paths, worst, *apart, said=tuple(said))


def _status(fresh: Path, committed: Path) -> tuple[str, list[str]]:
    if not fresh.is_file():
        return MISSING, ["committed, and not made any more"]
    if not committed.is_file():
        return MISSING, ["made, and not committed"]
    if fresh.read_bytes() == committed.read_bytes():
        return IDENTICAL, []
    compared = compare.COMPARE.get(fresh.suffix)
    said = compared(fresh, committed) if compared else ["the bytes differ"]
    return (DIFFERENT, said) if said else (WITHIN, [])


def _publishes(notebook: NotebookNode, name: str) -> int | None:
    found = (i for i, cell in enumerate(notebook.cells) if f'"{name}"' in cell.source)
    return next(found, None)


def _seeds(notebook: NotebookNode) -> tuple[int, ...]:
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    return tuple(sorted({int(seed) for seed in re.findall(r"\bseed=(\d+)", code)}))


def _machine(committed: Path) -> dict[str, str]:
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)
    return {
        "system": platform.platform(terse=True),
        "processor": platform.machine(),
        "Python": platform.python_version(),
        "packages": versions,
        "departures from the lock": ", ".join(_departures(committed / "requirements.txt"))
        or "none",
    }


def _departures(lock: Path) -> list[str]:
    """Installed packages of another version than the lock's."""
    if not lock.is_file():
        return ["no requirements.txt is committed"]
    pins = re.findall(r"^([\w.\-]+)==([^\s;\\]+)", lock.read_text(encoding="utf-8"), re.MULTILINE)
    locked: dict[str, set[str]] = {}
    for name, version in pins:
        locked.setdefault(name, set()).add(version)
    departures = []
    for name, versions in locked.items():
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # locked for another system, or for a group that is not installed here
        if installed not in versions:
            departures.append(f"{name} {installed} (locked {' or '.join(sorted(versions))})")
    return departures


def now() -> str:
    """Date and time as a report has them, UTC."""
    return datetime.now(UTC).isoformat(sep=" ", timespec="minutes").removesuffix("+00:00")
