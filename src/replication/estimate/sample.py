"""The rows and columns of one design: checked, laid out, and the same for every method.

`sample` is the only place where data meet a design. What it returns serves one estimate, its tests
for few clusters, a decomposition, and ten thousand simulated outcomes alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from replication.errors import DesignError, NoVariationError
from replication.estimate.design import Control, Design, columns_of
from replication.estimate.effects import categories, collinear, separated, singletons
from replication.estimate.treatment import product, treatment_columns
from replication.records import checks

SCALES: dict[str, Any] = {
    "level": lambda y: y,
    "log1p": np.log1p,
    "asinh": np.arcsinh,
    "any": lambda y: (y > 0).astype(float),
}
SEPARATED = "separated by a fixed effect"
SEPARATED_TOGETHER = "separated by effects and regressors together"
SCALE_LABELS = {"level": "{}", "log1p": "log(1 + {})", "asinh": "asinh({})", "any": "1[{} > 0]"}


@dataclass(frozen=True)
class Sample:
    """What one estimate is made of.

    Attributes
    ----------
    design : Design
    rows : DataFrame, shape (N, …)
        Outcome, regressors, controls, columns of effects, weights and clusters; complete.
    controls : tuple of str
        Columns of `rows`, one a slope.
    absorb : DataFrame, shape (N, E)
        One categorical column an absorbed effect, named as it is printed: ``"discipline × year"``.
    dropped : dict of str to int
        Rows that are not used, by reason: ``rows in = N + sum(dropped.values())``.
    dropped_controls : tuple of str
        Controls that are not used, being collinear.
    """

    design: Design
    rows: pd.DataFrame
    controls: tuple[str, ...]
    absorb: pd.DataFrame
    dropped: dict[str, int]
    dropped_controls: tuple[str, ...] = ()

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of the regressors of interest."""
        return self.design.terms

    @property
    def label(self) -> str:
        """Outcome as it is printed: ``"log(1 + patents_joint)"``."""
        return SCALE_LABELS[self.design.scale].format(self.design.outcome)

    @cached_property
    def y(self) -> pd.Series:
        """Outcome on the design's scale, shape (N,)."""
        return SCALES[self.design.scale](self.rows[self.design.outcome].astype(float))

    @cached_property
    def x(self) -> pd.DataFrame:
        """Regressors of interest, then controls, shape (N, K)."""
        return self.rows[[*self.terms, *self.controls]].astype(float)

    @cached_property
    def offset(self) -> np.ndarray:
        """What is added to the log of the mean, shape (N,); zero where the design names none."""
        name = self.design.offset
        given = pd.Series(0.0, self.rows.index) if name is None else self.rows[name]
        return given.to_numpy(dtype=float)

    @property
    def k(self) -> int:
        """Coefficients that are estimated: regressors, controls, and a constant without effects."""
        return len(self.terms) + len(self.controls) + (not self.design.effects)

    @cached_property
    def exposure(self) -> np.ndarray:
        """What differs between clusters, shape (N,); only where the design names its parts."""
        return self.rows[self._parts()[0]].to_numpy(dtype=float)

    @cached_property
    def schedule(self) -> np.ndarray:
        """What multiplies the exposure: post, or post × third; shape (N,)."""
        _, *others = self._parts()
        return self.rows[others].prod(axis=1).to_numpy(dtype=float)

    @cached_property
    def effect_codes(self) -> list[np.ndarray]:
        """Level of each absorbed effect in each row, counted from 0."""
        return [self.absorb[c].cat.codes.to_numpy().astype(int) for c in self.absorb]

    @cached_property
    def clusters(self) -> pd.DataFrame:
        """Clusters counted from 0 in the order of their names, one column a dimension."""
        codes = {c: pd.factorize(self.rows[c], sort=True)[0] for c in self.design.clusters}
        return pd.DataFrame(codes, self.rows.index)

    @cached_property
    def collinear(self) -> tuple[str, ...]:
        """Regressors that the effects and the regressors before them give."""
        given = collinear(self.x.to_numpy(), self.effect_codes)
        return tuple(map(str, self.x.columns[given]))

    @cached_property
    def singletons(self) -> int:
        """Rows that are alone in a level of an effect, once the others like them are left out.

        They are kept, as by linearmodels and, with ``fixef_rm="none"``, pyfixest; Stata's reghdfe
        drops them. No estimate moves; but N counts such a row, and K does not count its effect if
        nested in the clusters, so that many make standard errors a little small (Correia 2015).
        """
        return singletons(self.effect_codes)

    def cluster(self, method: str) -> np.ndarray:
        """Cluster of each row, shape (N,), for a method that knows one dimension only.

        Raises
        ------
        DesignError
            If the design has none or two, naming `method`.
        """
        self.design.require_one_cluster(method)
        return self.clusters[self.design.clusters[0]].to_numpy()

    def keep(self, kept: np.ndarray, reason: str) -> "Sample":
        """Return the sample with the rows where `kept` is true, the others counted."""
        left_out = int((~kept).sum())
        if not left_out:
            return self
        dropped = self.dropped | {reason: left_out + self.dropped.get(reason, 0)}
        shorter = replace(self, rows=self.rows[kept], absorb=self.absorb[kept], dropped=dropped)
        for column in self.design.clusters:
            checks.require_clusters(shorter.rows, column)
        return shorter

    def _parts(self) -> tuple[str, ...]:
        if not self.design.parts:
            raise NoVariationError(
                "the design names its treatment and not the exposure and post it is the product "
                "of: pass exposure= and post= (and third=) instead of treatment="
            )
        return self.design.parts


def sample(data: pd.DataFrame, design: Design) -> Sample:
    """Check the data against a design and lay them out.

    Raises
    ------
    ReplicationError
        Before anything is estimated, on input that could yield a wrong number: see
        `replication.records.checks`.
    """
    if design.parts:
        purpose = "the treatment" if design.third is None else "the triple difference"
        data = treatment_columns(data, design, design.parts, f"{purpose}, {design.terms[0]}")
        data = data.assign(**{design.terms[0]: product(data, design.parts)})
    data, controls = _interacted(data, design.controls)
    terms, absorbed = list(design.terms), [c for e in design.effects for c in columns_of(e)]
    checks.require_columns(data, [design.outcome], design.purpose("outcome"))
    checks.require_columns(data, terms, "the treatment")
    if len(set(terms) | set(controls)) < len(terms) + len(controls):
        raise NoVariationError(f"a regressor is named twice: {[*terms, *controls]}")
    checks.require_columns(data, controls, "the controls")
    checks.require_columns(data, absorbed, design.purpose("effects"))
    weights = [] if design.weights is None else [design.weights]
    checks.require_columns(data, weights, "the weights")
    offset = [] if design.offset is None else [design.offset]
    checks.require_columns(data, offset, "the offset, a log")
    checks.require_columns(data, design.clusters, design.purpose("cluster"))
    if design.unit is not None:
        key = [*columns_of(design.unit), design.time]
        checks.require_columns(data, key[:-1], design.purpose("unit"))
        checks.require_columns(data, key[-1:], design.purpose("time"))
        checks.require_unique(data, key)
    numbers = [design.outcome, *terms, *controls, *weights, *offset]
    data = checks.as_numbers(data, numbers)
    used = list(dict.fromkeys([*numbers, *absorbed, *design.clusters, *design.parts]))
    rows, dropped = checks.complete_rows(data[used], used, design.missing)
    # Levels of the index may bear the names of columns, which pandas calls ambiguous.
    rows = rows.rename_axis([None] * rows.index.nlevels)
    checks.require_variation(rows, terms if design.collinear == "drop" else [*terms, *controls])
    for column in design.clusters:
        checks.require_clusters(rows, column)
    for column in weights:
        checks.require_weights(rows, column)
    if design.model == "ppml" or design.scale != "level":
        model = "Poisson" if design.model == "ppml" else f"{design.scale} of an outcome"
        checks.require_nonnegative(rows, design.outcome, model)
    found = Sample(design, rows, tuple(controls), categories(rows, design.effects), dropped)
    checks.require_outcome_variation(found.y, found.label)
    return identified(found) if controls else found


def without_separated(rows: Sample, *, thorough: bool = False) -> Sample:
    """Return the sample without rows that a Poisson model says nothing about.

    Rows of effects all of whose counts are zero: such an effect fits its rows perfectly and leaves
    them nothing to say (Correia, Guimarães and Zylkin 2020). Once is enough: no other effect loses
    a count with them. `thorough`: also those of `effects.separated`. A `NoVariationError` if a
    regressor of interest varies in no other rows.
    """
    y, kept = rows.y.to_numpy(), np.ones(len(rows.rows), dtype=bool)
    for code in rows.effect_codes:
        kept &= (np.bincount(code, y) > 0)[code]
    if not thorough:
        return _shortened(rows.keep(kept, SEPARATED), rows)
    kept = ~separated(y, rows.x.to_numpy(), rows.effect_codes)
    return _shortened(rows.keep(kept, SEPARATED_TOGETHER), rows)


def _shortened(rows: Sample, before: Sample) -> Sample:
    """Look at the regressors again, some of whose rows are gone."""
    if rows is before:
        return rows
    if lost := set(rows.terms) & set(rows.collinear):
        raise NoVariationError(
            "without the rows that are separated, effects and other regressors leave no variation "
            f"of {min(lost)!r}, or it is collinear with another: its coefficient would run to "
            "infinity; leave it out, or the rows that it marks"
        )
    return identified(rows)


def identified(rows: Sample) -> Sample:
    """Return the sample without collinear controls, or refuse them, as its design says.

    Effects, regressors of interest and the controls before it give such a control exactly. A
    regressor of interest that others give stays: `fit` refuses it.
    """
    if not rows.controls:
        return rows
    dropped = tuple(c for c in rows.collinear if c in rows.controls)
    if dropped and rows.design.collinear == "raise":
        raise NoVariationError(
            f"control {dropped[0]!r} is collinear with the effects, the treatment or the controls "
            f"before it ({len(dropped)} of {len(rows.controls)} controls are): leave it out, or "
            "pass collinear='drop' to have such controls dropped and named"
        )
    controls = tuple(c for c in rows.controls if c not in dropped)
    return replace(rows, controls=controls, dropped_controls=(*rows.dropped_controls, *dropped))


def cluster_values(data: pd.DataFrame, column: str, design: Design, purpose: str) -> pd.Series:
    """Value of a column in each cluster, by the cluster's name.

    Raises
    ------
    DesignError
        If the column has several values in a cluster, or none.
    """
    checks.require_columns(data, [column], purpose)
    found = data.groupby(design.clusters[0], observed=True)[column].agg(["first", "nunique"])
    for values, say in ((found["nunique"] > 1, "several values"), (found["nunique"] < 1, "none")):
        if values.any():
            raise DesignError(
                f"{purpose}, column {column!r}, must have one value a cluster, and in "
                f"{str(values.index[values][0])!r} it has {say}"
            )
    return found["first"]


def _interacted(data: pd.DataFrame, controls: Sequence[Control]) -> tuple[pd.DataFrame, list[str]]:
    """Add the columns of controls given as (column, by), and name all controls."""
    names: list[str] = []
    added: dict[str, pd.Series] = {}
    for control in controls:
        if isinstance(control, str):
            names.append(control)
            continue
        column, by = control
        checks.require_columns(data, [column, by], "the controls")
        factor, level, known = data[column], data[by], data[by].notna()
        slopes = {
            # No value where `by` has none: the row is dropped, not taken for the first value.
            f"{column} × {value}": (factor * (level == value)).where(known)
            for value in sorted(level.dropna().unique())[1:]
        }
        names.extend(slopes)
        added.update(slopes)
    return data.assign(**added), names
