"""Clustered variances of a regression taken apart by cluster, and how many clusters it is worth."""

from typing import Any

import numpy as np

from replication.errors import DesignError
from replication.estimate.many.regression import Regression


def scores(reg: Regression, residuals: np.ndarray, kind: str) -> np.ndarray:
    """What each cluster adds to the regressors' normal equations, by kind of variance.

    CR1: its products of regressors and residuals. CR2: residuals adjusted as by
    `Regression.bias_reduced`. CR3: by (I − H_gg)^(−1), so that times the bread they are the moves
    of the coefficients when the cluster is left out.

    Returns
    -------
    ndarray, shape (G, Q) or (G, S)
        From residuals (N, 1) of a model of Q regressors, or (N, S) of S models of one.
    """
    if kind == "CR1":
        return reg.kernel.by_cluster(reg.x * residuals)
    adjusted = reg.bias_reduced if kind == "CR2" else reg.left_out[0]
    return reg.kernel.by_cluster(adjusted * residuals)


def scale(reg: Regression, kind: str) -> float:
    """Factor of the sum over clusters: CR1 the small-sample factor, CR3 (G − 1)/G, CR2 none."""
    return {"CR1": reg.factor, "CR2": 1.0, "CR3": 1 - 1 / len(reg.kernel.starts)}[kind]


def vcov(reg: Regression, residuals: np.ndarray, kind: str) -> np.ndarray:
    """Clustered variance of the coefficients, shape (Q, Q), from residuals (N, 1).

    CR3 is the cluster jackknife, (G − 1)/G Σ (b without g − b)²; for a Poisson model each estimate
    without a cluster is one Newton step from the whole.
    """
    moves = scores(reg, residuals, kind) @ reg.bread
    return scale(reg, kind) * moves.T @ moves


def std_errors(reg: Regression, residuals: np.ndarray, kind: str) -> np.ndarray:
    """Standard errors (S,) of one regressor's coefficient, from residuals (N, S) of S models."""
    summed = (scores(reg, residuals, kind) ** 2).sum(axis=0)
    return np.sqrt(scale(reg, kind) * summed) / reg.total


def covariances(reg: Regression, weights: np.ndarray) -> np.ndarray:
    """Covariances of the CR2 scores of contrasts under independent errors of one variance.

    Parameters
    ----------
    reg : Regression
    weights : ndarray, shape (Q, M)
        Each of M contrasts as a sum of regressors.

    Returns
    -------
    ndarray, shape (G, M, G, M)
    """
    k, groups, m = reg.kernel, len(reg.kernel.starts), weights.shape[1]
    moved = reg.bias_reduced @ weights
    loadings = np.concatenate([k.loadings(column[:, None]) for column in moved.T], axis=1)
    own = np.array([reg.x[rows].T @ moved[rows] for rows in k.slices])  # (G, Q, M)
    across = (loadings.T @ k.inverse @ loadings).reshape(m, groups, m, groups)
    found = -across.transpose(1, 0, 3, 2)
    found -= np.einsum("gqm,qp,hpn->gmhn", own, reg.bread, own)
    for g, rows in enumerate(k.slices):
        found[g, :, g, :] += moved[rows].T @ moved[rows]
    return found


def degrees_of_freedom(reg: Regression, contrast: np.ndarray | None = None) -> float:
    """Satterthwaite degrees of freedom of CR2 under independent errors of one variance.

    Bell and McCaffrey (2002); Imbens and Kolesár (2016). A property of the design alone: with like
    clusters about G − 1, with few that matter much less. `contrast`, shape (Q,), is a sum of the
    coefficients; without it the regression has one.
    """
    weights = reg.bread @ _contrast(reg, contrast)
    m = covariances(reg, weights[:, None])[:, 0, :, 0]
    return float(np.trace(m) ** 2 / (m**2).sum())


def wald_degrees_of_freedom(reg: Regression, contrasts: np.ndarray) -> float:
    """η of the small-sample Wald test HTZ of contrasts (Q, M) with the variance CR2.

    The variance of the M contrasts is approximated by a Wishart distribution with η degrees of
    freedom (Pustejovsky and Tipton 2018); with one contrast it is Satterthwaite's.
    """
    p = covariances(reg, reg.bread @ contrasts)
    # What CR2 is expected to be; with weights, not quite the variance that it estimates.
    values, vectors = np.linalg.eigh(np.einsum("gmgn->mn", p))
    standard = vectors * values**-0.5 @ vectors.T
    p = np.einsum("im,gmhn,nj->gihj", standard, p, standard)
    traces = np.einsum("gmhm->gh", p)
    spread = (traces**2).sum() + np.einsum("gmhn,gnhm->", p, p)
    m = contrasts.shape[1]
    return float(m * (m + 1) / spread)


def effective(leverage: np.ndarray) -> np.ndarray:
    """G* = G / (1 + squared coefficient of variation) of the clusters' leverage, shape (G, S)."""
    return leverage.sum(axis=0) ** 2 / (leverage**2).sum(axis=0)


def leverage(reg: Regression, contrast: np.ndarray | None = None) -> np.ndarray:
    """Part of each cluster in the variation behind a contrast (Q,), shape (G,), up to a factor."""
    weights = reg.bread @ _contrast(reg, contrast)
    return np.einsum("q,gqp,p->g", weights, reg.squares, weights)


def _contrast(reg: Regression, contrast: Any) -> np.ndarray:
    if contrast is not None:
        return np.asarray(contrast, dtype=float)
    if reg.x.shape[1] > 1:
        raise DesignError("name a contrast: the regression has several coefficients")
    return np.ones(1)
