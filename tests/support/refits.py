"""Estimates by their definitions: every effect a column of dummies, every sample fitted again.

Slow, plain numpy, and sharing nothing with the package: what its shortcuts must agree with.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from tests.support.designs_panel import panel

DID = (("university", "discipline"), ("discipline", "year"))
DDD = (*DID, ("university", "year"))


@dataclass(frozen=True)
class Design:
    """The arrays of a design on some clusters of the panel in closed form.

    ``x`` is the regressor, exposure × schedule, ``others`` the dummies of the effects and the
    controls, shape (N, K), ``cluster`` the university counted from 0, ``verb`` what a verb of the
    package is told of the design.
    """

    data: pd.DataFrame
    y: np.ndarray
    exposure: np.ndarray
    schedule: np.ndarray
    others: np.ndarray
    cluster: np.ndarray
    verb: dict[str, object]

    @property
    def x(self) -> np.ndarray:
        return self.exposure * self.schedule

    @cached_property
    def basis(self) -> np.ndarray:
        return orthonormal(self.others)

    @property
    def clusters(self) -> int:
        return int(self.cluster.max()) + 1

    def without(self, g: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """``y``, ``x`` and ``others`` in the rows of the other clusters."""
        rows = self.cluster != g
        return self.y[rows], self.x[rows], self.others[rows]


def design(
    kind: str, outcome: str = "y", clusters: int = 14, controls: Sequence[str] = ()
) -> Design:
    """Lay out the ``"DID"`` or the ``"DDD"`` of the first `clusters` universities."""
    data = panel()
    data = data[data["university"].isin(sorted(data["university"].unique())[:clusters])]
    effects = DID if kind == "DID" else DDD
    if outcome == "patents_joint":
        data = informative(data, outcome, effects)
    data = data.reset_index(drop=True)
    dummies = [pd.get_dummies(data.groupby(list(e)).ngroup()) for e in effects]
    third = {} if kind == "DID" else {"third": "control_exposure"}
    schedule = data["post"] * (1.0 if kind == "DID" else data["control_exposure"])
    return Design(
        data=data,
        y=data[outcome].to_numpy(float),
        exposure=data["exposure"].to_numpy(),
        schedule=schedule.to_numpy(float),
        others=np.column_stack([*dummies, data[list(controls)]]).astype(float),
        cluster=pd.factorize(data["university"], sort=True)[0],
        verb={"outcome": outcome, "controls": controls, **third},
    )


def informative(
    data: pd.DataFrame, outcome: str, effects: Sequence[tuple[str, ...]]
) -> pd.DataFrame:
    """Rows in no level of an effect of which all counts are zero."""
    while True:
        kept = [data.groupby(list(e))[outcome].transform("sum") > 0 for e in effects]
        if np.all(kept):
            return data
        data = data[np.all(kept, axis=0)]


def coefficient(
    y: np.ndarray, x: np.ndarray, others: np.ndarray, weights: np.ndarray | None = None
) -> float:
    """Coefficient of `x` in one regression on all columns."""
    root = np.ones(len(y)) if weights is None else np.sqrt(weights)
    columns = np.column_stack([x, others]) * root[:, None]
    return float(np.linalg.lstsq(columns, y * root)[0][0])


def orthonormal(columns: np.ndarray) -> np.ndarray:
    """Orthonormal basis of the space of some columns, collinear as dummies are."""
    left, size, _ = np.linalg.svd(columns, full_matrices=False)
    return left[:, size > 1e-10 * size[0]]


def residuals(values: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """What a regression on the columns behind `basis` leaves of each column of `values`."""
    return values - basis @ (basis.T @ values)


def fits(
    y: np.ndarray, x: np.ndarray, basis: np.ndarray, cluster: np.ndarray, null: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients, and their t statistics (CR0) of `null`, of many samples.

    Parameters
    ----------
    y, x : ndarray, shape (N, S) or (N, 1)
        A column a sample; the one that has a single column is the same in all of them.
    basis : ndarray, shape (N, r)
        Of the dummies and controls, by `orthonormal`.
    """
    y, x = residuals(y, basis), residuals(x, basis)
    b = (x * y).sum(axis=0) / (x * x).sum(axis=0)
    scores = by_cluster(x * (y - b * x), cluster)
    return b, (b - null) * (x * x).sum(axis=0) / np.sqrt((scores**2).sum(axis=0))


def by_cluster(values: np.ndarray, cluster: np.ndarray) -> np.ndarray:
    """Sums over the rows of each cluster, shape (G, S)."""
    return np.array([values[cluster == g].sum(axis=0) for g in range(cluster.max() + 1)])


def poisson(
    y: np.ndarray, x: np.ndarray, others: np.ndarray, held: float | None = None
) -> tuple[float, np.ndarray]:
    """Poisson regression by Newton steps: coefficient of `x`, free or `held`, and the means."""
    free = np.column_stack([x, others] if held is None else [others])
    offset = 0.0 if held is None else held * x
    mean = (y + y.mean()) / 2
    for _ in range(100):
        root = np.sqrt(mean)
        step = np.log(mean) + y / mean - 1 - offset
        b = np.linalg.lstsq(free * root[:, None], step * root)[0]
        last, mean = mean, np.exp(offset + free @ b)
        if np.abs(mean / last - 1).max() < 1e-11:
            return float(b[0]) if held is None else held, mean
    raise AssertionError("no convergence")


def patterns(clusters: int) -> np.ndarray:
    """All patterns of signs, shape (2^G, G)."""
    return np.array(np.meshgrid(*[[-1.0, 1.0]] * clusters)).reshape(clusters, -1).T


def share(statistics: np.ndarray, observed: float) -> float:
    """Share of statistics as far from zero as the observed one, which equal ones are too."""
    return float(np.mean(np.abs(statistics) >= abs(observed) * (1 - 1e-9)))
