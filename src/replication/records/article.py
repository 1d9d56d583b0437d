"""The context article and the timeline as data: read and checked.

The article (Mu, Lin and Liu 2026) is conceptual. What it holds is coded by hand in
``data/context.toml``, each row with its section; ``data/timeline.toml`` has the dated events that a
reader of the event study should know. This module reads both and checks that the rows agree with
each other.
"""

import datetime as dt
import re
from pathlib import Path
from typing import Literal

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

SIZES = {
    "environment": 4,
    "driver": 8,
    "case": 3,
    "recommendation": 6,
}
"""How many of each the article has."""
ACTORS = ("government", "firms", "universities")


class Told(Row):
    """A row in both languages."""

    en: Text
    zh: Chinese


class Section(Told):
    """Heading of the article, in our words."""

    id: Text


class Environment(Told):
    """One of the environments that the article looks at."""

    id: Text


class Driver(Told):
    """A driving mechanism: what the article claims of it, and what we say of the claim."""

    id: Text
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


class Case(Told):
    """A university and its surroundings."""

    id: Text
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


class Recommendation(Told):
    """Advice to one actor; the drivers that it would strengthen are ours."""

    id: Text
    actor: Literal["government", "firms", "universities"]
    actor_zh: Chinese
    section: Text
    drivers: list[Text] = Field(min_length=1)
    short: Text


class Context(Row):
    """The whole article as coded."""

    section: list[Section]
    environment: list[Environment]
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
    faults = []
    for table, size in SIZES.items():
        rows = getattr(context, table)
        if len(rows) != size:
            faults.append(f"{len(rows)} rows of {table}; the article has {size}")
    known = {
        "section": {s.id for s in context.section}
        | {s.id.rsplit(".", 1)[0] for s in context.section if "." in s.id},
        "environment": {e.id for e in context.environment},
        "driver": {d.id for d in context.driver},
        "case": {c.id for c in context.case},
        "claim": set(load_claims().index),
        "column": set(PANEL.columns),
    }
    for table in ("section", "environment", "driver", "case", "recommendation"):
        ids = [row.id for row in getattr(context, table)]
        faults += [
            f"{table} {i!r} is a duplicate" for i in sorted({i for i in ids if ids.count(i) > 1})
        ]
    used: dict[str, set[str]] = {name: set() for name in known}
    for table in ("driver", "case", "measure", "example", "recommendation"):
        for number, row in enumerate(getattr(context, table), 1):
            for kind, name in _references(row):
                used[kind].add(name)
                if name not in known[kind]:
                    faults.append(f"{table} {number}: there is no {kind} {name!r}")
    faults += [
        f"environment {e!r} has no driver" for e in known["environment"] - used["environment"]
    ]
    recommended = {d for r in context.recommendation for d in r.drivers}
    faults += [f"driver {d!r} has no recommendation" for d in known["driver"] - recommended]
    faults += [f"case {c!r} has no measure" for c in known["case"] - used["case"]]
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
    found = [
        (kind, getattr(row, kind))
        for kind in ("section", "environment", "driver", "case")
        if hasattr(row, kind)
    ]
    many = {"drivers": "driver", "claims": "claim", "variables": "column"}
    found += [(kind, name) for field, kind in many.items() for name in getattr(row, field, [])]
    return found
