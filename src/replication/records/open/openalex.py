"""Collecting the counts of OpenAlex: told before it starts, resumed where it stopped.

What is asked and what it means is in `openalex_counts`, which institutions are asked for in
`openalex_institutions`, how in `openalex_api`; `openalex_panel` makes the panel of the counts.
"""

import argparse
import math
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from replication.errors import ReplicationError, SourceUnavailableError
from replication.records.open.openalex_client import ADDRESS, Ask, Service, asking, cached, service
from replication.records.open.openalex_counts import (
    FIELDS,
    KEY,
    MEASURES,
    check_counts,
    contradiction,
    count_question,
    works_by_year,
)
from replication.records.open.openalex_institutions import (
    check_institutions,
    checked_universities,
    institution_question,
    load_ids,
    load_universities,
    match,
    resolve,
)

if TYPE_CHECKING:
    from replication.panel.build import Choices

UNRESOLVED = "university without an OpenAlex id"
CONTRADICTION = "counts contradict each other"
PRICE = {"institutions": 0.001, "works": 0.0001}
"""US dollars a request, as documented for a search and for a list."""


@dataclass(frozen=True)
class Plan:
    """What a run asks, before it asks: see `plan`."""

    universities: int
    fields: int
    requests: int
    in_cache: int
    seconds: float
    dollars: float
    per_second: float
    key: bool

    @property
    def allowance(self) -> float:
        """US dollars a day, as documented."""
        return 1.0 if self.key else 0.1

    @property
    def whose(self) -> str:
        """Who is asking, and how long the allowance lasts."""
        days = max(1, math.ceil(self.dollars / self.allowance))
        lasts = "today" if days == 1 else f"{days} days, by running the same command again"
        who = "with your key" if self.key else "no key in $OPENALEX_API_KEY, a free one has 1.00"
        return f"{who}; done {'' if days == 1 else 'in '}{lasts}"

    def __str__(self) -> str:
        """For the terminal."""
        return (
            f"{self.universities} universities × {self.fields} fields × {len(MEASURES)} counts: "
            f"{self.requests:,} requests at most, {self.in_cache:,} answers in the cache, "
            f"{self.requests - self.in_cache:,} to ask; at {self.per_second:g} a second at least "
            f"{max(self.seconds / 60, 0.1):.1f} minutes; {self.dollars:.2f} US dollars of the "
            f"day's {self.allowance:.2f} ({self.whose})"
        )


@dataclass(frozen=True)
class Collected:
    """What a run brought.

    Attributes
    ----------
    counts : DataFrame
        ``university`` (Chinese name), ``field`` (id), ``year`` and the columns of `MEASURES`,
        sorted by the first three.
    account : DataFrame
        ``table``, ``reason``, ``rows``: universities, and pairs of university and field, each
        either ``"counted"`` or set aside; the rows of a table add up to what was asked for.
    institutions : DataFrame
        As `openalex_institutions.resolve` returns it.
    fetched : tuple of str
        Times of the oldest and the newest answer (UTC).
    """

    counts: pd.DataFrame
    account: pd.DataFrame
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
            known = cached(at, "institutions", institution_question(name_en), check_institutions)
            if known is not None:
                looked_up += 1
                id_ = match(name_zh, name_en, known["answer"])[0]
                if id_ is None:
                    continue
        works += len(fields) * len(MEASURES)
        if id_ is not None:
            asked = (count_question(id_, f, m, years) for f in fields for m in MEASURES)
            counted += sum(cached(at, "works", q, check_counts(years)) is not None for q in asked)
    to_ask = {"institutions": lookups - looked_up, "works": works - counted}
    return Plan(
        universities=len(universities),
        fields=len(fields),
        requests=lookups + works,
        in_cache=looked_up + counted,
        seconds=sum(to_ask.values()) / at.per_second,
        dollars=sum(PRICE[path] * n for path, n in to_ask.items()),
        per_second=at.per_second,
        key=at.key is not None,
    )


def collect(
    universities: pd.DataFrame | None = None,
    years: tuple[int, int] = (2011, 2022),
    at: Service | None = None,
    ids: dict[str, str] | None = None,
    fields: Sequence[int] = tuple(FIELDS),
) -> Collected:
    """Ask OpenAlex for the counts, or take them from the cache.

    Parameters
    ----------
    universities : DataFrame, optional
        ``name_zh``, ``name_en``; by default the ministry's.
    years : tuple of int
        First and last.
    at : Service, optional
    ids : dict of str to str, optional
        Ids by ``name_zh`` that are not to be looked up; see `openalex_institutions.load_ids`.
    fields : sequence of int
        Ids of fields.

    Returns
    -------
    Collected

    Raises
    ------
    SourceUnavailableError
        No answer, a refusal, a used-up allowance: what was collected is in the cache, and the next
        run goes on from there. Also if no university at all was found.
    SchemaError
        An answer is not what the documentation says.
    """
    universities = load_universities() if universities is None else universities
    checked_universities(universities)
    at = at or service()
    rows: list[dict[str, Any]] = []
    cells: list[str] = []
    times: list[str] = []
    with asking(at) as ask:
        institutions = resolve(universities, ids or {}, ask)
        for name, id_, field in _progress(institutions, fields):
            if id_ is None:
                cells.append(UNRESOLVED)
                continue
            records = _cell(ask, id_, field, years)
            cell = _works(records)
            if (fault := contradiction(cell)) is not None:
                cells.append(f"{CONTRADICTION}: {name}, field {field}, {fault}")
                continue
            cells.append("counted")
            times += [record["fetched"] for record in records.values()]
            # A year that an answer does not list has no works.
            rows += [
                {"university": name, "field": field, "year": year}
                | {measure: counts.get(year, 0) for measure, counts in cell.items()}
                for year in range(years[0], years[1] + 1)
            ]
    if not rows:
        raise SourceUnavailableError(
            "OpenAlex counted nothing: no university was found under its exact name; give their "
            "ids with --institutions FILE (columns name_zh, openalex_id)"
        )
    counts = pd.DataFrame(rows, columns=[*KEY, *MEASURES]).sort_values(KEY, ignore_index=True)
    found = [reason or "counted" for reason in institutions["reason"]]
    account = pd.concat(
        [_tally("universities", found), _tally("universities × fields", cells)], ignore_index=True
    )
    return Collected(counts, account, institutions, (min(times), max(times)))


def fetch_command(options: argparse.Namespace) -> None:
    """Carry out ``replication fetch openalex``: tell the plan, collect, write, print the account.

    Parameters
    ----------
    options : Namespace
        ``institutions`` (CSV of ids) and ``years`` (``"2011-2022"``), both optional, and for other
        places than the usual ones ``folder`` and ``address``. Writes ``counts.csv``,
        ``account.csv``, ``institutions.csv`` and ``panel.parquet`` to the folder of the cache.
    """
    from replication.panel.openalex import openalex_panel

    choices = _choices(getattr(options, "years", None))
    years = choices.first_year, choices.last_year
    at = service(getattr(options, "folder", None), getattr(options, "address", None) or ADDRESS)
    universities = load_universities()
    ids = load_ids(getattr(options, "institutions", None), universities)
    print(f"OpenAlex: {plan(universities, years, at, ids)}", flush=True)
    collected = collect(universities, years, at, ids)
    _write(collected.counts, at.folder / "counts.csv")
    _write(collected.account, at.folder / "account.csv")
    _write(collected.institutions, at.folder / "institutions.csv")
    print(collected.account.to_string(index=False))
    for row in collected.institutions.query("reason != ''").to_dict("records"):
        listed = f"; candidates: {row['candidates']}" if row["candidates"] else ""
        print(f"set aside: {row['name_zh']} ({row['name_en']}): {row['reason']}{listed}")
    panel = openalex_panel(collected.counts, choices)
    panel.to_parquet(at.folder / "panel.parquet", index=False)
    print(f"answers of {collected.fetched[0]} to {collected.fetched[1]}")
    print(f"{at.folder}: counts.csv, account.csv, institutions.csv, panel.parquet")
    print(f"panel: {len(panel):,} rows")


def _choices(years: str | None) -> "Choices":
    """The study's choices, with the years of the option; checked before anything is asked."""
    from replication.panel.build import Choices

    choices = Choices()
    if years is not None:
        found = re.fullmatch(r"(\d{4})[-–](\d{4})", str(years))
        if not found:
            raise ReplicationError(f"--years {years}: write it as 2011-2022")
        choices = replace(choices, first_year=int(found[1]), last_year=int(found[2]))
    if choices.first_year > choices.last_year:
        raise ReplicationError(f"--years {years}: the first year is after the last")
    if not choices.first_year < choices.first_treated <= choices.last_year:
        raise ReplicationError(
            f"--years {years}: at least one year before {choices.first_treated} is needed, and "
            "that year itself"
        )
    return choices


def _cell(ask: Ask, id_: str, field: int, years: tuple[int, int]) -> dict[str, dict[str, Any]]:
    """Records of the four counts by measure; asked anew, once, if they contradict each other.

    OpenAlex may change between two requests, and a run that was interrupted joins two days.
    """
    check = check_counts(years)
    asked = {measure: count_question(id_, field, measure, years) for measure in MEASURES}
    records = {measure: ask("works", q, check) for measure, q in asked.items()}
    if contradiction(_works(records)) is not None:
        records = {measure: ask("works", q, check, fresh=True) for measure, q in asked.items()}
    return records


def _works(records: dict[str, dict[str, Any]]) -> dict[str, dict[int, int]]:
    return {measure: works_by_year(record["answer"]) for measure, record in records.items()}


def _progress(
    institutions: pd.DataFrame, fields: Sequence[int]
) -> Iterator[tuple[str, str | None, int]]:
    """University, id and field of each cell, with a bar where somebody watches."""
    from tqdm import tqdm

    cells = [
        (name, id_ if isinstance(id_, str) else None, field)
        for name, id_ in zip(institutions["name_zh"], institutions["openalex_id"], strict=True)
        for field in fields
    ]
    yield from tqdm(cells, unit="cell", file=sys.stderr, disable=not sys.stderr.isatty())


def _tally(table: str, reasons: list[str]) -> pd.DataFrame:
    rows = pd.Series(reasons, dtype=object).value_counts().sort_index()
    return pd.DataFrame({"table": table, "reason": list(rows.index), "rows": list(rows)})


def _write(table: pd.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False, lineterminator="\n")
