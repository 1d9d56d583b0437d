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
from scipy.linalg import block_diag, lapack
from scipy.sparse.csgraph import connected_components

from replication.estimate.effects import is_nested
from replication.estimate.sample import Sample

TOLERANCE = 1e-10
"""What is left of a column's squares below this part is zero: it is collinear with the others."""

SINGULAR = 1e-10
"""The same of singular values of columns of length one."""

SPARSE = 50
"""A product of sparse matrices takes so much longer than one of dense ones, for each operation."""

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
    columns : ndarray of int, shape (B, k)
        Which of the K other columns are not zero here: levels of the crossed effects.
    """

    rows: np.ndarray
    cluster: np.ndarray
    nested: np.ndarray
    columns: np.ndarray

    def sweep(self, own: np.ndarray) -> np.ndarray:
        """Take the nested effects out of the stack's own rows of some columns, (B, n, M)."""
        return own - self.nested @ (self.nested.transpose(0, 2, 1) @ own)


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
        Blocks of all shapes.
    dummies : sparse array, shape (N, E)
        Dummies of the crossed effects, the nested ones not taken out: dense columns without them
        would be many times the data.
    inverse : ndarray, shape (K, K)
        Generalised inverse of the cross products of the crossed columns: dummies, nested effects
        taken out of them, and controls.
    root : ndarray, shape (N,)
        Square roots of the weights by which rows and columns were multiplied.
    controls : ndarray, shape (N, K − E)
        All effects taken out.
    added : int
        Dimensions that the crossed effects add to the nested ones.
    """

    order: np.ndarray
    starts: np.ndarray
    names: np.ndarray
    stacks: tuple[Stack, ...]
    dummies: sparse.csr_array
    inverse: np.ndarray
    root: np.ndarray
    controls: np.ndarray
    added: int

    @property
    def slices(self) -> list[slice]:
        """Rows of each cluster."""
        ends = [*self.starts[1:], len(self.order)]
        return [slice(a, b) for a, b in zip(self.starts, ends, strict=True)]

    def loadings(self, values: np.ndarray) -> np.ndarray:
        """Products of the crossed columns with one swept column, by cluster, shape (K, G)."""
        ends = np.append(self.starts, len(self.order))
        own = sparse.csc_array((values[:, 0], np.arange(len(values)), ends))
        controls = self.by_cluster(self.controls * values).T
        return np.vstack([(self.dummies.T @ own).toarray(), controls])

    def spread(self, slopes: np.ndarray, s: Stack) -> np.ndarray:
        """Fitted values of the crossed columns with slopes (K, M) in a stack, shape (B, n, M)."""
        effects = self.dummies.shape[1]
        fitted = self.dummies[s.rows.ravel()] @ slopes[:effects]
        found = s.sweep(fitted.reshape(*s.rows.shape, -1))
        return found + self.controls[s.rows] @ slopes[effects:] if self.controls.size else found

    def crossed(self, s: Stack, at: Any = slice(None)) -> np.ndarray:
        """Crossed effects in some blocks of a stack, nested ones taken out, shape (B, n, k)."""
        rows, columns = s.rows[at], s.columns[at]
        # Levels rise within a block, so that one search finds the places of all.
        first = np.arange(len(rows))[:, None] * self.dummies.shape[1]
        levels = self.dummies.indices.reshape(len(self.order), -1)[rows]
        place = np.searchsorted((first + columns).ravel(), first[:, :, None] + levels)
        own = np.zeros((*rows.shape, columns.shape[1]))
        b, i, _ = np.indices(levels.shape)
        own[b, i, place - b * columns.shape[1]] = self.root[rows][:, :, None]
        return replace(s, nested=s.nested[at]).sweep(own)

    def hat(self, s: Stack) -> np.ndarray:
        """Blocks of the crossed effects' hat matrix, nested ones taken out, shape (B, n, n)."""
        levels = self.dummies.indices.reshape(len(self.order), -1)[s.rows]
        found = self.root[s.rows][:, :, None] * self.root[s.rows][:, None, :]
        # Row i has a one in few columns: what the inverse holds for these and those of row j.
        pairs = self.inverse[levels[:, :, None, :, None], levels[:, None, :, None, :]]
        found *= pairs.sum(axis=(3, 4))
        return s.sweep(s.sweep(found).transpose(0, 2, 1))

    def arrange(self, values: np.ndarray) -> np.ndarray:
        """Bring rows of the sample into the order of the clusters, weighted; shape (N, S)."""
        values = np.asarray(values, dtype=float).reshape(len(self.order), -1)[self.order]
        return values * self.root[:, None]

    def sweep(self, values: np.ndarray) -> np.ndarray:
        """Take out the nested effects, block by block."""
        swept = values.copy()
        for s in self.stacks:
            swept[s.rows] = s.sweep(values[s.rows])
        return swept

    def residualise(self, values: np.ndarray) -> np.ndarray:
        """Take all effects and controls out of arranged `values`, shape (N, S)."""
        swept, effects = self.sweep(values), self.dummies.shape[1]
        products = np.vstack([self.dummies.T @ swept, self.controls.T @ swept])
        slopes = self.inverse @ products
        swept -= self.sweep(self.dummies @ slopes[:effects])
        return swept - self.controls @ slopes[effects:]

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
    inside = [e[order] for e, is_in in zip(effects, nested, strict=True) if is_in]
    across = [e[order] for e, is_in in zip(effects, nested, strict=True) if not is_in]
    within, other = _Levels(inside, block), _Levels(across, block)
    shapes = np.column_stack([sizes, within.counts, other.counts])
    stacks = []
    for n, r, k in np.unique(shapes, axis=0):
        alike = np.flatnonzero((shapes == (n, r, k)).all(axis=1))
        pieces = min(len(alike), 1 + len(alike) * n * max(k, r) // PIECE)
        for some in np.array_split(alike, pieces):
            rows = edges[some][:, None] + np.arange(n)
            basis = _basis(within.columns(rows), root[rows][:, :, None])
            stacks.append(Stack(rows, codes[rows[:, 0]], basis, other.levels(rows, k)))
    dummies = other.dummies(root)
    inverse, added = _inverse(stacks, dummies, component)
    starts = np.searchsorted(codes, np.arange(len(names)))
    none = np.empty((len(codes), 0))
    found = Kernel(order, starts, names, tuple(stacks), dummies, inverse, root, none, added)
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


class _Levels:
    """Levels of some effects, in each block those that occur there.

    Attributes
    ----------
    counts : ndarray of int, shape (blocks,)
        Levels of all effects in each block.
    """

    def __init__(self, effects: Sequence[np.ndarray], block: np.ndarray) -> None:
        blocks = int(block[-1]) + 1
        self.counts = np.zeros(blocks, dtype=int)
        self._n, self._size = len(block), 0
        # Of each row: place of its level among those of the block, by effect and of all effects.
        self._places: list[np.ndarray] = []
        self._levels: list[tuple[np.ndarray, np.ndarray]] = []
        for e in effects:
            levels = int(e.max()) + 1
            pairs, at = np.unique(block * levels + e, return_inverse=True)
            count = np.bincount(pairs // levels, minlength=blocks)
            place = at - (np.cumsum(count) - count)[block]
            self._places.append(place)
            self._levels.append((place + self.counts[block], e + self._size))
            self.counts += count
            self._size += levels

    def columns(self, rows: np.ndarray) -> list[np.ndarray]:
        """Dummies of blocks of one shape, an array (B, n, levels) an effect."""
        return [
            (place[rows][:, :, None] == np.arange(place[rows].max() + 1)).astype(float)
            for place in self._places
        ]

    def levels(self, rows: np.ndarray, k: int) -> np.ndarray:
        """Levels that occur in blocks that have k of them, shape (B, k)."""
        at = np.zeros((len(rows), k), dtype=int)
        b = np.arange(len(rows))[:, None]
        for place, level in self._levels:
            at[b, place[rows]] = level[rows]
        return at

    def dummies(self, root: np.ndarray) -> sparse.csr_array:
        """Dummies of all effects, rows times the root of their weight, shape (N, size)."""
        many = len(self._levels)
        at = np.column_stack([level for _, level in self._levels]) if many else np.empty(0, int)
        starts = np.arange(self._n + 1) * many
        values = np.repeat(root, many)
        return sparse.csr_array((values, at.ravel(), starts), shape=(self._n, self._size))


def _inverse(
    stacks: Sequence[Stack], dummies: sparse.csr_array, component: np.ndarray
) -> tuple[np.ndarray, int]:
    """Generalised inverse of the crossed effects' cross products, by component, and its rank."""
    cross = (dummies.T @ dummies).toarray()
    size, owner, found = cross.diagonal().copy(), np.full(len(cross), -1), []
    for s in stacks:
        owner[s.columns] = component[s.rows[:, :1]]
        blocks, n, r = s.nested.shape
        at = np.repeat(np.arange(blocks * r).reshape(blocks, 1, r), n, axis=1)
        starts = np.arange(blocks * n + 1) * r
        basis = sparse.csr_array(
            (s.nested.flatten(), at.ravel(), starts), shape=(blocks * n, blocks * r)
        )
        basis.eliminate_zeros()
        found.append(dummies[s.rows.ravel()].T @ basis)
    loadings = sparse.hstack(found, format="csc")
    # Those of university × year effects are full, those of cells almost empty.
    heavy = SPARSE * np.diff(loadings.indptr) ** 2.0 > len(cross) ** 2
    light, full = loadings[:, ~heavy], loadings[:, heavy]
    cross -= (light @ light.T).toarray()
    step = 1 + PIECE // max(1, len(cross))
    for start in range(0, full.shape[1], step):
        piece = full[:, start : start + step].toarray()
        cross -= piece @ piece.T
    added = 0
    for number in np.unique(owner[owner >= 0]):
        within = np.ix_(own := np.flatnonzero(owner == number), own)
        cross[within], rank = _generalised(cross[within], size[own])
        added += rank
    return cross, added


def _generalised(cross: np.ndarray, size: np.ndarray) -> tuple[np.ndarray, int]:
    """Inverse of cross products on as many columns as are independent, zero elsewhere, and rank.

    Whichever columns a pivoted Cholesky elimination takes, fitted values are the same. `size` are
    the columns' squares before nested effects were taken out.
    """
    found, scale = np.zeros_like(cross), np.sqrt(size)
    left = cross / np.outer(scale, scale)
    # The elimination holds every pivot but its first against the tolerance.
    if left.diagonal().max() <= TOLERANCE:
        return found, 0
    factor, pivots, rank, _ = lapack.dpstrf(left, tol=TOLERANCE)
    upper, _ = lapack.dpotri(factor[:rank, :rank])
    own = pivots[:rank] - 1
    found[np.ix_(own, own)] = np.triu(upper) + np.triu(upper, 1).T
    return found / np.outer(scale, scale), rank


def _controlled(effects: Kernel, sample: Sample) -> Kernel:
    """Add the controls, less all effects, to the columns that are taken out."""
    z = sample.rows[list(sample.controls)].to_numpy(dtype=float)
    z = z - z.mean(axis=0)
    z = z / np.maximum(np.sqrt((z**2).mean(axis=0)), 1e-300)
    z = effects.residualise(effects.residualise(effects.arrange(z)))
    inverse = np.linalg.pinv(z.T @ z, rcond=TOLERANCE, hermitian=True)
    return replace(effects, controls=z, inverse=block_diag(effects.inverse, inverse))


def _basis(effects: Sequence[np.ndarray], root: np.ndarray) -> np.ndarray:
    """Orthonormal bases of the spaces of dummies, an array (B, n, levels) an effect.

    The dummies of one effect are orthogonal as they are, so that only what the others add to it is
    decomposed; columns of zeros where that is collinear. `root`, shape (B, n, 1), scales the rows.
    """
    scaled = sorted((e * root for e in effects), key=lambda e: -e.shape[2])
    if not scaled:
        return np.empty((*root.shape[:2], 0))
    first, *others = scaled
    first = _unit(first)
    if not others:
        return first
    more = _unit(np.concatenate(others, axis=2))
    # A second time, since the first leaves rounding errors.
    for _ in range(2):
        more -= first @ (first.transpose(0, 2, 1) @ more)
    left, values, _ = np.linalg.svd(more, full_matrices=False)
    left *= (values > SINGULAR)[:, None, :]
    return np.concatenate([first, left], axis=2)


def _unit(columns: np.ndarray) -> np.ndarray:
    """Columns (B, n, r) of length one; a level without a row in the block stays zero."""
    length = np.linalg.norm(columns, axis=1, keepdims=True)
    return columns / np.where(length > 0, length, 1.0)
