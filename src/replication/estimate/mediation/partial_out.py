"""Fixed effects taken out of all columns of a model once (Frisch, Waugh and Lovell).

What is left are regressions on a few columns, fast enough to be repeated a thousand times.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pyfixest.estimation import demean

from replication.errors import NoVariationError
from replication.estimate.convention import correction
from replication.estimate.design import Design
from replication.estimate.sample import Sample, sample
from replication.estimate.treatment import product, treatment_columns
from replication.records import checks

PURPOSE = "the mechanisms: a mediator, a count that exchange may move and that may move the outcome"


@dataclass(frozen=True)
class Columns:
    """Columns of regressions with mediators, checked, as they are and less effects and controls.

    Attributes
    ----------
    sample : Sample
        Its terms are the dose and the mediators.
    raw, within : ndarray, shape (N, 2 + M)
        Outcome, dose and mediators as they enter, and what effects and controls leave of them.
    """

    sample: Sample
    raw: np.ndarray
    within: np.ndarray

    @property
    def mediators(self) -> tuple[str, ...]:
        """Names of the mediators."""
        return self.sample.terms[1:]

    @property
    def controls(self) -> np.ndarray:
        """Controls as they are, shape (N, K)."""
        return self.sample.rows[list(self.sample.controls)].to_numpy(dtype=float)

    @property
    def codes(self) -> np.ndarray:
        """Levels of the effects, shape (N, E)."""
        return level_codes(self.sample)

    @property
    def group(self) -> np.ndarray:
        """Cluster of each row, from 0."""
        return self.sample.cluster("mediation")

    @property
    def factors(self) -> tuple[float, float]:
        """CR1 factor of a model with the dose alone and of one with the mediators too."""
        full = self.sample.k
        short, long = (correction(self.sample, k)[0] for k in (full - len(self.mediators), full))
        return short, long


def level_codes(rows: Sample) -> np.ndarray:
    """Levels of the effects of a sample, shape (N, E)."""
    return np.array(rows.effect_codes, dtype=int).reshape(-1, len(rows.rows)).T


def partial_out(
    columns: np.ndarray, codes: np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
    """Residuals of columns (N, P) on effects of codes (N, E), by `pyfixest`'s projections.

    Unlike `many.least_squares` it has nothing to lay out first, so that each draw of a bootstrap
    can bring weights of its own, all above zero.
    """
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


def mediation_columns(data: pd.DataFrame, mediators: Sequence[str], design: Design) -> Columns:
    """Check the data and take effects and controls out of outcome, dose and mediators.

    Parameters
    ----------
    data : DataFrame
    mediators : sequence of str
        Counts; they enter as log(1 + m), and so does the outcome.
    design : Design
        Its regressor is the dose; its model and scale are not used.
    """
    checks.require_columns(data, mediators, PURPOSE)
    dose = " × ".join(design.parts)
    data = treatment_columns(data, design, design.parts, f"the treatment, {dose}")
    terms = (dose, *mediators)
    asked = design.but(treatment=terms, first_treated=None, model="ols", scale="log1p")
    rows = sample(data.assign(**{dose: product(data, design.parts)}), asked)
    for column in mediators:
        checks.require_nonnegative(rows.rows, column, "log1p of a mediator")
    moved = np.log1p(rows.rows[list(mediators)])
    raw = np.column_stack([rows.y, rows.rows[dose], moved])
    held = rows.rows[list(rows.controls)].to_numpy(dtype=float)
    within = partial_out(np.column_stack([raw, held]), level_codes(rows))
    p = raw.shape[1]
    within = without(within[:, :p], within[:, p:]) if rows.controls else within
    left = (within[:, 1:] ** 2).sum(axis=0) / (raw[:, 1:] ** 2).sum(axis=0)
    if left.min() < 1e-12 or np.linalg.matrix_rank(within[:, 1:]) < len(terms):
        raise NoVariationError(
            f"the effects ({', '.join(map(str, rows.absorb)) or 'none'}) and controls leave no "
            f"variation of {terms[int(left.argmin())]!r} of its own, or two of "
            f"{', '.join(map(repr, terms))} are collinear; take out an effect or a mediator"
        )
    return Columns(rows, raw, within)
