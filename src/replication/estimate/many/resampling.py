"""Bootstrap and permutation from the sufficient statistics of a kernel, many outcomes at once."""

from typing import Any, Literal

import numpy as np

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
        return np.array([self._p(s, float(b), weights) for s, b in enumerate(nulls)])

    def _p(self, s: int, null: float, weights: np.ndarray) -> float:
        own = self.own_y[s] - null * self.leverage
        crossing = self.cross_y[s] - null * self.cross_x
        total = self.leverage.sum()
        gap = own.sum() / total
        observed = abs(own.sum()) / np.linalg.norm(own - gap * self.leverage)
        moves = weights @ own / total
        scores = weights @ crossing.T - np.outer(moves, self.leverage)
        return _p_value(np.abs(moves * total), np.linalg.norm(scores, axis=1), observed, weights)


def _p_value(top: np.ndarray, bottom: np.ndarray, observed: float, weights: np.ndarray) -> float:
    """Share of draws at least as far out as the data, which are one of them."""
    # Ties with the data are exact in theory: the rounding of a product must not break them.
    beyond = int((top >= (observed * (1 - 1e-9)) * bottom).sum())
    draws, clusters = weights.shape
    if clusters < 30 and draws == 2**clusters:
        return beyond / draws
    return (1 + beyond) / (1 + draws)


def exposures(actual: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """Permute the exposures of the clusters: the actual ones first, then `draws` permutations."""
    rng = np.random.default_rng(seed)
    return np.vstack([actual, rng.permuted(np.tile(actual, (draws, 1)), axis=1)])


def rank(statistic: np.ndarray) -> float:
    """Share of statistics at least as far from zero as the first, which is the data's."""
    return float((np.abs(statistic) >= abs(statistic[0]) * (1 - 1e-9)).mean())


class Permutations:
    """Coefficients and t statistics (CR0) of many exposures, none of them residualised.

    Parameters
    ----------
    k : Kernel
    schedule : ndarray, shape (N,)
        What multiplies a cluster's exposure in its rows, in the rows' own order.
    exposures : ndarray, shape (draws, G)
    """

    def __init__(self, k: Kernel, schedule: np.ndarray, exposures: np.ndarray) -> None:
        self.kernel, self.exposures = k, exposures
        self.schedule = k.sweep(k.arrange(schedule))
        loadings = k.loadings(self.schedule)
        self.slopes = k.inverse @ loadings
        diagonal = k.by_cluster(self.schedule**2)[:, 0]
        # The regressor of cluster h, residualised, lies in the rows of every cluster g. `to_x` are
        # its products there with the regressors of the other clusters.
        self.squares = np.empty_like(exposures)
        products = np.zeros((len(diagonal), len(diagonal), len(diagonal)))
        for s in k.stacks:
            spread = k.spread(self.slopes, s)
            np.add.at(products, s.cluster, spread.transpose(0, 2, 1) @ spread)
        for g, to_x in enumerate(products):
            across = loadings[:, g] @ self.slopes
            to_x[g, :] -= across
            to_x[:, g] -= across
            to_x[g, g] += diagonal[g]
            # In pieces that stay in the processor's cache.
            for at_once in range(0, len(exposures), 512):
                part = exposures[at_once : at_once + 512]
                self.squares[at_once : at_once + 512, g] = ((part @ to_x) * part).sum(axis=1)
        self.square = self.squares.sum(axis=1)

    def statistics(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients and t statistics of residualised outcomes (N, S), shape (S, draws)."""
        k = self.kernel
        groups = len(k.starts)
        own = k.by_cluster(self.schedule * y)
        to_y = np.zeros((y.shape[1], groups, groups))
        for s in k.stacks:
            spread = k.spread(self.slopes, s).transpose(0, 2, 1)
            np.subtract.at(to_y.transpose(1, 2, 0), s.cluster, spread @ y[s.rows])
        diagonal = np.arange(groups)
        to_y[:, diagonal, diagonal] += own.T
        found = []
        for one in to_y:
            products = self.exposures @ one.T
            estimate = products.sum(axis=1) / self.square
            scores = products - estimate[:, None] * self.squares
            found.append((estimate, estimate * self.square / np.linalg.norm(scores, axis=1)))
        estimates, statistics = zip(*found, strict=True)
        return np.array(estimates), np.array(statistics)
