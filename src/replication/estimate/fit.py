"""One estimate: a call of `linearmodels.iv.AbsorbingLS` (`ols`) or of `pyfixest.fepois` (`ppml`).

What the library returns is kept untouched in the `Estimate`; what is printed follows the
conventions of `convention`.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pyfixest as pf
from linearmodels.iv.absorbing import AbsorbingLS
from linearmodels.panel.utility import AbsorbingEffectError

from replication.errors import ConvergenceError, NoVariationError
from replication.estimate.clustered import Clustered, take_apart
from replication.estimate.convention import (
    NAMES,
    Coefficient,
    band,
    coefficient_table,
    correction,
    require_variance,
)
from replication.estimate.sample import Sample, without_separated

# Least-squares absorption to machine precision; the only method that also takes weights.
LSMR: dict[str, Any] = {"method": "lsmr", "absorb_options": {"btol": 1e-14, "atol": 1e-14}}

# s² = RSS / N, since our factor, N / (N − K), counts effects by rank.
UNADJUSTED: dict[str, Any] = {"cov_type": "unadjusted", "debiased": False}

VANISHING = 1e-6
"""A fitted mean below this part of the mean outcome may run to zero, its row being separated."""

VANISHED = 0.0
"""The same, where a linear program says that no row is."""

EXPLAINED = 1e-6
"""A residual below this part of the outcome's deviation is none, as where an outcome is a mean."""

TOLERANCE, LOOSER = 1e-12, 1e-9
"""Last step of the deviance; the second where a fit that is almost perfect rounds off the first."""


@dataclass(frozen=True)
class Estimate:
    """Coefficients with the study's inference, beside the library's own result.

    Attributes
    ----------
    frame : DataFrame
        One row a regressor, indexed by its name: ``estimate``, ``std_error``, ``statistic``,
        ``p_value``, ``lower``, ``upper`` (95 % interval).
    vcov : DataFrame
        Variance matrix behind ``std_error``, in the order of ``frame``.
    df : int or Series
        Degrees of freedom of the t distribution, one a coefficient where they differ.
    convention : str
        Name of the variance and its reference distribution.
    sample : Sample
        The rows used, and the design that was asked for.
    result : AbsorbingLSResults, OLSResults or Fepois, or None
        What the library returned, untouched. Its own standard errors are not ours.
    reference : int or None
        Omitted period of an event study.
    parts : Clustered or None
        The estimate taken apart by cluster, where its variance is made of that: CR2 and CR3.

    Examples
    --------
    Houses near an incinerator; in print −11863.9 (7456.6).

    >>> prices = rp.did(
    ...     rp.load("kielmc"), outcome="rprice", exposure="nearinc", post="y81",
    ...     controls=["nearinc", "y81"], unit=None, effects=[], cluster=None,
    ... )
    >>> prices
    OLS of rprice, 321 rows; classical, t(N − K)
                     estimate  std_error  statistic  p_value       lower     upper
    term
    nearinc × y81 -11863.9033  7456.6462    -1.5911   0.1126 -26534.6731 2806.8666
    >>> prices.n, round(prices["nearinc × y81"].std_error, 1)
    (321, 7456.6)
    """

    frame: pd.DataFrame
    vcov: pd.DataFrame
    df: int | pd.Series
    convention: str
    sample: Sample
    result: Any = None
    reference: int | None = None
    parts: Clustered | None = None

    def __getitem__(self, term: str) -> Coefficient:
        """Row of one regressor: ``did(panel)["exposure × post"].estimate``."""
        return Coefficient(self.frame.loc[term])

    def __repr__(self) -> str:
        """Short, for a console: what was estimated, then the coefficients."""
        head = f"{self.model.upper()} of {self.outcome}, {self.n:,} rows"
        if self.dropped:
            head += f", {sum(self.dropped.values()):,} rows dropped"
        if self.singletons:
            head += f", {self.singletons:,} singletons kept"
        if self.dropped_controls:
            head += f", collinear controls dropped: {', '.join(self.dropped_controls)}"
        return f"{head}; {self.convention}\n{self.frame.to_string(float_format='{:.4f}'.format)}"

    @cached_property
    def clustered(self) -> Clustered:
        """The estimate taken apart by cluster, whatever its own variance.

        Raises
        ------
        DesignError
            If there is not one dimension of clusters.
        """
        if self.parts is not None:
            return self.parts
        return take_apart(
            self.sample, self.frame["estimate"], fitted_means(self.sample, self.result)
        )

    def contrast(self, weights: Mapping[str, float], name: str = "") -> Coefficient:
        """Return a sum of coefficients, each times its weight, as a row of `frame`."""
        terms = list(weights)
        c = np.array([weights[term] for term in terms], dtype=float)
        b, v = self.frame.loc[terms, "estimate"].to_numpy(), self.vcov.loc[terms, terms].to_numpy()
        if isinstance(self.df, int):
            df: float = self.df
        else:
            whole = pd.Series(weights).reindex(self.frame.index, fill_value=0.0)
            df = self.clustered.df(self.sample.design.variance, whole.to_numpy(dtype=float))
        error = float(np.sqrt(c @ v @ c))
        table = coefficient_table(pd.Series([float(c @ b)]), pd.Series([error]), df)
        return Coefficient(table.iloc[0], name=name)

    def simultaneous(self, *, draws: int = 14, seed: int = 2026) -> pd.DataFrame:
        """Coefficients with intervals that hold all of them at once: `convention.band`."""
        return band(self.frame, self.vcov, self.df, draws, seed)

    @property
    def n(self) -> int:
        """Rows used."""
        return len(self.sample.rows)

    @property
    def clusters(self) -> int:
        """Clusters, 0 if the variance is not clustered, the fewest of two dimensions."""
        dimensions = self.sample.clusters
        return int(dimensions.nunique().min()) if dimensions.shape[1] else 0

    @property
    def outcome(self) -> str:
        """Outcome on its scale, as it is printed."""
        return self.sample.label

    @property
    def model(self) -> str:
        """``"ols"`` or ``"ppml"``."""
        return self.sample.design.model

    @property
    def effects(self) -> tuple[str, ...]:
        """Names of the absorbed effects, such as ``"university × discipline"``."""
        return tuple(map(str, self.sample.absorb.columns))

    @property
    def dropped(self) -> dict[str, int]:
        """Rows that were not used, by reason: ``rows in = n + sum(dropped.values())``."""
        return self.sample.dropped

    @property
    def dropped_controls(self) -> tuple[str, ...]:
        """Controls that were not used, being collinear, where the design drops them."""
        return self.sample.dropped_controls

    @property
    def singletons(self) -> int:
        """Rows used that an effect fits by itself; see `sample.Sample.singletons`."""
        return self.sample.singletons

    # The four attributes that maketables asks of a model it does not know.
    @property
    def __maketables_coef_table__(self) -> pd.DataFrame:
        names = {"estimate": "b", "std_error": "se", "statistic": "t", "p_value": "p"}
        return self.frame.rename(columns=names)

    @property
    def __maketables_depvar__(self) -> str:
        return self.outcome

    @property
    def __maketables_fixef_string__(self) -> str | None:
        return "+".join(self.effects) or None

    def __maketables_stat__(self, key: str) -> Any:
        return {"N": self.n, "n_clusters": self.clusters or None}.get(key)


def fit(sample: Sample) -> Estimate:
    """Estimate a sample by its design's model."""
    return {"ols": ols, "ppml": ppml}[sample.design.model](sample)


def ols(sample: Sample) -> Estimate:
    """Least squares with any number of absorbed effects, by `linearmodels.iv.AbsorbingLS`."""
    x, weights = sample.x, sample.design.weights
    if not sample.design.effects:
        x = x.assign(Intercept=1.0)
    clustered = {"cov_type": "clustered", "clusters": sample.clusters}
    try:
        result = AbsorbingLS(
            sample.y,
            x,
            absorb=sample.absorb if sample.design.effects else None,
            weights=None if weights is None else sample.rows[weights],
        ).fit(**(clustered if sample.design.clusters else UNADJUSTED), **LSMR)
    except (AbsorbingEffectError, ValueError, np.linalg.LinAlgError) as error:
        if isinstance(error, ValueError) and "rank" not in str(error):
            raise
        raise _absorbed(sample) from error
    residual, size = float(np.sqrt((result.resids**2).mean())), x.std().to_numpy()
    spread = residual / np.where(size > 0, size, np.inf) / np.sqrt(len(x))
    # An outcome that is explained without a residual has coefficients, and no errors to refuse.
    if sample.design.variance != "none" and residual > EXPLAINED * sample.y.std():
        require_variance(_errors(result.cov), spread, list(map(str, x)))
    return with_inference(result.params, result.cov, sample, result)


def ppml(sample: Sample) -> Estimate:
    """Poisson pseudo-maximum likelihood with absorbed effects, by `pyfixest.fepois`.

    Rows that fixed effects or regressors separate (some combination of them is non-zero only where
    the outcome is zero) carry no information about the coefficients; they are dropped and counted
    in `Estimate.dropped`. A regressor that varies in no other rows has no finite coefficient: that
    is a `NoVariationError`, unless it is a control and the design drops collinear ones.

    Raises
    ------
    NoVariationError
    ConvergenceError
        If the likelihood's maximum is not found.
    """
    used = without_separated(sample)
    result = _fepois(used)
    if result is None:
        # Some mean runs towards zero, and no single effect separates its row: look closer.
        used = without_separated(used, thorough=True)
        result = _fepois(used, VANISHED, LOOSER)
    if result is None:
        raise ConvergenceError(
            f"the Poisson model of {used.label} did not converge, though no row is separated: look "
            f"for regressors of very different size among {', '.join(map(repr, used.x))}"
        )
    names = list(map(str, used.x))
    coefficients = [f"x{i}" for i in range(len(names))]
    if set(coefficients) - set(result._coefnames):
        raise _absorbed(used)
    scale = _scale(used)
    vcov = pd.DataFrame(result._vcov, result._coefnames, result._coefnames)
    vcov = vcov.loc[coefficients, coefficients].set_axis(names).set_axis(names, axis=1)
    vcov = vcov * np.outer(scale, scale)
    b = pd.Series(result._beta_hat, result._coefnames)[coefficients]
    params = pd.Series(b.to_numpy() * scale, names)
    error = np.sqrt(((used.y.to_numpy() - result._Y_hat_response) ** 2).sum())
    spread = error / result._Y_hat_response.sum() / used.x.std().to_numpy()
    # Of many periods and few clusters the estimates may be wanted, as where a truth is computed.
    noisy = error > EXPLAINED * used.y.std() * np.sqrt(used.y.size)
    if sample.design.variance != "none" and noisy and len(used.terms) == 1:
        require_variance(_errors(vcov), spread, names)
    return with_inference(params, vcov, used, result)


def _fepois(sample: Sample, vanishing: float = VANISHING, tolerance: float = TOLERANCE) -> Any:
    """Fit without a check of separation; None where a mean vanishes or nothing converges."""
    # Plain names, since a formula cannot hold the study's; and copies of the cluster columns,
    # because a cluster that is also an effect makes pyfixest depend on PYTHONHASHSEED.
    scaled = sample.x * _scale(sample)
    x = {f"x{i}": scaled[c] for i, c in enumerate(scaled)}
    fe = {f"fe{i}": sample.absorb[c].cat.codes for i, c in enumerate(sample.absorb)}
    groups = {f"cluster{i}": sample.clusters[c] for i, c in enumerate(sample.clusters)}
    offset = {} if sample.design.offset is None else {"offset": sample.offset}
    frame = pd.DataFrame({"y": sample.y, **x, **fe, **groups, **offset}).reset_index(drop=True)
    with warnings.catch_warnings():
        # What overflows has not converged, and collinear regressors are an error: we say so.
        warnings.filterwarnings("ignore", category=RuntimeWarning)
        warnings.filterwarnings("ignore", message="(?s).*dropped due to multicollinearity")
        try:
            result = pf.fepois(
                f"y ~ {' + '.join(x)}" + (f" | {' + '.join(fe)}" if fe else ""),
                frame,
                vcov={"CRV1": " + ".join(groups)} if groups else "iid",
                offset=next(iter(offset), None),
                ssc=pf.ssc(k_adj=False, G_adj=False),
                fixef_rm="none",
                iwls_tol=tolerance,
                iwls_maxiter=100,
                separation_check=[],
                demeaner=pf.MapDemeaner(fixef_tol=1e-11),
            )
        except (ValueError, np.linalg.LinAlgError) as error:
            if "collinear" in str(error):
                raise _absorbed(sample) from error
            return None
    settled = result.convergence and np.isfinite(result._vcov).all()
    enough = result._Y_hat_response.min() > vanishing * float(frame["y"].mean())
    return result if settled and enough else None


def _errors(vcov: pd.DataFrame) -> np.ndarray:
    """Standard errors; zero for a variance below zero, as clusters of two dimensions may give."""
    return np.sqrt(np.maximum(np.diag(vcov), 0.0))


def _scale(sample: Sample) -> np.ndarray:
    """Powers of two that make the regressors alike in size: pyfixest's tolerances are absolute."""
    spread = sample.x.std().to_numpy()
    return np.exp2(-np.round(np.log2(np.where(spread > 0, spread, 1.0))))


def with_inference(
    params: pd.Series, vcov: pd.DataFrame, sample: Sample, result: Any = None
) -> Estimate:
    """Estimate from coefficients and their variance CR0, by the variance of the design."""
    kind = sample.design.variance
    if kind == "none":
        return estimate(params, vcov * np.nan, 0, "no inference", sample, sample.terms, result)
    if kind == "CR1" or not sample.design.clusters:
        factor, df, convention = correction(sample, sample.k)
        return estimate(params, vcov * factor, df, convention, sample, sample.terms, result)
    parts = take_apart(sample, params, fitted_means(sample, result))
    each = np.eye(len(sample.terms))
    dfs = pd.Series([parts.df(kind, one) for one in each], list(sample.terms))
    found = estimate(params, parts.vcov(kind), dfs, NAMES[kind], sample, sample.terms, result)
    return replace(found, parts=parts)


def fitted_means(sample: Sample, result: Any) -> np.ndarray | None:
    """Fitted means of a Poisson model."""
    return np.ravel(result._Y_hat_response) if sample.design.model == "ppml" else None


def estimate(
    params: pd.Series,
    vcov: pd.DataFrame,
    df: int | pd.Series,
    convention: str,
    sample: Sample,
    terms: Sequence[str],
    result: Any = None,
) -> Estimate:
    """Estimate from coefficients and the variance that is to be printed."""
    errors = pd.Series(np.sqrt(np.diag(vcov)), vcov.index)
    reference = df if isinstance(df, int) else df[list(terms)].to_numpy()
    frame = coefficient_table(params[list(terms)], errors[list(terms)], reference)
    return Estimate(frame, vcov.loc[list(terms), list(terms)], df, convention, sample, result)


def _absorbed(sample: Sample) -> NoVariationError:
    effects, controls = ", ".join(map(str, sample.absorb)), ", ".join(sample.controls)
    return NoVariationError(
        f"the fixed effects ({effects or 'none'}) and controls ({controls or 'none'}) leave no "
        f"variation of {', '.join(map(repr, sample.terms))}, or the regressors are collinear: an "
        "exposure that differs by university only, for one, is gone once university × year effects "
        "are in; take out an effect or a regressor"
    )
