"""Exhibits of a specification curve hold its numbers."""

import pandas as pd

from replication.estimate.specification import Curve
from replication.exhibit import specification

TABLE = pd.DataFrame(
    {
        "scale": ["a", "a", "b", "b"],
        "years": ["all", "late", "all", "late"],
        "estimate": [0.2, -0.1, 0.4, 0.3],
        "std_error": 0.1,
        "lower": [0.0, -0.3, 0.2, 0.1],
        "upper": [0.4, 0.1, 0.6, 0.5],
        "p_value": 0.04,
        "rows": 100,
        "reason": ["", "", "", "no variation"],
        "not_permuted": ["", "", "", "no variation"],
    }
)
JOINT = pd.DataFrame(
    {"observed": 0.2, "expected": 0.0, "p_value": 0.01, "specifications": 3},
    index=pd.Index(["median", "share_predicted", "share_significant"], name="statistic"),
)
CURVE = Curve(TABLE, JOINT)


def test_the_figure_draws_what_has_an_estimate_in_order() -> None:
    figure = specification.curve_figure(
        CURVE, ["scale", "years"], {"scale": "a", "years": "all"}, "effect"
    )
    assert figure.data["estimate"].tolist() == [-0.1, 0.2, 0.4]
    assert figure.alt.startswith("Specification curve of 3 estimates from -0.10 to 0.40")
    top, below = figure.canvas.axes
    (ours,) = [line for line in top.lines if line.get_label() == "as planned"]
    assert ours.get_ydata().tolist() == [0.2]
    marks = {line.get_ydata()[0]: line.get_xdata().tolist() for line in below.lines}
    names = [label.get_text() for label in below.get_yticklabels()]
    assert names == ["scale a", "scale b", "years all", "years late"]
    assert marks == {0: [0, 1], 1: [2], 2: [1, 2], 3: [0]}


def test_tables_say_the_joint_test_and_what_choices_explain() -> None:
    joint = specification.joint_table(CURVE).data
    assert joint["p-value"].tolist() == [0.01] * 3
    assert joint.iloc[0, 0] == "Median estimate"
    shares = specification.explained_table(CURVE, ["scale", "years"]).data
    assert shares.iloc[-1, 0] == "Together"
