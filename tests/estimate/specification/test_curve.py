"""The joint test against a permutation by hand, and what a curve does with what it cannot have."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from replication.errors import DesignError, NoVariationError
from replication.estimate.design import Design
from replication.estimate.many.permuted import orders
from replication.estimate.specification import Specification, curve, explained, specification_curve
from replication.estimate.specification.curve import CONTROLLED
from replication.estimate.verbs import did

DESIGN = Design(
    outcome="y", unit="u", cluster="u", effects=("u", "year"), model="ols", variance="CR1"
)


def panel(effect: float = 0.0, seed: int = 5) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    units, years = 14, 6
    rows = [(f"u{u:02d}", t, int(t >= 3)) for u in range(units) for t in range(years)]
    data = pd.DataFrame(rows, columns=["u", "year", "post"])
    doses = rng.standard_normal((2, units))
    at = data["u"].str[1:].astype(int)
    data["exposure"], data["other"] = doses[0][at], (doses[0] + 0.3 * doses[1])[at]
    y = rng.poisson(np.exp(1 + 0.2 * rng.standard_normal(len(data))))
    return data.assign(y=9.0 + y + effect * data["exposure"] * data["post"])


def specifications() -> list[Specification]:
    return [
        Specification(
            {"scale": scale, "exposure": e, "years": p}, p, DESIGN.but(scale=scale, exposure=e)
        )
        for p in ("all", "late")
        for scale in ("level", "asinh")
        for e in ("exposure", "other")
    ]


def panels(effect: float = 0.0, seed: int = 5) -> dict[str, pd.DataFrame]:
    data = panel(effect, seed)
    return {"all": data, "late": data[data["year"] > 0]}


def test_every_row_is_an_estimate_of_its_own() -> None:
    found = specification_curve(panels(), specifications(), draws=19)
    assert len(found.table) == 8
    for one, row in zip(specifications(), found.table.to_dict("records"), strict=True):
        direct = did(panels()[one.panel], one.design).frame.iloc[0]
        assert row["estimate"] == pytest.approx(direct["estimate"])
        assert row["p_value"] == pytest.approx(direct["p_value"])
        assert {k: row[k] for k in one.choices} == one.choices
    assert found.sorted["estimate"].is_monotonic_increasing


@pytest.mark.parametrize("direction", [1, -1])
def test_the_joint_test_is_that_of_refits_under_the_same_permutations(direction: int) -> None:
    """Each specification estimated again for each permutation, and the three statistics counted."""
    draws, chosen, tables = 39, specifications(), panels(0.4)
    names = sorted(tables["all"]["u"].unique())
    places = orders(names, draws=draws, seed=7).places
    median, predicted, significant = [], [], []
    for order in places:
        estimates, p_values = [], []
        for one in chosen:
            data = tables[one.panel]
            dose = data.groupby("u")[one.design.exposure].first().loc[names].to_numpy()
            given = dict(zip(names, dose[order], strict=True))
            data = data.assign(**{one.design.exposure: data["u"].map(given)})
            fit = did(data, one.design).frame.iloc[0]
            t = fit["estimate"] / fit["std_error"]
            estimates.append(direction * fit["estimate"])
            p_values.append(2 * stats.t.sf(abs(t), 13))
        estimates, p_values = np.array(estimates), np.array(p_values)
        median.append(np.median(estimates))
        predicted.append((estimates > 0).mean())
        significant.append(((estimates > 0) & (p_values < 0.05)).mean())
    found = specification_curve(tables, chosen, draws=draws, seed=7, direction=direction).joint
    for name, values in (
        ("median", median),
        ("share_predicted", predicted),
        ("share_significant", significant),
    ):
        p = np.mean(np.array(values) >= values[0] - 1e-12)
        assert found.loc[name, "p_value"] == pytest.approx(p), name
    assert found.loc["median", "observed"] == pytest.approx(direction * median[0])
    assert found.loc["share_predicted", "expected"] == pytest.approx(np.mean(predicted[1:]))
    assert (found["specifications"] == 8).all()


def test_the_joint_test_holds_its_level_and_finds_an_effect() -> None:
    """Fifty studies without an effect: rejections at 10 % are binomial."""
    p = [
        specification_curve(panels(seed=s), specifications(), draws=49, seed=s).joint["p_value"]
        for s in range(100, 150)
    ]
    rejected = (pd.DataFrame(p) <= 0.1).mean()
    assert (rejected < 0.1 + 4 * np.sqrt(0.09 / 50)).all()
    assert rejected["median"] > 0
    strong = specification_curve(panels(8.0), specifications(), draws=199).joint["p_value"]
    # Specifications that go together have one sign in half of all permutations, and all of them are
    # significant in some: the median tells an effect, and shares of few specifications hardly.
    assert strong["median"] <= 0.02
    assert strong["share_significant"] <= 0.05


def test_what_cannot_be_estimated_is_a_row_with_its_reason() -> None:
    tables = panels()
    flat = tables["all"].assign(exposure=1.0)
    chosen = [
        *specifications(),
        Specification({"scale": "level", "exposure": "exposure", "years": "flat"}, "flat", DESIGN),
    ]
    found = specification_curve({**tables, "flat": flat}, chosen, draws=9)
    last = found.table.iloc[-1]
    assert np.isnan(last["estimate"])
    assert last["reason"]
    assert len(found.sorted) == 8
    assert (found.joint["specifications"] == 8).all()


def test_controls_take_no_part_in_the_joint_test_and_say_so() -> None:
    """The other specifications have the same joint test with and without them."""
    more = [
        Specification(dict(one.choices) | {"scale": "controlled"}, one.panel, design)
        for one in specifications()[::4]
        for design in [one.design.but(controls=[("other", "year")])]
    ]
    found = specification_curve(panels(0.4), [*specifications(), *more], draws=19, seed=2)
    alone = specification_curve(panels(0.4), specifications(), draws=19, seed=2)
    pd.testing.assert_frame_equal(found.joint, alone.joint)
    assert found.table["reason"].eq("").all()
    assert found.table["not_permuted"].tolist() == [""] * 8 + [CONTROLLED] * 2


def test_where_nothing_can_be_permuted_the_estimates_are_still_there() -> None:
    one = specifications()[0]
    controlled = Specification(one.choices, "all", one.design.but(controls=[("other", "year")]))
    found = specification_curve(panels(), [controlled], draws=9)
    assert found.table["estimate"].notna().all()
    assert found.joint["p_value"].isna().all()
    assert (found.joint["specifications"] == 0).all()


def test_one_panel_under_two_names_counts_once() -> None:
    tables = panels()
    chosen = [*specifications(), Specification(specifications()[0].choices, "again", DESIGN)]
    with pytest.raises(DesignError, match="0 and 8 are the same rows and design"):
        specification_curve({**tables, "again": tables["all"].copy()}, chosen, draws=9)


def test_a_seed_is_a_curve() -> None:
    one, two = (specification_curve(panels(), specifications(), draws=29, seed=3) for _ in range(2))
    pd.testing.assert_frame_equal(one.table, two.table)
    pd.testing.assert_frame_equal(one.joint, two.joint)


def test_padding_and_gaps_are_refused() -> None:
    chosen = specifications()
    with pytest.raises(DesignError, match="0 and 8 are the same rows and design"):
        specification_curve(panels(), [*chosen, chosen[0]], draws=9)
    with pytest.raises(DesignError, match="needs the panel 'early'"):
        specification_curve(panels(), [Specification({"a": "b"}, "early", DESIGN)], draws=9)
    with pytest.raises(DesignError, match="name the same choices"):
        specification_curve(
            panels(), [chosen[0], Specification({"a": "b"}, "late", DESIGN)], draws=9
        )
    with pytest.raises(DesignError, match="direction is 1 or -1"):
        specification_curve(panels(), chosen, draws=9, direction=0)
    with pytest.raises(DesignError, match="needs a specification"):
        specification_curve(panels(), [], draws=9)


def test_shares_of_variance_are_those_of_an_analysis_of_variance() -> None:
    """In a balanced crossing Shapley values are the sums of squares of the main effects."""
    found = specification_curve(panels(0.4), specifications(), draws=9)
    table, y = found.table, found.table["estimate"]
    shares = explained(found, ["scale", "exposure", "years"])
    total = ((y - y.mean()) ** 2).sum()
    for name in ("scale", "exposure", "years"):
        means = table.groupby(name)["estimate"].transform("mean")
        assert shares.loc[name, "share"] == pytest.approx(((means - y.mean()) ** 2).sum() / total)
        by = table.groupby(name)["estimate"].mean()
        assert shares.loc[name, "spread"] == pytest.approx(by.max() - by.min())
    assert shares.loc["together", "share"] == pytest.approx(shares["share"].iloc[:-1].sum())
    alike = specification_curve(panels(), specifications()[:1], draws=9)
    with pytest.raises(NoVariationError, match="one estimate"):
        explained(alike, ["scale"])


def test_two_processes_find_what_one_finds() -> None:
    one, two = (
        specification_curve(panels(0.4), specifications(), draws=29, seed=3, jobs=jobs)
        for jobs in (1, 2)
    )
    pd.testing.assert_frame_equal(one.table, two.table)
    pd.testing.assert_frame_equal(one.joint, two.joint)


def test_an_interrupted_run_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first panel is done when the run is stopped; what it cost is not paid again."""
    asked: list[str] = []

    def stopped(data: pd.DataFrame, design: Design) -> object:
        asked.append(str(design.scale))
        if len(data) < len(panel()):
            raise KeyboardInterrupt
        return did(data, design)

    monkeypatch.setattr(curve, "did", stopped)
    with pytest.raises(KeyboardInterrupt):
        specification_curve(panels(), specifications(), draws=9, keep=tmp_path)
    assert len(asked) == 5
    asked.clear()
    monkeypatch.setattr(curve, "did", lambda d, g: (asked.append(""), did(d, g))[1])
    found = specification_curve(panels(), specifications(), draws=9, keep=tmp_path)
    assert len(asked) == 4
    whole = specification_curve(panels(), specifications(), draws=9)
    pd.testing.assert_frame_equal(found.table, whole.table)


@pytest.mark.parametrize("error", [ZeroDivisionError, FloatingPointError, np.linalg.LinAlgError])
def test_a_fit_that_fails_is_a_row_with_its_reason(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(data: pd.DataFrame, design: Design) -> object:
        if design.scale == "asinh":
            raise error("nothing came of it")
        return did(data, design)

    monkeypatch.setattr(curve, "did", fails)
    found = specification_curve(panels(), specifications(), draws=9)
    lost = found.table["scale"] == "asinh"
    assert (found.table.loc[lost, "reason"] == "nothing came of it").all()
    assert found.joint["specifications"].eq(4).all()


def test_the_spread_of_a_choice_holds_the_others_fixed() -> None:
    """A crossing with a hole: the raw means differ by more than the choice moves."""
    rows = [("a", "x", 0.0), ("a", "y", 10.0), ("b", "y", 11.0)]
    table = pd.DataFrame(rows, columns=["one", "two", "estimate"]).assign(reason="")
    found = explained(curve.Curve(table, pd.DataFrame()), ["one", "two"])
    assert found.loc["one", "spread"] == pytest.approx(1.0)
    assert found.loc["two", "spread"] == pytest.approx(10.0)
    means = table.groupby("one")["estimate"].mean()
    assert means.max() - means.min() == pytest.approx(6.0)
