"""The conventions of every standard error, p-value and interval, each in one place.

CR1 leaves fixed effects nested in the clusters out of the parameter count: the rule of R's fixest.
Stata's reghdfe leaves them out too, but treats singletons and redundant levels in another way.
linearmodels cannot be told the rule, so that it is applied here. Everything in the project that
prints a t statistic gets it from `coefficient_table`.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import optimize, stats

from replication.errors import NoVariationError, TooFewClustersError
from replication.estimate.sample import Sample

CLUSTERED = "CR1, t(G − 1)"
CR2 = "CR2, t(Satterthwaite)"
CR3 = "CR3 (jackknife), t(G* − 1)"
TWO_WAY = "two-way CR1, t(min G − 1)"
CLASSICAL = "classical, t(N − K)"

NAMES: dict[str, str] = {"CR1": CLUSTERED, "CR2": CR2, "CR3": CR3}
REFERENCE: dict[str, Literal["G", "G*", "Satterthwaite"]] = {
    "CR1": "G",
    "CR2": "Satterthwaite",
    "CR3": "G*",
}
"""Degrees of freedom of each variance: clusters or effective clusters less one, or Satterthwaite's.

That CR3 is referred to G* − 1 is this project's own choice, made by size over simulated studies
(register, R13); the literature uses G − 1.
"""

LEVEL = 0.05
"""Of every interval and of every test that is said to reject."""


def coefficient_table(
    estimate: pd.Series, std_error: pd.Series, df: float | np.ndarray
) -> pd.DataFrame:
    """Inference by t(df) on coefficients.

    Returns
    -------
    DataFrame
        Index of `estimate`, called ``term``: ``estimate``, ``std_error``, ``statistic``,
        ``p_value`` (two-sided), ``lower``, ``upper`` (95 % interval).
    """
    t = estimate / std_error
    half = stats.t.ppf(1 - LEVEL / 2, df) * std_error
    frame = pd.DataFrame(
        {
            "estimate": estimate,
            "std_error": std_error,
            "statistic": t,
            "p_value": 2 * stats.t.sf(np.abs(t), df),
            "lower": estimate - half,
            "upper": estimate + half,
        }
    )
    return frame.rename_axis("term")


class Coefficient(pd.Series):
    """A row of a coefficient table; its entries come out as Python's numbers, not as NumPy's."""

    def __getattr__(self, name: str) -> Any:  # type: ignore[misc]  # pandas calls it final
        return _plain(super().__getattr__(name))

    def __getitem__(self, key: Any) -> Any:
        return _plain(super().__getitem__(key))


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def coefficient(
    estimate: float, std_error: float, df: float, name: str = "", /, **more: Any
) -> Coefficient:
    """One row of `coefficient_table`, and what else a method has to say."""
    row = coefficient_table(pd.Series([estimate]), pd.Series([std_error]), df).iloc[0]
    return Coefficient({**row, **more}, name=name)


def rejects(
    gap: np.ndarray | pd.Series, std_error: Any, df: Any, level: float = LEVEL
) -> np.ndarray:
    """Whether a two-sided t test of size `level` rejects, for many estimates at once."""
    return np.asarray(np.abs(gap) > std_error * stats.t.ppf(1 - level / 2, df))


def wald(b: np.ndarray, vcov: np.ndarray, df: float, eta: float = np.inf) -> pd.Series:
    """Joint test that all of `b` are zero, F(q, df).

    With `eta`, the degrees of freedom of a Wishart variance, it is Hotelling's T² (test HTZ of
    Pustejovsky and Tipton 2018), and `df` is eta − q + 1.

    Returns
    -------
    Series
        ``statistic`` (Wald / q), ``q``, ``df``, ``p_value``.

    Raises
    ------
    TooFewClustersError
        If the variance has not full rank, as with no more clusters than restrictions.
    """
    rank = int(np.linalg.matrix_rank(vcov, hermitian=True))
    if rank < len(b):
        raise TooFewClustersError(
            f"{len(b)} restrictions and a variance of rank {rank}: a joint test needs more "
            "clusters than restrictions; test fewer at a time"
        )
    f = float(b @ np.linalg.solve(vcov, b)) / len(b)
    f *= 1.0 if np.isinf(eta) else df / eta
    p = float(stats.f.sf(f, len(b), df))
    return pd.Series({"statistic": f, "q": len(b), "df": df, "p_value": p})


def band(
    frame: pd.DataFrame, vcov: pd.DataFrame, df: float | pd.Series, draws: int, seed: int
) -> pd.DataFrame:
    """Intervals that hold all coefficients at once in 95 % of samples: the sup-t band.

    As wide as the 95 % quantile of the largest |t| under a multivariate t with the correlations of
    the estimates (Montiel Olea and Plagborg-Møller 2019), its degrees of freedom the smallest of
    the coefficients'. The normal part of t is drawn, 2^`draws` points of a scrambled Sobol
    sequence; the χ² part is integrated out.

    Returns
    -------
    DataFrame
        Index of `frame`: ``estimate``, ``std_error``, ``lower``, ``upper``.
    """
    errors, k = frame["std_error"].to_numpy(), len(frame)
    least = float(np.min(df))
    # For one test alone, and at most (Bonferroni) for as many as there are coefficients.
    width, most = (float(stats.t.ppf(1 - LEVEL / 2 / n, least)) for n in (1, k))
    if k > 1:
        correlation = vcov.to_numpy() / np.outer(errors, errors)
        rng = np.random.default_rng(seed)
        normal = stats.qmc.MultivariateNormalQMC(np.zeros(k), correlation, rng=rng)
        squared = (normal.random(2**draws) ** 2).max(axis=1) * least

        def excess(at: float) -> float:
            return float(stats.chi2.cdf(squared / at**2, least).mean()) - LEVEL

        width = float(optimize.brentq(excess, 0.9 * width, 1.1 * most))
    half = width * frame["std_error"]
    found = frame[["estimate", "std_error"]]
    return found.assign(lower=found["estimate"] - half, upper=found["estimate"] + half)


def parameters(k: Any, levels: Sequence[Any], nested: Iterable[bool]) -> Any:
    """K of the small-sample factor: `k` regressors, and levels of the effects that are not nested.

    Each effect after the first counts one level less. All counts may be arrays, one entry an
    outcome, since the rows that a Poisson model uses differ by outcome.
    """
    inside = sum(n - 1 for n, is_in in zip(levels, nested, strict=True) if is_in)
    return k + sum(levels) - max(len(levels) - 1, 0) - inside


def small_sample_factor(n: Any, groups: Any, counted: Any) -> Any:
    """G/(G − 1) · (N − 1)/(N − K), the factor of CR1 on the CR0 variance.

    Notes
    -----
    `fixest <https://lrberge.github.io/fixest/articles/standard_errors.html>`_ calls it
    ``ssc(fixef.K = "nested")`` up to version 0.12, ``K.fixef = "nonnested"`` since.

    Raises
    ------
    NoVariationError
        If there are no more rows than parameters.
    """
    if np.any(n <= counted):
        raise NoVariationError(
            f"{n} rows for {counted} parameters: no degrees of freedom are left for a variance; "
            "take out an effect or a regressor"
        )
    return groups / (groups - 1) * (n - 1) / (n - counted)


def is_nested(effect: np.ndarray, cluster: np.ndarray) -> bool:
    """Whether every level of an effect lies in one cluster."""
    return bool(pd.Series(cluster).groupby(effect).nunique().max() == 1)


def correction(sample: Sample, k: int) -> tuple[float, int, str]:
    """Small-sample factor, degrees of freedom and name of a variance, with `k` regressors.

    With two dimensions of clusters the smaller number of clusters counts, and an effect is nested
    if it is nested in one of them. Without clusters the factor is 1, linearmodels having used
    N − K already, all effects in K.
    """
    n, levels = len(sample.rows), [int(sample.absorb[c].nunique()) for c in sample.absorb]
    if not sample.design.clusters:
        return 1.0, n - int(parameters(k, levels, [False] * len(levels))), CLASSICAL
    dimensions = [codes.to_numpy() for _, codes in sample.clusters.items()]
    nested = [any(is_nested(e, g) for g in dimensions) for e in sample.effect_codes]
    groups = int(sample.clusters.nunique().min())
    factor = float(small_sample_factor(n, groups, parameters(k, levels, nested)))
    return factor, groups - 1, CLUSTERED if len(dimensions) == 1 else TWO_WAY
