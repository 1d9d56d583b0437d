"""What the design finds in broken worlds is what was put into them."""

import numpy as np
import pandas as pd
import pytest

from replication.montecarlo.faults import aims, attenuation
from replication.montecarlo.truth import realised_panel
from replication.panel.load import load_panel
from replication.simulate.process import Process
from replication.simulate.study import simulate


@pytest.fixture(scope="module")
def found() -> pd.DataFrame:
    return aims()


def test_what_comes_to_all_of_a_discipline_is_not_seen(found: pd.DataFrame) -> None:
    """Discipline × year effects take it up: the slope stays, the sum of applications does not."""
    for world, sign in (("spillover to the discipline", 1), ("displacement in the discipline", -1)):
        row = found.loc[world]
        assert row["found"] == pytest.approx(row["own"], abs=0.002)
        assert sign * (row["aggregate"] - 1) > 0.3
    assert found.loc["as planted", "found"] == found.loc["as planted", "own"]
    assert found.loc["as planted", "aggregate"] == 1


def test_noise_draws_the_slope_to_zero_and_two_measures_do_not() -> None:
    found = attenuation(noises=(0.8,), draws=6)
    plain, noisy = found.loc[0.0, "slope"], found.loc[0.8]
    assert noisy["slope"] < 0.85 * plain
    assert noisy["slope"] == pytest.approx(plain * noisy["reliability"], abs=0.01)
    assert noisy["instrumented"] == pytest.approx(plain, abs=4 * noisy["instrumented_error"])


def test_switches_that_are_off_change_nothing_and_on_only_what_they_name() -> None:
    plain = simulate()
    shipped = load_panel("simulated")
    assert realised_panel(plain)["patents_joint"].tolist() == shipped["patents_joint"].tolist()
    noisy = simulate(Process(exposure_noise=0.5))
    assert np.array_equal(noisy.effect, plain.effect)
    assert noisy.joint.equals(plain.joint)
    assert not np.array_equal(noisy.exchange, plain.exchange)
    assert np.corrcoef(noisy.exposure, plain.exposure)[0, 1] < 0.99
    post = plain.process.years >= plain.process.first_treated
    spill = simulate(Process(spillover=-0.5))
    gone = spill.effect - plain.effect
    assert not gone[:, ~post].any()
    by = pd.Series(gone[:, -1, 1]).groupby(plain.discipline)
    assert (by.max() - by.min()).max() < 1e-12


def test_applications_without_a_firm_are_not_moved_by_exchange() -> None:
    """The same, whatever exchange does: an outcome for a placebo."""
    alone = [
        realised_panel(simulate(process))["patents_alone"]
        for process in (Process(), Process().without_effect())
    ]
    post = realised_panel(simulate())["post"] == 0
    assert alone[0][post].tolist() == alone[1][post].tolist()
    # After treatment the draws differ, since the stream has moved on; their means do not.
    sums = [a[~post].sum() for a in alone]
    assert sums[0] == pytest.approx(sums[1], rel=0.03)
