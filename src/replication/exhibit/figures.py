"""Figures in one theme, each with the numbers it draws and an alternative text made from them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import matplotlib as mpl
import matplotlib.ticker
import numpy as np
import pandas as pd
import seaborn as sns

from replication.errors import DesignError, NoVariationError
from replication.estimate.fit import Estimate
from replication.estimate.verbs import event_frame, reference_of
from replication.exhibit import theme
from replication.exhibit.tables import in_words
from replication.exhibit.theme import Figure
from replication.records import small_cells
from replication.records.checks import require_columns

GROUPS = {1: "more exchange than the median", 0: "less exchange"}
"""Groups of universities by their exposure."""


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

    Examples
    --------
    The file to save is ``figure.canvas``; its numbers are ``figure.data``.

    >>> panel = rp.load_panel()
    >>> figure = rp.figures.trends(panel)
    >>> figure.data.tail(2).round(2)
        year                  exposure_high  patents_joint
    22  2022                  less exchange           2.15
    23  2022  more exchange than the median           5.10
    """
    require_columns(panel, ["year", "event_time", outcome, by], "the trends")
    treated = panel.loc[panel["event_time"] == 0, "year"]
    if treated.empty:
        raise NoVariationError("no row has event_time 0: there is no first treated year to mark")
    first = int(treated.iloc[0])
    names = names or GROUPS
    groups = panel.groupby(["year", by])
    data = groups[outcome].mean().reset_index()
    small = pd.Series(False, index=data.index)
    if small_cells.in_force():
        sums, who = groups[outcome].sum(), small_cells.behind(panel, ["year", by], outcome)
        few = sums.between(0, small_cells.FEWEST, inclusive="neither")
        few |= who.map(len).between(0, small_cells.FEWEST, inclusive="neither")
        few |= small_cells.behind(panel, ["year", by]).map(len) < small_cells.FEWEST
        small = small_cells.with_complement(few, sums, who).reset_index(drop=True)
        data[outcome] = data[outcome].mask(small)
    data[by] = [names.get(group, str(group)) for group in data[by]]
    with theme.axes(3.6) as axes:
        sns.lineplot(data, x="year", y=outcome, hue=by, style=by, markers=True, ax=axes)
        axes.axvline(first - 0.5, **theme.CUT)
        # On a log scale, groups that grow by the same rate are parallel.
        axes.set(xlabel="", ylabel=f"mean {in_words(outcome)}, a cell and year", yscale="log")
        axes.yaxis.set_major_locator(mpl.ticker.MaxNLocator(6, min_n_ticks=4))
        axes.yaxis.set_major_formatter(mpl.ticker.ScalarFormatter())
        axes.yaxis.set_minor_formatter(mpl.ticker.NullFormatter())
        axes.legend(title="")
    ends = data[data["year"].isin([data["year"].min(), first - 1, data["year"].max()])]
    parts = [
        f"{group}: "
        + ", ".join(
            f"{small_cells.MARK if pd.isna(y) else f'{y:.2f}'} in {t}"
            for t, y in zip(g["year"], g[outcome], strict=True)
        )
        for group, g in ends.groupby(by, sort=False)
    ]
    alt = (
        f"Line chart of mean {in_words(outcome)} by year in {len(parts)} groups. "
        f"{'; '.join(parts)}."
    )
    if small.any():
        data[outcome] = small_cells.marked(data[outcome], small)
    return theme.drawn(axes, data, alt)


def event_study(
    estimates: Mapping[str, Estimate],
    truth: pd.Series | None = None,
    ylabel: str = "effect of one SD of exposure",
    xlabel: str = "years since the first treated year",
) -> Figure:
    """Coefficients by period with intervals, and what they aim at as a step beside them.

    Thick bars: the 95 % interval of a period. Thin bars: the simultaneous (sup-t) band, which holds
    all periods at once in 95 % of samples.

    Parameters
    ----------
    estimates : mapping of str to Estimate
        Event studies by name, all with one reference period.
    truth : Series, optional
        What the coefficients aim at, by event time.
    ylabel, xlabel : str

    Raises
    ------
    DesignError
        If their reference periods differ, or an estimate is no event study.

    Examples
    --------
    >>> panel = rp.load_panel()
    >>> figure = rp.figures.event_study({"PPML": rp.event_study(panel, model="ppml")})
    >>> figure.alt.partition("; ")[2]
    '0 of 6 intervals before treatment exclude zero.'
    """
    references = {reference_of(estimate) for estimate in estimates.values()}
    if len(references) > 1:
        raise DesignError(f"event studies in one figure have references {sorted(references)}")
    (reference,) = references
    data = pd.concat(
        {name: event_frame(e) for name, e in estimates.items()}, names=["design"]
    ).reset_index()
    data = data[["design", "event_time", "estimate", "std_error", "lower", "upper"]]
    bands = pd.concat({n: event_frame(e, simultaneous=True) for n, e in estimates.items()})
    data["band_lower"], data["band_upper"] = bands[["lower", "upper"]].to_numpy().T
    if truth is not None:
        # The reference has no coefficient; what is aimed at is measured against it too.
        data["target"] = data["event_time"].map(truth).mask(data["event_time"] == reference, 0.0)
    with theme.axes(4.0) as axes:
        axes.axhline(0, **theme.ZERO)
        axes.axvline(-0.5, **theme.CUT)
        if truth is not None:
            steps = data.drop_duplicates("event_time")
            axes.step(
                steps["event_time"],
                steps["target"],
                where="mid",
                label="aimed at, log of the mean",
                **theme.TRUTH,
            )
        for i, (name, d) in enumerate(data.groupby("design", sort=False)):
            shift = 0.16 * (i - (len(estimates) - 1) / 2)
            axes.vlines(d["event_time"] + shift, d["band_lower"], d["band_upper"], **theme.BAND)
            axes.errorbar(
                d["event_time"] + shift,
                d["estimate"],
                yerr=theme.whiskers(d),
                fmt=theme.MARKERS[i % len(theme.MARKERS)],
                label=str(name),
                **theme.SERIES,
            )
        axes.set(xlabel=xlabel, ylabel=ylabel)
        axes.set_xticks(sorted(data["event_time"].unique()))
        axes.legend(loc="upper left")
    shown = data[data["event_time"] != reference]
    words = [_event_words(name, d) for name, d in shown.groupby("design", sort=False)]
    if truth is not None:
        words.append(f"Aimed at: {_ranges(shown.drop_duplicates('event_time'), 'target')}.")
    return theme.drawn(axes, data, " ".join(words))


def _event_words(name: Any, d: pd.DataFrame) -> str:
    leads = d[d["event_time"] < 0]
    missed = int(((leads["lower"] > 0) | (leads["upper"] < 0)).sum())
    return (
        f"Event study by {name}: {_ranges(d, 'estimate')}; {missed} of {len(leads)} intervals "
        "before treatment exclude zero."
    )


def _ranges(d: pd.DataFrame, column: str) -> str:
    """Where the values of a column lie before and after treatment."""
    parts = {
        "before": d.loc[d["event_time"] < 0, column],
        "after": d.loc[d["event_time"] >= 0, column],
    }
    return ", ".join(
        f"{values.min():.3f} to {values.max():.3f} {when} treatment"
        for when, values in parts.items()
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

    Examples
    --------
    >>> panel = rp.load_panel()
    >>> figure = rp.figures.estimates({"PPML": rp.poisson(panel)}, {"PPML": 0.231})
    >>> figure.alt
    'Estimates with 95 % intervals: PPML 0.269 [0.102, 0.435], aims at 0.231.'
    """
    shown = {name: m.frame.iloc[0] if term is None else m[term] for name, m in models.items()}
    data = pd.DataFrame(shown).T
    data = data[["estimate", "std_error", "lower", "upper"]].rename_axis("design").reset_index()
    if truth is not None:
        data["target"] = data["design"].map(dict(truth))
    # What no design is known to aim at has no mark.
    return forest(data.dropna(axis=1, how="all"), xlabel)


def verdicts(table: pd.DataFrame, names: Mapping[str, str]) -> Figure:
    """Forest plot of claims: estimate, 95 % interval, what the design aims at if that is known.

    Parameters
    ----------
    table : DataFrame
        As of `claims.evaluate`; claims that cannot be tested are left out.
    names : mapping of str to str
        Short name of a claim, by its id.

    Examples
    --------
    >>> panel = rp.load_panel()
    >>> truth = rp.load_truth()["value"].xs("mean", level="target")
    >>> table = rp.evaluate(panel, "simulated", truth)
    >>> len(rp.figures.verdicts(table, rp.load_claims()["short"]).data)
    9
    """
    require_columns(table, ["estimate", "lower", "upper", "target"], "the figure of the claims")
    data = table.loc[table["estimate"].notna(), ["estimate", "lower", "upper", "target"]]
    data.insert(0, "design", [names[str(claim)] for claim in data.index])
    data = data.reset_index(drop=True).dropna(axis=1, how="all")
    return forest(data, "effect on the log of the mean")


class Mark(NamedTuple):
    """A column that a forest plot shows beside the estimates: its marker and its names."""

    marker: str
    label: str
    said: str


TARGET = {"target": Mark("D", "what the design aims at", "aims at")}


def forest(
    data: pd.DataFrame,
    xlabel: str,
    *,
    marks: Mapping[str, Mark] = TARGET,
    label: str = "estimate, 95 %",
    said: str = "Estimates with 95 % intervals",
    height: float | None = None,
    legend_at: float = 0.5,
) -> Figure:
    """Forest plot: a row an estimate with its interval, and what is known of it.

    Parameters
    ----------
    data : DataFrame
        Names of the rows in its first column, ``estimate``, ``lower``, ``upper``, and the columns
        of `marks` that there are.
    xlabel, label : str
        Name of the axis, and of the estimates.
    marks : mapping of str to Mark
    said : str
        How the alternative text begins.
    height : float, optional
        Inches; by the number of rows if not given.
    legend_at : float
        Middle of the legend, as a share of the axes' width.

    Examples
    --------
    >>> panel = rp.load_panel()
    >>> figure = rp.figures.forest(rp.scales(panel, units=[1], margins=[]).reset_index(), "effect")
    >>> figure.data["scale"].to_list()
    ['Poisson (PPML)', 'log(1 + y)', 'asinh(y)', 'any: 1[y > 0]', 'log(y), y > 0 alone']
    """
    marks = {column: mark for column, mark in marks.items() if column in data}
    names, rows = data.iloc[:, 0], np.arange(len(data))
    # Marks of a row stand a little below each other.
    margin = 0.5 + 0.05 * max(len(marks) - 1, 0)
    with theme.axes(height or 1.3 + 0.34 * len(data)) as axes:
        axes.axvline(0, **theme.ZERO)
        axes.errorbar(data["estimate"], rows, xerr=theme.whiskers(data), fmt="o", label=label)
        for i, (column, mark) in enumerate(marks.items()):
            axes.plot(data[column], rows + 0.12 * i, mark.marker, label=mark.label, **theme.AIM)
        axes.set(xlabel=xlabel, yticks=rows, yticklabels=names)
        axes.set_ylim(len(data) - 1 + margin, -margin)
        axes.legend(loc="lower center", bbox_to_anchor=(legend_at, 1.0), ncols=2)
    words = [
        ", ".join(
            [
                f"{name} {row['estimate']:.3f} [{row['lower']:.3f}, {row['upper']:.3f}]",
                *(f"{m.said} {row[c]:.3f}" for c, m in marks.items() if pd.notna(row[c])),
            ]
        )
        for name, row in zip(names, data.to_dict("records"), strict=True)
    ]
    return theme.drawn(axes, data, f"{said}: {'; '.join(words)}.")


def histogram(panel: pd.DataFrame, outcome: str = "patents_joint", top: int = 15) -> Figure:
    """How many cells and years have each count, those above `top` in one bar.

    Examples
    --------
    >>> panel = rp.load_panel()
    >>> rp.figures.histogram(panel).alt
    'Bar chart of joint applications: 31.0 % of cells and years have none, 2.7 % have 15 or more.'
    """
    require_columns(panel, [outcome], "the histogram")
    hidden = small_cells.in_force()
    most = small_cells.reached(panel, outcome) if hidden else int(panel[outcome].max())
    top = min(top, most)
    counts = panel[outcome].clip(upper=top)
    shares = counts.value_counts(normalize=True).sort_index()
    small = pd.Series(False, index=shares.index)
    if hidden:
        who = small_cells.behind(panel.assign(count=counts), "count")
        small = small_cells.with_complement(who.map(len) < small_cells.FEWEST, shares, who)
    shares = shares.mask(small)
    data = shares.rename("share").rename_axis("count").reset_index()
    with theme.axes(3.0) as axes:
        axes.bar(data["count"], data["share"], width=0.8)
        axes.set(
            xlabel=f"{in_words(outcome)}, a cell and year ({top} or more in the last bar)",
            ylabel="share of cells and years",
        )
    zero = float(data.loc[data["count"] == 0, "share"].sum())
    alt = (
        f"Bar chart of {in_words(outcome)}: {100 * zero:.1f} % of cells and years have none, "
        f"{100 * float(data['share'].iloc[-1]):.1f} % have {top} or more."
    )
    if small.any():
        data["share"] = small_cells.marked(data["share"], small.to_numpy())
        alt = (
            f"Bar chart of {in_words(outcome)}; bars of fewer than three universities are left out."
        )
    return theme.drawn(axes, data, alt)
