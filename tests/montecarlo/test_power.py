"""Power counts rejections; its interval is Wilson's, as printed in the literature."""

import pandas as pd
import pytest

from replication.montecarlo.power import power, power_by_effect, power_by_universities
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
