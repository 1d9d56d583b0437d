"""Least squares with absorbed effects, taken apart by cluster, once for any number of outcomes.

Effects nested in the clusters (university × discipline, university × year) are swept out of each
cluster by itself. What is left of the crossed ones (discipline × year) and of the controls is one
small system of K equations for all clusters. After that, an outcome, a permuted exposure, a
bootstrap sample or a study without one cluster costs a matrix product and no fit (MacKinnon,
Nielsen and Webb 2023). Memory is that of the blocks: N × K in a cluster's own rows and columns.

Libraries take effects out of given columns; none keeps the cross products by cluster that the tests
for few clusters are made of.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.linalg import block_diag
from scipy.sparse.csgraph import connected_components

from replication.estimate.convention import is_nested
from replication.estimate.sample import Sample

TOLERANCE = 1e-10
"""Eigenvalues below this part of the largest are zero: collinear dummies, absorbed directions."""


@dataclass(frozen=True)
class Block:
    """Rows of one cluster that no effect links to its other rows.

    Attributes
    ----------
    rows : slice
    cluster : int
        Counted from 0.
    nested : ndarray, shape (n, r)
        Orthonormal basis of the effects nested in the cluster.
    crossed : ndarray, shape (n, k)
        The other columns that are not zero here, nested effects taken out: dummies of the crossed
        effects, then the controls, of which all effects are taken out.
    columns : ndarray of int, shape (k,)
        Which of the K columns these are.
    """

    rows: slice
    cluster: int
    nested: np.ndarray
    crossed: np.ndarray
    columns: np.ndarray


@dataclass(frozen=True)
class Kernel:
    """The regressors that are not of interest, ready to be taken out of anything.

    Attributes
    ----------
    order : ndarray of int, shape (N,)
        Rows of the sample in the order of the clusters, and in a cluster of its blocks. All other
        arrays keep this order.
    starts : ndarray of int, shape (G,)
        First row of each cluster.
    names : ndarray, shape (G,)
        Values of the cluster column.
    blocks : tuple of Block
        In the order of the rows.
    inverse : ndarray, shape (K, K)
        Pseudo-inverse of the cross products of the crossed columns.
    root : ndarray, shape (N,)
        Square roots of the weights by which rows and columns were multiplied.
    controls : int
        How many of the K columns, the last, are controls.
    """

    order: np.ndarray
    starts: np.ndarray
    names: np.ndarray
    blocks: tuple[Block, ...]
    inverse: np.ndarray
    root: np.ndarray
    controls: int = 0

    @property
    def slices(self) -> list[slice]:
        """Rows of each cluster."""
        ends = [*self.starts[1:], len(self.order)]
        return [slice(a, b) for a, b in zip(self.starts, ends, strict=True)]

    def loadings(self, values: np.ndarray) -> np.ndarray:
        """Products of the crossed columns with one swept column, by cluster, shape (K, G)."""
        found = np.zeros((len(self.inverse), len(self.starts)))
        for b in self.blocks:
            found[b.columns, b.cluster] += b.crossed.T @ values[b.rows, 0]
        return found

    def arrange(self, values: np.ndarray) -> np.ndarray:
        """Bring rows of the sample into the order of the clusters, weighted; shape (N, S)."""
        values = np.asarray(values, dtype=float).reshape(len(self.order), -1)[self.order]
        return values * self.root[:, None]

    def sweep(self, values: np.ndarray) -> np.ndarray:
        """Take out the nested effects, block by block."""
        parts = [values[b.rows] - b.nested @ (b.nested.T @ values[b.rows]) for b in self.blocks]
        return np.concatenate(parts)

    def residualise(self, values: np.ndarray) -> np.ndarray:
        """Take all effects and controls out of arranged `values`, shape (N, S)."""
        swept = self.sweep(values)
        total = np.zeros((len(self.inverse), values.shape[1]))
        for b in self.blocks:
            total[b.columns] += b.crossed.T @ swept[b.rows]
        slopes = self.inverse @ total
        for b in self.blocks:
            swept[b.rows] -= b.crossed @ slopes[b.columns]
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
    names = np.asarray(pd.factorize(sample.rows[sample.design.clusters[0]], sort=True)[1])
    if weights is None and sample.design.weights is not None:
        weights = sample.rows[sample.design.weights].to_numpy(dtype=float)
    effects = sample.effect_codes or [np.zeros(len(codes), dtype=int)]
    nested = [is_nested(e, codes) for e in effects]
    component = _components(effects)
    order = np.lexsort((component, codes))
    codes, component = codes[order], component[order]
    starts = np.searchsorted(codes, np.arange(len(names)))
    root = np.ones(len(codes)) if weights is None else np.sqrt(weights)[order]
    inside = [e[order] for e, is_in in zip(effects, nested, strict=True) if is_in]
    across = [e[order] for e, is_in in zip(effects, nested, strict=True) if not is_in]
    offsets = np.cumsum([0, *(int(e.max()) + 1 for e in across)])
    across = [e + o for e, o in zip(across, offsets[:-1], strict=True)]

    edges = np.flatnonzero(np.diff(codes, prepend=-1) | np.diff(component, prepend=-1))
    blocks = []
    for first, end in zip(edges, [*edges[1:], len(codes)], strict=True):
        rows = slice(int(first), int(end))
        scale = root[rows, None]
        basis = _basis(_dummies([e[rows] for e in inside], end - first)[0] * scale)
        q, at = _dummies([e[rows] for e in across], end - first)
        q = q * scale
        blocks.append(Block(rows, int(codes[first]), basis, q - basis @ (basis.T @ q), at))
    inverse = _inverse(blocks, component[edges], int(offsets[-1]))
    found = Kernel(order, starts, names, tuple(blocks), inverse, root)
    return _controlled(found, sample) if sample.controls else found


def _components(effects: Sequence[np.ndarray]) -> np.ndarray:
    """Rows that share a level of some effect, directly or through others, have one number; (N,).

    Disciplines, in the study's difference-in-differences: university × year effects link them all.
    """
    n, offsets = len(effects[0]), np.cumsum([0, *(int(e.max()) + 1 for e in effects)])
    levels = np.concatenate([e + o for e, o in zip(effects, offsets[:-1], strict=True)])
    rows = np.tile(np.arange(n), len(effects))
    size = n + int(offsets[-1])
    links = sparse.csr_array((np.ones(len(rows)), (rows, n + levels)), shape=(size, size))
    return connected_components(links, directed=False)[1][:n]


def _inverse(blocks: Sequence[Block], component: np.ndarray, size: int) -> np.ndarray:
    """Pseudo-inverse of the cross products of the crossed effects, one component at a time."""
    cross = np.zeros((size, size))
    columns: dict[int, list[np.ndarray]] = {}
    for block, number in zip(blocks, component, strict=True):
        cross[np.ix_(block.columns, block.columns)] += block.crossed.T @ block.crossed
        columns.setdefault(int(number), []).append(block.columns)
    for parts in columns.values():
        at = np.ix_(own := np.unique(np.concatenate(parts)), own)
        cross[at] = np.linalg.pinv(cross[at], rcond=TOLERANCE, hermitian=True)
    return cross


def _controlled(effects: Kernel, sample: Sample) -> Kernel:
    """Add the controls, less all effects, to the columns that are taken out."""
    z = sample.rows[list(sample.controls)].to_numpy(dtype=float)
    z = z - z.mean(axis=0)
    z = z / np.maximum(np.sqrt((z**2).mean(axis=0)), 1e-300)
    z = effects.residualise(effects.residualise(effects.arrange(z)))
    own = len(effects.inverse) + np.arange(z.shape[1])
    blocks = tuple(
        replace(
            b,
            crossed=np.hstack([b.crossed, z[b.rows]]),
            columns=np.concatenate([b.columns, own]).astype(int),
        )
        for b in effects.blocks
    )
    inverse = np.linalg.pinv(z.T @ z, rcond=TOLERANCE, hermitian=True)
    both = block_diag(effects.inverse, inverse)
    return replace(effects, blocks=blocks, inverse=both, controls=z.shape[1])


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
    if columns.shape[1] == 1:
        return columns / np.linalg.norm(columns)
    left, values, _ = np.linalg.svd(columns, full_matrices=False)
    return left[:, values > TOLERANCE * values.max()]
