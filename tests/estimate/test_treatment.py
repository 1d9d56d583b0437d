"""When treatment begins: said by the design, by the table, or by a column; and by none of them."""

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyfixest as pf
import pytest

import replication as rp
from replication import errors
from replication.estimate import few_clusters, mediation, robustness, staggered
from replication.estimate.convention import CLUSTERED
from tests.support import designs_panel as facts
from tests.support.designs_models import DID, Y

pytestmark = pytest.mark.filterwarnings("default::pandas.errors.Pandas4Warning")


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return facts.panel()


def refit(table: pd.DataFrame, first: int) -> float:
    """Coefficient of exposure × 1[year ≥ first], by another library."""
    frame = table.assign(
        x=table["exposure"] * (table["year"] >= first),
        unit=table["university"] + table["discipline"],
        when=table["discipline"] + table["year"].astype(str),
    )
    return float(pf.feols("y ~ x | unit + when", frame).coef()["x"])


# One first treated time -----------------------------------------------------------------------


def test_the_first_treated_year_makes_post(data: pd.DataFrame) -> None:
    bare = data.drop(columns=["post", "event_time"])
    for first in (2013, 2015):
        found = rp.did(bare, Y, first_treated=first)[DID].estimate
        assert found == pytest.approx(refit(data, first), rel=1e-9)
    pd.testing.assert_frame_equal(rp.did(bare, Y, first_treated=2015).frame, rp.did(data, Y).frame)
    poisson = rp.poisson(bare, first_treated=2015).frame
    pd.testing.assert_frame_equal(poisson, rp.poisson(data).frame)
    triple = rp.ddd(bare, Y, first_treated=2015).frame
    pd.testing.assert_frame_equal(triple, rp.ddd(data, Y).frame)


def test_the_first_treated_year_makes_event_time(data: pd.DataFrame) -> None:
    bare = data.drop(columns=["post", "event_time"])
    study = rp.event_study(bare, Y, first_treated=2015)
    pd.testing.assert_frame_equal(study.frame, rp.event_study(data, Y).frame)
    earlier = rp.event_study(data, Y, first_treated=2014)
    # The same model, its periods counted from 2014; the omitted year is 2013 in place of 2014.
    other = rp.event_study(data, Y, reference=-2)
    np.testing.assert_allclose(earlier.frame["estimate"], other.frame["estimate"], rtol=1e-8)
    assert rp.pretrend_test(earlier).q == 2


CALLS: dict[str, Callable[..., Any]] = {
    "stacked": lambda d, **c: rp.stacked(d, "y", "x1", **c).frame,
    "moderated": lambda d, **c: rp.moderated(d, "x2", Y, **c).frame,
    "side_by_side": lambda d, **c: rp.side_by_side(d, ["exposure"], Y, **c).frame,
    "dose_bins": lambda d, **c: rp.dose_bins(d, Y, bins=2, **c),
    "dose_spline": lambda d, **c: rp.dose_spline(d, Y, at=[0.5], **c),
    "dose_weights": lambda d, **c: rp.dose_weights(d, Y, **c),
    "fake_years": lambda d, **c: rp.fake_years(d, Y, years=[2013], **c)["as if from 2013"].frame,
    "gelbach": lambda d, **c: (
        mediation.gelbach(d, ["patents_joint"], outcome="count", **c).parts.frame
    ),
    "three_steps": lambda d, **c: (
        mediation.three_steps(d, "patents_joint", outcome="count", **c)["(3)"].frame
    ),
    "compare": lambda d, **c: few_clusters.compare(d, Y, **c),
    "effective": lambda d, **c: few_clusters.effective_clusters(d, Y, **c).to_frame(),
}


@pytest.fixture(scope="module")
def counts(data: pd.DataFrame) -> pd.DataFrame:
    return data.assign(count=np.round(np.exp(data["x1"])))


@pytest.mark.parametrize("name", CALLS)
def test_every_verb_takes_the_first_treated_year(counts: pd.DataFrame, name: str) -> None:
    bare = counts.drop(columns=["post", "event_time"])
    found = CALLS[name](bare, first_treated=2015)
    pd.testing.assert_frame_equal(found, CALLS[name](counts), rtol=1e-9)


@pytest.mark.parametrize("name", CALLS)
def test_every_verb_refuses_a_post_that_is_no_flag(counts: pd.DataFrame, name: str) -> None:
    with pytest.raises(errors.SchemaError, match="'year' must be 0 before and 1 from the first"):
        CALLS[name](counts, post="year")


@pytest.mark.parametrize("first", [2011, 2019, 20015])
def test_a_year_that_leaves_nothing_before_or_after_is_refused(
    data: pd.DataFrame, first: int
) -> None:
    with pytest.raises(errors.DesignError, match=f"{first} leaves no 'year'.*2011 to 2018"):
        rp.did(data, Y, first_treated=first)


def test_a_treatment_of_its_own_has_no_first_treated_year(data: pd.DataFrame) -> None:
    with pytest.raises(errors.DesignError, match="leave one of them out"):
        rp.did(data, Y, treatment="x1", first_treated=2015)


# The window of the exposure -------------------------------------------------------------------


def test_a_dose_that_was_measured_before_another_year_is_told(data: pd.DataFrame) -> None:
    says = "'exposure' is not measured anew for first_treated=2013.*'post' begins in 2015"
    with pytest.warns(errors.ExposureWindowWarning, match=says):
        moved = rp.did(data, Y, first_treated=2013)
    # The number is that of the year that was asked for.
    assert moved[DID].estimate == pytest.approx(refit(data, 2013), rel=1e-9)


def test_no_window_is_missed_where_none_is_moved(data: pd.DataFrame) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rp.did(data, Y, first_treated=2015)
        group = data.assign(exposure=(data["exposure"] > 0).astype(int))
        rp.did(group, Y, first_treated=2013)


# A column of first treated times --------------------------------------------------------------


@pytest.fixture(scope="module")
def adopted(data: pd.DataFrame) -> pd.DataFrame:
    """Half of the universities treated from 2015 on, the others never, by a column."""
    treated = data["university"] <= "U07"
    first = pd.Series(2015.0, data.index).where(treated)
    return data.assign(group=treated.astype(int), adopted=first)


@pytest.mark.parametrize("never", [np.nan, 0.0, np.inf])
def test_units_that_are_never_treated_stay_whatever_they_are_called(
    adopted: pd.DataFrame, never: float
) -> None:
    table = adopted.assign(adopted=adopted["adopted"].fillna(never)).drop(columns="event_time")
    own = {"exposure": "group", "first_treated": "adopted"}
    whole = rp.event_study(adopted, Y, exposure="group")
    study = rp.event_study(table, Y, **own)
    pd.testing.assert_frame_equal(study.frame, whole.frame)
    assert study.n == len(adopted)
    found = rp.did(table, Y, **own).frame["estimate"].iloc[0]
    assert found == pytest.approx(rp.did(adopted, Y, exposure="group").frame["estimate"].iloc[0])


def test_missing_event_times_of_the_never_treated_are_no_gap(adopted: pd.DataFrame) -> None:
    clock = adopted["event_time"].where(adopted["group"] == 1)
    study = rp.event_study(adopted.assign(event_time=clock), Y, exposure="group")
    pd.testing.assert_frame_equal(study.frame, rp.event_study(adopted, Y, exposure="group").frame)
    clock[adopted.index[adopted["group"] == 1][:3]] = np.nan
    with pytest.raises(errors.MissingValueError, match="'event_time' is missing or infinite in 3"):
        rp.event_study(adopted.assign(event_time=clock), Y, exposure="group")


def test_a_unit_with_two_first_years_is_refused(adopted: pd.DataFrame) -> None:
    table = adopted.copy()
    table.loc[table.index[0], "adopted"] = 2016.0
    with pytest.raises(errors.SchemaError, match="'adopted' must have one value a unit"):
        rp.did(table, Y, exposure="group", first_treated="adopted")


def test_staggered_treatment_is_told_by_the_event_study_too(adopted: pd.DataFrame) -> None:
    late = adopted["university"] <= "U03"
    table = adopted.assign(adopted=adopted["adopted"].mask(late, 2016.0))
    with pytest.warns(errors.StaggeredTreatmentWarning, match="treatment is staggered"):
        rp.event_study(table, Y, exposure="group", first_treated="adopted")
    with pytest.raises(errors.DesignError, match=r"2 first treated times \(2015, 2016\)"):
        rp.did(table, Y, exposure="group", first_treated="adopted")


# Few clusters ---------------------------------------------------------------------------------


def test_a_standard_error_of_few_treated_clusters_is_doubted_by_the_verb() -> None:
    donors = rp.load("organ_donations")
    own = {
        "outcome": "rate",
        "exposure": "california",
        "unit": "state",
        "time": "quarter",
        "effects": ["state", "quarter"],
        "cluster": "state",
    }
    for variance in ("CR1", "CR2"):
        with pytest.warns(errors.FewClustersWarning, match="1 of 27 clusters is exposed"):
            rp.did(donors, **own, variance=variance)
    with pytest.warns(errors.FewClustersWarning, match="1 of 27 clusters is exposed"):
        rp.event_study(donors, **own, variance="CR1", first_treated=4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rp.did(donors, **{**own, "cluster": None})


def test_tests_that_cannot_reject_say_so(data: pd.DataFrame) -> None:
    few = data[data["university"] <= "U05"].assign(one=lambda d: (d["university"] == "U02") * 1)
    with pytest.warns(errors.FewClustersWarning, match="only 5 different assignments.*below 0.20"):
        found = few_clusters.randomisation_test(few, Y, exposure="one")
    assert found["p_value"] >= 0.2
    with pytest.warns(errors.FewClustersWarning, match="only 16 different sign patterns.*0.06"):
        found = few_clusters.wild_cluster_bootstrap(few, Y, interval=False)
    assert found["p_value"] >= 1 / 16
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        few_clusters.randomisation_test(data, Y, draws=199)
        few_clusters.wild_cluster_bootstrap(data, Y, interval=False)


# What a verb does not know --------------------------------------------------------------------

SPACES = (rp, rp.contrasts, few_clusters, mediation, robustness, staggered, rp.specification)


def verbs() -> dict[str, Callable[..., Any]]:
    """Every function that a reader can call with changes to a design."""
    found = {}
    for space in SPACES:
        for name in dir(space):
            one = getattr(space, name)
            own = inspect.isfunction(one) and one.__module__.startswith("replication.")
            if not own or name.startswith("_"):
                continue
            if "changes" in inspect.signature(one).parameters:
                found[name] = one
    return found


def test_the_verbs_are_found() -> None:
    assert {"did", "poisson", "event_study", "compare", "gelbach", "scales", "oster"} <= set(
        verbs()
    )


@pytest.mark.parametrize("name", verbs())
def test_every_verb_refuses_an_unknown_argument_in_the_same_words(
    data: pd.DataFrame, name: str
) -> None:
    verb = verbs()[name]
    needed = [
        p.name
        for p in inspect.signature(verb).parameters.values()
        if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
    ]
    known = {
        "data": data,
        "panel": data,
        "claim": "C1",
        "claims": ["C1"],
        "exposures": ["exposure"],
        "mediators": ["patents_joint"],
        "mediator": "patents_joint",
        "first": "exposure",
        "second": "x1",
    }
    given = {p: known[p] for p in needed if p in known}
    given |= {p: ["x1"] for p in needed if p not in known}
    with pytest.raises(errors.DesignError, match=r"a design has no 'exposre': did you mean 'expo"):
        verb(**given, exposre="x1")


@pytest.mark.parametrize(
    ("verb", "given", "meant"),
    [
        (rp.event_study, {"evnt_time": "t"}, "event_time"),
        (rp.event_study, {"referenc": -2}, "reference"),
        (few_clusters.randomisation_test, {"stratum": "s"}, "strata"),
        (few_clusters.wild_cluster_bootstrap, {"drawz": 99}, "draws"),
        (rp.moderated, {"moderater": "s"}, "moderator"),
        (rp.dose_bins, {"bin": 3}, "bins"),
        (rp.poisson, {"outcom": "y"}, "outcome"),
    ],
)
def test_a_slip_in_an_argument_of_the_verb_itself_names_it(
    data: pd.DataFrame, verb: Callable[..., Any], given: dict[str, Any], meant: str
) -> None:
    with pytest.raises(errors.DesignError, match=f"{next(iter(given))}': did you mean '{meant}'"):
        verb(data, **given)


def test_what_is_like_no_argument_is_told_both_lists(data: pd.DataFrame) -> None:
    with pytest.raises(
        errors.DesignError, match=r"no 'zzyzx'; it has outcome, .*and the verb has "
    ):
        rp.event_study(data, zzyzx=1)


def test_one_name_of_an_effect_is_one_effect(data: pd.DataFrame) -> None:
    named = data.assign(firm=data["university"] + data["discipline"])
    assert rp.STUDY.but(effects="firm").effects == ("firm",)
    one = rp.did(named, Y, effects="firm", controls=["post"])
    pd.testing.assert_frame_equal(
        one.frame, rp.did(named, Y, effects=["firm"], controls="post").frame
    )
    assert one.convention != CLUSTERED
