"""The verbs find what was planted; the event study in the order of time."""

import numpy as np
import pandas as pd
import pytest

from replication import errors
from replication.estimate.verbs import (
    ddd,
    did,
    event_frame,
    event_study,
    poisson,
    pretrend_test,
    wald_test,
)
from tests.support.designs_models import DDD, DID, UNIT_EFFECT, YEAR_EFFECT, Y

# Planted coefficients -------------------------------------------------------------------------


def planted(data: pd.DataFrame, effect: pd.Series) -> pd.Series:
    """An outcome without noise: unit and discipline × year effects, and `effect`."""
    unit = np.sin(data.groupby(["university", "discipline"]).ngroup())
    return unit + np.cos(data.groupby(["discipline", "year"]).ngroup()) + effect


def test_did_recovers_what_was_planted(data):
    table = data.assign(y=planted(data, 0.7 * data["exposure"] * data["post"]))
    assert did(table, Y)[DID].estimate == pytest.approx(0.7, rel=1e-10)


def test_ddd_recovers_what_was_planted_and_not_the_did_part(data):
    product = data["exposure"] * data["post"]
    table = data.assign(y=planted(data, 5 * product - 0.3 * product * data["control_exposure"]))
    assert ddd(table, Y)[DDD].estimate == pytest.approx(-0.3, rel=1e-9)


def test_event_study_recovers_a_path(data):
    path = {-4: 0.0, -3: 0.1, -2: 0.0, -1: 0.0, 0: 0.2, 1: 0.5, 2: 0.4, 3: -0.1}
    effect = data["exposure"] * data["event_time"].map(path)
    found = event_frame(event_study(data.assign(y=planted(data, effect)), Y))
    np.testing.assert_allclose(found["estimate"], list(path.values()), atol=1e-10)


def test_poisson_recovers_an_effect_on_the_log_of_the_mean(data):
    mean = np.exp(planted(data, 0.4 * data["exposure"] * data["post"]))
    found = poisson(data.assign(mean=mean), outcome="mean")
    assert found[DID].estimate == pytest.approx(0.4, rel=1e-8)
    assert found.dropped == {}


# Event study ----------------------------------------------------------------------------------


def test_event_study_has_every_period_but_the_reference_in_order(data):
    names = [f"exposure × {s}" for s in ("−4", "−3", "−2", "+0", "+1", "+2", "+3")]
    assert list(event_study(data, Y).frame.index) == names
    other = event_study(data, Y, reference=-4)
    assert [t.split(" × ")[1] for t in other.frame.index] == [
        "−3",
        "−2",
        "−1",
        "+0",
        "+1",
        "+2",
        "+3",
    ]


def test_event_frame_puts_the_reference_in_its_place(data):
    frame = event_frame(event_study(data, Y))
    assert list(frame.index) == [-4, -3, -2, -1, 0, 1, 2, 3]
    assert frame.loc[-1, ["estimate", "std_error", "lower", "upper"]].tolist() == [0.0] * 4
    assert frame.loc[-1, ["statistic", "p_value"]].isna().all()


def test_references_differ_by_a_constant(data):
    base, other = (
        event_frame(event_study(data, Y)),
        event_frame(event_study(data, Y, reference=-3)),
    )
    shift = base["estimate"] - other["estimate"]
    np.testing.assert_allclose(shift, base.loc[-3, "estimate"], rtol=1e-9)


# What is no difference in differences ----------------------------------------------------------


@pytest.mark.parametrize(
    ("effects", "names"),
    [
        ([UNIT_EFFECT, YEAR_EFFECT], "'exposure × post' in the model"),
        ([UNIT_EFFECT, ("university", "year")], "'post × control_exposure' in the model"),
        ([("university", "year"), YEAR_EFFECT], "'exposure × control_exposure' in the model"),
    ],
)
def test_a_triple_difference_without_a_pair_is_refused_by_name(data, effects, names):
    for model in ("ols", "ppml"):
        with pytest.raises(errors.DesignError, match=names):
            ddd(data, effects=effects, model=model)
    pair = names.split("'")[1]
    columns = pair.split(" × ")
    controlled = data.assign(pair=data[columns[0]] * data[columns[1]])
    assert np.isfinite(ddd(controlled, effects=effects, controls=["pair"]).frame).all(axis=None)


def test_a_difference_without_its_main_effects_is_refused_by_name(data):
    with pytest.raises(errors.DesignError, match="leave 'exposure' in the model"):
        did(data, Y, effects=["year"])
    with pytest.raises(errors.DesignError, match="leave 'post' in the model"):
        did(data, Y, effects=["university"])
    pooled = did(data, Y, effects=["year"], controls=["exposure"])
    assert np.isfinite(pooled.frame).all(axis=None)


def test_the_reference_travels_in_the_estimate(data):
    study = event_study(data, Y, reference=-2)
    assert event_frame(study).loc[-2, "estimate"] == 0.0
    assert event_frame(study).loc[-1, "std_error"] > 0
    leads = ["exposure × −4", "exposure × −3"]
    pd.testing.assert_series_equal(pretrend_test(study), wald_test(study, leads))
    with pytest.raises(errors.DesignError, match="no reference period"):
        event_frame(did(data, Y))


def test_poisson_does_not_depend_on_the_unit_of_the_outcome(data):
    small = data.assign(patents_joint=data["patents_joint"] * 1e-7)
    np.testing.assert_allclose(poisson(small).frame, poisson(data).frame, rtol=1e-6)
