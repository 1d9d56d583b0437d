"""The space that absorbed effects span: its dimension, what it leaves of a column, separation.

The standard error of an estimate depends on how many effects are estimated. Counting levels does
not say: levels of unconnected groups, or of effects that share a factor (university × year and
discipline × year share the year), are redundant (Abowd, Creecy and Kramarz 2002).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.linalg import lapack
from scipy.optimize import linprog
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

from replication.estimate.design import Effect, columns_of

COLLINEAR = 1e-9
"""A dummy of which less than this part is its own (of its sum of squares) is redundant."""

SYMMETRIC: dict[str, Any] = {
    "permc_spec": "MMD_AT_PLUS_A",
    "diag_pivot_thresh": 0.0,
    "options": {"SymmetricMode": True},
}
OWN = 1e-7
"""A column of which less than this part is its own (of its length) is collinear."""

COLUMNS = 256
"""Dense columns that are solved for at a time."""


@dataclass(frozen=True)
class Span:
    """What the dummies of some effects span.

    Attributes
    ----------
    basis : sparse array, shape (N, R)
        Dummies of all effects less the redundant ones; of rank R.
    added : tuple of int
        Dimensions that each effect adds to those before it; R is their sum.
    """

    basis: sparse.csr_array
    added: tuple[int, ...]

    @cached_property
    def _solver(self) -> Any:
        return splu(sparse.csc_matrix(self.basis.T @ self.basis), **SYMMETRIC)

    def residual(self, columns: np.ndarray) -> np.ndarray:
        """Columns, shape (N, P), less their projection on the effects."""
        left = np.asarray(columns, dtype=float)
        # A second time, since the first leaves the rounding errors of the normal equations.
        for _ in range(2):
            left = left - self.basis @ self._solver.solve(self.basis.T @ left)
        return left

    def with_effect(self, codes: np.ndarray) -> "Span":
        """Return the span with one more effect, its level in each row given by number."""
        more = _dummies(codes)
        own = self._own_second(more) if len(self.added) == 1 else self._own(more)
        basis = sparse.hstack([self.basis, more[:, own]], format="csr")
        return Span(basis, (*self.added, len(own)))

    def _own_second(self, more: sparse.csr_array) -> np.ndarray:
        """All levels of a second effect but one a connected component of the two."""
        links = sparse.block_array([[None, self.basis.T @ more], [more.T @ self.basis, None]])
        component = connected_components(links, directed=False)[1][self.basis.shape[1] :]
        redundant = np.unique(component, return_index=True)[1]
        return np.delete(np.arange(more.shape[1]), redundant)

    def _own(self, more: sparse.csr_array) -> np.ndarray:
        """Levels of a further effect that no combination of the others is, by elimination."""
        cross, size = sparse.csc_array(self.basis.T @ more), more.sum(axis=0)
        left = np.diag(size)
        for start in range(0, len(size), COLUMNS):
            at = slice(start, start + COLUMNS)
            left[:, at] -= cross.T @ self._solver.solve(cross[:, at].toarray())
        left /= np.sqrt(size[:, None] * size)
        # The elimination holds every pivot but its first against the tolerance.
        if left.diagonal().max() <= COLLINEAR:
            return np.array([], dtype=int)
        _, pivots, rank, _ = lapack.dpstrf(left, tol=COLLINEAR)
        return np.sort(pivots[:rank] - 1)


def span(effects: Sequence[np.ndarray]) -> Span:
    """Span of effects, each given by the number of its level in each row; at least one.

    Two effects are counted by the connected components of their levels, every further one by
    pivoted Cholesky elimination of what the others leave of its dummies. Both are exact, the
    second up to a tolerance (`COLLINEAR`).
    """
    first, *others = effects
    dummies = _dummies(first)
    found = Span(dummies, (dummies.shape[1],))
    for codes in others:
        found = found.with_effect(codes)
    return found


def added_rank(nested: Sequence[np.ndarray], crossed: Sequence[np.ndarray]) -> int:
    """Dimensions that crossed effects add to nested ones; without nested ones, to a constant."""
    if not crossed:
        return 0
    # The largest first: the elimination works on the smallest.
    ordered = [sorted(some, key=np.max, reverse=True) for some in (nested, crossed)]
    added = span([*ordered[0], *ordered[1]]).added
    return sum(added[len(nested) :]) - (not nested)


def categories(rows: pd.DataFrame, effects: Sequence[Effect]) -> pd.DataFrame:
    """One categorical column an effect, named as it is printed."""
    return pd.DataFrame(
        {
            " × ".join(columns_of(e)): pd.Categorical(
                rows.groupby(list(columns_of(e)), observed=True).ngroup()
            )
            for e in effects
        },
        index=rows.index,
    )


def is_nested(effect: np.ndarray, cluster: np.ndarray) -> bool:
    """Whether every level of an effect lies in one cluster."""
    level, group = np.unique(effect, return_inverse=True)[1], np.asarray(cluster)
    first = np.empty(int(level.max()) + 1, dtype=group.dtype)
    first[level] = group
    return bool((first[level] == group).all())


def collinear(x: np.ndarray, effects: Sequence[np.ndarray]) -> np.ndarray:
    """Whether effects (or a constant) and the columns before it give a column of x; shape (K,)."""
    x = x - x.mean(axis=0)
    size = np.linalg.norm(x, axis=0)
    levels = effects or [np.zeros(len(x), dtype=int)]
    left = span(levels).residual(x / np.where(size > 0, size, 1.0))
    own, given = np.empty((len(x), 0)), []
    for column in left.T:
        rest = column - own @ (own.T @ column)
        rest = rest - own @ (own.T @ rest)
        length = np.linalg.norm(rest)
        given.append(length <= OWN)
        if length > OWN:
            own = np.column_stack([own, rest / length])
    return np.array(given)


def singletons(effects: Sequence[np.ndarray]) -> int:
    """Rows that are alone in a level of an effect, once the others like them are left out."""
    if not effects:
        return 0
    kept = np.ones(len(effects[0]), dtype=bool)
    while True:
        before = int(kept.sum())
        for code in effects:
            kept &= (np.bincount(code[kept], minlength=int(code.max()) + 1) != 1)[code]
        if int(kept.sum()) == before:
            return len(kept) - before


def separated(y: np.ndarray, x: np.ndarray, effects: Sequence[np.ndarray]) -> np.ndarray:
    """Rows of a Poisson model that regressors and effects separate, shape (N,).

    A row with a count of zero is separated if some combination of regressors and effects is
    positive in it, nowhere negative and zero in all rows with a count: as its coefficient falls,
    the likelihood grows without end, and the row says nothing about any other coefficient (Correia,
    Guimarães and Zylkin 2021). The combination with the most such rows solves a linear program.

    Parameters
    ----------
    y, x : ndarray, shape (N,) and (N, K)
    effects : sequence of ndarray, shape (N,)
        None: a constant.
    """
    levels = effects or [np.zeros(len(y), dtype=int)]
    scaled = sparse.csr_array(x / np.maximum(np.abs(x).max(axis=0), 1e-300))
    span = sparse.hstack([scaled, *map(_dummies, levels)], format="csr")
    silent = y == 0
    n, k = int(silent.sum()), span.shape[1]
    found = linprog(
        np.r_[np.zeros(k), -np.ones(n)],
        A_ub=sparse.hstack([-span[silent], sparse.eye_array(n)], format="csr"),
        b_ub=np.zeros(n),
        A_eq=sparse.hstack([span[~silent], sparse.csr_array((len(y) - n, n))], format="csr"),
        b_eq=np.zeros(len(y) - n),
        bounds=[(None, None)] * k + [(0, 1)] * n,
    )
    rows = np.zeros(len(y), dtype=bool)
    rows[silent] = found.x[k:] > 0.5
    return rows


def _dummies(codes: np.ndarray) -> sparse.csr_array:
    levels, at = np.unique(codes, return_inverse=True)
    return sparse.csr_array((np.ones(len(at)), (np.arange(len(at)), at)), (len(at), len(levels)))
