"""The open panel of scores: its design, and whether the measures agree."""

from collections.abc import Sequence
from itertools import combinations, product

import numpy as np
import pandas as pd
from scipy import stats

from replication.estimate.design import Design

SCORES = Design(
    outcome="industry",
    unit="university",
    time="edition",
    effects=("university", "edition"),
    missing="drop",
)
"""The design of every model on these scores."""

MEASURES = {
    "outlook": "THE: international outlook",
    "papers_abroad": "Leiden: papers with another country",
    "students": "BCUR: students from abroad",
    "industry_score": "THE: industry",
    "papers_industry": "Leiden: papers with a firm",
    "industry_income": "BCUR: income from industry per paper",
    "counted_ministry": "Ministry: papers of 2016",
    "counted_leiden": "Leiden: papers of 2017 to 2020",
    "counted_nature": "Nature Index: papers of 2020",
}
EXCHANGE = ("outlook", "papers_abroad", "students")
INDUSTRY = ("industry_score", "papers_industry", "industry_income")
COUNTED = ("counted_ministry", "counted_leiden", "counted_nature")


def agreement(table: pd.DataFrame, first: Sequence[str], second: Sequence[str]) -> pd.DataFrame:
    """Rank correlations between measures, each on the universities that have both.

    Parameters
    ----------
    table : DataFrame
        As of `panel.scores.measures`.
    first, second : sequence of str
        Columns; each pair of two different ones is taken once.

    Returns
    -------
    DataFrame
        Indexed by ``measure``: ``and``, ``rho`` (Spearman), ``lower``, ``upper`` (95 %, Fisher's z
        with the variance of Bonett and Wright 2000), ``universities``.
    """
    pairs = combinations(first, 2) if tuple(first) == tuple(second) else product(first, second)
    rows = []
    for a, b in pairs:
        both = table[[a, b]].dropna()
        rho, n = float(both.corr(method="spearman").to_numpy()[0, 1]), len(both)
        half = stats.norm.ppf(0.975) * np.sqrt((1 + rho**2 / 2) / (n - 3))
        rows.append(
            {
                "measure": MEASURES[a],
                "and": MEASURES[b],
                "rho": rho,
                "lower": float(np.tanh(np.arctanh(rho) - half)),
                "upper": float(np.tanh(np.arctanh(rho) + half)),
                "universities": n,
            }
        )
    return pd.DataFrame(rows).set_index("measure")
