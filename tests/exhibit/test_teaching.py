"""The chapter on the design draws and prints what arithmetic says."""

import numpy as np
import pandas as pd
import pytest

from replication.errors import DesignError, MissingColumnError
from replication.exhibit.teaching import counterfactual, doubling, noiseless
from replication.montecarlo.truth import expected_panel, realised_panel
from tests.support.simulated import SMALL, study


@pytest.fixture
def cells() -> pd.DataFrame:
    return pd.DataFrame(
        {"year": [2017, 2018] * 2, "exposure": [1, 1, 0, 0], "patents": [10, 16, 6, 8]}
    )


def test_the_counterfactual_moves_as_the_other_group_did(cells: pd.DataFrame) -> None:
    figure = counterfactual(cells)
    assert figure.data["without"].dropna().to_list() == [12]
    assert "had it moved as the other group did, 12." in figure.alt
    assert figure.alt.endswith("The effect is the difference, 4.")
    drawn = [line.get_ydata() for line in figure.canvas.axes[0].lines]
    np.testing.assert_array_equal(drawn[2], [10, 12])


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (lambda c: c.iloc[:3], DesignError, "two groups in two years"),
        (lambda c: pd.concat([c, c]), DesignError, "two groups in two years"),
        (lambda c: c.assign(exposure=0.5), DesignError, "two groups in two years"),
        (lambda c: c.drop(columns="patents"), MissingColumnError, "patents"),
    ],
)
def test_what_is_not_four_cells_is_refused(cells, change, error, said) -> None:
    with pytest.raises(error, match=said):
        counterfactual(change(cells))


def test_without_noise_the_two_groups_grow_alike_before_the_shock() -> None:
    expected = expected_panel(study(SMALL))
    figure = noiseless(realised_panel(study(SMALL)), expected)
    before = expected.loc[expected["event_time"] < 0, "year"].unique()
    data = figure.data[figure.data["panel"] == "without shocks and draws"]
    wide = data.pivot_table("patents_joint", "year", "high").loc[before]
    gap = np.log(wide[1] / wide[0])
    # Disciplines grow at their own rates and are not spread alike, so not exactly.
    assert gap.max() - gap.min() < 0.06
    assert "without shocks and draws" in figure.alt


def test_a_doubled_mean_by_the_sum_over_counts() -> None:
    """The mean of log(1 + y) summed by hand, and the note of the reader: .314 and .573."""
    k = np.arange(60)

    def mean(rate: float) -> float:
        log_factorial = np.cumsum(np.log(np.maximum(k, 1)))
        return float((np.exp(-rate + k * np.log(rate) - log_factorial) * np.log1p(k)).sum())

    table = doubling([0.5, 5]).data
    assert mean(0.5) == pytest.approx(0.314, abs=5e-4)
    assert mean(1.0) == pytest.approx(0.573, abs=5e-4)
    assert table["mean of log(1 + y)"].to_list() == pytest.approx(
        [mean(1) - mean(0.5), mean(10) - mean(5)], abs=1e-8
    )
    assert table["log of the mean"].to_list() == pytest.approx([0.6931472] * 2)
