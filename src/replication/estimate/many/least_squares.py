"""Least squares with absorbed effects, taken apart by cluster, once for any number of outcomes.

Effects nested in the clusters (university × discipline, university × year) are swept out of each
cluster by itself. What is left of the others (discipline × year) and of the controls is one small
system of K equations for all clusters. After that, an outcome, a permuted exposure, a bootstrap
sample or a study without one cluster costs a matrix product and no fit (MacKinnon, Nielsen and
Webb 2023). Memory is that of the blocks, N × K only in a cluster's own rows and columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from replication.errors import NoVariationError

TOLERANCE = 1e-10
"""Eigenvalues below this part of the largest are zero: collinear dummies, absorbed directions."""


@dataclass(frozen=True)
class Kernel:
    """The regressors that are not of interest, ready to be taken out of anything.

    Attributes
    ----------
    order : ndarray of int, shape (N,)
        Rows of the sample in the order of the clusters. All other arrays keep this order.
    starts : ndarray of int, shape (G,)
        First row of each cluster.
    names : ndarray, shape (G,)
        Values of the cluster column.
    nested : tuple of ndarray, shape (n_g, r_g)
        Orthonormal basis, in a cluster, of the effects nested in it.
    loose : tuple of ndarray, shape (n_g, K_g)
        The other columns that are not zero in a cluster, nested effects taken out.
    columns : tuple of ndarray of int, shape (K_g,)
        Which of the K columns these are.
    inverse : ndarray, shape (K, K)
        Pseudo-inverse of the cross products of the other columns.
    root : ndarray, shape (N,)
        Square roots of the weights by which rows and columns were multiplied.
    """

    order: np.ndarray
    starts: np.ndarray
    names: np.ndarray
    nested: tuple[np.ndarray, ...]
    loose: tuple[np.ndarray, ...]
    columns: tuple[np.ndarray, ...]
    inverse: np.ndarray
    root: np.ndarray

    @property
    def slices(self) -> list[slice]:
        """Rows of each cluster."""
        ends = [*self.starts[1:], len(self.order)]
        return [slice(a, b) for a, b in zip(self.starts, ends, strict=True)]

    def arrange(self, values: np.ndarray) -> np.ndarray:
        """Bring rows of the sample into the order of the clusters, weighted; shape (N, S)."""
        values = np.asarray(values, dtype=float).reshape(len(self.order), -1)[self.order]
        return values * self.root[:, None]

    def sweep(self, values: np.ndarray) -> np.ndarray:
        """Take out the nested effects, cluster by cluster."""
        parts = [
            values[rows] - basis @ (basis.T @ values[rows])
            for rows, basis in zip(self.slices, self.nested, strict=True)
        ]
        return np.concatenate(parts)

    def project(self, values: np.ndarray) -> np.ndarray:
        """Products of the other columns with swept `values` by cluster, shape (G, K, S)."""
        found = np.zeros((len(self.starts), len(self.inverse), values.shape[1]))
        for g, (rows, q, at) in enumerate(zip(self.slices, self.loose, self.columns, strict=True)):
            found[g, at] = q.T @ values[rows]
        return found

    def residualise(self, values: np.ndarray) -> np.ndarray:
        """Take all effects and controls out of arranged `values`, shape (N, S)."""
        swept = self.sweep(values)
        total = np.zeros((len(self.inverse), values.shape[1]))
        for rows, q, at in zip(self.slices, self.loose, self.columns, strict=True):
            total[at] += q.T @ swept[rows]
        slopes = self.inverse @ total
        for rows, q, at in zip(self.slices, self.loose, self.columns, strict=True):
            swept[rows] -= q @ slopes[at]
        return swept

    def by_cluster(self, values: np.ndarray) -> np.ndarray:
        """Sums over the rows of each cluster, shape (G, S)."""
        return np.add.reduceat(values, self.starts, axis=0)


def kernel(
    cluster: pd.Series,
    absorb: pd.DataFrame,
    controls: np.ndarray | None = None,
    weights: np.ndarray | None = None,
) -> Kernel:
    """Take apart the effects and controls of a design.

    Parameters
    ----------
    cluster : Series, shape (N,)
    absorb : DataFrame
        One categorical column an effect; with none of them, a constant.
    controls : ndarray, shape (N, k), optional
    weights : ndarray, shape (N,), optional
        For weighted least squares, such as the last step of a Poisson fit.

    Returns
    -------
    Kernel
    """
    codes, names = pd.factorize(cluster, sort=True)
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(len(names)))
    root = np.ones(len(codes)) if weights is None else np.sqrt(weights)[order]
    effects = [pd.factorize(absorb[c])[0] for c in absorb] or [np.zeros(len(codes), dtype=int)]
    is_nested = [pd.Series(codes).groupby(e).nunique().max() == 1 for e in effects]
    inside = [e[order] for e, n in zip(effects, is_nested, strict=True) if n]
    across = [e[order] for e, n in zip(effects, is_nested, strict=True) if not n]
    extra = np.zeros((len(codes), 0)) if controls is None else np.asarray(controls, float)[order]
    extra = extra - extra.mean(axis=0)
    extra = extra / np.maximum(np.sqrt((extra**2).mean(axis=0)), 1e-300)
    offsets = np.cumsum([0, *(int(e.max()) + 1 for e in across)])
    size = int(offsets[-1]) + extra.shape[1]

    nested, loose, columns = [], [], []
    cross = np.zeros((size, size))
    for rows in np.split(np.arange(len(codes)), starts[1:]):
        basis = _basis(_dummies([e[rows] for e in inside], len(rows))[0] * root[rows, None])
        shifted = [e[rows] + o for e, o in zip(across, offsets[:-1], strict=True)]
        q, at = _dummies(shifted, len(rows))
        q = np.hstack([q, extra[rows]]) * root[rows, None]
        at = np.concatenate([at, np.arange(offsets[-1], size)]).astype(int)
        q = q - basis @ (basis.T @ q)
        cross[np.ix_(at, at)] += q.T @ q
        nested.append(basis)
        loose.append(q)
        columns.append(at)
    inverse = np.linalg.pinv(cross, rcond=TOLERANCE, hermitian=True) if size else cross
    return Kernel(
        order, starts, np.asarray(names), tuple(nested), tuple(loose), tuple(columns), inverse, root
    )


def _dummies(codes: Sequence[np.ndarray], n: int) -> tuple[np.ndarray, np.ndarray]:
    """Dummies of the levels that occur, and which levels these are."""
    columns = [np.zeros((n, 0))]
    levels = [np.zeros(0, dtype=int)]
    for code in codes:
        level, at = np.unique(code, return_inverse=True)
        dummies = np.zeros((n, len(level)))
        dummies[np.arange(n), at] = 1.0
        columns.append(dummies)
        levels.append(level)
    return np.hstack(columns), np.concatenate(levels)


def _basis(columns: np.ndarray) -> np.ndarray:
    """Orthonormal basis of the space of some columns."""
    if not columns.shape[1]:
        return columns
    left, values, _ = np.linalg.svd(columns, full_matrices=False)
    return left[:, values > TOLERANCE * values.max()]


@dataclass(frozen=True)
class Regression:
    """One regressor of interest in a kernel, and what its standard errors need.

    Attributes
    ----------
    kernel : Kernel
    x : ndarray, shape (N, 1)
        Residualised regressor.
    power : ndarray, shape (G,)
        Sum of its squares by cluster.
    """

    kernel: Kernel
    x: np.ndarray
    power: np.ndarray

    @property
    def total(self) -> float:
        """Sum of squares of the residualised regressor."""
        return float(self.power.sum())

    def products(self, residuals: np.ndarray) -> np.ndarray:
        """Products of the regressor with residualised columns by cluster, shape (G, S)."""
        return self.kernel.by_cluster(self.x * residuals)

    @cached_property
    def adjusted(self) -> dict[str, np.ndarray]:
        """Regressor times (I − H_gg)^power in each cluster, shape (N, 1), by kind of variance.

        The power −1/2 gives the variance CR2 of Bell and McCaffrey (2002), −1 the cluster
        jackknife. H is the hat matrix of the whole regression. A direction that only one cluster
        can tell is in no residual, and stays out.
        """
        k = self.kernel
        parts: dict[str, list[np.ndarray]] = {"CR2": [], "CR3": []}
        for rows, q, at in zip(k.slices, k.loose, k.columns, strict=True):
            own = self.x[rows]
            hat = q @ k.inverse[np.ix_(at, at)] @ q.T + own @ own.T / self.total
            values, vectors = np.linalg.eigh(np.eye(len(hat)) - hat)
            kept = values > 1e-8
            turned = vectors[:, kept].T @ own
            for kind, power in (("CR2", -0.5), ("CR3", -1.0)):
                parts[kind].append(vectors[:, kept] @ (values[kept, None] ** power * turned))
        return {kind: np.concatenate(part) for kind, part in parts.items()}


def regression(design: Kernel, x: np.ndarray) -> Regression:
    """Residualise a regressor of interest, shape (N,) in the rows' own order.

    Raises
    ------
    NoVariationError
        If the effects and controls leave nothing of it.
    """
    arranged = design.arrange(x)
    residual = design.residualise(arranged)
    # A second time, since the first leaves the rounding errors of the inverse.
    residual = design.residualise(residual)
    if np.linalg.norm(residual) <= 1e-7 * float(np.linalg.norm(arranged)):
        raise NoVariationError(
            "the fixed effects and controls leave no variation of the treatment: take out an "
            "effect or a control"
        )
    return Regression(design, residual, design.by_cluster(residual**2)[:, 0])


def std_errors(
    reg: Regression, residuals: np.ndarray, kind: str, factor: float = 1.0
) -> np.ndarray:
    """Clustered standard errors of S outcomes.

    Parameters
    ----------
    reg : Regression
    residuals : ndarray, shape (N, S)
        Of the fitted model.
    kind : {"CR1", "CR2", "CR3"}
        CR1: the scores with `factor`. CR2: scores adjusted by (I − H_gg)^(−1/2). CR3: the cluster
        jackknife, (G − 1)/G Σ (estimate without g − estimate)²; for a Poisson model each estimate
        without a cluster is one Newton step from the whole.
    factor : float
        Of CR1.

    Returns
    -------
    ndarray, shape (S,)
    """
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
    loadings = np.zeros((len(k.inverse), len(k.starts)))
    for g, (rows, q, at) in enumerate(zip(k.slices, k.loose, k.columns, strict=True)):
        loadings[at, g] = (q.T @ moved[rows])[:, 0]
    own = reg.products(moved)
    m = np.diag(k.by_cluster(moved**2)[:, 0])
    m = m - loadings.T @ k.inverse @ loadings - own @ own.T / reg.total
    return float(np.trace(m) ** 2 / (m**2).sum())


def effective(power: np.ndarray) -> np.ndarray:
    """G* = G / (1 + squared coefficient of variation) of contributions, shape (G, S)."""
    return power.sum(axis=0) ** 2 / (power**2).sum(axis=0)
