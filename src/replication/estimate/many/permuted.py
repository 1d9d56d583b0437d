"""Many specifications under the same permutations of the exposure between clusters.

A specification curve asks each of its designs, and its joint test (Simonsohn, Simmons and Nelson
2020) asks all of them again for each permutation. `permuted` lays out once what designs share:
rows, effects, controls, weights and, for PPML, the restricted fit. After that a design under
thousands of permutations is a few matrix products (`resampling.Schedule`), and no fit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from replication.errors import DesignError, NoVariationError, ReplicationError
from replication.estimate.convention import correction, require_variance
from replication.estimate.design import Design
from replication.estimate.many.least_squares import kernel
from replication.estimate.many.poisson import without_effect
from replication.estimate.many.resampling import Permutations, Schedule
from replication.estimate.sample import SEPARATED_TOGETHER, Sample, sample

METHOD = "permuting the exposure"

ABSORBED = 1e-12
"""A regressor of which effects and controls leave less (of its sum of squares) is absorbed."""


@dataclass(frozen=True)
class Orders:
    """Permutations of the clusters, the same for every design.

    Attributes
    ----------
    names : ndarray, shape (G,)
        Clusters of all designs, sorted.
    places : ndarray of int, shape (draws + 1, G)
        Whose exposure each cluster takes. In the first row its own.
    """

    names: np.ndarray
    places: np.ndarray

    def among(self, names: np.ndarray) -> np.ndarray:
        """Orders of some of the clusters only, shape (draws + 1, len(names)).

        What a permutation of all leaves of their order is a permutation of them, as likely as any
        other.

        Raises
        ------
        DesignError
            If there is a cluster that the orders do not know.
        """
        unknown = set(names.tolist()) - set(self.names.tolist())
        if unknown:
            raise DesignError(
                f"the permutations are of {len(self.names)} clusters, and "
                f"{min(map(str, unknown))!r} is not one of them: make orders() of all clusters "
                "that any design has"
            )
        kept = np.isin(self.names, names)
        local = np.cumsum(kept) - 1
        return local[self.places[kept[self.places]]].reshape(len(self.places), -1)


def orders(names: Sequence[Any], *, draws: int = 999, seed: int = 2026) -> Orders:
    """Draw permutations of clusters; `names` are those of all designs, in any order."""
    known = np.unique(np.asarray(names))
    rng = np.random.default_rng(seed)
    drawn = rng.permuted(np.tile(np.arange(len(known)), (draws, 1)), axis=1)
    return Orders(known, np.vstack([np.arange(len(known)), drawn]))


@dataclass(frozen=True)
class Permuted:
    """One design in the data's order, which comes first, and in all others.

    Attributes
    ----------
    estimate : ndarray, shape (draws + 1,)
        Coefficients; for PPML the first Newton step from the fit without the regressor.
    statistic : ndarray, shape (draws + 1,)
        The same over their standard errors CR1; for PPML of the score (see `PermutedDesign`).
    df : int
        Degrees of freedom of t, G − 1.
    reason : str
        Why the design has no numbers; empty where it has.
    """

    estimate: np.ndarray = field(default_factory=lambda: np.empty(0))
    statistic: np.ndarray = field(default_factory=lambda: np.empty(0))
    df: int = 0
    reason: str = ""

    @property
    def p_value(self) -> float:
        """Share of orders, the data's own included, with a statistic at least as far from zero."""
        far = np.abs(self.statistic)
        return float((far >= far[0] - 1e-12).mean())

    def p_values(self) -> np.ndarray:
        """Two-sided p-values by t(df), shape (draws + 1,)."""
        found: np.ndarray = 2 * stats.t.sf(np.abs(self.statistic), self.df)
        return found


class PermutedDesign:
    """A design with one regressor, its exposure permuted between the clusters.

    Parameters
    ----------
    data : DataFrame
    design : Design
        One regressor, named by exposure and post (and third), and clusters of one dimension.
    orders : Orders

    Raises
    ------
    ReplicationError
        On input that could yield a wrong number; an exposure that differs within a cluster; a
        regressor that, permuted or not, effects and controls absorb.

    Notes
    -----
    With ``model="ppml"`` the model is fitted once, without the regressor. U_g are the sums by
    cluster of x̃ (y − μ) and I_g those of μ x̃², x̃ the regressor less effects and controls in the
    metric of the means μ. Then b = ΣU / ΣI is a Newton step, and the statistic is
    ΣU / √Σ (U_g − b I_g)², over the root of the small-sample factor: a score statistic with scores
    centred as at the step, so that an effect does not inflate its own standard error.
    """

    def __init__(
        self,
        data: pd.DataFrame,
        design: Design,
        orders: Orders,
        layouts: "Layouts | None" = None,
    ) -> None:
        rows = sample(data.reset_index(drop=True), design)
        self.layout = layout = _layout(rows, {} if layouts is None else layouts)
        used = np.searchsorted(rows.rows.index, layout.rows.rows.index)
        dose, schedule = rows.exposure[used], rows.schedule[used]
        actual = exposure_of_clusters(dose, layout.rows.cluster(METHOD))
        self.outcome = rows.y.to_numpy()[used]
        parts = design.parts[1:]
        if parts not in layout.schedules:
            layout.schedules[parts] = Schedule(layout.kernel, schedule)
        exposures = actual[orders.among(layout.kernel.names)]
        self.permutations = Permutations(layout.schedules[parts], exposures)
        left = self.permutations.square / (layout.kernel.arrange(dose * schedule) ** 2).sum()
        if not left[0] > ABSORBED:
            raise NoVariationError(
                "the fixed effects and controls leave no variation of the treatment: take out an "
                "effect or a control"
            )
        if lost := int((left <= ABSORBED).sum()):
            raise NoVariationError(
                f"in {lost} of {len(left) - 1} permutations the effects and controls leave no "
                "variation of the treatment: too few clusters tell it to permute them"
            )

    def statistics(self, outcomes: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients and t statistics (CR1), each of shape (S, draws + 1).

        Parameters
        ----------
        outcomes : ndarray, shape (N, S), optional
            On the scale of the regression, in the order of the rows of data that the design uses,
            ``layout.rows.rows.index`` by position; without, the design's own outcome, S = 1.
        """
        k, means = self.layout.kernel, self.layout.means
        if outcomes is None:
            y = self.outcome if means is None else (self.outcome - means) / means
        elif means is not None:
            raise DesignError("PPML has a restricted fit for each outcome: pass one design each")
        else:
            y = np.asarray(outcomes, dtype=float)
        estimate, statistic = self.permutations.statistics(k.residualise(k.arrange(y)))
        return estimate, statistic / np.sqrt(self.layout.factor)


def permuted(data: pd.DataFrame, designs: Sequence[Design], orders: Orders) -> list[Permuted]:
    """Every design under every order, what they share laid out once.

    Parameters
    ----------
    data : DataFrame
        One panel; designs of another panel are another call.
    designs : sequence of Design
        Each as for `PermutedDesign`. In any order: designs that share rows, effects and controls
        find each other.
    orders : Orders

    Returns
    -------
    list of Permuted
        One a design. A design that cannot be estimated, or permuted, is one with its ``reason``.

    Raises
    ------
    DesignError
        If the orders do not know a cluster of the data.
    """
    for column in {d.clusters[0] for d in designs if len(d.clusters) == 1} & set(data.columns):
        orders.among(data[column].dropna().unique())
    layouts: Layouts = {}
    found = []
    for design in designs:
        try:
            one = PermutedDesign(data, design, orders, layouts)
            estimate, statistic = one.statistics()
            require_variance(estimate[:, 0] / statistic[:, 0], [0.0], ["the treatment"])
        except ReplicationError as error:
            found.append(Permuted(reason=str(error)))
            continue
        found.append(Permuted(estimate[0], statistic[0], len(one.layout.kernel.names) - 1))
    return found


def exposure_of_clusters(exposure: np.ndarray, cluster: np.ndarray) -> np.ndarray:
    """Exposure of each cluster, shape (G,), from that of rows and their clusters' numbers, (N,).

    Raises
    ------
    NoVariationError
        If it differs within a cluster.
    """
    dose = pd.Series(exposure).groupby(cluster).agg(["min", "max"])
    if (dose["min"] != dose["max"]).any():
        raise NoVariationError("the exposure differs within a cluster: there is nothing to permute")
    return dose["min"].to_numpy()


class _Layout:
    """What designs share that differ in outcome (least squares), exposure or schedule only."""

    def __init__(self, rows: Sample) -> None:
        self.rows, self.means = rows, None
        if rows.design.model == "ppml":
            self.rows, self.means = without_effect(rows)
        self.kernel = kernel(self.rows, METHOD, self.means)
        alike = np.ptp(self.kernel.root) == 0
        self.factor = correction(self.rows, self.rows.k, self.kernel.added if alike else None)[0]
        self.schedules: dict[tuple[str, ...], Schedule] = {}


Layouts = dict[tuple[Any, ...], _Layout]


def _layout(rows: Sample, known: Layouts) -> _Layout:
    """Find the layout of a sample among the known ones, or make and remember it."""
    design = rows.design
    fitted = (design.outcome, design.offset) if design.model == "ppml" else None
    index = rows.rows.index.to_numpy().tobytes()
    key = (design.effects, rows.controls, design.weights, design.cluster, fitted, index)
    if key in known:
        return known[key]
    layout = _Layout(rows)
    # Where a linear program looks for separated rows, it looks at the exposure, too.
    if SEPARATED_TOGETHER not in layout.rows.dropped:
        known[key] = layout
    return layout
