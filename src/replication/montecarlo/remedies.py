"""What the remedies for few clusters do, over many studies of which the truth is known."""

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import stats

from replication.estimate.many.least_squares import effective, std_errors
from replication.estimate.many.poisson import jackknife_scores, poisson_fits
from replication.estimate.many.resampling import (
    Permutations,
    WildBootstrap,
    bootstrap_weights,
    exposures,
    score_bootstrap,
)
from replication.exhibit.tables import Table, plain
from replication.montecarlo.repeat import (
    CHUNK,
    ESTIMATORS,
    OLS,
    PPML,
    Layout,
    draws,
    layouts,
    rate_error,
    scaled,
)
from replication.simulate.study import Study

CR1, CR1_FEW = "CR1, t(G − 1)", "CR1, t(G* − 1)"
CR3_FEW = "CR3 (jackknife), t(G* − 1)"
CR2, CR3 = "CR2, t(Satterthwaite)", "CR3 (jackknife), t(G − 1)"
LEVERAGE = "CR3 by partial leverage, t(G* − 1)"
WILD, SCORE = "wild cluster bootstrap", "score bootstrap"
PERMUTED = "randomisation test"


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
    """Test a true null in many studies by every method of `inference`.

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
        name: Permutations(part.regression.kernel, part.schedule, shuffled)
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


def by_method(tests: pd.DataFrame) -> Table:
    """Print the rejections of `remedies` in per cent: one row a method, one column an estimator."""
    percent = 100 * tests.set_index(["method", "design", "model"])["rejected"]
    shown = percent.unstack(["design", "model"])[list(ESTIMATORS)]
    shown = shown.loc[tests["method"].drop_duplicates()]
    shown.columns = pd.Index([f"{design}, {model}" for design, model in ESTIMATORS])
    return replace(plain(shown, digits=1), data=tests)


def _beyond(gap: np.ndarray, error: np.ndarray, df: float | np.ndarray) -> np.ndarray:
    return np.asarray(np.abs(gap) > error * stats.t.ppf(0.975, df))


def _least_squares_tests(
    part: Layout, y: np.ndarray, null: float, weights: np.ndarray, permuted: Permutations | None
) -> dict[str, np.ndarray]:
    """Which of a chunk of studies reject the null, by method."""
    reg = part.regression
    estimate, residual = part.least_squares(np.log1p(y))
    left, gap = residual - estimate * reg.x, estimate - null
    error = {kind: std_errors(reg, left, kind, part.factor) for kind in ("CR1", "CR2", "CR3")}
    g = len(reg.power)
    few = float(effective(reg.power[:, None])[0])
    share = reg.power[:, None] / reg.total
    near = np.sqrt(((reg.products(left) / (1 - share)) ** 2).sum(axis=0)) / reg.total
    found = {
        CR1: _beyond(gap, error["CR1"], g - 1),
        CR1_FEW: _beyond(gap, error["CR1"], few - 1),
        CR2: _beyond(gap, error["CR2"], part.df),
        CR3: _beyond(gap, error["CR3"], g - 1),
        LEVERAGE: _beyond(gap, near, few - 1),
        WILD: WildBootstrap(reg, residual).p_values(null, weights) <= 0.05,
    }
    if permuted is not None:
        # Under the sharp null, what is left of the own target is the scale's and no effect.
        _, t = permuted.statistics(residual - null * reg.x)
        found[PERMUTED] = (np.abs(t) >= np.abs(t[:, :1]) * (1 - 1e-9)).mean(axis=1) <= 0.05
    return found


def _poisson_tests(
    part: Layout, y: np.ndarray, null: float, weights: np.ndarray
) -> dict[str, np.ndarray]:
    """Which of a chunk of studies reject the null, by method."""
    fits = poisson_fits(y, part.x, part.codes, part.cluster, keep_mean=True)
    held = poisson_fits(y, part.x, part.codes, part.cluster, fixed=null)
    gap, few = fits.estimate - null, effective(fits.power)
    share = fits.power / fits.information
    near = np.sqrt(((fits.scores / (1 - share)) ** 2).sum(axis=0)) / fits.information
    found = {
        CR1: _beyond(gap, fits.std_error, fits.clusters - 1),
        CR1_FEW: _beyond(gap, fits.std_error, few - 1),
        LEVERAGE: _beyond(gap, near, few - 1),
    }
    if part.design == "DID":
        years = int(part.panel["year"].nunique())
        moves = jackknife_scores(fits, y, years, part.discipline, part.cluster)
        g = fits.clusters
        error = np.sqrt((g - 1) / g * (moves**2).sum(axis=0))
        found[CR3] = _beyond(gap, error, g - 1)
        found[CR3_FEW] = _beyond(gap, error, few - 1)
    found[SCORE] = score_bootstrap(held.scores, held.power, weights) <= 0.05
    return found
