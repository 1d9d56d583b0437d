"""Mark a folder of hand-ins, each in a process of its own, without network."""

import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
from tqdm import tqdm

from replication.errors import OverwriteError, SourceUnavailableError
from replication.page.course.build import SCHEME, TEACHER
from replication.records.published import require_package
from replication.writing import write_file

PATIENCE = 300
"""Seconds that one hand-in may take; a solved one takes half a minute of one core."""

UNKNOWN = (
    "This is no notebook of the course, or its metadata are gone: fill in the notebook that was "
    "handed out, and save it as .ipynb."
)
ENDLESS = (
    "The notebook was stopped after {:g} seconds without an end: look for a cell that waits, or "
    "runs for ever."
)
FAILED = "The notebook could not be marked; look at it by hand"


def mark(
    course: Path, handins: Path, out: Path, *, jobs: int = 2, limit: float = PATIENCE
) -> pd.DataFrame:
    """Mark every notebook of a folder, and of the folders in it.

    The cells of a hand-in are executed: they are its author's program, with the rights of whoever
    marks.

    Parameters
    ----------
    course : Path
        As `build.build` made it.
    handins : Path
    out : Path
        CSV to write, which must not be there.
    jobs : int
        Hand-ins at a time.
    limit : float
        Seconds that one may take. One that takes longer is stopped, its kernel with it.

    Returns
    -------
    DataFrame
        A row a hand-in, by its path: ``handin``, ``assignment``, ``points``, ``out_of``, one column
        a question, and ``feedback``, a line a question that is not right.

    Raises
    ------
    SourceUnavailableError
        If the course or the hand-ins are not there, or `otter-grader` is not installed.
    OverwriteError
        If `out` is there.
    """
    require_package("otter", "hand-ins are marked by", extra="course")
    if not (course / SCHEME).is_file():
        raise SourceUnavailableError(
            f"{course} holds no course: `replication course {course}` builds one"
        )
    if out.exists():
        raise OverwriteError(f"{out} is there already: name another file for the marks")
    notebooks = sorted(handins.rglob("*.ipynb")) if handins.is_dir() else []
    notebooks = [path for path in notebooks if ".ipynb_checkpoints" not in path.parts]
    if not notebooks:
        raise SourceUnavailableError(
            f"{handins} holds no notebook (.ipynb): name the hand-ins' folder"
        )
    scheme = pd.read_csv(course / SCHEME)
    with ThreadPoolExecutor(jobs) as pool:
        marked = pool.map(lambda path: _mark_one(course, path, limit), notebooks)
        bar: dict[str, Any] = {"total": len(notebooks), "unit": " hand-ins"}
        found = list(tqdm(marked, **bar, disable=not sys.stderr.isatty()))
    rows = [
        {"handin": path.relative_to(handins).as_posix(), **_row(marks, scheme)}
        for path, marks in zip(notebooks, found, strict=True)
    ]
    table = pd.DataFrame(rows)
    table = table[[*(c for c in table if c != "feedback"), "feedback"]]
    # With a byte-order mark, since spreadsheets read Chinese names from it.
    write_file(out, table.to_csv(index=False).encode("utf-8-sig"))
    return table


def _row(marks: dict[str, Any], scheme: pd.DataFrame) -> dict[str, Any]:
    """Marks of one hand-in; where it could not be marked, no points and what is to be done."""
    key, questions = marks["assignment"], marks["questions"]
    asked = scheme[scheme["assignment"] == key].set_index("question")["points"]
    points = {name: questions.get(name, {}).get("points", 0) for name in asked.index}
    said = [
        f"{name}: {questions[name]['says']}"
        for name in asked.index
        if questions.get(name, {}).get("says")
    ]
    return {
        "assignment": key,
        "points": sum(points.values()),
        "out_of": int(asked.sum()),
        **points,
        "feedback": "\n".join([*filter(None, [marks["says"]]), *said]),
    }


def _mark_one(course: Path, notebook: Path, limit: float) -> dict[str, Any]:
    key = _assignment(notebook)
    archive = course / TEACHER / key / "autograder.zip"
    empty: dict[str, Any] = {"assignment": key, "questions": {}, "says": ""}
    if not key or not archive.is_file():
        return empty | {"assignment": "", "says": UNKNOWN}
    said = ""
    # Once more where it failed: on a busy machine a kernel may not start in time.
    for _ in range(2):
        try:
            questions, said = _graded(archive.resolve(), notebook.resolve(), limit)
        except subprocess.TimeoutExpired:
            return empty | {"says": ENDLESS.format(limit)}
        if not said:
            return empty | {"questions": questions}
    return empty | {"says": f"{FAILED}: {said}"}


def _graded(archive: Path, notebook: Path, limit: float) -> tuple[dict[str, Any], str]:
    """Marks from a process of its own, or the last line of what it said when it failed."""
    # A kernel that is stopped may still be writing there.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        out, errors = Path(folder) / "marks.json", Path(folder) / "stderr"
        with errors.open("wb") as stderr:
            # No pipes: a kernel that outlives its parent would hold them open.
            subprocess.run(
                [sys.executable, "-m", __name__, str(archive), str(notebook), str(out)],
                cwd=folder,
                env=_environment(folder),
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                timeout=limit,
                check=False,
            )
        if out.is_file():
            return json.loads(out.read_text(encoding="utf-8")), ""
        lines = errors.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return {}, (lines or ["no reason"])[-1]


def _environment(folder: str) -> dict[str, str]:
    """One thread a hand-in, since they are marked side by side; what otter leaves goes with it."""
    kept = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), folder)
    return {"OPENBLAS_NUM_THREADS": "1", **os.environ, **kept}


def _assignment(notebook: Path) -> str:
    """Name of the assignment that a notebook answers; empty if it cannot be told."""
    try:
        metadata = nbformat.read(notebook, as_version=4).metadata
    except (ValueError, KeyError, AttributeError, nbformat.ValidationError):
        return ""
    name = metadata.get("otter", {}).get("assignment_name", "")
    # It is a name of a folder, and the notebook is a stranger's.
    return name if isinstance(name, str) and Path(name).name == name else ""


def grade(archive: str, notebook: str) -> dict[str, dict[str, Any]]:
    """Points of each question, and the first sentence that its tests have to say."""
    from otter.api import grade_submission

    results = grade_submission(notebook, archive, quiet=True)
    if error := results._catastrophic_error:
        raise error
    marks = {}
    for name, file in results.results.items():
        failed = [
            case.test_case.failure_message for case in file.test_case_results if not case.passed
        ]
        marks[name] = {"points": file.score, "says": failed[0] if failed else ""}
    return marks


if __name__ == "__main__":
    Path(sys.argv[3]).write_text(json.dumps(grade(*sys.argv[1:3])), encoding="utf-8")
