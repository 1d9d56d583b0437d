"""Figures and tables of robustness show what they are given, and say it in words."""

import numpy as np
import pandas as pd
import pytest

from replication.errors import DesignError
from replication.estimate.robustness import Sensitivity
from replication.exhibit import robustness

OWN = pd.DataFrame(
    {
        "restriction": ["parallel trends", "smoothness"],
        "m": [0.0, 0.5],
        "lower": [0.1, -0.1],
        "upper": [0.3, 0.5],
    }
)


def test_bounds_are_drawn_where_they_are() -> None:
    figure = robustness.bounds_figure({"C1": OWN, "C2": OWN.assign(upper=1.0)})
    assert figure.data["upper"].tolist() == [0.3, 0.5, 1.0, 1.0]
    (axes,) = figure.canvas.axes
    ends = [segment[:, 1] for c in axes.collections for segment in c.get_segments()]
    assert [tuple(e.round(9)) for e in ends][:2] == [(0.1, 0.3), (-0.1, 0.5)]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["none", "0.5"]
    assert "C1: 0.10 to 0.30 at 0, -0.10 to 0.50 at 0.5" in figure.alt


def test_two_restrictions_make_no_figure() -> None:
    other = OWN.replace("smoothness", "relative magnitudes")
    with pytest.raises(DesignError, match="one restriction"):
        robustness.bounds_figure({"C1": OWN, "C2": other})


def test_the_contour_of_zero_is_where_the_estimate_is_undone() -> None:
    bounds = pd.DataFrame(
        {
            "benchmark": ["log_rd_staff"],
            "strength": [1.0],
            "r2_treatment": [0.02],
            "r2_outcome": [0.01],
            "adjusted": [0.15],
            "lower": [0.0],
            "upper": [0.3],
        }
    )
    found = Sensitivity(0.2, 0.05, 0.1, 1.0, 0.1, bounds)
    figure = robustness.contour_figure(found)
    (axes,) = figure.canvas.axes
    zero = [c for c in axes.collections if list(getattr(c, "levels", [])) == [0.0]]
    points = np.concatenate([path.vertices for path in zero[0].get_paths()])
    assert len(points) > 10
    assert found.adjusted(points[:, 0], points[:, 1]) == pytest.approx(0.0, abs=2e-3)
    assert "R&D staff times 1: 0.150" in figure.alt


def test_a_panel_a_column_and_the_ends_in_words() -> None:
    table = pd.DataFrame(
        {
            "by": ["", "university", "university", "year", "year"],
            "left_out": ["nothing left out", "U1", "U2", "2011", "2012"],
            "estimate": [0.2, 0.3, 0.1, 0.25, 0.15],
        }
    )
    figure = robustness.left_out_figure({"C1": table})
    assert len(figure.canvas.axes) == 2
    drawn = figure.canvas.axes[0].lines[1].get_ydata()
    assert list(drawn) == [0.1, 0.3]
    assert "C1 by university: 0.100 without U2 to 0.300 without U1" in figure.alt


def test_tables_keep_every_number() -> None:
    powers = pd.DataFrame(
        {"slope": [0.03], "bias": [0.09], "bias_passing": [0.1]},
        index=pd.Index([0.5], name="power"),
    )
    assert robustness.power_table({"C1": powers}).data["bias_passing"].tolist() == [0.1]
    moved = pd.DataFrame({"aim": [0.2], "follows": [0.15], "list": [0.05]}, index=["DID"])
    assert robustness.co_treatment_table(moved).data["follows"].tolist() == [0.15]
