"""The assignments of the course, as a teacher writes them in ``course/``."""

import ast
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
from pydantic import Field, model_validator

from replication.config import ROOT
from replication.errors import RegistryError
from replication.records.toml import Row, Text, read, require_unique_ids

FOLDER = ROOT / "course"

TOLERANCE = 6e-4
"""An answer rounded to three decimals is right."""

Answer = float | str

Code = Annotated[str, Field(min_length=1)]


class Mistake(Row):
    """A typical wrong answer: the code that gives it, and what a student who did so is told."""

    code: Code
    says: Text


class Question(Row):
    """One question, answered by the variable of its name."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    points: Annotated[int, Field(ge=1)]
    text: str
    solution: Code
    mistake: list[Mistake] = Field(min_length=1)

    @model_validator(mode="after")
    def _code_gives_the_answer(self) -> Self:
        for code in (self.solution, *(mistake.code for mistake in self.mistake)):
            last = ast.parse(code.strip()).body[-1]
            names = [t.id for t in getattr(last, "targets", []) if isinstance(t, ast.Name)]
            if names != [self.id]:
                raise ValueError(f"the last line of a solution or mistake must give {self.id!r}")
        return self


class Assignment(Row):
    """One week's work."""

    title: Text
    week: int
    teaches: Text
    text: str
    setup: Code
    question: list[Question] = Field(min_length=1)


def load_assignments(folder: Path = FOLDER) -> dict[str, Assignment]:
    """All assignments by the name of their file, in the order of the weeks.

    Raises
    ------
    RegistryError
        On a file that is damaged, with its row and field, or none.
    """
    found = {}
    for path in sorted(folder.glob("*.toml")):
        found[path.stem] = assignment = read(path, Assignment)
        require_unique_ids(path, "question", [q.id for q in assignment.question])
    if not found:
        raise RegistryError(f"{folder} holds no assignment: keep one file NAME.toml for each")
    return found


def answer(assignment: Assignment, question: Question, code: str) -> Answer:
    """What `code` gives, after the assignment's setup, in the working directory."""
    names: dict[str, Any] = {}
    exec(f"{assignment.setup}\n{code}", names)
    given = names[question.id]
    return given if isinstance(given, str) else float(given)


def same(first: Any, second: Any) -> bool:
    """Whether two answers are one, as they are marked: a letter, or a number to three decimals."""
    if isinstance(first, str) or isinstance(second, str):
        return bool(first == second)
    return bool(np.isclose(float(first), float(second), rtol=0, atol=TOLERANCE))
