"""What the study is about: its years, universities, disciplines and home (``data/study.toml``)."""

import os
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StringConstraints, ValidationError

from replication.config import DATA
from replication.errors import RegistryError
from replication.records.toml import Row, Text, parse
from replication.records.variables import GRADES

SHIPPED = DATA / "study.toml"
VARIABLE = "REPLICATION_STUDY"
"""Environment variable that names another study's file; ``--study`` sets it."""
MOST = 20 * 56
"""Universities that a study may have: the records of more fill the memory of a usual machine."""
TABLES = (
    "disciplines.csv",
    "ipc_discipline.csv",
    "key_core_ipc.csv",
    "export_control_ipc.csv",
    "ai_ipc.csv",
)

Year = Annotated[StrictInt, Field(ge=1985, le=2100)]
Category = Annotated[str, StringConstraints(pattern=r"^[0-9]{2}$")]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]

REMEDY = {
    "name": "write what is studied in one line",
    "universities": f"write a number from 2 to {MOST}",
    "frame": "write the number of universities that there could be records of",
    "first_year": "write a year such as 2011, without quotation marks",
    "last_year": "write a year such as 2022, without quotation marks",
    "first_treated": "write a year such as 2018, without quotation marks",
    "categories": 'write a list of two digits each, such as ["07", "08"]',
    "domestic": 'write a list of ISO codes, the study\'s own country first, such as ["CN"]',
    "advantaged": f"write a list of grades out of {', '.join(GRADES)}",
    "tables": "write the folder of the catalogue and the lists, as seen from the file",
}
"""What may stand at each key."""


Fault = tuple[str, Any, str, str]
"""Key, value, fault and remedy."""


class Frame(Row):
    """A study's ``[study]``, key by key as ``data/study.toml`` explains them.

    ``tables`` is a path from the working directory once the file is loaded.
    """

    name: Text
    universities: Annotated[StrictInt, Field(ge=2, le=MOST)]
    frame: Annotated[StrictInt, Field(ge=2)]
    first_year: Year
    last_year: Year
    first_treated: Year
    categories: Annotated[tuple[Category, ...], Field(min_length=1)]
    domestic: Annotated[tuple[Country, ...], Field(min_length=1)]
    advantaged: Annotated[tuple[str, ...], Field(min_length=1)]
    tables: Text

    @property
    def home(self) -> str:
        """The study's own country."""
        return self.domestic[0]

    @property
    def folder(self) -> Path:
        """Folder of the catalogue and the lists."""
        return Path(self.tables)


class File(BaseModel):
    """A file of either kind: ``[study]``, ``[choices]``, or both."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    study: dict[str, Any] | None = None
    choices: dict[str, Any] | None = None


def study() -> Frame:
    """Return the study in hand: of the file that ``$REPLICATION_STUDY`` names, or the shipped."""
    return load_study(Path(os.environ.get(VARIABLE) or SHIPPED))


def shipped() -> Frame:
    """Return the study that ships, whichever is in hand: real universities here are its own."""
    return load_study(SHIPPED)


def is_shipped() -> bool:
    """Whether the study in hand is the one that ships."""
    return Path(os.environ.get(VARIABLE) or SHIPPED).resolve() == SHIPPED


@lru_cache
def load_study(path: Path = SHIPPED) -> Frame:
    """Read a study's file and hold it, its catalogue and its lists to each other.

    Raises
    ------
    RegistryError
        Names the file, the key, its value and what may stand there.
    """
    content = load_file(path).study
    if content is None:
        raise RegistryError(f"{path}, study: there is no [study] table; begin from data/study.toml")
    try:
        frame = Frame.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0])
        if first["type"] == "extra_forbidden":
            fault = f"{path}, study.{key} = {content[key]!r}: there is no such key"
            raise RegistryError(f"{fault}; there are {', '.join(REMEDY)}") from None
        value = f" = {content[key]!r}" if key in content else ""
        raise RegistryError(
            f"{path}, study.{key}{value}: {first['msg'].lower()}; {REMEDY[key]}"
        ) from None
    frame = frame.model_copy(update={"tables": str(path.parent / frame.tables)})
    for key, value, fault, remedy in _faults(frame):
        raise RegistryError(f"{path}, study.{key} = {value!r}: {fault}; {remedy}")
    return frame


def load_file(path: Path) -> File:
    """Read a file of either kind.

    `RegistryError` says that it is missing, no TOML, or has a table that is neither.
    """
    content = parse(path)
    for name, table in content.items():
        if name not in File.model_fields:
            raise RegistryError(f"{path}, {name}: a file has [study] and [choices] and no {name!r}")
        if not isinstance(table, dict):
            raise RegistryError(f"{path}, {name} = {table!r}: write a table, [{name}]")
    return File.model_validate(content)


def _faults(frame: Frame) -> Iterator[Fault]:
    """Yield what contradicts itself: key, value, fault, remedy."""
    first, treated, last = frame.first_year, frame.first_treated, frame.last_year
    if not first < last:
        yield "last_year", last, f"does not lie after first_year = {first}", REMEDY["last_year"]
    if not first < treated <= last:
        remedy = f"write one from {first + 1} to {last}"
        yield "first_treated", treated, "leaves no year before it, or none after", remedy
    if frame.universities > frame.frame:
        fault = f"is less than universities = {frame.universities}"
        yield "frame", frame.frame, fault, REMEDY["frame"]
    for key in ("categories", "domestic", "advantaged"):
        values = getattr(frame, key)
        if twice := [v for v, n in Counter(values).items() if n > 1]:
            yield key, list(values), f"{twice[0]!r} stands twice", "write each once"
    for grade in frame.advantaged:
        if grade not in GRADES:
            fault = f"{grade!r} is no grade"
            yield "advantaged", list(frame.advantaged), fault, REMEDY["advantaged"]
    if "US" in frame.domestic:
        remedy = "leave it out, or study another country"
        yield "domestic", list(frame.domestic), "claim C8 is about doctorates from the US", remedy
    yield from _of_tables(frame)


def _of_tables(frame: Frame) -> Iterator[Fault]:
    """Faults of the catalogue and the lists."""
    for name in TABLES:
        if not (frame.folder / name).is_file():
            yield "tables", frame.tables, f"{name} is not there", "add it, after the one in data/"
    tables = {}
    for name, columns in {
        "disciplines.csv": ["discipline", "category", "name_en", "name_zh"],
        "ipc_discipline.csv": ["ipc_subclass", "discipline"],
    }.items():
        try:
            tables[name] = pd.read_csv(frame.folder / name, dtype=str)
        except (ValueError, OSError) as error:
            yield "tables", frame.tables, f"{name} cannot be read ({error})", "save it as UTF-8 CSV"
        if lacking := sorted(set(columns) - set(tables[name].columns)):
            fault = f"{name} has no column {', '.join(lacking)}"
            yield "tables", frame.tables, fault, "add it, as in data/"
    known, ipc = tables["disciplines.csv"], tables["ipc_discipline.csv"]
    if stray := sorted(set(ipc["discipline"]) - set(known["discipline"])):
        fault = f"disciplines.csv lacks {stray[0]!r}, which ipc_discipline.csv names"
        yield "tables", frame.tables, fault, "add the discipline, or correct its code"
    for category in frame.categories:
        there = known.loc[known["category"] == category, "discipline"]
        if there.empty:
            fault = f"disciplines.csv has no discipline of {category!r}"
            has = f"write some of {', '.join(sorted(set(known['category'])))}"
            yield "categories", list(frame.categories), fault, has
        if not set(there) & set(ipc["discipline"]):
            fault = f"ipc_discipline.csv gives no patent class to a discipline of {category!r}"
            yield "categories", list(frame.categories), fault, "add its subclasses, or leave it out"
