"""Estimators of another package: any column names, and what is refused."""

import importlib.util

import numpy as np
import pandas as pd
import pytest

from replication import errors
from replication.estimate.design import Design
from replication.estimate.staggered import dynamic_effects, honest_interval
from replication.estimate.verbs import event_study
from replication.records.published import load

FIRMS = Design(outcome="sales", unit=("region", "firm"), time="wave", controls=("size",))


def test_a_missing_package_is_named_with_the_line_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    states = {"unit": "stfips", "effects": ["stfips", "year"], "cluster": "stfips"}
    study = event_study(load("ehec"), outcome="dins", exposure="expanded", **states)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    said = r"'moderndid', which is not installed: .*`pip install --editable \"\.\[validation\]\"`"
    with pytest.raises(errors.SourceUnavailableError, match=said):
        dynamic_effects(pd.DataFrame())
    with pytest.raises(errors.SourceUnavailableError, match=said):
        honest_interval(study, "FLCI", 0.01)


def firms() -> pd.DataFrame:
    """Firms of two regions, numbered anew in each, over six waves; two groups, then never."""
    r, f, t = np.indices((2, 30, 6)).reshape(3, -1)
    first = np.array([3, 4, 0])[f % 3]
    noise = np.sin(12.9 * r + 78.2 * f + 37.7 * t * t)
    effect = np.where((first > 0) & (t >= first), 1.0 + 0.5 * (t - first), 0.0)
    columns = {"region": r, "firm": f, "wave": t, "begun": first, "size": np.cos(f + 5.0 * r)}
    return pd.DataFrame({**columns, "sales": f + 0.3 * t + effect + 0.1 * noise})


def test_effects_of_columns_of_any_name_are_found() -> None:
    found = dynamic_effects(firms(), FIRMS, first_treated="begun")["estimate"]
    expected = {"e = -1": 0.0, "e = 0": 1.0, "e = 1": 1.5, "e = 2": 2.0}
    assert found[list(expected)].to_dict() == pytest.approx(expected, abs=0.1)


def test_without_controls_the_effects_are_differences_of_means() -> None:
    """Of those treated in wave 3, in the third period of treatment: nobody else reaches it."""
    table = firms()
    table = table[(table["begun"] != 4)]
    wide = table.pivot(index=["region", "firm"], columns="wave", values="sales")
    first = table.groupby(["region", "firm"])["begun"].first()
    change = (wide[5] - wide[2]).groupby(first).mean()
    found = dynamic_effects(table, FIRMS, controls=(), first_treated="begun")
    assert found.loc["e = 2", "estimate"] == pytest.approx(change[3] - change[0], rel=1e-10)


BAD = {
    "no column": (lambda p: p.drop(columns="begun"), {}, errors.MissingColumnError, "'begun'"),
    "a gap": (
        lambda p: p.assign(sales=p["sales"].where(p.index != 4)), {},
        errors.MissingValueError, "'sales'",
    ),
    "a period short": (lambda p: p.drop(index=7), {}, errors.SchemaError, "without all 6 periods"),
    "two first periods": (
        lambda p: p.assign(begun=p["begun"] + (p.index == 0)), {},
        errors.SchemaError, "'begun' must have one value a unit",
    ),
    "twice a row": (lambda p: pd.concat([p, p]), {}, errors.DuplicateRowsError, "share their key"),
    "nobody": (lambda p: p.assign(begun=0), {}, errors.NoVariationError, "no unit is treated"),
    "everybody": (
        lambda p: p[p["begun"] > 0], {}, errors.NoVariationError, "every unit is treated",
    ),
    "counts": (lambda p: p, {"model": "ppml"}, errors.DesignError, "model='ols'"),
    "weights of zero": (
        lambda p: p.assign(w=(p.index > 5) * 1.0), {"weights": "w"},
        errors.WeightError, "'w' are zero or below in 6 rows",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_a_named_error(case: str) -> None:
    change, choices, error, words = BAD[case]
    with pytest.raises(error, match=words):
        dynamic_effects(change(firms()), FIRMS, first_treated="begun", **choices)
