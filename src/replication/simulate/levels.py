"""Universities, what they offer, and the levels that were there had exchange no effect."""

import numpy as np
import pandas as pd

from replication.records.classify import load_ipc
from replication.records.variables import RESOURCES
from replication.simulate.draws import negative_binomial, persistent
from replication.simulate.process import Process
from replication.simulate.technology import KEY_SHARE, Technology


def draw_universities(
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
    noise = persistent(rng, (n, 6, t), 0.25, process.persistence).transpose(0, 2, 1)
    log_mean = level + 0.6 * drive[:, None, :] + wave[None, :, None] + noise
    exchange = negative_binomial(rng, log_mean, 20.0)
    resources = np.log([r.typical for r in RESOURCES.values()]) + 0.5 * size[:, None, None]
    resources = resources + 0.06 * np.arange(t)[None, :, None]
    resources = resources + 0.25 * rng.standard_normal((n, 1, len(RESOURCES)))
    resources = np.rint(np.exp(resources + 0.04 * rng.standard_normal(resources.shape)))
    return latent, exchange, resources.astype(np.int64)


def draw_cells(
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


def draw_levels(
    process: Process,
    latent: dict[str, np.ndarray],
    u: np.ndarray,
    d: np.ndarray,
    strength: np.ndarray,
    technology: Technology,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log means by cell and year before shocks and effects: joint, alone, the mediators."""
    m, t = len(technology.weights), len(process.years)
    size, openness = latent["size"][u], latent["openness"][u]
    merit = strength - 0.5
    trend = 0.05 * np.arange(t) + 0.08 * rng.standard_normal((m, t))
    cell = 0.1 + 0.25 * size + 0.15 * openness + 0.7 * merit + 0.4 * rng.standard_normal(m)[d]
    cell = cell + 0.6 * rng.standard_normal(len(u))
    joint = cell[:, None] + trend[d]
    exists = technology.weights.sum(axis=2) > 0
    share = np.where(exists.all(axis=1), KEY_SHARE, exists[:, 0])
    with np.errstate(divide="ignore"):
        split = np.log(np.column_stack([share, 1 - share]))
    alone = joint - 0.2 + 0.3 * rng.standard_normal((len(u), 1))
    start = np.array([m.start for m in process.mediators])
    mediators = start + 0.3 * np.column_stack([latent[m.follows][u] for m in process.mediators])
    mediators = mediators + 0.8 * merit[:, None] + 0.35 * rng.standard_normal(mediators.shape)
    mediators = mediators[:, None, :] + 0.04 * np.arange(t)[None, :, None]
    return joint[:, :, None] + split[d][:, None, :], alone, mediators
