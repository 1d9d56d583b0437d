"""``replication fetch openalex``: the counts of OpenAlex collected and made the open panel."""

import argparse
import re
from dataclasses import replace

from replication.errors import ReplicationError
from replication.panel.openalex import openalex_panel
from replication.records.open.openalex import collect, plan
from replication.records.open.openalex_cache import Service, service
from replication.records.open.openalex_institutions import load_ids
from replication.records.open.universities import ministry_universities
from replication.records.registry import Choices
from replication.writing import write_files


def fetch_command(options: argparse.Namespace, at: Service | None = None) -> None:
    """Carry out ``replication fetch openalex``: tell the plan, collect, write, print the flow.

    Options are ``institutions`` (CSV of ids) and ``years`` (``"2011-2022"``), each may be None. The
    folder of the service, by default in the cache, is written to: ``counts.csv``,
    ``sample_flow.csv``, ``institutions.csv`` and ``panel.parquet``.
    """
    choices, at = choices_of(options.years), at or service()
    years = choices.first_year, choices.last_year
    universities = ministry_universities()
    ids = load_ids(options.institutions, universities)
    print(f"OpenAlex: {plan(universities, years, at, ids)}", flush=True)
    found = collect(universities, years, at, ids)
    tables = {"counts": found.counts, "sample_flow": found.flow, "institutions": found.institutions}
    print(found.flow.to_string(index=False))
    for row in found.institutions.query("reason != ''").to_dict("records"):
        listed = f"; candidates: {row['candidates']}" if row["candidates"] else ""
        print(f"dropped: {row['name_zh']} ({row['name_en']}): {row['reason']}{listed}")
    panel = openalex_panel(found.counts, choices)
    files = {
        f"{name}.csv": table.to_csv(index=False, lineterminator="\n").encode()
        for name, table in tables.items()
    }
    write_files(
        at.folder,
        {**files, "panel.parquet": panel.to_parquet(index=False, write_page_checksum=True)},
    )
    print(f"answers of {found.fetched[0]} to {found.fetched[1]}")
    print(f"{at.folder}: {''.join(f'{name}.csv, ' for name in tables)}panel.parquet")
    print(f"panel: {len(panel):,} rows")


def choices_of(years: str | None) -> Choices:
    """The study's choices with the years of the option; refused if they hold no treatment."""
    choices = Choices()
    if years is not None:
        found = re.fullmatch("([0-9]{4})[-–]([0-9]{4})", str(years))
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
