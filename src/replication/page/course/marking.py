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

from replication.errors import OverwriteError, SourceUnavailableError
from replication.page.course.build import SCHEME, TEACHER
from replication.records.published import require_package
from replication.writing import write_file

PATIENCE = 600
"""Seconds that the cells of one hand-in may take."""

UNKNOWN = (
    "This is no notebook of the course, or its metadata are gone: fill in the notebook that was "
    "handed out, and save it as .ipynb."
)
ENDLESS = "The notebook did not come to an end: look for a cell that waits or runs for ever."
FAILED = "The notebook could not be marked; look at it by hand: {}"


def mark(course: Path, handins: Path, out: Path, *, jobs: int = 2) -> pd.DataFrame:
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
        found = list(pool.map(lambda path: _mark_one(course, path), notebooks))
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


def _mark_one(course: Path, notebook: Path) -> dict[str, Any]:
    key = _assignment(notebook)
    archive = course / TEACHER / key / "autograder.zip"
    empty: dict[str, Any] = {"assignment": key, "questions": {}, "says": ""}
    if not key or not archive.is_file():
        return empty | {"assignment": "", "says": UNKNOWN}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "marks.json"
        call = [
            sys.executable,
            "-m",
            __name__,
            str(archive.resolve()),
            str(notebook.resolve()),
            str(out),
        ]
        # Hand-ins are marked side by side, and each would start a thread a core.
        environment = {"OPENBLAS_NUM_THREADS": "1", **os.environ}
        try:
            done = subprocess.run(
                call,
                cwd=folder,
                env=environment,
                capture_output=True,
                timeout=PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return empty | {"says": ENDLESS}
        if not out.is_file():
            last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no reason"]
            return empty | {"says": FAILED.format(last[0])}
        return empty | {"questions": json.loads(out.read_text(encoding="utf-8"))}


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
