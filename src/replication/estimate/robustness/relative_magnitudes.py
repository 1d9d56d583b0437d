"""Rambachan and Roth's intervals where trends part after treatment as they did before, at most.

The hybrid test of Andrews, Roth and Pakes (2023) with a least favourable first stage, C-LF, as
Rambachan and Roth (2023) recommend it for relative magnitudes. Its linear programs, one a simulated
draw and one a null, are all about one polytope, and that has few vertices: they are enumerated
once, and what took a solver half a minute is a product of matrices.

`moderndid` 0.2.0 has the method, and leaves the earliest change before treatment out of those that
later ones are held against: where that is the largest, its intervals are too short.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from scipy import stats

from replication.estimate.convention import LEVEL

FIRST_STAGE = LEVEL / 10
"""Size of the least favourable first stage, as the authors choose it."""

DRAWS, SEED = 10_000, 2026
"""Of the critical value of the first stage."""

POINTS, REACH = 400, 12.0
"""Nulls that are tried, over the interval of the estimate and so many standard errors."""

ZERO = 1e-9


@dataclass(frozen=True)
class Leads:
    """Coefficients of an event study, and the combination of the later ones that is asked about.

    Attributes
    ----------
    estimates : ndarray, shape (P + Q,)
        P periods before the reference, in order of time, and Q after it.
    vcov : ndarray, shape (P + Q, P + Q)
    weights : ndarray, shape (Q,)
        Of the effects after treatment.
    """

    estimates: np.ndarray
    vcov: np.ndarray
    weights: np.ndarray

    @property
    def before(self) -> int:
        """P."""
        return len(self.estimates) - len(self.weights)

    @property
    def estimate(self) -> float:
        """The combination under parallel trends."""
        return float(self.weights @ self.estimates[self.before :])

    @property
    def std_error(self) -> float:
        """Its standard error."""
        after = self.vcov[self.before :, self.before :]
        return float(np.sqrt(self.weights @ after @ self.weights))

    @cached_property
    def changes(self) -> np.ndarray:
        """Differences from one period to the next, the reference among them, (P + Q, P + Q)."""
        periods = len(self.estimates)
        levels = np.insert(np.eye(periods), self.before, 0.0, axis=0)
        return np.diff(levels, axis=0)


class Side:
    """The null that one change before treatment, of one sign, bounds those after it.

    Parameters
    ----------
    leads : Leads
    change : int
        Which change before treatment, counted from 0.
    sign : {1.0, −1.0}
    m : float
        Each change after treatment is at most `m` times as large.
    """

    def __init__(self, leads: Leads, change: int, sign: float, m: float) -> None:
        after = leads.changes[leads.before :]
        bound = m * sign * leads.changes[change]
        moments = np.vstack([after - bound, -after - bound])
        self.vcov = moments @ leads.vcov @ moments.T
        # New coordinates of the effects after treatment: the combination itself, then any others.
        rest = np.linalg.svd(leads.weights[None, :])[2][1:]
        inverse = np.linalg.inv(np.vstack([leads.weights, rest]))
        effects = moments[:, leads.before :] @ inverse
        self.vertices = _vertices(effects[:, 1:], np.sqrt(np.diag(self.vcov)))
        self._at_zero = self.vertices @ moments @ leads.estimates
        self._slope = self.vertices @ effects[:, 0]
        self._cross = self.vertices @ self.vcov @ self.vertices.T

    @cached_property
    def critical(self) -> float:
        """Critical value of the first stage."""
        rng = np.random.default_rng(SEED)
        root = np.linalg.cholesky(self._cross + ZERO * np.trace(self._cross) * np.eye(len(self)))
        largest = (root @ rng.standard_normal((len(self), DRAWS))).max(axis=0)
        return float(np.quantile(largest, 1 - FIRST_STAGE))

    def __len__(self) -> int:
        """Number of vertices."""
        return len(self.vertices)

    def accepts(self, nulls: np.ndarray) -> np.ndarray:
        """Whether the test accepts each of `nulls`, shape (M,)."""
        values = self._at_zero - np.multiply.outer(nulls, self._slope)
        best = values.argmax(axis=1)
        largest = values[np.arange(len(nulls)), best]
        variance = self._cross[best, best]
        ratio = self._cross[best] / variance[:, None]
        others = values - ratio * largest[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            limits = others / (1 - ratio)
        low = np.where(ratio < 1 - ZERO, limits, -np.inf).max(axis=1)
        high = np.where(ratio > 1 + ZERO, limits, np.inf).min(axis=1)
        high = np.minimum(high, self.critical)
        spread = np.sqrt(variance)
        size = (LEVEL - FIRST_STAGE) / (1 - FIRST_STAGE)
        inside = (low <= largest) & (largest <= high)
        low, high = np.minimum(low, high), np.maximum(low, high)
        quantile = stats.truncnorm.ppf(1 - size, low / spread, high / spread) * spread
        second = inside & (largest > np.maximum(quantile, 0.0))
        return ~((largest > self.critical) | second)


def _vertices(nuisance: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Vertices of the polytope γ ≥ 0, nuisance'γ = 0, scale'γ = 1, a row a vertex."""
    rows, free = nuisance.shape
    equations = np.column_stack([nuisance, scale]).T
    basis = np.array(list(combinations(range(rows), free + 1)))
    square = equations[:, basis].transpose(1, 0, 2)
    regular = np.abs(np.linalg.det(square / scale[basis][:, None, :])) > ZERO
    square, basis = square[regular], basis[regular]
    right = np.zeros((len(square), free + 1, 1))
    right[:, -1] = 1.0
    solved = np.linalg.solve(square, right)[:, :, 0]
    found = np.zeros((len(basis), rows))
    np.put_along_axis(found, basis, solved, axis=1)
    found = found[(found * scale >= -ZERO).all(axis=1)]
    return found[np.unique((found * scale).round(9), axis=0, return_index=True)[1]]


def _sides(leads: Leads, m: float) -> list[Side]:
    return [Side(leads, change, s, m) for change in range(leads.before) for s in (1.0, -1.0)]


def accepts(leads: Leads, null: float, m: float) -> bool:
    """Whether a value of the combination is in the interval."""
    at = np.array([null])
    return any(bool(side.accepts(at)[0]) for side in _sides(leads, m))


def interval(leads: Leads, m: float) -> tuple[float, float]:
    """95 % interval: from the lowest to the highest null that some side accepts."""
    sides = _sides(leads, m)
    # As far as the largest change before treatment lets trends part, and the noise of both.
    largest = np.abs(leads.changes[: leads.before] @ leads.estimates).max()
    reach = m * largest * float(np.abs(leads.weights) @ np.arange(1, len(leads.weights) + 1))
    errors = np.sqrt(np.einsum("ij,jk,ik->i", leads.changes, leads.vcov, leads.changes)).max()
    reach += REACH * (leads.std_error + m * errors * len(leads.weights))

    def accepted(nulls: np.ndarray) -> np.ndarray:
        return np.any([side.accepts(nulls) for side in sides], axis=0)

    grid = leads.estimate + np.linspace(-reach, reach, POINTS + 1)
    inside = np.flatnonzero(accepted(grid))
    ends = ((inside[0], -1), (inside[-1], 1))
    low, high = (_edge(accepted, grid[i], grid[i + step]) for i, step in ends)
    return low, high


def _edge(accepted: Callable[[np.ndarray], np.ndarray], inside: float, outside: float) -> float:
    for _ in range(40):
        middle = (inside + outside) / 2
        if accepted(np.array([middle]))[0]:
            inside = middle
        else:
            outside = middle
    return float(inside)
