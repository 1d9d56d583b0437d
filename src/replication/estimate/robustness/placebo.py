"""Placebos: years before the shock, exposures of others; and an exposure that is measured twice."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyfixest

from replication.errors import DesignError, NoVariationError
from replication.estimate.convention import coefficient
from replication.estimate.design import STUDY, Design
from replication.estimate.fit import Estimate
from replication.estimate.many.regression import regression
from replication.estimate.sample import sample
from replication.estimate.treatment import treatment_columns
from replication.estimate.verbs import did


def fake_years(
    data: pd.DataFrame,
    design: Design = STUDY,
    *,
    years: Sequence[int] | None = None,
    **changes: Any,
) -> dict[str, Estimate]:
    """Estimate the design as if treatment had begun in a year before it did, on those years alone.

    Parameters
    ----------
    data : DataFrame
    design : Design, default STUDY
        With exposure and post.
    years : sequence of int, optional
        First treated years to pretend; by default all that leave two years on either side.
    **changes
        Changes to the design.

    Returns
    -------
    dict of str to Estimate
        By what is pretended, ``"as if from 2015"``.

    Raises
    ------
    DesignError
        If a year leaves none before it, or is treated in truth.
    NoVariationError
        If no year can be pretended.

    Examples
    --------
    Years before the shock, in which nothing began.

    >>> panel = rp.load_panel()
    >>> placebos = rp.fake_years(panel, model="ppml")
    >>> for name, fit in placebos.items():
    ...     print(name, round(fit["exposure × post"].p_value, 2))
    as if from 2013 0.23
    as if from 2014 0.25
    as if from 2015 0.43
    as if from 2016 0.24
    """
    design = design.but(**changes)
    if not design.parts:
        raise DesignError("a fake year needs a design with exposure= and post=, not treatment=")
    data = treatment_columns(data, design, [design.exposure, design.post], "a fake year")
    design = design.but(first_treated=None)
    before = data[data[design.post] == 0]
    known = sorted(before[design.time].unique())
    chosen = known[2:-1] if years is None else list(years)
    if not chosen:
        raise NoVariationError(f"{len(known)} untreated years leave none to pretend: 4 are needed")
    found = {}
    for year in chosen:
        if year not in known[1:]:
            raise DesignError(
                f"{year} cannot be pretended to be the first treated year: "
                f"{', '.join(map(str, known[1:]))} can"
            )
        pretended = before.assign(**{design.post: (before[design.time] >= year).astype(int)})
        found[f"as if from {year}"] = did(pretended, design)
    return found


def shuffled(
    data: pd.DataFrame,
    design: Design = STUDY,
    *,
    within: str = "discipline",
    draws: int = 499,
    seed: int = 2026,
    **changes: Any,
) -> pd.Series:
    """Estimate with the exposures of a stratum's units given to one another at random.

    Every discipline shuffles for itself, so that a university has another exposure in each. What
    is left of the estimate is what exposure would seem to do if it were anybody's. Estimates of a
    university's disciplines move together, and here they do not: their spread is no standard error,
    and the share that exceeds the estimate no p-value; `few_clusters.randomisation_test` has one.

    Parameters
    ----------
    data : DataFrame
    design : Design, default STUDY
        Linear, with exposure and post.
    within : str
        Column of `data` that names the stratum.
    draws, seed : int
    **changes
        Changes to the design.

    Returns
    -------
    Series, shape (draws + 1,)
        Estimates; the first is that of the data.

    Raises
    ------
    DesignError
        If the design is not linear.

    Examples
    --------
    With the exposures of others nothing is left of the estimate.

    >>> panel = rp.load_panel()
    >>> found = rp.shuffled(panel, scale="log1p", draws=99)
    >>> round(float(found.iloc[0]), 2), bool(found.iloc[1:].abs().max() < found.iloc[0])
    (0.17, True)
    """
    design = design.but(**changes)
    if design.model != "ols" or not design.parts:
        raise DesignError('exposures are shuffled in a linear design: pass model="ols"')
    rows = sample(data, design)
    kernel = regression(rows, "shuffled exposures").kernel
    keys = [*design.clusters, within]
    cell = rows.rows.groupby(keys, observed=True).ngroup().to_numpy()
    first = np.unique(cell, return_index=True)[1]
    own, stratum = rows.exposure[first], pd.factorize(rows.rows[within].to_numpy()[first])[0]
    place = np.argsort(stratum, kind="stable")
    rng = np.random.default_rng(seed)
    given = np.tile(own, (draws + 1, 1))
    for i in range(1, draws + 1):
        given[i, place] = own[np.lexsort((rng.random(len(own)), stratum))]
    y = kernel.residualise(kernel.arrange(rows.y.to_numpy()[:, None]))
    x = kernel.residualise(kernel.arrange((given[:, cell] * rows.schedule).T))
    return pd.Series((x * y).sum(axis=0) / (x**2).sum(axis=0), name="estimate")


def instrumented(
    data: pd.DataFrame, first: str, second: str, design: Design = STUDY, **changes: Any
) -> pd.DataFrame:
    """Two-stage least squares with two measures of an exposure, each the other's instrument.

    If their errors are independent, noise biases neither; averaged into one exposure it draws the
    slope of least squares towards zero.

    Parameters
    ----------
    data : DataFrame
    first, second : str
        Columns of the two measures, one value a cluster.
    design : Design, default STUDY
        Linear, without controls.
    **changes
        Changes to the design.

    Returns
    -------
    DataFrame
        Two rows, by the name of the measure that is instrumented: as of `Estimate.frame`, with CR1
        and t(G − 1), and the ``first_stage`` slope.

    Raises
    ------
    DesignError
        If the design is not linear, or has controls, weights or two clusters.

    Examples
    --------
    >>> panel = rp.load_panel()
    >>> found = rp.instrumented(
    ...     panel, "exposure_cooperation", "exposure_conferences", scale="log1p"
    ... )
    >>> found[["estimate", "first_stage"]].round(2)
                          estimate  first_stage
    instrumented
    exposure_cooperation      0.26         0.54
    exposure_conferences      0.33         0.57
    """
    design = design.but(**changes)
    if design.model != "ols" or not design.parts or design.controls or design.weights:
        raise DesignError(
            "two measures of an exposure are asked of a linear design without controls: pass "
            'model="ols", controls=()'
        )
    design.require_one_cluster("two-stage least squares")
    rows = {}
    for name, other in ((first, second), (second, first)):
        of_other = sample(data, design.but(exposure=other))
        laid = sample(data, design.but(exposure=name))
        frame = laid.absorb.copy()
        frame.columns = effects = [f"effect_{i}" for i in range(len(frame.columns))]
        frame = frame.assign(
            y=laid.y, d=laid.x.iloc[:, 0], z=of_other.x.iloc[:, 0], g=laid.cluster("2SLS")
        )
        fitted = pyfixest.feols(
            f"y ~ 1 | {' + '.join(effects)} | d ~ z",
            frame,
            vcov={"CRV1": "g"},
            ssc=pyfixest.ssc(k_fixef="nonnested"),
            fixef_rm="none",
        )
        stage = float(fitted._model_1st_stage.coef()["z"])
        df = laid.clusters.nunique().iloc[0] - 1
        found = coefficient(float(fitted.coef()["d"]), float(fitted.se()["d"]), df, "CR1")
        rows[name] = pd.concat([found, pd.Series({"first_stage": stage})])
    return pd.DataFrame(rows).T.rename_axis("instrumented")
