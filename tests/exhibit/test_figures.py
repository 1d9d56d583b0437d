"""A figure draws its data, says them in words, and leaves nothing behind."""

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from replication.config import ROOT
from replication.errors import MissingColumnError, NoVariationError
from replication.estimate.verbs import did, event_study, poisson
from replication.exhibit import article, figures, theme
from replication.exhibit.render import to_png
from replication.exhibit.studies import power_figure
from replication.exhibit.theme import Figure
from replication.records.article import load_context, load_timeline
from tests.support.designs_panel import panel

POWER = ROOT / "results" / "A2_design" / "fig-power-effect.csv"
TRUTH = pd.Series({-4: 0.0, -3: 0.01, -2: 0.02, 0: 0.2, 1: 0.3, 2: 0.4, 3: 0.5})


def sample() -> pd.DataFrame:
    data = panel()
    return data.assign(
        event_time=data["year"] - 2015, exposure_high=(data["exposure"] > 0).astype(int)
    )


def make_trends() -> Figure:
    return figures.trends(sample(), "patents_joint")


def make_event_study() -> Figure:
    data = sample()
    studies = {"OLS": event_study(data, outcome="y"), "Counts": event_study(data, model="ppml")}
    return figures.event_study(studies, truth=TRUTH)


def make_estimates() -> Figure:
    data = sample()
    models = {"B": did(data, outcome="y"), "A": poisson(data)}
    return figures.estimates(models, {"B": 0.5, "A": 0.25})


def make_histogram() -> Figure:
    return figures.histogram(sample(), "patents_joint", top=4)


MAKERS = [make_trends, make_event_study, make_estimates, make_histogram]
makers = pytest.mark.parametrize("make", MAKERS, ids=lambda f: f.__name__)


def make_flow() -> Figure:
    return article.flow(load_context())


def make_timeline() -> Figure:
    return article.timeline(load_timeline(), sample())


def make_power() -> Figure:
    return power_figure(pd.read_csv(POWER), "scale", "planted effect", mark=1.0)


ALL_MAKERS = [*MAKERS, make_flow, make_timeline, make_power]
every_maker = pytest.mark.parametrize("make", ALL_MAKERS, ids=lambda f: f.__name__)


def axes_of(figure: Figure) -> Axes:
    (axes,) = figure.canvas.axes
    return axes


def numbers(text: str) -> list[float]:
    return [float(x) for x in re.findall(r"-?\d+\.\d+", text)]


def test_trends_draw_the_means_of_both_groups() -> None:
    figure = make_trends()
    data = sample()
    drawn = {
        tuple(np.round(line.get_ydata(), 12))
        for line in axes_of(figure).get_lines()
        if len(line.get_xdata()) == 8
    }
    due = {
        tuple(np.round(group.groupby("year")["patents_joint"].mean(), 12))
        for _, group in data.groupby("exposure_high")
    }
    assert drawn == due
    wide = figure.data.pivot(index="year", columns="exposure_high", values="patents_joint")
    assert {tuple(np.round(wide[c], 12)) for c in wide} == due
    (mark,) = [line for line in axes_of(figure).get_lines() if line.get_linestyle() == ":"]
    assert list(mark.get_xdata()) == [2014.5, 2014.5]
    names = {text.get_text() for text in axes_of(figure).get_legend().get_texts()}
    assert names == {"more exchange than the median", "less exchange"} == set(wide.columns)


def test_trends_tell_the_ends_of_both_groups() -> None:
    figure = make_trends()
    ends = figure.data[figure.data["year"].isin([2011, 2014, 2018])]
    assert sorted(numbers(figure.alt)) == sorted(round(v, 2) for v in ends["patents_joint"])
    assert "joint applications by year in 2 groups" in figure.alt


def test_groups_without_a_name_keep_their_value() -> None:
    figure = figures.trends(sample(), "y", by="discipline", names={"D1": "first"})
    assert set(figure.data["discipline"]) == {"first", "D2", "D3", "D4", "D5", "D6"}
    assert "in 6 groups" in figure.alt
    assert "y, a cell and year" in axes_of(figure).get_ylabel()


def test_an_event_study_draws_every_period_and_interval() -> None:
    figure = make_event_study()
    axes = axes_of(figure)
    data = sample()
    for i, (name, estimate) in enumerate(
        {"OLS": event_study(data, outcome="y"), "Counts": event_study(data, model="ppml")}.items()
    ):
        rows = figure.data[figure.data["design"] == name]
        assert rows["event_time"].tolist() == list(range(-4, 4))
        points, _, (bars,) = axes.containers[i]
        np.testing.assert_array_equal(points.get_ydata(), rows["estimate"])
        np.testing.assert_array_equal(points.get_xdata(), rows["event_time"] + (-0.08, 0.08)[i])
        ends = np.array([segment[:, 1] for segment in bars.get_segments()])
        np.testing.assert_allclose(ends, rows[["lower", "upper"]])
        free = rows[rows["event_time"] != -1]
        np.testing.assert_array_equal(free["estimate"], estimate.frame["estimate"])
        np.testing.assert_array_equal(free["upper"], estimate.frame["upper"])
        assert (rows.loc[rows["event_time"] == -1, ["estimate", "lower", "upper"]] == 0).all(None)
    (step,) = [line for line in axes.get_lines() if line.get_linestyle() == "--"]
    np.testing.assert_array_equal(step.get_ydata(), TRUTH.reindex(range(-4, 4), fill_value=0.0))


def test_thin_bars_are_simultaneous_bands_and_thick_ones_intervals() -> None:
    figure = make_event_study()
    data, axes = sample(), axes_of(figure)
    lines = [c for c in axes.collections if np.allclose(c.get_linewidth(), 0.9)]
    assert len(lines) == 2
    thick = axes.containers[0][2][0].get_linewidth()[0]
    for i, (name, options) in enumerate(
        {"OLS": {"outcome": "y"}, "Counts": {"model": "ppml"}}.items()
    ):
        rows = figure.data[figure.data["design"] == name].set_index("event_time")
        band = event_study(data, **options).simultaneous()
        free = rows.drop(index=-1)
        np.testing.assert_array_equal(free["band_lower"], band["lower"])
        np.testing.assert_array_equal(free["band_upper"], band["upper"])
        # All periods at once need more room than each by itself.
        assert (free["band_lower"] < free["lower"]).all()
        assert (free["band_upper"] > free["upper"]).all()
        assert rows.loc[-1, ["band_lower", "band_upper"]].tolist() == [0, 0]
        ends = np.array([segment[:, 1] for segment in lines[i].get_segments()])
        np.testing.assert_allclose(ends, rows[["band_lower", "band_upper"]])
        at = np.array([segment[0, 0] for segment in lines[i].get_segments()])
        np.testing.assert_allclose(at, rows.index + (-0.08, 0.08)[i])
        assert thick > lines[i].get_linewidth()[0]


def test_an_event_study_tells_its_ranges_in_the_order_of_its_designs() -> None:
    figure = make_event_study()
    first, second = (figure.data[figure.data["design"] == n] for n in ("OLS", "Counts"))
    said = []
    for rows in (first, second):
        free = rows[rows["event_time"] != -1]
        for part in (free[free["event_time"] < 0], free[free["event_time"] >= 0]):
            said += [round(part["estimate"].min(), 3), round(part["estimate"].max(), 3)]
    assert numbers(figure.alt) == [*said, 0.0, 0.02, 0.2, 0.5]
    leads = first[first["event_time"] < -1]
    missed = int(((leads["lower"] > 0) | (leads["upper"] < 0)).sum())
    assert f"{missed} of 3 intervals before treatment exclude zero" in figure.alt


def test_a_period_without_a_truth_has_none_drawn() -> None:
    study = {"OLS": event_study(sample(), outcome="y")}
    figure = figures.event_study(study, truth=TRUTH.drop(3))
    truth = figure.data.set_index("event_time")["target"]
    assert np.isnan(truth[3])
    assert truth[-1] == 0


def test_another_reference_period_is_drawn_and_told() -> None:
    study = event_study(sample(), outcome="y", reference=-3)
    figure = figures.event_study({"OLS": study})
    zero = figure.data.set_index("event_time")["estimate"] == 0
    assert zero[zero].index.tolist() == [-3]
    leads = study.frame["estimate"].iloc[:3]
    assert numbers(figure.alt)[:2] == [round(leads.min(), 3), round(leads.max(), 3)]


def test_a_forest_draws_estimates_intervals_and_targets_in_order() -> None:
    figure = make_estimates()
    axes = axes_of(figure)
    (container,) = axes.containers
    points, _, (bars,) = container
    np.testing.assert_array_equal(points.get_xdata(), figure.data["estimate"])
    ends = np.array([segment[:, 0] for segment in bars.get_segments()])
    np.testing.assert_allclose(ends, figure.data[["lower", "upper"]])
    (targets,) = [line for line in axes.get_lines() if line.get_marker() == "D"]
    assert list(targets.get_xdata()) == [0.5, 0.25] == figure.data["target"].tolist()
    assert [t.get_text() for t in axes.get_yticklabels()] == ["B", "A"]
    assert axes.yaxis.get_inverted()
    model = did(sample(), outcome="y").frame.iloc[0]
    assert figure.data.loc[0, ["estimate", "std_error"]].tolist() == [
        model["estimate"],
        model["std_error"],
    ]
    due = figure.data[["estimate", "lower", "upper", "target"]].to_numpy(dtype=float).ravel()
    assert numbers(figure.alt) == [round(v, 3) for v in due]


def test_a_forest_draws_the_term_it_is_asked_for() -> None:
    data = sample().assign(second=lambda d: d["post"] * d["x1"])
    model = did(data, outcome="y", treatment=["x1", "second"])
    first, second = (
        figures.estimates({"A": model}, term=term).data.loc[0, "estimate"]
        for term in (None, "second")
    )
    assert [first, second] == model.frame["estimate"].tolist()


def test_an_event_study_names_its_periods_as_it_is_told() -> None:
    study = {"OLS": event_study(sample(), outcome="y")}
    labels = [
        axes_of(figures.event_study(study, **options)).get_xlabel()
        for options in ({}, {"xlabel": "editions"})
    ]
    assert labels == ["years since the first treated year", "editions"]


def test_a_histogram_draws_shares_that_add_up_to_one() -> None:
    figure = make_histogram()
    counts = sample()["patents_joint"]
    assert figure.data["count"].tolist() == [0, 1, 2, 3, 4]
    due = [(counts == k).mean() for k in range(4)] + [(counts >= 4).mean()]
    np.testing.assert_allclose(figure.data["share"], due)
    bars = axes_of(figure).patches
    np.testing.assert_allclose([bar.get_height() for bar in bars], due)
    assert [bar.get_x() + bar.get_width() / 2 for bar in bars] == [0, 1, 2, 3, 4]
    assert numbers(figure.alt) == [round(100 * due[0], 1), round(100 * due[-1], 1)]
    assert "have 4 or more" in figure.alt


def test_a_histogram_of_small_counts_has_no_bar_for_large_ones() -> None:
    counts = pd.DataFrame({"hires_overseas": [0, 1, 1, 2]})
    figure = figures.histogram(counts, "hires_overseas")
    assert figure.alt == (
        "Bar chart of overseas hires: 25.0 % of cells and years have none, 25.0 % have 2 or more."
    )


@makers
def test_an_alternative_text_is_sentences_of_numbers(make: Callable[[], Figure]) -> None:
    alt = make().alt
    assert alt[0].isupper()
    assert alt.endswith(".")
    assert numbers(alt)
    assert "nan" not in alt


@makers
def test_a_figure_leaves_no_state_behind(make: Callable[[], Figure]) -> None:
    from matplotlib import pyplot as plt

    before = dict(mpl.rcParams)
    figure = make()
    assert dict(mpl.rcParams) == before
    assert plt.get_fignums() == []
    assert (figure.canvas.get_figwidth(), figure.canvas.dpi) == (7.0, 200)


def colours(figure: Figure) -> set[str]:
    """Colours of what a figure draws, without greys."""
    axes = axes_of(figure)
    artists = [*axes.get_lines(), *axes.patches]
    used = {
        to_hex(a.get_color() if hasattr(a, "get_color") else a.get_facecolor()) for a in artists
    }
    points = [c for drawn in axes.collections for c in drawn.get_facecolors()]
    used |= {to_hex(colour) for colour in points}
    return {c for c in used if not c[1:3] == c[3:5] == c[5:7]}


@every_maker
def test_colours_are_of_the_palette_for_the_colour_blind(make: Callable[[], Figure]) -> None:
    palette = {to_hex(colour) for colour in sns.color_palette("colorblind")}
    assert colours(make()) <= palette
    assert colours(make())


@every_maker
def test_one_line_changes_the_colours_of_every_figure(
    make: Callable[[], Figure], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = ["#663399", "#884400", "#005500", "#000077"]
    monkeypatch.setattr(theme, "PALETTE", other)
    assert colours(make())
    assert colours(make()) <= set(other)


def test_only_the_theme_names_colours() -> None:
    named = re.compile(r"""color=["']|palette\(["']|["']#[0-9a-f]{6}|["']0\.\d+["']""")
    for path in Path(theme.__file__).parent.glob("*.py"):
        found = named.findall(path.read_text(encoding="utf-8"))
        assert bool(found) == (path.name == "theme.py"), (path.name, found)


@makers
def test_text_is_dark_on_a_white_ground(make: Callable[[], Figure]) -> None:
    figure = make()
    axes = axes_of(figure)
    assert to_hex(figure.canvas.get_facecolor()) == to_hex(axes.get_facecolor()) == "#ffffff"
    for text in (axes.xaxis.label, axes.yaxis.label, *axes.get_xticklabels()):
        assert max(int(to_hex(text.get_color())[i : i + 2], 16) for i in (1, 3, 5)) < 0x60
        assert text.get_fontsize() >= 8


@pytest.mark.parametrize(
    ("call", "column"),
    [
        (lambda d: figures.trends(d.drop(columns="year")), "year"),
        (lambda d: figures.trends(d, "sales"), "sales"),
        (lambda d: figures.trends(d, by="rich"), "rich"),
        (lambda d: figures.histogram(d, "sales"), "sales"),
    ],
)
def test_a_missing_column_is_named(call: Callable[[pd.DataFrame], Figure], column: str) -> None:
    with pytest.raises(MissingColumnError, match=f"column '{column}' is needed for the"):
        call(sample())


def test_a_panel_without_treatment_has_no_year_to_mark() -> None:
    with pytest.raises(NoVariationError, match="no row has event_time 0"):
        figures.trends(sample().query("year < 2015"))


DRAW = """
import hashlib, sys
sys.path.insert(0, "")
import matplotlib as mpl
from tests.exhibit import test_figures
from replication.exhibit.render import to_png
mpl.rcParams.update(eval(sys.argv[1]))
for make in test_figures.MAKERS:
    print(hashlib.sha256(to_png(make())).hexdigest())
"""


def test_a_drawing_is_the_same_in_every_process_and_setting() -> None:
    here = [hashlib.sha256(to_png(make())).hexdigest() for make in MAKERS]
    settings = "{'savefig.dpi': 50, 'font.size': 20, 'lines.linewidth': 9, 'savefig.bbox': 'tight'}"
    done = subprocess.run(
        [sys.executable, "-c", DRAW, settings],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "2"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == here
