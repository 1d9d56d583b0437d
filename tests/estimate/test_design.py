"""What a design refuses, what follows from what, and clusters of two dimensions."""

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest

from replication.config import ROOT
from replication.errors import DesignError, NoVariationError
from replication.estimate import few_clusters
from replication.estimate.design import DDD_EFFECTS, DID_EFFECTS, STUDY, TRIPLE, Design
from replication.estimate.mediation.decomposition import gelbach
from replication.estimate.sample import sample
from replication.estimate.verbs import ddd, did, event_study, poisson
from tests.support.designs_panel import panel

BOTH = ("university", "discipline")


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return panel()


def test_a_design_cannot_be_changed_and_can_be_compared() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        STUDY.outcome = "y"  # type: ignore[misc]
    listed = STUDY.but(effects=["university", ["discipline", "year"]], controls=[["x", "year"]])
    assert listed == STUDY.but(
        effects=("university", ("discipline", "year")), controls=(("x", "year"),)
    )
    assert len({listed, STUDY, STUDY.but()}) == 2


def test_effects_follow_the_third_difference_unless_they_are_named() -> None:
    assert STUDY.effects == DID_EFFECTS
    assert TRIPLE.effects == DDD_EFFECTS
    assert TRIPLE.but(third=None).effects == DID_EFFECTS
    assert STUDY.but(third="x", effects=["a"]).effects == ("a",)
    assert STUDY.but(effects=["a"]).but(third="x").effects == ("a",)
    assert Design(third="x").effects == DDD_EFFECTS
    assert STUDY.but(effects=()).effects == ()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"exposre": "x"}, r"no 'exposre': did you mean 'exposure'\?"),
        ({"q": 1}, "no 'q'; it has outcome, exposure, post"),
        ({"scale": "sqrt"}, "scale must be one of level, log1p, asinh, any, not 'sqrt'"),
        ({"model": "logit"}, "model must be one of ols, ppml"),
        ({"missing": "fill"}, "missing must be one of raise, drop"),
        ({"model": "ppml", "scale": "log1p"}, "leave scale='level'"),
        ({"model": "ppml", "weights": "w"}, "takes no weights"),
    ],
)
def test_a_choice_that_does_not_exist_is_refused_by_name(
    data: pd.DataFrame, changes: dict[str, object], says: str
) -> None:
    for verb in (did, ddd, event_study, few_clusters.compare, gelbach):
        with pytest.raises(DesignError, match=says):
            verb(data, **changes)


def test_a_call_may_change_a_design_of_its_own(data: pd.DataFrame) -> None:
    mine = STUDY.but(outcome="y", effects=["university", "year"])
    by_design = did(data, mine, controls=["x1"])
    by_words = did(data, outcome="y", effects=["university", "year"], controls=["x1"])
    pd.testing.assert_frame_equal(by_design.frame, by_words.frame)
    assert by_design.sample.design == mine.but(controls=["x1"])
    pd.testing.assert_frame_equal(poisson(data).frame, did(data, model="ppml").frame)
    pd.testing.assert_frame_equal(ddd(data).frame, did(data, TRIPLE).frame)


def test_a_triple_difference_has_no_treatment_of_its_own(data: pd.DataFrame) -> None:
    with pytest.raises(DesignError, match="name these columns, not a treatment"):
        ddd(data, treatment="x1")


def test_the_event_study_of_a_triple_difference_is_that_of_the_product(data: pd.DataFrame) -> None:
    product = data.assign(exposure=data["exposure"] * data["control_exposure"])
    theirs = event_study(product, outcome="y", effects=DDD_EFFECTS).frame
    ours = event_study(data, TRIPLE, outcome="y").frame
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    assert list(ours.index[:1]) == ["exposure × control_exposure × −4"]


def test_one_sample_serves_every_method(data: pd.DataFrame) -> None:
    holes = data.assign(y=data["y"].where(data.index % 50 != 7))
    rows = sample(holes, STUDY.but(outcome="y", missing="drop"))
    fit = did(holes, outcome="y", missing="drop")
    assert rows.dropped == fit.dropped == {"no value of y": int((data.index % 50 == 7).sum())}
    assert len(rows.rows) == fit.n == len(data) - sum(fit.dropped.values())
    np.testing.assert_array_equal(rows.exposure * rows.schedule, rows.x["exposure × post"])
    counts = holes.assign(m=np.exp(data["x1"]), y=holes["y"].abs())
    decomposed = gelbach(counts, ["m"], STUDY.but(outcome="y", missing="drop"))
    assert (decomposed.parts.n, decomposed.parts.dropped) == (fit.n, fit.dropped)


# Two dimensions of clusters ---------------------------------------------------------------------


def by_hand(data: pd.DataFrame, y: str, x: pd.Series) -> tuple[float, float]:
    """Coefficient and two-way CR1 standard error by numpy: V_u + V_d − V_ud, factor of min G."""
    unit = data["university"] + data["discipline"]
    time = data["discipline"] + data["year"].astype(str)
    dummies = np.column_stack([pd.get_dummies(unit), pd.get_dummies(time)]).astype(float)
    regressors = np.column_stack([x, dummies])
    residual = x - dummies @ np.linalg.lstsq(dummies, x, rcond=None)[0]
    b = np.linalg.lstsq(regressors, data[y], rcond=None)[0]
    u = data[y] - regressors @ b
    score = residual * u
    meat = sum(
        sign * (score.groupby(g).sum() ** 2).sum()
        for sign, g in ((1, data["university"]), (1, data["discipline"]), (-1, unit))
    )
    n, groups = len(data), min(data["university"].nunique(), data["discipline"].nunique())
    # Units are nested in universities, discipline × years in disciplines: x and a constant.
    factor = groups / (groups - 1) * (n - 1) / (n - 2)
    return float(b[0]), float(np.sqrt(factor * meat) / (residual @ residual))


def test_two_way_clusters_are_the_sum_of_two_less_their_intersection(data: pd.DataFrame) -> None:
    fit = did(data, outcome="y", cluster=BOTH, variance="CR1")
    b, se = by_hand(data, "y", data["exposure"] * data["post"])
    row = fit["exposure × post"]
    assert row.estimate == pytest.approx(b, rel=1e-9)
    assert row.std_error == pytest.approx(se, rel=1e-9)
    assert (fit.df, fit.clusters) == (5, 6)
    assert fit.convention == "two-way CR1, t(min G − 1)"
    swapped = did(data, outcome="y", cluster=BOTH[::-1], variance="CR1")
    np.testing.assert_allclose(swapped.frame, fit.frame, rtol=1e-12)


@pytest.mark.parametrize("variance", ["CR2", "CR3"])
def test_two_way_clusters_have_no_other_variance(data: pd.DataFrame, variance: str) -> None:
    with pytest.raises(DesignError, match=f"{variance} needs clusters of one dimension: with two"):
        did(data, outcome="y", cluster=BOTH, variance=variance)


def test_two_way_clusters_of_ppml_are_pyfixest_s(data: pd.DataFrame) -> None:
    import pyfixest as pf

    frame = data.assign(
        x=data["exposure"] * data["post"],
        fu=data["university"] + data["discipline"],
        ft=data["discipline"] + data["year"].astype(str),
        a=pd.factorize(data["university"])[0],
        b=pd.factorize(data["discipline"])[0],
    )
    fit = poisson(data, cluster=BOTH, variance="CR1")
    used = frame.loc[fit.sample.rows.index]
    theirs = pf.fepois(
        "patents_joint ~ x | fu + ft",
        used,
        vcov={"CRV1": "a + b"},
        ssc=pf.ssc(k_adj=False, G_adj=False),
        iwls_tol=1e-12,
        demeaner=pf.MapDemeaner(fixef_tol=1e-11),
    )
    n = len(used)
    factor = 6 / 5 * (n - 1) / (n - 2)
    row = fit["exposure × post"]
    assert row.std_error == pytest.approx(float(theirs.se().iloc[0]) * np.sqrt(factor), rel=1e-7)


@pytest.mark.parametrize(
    ("verb", "method"),
    [
        (few_clusters.bias_reduced, "CR2"),
        (few_clusters.jackknife, "CR3"),
        (few_clusters.wild_cluster_bootstrap, "the wild cluster bootstrap"),
        (few_clusters.randomisation_test, "randomisation test"),
        (few_clusters.compare, "the comparison of methods"),
        (lambda data, **options: gelbach(data, ["patents_joint"], **options), "mediation"),
    ],
)
@pytest.mark.parametrize(("cluster", "has"), [(BOTH, "university and discipline"), (None, "none")])
def test_a_method_of_one_dimension_says_so_by_name(
    data: pd.DataFrame, verb: object, method: str, cluster: object, has: str
) -> None:
    says = f"{method} needs clusters of one dimension, and the design has {has}"
    with pytest.raises(DesignError, match=says):
        verb(data.assign(y=data["y"].abs()), outcome="y", cluster=cluster, variance="CR1")


def test_resampling_needs_the_parts_of_the_treatment(data: pd.DataFrame) -> None:
    x = data.assign(x=data["exposure"] * data["post"])
    ours = few_clusters.bias_reduced(x, outcome="y", treatment="x")
    theirs = few_clusters.bias_reduced(data, outcome="y")
    pd.testing.assert_series_equal(ours, theirs, rtol=1e-12)
    with pytest.raises(NoVariationError, match="pass exposure= and post="):
        few_clusters.randomisation_test(x, outcome="y", treatment="x")


def test_the_rule_of_the_clusters_stands_in_one_place() -> None:
    """Whoever clusters by another column changes one line: no other module names the cluster."""
    source = ROOT / "src" / "replication"
    named = re.compile(r"cluster\w*\s*[=:]\s*[\"']university|\[[\"']university[\"']\]\.nunique")
    files = [*source.glob("estimate/**/*.py"), *source.glob("montecarlo/*.py")]
    found = [p.name for p in files if named.search(p.read_text(encoding="utf-8"))]
    assert found == []
    assert 'cluster: Effect | None = "university"' in (source / "estimate/design.py").read_text()
