"""Clustered variances of a regression taken apart by cluster, and how many clusters it is worth."""

import numpy as np

from replication.estimate.many.least_squares import Regression


def std_errors(reg: Regression, residuals: np.ndarray, kind: str) -> np.ndarray:
    """Clustered standard errors of S outcomes, shape (S,), from residuals (N, S) of their models.

    CR1: the scores with the small-sample factor. CR2: scores adjusted by (I − H_gg)^(−1/2). CR3:
    the cluster jackknife, (G − 1)/G Σ (estimate without g − estimate)²; for a Poisson model each
    estimate without a cluster is one Newton step from the whole.
    """
    factor = reg.factor
    if kind == "CR1":
        scores = reg.products(residuals)
    else:
        scores = reg.kernel.by_cluster(reg.adjusted[kind] * residuals)
        g = len(scores)
        factor = 1 - 1 / g if kind == "CR3" else 1.0
    return np.sqrt(factor * (scores**2).sum(axis=0)) / reg.total


def degrees_of_freedom(reg: Regression) -> float:
    """Satterthwaite degrees of freedom of CR2 under independent errors of one variance.

    Bell and McCaffrey (2002); Imbens and Kolesár (2016). A property of the design alone: with like
    clusters about G − 1, with few that matter much less.
    """
    k = reg.kernel
    moved = reg.adjusted["CR2"]
    loadings = k.loadings(moved)
    own = reg.products(moved)
    m = np.diag(k.by_cluster(moved**2)[:, 0])
    m = m - loadings.T @ k.inverse @ loadings - own @ own.T / reg.total
    return float(np.trace(m) ** 2 / (m**2).sum())


def effective(leverage: np.ndarray) -> np.ndarray:
    """G* = G / (1 + squared coefficient of variation) of the clusters' leverage, shape (G, S)."""
    return leverage.sum(axis=0) ** 2 / (leverage**2).sum(axis=0)
