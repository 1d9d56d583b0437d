"""Panels of the simulated study under the choices that are made before anything is estimated.

A panel holds, beside what was drawn, what is expected, so that the target of each specification is
its own fit to the second.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from replication.montecarlo.register.alternatives import (
    BY_PANEL,
    NOW,
    VALUES,
    panel_of,
    process_of,
    taken,
)
from replication.montecarlo.register.classes import second_classes, shared
from replication.panel.build import build_panel
from replication.records.exposure import exchange_exposures, other_exposures
from replication.records.registry import Choices
from replication.records.study.choices import panel_choices
from replication.simulate.draws import negative_binomial, shocks
from replication.simulate.patents import GRANTED, HOLDING, SECOND, THIRD
from replication.simulate.process import Process
from replication.simulate.records import simulate_records
from replication.simulate.study import Study, simulate

EXPECTED = "expected"
"""Column of the expected joint applications; granted ones and fractions are fixed shares."""

EARLY = "_early"
"""Ends the names of the exposures that are measured in the window that R8 names."""

OUTCOMES = {
    "applications": "patents_joint",
    "granted": "patents_joint_granted",
    "fractional": "patents_joint_fractional",
}
EXPOSURES = {
    "mean": "exposure",
    "component": "exposure_component",
    "per_staff": "exposure_per_staff",
    "median": "exposure_high",
}
THIRDS = {"share": "control_exposure", "median": "control_high", "key_core": "key_share"}
"""Columns that hold what R5, R7 and R10 choose, by the names of `Choices`: one panel serves them
all."""


@dataclass(frozen=True)
class Variant:
    """How a panel is made.

    Attributes
    ----------
    place : dict of str to str
        Rows of the register in which it departs from the default, with what is chosen there.
    choices : Choices
        By which the records become a panel.
    process : Process
        Whose study is drawn, with the seed of the shipped one.
    summed : bool
        Whether disciplines are summed by university and year (R3).
    """

    place: dict[str, str]
    choices: Choices
    process: Process
    summed: bool


def _variant(*place: tuple[str, str]) -> Variant:
    chosen = taken(place)
    choices = panel_choices(chosen)
    summed = any(one.design.get("unit") == "university" for one in chosen)
    return Variant(dict(place), choices, process_of(choices), summed)


SHIPPED = "as chosen"
VARIANTS = {SHIPPED: _variant()} | {
    value: _variant((row, value)) for row in BY_PANEL for value in VALUES[row][1:]
}
"""Panels, by the alternative that differs from the shipped one."""


@dataclass(frozen=True)
class Panel:
    """A panel, and where its rows are in the arrays of its study.

    Attributes
    ----------
    variant : Variant
    study : Study
    data : DataFrame, N rows
        The analysis panel with `EXPECTED`, the exposures of R7 in both windows of R8 (as
        ``exposure_component_early``), ``control_high`` and ``key_share`` (R10), and the columns
        `NOW` (R12).
    cell, year : ndarray of int, shape (N,)
        Positions in the study; before cells are summed.
    row : ndarray of int, shape (N,)
        Row of `data` to which it belongs.
    """

    variant: Variant
    study: Study
    data: pd.DataFrame
    cell: np.ndarray
    year: np.ndarray
    row: np.ndarray

    def draws(self, number: int, seed: int) -> Iterator[dict[str, np.ndarray]]:
        """Outcomes of the panel's rows with shocks and counts drawn anew, by the column's name."""
        for n in range(number):
            drawn = _counts(self.study, self.variant.choices, np.random.default_rng([seed, n]))
            yield {name: self._rows(values) for name, values in drawn.items()}

    def _rows(self, values: np.ndarray) -> np.ndarray:
        return np.bincount(self.row, values[self.cell, self.year], minlength=len(self.data))


def panel(name: str) -> Panel:
    """The panel of one of `VARIANTS`."""
    variant = VARIANTS[name]
    study = simulate(variant.process)
    built, _ = build_panel(simulate_records(study), variant.choices)
    return _placed(variant, study, built)


def shipped(name: str, built: pd.DataFrame) -> Panel:
    """As `panel`, from the shipped panel, for a variant that the records need not be read for."""
    variant = VARIANTS[name]
    return _placed(variant, simulate(variant.process), built)


def _placed(variant: Variant, study: Study, built: pd.DataFrame) -> Panel:
    universities = np.unique(built["university"])
    u = np.searchsorted(universities, built["university"])
    d = built["discipline"].map({code: i for i, code in enumerate(study.disciplines)}).to_numpy()
    place = {pair: i for i, pair in enumerate(zip(study.university, study.discipline, strict=True))}
    cell = np.array([place[pair] for pair in zip(u, d, strict=True)])
    year = built["year"].to_numpy() - study.process.first_year
    expected = np.exp(study.level + study.effect).sum(axis=2)
    if variant.choices.owned_firms:
        expected = expected + HOLDING * np.exp(study.sole_level)
    if variant.choices.classes == "all":
        expected = shared(study, expected, SECOND * expected[..., None] * second_classes(study))
    data = built.reset_index(drop=True).assign(**{EXPECTED: expected[cell, year]})
    data = data.assign(**_exposures(study, variant.choices, u))
    data = data.assign(**_disciplines(data))
    for position, now in enumerate(NOW):
        data[now] = np.log(study.resources[u, year, position])
    found = Panel(variant, study, data, cell, year, np.arange(len(data)))
    return _summed(found) if variant.summed else found


def _exposures(study: Study, choices: Choices, u: np.ndarray) -> dict[str, np.ndarray]:
    """Exposures by the measures of R7 in the windows of R8; the chosen ones are in the panel."""
    start = choices.first_year - study.process.first_year
    end = choices.first_treated - study.process.first_year
    window = panel_of("R8", "three years").window or 0
    columns: dict[str, np.ndarray] = {}
    for suffix, last in (("", end), (EARLY, start + window)):
        counts, staff = study.exchange[:, start:last], study.resources[:, start:last, 0]
        columns[f"exposure{suffix}"] = exchange_exposures(counts)[0][u]
        for name, values in other_exposures(counts, staff).items():
            columns[f"{name}{suffix}"] = values.to_numpy()[u]
    return columns


def _disciplines(data: pd.DataFrame) -> dict[str, pd.Series]:
    """Third differences of R10 beside the share under control."""
    control = data.groupby("discipline")["control_exposure"].first()
    before = data[data["post"] == 0].groupby("discipline")[["patents_joint_key", "patents_joint"]]
    counts = before.sum()
    key = counts["patents_joint_key"] / counts["patents_joint"]
    return {
        "control_high": data["discipline"].map((control > control.median()).astype("int64")),
        "key_share": data["discipline"].map(key.fillna(0.0)),
    }


def _summed(panel: Panel) -> Panel:
    """Disciplines summed by university and year; what is alike in a university stays."""
    keys = ["university", "year"]
    groups = panel.data.groupby(keys, sort=True)
    counts = [*OUTCOMES.values(), EXPECTED]
    alike = [c for c in map(str, panel.data) if c.startswith(("exposure", "log_")) or c in NOW]
    data = groups[counts].sum().join(groups[[*alike, "post", "event_time"]].first()).reset_index()
    return replace(panel, data=data, row=groups.ngroup().to_numpy())


def _counts(study: Study, choices: Choices, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Joint applications of every cell and year, shape (C, T), by outcome of R5."""
    process = study.process
    shock, mediators = shocks(process, study.university, rng)
    log_mean = study.level + study.effect + (shock + mediators @ process.loadings)[:, :, None]
    joint = negative_binomial(rng, log_mean, process.dispersion).sum(axis=2)
    granted = rng.binomial(joint, GRANTED)
    third = rng.binomial(joint, THIRD)
    fractional = (joint - third) / 2 + third / 3
    if choices.owned_firms:
        alone = negative_binomial(rng, study.sole_level + shock, process.dispersion)
        joint = joint + rng.binomial(alone, HOLDING)
    if choices.classes == "all":
        # The curve asks for all classes with R5 at its default only.
        second = rng.multinomial(rng.binomial(joint, SECOND), second_classes(study))
        return {OUTCOMES["applications"]: shared(study, joint, second)}
    return dict(zip(OUTCOMES.values(), (joint, granted, fractional), strict=True))
