"""The simulated study: records drawn from a documented process with a known effect.

The process is that of `book/data.md`, in its notation. Everything that decides who is affected how
much is drawn first and measured as the panel measures it: the exposures from the simulated exchange
counts and hires of the years before treatment, the exposure of a discipline to technology control
from its simulated patents of those years. The planted effect acts through these measured values,
so that what a design should find is known exactly.
"""

import zlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from replication.records.exposure import exchange_exposures, hires_exposure
from replication.records.study.frame import study
from replication.simulate.draws import (
    draw_hires,
    draw_papers,
    draw_patents,
    negative_binomial,
    shocks,
    tally,
)
from replication.simulate.levels import draw_cells, draw_levels, draw_universities
from replication.simulate.process import ADVANTAGED_SHARE, Process
from replication.simulate.technology import Technology, draw_technology, measure_control


@dataclass(frozen=True)
class Study:
    """One draw of the process: C cells (university × discipline), T years, two technology groups.

    Attributes
    ----------
    process : Process
    university, discipline : ndarray of int, shape (C,)
        Position of the cell's university and discipline.
    disciplines : ndarray of str, shape (D,)
        Codes.
    exposure : ndarray, shape (U,)
        Overall exposure as it is recorded, standardised (R7).
    forms : ndarray, shape (U, 4)
        The exposures of `FORMS`, standardised.
    control_exposure : ndarray, shape (D,)
    strength : ndarray, shape (C,)
        Rank of the cell in its discipline's evaluation, from 0 to 1.
    advantaged : ndarray of bool, shape (C,)
    technology : Technology
        Which subclasses the applications of a discipline and group fall in.
    level : ndarray, shape (C, T, 2)
        Log of the mean number of joint applications in key core technology and in other fields,
        without shocks and had exchange no effect; −inf where a discipline has no such subclass.
    effect : ndarray, shape (C, T, 2)
        What exchange adds to it.
    shock : ndarray, shape (C, T)
        What else is added in this draw: shocks, and the faults that were switched on.
    sole_level : ndarray, shape (C, T)
        Log of the mean number of applications without a firm, without shocks.
    mediator_level, mediator_effect, mediator_shock : ndarray, shape (C, T, M)
        The same three parts of the log means of the M mediators.
    exchange : ndarray of int, shape (U, T, 6)
    resources : ndarray of int, shape (U, T, R)
    joint, sole, overseas, papers, hires : DataFrame
        One row an event: ``cell``, ``year`` and what the record needs.
    """

    process: Process
    university: np.ndarray
    discipline: np.ndarray
    disciplines: np.ndarray
    exposure: np.ndarray
    forms: np.ndarray
    control_exposure: np.ndarray
    strength: np.ndarray
    advantaged: np.ndarray
    technology: Technology
    level: np.ndarray
    effect: np.ndarray
    shock: np.ndarray
    sole_level: np.ndarray
    mediator_level: np.ndarray
    mediator_effect: np.ndarray
    mediator_shock: np.ndarray
    exchange: np.ndarray
    resources: np.ndarray
    joint: pd.DataFrame
    sole: pd.DataFrame
    overseas: pd.DataFrame
    papers: pd.DataFrame
    hires: pd.DataFrame

    @property
    def counts(self) -> np.ndarray:
        """Joint applications by cell, year and group, shape (C, T, 2)."""
        return tally(self.joint, self.level.shape, self.process)

    @property
    def mediator_counts(self) -> np.ndarray:
        """Mediators by cell and year, shape (C, T, M)."""
        counted = []
        for mediator in self.process.mediators:
            events: pd.DataFrame = getattr(self, mediator.events)
            events = events.query(mediator.where) if mediator.where else events
            counted.append(tally(events.assign(group=0), (*self.shock.shape, 1), self.process))
        return np.concatenate(counted, axis=2)


def simulate(process: Process | None = None, seed: int = 2026) -> Study:
    """Draw one study.

    Parameters
    ----------
    process : Process, optional
    seed : int
        Same seed, same study. Each part has a random stream of its own, so that a switch of the
        process leaves the parts that it does not touch as they were.

    Examples
    --------
    >>> study = rp.simulate()
    >>> len(study.exposure)
    56
    """
    process = process or Process()
    rng = {
        part: np.random.default_rng([seed, zlib.crc32(part.encode())])
        for part in (
            "universities",
            "cells",
            "levels",
            "shocks",
            "patents",
            "hires",
            "papers",
            "recording",
        )
    }
    years = process.years
    clock = years - process.first_treated
    post = clock >= 0

    latent, exchange, resources = draw_universities(process, rng["universities"])
    exposure, cooperation, conferences = exchange_exposures(exchange[:, ~post])
    u, d, strength, disciplines = draw_cells(process, latent, rng["cells"])
    advantaged = strength > 1 - ADVANTAGED_SHARE
    technology = draw_technology(disciplines, rng["cells"])
    level, sole, mediator_level = draw_levels(
        process, latent, u, d, strength, technology, rng["levels"]
    )

    def file(log_mean: np.ndarray, when: np.ndarray, classes: Technology) -> pd.DataFrame:
        return draw_patents(process, log_mean[:, when], years[when], d, classes, rng["patents"])

    def hire(log_mean: np.ndarray, when: np.ndarray) -> pd.DataFrame:
        return draw_hires(process, latent, u, log_mean[:, when], years[when], rng["hires"])

    shock, mediator_shock = shocks(process, u, rng["shocks"])

    # Levels, shocks, and the faults that a user may switch on: all that is no effect of exchange.
    filed_alone = sole + shock
    shock = shock + _faults(process, exposure)[u] + mediator_shock @ process.loadings
    untreated = level + shock[:, :, None]
    mediators = mediator_level + mediator_shock
    mediator_effect = np.zeros_like(mediators)
    hiring, publishing, filing = (
        process.position(name) for name in ("hires_overseas", "papers_foreign", "patents_overseas")
    )

    # The hires and patents of the years before treatment are drawn before the effect, since two
    # exposures and the third difference are measured from them.
    hires = [hire(mediators[..., hiring], ~post)]
    us, elsewhere = _measure_hires(hires[0], u, process.universities)
    forms = np.column_stack([cooperation, conferences, us, elsewhere])
    per_university = forms @ process.effects
    effect = np.zeros_like(untreated)
    effect[:, clock == -1] = (process.anticipation * per_university)[u][:, None, None]
    always = np.ones_like(post)
    patents = [file(untreated + effect, ~post, technology)]
    alone = file(filed_alone[..., None], always, technology.pooled())
    before = pd.concat([patents[0], alone[alone["year"] < process.first_treated]])
    control = measure_control(before, d, technology)

    # Moderators are centred at the average application of the pre-period.
    volume = np.exp(level[:, ~post]).sum(axis=1)
    weight = volume.sum(axis=1) / volume.sum()
    bracket = 1.0 + process.control * (control[d] - control[d] @ weight)
    bracket += process.advantaged * (advantaged - advantaged @ weight)
    key = process.key * (np.array([1.0, 0.0]) - volume[:, 0].sum() / volume.sum())
    total = per_university[u] * bracket
    effect[:, post] += (total[:, None] + np.outer(per_university[u], key))[:, None, :]
    mediator_effect[:, post] = total[:, None, None] * process.responses
    if process.spillover:
        effect[:, post] += (process.spillover * _by_discipline(total, weight, d))[:, None, None]
    mediators = mediators + mediator_effect

    if process.exposure_noise:
        exchange = recorded(exchange, process.exposure_noise, rng["recording"])
        exposure = exchange_exposures(exchange[:, ~post])[0]

    hires.append(hire(mediators[..., hiring], post))
    patents.append(file(untreated + effect, post, technology))
    return Study(
        process=process,
        university=u,
        discipline=d,
        disciplines=disciplines,
        exposure=exposure,
        forms=forms,
        control_exposure=control,
        strength=strength,
        advantaged=advantaged,
        technology=technology,
        level=level,
        effect=effect,
        shock=shock,
        sole_level=sole,
        mediator_level=mediator_level,
        mediator_effect=mediator_effect,
        mediator_shock=mediator_shock,
        exchange=exchange,
        resources=resources,
        joint=pd.concat(patents, ignore_index=True),
        sole=alone,
        overseas=file(mediators[..., filing, None], always, technology.pooled()),
        papers=draw_papers(process, mediators[:, :, publishing], years, rng["papers"]),
        hires=pd.concat(hires, ignore_index=True),
    )


def redraw(study: Study, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw the shocks of a study anew; universities, cells and effects stay as they are.

    Much faster than another `simulate`, and what differs between draws is noise alone.

    Returns
    -------
    joint : ndarray, shape (C, T, 2)
        Log means of the joint applications of the two groups.
    mediators : ndarray, shape (C, T, M)
        Log means of the mediators. `draw_counts` makes counts of either.
    """
    process, u = study.process, study.university
    shock, mediator_shock = shocks(process, u, rng)
    shock = shock + _faults(process, study.exposure)[u] + mediator_shock @ process.loadings
    joint = study.level + study.effect + shock[:, :, None]
    return joint, study.mediator_level + study.mediator_effect + mediator_shock


def draw_counts(study: Study, log_mean: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw counts with the study's dispersion around log means."""
    return negative_binomial(rng, log_mean, study.process.dispersion)


def recorded(exchange: np.ndarray, noise: float, rng: np.random.Generator) -> np.ndarray:
    """Counts (U, T, 6) as recorded: each university and year adds a shock to their logs."""
    shock = noise * rng.standard_normal(exchange.shape[:2])
    return np.rint(exchange * np.exp(shock)[:, :, None]).astype(np.int64)


def _faults(process: Process, exposure: np.ndarray) -> np.ndarray:
    """What a broken design adds to every discipline of a university by year, shape (U, T)."""
    clock = process.years - process.first_treated
    return np.outer(exposure, process.pretrend * (clock + 1) + process.confounder * (clock >= 0))


def _by_discipline(values: np.ndarray, weight: np.ndarray, d: np.ndarray) -> np.ndarray:
    """Weighted mean of a cell's discipline, in each cell, shape (C,)."""
    sums, weights = (np.bincount(d, weights=w)[d] for w in (values * weight, weight))
    return sums / weights


def _measure_hires(hires: pd.DataFrame, u: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Exposures from pre-period hires with a US and with another overseas doctorate."""
    at = u[hires["cell"].to_numpy()]
    us = (hires["country"] == "US").to_numpy()
    abroad = (hires["country"] != study().home).to_numpy()
    return (
        hires_exposure(np.bincount(at[us], minlength=n)),
        hires_exposure(np.bincount(at[abroad & ~us], minlength=n)),
    )
