"""Controlled direct effect by sequential g-estimation, with a cluster bootstrap of both stages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from replication.errors import NoVariationError
from replication.estimate.designs import Estimate, _estimate
from replication.estimate.mediation.partial_out import Columns, columns_of, partial_out, without
from replication.simulate.study import MEDIATORS


@dataclass(frozen=True)
class DirectEffect:
    """A controlled direct effect with its cluster bootstrap.

    Attributes
    ----------
    estimate : Estimate
        ``total``, ``direct``, ``eliminated`` (their difference); bootstrap variance, t(G − 1).
    percentile : DataFrame
        ``lower`` and ``upper`` of the 95 % percentile intervals, same rows.
    draws : ndarray, shape (B, 3)
        The three numbers in each draw that has them.
    without : int
        Draws whose universities left nothing to estimate from.
    """

    estimate: Estimate
    percentile: pd.DataFrame
    draws: np.ndarray
    without: int


def sequential_g(
    panel: pd.DataFrame,
    mediators: Sequence[str] = MEDIATORS,
    outcome: str = "patents_joint",
    *,
    intermediate: Sequence[str] = (),
    interactions: bool = False,
    draws: int = 999,
    seed: int = 1,
    **options: Any,
) -> DirectEffect:
    """Controlled direct effect by sequential g-estimation (Acharya, Blackwell and Sen 2016).

    First stage: outcome on dose, mediators, intermediate confounders. Second stage: the outcome
    less what the mediators contribute in the first, on the dose alone. Both are repeated in every
    draw of the bootstrap, which takes universities with replacement.

    Parameters
    ----------
    panel : DataFrame
    mediators : sequence of str
        Held fixed, at the mean of log(1 + m).
    outcome : str
    intermediate : sequence of str
        Other consequences of exchange that move mediators and outcome, as log(1 + z): in the first
        stage only, so that the paths through them stay part of the direct effect.
    interactions : bool
        Let the mediators matter differently by dose.
    draws, seed : int
        Of the bootstrap.
    **options
        As for `gelbach`.

    Returns
    -------
    DirectEffect

    Notes
    -----
    With neither intermediate confounders nor interactions the two stages give the coefficient of
    the full model in `gelbach` exactly: there is nothing that the second stage could undo. A
    university drawn twice counts as two, each with its own effects; since copies are alike, that is
    a weight of two, for any effect nested in universities and any that is not.
    """
    columns = columns_of(panel, [*mediators, *intermediate], outcome, **options)
    fixed = len(mediators)
    values = columns.raw
    if interactions:
        held = values[:, 2 : 2 + fixed] - values[:, 2 : 2 + fixed].mean(axis=0)
        values = np.column_stack([values, values[:, [1]] * held])
    moved = [*range(2, 2 + fixed), *range(columns.raw.shape[1], values.shape[1])]
    groups = int(columns.group.max()) + 1
    point = _stages(values, columns, moved, np.ones(groups))
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(groups, np.full(groups, 1 / groups), size=draws).astype(float)
    drawn = np.array([_stages(values, columns, moved, w) for w in weights])
    found = drawn[np.isfinite(drawn).all(axis=1)]
    if len(found) < draws / 2:
        raise NoVariationError(
            f"{draws - len(found)} of {draws} draws of {groups} clusters leave nothing to estimate "
            "from: too few clusters for a bootstrap"
        )
    terms = ["total", "direct", "eliminated"]
    bounds = pd.DataFrame(np.quantile(found, [0.025, 0.975], axis=0).T, terms, ["lower", "upper"])
    variance = pd.DataFrame(np.cov(found.T), terms, terms)
    estimate = _estimate(pd.Series(point, terms), variance, terms=terms, **columns.fields)
    estimate = replace(estimate, convention=f"cluster bootstrap, {len(found)} draws, t(G − 1)")
    return DirectEffect(estimate, bounds, found, draws - len(found))


def direct_effects(effects: Mapping[str, DirectEffect], planted: Sequence[float]) -> pd.DataFrame:
    """Table of controlled direct effects by name, with the share that is truly left in each.

    Returns
    -------
    DataFrame
        ``direct``, ``SE``, t interval (``lower``, ``upper``), percentile interval (``2.5 %``,
        ``97.5 %``), ``share`` of the total, ``planted`` share.
    """
    rows = {}
    for (name, effect), share in zip(effects.items(), planted, strict=True):
        direct, total = effect.estimate["direct"], effect.estimate["total"]
        rows[name] = {
            "direct": direct.estimate,
            "SE": direct.std_error,
            "lower": direct.lower,
            "upper": direct.upper,
            "2.5 %": effect.percentile.loc["direct", "lower"],
            "97.5 %": effect.percentile.loc["direct", "upper"],
            "share": direct.estimate / total.estimate,
            "planted": share,
        }
    return pd.DataFrame(rows).T.rename_axis("held fixed")


def _stages(
    values: np.ndarray, columns: Columns, moved: Sequence[int], weights: np.ndarray
) -> np.ndarray:
    """Total, direct and eliminated effect with each cluster weighted."""
    w = weights[columns.group]
    kept = w > 0
    every = np.column_stack([values, columns.controls])[kept]
    within = partial_out(every, columns.codes[kept], w[kept]) * np.sqrt(w[kept])[:, None]
    p = values.shape[1]
    if p < within.shape[1]:
        within = without(within[:, :p], within[:, p:])
    y, d = within[:, 0], within[:, 1]
    if d @ d <= 1e-12 * (w[kept] @ values[kept, 1] ** 2):
        return np.full(3, np.nan)
    first = np.linalg.lstsq(within[:, 1:], y, rcond=None)[0]
    demediated = y - within[:, moved] @ first[np.array(moved) - 1]
    total, direct = (d @ y) / (d @ d), (d @ demediated) / (d @ d)
    return np.array([total, direct, total - direct])
