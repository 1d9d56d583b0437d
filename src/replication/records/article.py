"""The context article and the timeline as data: read and checked.

The article (Mu, Lin and Liu 2026) is conceptual. What it holds is coded by hand in
``data/context.toml``, each row with its section; ``data/timeline.toml`` has the dated events that a
reader of the event study should know. This module reads both and checks that the rows agree with
each other.
"""

import datetime as dt
import re
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import Field

from replication.config import DATA, ROOT
from replication.errors import RegistryError
from replication.records.registry import load_claims
from replication.records.schema import PANEL
from replication.records.toml import Chinese, Row, Text, read

CONTEXT = DATA / "context.toml"
TIMELINE = DATA / "timeline.toml"
BIBLIOGRAPHY = ROOT / "book" / "references.bib"

SIZES = {"environment": 4, "driver": 8, "case": 3, "recommendation": 6}
"""How many of each the article has."""
ACTORS = ("government", "firms", "universities")


class Told(Row):
    """A row in both languages."""

    en: Text
    zh: Chinese


class Named(Told):
    """A heading of the article, in our words, or one of the environments that it looks at."""

    id: Text


class Driver(Named):
    """A driving mechanism: what the article claims of it, and what we say of the claim."""

    environment: Text
    section: Text
    short: Text
    claim_en: Text
    claim_zh: Chinese
    evidence: list[Literal["argument", "case", "statistic"]] = Field(min_length=1)
    claims: list[Text]
    variables: list[Text]
    would_test: Text
    data_say: Text


class Case(Named):
    """A university and its surroundings."""

    section: Text
    short: Text


class Measure(Told):
    """A concrete measure that a case is told with."""

    case: Text
    section: Text
    driver: Text
    placed: Literal["named", "by us"]


class Example(Told):
    """An example outside the cases."""

    section: Text
    driver: Text


class Recommendation(Named):
    """Advice to one actor; the drivers that it would strengthen are ours."""

    actor: Literal["government", "firms", "universities"]
    actor_zh: Chinese
    section: Text
    drivers: list[Text] = Field(min_length=1)
    short: Text


class Context(Row):
    """The whole article as coded."""

    section: list[Named]
    environment: list[Named]
    driver: list[Driver]
    case: list[Case]
    measure: list[Measure]
    example: list[Example]
    recommendation: list[Recommendation]

    def driver_names(self) -> dict[str, str]:
        """Names of the drivers in English, by id."""
        return {d.id: d.en for d in self.driver}

    def placed(self, driver: str, case: str) -> str:
        """Whether a case's measures stand under a driver as "named" there, "by us", or not: ""."""
        ways = {m.placed for m in self.measure if (m.driver, m.case) == (driver, case)}
        return "named" if "named" in ways else next(iter(ways), "")


class Event(Told):
    """A dated event, its source, and what it means for reading the event study."""

    date: dt.date
    kind: Literal["deglobalisation", "AI", "patent policy"]
    label: Text
    matters: Text
    cite: Text


class Timeline(Row):
    """All events."""

    event: list[Event]


def load_context(path: Path = CONTEXT) -> Context:
    """Read the coded article and check it.

    Raises
    ------
    RegistryError
        The file is no TOML; a field is missing, empty, unknown or of the wrong kind; a count is not
        the article's (`SIZES`); a row names a section, driver, case, environment, claim or column
        that does not exist; a driver, case, environment or actor has no row that uses it; a driver
        claims a case as evidence and no measure shows it, or the other way round.
    """
    context = read(path, Context)
    for fault in _faults(context):
        raise RegistryError(f"{path.name}: {fault}")
    return context


def load_timeline(path: Path = TIMELINE, bibliography: Path = BIBLIOGRAPHY) -> pd.DataFrame:
    """Read the dated events in order of time.

    Returns
    -------
    DataFrame
        ``date`` (datetime64), ``kind``, ``label``, ``en``, ``zh``, ``matters``, ``cite``.

    Raises
    ------
    RegistryError
        As of `load_context`; also when events are out of order, a label occurs twice, or a source
        is not in the bibliography.
    """
    events = read(path, Timeline).event
    known = re.findall(r"^@\w+\{([^,]+),", bibliography.read_text(encoding="utf-8"), re.MULTILINE)
    for event in events:
        if event.cite not in known:
            raise RegistryError(
                f"{path.name}, event {event.label!r}: source {event.cite!r} is not in "
                f"{bibliography.name}; add it there"
            )
    frame = pd.DataFrame([e.model_dump() for e in events])
    if not frame["date"].is_monotonic_increasing or not frame["label"].is_unique:
        raise RegistryError(f"{path.name}: events must be in order of time, each label once")
    return frame.assign(date=pd.to_datetime(frame["date"]))


def _faults(context: Context) -> list[str]:
    """What the rows of a coded article have wrong between them."""
    rows: dict[str, list[Any]] = {table: getattr(context, table) for table in Context.model_fields}
    faults = [
        f"{len(rows[table])} rows of {table}; the article has {size}"
        for table, size in SIZES.items()
        if len(rows[table]) != size
    ]
    ids = {table: Counter(row.id for row in rows[table]) for table in ("section", *SIZES)}
    faults += [
        f"{table} {id_!r} is a duplicate"
        for table, counted in ids.items()
        for id_, times in counted.items()
        if times > 1
    ]
    chapters = {id_.rpartition(".")[0] for id_ in ids["section"]} - {""}
    known: dict[str, Collection[str]] = {
        **ids,
        "section": chapters | set(ids["section"]),
        "claim": load_claims().index,
        "column": PANEL.columns,
    }
    used = set()
    for table in ("driver", "case", "measure", "example", "recommendation"):
        for number, row in enumerate(rows[table], 1):
            for kind, name in _references(row):
                used.add((table, kind, name))
                if name not in known[kind]:
                    faults.append(f"{table} {number}: there is no {kind} {name!r}")
    needed = {"environment": "driver", "driver": "recommendation", "case": "measure"}
    faults += [
        f"{kind} {id_!r} has no {table}"
        for kind, table in needed.items()
        for id_ in ids[kind]
        if (table, kind, id_) not in used
    ]
    advised = {r.actor for r in context.recommendation}
    faults += [f"actor {a!r} is given no advice" for a in set(ACTORS) - advised]
    shown = {m.driver for m in context.measure}
    faults += [
        f"driver {d.id!r}: evidence is {d.evidence}, and {'a' if d.id in shown else 'no'} measure "
        "of a case shows it"
        for d in context.driver
        if ("case" in d.evidence) != (d.id in shown)
    ]
    return sorted(faults)


def _references(row: Row) -> list[tuple[str, str]]:
    """Kind and name of everything that a row points to."""
    one = ("section", "environment", "driver", "case")
    many = {"drivers": "driver", "claims": "claim", "variables": "column"}
    return [
        *((kind, getattr(row, kind)) for kind in one if hasattr(row, kind)),
        *((kind, name) for field, kind in many.items() for name in getattr(row, field, ())),
    ]
