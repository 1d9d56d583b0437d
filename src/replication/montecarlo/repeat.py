"""Design analysis: what the estimators do over many studies of which the truth is known.

Universities, cells, exposures and planted effects stay those of one study; shocks and counts are
drawn anew (`simulate.redraw`). Least squares on all draws is a product with the residualised
regressor, PPML is `many.poisson.poisson_fits`: nothing is fitted draw by draw, and the cost is
linear in the number of studies. Studies with universities drawn anew are in `redrawn`.
Every study has a random stream of its own, so that its numbers do not depend on how many are drawn
at a time.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from replication.estimate.convention import LEVEL, rejects
from replication.estimate.design import STUDY, TRIPLE
from replication.estimate.many.poisson import poisson_fits
from replication.estimate.many.regression import Regression, regression
from replication.estimate.many.variance import std_errors
from replication.estimate.sample import Sample, sample
from replication.montecarlo.truth import expected_panel
from replication.simulate.study import Study, draw_counts, redraw

DESIGNS = {"DID": STUDY, "DDD": TRIPLE}
OLS, PPML = "log(1 + y)", "PPML"
ESTIMATORS = tuple((design, model) for design in DESIGNS for model in (OLS, PPML))
KEY = ["design", "model"]
CHUNK = 16
"""Studies at a time: their arrays fit a processor's cache."""


@dataclass(frozen=True)
class Layout:
    """What the draws of a study have in common, for one of the `DESIGNS`."""

    sample: Sample

    @cached_property
    def regression(self) -> Regression:
        """Regressor and effects, taken apart for least squares."""
        return regression(self.sample, "least squares of many studies")


def layouts(study: Study) -> dict[str, Layout]:
    """Both designs of a study, on its expected outcomes."""
    panel = expected_panel(study)
    return {name: Layout(sample(panel, design)) for name, design in DESIGNS.items()}


def scaled(study: Study, scale: float) -> Study:
    """The study with every planted effect multiplied by `scale`."""
    return replace(
        study,
        effect=scale * study.effect,
        mediator_effect=scale * study.mediator_effect,
    )


def draws(study: Study, studies: int, seed: int, chunk: int = CHUNK) -> Iterator[np.ndarray]:
    """Draw the counts of many studies, shape (N, up to `chunk`) at a time, rows as in the panel."""
    for first in range(0, studies, chunk):
        columns = []
        for number in range(first, min(first + chunk, studies)):
            rng = np.random.default_rng([seed, number])
            log_mean, _ = redraw(study, rng)
            columns.append(draw_counts(study, log_mean, rng).sum(axis=2).ravel())
        yield np.column_stack(columns).astype(float)


def repeat(
    study: Study,
    studies: int = 1000,
    *,
    seed: int = 2026,
    scale: float = 1.0,
    models: tuple[tuple[str, str], ...] = ESTIMATORS,
    chunk: int = CHUNK,
) -> pd.DataFrame:
    """Draw a study many times and estimate it every time.

    Parameters
    ----------
    study : Study
    studies, seed : int
    scale : float
        Factor on the planted effects; 0 gives studies in which exchange does nothing.
    models : tuple of (design, model)
    chunk : int
        Studies at a time. The memory needed grows with it, the results do not depend on it.

    Returns
    -------
    DataFrame
        One row a study and estimator: ``study``, ``design``, ``model``, ``estimate``,
        ``std_error`` (CR1), ``df`` (G − 1).
    """
    parts = layouts(study)
    rows: list[pd.DataFrame] = []
    done = 0
    for y in draws(scaled(study, scale), studies, seed, chunk):
        for design, model in models:
            estimate, error, df = _estimate(parts[design], model, y)
            found = {
                "study": np.arange(done, done + y.shape[1]),
                "design": design,
                "model": model,
                "estimate": estimate,
                "std_error": error,
                "df": df,
            }
            rows.append(pd.DataFrame(found))
        done += y.shape[1]
    return pd.concat(rows, ignore_index=True)


def _estimate(
    layout: Layout, model: str, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients, CR1 standard errors and degrees of freedom of a chunk of studies."""
    if model == PPML:
        fits = poisson_fits(layout.sample, y)
        return fits.estimate, fits.std_error, fits.clusters - 1
    estimate, residuals = layout.regression.fit(np.log1p(y))
    df = np.full(y.shape[1], len(layout.regression.leverage) - 1)
    return estimate, std_errors(layout.regression, residuals, "CR1"), df


def targets(study: Study, scale: float = 1.0, studies: int = 1000, seed: int = 1) -> pd.DataFrame:
    """What each estimator aims at.

    PPML aims at the effect on the log of the mean, known exactly from the expected outcomes. Least
    squares on log(1 + y) aims at its own mean over draws, known up to a Monte-Carlo error from
    draws that are used for nothing else.

    Returns
    -------
    DataFrame
        Indexed by ``design`` and ``model``: ``own``, ``mc_error``, and ``mean``, the effect on the
        log of the mean that an estimate is commonly read as.
    """
    expected = expected_panel(scaled(study, scale))["patents_joint"].to_numpy()[:, None]
    least = repeat(
        study, studies, seed=seed, scale=scale, models=tuple((design, OLS) for design in DESIGNS)
    )
    drawn = least.groupby("design")["estimate"].agg(["mean", "sem"])
    rows = []
    for design, layout in layouts(study).items():
        exact = 0.0 if scale == 0 else float(poisson_fits(layout.sample, expected).estimate[0])
        rows += [(design, OLS, *drawn.loc[design], exact), (design, PPML, exact, 0.0, exact)]
    return pd.DataFrame(rows, columns=[*KEY, "own", "mc_error", "mean"]).set_index(KEY)


def rejected(found: pd.DataFrame, null: pd.Series | float = 0.0) -> np.ndarray:
    """Whether each study rejects `null` by CR1 and t(G − 1)."""
    return rejects(found["estimate"] - null, found["std_error"], found["df"])


def coverage(found: pd.DataFrame, nothing: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """Bias, coverage and size of every estimator.

    Parameters
    ----------
    found, nothing : DataFrame
        `repeat` with the planted effect, and with none.
    truth : DataFrame
        `targets` of the first.

    Returns
    -------
    DataFrame
        Indexed by ``design`` and ``model``: ``target``, ``estimate`` (mean), ``bias`` and its
        ``bias_error``, ``spread`` (standard deviation of the estimates), ``std_error`` (mean),
        ``coverage`` of the own target, ``coverage_of_mean`` of the effect on the mean,
        ``size`` (rejections of zero where there is no effect), ``rate_error``, the Monte-Carlo
        error that a rate of 5 % has.
    """
    aims = truth.loc[list(zip(found["design"], found["model"], strict=True))].reset_index(drop=True)
    hits = found.assign(
        covered=~rejected(found, aims["own"]), covered_mean=~rejected(found, aims["mean"])
    )
    studies = hits.groupby(KEY, sort=False)
    table = studies.agg(
        estimate=("estimate", "mean"),
        spread=("estimate", "std"),
        std_error=("std_error", "mean"),
        coverage=("covered", "mean"),
        coverage_of_mean=("covered_mean", "mean"),
    )
    claimed = nothing.assign(rejected=rejected(nothing)).groupby(KEY)["rejected"].mean()
    error: pd.Series = table["spread"] / np.sqrt(studies.size())
    return pd.DataFrame(
        {
            "target": truth["own"],
            "estimate": table["estimate"],
            "bias": table["estimate"] - truth["own"],
            "bias_error": np.hypot(error, truth["mc_error"]),
            **table[["spread", "std_error", "coverage", "coverage_of_mean"]],
            "size": claimed,
            "rate_error": rate_error(studies.size()),
        }
    ).loc[table.index]


def rate_error(studies: Any, rate: float = LEVEL) -> Any:
    """Monte-Carlo standard error of a rate over so many studies."""
    return np.sqrt(rate * (1 - rate) / studies)


def errors(found: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """Power, type S and type M errors (Gelman and Carlin 2014), against the own target.

    Returns
    -------
    DataFrame
        Indexed by ``design`` and ``model``: ``target``, ``power``; among significant estimates the
        share with the wrong sign, ``type_s``, and the mean of |estimate| / |target|, ``type_m``.
    """
    own = truth["own"]
    hits = found[rejected(found)].set_index(KEY)["estimate"]
    ratio = hits / own.reindex(hits.index)
    table = {
        "target": own,
        "power": hits.groupby(KEY).size() / found.groupby(KEY).size(),
        "type_s": (ratio < 0).groupby(KEY).mean(),
        "type_m": ratio.abs().groupby(KEY).mean(),
    }
    return pd.DataFrame(table).loc[own.index]
