"""The designs against R, other libraries, brute force and facts worked out by hand.

R's numbers are those of tests/oracles/r_numbers.csv, which tests/oracles/validation.R wrote from
the table of tests/support/designs_panel.py.
"""

import json
import math
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from replication import errors
from replication.config import ROOT
from replication.estimate.designs import (
    CLASSICAL,
    CLUSTERED,
    Estimate,
    ddd,
    did,
    event_frame,
    event_study,
    poisson,
    pretrend_test,
    wald_test,
)
from tests.support import designs_panel as facts
from tests.support.designs_panel import panel

DID, DDD = "exposure × post", "exposure × post × control_exposure"
UNIT_EFFECT, YEAR_EFFECT = ("university", "discipline"), ("discipline", "year")
G = facts.UNIVERSITIES

# Per model: how we call it, and N and K of the factor G/(G − 1) · (N − 1)/(N − K) by hand.
# K: the regressors, the 48 discipline × years; unit and university × year effects are nested in
# the clusters and not counted. With no effect: the regressors and the constant.
MODELS = {
    "did": (lambda p: did(p, "y"), 577, 1 + 48),
    "did weighted": (lambda p: did(p, "y", weights="weight"), 577, 1 + 48),
    "did controls": (lambda p: did(p, "y", controls=["x1", "x2"]), 577, 3 + 48),
    "did log1p": (lambda p: did(p, scale="log1p"), 577, 1 + 48),
    "did pooled": (lambda p: did(p, "y", effects=(), controls=["exposure", "post"]), 577, 3 + 1),
    "ddd": (lambda p: ddd(p, "y"), 577, 1 + 48),
    "event study": (lambda p: event_study(p, "y"), 577, 7 + 48),
    "ppml did": (lambda p: poisson(p), 570, 1 + 48),
    "ppml did controls": (lambda p: poisson(p, controls=["x1", "x2"]), 570, 3 + 48),
    "ppml ddd": (lambda p: ddd(p, model="ppml"), 565, 1 + 48),
}


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return panel()


@pytest.fixture(scope="module")
def fits(data) -> dict[str, Estimate]:
    return {name: call(data) for name, (call, _, _) in MODELS.items()}


@pytest.fixture(scope="module")
def r() -> pd.DataFrame:
    record = pd.read_csv(ROOT / "tests" / "oracles" / "r_numbers.csv")
    return (
        record[record["dataset"] == "panel"].set_index(["model", "convention", "term"]).sort_index()
    )


def tolerance(name: str) -> float:
    """Least squares is solved, a Poisson likelihood iterated to: R's glm stops at 1e-10."""
    return 1e-7 if name.startswith("ppml") else 1e-10


def counted(n: int, k: int) -> float:
    return G / (G - 1) * (n - 1) / (n - k)


# The panel itself ---------------------------------------------------------------------------


def test_panel_has_the_counts_that_the_factors_use(data):
    assert len(data) == facts.ROWS
    assert data.groupby(["university", "discipline"]).ngroups == facts.UNITS
    assert data.groupby(["university", "year"]).ngroups == facts.UNIVERSITY_YEARS
    assert data.groupby(["discipline", "year"]).ngroups == facts.DISCIPLINE_YEARS
    assert data["university"].nunique() == G
    zero = data[data["patents_joint"] == 0]
    assert len(zero[(zero.university == "U03") & (zero.discipline == "D2")]) == 7
    assert len(zero[(zero.university == "U07") & (zero.year == 2012)]) == 5


# R ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_estimates_are_those_of_r(fits, r, name):
    theirs = r.loc[(name, "CR0")]["estimate"]
    ours = fits[name].frame["estimate"]
    assert set(ours.index) == set(theirs.index)
    theirs = theirs.reindex(ours.index)
    np.testing.assert_allclose(ours, theirs, rtol=tolerance(name))


@pytest.mark.parametrize("name", MODELS)
def test_standard_errors_are_r_s_cr0_times_the_factor_by_hand(fits, r, name):
    _, n, k = MODELS[name]
    theirs = r.loc[(name, "CR0")].reindex(fits[name].frame.index)
    assert set(theirs["n"]) == {n} == {fits[name].n}
    expected = theirs["std_error"] * math.sqrt(counted(n, k))
    np.testing.assert_allclose(fits[name].frame["std_error"], expected, rtol=tolerance(name))


@pytest.mark.parametrize("name", MODELS)
def test_r_s_own_factors_agree_with_their_formulas(r, name):
    """Guards the record: "stata" counts every column of the design, CR1 those not nested."""
    _, n, k = MODELS[name]
    cr0, stata, cr1 = (r.loc[(name, c)]["std_error"] for c in ("CR0", "stata", "CR1"))
    rank = n - int(r.loc[(name, "classical")]["df"].iloc[0])
    np.testing.assert_allclose(stata, cr0 * math.sqrt(counted(n, rank)), rtol=1e-10)
    np.testing.assert_allclose(cr1, cr0 * math.sqrt(counted(n, k)), rtol=1e-10)


def test_conventions_differ_by_enough_to_be_told_apart(r):
    """A DDD has many nested effects, so the choice of the factor shows in the second digit."""
    ddd_errors = r["std_error"].xs("ddd").droplevel("term").round(4).to_dict()
    assert ddd_errors["CR0"] == 0.0979
    assert ddd_errors["CR1"] == 0.1061
    assert ddd_errors["stata"] == 0.1273
    assert ddd_errors["CR2"] == 0.1070


def test_classical_variance_is_r_s_lm(data, r):
    ours = did(data, "y", effects=(), controls=["exposure", "post"], cluster=None)
    theirs = r.loc[("did pooled", "classical", DID)]
    assert ours[DID].std_error == pytest.approx(theirs["std_error"], rel=1e-10)
    assert ours.df == theirs["df"] == facts.ROWS - 4
    assert ours.convention == CLASSICAL
    assert ours.clusters == 0


def test_classical_variance_counts_every_level_of_effects_that_overlap(data, r):
    """Unit and discipline × year effects share the disciplines: R's rank is 5 lower than ours.

    Each effect after the first loses one level in our count, as in linearmodels and fixest; here
    six are redundant, one a discipline. The classical variance is for comparison only.
    """
    ours = did(data, "y", cluster=None)
    theirs = r.loc[("did", "classical", DID)]
    assert (ours.df, theirs["df"]) == (577 - 1 - 76 - 48 + 1, 577 - 1 - 76 - 48 + 6)
    expected = theirs["std_error"] * math.sqrt(theirs["df"] / ours.df)
    assert ours[DID].std_error == pytest.approx(expected, rel=1e-10)


def test_wald_test_is_r_s_f_over_the_factor(fits, r):
    theirs = r.loc[("pretrend", "CR0", "F, CR0")]
    ours = pretrend_test(fits["event study"])
    assert ours["q"] == theirs["df"] == 3
    assert ours["df"] == G - 1
    assert ours["statistic"] == pytest.approx(theirs["estimate"] / counted(577, 55), rel=1e-9)


# Other Python libraries -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "formula", "weights"),
    [
        ("did", "y ~ z | unit + dy", None),
        ("did weighted", "y ~ z | unit + dy", "weight"),
        ("did controls", "y ~ z + x1 + x2 | unit + dy", None),
        ("ddd", "y ~ zz | unit + uy + dy", None),
    ],
)
def test_standard_errors_are_pyfixest_s_to_twelve_digits(data, fits, name, formula, weights):
    import pyfixest as pf

    table = data.assign(
        z=data["exposure"] * data["post"],
        zz=data["exposure"] * data["post"] * data["control_exposure"],
        unit=data.groupby(["university", "discipline"]).ngroup(),
        uy=data.groupby(["university", "year"]).ngroup(),
        dy=data.groupby(["discipline", "year"]).ngroup(),
        cluster=data["university"],
    )
    theirs = pf.feols(
        formula,
        table,
        vcov={"CRV1": "cluster"},
        weights=weights,
        ssc=pf.ssc(k_adj=True, k_fixef="nonnested", G_adj=True, G_df="min"),
        demeaner=pf.MapDemeaner(fixef_tol=1e-14, fixef_maxiter=100_000),
    )
    term = "zz" if name == "ddd" else "z"
    ours = fits[name].frame.iloc[0]
    assert ours["estimate"] == pytest.approx(theirs.coef()[term], rel=1e-12)
    assert ours["std_error"] == pytest.approx(theirs.se()[term], rel=1e-12)
    assert ours["p_value"] == pytest.approx(theirs.pvalue()[term], rel=1e-9)


def test_nothing_nested_is_the_full_correction_of_linearmodels_and_statsmodels(data):
    """Discipline and year effects lie across universities: every level counts."""
    import statsmodels.api as sm
    from linearmodels.iv.absorbing import AbsorbingLS

    ours = did(data, "y", effects=("discipline", "year"), controls=["exposure"])
    x = pd.DataFrame({DID: data["exposure"] * data["post"], "exposure": data["exposure"]})
    codes = pd.Series(pd.factorize(data["university"])[0])
    absorbed = AbsorbingLS(
        data["y"], x, absorb=data[["discipline", "year"]].astype("category")
    ).fit(cov_type="clustered", clusters=codes, debiased=True)
    assert ours[DID].std_error == pytest.approx(absorbed.std_errors[DID], rel=1e-9)
    dummies = pd.get_dummies(data[["discipline", "year"]].astype(str), dtype=float)
    design = pd.concat([x, dummies.drop(columns="year_2011")], axis=1)
    full = sm.OLS(data["y"], design).fit(cov_type="cluster", cov_kwds={"groups": codes})
    assert ours[DID].std_error == pytest.approx(full.bse[DID], rel=1e-10)


def test_wald_test_is_linearmodels_chi_square_without_our_factor(fits):
    """The library's own test of the leads uses CR0 and no division by q."""
    study = fits["event study"]
    leads = [t for t in study.frame.index if "−" in t]
    theirs = study.result.wald_test(formula=[f"`{t}` = 0" for t in leads])
    ours = wald_test(study, leads)
    assert ours["statistic"] * 3 * counted(577, 55) == pytest.approx(theirs.stat, rel=1e-9)


def test_wald_test_of_one_coefficient_is_its_t_test(fits):
    row = fits["did"][DID]
    found = wald_test(fits["did"], [DID])
    assert found["statistic"] == pytest.approx(row.statistic**2, rel=1e-12)
    assert found["p_value"] == pytest.approx(row.p_value, rel=1e-9)


def test_wald_test_refers_to_f(fits):
    """Of an F with 3 and 13 degrees of freedom, 5 % lies above 3.41 (any printed table)."""
    leads = [t for t in fits["event study"].frame.index if "−" in t]
    frame = fits["event study"].frame.assign(estimate=math.sqrt(3.41))
    vcov = pd.DataFrame(np.eye(len(frame)), frame.index, frame.index)
    found = wald_test(replace(fits["event study"], frame=frame, vcov=vcov), leads)
    assert found["statistic"] == pytest.approx(3.41, rel=1e-12)
    assert found["p_value"] == pytest.approx(0.05, abs=5e-4)


# Brute force ----------------------------------------------------------------------------------


def dummies(data: pd.DataFrame, *effects: tuple[str, ...]) -> np.ndarray:
    return np.column_stack(
        [pd.get_dummies(data.groupby(list(e)).ngroup()).to_numpy(float) for e in effects]
    )


@pytest.mark.parametrize("weights", [None, "weight"])
@pytest.mark.parametrize("design", ["did", "ddd"])
def test_absorbing_is_least_squares_on_dummies(data, design, weights):
    effects = [UNIT_EFFECT, YEAR_EFFECT, *([("university", "year")] if design == "ddd" else [])]
    x = data["exposure"] * data["post"] * (data["control_exposure"] if design == "ddd" else 1)
    root = np.sqrt(data["weight"]) if weights else np.ones(len(data))
    matrix = np.column_stack([x, dummies(data, *effects)]) * np.asarray(root)[:, None]
    brute = np.linalg.lstsq(matrix, data["y"] * root, rcond=None)[0][0]
    ours = {"did": did, "ddd": ddd}[design](data, "y", weights=weights)
    assert ours.frame["estimate"].iloc[0] == pytest.approx(brute, rel=1e-10)


def test_interacted_controls_are_their_columns(data):
    by_hand = data.assign(
        **{f"x1_{y}": data["x1"] * (data["year"] == y) for y in range(2012, 2019)}
    )
    columns = [f"x1_{y}" for y in range(2012, 2019)]
    ours = did(data, "y", controls=[("x1", "year")])
    theirs = did(by_hand, "y", controls=columns)
    pd.testing.assert_frame_equal(ours.frame, theirs.frame)


def test_a_row_without_the_interacting_column_is_set_aside(data):
    gap = data.assign(group=data["year"].astype(float).where(data.index != 3))
    ours = did(gap, "y", controls=[("x1", "group")], missing="drop")
    assert (ours.n, sum(ours.set_aside.values())) == (576, 1)


# Planted coefficients -------------------------------------------------------------------------


def planted(data: pd.DataFrame, effect: pd.Series) -> pd.Series:
    """An outcome without noise: unit and discipline × year effects, and `effect`."""
    unit = np.sin(data.groupby(["university", "discipline"]).ngroup())
    return unit + np.cos(data.groupby(["discipline", "year"]).ngroup()) + effect


def test_did_recovers_what_was_planted(data):
    table = data.assign(y=planted(data, 0.7 * data["exposure"] * data["post"]))
    assert did(table, "y")[DID].estimate == pytest.approx(0.7, rel=1e-10)


def test_ddd_recovers_what_was_planted_and_not_the_did_part(data):
    product = data["exposure"] * data["post"]
    table = data.assign(y=planted(data, 5 * product - 0.3 * product * data["control_exposure"]))
    assert ddd(table, "y")[DDD].estimate == pytest.approx(-0.3, rel=1e-9)


def test_event_study_recovers_a_path(data):
    path = {-4: 0.0, -3: 0.1, -2: 0.0, -1: 0.0, 0: 0.2, 1: 0.5, 2: 0.4, 3: -0.1}
    effect = data["exposure"] * data["event_time"].map(path)
    found = event_frame(event_study(data.assign(y=planted(data, effect)), "y"))
    np.testing.assert_allclose(found["estimate"], list(path.values()), atol=1e-10)


def test_poisson_recovers_an_effect_on_the_log_of_the_mean(data):
    mean = np.exp(planted(data, 0.4 * data["exposure"] * data["post"]))
    found = poisson(data.assign(mean=mean), "mean")
    assert found[DID].estimate == pytest.approx(0.4, rel=1e-8)
    assert found.set_aside == {}


# Inference ------------------------------------------------------------------------------------


def test_inference_is_t_with_one_less_than_the_clusters(fits):
    """Of a t with 13 degrees of freedom, 97.5 % lies below 2.1604 (any printed table)."""
    row = fits["did"][DID]
    assert fits["did"].df == 13
    assert fits["did"].convention == CLUSTERED
    assert (row.upper - row.estimate) / row.std_error == pytest.approx(2.1604, abs=5e-5)
    assert (row.estimate - row.lower) / row.std_error == pytest.approx(2.1604, abs=5e-5)
    assert row.statistic == pytest.approx(row.estimate / row.std_error, rel=1e-14)


def test_variance_matrix_belongs_to_the_standard_errors(fits):
    for fit in fits.values():
        assert list(fit.vcov.index) == list(fit.vcov.columns) == list(fit.frame.index)
        np.testing.assert_allclose(np.sqrt(np.diag(fit.vcov)), fit.frame["std_error"], rtol=1e-14)


def test_nothing_depends_on_the_hash_seed():
    """Clustering by a column that is also an effect makes pyfixest's default depend on it.

    OLS agrees in every bit. pyfixest keeps the effects of a formula in a set, and so sweeps them
    out in an order that depends on the seed: PPML agrees to its tolerance, twelve digits.
    """
    program = (
        "import json; from replication.estimate.designs import did, ddd, poisson; "
        "from tests.support.designs_panel import panel; p = panel(); "
        "fits = [did(p, 'y'), ddd(p, 'y'), poisson(p), "
        "poisson(p, effects=('university', 'year'))]; "
        "print(json.dumps([list(f.frame.iloc[0]) for f in fits]))"
    )
    runs = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in ("0", "1", "3")
    ]
    first, *others = [json.loads(run.communicate(timeout=300)[0]) for run in runs]
    for other in others:
        assert other[:2] == first[:2]
        np.testing.assert_allclose(other[2:], first[2:], rtol=1e-11)


CHANGES = {
    "rows in another order": lambda p: p.iloc[np.argsort(np.sin(np.arange(len(p)) * 7.7))],
    "labels that repeat": lambda p: p.set_axis(np.zeros(len(p), int)),
    "text labels": lambda p: p.set_axis(p["university"] + p["discipline"]),
    "several levels of labels": lambda p: p.set_axis(
        pd.MultiIndex.from_frame(p[["university", "discipline", "year"]])
    ),
    "categories, some unused": lambda p: p.astype(
        dict.fromkeys(("discipline", "year"), "category")
    ).assign(university=pd.Categorical(p["university"], [f"U{i:02d}" for i in range(40)])),
    "codes for names": lambda p: p.assign(
        university=pd.factorize(p["university"])[0] * 3 - 7,
        discipline=pd.factorize(p["discipline"])[0],
    ),
    "nullable numbers": lambda p: p.astype(
        {"post": "boolean", "patents_joint": "Int64", "y": "Float64", "event_time": "Int64"}
    ),
    "arrow": lambda p: p.convert_dtypes(dtype_backend="pyarrow"),
    "objects": lambda p: p.astype(
        dict.fromkeys(("y", "patents_joint", "exposure", "year"), object)
    ),
    "columns that nobody asked for": lambda p: p.assign(note=np.nan, empty=None),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", ["did", "did weighted", "ddd", "event study", "ppml did"])
def test_estimates_do_not_depend_on_how_the_table_is_stored(data, fits, name, change):
    before = data.copy()
    ours = MODELS[name][0](CHANGES[change](data))
    pd.testing.assert_frame_equal(ours.frame, fits[name].frame, rtol=1e-9)
    assert (ours.n, ours.clusters, ours.set_aside) == (
        fits[name].n,
        fits[name].clusters,
        fits[name].set_aside,
    )
    pd.testing.assert_frame_equal(data, before)


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
    assert fit.n + sum(fit.set_aside.values()) == len(table)
    assert list(fit.set_aside.values()) == list(expected.values())
    assert next(iter(fit.set_aside)) == "no value of patents_joint"
    if "s" in expected:
        assert fit.set_aside["separated by a fixed effect"] == expected["s"]


def test_rows_without_event_time_are_not_taken_for_the_reference(data):
    table = data.astype({"event_time": float})
    table.loc[[0, 9], "event_time"] = np.nan
    with pytest.raises(errors.MissingValueError, match=r"'event_time'.*2 of 577"):
        event_study(table, "y")
    fit = event_study(table, "y", missing="drop")
    assert fit.set_aside == {"no value of event_time": 2}
    clean = event_study(table.drop(index=[0, 9]), "y")
    pd.testing.assert_frame_equal(fit.frame, clean.frame)


def test_separated_rows_do_not_move_the_estimate(data, fits):
    """Leaving out by hand what a Poisson model cannot use changes nothing but the account."""
    silent = (data["university"] == "U03") & (data["discipline"] == "D2")
    by_hand = poisson(data[~silent])
    pd.testing.assert_frame_equal(by_hand.frame, fits["ppml did"].frame, rtol=1e-9)
    assert by_hand.set_aside == {}
    assert fits["ppml did"].set_aside == {"separated by a fixed effect": 7}


def marked(data: pd.DataFrame) -> pd.DataFrame:
    """With a regressor that is one in a fifth of the rows, and only where the count is zero."""
    zero = (data["patents_joint"] == 0) & (data.index % 5 == 0)
    return data.assign(mark=zero.astype(float), product=data["exposure"] * data["post"])


@pytest.mark.parametrize("effects", [(UNIT_EFFECT, YEAR_EFFECT), ()])
def test_a_regressor_that_separates_has_no_coefficient(data, effects):
    """Left in, its estimate stops near -26 with a t statistic of some hundreds."""
    with pytest.raises(errors.NoVariationError, match="'mark'"):
        poisson(marked(data), treatment=["product", "mark"], effects=effects)


# Event study ----------------------------------------------------------------------------------


def test_event_study_has_every_period_but_the_reference_in_order(data):
    names = [f"exposure × {s}" for s in ("−4", "−3", "−2", "+0", "+1", "+2", "+3")]
    assert list(event_study(data, "y").frame.index) == names
    other = event_study(data, "y", reference=-4)
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
    frame = event_frame(event_study(data, "y"))
    assert list(frame.index) == [-4, -3, -2, -1, 0, 1, 2, 3]
    assert frame.loc[-1, ["estimate", "std_error", "lower", "upper"]].tolist() == [0.0] * 4
    assert frame.loc[-1, ["statistic", "p_value"]].isna().all()


def test_references_differ_by_a_constant(data):
    base, other = (
        event_frame(event_study(data, "y")),
        event_frame(event_study(data, "y", reference=-3), reference=-3),
    )
    shift = base["estimate"] - other["estimate"]
    np.testing.assert_allclose(shift, base.loc[-3, "estimate"], rtol=1e-9)


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
    plain = did(data.assign(h=by_hand(data["patents_joint"].astype(float))), "h")
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
        "no outcome": (lambda p: did(p, "sales"), "'sales'"),
        "no exposure": (lambda p: did(p.drop(columns="exposure"), "y"), "'exposure'"),
        "no third": (lambda p: ddd(p, "y", third="tariff"), "'tariff'"),
        "no event time": (lambda p: event_study(p, "y", event_time="k"), "'k'"),
        "no control": (lambda p: did(p, "y", controls=["size"]), "'size'"),
        "no interacting column": (lambda p: did(p, "y", controls=[("x1", "wave")]), "'wave'"),
        "no effect": (lambda p: did(p, "y", effects=("region",)), "'region'"),
        "no weight": (lambda p: did(p, "y", weights="w"), "'w'"),
        "no cluster": (lambda p: did(p, "y", cluster="city"), "'city'"),
        "no time": (lambda p: did(p, "y", time="month"), "'month'"),
    },
    errors.MissingValueError: {
        "gap in the unit": (
            lambda p: did(without(p, "university"), "y"),
            "key column 'university'",
        ),
        "gap in the time": (lambda p: did(without(p, "year"), "y"), "key column 'year'"),
        "gap in the key, though rows may go": (
            lambda p: did(without(p, "year"), "y", missing="drop"),
            "key column",
        ),
        "gap in the outcome": (lambda p: did(without(p, "y"), "y"), "'y'"),
        "infinite control": (
            lambda p: did(p.assign(x1=np.where(p.index == 4, np.inf, p.x1)), "y", controls=["x1"]),
            "'x1'",
        ),
        "infinite among objects": (
            lambda p: poisson(
                p.assign(patents_joint=p.patents_joint.astype(object).where(p.index != 4, np.inf))
            ),
            "'patents_joint'",
        ),
        "gap in the cluster": (
            lambda p: did(without(p.assign(c=p.university), "c"), "y", cluster="c"),
            "'c'",
        ),
    },
    errors.DuplicateRowsError: {
        "doubled rows": (lambda p: did(doubled(p), "y"), "2 rows share"),
        "doubled rows in a triple difference": (lambda p: ddd(doubled(p), "y"), "2 rows share"),
        "doubled rows in an event study": (lambda p: event_study(doubled(p), "y"), "2 rows share"),
        "doubled rows in a Poisson model": (lambda p: poisson(doubled(p)), "2 rows share"),
    },
    errors.NoVariationError: {
        "nobody treated": (lambda p: did(p.assign(post=0), "y"), "does not vary"),
        "nobody treated, Poisson": (lambda p: poisson(p.assign(post=0)), "does not vary"),
        "no difference across disciplines": (
            lambda p: ddd(p.assign(control_exposure=0.5), "y"),
            "leave no variation",
        ),
        "constant control": (
            lambda p: did(p.assign(x1=2.0), "y", controls=["x1"]),
            "'x1' does not vary",
        ),
        "treatment absorbed": (
            lambda p: did(p, "y", effects=(("university", "year"),)),
            "leave no variation",
        ),
        "treatment absorbed, Poisson": (
            lambda p: poisson(p, effects=(("university", "year"),)),
            "leave no variation",
        ),
        "third of the university": (
            lambda p: ddd(p.assign(control_exposure=p.exposure), "y"),
            "leave no variation",
        ),
        "third of the university, Poisson": (
            lambda p: ddd(p.assign(control_exposure=p.exposure), model="ppml"),
            "leave no variation",
        ),
        "a regressor twice": (lambda p: did(p, "y", treatment=["x1", "x1"]), "named twice"),
        "a regressor and its copy": (
            lambda p: did(p.assign(x3=p.x1), "y", treatment=["x1", "x3"]),
            "collinear",
        ),
        "a regressor and its copy, Poisson": (
            lambda p: poisson(p.assign(x3=p.x1), treatment=["x1", "x3"]),
            "collinear",
        ),
        "no reference period": (lambda p: event_study(p, "y", reference=-9), "reference period -9"),
        "no rows": (lambda p: did(p.iloc[:0], "y"), "no rows"),
        "more effects than rows": (
            lambda p: did(p, "y", effects=(UNIT_EFFECT, ("university", "discipline", "year"))),
            "leave no variation|no degrees of freedom",
        ),
        "all counts zero": (
            lambda p: poisson(p.assign(patents_joint=0)),
            "'patents_joint' does not vary",
        ),
    },
    errors.TooFewClustersError: {
        "one cluster": (lambda p: did(p.assign(city="A"), "y", cluster="city"), "has 1 value"),
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
        "log of a negative": (lambda p: did(p, "y", scale="log1p"), "log1p"),
    },
    errors.SchemaError: {
        "half a period": (
            lambda p: event_study(p.assign(event_time=p.event_time + 0.5), "y"),
            "whole numbers",
        ),
        "words for numbers": (
            lambda p: did(p.assign(exposure="high"), "y"),
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
    fit = did(twice, "y", unit=None)
    assert fit.n == 2 * facts.ROWS
    assert fit[DID].estimate == pytest.approx(did(data, "y")[DID].estimate, rel=1e-10)


def test_saturated_model_has_no_variance(data):
    """Two clusters, each regressor and effect taking up a row: no degrees of freedom."""
    two = data[data["university"].isin(["U01", "U02"]) & (data["discipline"] == "D1")]
    assert len(two) > 0
    with pytest.raises(errors.NoVariationError):
        did(two, "y", effects=("university", "year"), controls=["x1", "x2", "exposure"])
