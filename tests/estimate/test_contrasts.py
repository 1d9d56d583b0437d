"""Differences of effects: separate fits, another parametrisation and another library agree."""

import numpy as np
import pandas as pd
import pyfixest as pf
import pytest

from replication.errors import MissingColumnError
from replication.estimate.contrasts import (
    CLAIMS,
    difference,
    estimand,
    holm,
    moderated,
    question,
    side_by_side,
    stacked,
)
from replication.estimate.few_clusters import compare
from replication.estimate.verbs import ddd, did, poisson
from replication.panel.load import load_panel


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    return load_panel("simulated")


SSC = pf.ssc(k_adj=False, k_fixef="none", G_adj=True)


def counted(n: int, k: int) -> float:
    """What CR1 multiplies pyfixest's standard error by, which counts redundant levels itself."""
    return float(np.sqrt((n - 1) / (n - k)))


@pytest.mark.parametrize("model", ["ols", "ppml"])
def test_stacking_joins_two_separate_regressions(panel: pd.DataFrame, model: str) -> None:
    key = did(panel, outcome="patents_joint_key", model=model)["exposure × post"].estimate
    other = did(panel, outcome="patents_joint_other", model=model)["exposure × post"].estimate
    both = stacked(panel, model=model)
    assert both["exposure × post"].estimate == pytest.approx(other, abs=1e-8)
    assert both["exposure × post × first"].estimate == pytest.approx(key - other, abs=1e-8)


def test_the_stack_has_the_variance_that_pyfixest_finds(panel: pd.DataFrame) -> None:
    long = pd.concat(
        [
            panel.assign(y=panel["patents_joint_key"], k=1),
            panel.assign(y=panel["patents_joint_other"], k=0),
        ]
    )
    long["x"] = long["exposure"] * long["post"]
    long["xk"] = long["x"] * long["k"]
    for name, columns in {
        "udk": ["university", "discipline", "k"],
        "dtk": ["discipline", "year", "k"],
    }.items():
        long[name] = long.groupby(columns).ngroup()
    long["u"] = pd.factorize(long["university"])[0]
    theirs = pf.feols(
        "y ~ x + xk | udk + dtk",
        long,
        vcov={"CRV1": "u"},
        ssc=SSC,
        demeaner=pf.MapDemeaner(fixef_tol=1e-12),
    )
    ours = stacked(panel, variance="CR1")["exposure × post × first"]
    assert ours.estimate == pytest.approx(theirs.coef()["xk"], rel=1e-9)
    # Two regressors, a constant, and 36 disciplines of 12 years less one, in two technologies.
    factor = counted(2 * 12096, 3 + 2 * 36 * 11)
    assert ours.std_error == pytest.approx(theirs.se()["xk"] * factor, rel=1e-9)


@pytest.mark.filterwarnings("ignore:.*removed because of separation")
def test_a_moderator_splits_the_sample_when_everything_is_crossed_with_it(
    panel: pd.DataFrame,
) -> None:
    """With discipline × year × moderator effects the interaction is two separate regressions."""
    effects = [("university", "discipline"), ("discipline", "year", "advantaged")]
    parts = [
        did(panel[panel["advantaged"] == a], effects=effects)["exposure × post"].estimate
        for a in (0, 1)
    ]
    terms = panel.assign(
        x=panel["exposure"] * panel["post"],
        xm=panel["exposure"] * panel["post"] * panel["advantaged"],
    )
    crossed = did(terms, treatment=["x", "xm"], effects=effects)
    assert crossed["xm"].estimate == pytest.approx(parts[1] - parts[0], abs=1e-9)
    # The verb itself adds post × moderator only; the same by pyfixest's formula.
    frame = panel.assign(
        ud=panel.groupby(["university", "discipline"]).ngroup(),
        dt=panel.groupby(["discipline", "year"]).ngroup(),
        u=pd.factorize(panel["university"])[0],
    )
    theirs = pf.fepois(
        "patents_joint ~ exposure:post + exposure:post:advantaged + post:advantaged | ud + dt",
        frame,
        vcov={"CRV1": "u"},
        ssc=SSC,
        iwls_tol=1e-12,
        fixef_rm="none",
        separation_check=["fe"],
        demeaner=pf.MapDemeaner(fixef_tol=1e-12),
    )
    ours = moderated(panel, model="ppml", variance="CR1")["exposure × post × advantaged"]
    assert ours.estimate == pytest.approx(theirs.coef()["exposure:post:advantaged"], rel=1e-7)
    factor = counted(theirs._N, 4 + 36 * 11)
    assert ours.std_error == pytest.approx(
        theirs.se()["exposure:post:advantaged"] * factor, rel=1e-6
    )


def test_a_difference_is_a_coefficient_of_another_parametrisation(panel: pd.DataFrame) -> None:
    """With a + b and a as regressors, the coefficient of a is the difference."""
    first, second = "exposure_us", "exposure_elsewhere"
    estimate = side_by_side(panel, [first, second], model="ppml")
    ours = difference(estimate, f"{first} × post", f"{second} × post")
    other = panel.assign(
        both=(panel[first] + panel[second]) * panel["post"], a=panel[first] * panel["post"]
    )
    theirs = poisson(other, treatment=["both", "a"])["a"]
    for field in ("estimate", "std_error", "p_value", "lower", "upper"):
        assert ours[field] == pytest.approx(theirs[field], rel=1e-6), field


def test_holm_on_an_example_done_by_hand() -> None:
    """Sorted .005, .01, .03, .04 times 4, 3, 2, 1, made monotone: .02, .03, .06, .06."""
    p = pd.Series({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    assert holm(p).round(12).to_dict() == {"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02}


def test_the_order_of_outcomes_and_exposures_turns_the_sign(panel: pd.DataFrame) -> None:
    one = stacked(panel)["exposure × post × first"]
    two = stacked(panel, "patents_joint_other", "patents_joint_key")["exposure × post × first"]
    assert one.estimate == pytest.approx(-two.estimate, abs=1e-10)
    assert one.std_error == pytest.approx(two.std_error, rel=1e-9)


@pytest.mark.parametrize(
    ("claim", "column"),
    [
        ("C2", "control_exposure"),
        ("C3", "hires_overseas"),
        ("C6", "patents_joint_key"),
        ("C7", "advantaged"),
        ("C8", "exposure_us"),
        ("C9", "exposure_conferences"),
    ],
)
def test_a_missing_column_is_named_with_what_it_is_for(
    panel: pd.DataFrame, claim: str, column: str
) -> None:
    with pytest.raises(MissingColumnError, match=f"'{column}'.* is needed for "):
        estimand(claim, panel.drop(columns=column), model="ppml")


def test_the_rows_of_a_stack_are_twice_those_of_the_panel(panel: pd.DataFrame) -> None:
    assert stacked(panel).n == 2 * len(panel)
    ppml = stacked(panel, model="ppml")
    assert ppml.n + sum(ppml.dropped.values()) == 2 * len(panel)
    assert np.isfinite(ppml.frame.to_numpy(float)).all()


# One coefficient a claim ------------------------------------------------------------------------


def whole_model(claim: str, panel: pd.DataFrame, **changes: object) -> pd.Series:
    """The claim's coefficient, or difference of two, in the model that holds both effects."""
    base = "exposure × post"
    if claim == "C6":
        return stacked(panel, **changes)[f"{base} × first"]
    if claim == "C7":
        return moderated(panel, **changes)[f"{base} × advantaged"]
    pairs = {
        "C8": ("exposure_us", "exposure_elsewhere"),
        "C9": ("exposure_cooperation", "exposure_conferences"),
    }
    if claim in pairs:
        both = side_by_side(panel, pairs[claim], **changes)
        return difference(both, *(f"{e} × post" for e in pairs[claim]))
    if claim == "C2":
        return ddd(panel, **changes).frame.iloc[0]
    outcomes = {"C3": "hires_overseas", "C4": "papers_foreign", "C5": "patents_overseas"}
    return did(panel, outcome=outcomes.get(claim, "patents_joint"), **changes)[base]


@pytest.fixture(scope="module")
def some(panel: pd.DataFrame) -> pd.DataFrame:
    return panel[panel["university"].isin(sorted(panel["university"].unique())[:16])]


@pytest.mark.parametrize("variance", ["CR1", "CR2", "CR3"])
@pytest.mark.parametrize("model", ["ols", "ppml"])
@pytest.mark.parametrize("claim", CLAIMS)
def test_a_question_is_the_claim_s_coefficient_of_the_whole_model(
    some: pd.DataFrame, claim: str, model: str, variance: str
) -> None:
    changes = {"model": model, "variance": variance}
    theirs = whole_model(claim, some, **changes)
    ours = did(*question(claim, some, **changes)).frame.iloc[0]
    near = 1e-9 if model == "ols" else 1e-8
    for field in ("estimate", "std_error", "lower", "upper"):
        assert ours[field] == pytest.approx(theirs[field], rel=near, abs=1e-9), field


def test_every_method_for_few_clusters_takes_a_question(some: pd.DataFrame) -> None:
    """Of a comparison of two outcomes in counts: one row a method, the same estimate in each."""
    table = compare(*question("C6", some, model="ppml"))
    assert table["reason"].tolist()[:4] == [""] * 4
    estimate = stacked(some, model="ppml")["exposure × post × first"].estimate
    np.testing.assert_allclose(table["estimate"].iloc[:4], estimate, rtol=1e-7)
    assert "pass exposure= and post=" in table["reason"].iloc[4]
