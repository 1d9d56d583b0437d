"""Bias of a Poisson triple difference from its own fixed effects, and the estimate without it.

With effects of the pair and of each member by year, Poisson pseudo-maximum likelihood is consistent
in a short panel, but not centred (Weidner and Zylkin 2021). Their network is one of exporters i,
importers j and years t. Here i is the university, j the discipline and (i, j) their cell: the
bias comes from the effects of i × t, each estimated from the disciplines of one university, and
from those of j × t, each from the universities of one discipline; those of the cells add none. The
two sides need not be alike, nor every cell be there: sums over pairs take the place of their N².
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from replication.errors import DesignError
from replication.estimate.design import TRIPLE, Design, columns_of
from replication.estimate.fit import fitted_means
from replication.estimate.verbs import did


def three_way(data: pd.DataFrame, design: Design = TRIPLE, **changes: Any) -> pd.DataFrame:
    """Poisson estimate with three-way effects, its bias by Weidner and Zylkin, and the correction.

    The analytical correction, as the authors' Stata package ppml_fe_bias 1.2 computes it. Pairs are
    taken to be independent given the effects, the years of a pair are not. What the members of a
    university or a discipline share in a year is in the effects; a cluster by university allows for
    more, and the bias is not computed from it.

    Parameters
    ----------
    data : DataFrame
    design : Design
        The study's triple difference, unless another is given; its model is always ``"ppml"``.
        Three effects of two columns each, such as university × discipline, university × year and
        discipline × year; one of the columns is ``time``.
    **changes
        As for `replication.did`.

    Returns
    -------
    DataFrame
        Indexed by regressor: ``estimate``, ``bias``, ``corrected`` (estimate − bias), and the
        design's ``std_error``, which the correction leaves as it is. In ``attrs["dropped"]`` the
        rows that are not used, by reason: those that are separated say nothing about the mean.

    Raises
    ------
    DesignError
        If the effects are not of that form, the model is not Poisson, or there are weights.
    NoVariationError, ConvergenceError
        As for `replication.poisson`.

    Examples
    --------
    >>> panel = rp.load_panel()
    >>> rp.three_way(panel).round(3)
                                        estimate   bias  corrected  std_error
    term
    exposure × post × control_exposure     0.243 -0.001      0.244      0.106
    """
    design = design.but(**{"model": "ppml", **changes})
    one, other = _sides(design)
    found = did(data, design)
    rows, regression = found.sample.rows, found.clustered.regression
    kernel, means = regression.kernel, fitted_means(found.sample, found.result)
    assert means is not None
    residualised = np.empty_like(regression.x)
    residualised[kernel.order] = regression.x / kernel.root[:, None]

    pair, cells = pd.factorize(pd.MultiIndex.from_frame(rows[[one, other]].astype(object)))
    year, years = pd.factorize(rows[design.time], sort=True)
    shape = (len(cells), len(years))
    mean, error = np.zeros(shape), np.zeros(shape)
    x = np.zeros((*shape, residualised.shape[1]))
    mean[pair, year] = means
    error[pair, year] = found.sample.y.to_numpy() - means
    x[pair, year] = residualised

    members = [pd.factorize(cells.get_level_values(side))[0] for side in (0, 1)]
    score = np.zeros(x.shape[2])
    for member in members:
        number = member.max() + 1
        # The residuals of a member sum to zero in each year: the authors' factor for that.
        score += number / (number - 1) * _score_bias(mean, error, x, member)
    table = found.frame[["estimate", "std_error"]].copy()
    table.insert(1, "bias", regression.bread @ score)
    table.insert(2, "corrected", table["estimate"] - table["bias"])
    table.attrs["dropped"] = found.dropped
    return table


def _sides(design: Design) -> tuple[str, str]:
    """Columns i and j of effects (i, j), (i, t), (j, t), t being the design's time."""
    effects = [frozenset(columns_of(effect)) for effect in design.effects]
    names = dict.fromkeys(name for effect in design.effects for name in columns_of(effect))
    sides = [name for name in names if name != design.time]
    wanted = {frozenset(sides), *(frozenset({side, design.time}) for side in sides)}
    if len(sides) != 2 or len(effects) != 3 or set(effects) != wanted:
        raise DesignError(
            "the bias of three-way effects is that of effects i × j, i × t and j × t, with "
            f"t = {design.time!r}, and the design has {design.effects}: pass such effects="
        )
    if design.model != "ppml" or design.scale != "level":
        raise DesignError("the bias of three-way effects is that of a Poisson model of the count")
    if design.weights is not None:
        raise DesignError("the bias of three-way effects is that of a model without weights=")
    if design.offset is not None:
        raise DesignError("the bias of three-way effects is that of a model without offset=")
    return sides[0], sides[1]


def _score_bias(
    mean: np.ndarray, error: np.ndarray, x: np.ndarray, member: np.ndarray
) -> np.ndarray:
    """Mean of the score at the truth, shape (Q,), from effects of one side by year.

    Given its total, the counts of a pair are multinomial: `mean`, shape (C, T), over their sum are
    the probabilities. `error` are the residuals, `x`, shape (C, T, Q), the regressors without all
    effects and controls, and `member`, shape (C,), the side's member of each pair.
    """
    found = np.zeros(x.shape[2])
    for m, e, z in _groups(mean, error, x, member):
        share = m / m.sum(axis=1, keepdims=True)
        # Minus the second derivatives of each pair's log likelihood, shape (C, T, T).
        curvature = m[:, :, None] * (np.eye(m.shape[1]) - share[:, None, :])
        inverse = np.linalg.pinv(curvature.sum(axis=0), rcond=1e-10, hermitian=True)
        noise = inverse @ (e.T @ e) @ inverse
        for q in range(len(found)):
            centred = z[:, :, q] - (share * z[:, :, q]).sum(axis=1, keepdims=True)
            pulled = m * centred
            # The sum over pairs of the third derivatives times the regressor.
            cross = pulled.T @ share
            third = cross + cross.T - np.diag(pulled.sum(axis=0))
            found[q] += 0.5 * np.sum(third * noise) - np.sum(inverse * (pulled.T @ e))
    return found


def _groups(
    mean: np.ndarray, error: np.ndarray, x: np.ndarray, member: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    for one in range(int(member.max()) + 1):
        rows = member == one
        yield mean[rows], error[rows], x[rows]
