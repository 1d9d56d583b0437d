"""Charts of published figures: which figures are charts, what is drawn, the table of a long one."""

import sys

import pandas as pd
import pytest
from bs4 import BeautifulSoup

from replication.config import ROOT

sys.path.insert(0, str(ROOT / "book" / "_ext"))

import finish_charts
from finish_registry import registry

BY_YEAR = pd.DataFrame(
    {
        "design": ["PPML"] * 3,
        "event_time": [-2, -1, 0],
        "estimate": [0.02, 0.0, 0.3],
        "lower": [-0.1, 0.0, 0.1],
        "upper": [0.14, 0.0, 0.5],
        "target": [0.0, 0.0, float("nan")],
    }
)


def test_an_event_study_lies_along_event_time() -> None:
    chart = finish_charts.chart_of(BY_YEAR)
    assert chart
    assert chart.drawn["along"] == "time"
    assert chart.drawn["at"] == [-2, -1, 0]
    assert chart.drawn["estimate"] == [0.02, 0.0, 0.3]
    assert chart.drawn["target"] == [0.0, 0.0, None]


def test_many_estimates_stand_in_order_with_their_choices() -> None:
    many = pd.DataFrame(
        {
            "R6": ["log", "Poisson"] * 30,
            "estimate": [*range(59), float("nan")],
            "lower": -1.0,
            "upper": 70.0,
            "reason": [""] * 59 + ["no variation"],
        }
    ).iloc[::-1]
    chart = finish_charts.chart_of(many)
    assert chart
    assert (chart.drawn["along"], chart.drawn["missing"]) == ("rank", 1)
    assert chart.drawn["estimate"] == list(range(59))
    (name, choice), *others = chart.drawn["texts"].items()
    assert name == "R6 Scale of the outcome"
    assert [choice["said"][n] for n in choice["of"]][:3] == ["log", "Poisson", "log"]
    assert not others


@pytest.mark.parametrize("lacks", ["estimate", "lower", "upper"])
def test_numbers_without_an_interval_are_no_chart(lacks: str) -> None:
    assert finish_charts.chart_of(BY_YEAR.drop(columns=lacks)) is None


@pytest.mark.parametrize("column", ["planted", "dose"])
def test_a_figure_that_draws_more_stays_a_picture(column: str) -> None:
    """Marks beside the estimates, or another axis: the chart would lose them."""
    assert finish_charts.chart_of(BY_YEAR.assign(**{column: 0.5})) is None


def test_every_published_curve_and_event_study_is_one() -> None:
    results = ROOT / "results"
    exhibits = registry(results)
    charts = {
        name for name in exhibits if finish_charts.load_chart(exhibits[name], results) is not None
    }
    asked = {
        name for name in exhibits if "event" in name or "curve" in name or name == "fig-claims"
    }
    assert asked >= {"fig-event-study", "fig-ddd-event-study", "fig-curve-c1", "fig-open-curve"}
    assert asked - {name for name in asked if name.startswith("tab-")} <= charts


@pytest.mark.parametrize("name", ["fig-curve-c1", "fig-open-curve"])
def test_the_table_of_a_curve_has_every_estimate(name: str) -> None:
    exhibit = registry(ROOT / "results")[name]
    published = pd.read_csv(ROOT / "results" / exhibit.chapter / f"{name}.csv")
    page = finish_charts.long_table(exhibit, ROOT / "results")
    assert page
    table = BeautifulSoup(page, "lxml").table
    assert table
    heads = [head.get_text() for head in table.select("thead th")]
    at = heads.index("Estimate")
    shown = [row.select("td")[at].get_text() for row in table.select("tbody tr")]
    known = published["estimate"].dropna().sort_values()
    assert [float(text.replace("−", "-")) for text in shown] == known.round(3).to_list()
    assert not [head for head in heads if "_" in head]


def test_what_could_end_the_script_is_escaped() -> None:
    soup = BeautifulSoup("<figure></figure>", "lxml")
    assert soup.figure
    exhibits = registry(ROOT / "results")
    finish_charts.add_chart(soup, soup.figure, exhibits["fig-curve-c1"], ROOT / "results")
    assert soup.script
    assert "<" not in soup.script.get_text()
