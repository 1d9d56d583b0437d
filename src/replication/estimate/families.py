"""Several tests at once: p-values and intervals that hold for all of them together."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from replication.errors import DesignError
from replication.estimate.design import Design
from replication.estimate.few_clusters import parted
from replication.estimate.many.resampling import (
    Weights,
    WildBootstrap,
    beyond,
    bootstrap_weights,
)

Question = tuple[pd.DataFrame, Design]


def romano_wolf(
    questions: Mapping[str, Question],
    *,
    draws: int = 9999,
    seed: int = 2026,
    weights: Weights = "rademacher",
) -> pd.Series:
    """Step-down p-values of a family of tests that a coefficient is zero (Romano and Wolf 2005).

    The restricted wild cluster bootstrap of every test takes the same weights, so that how the
    tests depend on each other is in the draws, and less is given away than by Holm. The largest
    statistic is compared with the largest of all in each draw, the next with the largest of those
    that are left, and so on; no p-value is below that of a larger statistic (Romano and Wolf 2016).

    Parameters
    ----------
    questions : mapping of str to (DataFrame, Design)
        Data and a design with one regressor of interest, as from `contrasts.question`.
    draws, seed, weights
        As for `few_clusters.wild_cluster_bootstrap`.

    Returns
    -------
    Series
        ``p_romano_wolf``, by the names of the questions, in their order.

    Raises
    ------
    DesignError
        If a design has not one regressor of interest and one dimension of clusters, or if the
        clusters of two questions differ.

    Examples
    --------
    Together, no test of a family is surer than alone.

    >>> panel = rp.load_panel()
    >>> questions = {claim: rp.question(claim, panel) for claim in ("C6", "C7")}
    >>> together = rp.families.romano_wolf(questions, draws=999)
    >>> alone = rp.families.romano_wolf({"C7": questions["C7"]}, draws=999)
    >>> bool(together["C7"] >= alone["C7"])
    True
    """
    method = "the step-down bootstrap"
    fits = {name: parted(data, design, method) for name, (data, design) in questions.items()}
    if not fits:
        return pd.Series(dtype=float, name="p_romano_wolf")
    first, *others = fits
    clusters = fits[first].regression.kernel.names
    for name in others:
        differ = set(clusters) ^ set(fits[name].regression.kernel.names)
        if differ:
            raise DesignError(
                f"{method} gives all tests the same weights, and the clusters of {first!r} and "
                f"{name!r} differ by {', '.join(sorted(map(str, differ)))}: leave these out of both"
            )
    drawn = bootstrap_weights(len(clusters), draws, weights, seed)
    observed, sizes = {}, {}
    for name, fit in fits.items():
        boot = WildBootstrap(fit.regression, fit.residuals + fit.estimate * fit.regression.x)
        top, bottom, observed[name] = boot.statistics(drawn)
        sizes[name] = np.divide(top, bottom, out=np.full(len(top), np.inf), where=bottom > 0)
    steps = sorted(observed, key=lambda name: -observed[name])
    largest = np.zeros(len(drawn))
    found = {}
    for name in reversed(steps):
        largest = np.maximum(largest, sizes[name])
        found[name] = beyond(largest, observed[name], drawn)
    adjusted = pd.Series(found, name="p_romano_wolf")[steps].cummax()
    return adjusted[list(fits)]


def step_down(p_values: np.ndarray) -> np.ndarray:
    """Adjust the p-values of families of tests by Holm (1979).

    The same as ``multipletests(…, method="holm")`` of statsmodels, a family a row: that one takes
    a family at a time and collects the garbage of the whole process with each.

    Parameters
    ----------
    p_values : ndarray, shape (…, tests)

    Returns
    -------
    ndarray of the same shape
    """
    order = np.argsort(p_values, axis=-1)
    steps = np.take_along_axis(p_values, order, axis=-1) * np.arange(p_values.shape[-1], 0, -1)
    adjusted = np.minimum(np.maximum.accumulate(steps, axis=-1), 1.0)
    found = np.empty_like(adjusted)
    np.put_along_axis(found, order, adjusted, axis=-1)
    return found
