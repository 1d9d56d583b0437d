"""Power of the estimators: against the size of the effect and the number of universities."""

import math
from collections.abc import Mapping
from dataclasses import replace

import pandas as pd
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from replication.montecarlo.repeat import rejected, repeat
from replication.simulate.process import Process
from replication.simulate.study import Study, simulate


def power(found: pd.DataFrame) -> pd.DataFrame:
    """Share of studies that reject zero (CR1), by design and model, with a 95 % interval.

    Returns
    -------
    DataFrame
        ``design``, ``model``, ``power``, ``lower``, ``upper`` (Wilson), ``studies``.
    """
    hits = found.assign(hit=rejected(found)).groupby(["design", "model"], sort=False)["hit"]
    table = hits.agg(power="mean", studies="size", rejected="sum").reset_index()
    lower, upper = proportion_confint(table.pop("rejected"), table["studies"], method="wilson")
    return table[["design", "model", "power", "studies"]].assign(lower=lower, upper=upper)


def power_by_effect(
    study: Study,
    scales: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5),
    studies: int = 250,
    *,
    seed: int = 2026,
    known: Mapping[float, pd.DataFrame] | None = None,
) -> pd.DataFrame:
    """Power against the size of the effect: `power` by ``scale``, a factor on what was planted.

    Parameters
    ----------
    study : Study
    scales : tuple of float
    studies, seed : int
        Draws at each scale.
    known : mapping of float to DataFrame, optional
        Results of `repeat` by scale that need not be drawn again.
    """
    runs = dict(known or {})
    for scale in sorted(set(scales) - set(runs)):
        runs[scale] = repeat(study, studies, seed=seed, scale=scale)
    tables = {scale: power(runs[scale]) for scale in sorted(runs)}
    return pd.concat(tables, names=["scale"]).reset_index("scale").reset_index(drop=True)


def power_by_universities(
    sizes: tuple[int, ...] = (28, 56, 112, 224),
    designs: int = 2,
    studies: int = 125,
    *,
    scale: float = 0.5,
    seed: int = 2026,
    process: Process | None = None,
) -> pd.DataFrame:
    """Power against the number of universities: `power` by ``universities``.

    Parameters
    ----------
    sizes : tuple of int
    designs, studies : int
        At each size, so many sets of universities are drawn, and so many studies of each.
    scale : float
        Factor on the planted effects.
    seed : int
    process : Process, optional
    """
    tables = {}
    for size in sizes:
        runs = []
        for number in range(designs):
            study = simulate(replace(process or Process(), universities=size), seed + number)
            runs.append(repeat(study, studies, seed=seed, scale=scale))
        tables[size] = power(pd.concat(runs))
    return (
        pd.concat(tables, names=["universities"]).reset_index("universities").reset_index(drop=True)
    )


def smallest_visible(std_error: float, df: float, share: float, power: float = 0.8) -> float:
    """Effect, present in a share of a year only, that a two-sided test at 5 % sees with `power`.

    Parameters
    ----------
    std_error : float
        Of the year's coefficient, on the log of the mean.
    df : float
        Degrees of freedom of its t distribution.
    share : float
        Part of the year in which the effect is there, in (0, 1].

    Returns
    -------
    float
        On the log of the mean: the year's mean rises by the factor ``1 + share (exp(b) − 1)``.
    """
    needed = (stats.t.ppf(0.975, df) + stats.t.ppf(power, df)) * std_error
    return math.log1p(math.expm1(needed) / share)
