"""The decomposition against dummies, numerical derivatives, pyfixest and planted shares."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pyfixest as pf
import pytest
from scipy.linalg import lstsq

from replication.errors import (
    MissingColumnError,
    MissingValueError,
    NegativeCountError,
    NoVariationError,
)
from replication.estimate.design import DDD_EFFECTS, STUDY
from replication.estimate.mediation.decomposition import (
    ALL,
    event_studies,
    gelbach,
    joint,
    responses,
    sobel,
    sobel_studies,
    sobel_table,
    three_steps,
)
from replication.estimate.mediation.partial_out import mediation_columns
from replication.estimate.verbs import did
from replication.montecarlo.mediation import accounted
from replication.montecarlo.truth import realised_panel
from replication.records.exposure import standardise
from replication.records.variables import MEDIATORS
from replication.simulate.process import Process
from replication.simulate.study import Study
from tests.support import designs_panel
from tests.support.simulated import study

STEP = 1e-4


def small() -> pd.DataFrame:
    """A panel with holes and three mediators in closed form."""
    panel = designs_panel.panel()
    dose = panel["exposure"] * panel["post"]
    means = {
        "hires_overseas": 1 + 0.4 * panel["x1"] + 0.5 * dose,
        "papers_foreign": 1.5 + 0.5 * panel["x2"] + 0.3 * dose,
        "patents_overseas": 0.5 + 0.3 * panel["x1"] * panel["x2"] + 0.4 * dose,
    }
    return panel.assign(**{m: np.floor(np.exp(v)).astype(int) for m, v in means.items()})


def dummies(panel: pd.DataFrame) -> np.ndarray:
    cells = panel.groupby(["university", "discipline"]).ngroup()
    years = panel.groupby(["discipline", "year"]).ngroup()
    return np.column_stack([pd.get_dummies(cells), pd.get_dummies(years)]).astype(float)


def by_dummies(panel: pd.DataFrame, weights: np.ndarray) -> pd.Series:
    """Base, full, π, ψ by weighted least squares on every dummy."""
    root = np.sqrt(weights)[:, None]
    columns = np.column_stack(
        [
            np.log1p(panel["patents_joint"]),
            panel["exposure"] * panel["post"],
            np.log1p(panel[list(MEDIATORS)]),
        ]
    )
    z = dummies(panel) * root
    fitted = z @ lstsq(z, columns * root, cond=1e-9, lapack_driver="gelsy")[0]
    y, d, *m = (columns * root - fitted).T
    full = np.linalg.lstsq(np.column_stack([d, *m]), y, rcond=None)[0]
    found = {"base": d @ y / (d @ d), "full": full[0]}
    found |= {f"π {name}": d @ values / (d @ d) for name, values in zip(MEDIATORS, m, strict=True)}
    found |= {f"ψ {name}": gamma for name, gamma in zip(MEDIATORS, full[1:], strict=True)}
    return pd.Series(found)


def derived(b: pd.Series) -> np.ndarray:
    """Products, their sum and shares of the base."""
    delta = np.array([b[f"π {m}"] * b[f"ψ {m}"] for m in MEDIATORS])
    return np.array([*delta, delta.sum(), *delta / b["base"]])


@pytest.fixture(scope="module")
def nearby(panel) -> list[tuple[pd.Series, pd.Series]]:
    """Coefficients with a little more and a little less weight on each university."""
    names = sorted(panel["university"].unique())
    inside = [(panel["university"] == name).to_numpy() for name in names]
    return [(by_dummies(panel, 1 + STEP * i), by_dummies(panel, 1 - STEP * i)) for i in inside]


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    return small()


@pytest.fixture(scope="module")
def default() -> pd.DataFrame:
    return realised_panel(study())


class TestDecomposition:
    def test_coefficients_are_those_of_regressions_on_dummies(self, panel):
        found = gelbach(panel).coefficients.frame["estimate"]
        for name, value in by_dummies(panel, np.ones(len(panel))).items():
            assert found[name] == pytest.approx(value, abs=1e-10), name

    @pytest.mark.parametrize("controls", [(), ("x1",), (("x2", "year"),)])
    def test_identity(self, panel, controls):
        d = gelbach(panel, controls=controls)
        parts = d.parts.frame["estimate"]
        difference = parts["total"] - parts["unaccounted"]
        assert difference == pytest.approx(parts[list(MEDIATORS)].sum(), abs=1e-12)
        assert difference == pytest.approx(parts[ALL], abs=1e-12)
        short = did(panel, scale="log1p", controls=controls)["exposure × post"]
        assert parts["total"] == pytest.approx(short.estimate, abs=1e-10)

    def test_standard_errors_are_those_of_each_regression(self, panel):
        d = gelbach(panel).coefficients.frame["std_error"]
        dose = panel["exposure"] * panel["post"]
        logs = {f"log {m}": np.log1p(panel[m]) for m in MEDIATORS}
        design = STUDY.but(scale="log1p", variance="CR1")
        full = did(panel.assign(dose=dose, **logs), design, treatment=["dose", *logs]).frame[
            "std_error"
        ]
        assert d["base"] == pytest.approx(did(panel, design)["exposure × post"].std_error, rel=1e-8)
        assert d["full"] == pytest.approx(full["dose"], rel=1e-8)
        for m in MEDIATORS:
            alone = did(panel, design, outcome=m)["exposure × post"]
            assert d[f"π {m}"] == pytest.approx(alone.std_error, rel=1e-8)
            assert d[f"ψ {m}"] == pytest.approx(full[f"log {m}"], rel=1e-8)

    def test_influence_functions_are_derivatives(self, panel, nearby):
        """More weight for one university, a refit on dummies: the slope is its influence."""
        columns = mediation_columns(panel, MEDIATORS, STUDY)
        _, influence = joint(columns.within, columns.group, (1.0, 1.0))
        order = gelbach(panel).coefficients.frame.index
        slopes = [(up[order] - down[order]) / (2 * STEP) for up, down in nearby]
        np.testing.assert_allclose(influence, slopes, rtol=1e-5, atol=1e-8)

    def test_variance_of_products_and_shares(self, panel, nearby):
        """The same derivatives of Δ and of its share; the two CR1 factors differ by under 1 %."""
        slopes = [(derived(up) - derived(down)) / (2 * STEP) for up, down in nearby]
        plain = np.sqrt((np.array(slopes) ** 2).sum(axis=0))
        d = gelbach(panel)
        found = [
            *d.parts.frame.loc[[*MEDIATORS, ALL], "std_error"],
            *d.shares.frame.loc[list(MEDIATORS), "std_error"],
        ]
        n, g, k = designs_panel.ROWS, designs_panel.UNIVERSITIES, designs_panel.DISCIPLINE_YEARS
        # One regressor, the discipline × year effects, and the cells for one.
        factor = g / (g - 1) * (n - 1) / (n - k - 1)
        np.testing.assert_allclose(found, plain * np.sqrt(factor), rtol=0.01)

    @pytest.mark.filterwarnings("ignore:(?s).*multicollinearity:UserWarning")
    def test_agrees_with_pyfixest(self, panel):
        frame = pd.DataFrame(
            {
                "y": np.log1p(panel["patents_joint"]),
                "d": panel["exposure"] * panel["post"],
                **{f"m{i}": np.log1p(panel[m]) for i, m in enumerate(MEDIATORS)},
                "cell": panel.groupby(["university", "discipline"]).ngroup(),
                "field_year": panel.groupby(["discipline", "year"]).ngroup(),
            }
        )
        full = pf.feols("y ~ d + m0 + m1 + m2 + C(cell) + C(field_year)", frame, collin_tol=1e-8)
        # Left to itself it takes the dummies for mediators.
        held = [name for name in full._coefnames if name.startswith("C(")]
        theirs = full.decompose(decomp_var="d", x1_vars=held, only_coef=True, digits=12)
        effects = theirs.tidy()
        levels = effects.loc[effects["panels"] == "Levels (units)", "coefficients"]
        ours = gelbach(panel).parts.frame["estimate"]
        names = {"total": "direct_effect", "unaccounted": "full_effect", ALL: "explained_effect"}
        names |= {m: f"m{i}" for i, m in enumerate(MEDIATORS)}
        for name, other in names.items():
            # It solves sparse systems by iteration.
            assert ours[name] == pytest.approx(levels[other], abs=1e-6), name

    def test_standard_errors_are_those_of_a_bootstrap_of_universities(self, default):
        from replication.estimate.mediation.direct_effect import sequential_g

        drawn = sequential_g(default, draws=600, seed=3).estimate.frame["std_error"]
        delta = gelbach(default).parts.frame["std_error"]
        # 600 draws know a standard error to 3 %; the rest is small-sample difference.
        assert delta[ALL] == pytest.approx(drawn["eliminated"], rel=0.12)
        assert delta["total"] == pytest.approx(drawn["total"], rel=0.12)

    def test_uses_any_effects(self, default):
        d = gelbach(default, effects=["university", "year"])
        design = STUDY.but(scale="log1p", effects=["university", "year"], variance="CR1")
        short = did(default, design)["exposure × post"]
        assert d.parts["total"].estimate == pytest.approx(short.estimate, abs=1e-9)
        assert d.parts["total"].std_error == pytest.approx(short.std_error, rel=1e-7)


def one_index(process: Process) -> Study:
    """Study in which exposure is all that the effect depends on."""
    s = study(process)
    return replace(s, exposure=standardise(s.forms @ process.effects))


class TestPlantedShares:
    """Where nothing is in the way, the decomposition finds what was planted; else it does not."""

    alike = Process().without_heterogeneity()

    def check(self, table: pd.DataFrame, column: str) -> None:
        assert list(table["planted"]) == pytest.approx([0.25, 0.25, 0.2, 0.7])
        distance = (table[column] - table["planted"]).abs() / table[f"{column}_error"]
        assert (table[f"{column}_error"] < 0.02).all()
        assert (distance < 3.5).all(), table

    def test_are_found_in_intensities(self):
        self.check(accounted(one_index(self.alike), draws=60), "intensity")

    def test_are_found_in_counts_that_are_large_and_not_dispersed(self):
        s = one_index(replace(self.alike, dispersion=1e8))
        s = replace(s, level=s.level + 9, mediator_level=s.mediator_level + 9)
        self.check(accounted(s, draws=60), "counts")

    def test_are_understated_in_the_counts_of_the_study(self):
        found = accounted(study(), draws=15).loc[ALL]
        assert found["counts"] < 0.25 < 0.7 == found["planted"]

    def test_are_overstated_where_effects_differ(self):
        found = accounted(study(), draws=15).loc[ALL]
        assert found["intensity"] - found["planted"] > 5 * found["intensity_error"]


class TestThreeSteps:
    def test_are_the_decomposition_of_one_mediator(self, panel):
        for m in MEDIATORS:
            steps = three_steps(panel, m, variance="CR1")
            d = gelbach(panel, [m]).coefficients.frame
            for (step, term), name in {
                ("(1)", 0): "base",
                ("(2)", 0): f"π {m}",
                ("(3)", 0): "full",
                ("(3)", 1): f"ψ {m}",
            }.items():
                row = steps[step].frame.iloc[term]
                for column in ("estimate", "std_error", "p_value", "lower"):
                    assert d.loc[name, column] == pytest.approx(row[column], rel=1e-7), (m, name)

    def test_product(self, panel):
        steps = three_steps(panel, "papers_foreign")
        a, b = steps["(2)"].frame.iloc[0], steps["(3)"].frame.iloc[1]
        found = sobel(steps)
        assert found["product"] == pytest.approx(a.estimate * b.estimate)
        variance = a.estimate**2 * b.std_error**2 + b.estimate**2 * a.std_error**2
        assert found["statistic"] == pytest.approx(found["product"] / variance**0.5)
        # The identity for one mediator: the product is what the coefficient falls by.
        fall = steps["(1)"].frame.iloc[0].estimate - steps["(3)"].frame.iloc[0].estimate
        assert found["product"] == pytest.approx(fall, abs=1e-10)
        assert found["share"] == pytest.approx(fall / steps["(1)"].frame.iloc[0].estimate)

    def test_of_several_mediators_side_by_side(self, panel):
        steps = {m: three_steps(panel, m) for m in MEDIATORS[:2]}
        table = sobel_table(steps)
        assert list(table.index) == list(MEDIATORS[:2])
        fall = gelbach(panel, [MEDIATORS[1]]).parts.frame.loc[MEDIATORS[1], "estimate"]
        assert table.loc[MEDIATORS[1], "product"] == pytest.approx(fall)
        assert table.loc[MEDIATORS[1], "a"] * table.loc[MEDIATORS[1], "b"] == pytest.approx(fall)

    def test_of_several_studies_with_what_is_planted_in_each(self, panel, default):
        first = {m: three_steps(panel, m) for m in MEDIATORS[:2]}
        second = {m: three_steps(default, m) for m in MEDIATORS[:2]}
        shares = pd.Series([0.25, 0.2], index=["C3", "C5"])
        table = sobel_studies({"one": (first, shares), "two": (second, 0.0)})
        assert list(table.index) == ["one", "one", "two", "two"]
        assert list(table["mediator"]) == [*MEDIATORS[:2]] * 2
        assert list(table["planted"]) == [0.25, 0.2, 0.0, 0.0]
        alone = sobel(second[MEDIATORS[1]])
        assert table["p_value"].iloc[3] == pytest.approx(alone["p_value"])


class TestResponses:
    def test_are_the_design_with_another_outcome(self, default):
        for m, estimate in responses(default, model="ppml").items():
            pd.testing.assert_frame_equal(
                estimate.frame, did(default, outcome=m, model="ppml").frame
            )

    def test_event_study_averages_to_the_response(self, default):
        """Least squares on all years: the mean lag less the mean lead is near the DID."""
        b = event_studies(default, "papers_foreign")["OLS, log(1 + m)"].frame["estimate"].to_numpy()
        response = responses(default, scale="log1p")["papers_foreign"]["exposure × post"].estimate
        assert b[-5:].mean() - np.append(b[:-5], 0.0).mean() == pytest.approx(response, abs=1e-9)


VERBS = {
    "responses": lambda p: responses(p, MEDIATORS),
    "gelbach": gelbach,
    "three_steps": lambda p: three_steps(p, "papers_foreign"),
    "event_studies": lambda p: event_studies(p, "papers_foreign"),
}


class TestBadInput:
    @pytest.mark.parametrize("verb", VERBS)
    def test_missing_mediator(self, panel, verb):
        with pytest.raises(MissingColumnError, match=r"'papers_foreign' is needed for.* mediator"):
            VERBS[verb](panel.drop(columns="papers_foreign"))

    def test_responses_are_those_of_the_mediators_that_are_there(self, panel):
        found = responses(panel.drop(columns="papers_foreign"))
        assert list(found) == ["hires_overseas", "patents_overseas"]
        with pytest.raises(MissingColumnError, match="'papers_foreign' is needed"):
            responses(panel.drop(columns="papers_foreign"), ["papers_foreign"])
        with pytest.raises(MissingColumnError, match="'hires_overseas', 'papers_foreign'"):
            responses(panel.drop(columns=list(MEDIATORS)))

    @pytest.mark.parametrize("column", ["exposure", "post", "patents_joint", "university"])
    def test_other_missing_column(self, panel, column):
        with pytest.raises(MissingColumnError, match=f"'{column}'"):
            gelbach(panel.drop(columns=column))

    def test_gaps(self, panel):
        broken = panel.assign(hires_overseas=panel["hires_overseas"].astype(float))
        broken.loc[7, "hires_overseas"] = np.nan
        with pytest.raises(MissingValueError, match="hires_overseas"):
            gelbach(broken)
        assert gelbach(broken, missing="drop").parts.n == len(panel) - 1

    @pytest.mark.parametrize("column", ["patents_joint", "hires_overseas"])
    def test_negative_count(self, panel, column):
        broken = panel.copy()
        broken.loc[3, column] = -9
        with pytest.raises(NegativeCountError, match=column):
            gelbach(broken)
        with pytest.raises(NegativeCountError, match=column):
            three_steps(broken, "hires_overseas")

    def test_mediator_that_is_another(self, panel):
        twin = panel.assign(papers_foreign=panel["hires_overseas"])
        with pytest.raises(NoVariationError, match="collinear"):
            gelbach(twin)

    def test_mediator_that_does_not_vary_within_effects(self, panel):
        fixed = panel.assign(papers_foreign=panel.groupby(["university", "discipline"]).ngroup())
        with pytest.raises(NoVariationError, match="papers_foreign"):
            gelbach(fixed)

    def test_exposure_absorbed(self, panel):
        with pytest.raises(NoVariationError, match="exposure × post"):
            gelbach(panel, effects=DDD_EFFECTS)
