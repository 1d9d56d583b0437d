"""The simulated study: records drawn from a documented process with a known effect.

The process is that of `book/data.md`, in its notation. Everything that decides who is affected how
much is drawn first and measured as the panel measures it: the exposures from the simulated exchange
counts and hires of the years before treatment, the exposure of a discipline to technology control
from its simulated patents of those years. The planted effect acts through these measured values,
so that what a design should find is known exactly.
"""

import zlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from replication.records.classify import load_ipc

FORMS = ("cooperation", "conferences", "us", "elsewhere")
MEDIATORS = ("hires_overseas", "papers_foreign", "patents_overseas")


@dataclass(frozen=True)
class Process:
    """Every parameter of the data-generating process; the defaults are the shipped study.

    Effects are changes of the log of the mean number of joint applications in the years from
    ``first_treated`` on, for one standard deviation of an exposure, at average moderators.

    Attributes
    ----------
    universities, first_year, last_year, first_treated : int
        Size and calendar (R1, R2).
    cells_per_university : float
        Mean number of disciplines a university offers.
    effect_cooperation, effect_conferences, effect_us, effect_elsewhere : float
        Effect of each exposure (C1, C8, C9).
    control, advantaged, key : float
        Relative change of the effect for a discipline fully exposed to technology control, an
        advantaged discipline, a key core technology, against the study's average (C2, C7, C6).
    share_hires, share_papers, share_overseas : float
        Share of the effect that each mediator transmits; the rest is direct (C3–C5).
    response_hires, response_papers, response_overseas : float
        Change of the log mean of a mediator for a total effect of one log point.
    mediator_confounding : float
        What a shock to any mediator adds to the log mean of joint applications although the
        mediator transmits nothing of it: a common cause of mediator and outcome.
    pretrend : float
        Slope per year and standard deviation of exposure, in all years: a broken design.
    anticipation : float
        Part of the effect that is there in the last year before treatment.
    confounder : float
        Shock from ``first_treated`` on, per standard deviation of exposure, to every discipline
        alike, that has nothing to do with exchange.
    year_sd, cell_sd, mediator_sd : float
        Standard deviations of the shocks to university × year, cell × year, mediator × cell × year.
    persistence : float
        First-order autocorrelation of these shocks.
    dispersion : float
        Negative binomial: variance = mean + mean² / dispersion.
    """

    universities: int = 56
    first_year: int = 2011
    last_year: int = 2022
    first_treated: int = 2018
    cells_per_university: float = 18.0
    effect_cooperation: float = 0.15
    effect_conferences: float = 0.02
    effect_us: float = 0.14
    effect_elsewhere: float = 0.01
    control: float = 1.2
    advantaged: float = 0.8
    key: float = 0.8
    share_hires: float = 0.25
    share_papers: float = 0.25
    share_overseas: float = 0.20
    response_hires: float = 1.5
    response_papers: float = 1.2
    response_overseas: float = 1.5
    mediator_confounding: float = 0.0
    pretrend: float = 0.0
    anticipation: float = 0.0
    confounder: float = 0.0
    year_sd: float = 0.07
    cell_sd: float = 0.30
    mediator_sd: float = 0.25
    persistence: float = 0.5
    dispersion: float = 4.0

    @property
    def years(self) -> np.ndarray:
        """Calendar years, shape (T,)."""
        return np.arange(self.first_year, self.last_year + 1)

    @property
    def effects(self) -> np.ndarray:
        """Effects of the four exposures in the order of `FORMS`, shape (4,)."""
        return np.array([getattr(self, f"effect_{form}") for form in FORMS])

    @property
    def shares(self) -> np.ndarray:
        """Mediated shares in the order of `MEDIATORS`, shape (3,)."""
        return np.array([self.share_hires, self.share_papers, self.share_overseas])

    @property
    def responses(self) -> np.ndarray:
        """Responses of the mediators in the order of `MEDIATORS`, shape (3,)."""
        return np.array([self.response_hires, self.response_papers, self.response_overseas])

    @property
    def loadings(self) -> np.ndarray:
        """What a log point of shock to each mediator adds to the outcome's log mean, shape (3,).

        A mediator that carries the share s of an effect, to which it responds by r, has the
        elasticity s / r, and its shocks act through it too; a common cause comes on top.
        """
        silent = self.responses == 0
        if self.shares[silent].any():
            raise ValueError("a mediator whose response is 0 carries no share of the effect")
        elasticity = self.shares / np.where(silent, 1.0, self.responses)
        return elasticity + self.mediator_confounding

    def without_effect(self) -> "Process":
        """Return the same process in which exchange does nothing."""
        none: dict[str, Any] = {f"effect_{form}": 0.0 for form in FORMS}
        return replace(self, **none)

    def without_heterogeneity(self) -> "Process":
        """Return the same process with one effect for all disciplines, technologies, exposures."""
        mean = float(self.effects.mean())
        alike: dict[str, Any] = {f"effect_{form}": mean for form in FORMS}
        return replace(self, control=0.0, advantaged=0.0, key=0.0, **alike)


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
        Overall exposure, standardised (R7).
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
    mediator_level, mediator_effect, mediator_shock : ndarray, shape (C, T, 3)
        The same three parts of the log means of the mediators.
    exchange : ndarray of int, shape (U, T, 6)
    resources : ndarray of int, shape (U, T, 3)
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
    technology: "Technology"
    level: np.ndarray
    effect: np.ndarray
    shock: np.ndarray
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


def simulate(process: Process | None = None, seed: int = 2026) -> Study:
    """Draw one study.

    Parameters
    ----------
    process : Process, optional
    seed : int
        Same seed, same study. Each part has a random stream of its own, so that a switch of the
        process leaves the parts that it does not touch as they were.

    Returns
    -------
    Study
    """
    process = process or Process()
    rng = {
        part: np.random.default_rng([seed, zlib.crc32(part.encode())])
        for part in ("universities", "cells", "levels", "shocks", "patents", "hires", "papers")
    }
    years = process.years
    clock = years - process.first_treated
    post = clock >= 0

    latent, exchange, resources = _universities(process, rng["universities"])
    exposure, cooperation, conferences = measure_exchange(exchange[:, ~post])
    u, d, strength, disciplines = _cells(process, latent, rng["cells"])
    advantaged = strength > 1 - ADVANTAGED_SHARE
    technology = _technology(disciplines, rng["cells"])
    level, sole, mediator_level = _levels(
        process, latent, u, d, strength, technology, rng["levels"]
    )
    shock, mediator_shock = _shocks(process, u, rng["shocks"])

    # Levels, shocks, and the faults that a user may switch on: all that is no effect of exchange.
    sole = sole + shock
    shock = shock + _faults(process, exposure)[u] + mediator_shock @ process.loadings
    untreated = level + shock[:, :, None]
    mediators = mediator_level + mediator_shock
    mediator_effect = np.zeros_like(mediators)

    # The hires and patents of the years before treatment are drawn before the effect, since two
    # exposures and the third difference are measured from them.
    hires = [_draw_hires(process, latent, u, mediators[:, ~post, 0], years[~post], rng["hires"])]
    us, elsewhere = measure_hires(hires[0], u, process.universities)
    forms = np.column_stack([cooperation, conferences, us, elsewhere])
    per_university = forms @ process.effects
    effect = np.zeros_like(untreated)
    effect[:, clock == -1] = (process.anticipation * per_university)[u][:, None, None]
    patents = [
        _draw_patents(
            process, (untreated + effect)[:, ~post], years[~post], d, technology, rng["patents"]
        )
    ]
    alone = _draw_patents(process, sole[:, :, None], years, d, technology.pooled(), rng["patents"])
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
    mediators = mediators + mediator_effect

    hires.append(_draw_hires(process, latent, u, mediators[:, post, 0], years[post], rng["hires"]))
    patents.append(
        _draw_patents(
            process, (untreated + effect)[:, post], years[post], d, technology, rng["patents"]
        )
    )
    overseas = mediators[:, :, 2, None]
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
        mediator_level=mediator_level,
        mediator_effect=mediator_effect,
        mediator_shock=mediator_shock,
        exchange=exchange,
        resources=resources,
        joint=pd.concat(patents, ignore_index=True),
        sole=alone,
        overseas=_draw_patents(process, overseas, years, d, technology.pooled(), rng["patents"]),
        papers=_draw_papers(process, mediators[:, :, 1], years, rng["papers"]),
        hires=pd.concat(hires, ignore_index=True),
    )


def redraw(study: Study, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw the shocks of a study anew; universities, cells and effects stay as they are.

    Much faster than another `simulate`, and what differs between draws is noise alone.

    Returns
    -------
    joint : ndarray, shape (C, T, 2)
        Log means of the joint applications of the two groups.
    mediators : ndarray, shape (C, T, 3)
        Log means of the `MEDIATORS`. `draw_counts` makes counts of either.
    """
    process, u = study.process, study.university
    shock, mediator_shock = _shocks(process, u, rng)
    shock = shock + _faults(process, study.exposure)[u] + mediator_shock @ process.loadings
    joint = study.level + study.effect + shock[:, :, None]
    return joint, study.mediator_level + study.mediator_effect + mediator_shock


def draw_counts(study: Study, log_mean: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw counts with the study's dispersion around log means."""
    return _negative_binomial(rng, log_mean, study.process.dispersion)


def _faults(process: Process, exposure: np.ndarray) -> np.ndarray:
    """What a broken design adds to every discipline of a university by year, shape (U, T)."""
    clock = process.years - process.first_treated
    return np.outer(exposure, process.pretrend * (clock + 1) + process.confounder * (clock >= 0))


def standardise(x: np.ndarray) -> np.ndarray:
    """Mean zero and standard deviation one over the universities (divisor U − 1)."""
    return (x - x.mean()) / x.std(ddof=1)


def measure_exchange(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Exposures from the six counts of the pre-period (R7), as `panel.build_panel` measures them.

    Parameters
    ----------
    counts : ndarray of int, shape (U, T, 6)
        Cooperative research first, two counts, then conferences, four.

    Returns
    -------
    exposure, cooperation, conferences : ndarray, shape (U,)
        Means of log(1 + count), standardised by count over universities and years, then over
        universities.
    """
    z = np.log1p(counts)
    z = (z - z.mean(axis=(0, 1))) / z.std(axis=(0, 1), ddof=1)
    z = z.mean(axis=1)
    return (
        standardise(z.mean(axis=1)),
        standardise(z[:, :2].mean(axis=1)),
        standardise(z[:, 2:].mean(axis=1)),
    )


def measure_hires(hires: pd.DataFrame, u: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Log(1 + hires) of the pre-period with a US and another overseas doctorate, standardised."""
    at = u[hires["cell"].to_numpy()]
    us = (hires["country"] == "US").to_numpy()
    abroad = (hires["country"] != "CN").to_numpy()
    return (
        standardise(np.log1p(np.bincount(at[us], minlength=n))),
        standardise(np.log1p(np.bincount(at[abroad & ~us], minlength=n))),
    )


def measure_control(patents: pd.DataFrame, d: np.ndarray, technology: "Technology") -> np.ndarray:
    """Share of each discipline's pre-period applications in controlled subclasses (R10)."""
    at = d[patents["cell"].to_numpy()]
    controlled = technology.controlled[patents["subclass"].to_numpy()]
    n = len(technology.weights)
    filed = np.bincount(at, minlength=n)
    # A discipline that filed nothing before treatment filed nothing under control.
    return np.bincount(at, controlled, minlength=n) / np.maximum(filed, 1)


def tally(events: pd.DataFrame, shape: tuple[int, ...], process: Process) -> np.ndarray:
    """Count events by cell, year and group."""
    counts = np.zeros(shape, dtype=np.int64)
    at = (events["cell"], events["year"] - process.first_year, events["group"])
    np.add.at(counts, at, 1)
    return counts


ADVANTAGED_SHARE = 0.28
FOREIGN_DOCTORATES = np.array(["US", "GB", "DE", "JP", "SG", "AU"])
PARTNERS = np.array(["US", "GB", "AU", "DE", "CA", "JP", "SG", "FR"])


@dataclass(frozen=True)
class Technology:
    """Which IPC subclasses the applications of a discipline fall in.

    Attributes
    ----------
    subclasses : ndarray of str, shape (S,)
    controlled, ai : ndarray of bool, shape (S,)
        Whether a subclass is under export control, and whether it is related to AI.
    weights : ndarray, shape (D, 2, S)
        Probability of a subclass in the key core and the other group; zero rows where a
        discipline has none.
    key_share : float
        Expected share of key core technology where a discipline has both groups.
    """

    subclasses: np.ndarray
    controlled: np.ndarray
    ai: np.ndarray
    weights: np.ndarray
    key_share: float

    @property
    def ai_share(self) -> np.ndarray:
        """Probability that an application is in an AI-related subclass, shape (D, 2)."""
        return self.weights @ self.ai

    def pooled(self) -> "Technology":
        """One group instead of two, both groups' subclasses in it alike."""
        both = self.weights.sum(axis=1, keepdims=True)
        return replace(self, weights=both / both.sum(axis=2, keepdims=True))


def _universities(
    process: Process, rng: np.random.Generator
) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Size and openness, correlated; the six counts and the resources by year."""
    n, t = process.universities, len(process.years)
    size = rng.standard_normal(n)
    openness = 0.5 * size + np.sqrt(0.75) * rng.standard_normal(n)
    cooperation = 0.7 * openness + np.sqrt(0.51) * rng.standard_normal(n)
    conferences = 0.7 * openness + np.sqrt(0.51) * rng.standard_normal(n)
    latent = {"size": size, "openness": openness, "us": rng.standard_normal(n)}
    # Exchange grows until the first treated year and shrinks after it.
    wave = 0.05 * np.minimum(process.years - process.first_treated, 0)
    wave = wave - 0.12 * np.maximum(process.years - process.first_treated + 1, 0)
    level = np.log([60.0, 50.0, 400.0, 300.0, 40.0, 6.0])
    drive = np.column_stack([cooperation] * 2 + [conferences] * 4)
    noise = _persistent(rng, (n, 6, t), 0.25, process.persistence).transpose(0, 2, 1)
    log_mean = level + 0.6 * drive[:, None, :] + wave[None, :, None] + noise
    exchange = _negative_binomial(rng, log_mean, 20.0)
    resources = np.log([1500.0, 600_000.0, 9000.0]) + 0.5 * size[:, None, None]
    resources = resources + 0.06 * np.arange(t)[None, :, None]
    resources = resources + 0.25 * rng.standard_normal((n, 1, 3))
    resources = np.rint(np.exp(resources + 0.04 * rng.standard_normal((n, t, 3))))
    return latent, exchange, resources.astype(np.int64)


def _cells(
    process: Process, latent: dict[str, np.ndarray], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Which university offers which discipline, and how strong it is there."""
    disciplines = np.sort(load_ipc()["discipline"].unique()).astype(str)
    n, m = process.universities, len(disciplines)
    appeal = rng.standard_normal(m) + 0.5 * latent["size"][:, None]
    appeal = appeal + rng.gumbel(size=(n, m))
    # The number of cells is fixed, so that a study of any seed has the size it should have.
    offered = min(round(process.cells_per_university * n), n * m)
    cut = np.sort(appeal, axis=None)[-offered]
    u, d = np.nonzero(appeal >= cut)
    merit = 0.6 * latent["size"][u] + 0.8 * rng.standard_normal(len(u))
    rank = pd.Series(merit).groupby(d).rank(pct=True).to_numpy()
    return u, d, rank, disciplines


def _technology(disciplines: np.ndarray, rng: np.random.Generator) -> Technology:
    """Draw the weights of the subclasses of each discipline and group."""
    ipc = load_ipc().sort_values("ipc_subclass", ignore_index=True)
    weights = np.zeros((len(disciplines), 2, len(ipc)))
    row = np.searchsorted(disciplines, ipc["discipline"])
    group = np.where(ipc["key_core"], 0, 1)
    weights[row, group, np.arange(len(ipc))] = rng.gamma(1.5, size=len(ipc))
    total = weights.sum(axis=2, keepdims=True)
    weights = np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)
    return Technology(
        ipc["ipc_subclass"].to_numpy(str),
        ipc["controlled"].to_numpy(bool),
        ipc["ai"].to_numpy(bool),
        weights,
        0.35,
    )


def _levels(
    process: Process,
    latent: dict[str, np.ndarray],
    u: np.ndarray,
    d: np.ndarray,
    strength: np.ndarray,
    technology: Technology,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log means by cell and year before shocks and effects: joint, alone, the three mediators."""
    m, t = len(technology.weights), len(process.years)
    size, openness = latent["size"][u], latent["openness"][u]
    merit = strength - 0.5
    trend = 0.05 * np.arange(t) + 0.08 * rng.standard_normal((m, t))
    cell = 0.1 + 0.25 * size + 0.15 * openness + 0.7 * merit + 0.4 * rng.standard_normal(m)[d]
    cell = cell + 0.6 * rng.standard_normal(len(u))
    joint = cell[:, None] + trend[d]
    exists = technology.weights.sum(axis=2) > 0
    share = np.where(exists.all(axis=1), technology.key_share, exists[:, 0])
    with np.errstate(divide="ignore"):
        split = np.log(np.column_stack([share, 1 - share]))
    alone = joint - 0.2 + 0.3 * rng.standard_normal((len(u), 1))
    start = np.array([-0.1, 1.3, -0.2])
    mediators = start + 0.3 * np.column_stack([openness, size, size])
    mediators = mediators + 0.8 * merit[:, None] + 0.35 * rng.standard_normal((len(u), 3))
    mediators = mediators[:, None, :] + 0.04 * np.arange(t)[None, :, None]
    return joint[:, :, None] + split[d][:, None, :], alone, mediators


def _shocks(
    process: Process, u: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw persistent shocks: university × year plus cell × year; mediator × cell × year."""
    t, rho = len(process.years), process.persistence
    by_university = _persistent(rng, (process.universities, t), process.year_sd, rho)
    by_cell = _persistent(rng, (len(u), t), process.cell_sd, rho)
    mediator = _persistent(rng, (len(u), 3, t), process.mediator_sd, rho)
    return by_university[u] + by_cell, mediator.transpose(0, 2, 1)


def _persistent(
    rng: np.random.Generator, shape: tuple[int, ...], sd: float, rho: float
) -> np.ndarray:
    """Stationary first-order autoregression along the last axis."""
    x = sd * rng.standard_normal(shape)
    for t in range(1, shape[-1]):
        x[..., t] = rho * x[..., t - 1] + np.sqrt(1 - rho**2) * x[..., t]
    return x


def _negative_binomial(
    rng: np.random.Generator, log_mean: np.ndarray, dispersion: float
) -> np.ndarray:
    """Poisson with a gamma mean: variance = mean + mean² / dispersion."""
    return rng.poisson(np.exp(log_mean) * rng.gamma(dispersion, 1 / dispersion, log_mean.shape))


def _events(counts: np.ndarray, years: np.ndarray) -> pd.DataFrame:
    """One row an event from counts of shape (C, T, groups)."""
    cell, year, group = (np.repeat(i.ravel(), counts.ravel()) for i in np.indices(counts.shape))
    return pd.DataFrame({"cell": cell, "year": years[year], "group": group})


def _draw_patents(
    process: Process,
    log_mean: np.ndarray,
    years: np.ndarray,
    d: np.ndarray,
    technology: Technology,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Applications with the position of their main subclass, from log means of shape (C, T, g)."""
    events = _events(_negative_binomial(rng, log_mean, process.dispersion), years)
    subclass = np.empty(len(events), dtype=np.int64)
    draw = rng.random(len(events))
    by: Any = [d[events["cell"]], events["group"].to_numpy()]
    groups: dict[Any, Any] = events.groupby(by).indices
    for (discipline, group), rows in groups.items():
        cumulative = np.cumsum(technology.weights[discipline, group])
        subclass[rows] = np.searchsorted(cumulative / cumulative[-1], draw[rows], side="right")
    return events.assign(subclass=subclass)


def _draw_hires(
    process: Process,
    latent: dict[str, np.ndarray],
    u: np.ndarray,
    log_mean: np.ndarray,
    years: np.ndarray,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Overseas hires with the country of the doctorate, and hires from home."""
    overseas = _events(_negative_binomial(rng, log_mean[:, :, None], process.dispersion), years)
    from_us = 1 / (1 + np.exp(0.2 - 0.7 * latent["us"][u[overseas["cell"]]]))
    other = rng.choice(FOREIGN_DOCTORATES[1:], len(overseas), p=[0.3, 0.25, 0.2, 0.15, 0.1])
    overseas["country"] = np.where(rng.random(len(overseas)) < from_us, "US", other)
    home = _events(rng.poisson(0.6, (*log_mean.shape, 1)), years).assign(country="CN")
    return pd.concat([overseas, home], ignore_index=True)


def _draw_papers(
    process: Process, log_mean: np.ndarray, years: np.ndarray, rng: np.random.Generator
) -> pd.DataFrame:
    """Papers with one or two foreign partners' countries, and papers without."""
    joint = _events(_negative_binomial(rng, log_mean[:, :, None], process.dispersion), years)
    weights = [0.4, 0.14, 0.12, 0.09, 0.08, 0.07, 0.05, 0.05]
    first, second = (rng.choice(PARTNERS, len(joint), p=weights) for _ in range(2))
    two = (rng.random(len(joint)) < 0.2) & (first != second)
    countries = pd.Series(first).astype(str)
    joint["countries"] = countries.where(~two, countries + ";" + second)
    home = _events(rng.poisson(1.5, (*log_mean.shape, 1)), years).assign(countries="")
    return pd.concat([joint, home], ignore_index=True)
