"""What one slope in a continuous exposure identifies, and the response to each dose.

Callaway, Goodman-Bacon and Sant'Anna (2024): with a dose in place of a treated group, the slope is
a weighted mean of the response's derivative over doses, with weights that peak at the mean dose.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from replication.errors import DesignError, NoVariationError, SuppressedError
from replication.estimate.design import STUDY, Design
from replication.estimate.mediation.partial_out import level_codes, partial_out
from replication.estimate.sample import cluster_values
from replication.estimate.treatment import treatment_columns
from replication.estimate.verbs import did
from replication.records import small_cells


def dose_bins(
    data: pd.DataFrame, design: Design = STUDY, *, bins: int = 4, **changes: Any
) -> pd.DataFrame:
    """Estimate the effect of each bin of doses, against the lowest.

    Parameters
    ----------
    data : DataFrame
    design : Design, default STUDY
        With exposure and post, and without a third difference.
    bins : int
        Bins of equally many clusters.
    **changes
        Changes to the design.

    Returns
    -------
    DataFrame
        A row a ``bin``, from 1, the lowest, whose estimate is zero by construction: its
        ``clusters``, mean ``dose``, and as of `Estimate.frame`.

    Raises
    ------
    DesignError
        If the design has a third difference or names its regressors.
    NoVariationError
        If there are fewer distinct doses than bins.

    Examples
    --------
    >>> panel = rp.load_panel()
    >>> rp.dose_bins(panel, scale="log1p")[["bin", "clusters", "dose", "estimate"]].round(2)
       bin  clusters  dose  estimate
    0    1        14 -1.19      0.00
    1    2        14 -0.40      0.12
    2    3        14  0.24      0.16
    3    4        14  1.35      0.46
    """
    data, design = _dated(data, design.but(**changes))
    doses = _doses(data, design)
    if bins < 2 or doses.nunique() < bins:
        raise NoVariationError(
            f"{doses.nunique()} distinct doses of {design.exposure!r} make no {bins} bins: pass "
            "bins=, 2 or more and no more than there are doses"
        )
    code = pd.qcut(doses.rank(method="first"), bins, labels=False)
    names = [f"bin {i}" for i in range(2, bins + 1)]
    member = data[design.clusters[0]].map(code)
    columns = {n: (member == i) * data[design.post] for i, n in enumerate(names, 1)}
    estimate = did(data.assign(**columns), design, treatment=names)
    frame = estimate.frame.reset_index(drop=True)
    zero = pd.DataFrame({"estimate": 0.0, "std_error": 0.0, "lower": 0.0, "upper": 0.0}, [0])
    found = pd.concat([zero, frame], ignore_index=True)
    found.insert(0, "bin", range(1, bins + 1))
    found.insert(1, "clusters", code.value_counts().sort_index().to_numpy())
    found.insert(2, "dose", doses.groupby(code).mean().to_numpy())
    return found


def dose_spline(
    data: pd.DataFrame,
    design: Design = STUDY,
    *,
    df: int = 3,
    at: Sequence[float] | None = None,
    **changes: Any,
) -> pd.DataFrame:
    """Estimate the response to the dose by a natural cubic spline.

    Parameters
    ----------
    data, design, **changes
        As for `dose_bins`.
    df : int
        Columns of the spline, 2 or more; its knots are quantiles of the clusters' doses.
    at : sequence of float, optional
        Doses to say the response at; by default 41 from the 5th to the 95th percentile of the
        clusters, beyond which a few of them decide.

    Returns
    -------
    DataFrame
        ``dose``, ``response`` against the mean dose, and its pointwise 95 % interval ``lower``,
        ``upper``.

    Examples
    --------
    >>> panel = rp.load_panel()
    >>> rp.dose_spline(panel, scale="log1p", at=[-1, 1])[["dose", "response"]].round(2)
       dose  response
    0  -1.0     -0.17
    1   1.0      0.19
    """
    from formulaic import model_matrix

    data, design = _dated(data, design.but(**changes))
    doses = _doses(data, design)
    if df < 2 or doses.nunique() <= df:
        raise NoVariationError(
            f"a spline of {df} columns needs 2 columns at least and more distinct doses than "
            f"columns; {design.exposure!r} has {doses.nunique()}"
        )
    formula = f"0 + cr(dose, df={df}, constraints='center')"
    made = model_matrix(formula, doses.rename("dose").to_frame())
    basis = pd.DataFrame(made)
    low, high = (float(doses.quantile(share)) for share in (0.05, 0.95))
    if small_cells.in_force():
        # A quantile lies between the doses of two universities.
        few = small_cells.FEWEST
        low, high = float(doses.nsmallest(few).mean()), float(doses.nlargest(few).mean())
    inner = np.linspace(low, high, 41)
    grid = inner if at is None else np.asarray(at, dtype=float)
    asked = pd.DataFrame({"dose": np.append(grid, doses.mean())})
    values = np.asarray(made.model_spec.get_model_matrix(asked))
    names = [f"spline {i}" for i in range(1, df + 1)]
    basis.columns = pd.Index(names)
    own = data[design.clusters[0]]
    columns = {name: own.map(basis[name]) * data[design.post] for name in names}
    estimate = did(data.assign(**columns), design, treatment=names)
    rows = []
    for dose, weights in zip(grid, values[:-1] - values[-1], strict=True):
        if not np.abs(weights).max() > 1e-12:
            rows.append((dose, 0.0, 0.0, 0.0))
            continue
        found = estimate.contrast(dict(zip(names, map(float, weights), strict=True)))
        rows.append((dose, found.estimate, found.lower, found.upper))
    return pd.DataFrame(rows, columns=["dose", "response", "lower", "upper"])


def dose_weights(data: pd.DataFrame, design: Design = STUDY, **changes: Any) -> pd.DataFrame:
    """Weight that the slope of least squares puts on each step of the dose.

    Returns
    -------
    DataFrame
        A row a step between two neighbouring doses, ``dose`` its middle and ``step`` its length:
        ``weight`` of the response's mean derivative in it, and ``density``, the weight by unit of
        dose. The weights are not negative where exposure is all that differs, and add up to one.

    Notes
    -----
    Exact for any outcome: the slope is the sum over steps of weight × (change of the response) /
    step. Theorem 3 of Callaway, Goodman-Bacon and Sant'Anna (2024), for the cells, effects and
    controls at hand. A Poisson slope weighs rows by their means besides.

    Examples
    --------
    They are never negative here, and add up to one.

    >>> panel = rp.load_panel()
    >>> weights = rp.dose_weights(panel)["weight"]
    >>> bool((weights >= 0).all()), round(float(weights.sum()), 9)
    (True, 1.0)
    """
    if small_cells.in_force():
        raise SuppressedError("suppressed: the weights show the doses of single universities")
    data, design = _dated(data, design.but(**changes))
    doses = _doses(data, design)
    rows = did(data, design, model="ols", scale="level", variance="none").sample
    own = rows.rows[design.clusters[0]].map(doses).to_numpy()
    within = partial_out(rows.x.to_numpy(), level_codes(rows))
    d = within[:, 0]
    if within.shape[1] > 1:
        d = d - within[:, 1:] @ np.linalg.lstsq(within[:, 1:], d, rcond=None)[0]
    post = rows.rows[design.post].to_numpy(dtype=float)
    steps = np.sort(doses.unique())
    above = np.array([d @ (post * (own > low)) for low in steps[:-1]]) / (d @ d)
    length = np.diff(steps)
    return pd.DataFrame(
        {
            "dose": (steps[1:] + steps[:-1]) / 2,
            "step": length,
            "weight": above * length,
            "density": above,
        }
    )


def _dated(data: pd.DataFrame, design: Design) -> tuple[pd.DataFrame, Design]:
    """Look at exposure and post, whichever way treatment is dated; a dose has no other parts."""
    if design.parts and design.exposure:
        columns = [design.exposure, design.post]
        data = treatment_columns(data, design, columns, "the response to a dose")
        design = design.but(first_treated=None)
    return data, design


def _doses(data: pd.DataFrame, design: Design) -> pd.Series:
    """Dose of each cluster, by its name."""
    if design.third or design.treatment or not design.exposure:
        raise DesignError(
            "the response to a dose is asked of a difference in differences with exposure= and "
            "post=, without third= or treatment="
        )
    design.require_one_cluster("the response to a dose")
    return cluster_values(data, design.exposure, design, "the dose")
