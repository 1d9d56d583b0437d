"""The curve over the register: what is crossed, what is aimed at, what is committed."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from replication.errors import SchemaError
from replication.estimate.many.permuted import PermutedDesign, orders
from replication.estimate.specification.chosen import claims_under
from replication.montecarlo.register import curves, load_curve, load_sizes
from replication.montecarlo.register.alternatives import DEFAULTS, MORE, VALUES, panel_of, taken
from replication.montecarlo.register.classes import second_classes, shared
from replication.montecarlo.register.null import SEED, sizes, subset
from replication.montecarlo.register.panels import EXPECTED, Panel, shipped
from replication.montecarlo.register.specifications import CHOICES, specifications
from replication.montecarlo.repeat import draws, scaled
from replication.montecarlo.truth import expected_panel
from replication.panel.build import build_panel
from replication.panel.load import load_panel, load_truth
from replication.records.registry import Choices, load_register, load_varied
from replication.records.study.options import options
from replication.simulate.records import simulate_records
from tests.support.simulated import SMALL, study, tables


@pytest.fixture(scope="module")
def chosen() -> Panel:
    return shipped("as chosen", load_panel())


def base(claim: str, **changes: str) -> int:
    """Position of the specification that is as chosen but for some rows."""
    wanted = {row: DEFAULTS[row] for row in CHOICES[claim]} | changes
    (found,) = [i for i, s in enumerate(specifications(claim)) if dict(s.choices) == wanted]
    return found


class TestWhatIsCrossed:
    def test_a_thousand_specifications_and_none_is_another(self):
        all_of_them = [s for claim in CHOICES for s in specifications(claim)]
        assert len(all_of_them) >= 1000
        assert len({(s.panel, s.design) for s in all_of_them}) == len(all_of_them)

    @pytest.mark.parametrize("claim", CHOICES)
    def test_each_row_has_alternatives_that_the_register_knows(self, claim):
        table = pd.DataFrame([s.choices for s in specifications(claim)])
        assert (table.nunique() >= 2).all()
        known = load_register().set_index("id")
        assert set(table) <= set(known.index)
        assert {"2013–2022", "2009–2020"} == set(known.loc["R1", "alternatives"]) & set(table["R1"])

    def test_every_row_of_the_register_is_said_to_vary_or_why_not(self):
        varied = load_varied().set_index("id")["simulated"]
        crossed = set(CHOICES["C1"]) | set(CHOICES["C2"])
        assert {row for row, said in varied.items() if said.startswith("varied")} == crossed
        assert len(crossed) == 12

    def test_every_alternative_that_a_file_of_choices_may_name_is_in_the_curve(self):
        """But for any year, and a scale whose estimate is in other units."""
        for row, values in VALUES.items():
            named = {o.value for o in options()[row] if not o.refused and not o.value.isupper()}
            more = {value for at, value in MORE if at == row}
            given = set(values) - more if named else set()
            assert named - {"any"} == given, row
            plain = [one for one in taken([(row, values[0])]) if (row, values[0]) not in MORE]
            assert all(one.default for one in plain), row


class TestPanels:
    def test_the_shipped_panel_has_its_own_exposure_and_the_expected_counts(self, chosen):
        built = load_panel()
        np.testing.assert_allclose(chosen.data["exposure"], built["exposure"], atol=1e-9)
        assert (chosen.data["exposure_high"] == built["exposure_high"]).all()
        expected = expected_panel(chosen.study)["patents_joint"]
        np.testing.assert_allclose(np.sort(chosen.data[EXPECTED]), np.sort(expected))
        # Each row has the mean of its own count: they go together.
        assert np.corrcoef(chosen.data[EXPECTED], built["patents_joint"])[0, 1] > 0.75

    def test_sums_by_university_are_those_of_the_cells(self, chosen):
        summed = shipped("university × year", load_panel())
        assert len(summed.data) == 56 * 12
        for column in ("patents_joint", EXPECTED):
            by = chosen.data.groupby(["university", "year"])[column].sum().to_numpy()
            np.testing.assert_allclose(summed.data[column], by)
        drawn, cells = next(summed.draws(1, 5)), next(chosen.draws(1, 5))
        assert drawn["patents_joint"].sum() == cells["patents_joint"].sum()
        assert (cells["patents_joint_granted"] <= cells["patents_joint"]).all()

    def test_firms_that_universities_own_count_where_they_are_included(self):
        records = simulate_records(study(SMALL))
        without, _ = build_panel(records, Choices())
        with_them, _ = build_panel(records, Choices(owned_firms=True))
        patents = records["patents"].drop_duplicates("application")
        owned = patents["applicants"].str.contains("大学资产经营有限公司")
        # A joint one with another firm is joint already.
        more = with_them["patents_joint"].sum() - without["patents_joint"].sum()
        assert 0 < more <= owned.sum()
        assert (with_them["patents_joint"] >= without["patents_joint"]).all()


class TestTargets:
    """Beside the truth that ships, which other code computed."""

    @pytest.mark.parametrize(
        ("claim", "changes", "target"),
        [
            ("C1", {}, "mean"),
            ("C1", {"R12": "pre-period × year"}, "mean, with controls"),
            ("C2", {}, "mean"),
        ],
    )
    def test_of_poisson_is_the_truth(self, claim, changes, target):
        row = load_curve(claim).table.iloc[base(claim, **changes)]
        assert row["target"] == pytest.approx(load_truth().loc[(claim, target), "value"], abs=1e-6)
        assert row["target_error"] == 0

    @pytest.mark.parametrize("claim", ["C1", "C2"])
    def test_of_least_squares_is_the_truth_within_its_error(self, claim):
        row = load_curve(claim).table.iloc[base(claim, R6="log(1 + y)")]
        value, error = load_truth().loc[(claim, "log(1 + y)")]
        assert abs(row["target"] - value) < 4 * np.hypot(row["target_error"], error)
        assert 0 < row["target_error"] < 0.01

    @pytest.mark.parametrize("claim", ["C1", "C2"])
    def test_the_chosen_specification_is_the_estimate_of_the_chapters(self, claim):
        headline = pd.read_csv(curves.ROOT / "results" / "03_heterogeneity" / "tab-claims.csv")
        row = load_curve(claim).table.iloc[base(claim)]
        own = headline.set_index("claim").loc[claim]
        assert row["estimate"] == pytest.approx(own["estimate"], rel=1e-6)
        assert row["lower"] == pytest.approx(own["lower"], rel=1e-5)


class TestCommitted:
    def test_a_sample_comes_out_again(self):
        assert curves.require_agreement(every=160) >= 12

    def test_the_code_is_the_one_that_they_agree_with(self):
        assert not curves.is_stale()

    def test_a_changed_file_is_refused(self, tmp_path: Path):
        for name in (*curves.FILES, curves.MANIFEST):
            shutil.copy(curves.FOLDER / name, tmp_path / name)
        table = pd.read_parquet(tmp_path / curves.FILES[0])
        table.assign(estimate=table["estimate"] + 0.01).to_parquet(tmp_path / curves.FILES[0])
        with pytest.raises(SchemaError, match="is not the file that its manifest names"):
            load_curve("C1", tmp_path)
        (tmp_path / curves.MANIFEST).unlink()
        with pytest.raises(SchemaError, match="replication montecarlo --all"):
            load_curve("C1", tmp_path)

    def test_every_specification_has_an_estimate_or_a_reason(self):
        for claim in CHOICES:
            table = load_curve(claim).table
            assert len(table) == len(specifications(claim))
            assert (table["estimate"].notna() ^ (table["reason"] != "")).all()
            assert (table["p_permuted"].notna() ^ (table["not_permuted"] != "")).all()

    def test_dealt_by_lot_the_joint_test_holds_its_level(self):
        lot = load_sizes().query("world == 'exposure drawn by lot'")
        assert (lot["studies"] == 1000).all()
        # Specifications are alike: in many orders all have one sign, and the share cannot reject.
        sign = lot["statistic"] == "share_predicted"
        assert (abs(lot["rejected"] - 0.05)[~sign] < 4 * lot["rate_error"][~sign]).all()
        assert (lot["rejected"][sign] < 0.05).all()


def test_the_size_of_the_joint_test_against_a_loop(chosen: Panel) -> None:
    """Three studies by hand: each statistic in each order, and the share of orders as far."""
    found = sizes(chosen, studies=3, number=9).set_index(["claim", "world", "statistic"])
    names = list(np.unique(chosen.data["university"]))
    y = next(draws(scaled(chosen.study, 0.0), 3, SEED, 3))
    drawn = orders(names, draws=9, seed=SEED)
    transforms = {"log1p": np.log1p, "asinh": np.arcsinh}
    estimates = []
    for one in subset("C1"):
        design = PermutedDesign(chosen.data, one.design, drawn)
        used = design.layout.rows.rows.index
        estimates.append(design.statistics(transforms[one.design.scale](y[used]))[0])
    rejected = 0
    for number in range(3):
        medians = [np.median([e[number, order] for e in estimates]) for order in range(10)]
        rejected += np.mean([m >= medians[0] - 1e-7 for m in medians]) <= 0.05
    assert found.loc[("C1", "exposure as it is", "median"), "rejected"] == rejected / 3


class TestAllClasses:
    """R14: a patent shared among its classes."""

    def test_shares_of_a_discipline_against_a_loop(self):
        """Half of what has a second class elsewhere goes there, or nowhere."""
        s = study(SMALL)
        rng = np.random.default_rng(3)
        counts = rng.integers(0, 40, s.level.shape[:2])
        second = rng.multinomial(rng.binomial(counts, 0.3), second_classes(s))
        want = counts.astype(float)
        cells = list(zip(s.university, s.discipline, strict=True))
        for c, (u, d) in enumerate(cells):
            for to in range(second.shape[2]):
                if to != d:
                    want[c] -= second[c, :, to] / 2
                    if (u, to) in cells:
                        want[cells.index((u, to))] += second[c, :, to] / 2
        np.testing.assert_allclose(shared(s, counts, second), want)

    def test_records_and_process_share_alike(self):
        """What the builder finds in the records is what the process says of them on average."""
        s, records = study(SMALL), tables(SMALL)
        main, _ = build_panel(records)
        parts, _ = build_panel(records, panel_of("R14", "all classes"))
        expected = np.exp(s.level + s.effect).sum(axis=2)
        after = shared(s, expected, 0.3 * expected[..., None] * second_classes(s))
        counted = main["patents_joint"].sum()
        lost = 1 - parts["patents_joint"].sum() / counted
        # Each patent loses half or nothing: at most half of a binomial's standard error.
        assert abs(lost - (1 - after.sum() / expected.sum())) < 4 * 0.5 * np.sqrt(0.25 / counted)


@pytest.mark.parametrize(
    ("row", "value", "claim", "model"),
    [
        ("R3", "university × year", "C1", "PPML"),
        ("R6", "asinh", "C2", "OLS"),
        ("R9", "university, year", "C1", "PPML"),
        ("R12", "pre-period × year", "C1", "PPML"),
        ("R14", "all classes", "C2", "PPML"),
    ],
)
def test_a_file_that_moves_one_row_gives_the_specification_of_that_row(row, value, claim, model):
    chosen = taken([(row, value)])
    panel = load_panel() if row != "R14" else build_panel(tables(), panel_of(row, value))[0]
    found = claims_under(panel, chosen).loc[(claim, model)]
    # Summed units have effects of their own.
    more = {"R9": "university, year"} if row == "R3" else {}
    known = load_curve(claim).table.iloc[base(claim, **{row: value}, **more)]
    for column in ("estimate", "std_error", "p_value"):
        assert found[column] == pytest.approx(known[column], rel=1e-6), column
    usual = load_curve(claim).table.iloc[base(claim)]
    assert abs(found["estimate"] - usual["estimate"]) > 1e-4
