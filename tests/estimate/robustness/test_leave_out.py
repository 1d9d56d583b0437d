"""Leaving out one value of a column, against fitting the rest again."""

import pytest

from replication import errors
from replication.estimate.robustness import leave_one_out
from replication.estimate.verbs import ddd, did, poisson
from tests.support.designs_panel import panel


@pytest.mark.parametrize("verb", [did, ddd])
def test_least_squares_is_exact(verb) -> None:
    data = panel()
    design = {"third": "control_exposure"} if verb is ddd else {}
    found = leave_one_out(data, outcome="y", **design).set_index(["by", "left_out"])["estimate"]
    assert found.iloc[0] == pytest.approx(verb(data, outcome="y", **design).frame.iloc[0, 0])
    for by in ("university", "discipline", "year"):
        values = sorted(data[by].unique())
        assert len(found[by]) == len(values)
        for value in (values[0], values[-1]):
            again = verb(data[data[by] != value], outcome="y", **design).frame.iloc[0, 0]
            assert found[by, str(value)] == pytest.approx(again, abs=1e-8)


def test_poisson_is_one_step_from_the_whole() -> None:
    data = panel()
    found = leave_one_out(data, outcome="patents_joint", model="ppml", by=["year"])
    whole = found["estimate"].iloc[0]
    for _, row in found.iloc[1:].iterrows():
        rest = data[data["year"].astype(str) != row["left_out"]]
        again = poisson(rest, outcome="patents_joint").frame.iloc[0, 0]
        assert abs(row["estimate"] - again) < 0.1 * abs(whole - again) + 1e-3


def test_what_cannot_be_left_out_is_refused() -> None:
    with pytest.raises(errors.DesignError, match="names no column"):
        leave_one_out(panel(), outcome="y", by=[])
    with pytest.raises(errors.MissingColumnError, match="province"):
        leave_one_out(panel(), outcome="y", by=["province"])
