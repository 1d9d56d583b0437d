"""Poisson pseudo-maximum likelihood for many outcomes of one design at once.

One coefficient, any number of absorbed effects. Given the coefficient, the first-order condition
of an effect has a solution in closed form: scale the means of its rows to the sum of their counts.
Going round the effects is iterative proportional fitting (Deming and Stephan 1940). The same round,
weighted by the means, takes the effects out of the regressor, and a Newton step along what is left
moves the coefficient; every round costs a few passes over the data, for all outcomes together.
pyfixest fits one outcome at a time, which for a thousand simulated studies takes minutes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from replication.errors import DesignError, NoVariationError
from replication.estimate.convention import nested, parameters, small_sample_factor
from replication.estimate.effects import span
from replication.estimate.fit import fitted_means, ppml
from replication.estimate.sample import Sample, without_separated

TOLERANCE = 1e-9
ROUNDS = 5000
RELAX = 1.15
"""Over-relaxation with three effects, where going round them converges slowly."""


@dataclass(frozen=True)
class PoissonFits:
    """Coefficients of S outcomes and what their clustered variances are made of.

    Attributes
    ----------
    estimate : ndarray, shape (S,)
    information : ndarray, shape (S,)
        Sum of mean × residualised regressor².
    scores : ndarray, shape (G, S)
        Sums of residualised regressor × (count − mean) by cluster.
    leverage : ndarray, shape (G, S)
        Contributions of the clusters to the information: their leverage.
    clusters : ndarray of int, shape (S,)
        Clusters with rows that no effect separates.
    factor : ndarray, shape (S,)
        Small-sample factor of CR1.
    mean : ndarray, shape (N, S), or None
        Fitted means, zero in separated rows.
    """

    estimate: np.ndarray
    information: np.ndarray
    scores: np.ndarray
    leverage: np.ndarray
    clusters: np.ndarray
    factor: np.ndarray
    mean: np.ndarray | None = None

    @property
    def std_error(self) -> np.ndarray:
        """Standard errors CR1, shape (S,)."""
        return np.sqrt((self.scores**2).sum(axis=0) * self.factor) / self.information


def poisson_fits(
    sample: Sample,
    counts: np.ndarray,
    *,
    fixed: float | None = None,
    keep_mean: bool = False,
) -> PoissonFits:
    """Fit S Poisson regressions that differ in their outcome only.

    The sample has one regressor of interest and absorbed effects, no controls; its own outcome is
    not used. `counts` has the shape (N, S). With `fixed` the coefficient is held there, and the
    scores are those of the restricted model.

    Raises
    ------
    DesignError
        If the design has controls, several regressors of interest or no effect.
    NoVariationError
        If a fit does not settle, as when a combination of effects separates rows.
    """
    if sample.controls or len(sample.terms) != 1 or not sample.design.effects:
        raise DesignError(
            "Poisson fits of many outcomes take one regressor, absorbed effects and no controls"
        )
    effects, cluster = sample.effect_codes, sample.cluster("PPML of many outcomes")
    x = sample.rows[sample.terms[0]].to_numpy(dtype=float)[:, None]
    y = np.asarray(counts, dtype=float)
    incidence = [_incidence(e) for e in effects]
    sums = [z @ y for z in incidence]
    # A level with no count at all has mean zero: its rows are out, as if they were dropped.
    inverse = [np.divide(1.0, s, out=np.zeros_like(s), where=s > 0) for s in sums]
    beta = np.full(y.shape[1], 0.0 if fixed is None else fixed)
    # An offset is where the means begin: rounds only scale them, so its own level is free.
    offset = (sample.offset - sample.offset.max())[:, None]
    mean = np.broadcast_to(np.exp(beta[:1] * x + offset), y.shape).copy()
    residual = np.broadcast_to(x, y.shape).copy()

    at = np.arange(y.shape[1])
    final_mean, final_residual = np.empty_like(y), np.empty_like(y)
    live_y, live_sums, live_inverse = y, sums, inverse
    last = np.full(len(at), np.inf)
    for turn in range(ROUNDS):
        relax = RELAX if turn >= 4 and len(effects) > 2 else 1.0
        off = np.zeros(len(at))
        for z, code, s, inv in zip(incidence, effects, live_sums, live_inverse, strict=True):
            fitted = z @ mean
            off = np.maximum(off, np.abs(fitted - s).sum(axis=0))
            ratio = np.divide(s, fitted, out=np.zeros_like(s), where=fitted > 0)
            mean *= (ratio**relax)[code]
            residual -= (relax * (z @ (mean * residual)) * inv)[code]
        weighted = mean * residual
        information = np.einsum("ns,ns->s", weighted, residual)
        step = np.zeros(len(at))
        if fixed is None:
            gap = np.einsum("ns,ns->s", residual, live_y - mean)
            step = gap / np.maximum(information, 1e-300)
            # A first step may overshoot; the sign is right, the length need not be.
            step = np.clip(step, -1.0, 1.0)
            mean *= np.exp(residual * step)
            beta[at] += step
        total = live_sums[0].sum(axis=0)
        settled = (
            (np.abs(step) < TOLERANCE)
            & (off < TOLERANCE * 10 * total)
            & (np.abs(information - last) < TOLERANCE * 10 * information)
        )
        last = information
        if settled.any():
            final_mean[:, at[settled]] = mean[:, settled]
            final_residual[:, at[settled]] = residual[:, settled]
            going = ~settled
            at, last = at[going], last[going]
            mean, residual = mean[:, going], residual[:, going]
            live_y = live_y[:, going]
            live_sums = [s[:, going] for s in live_sums]
            live_inverse = [i[:, going] for i in live_inverse]
        if not len(at):
            break
    else:
        raise NoVariationError(
            f"{len(at)} of {y.shape[1]} Poisson fits did not settle in {ROUNDS} rounds: some "
            "combination of effects fits rows without a count perfectly; take out an effect"
        )
    by_cluster = _incidence(cluster)
    leverage = by_cluster @ (final_mean * final_residual**2)
    clusters, factor = _small_sample(y, sums, effects, cluster)
    return PoissonFits(
        estimate=beta,
        information=leverage.sum(axis=0),
        scores=by_cluster @ (final_residual * (y - final_mean)),
        leverage=leverage,
        clusters=clusters,
        factor=factor,
        mean=final_mean if keep_mean else None,
    )


def without_effect(rows: Sample) -> tuple[Sample, np.ndarray]:
    """Fit a Poisson model without its regressor of interest: the rows that it uses, its means."""
    if rows.controls:
        # The controls are many regressors, and few outcomes: the library's fit.
        design = rows.design.but(treatment=rows.controls, variance="CR1")
        found = ppml(replace(rows, design=design, controls=()))
        means = fitted_means(found.sample, found.result)
        rows = replace(found.sample, design=rows.design, controls=rows.controls)
        assert means is not None
        return rows, means
    rows = without_separated(rows)
    try:
        fits = poisson_fits(rows, rows.y.to_numpy()[:, None], fixed=0.0, keep_mean=True)
    except NoVariationError:
        # Some mean runs to zero for ever: effects together separate its row.
        rows = without_separated(rows, thorough=True)
        fits = poisson_fits(rows, rows.y.to_numpy()[:, None], fixed=0.0, keep_mean=True)
    assert fits.mean is not None
    return rows, fits.mean.ravel()


def _incidence(codes: np.ndarray) -> sparse.csr_matrix:
    n = len(codes)
    return sparse.csr_matrix((np.ones(n), (codes, np.arange(n))), shape=(int(codes.max()) + 1, n))


def _small_sample(
    y: np.ndarray,
    sums: Sequence[np.ndarray],
    effects: Sequence[np.ndarray],
    cluster: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Clusters and CR1 factor of each outcome, separated rows not counted."""
    kept = np.ones(y.shape, dtype=bool)
    for code, s in zip(effects, sums, strict=True):
        kept &= (s > 0)[code]
    groups = (_incidence(cluster) @ kept.astype(float) > 0).sum(axis=0)
    return groups, small_sample_factor(
        kept.sum(axis=0), groups, _parameters(kept, effects, cluster)
    )


def _parameters(kept: np.ndarray, effects: Sequence[np.ndarray], cluster: np.ndarray) -> np.ndarray:
    """K of each outcome, shape (S,), with the rows (N, S) that it keeps.

    Levels that an outcome loses with its rows leave the rank of what any outcome keeps; redundant
    ones among them leave nothing. For one outcome this is `parameters` of its rows. For several it
    is that, too, unless the rows of one outcome fall apart into groups that share no level where
    those of all do not; then it is larger.
    """
    ever = kept.any(axis=1)
    effects, cluster, kept = [e[ever] for e in effects], cluster[ever], kept[ever]
    whole, inside = parameters(1, effects, [cluster]), nested(effects, [cluster])
    crossed = [_incidence(e) for e, is_in in zip(effects, inside, strict=True) if not is_in]
    if not crossed:
        return np.full(kept.shape[1], whole)
    levels = sparse.vstack(crossed, format="csr")
    lost = levels @ kept.astype(float) == 0
    sometimes = lost.any(axis=1) & ~lost.all(axis=1)
    around = [e for e, is_in in zip(effects, inside, strict=True) if is_in]
    constant = [np.zeros(len(cluster), dtype=int)]
    own = span(around or constant).residual(levels[sometimes].T.toarray())
    patterns, which = np.unique(lost[sometimes], axis=1, return_inverse=True)
    ranks = [np.linalg.matrix_rank(own[:, at]) for at in patterns.T]
    return whole - np.array(ranks)[which]
