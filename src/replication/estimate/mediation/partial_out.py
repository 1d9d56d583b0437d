"""Fixed effects taken out of all columns of a model once (Frisch, Waugh and Lovell).

What is left are regressions on a few columns, fast enough to be repeated a thousand times.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from replication.errors import NoVariationError
from replication.estimate.designs import (
    DID_EFFECTS,
    Effect,
    _categories,
    _interacted,
    _sample,
    small_sample_factor,
)
from replication.records import checks

PURPOSE = "the mechanisms: a mediator, a count that exchange may move and that may move the outcome"


@dataclass(frozen=True)
class Columns:
    """Columns of regressions with mediators, checked, as they are and less effects and controls.

    Attributes
    ----------
    mediators : tuple of str
    raw, within : ndarray, shape (N, 2 + M)
        Outcome, dose and mediators as they enter, and what effects and controls leave of them.
    controls : ndarray, shape (N, K)
    codes : ndarray of int, shape (N, E)
        Levels of the effects.
    group : ndarray of int, shape (N,)
        Cluster of a row, from 0.
    factors : tuple of float
        CR1 factor of a model with the dose alone and of one with the mediators too.
    fields : mapping
        What `designs.Estimate` says of the sample.
    """

    mediators: tuple[str, ...]
    raw: np.ndarray
    within: np.ndarray
    controls: np.ndarray
    codes: np.ndarray
    group: np.ndarray
    factors: tuple[float, float]
    fields: Mapping[str, Any]


def partial_out(
    columns: np.ndarray, codes: np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
    """Residuals of columns on fixed effects, by `pyfixest`'s alternating projections.

    Parameters
    ----------
    columns : ndarray, shape (N, P)
    codes : ndarray of int, shape (N, E)
    weights : ndarray, shape (N,), optional
        All above zero.
    """
    from pyfixest.estimation import demean

    if not codes.shape[1]:
        codes = np.zeros((len(columns), 1))
    weights = np.ones(len(columns)) if weights is None else weights
    flat = np.ascontiguousarray(columns, dtype=float)
    residuals, converged = demean(flat, codes.astype(np.uint64), weights, tol=1e-12)
    if not converged:
        raise NoVariationError(
            "the fixed effects could not be taken out: they are nearly collinear"
        )
    return residuals


def without(columns: np.ndarray, controls: np.ndarray) -> np.ndarray:
    """Residuals of columns on controls, all of them less the same effects."""
    return columns - controls @ np.linalg.lstsq(controls, columns, rcond=None)[0]


def columns_of(
    panel: pd.DataFrame,
    mediators: Sequence[str],
    outcome: str,
    *,
    exposure: str = "exposure",
    post: str = "post",
    effects: Sequence[Effect] = DID_EFFECTS,
    controls: Sequence[str | tuple[str, str]] = (),
    cluster: str = "university",
    missing: Literal["raise", "drop"] = "raise",
) -> Columns:
    """Check a panel and take effects and controls out of outcome, dose and mediators.

    Parameters
    ----------
    panel : DataFrame
    mediators : sequence of str
        Counts; they enter as log(1 + m), and so does the outcome.
    outcome, exposure, post : str
    effects, controls, cluster, missing
        As for `designs.did`.
    """
    checks.require_columns(panel, mediators, PURPOSE)
    checks.require_columns(panel, [exposure, post], "the treatment, exposure × post")
    dose = f"{exposure} × {post}"
    data = checks.as_numbers(panel, [exposure, post])
    data, names = _interacted(data.assign(**{dose: data[exposure] * data[post]}), controls)
    terms = [dose, *mediators]
    sample, set_aside = _sample(
        data, outcome, terms, None, None, effects, names, None, cluster, missing
    )
    for column in (outcome, *mediators):
        checks.require_nonnegative(sample, column, "log1p")
    absorb = _categories(sample, effects)
    codes = absorb.apply(lambda c: c.cat.codes).to_numpy().reshape(len(sample), -1)
    raw = np.column_stack(
        [np.log1p(sample[outcome]), sample[dose], np.log1p(sample[list(mediators)])]
    )
    held = sample[names].to_numpy(dtype=float)
    within = partial_out(np.column_stack([raw, held]), codes)
    p = raw.shape[1]
    within = without(within[:, :p], within[:, p:]) if names else within
    left = (within[:, 1:] ** 2).sum(axis=0) / (raw[:, 1:] ** 2).sum(axis=0)
    if left.min() < 1e-12 or np.linalg.matrix_rank(within[:, 1:]) < len(terms):
        raise NoVariationError(
            f"the effects ({', '.join(absorb.columns) or 'none'}) and controls leave no variation "
            f"of {terms[int(left.argmin())]!r} of its own, or two of "
            f"{', '.join(map(repr, terms))} are collinear; take out an effect or a mediator"
        )
    short, df = small_sample_factor(sample, 1 + len(names), absorb, cluster)
    long, _ = small_sample_factor(sample, len(terms) + len(names), absorb, cluster)
    fields = {
        "df": df,
        "result": None,
        "sample": sample,
        "cluster": cluster,
        "effects": absorb.columns,
        "outcome": f"log(1 + {outcome})",
        "model": "ols",
        "set_aside": set_aside,
    }
    group = pd.factorize(sample[cluster])[0]
    return Columns(tuple(mediators), raw, within, held, codes, group, (short, long), fields)
