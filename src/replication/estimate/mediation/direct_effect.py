"""Controlled direct effect by sequential g-estimation, with a cluster bootstrap of both stages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from replication.errors import NoVariationError
from replication.estimate.design import STUDY, Design
from replication.estimate.fit import Estimate, estimate
from replication.estimate.mediation.partial_out import (
    mediation_columns,
    partial_out,
    without,
)
from replication.records.variables import MEDIATORS


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
    data: pd.DataFrame,
    mediators: Sequence[str] = MEDIATORS,
    design: Design = STUDY,
    *,
    intermediate: Sequence[str] = (),
    interactions: bool = False,
    draws: int = 999,
    seed: int = 1,
    **changes: Any,
) -> DirectEffect:
    """Controlled direct effect by sequential g-estimation (Acharya, Blackwell and Sen 2016).

    First stage: outcome on dose, mediators, intermediate confounders. Second stage: the outcome
    less what the mediators contribute in the first, on the dose alone. Both are repeated in every
    draw of the bootstrap, which takes universities with replacement.

    Parameters
    ----------
    data : DataFrame
    mediators : sequence of str
        Held fixed, at the mean of log(1 + m).
    design, **changes
        As for `gelbach`.
    intermediate : sequence of str
        Other consequences of exchange that move mediators and outcome, as log(1 + z): in the first
        stage only, so that the paths through them stay part of the direct effect.
    interactions : bool
        Let the mediators matter differently by dose.
    draws, seed : int
        Of the bootstrap.

    Returns
    -------
    DirectEffect

    Notes
    -----
    With neither intermediate confounders nor interactions the two stages give the coefficient of
    the full model in `gelbach` exactly: there is nothing that the second stage could undo. A
    university drawn twice counts as two, each with its own effects; since copies are alike, that is
    a weight of two, for any effect nested in universities and any that is not.

    Examples
    --------
    With nothing between, the direct effect is that of the regression with mediators.

    >>> panel = rp.load_panel()
    >>> found = rp.mediation.sequential_g(panel, draws=19)
    >>> round(found.estimate["direct"].estimate, 4)
    0.1421
    >>> round(rp.mediation.gelbach(panel).coefficients["full"].estimate, 4)
    0.1421
    """
    columns = mediation_columns(data, [*mediators, *intermediate], design.but(**changes))
    fixed = len(mediators)
    values = columns.raw
    if interactions:
        held = values[:, 2 : 2 + fixed] - values[:, 2 : 2 + fixed].mean(axis=0)
        values = np.column_stack([values, values[:, [1]] * held])
    moved = [*range(2, 2 + fixed), *range(columns.raw.shape[1], values.shape[1])]
    stages = _Stages(values, columns.controls, columns.codes, columns.group, moved)
    groups = int(columns.group.max()) + 1
    point = stages.effects(np.ones(groups))
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(groups, np.full(groups, 1 / groups), size=draws).astype(float)
    drawn = np.array([stages.effects(w) for w in weights])
    found = drawn[np.isfinite(drawn).all(axis=1)]
    if len(found) < draws / 2:
        raise NoVariationError(
            f"{draws - len(found)} of {draws} draws of {groups} clusters leave nothing to estimate "
            "from: too few clusters for a bootstrap"
        )
    terms = ["total", "direct", "eliminated"]
    bounds = pd.DataFrame(np.quantile(found, [0.025, 0.975], axis=0).T, terms, ["lower", "upper"])
    variance = pd.DataFrame(np.cov(found.T), terms, terms)
    found_by = f"cluster bootstrap, {len(found)} draws, t(G − 1)"
    result = estimate(
        pd.Series(point, terms), variance, groups - 1, found_by, columns.sample, terms
    )
    return DirectEffect(result, bounds, found, draws - len(found))


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


@dataclass(frozen=True)
class _Stages:
    """Both stages, to be repeated with other weights: see `sequential_g`."""

    values: np.ndarray
    controls: np.ndarray
    codes: np.ndarray
    group: np.ndarray
    moved: Sequence[int]

    def effects(self, weights: np.ndarray) -> np.ndarray:
        """Total, direct and eliminated effect with each cluster weighted."""
        w = weights[self.group]
        kept = w > 0
        every = np.column_stack([self.values, self.controls])[kept]
        within = partial_out(every, self.codes[kept], w[kept]) * np.sqrt(w[kept])[:, None]
        p = self.values.shape[1]
        if p < within.shape[1]:
            within = without(within[:, :p], within[:, p:])
        y, d = within[:, 0], within[:, 1]
        if d @ d <= 1e-12 * (w[kept] @ self.values[kept, 1] ** 2):
            return np.full(3, np.nan)
        first = np.linalg.lstsq(within[:, 1:], y, rcond=None)[0]
        demediated = y - within[:, self.moved] @ first[np.array(self.moved) - 1]
        total, direct = (d @ y) / (d @ d), (d @ demediated) / (d @ d)
        return np.array([total, direct, total - direct])
