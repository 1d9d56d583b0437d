"""The plan's estimates: independent refits, planted effects, the rule of the verdicts."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from replication.errors import RegistryError
from replication.estimate.claims import CONTRADICTED, SUPPORTED, UNCLEAR, UNTESTABLE
from replication.estimate.planned import plan
from replication.estimate.verbs import did, event_study
from replication.records.plan import load_plan
from tests.support.real_files import mirror_or_skip

GROUPS = ("compilation", "the", "leiden", "leiden-2020", "evaluation", "entity-list")


@pytest.fixture(scope="module")
def panels() -> dict[str, pd.DataFrame]:
    mirror_or_skip(*GROUPS)
    return plan.panels()


@pytest.fixture(scope="module")
def found(panels: dict[str, pd.DataFrame]) -> pd.DataFrame:
    return plan.estimates(panels)


def dense(data: pd.DataFrame, time: str, *columns: str) -> np.ndarray:
    parts = [data[c] * data["post"] for c in columns]
    dummies = [
        pd.get_dummies(data["university"], dtype=float),
        pd.get_dummies(data[time], dtype=float, drop_first=True),
    ]
    return np.column_stack([*parts, *dummies])


def test_the_industry_score_by_dense_least_squares(
    panels: dict[str, pd.DataFrame], found: pd.DataFrame
) -> None:
    data = panels["editions"].dropna(subset="industry")
    y = data["industry"].to_numpy()
    slope = np.linalg.lstsq(dense(data, "edition", "exposure"), y, rcond=None)[0][0]
    assert found.loc["industry", "estimate"] == pytest.approx(slope, rel=1e-8)
    # The jackknife by hand: every university left out once.
    out = []
    for university in data["university"].unique():
        rest = data[data["university"] != university]
        x = dense(rest, "edition", "exposure")
        out.append(np.linalg.lstsq(x, rest["industry"].to_numpy(), rcond=None)[0][0])
    spread = np.sqrt((len(out) - 1) / len(out) * np.sum((np.array(out) - slope) ** 2))
    assert found.loc["industry", "std_error"] == pytest.approx(spread, rel=1e-6)


def test_papers_with_firms_by_dense_poisson(
    panels: dict[str, pd.DataFrame], found: pd.DataFrame
) -> None:
    data = panels["windows"]
    x = dense(data, "first_year", "exposure")
    glm = sm.GLM(data["papers_firm"].to_numpy(), x, family=sm.families.Poisson()).fit(tol=1e-12)
    assert found.loc["papers-firm", "estimate"] == pytest.approx(glm.params[0], rel=1e-6)


def test_papers_with_firms_a_paper_by_dense_poisson_with_an_offset(
    panels: dict[str, pd.DataFrame], found: pd.DataFrame
) -> None:
    data = panels["windows"]
    x = dense(data, "first_year", "exposure")
    family, log = sm.families.Poisson(), np.log(data["papers"].to_numpy())
    glm = sm.GLM(data["papers_firm"].to_numpy(), x, family=family, offset=log).fit(tol=1e-12)
    assert found.loc["papers-firm-per-paper", "estimate"] == pytest.approx(glm.params[0], rel=1e-6)
    held, free = found.loc["papers-firm-per-paper"], found.loc["papers-firm-given-papers"]
    assert abs(held["estimate"] - free["estimate"]) > 0.01


def test_forms_of_exchange_by_dense_least_squares(
    panels: dict[str, pd.DataFrame], found: pd.DataFrame
) -> None:
    data = panels["editions"].dropna(subset="industry")
    x = dense(data, "edition", "exposure_cooperation", "exposure_conferences")
    both = np.linalg.lstsq(x, data["industry"].to_numpy(), rcond=None)[0]
    assert found.loc["industry-by-form", "estimate"] == pytest.approx(both[0] - both[1], rel=1e-7)


@pytest.mark.parametrize("effect", [-0.5, 0.5])
def test_an_effect_planted_in_papers_is_found_and_judged(
    effect: float, panels: dict[str, pd.DataFrame], found: pd.DataFrame
) -> None:
    windows = panels["windows"]
    moved = windows["papers_firm"] * np.exp(effect * windows["exposure"] * windows["post"])
    table = plan.estimates({**panels, "windows": windows.assign(papers_firm=moved)})
    gain = table.loc["papers-firm", "estimate"] - found.loc["papers-firm", "estimate"]
    # Not exactly: Poisson weighs by the means, which the effect moves.
    assert gain == pytest.approx(effect, rel=0.1)
    verdict = plan.verdicts(table).loc["C1", "verdict"]
    assert verdict == (SUPPORTED if effect > 0 else CONTRADICTED)


def test_an_effect_that_rises_before_the_date_is_a_lead_and_seen_earlier(
    panels: dict[str, pd.DataFrame],
) -> None:
    data = panels["editions"]
    level = data.groupby("university")["industry"].transform("mean")
    planted = data.assign(industry=level + 5 * data["exposure"] * (data["edition"] >= 2020))
    study = event_study(planted, plan.EDITIONS, variance="CR1")
    assert study.frame["estimate"].iloc[:4].to_numpy() == pytest.approx([-5.0] * 4, abs=0.5)
    assert study.frame["estimate"].iloc[-3:].to_numpy() == pytest.approx([0.0] * 3, abs=0.5)


def test_families_are_adjusted_by_holm(found: pd.DataFrame) -> None:
    primary = found[found["role"] == "primary"]
    for test in load_plan().test:
        if test.family is None:
            assert np.isnan(found.loc[test.id, "p_holm"])
    c1 = primary.loc[["industry", "papers-firm", "share-firm"], ["p_value", "p_holm"]]
    c1 = c1.sort_values("p_value")
    expected = np.minimum(np.maximum.accumulate(c1["p_value"] * [3, 2, 1]), 1)
    np.testing.assert_allclose(c1["p_holm"], expected)


def test_all_primary_tests_are_adjusted_together_beside_it(found: pd.DataFrame) -> None:
    primary = found[found["role"] == "primary"].sort_values("p_value")
    left = np.arange(len(primary), 0, -1)
    expected = np.minimum(np.maximum.accumulate(primary["p_value"] * left), 1)
    np.testing.assert_allclose(primary["p_all"], expected)
    assert found.loc[found["role"] == "secondary", "p_all"].isna().all()
    # The verdict is by the family, as planned.
    assert found.loc["papers-abroad", "p_holm"] < 0.05 < found.loc["papers-abroad", "p_all"]


def row(claim: str, estimate: float, p: float) -> dict[str, object]:
    verdict = UNCLEAR if p >= 0.05 else SUPPORTED if estimate > 0 else CONTRADICTED
    return {"claim": claim, "role": "primary", "verdict": verdict, "p_holm": p}


@pytest.mark.parametrize(
    ("tests", "said"),
    [
        ([(1.0, 0.01), (1.0, 0.5)], SUPPORTED),
        ([(-1.0, 0.01), (1.0, 0.5)], CONTRADICTED),
        ([(1.0, 0.01), (-1.0, 0.01)], UNCLEAR),
        ([(1.0, 0.06)], UNCLEAR),
    ],
)
def test_the_rule_over_several_tests(tests: list[tuple[float, float]], said: str) -> None:
    claims = ("C4", "C7", "C9")
    rows = [row("C1", *one) for one in tests] + [row(claim, 1.0, 0.5) for claim in claims]
    judged = plan.verdicts(pd.DataFrame(rows))
    assert judged.loc["C1", "verdict"] == said
    assert list(judged.index) == [f"C{n}" for n in range(1, 10)]
    untestable = judged["verdict"] == UNTESTABLE
    assert set(judged.index[untestable]) == {"C2", "C3", "C5", "C6", "C8"}
    assert (judged.loc[untestable, "reason"] != "").all()
    assert (judged["settled_by"] != "").all()


def test_a_test_that_is_not_planned_is_named() -> None:
    with pytest.raises(RegistryError, match="the plan has no test 'patents'; it has industry,"):
        plan.asked("patents", {})


def test_the_controls_are_those_of_the_register(panels: dict[str, pd.DataFrame]) -> None:
    data, design = plan.asked("papers-firm-controls", panels)
    assert len(design.controls) == 3
    assert did(data, design).clusters == 58
