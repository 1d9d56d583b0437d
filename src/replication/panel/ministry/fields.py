"""Papers with firms by university, field and period, where the publisher's workbook is at hand.

Periods of the workbook overlap; every fourth is taken, so that they do not: 2006–2009, 2010–2013,
2014–2017, 2018–2021. The last begins with the first treated year.
"""

import pandas as pd

from replication.errors import NoVariationError
from replication.panel.compilation import exchange_2016
from replication.panel.ministry.panels import UNCOUNTED
from replication.records.classify import load_fields
from replication.records.open.leiden.fields import leiden_fields, leiden_world
from replication.records.study.frame import shipped

STEP = 4
OVERLAPS = "period that overlaps with one that is used"
ALL = "all"
"""The field of the workbook that holds all others."""


def field_panel(first_treated: int = shipped().first_treated) -> pd.DataFrame:
    """Papers of ministry universities by main field and disjoint period, on exchange of 2016.

    Parameters
    ----------
    first_treated : int
        First treated year; a period begins with it.

    Returns
    -------
    DataFrame
        One row a university, field and period: what `leiden_fields` has, ``post``,
        ``event_time`` (periods since treatment began), the exposures and controls of
        `panel.compilation.exposures`, and ``control_exposure`` of the field (missing for a field
        without patents). ``attrs["dropped"]`` counts the other rows by reason.

    Raises
    ------
    SourceUnavailableError
        The workbook is not here, and cannot be had.
    NoVariationError
        No period begins with the first treated year, or none before.
    """
    panel = _disjoint(leiden_fields(), first_treated)
    dropped = dict(panel.attrs["dropped"])
    exchange = exchange_2016()
    counted = panel["university"].isin(exchange["university"])
    dropped[UNCOUNTED] = int((~counted).sum())
    panel = panel[counted].merge(exchange, on="university", validate="many_to_one")
    control = load_fields()["control_exposure"]
    panel = panel.assign(control_exposure=panel["field"].map(control))
    panel.attrs = {"source": "open", "dropped": dropped}
    return panel


def world_panel(first_treated: int = shipped().first_treated) -> pd.DataFrame:
    """The same papers of ministry universities and of all universities outside China.

    Returns
    -------
    DataFrame
        As `field_panel`, without what is known of ministry universities alone; ``ministry`` is 1
        for these and 0 for the others.
    """
    ours, others = leiden_fields(), leiden_world()
    ours = ours[~ours["joint"]]
    both = pd.concat([ours.assign(ministry=1), others.assign(ministry=0)], ignore_index=True)
    both.attrs = {"dropped": dict(others.attrs["dropped"])}
    return _disjoint(both, first_treated)


def _disjoint(table: pd.DataFrame, first_treated: int) -> pd.DataFrame:
    dropped = dict(table.attrs["dropped"])
    years = table["first_year"]
    if not ((years == first_treated).any() and (years <= first_treated - STEP).any()):
        raise NoVariationError(
            f"no period of {STEP} years begins in {first_treated}, or none ends before: the first "
            f"years are {', '.join(map(str, sorted(years.unique())))}"
        )
    chosen = (years - first_treated) % STEP == 0
    dropped[OVERLAPS] = int((~chosen).sum())
    panel = table[chosen & (table["field"] != ALL)]
    dropped["all fields together"] = int((chosen & (table["field"] == ALL)).sum())
    panel = panel.assign(
        post=(panel["first_year"] >= first_treated).astype("int64"),
        event_time=(panel["first_year"] - first_treated) // STEP,
    )
    panel.attrs = {"source": "open", "dropped": dropped}
    return panel
