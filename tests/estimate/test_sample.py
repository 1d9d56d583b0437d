"""Every row is used or dropped by a reason; bad input is a named error before any estimate."""

import numpy as np
import pandas as pd
import pytest

from replication import errors
from replication.estimate.contrasts import moderated, side_by_side, stacked
from replication.estimate.design import STUDY
from replication.estimate.effects import singletons
from replication.estimate.few_clusters import bias_reduced
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
    table.loc[[60, 69], "event_time"] = np.nan
    with pytest.raises(errors.MissingValueError, match=r"'event_time'.*2 of 577"):
        event_study(table, Y)
    fit = event_study(table, Y, missing="drop")
    assert fit.dropped == {"no value of event_time": 2}
    clean = event_study(table.drop(index=[60, 69]), Y)
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
    errors.WeightError: {
        "weights of zero": (
            lambda p: did(p.assign(w=(p.index > 2) * 1.0), Y, weights="w"),
            r"weights 'w' are zero or below in 3 rows, first in row 0 \(0\)",
        ),
        "negative weights": (
            lambda p: did(p.assign(w=p.x1), Y, weights="w"),
            "weights 'w' are zero or below in 306 rows",
        ),
    },
    errors.SchemaError: {
        "a year for post": (
            lambda p: did(p, Y, post="year"),
            "'year' must be 0 before and 1 from the first treated period on, and holds 2011",
        ),
        "a share for post, side by side": (
            lambda p: side_by_side(p.assign(post=p.post / 2), ["exposure"], Y),
            "'post' must be 0",
        ),
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


# Choices that are left to the study ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "choices", "says"),
    [
        ("university", {}, "fixed effects .no effects= was given, and .* is the default"),
        ("university", {"effects": "firm"}, "clusters, .* .no cluster= was given.*or cluster=None"),
        (
            "university",
            {"effects": "firm", "cluster": "firm"},
            "the unit, .* .no unit= was given.*unit=None for repeated cross-sections",
        ),
        (
            "year",
            {"effects": "firm"},
            "the time, .* .no time= was given, and 'year' is the default",
        ),
    ],
)
def test_a_default_that_the_data_do_not_have_is_explained(data, column, choices, says):
    table = data.assign(firm=data["university"]).drop(columns=column)
    with pytest.raises(errors.MissingColumnError, match=says):
        did(table, Y, **choices)


def test_one_effect_or_control_may_be_named_without_a_list(data):
    ours = did(data, Y, effects="year", controls="exposure")
    theirs = did(data, Y, effects=["year"], controls=["exposure"])
    pd.testing.assert_frame_equal(ours.frame, theirs.frame)


def test_clusters_may_be_listed_and_are_two_at_most(data):
    pd.testing.assert_frame_equal(did(data, Y, cluster=["university"]).frame, did(data, Y).frame)
    assert bias_reduced(data, Y, cluster=["university"]).equals(bias_reduced(data, Y))
    with pytest.raises(errors.DesignError, match=r"one column or two, not 3 \(a, b, c\)"):
        STUDY.but(cluster=["a", "b", "c"])


# Staggered treatment ------------------------------------------------------------------------------


def staggered(data: pd.DataFrame) -> pd.DataFrame:
    """Every other university two years later; the last two never."""
    number = data["university"].str[1:].astype(int)
    late = number % 2 == 0
    post = (data["year"] >= 2015 + 2 * late) & (number < 13)
    return data.assign(post=post.astype(int), event=data["event_time"])


@pytest.mark.parametrize(
    "verb",
    [
        did,
        poisson,
        bias_reduced,
        lambda p, d: stacked(p, "y", "patents_joint", d),
        lambda p, d: moderated(p, "x1", d),
        lambda p, d: side_by_side(p, ["exposure"], d),
    ],
)
def test_staggered_treatment_is_said_to_be_so(data, verb):
    design = STUDY.but(
        outcome="patents_joint", effects=["university", "year"], controls=["post"], collinear="drop"
    )
    said = r"'post' is 1 in some .* in 2 periods of 'year', first 2015: .*dynamic_effects"
    with pytest.warns(errors.StaggeredTreatmentWarning, match=said):
        verb(staggered(data), design)


def test_units_that_are_never_treated_make_no_treatment_staggered(data):
    """As post is written for a treated group alone; holes do not matter either."""
    never = data["university"] > "U09"
    table = data.assign(post=data["post"].where(~never, 0))
    did(table, Y, effects=["university", "year"], controls=["post"])


# Collinear controls -------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", [did, poisson])
def test_collinear_controls_are_refused_or_dropped_and_named(data, verb):
    table = data.assign(
        copy=2 * data["x1"] + 3, dose=data["exposure"] * data["post"], flat=1.0, own=data["x2"]
    )
    controls = ["x1", "copy", "dose", "flat", "own", ("exposure", "discipline")]
    design = STUDY.but(controls=controls, outcome="patents_joint")
    with pytest.raises(errors.NoVariationError, match=r"'flat' does not vary"):
        verb(table, design)
    with pytest.raises(errors.NoVariationError, match=r"'copy' is collinear.*collinear='drop'"):
        verb(table, design, controls=["x1", "copy"])
    ours = verb(table, design, collinear="drop")
    assert ours.dropped_controls[:3] == ("copy", "dose", "flat")
    assert all(c.startswith("exposure × D") for c in ours.dropped_controls[3:])
    theirs = verb(table, design, controls=["x1", "own"])
    np.testing.assert_allclose(ours.frame, theirs.frame, rtol=1e-8)
    assert "collinear controls dropped: copy, dose, flat" in repr(ours)
    assert theirs.dropped_controls == ()


def test_collinear_controls_are_dropped_for_few_clusters_too(data):
    table = data.assign(copy=2 * data["x1"] + 3)
    ours = bias_reduced(table, Y, controls=["x1", "copy"], collinear="drop")
    pd.testing.assert_series_equal(ours, bias_reduced(table, Y, controls=["x1"]), rtol=1e-10)
    with pytest.raises(errors.NoVariationError, match="'copy' is collinear"):
        bias_reduced(table, Y, controls=["x1", "copy"])


def test_the_treatment_is_never_dropped(data):
    absorbed = {"effects": [("university", "year")], "controls": ["x1"], "collinear": "drop"}
    for verb in (did, poisson):
        with pytest.raises(errors.NoVariationError, match="leave no variation"):
            verb(data, outcome="patents_joint", **absorbed)


# Singletons ---------------------------------------------------------------------------------------


def test_rows_that_an_effect_fits_alone_are_kept_and_counted(data):
    """Of one unit one year is left; without that row the estimate is the same."""
    unit = (data["university"] == "U01") & (data["discipline"] == "D1")
    one = data[~unit | (data.index == data.index[unit][0])]
    fit = did(one, Y)
    assert (fit.singletons, fit.n, fit.dropped) == (1, len(one), {})
    assert "1 singletons kept" in repr(fit)
    without = did(data[~unit], Y)
    assert without.singletons == 0
    assert fit[DID].estimate == pytest.approx(without[DID].estimate, rel=1e-10)
    assert poisson(one).singletons == 1


def test_a_singleton_may_make_another(data):
    """Two rows of a unit, each alone in its year but for the other's: both go, as in reghdfe."""
    chain = pd.DataFrame({"unit": list("aabbccc"), "year": [1, 2, 2, 3, 4, 5, 6]})
    chain = pd.concat([data.assign(unit=data["university"])[["unit", "year", "y"]], chain])
    codes = [pd.factorize(chain[c])[0] for c in ("unit", "year")]
    assert singletons(codes) == 7
