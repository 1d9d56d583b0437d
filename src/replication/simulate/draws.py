"""Random draws of the simulated study: shocks, counts, and the events that are counted."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from replication.records.study.frame import study
from replication.simulate.process import Process
from replication.simulate.technology import Technology

FOREIGN_DOCTORATES = ("US", "GB", "DE", "JP", "SG", "AU")
PARTNERS = ("US", "GB", "AU", "DE", "CA", "JP", "SG", "FR")


def abroad(codes: Sequence[str]) -> list[str]:
    """Countries or offices, with China in the place of the study's own."""
    return ["CN" if code == study().home else str(code) for code in codes]


def doctorates() -> list[str]:
    """Countries of doctorates: home, the USA, the others."""
    return [study().home, *abroad(FOREIGN_DOCTORATES)]


def pairs() -> list[str]:
    """Countries of a paper's partners: none, one, two of them in their order."""
    partners = abroad(PARTNERS)
    two = [f"{one};{two}" for one in partners for two in partners if one != two]
    return ["", *partners, *two]


def shocks(
    process: Process, u: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw persistent shocks: university × year plus cell × year; mediator × cell × year."""
    t, rho = len(process.years), process.persistence
    by_university = persistent(rng, (process.universities, t), process.year_sd, rho)
    by_cell = persistent(rng, (len(u), t), process.cell_sd, rho)
    mediator = persistent(rng, (len(u), len(process.mediators), t), process.mediator_sd, rho)
    return by_university[u] + by_cell, mediator.transpose(0, 2, 1)


def persistent(
    rng: np.random.Generator, shape: tuple[int, ...], sd: float, rho: float
) -> np.ndarray:
    """Stationary first-order autoregression along the last axis."""
    x = sd * rng.standard_normal(shape)
    for t in range(1, shape[-1]):
        x[..., t] = rho * x[..., t - 1] + np.sqrt(1 - rho**2) * x[..., t]
    return x


def negative_binomial(
    rng: np.random.Generator, log_mean: np.ndarray, dispersion: float
) -> np.ndarray:
    """Poisson with a gamma mean: variance = mean + mean² / dispersion."""
    return rng.poisson(np.exp(log_mean) * rng.gamma(dispersion, 1 / dispersion, log_mean.shape))


def as_events(counts: np.ndarray, years: np.ndarray) -> pd.DataFrame:
    """One row an event from counts of shape (C, T, groups); numbers as small as they may be."""
    narrow = ("int32", "int16", "int8")
    cell, year, group = (
        np.repeat(i.ravel().astype(dtype), counts.ravel())
        for i, dtype in zip(np.indices(counts.shape, "int32"), narrow, strict=True)
    )
    return pd.DataFrame({"cell": cell, "year": years.astype("int16")[year], "group": group})


def among(codes: np.ndarray, values: list[str]) -> pd.Series:
    """Text that is one of few `values`, by position."""
    return pd.Series(pd.Categorical.from_codes(codes.astype(np.int8), pd.Index(values)))


def tally(events: pd.DataFrame, shape: tuple[int, ...], process: Process) -> np.ndarray:
    """Count events by cell, year and group."""
    counts = np.zeros(shape, dtype=np.int64)
    at = (events["cell"], events["year"] - process.first_year, events["group"])
    np.add.at(counts, at, 1)
    return counts


def draw_patents(
    process: Process,
    log_mean: np.ndarray,
    years: np.ndarray,
    d: np.ndarray,
    technology: Technology,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Applications with the position of their main subclass, from log means of shape (C, T, g)."""
    events = as_events(negative_binomial(rng, log_mean, process.dispersion), years)
    subclass = np.empty(len(events), dtype=np.int16)
    draw = rng.random(len(events))
    by: Any = [d[events["cell"]], events["group"].to_numpy()]
    groups: dict[Any, Any] = events.groupby(by).indices
    for (discipline, group), rows in groups.items():
        cumulative = np.cumsum(technology.weights[discipline, group])
        subclass[rows] = np.searchsorted(cumulative / cumulative[-1], draw[rows], side="right")
    return events.assign(subclass=subclass)


def draw_hires(
    process: Process,
    latent: dict[str, np.ndarray],
    u: np.ndarray,
    log_mean: np.ndarray,
    years: np.ndarray,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Overseas hires with the country of the doctorate, and hires from home."""
    overseas = as_events(negative_binomial(rng, log_mean[:, :, None], process.dispersion), years)
    from_us = 1 / (1 + np.exp(0.2 - 0.7 * latent["us"][u[overseas["cell"]]]))
    others = len(FOREIGN_DOCTORATES) - 1
    other = rng.choice(others, len(overseas), p=[0.3, 0.25, 0.2, 0.15, 0.1])
    # Positions among `doctorates`: home, the USA, the others.
    from_there = np.where(rng.random(len(overseas)) < from_us, 1, other + 2)
    overseas["country"] = among(from_there, doctorates())
    home = as_events(rng.poisson(0.6, (*log_mean.shape, 1)), years)
    home["country"] = among(np.zeros(len(home)), doctorates())
    return pd.concat([overseas, home], ignore_index=True)


def draw_papers(
    process: Process, log_mean: np.ndarray, years: np.ndarray, rng: np.random.Generator
) -> pd.DataFrame:
    """Papers with one or two foreign partners' countries, and papers without."""
    joint = as_events(negative_binomial(rng, log_mean[:, :, None], process.dispersion), years)
    weights = [0.4, 0.14, 0.12, 0.09, 0.08, 0.07, 0.05, 0.05]
    n = len(PARTNERS)
    first, second = (rng.choice(n, len(joint), p=weights).astype("int8") for _ in range(2))
    two = (rng.random(len(joint)) < 0.2) & (first != second)
    # Positions among `pairs`: none, one country, pairs of two that differ.
    pair = 1 + n + first * (n - 1) + second - (second > first)
    joint["countries"] = among(np.where(two, pair, first + 1), pairs())
    home = as_events(rng.poisson(1.5, (*log_mean.shape, 1)), years)
    home["countries"] = among(np.zeros(len(home)), pairs())
    return pd.concat([joint, home], ignore_index=True)
