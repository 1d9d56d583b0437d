"""Exhibits of the evidence on real universities: what they print is what they are given."""

from itertools import combinations

import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from replication.config import ROOT
from replication.errors import MissingColumnError
from replication.exhibit import evidence
from replication.records.plan import load_plan
from replication.records.registry import load_claims

CLAIMS = [f"C{n}" for n in range(1, 10)]


@pytest.fixture
def judged() -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "verdict": "not testable",
            "tests": 0,
            "smallest_p": float("nan"),
            "settled_by": "records",
        },
        index=pd.Index(CLAIMS, name="claim"),
    )
    table.loc["C1", ["verdict", "tests", "smallest_p"]] = ["direction supported", 3, 0.0123]
    table.loc["C4", ["verdict", "tests", "smallest_p"]] = ["contradicted", 1, 0.5]
    return table


@pytest.fixture
def sides(judged: pd.DataFrame) -> pd.DataFrame:
    recovery = pd.DataFrame({"recovered": 0.5, "direction": 0.25}, index=CLAIMS)
    return evidence.sides(judged, recovery)


def test_each_source_says_its_own(sides: pd.DataFrame) -> None:
    assert sides.loc["C1", "real"] == "direction supported (3 tests, p ≥ .012)"
    assert sides.loc["C4", "real"] == "contradicted (one test, p = .500)"
    assert sides.loc["C2", "real"] == "not testable"
    assert set(sides["simulated"]) == {"planted, and recovered in 50 % of studies"}
    assert sides["short"].to_list() == load_claims()["short"].to_list()


def test_the_figure_of_the_claims_draws_every_text(sides: pd.DataFrame) -> None:
    figure = evidence.claims_figure(sides)
    (axes,) = figure.canvas.axes
    drawn = " ".join(text.get_text().replace("\n", " ") for text in axes.texts)
    for column in evidence.COLUMNS:
        for said in sides[column]:
            assert said in drawn
            assert column in ("abstract", "settled_by") or said in figure.alt
    assert list(figure.data["claim"]) == CLAIMS
    with pytest.raises(MissingColumnError, match="'real' is needed for the figure of the claims"):
        evidence.claims_figure(sides.drop(columns="real"))


def test_the_figure_of_the_claims_can_be_read(judged: pd.DataFrame) -> None:
    """No text lies on another or runs out, with the real plan's words; eleven pixels at 40 rem."""
    for claim, said in load_plan().settled.items():
        judged.loc[claim, "settled_by"] = said
    for row in load_plan().untestable:
        judged.loc[row.claim, "settled_by"] = row.settled_by
    tested = ["C1", "C4", "C7", "C9"]
    judged.loc[tested, ["verdict", "tests"]] = ["not distinguishable from zero", 3]
    judged.loc[tested, "smallest_p"] = 0.888
    recovery = pd.DataFrame({"recovered": 0.88, "direction": 0.0}, index=CLAIMS)
    canvas = FigureCanvasAgg(evidence.claims_figure(evidence.sides(judged, recovery)).canvas)
    canvas.draw()
    (axes,) = canvas.figure.axes
    boxes = [(t.get_text(), t.get_window_extent(canvas.get_renderer())) for t in axes.texts]
    for (one, box), (other, beside) in combinations(boxes, 2):
        assert not box.overlaps(beside), (one, other)
    assert all(box.x1 <= canvas.figure.bbox.x1 for _, box in boxes)
    pixels = 640 / canvas.figure.get_figwidth() / 72
    assert min(t.get_fontsize() for t in axes.texts) * pixels >= 11
    style = (ROOT / "book" / "_static" / "custom.css").read_text(encoding="utf-8")
    rule = style.split(".cell_output:has(#fig-evidence) img")[1].split("}")[0]
    assert "min-width: 40rem" in rule


def test_the_plan_is_printed_whole() -> None:
    table = evidence.plan_table()
    assert table.data["id"].to_list() == [test.id for test in load_plan().test]
    assert table.data["estimand"].to_list() == [test.estimand for test in load_plan().test]
    assert len(evidence.departures_table().data) == len(load_plan().departure) > 0


def test_tests_are_printed_by_role() -> None:
    rows = pd.DataFrame(
        {
            "claim": ["C1", "C1"], "role": ["primary", "secondary"], "estimate": [-0.1234, 2.5],
            "lower": [-0.5, -1.25], "upper": [0.25, 12.0], "p_value": [0.2, 0.3],
            "p_holm": [0.4, float("nan")], "p_all": [0.6, float("nan")],
            "universities": [46, 58], "effective": [19.17, 15.9],
        },
        index=pd.Index(["a", "b"], name="test"),
    )  # fmt: skip
    first = evidence.estimates_table(rows, "primary")
    assert first.printed.df.loc["a", "95 % interval"] == "−0.500 to 0.250"
    assert first.printed.df.loc["a", "Estimate"] == "−0.123"
    assert first.data["test"].to_list() == ["a"]
    assert list(first.printed.df)[3:6] == ["p", "Holm", "All"]
    with_joint = evidence.estimates_table(rows.assign(p_romano_wolf=[0.35, 0.0]), "primary")
    assert with_joint.printed.df.loc["a", "R–W"] == "0.350"
    second = evidence.estimates_table(rows, "secondary").printed.df
    assert not {"Holm", "All"} & set(second)
    assert second.loc["b", "95 % interval"] == "−1.25 to 12.00"


def test_single_facts_keep_their_precision() -> None:
    table = evidence.facts_table({"a share, %": (-12.345, "{:.0f}"), "a sum": (1234.5, "{:,.1f}")})
    assert table.printed.df["value"].to_list() == ["−12", "1,234.5"]
    assert table.data["value"].to_list() == [-12.345, 1234.5]


def test_bins_say_their_ends_in_words() -> None:
    bins = pd.DataFrame({"universities": [5, 6], "exposure": [-1.0, 1.5], "change": [0.25, -0.5]})
    figure = evidence.bins_figure(bins, "change")
    said = "Dots of 2 bins of 5 to 6 universities; change: 0.25 at −1.00 and −0.50 at 1.50."
    assert figure.alt == said
    pd.testing.assert_frame_equal(figure.data, bins)
