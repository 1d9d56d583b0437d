"""Running the study under a file of choices, or another study: never over what is committed."""

import hashlib
import json
import re
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import pandas as pd

from replication.config import BUILD, ROOT, environment
from replication.errors import ChapterError, OverwriteError, ReplicationError
from replication.estimate.specification.chosen import claims_under
from replication.page.chapters import DOWNLOADS, Run, chapters, execute_all
from replication.page.chosen import report
from replication.page.chosen.prepare import prepare
from replication.panel.load import load_panel
from replication.records.study import choices as register
from replication.records.study import frame as declared
from replication.writing import alone, settle, write_files

CHAPTERS = ("01_baseline", "02_mechanisms", "03_heterogeneity")
"""Chapters that ask the claims of the panel; the default."""
SIMULATED = "REPLICATION_SIMULATED"
WRITTEN = "run.json"
"""What a run wrote to its folder, with checksums."""
BY_DESIGN = (
    "Rows of the design ({rows}) are carried out in the table of claims: a chapter names the "
    "scale, effects, controls and variance of each of its columns, and keeps them."
)
TARGETS = (
    "Targets and verdicts on the plant are those of the default design; simulations inside a "
    "chapter are of the study's own process."
)
GLUE = re.compile(r"\{glue:text\}`([a-z0-9_]+)`")


def run(names: list[str] | None, out: Path | None = None) -> tuple[Path, str, dict[str, str]]:
    """Run the study and the choices that `environment` has put in force.

    Parameters
    ----------
    names : list of str, optional
        Chapters; `CHAPTERS` if none.
    out : Path, optional
        Folder for all that comes out; ``build/choices/<name>`` if none.

    Returns
    -------
    folder : Path
        With ``report.txt``, ``report.csv``, ``report.html``, ``panel.parquet``, a folder of results
        and an executed notebook a chapter. It changes whole or not at all.
    text : str
        The report.
    failed : dict of str to str
        Chapters that could not be run under the choices, and why.

    Raises
    ------
    ReplicationError
        A chapter that is none, or reads real data; a folder of the project's own.
    """
    chosen = register.in_force()
    wanted = chapters(list(names or CHAPTERS))
    if real := sorted(set(wanted) & set(DOWNLOADS)):
        raise ReplicationError(
            f"{', '.join(real)} is about real universities, which no choice of the simulated study "
            "changes: name other chapters"
        )
    folder = (out or BUILD / "choices" / _label(chosen)).resolve()
    require_foreign(folder)
    settle(folder)
    ours(folder, {"report.txt", "report.csv", "report.html", "claims.csv", "panel.parquet"})
    BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD) as made, alone(folder, patience=0):
        work = Path(made)
        before = claims_under(_default_panel())
        with environment({SIMULATED: work}):
            panel = prepare(work)
            after = claims_under(panel, chosen)
            ran = {name: _executed(name, work / "results") for name in wanted}
        failed = {n: str(one) for n, one in ran.items() if isinstance(one, ChapterError)}
        done = {n: one for n, one in ran.items() if isinstance(one, Run)}
        tables = [report.of_claims(before, after)]
        if declared.is_shipped():
            committed = ROOT / "results"
            tables += [report.of_chapter(n, committed / n, r.results) for n, r in done.items()]
        moved = pd.concat(tables, ignore_index=True)
        said = _said(chosen, failed)
        files = {
            "report.txt": (text := report.as_text(said, moved)).encode(),
            "report.csv": moved.to_csv(index=False, lineterminator="\n").encode(),
            "report.html": report.as_html(said, moved).encode(),
            "claims.csv": after.to_csv(lineterminator="\n").encode(),
            **{f"{n}.ipynb": _notebook(one, said) for n, one in done.items()},
        }
        written = [path for path in work.rglob("*") if path.is_file()]
        files |= {path.relative_to(work).as_posix(): path.read_bytes() for path in written}
        files[WRITTEN] = record_of(files)
        write_files(folder, {**dict.fromkeys(ours(folder, set(files))), **files})
    return folder, text, failed


def require_foreign(folder: Path) -> None:
    """Raise `ReplicationError` if a folder is one of those that git keeps."""
    if folder == ROOT or (folder.is_relative_to(ROOT) and not folder.is_relative_to(BUILD)):
        raise ReplicationError(
            f"--out {folder} is the project's own: name a folder in build/ or elsewhere"
        )


def record_of(files: Mapping[str, bytes]) -> bytes:
    """Return what `WRITTEN` says of files that a run writes."""
    said = {"made_by": "replication run", "sha256": {n: _digest(c) for n, c in files.items()}}
    return json.dumps(said).encode()


def ours(folder: Path, new: Collection[str] = ()) -> set[str]:
    """Files that an earlier run wrote there; refused if `new` ones would replace any other."""
    try:
        kept = json.loads((folder / WRITTEN).read_text(encoding="utf-8"))["sha256"]
    except (OSError, ValueError, KeyError):
        kept = {}
    there = {name for name in {*kept, *new} - {WRITTEN} if (folder / name).is_file()}
    other = sorted(n for n in there if _digest((folder / n).read_bytes()) != kept.get(n))
    if other or ((folder / WRITTEN).exists() and not kept):
        raise OverwriteError(
            f"{folder} holds {', '.join(other[:3]) or WRITTEN}, which `replication run` did not "
            "write or which was changed since, and nothing of yours is overwritten: name another "
            "folder with --out, or move these files away"
        )
    return there


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _default_panel() -> pd.DataFrame:
    """Panel under the default of the study in hand."""
    if declared.is_shipped():
        with _without_choices():
            return load_panel("simulated")
    with _without_choices(), tempfile.TemporaryDirectory() as name:
        return prepare(Path(name))


def _without_choices() -> Any:
    """Put no choices in force, for a while."""
    return environment({register.VARIABLE: ""})


def _executed(name: str, results: Path) -> Run | ChapterError:
    """Run a chapter; one that fails under other choices does not take the others with it."""
    try:
        return execute_all([name], results, jobs=1)[name]
    except ChapterError as error:
        return error


def _label(chosen: list[Any]) -> str:
    rows = json.dumps([[one.row, one.value] for one in chosen])
    name = re.sub(r"\W+", "-", declared.study().name.lower()).strip("-")[:40]
    rows_said = "-".join(one.row for one in chosen) or "default"
    return f"{name}-{rows_said}-{hashlib.sha256(rows.encode()).hexdigest()[:8]}"


def _said(chosen: list[Any], failed: dict[str, str]) -> dict[str, Any]:
    rows = [f"{one.row} = {one.value}: {one.text}" for one in chosen]
    by_design = ", ".join(one.row for one in chosen if one.design)
    notes = [TARGETS, *([BY_DESIGN.format(rows=by_design)] if by_design else [])]
    if not declared.is_shipped():
        notes.append("Another study than the shipped: its results have no committed default.")
    notes += [f"{name} could not be run: {why.splitlines()[0]}" for name, why in failed.items()]
    title = f"{declared.study().name}, simulated: " + (
        "other choices than the default" if chosen else "the default choices"
    )
    return {"title": title, "rows": rows, "notes": notes}


def _notebook(one: Run, said: dict[str, Any]) -> bytes:
    """Return an executed chapter with the choices at its head and its numbers in its prose."""
    numbers = report.read_json(one.results / "numbers.json")
    for cell in one.notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = GLUE.sub(lambda m: numbers.get(m[1], {}).get("text", m[0]), cell.source)
    lines = [f"> **{said['title']}**", *[f"> - {row}" for row in said["rows"]]]
    lines += [">", f"> Every number that is marked {register.MARK} was made under them."]
    one.notebook.cells.insert(0, nbformat.v4.new_markdown_cell("\n".join(lines)))
    return jupytext.writes(one.notebook, fmt="ipynb").encode()
