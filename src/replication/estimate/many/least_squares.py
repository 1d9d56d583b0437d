"""Least squares with absorbed effects, taken apart by cluster, once for any number of outcomes.

Effects nested in the clusters (university × discipline, university × year) are swept out of each
cluster by itself. What is left of the crossed ones (discipline × year) and of the controls is one
small system of K equations for all clusters. After that, an outcome, a permuted exposure, a
bootstrap sample or a study without one cluster costs a matrix product and no fit (MacKinnon,
Nielsen and Webb 2023). Memory is that of the blocks: N × K in a cluster's own rows and columns.

Libraries take effects out of given columns; none keeps the cross products by cluster that the tests
for few clusters are made of.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from replication.errors import DesignError, NoVariationError
from replication.estimate.convention import correction
from replication.estimate.effects import is_nested
from replication.estimate.sample import Sample

TOLERANCE = 1e-10
"""Eigenvalues below this part of the largest are zero: collinear dummies, absorbed directions."""

ALONE = 1e-8
"""An eigenvalue of I − H below this is zero: one cluster alone tells that direction."""


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
    crossed : tuple of ndarray, shape (n_g, K_g)
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
    crossed: tuple[np.ndarray, ...]
    columns: tuple[np.ndarray, ...]
    inverse: np.ndarray
    root: np.ndarray

    @property
    def slices(self) -> list[slice]:
        """Rows of each cluster."""
        ends = [*self.starts[1:], len(self.order)]
        return [slice(a, b) for a, b in zip(self.starts, ends, strict=True)]

    @property
    def blocks(self) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """Rows, crossed columns and their numbers, cluster by cluster."""
        return zip(self.slices, self.crossed, self.columns, strict=True)

    def loadings(self, values: np.ndarray) -> np.ndarray:
        """Products of the crossed columns with one swept column, by cluster, shape (K, G)."""
        found = np.zeros((len(self.inverse), len(self.starts)))
        for g, (rows, q, at) in enumerate(self.blocks):
            found[at, g] = (q.T @ values[rows])[:, 0]
        return found

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

    def residualise(self, values: np.ndarray) -> np.ndarray:
        """Take all effects and controls out of arranged `values`, shape (N, S)."""
        swept = self.sweep(values)
        total = np.zeros((len(self.inverse), values.shape[1]))
        for rows, q, at in self.blocks:
            total[at] += q.T @ swept[rows]
        slopes = self.inverse @ total
        for rows, q, at in self.blocks:
            swept[rows] -= q @ slopes[at]
        return swept

    def by_cluster(self, values: np.ndarray) -> np.ndarray:
        """Sums over the rows of each cluster, shape (G, S)."""
        return np.add.reduceat(values, self.starts, axis=0)


def kernel(sample: Sample, method: str, weights: np.ndarray | None = None) -> Kernel:
    """Take apart the effects and controls of a sample; without an effect, a constant is taken out.

    `method` is what asks for it, for the message where there is not one dimension of clusters.
    `weights`, shape (N,), are the design's unless given, as for the last step of a Poisson fit.
    """
    codes = sample.cluster(method)
    names = pd.factorize(sample.rows[sample.design.clusters[0]], sort=True)[1]
    if weights is None and sample.design.weights is not None:
        weights = sample.rows[sample.design.weights].to_numpy(dtype=float)
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(len(names)))
    root = np.ones(len(codes)) if weights is None else np.sqrt(weights)[order]
    effects = sample.effect_codes or [np.zeros(len(codes), dtype=int)]
    inside = [e[order] for e in effects if is_nested(e, codes)]
    across = [e[order] for e in effects if not is_nested(e, codes)]
    extra = sample.rows[list(sample.controls)].to_numpy(dtype=float)[order]
    extra = extra - extra.mean(axis=0)
    extra = extra / np.maximum(np.sqrt((extra**2).mean(axis=0)), 1e-300)
    offsets = np.cumsum([0, *(int(e.max()) + 1 for e in across)])
    size = int(offsets[-1]) + extra.shape[1]

    nested, crossed, columns = [], [], []
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
        crossed.append(q)
        columns.append(at)
    inverse = np.linalg.pinv(cross, rcond=TOLERANCE, hermitian=True) if size else cross
    parts = tuple(nested), tuple(crossed), tuple(columns)
    return Kernel(order, starts, np.asarray(names), *parts, inverse, root)


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


def _hat(q: np.ndarray, inverse: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvectors and values of q (inverse) q' + own own', as many as its rank can have at most.

    A cluster of thousands of rows has a hat matrix of a few columns: what is decomposed is the
    smaller of the two.
    """
    if len(q) <= q.shape[1] + 1:
        values, vectors = np.linalg.eigh(q @ inverse @ q.T + own @ own.T)
        return vectors, values
    values, vectors = np.linalg.eigh(inverse)
    factor = np.hstack([q @ (vectors * np.sqrt(np.maximum(values, 0.0))), own])
    left, values, _ = np.linalg.svd(factor, full_matrices=False)
    return left, values**2


@dataclass(frozen=True)
class Regression:
    """One regressor of interest in a kernel, and what its standard errors need.

    Attributes
    ----------
    kernel : Kernel
    x : ndarray, shape (N, 1)
        Residualised regressor.
    leverage : ndarray, shape (G,)
        Sum of its squares by cluster, the partial leverage of the clusters times `total`.
    factor : float
        Small-sample factor of CR1.
    """

    kernel: Kernel
    x: np.ndarray
    leverage: np.ndarray
    factor: float

    @property
    def total(self) -> float:
        """Sum of squares of the residualised regressor."""
        return float(self.leverage.sum())

    def fit(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients (S,) and residuals (N, S) of outcomes (N, S) in the rows' own order."""
        y = self.kernel.residualise(self.kernel.arrange(y))
        estimate = self.products(y).sum(axis=0) / self.total
        return estimate, y - estimate * self.x

    def products(self, residuals: np.ndarray) -> np.ndarray:
        """Products of the regressor with residualised columns by cluster, shape (G, S)."""
        return self.kernel.by_cluster(self.x * residuals)

    @cached_property
    def _hats(self) -> list[tuple[slice, np.ndarray, np.ndarray]]:
        """Rows of each cluster, eigenvectors and values of its block of the hat matrix."""
        k, scale = self.kernel, np.sqrt(self.total)
        return [
            (rows, *_hat(q, k.inverse[np.ix_(at, at)], self.x[rows] / scale))
            for rows, q, at in k.blocks
        ]

    @cached_property
    def indispensable(self) -> np.ndarray:
        """Names of the clusters without which the regressor does not vary any more."""
        alone = [
            np.linalg.norm(vectors[:, 1 - values <= ALONE].T @ self.x[rows])
            > 1e-6 * np.linalg.norm(self.x[rows])
            for rows, vectors, values in self._hats
        ]
        return self.kernel.names[np.array(alone)]

    @cached_property
    def adjusted(self) -> dict[str, np.ndarray]:
        """Regressor times (I − H_gg)^power in each cluster, shape (N, 1), by kind of variance.

        The power −1/2 gives the variance CR2 of Bell and McCaffrey (2002), −1 the cluster
        jackknife. H is the hat matrix of the whole regression. A direction that only one cluster
        can tell is in no residual, and stays out.
        """
        parts: dict[str, list[np.ndarray]] = {"CR2": [], "CR3": []}
        for rows, vectors, values in self._hats:
            own = self.x[rows]
            kept, turned = 1 - values > ALONE, vectors.T @ own
            for kind, power in (("CR2", -0.5), ("CR3", -1.0)):
                change = np.where(kept, np.maximum(1 - values, ALONE) ** power, 0.0) - 1
                parts[kind].append(own + vectors @ (change[:, None] * turned))
        return {kind: np.concatenate(part) for kind, part in parts.items()}


def regression(sample: Sample, method: str, weights: np.ndarray | None = None) -> Regression:
    """Take a sample apart and residualise its one regressor of interest; arguments as of `kernel`.

    Raises
    ------
    NoVariationError
        If the effects and controls leave nothing of the regressor.
    DesignError
        If there are several regressors of interest, or not one dimension of clusters.
    """
    if len(sample.terms) != 1:
        raise DesignError(
            f"{method} is about one coefficient, and the design has {', '.join(sample.terms)}: "
            "name one treatment, the others as controls"
        )
    design = kernel(sample, method, weights)
    arranged = design.arrange(sample.rows[sample.terms[0]].to_numpy())
    residual = design.residualise(arranged)
    # A second time, since the first leaves the rounding errors of the inverse.
    residual = design.residualise(residual)
    if np.linalg.norm(residual) <= 1e-7 * float(np.linalg.norm(arranged)):
        raise NoVariationError(
            "the fixed effects and controls leave no variation of the treatment: take out an "
            "effect or a control"
        )
    factor, _, _ = correction(sample, sample.k)
    return Regression(design, residual, design.by_cluster(residual**2)[:, 0], factor)
