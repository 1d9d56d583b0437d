"""The checks around the plan: against least squares by hand, and planted leads."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from replication.estimate.planned import checks
from replication.panel.compilation import compiled_2016, exchange_2016
from replication.records.open import rankings
from tests.support.real_files import mirror_or_skip

GROUPS = ("compilation", "the", "bcur", "the-subjects")


@pytest.fixture(scope="module", autouse=True)
def files() -> None:
    mirror_or_skip(*GROUPS)


def hc3(y: np.ndarray, x: np.ndarray) -> tuple[float, float]:
    """Coefficient of the second column and its standard error, from the definition."""
    bread = np.linalg.inv(x.T @ x)
    b = bread @ x.T @ y
    left = (y - x @ b) / (1 - np.einsum("ij,jk,ik->i", x, bread, x))
    return b[1], np.sqrt((bread @ (x.T * left**2) @ x @ bread)[1, 1])


def test_the_cross_section_is_least_squares_with_hc3() -> None:
    exchange = exchange_2016().set_index("university")
    funds = compiled_2016().set_index("university").loc[exchange.index, "funds_firms"]
    x = np.column_stack([np.ones(65), exchange["exposure"]])
    b, se = hc3(np.log1p(funds.to_numpy(float)), x)
    row = checks.cross_section().loc[checks.INCOMES["funds_firms"]].iloc[0]
    assert row["estimate"] == pytest.approx(b)
    assert row["std_error"] == pytest.approx(se)
    assert row["upper"] == pytest.approx(b + stats.t.ppf(0.975, 63) * se)
    # Tables 62 has three universities less than there are.
    assert checks.cross_section().loc[checks.INCOMES["service_income"], "universities"].max() == 62


def test_published_totals_of_what_the_cross_section_rests_on() -> None:
    assert compiled_2016()["funds_firms"].sum() == 22_526_460
    counts = compiled_2016()[["coop_sent", "coop_received"]].sum()
    assert counts.to_list() == [15_650, 15_326]


def test_dates_are_checked_by_rank_correlation_in_one_year() -> None:
    table = checks.dating()
    funds = compiled_2016().set_index("university")
    scores = rankings.the_scores([2019]).set_index("university")["industry"]
    both = pd.DataFrame({"a": scores, "b": funds["funds_firms"] / funds["teachers"]}).dropna()
    assert table.loc[2019, "universities"] == len(both)
    assert table.loc[2019, "rank_all"] == pytest.approx(stats.spearmanr(both).statistic)
    assert table["income_year"].to_list() == list(range(2013, 2021))


def test_selection_counts_who_is_ranked() -> None:
    table = checks.selection()
    assert (table["universities"].iloc[:2] == 65).all()
    assert table.loc["ranked before and after", "share"] == pytest.approx(46 / 65)


def test_only_who_is_still_ranked_can_leave() -> None:
    """Counted one university at a time from the scores themselves."""
    scores = rankings.the_scores(range(2016, 2024))
    ranked = scores[~scores["joint"]].groupby("university")["edition"].agg(set)
    exchange = exchange_2016().set_index("university")["exposure"]
    could = [
        u for u in exchange.index if u in ranked.index and ranked[u] & {2020, 2021, 2022, 2023}
    ]
    gone = np.array([float(2023 not in ranked[u]) for u in could])
    b, se = hc3(gone, np.column_stack([np.ones(len(could)), exchange[could]]))
    row = checks.selection().loc["left after treatment began"]
    assert row["universities"] == len(could)
    assert row["share"] == pytest.approx(gone.mean())
    assert row["estimate"] == pytest.approx(b)
    assert row["std_error"] == pytest.approx(se)


def test_points_are_translated_along_the_line_of_one_edition() -> None:
    none, one, two = (checks.in_yuan(points) for points in (0.0, 1.0, 2.0))
    assert none["percent"] == 0
    assert 1 + two["percent"] / 100 == pytest.approx((1 + one["percent"] / 100) ** 2)
    assert one["yuan"] == pytest.approx(one["per_teacher"] * one["percent"] / 100)


def test_a_lead_planted_by_subject_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    read = checks.the_subjects
    dose = exchange_2016().set_index("university")["exposure"]
    before = checks.subjects()["2019 to 2020"].frame["estimate"].iloc[0]

    def moved(editions: range) -> pd.DataFrame:
        table = read(editions)
        late = 4 * (table["edition"] == 2020) * table["university"].map(dose).fillna(0)
        return table.assign(industry=table["industry"] + late)

    monkeypatch.setattr(checks, "the_subjects", moved)
    after = checks.subjects()["2019 to 2020"].frame["estimate"].iloc[0]
    assert after - before == pytest.approx(4)
