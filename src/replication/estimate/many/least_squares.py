"""Least squares with absorbed effects, taken apart by cluster, once for any number of outcomes.

Effects nested in the clusters (university × discipline, university × year) are swept out of each
cluster by itself. What is left of the crossed ones (discipline × year) and of the controls is one
small system of K equations for all clusters. After that, an outcome, a permuted exposure, a
bootstrap sample or a study without one cluster costs a matrix product and no fit (MacKinnon,
Nielsen and Webb 2023). Where effects link only some rows of a cluster to each other, as the years
of a cell, these are a block of their own, and blocks of one shape are worked on together.

Libraries take effects out of given columns; none keeps the cross products by cluster that the tests
for few clusters are made of.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.linalg import block_diag
from scipy.sparse.csgraph import connected_components

from replication.estimate.effects import is_nested
from replication.estimate.sample import Sample

TOLERANCE = 1e-10
"""Eigenvalues below this part of the largest are zero: collinear dummies, absorbed directions."""

PIECE = 500_000
"""Entries of the crossed columns that are worked on at a time."""


@dataclass(frozen=True)
class Stack:
    """Blocks of one shape; a block is rows of one cluster that no effect links to its others.

    Attributes
    ----------
    rows : ndarray of int, shape (B, n)
    cluster : ndarray of int, shape (B,)
        Cluster of each block, counted from 0.
    nested : ndarray, shape (B, n, r)
        Orthonormal basis of the effects nested in the cluster; columns of zeros where the dummies
        are collinear.
    crossed : ndarray, shape (B, n, k)
        The other columns that are not zero here, nested effects taken out: dummies of the crossed
        effects, then the controls, of which all effects are taken out.
    columns : ndarray of int, shape (B, k)
        Which of the K columns these are.
    """

    rows: np.ndarray
    cluster: np.ndarray
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
    stacks : tuple of Stack
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
    stacks: tuple[Stack, ...]
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
        for s in self.stacks:
            own = (s.crossed.transpose(0, 2, 1) @ values[s.rows])[:, :, 0]
            np.add.at(found, (s.columns, s.cluster[:, None]), own)
        return found

    def spread(self, slopes: np.ndarray, s: Stack) -> np.ndarray:
        """Fitted values of the crossed columns with slopes (K, M) in a stack, shape (B, n, M)."""
        return s.crossed @ slopes[s.columns]

    def arrange(self, values: np.ndarray) -> np.ndarray:
        """Bring rows of the sample into the order of the clusters, weighted; shape (N, S)."""
        values = np.asarray(values, dtype=float).reshape(len(self.order), -1)[self.order]
        return values * self.root[:, None]

    def sweep(self, values: np.ndarray) -> np.ndarray:
        """Take out the nested effects, block by block."""
        swept = values.copy()
        for s in self.stacks:
            own = values[s.rows]
            swept[s.rows] = own - s.nested @ (s.nested.transpose(0, 2, 1) @ own)
        return swept

    def residualise(self, values: np.ndarray) -> np.ndarray:
        """Take all effects and controls out of arranged `values`, shape (N, S)."""
        swept = self.sweep(values)
        total = np.zeros((len(self.inverse), values.shape[1]))
        for s in self.stacks:
            np.add.at(total, s.columns, s.crossed.transpose(0, 2, 1) @ swept[s.rows])
        slopes = self.inverse @ total
        for s in self.stacks:
            swept[s.rows] -= self.spread(slopes, s)
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
    root = np.ones(len(codes)) if weights is None else np.sqrt(weights)[order]
    edges = np.flatnonzero(
        (np.diff(codes, prepend=-1) != 0) | (np.diff(component, prepend=-1) != 0)
    )
    sizes = np.diff(edges, append=len(codes))
    block = np.repeat(np.arange(len(edges)), sizes)
    inside = _Dummies([e[order] for e, is_in in zip(effects, nested, strict=True) if is_in], block)
    across = _Dummies(
        [e[order] for e, is_in in zip(effects, nested, strict=True) if not is_in], block
    )
    shapes = np.column_stack([sizes, inside.counts, across.counts])
    stacks = []
    for n, r, k in np.unique(shapes, axis=0):
        alike = np.flatnonzero((shapes == (n, r, k)).all(axis=1))
        for some in np.array_split(alike, 1 + len(alike) * n * max(k, r) // PIECE):
            rows = edges[some][:, None] + np.arange(n)
            scale = root[rows][:, :, None]
            basis = _basis(inside.columns(rows, r)[0] * scale)
            q, at = across.columns(rows, k)
            q *= scale
            q -= basis @ (basis.transpose(0, 2, 1) @ q)
            stacks.append(Stack(rows, codes[rows[:, 0]], basis, q, at))
    inverse = _inverse(stacks, component, across.size)
    starts = np.searchsorted(codes, np.arange(len(names)))
    found = Kernel(order, starts, names, tuple(stacks), inverse, root)
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


class _Dummies:
    """Dummies of some effects, in each block those of the levels that occur there.

    Attributes
    ----------
    size : int
        Levels of all effects.
    counts : ndarray of int, shape (blocks,)
        Dummies of each block.
    """

    def __init__(self, effects: Sequence[np.ndarray], block: np.ndarray) -> None:
        blocks = int(block[-1]) + 1
        self.counts = np.zeros(blocks, dtype=int)
        self.size = 0
        self._effects = []
        for e in effects:
            levels = int(e.max()) + 1
            pairs, at = np.unique(block * levels + e, return_inverse=True)
            count = np.bincount(pairs // levels, minlength=blocks)
            first = np.cumsum(count) - count
            place = at - first[block] + self.counts[block]
            self._effects.append((place, e + self.size))
            self.counts += count
            self.size += levels

    def columns(self, rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Dummies (B, n, k) of blocks that have k of them, and which levels these are (B, k)."""
        dummies = np.zeros((*rows.shape, k))
        at = np.zeros((len(rows), k), dtype=int)
        b, i = np.indices(rows.shape)
        for place, level in self._effects:
            dummies[b, i, place[rows]] = 1.0
            at[b, place[rows]] = level[rows]
        return dummies, at


def _inverse(stacks: Sequence[Stack], component: np.ndarray, size: int) -> np.ndarray:
    """Pseudo-inverse of the cross products of the crossed effects, one component at a time."""
    cross, owner = np.zeros((size, size)), np.full(size, -1)
    for s in stacks:
        products = s.crossed.transpose(0, 2, 1) @ s.crossed
        owner[s.columns] = component[s.rows[:, :1]]
        if len(products) > s.columns.shape[1]:
            np.add.at(cross, (s.columns[:, :, None], s.columns[:, None, :]), products)
            continue
        for at, product in zip(s.columns, products, strict=True):
            cross[np.ix_(at, at)] += product
    for number in np.unique(owner[owner >= 0]):
        at = np.ix_(own := np.flatnonzero(owner == number), own)
        cross[at] = np.linalg.pinv(cross[at], rcond=TOLERANCE, hermitian=True)
    return cross


def _controlled(effects: Kernel, sample: Sample) -> Kernel:
    """Add the controls, less all effects, to the columns that are taken out."""
    z = sample.rows[list(sample.controls)].to_numpy(dtype=float)
    z = z - z.mean(axis=0)
    z = z / np.maximum(np.sqrt((z**2).mean(axis=0)), 1e-300)
    z = effects.residualise(effects.residualise(effects.arrange(z)))
    own = len(effects.inverse) + np.arange(z.shape[1])
    stacks = tuple(
        replace(
            s,
            crossed=np.concatenate([s.crossed, z[s.rows]], axis=2),
            columns=np.hstack([s.columns, np.tile(own, (len(s.columns), 1))]),
        )
        for s in effects.stacks
    )
    inverse = np.linalg.pinv(z.T @ z, rcond=TOLERANCE, hermitian=True)
    both = block_diag(effects.inverse, inverse)
    return replace(effects, stacks=stacks, inverse=both, controls=z.shape[1])


def _basis(columns: np.ndarray) -> Any:
    """Orthonormal bases of the spaces of columns (B, n, r); zeros where these are collinear."""
    if columns.shape[2] == 1:
        return columns / np.linalg.norm(columns, axis=1, keepdims=True)
    if not columns.shape[2]:
        return columns
    left, values, _ = np.linalg.svd(columns, full_matrices=False)
    return left * (values > TOLERANCE * values[:, :1])[:, None, :]
