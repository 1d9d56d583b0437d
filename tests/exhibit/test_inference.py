"""Exhibits of inference hold the numbers of the verbs, and say what is not possible."""

import numpy as np
import pandas as pd
import pytest

from replication.estimate.convention import CLUSTERED, CR2, CR3
from replication.estimate.design import STUDY, Design
from replication.estimate.few_clusters import (
    PERMUTED,
    WILD,
    compare,
    effective_clusters,
    jackknife,
    leave_one_out,
)
from replication.estimate.verbs import did
from replication.exhibit.inference import methods, recovery_figure, sizes_table
from tests.support.designs_panel import panel

METHODS = [CLUSTERED, CR2, CR3, WILD, PERMUTED]
COUNTS = STUDY.but(model="ppml")
LEVELS = STUDY.but(outcome="y", third="control_exposure")
QUESTIONS = {"counts": (panel(), COUNTS), "level": (panel(), LEVELS)}


@pytest.fixture(scope="module")
def shown():
    return methods(QUESTIONS)


def lone() -> tuple[pd.DataFrame, Design]:
    """One university alone is exposed: it cannot be spared."""
    data = panel()
    return data.assign(exposure=(data["university"] == "U05").astype(float)), LEVELS.but(third=None)


@pytest.mark.parametrize("name", QUESTIONS)
def test_methods_hold_what_the_verbs_find(shown, name):
    data, design = QUESTIONS[name]
    rows = shown.data[shown.data["claim"] == name].set_index("what")
    due = compare(data, design)
    columns = ["estimate", "lower", "upper", "p_value"]
    pd.testing.assert_frame_equal(rows.loc[METHODS, columns], due[columns], check_names=False)
    facts = effective_clusters(data, design)
    for fact in facts.index:
        assert rows.loc[fact, "value"] == facts[fact]
    without = leave_one_out(data, design)
    assert rows.loc["lowest without one", "value"] == without.iloc[0]
    assert rows.loc["highest without one", "value"] == without.iloc[-1]
    assert len(rows) == len(METHODS) + len(facts) + 2
    # From the verbs that estimate one coefficient.
    verdict = jackknife(data, design)
    assert rows.loc[CR3, "lower"] == pytest.approx(verdict["lower"])
    usual = did(data, design, variance="CR1").frame.iloc[0]
    assert rows.loc[CLUSTERED, "p_value"] == pytest.approx(usual["p_value"], rel=1e-6)


def number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".replace("-", "−")


@pytest.mark.parametrize("name", QUESTIONS)
def test_methods_print_what_they_hold(shown, name):
    printed = shown.printed.df[name]
    rows = shown.data[shown.data["claim"] == name].set_index("what")
    named = {m: f"{m}: the verdict's" if m == CR3 else m for m in METHODS}
    assert list(printed.index) == [
        "Estimate",
        *named.values(),
        "Effective clusters G*",
        "Largest cluster's share",
        "Without one cluster",
    ]
    assert printed["Estimate"] == number(rows.loc[CR3, "estimate"], 3)
    for method, label in named.items():
        row = rows.loc[method]
        p = (
            f"p = {row['p_value']:.3f}".replace("0.", ".")
            if row["p_value"] >= 0.001
            else "p < .001"
        )
        ends = f" ({number(row['lower'], 2)} to {number(row['upper'], 2)})"
        assert printed[label] == p + ("" if method == PERMUTED else ends)
    value = rows["value"]
    assert printed["Effective clusters G*"] == f"{value['effective']:.1f} of 14"
    assert printed["Largest cluster's share"] == f"{100 * value['largest_share']:.0f} %"
    assert printed["Without one cluster"] == " to ".join(
        number(value[f"{end} without one"], 2) for end in ("lowest", "highest")
    )


def test_numbers_below_zero_have_a_true_minus_sign(shown):
    data, design = QUESTIONS["level"]
    printed = methods({"less": (data.assign(y=-data["y"]), design)}).printed.df["less"]
    assert printed["Estimate"] == "−" + shown.printed.df.loc["Estimate", "level"]
    assert not printed.str.contains("-").any()
    assert printed[f"{CR3}: the verdict's"].count("−") >= 1


@pytest.mark.filterwarnings("ignore::replication.errors.FewClustersWarning")
def test_a_method_that_is_not_possible_is_said():
    table = methods({"lone": lone(), "level": QUESTIONS["level"]})
    printed = table.printed.df["lone"]
    assert printed[f"{CR3}: the verdict's"] == "not possible"
    assert printed["Without one cluster"] == ""
    assert printed[CLUSTERED].startswith("p ")
    rows = table.data.set_index(["claim", "what"])
    assert "without 'U05' the treatment does not vary" in rows.loc[("lone", CR3), "reason"]
    assert np.isnan(rows.loc[("lone", CR3), "p_value"])
    assert np.isnan(rows.loc[("lone", "lowest without one"), "value"])
    assert table.printed.df.loc[f"{CR3}: the verdict's", "level"] != "not possible"


# Sizes --------------------------------------------------------------------------------------------


def sizes(**rejected: float) -> pd.DataFrame:
    rows = [name.split("__") for name in rejected]
    table = pd.DataFrame(rows, columns=["method", "claim", "model"])
    return table.assign(rejected=list(rejected.values()), rate_error=0.01, studies=400)


def test_sizes_print_both_levels_by_method_claim_and_model():
    five = sizes(B__C1__PPML=0.0525, B__C2__PPML=0.05, A__C1__PPML=0.1, A__C2__PPML=0.0449)
    one = sizes(A__C2__PPML=0.0, A__C1__PPML=0.0275, B__C2__PPML=0.01, B__C1__PPML=0.011)
    five = pd.concat([five, sizes(A__C2__OLS=0.5)], ignore_index=True)
    one = pd.concat([one, sizes(A__C2__OLS=0.25)], ignore_index=True)
    table = sizes_table(five, one)
    printed = table.printed.df
    assert list(printed.columns) == ["C1, PPML", "C2, PPML", "C2, OLS"]
    assert list(printed.index) == ["B", "A"]
    assert printed.loc["B"].tolist() == ["5.2 / 1.1", "5.0 / 1.0", ""]
    assert printed.loc["A"].tolist() == ["10.0 / 2.8", "4.5 / 0.0", "50.0 / 25.0"]
    held = table.data.set_index(["method", "claim", "model"])
    assert held.loc[("A", "C1", "PPML"), ["rejected", "rejected_strict"]].tolist() == [0.1, 0.0275]
    assert set(held) == {
        *("rejected", "rate_error", "studies"),
        *("rejected_strict", "rate_error_strict", "studies_strict"),
    }


def test_a_size_that_is_there_twice_is_refused():
    five = sizes(A__C1__PPML=0.05)
    with pytest.raises(pd.errors.MergeError):
        sizes_table(pd.concat([five, five]), five)


# Recovery -----------------------------------------------------------------------------------------


def test_recovery_draws_and_says_its_shares():
    shares = pd.DataFrame(
        {
            "recovered": [0.75, 0.5],
            "direction": [0.125, 0.25],
            "unclear": [0.125, 0.0],
            "wrong": [0.0, 0.25],
            "invented": [0.0625, 0.03],
            "studies": 8,
            "studies_none": 16,
        },
        index=pd.Index(["C2", "C1"], name="claim"),
    )
    figure = recovery_figure(shares, pd.Series({"C1": "C1 first", "C2": "C2 second"}))
    (axes,) = figure.canvas.axes
    drawn = {line.get_label(): line for line in axes.get_lines()}
    due = {
        "recovered, where planted": [0.75, 0.5],
        "significant, where planted": [0.875, 0.75],
        "significant, where nothing is planted": [0.0625, 0.03],
    }
    for label, values in due.items():
        np.testing.assert_array_equal(drawn[label].get_xdata(), values)
        np.testing.assert_array_equal(drawn[label].get_ydata(), [0, 1])
    assert [t.get_text() for t in axes.get_yticklabels()] == ["C2 second", "C1 first"]
    # The first claim is at the top.
    assert axes.get_ylim()[0] > axes.get_ylim()[1]
    assert {text.get_text() for text in axes.get_legend().get_texts()} == set(due)
    at = sorted(line.get_xdata()[0] for line in axes.get_lines() if len(set(line.get_xdata())) == 1)
    assert at == [0.05, 0.8]
    assert figure.data.to_dict("list") == {
        "claim": ["C2", "C1"],
        "name": ["C2 second", "C1 first"],
        "recovered": [0.75, 0.5],
        "direction": [0.125, 0.25],
        "invented": [0.0625, 0.03],
    }
    assert figure.alt == (
        "Dot chart of how often each claim is found in simulated studies. C2 second: 0.75 "
        "recovered, 0.06 without effect; C1 first: 0.50 recovered, 0.03 without effect."
    )
