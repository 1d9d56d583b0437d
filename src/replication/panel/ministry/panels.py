"""What happened after the shock at universities whose exchange the ministry counted before it.

Exposure is of 2016 and from one source, outcomes are from two others: THE's score of research
income from industry by edition, and papers of the Leiden Ranking by window. A pair of campuses that
a ranking has in one row is in neither panel: the ministry counts the two apart.
"""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from replication.errors import NoVariationError
from replication.panel import scores
from replication.panel.compilation import exchange_2016
from replication.records.open.evaluation import frame
from replication.records.open.leiden.windows import WINDOWS, leiden_windows
from replication.records.open.lists.entity_list import entity_list
from replication.records.open.lists.project_985 import project_985

UNCOUNTED = "university without counts of exchange in the ministry's statistics"
ONE_SIDE = "university not measured both before and after"
CEILING = 99.0
"""A score of at least this cannot rise by what would be seen."""


def edition_panel(first_treated: int = scores.FIRST_EDITION) -> pd.DataFrame:
    """THE scores by edition, 2016 to 2023, on the ministry's counts of exchange of 2016.

    Parameters
    ----------
    first_treated : int
        First edition that counts as treated.

    Returns
    -------
    DataFrame
        One row a university and edition, those that are ranked before and after: ``industry`` (0 to
        100), ``log_industry``, ``industry_standing`` (per cent of a fixed pool worldwide that
        scores lower), ``outlook`` (standardised international outlook before treatment), the
        columns of `panel.compilation.exposures`, ``advantaged`` (share of its graded science and
        engineering disciplines; missing outside the frame of R20), ``project_985``, ``listed`` (on
        the Entity List), ``editions`` (in how many), ``top`` (highest score before treatment),
        ``post``, ``event_time``. ``attrs["dropped"]`` counts the other rows by reason.
    """
    panel = scores.score_panel(first_treated).rename(columns={"exposure": "outlook"})
    panel = panel.drop(columns="advantaged_share")
    panel = _measured(panel)
    before = panel["industry"].where(panel["post"] == 0)
    return panel.assign(
        log_industry=np.log(panel["industry"]),
        top=before.groupby(panel["university"]).transform("max"),
    )


def window_panel() -> pd.DataFrame:
    """Papers with firms and abroad in two windows, on the ministry's counts of exchange of 2016.

    Returns
    -------
    DataFrame
        One row a university and window, those that are in both: ``papers``, ``papers_firm``,
        ``papers_abroad``, ``share_firm`` and ``share_abroad`` (per cent of its papers),
        ``log_papers``, ``first_year`` of the window, ``post`` and what `edition_panel` has of the
        university. ``attrs["dropped"]`` counts the other rows by reason.
    """
    table = leiden_windows()
    dropped = dict(table.attrs["dropped"])
    panel = table.drop(columns=["joint", "name", "counting"]).assign(
        post=(table["window"] == WINDOWS[1]).astype("int64"),
        first_year=table["window"].str[:4].astype("int64"),
        share_firm=100 * table["papers_firm"] / table["papers"],
        share_abroad=100 * table["papers_abroad"] / table["papers"],
        log_papers=np.log(table["papers"]),
    )
    panel.attrs = {"source": "open", "dropped": dropped}
    return _measured(panel)


def _measured(panel: pd.DataFrame) -> pd.DataFrame:
    """Rows of universities that the ministry counted and that are seen on both sides."""
    dropped = dict(panel.attrs["dropped"])
    exchange = exchange_2016()
    counted = panel["university"].isin(exchange["university"])
    dropped[UNCOUNTED] = int((~counted).sum())
    panel = panel[counted]
    both = panel.groupby("university")["post"].transform("nunique") == 2
    dropped[ONE_SIDE] = int((~both).sum())
    panel = panel[both]
    advantaged = frame().groupby("university")["advantaged"].mean()
    panel = panel.merge(exchange, on="university", validate="many_to_one").assign(
        advantaged=lambda rows: rows["university"].map(advantaged),
        project_985=lambda rows: rows["university"].map(_flag(project_985)),
        listed=lambda rows: rows["university"].map(_flag(entity_list)),
    )
    panel.attrs = {"source": "open", "dropped": dropped}
    return panel


def _flag(read: Callable[[], pd.DataFrame]) -> pd.Series:
    table = read().set_index("university")
    return table.iloc[:, 0]


def kept(panel: pd.DataFrame, keep: str | None) -> pd.DataFrame:
    """Rows of the universities that a test of the plan keeps.

    Raises
    ------
    NoVariationError
        If no university is left.
    """
    rules: dict[str | None, Callable[[pd.DataFrame], pd.Series]] = {
        None: lambda rows: pd.Series(True, rows.index),
        "balanced": lambda rows: _editions(rows) == rows["edition"].nunique(),
        "below ceiling": lambda rows: rows["top"] < CEILING,
        "unlisted": lambda rows: rows["listed"] == 0,
    }
    rows = panel[rules[keep](panel)]
    if rows.empty:
        raise NoVariationError(f"no university is left that is {keep}")
    return rows


def flow(panels: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """What became of the rows of the files that each panel is made of.

    Returns
    -------
    DataFrame
        Indexed by ``rows``: those of the files, those left out by reason, those kept; a column a
        panel.
    """
    columns = {}
    for name, panel in panels.items():
        dropped = panel.attrs["dropped"]
        whole = len(panel) + sum(dropped.values())
        columns[name] = {"in the files": whole, **dropped, "kept": len(panel)}
    reasons = dict.fromkeys(reason for one in columns.values() for reason in one)
    order = [*(reason for reason in reasons if reason != "kept"), "kept"]
    return pd.DataFrame(columns, order).fillna(0).astype("int64").rename_axis("rows")


def _editions(rows: pd.DataFrame) -> pd.Series:
    """How many of the editions in `rows` have each row's university."""
    return rows.groupby("university")["edition"].transform("size")


def binned(
    panel: pd.DataFrame, outcome: str, *, exposure: str = "exposure", smallest: int = 5
) -> pd.DataFrame:
    """Mean change of an outcome by bins of exposure, none of them of few universities.

    Parameters
    ----------
    panel : DataFrame
        Of this module.
    outcome, exposure : str
    smallest : int
        Universities in a bin, at least.

    Returns
    -------
    DataFrame
        One row a bin, in order of exposure: ``universities``, ``exposure`` (mean), ``change`` (mean
        of the university's mean after less its mean before, on the mean of all).

    Raises
    ------
    NoVariationError
        If there are fewer universities than two bins need.
    """
    means = panel.pivot_table(index="university", columns="post", values=outcome).dropna()
    if len(means) < 2 * smallest:
        raise NoVariationError(f"{len(means)} universities make no two bins of {smallest}")
    change = (means[1] - means[0]).rename("change")
    dose = panel.groupby("university")[exposure].first()
    table = pd.concat([dose.rename("exposure"), change - change.mean()], axis=1, join="inner")
    table = table.sort_values(["exposure", "change"])
    bins = np.arange(len(table)) * (len(table) // smallest) // len(table)
    found = table.groupby(bins).agg(
        universities=("change", "size"), exposure=("exposure", "mean"), change=("change", "mean")
    )
    return found.reset_index(drop=True)
