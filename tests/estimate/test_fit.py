"""Estimates and standard errors against R, other libraries and brute force.

R's numbers are those of tests/oracles/r_numbers.csv, which tests/oracles/validation.R wrote from
the table of tests/support/designs_panel.py.
"""

import json
import math
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from replication.config import ROOT
from replication.estimate.convention import CLASSICAL, CLUSTERED
from replication.estimate.verbs import (
    ddd,
    did,
    event_study,
    poisson,
)
from tests.support import designs_panel as facts
from tests.support.designs_models import (
    DID,
    MODELS,
    UNIT_EFFECT,
    Y_CR1,
    YEAR_EFFECT,
    G,
    Y,
    counted,
    tolerance,
)

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


def test_classical_variance_is_r_s_lm(data, r):
    ours = did(data, Y, effects=(), controls=["exposure", "post"], cluster=None)
    theirs = r.loc[("did pooled", "classical", DID)]
    assert ours[DID].std_error == pytest.approx(theirs["std_error"], rel=1e-10)
    assert ours.df == theirs["df"] == facts.ROWS - 4
    assert ours.convention == CLASSICAL
    assert ours.clusters == 0


def test_classical_variance_of_effects_that_overlap_is_r_s_lm(data, r):
    """Unit and discipline × year effects share the disciplines: six columns are redundant."""
    ours = did(data, Y, cluster=None)
    theirs = r.loc[("did", "classical", DID)]
    assert ours.df == theirs["df"] == 577 - 1 - 76 - 48 + 6
    assert ours[DID].std_error == pytest.approx(theirs["std_error"], rel=1e-10)


def test_a_poisson_model_without_clusters_has_the_inverse_information(data, r):
    ours = poisson(data, cluster=None)
    theirs = r.loc[("ppml did", "classical", DID)]
    assert ours[DID].std_error == pytest.approx(theirs["std_error"], rel=1e-6)
    assert ours.df == theirs["df"]


# Other Python libraries -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "formula", "weights"),
    [
        ("did", "y ~ z | unit + dy", None),
        ("did weighted", "y ~ z | unit + dy", "weight"),
        ("did controls", "y ~ z + x1 + x2 | unit + dy", None),
        ("ddd", "y ~ zz | unit + uy + dy", None),
        ("nothing redundant", "y ~ z | unit + year", None),
    ],
)
def test_standard_errors_are_pyfixest_s_to_twelve_digits(data, fits, name, formula, weights):
    """But for the redundant levels, which pyfixest counts: all 48 discipline × years."""
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
    models = {**fits, "nothing redundant": did(data, Y_CR1, effects=[UNIT_EFFECT, "year"])}
    ours, ratio = models[name].frame.iloc[0], 1.0
    if name != "nothing redundant":
        _, n, k = MODELS[name]
        levels = theirs.coef().size + facts.DISCIPLINE_YEARS
        ratio = math.sqrt(counted(n, k) / counted(n, levels))
    assert ours["estimate"] == pytest.approx(theirs.coef()[term], rel=1e-12)
    assert ours["std_error"] == pytest.approx(theirs.se()[term] * ratio, rel=1e-12)
    t = theirs.coef()[term] / (theirs.se()[term] * ratio)
    assert ours["p_value"] == pytest.approx(2 * stats.t.sf(abs(t), G - 1), rel=1e-9)


def test_nothing_nested_is_the_full_correction_of_linearmodels_and_statsmodels(data):
    """Discipline and year effects lie across universities: every level counts."""
    import statsmodels.api as sm
    from linearmodels.iv.absorbing import AbsorbingLS

    ours = did(data, Y_CR1, effects=("discipline", "year"), controls=["exposure"])
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
    ours = {"did": did, "ddd": ddd}[design](data, Y, weights=weights)
    assert ours.frame["estimate"].iloc[0] == pytest.approx(brute, rel=1e-10)


def test_interacted_controls_are_their_columns(data):
    by_hand = data.assign(
        **{f"x1_{y}": data["x1"] * (data["year"] == y) for y in range(2012, 2019)}
    )
    columns = [f"x1_{y}" for y in range(2012, 2019)]
    ours = did(data, Y, controls=[("x1", "year")])
    theirs = did(by_hand, Y, controls=columns)
    pd.testing.assert_frame_equal(ours.frame, theirs.frame)


def test_a_row_without_the_interacting_column_is_dropped(data):
    gap = data.assign(group=data["year"].astype(float).where(data.index != 3))
    ours = did(gap, Y, controls=[("x1", "group")], missing="drop")
    assert (ours.n, sum(ours.dropped.values())) == (576, 1)


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
        "import json; from replication.estimate.verbs import did, ddd, poisson; "
        "from tests.support.designs_panel import panel; p = panel(); "
        "fits = [did(p, outcome='y'), ddd(p, outcome='y'), poisson(p), "
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


@pytest.mark.parametrize("variance", ["CR2", "CR3"])
@pytest.mark.parametrize("verb", [event_study, ddd])
def test_variances_by_cluster_do_not_depend_on_the_order_of_rows(data, verb, variance):
    """Nor on the names of the index; the order of rows decides that of blocks and effects."""
    shuffled = CHANGES["rows in another order"](data)
    ours = verb(shuffled, Y, variance=variance)
    assert ours.sample.rows.index[0] != 0
    theirs = verb(data, Y, variance=variance)
    pd.testing.assert_frame_equal(ours.frame, theirs.frame, rtol=1e-9)
    pd.testing.assert_frame_equal(ours.vcov, theirs.vcov, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", ["did", "did weighted", "ddd", "event study", "ppml did"])
def test_estimates_do_not_depend_on_how_the_table_is_stored(data, fits, name, change):
    before = data.copy()
    ours = MODELS[name][0](CHANGES[change](data))
    pd.testing.assert_frame_equal(ours.frame, fits[name].frame, rtol=1e-9)
    assert (ours.n, ours.clusters, ours.dropped) == (
        fits[name].n,
        fits[name].clusters,
        fits[name].dropped,
    )
    pd.testing.assert_frame_equal(data, before)
