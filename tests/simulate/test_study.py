"""The simulated study is what the book says it is: its size, its noise, its bias, its effect."""

from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest

from replication.estimate.verbs import ddd, did, poisson
from replication.simulate.process import Process
from replication.simulate.study import Study, simulate
from tests.support.simulated import SMALL, by_period, double, expected, frame, near, study, triple

SEEDS = range(8)


@pytest.fixture(scope="module")
def eight() -> list[Study]:
    return [study(seed=seed) for seed in SEEDS]


def fitted(s: Study) -> tuple[np.ndarray, np.ndarray]:
    """Counts of the cells that have any, and the means that the Poisson design fits to them."""
    data = frame(s)
    data = data[data.groupby(["university", "discipline"])["patents_joint"].transform("sum") > 0]
    data = data[data.groupby(["discipline", "year"])["patents_joint"].transform("sum") > 0]
    mean = did(data, model="ppml").result.predict(type="response")
    whole = data.groupby(["university", "discipline"])["year"].transform("size") == 12
    y = data.loc[whole, "patents_joint"].to_numpy()
    return y.reshape(-1, 12), np.asarray(mean)[whole.to_numpy()].reshape(-1, 12)


class TestSize:
    def test_is_that_of_the_study(self, eight):
        for s in eight:
            assert len(s.exposure) == 56
            assert 900 <= len(s.university) <= 1100
            assert s.level.shape[1] == 12
            assert list(s.process.years) == list(range(2011, 2023))

    def test_a_third_to_a_half_of_the_outcomes_are_zero(self, eight):
        """In the shipped study; other seeds stray by a few hundredths."""
        assert 0.30 <= (study().counts.sum(axis=2) == 0).mean() <= 0.50
        shares = [(s.counts.sum(axis=2) == 0).mean() for s in eight]
        assert min(shares) > 0.25
        assert max(shares) < 0.50

    def test_is_unbalanced_as_reality_is(self, eight):
        for s in eight:
            offered = np.bincount(s.university, minlength=56)
            assert offered.min() >= 1
            assert offered.max() >= 2 * offered.min()
            assert len(s.university) < 56 * len(np.unique(s.discipline))
            # Large universities offer more.
            assert np.corrcoef(offered, np.log(s.resources[:, 0, 0]))[0, 1] > 0.2

    def test_a_cell_occurs_once(self, eight):
        for s in eight:
            assert not pd.DataFrame({"u": s.university, "d": s.discipline}).duplicated().any()

    @pytest.mark.parametrize("universities", [2, 3, 4, 12, 112])
    def test_can_be_changed(self, universities):
        """Warnings are errors here: a discipline without a patent must not divide by zero."""
        s = simulate(Process(universities=universities, cells_per_university=4.0))
        assert len(s.exposure) == universities
        assert len(s.university) == 4 * universities
        for values in (s.exposure, s.forms, s.control_exposure, s.effect, s.shock):
            assert np.isfinite(values).all()


class TestNoise:
    def test_counts_are_more_dispersed_than_poisson(self):
        """Cameron and Trivedi's regression: ((y − μ)² − y) / μ on μ has slope 0 under Poisson."""
        y, mean = (x.ravel() for x in fitted(study()))
        z = ((y - mean) ** 2 - y) / mean
        slope = z @ mean / (mean @ mean)
        error = np.sqrt(((z - slope * mean) ** 2 * mean**2).sum()) / (mean @ mean)
        assert slope / error > 4

    def test_counts_are_negative_binomial_around_their_mean(self):
        """Without shocks: variance = mean + mean² / 4."""
        quiet = Process(year_sd=0.0, cell_sd=0.0, mediator_sd=0.0)
        ratios = []
        for seed in range(5):
            s = study(quiet, seed)
            mean = np.exp(s.level + s.effect)
            ratios.append(((s.counts - mean) ** 2).sum() / (mean + mean**2 / 4).sum())
            assert s.counts.sum() == pytest.approx(mean.sum(), rel=0.03)
        assert np.mean(ratios) == pytest.approx(1, abs=0.05)

    def test_years_of_a_cell_resemble_each_other(self):
        """Neighbouring years more than the same years in any order, cell by cell."""
        y, mean = fitted(study())
        r = (y - mean) / np.sqrt(mean)
        neighbours = (r[:, 1:] * r[:, :-1]).sum(axis=1) / 11
        any_order = (r.sum(axis=1) ** 2 - (r**2).sum(axis=1)) / (12 * 11)
        excess = neighbours - any_order
        assert excess.mean() / (excess.std(ddof=1) / np.sqrt(len(excess))) > 4

    def test_shocks_follow_the_documented_autoregression(self):
        s = study(seed=5)
        shock = s.shock - s.shock.mean()
        mediators = np.array([0.25, 0.25, 0.20]) / [1.5, 1.2, 1.5]
        variance = 0.07**2 + 0.30**2 + (mediators**2).sum() * 0.25**2
        assert shock.var() == pytest.approx(variance, rel=0.05)
        for lag in (1, 2):
            r = (shock[:, lag:] * shock[:, :-lag]).mean() / shock.var()
            assert r == pytest.approx(0.5**lag, abs=0.03)


class TestExchange:
    def test_exposures_are_in_standard_deviations(self, eight):
        for s in eight:
            for x in (s.exposure, *s.forms.T):
                assert x.mean() == pytest.approx(0, abs=1e-12)
                assert x.std(ddof=1) == pytest.approx(1)

    def test_large_universities_exchange_more(self, eight):
        staff = [np.log(s.resources[:, :7, 0]).mean(axis=1) for s in eight]
        r = [np.corrcoef(x, s.exposure)[0, 1] for x, s in zip(staff, eight, strict=True)]
        assert np.mean(r) > 0.2

    def test_exchange_turns_down_when_treatment_begins(self, eight):
        yearly = np.mean([np.log1p(s.exchange).mean(axis=(0, 2)) for s in eight], axis=0)
        assert (np.diff(yearly)[:6] > 0).all()
        assert (np.diff(yearly)[6:] < 0).all()

    def test_naive_comparison_of_universities_is_biased(self, eight):
        """Before treatment nothing has happened, and the cross-section finds a large effect."""
        naive = []
        for s in eight:
            data = frame(s).query("post == 0")
            naive.append(poisson(data, treatment="exposure", effects=())["exposure"].estimate)
        assert np.mean(naive) > 0.15
        assert np.mean(naive) > 5 * np.std(naive, ddof=1) / np.sqrt(len(naive))


class TestEffect:
    @pytest.fixture(scope="class")
    @classmethod
    def misses(cls) -> pd.DataFrame:
        """Estimates of thirty studies, and how far each is from its own truth."""
        rows = []
        for seed in range(30):
            s = simulate(seed=seed)
            data, exact = frame(s), frame(s, patents_joint=expected(s))
            row = {"estimate": double(data), "double": double(data) - double(exact)}
            if seed < 12:
                row["triple"] = triple(data) - triple(exact)
            rows.append(row)
        return pd.DataFrame(rows)

    def test_design_finds_what_was_planted(self, misses):
        """Mean over designs and noise of estimate less truth, within its Monte-Carlo error."""
        assert near(misses["double"], 0.0)
        assert misses["double"].std() / np.sqrt(30) < 0.01
        assert misses["estimate"].mean() > 0.1

    def test_triple_difference_finds_what_was_planted(self, misses):
        found = misses["triple"].dropna()
        assert near(found, 0.0)
        assert found.std() / np.sqrt(len(found)) < 0.03

    def test_package_finds_it_as_the_tests_do(self):
        for seed in range(2):
            data = frame(study(seed=seed))
            (one,) = did(data, model="ppml").frame["estimate"]
            assert one == pytest.approx(double(data), abs=1e-7)
            (one,) = ddd(data, model="ppml").frame["estimate"]
            assert one == pytest.approx(triple(data), abs=1e-7)

    def test_design_finds_nothing_where_nothing_was_planted(self):
        nothing = Process().without_effect()
        estimates = [double(frame(simulate(nothing, seed))) for seed in range(20)]
        assert near(estimates, 0.0)
        assert np.std(estimates, ddof=1) / np.sqrt(20) < 0.01

    def test_without_effect_there_is_none(self):
        s = study(Process().without_effect())
        assert not s.effect.any()
        assert not s.mediator_effect.any()

    def test_effect_begins_with_treatment_and_stays(self):
        s = study()
        assert not s.effect[:, :7].any()
        assert not s.mediator_effect[:, :7].any()
        assert (s.effect[:, 7:] == s.effect[:, 7:8]).all()

    def test_effect_is_larger_where_the_study_says(self):
        s = study()
        effect = s.effect[:, -1]
        up = (s.forms @ [0.15, 0.02, 0.14, 0.01])[s.university]
        ratio = effect / up[:, None]
        assert ratio[:, 0] - ratio[:, 1] == pytest.approx(0.8)
        same = s.control_exposure[s.discipline] == 0
        plain, strong = same & ~s.advantaged, same & s.advantaged
        assert ratio[strong, 1].mean() - ratio[plain, 1].mean() == pytest.approx(0.8)
        plain = ~s.advantaged
        slope = np.polyfit(s.control_exposure[s.discipline[plain]], ratio[plain, 1], 1)[0]
        assert slope == pytest.approx(1.2)

    def test_average_application_has_the_average_effect(self):
        """Moderators are centred: weighted by expected applications the bracket is one."""
        s = study()
        volume = np.exp(s.level[:, :7]).sum(axis=1)
        bracket = s.effect[:, -1] / (s.forms @ [0.15, 0.02, 0.14, 0.01])[s.university][:, None]
        assert (bracket * volume).sum() / volume.sum() == pytest.approx(1)

    def test_mediators_respond_by_the_documented_amount(self):
        s = study(Process().without_heterogeneity())
        expected = s.effect[:, :, 0, None] * [1.5, 1.2, 1.5]
        np.testing.assert_allclose(s.mediator_effect, expected)


SWITCHES = {
    "none": {f"effect_{f}": 0.0 for f in ("cooperation", "conferences", "us", "elsewhere")},
    "pretrend": {"pretrend": 0.1},
    "anticipation": {"anticipation": 0.5},
    "confounder": {"confounder": 0.3},
    "control": {"control": 0.0},
}


class TestSwitches:
    @pytest.mark.parametrize("switch", SWITCHES)
    def test_leave_alone_what_they_do_not_touch(self, switch):
        plain, other = study(), study(Process(**SWITCHES[switch]))
        untouched = ["university", "discipline", "disciplines", "exposure", "forms", "strength"]
        untouched += ["advantaged", "level", "mediator_level", "mediator_shock", "exchange"]
        untouched += ["resources"]
        if switch not in ("pretrend", "confounder"):
            untouched += ["shock"]
        for name in untouched:
            np.testing.assert_array_equal(getattr(plain, name), getattr(other, name), name)

    @pytest.mark.parametrize("switch", ["none", "confounder", "control"])
    def test_after_treatment_leave_the_years_before_as_they_were(self, switch):
        plain, other = study(), study(Process(**SWITCHES[switch]))
        for name in ("joint", "hires"):
            before = [getattr(s, name).query("year < 2018") for s in (plain, other)]
            pd.testing.assert_frame_equal(*(b[sorted(b)].reset_index(drop=True) for b in before))
        np.testing.assert_array_equal(plain.control_exposure, other.control_exposure)

    def test_pretrend_is_a_slope_in_all_years(self):
        added = study(Process(pretrend=0.1)).shock - study().shock
        s = study()
        expected = 0.1 * np.outer(s.exposure[s.university], np.arange(-6, 6))
        np.testing.assert_allclose(added, expected, atol=1e-12)

    def test_pretrend_shows_in_the_leads(self):
        slopes = []
        for seed in range(6):
            s = study(replace(Process().without_effect(), pretrend=0.1), seed)
            periods = by_period(frame(s))
            slopes.append(np.polyfit([*periods.index, -1], [*periods, 0.0], 1)[0])
        assert near(slopes, 0.1)
        assert np.mean(slopes) > 0.08

    def test_anticipation_is_there_in_the_last_year_before_treatment_only(self):
        early = replace(Process().without_heterogeneity(), anticipation=0.5)
        s = study(early)
        assert not s.effect[:, :6].any()
        np.testing.assert_allclose(s.effect[:, 6], 0.5 * s.effect[:, 7])
        later = study(Process().without_heterogeneity())
        periods, full = (
            by_period(frame(x, patents_joint=expected(x)), reference=-2) for x in (s, later)
        )
        np.testing.assert_allclose(periods[[-7, -6, -5, -4, -3]], 0, atol=1e-3)
        assert periods[-1] == pytest.approx(full[0] / 2, rel=0.05)
        assert periods[0] == pytest.approx(full[0], rel=0.02)

    def test_confounder_moves_the_difference_in_differences_and_not_the_triple(self):
        shocked = replace(Process().without_effect(), confounder=0.3)
        draws = [frame(study(shocked, seed)) for seed in range(10)]
        moved = [double(d) for d in draws]
        assert near(moved, 0.3)
        assert np.mean(moved) > 0.25
        assert near([triple(d) for d in draws], 0.0)

    def test_alike_in_every_discipline_leaves_nothing_for_the_triple_difference(self):
        s = study(Process().without_heterogeneity())
        data = frame(s, patents_joint=expected(s))
        assert double(data) > 0.05
        assert triple(data) == pytest.approx(0, abs=1e-8)
        log_effect = np.log(expected(s) / np.exp(s.level).sum(axis=2))
        assert np.ptp(log_effect[s.university == 0], axis=0) == pytest.approx(0, abs=1e-12)


class TestSeed:
    def test_same_seed_same_study(self):
        one, two = simulate(SMALL, 3), simulate(SMALL, 3)
        for field in fields(Study):
            a, b = getattr(one, field.name), getattr(two, field.name)
            if isinstance(a, pd.DataFrame):
                pd.testing.assert_frame_equal(a, b)
            elif isinstance(a, np.ndarray):
                np.testing.assert_array_equal(a, b)

    def test_other_seed_other_study(self):
        assert not np.array_equal(simulate(SMALL, 3).exchange, simulate(SMALL, 4).exchange)
