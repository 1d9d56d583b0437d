"""Studies that several test modules look at: drawn once a process, never changed by a test."""

from functools import cache

import numpy as np
import pandas as pd

from replication.estimate.verbs import event_study
from replication.panel.build import build_panel
from replication.records.schema import EVENTS
from replication.simulate.process import FORMS, Process
from replication.simulate.records import simulate_records
from replication.simulate.study import Study, simulate

SMALL = Process(universities=10, cells_per_university=8.0)


@cache
def study(process: Process | None = None, seed: int = 2026) -> Study:
    """Default study, or another one."""
    return simulate(process, seed)


@cache
def tables(process: Process | None = None) -> dict[str, pd.DataFrame]:
    """Records of a study. Copy a table before changing it."""
    return simulate_records(study(process))


def thin() -> dict[str, pd.DataFrame]:
    """Records of ten universities, every tenth of their events: quick to write and to build."""
    return {
        name: table.iloc[::10].reset_index(drop=True) if name in EVENTS else table
        for name, table in tables(SMALL).items()
    }


@cache
def thin_panel() -> pd.DataFrame:
    """Panel of the thin records."""
    return build_panel(thin())[0]


@cache
def built(process: Process | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Panel and sample flow of a study."""
    return build_panel(tables(process))


def frame(s: Study, **outcomes: np.ndarray) -> pd.DataFrame:
    """Panel of a study made here, not by the package; outcomes have the shape (cells, years)."""
    cells, years = s.level.shape[:2]
    cell = np.repeat(np.arange(cells), years)
    year = np.tile(np.arange(s.process.first_year, s.process.last_year + 1), cells)
    u, d = s.university[cell], s.discipline[cell]
    data = {
        "university": u,
        "discipline": d,
        "year": year,
        "event_time": year - s.process.first_treated,
        "post": (year >= s.process.first_treated).astype(int),
        "exposure": s.exposure[u],
        "control_exposure": s.control_exposure[d],
        "patents_joint": s.counts.sum(axis=2).ravel(),
    }
    forms = {f"exposure_{form}": s.forms[u, i] for i, form in enumerate(FORMS)}
    return pd.DataFrame({**data, **forms, **{k: v.ravel() for k, v in outcomes.items()}})


DOUBLE = (("university", "discipline"), ("discipline", "year"))
TRIPLE = (*DOUBLE, ("university", "year"))


def poisson(data: pd.DataFrame, x: pd.Series, effects: tuple[tuple[str, str], ...]) -> float:
    """Poisson coefficient of `x` with absorbed effects, by weighted least squares in numpy.

    Written for the tests: a hundred studies in seconds, and sharing nothing with the package.
    """
    y, x = data["patents_joint"].to_numpy(float), x.to_numpy(float)
    groups = [data.groupby(list(e)).ngroup().to_numpy() for e in effects]
    keep = np.ones(len(y), bool)
    while True:  # an effect whose outcomes are all zero fits them perfectly
        filled = np.all([np.bincount(g, y * keep)[g] > 0 for g in groups], axis=0)
        if (keep <= filled).all():
            break
        keep &= filled
    y, x, groups = y[keep], x[keep], [g[keep] for g in groups]

    def within(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
        sums = [np.maximum(np.bincount(g, weights), 1e-300) for g in groups]
        for _ in range(1000):
            start = values
            for g, total in zip(groups, sums, strict=True):
                values = values - (np.bincount(g, weights * values) / total)[g]
            if np.abs(values - start).max() < 1e-9:
                break
        return values

    mean, eta, b = (y + y.mean()) / 2, np.log((y + y.mean()) / 2), np.inf
    for _ in range(50):
        z = eta + y / mean - 1
        residual = within(x, mean)
        last, b = b, (mean * residual) @ z / ((mean * residual) @ residual)
        rest = z - b * x
        eta = z - within(rest, mean)
        mean = np.exp(eta)
        if abs(b - last) < 1e-9:
            return float(b)
    raise AssertionError("no convergence")


def double(data: pd.DataFrame) -> float:
    """Coefficient of the Poisson difference-in-differences."""
    return poisson(data, data["exposure"] * data["post"], DOUBLE)


def triple(data: pd.DataFrame) -> float:
    """Coefficient of the Poisson triple difference."""
    return poisson(data, data["exposure"] * data["post"] * data["control_exposure"], TRIPLE)


def expected(s: Study) -> np.ndarray:
    """Expected joint applications up to a factor, shape (cells, years)."""
    return np.exp(s.level + s.effect).sum(axis=2)


def by_period(data: pd.DataFrame, **options: object) -> pd.Series:
    """Coefficients of the Poisson event study, indexed by event time."""
    estimate = event_study(data, model="ppml", **options).frame["estimate"]
    periods = [int(t.split(" × ")[-1].replace("−", "-")) for t in estimate.index]
    return pd.Series(estimate.to_numpy(), periods)


def near(values: list[float] | np.ndarray, target: float, errors: float = 3.5) -> bool:
    """Say whether a mean over draws is within so many Monte-Carlo errors of a target."""
    values = np.asarray(values)
    return bool(abs(values.mean() - target) < errors * values.std(ddof=1) / np.sqrt(len(values)))
