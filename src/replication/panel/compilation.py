"""Exposure and outcomes by the ministry's own statistics, for real universities.

The compilation has the six counts of exchange that the study measures exposure by (R7) and two of
its controls (R12). One edition gives exposures and controls, to be merged with a panel of another
source by ``university``; several give a panel of the ministry's own outcomes. The counts are of
science, engineering, agriculture and medicine together: no discipline can be told apart.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from replication.errors import DuplicateRowsError, NoVariationError, SchemaError
from replication.records.exposure import exchange_exposures, other_exposures
from replication.records.open import download
from replication.records.open.compilation.reader import read_compilation
from replication.records.study.frame import shipped
from replication.records.variables import CONTROLS, EXCHANGE

EDITION = "compilation-2017"
"""The one edition that is fetched; its year is 2016, two before treatment."""

RESOURCES = {
    "log_rd_staff": "rd_staff",
    "log_rd_spending": "rd_spending",
    "log_graduates": "research_graduates",
}
"""Controls (R12) and the columns they are logs of.

The compilation does not print a university's graduate students: those who work on its projects of
research and development stand in for them.
"""

UNEXPOSED = "university not in every edition that exposure is measured in"


def compiled_2016() -> pd.DataFrame:
    """Tables of 2016, from the edition that `replication fetch` brings; the PDF is read once.

    Raises
    ------
    SourceUnavailableError, SchemaError
        The file cannot be had; it is not the printed edition.
    """
    path = download.locate(EDITION)
    status = path.stat()
    return _compiled(path, status.st_mtime_ns, status.st_size).copy()


@cache
def _compiled(path: Path, changed: int, size: int) -> pd.DataFrame:
    """Tables of a file in one state of it."""
    return read_compilation(path)


def exchange_2016() -> pd.DataFrame:
    """Exposures and controls of 2016, from the edition that `replication fetch` brings.

    Returns
    -------
    DataFrame
        As `exposures`, 65 rows.

    Raises
    ------
    SourceUnavailableError, SchemaError
        The file cannot be had; it is not the printed edition.
    """
    return exposures(compiled_2016())


def exposures(editions: pd.DataFrame) -> pd.DataFrame:
    """Exposures (R7) and controls (R12) by university, from the years before treatment.

    Parameters
    ----------
    editions : DataFrame
        Of `read_compilation`, one edition or several, one below the other.

    Returns
    -------
    DataFrame
        One row a university that is in all editions: ``university`` (name in
        ``data/ministry_universities.csv``), ``exposure``, ``exposure_cooperation`` and
        ``exposure_conferences`` (standard deviations over these universities), the alternatives
        ``exposure_per_staff``, ``exposure_component`` and ``exposure_high``, and the controls
        ``log_rd_staff`` (full-time equivalents), ``log_rd_spending`` (thousand yuan) and
        ``log_graduates`` (persons), means over the editions. ``attrs["dropped"]`` counts the other
        rows by reason.

    Raises
    ------
    SchemaError
        A control would be the log of zero.
    """
    whole = editions.groupby("university")["year"].transform("size") == editions["year"].nunique()
    table = editions[whole].sort_values(["university", "year"])
    for column in RESOURCES.values():
        if (zero := table[column] == 0).any():
            row = table[zero].iloc[0]
            raise SchemaError(
                f"{column} is zero for {row['university']} in {row['year']}, and zero has no "
                "logarithm: leave this university out before exposures are measured"
            )
    universities = table["university"].unique()
    shape = (len(universities), table["year"].nunique())
    counts = table[list(EXCHANGE)].to_numpy().reshape(*shape, len(EXCHANGE))
    staff = table["rd_staff"].to_numpy().reshape(shape)
    # All alike is not an error here: it leaves no number.
    with np.errstate(invalid="ignore"):
        exposure, cooperation, conferences = exchange_exposures(counts)
        others = other_exposures(counts, staff)
    logs = table[list(RESOURCES.values())].apply(np.log).set_axis(list(RESOURCES), axis=1)
    means = logs.groupby(table["university"]).mean().reindex(universities)
    measured = pd.DataFrame(
        {
            "university": universities,
            "exposure": exposure,
            "exposure_cooperation": cooperation,
            "exposure_conferences": conferences,
        }
    ).join(others)
    measured = measured.join(means[list(CONTROLS)], on="university")
    measured.attrs = {"source": "open", "dropped": {UNEXPOSED: int((~whole).sum())}}
    return measured


def compilation_panel(
    paths: Sequence[Path], first_treated: int = shipped().first_treated
) -> pd.DataFrame:
    """Panel of the ministry's own outcomes, from editions of several years.

    Parameters
    ----------
    paths : sequence of Path
        PDFs of different editions, in any order.
    first_treated : int
        First year that counts as treated (R2).

    Returns
    -------
    DataFrame
        One row a university and year: ``university``, ``year``, ``post``, ``event_time``, the
        exposures and controls of `exposures` from the years before treatment, and the columns of
        each edition, ``funds_firms`` (thousand yuan from enterprises and institutions),
        ``service_income`` and ``transfer_income`` by kind of buyer among them.
        ``attrs["dropped"]`` counts the other rows by reason.

    Raises
    ------
    DuplicateRowsError
        Two files are of one edition.
    NoVariationError
        No edition is of a year before `first_treated`, or none after.
    SchemaError
        As `read_compilation` and `exposures`.
    """
    editions: dict[int, pd.DataFrame] = {}
    files: dict[int, str] = {}
    for path in paths:
        table = read_compilation(path)
        year = int(table["year"].iloc[0])
        if year in editions:
            raise DuplicateRowsError(
                f"{path.name} and {files[year]} are both of edition {year + 1}; keep one"
            )
        editions[year], files[year] = table, path.name
    if not any(year < first_treated for year in editions) or max(editions) < first_treated:
        raise NoVariationError(
            f"first treated year {first_treated}: the years of the editions, "
            f"{', '.join(map(str, sorted(editions))) or 'none'}, must lie on both sides of it"
        )
    whole = pd.concat(editions.values(), ignore_index=True)
    measured = exposures(whole[whole["year"] < first_treated])
    known = whole["university"].isin(measured["university"])
    panel = whole[known].drop(columns="edition").merge(measured, on="university")
    times = pd.DataFrame(
        {
            "post": (panel["year"] >= first_treated).astype("int64"),
            "event_time": panel["year"] - first_treated,
        }
    )
    panel = pd.concat([panel, times], axis=1)
    panel = panel.sort_values(["university", "year"], ignore_index=True)
    panel.attrs = {"source": "open", "dropped": {UNEXPOSED: int((~known).sum())}}
    return panel
