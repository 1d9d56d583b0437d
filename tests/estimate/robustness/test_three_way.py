"""The bias of three-way Poisson effects: by definition, by redrawing, and where there is none.

The example of the authors' Stata package (trade in manufactures of 65 countries, which we may not
pass on) was run once: they print an estimate of .1780290 and a bias of .0076567524, `three_way`
gives .1780290 and .0076567526.
"""

import numpy as np
import pandas as pd
import pytest

from replication.errors import DesignError
from replication.estimate.design import TRIPLE, Design
from replication.estimate.many.poisson import poisson_fits
from replication.estimate.robustness.three_way import three_way
from replication.estimate.sample import sample
from tests.support.designs_panel import panel

EFFECTS = (("i", "j"), ("i", "t"), ("j", "t"))
DESIGN = Design(
    outcome="y",
    treatment=("x",),
    effects=EFFECTS,
    unit=("i", "j"),
    time="t",
    cluster="i",
    variance="CR1",
    model="ppml",
)
EFFECT = 0.5


def network(sides: tuple[int, int], years: int, spread: float, seed: int = 3) -> pd.DataFrame:
    """Draw a network, a fifth of its pairs missing; ``relative`` is the variance of y / mean."""
    rng = np.random.default_rng(seed)
    i, j, t = (axis.ravel() for axis in np.indices((*sides, years)))
    a, b = (0.25 * rng.standard_normal((n, years)) for n in sides)
    pair = 0.25 * rng.standard_normal(sides)
    x = (a[i, t] + b[j, t] + rng.standard_normal(len(i)) > 0).astype(float)
    mean = np.exp(EFFECT * x + a[i, t] + b[j, t] + pair[i, j])
    there = rng.random(sides) > 0.2
    columns = {"i": i, "j": j, "t": t, "x": x, "mean": mean, "relative": spread * np.exp(1.5 * x)}
    return pd.DataFrame(columns)[there[i, j]].reset_index(drop=True)


def outcomes(data: pd.DataFrame, number: int, seed: int) -> np.ndarray:
    """Draw y, shape (N, number), log-normal about the mean."""
    rng = np.random.default_rng(seed)
    variance = np.log1p(data["relative"].to_numpy())[:, None]
    normal = rng.standard_normal((len(data), number))
    return data["mean"].to_numpy()[:, None] * np.exp(np.sqrt(variance) * normal - variance / 2)


def by_definition(data: pd.DataFrame, estimate: float) -> float:
    """Apply the formula with every derivative a tensor and every effect a dummy."""
    y, x = data["y"].to_numpy(), data["x"].to_numpy()
    levels = [data.groupby(list(effect)).ngroup().to_numpy() for effect in EFFECTS]
    dummies = np.column_stack([np.eye(level.max() + 1)[level] for level in levels])
    mean = np.exp(estimate * x)
    for _ in range(500):
        for level in levels:
            mean = mean * (np.bincount(level, y) / np.bincount(level, mean))[level]
    root = np.sqrt(mean)
    slopes = np.linalg.lstsq(root[:, None] * dummies, root * x, rcond=None)[0]
    left = x - dummies @ slopes
    years, score = data["t"].nunique(), 0.0
    for side in ("i", "j"):
        members = data.groupby(side)
        for rows in members.groups.values():
            a, noise, third, mixed = (np.zeros((years, years)) for _ in range(4))
            for _, pair in data.loc[rows].groupby(["i", "j"]):
                at, t = pair.index, pair["t"].to_numpy()
                total, p, z = mean[at].sum(), np.zeros(years), np.zeros(years)
                s = np.zeros(years)
                p[t], z[t], s[t] = mean[at] / total, left[at], (y - mean)[at]
                h = total * (np.diag(p) - np.outer(p, p))
                g = np.empty((years,) * 3)
                for u, v, w in np.ndindex(g.shape):
                    g[u, v, w] = -total * (
                        (u == v == w) * p[u]
                        - (u == v) * p[u] * p[w]
                        - (u == w) * p[u] * p[v]
                        - (v == w) * p[u] * p[v]
                        + 2 * p[u] * p[v] * p[w]
                    )
                a, noise = a + h, noise + np.outer(s, s)
                third, mixed = third + g @ z, mixed + np.outer(h @ z, s)
            inverse = np.linalg.pinv(a, rcond=1e-10)
            bias = np.trace(third @ inverse @ noise @ inverse) / 2 - np.trace(inverse @ mixed)
            score += len(members) / (len(members) - 1) * bias
    return score / float(mean @ left**2)


def test_the_bias_is_that_of_the_definition():
    data = network((6, 9), 4, 0.5)
    data = data.drop(index=data.index[[3, 40]]).reset_index(drop=True)
    data["y"] = outcomes(data, 1, 8)[:, 0]
    found = three_way(data, DESIGN).loc["x"]
    assert found["bias"] == pytest.approx(by_definition(data, found["estimate"]), rel=1e-5)
    assert found["corrected"] == found["estimate"] - found["bias"]


def test_the_bias_is_what_redrawing_the_outcome_finds():
    """2,000 redraws: the mean error of PPML is not zero, and what is left of it is noise."""
    data = network((40, 60), 3, 0.05)
    errors = poisson_fits(sample(data.assign(y=data["mean"]), DESIGN), outcomes(data, 2000, 1))
    off, noise = errors.estimate.mean() - EFFECT, errors.estimate.std() / np.sqrt(2000)
    drawn = outcomes(data, 12, 9)
    bias = np.array([three_way(data.assign(y=y), DESIGN).loc["x", "bias"] for y in drawn.T])
    assert off < -4 * noise
    assert abs(off - bias.mean()) < 3 * np.hypot(noise, bias.std() / np.sqrt(len(bias)))


def test_units_order_and_names_of_the_sides_do_not_matter():
    data = network((6, 9), 3, 0.5)
    data["y"] = outcomes(data, 1, 8)[:, 0]
    bias = three_way(data, DESIGN).loc["x", "bias"]
    moved = data.assign(y=1000 * data["y"]).sample(frac=1, random_state=1)
    assert three_way(moved, DESIGN).loc["x", "bias"] == pytest.approx(bias, rel=1e-6)
    turned = data.rename(columns={"i": "j", "j": "i"})
    assert three_way(turned, DESIGN).loc["x", "bias"] == pytest.approx(bias, rel=1e-6)


def test_rows_that_are_separated_are_counted():
    data = panel()
    silent = data["university"].eq(data["university"].iloc[0]) & data["year"].eq(2015)
    data = data.assign(patents_joint=data["patents_joint"].where(~silent, 0))
    found = three_way(data, TRIPLE)
    assert sum(found.attrs["dropped"].values()) >= silent.sum()
    assert np.isfinite(found.to_numpy(dtype=float)).all()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"effects": EFFECTS[:2]}, "i × j, i × t and j × t"),
        ({"effects": ("i", ("i", "t"), ("j", "t"))}, "i × j, i × t and j × t"),
        ({"time": "year"}, "t = 'year'"),
        ({"model": "ols", "scale": "log1p"}, "Poisson"),
        ({"weights": "mean"}, "weights"),
    ],
)
def test_another_design_is_refused(changes, words):
    data = network((6, 9), 3, 0.5)
    data["y"] = outcomes(data, 1, 8)[:, 0]
    with pytest.raises(DesignError, match=words):
        three_way(data.assign(year=data["t"]), DESIGN, **changes)
