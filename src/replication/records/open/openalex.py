"""Collecting the counts of OpenAlex: told before it starts, resumed where it stopped.

What is asked and what it means is in `openalex_counts`, which institutions are asked for in
`openalex_institutions`, how in `openalex_client`; `panel.openalex` makes the panel of the counts.
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from tqdm import tqdm

from replication.errors import SourceUnavailableError
from replication.records.checks import require_columns, require_unique
from replication.records.open.openalex_cache import Record, Service, cached
from replication.records.open.openalex_client import Ask, asking
from replication.records.open.openalex_counts import (
    FIELDS,
    KEY,
    MEASURES,
    contradiction,
    count_question,
    works_by_year,
)
from replication.records.open.openalex_institutions import institution_question, match, resolve

UNRESOLVED = "university without an OpenAlex id"
CONTRADICTION = "counts contradict each other"
LOOKUP, COUNT = 0.001, 0.0001
"""US dollars a request, as documented for a search and for a list."""


@dataclass(frozen=True)
class Plan:
    """What a run asks, before it asks: see `plan`."""

    cells: str
    requests: int
    in_cache: int
    dollars: float
    at: Service

    def __str__(self) -> str:
        """For the terminal."""
        to_ask = self.requests - self.in_cache
        allowance = 1.0 if self.at.key else 0.1
        days = max(1, math.ceil(self.dollars / allowance))
        who = "with your key" if self.at.key else "no key in $OPENALEX_API_KEY, a free one has 1.00"
        done = "today" if days == 1 else f"in {days} days, by running the same command again"
        return (
            f"{self.cells}: {self.requests:,} requests at most, {self.in_cache:,} answers in the "
            f"cache, {to_ask:,} to ask; at {self.at.per_second:g} a second at least "
            f"{max(to_ask / self.at.per_second / 60, 0.1):.1f} minutes; {self.dollars:.2f} US "
            f"dollars of the day's {allowance:.2f} ({who}; done {done})"
        )


@dataclass(frozen=True)
class Collected:
    """What a run brought.

    Attributes
    ----------
    counts : DataFrame
        ``university`` (Chinese name), ``field`` (id), ``year`` and the columns of `MEASURES`.
    flow : DataFrame
        ``table``, ``reason``, ``rows``: universities, and pairs of university and field, each
        either ``"counted"`` or dropped; the rows of a table add up to what was asked for.
    institutions : DataFrame
        As `openalex_institutions.resolve` returns it.
    fetched : tuple of str
        Times of the oldest and the newest answer (UTC).
    """

    counts: pd.DataFrame
    flow: pd.DataFrame
    institutions: pd.DataFrame
    fetched: tuple[str, str]


def plan(
    universities: pd.DataFrame,
    years: tuple[int, int],
    at: Service,
    ids: dict[str, str] | None = None,
    fields: Sequence[int] = tuple(FIELDS),
) -> Plan:
    """Count the requests of a run, and those that the cache answers.

    A university that is still to be looked up counts as if it will be found.
    """
    ids = ids or {}
    lookups = looked_up = works = counted = 0
    for name_zh, name_en in zip(universities["name_zh"], universities["name_en"], strict=True):
        id_ = ids.get(name_zh)
        if id_ is None:
            lookups += 1
            if (known := cached(at, institution_question(name_en))) is not None:
                looked_up += 1
                id_ = match(name_zh, name_en, known["answer"])[0]
                if id_ is None:
                    continue
        works += len(fields) * len(MEASURES)
        if id_ is not None:
            asked = (count_question(id_, f, m, years) for f in fields for m in MEASURES)
            counted += sum(cached(at, question) is not None for question in asked)
    cells = f"{len(universities)} universities × {len(fields)} fields × {len(MEASURES)} counts"
    dollars = LOOKUP * (lookups - looked_up) + COUNT * (works - counted)
    return Plan(cells, lookups + works, looked_up + counted, dollars, at)


def collect(
    universities: pd.DataFrame,
    years: tuple[int, int],
    at: Service,
    ids: dict[str, str] | None = None,
    fields: Sequence[int] = tuple(FIELDS),
) -> Collected:
    """Ask OpenAlex for the counts, or take them from the cache.

    Universities have ``name_zh`` and ``name_en``; years are the first and the last. Of those whose
    ``name_zh`` is in `ids`, none is looked up (see `openalex_institutions.load_ids`).

    Raises
    ------
    SourceUnavailableError
        No answer, a refusal, a used-up allowance: what was collected is in the cache, and the next
        run goes on from there. Also if no university at all was found.
    SchemaError
        An answer is not what the documentation says.
    """
    require_columns(universities, ["name_zh", "name_en"], "looking up universities")
    require_unique(universities, ["name_zh"])
    require_unique(universities, ["name_zh", "name_en"])
    rows: list[dict[str, Any]] = []
    states: list[str] = []
    times: list[str] = []
    with asking(at) as ask:
        found = resolve(universities, ids or {}, ask)
        pairs = zip(found["name_zh"], found["openalex_id"], strict=True)
        cells = [(name, id_, field) for name, id_ in pairs for field in fields]
        for name, id_, field in tqdm(cells, unit="cell", disable=not sys.stderr.isatty()):
            if not isinstance(id_, str):
                states.append(UNRESOLVED)
                continue
            records = _cell(ask, id_, field, years)
            works = _works(records)
            if (fault := contradiction(works)) is not None:
                states.append(f"{CONTRADICTION}: {name}, field {field}, {fault}")
                continue
            states.append("counted")
            times += [record["fetched"] for record in records.values()]
            # A year that an answer does not list has no works.
            rows += [
                {"university": name, "field": field, "year": year}
                | {measure: counts.get(year, 0) for measure, counts in works.items()}
                for year in range(years[0], years[1] + 1)
            ]
    if not rows:
        raise SourceUnavailableError(
            "OpenAlex counted nothing: no university was found under its exact name; give their "
            "ids with --institutions FILE (columns name_zh, openalex_id)"
        )
    counts = pd.DataFrame(rows, columns=[*KEY, *MEASURES]).sort_values(KEY, ignore_index=True)
    of = [("universities", reason or "counted") for reason in found["reason"]]
    of += [("universities × fields", state) for state in states]
    flow = pd.DataFrame(of, columns=["table", "reason"])
    flow = flow.groupby(["table", "reason"]).size().reset_index(name="rows")
    return Collected(counts, flow, found, (min(times), max(times)))


def _cell(ask: Ask, id_: str, field: int, years: tuple[int, int]) -> dict[str, Record]:
    """Records of the four counts by measure; asked anew, once, if they contradict each other.

    OpenAlex may change between two requests, and a run that was interrupted joins two days.
    """
    asked = {measure: count_question(id_, field, measure, years) for measure in MEASURES}
    records = {measure: ask(question) for measure, question in asked.items()}
    if contradiction(_works(records)) is not None:
        records = {measure: ask(question, fresh=True) for measure, question in asked.items()}
    return records


def _works(records: dict[str, Record]) -> dict[str, dict[int, int]]:
    return {measure: works_by_year(record["answer"]) for measure, record in records.items()}
