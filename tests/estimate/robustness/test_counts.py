"""A count on every scale: what algebra says of one scale and another."""

import numpy as np
import pandas as pd
import pytest

from replication.errors import DesignError
from replication.estimate.design import TRIPLE
from replication.estimate.robustness import scales
from replication.estimate.verbs import did
from replication.panel.load import load_panel


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    return load_panel("simulated")


@pytest.mark.parametrize("third", [None, "control_exposure"])
def test_what_a_zero_is_worth_enters_by_the_extensive_margin(
    panel: pd.DataFrame, third: str | None
) -> None:
    """log(y) with zero as −x is log(y) with zero as 0, plus x times 1[y > 0], less a constant."""
    found = scales(panel, third=third, variance="CR1")["estimate"]
    for worth in (1, 3):
        assert found[f"log(y), zero as −{worth}"] == pytest.approx(
            found["log(y), zero as 0"] + worth * found["any: 1[y > 0]"], rel=1e-8
        )


def test_units_move_a_logarithm_of_one_plus_a_count_by_the_extensive_margin(
    panel: pd.DataFrame,
) -> None:
    """Where a count is large in its units log(1 + cy) is log(c) + log(y), and zeros stay zero."""
    found = scales(panel, units=(1, 1e6, 1e8), variance="CR1")["estimate"]
    moved = found["log(1 + 1e+08y)"] - found["log(1 + 1e+06y)"]
    assert moved == pytest.approx(np.log(100) * found["any: 1[y > 0]"], rel=1e-4)


def test_rows_are_used_or_counted(panel: pd.DataFrame) -> None:
    found = scales(panel, TRIPLE, units=(), margins=(), variance="CR1")
    assert (found["rows"] + found["dropped"] == len(panel)).all()
    zeros = int((panel["patents_joint"] == 0).sum())
    assert found.loc["log(y), y > 0 alone", "dropped"] == zeros
    empty = panel.groupby(["university", "discipline"])["patents_joint"].transform("sum") == 0
    assert found.loc["Poisson (PPML)", "dropped"] >= int(empty.sum()) > 0
    logs = panel[panel["patents_joint"] > 0].assign(patents_joint=lambda d: np.log(d.patents_joint))
    alone = did(logs, TRIPLE, model="ols", scale="level", variance="CR1").frame.iloc[0]
    assert found.loc["log(y), y > 0 alone", "estimate"] == pytest.approx(alone["estimate"])


def test_a_scale_is_not_chosen_twice(panel: pd.DataFrame) -> None:
    with pytest.raises(DesignError, match="leave out model="):
        scales(panel, model="ppml")
