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
    working : ndarray, shape (N,)
        Variance that each row's residual has in the working model of CR2, up to a factor:
        1 / weight, and for the counts of a Poisson model their mean.
    """

    kernel: Kernel
    x: np.ndarray
    factor: float
    working: np.ndarray

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
    def bias_reduced(self) -> np.ndarray:
        """Regressors times the adjustment matrix of CR2 in each cluster, shape (N, Q).

        Least squares: (I − H_gg)^(−1/2), H the hat matrix (Bell and McCaffrey 2002). Under errors
        of unequal variance Φ it is Φ [Φ (I − H_gg) Φ]^(−1/2), H being that of the weighted rows:
        the matrix D'B^(−1/2)D of Pustejovsky and Tipton (2018), D = Φ^(1/2), with
        weights in inverse proportion to Φ. A direction that only one cluster can tell is in no
        residual, and stays out.
        """
        alike = np.ptp(self.working) <= 1e-12 * self.working.max()
        found = []
        for g, rows in enumerate(self.kernel.slices):
            own = self.x[rows]
            if alike:
                found.append(_power(own, *self._hat(g), -0.5))
                continue
            left, spread = self._left(g), self.working[rows] / self.working.max()
            rank = int((np.linalg.eigvalsh(left) > ALONE).sum())
            values, vectors = np.linalg.eigh(spread[:, None] * left * spread)
            # In rising order: eigenvalues beyond the rank are rounding errors. It may be zero, as
            # of a university with one cell, whose rows university × year effects take up.
            kept = np.arange(len(values)) >= len(values) - rank
            values, vectors = values[kept], spread[:, None] * vectors[:, kept]
            found.append(vectors @ (vectors.T @ (own / spread[:, None]) / np.sqrt(values)[:, None]))
        # Of the nested effects, which are in no residual, Φ has brought something back.
        return self.kernel.sweep(np.concatenate(found))

    def _left(self, g: int) -> np.ndarray:
        """A cluster's block of I − H, the effects nested in it included, shape (n, n)."""
        rows, (q, inverse) = self.kernel.slices[g], self._crossed(g)
        own = self.x[rows]
        left = np.eye(len(own)) - q @ inverse @ q.T - own @ self.bread @ own.T
        for s in self.kernel.stacks:
            for i in np.flatnonzero(s.cluster == g):
                at = s.rows[i] - rows.start
                left[np.ix_(at, at)] -= s.nested[i] @ s.nested[i].T
        return left

    def _hat(self, g: int) -> tuple[np.ndarray, np.ndarray]:
        """Eigenvectors and values of a cluster's block of the hat matrix less its nested effects.

        These are in no residual and no regressor.
        """
        return _eigen(*self._crossed(g), self.x[self.kernel.slices[g]], self.bread)

    def _crossed(self, g: int) -> tuple[np.ndarray, np.ndarray]:
        """Crossed columns of a cluster, shape (n, K_g), and their part of the inverse."""
        k, rows = self.kernel, self.kernel.slices[g]
        own = [(s, np.flatnonzero(s.cluster == g)) for s in k.stacks]
        own = [(s, i) for s, i in own if len(i)]
        at = np.unique(np.concatenate([s.columns[i].ravel() for s, i in own]))
        q = np.zeros((rows.stop - rows.start, len(at)))
        for s, i in own:
            places = np.searchsorted(at, s.columns[i])
            q[s.rows[i][:, :, None] - rows.start, places[:, None, :]] = k.crossed(s, i)
        controls = np.arange(len(k.inverse) - k.controls.shape[1], len(k.inverse))
        at = np.concatenate([at, controls])
        return np.hstack([q, k.controls[rows]]), k.inverse[np.ix_(at, at)]

    @cached_property
    def left_out(self) -> tuple[np.ndarray, np.ndarray]:
        """Regressors times (I − H_gg)^(−1) in each cluster, (N, Q): the cluster jackknife.

        Beside them the names of the clusters without which a regressor does not vary any more.

        Notes
        -----
        H is the hat matrix of the effects, block by block, and that of what effects leave of
        controls and regressors, Z (Z'Z)^(−1) Z'. With B = I less the effects' block and
        M = Z_g'B^(−1)Z_g it is (I − H)^(−1) Z_g = B^(−1) Z_g (Z'Z − M)^(−1) Z'Z.
        """
        k, own = self.kernel, self.x.shape[1]
        z = np.hstack([k.controls, self.x])
        solved, bad = _solve(k, z)
        alone, found = [], np.empty_like(self.x)
        whole = z.T @ z
        for g, rows in enumerate(k.slices):
            rest = whole - z[rows].T @ solved[rows]
            if g not in bad and _invertible(rest, whole):
                found[rows] = (solved[rows] @ np.linalg.solve(rest, whole))[:, -own:]
                continue
            vectors, values = self._hat(g)
            found[rows] = _power(self.x[rows], vectors, values, -1.0)
            lost = np.linalg.norm(vectors[:, 1 - values <= ALONE].T @ self.x[rows], axis=0)
            if (lost > 1e-6 * np.linalg.norm(self.x[rows], axis=0)).any():
                alone.append(k.names[g])
        return found, np.array(alone)


def _solve(k: Kernel, z: np.ndarray) -> tuple[np.ndarray, set[int]]:
    """(I − effects' block of the hat matrix)^(−1) z, and the clusters where it has no inverse."""
    solved, bad = np.empty_like(z), set()
    for s in k.stacks:
        left = np.eye(s.rows.shape[1]) - k.hat(s)
        safe = _safe(left)
        bad |= set(s.cluster[~safe].tolist())
        left[~safe] = np.eye(left.shape[1])
        solved[s.rows] = np.linalg.solve(left, z[s.rows])
    return solved, bad


def _safe(matrices: np.ndarray) -> np.ndarray:
    """Whether symmetric matrices (B, n, n) are positive definite, and far from being not."""
    try:
        pivots = np.linalg.cholesky(matrices).diagonal(axis1=1, axis2=2) ** 2
    except np.linalg.LinAlgError:
        return np.linalg.eigvalsh(matrices)[:, 0] > SAFE
    return pivots.min(axis=1) > SAFE


def _invertible(rest: np.ndarray, whole: np.ndarray) -> bool:
    """Whether what the other clusters leave of cross products is of full rank."""
    size = np.sqrt(np.diag(whole))
    return bool(np.linalg.eigvalsh(rest / np.outer(size, size))[0] > SAFE)


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
    """Take a sample apart and residualise its one regressor of interest; as `regressions`.

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
    """Take a sample apart and residualise all its regressors of interest, as `regression` does.

    `weights` are the means of a Poisson model.
    """
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
    squared = design.root**2
    # Weights that are almost zero would hide a dimension from the kernel's own count.
    factor, _, _ = correction(sample, sample.k, design.added if np.ptp(squared) == 0 else None)
    return Regression(design, residual, factor, 1 / squared if weights is None else squared)
