"""Inference with few or unequal clusters, by each method that the literature has for them.

Cluster-robust intervals lean on many clusters of like size. Where there are few, or few that
matter, the literature has better: the variance CR2 with its own degrees of freedom (Bell and
McCaffrey 2002; Imbens and Kolesár 2016; Pustejovsky and Tipton 2018), the cluster jackknife CR3
(MacKinnon, Nielsen and Webb 2023), the restricted wild cluster bootstrap (Cameron, Gelbach and
Miller 2008) and permutation of the exposure (Young 2019; DiCiccio and Romano 2017). All are worked
out from one `many.regression.Regression`, exactly, with no refit; with ``model="ppml"``, from the
Poisson fit's last weighted least squares. All verbs take data and a `Design`, as `verbs.did` does.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from replication.errors import DesignError, ReplicationError
from replication.estimate.clustered import Clustered, take_apart
from replication.estimate.convention import (
    CLUSTERED,
    CR2,
    CR3,
    coefficient,
    require_variance,
    warn_of_doubts,
    warn_of_few,
)
from replication.estimate.design import STUDY, Design
from replication.estimate.fit import ppml
from replication.estimate.many.least_squares import Kernel
from replication.estimate.many.permuted import exposure_of_clusters
from replication.estimate.many.poisson import without_effect
from replication.estimate.many.regression import regression
from replication.estimate.many.resampling import (
    Permutations,
    Schedule,
    Weights,
    WildBootstrap,
    bootstrap_weights,
    distinct,
    exposures,
    invert,
    rank,
)
from replication.estimate.sample import Sample, cluster_values, sample

WILD = "wild cluster bootstrap"
PERMUTED = "randomisation test"


def bias_reduced(data: pd.DataFrame, design: Design = STUDY, **changes: Any) -> pd.Series:
    """CR2 with Satterthwaite degrees of freedom (Bell and McCaffrey 2002).

    Returns
    -------
    Series
        ``estimate``, ``std_error``, ``statistic``, ``p_value``, ``lower``, ``upper``, ``df``.

    Examples
    --------
    56 universities are worth 17 to this variance.

    >>> panel = rp.load_panel()
    >>> rp.few_clusters.bias_reduced(panel).round(2)[["estimate", "std_error", "df"]]
    estimate      1.49
    std_error     0.52
    df           16.58
    Name: CR2, dtype: float64
    """
    fit = parted(data, design.but(**changes), "CR2")
    warn_of_doubts(fit.sample, fit.effective(), "CR2")
    return _bias_reduced(fit)


def _bias_reduced(fit: Clustered) -> pd.Series:
    df = fit.df("CR2")
    return coefficient(fit.estimate, fit.std_error("CR2"), df, "CR2", df=df)


def parted(data: pd.DataFrame, design: Design, method: str) -> Clustered:
    """Fit a design with one regressor of interest, and take the estimate apart by cluster.

    Raises
    ------
    DesignError
        If there are several regressors of interest, or not one dimension of clusters; names
        `method`.
    ReplicationError
        On input that could yield a wrong number.

    Examples
    --------
    Sums by cluster, of which every variance of this module is made.

    >>> panel = rp.load_panel()
    >>> fit = rp.few_clusters.parted(panel, rp.STUDY, "an example")
    >>> fit.clusters, round(fit.estimate, 3)
    (56, 1.492)
    """
    design.require_one_cluster(method)
    rows = sample(data, design)
    if len(rows.terms) != 1:
        raise DesignError(
            f"{method} is about one coefficient, and the design has {', '.join(rows.terms)}: "
            "name one treatment, the others as controls"
        )
    if design.model == "ols":
        return take_apart(rows)
    # Whatever the variance that is asked for later: that of the fit itself is not needed.
    return ppml(replace(rows, design=design.but(variance="CR1"))).clustered


def jackknife(
    data: pd.DataFrame,
    design: Design = STUDY,
    *,
    reference: Literal["clusters", "effective"] = "effective",
    **changes: Any,
) -> pd.Series:
    """CR3: the estimate without each cluster in turn (MacKinnon, Nielsen and Webb 2023).

    Parameters
    ----------
    reference : {"clusters", "effective"}
        Degrees of freedom: G − 1, or G* − 1 with G* of `effective_clusters`. The second is this
        project's own choice: none of the works named here proposes it for CR3.

    Returns
    -------
    Series
        As `bias_reduced`, and the cluster whose absence moves the estimate most,
        ``influential``, with the estimate without it, ``without``.

    Examples
    --------
    The university without which the estimate is another.

    >>> panel = rp.load_panel()
    >>> found = rp.few_clusters.jackknife(panel)
    >>> found["influential"], round(found["estimate"], 2), round(found["without"], 2)
    ('U47', 1.49, 1.11)
    >>> without = panel[panel["university"] != found["influential"]]
    >>> round(rp.did(without)["exposure × post"].estimate, 2)
    1.11
    """
    if reference not in ("clusters", "effective"):
        raise DesignError(f"reference must be 'clusters' or 'effective', not {reference!r}")
    return _jackknife(parted(data, design.but(**changes), "CR3"), reference)


def _jackknife(fit: Clustered, reference: str = "effective") -> pd.Series:
    left_out = fit.leave_one_out().iloc[:, 0]
    most = left_out.index[int((left_out - fit.estimate).abs().argmax())]
    df = (fit.clusters if reference == "clusters" else fit.effective()) - 1
    more = {"df": df, "influential": most, "without": left_out[most]}
    return coefficient(fit.estimate, fit.std_error("CR3"), df, "CR3", **more)


def leave_one_out(data: pd.DataFrame, design: Design = STUDY, **changes: Any) -> pd.Series:
    """Estimate without each cluster in turn, by the cluster's name, from the lowest.

    For ``model="ppml"`` each is one Newton step from the whole.

    Examples
    --------
    As many estimates as universities; the whole lies between them.

    >>> panel = rp.load_panel()
    >>> estimates = rp.few_clusters.leave_one_out(panel)
    >>> len(estimates)
    56
    >>> bool(estimates.min() < rp.did(panel)["exposure × post"].estimate < estimates.max())
    True
    """
    fit = parted(data, design.but(**changes), "leaving one cluster out")
    return fit.leave_one_out().iloc[:, 0].sort_values().rename("estimate")


def effective_clusters(data: pd.DataFrame, design: Design = STUDY, **changes: Any) -> pd.Series:
    """How many clusters the design is worth.

    Returns
    -------
    Series
        ``clusters``: G. ``effective``: G* of Carter, Schnepel and Steigerwald (2017), with
        independent errors within clusters. ``df``: degrees of freedom of CR2. ``largest_share``:
        part of the residual variation of the regressor that one cluster holds, the largest.

    Examples
    --------
    >>> panel = rp.load_panel()
    >>> rp.few_clusters.effective_clusters(panel).round(1)
    clusters         56.0
    effective        17.6
    df               16.6
    largest_share     0.1
    dtype: float64
    """
    fit = parted(data, design.but(**changes), "the number of effective clusters")
    share = fit.regression.leverage / fit.regression.total
    values = {
        "clusters": fit.clusters,
        "effective": fit.effective(),
        "df": fit.df("CR2"),
        "largest_share": share.max(),
    }
    return pd.Series(values, dtype=float)


def wild_cluster_bootstrap(
    data: pd.DataFrame,
    design: Design = STUDY,
    *,
    null: float = 0.0,
    draws: int = 9999,
    seed: int = 2026,
    weights: Weights = "rademacher",
    interval: bool = True,
    **changes: Any,
) -> pd.Series:
    """Restricted wild cluster bootstrap of the studentised coefficient (WCR).

    Parameters
    ----------
    null : float
    draws, seed : int
        Where 2^G sign patterns are no more than `draws`, all of them are used and nothing is drawn.
    weights : {"rademacher", "webb"}
        Of the bootstrap; a weighted design comes as a `Design`.
    interval : bool
        Also invert the test into a 95 % interval: all nulls that it does not reject.

    Returns
    -------
    Series
        ``estimate``, ``p_value``, ``lower``, ``upper``, ``draws``. A side on which no null is
        rejected is infinite.

    Notes
    -----
    For ``model="ppml"`` it is the bootstrap of the last weighted least squares of the fit.

    Examples
    --------
    >>> panel = rp.load_panel()
    >>> found = rp.few_clusters.wild_cluster_bootstrap(panel, scale="log1p", draws=999)
    >>> found[["estimate", "lower", "upper"]].round(2)
    estimate    0.17
    lower       0.10
    upper       0.25
    Name: wild cluster bootstrap, dtype: float64
    """
    fit = parted(data, design.but(**changes), "the wild cluster bootstrap")
    drawn = bootstrap_weights(fit.clusters, draws, weights, seed)
    # Turning every sign leaves |t| as it is, so that the smallest p is 2 / patterns.
    warn_of_few(len(drawn) // 2, f"sign patterns of {fit.clusters} clusters", WILD)
    return _wild(fit, drawn, null, interval)


def _wild(fit: Clustered, drawn: np.ndarray, null: float = 0.0, interval: bool = True) -> pd.Series:
    boot = WildBootstrap(fit.regression, fit.residuals + fit.estimate * fit.regression.x)
    error = fit.std_error("CR1")
    require_variance([error], [1e-3 * abs(fit.estimate)], [WILD])

    test = boot.test(drawn)
    values = {
        "estimate": fit.estimate,
        "statistic": (fit.estimate - null) / error,
        "p_value": test(null),
    }
    if interval:
        values["lower"] = invert(test, fit.estimate, -error)
        values["upper"] = invert(test, fit.estimate, error)
    return pd.Series({**values, "draws": len(drawn)}, name=WILD)


def randomisation_test(
    data: pd.DataFrame,
    design: Design = STUDY,
    *,
    draws: int = 9999,
    seed: int = 2026,
    strata: str | None = None,
    **changes: Any,
) -> pd.Series:
    """Permute the exposure between clusters, the schedule staying as it is.

    The sharp null is that exchange does nothing to anybody, and any university could have had any
    other's exposure. Large universities exchange more, so that the second part is a strong one; the
    studentised statistic also holds its level asymptotically if only the coefficient is zero
    (DiCiccio and Romano 2017).

    Parameters
    ----------
    strata : str, optional
        Column with one value a cluster: exposures move only among clusters of one value, as if
        any university could have had that of any other like it. A stratum of one is fixed.

    Returns
    -------
    Series
        ``estimate``, ``p_value`` of the studentised statistic, ``p_coefficient`` of the coefficient
        itself, ``draws``, ``distinct``: permutations that differ from each other. For
        ``model="ppml"`` both are score statistics of the restricted fit, and the ``estimate`` is
        its first Newton step.

    Raises
    ------
    NoVariationError
        If the exposure differs within a cluster.
    DesignError
        If the strata do.

    Examples
    --------
    No shuffle of 999 does as much as the data: p = 1 / 1000.

    >>> panel = rp.load_panel()
    >>> found = rp.few_clusters.randomisation_test(panel, scale="log1p", draws=999)
    >>> float(found["p_value"])
    0.001
    """
    rows = sample(data, design.but(**changes))
    rows.design.require_one_cluster(PERMUTED)
    levels = None if strata is None else cluster_values(data, strata, rows.design, "the strata")
    found = _randomisation(rows, draws, seed, levels)
    warn_of_few(found["distinct"], "assignments of the exposure to the clusters", PERMUTED)
    return found


def _randomisation(
    rows: Sample,
    draws: int = 9999,
    seed: int = 2026,
    levels: pd.Series | None = None,
    known: Kernel | None = None,
) -> pd.Series:
    means = None
    if rows.design.model == "ppml":
        rows, means = without_effect(rows)
    y = rows.y.to_numpy()
    y = y if means is None else (y - means) / means
    k = known or regression(rows, PERMUTED, means).kernel
    actual = exposure_of_clusters(rows.exposure, rows.cluster(PERMUTED))
    strata = None if levels is None else pd.factorize(levels[k.names], sort=True)[0]
    test = Permutations(Schedule(k, rows.schedule), exposures(actual, draws, seed, strata))
    estimate, statistic = (v[0] for v in test.statistics(k.residualise(k.arrange(y))))
    values = {
        "estimate": float(estimate[0]),
        "p_value": rank(statistic),
        "p_coefficient": rank(estimate),
        "draws": draws,
        "distinct": distinct(actual, strata),
    }
    return pd.Series(values, name=PERMUTED)


def compare(data: pd.DataFrame, design: Design = STUDY, **changes: Any) -> pd.DataFrame:
    """One estimate, its interval and its p-value by every method of this module.

    Returns
    -------
    DataFrame
        Indexed by ``method``: ``estimate``, ``lower``, ``upper``, ``p_value``. The randomisation
        test has no interval. A method that this design does not allow has a row without numbers,
        and a column ``reason`` says why.

    Examples
    --------
    One treated state of 27: standard errors call the effect certain, a permutation cannot.

    >>> donors = rp.load("organ_donations")
    >>> states = rp.Design(
    ...     outcome="rate", exposure="california", unit="state", time="quarter",
    ...     effects=["state", "quarter"], cluster="state", variance="CR1",
    ... )
    >>> rp.few_clusters.compare(donors, states)["p_value"].round(3)
    method
    CR1, t(G − 1)                 0.001
    CR2, t(Satterthwaite)         0.001
    CR3 (jackknife), t(G* − 1)      NaN
    wild cluster bootstrap        0.458
    randomisation test            0.188
    Name: p_value, dtype: float64
    """
    fit = parted(data, design.but(**changes), "the comparison of methods")
    warn_of_doubts(fit.sample, fit.effective(), "a clustered standard error")
    groups = fit.clusters
    # A Poisson model is permuted in the metric of its restricted fit.
    known = fit.regression.kernel if fit.sample.design.model == "ols" else None
    methods: dict[str, Callable[[], pd.Series]] = {
        CLUSTERED: lambda: coefficient(fit.estimate, fit.std_error("CR1"), groups - 1),
        CR2: lambda: _bias_reduced(fit),
        CR3: lambda: _jackknife(fit),
        WILD: lambda: _wild(fit, bootstrap_weights(groups, 9999, "rademacher", 2026)),
        PERMUTED: lambda: _randomisation(fit.sample, known=known),
    }
    rows, reasons = {}, {}
    for name, method in methods.items():
        try:
            rows[name] = method().reindex(["estimate", "lower", "upper", "p_value"])
        except ReplicationError as error:
            rows[name], reasons[name] = pd.Series(dtype=float), str(error)
    frame = pd.DataFrame(rows).T.astype(float).rename_axis("method")
    return frame.assign(reason=pd.Series(reasons)).fillna({"reason": ""}) if reasons else frame
