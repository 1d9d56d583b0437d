"""What the remedies for few clusters do, over many studies of which the truth is known."""

import numpy as np
import pandas as pd

from replication.estimate.convention import CLUSTERED, CR2, LEVEL, rejects
from replication.estimate.convention import CR3 as CR3_FEW
from replication.estimate.few_clusters import PERMUTED, WILD
from replication.estimate.many.poisson import jackknife_scores, poisson_fits
from replication.estimate.many.resampling import (
    Permutations,
    WildBootstrap,
    bootstrap_weights,
    exposures,
    score_bootstrap,
)
from replication.estimate.many.variance import effective, std_errors
from replication.montecarlo.repeat import (
    CHUNK,
    OLS,
    PPML,
    Layout,
    draws,
    layouts,
    rate_error,
    scaled,
)
from replication.simulate.study import Study

CR1 = CLUSTERED
CR1_FEW = "CR1, t(G* − 1)"
CR3 = "CR3 (jackknife), t(G − 1)"
LEVERAGE = "CR3 by partial leverage, t(G* − 1)"
SCORE = "score bootstrap"


def remedies(
    study: Study,
    null: pd.Series,
    studies: int = 1000,
    *,
    seed: int = 2026,
    scale: float = 0.0,
    resamples: int = 499,
    chunk: int = CHUNK,
) -> pd.DataFrame:
    """Test a true null in many studies by every method of `few_clusters`.

    Parameters
    ----------
    study : Study
    null : Series
        Indexed by design and model: the value tested, such as the own target of `targets`.
    studies, seed : int
    scale : float
        Factor on the planted effects.
    resamples : int
        Draws of each bootstrap and permutation.
    chunk : int

    Returns
    -------
    DataFrame
        One row an estimator and method: ``design``, ``model``, ``method``, ``rejected`` (share of
        the studies, at 5 %), ``coverage`` (one less it), ``rate_error``.

    Notes
    -----
    The randomisation test is of the sharp null that exchange does nothing, and is left out where
    `scale` is not 0. So are exact CR2 and CR3 of PPML, whose weights differ between studies:
    ``"CR3 by partial leverage"`` takes from each cluster's hat matrix what the regressor has in it,
    and leaves what the effects have.
    """
    parts = layouts(study)
    groups = len(study.exposure)
    weights = bootstrap_weights(groups, resamples, "rademacher", [seed, 1])
    shuffled = exposures(study.exposure, resamples, seed)
    tests = {
        name: Permutations(part.regression.kernel, part.sample.schedule, shuffled)
        for name, part in parts.items()
        if scale == 0
    }
    rejected: dict[tuple[str, str, str], list[np.ndarray]] = {}
    for y in draws(scaled(study, scale), studies, seed, chunk):
        for name, part in parts.items():
            found = {
                OLS: _least_squares_tests(
                    part, y, float(null[name, OLS]), weights, tests.get(name)
                ),
                PPML: _poisson_tests(part, y, float(null[name, PPML]), weights),
            }
            for model, methods in found.items():
                for method, no in methods.items():
                    rejected.setdefault((name, model, method), []).append(no)
    rows = [
        (*key, share := float(np.concatenate(no).mean()), 1 - share, rate_error(studies))
        for key, no in rejected.items()
    ]
    columns = ["design", "model", "method", "rejected", "coverage", "rate_error"]
    return pd.DataFrame(rows, columns=columns)


def _least_squares_tests(
    part: Layout, y: np.ndarray, null: float, weights: np.ndarray, permuted: Permutations | None
) -> dict[str, np.ndarray]:
    """Which of a chunk of studies reject the null, by method."""
    reg = part.regression
    estimate, left = reg.fit(np.log1p(y))
    residual, gap = left + estimate * reg.x, estimate - null
    error = {kind: std_errors(reg, left, kind) for kind in ("CR1", "CR2", "CR3")}
    g = len(reg.leverage)
    few = float(effective(reg.leverage[:, None])[0])
    share = reg.leverage[:, None] / reg.total
    near = np.sqrt(((reg.products(left) / (1 - share)) ** 2).sum(axis=0)) / reg.total
    found = {
        CR1: rejects(gap, error["CR1"], g - 1),
        CR1_FEW: rejects(gap, error["CR1"], few - 1),
        CR2: rejects(gap, error["CR2"], part.df),
        CR3: rejects(gap, error["CR3"], g - 1),
        LEVERAGE: rejects(gap, near, few - 1),
        WILD: WildBootstrap(reg, residual).p_values(null, weights) <= LEVEL,
    }
    if permuted is not None:
        # Under the sharp null, what is left of the own target is the scale's and no effect.
        _, t = permuted.statistics(residual - null * reg.x)
        found[PERMUTED] = (np.abs(t) >= np.abs(t[:, :1]) * (1 - 1e-9)).mean(axis=1) <= LEVEL
    return found


def _poisson_tests(
    part: Layout, y: np.ndarray, null: float, weights: np.ndarray
) -> dict[str, np.ndarray]:
    """Which of a chunk of studies reject the null, by method."""
    fits = poisson_fits(part.sample, y, keep_mean=True)
    held = poisson_fits(part.sample, y, fixed=null)
    gap, few, g = fits.estimate - null, effective(fits.leverage), fits.clusters
    share = fits.leverage / fits.information
    near = np.sqrt(((fits.scores / (1 - share)) ** 2).sum(axis=0)) / fits.information
    found = {
        CR1: rejects(gap, fits.std_error, g - 1),
        CR1_FEW: rejects(gap, fits.std_error, few - 1),
        LEVERAGE: rejects(gap, near, few - 1),
    }
    if part.sample.design.third is None:
        moves = jackknife_scores(part.sample, fits, y)
        error = np.sqrt((g - 1) / g * (moves**2).sum(axis=0))
        found[CR3] = rejects(gap, error, g - 1)
        found[CR3_FEW] = rejects(gap, error, few - 1)
    found[SCORE] = score_bootstrap(held.scores, held.leverage, weights) <= LEVEL
    return found
