"""Every row is used or dropped by a reason; bad input is a named error before any estimate."""

import numpy as np
import pandas as pd
import pytest

from replication import errors
from replication.estimate.verbs import (
    ddd,
    did,
    event_study,
    poisson,
)
from tests.support import designs_panel as facts
from tests.support.designs_models import DID, UNIT_EFFECT, YEAR_EFFECT, Y

# Accounting -----------------------------------------------------------------------------------


def with_gaps(data: pd.DataFrame) -> pd.DataFrame:
    table = data.astype({"patents_joint": float, "event_time": float})
    table.loc[[5, 6], "patents_joint"] = np.nan
    table.loc[[6, 40, 41], "exposure"] = [np.nan, np.nan, np.inf]
    table.loc[[200], "x1"] = -np.inf
    return table


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda p: did(p, missing="drop", controls=["x1"]), {"y": 2, "x": 2, "c": 1}),
        (lambda p: ddd(p, missing="drop"), {"y": 2, "x": 2}),
        (lambda p: event_study(p, missing="drop"), {"y": 2, "x": 2}),
        (lambda p: poisson(p, missing="drop"), {"y": 2, "x": 2, "s": 7}),
        (lambda p: ddd(p, missing="drop", model="ppml"), {"y": 2, "x": 2, "s": 12}),
    ],
)
def test_every_row_is_used_or_accounted_for(data, call, expected):
    table = with_gaps(data)
    fit = call(table)
    assert fit.n + sum(fit.dropped.values()) == len(table)
    assert list(fit.dropped.values()) == list(expected.values())
    assert next(iter(fit.dropped)) == "no value of patents_joint"
    if "s" in expected:
        assert fit.dropped["separated by a fixed effect"] == expected["s"]


def test_rows_without_event_time_are_not_taken_for_the_reference(data):
    table = data.astype({"event_time": float})
    table.loc[[0, 9], "event_time"] = np.nan
    with pytest.raises(errors.MissingValueError, match=r"'event_time'.*2 of 577"):
        event_study(table, Y)
    fit = event_study(table, Y, missing="drop")
    assert fit.dropped == {"no value of event_time": 2}
    clean = event_study(table.drop(index=[0, 9]), Y)
    pd.testing.assert_frame_equal(fit.frame, clean.frame)


def test_separated_rows_do_not_move_the_estimate(data, fits):
    """Leaving out by hand what a Poisson model cannot use changes nothing but the account."""
    silent = (data["university"] == "U03") & (data["discipline"] == "D2")
    by_hand = poisson(data[~silent], variance="CR1")
    pd.testing.assert_frame_equal(by_hand.frame, fits["ppml did"].frame, rtol=1e-9)
    jackknife = [poisson(table)["exposure × post"].std_error for table in (data, data[~silent])]
    assert jackknife[0] == pytest.approx(jackknife[1], rel=1e-9)
    assert by_hand.dropped == {}
    assert fits["ppml did"].dropped == {"separated by a fixed effect": 7}


def marked(data: pd.DataFrame) -> pd.DataFrame:
    """With a regressor that is one in a fifth of the rows, and only where the count is zero."""
    zero = (data["patents_joint"] == 0) & (data.index % 5 == 0)
    return data.assign(mark=zero.astype(float), product=data["exposure"] * data["post"])


@pytest.mark.parametrize("effects", [(UNIT_EFFECT, YEAR_EFFECT), ()])
def test_a_regressor_that_separates_has_no_coefficient(data, effects):
    """Left in, its estimate stops near -26 with a t statistic of some hundreds."""
    with pytest.raises(errors.NoVariationError, match="'mark'"):
        poisson(marked(data), treatment=["product", "mark"], effects=effects)


# Scales ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scale", "by_hand", "label"),
    [
        ("level", lambda y: y, "patents_joint"),
        ("log1p", lambda y: np.log(1 + y), "log(1 + patents_joint)"),
        ("asinh", lambda y: np.log(y + np.sqrt(y * y + 1)), "asinh(patents_joint)"),
        ("any", lambda y: (y > 0) * 1.0, "1[patents_joint > 0]"),
    ],
)
def test_scales_are_what_they_are_called(data, scale, by_hand, label):
    scaled = did(data, scale=scale)
    plain = did(data.assign(h=by_hand(data["patents_joint"].astype(float))), outcome="h")
    pd.testing.assert_frame_equal(scaled.frame, plain.frame, rtol=1e-10)
    assert scaled.outcome == label


def test_scales_and_models_that_do_not_exist(data):
    with pytest.raises(ValueError, match="scale must be one of"):
        did(data, scale="sqrt")
    with pytest.raises(ValueError, match="scale='level'"):
        poisson(data, scale="log1p")
    with pytest.raises(ValueError, match="takes no weights"):
        poisson(data, weights="weight")


# Bad input: a named error, and it comes before anything is estimated ------------------------


def without(data: pd.DataFrame, column: str, row: int = 4) -> pd.DataFrame:
    return data.assign(**{column: data[column].where(data.index != row)})


def doubled(data: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([data, data.iloc[[3]]])


BAD = {
    errors.MissingColumnError: {
        "no outcome": (lambda p: did(p, outcome="sales"), "'sales'"),
        "no exposure": (lambda p: did(p.drop(columns="exposure"), Y), "'exposure'"),
        "no third": (lambda p: ddd(p, Y, third="tariff"), "'tariff'"),
        "no event time": (lambda p: event_study(p, Y, event_time="k"), "'k'"),
        "no control": (lambda p: did(p, Y, controls=["size"]), "'size'"),
        "no interacting column": (
            lambda p: did(p, Y, controls=[("x1", "wave")]),
            "'wave'",
        ),
        "no effect": (lambda p: did(p, Y, effects=("region",)), "'region'"),
        "no weight": (lambda p: did(p, Y, weights="w"), "'w'"),
        "no cluster": (lambda p: did(p, Y, cluster="city"), "'city'"),
        "no time": (lambda p: did(p, Y, time="month"), "'month'"),
    },
    errors.MissingValueError: {
        "gap in the unit": (
            lambda p: did(without(p, "university"), Y),
            "key column 'university'",
        ),
        "gap in the time": (lambda p: did(without(p, "year"), Y), "key column 'year'"),
        "gap in the key, though rows may go": (
            lambda p: did(without(p, "year"), Y, missing="drop"),
            "key column",
        ),
        "gap in the outcome": (lambda p: did(without(p, "y"), Y), "'y'"),
        "infinite control": (
            lambda p: did(p.assign(x1=np.where(p.index == 4, np.inf, p.x1)), Y, controls=["x1"]),
            "'x1'",
        ),
        "infinite among objects": (
            lambda p: poisson(
                p.assign(patents_joint=p.patents_joint.astype(object).where(p.index != 4, np.inf))
            ),
            "'patents_joint'",
        ),
        "gap in the cluster": (
            lambda p: did(without(p.assign(c=p.university), "c"), Y, cluster="c"),
            "'c'",
        ),
    },
    errors.DuplicateRowsError: {
        "doubled rows": (lambda p: did(doubled(p), Y), "2 rows share"),
        "doubled rows in a triple difference": (
            lambda p: ddd(doubled(p), Y),
            "2 rows share",
        ),
        "doubled rows in an event study": (
            lambda p: event_study(doubled(p), Y),
            "2 rows share",
        ),
        "doubled rows in a Poisson model": (lambda p: poisson(doubled(p)), "2 rows share"),
    },
    errors.NoVariationError: {
        "nobody treated": (lambda p: did(p.assign(post=0), Y), "does not vary"),
        "nobody treated, Poisson": (lambda p: poisson(p.assign(post=0)), "does not vary"),
        "no difference across disciplines": (
            lambda p: ddd(p.assign(control_exposure=0.5), Y),
            "leave no variation",
        ),
        "constant control": (
            lambda p: did(p.assign(x1=2.0), Y, controls=["x1"]),
            "'x1' does not vary",
        ),
        "treatment absorbed": (
            lambda p: did(p, Y, effects=(("university", "year"),)),
            "leave no variation",
        ),
        "treatment absorbed, Poisson": (
            lambda p: poisson(p, effects=(("university", "year"),)),
            "leave no variation",
        ),
        "third of the university": (
            lambda p: ddd(p.assign(control_exposure=p.exposure), Y),
            "leave no variation",
        ),
        "third of the university, Poisson": (
            lambda p: ddd(p.assign(control_exposure=p.exposure), model="ppml"),
            "leave no variation",
        ),
        "a regressor twice": (lambda p: did(p, Y, treatment=["x1", "x1"]), "named twice"),
        "a regressor and its copy": (
            lambda p: did(p.assign(x3=p.x1), Y, treatment=["x1", "x3"]),
            "collinear",
        ),
        "a regressor and its copy, Poisson": (
            lambda p: poisson(p.assign(x3=p.x1), treatment=["x1", "x3"]),
            "collinear",
        ),
        "no reference period": (
            lambda p: event_study(p, Y, reference=-9),
            "reference period -9",
        ),
        "no rows": (lambda p: did(p.iloc[:0], Y), "no rows"),
        "more effects than rows": (
            lambda p: did(p, Y, effects=(UNIT_EFFECT, ("university", "discipline", "year"))),
            "leave no variation|no degrees of freedom",
        ),
        "outcome is constant": (
            lambda p: did(p.assign(patents_joint=3), scale="level"),
            r"outcome 'patents_joint' does not vary \(3\.0 in all",
        ),
        "outcome is constant on its scale": (
            lambda p: did(p.assign(patents_joint=p.patents_joint + 1), scale="any"),
            r"outcome '1\[patents_joint > 0\]' does not vary \(1\.0 in all",
        ),
        "event study of a constant": (
            lambda p: event_study(p.assign(patents_joint=0)),
            "outcome 'patents_joint' does not vary",
        ),
        "all counts zero": (
            lambda p: poisson(p.assign(patents_joint=0)),
            "'patents_joint' does not vary",
        ),
    },
    errors.TooFewClustersError: {
        "one cluster": (
            lambda p: did(p.assign(city="A"), Y, cluster="city"),
            "has 1 value",
        ),
        "one cluster, Poisson": (
            lambda p: poisson(p.assign(city="A"), cluster="city"),
            "has 1 value",
        ),
    },
    errors.NegativeCountError: {
        "negative count": (
            lambda p: poisson(p.assign(patents_joint=p.patents_joint - 1)),
            "negative in 138 rows",
        ),
        "log of a negative": (lambda p: did(p, Y, scale="log1p"), "log1p"),
    },
    errors.SchemaError: {
        "half a period": (
            lambda p: event_study(p.assign(event_time=p.event_time + 0.5), Y),
            "whole numbers",
        ),
        "words for numbers": (
            lambda p: did(p.assign(exposure="high"), Y),
            "'high', which is no number",
        ),
    },
}


@pytest.mark.parametrize(
    ("error", "case"), [(error, case) for error, cases in BAD.items() for case in cases]
)
def test_bad_input_gets_a_named_error_before_estimation(data, monkeypatch, error, case):
    import pyfixest
    from linearmodels.iv.absorbing import AbsorbingLS

    call, words = BAD[error][case]
    tried: list[str] = []
    # What only the estimation can find out: that nothing is left of a regressor.
    late = "leave no variation" in words or "collinear" in words
    if not late:
        monkeypatch.setattr(AbsorbingLS, "fit", lambda *a, **k: tried.append("OLS"))
        monkeypatch.setattr(pyfixest, "fepois", lambda *a, **k: tried.append("PPML"))
    with pytest.raises(error, match=words):
        call(data)
    assert tried == []


def test_one_cluster_left_after_separation(data):
    """Counts in one university only: unit effects separate all the others."""
    alone = data.assign(patents_joint=data["patents_joint"].where(data["university"] == "U05", 0))
    with pytest.raises(errors.ReplicationError, match=r"has 1 value|leave no variation"):
        poisson(alone, effects=(UNIT_EFFECT, "year"))


def test_repeated_cross_sections_need_no_unit(data):
    twice = pd.concat([data, data], ignore_index=True)
    fit = did(twice, Y, unit=None)
    assert fit.n == 2 * facts.ROWS
    assert fit[DID].estimate == pytest.approx(did(data, Y)[DID].estimate, rel=1e-10)


def test_saturated_model_has_no_variance(data):
    """Two clusters, each regressor and effect taking up a row: no degrees of freedom."""
    two = data[data["university"].isin(["U01", "U02"]) & (data["discipline"] == "D1")]
    assert len(two) > 0
    with pytest.raises(errors.NoVariationError):
        did(two, Y, effects=("university", "year"), controls=["x1", "x2", "exposure"])
