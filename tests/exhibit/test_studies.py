"""Exhibits of the Monte Carlo studies draw, print and say what their tables hold."""

import numpy as np
import pandas as pd
import pytest

from replication.estimate.mediation.decomposition import gelbach
from replication.exhibit.studies import estimators_table, shares_figure
from replication.exhibit.tables import decomposition_table
from replication.montecarlo.mediation import accounted
from replication.montecarlo.truth import realised_panel
from tests.support.simulated import SMALL, study


def test_figure_draws_and_says_what_the_table_holds():
    shares = gelbach(realised_panel(study(SMALL))).shares
    targets = accounted(study(SMALL), draws=3)
    figure = shares_figure(shares, targets)
    np.testing.assert_allclose(figure.data["estimate"], shares.frame["estimate"])
    np.testing.assert_allclose(figure.data["planted"], [0.25, 0.25, 0.2, 0.7])
    for value in (*shares.frame["estimate"], *targets["counts"], *targets["intensity"]):
        assert f"{value:.3f}".replace("-", "−") in figure.alt.replace("-", "−")


def test_decomposition_adds_up_to_the_total():
    shown = decomposition_table(gelbach(realised_panel(study(SMALL))), [0.25, 0.25, 0.2])
    table = shown.data.set_index("part")
    assert list(table["planted"]) == pytest.approx([0.25, 0.25, 0.2, 0.7, 0.3, 1.0])
    np.testing.assert_allclose(table["Δ = ψπ"].iloc[:3], table["π"].iloc[:3] * table["ψ"].iloc[:3])
    assert table["share"].iloc[:3].sum() + table.loc["unaccounted", "share"] == pytest.approx(1)
    assert table.index[0] == "overseas hires"


def test_estimators_print_without_monte_carlo_errors_which_stay_in_the_data():
    index = pd.MultiIndex.from_tuples([("DID", "PPML")], names=["design", "model"])
    rates = pd.DataFrame({"bias": [0.01], "bias_error": [0.002], "size": [0.08]}, index)
    shown = estimators_table(rates)
    assert shown.printed.df.to_dict("index") == {"DID, PPML": {"bias": "0.010", "size": "0.080"}}
    assert list(shown.data) == ["design", "model", "bias", "bias_error", "size"]
