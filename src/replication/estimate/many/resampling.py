"""Bootstrap and permutation from the sufficient statistics of a kernel, many outcomes at once."""

from collections.abc import Callable
from math import factorial, prod
from typing import Any, Literal

import numpy as np

from replication.estimate.convention import LEVEL, ROUNDING
from replication.estimate.many.least_squares import Kernel
from replication.estimate.many.regression import Regression

Weights = Literal["rademacher", "webb"]
WEBB = np.array([-1.5, -1.0, -0.5, 0.5, 1.0, 1.5])
"""Squared, times 2/3, and with their signs: the six points of Webb (2023)."""


def bootstrap_weights(clusters: int, draws: int, kind: Weights, seed: Any) -> np.ndarray:
    """Weights of the wild bootstrap, shape (draws, G); all sign patterns if few enough."""
    if kind == "rademacher" and clusters < 30 and 2**clusters <= draws:
        patterns = np.arange(2**clusters)[:, None] >> np.arange(clusters) & 1
        return 1.0 - 2.0 * patterns
    rng = np.random.default_rng(seed)
    if kind == "rademacher":
        return rng.choice([-1.0, 1.0], (draws, clusters))
    if kind == "webb":
        return rng.choice(np.sign(WEBB) * np.sqrt(np.abs(WEBB)), (draws, clusters))
    raise ValueError(f"weights must be 'rademacher' or 'webb', not {kind!r}")


class WildBootstrap:
    """Restricted wild cluster bootstrap of S outcomes, from cluster sums alone.

    Under the null β₀ the residuals are u = ỹ − β₀x̃. A bootstrap sample multiplies those of
    cluster h by w_h; the effects are then fitted again, and the crossed ones take a weight from
    one cluster into the scores of all others: ``cross[g, h]`` is what one unit of w_h
    adds to the score of cluster g.
    """

    def __init__(self, reg: Regression, y: np.ndarray) -> None:
        """Take `y`, residualised outcomes of shape (N, S)."""
        k = reg.kernel
        self.leverage = reg.leverage
        self.own_y = reg.products(y).T
        groups = len(k.starts)
        slopes = k.inverse @ k.loadings(reg.x)
        self.cross_y = np.zeros((y.shape[1], groups, groups))
        self.cross_x = np.zeros((groups, groups))
        for s in k.stacks:
            spread = k.spread(slopes, s).transpose(0, 2, 1)
            np.subtract.at(self.cross_y.T, s.cluster, spread @ y[s.rows])
            np.subtract.at(self.cross_x.T, s.cluster, (spread @ reg.x[s.rows])[:, :, 0])
        diagonal = np.arange(groups)
        self.cross_y[:, diagonal, diagonal] += self.own_y
        self.cross_x[diagonal, diagonal] += self.leverage

    def p_values(self, null: float | np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Two-sided p-values of β = `null`, one an outcome."""
        nulls = np.broadcast_to(null, len(self.own_y))
        parts = [self.statistics(weights, float(b), s) for s, b in enumerate(nulls)]
        return np.array(
            [beyond(top, observed * bottom, weights) for top, bottom, observed in parts]
        )

    def statistics(
        self, weights: np.ndarray, null: float = 0.0, s: int = 0
    ) -> tuple[np.ndarray, np.ndarray, float]:
        """Sizes of the studentised coefficient of outcome `s`.

        Returns
        -------
        top, bottom : ndarray, shape (draws,)
            Of each bootstrap sample, as a fraction: at the null, and by CR0, of which the factor
            is the same in all samples.
        observed : float
            That of the data.
        """
        own = self.own_y[s] - null * self.leverage
        crossing = self.cross_y[s] - null * self.cross_x
        total = self.leverage.sum()
        gap = own.sum() / total
        observed = abs(own.sum()) / np.linalg.norm(own - gap * self.leverage)
        top, scores = self._sample(weights, own, crossing)
        return np.abs(top), np.linalg.norm(scores, axis=1), float(observed)

    def test(self, weights: np.ndarray, s: int = 0) -> Callable[[float], float]:
        """Two-sided p-value of outcome `s` as a function of the null, for many nulls.

        In each sample the coefficient at the null is linear in it, and the square of its error
        quadratic: what `statistics` makes of products anew for each null is made once. About the
        estimate, so that nothing cancels.
        """
        total = self.leverage.sum()
        estimate = self.own_y[s].sum() / total
        own = self.own_y[s] - estimate * self.leverage
        top, left = self._sample(weights, own, self.cross_y[s] - estimate * self.cross_x)
        slope, right = self._sample(weights, self.leverage, self.cross_x)
        squares = [np.einsum("dg,dg->d", a, b) for a, b in ((left, left), (left, right))]
        squares.append(np.einsum("dg,dg->d", right, right))

        def p_value(null: float) -> float:
            d = null - estimate
            bottom = np.sqrt(np.maximum(squares[0] - 2 * d * squares[1] + d**2 * squares[2], 0.0))
            observed = abs(d) * total / np.linalg.norm(own)
            return beyond(np.abs(top - d * slope), observed * bottom, weights)

        return p_value

    def _sample(
        self, weights: np.ndarray, own: np.ndarray, crossing: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Numerators (draws,) and scores by cluster (draws, G) of bootstrap samples."""
        sums = weights @ own
        return sums, weights @ crossing.T - np.outer(sums / self.leverage.sum(), self.leverage)


def beyond(drawn: np.ndarray, observed: Any, weights: np.ndarray) -> float:
    """Share of draws at least as far out as the data, which are one of them: a p-value."""
    # Ties with the data are exact in theory: the rounding of a product must not break them.
    count = int((drawn >= observed * (1 - 1e-9)).sum())
    draws, clusters = weights.shape
    if clusters < 30 and draws == 2**clusters:
        return count / draws
    return (1 + count) / (1 + draws)


def invert(test: Callable[[float], float], estimate: float, step: float) -> float:
    """The value on one side of the estimate where a test begins to reject at 5 %."""
    inside, outside = estimate, estimate + 2 * step
    for _ in range(12):
        if test(outside) <= LEVEL:
            break
        inside, outside = outside, estimate + 2 * (outside - estimate)
    else:
        return float(np.copysign(np.inf, step))
    while abs(outside - inside) > 1e-5 * abs(step):
        middle = (inside + outside) / 2
        inside, outside = (inside, middle) if test(middle) <= LEVEL else (middle, outside)
    return (inside + outside) / 2


def exposures(
    actual: np.ndarray, draws: int, seed: int, strata: np.ndarray | None = None
) -> np.ndarray:
    """Permute the exposures of the clusters: the actual ones first, then `draws` permutations.

    With `strata`, shape (G,), only among clusters of one value.
    """
    rng = np.random.default_rng(seed)
    permuted = np.tile(actual, (draws, 1))
    for at in _members(actual, strata):
        permuted[:, at] = rng.permuted(permuted[:, at], axis=1)
    return np.vstack([actual, permuted])


def distinct(actual: np.ndarray, strata: np.ndarray | None = None) -> float:
    """How many permutations within strata give clusters other exposures; 1e300 if more."""
    found = 1
    for at in _members(actual, strata):
        equal = np.unique(actual[at], return_counts=True)[1].tolist()
        found *= factorial(len(at)) // prod(factorial(n) for n in equal)
    return float(min(found, 10**300))


def _members(actual: np.ndarray, strata: np.ndarray | None) -> list[np.ndarray]:
    codes = np.zeros(len(actual)) if strata is None else strata
    return [np.flatnonzero(codes == value) for value in np.unique(codes)]


def rank(statistic: np.ndarray) -> float:
    """Share of statistics at least as far from zero as the first, which is the data's."""
    return float((np.abs(statistic) >= abs(statistic[0]) * (1 - 1e-9)).mean())


class Schedule:
    """What permuted exposures share: cross products of the clusters' regressors, by cluster.

    A cluster's regressor is its exposure times the schedule. Residualised, it lies in the rows of
    every cluster, since crossed effects link them; so for each cluster g there is a form in all
    exposures D, Σ_hk T[g, h, k] D_h D_k, that is the sum of squares of the regressor there.

    Attributes
    ----------
    kernel : Kernel
    pairs : ndarray, shape (G (G + 1) / 2, G)
        The forms, a row a pair h ≤ k, a column a cluster g.
    """

    def __init__(self, k: Kernel, schedule: np.ndarray) -> None:
        """Take `schedule`, what multiplies a cluster's exposure in its rows, in their own order."""
        self.kernel = k
        self._own = k.sweep(k.arrange(schedule))
        loadings = k.loadings(self._own)
        self._slopes = k.inverse @ loadings
        groups = len(k.starts)
        products = np.zeros((groups, groups, groups))
        for s in k.stacks:
            spread = k.spread(self._slopes, s)
            np.add.at(products, s.cluster, spread.transpose(0, 2, 1) @ spread)
        across = loadings.T @ self._slopes
        at = np.arange(groups)
        products[at, at, :] -= across
        products[at, :, at] -= across
        products[at, at, at] += k.by_cluster(self._own**2)[:, 0]
        self._first, self._second = np.triu_indices(groups)
        twice = np.where(self._first == self._second, 1.0, 2.0)
        self.pairs = products[:, self._first, self._second].T * twice[:, None]

    def squares(self, exposures: np.ndarray) -> np.ndarray:
        """Sums of squares of the residualised regressor by cluster, shape (draws, G)."""
        found = np.empty_like(exposures)
        # In pieces that stay in the processor's cache.
        for start in range(0, len(exposures), 128):
            part = np.ascontiguousarray(exposures[start : start + 128].T)
            found[start : start + 128] = (part[self._first] * part[self._second]).T @ self.pairs
        return found

    def products(self, y: np.ndarray) -> np.ndarray:
        """Products with residualised outcomes (N, S): of cluster h's regressor in g, (S, G, G)."""
        k = self.kernel
        groups = len(k.starts)
        found = np.zeros((y.shape[1], groups, groups))
        for s in k.stacks:
            spread = k.spread(self._slopes, s).transpose(0, 2, 1)
            np.subtract.at(found.transpose(1, 2, 0), s.cluster, spread @ y[s.rows])
        at = np.arange(groups)
        found[:, at, at] += k.by_cluster(self._own * y).T
        return found


class Permutations:
    """Coefficients and t statistics (CR0) of many exposures, none of them residualised.

    Parameters
    ----------
    schedule : Schedule
    exposures : ndarray, shape (draws, G)
    """

    def __init__(self, schedule: Schedule, exposures: np.ndarray) -> None:
        self.schedule, self.exposures = schedule, exposures
        self.squares = schedule.squares(exposures)
        self.square = self.squares.sum(axis=1)

    def statistics(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients and t statistics of residualised outcomes (N, S), shape (S, draws).

        A standard error that is zero but for rounding, as of two clusters, makes t infinite.
        """
        found = np.empty((2, y.shape[1], len(self.exposures)))
        for at, to_y in enumerate(self.schedule.products(y)):
            products = self.exposures @ to_y.T
            estimate = products.sum(axis=1) / self.square
            scores = products - estimate[:, None] * self.squares
            top, bottom = estimate * self.square, np.sqrt(np.einsum("dg,dg->d", scores, scores))
            found[0, at] = estimate
            sized = bottom > ROUNDING * np.abs(top)
            np.divide(top, bottom, out=found[1, at], where=sized)
            found[1, at, ~sized] = np.copysign(np.inf, estimate[~sized])
        return found[0], found[1]
