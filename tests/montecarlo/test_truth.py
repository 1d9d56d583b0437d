"""The truth against closed forms, other solvers, and the average of many estimates."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from replication.config import DATA
from replication.estimate.contrasts import AI, estimand, stacked
from replication.estimate.verbs import did
from replication.montecarlo.truth import EXPECTED, expected_panel, realised_panel, truth
from replication.simulate.process import Process
from replication.simulate.study import Study, draw_counts, redraw
from tests.support.simulated import (
    SMALL,
    built,
    by_period,
    double,
    expected,
    frame,
    near,
    study,
    triple,
)

CLAIMS = [f"C{i}" for i in range(1, 10)]


@cache
def small() -> pd.DataFrame:
    return truth(study(SMALL), draws=20)


def planted(s: Study, effect: np.ndarray, groups: tuple[float, float] = (1.0, 1.0)) -> Study:
    """Study with another effect after treatment, one value a cell; the mediators respond to it."""
    post = s.process.years >= s.process.first_treated
    by_year = np.outer(effect, post)
    return replace(
        s,
        effect=by_year[:, :, None] * np.array(groups),
        mediator_effect=by_year[:, :, None] * np.array([1.5, 1.2, 1.5]),
    )


def fitted(panel: pd.DataFrame, claim: str, model: str) -> float:
    # A fit without noise has no variance to take the root of.
    with np.errstate(invalid="ignore"):
        return float(estimand(claim, panel, EXPECTED, model=model).estimate)


def value(s: Study, claim: str) -> float:
    return fitted(expected_panel(s), claim, "ppml")


class TestClosedForms:
    """Where the effect is exactly what a design assumes, its truth is the planted number."""

    def test_same_effect_everywhere(self):
        s = study(SMALL)
        found = truth(planted(s, 0.2 * s.exposure[s.university]))["value"]
        exact = {"C1": 0.2, "C2": 0.0, "C3": 0.3, "C4": 0.24, "C5": 0.3, "C6": 0.0, "C7": 0.0}
        exact["AI"] = 0.0
        for claim, number in exact.items():
            assert found[claim, "mean"] == pytest.approx(number, abs=1e-7), claim
        assert found["C1", "log mean"] == pytest.approx(0.2, abs=1e-7)
        assert found["C2", "log mean"] == pytest.approx(0.0, abs=1e-7)
        periods = [f"C1 −{p}" for p in range(7, 1, -1)] + [f"C1 +{p}" for p in range(5)]
        by_time = found.xs("mean", level="target")[periods]
        np.testing.assert_allclose(by_time, [0.0] * 6 + [0.2] * 5, atol=1e-7)

    def test_effect_that_control_exposure_scales(self):
        """Whatever the university does to all its disciplines alike, the third difference omits."""
        s = study(SMALL)
        control = s.control_exposure[s.discipline]
        alike = np.random.default_rng(1).normal(size=len(s.exposure))[s.university]
        s = planted(s, 0.3 * s.exposure[s.university] * control + alike)
        assert value(s, "C2") == pytest.approx(0.3, abs=1e-7)

    def test_effect_on_key_core_technology(self):
        s = study(SMALL)
        s = planted(s, 0.1 * s.exposure[s.university], groups=(1.5, 0.5))
        assert value(s, "C6") == pytest.approx(0.1, abs=1e-7)

    def test_effect_in_advantaged_disciplines(self):
        s = study(SMALL)
        s = planted(s, s.exposure[s.university] * (0.1 + 0.15 * s.advantaged))
        assert value(s, "C7") == pytest.approx(0.15, abs=1e-7)

    @pytest.mark.parametrize(("claim", "columns"), [("C8", [2, 3]), ("C9", [0, 1])])
    def test_effects_of_two_forms_side_by_side(self, claim, columns):
        s = study(SMALL)
        s = planted(s, (s.forms[:, columns] @ [0.15, 0.02])[s.university])
        assert value(s, claim) == pytest.approx(0.13, abs=1e-7)

    def test_no_effect_no_truth(self):
        found = truth(study(SMALL.without_effect())).drop("share", level="target")
        assert found["value"].abs().max() < 1e-7

    def test_mediators_in_logs_respond_by_their_factor(self):
        """With one effect for all cells, each mediator's projection is its response times C1's."""
        panel = expected_panel(study(Process().without_heterogeneity()))
        c1 = fitted(panel.assign(patents_joint=panel["log_effect"]), "C1", "ols")
        for claim, name, response in [
            ("C3", "hires_overseas", 1.5),
            ("C4", "papers_foreign", 1.2),
            ("C5", "patents_overseas", 1.5),
        ]:
            logs = panel.assign(**{name: np.log(panel[name])})
            assert fitted(logs, claim, "ols") == pytest.approx(response * c1, rel=1e-7)
            assert fitted(panel, claim, "ppml") == pytest.approx(response * c1, rel=0.15)


class TestAI:
    def test_share_of_ai_is_that_of_the_patents_drawn(self):
        """Counted in the classes of the list, discipline by discipline, within binomial errors."""
        s = study()
        listed = set(pd.read_csv(DATA / "ai_ipc.csv")["ipc_subclass"])
        drawn_classes = s.technology.subclasses[s.joint["subclass"]]
        patents = s.joint.assign(
            discipline=s.discipline[s.joint["cell"]], ai=np.isin(drawn_classes, list(listed))
        )
        found = patents.groupby(["discipline", "group"])["ai"].agg(["mean", "count"])
        for (d, g), row in found.iterrows():
            p = s.technology.ai_share[d, g]
            error = np.sqrt(p * (1 - p) / row["count"])
            assert abs(row["mean"] - p) <= 4 * error, (s.disciplines[d], g)

    def test_where_ai_is_all_of_the_key_core_its_contrast_is_that_of_key_core(self):
        s = planted(study(SMALL), 0.1 * study(SMALL).exposure[study(SMALL).university], (1.5, 0.5))
        weights = np.zeros_like(s.technology.weights)
        weights[:, 0, 0] = weights[:, 1, 1] = 1.0
        ai = np.arange(weights.shape[2]) == 0
        s = replace(s, technology=replace(s.technology, weights=weights, ai=ai))
        assert truth(s)["value"]["AI", "mean"] == pytest.approx(0.1, abs=1e-7)

    def test_mean_is_what_estimates_average_to(self):
        """Groups and classes drawn anew around the expected counts."""
        s, rng = study(Process(universities=20)), np.random.default_rng(14)
        panel = expected_panel(s)
        estimates = [
            stacked(
                panel.assign(**{name: rng.poisson(panel[name] / 4) for name in AI}), model="ppml",
                first=AI[0], second=AI[1],
            )["exposure × post × first"].estimate
            for _ in range(20)
        ]  # fmt: skip
        assert near(estimates, truth(s)["value"]["AI", "mean"])


class TestOtherSolvers:
    def test_mean_is_the_poisson_projection_of_the_expected_counts(self):
        s = study()
        data = frame(s, patents_joint=expected(s))
        assert value(s, "C1") == pytest.approx(double(data), abs=1e-7)
        assert value(s, "C2") == pytest.approx(triple(data), abs=1e-7)

    def test_log_mean_is_the_dense_least_squares_projection(self):
        s = study(SMALL)
        data = frame(s)
        y = np.log(expected(s) / np.exp(s.level).sum(axis=2)).ravel()
        for claim, x, effects in [
            ("C1", data["exposure"] * data["post"], ["ud", "dt"]),
            ("C2", data["exposure"] * data["post"] * data["control_exposure"], ["ud", "dt", "ut"]),
        ]:
            letters = {"u": "university", "d": "discipline", "t": "year"}
            dummies = [
                pd.get_dummies(data.groupby([letters[a], letters[b]]).ngroup(), dtype=float)
                for a, b in effects
            ]
            design = np.column_stack([x, *dummies])
            slope = np.linalg.lstsq(design, y)[0][0]
            assert small()["value"][claim, "log mean"] == pytest.approx(slope, abs=1e-7)


def drawn(s: Study, rng: np.random.Generator) -> np.ndarray:
    """New counts of the same design from the documented process, shape (cells, years)."""

    def persistent(n: int, sd: float) -> np.ndarray:
        x = np.empty((n, 12))
        x[:, 0] = rng.normal(0, sd, n)
        for t in range(1, 12):
            x[:, t] = 0.5 * x[:, t - 1] + rng.normal(0, sd * np.sqrt(0.75), n)
        return x

    shock = persistent(len(s.exposure), 0.07)[s.university] + persistent(len(s.university), 0.30)
    for weight in (0.25 / 1.5, 0.25 / 1.2, 0.20 / 1.5):
        shock += weight * persistent(len(s.university), 0.25)
    mean = np.exp(s.level + s.effect + shock[:, :, None])
    return rng.negative_binomial(4.0, 4.0 / (4.0 + mean)).sum(axis=2)


class TestManyDraws:
    def test_mean_is_what_poisson_estimates_average_to(self):
        s, rng = study(), np.random.default_rng(11)
        draws = [frame(s, patents_joint=drawn(s, rng)) for _ in range(20)]
        assert near([double(d) for d in draws], value(s, "C1"))
        assert near([triple(d) for d in draws[:10]], value(s, "C2"))

    def test_periods_are_what_event_studies_average_to(self):
        s, rng = study(), np.random.default_rng(12)
        found = truth(s)["value"].xs("mean", level="target")
        estimates = pd.DataFrame(
            [by_period(frame(s, patents_joint=drawn(s, rng))) for _ in range(6)]
        )
        for period, values in estimates.items():
            name = f"C1 {period:+d}".replace("-", "−")
            assert near(values.to_numpy(), found[name], errors=6.9), name

    def test_logarithm_is_what_least_squares_average_to(self):
        s, rng = study(Process(universities=20)), np.random.default_rng(13)
        found = truth(s, draws=400)
        draws = [frame(s, patents_joint=drawn(s, rng)) for _ in range(16)]
        estimates = [did(d, scale="log1p").frame["estimate"].iloc[0] for d in draws]
        assert near(estimates, found["value"]["C1", "log(1 + y)"])
        # Far from the Poisson target, so that the one is not taken for the other.
        assert not near(estimates, found["value"]["C1", "mean"])

    def test_error_is_that_of_the_average(self):
        """Truths from a few draws scatter as their errors say."""
        s = study(SMALL)
        runs = [truth(s, draws=50, seed=i).loc[("C1", "log(1 + y)")] for i in range(6)]
        values = np.array([r["value"] for r in runs])
        errors = np.array([r["mc_error"] for r in runs])
        assert 0.3 < values.std(ddof=1) / errors.mean() < 2.1
        assert len(set(values)) == 6


class TestTable:
    def test_has_each_claim_and_period_once(self):
        frame = small()
        assert frame.index.is_unique
        means = [c for c in frame.xs("mean", level="target").index if " " not in c]
        assert means == [*CLAIMS, "AI"]
        periods = [c for c in frame.index.get_level_values("claim") if c.startswith("C1 ")]
        assert periods == [f"C1 −{p}" for p in range(7, 1, -1)] + [f"C1 +{p}" for p in range(5)]
        assert frame["value"].notna().all()

    def test_only_what_is_drawn_has_an_error(self):
        frame = small()
        drawn = frame.index.get_level_values("target") == "log(1 + y)"
        assert (frame.loc[drawn, "mc_error"] > 0).all()
        assert (frame.loc[~drawn, "mc_error"] == 0).all()
        assert drawn.sum() == 5

    def test_is_no_part_of_what_else_happened(self):
        """A confounder moves every estimate and no truth."""
        confounded = replace(SMALL, confounder=0.5)
        assert double(frame(study(confounded))) > double(frame(study(SMALL))) + 0.2
        exact = truth(study(confounded))
        assert "log(1 + y)" not in exact.index.get_level_values("target")
        pd.testing.assert_frame_equal(exact, small().loc[exact.index])

    def test_shares_are_those_of_the_process(self):
        """And what the mediators carry adds up to less than the whole: the rest is direct."""
        shares = small()["value"].xs("share", level="target")
        assert dict(shares) == {"C3": 0.25, "C4": 0.25, "C5": 0.20}

    def test_of_the_default_study_is_what_the_claims_say(self):
        values = truth(study())["value"]
        assert all(values[claim, "mean"] > 0.05 for claim in CLAIMS)
        assert values["C1", "mean"] > values["C1", "log mean"] > 0.1


def test_panel_without_the_way_through_records_is_that_of_the_builder() -> None:
    shorter, panel = realised_panel(study()), built()[0]
    # The records count no applications without a firm by cell.
    for name in shorter.columns.drop(["university", "discipline", "patents_alone"]):
        np.testing.assert_allclose(shorter[name], panel[name], atol=1e-9, err_msg=name)


def test_redrawn_counts_are_those_of_the_documented_process() -> None:
    """By the tests' own draws: the same mean, variance and correlation of neighbouring years."""
    s, rng = study(), np.random.default_rng(21)

    def moments(y: np.ndarray) -> list[float]:
        r = y / expected(s) - 1
        return [r.mean(), (r**2).mean(), (r[:, 1:] * r[:, :-1]).mean()]

    ours = np.array([moments(drawn(s, rng)) for _ in range(40)])
    theirs = np.array(
        [moments(draw_counts(s, redraw(s, rng)[0], rng).sum(axis=2)) for _ in range(40)]
    )
    for i in range(3):
        assert near(theirs[:, i] - ours[:, i], 0.0)
