"""Rank of effects against dense linear algebra and known counts; separation against its authors."""

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from replication.config import ROOT
from replication.errors import NoVariationError, ReplicationError
from replication.estimate.convention import correction, parameters
from replication.estimate.design import STUDY, TRIPLE, Design
from replication.estimate.effects import separated, span
from replication.estimate.many.poisson import poisson_fits
from replication.estimate.sample import sample, without_separated
from replication.estimate.verbs import did, poisson
from tests.support.designs_models import UNIT_EFFECT, YEAR_EFFECT, Y
from tests.support.designs_panel import panel


def codes(data: pd.DataFrame, *columns: str) -> np.ndarray:
    return data.groupby(list(columns)).ngroup().to_numpy()


def dummies(*effects: np.ndarray) -> np.ndarray:
    return np.column_stack([np.eye(int(e.max()) + 1)[e] for e in effects])


# Rank -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_rank_is_that_of_the_dummies(seed: int) -> None:
    """Few rows for many levels: the levels fall apart into groups, and some effects are saturated.

    Four effects; the first two share a factor, so that some levels are redundant, too.
    """
    rng = np.random.default_rng(seed)
    n = int(rng.integers(20, 90))
    a, b, c, d = (np.unique(rng.integers(0, k, n), return_inverse=True)[1] for k in (9, 6, 5, 3))
    effects = [np.unique(a * 10 + d, return_inverse=True)[1], b, c, d]
    for some in (effects[:1], effects[:2], effects[:3], effects, effects[::-1]):
        found = span(some)
        assert sum(found.added) == found.basis.shape[1] == np.linalg.matrix_rank(dummies(*some))
    x = rng.normal(size=(n, 2))
    matrix = dummies(*effects)
    left = x - matrix @ np.linalg.lstsq(matrix, x, rcond=None)[0]
    np.testing.assert_allclose(span(effects).residual(x), left, atol=1e-10)


def test_rank_does_not_depend_on_the_numbers_of_the_levels() -> None:
    e = [np.array([7, 7, 3, 3]), np.array([0, 9, 0, 9])]
    assert span(e).added == (2, 1)


def test_two_unnested_effects_are_counted_as_by_reghdfe() -> None:
    """Levels less groups that share none, plus the regressors (its option dofadjustments).

    Workers 0–2 in firms 0–1, workers 3–4 in firms 2–4: 5 + 5 levels in two such groups.
    """
    worker = np.array([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 4, 3])
    firm = np.array([0, 1, 0, 1, 1, 0, 2, 3, 3, 4, 2, 4])
    cluster = [np.arange(12) % 3]
    assert parameters(1, [worker, firm], cluster) == 1 + 5 + 5 - 2
    assert parameters(1, [worker], cluster) == 1 + 5
    # A first effect that is nested leaves the second its levels less the constant, plus that.
    groups = [np.array([0] * 6 + [1] * 6)]
    time = np.arange(12) % 2
    assert parameters(1, [worker, time], groups) == 1 + 1 + (2 - 1)


def test_parameters_of_the_study_s_designs_are_known() -> None:
    """36 disciplines of 12 years beside cells; a year in each discipline, and of each is lost."""
    cells = np.indices((56, 36, 12)).reshape(3, -1)
    u, d, t = cells[:, (cells[0] + cells[1]) % 3 > 0]
    unit, uy, dy = u * 36 + d, u * 12 + t, d * 12 + t
    assert parameters(1, [unit, dy], [u]) == 1 + 1 + 36 * 11
    assert parameters(1, [unit, uy, dy], [u]) == 1 + 1 + 35 * 11


def test_one_model_written_in_two_ways_has_one_standard_error(data: pd.DataFrame) -> None:
    """Year effects are redundant beside discipline × year; so are units beside themselves."""
    plain = did(data, Y)
    for effects in (
        (UNIT_EFFECT, YEAR_EFFECT, "year"),
        ("year", "discipline", YEAR_EFFECT, UNIT_EFFECT),
        (UNIT_EFFECT, "university", YEAR_EFFECT),
    ):
        other = did(data, Y, effects=effects)
        np.testing.assert_allclose(other.frame, plain.frame, rtol=1e-9)
    dummies = {f"y{y}": (data["year"] == y).astype(float) for y in range(2012, 2019)}
    named = did(data.assign(**dummies), Y, effects=[UNIT_EFFECT], controls=list(dummies))
    absorbed = did(data, Y, effects=[UNIT_EFFECT, "year"])
    np.testing.assert_allclose(named.frame, absorbed.frame, rtol=1e-9)


def test_rank_is_fast_on_a_panel_of_the_study_s_size() -> None:
    """12,096 rows; 1,008 cells and 672 university × years in 56 clusters, 504 levels across."""
    u, d, t = np.indices((56, 18, 12)).reshape(3, -1)
    spread = (d + 7 * u) % 42
    effects = [u * 18 + d, u * 12 + t, np.unique(spread * 12 + t, return_inverse=True)[1]]
    assert [int(e.max()) + 1 for e in effects] == [1008, 672, 504]
    assert parameters(1, effects, [u]) == 1 + 1 + 41 * 11
    taken = []
    for _ in range(5):
        start = time.perf_counter()
        parameters(1, effects, [u])
        taken.append(time.perf_counter() - start)
    # Some 30 ms; the bound is for a machine that does other things, too.
    assert min(taken) < 0.5


@pytest.mark.parametrize("design", [STUDY, TRIPLE, STUDY.but(effects=["discipline", "year"])])
@pytest.mark.parametrize("mean", [1.0, 0.6])
def test_many_poisson_fits_count_what_each_counts_alone(design: Design, mean: float) -> None:
    """Counts so rare that every outcome loses other rows, and most lose levels of the effects."""
    table = panel()
    y = np.random.default_rng(3).poisson(mean, (len(table), 20))
    factors = poisson_fits(sample(table, design), y).factor
    for count, factor in zip(y.T, factors, strict=True):
        alone = without_separated(sample(table.assign(patents_joint=count), design))
        assert factor == pytest.approx(correction(alone, 1)[0], rel=1e-12)
    if mean < 1 and design in (STUDY, TRIPLE):
        assert len(np.unique(factors)) > 1


# Separation -------------------------------------------------------------------------------------

PUBLISHED = sorted((ROOT / "tests" / "oracles" / "separation").glob("*.csv"))


def columns(table: pd.DataFrame, start: str) -> list[str]:
    return [c for c in table if c.startswith(start)]


def test_all_published_data_sets_are_there() -> None:
    assert len(PUBLISHED) == 18


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.stem)
def test_separated_rows_are_the_published_ones(path: Path) -> None:
    table = pd.read_csv(path)
    x = table[columns(table, "x")].to_numpy(float)
    found = separated(table["y"].to_numpy(), x, [table[c].to_numpy() for c in columns(table, "id")])
    assert found.tolist() == table["separated"].astype(bool).tolist()


# With a regressor of their own nothing is left of it, or of what it leaves.
REFUSED = {"02": "no variation of 'x'", "03": "no degrees of freedom are left"}


@pytest.mark.filterwarnings("ignore:The design matrix is rank-deficient")
@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.stem)
def test_poisson_is_the_likelihood_s_maximum_on_the_rows_that_are_left(path: Path) -> None:
    """Against statsmodels on those rows; sets without a regressor get a sine of the row's number.

    The first regressor is of interest, the others controls that may go.
    """
    table = pd.read_csv(path)
    names, effects = columns(table, "x"), columns(table, "id")
    table["row"] = np.arange(len(table))
    if not names:
        table["x"], names = np.sin(table["row"] * 2.1), ["x"]
    codes = [table[c].to_numpy() for c in effects]
    expected = separated(table["y"].to_numpy(), table[names].to_numpy(float), codes)
    design = Design(
        outcome="y", treatment=names[:1], controls=names[1:], unit=None, effects=effects,
        cluster="row", model="ppml", collinear="drop", variance="CR1",
    )  # fmt: skip
    if path.stem in REFUSED:
        with pytest.raises(ReplicationError, match=REFUSED[path.stem]):
            did(table, design)
        return
    fit = did(table, design)
    assert sorted(fit.sample.rows.index) == table.index[~expected].tolist()
    assert fit.n + sum(fit.dropped.values()) == len(table)
    left = table[~expected]
    x = left[[c for c in names if c not in fit.dropped_controls]]
    for effect in effects:
        x = x.join(pd.get_dummies(left[effect], prefix=effect, dtype=float))
    theirs = sm.GLM(left["y"], sm.add_constant(x), sm.families.Poisson()).fit(tol=1e-12)
    assert fit.frame["estimate"].iloc[0] == pytest.approx(theirs.params[names[0]], abs=1e-6)
    if set(names[1:]) - set(fit.dropped_controls) != set(names[1:]):
        with pytest.raises(NoVariationError, match="is collinear with"):
            did(table, design.but(collinear="raise"))


def test_a_regressor_of_very_small_size_is_no_collinear_one(data: pd.DataFrame) -> None:
    small = poisson(data.assign(exposure=data["exposure"] * 1e-9))
    np.testing.assert_allclose(
        small.frame["statistic"], poisson(data).frame["statistic"], rtol=1e-8
    )
