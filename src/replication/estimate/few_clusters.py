"""Inference with few or unequal clusters, beside the CR1 intervals that every table prints.

Cluster-robust intervals lean on many clusters of like size. Where there are few, or few that
matter, the literature has better: the variance CR2 with its own degrees of freedom (Bell and
McCaffrey 2002; Imbens and Kolesár 2016; Pustejovsky and Tipton 2018), the cluster jackknife CR3,
the restricted wild cluster bootstrap (Cameron, Gelbach and Miller 2008) and permutation of the
exposure (Young 2019). All of them are worked out from one `kernel.Kernel`, exactly, with no refit.

All verbs take the design as `designs.did` does: `exposure`, `post`, `effects`, `controls`,
`cluster`, `unit`, `time`, `scale`, `missing`; with ``third`` they take `designs.ddd`. With
``model="ppml"`` they work on the Poisson fit's weighted least squares.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from replication.errors import NoVariationError
from replication.estimate.designs import (
    DDD_EFFECTS,
    DID_EFFECTS,
    SCALES,
    UNIT,
    Effect,
    Model,
    Scale,
    _categories,
    _interacted,
    _sample,
    small_sample_factor,
)
from replication.estimate.many.least_squares import (
    Kernel,
    Regression,
    degrees_of_freedom,
    effective,
    kernel,
    regression,
    std_errors,
)
from replication.estimate.many.poisson import PoissonFits, poisson_fits
from replication.estimate.many.resampling import (
    Permutations,
    Weights,
    WildBootstrap,
    bootstrap_weights,
    exposures,
    rank,
    score_bootstrap,
)
from replication.records import checks


@dataclass(frozen=True)
class Problem:
    """A design and its sample: what there is to be known before anything is fitted."""

    sample: pd.DataFrame
    absorb: pd.DataFrame
    y: np.ndarray
    exposure: np.ndarray
    schedule: np.ndarray
    controls: np.ndarray
    cluster: str
    model: Model

    @property
    def x(self) -> np.ndarray:
        """The regressor: exposure × post, or × post × third."""
        return self.exposure * self.schedule

    @property
    def codes(self) -> np.ndarray:
        """Clusters counted from 0 in the order of their names."""
        return pd.factorize(self.sample[self.cluster], sort=True)[0]

    def kernel(self, weights: np.ndarray | None = None) -> Kernel:
        """Take the design apart."""
        return kernel(self.sample[self.cluster], self.absorb, self.controls, weights)

    def factor(self) -> float:
        """Small-sample factor of CR1."""
        k = 1 + self.controls.shape[1]
        return small_sample_factor(self.sample, k, self.absorb, self.cluster)[0]

    def poisson(self, fixed: float | None = None) -> PoissonFits:
        """Poisson fit of this problem, its coefficient free or held at `fixed`."""
        effects = [pd.factorize(self.absorb[c])[0] for c in self.absorb]
        y = self.y[:, None]
        return poisson_fits(y, self.x, effects, self.codes, fixed=fixed, keep_mean=True)


def problem(
    data: pd.DataFrame,
    outcome: str = "patents_joint",
    *,
    exposure: str = "exposure",
    post: str = "post",
    third: str | None = None,
    unit: Effect | None = UNIT,
    time: str = "year",
    effects: Sequence[Effect] | None = None,
    controls: Sequence[str | tuple[str, str]] = (),
    cluster: str = "university",
    model: Model = "ols",
    scale: Scale = "level",
    missing: Literal["raise", "drop"] = "raise",
) -> Problem:
    """Check the input as `designs.did` and `designs.ddd` do, and lay the design out.

    Raises
    ------
    ReplicationError
        On input that could yield a wrong number: see `replication.records.checks`.
    """
    parts = [exposure, post, *([] if third is None else [third])]
    checks.require_columns(data, parts, "the treatment")
    data = checks.as_numbers(data, parts)
    schedule = data[post] if third is None else data[post] * data[third]
    data = data.assign(**{" × ".join(parts): data[exposure] * schedule, "schedule ×": schedule})
    if effects is None:
        effects = DID_EFFECTS if third is None else DDD_EFFECTS
    data, names = _interacted(data, controls)
    terms = [" × ".join(parts)]
    sample, _ = _sample(data, outcome, terms, unit, time, effects, names, None, cluster, missing)
    # The parts are complete where their product is, unless a factor of zero hides a gap.
    rows = data.loc[sample.index, [exposure, "schedule ×"]] if data.index.is_unique else None
    if rows is None:
        raise NoVariationError("the rows' labels are not unique: call reset_index(drop=True) first")
    y = sample[outcome].to_numpy(float)
    absorb = _categories(sample, effects)
    if model == "ppml":
        if names or scale != "level":
            raise ValueError("PPML inference takes no controls and the count itself as outcome")
        if not len(absorb.columns):
            raise ValueError("PPML inference needs at least one absorbed effect")
        checks.require_nonnegative(sample, outcome, "Poisson")
        counted = np.ones(len(y), dtype=bool)
        for c in absorb:
            counted &= pd.Series(y).groupby(absorb[c].to_numpy()).transform("sum").to_numpy() > 0
        sample, absorb, rows, y = sample[counted], absorb[counted], rows[counted], y[counted]
        checks.require_clusters(sample, cluster)
    elif scale != "level":
        checks.require_nonnegative(sample, outcome, f"{scale} of an outcome")
        y = SCALES[scale](y)
    return Problem(
        sample=sample,
        absorb=absorb,
        y=y,
        exposure=rows[exposure].to_numpy(),
        schedule=rows["schedule ×"].to_numpy(),
        controls=sample[names].to_numpy(float),
        cluster=cluster,
        model=model,
    )


def _fitted(p: Problem) -> tuple[Regression, float, np.ndarray]:
    """Regression, coefficient and residuals, shape (N, 1), in the order of the kernel."""
    if p.model == "ols":
        reg = regression(p.kernel(), p.x)
        y = reg.kernel.residualise(reg.kernel.arrange(p.y))
        estimate = float(reg.products(y).sum() / reg.total)
        return reg, estimate, y - estimate * reg.x
    fit = p.poisson()
    assert fit.mean is not None
    mean = fit.mean[:, 0]
    reg = regression(p.kernel(mean), p.x)
    return reg, float(fit.estimate[0]), reg.kernel.arrange((p.y - mean) / mean)


def _row(estimate: float, std_error: float, df: float, **more: Any) -> pd.Series:
    """As a row of `designs.Estimate.frame`, with the degrees of freedom."""
    from scipy import stats

    t = estimate / std_error
    half = float(stats.t.ppf(0.975, df)) * std_error
    values = {
        "estimate": estimate,
        "std_error": std_error,
        "statistic": t,
        "p_value": 2 * float(stats.t.sf(abs(t), df)),
        "lower": estimate - half,
        "upper": estimate + half,
        "df": df,
    }
    return pd.Series({**values, **more})


def bias_reduced(data: pd.DataFrame, outcome: str = "patents_joint", **design: Any) -> pd.Series:
    """CR2 with Satterthwaite degrees of freedom (Bell and McCaffrey 2002).

    Returns
    -------
    Series
        ``estimate``, ``std_error``, ``statistic``, ``p_value``, ``lower``, ``upper``, ``df``.
    """
    reg, estimate, residuals = _fitted(problem(data, outcome, **design))
    error = float(std_errors(reg, residuals, "CR2")[0])
    return _row(estimate, error, degrees_of_freedom(reg)).rename("CR2")


def jackknife(
    data: pd.DataFrame,
    outcome: str = "patents_joint",
    *,
    reference: Literal["clusters", "effective"] = "effective",
    **design: Any,
) -> pd.Series:
    """CR3: the estimate without each cluster in turn (MacKinnon, Nielsen and Webb 2023).

    Parameters
    ----------
    data, outcome, **design
        As for `designs.did`, and ``third`` for a triple difference.
    reference : {"clusters", "effective"}
        Degrees of freedom: G − 1, or G* − 1 with G* of `effective_clusters`.

    Returns
    -------
    Series
        As `bias_reduced`, and the cluster whose absence moves the estimate most,
        ``influential``, with the estimate without it, ``without``.
    """
    if reference not in ("clusters", "effective"):
        raise ValueError(f"reference must be 'clusters' or 'effective', not {reference!r}")
    reg, estimate, residuals = _fitted(problem(data, outcome, **design))
    error = float(std_errors(reg, residuals, "CR3")[0])
    left_out = leave_one_out(reg, estimate, residuals)
    most = left_out.index[int((left_out - estimate).abs().argmax())]
    few = float(effective(reg.power[:, None])[0])
    df = (len(left_out) if reference == "clusters" else few) - 1
    return _row(estimate, error, df, influential=most, without=left_out[most]).rename("CR3")


def leave_one_out(reg: Regression, estimate: float, residuals: np.ndarray) -> pd.Series:
    """Estimates without each cluster, by the cluster's name."""
    moves = reg.kernel.by_cluster(reg.adjusted["CR3"] * residuals)[:, 0] / reg.total
    return pd.Series(estimate - moves, reg.kernel.names, name="estimate")


def effective_clusters(
    data: pd.DataFrame, outcome: str = "patents_joint", **design: Any
) -> pd.Series:
    """How many clusters the design is worth.

    Returns
    -------
    Series
        ``clusters``: G. ``effective``: G* of Carter, Schnepel and Steigerwald (2017), with
        independent errors within clusters. ``df``: degrees of freedom of CR2. ``largest_share``:
        part of the residual variation of the regressor that one cluster holds, the largest.
    """
    reg, _, _ = _fitted(problem(data, outcome, **design))
    share = reg.power / reg.total
    values = {
        "clusters": len(share),
        "effective": effective(reg.power[:, None])[0],
        "df": degrees_of_freedom(reg),
        "largest_share": share.max(),
    }
    return pd.Series(values, dtype=float)


def wild_cluster_bootstrap(
    data: pd.DataFrame,
    outcome: str = "patents_joint",
    *,
    null: float = 0.0,
    draws: int = 9999,
    seed: int = 2026,
    weights: Weights = "rademacher",
    interval: bool = True,
    **design: Any,
) -> pd.Series:
    """Restricted wild cluster bootstrap of the studentised coefficient (WCR).

    Parameters
    ----------
    data, outcome, **design
        As for `designs.did`, and ``third`` for a triple difference.
    null : float
    draws, seed : int
        Where 2^G sign patterns are no more than `draws`, all of them are used and nothing is drawn.
    weights : {"rademacher", "webb"}
    interval : bool
        Also invert the test into a 95 % interval: all nulls that it does not reject.

    Returns
    -------
    Series
        ``estimate``, ``p_value``, ``lower``, ``upper``, ``draws``. A side on which no null is
        rejected is infinite.

    Notes
    -----
    For ``model="ppml"`` the bootstrap perturbs the scores of the restricted fit.
    """
    p = problem(data, outcome, **design)
    reg, estimate, residuals = _fitted(p)
    drawn = bootstrap_weights(len(reg.power), draws, weights, seed)
    if p.model == "ols":
        boot = WildBootstrap(reg, residuals + estimate * reg.x)

        def test(beta: float) -> float:
            return float(boot.p_values(beta, drawn)[0])
    else:

        def test(beta: float) -> float:
            fit = p.poisson(fixed=beta)
            return float(score_bootstrap(fit.scores, fit.power, drawn)[0])

    error = float(std_errors(reg, residuals, "CR1", p.factor())[0])
    values = {"estimate": estimate, "statistic": (estimate - null) / error, "p_value": test(null)}
    if interval:
        values["lower"] = _invert(test, estimate, -error)
        values["upper"] = _invert(test, estimate, error)
    return pd.Series({**values, "draws": len(drawn)}, name="wild cluster bootstrap")


def _invert(test: Callable[[float], float], estimate: float, step: float) -> float:
    """The value on one side of the estimate where a test begins to reject at 5 %."""
    inside, outside = estimate, estimate + 2 * step
    for _ in range(12):
        if test(outside) <= 0.05:
            break
        inside, outside = outside, estimate + 2 * (outside - estimate)
    else:
        return float(np.copysign(np.inf, step))
    while abs(outside - inside) > 1e-5 * abs(step):
        middle = (inside + outside) / 2
        inside, outside = (inside, middle) if test(middle) <= 0.05 else (middle, outside)
    return (inside + outside) / 2


def randomisation_test(
    data: pd.DataFrame,
    outcome: str = "patents_joint",
    *,
    draws: int = 9999,
    seed: int = 2026,
    **design: Any,
) -> pd.Series:
    """Permute the exposure between clusters, the schedule staying as it is.

    The sharp null is that exchange does nothing to anybody, and any university could have had any
    other's exposure. Large universities exchange more, so that the second part is a strong one; the
    studentised statistic also holds its level asymptotically if only the coefficient is zero.

    Parameters
    ----------
    data, outcome, **design
        As for `designs.did`, and ``third`` for a triple difference.
    draws, seed : int

    Returns
    -------
    Series
        ``estimate``, ``p_value`` of the studentised statistic, ``p_coefficient`` of the coefficient
        itself, ``draws``. For ``model="ppml"`` both are score statistics of the restricted fit, and
        the ``estimate`` is its first Newton step.

    Raises
    ------
    NoVariationError
        If the exposure differs within a cluster.
    """
    p = problem(data, outcome, **design)
    weights, y = None, p.y
    if p.model == "ppml":
        mean = p.poisson(fixed=0.0).mean
        assert mean is not None
        weights, y = mean[:, 0], (p.y - mean[:, 0]) / mean[:, 0]
    k = p.kernel(weights)
    dose = pd.Series(p.exposure).groupby(p.codes).agg(["min", "max"])
    if (dose["min"] != dose["max"]).any():
        raise NoVariationError("the exposure differs within a cluster: there is nothing to permute")
    actual = dose["min"].to_numpy()
    test = Permutations(k, p.schedule, exposures(actual, draws, seed))
    estimate, statistic = (v[0] for v in test.statistics(k.residualise(k.arrange(y))))
    values = {
        "estimate": float(estimate[0]),
        "p_value": rank(statistic),
        "p_coefficient": rank(estimate),
        "draws": draws,
    }
    return pd.Series(values, name="randomisation test")


def compare(data: pd.DataFrame, outcome: str = "patents_joint", **design: Any) -> pd.DataFrame:
    """One estimate, its interval and its p-value by every method of this module.

    Returns
    -------
    DataFrame
        Indexed by ``method``: ``estimate``, ``lower``, ``upper``, ``p_value``. The randomisation
        test has no interval.
    """
    p = problem(data, outcome, **design)
    reg, estimate, residuals = _fitted(p)
    error = float(std_errors(reg, residuals, "CR1", p.factor())[0])
    rows = {
        "CR1, t(G − 1)": _row(estimate, error, len(reg.power) - 1),
        "CR2, t(Satterthwaite)": bias_reduced(data, outcome, **design),
        "CR3 (jackknife), t(G* − 1)": jackknife(data, outcome, **design),
        "wild cluster bootstrap": wild_cluster_bootstrap(data, outcome, **design),
        "randomisation test": randomisation_test(data, outcome, **design),
    }
    columns = ["estimate", "lower", "upper", "p_value"]
    frame = pd.DataFrame({k: v.reindex(columns) for k, v in rows.items()}).T.astype(float)
    return frame.rename_axis("method")
