"""The conventions of every standard error, p-value and interval, each in one place.

CR1 leaves fixed effects nested in the clusters out of the parameter count, as R's fixest does, and
finds redundant levels of the others by rank. Stata's reghdfe leaves them out too, but drops
singletons. linearmodels cannot be told the rule, so that it is applied here. Everything in the
project that prints a t statistic gets it from `coefficient_table`.
"""

import math
import warnings
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import optimize, stats

from replication.errors import FewClustersWarning, NoVariationError, TooFewClustersError
from replication.estimate.effects import added_rank, is_nested
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
ROUNDING = 1e-9
"""A standard error below this part of what it could be is a rounding error."""

FEW_TREATED, FEW_EFFECTIVE = 2, 5
"""So few treated clusters, or less effective ones, put a clustered standard error in doubt."""

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


def require_variance(std_error: Any, scale: Any, names: Sequence[str]) -> None:
    """Refuse standard errors that are rounding errors or no numbers.

    Parameters
    ----------
    std_error, scale : array_like, shape (K,)
        Standard errors, and the size that independent errors would give them, roughly.
    names : sequence of str

    Raises
    ------
    TooFewClustersError
        As with one treated cluster and one other: the scores of each sum to zero by construction.
        Clusters of two dimensions may also give a variance below zero.
    """
    errors = np.asarray(std_error, dtype=float)
    bad = ~(np.isfinite(errors) & (errors > 0) & (errors > ROUNDING * np.asarray(scale)))
    if bad.any():
        at = int(bad.argmax())
        raise TooFewClustersError(
            f"the standard error of {names[at]!r} is zero but for rounding, or of a variance below "
            f"zero ({errors[at]:.2g}): the clusters leave nothing to compare, as one treated "
            "cluster and one other do, or the outcome is explained without a residual; cluster by "
            "another column or by one only, or add clusters"
        )


def distinct_permutations(exposure: np.ndarray) -> int:
    """Ways to spread the exposures of G clusters, shape (G,), over them that differ."""
    counts = np.unique(exposure, return_counts=True)[1].tolist()
    return math.factorial(len(exposure)) // math.prod(map(math.factorial, counts))


def doubts(sample: Sample, effective: float, dose: pd.Series | None = None) -> list[str]:
    """Reasons not to rely on clustered standard errors (CR1, CR2) of a sample, in words.

    Parameters
    ----------
    sample : Sample
        With one dimension of clusters.
    effective : float
        Effective number of clusters, as `few_clusters.effective_clusters` finds it.
    dose : Series, optional
        Exposure of each row, by its cluster, where the design has none as in an event study.

    Notes
    -----
    With one or two treated clusters, or one or two others, both errors are far too small, whatever
    the number of clusters (MacKinnon, Nielsen and Webb 2023). Where fewer than 20 assignments of
    the exposure differ, no test by permutation could reject at 5 %. Below four degrees of freedom
    the approximation by t fails (Tipton 2015): G* below five.
    """
    found = []
    if dose is None and sample.design.parts:
        dose = pd.Series(sample.exposure, sample.clusters.iloc[:, 0].to_numpy())
    each = None if dose is None else _of_clusters(dose)
    if each is not None:
        values, counts = np.unique(each, return_counts=True)
        ways = distinct_permutations(each)
        if len(values) == 2 and (few := int(counts.min())) <= FEW_TREATED:
            which = "not exposed" if counts[0] == few else "exposed"
            if values[0] != 0:
                which = f"at {sample.design.exposure} = {values[counts.argmin()]:g}"
            noun = "clusters is" if few == 1 else "clusters are"
            found.append(f"{few} of {len(each)} {noun} {which}")
        if ways < 1 / LEVEL:
            found.append(f"only {ways} assignments of the exposure to the clusters differ")
    if effective < FEW_EFFECTIVE:
        found.append(f"the clusters are worth {effective:.1f} of like size")
    return found


def warn_of_doubts(
    sample: Sample, effective: float, method: str, dose: pd.Series | None = None
) -> None:
    """Warn, by `FewClustersWarning`, where there are `doubts` about a method's standard error."""
    if reasons := doubts(sample, effective, dose):
        warnings.warn(
            f"{method} cannot be relied on here: {'; '.join(reasons)}; compare it with the other "
            "rows of few_clusters.compare, the randomisation test above all",
            FewClustersWarning,
            stacklevel=2,
        )


def warn_of_few(ways: float, what: str, method: str) -> None:
    """Warn, by `FewClustersWarning`, where a test has too few `ways` to reject at 5 %."""
    if ways < 1 / LEVEL:
        warnings.warn(
            f"the {method} has only {ways:.0f} different {what}, so that its p-value is never "
            f"below {1 / ways:.2f}: it cannot reject at {LEVEL:.0%}, whatever the data",
            FewClustersWarning,
            stacklevel=2,
        )


def _of_clusters(dose: pd.Series) -> np.ndarray | None:
    """Exposure of each cluster, shape (G,); None where it differs within one."""
    groups = dose.groupby(level=0, observed=True)
    least = groups.min().to_numpy()
    return least if (least == groups.max().to_numpy()).all() else None


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
    # Of a standard error alone it is known that it is never so small beside its estimate.
    require_variance([std_error], [1e-3 * abs(estimate)], [name])
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


def parameters(
    k: int,
    effects: Sequence[np.ndarray],
    clusters: Sequence[np.ndarray],
    added: int | None = None,
) -> int:
    """K of the small-sample factor, by rank: the same, however a model is written.

    Parameters
    ----------
    k : int
        Regressors and controls; a constant, too, where no effect is absorbed.
    effects, clusters : sequence of ndarray, shape (N,)
        Number of each row's level, one array an effect, and of its cluster, one a dimension.
    added : int, optional
        Dimensions that the effects that are not nested add to the others, where they are known.

    Returns
    -------
    int
        ``k`` + 1 + rank of all effects − rank of those nested in the clusters and of a constant.

    Notes
    -----
    Of at most two effects, none of them nested, Stata's reghdfe counts the same, by connected
    components. Levels that are redundant beside a nested effect count there and in fixest, and not
    here: of discipline × year effects beside university × discipline ones, a year in each
    discipline.
    """
    if not effects:
        return k
    inside = nested(effects, clusters)
    first = [e for e, is_in in zip(effects, inside, strict=True) if is_in]
    then = [e for e, is_in in zip(effects, inside, strict=True) if not is_in]
    if added is not None:
        return k + 1 + added - (not first)
    return k + 1 + added_rank(first, then)


def nested(effects: Sequence[np.ndarray], clusters: Sequence[np.ndarray]) -> list[bool]:
    """Whether each effect is nested in one of the dimensions of the clusters."""
    return [any(is_nested(e, g) for g in clusters) for e in effects]


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
        raise _no_degrees_of_freedom(n, counted)
    return groups / (groups - 1) * (n - 1) / (n - counted)


def correction(sample: Sample, k: int, added: int | None = None) -> tuple[float, int, str]:
    """Small-sample factor, degrees of freedom and name of a variance, with `k` regressors.

    With two dimensions of clusters the smaller number of clusters counts, and an effect is nested
    if it is nested in one of them. Without clusters the factor is N/(N − K), all effects in K; a
    Poisson model, whose variance is not estimated, has none. `added` is for `parameters`.
    """
    n, dimensions = len(sample.rows), [c.to_numpy() for _, c in sample.clusters.items()]
    counted = parameters(k, sample.effect_codes, dimensions, added)
    if n <= counted:
        raise _no_degrees_of_freedom(n, counted)
    if not dimensions:
        factor = 1.0 if sample.design.model == "ppml" else n / (n - counted)
        return factor, n - counted, CLASSICAL
    groups = int(sample.clusters.nunique().min())
    factor = float(small_sample_factor(n, groups, counted))
    return factor, groups - 1, CLUSTERED if len(dimensions) == 1 else TWO_WAY


def _no_degrees_of_freedom(n: Any, counted: Any) -> NoVariationError:
    return NoVariationError(
        f"{n} rows for {counted} parameters: no degrees of freedom are left for a variance; "
        "take out an effect or a regressor"
    )
