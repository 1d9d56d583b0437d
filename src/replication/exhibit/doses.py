"""Figure of the response to a dose: bins, a spline, the straight line, and what it weighs."""

import pandas as pd

from replication.exhibit import theme
from replication.exhibit.theme import Figure


def response(
    bins: pd.DataFrame,
    spline: pd.DataFrame,
    *,
    slope: float,
    background: pd.DataFrame | None = None,
    target: pd.DataFrame | None = None,
) -> Figure:
    """Draw the response to the dose against that to the mean dose.

    Parameters
    ----------
    bins, spline : DataFrame
        As of `robustness.dose_bins` and `dose_spline`.
    slope : float
        Of the straight line.
    background : DataFrame, optional
        Weights of the doses in the slope, as of `robustness.dose_weights`.
    target : DataFrame, optional
        Bins of expected outcomes.

    Returns
    -------
    Figure
        Its data have one row a point, by ``series``. Bins are against the lowest one and stand so
        that their mean is that of the straight line at their doses.

    Examples
    --------
    >>> panel = rp.load_panel()
    >>> figure = rp.doses.response(
    ...     rp.dose_bins(panel, scale="log1p"),
    ...     rp.dose_spline(panel, scale="log1p"),
    ...     slope=rp.did(panel, scale="log1p")["exposure × post"].estimate,
    ...     background=rp.dose_weights(panel),
    ... )
    >>> len(figure.data)
    102
    """
    series = {"spline": spline.rename(columns={"response": "estimate"})}
    for name, found in (("bins", bins), ("target of the bins", target)):
        if found is not None:
            shift = slope * found["dose"].mean() - found["estimate"].mean()
            moved = found[["dose", "estimate", "lower", "upper"]].copy()
            moved[["estimate", "lower", "upper"]] += shift
            series[name] = moved
    ends = spline["dose"].iloc[[0, -1]]
    series["straight line"] = pd.DataFrame({"dose": ends, "estimate": slope * ends})
    if background is not None:
        drawn = background.rename(columns={"density": "estimate"})[["dose", "estimate"]]
        series["weight by unit of dose"] = drawn
    data = pd.concat(series, names=["series"])
    data = data.reset_index(level="series").reset_index(drop=True)
    with theme.axes(3.4) as axes:
        axes.axhline(0, **theme.ZERO)
        if background is not None:
            floor = float(spline["lower"].min()) - 0.1
            height = 0.35 / background["density"].max()
            axes.fill_between(
                background["dose"],
                floor,
                floor + height * background["density"],
                color=theme.WASH,
                step="mid",
                label="weight in the slope",
            )
        axes.fill_between(spline["dose"], spline["lower"], spline["upper"], alpha=0.15)
        axes.plot(spline["dose"], spline["response"], label="spline, 95 %")
        axes.plot(ends, slope * ends, **theme.LEVEL, label="straight line")
        points = series["bins"]
        axes.errorbar(
            points["dose"],
            points["estimate"],
            yerr=theme.whiskers(points),
            fmt="o",
            label="bins, 95 %",
        )
        if target is not None:
            aims = series["target of the bins"]
            axes.plot(aims["dose"], aims["estimate"], "D", label="bins aim at", **theme.AIM)
        axes.set(xlabel="exposure, SD", ylabel="effect on the log of the mean")
        axes.legend(loc="upper left", ncols=2)
    words = [
        f"at dose {row['dose']:.2f} {row['estimate']:.2f}" for row in points.to_dict("records")
    ]
    return theme.drawn(axes, data, f"Response to the exposure, by bins: {'; '.join(words)}.")
