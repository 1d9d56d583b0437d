"""The study's design on open data: a panel of scores, the frame of cells, measures by source.

Rankings give one score a university and edition, so the unit is the university and the period the
edition. Exposure is built as in the study (R7, R8): the mean before treatment, standardised over
universities.
"""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd
from scipy import stats

from replication.errors import NoVariationError
from replication.panel.compilation import compiled_2016
from replication.records.exposure import standardise
from replication.records.open import rankings
from replication.records.open.evaluation import frame
from replication.records.open.lists.nature_index import nature_index
from replication.records.open.universities import coverage, tabulated, university_names

FIRST_EDITION = 2021
"""First edition whose income is of the study's first treated year (R2), 2018.

``data/the_editions.toml`` has the year of each edition and what says so. Papers in outlook come
from several years.
"""

LAST_EDITION = 2023
"""From edition 2024 on the scores are made by another method."""

UNEXPOSED = "university not in an edition that exposure is measured in"
ALONE = "only edition of its university"


def score_panel(
    first_treated: int = FIRST_EDITION,
    last: int = LAST_EDITION,
    *,
    net: bool = True,
    window: int | None = None,
) -> pd.DataFrame:
    """Panel of THE scores: industry on pre-period international outlook.

    Parameters
    ----------
    first_treated : int
        First edition that counts as treated.
    last : int
        Last edition used.
    net : bool
        Measure outlook from the level of its edition before it is averaged. It rises from edition
        to edition, so that a plain mean favours the universities that entered late.
    window : int, optional
        How many of the first editions exposure is measured in (R8); all before treatment if not
        given.

    Returns
    -------
    DataFrame
        One row a university and edition: ``industry`` and ``international_outlook`` (0 to 100),
        ``industry_standing`` (per cent of the universities in all editions, worldwide, that score
        lower), ``exposure`` (mean outlook before treatment, in standard deviations over
        universities), ``post``, ``event_time``, ``editions`` (in how many a university is), and
        ``advantaged_share`` of its graded science and engineering disciplines, missing for a
        university outside the frame of R20.
        ``attrs["dropped"]`` counts the other rows by reason.

    Raises
    ------
    NoVariationError
        If no edition lies before `first_treated`, or none after.
    """
    scores = rankings.the_scores(range(rankings.FIRST_EDITION, last + 1))
    dropped = dict(scores.attrs["dropped"])
    before = scores[scores["edition"] < first_treated]
    if window is not None:
        before = before[before["edition"] < rankings.FIRST_EDITION + window]
    if not len(before) or scores["edition"].max() < first_treated:
        raise NoVariationError(
            f"first treated edition {first_treated}: the editions, {scores['edition'].min()} to "
            f"{scores['edition'].max()}, must lie on both sides of it"
        )
    outlook = _outlook(before, net)
    known = scores["university"].isin(outlook.index)
    dropped[UNEXPOSED] = int((~known).sum())
    panel = scores[known].drop(columns=["joint", "name"])
    alone = panel.groupby("university")["edition"].transform("size") == 1
    dropped[ALONE] = int(alone.sum())
    panel = panel[~alone]
    outlook = outlook[panel["university"].unique()]
    exposure = standardise(outlook)
    advantaged = frame().groupby("university")["advantaged"].mean()
    pool = rankings.industry_pool(sorted(panel["edition"].unique()))
    panel = panel.assign(
        industry_standing=[
            _standing(score, pool[edition].to_numpy())
            for edition, score in zip(panel["edition"], panel["industry"], strict=True)
        ],
        exposure=panel["university"].map(exposure),
        post=(panel["edition"] >= first_treated).astype("int64"),
        event_time=panel["edition"] - first_treated,
        editions=panel.groupby("university")["edition"].transform("size"),
        advantaged_share=panel["university"].map(advantaged),
    )
    panel = panel.sort_values(["university", "edition"], ignore_index=True)
    panel.attrs = {"source": "open", "dropped": dropped}
    return panel


def _outlook(before: pd.DataFrame, net: bool) -> pd.Series:
    """Mean outlook by university; the level of an edition is that of those in all editions."""
    outlook = before["international_outlook"]
    if net:
        editions = before.groupby("university")["edition"].transform("size")
        always = editions == before["edition"].nunique()
        level = outlook[always].groupby(before["edition"]).mean()
        outlook = outlook - before["edition"].map(level)
    return outlook.groupby(before["university"]).mean()


def _standing(score: float, pool: np.ndarray) -> float:
    """Per cent of the pool with a lower score, ties counted by half; missing for no score."""
    return float(stats.percentileofscore(pool, score, kind="mean", nan_policy="propagate"))


def entries() -> pd.DataFrame:
    """Ministry universities in each edition: how many, new, gone; means of the two scores."""
    scores = rankings.the_scores(range(rankings.FIRST_EDITION, LAST_EDITION + 1))
    present = scores.groupby("edition")["university"].agg(set)
    last = present.shift().fillna(present)
    rows = {
        "Universities": present.map(len),
        "New": (present - last).map(len),
        "Gone": (last - present).map(len),
    }
    means = scores.groupby("edition")[["industry", "international_outlook"]].mean()
    means.columns = pd.Index(["Mean industry", "Mean outlook"])
    return pd.DataFrame(rows).join(means)


def frame_sizes(minimums: Sequence[int] = (1, 2, 5)) -> pd.DataFrame:
    """Size of the open frame (R20) by the disciplines asked for and the treatment of pairs.

    One row a choice: ``universities``, ``cells``, ``advantaged`` cells and their ``share``.
    """
    rows = []
    for minimum, joint in product(minimums, (True, False)):
        cells = frame(minimum, joint)
        rows.append(
            {
                "disciplines": f"{minimum} or more",
                "pairs": "each one unit" if joint else "left out",
                "universities": cells["university"].nunique(),
                "cells": len(cells),
                "advantaged": int(cells["advantaged"].sum()),
                "share": float(cells["advantaged"].mean()),
            }
        )
    return pd.DataFrame(rows).set_index("disciplines")


def found() -> pd.DataFrame:
    """How many of the ministry universities each source has, and why others are not there.

    One row a source and reason; ``universities`` add up to all of them within a source.
    """
    ministry = coverage()
    rows: list[tuple[str, str, int]] = []
    for group in tabulated():
        names = university_names(group.name)
        absent = names[names["name"] == ""].drop_duplicates("name_zh")
        pairs = absent["note"].str.startswith("two campuses")
        reasons = absent["note"].mask(pairs, "two campuses under one name")
        # What follows a colon says it of one university.
        counts = reasons.str.split(r"[:;(]", regex=True).str[0].str.strip().value_counts()
        own = ("found under a name of its own", len(ministry) - len(absent))
        rows += [(group.title, str(state), int(n)) for state, n in [own, *counts.items()]]
    return pd.DataFrame(rows, columns=["source", "state", "universities"]).set_index("source")


def measures() -> pd.DataFrame:
    """Exchange and industry before the shock by university, from three sources.

    Returns
    -------
    DataFrame
        Indexed by university, a column a measure; missing where a source lacks it. THE: the
        exposure, and the mean industry score of the editions before `FIRST_EDITION`. BCUR: means
        over its editions, income on a log scale per paper. Leiden: 2017 to 2020, so partly after
        the shock. And papers as three sources count them: ``counted_ministry`` (2016, in any
        journal), ``counted_leiden`` (2017 to 2020, in core journals), ``counted_nature`` (2020, in
        those of the Nature Index).
    """
    scores = score_panel().query("post == 0").groupby("university")
    leiden = rankings.leiden().set_index("university")
    bcur = rankings.bcur()
    bcur = bcur.assign(income=np.log((bcur["industry_income"] + 1) / bcur["papers"]))
    lists = bcur.groupby("university")
    columns = {
        "outlook": scores["exposure"].first(),
        "papers_abroad": leiden["pp_international"],
        "students": lists["international_students"].mean(),
        "industry_score": scores["industry"].mean(),
        "papers_industry": leiden["pp_industry"],
        "industry_income": lists["income"].mean(),
        "counted_ministry": compiled_2016().set_index("university")["papers"],
        "counted_leiden": leiden["papers"],
        "counted_nature": nature_index().set_index("university")["count_2020"],
    }
    return pd.DataFrame(columns).rename_axis("university")
