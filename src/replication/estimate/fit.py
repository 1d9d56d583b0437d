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

from replication.errors import NoVariationError
from replication.estimate.clustered import Clustered, take_apart
from replication.estimate.convention import (
    NAMES,
    Coefficient,
    band,
    coefficient_table,
    correction,
)
from replication.estimate.convention import coefficient as coefficient_row
from replication.estimate.sample import SEPARATED, Sample, without_separated

# Least-squares absorption to machine precision; the only method that also takes weights.
LSMR: dict[str, Any] = {"method": "lsmr", "absorb_options": {"btol": 1e-14, "atol": 1e-14}}

# s² = RSS / (N − K), every absorbed effect counted in K.
UNADJUSTED: dict[str, Any] = {"cov_type": "unadjusted", "debiased": True}

VANISHING = 1e-6
"""A fitted mean below this part of the mean outcome is on its way to zero: its row is separated."""


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
        dropped = f", {sum(self.dropped.values()):,} rows dropped" if self.dropped else ""
        head = f"{self.model.upper()} of {self.outcome}, {self.n:,} rows{dropped}"
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
        return coefficient_row(float(c @ b), float(np.sqrt(c @ v @ c)), df, name)

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
    except (AbsorbingEffectError, ValueError) as error:
        if isinstance(error, AbsorbingEffectError) or "rank" in str(error):
            raise _absorbed(sample) from error
        raise
    return with_inference(result.params, result.cov, sample, result)


def ppml(sample: Sample) -> Estimate:
    """Poisson pseudo-maximum likelihood with absorbed effects, by `pyfixest.fepois`.

    Observations that fixed effects or regressors separate (some combination of them is non-zero
    only where the outcome is zero) carry no information about the coefficients; they are dropped
    and counted in `Estimate.dropped`. A regressor that varies in no other rows has no finite
    coefficient: that is a `NoVariationError`.
    """
    sample = without_separated(sample)
    # Plain names, since a formula cannot hold the study's; and copies of the cluster columns,
    # because a cluster that is also an effect makes pyfixest depend on PYTHONHASHSEED.
    x = {f"x{i}": sample.x[c] for i, c in enumerate(sample.x)}
    fe = {f"fe{i}": sample.absorb[c].cat.codes for i, c in enumerate(sample.absorb)}
    groups = {f"cluster{i}": sample.clusters[c] for i, c in enumerate(sample.clusters)}
    frame = pd.DataFrame({"y": sample.y, **x, **fe, **groups}).reset_index(drop=True)
    formula = f"y ~ {' + '.join(x)}" + (f" | {' + '.join(fe)}" if fe else "")
    vcov = {"CRV1": " + ".join(groups)} if groups else "iid"
    result = _fepois(sample, formula, frame, vcov)
    if set(x) - set(result._coefnames):
        raise _absorbed(sample)
    # By position: the labels of the reader's index need not be unique.
    kept = np.ones(len(frame), dtype=bool)
    kept[np.asarray(result.na_index, dtype=int)] = False
    used = sample.keep(kept, SEPARATED)
    names = [dict(zip(x, sample.x, strict=True)).get(c, c) for c in result._coefnames]
    params = pd.Series(result.coef().to_numpy(), names)
    return with_inference(params, pd.DataFrame(result._vcov, names, names), used, result)


def _fepois(sample: Sample, formula: str, frame: pd.DataFrame, vcov: Any) -> Any:
    """Fit without a check of separation, and with the thorough one where a mean vanishes."""
    with warnings.catch_warnings():
        # Both are said by us: separated rows are counted, collinear regressors are an error.
        warnings.filterwarnings("ignore", message=".*removed because of separation")
        warnings.filterwarnings("ignore", message="(?s).*dropped due to multicollinearity")
        for check in ([], ["fe", "ir"]):
            try:
                result = pf.fepois(
                    formula,
                    frame,
                    vcov=vcov,
                    ssc=pf.ssc(k_adj=False, G_adj=False),
                    fixef_rm="none",
                    iwls_tol=1e-12,
                    iwls_maxiter=100,
                    separation_check=check if sample.design.effects else [],
                    demeaner=pf.MapDemeaner(fixef_tol=1e-11),
                )
            except ValueError as error:
                if "collinear" in str(error):
                    raise _absorbed(sample) from error
                raise
            # Some mean runs towards zero: no single effect separates its row, so look closer.
            if result._Y_hat_response.min() > VANISHING * float(frame["y"].mean()):
                return result
    raise NoVariationError(
        "the fitted mean of some rows runs towards zero and a coefficient towards infinity: one of "
        f"{', '.join(map(repr, sample.x))} is non-zero only where the count is zero; leave it out, "
        "or the rows that it marks"
    )


def with_inference(
    params: pd.Series, vcov: pd.DataFrame, sample: Sample, result: Any = None
) -> Estimate:
    """Estimate from coefficients and their variance CR0, by the variance of the design."""
    kind = sample.design.variance
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
