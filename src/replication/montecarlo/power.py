"""Power of the estimators: against the size of the effect and the number of universities."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import stats

from replication.exhibit.figures import Figure, _figure, _theme
from replication.montecarlo.repeat import ESTIMATORS, rejects, repeat
from replication.simulate.study import Process, Study, simulate


def power(found: pd.DataFrame) -> pd.DataFrame:
    """Share of studies that reject zero (CR1), by design and model, with a 95 % interval.

    Returns
    -------
    DataFrame
        ``design``, ``model``, ``power``, ``lower``, ``upper`` (Wilson), ``studies``.
    """
    hits = found.assign(hit=rejects(found)).groupby(["design", "model"], sort=False)["hit"]
    table = hits.agg(power="mean", studies="size").reset_index()
    p, n, z2 = table["power"], table["studies"], stats.norm.ppf(0.975) ** 2
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2 * (p * (1 - p) / n + z2 / (4 * n**2))) / (1 + z2 / n)
    return table.assign(lower=middle - half, upper=middle + half)


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


def figure(table: pd.DataFrame, by: str, label: str, mark: float | None = None) -> Figure:
    """Power of each estimator against `by`.

    Parameters
    ----------
    table : DataFrame
        Of `power_by_effect` or `power_by_universities`.
    by, label : str
        Column of the horizontal axis and its name.
    mark : float, optional
        Where the study stands.
    """
    with _theme(3.8) as axes:
        axes.axhline(0.8, color="0.6", linewidth=0.8)
        axes.axhline(0.05, color="0.35", linestyle="--", linewidth=0.8)
        if mark is not None:
            axes.axvline(mark, color="0.35", linestyle=":", linewidth=1.2)
        for i, (name, line) in enumerate(_lines(table)):
            bars = [line["power"] - line["lower"], line["upper"] - line["power"]]
            axes.errorbar(
                line[by],
                line["power"],
                yerr=bars,
                marker="os^D"[i],
                linestyle=("-", "-", "--", "--")[i],
                markersize=4.5,
                linewidth=1.2,
                label=name,
            )
        if by == "universities":
            axes.set_xscale("log", base=2)
        axes.set_xticks(sorted(table[by].unique()), [f"{v:g}" for v in sorted(table[by].unique())])
        axes.minorticks_off()
        axes.set(xlabel=label, ylabel="share of studies that reject zero", ylim=(-0.02, 1.05))
        axes.legend(frameon=False, loc="lower right")
    words = [
        f"{name}: " + ", ".join(f"{p:.2f} at {v:g}" for v, p in zip(r[by], r["power"], strict=True))
        for name, r in _lines(table)
    ]
    alt = (
        f"Line chart of the share of studies that reject zero against {label}. {'; '.join(words)}."
    )
    return _figure(axes, table, alt)


def _lines(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    return [
        (f"{design}, {model}", table[(table["design"] == design) & (table["model"] == model)])
        for design, model in ESTIMATORS
    ]
