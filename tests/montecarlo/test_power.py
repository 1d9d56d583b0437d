"""Power counts rejections; its interval is Wilson's, as printed in the literature."""

import math

import numpy as np
import pandas as pd
import pytest

from replication.montecarlo.power import (
    power,
    power_by_effect,
    power_by_universities,
    smallest_visible,
)
from replication.montecarlo.repeat import ESTIMATORS
from replication.simulate.process import Process
from replication.simulate.study import simulate


def test_rejections_are_counted_with_wilson_s_interval() -> None:
    """81 of 263: .308 [.2553, .3662], the example of Newcombe (1998)."""
    found = pd.DataFrame(
        {"design": "DID", "model": "PPML", "df": 55.0, "std_error": 1.0}, range(263)
    )
    found["estimate"] = [9.0] * 81 + [0.1] * 182
    row = power(found).iloc[0]
    assert row["power"] == 81 / 263
    assert row["studies"] == 263
    assert round(row["lower"], 4) == 0.2553
    assert round(row["upper"], 4) == 0.3662


def test_power_grows_with_the_effect_and_known_runs_are_not_drawn_again() -> None:
    study = simulate()
    known = pd.DataFrame(
        [(d, m, 0.0, 1.0, 19.0) for d, m in ESTIMATORS],
        columns=["design", "model", "estimate", "std_error", "df"],
    )
    table = power_by_effect(study, scales=(0.0, 1.0), studies=8, known={0.0: known})
    at = table.set_index(["scale", "design", "model"])["power"]
    assert (at[0.0] == 0).all()
    assert at[1.0, "DID", "PPML"] > 0.9
    assert list(table.columns[:4]) == ["scale", "design", "model", "power"]


@pytest.mark.parametrize("sizes", [(24, 56)])
def test_power_grows_with_the_universities(sizes: tuple[int, ...]) -> None:
    small = Process(cells_per_university=16.0)
    table = power_by_universities(sizes, designs=2, studies=10, scale=0.5, process=small)
    at = table[table["model"] == "PPML"].groupby("universities")["power"].mean()
    assert at[56] > at[24]


def test_smallest_visible_effect_is_seen_with_the_power_it_was_asked_for() -> None:
    rng = np.random.default_rng(3)
    error, df, share = 0.1, 55, 0.25
    b = smallest_visible(error, df, share)
    shift = math.log(1 + share * (math.exp(b) - 1))
    chi = np.sqrt(rng.chisquare(df, 40_000) / df)
    t = (shift / error + rng.standard_normal(40_000)) / chi
    assert (np.abs(t) > 2.004).mean() == pytest.approx(0.8, abs=0.012)
    assert smallest_visible(error, df, 1.0) == pytest.approx(shift, rel=1e-9)
