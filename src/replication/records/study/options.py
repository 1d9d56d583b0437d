"""What may stand at each row of the register in a file of choices (``data/choices.toml``)."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from pydantic import Field

from replication.config import DATA
from replication.errors import RegistryError
from replication.records.registry import Choices
from replication.records.study.frame import study
from replication.records.toml import Row, Text, read
from replication.records.variables import GRADES

OPTIONS = DATA / "choices.toml"


class Option(Row):
    """A value of a row, and what it changes."""

    row: Text
    value: Text
    text: Text
    needs: Literal["nothing", "records", "simulation"] = "nothing"
    panel: dict[str, Any] = Field(default_factory=dict)
    design: dict[str, Any] = Field(default_factory=dict)
    refused: str = ""


class Options(Row):
    """All of them."""

    option: list[Option] = Field(min_length=1)


@dataclass(frozen=True)
class Chosen:
    """A row of the register with the value that was chosen for it.

    Attributes
    ----------
    row, value, text : str
    default : bool
        Whether it is the study's own.
    panel, design : dict
        Fields of `Choices` and of a design that it changes.
    """

    row: str
    value: str
    text: str
    default: bool
    panel: dict[str, Any]
    design: dict[str, Any]


@lru_cache
def options() -> dict[str, list[Option]]:
    """Options by row, the default of a row first."""
    rows: dict[str, list[Option]] = {}
    for option in read(OPTIONS, Options).option:
        rows.setdefault(option.row, []).append(option)
    return rows


def choose(row: str, value: object, where: str) -> Chosen:
    """Take a value for a row.

    Parameters
    ----------
    row : str
    value : object
        As it stands in the file.
    where : str
        File, for a message.

    Raises
    ------
    RegistryError
        If there is no such row, no such value, or no run can carry it: with what may stand there.
    """
    if row not in options():
        raise RegistryError(
            f"{where}, choices.{row}: there is no such row of the register; there are R1 to R21"
        )
    known = options()[row]
    at = f"{where}, choices.{row} = {value!r}"
    if not isinstance(value, str):
        raise RegistryError(f"{at}: write it as text, in quotation marks; {_may_stand(known)}")
    for number, option in enumerate(known):
        if option.value in _KINDS:
            if panel := _KINDS[option.value](value):
                default = panel.items() <= vars(Choices()).items()
                return Chosen(row, value, option.text, default, panel, {})
        elif _plain(option.value) == _plain(value):
            if option.refused:
                raise RegistryError(
                    f"{at}: no run can carry it, since {option.refused}; {_may_stand(known)}"
                )
            return Chosen(row, value, option.text, number == 0, option.panel, option.design)
    raise RegistryError(f"{at}: there is no such alternative; {_may_stand(known)}")


def _may_stand(known: list[Option]) -> str:
    kinds = [o.text if o.value in _KINDS else repr(o.value) for o in known if not o.refused]
    return "there may stand " + " or ".join(kinds)


def _plain(text: str) -> str:
    return re.sub(r"[\s_]+", " ", text).strip().lower().replace(" x ", " × ")


def _years(value: str) -> dict[str, Any]:
    found = re.fullmatch(r"\s*((?:19|20)\d\d)\s*[-–—]\s*((?:19|20)\d\d)\s*", value)
    if not found:
        return {}
    return dict(zip(("first_year", "last_year"), map(int, found.groups()), strict=True))


def _year(value: str) -> dict[str, Any]:
    return {"first_treated": int(value)} if re.fullmatch(r"(19|20)\d\d", value.strip()) else {}


def _categories(value: str) -> dict[str, Any]:
    codes = [code.strip() for code in value.split("+")]
    if not all(re.fullmatch(r"\d\d", code) for code in codes) or len({*codes}) < len(codes):
        return {}
    return {"categories": tuple(sorted(codes))}


def _grade(value: str) -> dict[str, Any]:
    if value not in GRADES[:-1]:
        return {}
    return {"advantaged": GRADES[: GRADES.index(value) + 1]}


_KINDS: dict[str, Callable[[str], dict[str, Any]]] = {
    "YEARS": _years,
    "YEAR": _year,
    "CATEGORIES": _categories,
    "GRADE": _grade,
}


def example(option: Option) -> str:
    """A value that an option takes, the study's own where it stands for any of its kind."""
    frame = study()
    return {
        "YEARS": f"{frame.first_year}–{frame.last_year}",
        "YEAR": str(frame.first_treated),
        "CATEGORIES": " + ".join(frame.categories),
        "GRADE": frame.advantaged[-1],
    }.get(option.value, option.value)
