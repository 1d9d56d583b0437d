"""The regressors of interest in a kernel: what every clustered variance and resampling needs."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from replication.errors import DesignError, NoVariationError
from replication.estimate.convention import correction
from replication.estimate.many.least_squares import Kernel, kernel
from replication.estimate.sample import Sample

ALONE = 1e-8
"""An eigenvalue of I − H below this is zero: one cluster alone tells that direction."""

SAFE = 1e-5
"""A squared pivot of I − H above this in all columns: the block has an inverse."""


@dataclass(frozen=True)
class Regression:
    """Regressors of interest in a kernel.

    Attributes
    ----------
    kernel : Kernel
    x : ndarray, shape (N, Q)
        Residualised regressors.
    factor : float
        Small-sample factor of CR1.
    """

    kernel: Kernel
    x: np.ndarray
    factor: float

    @cached_property
    def squares(self) -> np.ndarray:
        """Cross products of the regressors by cluster, shape (G, Q, Q)."""
        return np.array([self.x[rows].T @ self.x[rows] for rows in self.kernel.slices])

    @cached_property
    def bread(self) -> np.ndarray:
        """Inverse of the regressors' cross products, shape (Q, Q)."""
        return np.linalg.inv(self.squares.sum(axis=0))

    @property
    def leverage(self) -> np.ndarray:
        """Of one regressor: sum of its squares by cluster, shape (G,)."""
        return self.squares[:, 0, 0]

    @property
    def total(self) -> float:
        """Of one regressor: sum of its squares."""
        return float(self.leverage.sum())

    def fit(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """One regressor: coefficients (S,), residuals (N, S) of outcomes (N, S) in rows' order."""
        y = self.kernel.residualise(self.kernel.arrange(y))
        estimate = self.products(y).sum(axis=0) / self.total
        return estimate, y - estimate * self.x

    def products(self, residuals: np.ndarray) -> np.ndarray:
        """Products of one regressor with residualised columns by cluster, shape (G, S)."""
        return self.kernel.by_cluster(self.x * residuals)

    @cached_property
    def _hats(self) -> list[tuple[slice, np.ndarray, np.ndarray]]:
        """Rows of each cluster, eigenvectors and values of its block of the hat matrix."""
        return [
            (rows, *_eigen(q, self.kernel.inverse[np.ix_(at, at)], self.x[rows], self.bread))
            for rows, q, at in self.kernel.blocks
        ]

    @cached_property
    def bias_reduced(self) -> np.ndarray:
        """Regressors times (I − H_gg)^(−1/2) in each cluster, shape (N, Q): Bell and McCaffrey.

        H is the hat matrix of the whole regression. A direction that only one cluster can tell is
        in no residual, and stays out.
        """
        return np.concatenate(
            [_power(self.x[r], vectors, values, -0.5) for r, vectors, values in self._hats]
        )

    @cached_property
    def left_out(self) -> tuple[np.ndarray, np.ndarray]:
        """Regressors times (I − H_gg)^(−1) in each cluster, (N, Q): the cluster jackknife.

        Beside them the names of the clusters without which a regressor does not vary any more.
        """
        parts, alone = [], []
        k = self.kernel
        for g, (rows, q, at) in enumerate(k.blocks):
            own, inverse = self.x[rows], k.inverse[np.ix_(at, at)]
            solved = None
            if len(q) <= q.shape[1] + own.shape[1]:
                solved = _solve(own, q @ inverse @ q.T + own @ self.bread @ own.T)
            if solved is None:
                vectors, values = _eigen(q, inverse, own, self.bread)
                solved = _power(own, vectors, values, -1.0)
                lost = vectors[:, 1 - values <= ALONE].T @ own
                if (np.linalg.norm(lost, axis=0) > 1e-6 * np.linalg.norm(own, axis=0)).any():
                    alone.append(k.names[g])
            parts.append(solved)
        return np.concatenate(parts), np.array(alone)


def _solve(own: np.ndarray, hat: np.ndarray) -> np.ndarray | None:
    """(I − H)^(−1) times the regressors, or nothing where I − H has no inverse to speak of."""
    left = np.eye(len(hat)) - hat
    try:
        pivots = np.diag(np.linalg.cholesky(left)) ** 2
    except np.linalg.LinAlgError:
        return None
    return np.linalg.solve(left, own) if pivots.min() > SAFE else None


def _eigen(
    q: np.ndarray, inverse: np.ndarray, own: np.ndarray, bread: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvectors and values of q (inverse) q' + own (bread) own', as many as its rank can be.

    A cluster of thousands of rows has a hat matrix of a few columns: what is decomposed is the
    smaller of the two.
    """
    if len(q) <= q.shape[1] + own.shape[1]:
        values, vectors = np.linalg.eigh(q @ inverse @ q.T + own @ bread @ own.T)
        return vectors, values
    factor = np.hstack([q @ _root(inverse), own @ _root(bread)])
    left, values, _ = np.linalg.svd(factor, full_matrices=False)
    return left, values**2


def _root(matrix: np.ndarray) -> np.ndarray:
    """A factor F with FF' the symmetric `matrix`."""
    values, vectors = np.linalg.eigh(matrix)
    return vectors * np.sqrt(np.maximum(values, 0.0))


def _power(own: np.ndarray, vectors: np.ndarray, values: np.ndarray, power: float) -> np.ndarray:
    """(I − H)^power times the regressors, directions of eigenvalue 1 of H left out."""
    kept = 1 - values > ALONE
    change = np.where(kept, np.maximum(1 - values, ALONE) ** power, 0.0) - 1
    return own + vectors @ (change[:, None] * (vectors.T @ own))


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
    return regressions(sample, method, weights)


def regressions(sample: Sample, method: str, weights: np.ndarray | None = None) -> Regression:
    """Take a sample apart and residualise all its regressors of interest, as `regression` does."""
    design = kernel(sample, method, weights)
    arranged = design.arrange(sample.rows[list(sample.terms)].to_numpy(dtype=float))
    residual = design.residualise(arranged)
    # A second time, since the first leaves the rounding errors of the inverse.
    residual = design.residualise(residual)
    size = np.linalg.norm(residual, axis=0)
    if (size <= 1e-7 * np.linalg.norm(arranged, axis=0)).any():
        raise NoVariationError(
            "the fixed effects and controls leave no variation of the treatment: take out an "
            "effect or a control"
        )
    if np.linalg.matrix_rank(residual / size, tol=1e-7) < residual.shape[1]:
        raise NoVariationError(
            f"{', '.join(map(repr, sample.terms))} are collinear once effects and controls are "
            "out: take out one of them"
        )
    factor, _, _ = correction(sample, sample.k)
    return Regression(design, residual, factor)
