"""Figures in one theme, each with the numbers it draws and an alternative text made from them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import matplotlib as mpl
import matplotlib.ticker
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from replication.errors import NoVariationError
from replication.estimate.designs import Estimate, event_frame
from replication.exhibit.tables import WORDS
from replication.records.checks import require_columns

WIDTH = 7.0
"""Inches; the width of a journal's text block."""


@dataclass(frozen=True)
class Figure:
    """A drawing, the numbers in it, and what it shows in words.

    Attributes
    ----------
    canvas : matplotlib Figure
    data : DataFrame
        What is drawn; this is written and checked.
    alt : str
        Alternative text, computed from `data`.
    """

    canvas: Canvas
    data: pd.DataFrame
    alt: str


@contextmanager
def _theme(height: float) -> Iterator[Axes]:
    """One pair of axes in the project's theme: dark ink on white, for print and both modes."""
    style = {"font.family": "DejaVu Sans", "axes.grid": True, "grid.color": "#e5e7eb"}
    with (
        sns.axes_style("ticks", style),
        sns.plotting_context("paper", font_scale=1.1),
        mpl.rc_context({"figure.dpi": 150, "savefig.dpi": 150}),
        sns.color_palette("colorblind"),
    ):
        canvas = Canvas(figsize=(WIDTH, height), layout="constrained")
        axes = canvas.subplots()
        yield axes
        sns.despine(fig=canvas)


def _figure(axes: Axes, data: pd.DataFrame, alt: str) -> Figure:
    return Figure(cast(Canvas, axes.figure), data, alt)


def trends(
    panel: pd.DataFrame,
    outcome: str = "patents_joint",
    by: str = "exposure_high",
    names: Mapping[Any, str] | None = None,
) -> Figure:
    """Mean outcome by year in groups, with the last year before treatment marked.

    Parameters
    ----------
    panel : DataFrame
        With ``year``, ``event_time``, `outcome` and `by`.
    outcome, by : str
    names : mapping, optional
        Names of the groups.

    Raises
    ------
    MissingColumnError
    NoVariationError
        If no row is of the first treated year.
    """
    require_columns(panel, ["year", "event_time", outcome, by], "the trends")
    treated = panel.loc[panel["event_time"] == 0, "year"]
    if treated.empty:
        raise NoVariationError("no row has event_time 0: there is no first treated year to mark")
    first = int(treated.iloc[0])
    names = names or {1: "more exchange than the median", 0: "less exchange"}
    data = panel.groupby(["year", by])[outcome].mean().reset_index()
    data[by] = [names.get(group, str(group)) for group in data[by]]
    with _theme(3.6) as axes:
        sns.lineplot(data, x="year", y=outcome, hue=by, style=by, markers=True, ax=axes)
        axes.axvline(first - 0.5, color="0.35", linestyle=":", linewidth=1.2)
        # On a log scale, groups that grow by the same rate are parallel.
        axes.set(xlabel="", ylabel=f"mean {_words(outcome)}, a cell and year", yscale="log")
        axes.yaxis.set_major_locator(mpl.ticker.MaxNLocator(6, min_n_ticks=4))
        axes.yaxis.set_major_formatter(mpl.ticker.ScalarFormatter())
        axes.yaxis.set_minor_formatter(mpl.ticker.NullFormatter())
        axes.legend(title="", frameon=False)
    ends = data[data["year"].isin([data["year"].min(), first - 1, data["year"].max()])]
    parts = [
        f"{group}: "
        + ", ".join(f"{y:.2f} in {t}" for t, y in zip(g["year"], g[outcome], strict=True))
        for group, g in ends.groupby(by, sort=False)
    ]
    alt = (
        f"Line chart of mean {_words(outcome)} by year in {len(parts)} groups. {'; '.join(parts)}."
    )
    return _figure(axes, data, alt)


def _words(column: str) -> str:
    return WORDS.get(column, column.replace("_", " "))


def event_study(
    estimates: Mapping[str, Estimate],
    truth: pd.Series | None = None,
    reference: int = -1,
    ylabel: str = "effect of one SD of exposure",
    xlabel: str = "years since the first treated year",
) -> Figure:
    """Coefficients by period with 95 % intervals, and the planted truth as a step beside them.

    Parameters
    ----------
    estimates : mapping of str to Estimate
        Event studies by name.
    truth : Series, optional
        True effect by event time.
    reference : int
    ylabel, xlabel : str
    """
    data = pd.concat(
        {name: event_frame(e, reference) for name, e in estimates.items()}, names=["design"]
    ).reset_index()
    data = data[["design", "event_time", "estimate", "std_error", "lower", "upper"]]
    if truth is not None:
        # The reference has no coefficient; the truth is measured against it too.
        data["truth"] = data["event_time"].map(truth).mask(data["event_time"] == reference, 0.0)
    with _theme(4.0) as axes:
        axes.axhline(0, color="0.35", linewidth=0.8)
        axes.axvline(reference + 0.5, color="0.35", linestyle=":", linewidth=1.2)
        if truth is not None:
            steps = data.drop_duplicates("event_time")
            axes.step(
                steps["event_time"],
                steps["truth"],
                where="mid",
                color="0.2",
                linestyle="--",
                linewidth=1.4,
                label="planted truth, log of the mean",
            )
        for i, (name, d) in enumerate(data.groupby("design", sort=False)):
            shift = 0.16 * (i - (len(estimates) - 1) / 2)
            bars = [d["estimate"] - d["lower"], d["upper"] - d["estimate"]]
            axes.errorbar(
                d["event_time"] + shift,
                d["estimate"],
                yerr=bars,
                fmt="os^D"[i % 4],
                markersize=4.5,
                linewidth=1.2,
                label=str(name),
            )
        axes.set(xlabel=xlabel, ylabel=ylabel)
        axes.set_xticks(sorted(data["event_time"].unique()))
        axes.legend(frameon=False, loc="upper left")
    shown = data[data["event_time"] != reference]
    words = [_event_words(name, d) for name, d in shown.groupby("design", sort=False)]
    if truth is not None:
        words.append(f"Planted truth: {_ranges(shown.drop_duplicates('event_time'), 'truth')}.")
    return _figure(axes, data, " ".join(words))


def _event_words(name: Any, d: pd.DataFrame) -> str:
    leads = d[d["event_time"] < 0]
    missed = int(((leads["lower"] > 0) | (leads["upper"] < 0)).sum())
    return (
        f"Event study by {name}: {_ranges(d, 'estimate')}; {missed} of {len(leads)} intervals "
        "before treatment exclude zero."
    )


def _ranges(d: pd.DataFrame, column: str) -> str:
    """Where the values of a column lie before and after treatment."""
    before, after = (d.loc[part, column] for part in (d["event_time"] < 0, d["event_time"] >= 0))
    said = {"before": before, "after": after}
    return ", ".join(
        f"{values.min():.3f} to {values.max():.3f} {when} treatment"
        for when, values in said.items()
        if len(values)
    )


def estimates(
    models: Mapping[str, Estimate],
    truth: Mapping[str, float] | None = None,
    xlabel: str = "effect of one SD of exposure",
    term: str | None = None,
) -> Figure:
    """Forest plot: one coefficient of each model, its 95 % interval and what it aims at.

    Parameters
    ----------
    models : mapping of str to Estimate
    truth : mapping of str to float, optional
        Target of a model, by its name.
    xlabel : str
    term : str, optional
        Regressor to draw; the first one of each model if not given.
    """
    shown = {name: m.frame.iloc[0] if term is None else m[term] for name, m in models.items()}
    data = pd.DataFrame(shown).T
    data = data[["estimate", "std_error", "lower", "upper"]].rename_axis("design").reset_index()
    if truth is not None:
        data["truth"] = data["design"].map(dict(truth))
    return _forest(data, xlabel)


def verdicts(table: pd.DataFrame, names: Mapping[str, str]) -> Figure:
    """Forest plot of claims: estimate, 95 % interval, planted truth where it is known.

    Parameters
    ----------
    table : DataFrame
        As of `claims.evaluate`; claims that cannot be tested are left out.
    names : mapping of str to str
        Short name of a claim, by its id.
    """
    require_columns(table, ["estimate", "lower", "upper", "truth"], "the figure of the claims")
    data = table.loc[table["estimate"].notna(), ["estimate", "lower", "upper", "truth"]]
    data = data.assign(design=[names[str(claim)] for claim in data.index])
    data = data[["design", "estimate", "lower", "upper", "truth"]].reset_index(drop=True)
    return _forest(data.dropna(axis=1, how="all"), "effect on the log of the mean")


def _forest(data: pd.DataFrame, xlabel: str) -> Figure:
    with _theme(1.3 + 0.34 * len(data)) as axes:
        axes.axvline(0, color="0.35", linewidth=0.8)
        bars = [data["estimate"] - data["lower"], data["upper"] - data["estimate"]]
        axes.errorbar(
            data["estimate"], range(len(data)), xerr=bars, fmt="o", label="estimate, 95 %"
        )
        if "truth" in data:
            axes.plot(
                data["truth"],
                range(len(data)),
                "D",
                color="0.2",
                markerfacecolor="none",
                markersize=7,
                label="what the design aims at",
            )
        axes.set(xlabel=xlabel, yticks=range(len(data)), yticklabels=data["design"])
        axes.set_ylim(len(data) - 0.5, -0.5)
        axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    words = [
        f"{r['design']} {r['estimate']:.3f} [{r['lower']:.3f}, {r['upper']:.3f}]"
        + (f", aims at {r['truth']:.3f}" if pd.notna(r.get("truth")) else "")
        for r in data.to_dict("records")
    ]
    return _figure(axes, data, f"Estimates with 95 % intervals: {'; '.join(words)}.")


def histogram(panel: pd.DataFrame, outcome: str = "patents_joint", top: int = 15) -> Figure:
    """How many cells and years have each count, those above `top` in one bar."""
    require_columns(panel, [outcome], "the histogram")
    top = min(top, int(panel[outcome].max()))
    shares = panel[outcome].clip(upper=top).value_counts(normalize=True).sort_index()
    data = shares.rename("share").rename_axis("count").reset_index()
    with _theme(3.0) as axes:
        axes.bar(data["count"], data["share"], width=0.8)
        axes.set(
            xlabel=f"{_words(outcome)}, a cell and year ({top} or more in the last bar)",
            ylabel="share of cells and years",
        )
    zero = float(data.loc[data["count"] == 0, "share"].sum())
    alt = (
        f"Bar chart of {_words(outcome)}: {100 * zero:.1f} % of cells and years have none, "
        f"{100 * float(data['share'].iloc[-1]):.1f} % have {top} or more."
    )
    return _figure(axes, data, alt)
