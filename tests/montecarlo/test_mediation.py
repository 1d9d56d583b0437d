"""The three steps where the truth is known: they declare mediation with and without any."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from replication.estimate.convention import wald
from replication.estimate.mediation.decomposition import ALL, three_steps
from replication.estimate.verbs import event_periods, event_study, pretrend_test
from replication.montecarlo.mediation import (
    NOT_MEDIATED,
    WORLDS,
    _layout,
    _three_steps,
    accounted,
    declared,
    false_alarms,
)
from replication.records.exposure import standardise
from replication.records.variables import MEDIATORS
from replication.simulate.process import Process
from replication.simulate.study import draw_counts, redraw
from tests.support.simulated import SMALL, frame, study

CAUSES = WORLDS["not mediated, common causes"]


class TestProcess:
    def test_no_common_cause_by_default(self):
        np.testing.assert_allclose(Process().loadings, [0.25 / 1.5, 0.25 / 1.2, 0.2 / 1.5])

    def test_shocks_load_by_the_documented_amount(self):
        plain, other = study(SMALL), study(replace(SMALL, mediator_confounding=0.4))
        np.testing.assert_array_equal(plain.mediator_shock, other.mediator_shock)
        added = other.shock - plain.shock
        np.testing.assert_allclose(added, 0.4 * plain.mediator_shock.sum(axis=2), atol=1e-12)

    def test_a_common_cause_is_no_effect(self):
        plain, other = (
            study(replace(SMALL, control=0.0, mediator_confounding=k)) for k in (0.0, 0.4)
        )
        np.testing.assert_array_equal(plain.effect, other.effect)
        np.testing.assert_array_equal(plain.mediator_effect, other.mediator_effect)
        assert not np.array_equal(plain.counts, other.counts)

    def test_a_mediator_that_does_not_respond_transmits_nothing(self):
        np.testing.assert_array_equal(WORLDS["mediators do not respond"].loadings, 0.0)
        with pytest.raises(ValueError, match="transmits no share"):
            _ = Process().with_mediators("hires_overseas", response=0.0).loadings

    def test_nothing_is_mediated_but_in_the_first_world(self):
        assert WORLDS["mediated"].shares.sum() == pytest.approx(0.7)
        for name in list(WORLDS)[1:]:
            assert not WORLDS[name].shares.any()


class TestRedraw:
    def test_has_the_means_of_the_study(self):
        s = study(SMALL)
        rng = np.random.default_rng(1)
        joint, mediators = np.zeros_like(s.level), np.zeros_like(s.mediator_level)
        for _ in range(400):
            a, b = redraw(s, rng)
            joint += a / 400
            mediators += b / 400
        known = np.isfinite(s.level)
        np.testing.assert_allclose(joint[known], (s.level + s.effect)[known], atol=0.12)
        np.testing.assert_allclose(mediators, s.mediator_level + s.mediator_effect, atol=0.08)

    def test_keeps_faults(self):
        s = study(replace(SMALL, confounder=0.5))
        rng = np.random.default_rng(2)
        gap = np.mean([redraw(s, rng)[0][:, :, 1] - s.level[:, :, 1] for _ in range(200)], axis=0)
        gap = gap - s.effect[:, :, 1]
        post = s.process.years >= s.process.first_treated
        expected = np.outer(0.5 * s.exposure[s.university], post)
        known = np.isfinite(s.level[:, :, 1])
        np.testing.assert_allclose(gap[known], expected[known], atol=0.15)

    def test_counts_have_the_mean_and_variance_of_the_study(self):
        s = study(SMALL)
        y = draw_counts(s, np.full(400_000, np.log(3.0)), np.random.default_rng(3))
        assert y.mean() == pytest.approx(3, abs=0.02)
        assert y.var() == pytest.approx(3 + 9 / 4, abs=0.06)


def test_one_draw_is_the_public_regressions():
    """The fast way gives the t statistics of `three_steps` on a panel with the same counts."""
    s = study(SMALL)
    fast = _three_steps(_layout(s), np.random.default_rng(7))
    rng = np.random.default_rng(7)
    joint, mediators = redraw(s, rng)
    y = draw_counts(s, joint, rng).sum(axis=2)
    m = np.moveaxis(draw_counts(s, mediators, rng), 2, 0)
    panel = frame(s, patents_joint=y, **dict(zip(MEDIATORS, m, strict=True)))
    for i, mediator in enumerate(MEDIATORS):
        steps = three_steps(panel, mediator, variance="CR1")
        t = [steps["(1)"].frame["statistic"].iloc[0], steps["(2)"].frame["statistic"].iloc[0]]
        t.append(steps["(3)"].frame["statistic"].iloc[1])
        np.testing.assert_allclose(fast[i, :3], t, rtol=1e-7)
        c, direct = steps["(1)"].frame["estimate"].iloc[0], steps["(3)"].frame["estimate"].iloc[0]
        assert fast[i, 3] == pytest.approx((c - direct) / c, abs=1e-9)


@pytest.fixture(scope="module")
def rates() -> pd.DataFrame:
    names = ["not mediated, common causes", "mediators do not respond", "mediated"]
    return declared({n: WORLDS[n] for n in names}, draws=40)


class TestFalseAlarms:
    def test_one_draw_is_the_public_test(self):
        """One draw, tested by `pretrend_test` and by F(q, G − 1), rejects if the rate is one."""
        s = study()
        rng = np.random.default_rng(4)
        log_mean = redraw(s, rng)[1]
        m = np.moveaxis(draw_counts(s, log_mean, rng), 2, 0)
        panel = frame(s, **dict(zip(MEDIATORS, m, strict=True)))
        means = dict(zip(MEDIATORS, np.moveaxis(log_mean, 2, 0), strict=True))
        for i, mediator in enumerate(MEDIATORS):
            counted = event_study(panel, outcome=mediator, scale="log1p")
            fit = event_study(frame(s, **means), outcome=mediator, variance="CR1")
            periods = event_periods(fit.frame.index)
            leads = [t for t, k in zip(fit.frame.index, periods, strict=True) if k < -1]
            b, v = fit.frame.loc[leads, "estimate"], fit.vcov.loc[leads, leads]
            p = {
                "counts": pretrend_test(counted).p_value,
                "intensity": pretrend_test(fit).p_value,
                "intensity_f": wald(b.to_numpy(), v.to_numpy(), fit.clusters - 1).p_value,
            }
            for column, value in p.items():
                for level in (value * 0.999, value * 1.001):
                    found = false_alarms(s, draws=1, seed=4, level=level)[column].iloc[i]
                    assert found == (value < level)

    def test_of_f_are_more_frequent_than_the_level_and_of_htz_are_not(self):
        """A Wald test of six leads with 56 unequal clusters is liberal: Pustejovsky and Tipton."""
        found = false_alarms(study(), draws=120)
        assert (found["intensity_f"] > 0.08).all()
        assert (found["intensity"] < 0.09).all()


class TestDeclared:
    def test_where_nothing_is_mediated(self, rates):
        found = rates.loc["not mediated, common causes"]
        assert (found["planted"] == 0).all()
        assert (found["declared"] > 0.9).all()
        assert (found["printed"] > 0.03).all()

    def test_no_more_often_where_something_is(self, rates):
        false, true = rates.loc["not mediated, common causes"], rates.loc["mediated"]
        assert (true["planted"] > 0).all()
        assert (false["declared"] >= true["declared"]).all()

    def test_rarely_where_mediators_do_not_respond(self, rates):
        """At most 5 % by the third step alone; 40 draws."""
        assert (rates.loc["mediators do not respond", "declared"] <= 0.125).all()

    def test_needs_all_steps_and_a_falling_coefficient(self):
        found = declared({"none": CAUSES.without_effect()}, draws=20).loc["none"]
        assert found["step_3"].mean() > 0.7
        assert (found["declared"] <= found[["step_1", "step_2"]].min(axis=1)).all()
        assert (found["declared"] < 0.3).all()

    def test_third_step_is_right_where_exposure_is_all_that_matters(self):
        """No common cause, one effect, driven by exposure alone: it rejects as its level says."""
        process = NOT_MEDIATED.without_heterogeneity()
        s = study(process)
        s = replace(s, exposure=standardise(s.forms @ process.effects))
        design, rng = _layout(s), np.random.default_rng(5)
        t = np.array([_three_steps(design, rng)[:, 2] for _ in range(150)])
        # 450 correlated tests; clustered t with 56 unequal clusters is slightly liberal.
        assert (np.abs(t) > 2.004).mean() < 0.10


def test_no_decomposition_is_safe_from_a_common_cause():
    """Nothing is mediated, and mediators account for more than a tenth in expectation."""
    found = accounted(study(CAUSES), draws=15).loc[ALL]
    assert found["planted"] == 0
    assert found["counts"] > 0.1 + 3 * found["counts_error"]
