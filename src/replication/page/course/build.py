"""Build the course: data of its own, notebooks without solutions, autograders, a marking scheme."""

import io
import json
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path

import nbformat
import pandas as pd
from nbformat import NotebookNode, v4

from replication.errors import OverwriteError, RegistryError
from replication.page.course.assignments import (
    TOLERANCE,
    Answer,
    Assignment,
    Question,
    answer,
    load_assignments,
    same,
)
from replication.panel.build import build_panel
from replication.records.published import require_package
from replication.simulate.process import Process
from replication.simulate.records import simulate_records
from replication.simulate.study import simulate

STUDENTS, TEACHER, SCHEME = "students", "teacher", "scheme.csv"
UNIVERSITIES = 24
COLUMNS = ["university", "discipline", "year", "patents_joint", "exposure", "control_exposure"]
NO_ANSWER = "There is no answer yet: give the variable `{}` {}."
WRONG = "Not yet: read the question once more, and say each word of it by an argument of the call."
TREND = 0.06
"""Slope of the broken draw, a year and standard deviation of exposure: the leads show it."""


def build(folder: Path, seed: int = 2026) -> pd.DataFrame:
    """Build the course in a new folder.

    Parameters
    ----------
    folder : Path
        Gets ``students/`` (to hand out), ``teacher/`` (autograders and solved notebooks) and
        ``scheme.csv``.
    seed : int
        Of the data, and so of all answers: another class gets another.

    Returns
    -------
    DataFrame
        The marking scheme, a row a question.

    Raises
    ------
    OverwriteError
        If the folder is there and holds anything.
    SourceUnavailableError
        If `otter-grader` is not installed.
    RegistryError
        If a mistake cannot be told from the right answer, or a solution fails, on these data.
    """
    require_package("otter", "autograders are made by", extra="course")
    # otter changes the working directory, where a relative path would be another.
    folder = folder.resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OverwriteError(f"{folder} is there already: name a new folder for the course")
    assignments = load_assignments()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        made = Path(name)
        data = made / "data"
        data.mkdir()
        for table, content in draw(seed).items():
            content.to_csv(data / f"{table}.csv", index=False)
        for key, assignment in assignments.items():
            _assign(key, assignment, data, made)
        scheme = _scheme(assignments)
        scheme.to_csv(made / SCHEME, index=False)
        shutil.rmtree(data)
        if folder.exists():
            folder.rmdir()
        # One step, so that a course is there whole or not at all.
        (made / "course").mkdir()
        for part in (STUDENTS, TEACHER, SCHEME):
            (made / part).rename(made / "course" / part)
        (made / "course").rename(folder)
    return scheme


def draw(seed: int) -> dict[str, pd.DataFrame]:
    """Tables of the class: ``panel``, and ``a`` and ``b``, one of which has a trend of its own."""
    process = replace(Process(), universities=UNIVERSITIES)
    broken = replace(process, pretrend=TREND)
    pair = (broken, process) if seed % 2 else (process, broken)
    studies = {"panel": process, "a": pair[0], "b": pair[1]}
    tables = {}
    for at, (name, chosen) in enumerate(studies.items()):
        records = simulate_records(simulate(chosen, seed + at), seed + at)
        with warnings.catch_warnings():
            # What is lost between records and panel is no matter of the course.
            warnings.simplefilter("ignore")
            panel, _ = build_panel(records)
        # A letter before the code, which a spreadsheet would read as a number.
        panel = panel.assign(discipline="D" + panel["discipline"])
        tables[name] = panel[COLUMNS].round({"exposure": 4, "control_exposure": 4})
    return tables


def _assign(key: str, assignment: Assignment, data: Path, made: Path) -> None:
    """Write the master notebook and let otter make the students' and the teacher's of it."""
    from otter.assign import main as otter_assign

    files = [path for path in sorted(data.iterdir()) if path.name in assignment.setup]
    with tempfile.TemporaryDirectory(dir=made) as name:
        work = Path(name)
        for path in files:
            shutil.copy(path, work)
        with chdir(work):
            answers = {q.id: _answers(key, assignment, q) for q in assignment.question}
        master = work / f"{key}.ipynb"
        names = [path.name for path in files]
        nbformat.write(_master(key, assignment, answers, names), master)
        # What otter says of its own progress.
        with chdir(work), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            otter_assign(str(master), str(work / "out"), no_pdfs=True, no_run_tests=True)
        for part, whose in ((STUDENTS, "student"), (TEACHER, "autograder")):
            (made / part).mkdir(exist_ok=True)
            (work / "out" / whose).rename(made / part / key)
    archive = next((made / TEACHER / key).glob("*.zip"))
    archive.rename(archive.with_name("autograder.zip"))


def _answers(key: str, assignment: Assignment, question: Question) -> list[Answer]:
    """What the mistakes of a question give on these data, then its solution; all distinct."""
    codes = [*(mistake.code for mistake in question.mistake), question.solution]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        *wrong, right = (answer(assignment, question, code) for code in codes)
    for number, given in enumerate(wrong, start=1):
        if same(given, right):
            raise RegistryError(
                f"course/{key}.toml, question {question.id!r}, mistake {number} gives the right "
                "answer on these data: take another --seed, or change the question"
            )
    return [*wrong, right]


def _master(
    key: str, assignment: Assignment, answers: dict[str, list[Answer]], files: list[str]
) -> NotebookNode:
    """Notebook in the form that otter takes: solutions and tests between its marks."""
    settings = {
        "name": key,
        "files": files,
        "init_cell": False,
        "export_cell": False,
        "check_all_cell": False,
        "tests": {"files": False, "ok_format": True},
    }
    cells = [
        _raw("# ASSIGNMENT CONFIG\n" + json.dumps(settings)),
        v4.new_markdown_cell(f"# {assignment.title}\n\n{assignment.text.strip()}"),
        v4.new_code_cell(assignment.setup.strip()),
    ]
    for question in assignment.question:
        cells += _question(question, answers[question.id])
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number:02d}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def _question(question: Question, answers: list[Answer]) -> Iterator[NotebookNode]:
    tests = list(_tests(question, answers))
    settings = {
        "name": question.id,
        # What is worth points is the answer; the other tests only say what is wrong with it.
        "points": [0] * (len(tests) - 1) + [question.points],
        "check_cell": False,
    }
    yield _raw("# BEGIN QUESTION\n" + json.dumps(settings))
    noun = "point" if question.points == 1 else "points"
    yield v4.new_markdown_cell(f"{question.text.strip()} ({question.points} {noun})")
    yield _raw("# BEGIN SOLUTION")
    prompt = f'""" # BEGIN PROMPT\n{question.id} = ...\n"""; # END PROMPT'
    solved = f"# BEGIN SOLUTION NO PROMPT\n{question.solution.strip()}\n# END SOLUTION"
    yield v4.new_code_cell(f"{prompt}\n{solved}")
    yield _raw("# END SOLUTION")
    yield _raw("# BEGIN TESTS")
    for test in tests:
        yield v4.new_code_cell(test)
    yield _raw("# END TESTS")
    yield _raw("# END QUESTION")


def _tests(question: Question, answers: list[Answer]) -> Iterator[str]:
    """Is there an answer, is it none of the mistakes, is it right: each with its sentence."""
    *wrong, right = answers
    kind, form = ("str", "a letter") if isinstance(right, str) else ("numbers.Real", "a number")
    yield _test(
        f"import numbers\nassert isinstance({question.id}, {kind})",
        NO_ANSWER.format(question.id, form),
    )
    imported = f"from {same.__module__} import same\n"
    for mistake, given in zip(question.mistake, wrong, strict=True):
        yield _test(f"{imported}assert not same({question.id}, {given!r})", mistake.says)
    yield _test(f"{imported}assert same({question.id}, {right!r})", WRONG)


def _test(code: str, says: str) -> str:
    settings = json.dumps({"hidden": True, "failure_message": says}, ensure_ascii=False)
    return f'""" # BEGIN TEST CONFIG\n{settings}\n""" # END TEST CONFIG\n{code}'


def _raw(text: str) -> NotebookNode:
    return v4.new_raw_cell(text.rstrip())


def _scheme(assignments: dict[str, Assignment]) -> pd.DataFrame:
    """A row a question: what it is worth, and what typical mistakes are told."""
    rows = [
        {
            "assignment": key,
            "week": assignment.week,
            "question": question.id,
            "points": question.points,
            "right_within": TOLERANCE,
            "solution": question.solution.strip(),
            "mistakes": " | ".join(mistake.says for mistake in question.mistake),
        }
        for key, assignment in assignments.items()
        for question in assignment.question
    ]
    return pd.DataFrame(rows)
