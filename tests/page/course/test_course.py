"""A course is built whole, tells nothing to students, and marks right, wrong and empty hand-ins."""

import contextlib
import json
import os
import shutil
import time
import zipfile
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from replication import cli
from replication.errors import OverwriteError, RegistryError, SourceUnavailableError
from replication.page.course import build as building
from replication.page.course import marking
from replication.page.course.assignments import FOLDER, answer, load_assignments, same
from replication.page.course.build import build
from replication.page.course.marking import ENDLESS, FAILED, UNKNOWN, mark

pytestmark = pytest.mark.course

ASSIGNMENTS = load_assignments()
FIRST = "1_changes"
SEED = 7


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("class") / "course"
    build(folder, SEED)
    return folder


# What is built ---------------------------------------------------------------------------------


def test_three_weeks_teach_something_and_their_points_are_equal() -> None:
    assert [a.week for a in ASSIGNMENTS.values()] == [1, 2, 3]
    assert {sum(q.points for q in a.question) for a in ASSIGNMENTS.values()} == {10}
    assert all(
        len(q.mistake) >= 2 or q.id == "broken" for a in ASSIGNMENTS.values() for q in a.question
    )


def test_students_get_questions_and_data_and_no_solution(course: Path) -> None:
    for key, assignment in ASSIGNMENTS.items():
        folder = course / "students" / key
        text = (folder / f"{key}.ipynb").read_text(encoding="utf-8")
        assert {path.name for path in folder.iterdir()} >= {f"{key}.ipynb", "panel.csv"}
        for question in assignment.question:
            assert f'{question.id} = ..."' in text
            for code in (question.solution, *(m.code for m in question.mistake)):
                last = json.dumps(code.strip().splitlines()[-1])[1:-1]
                assert last not in text
            for mistake in question.mistake:
                assert mistake.says not in text


def test_the_data_are_small_and_of_the_class_alone(course: Path, tmp_path: Path) -> None:
    panel = pd.read_csv(course / "students" / FIRST / "panel.csv")
    assert panel["university"].nunique() == 24
    assert (course / "students" / FIRST / "panel.csv").stat().st_size < 500_000
    assert not {"post", "event_time"} & set(panel)
    other = building.draw(SEED + 100)["panel"]
    assert not other["patents_joint"].equals(panel["patents_joint"])


def test_no_sentence_gives_an_answer_away(course: Path) -> None:
    for key, assignment in ASSIGNMENTS.items():
        with zipfile.ZipFile(course / "teacher" / key / "autograder.zip") as archive:
            tests = " ".join(
                archive.read(n).decode() for n in archive.namelist() if n.startswith("tests/")
            )
        for question in assignment.question:
            for mistake in question.mistake:
                assert not any(part in mistake.says for part in ("rp.", "=", "0.", "panel["))
                assert mistake.says[:30] in tests.replace("\\'", "'")


def test_the_scheme_has_a_row_a_question(course: Path) -> None:
    scheme = pd.read_csv(course / "scheme.csv")
    asked = [(k, q.id, q.points) for k, a in ASSIGNMENTS.items() for q in a.question]
    assert (
        list(scheme[["assignment", "question", "points"]].itertuples(index=False, name=None))
        == asked
    )


def test_nothing_is_written_over_or_half(course: Path, tmp_path: Path) -> None:
    before = sorted(course.rglob("*"))
    with pytest.raises(OverwriteError, match="is there already: name a new folder"):
        build(course)
    assert sorted(course.rglob("*")) == before


def test_a_mistake_that_is_right_is_refused_and_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(FOLDER, tmp_path / "course")
    path = tmp_path / "course" / f"{FIRST}.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace('100 * (panel["patents_joint"] == 0)', '(panel["patents_joint"] == 0)')
    )
    only = {FIRST: load_assignments(tmp_path / "course")[FIRST]}
    monkeypatch.setattr(building, "load_assignments", lambda: only)
    panel = pd.DataFrame(
        {"university": ["U1", "U2"], "patents_joint": [0, 1], "exposure": [1.0, -1.0], "year": 2019}
    )
    monkeypatch.setattr(building, "draw", lambda seed: {"panel": panel})
    with pytest.raises(RegistryError, match="'zero_share', mistake 1 gives the right answer"):
        build(tmp_path / "new")
    assert not (tmp_path / "new").exists()
    assert {p.name for p in tmp_path.iterdir()} == {"course"}


def test_a_fault_in_an_assignment_is_named(tmp_path: Path) -> None:
    text = (FOLDER / f"{FIRST}.toml").read_text(encoding="utf-8")
    (tmp_path / "a.toml").write_text(text.replace("zero_share = (panel", "share = (panel", 1))
    with pytest.raises(RegistryError, match=r"a\.toml, question 1 \(zero_share\).*must give"):
        load_assignments(tmp_path)
    with pytest.raises(RegistryError, match="holds no assignment"):
        load_assignments(tmp_path / "none")


@pytest.mark.parametrize(
    ("first", "second", "alike"),
    [
        (0.1234, 0.12345, True),
        (0.123, 0.125, False),
        ("b", "b", True),
        ("a", "b", False),
        ("a", 1, False),
    ],
)
def test_answers_are_compared_to_three_decimals(first: object, second: object, alike: bool) -> None:
    assert same(first, second) is alike


# What is marked --------------------------------------------------------------------------------


def hand_in(course: Path, key: str, target: Path, given: dict[str, str]) -> None:
    """Fill in a student's notebook: `given` is code by question, the others stay as they are."""
    notebook = nbformat.read(course / "students" / key / f"{key}.ipynb", as_version=4)
    for cell in notebook.cells:
        name = cell.source.partition(" = ...")[0]
        if cell.cell_type == "code" and name in given:
            cell.source = given[name].strip()
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, target)


def mistaken(course: Path, key: str, number: int) -> dict[str, str]:
    """What a student hands in who makes the mistake of that number wherever there is one."""
    assignment = ASSIGNMENTS[key]
    given = {}
    with contextlib.chdir(course / "students" / key):
        for question in assignment.question:
            if number < len(question.mistake):
                value = answer(assignment, question, question.mistake[number].code)
                given[question.id] = f"{question.id} = {value!r}"
    return given


@pytest.fixture(scope="module")
def marks(course: Path, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Marks of right, wrong, empty and broken hand-ins, in one call of the command."""
    handins = tmp_path_factory.mktemp("hand-ins")
    for key, assignment in ASSIGNMENTS.items():
        right = {q.id: q.solution for q in assignment.question}
        hand_in(course, key, handins / "right" / f"{key}.ipynb", right)
        for number in range(max(len(q.mistake) for q in assignment.question)):
            wrong = mistaken(course, key, number)
            hand_in(course, key, handins / f"wrong {number}" / f"{key}.ipynb", wrong)
    hand_in(course, FIRST, handins / "李明" / "empty.ipynb", {})
    crash = {"zero_share": "zero_share = 1 / 0", "gap": ASSIGNMENTS[FIRST].question[1].solution}
    hand_in(course, FIRST, handins / "crash.ipynb", crash)
    rounded = {
        "zero_share": f"{ASSIGNMENTS[FIRST].question[0].solution}.round(3)",
        "gap": "gap = 99",
    }
    hand_in(course, FIRST, handins / "rounded.ipynb", rounded)
    (handins / "torn.ipynb").write_text("{")
    nbformat.write(nbformat.v4.new_notebook(), handins / "another.ipynb")
    out = handins.parent / "marks.csv"
    call = ["mark", str(handins), "--course", str(course), "--out", str(out)]
    assert cli.main(call) == 0
    assert cli.main(call) == 2  # what is there is not written over
    return pd.read_csv(out).fillna({"feedback": ""}).set_index("handin")


def test_a_right_notebook_gets_full_marks_and_is_told_nothing(marks: pd.DataFrame) -> None:
    for key in ASSIGNMENTS:
        row = marks.loc[f"right/{key}.ipynb"]
        assert (row["points"], row["out_of"], row["feedback"]) == (10, 10, "")


def test_each_typical_mistake_gets_its_own_sentence(marks: pd.DataFrame) -> None:
    told = 0
    for key, assignment in ASSIGNMENTS.items():
        for question in assignment.question:
            for number, mistake in enumerate(question.mistake):
                row = marks.loc[f"wrong {number}/{key}.ipynb"]
                assert row[question.id] == 0
                assert f"{question.id}: {mistake.says}" in row["feedback"].splitlines()
                told += 1
    assert told >= 25


def test_an_empty_notebook_gets_zero_and_is_told_what_to_do(marks: pd.DataFrame) -> None:
    row = marks.loc["李明/empty.ipynb"]
    assert (row["points"], row["out_of"]) == (0, 10)
    assert row["feedback"].splitlines()[0] == (
        "zero_share: There is no answer yet: give the variable `zero_share` a number."
    )
    assert len(row["feedback"].splitlines()) == 4


def test_a_cell_that_fails_costs_its_question_alone(marks: pd.DataFrame) -> None:
    row = marks.loc["crash.ipynb"]
    assert (row["zero_share"], row["gap"], row["points"]) == (0, 2, 2)


def test_three_decimals_are_enough_and_an_unknown_mistake_has_a_sentence(
    marks: pd.DataFrame,
) -> None:
    row = marks.loc["rounded.ipynb"]
    assert row["zero_share"] == 2
    assert f"gap: {building.WRONG}" in row["feedback"].splitlines()


@pytest.mark.parametrize("name", ["torn.ipynb", "another.ipynb"])
def test_what_is_no_hand_in_is_a_row_without_points(marks: pd.DataFrame, name: str) -> None:
    row = marks.loc[name]
    assert (row["points"], row["out_of"], row["feedback"]) == (0, 0, UNKNOWN)


def test_every_hand_in_is_a_row(marks: pd.DataFrame) -> None:
    assert marks.index.is_unique
    assert (
        len(marks)
        == 3 + sum(max(len(q.mistake) for q in a.question) for a in ASSIGNMENTS.values()) + 5
    )


def test_a_hand_in_that_never_ends_is_stopped_and_its_kernel_with_it(
    course: Path, tmp_path: Path
) -> None:
    pid = tmp_path / "pid"
    endless = (
        f"import os, pathlib\npathlib.Path({str(pid)!r}).write_text(str(os.getpid()))\n"
        "while True:\n    pass"
    )
    hand_in(course, FIRST, tmp_path / "hand-ins" / "endless.ipynb", {"zero_share": endless})
    start = time.monotonic()
    table = mark(course, tmp_path / "hand-ins", tmp_path / "marks.csv", limit=40)
    assert time.monotonic() - start < 60
    assert table["feedback"].to_list() == [ENDLESS.format(40)]
    assert (table["points"].item(), table["out_of"].item()) == (0, 10)
    for _ in range(100):
        if not Path(f"/proc/{pid.read_text()}").exists():
            break
        time.sleep(0.1)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_a_hand_in_that_the_machine_failed_is_tried_once_more(
    course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_in(course, FIRST, tmp_path / "hand-ins" / "one.ipynb", {})
    answers = [({}, "RuntimeError: Kernel didn't respond in 60 seconds")] * 2
    given = {"zero_share": {"points": 2, "says": ""}}
    answers.insert(1, (given, ""))
    monkeypatch.setattr(marking, "_graded", lambda *_: answers.pop(0))
    table = mark(course, tmp_path / "hand-ins", tmp_path / "once.csv")
    assert (table["points"].item(), table["feedback"].item()) == (2, "")
    answers.append(answers[0])
    table = mark(course, tmp_path / "hand-ins", tmp_path / "twice.csv")
    assert table["feedback"].item().startswith(f"{FAILED}: RuntimeError")


def test_a_course_is_built_in_the_folder_that_a_teacher_names_from_where_he_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    only = {FIRST: load_assignments()[FIRST]}
    monkeypatch.setattr(building, "load_assignments", lambda: only)
    build(Path("my-course"), SEED)
    assert (tmp_path / "my-course" / "students" / FIRST / f"{FIRST}.ipynb").is_file()


def test_a_folder_without_a_course_or_without_hand_ins_is_refused(
    course: Path, tmp_path: Path
) -> None:
    out = tmp_path / "marks.csv"
    with pytest.raises(SourceUnavailableError, match="holds no course: `replication course"):
        mark(tmp_path, tmp_path, out)
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(SourceUnavailableError, match=r"holds no notebook \(\.ipynb\)"):
            mark(course, folder, out)
    assert not out.exists()
