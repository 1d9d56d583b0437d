"""The designs: difference-in-differences, triple difference, event study, Poisson.

An estimate is one call of `linearmodels.iv.AbsorbingLS` (`ols`) or one of
`pyfixest.fepois` (`ppml`); the verbs above them only build the regressors. What is ours
is the convention of the standard errors, in `small_sample_factor`, because linearmodels cannot be
told it: CR1 with fixed effects nested in the clusters left out of the parameter count, and t(G − 1)
for p-values and intervals. That is the rule of R's fixest and of Stata's reghdfe.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from replication.errors import NoVariationError
from replication.records import checks

Model = Literal["ols", "ppml"]
Scale = Literal["level", "log1p", "asinh", "any"]
Effect = str | tuple[str, ...]

UNIT = ("university", "discipline")
DID_EFFECTS: tuple[Effect, ...] = (UNIT, ("discipline", "year"))
DDD_EFFECTS: tuple[Effect, ...] = (UNIT, ("university", "year"), ("discipline", "year"))

CONTROLS = (("log_rd_staff", "year"), ("log_rd_spending", "year"), ("log_graduates", "year"))
"""The study's controls (R12): pre-period resources, each with a slope of its own in each year."""

# Least-squares absorption to machine precision; the only method that also takes weights.
LSMR: dict[str, Any] = {"method": "lsmr", "absorb_options": {"btol": 1e-14, "atol": 1e-14}}

# s² = RSS / (N − K), every absorbed effect counted in K.
CLASSICAL_OPTIONS: dict[str, Any] = {"cov_type": "unadjusted", "debiased": True}

VANISHING = 1e-6
"""A fitted mean of a Poisson model below this is on its way to zero, hence its row separated."""

SCALES: dict[str, Any] = {
    "level": lambda y: y,
    "log1p": np.log1p,
    "asinh": np.arcsinh,
    "any": lambda y: (y > 0).astype(float),
}
SCALE_LABELS = {"log1p": "log(1 + {})", "asinh": "asinh({})", "any": "1[{} > 0]"}

CLUSTERED = "CR1, t(G − 1)"
CLASSICAL = "classical, t(N − K)"


@dataclass(frozen=True)
class Estimate:
    """A fitted model with the study's inference beside the library's own result.

    Attributes
    ----------
    frame : DataFrame
        One row a regressor, indexed by its name: ``estimate``, ``std_error``, ``statistic``,
        ``p_value``, ``lower``, ``upper`` (95 % interval).
    vcov : DataFrame
        Variance matrix behind ``std_error``, in the order of ``frame``.
    result : AbsorbingLSResults, OLSResults or Fepois
        What the library returned, untouched. Its own standard errors are not ours.
    n, clusters : int
        Rows used and clusters (0 if the variance is not clustered).
    df : int
        Degrees of freedom of the t distribution.
    convention : str
        Name of the variance and its reference distribution.
    outcome, model, effects
        What was asked for; ``effects`` are names such as ``"university × discipline"``.
    set_aside : dict of str to int
        Rows that were not used, by reason. ``rows in = n + sum(set_aside.values())``.
    """

    frame: pd.DataFrame
    vcov: pd.DataFrame
    result: Any
    n: int
    clusters: int
    df: int
    convention: str
    outcome: str
    model: Model
    effects: tuple[str, ...]
    set_aside: dict[str, int] = field(default_factory=dict)

    def __getitem__(self, term: str) -> pd.Series:
        """Row of one regressor: ``did(panel)["exposure × post"].estimate``."""
        return self.frame.T[term]

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


def did(
    data: pd.DataFrame,
    outcome: str = "patents_joint",
    *,
    exposure: str = "exposure",
    post: str = "post",
    treatment: str | Sequence[str] | None = None,
    unit: Effect | None = UNIT,
    time: str = "year",
    effects: Sequence[Effect] = DID_EFFECTS,
    controls: Sequence[str | tuple[str, str]] = (),
    weights: str | None = None,
    cluster: str | None = "university",
    model: Model = "ols",
    scale: Scale = "level",
    missing: Literal["raise", "drop"] = "raise",
) -> Estimate:
    """Difference-in-differences: outcome on exposure × post and fixed effects.

    Parameters
    ----------
    data : DataFrame
        Long: one row a unit and time.
    outcome : str
    exposure, post : str
        The regressor is their product, called ``"exposure × post"``.
    treatment : str or sequence of str, optional
        Regressors that are already in `data`; then `exposure` and `post` are not used.
    unit : str or tuple of str, or None
        What identifies a unit; with `time` it must identify a row. None: repeated cross-sections.
    time : str
    effects : sequence of str or tuple of str
        Fixed effects to absorb; a tuple is the interaction of its columns. Empty: a constant.
    controls : sequence of str or tuple of str
        A tuple ``("log_rd_staff", "year")`` gives the first column a slope in each value of the
        second, the first value being the base.
    weights : str, optional
        Column of weights, each row's variance being proportional to 1 / weight. OLS only.
    cluster : str or None
        None gives the classical variance, for comparison with older publications.
    model : {"ols", "ppml"}
    scale : {"level", "log1p", "asinh", "any"}
        Transformation of the outcome before OLS: as it is, log(1 + y), asinh(y), 1[y > 0].
    missing : {"raise", "drop"}
        What to do with incomplete rows.

    Returns
    -------
    Estimate

    Raises
    ------
    ReplicationError
        Before anything is estimated, on input that could yield a wrong number: see
        `replication.records.checks`.
    """
    if treatment is None:
        checks.require_columns(data, [exposure, post], "the treatment, exposure × post")
        data = checks.as_numbers(data, [exposure, post])
        data = data.assign(**{f"{exposure} × {post}": data[exposure] * data[post]})
        treatment = f"{exposure} × {post}"
    terms = [treatment] if isinstance(treatment, str) else list(treatment)
    data, names = _interacted(data, controls)
    fit = {"ols": ols, "ppml": ppml}[model]
    options: dict[str, Any] = {} if model == "ppml" else {"scale": scale}
    if model == "ppml" and scale != "level":
        raise ValueError("PPML models the mean of the count itself: leave scale='level'")
    return fit(
        data,
        outcome,
        terms,
        unit=unit,
        time=time,
        effects=effects,
        controls=names,
        weights=weights,
        cluster=cluster,
        missing=missing,
        **options,
    )


def poisson(data: pd.DataFrame, outcome: str = "patents_joint", **options: Any) -> Estimate:
    """Poisson pseudo-maximum likelihood of the same design: `did` with ``model="ppml"``.

    The coefficient is an effect on the log of the mean, whatever the distribution of the count
    (Gourieroux, Monfort and Trognon 1984); zeros need no constant added.
    """
    return did(data, outcome, model="ppml", **options)


def ddd(
    data: pd.DataFrame,
    outcome: str = "patents_joint",
    *,
    exposure: str = "exposure",
    post: str = "post",
    third: str = "control_exposure",
    effects: Sequence[Effect] = DDD_EFFECTS,
    **options: Any,
) -> Estimate:
    """Triple difference: outcome on exposure × post × third, all pairs absorbed by `effects`.

    Parameters
    ----------
    third : str
        The third difference, one value a discipline (or any dimension that `effects` cross).
    **options
        As for `did`.

    Raises
    ------
    NoVariationError
        Also when the effects absorb the product, as they do if `third` varies by university only.
    """
    checks.require_columns(data, [exposure, post, third], "the triple difference")
    name = f"{exposure} × {post} × {third}"
    data = checks.as_numbers(data, [exposure, post, third])
    data = data.assign(**{name: data[exposure] * data[post] * data[third]})
    return did(data, outcome, treatment=name, effects=effects, **options)


def event_study(
    data: pd.DataFrame,
    outcome: str = "patents_joint",
    *,
    exposure: str = "exposure",
    event_time: str = "event_time",
    reference: int = -1,
    **options: Any,
) -> Estimate:
    """Event study: exposure interacted with every period but one, no period left out or binned.

    Parameters
    ----------
    event_time : str
        Periods since treatment began, integer; 0 is the first treated one.
    reference : int
        The omitted period.
    **options
        As for `did`.

    Returns
    -------
    Estimate
        Regressors are called ``"exposure × −3"``, … in order of time; `event_frame` makes them a
        table by period with the reference in it.
    """
    checks.require_columns(data, [exposure, event_time], "the event study")
    data = checks.as_numbers(data, [exposure, event_time])
    # A row without its event time must not pass for a row of the reference period.
    data, without = checks.complete_rows(data, [event_time], options.get("missing", "raise"))
    checks.require_whole_numbers(data, event_time)
    periods = sorted(int(p) for p in data[event_time].unique())
    if reference not in periods:
        raise NoVariationError(
            f"reference period {reference} is not among the periods of {event_time!r}: {periods}"
        )
    terms = {
        event_term(exposure, p): data[exposure] * (data[event_time] == p)
        for p in periods
        if p != reference
    }
    estimate = did(data.assign(**terms), outcome, treatment=list(terms), **options)
    return replace(estimate, set_aside=without | estimate.set_aside)


def event_term(exposure: str, period: int) -> str:
    """Name of the regressor of one period, with a true minus sign."""
    return f"{exposure} × {period:+d}".replace("-", "−")


def event_frame(estimate: Estimate, reference: int = -1) -> pd.DataFrame:
    """Event-study coefficients by ``event_time``, the reference period in its place as 0."""
    frame = estimate.frame.assign(
        event_time=[int(t.split(" × ")[-1].replace("−", "-")) for t in estimate.frame.index]
    ).set_index("event_time")
    frame.loc[reference, ["estimate", "std_error", "lower", "upper"]] = 0.0
    return frame.sort_index()


def ols(
    data: pd.DataFrame,
    outcome: str,
    terms: Sequence[str],
    *,
    unit: Effect | None = None,
    time: str | None = None,
    effects: Sequence[Effect] = (),
    controls: Sequence[str] = (),
    weights: str | None = None,
    cluster: str | None = None,
    scale: Scale = "level",
    missing: Literal["raise", "drop"] = "raise",
) -> Estimate:
    """Least squares with any number of absorbed effects, by `linearmodels.iv.AbsorbingLS`."""
    from linearmodels.iv.absorbing import AbsorbingLS
    from linearmodels.panel.utility import AbsorbingEffectError

    if scale not in SCALES:
        raise ValueError(f"scale must be one of {', '.join(SCALES)}, not {scale!r}")
    sample, set_aside = _sample(
        data, outcome, terms, unit, time, effects, controls, weights, cluster, missing
    )
    if scale != "level":
        checks.require_nonnegative(sample, outcome, f"{scale} of an outcome")
    y = SCALES[scale](sample[outcome].astype(float))
    absorb = _categories(sample, effects)
    x = sample[[*terms, *controls]].astype(float)
    if not effects:
        x = x.assign(Intercept=1.0)
    try:
        result = AbsorbingLS(
            y,
            x,
            absorb=absorb if effects else None,
            weights=None if weights is None else sample[weights],
        ).fit(
            **(CLASSICAL_OPTIONS if cluster is None else _clusters(sample, cluster)),
            **LSMR,
        )
    except (AbsorbingEffectError, ValueError) as error:
        if isinstance(error, AbsorbingEffectError) or "rank" in str(error):
            raise _absorbed(terms, list(absorb.columns), controls) from error
        raise
    factor, df = small_sample_factor(sample, x.shape[1], absorb, cluster)
    return _estimate(
        result.params,
        result.cov * factor,
        df,
        result=result,
        sample=sample,
        cluster=cluster,
        outcome=outcome if scale == "level" else SCALE_LABELS[scale].format(outcome),
        model="ols",
        effects=list(absorb.columns),
        set_aside=set_aside,
        terms=terms,
    )


def ppml(
    data: pd.DataFrame,
    outcome: str,
    terms: Sequence[str],
    *,
    unit: Effect | None = None,
    time: str | None = None,
    effects: Sequence[Effect] = (),
    controls: Sequence[str] = (),
    weights: str | None = None,
    cluster: str | None = None,
    missing: Literal["raise", "drop"] = "raise",
) -> Estimate:
    """Poisson pseudo-maximum likelihood with absorbed effects, by `pyfixest.fepois`.

    Observations that fixed effects or regressors separate (some combination of them is non-zero
    only where the outcome is zero) carry no information about the coefficients; they are left out
    and counted in `Estimate.set_aside`. A regressor that varies in no other rows has no finite
    coefficient: that is a `NoVariationError`.
    """
    import pyfixest as pf

    if weights is not None:
        raise ValueError("PPML takes no weights: model the counts, and use an OLS design to weigh")
    sample, set_aside = _sample(
        data, outcome, terms, unit, time, effects, controls, None, cluster, missing
    )
    checks.require_nonnegative(sample, outcome, "Poisson")
    absorb = _categories(sample, effects)
    checks.require_variation(sample, [outcome])
    # Plain names, since a formula cannot hold the study's; and a copy of the cluster column,
    # because a cluster that is also an effect makes pyfixest depend on PYTHONHASHSEED.
    x = {f"x{i}": sample[c].astype(float) for i, c in enumerate([*terms, *controls])}
    fe = {f"fe{i}": absorb[c].cat.codes for i, c in enumerate(absorb)}
    frame = pd.DataFrame({"y": sample[outcome].astype(float), **x, **fe})
    if cluster is not None:
        frame["cluster"] = pd.factorize(sample[cluster])[0]
    formula = f"y ~ {' + '.join(x)}" + (f" | {' + '.join(fe)}" if fe else "")
    with warnings.catch_warnings():
        # Both are said by us: separated rows are counted, collinear regressors are an error.
        warnings.filterwarnings("ignore", message=".*removed because of separation")
        warnings.filterwarnings("ignore", message="(?s).*dropped due to multicollinearity")
        try:
            for check in (["fe"], ["fe", "ir"]):
                result = pf.fepois(
                    formula,
                    frame.reset_index(drop=True),
                    vcov="iid" if cluster is None else {"CRV1": "cluster"},
                    ssc=pf.ssc(k_adj=False, G_adj=False),
                    fixef_rm="none",
                    iwls_tol=1e-12,
                    iwls_maxiter=100,
                    separation_check=check if fe else [],
                    demeaner=pf.MapDemeaner(fixef_tol=1e-11),
                )
                # Some mean runs towards zero: no single effect separates its row, so look closer.
                if result._Y_hat_response.min() > VANISHING:
                    break
            else:
                raise NoVariationError(
                    "the fitted mean of some rows runs towards zero and a coefficient towards "
                    f"infinity: one of {', '.join(map(repr, [*terms, *controls]))} is non-zero "
                    "only where the count is zero; leave it out, or the rows that it marks"
                )
        except ValueError as error:
            if "collinear" in str(error):
                raise _absorbed(terms, list(absorb.columns), controls) from error
            raise
    if set(x) - set(result._coefnames):
        raise _absorbed(terms, list(absorb.columns), controls)
    separated = len(sample) - result._N
    if separated:
        set_aside["separated by a fixed effect"] = separated
        # By position: the labels of the reader's index need not be unique.
        kept = np.setdiff1d(np.arange(len(sample)), np.asarray(result.na_index, dtype=int))
        sample, absorb = sample.iloc[kept], absorb.iloc[kept]
        if cluster is not None:
            checks.require_clusters(sample, cluster)
    names = [dict(zip(x, [*terms, *controls], strict=True)).get(c, c) for c in result._coefnames]
    factor, df = small_sample_factor(sample, len(names), absorb, cluster)
    return _estimate(
        pd.Series(result.coef().to_numpy(), names),
        pd.DataFrame(result._vcov, names, names) * factor,
        df,
        result=result,
        sample=sample,
        cluster=cluster,
        outcome=outcome,
        model="ppml",
        effects=list(absorb.columns),
        set_aside=set_aside,
        terms=terms,
    )


def small_sample_factor(
    sample: pd.DataFrame, k: int, absorb: pd.DataFrame, cluster: str | None
) -> tuple[float, int]:
    """Factor on the CR0 variance, and the degrees of freedom of its t distribution.

    G/(G − 1) · (N − 1)/(N − K), where K counts the regressors and the levels of the absorbed
    effects that are not nested in the clusters, each effect after the first less one. With no
    cluster the factor is 1, linearmodels having used N − K already, all effects in K.

    Parameters
    ----------
    sample : DataFrame
    k : int
        Regressors with a coefficient of their own.
    absorb : DataFrame
        One categorical column an absorbed effect.
    cluster : str or None

    Returns
    -------
    factor : float
    df : int

    Notes
    -----
    `fixest <https://lrberge.github.io/fixest/articles/standard_errors.html>`_ calls it
    ``ssc(fixef.K = "nested")`` up to version 0.12, ``K.fixef = "nonnested"`` since.
    """
    n = len(sample)
    levels = [int(absorb[c].nunique()) for c in absorb]
    full = k + sum(levels) - max(len(levels) - 1, 0)
    if cluster is None:
        return 1.0, n - full
    groups = int(sample[cluster].nunique())
    nested = [
        sample.groupby(absorb[c], observed=True)[cluster].nunique().max() == 1 for c in absorb
    ]
    counted = full - sum(
        n_levels - 1 for n_levels, is_in in zip(levels, nested, strict=True) if is_in
    )
    if n <= counted:
        raise NoVariationError(
            f"{n} rows for {counted} parameters: no degrees of freedom are left for a variance; "
            "take out an effect or a regressor"
        )
    return groups / (groups - 1) * (n - 1) / (n - counted), groups - 1


def wald_test(estimate: Estimate, terms: Sequence[str]) -> pd.Series:
    """Joint test that all of `terms` are zero, F(q, df) with the estimate's own variance.

    Returns
    -------
    Series
        ``statistic`` (Wald / q), ``q``, ``df``, ``p_value``.
    """
    from scipy import stats

    b = estimate.frame.loc[list(terms), "estimate"].to_numpy()
    v = estimate.vcov.loc[list(terms), list(terms)].to_numpy()
    f = float(b @ np.linalg.solve(v, b)) / len(b)
    p = float(stats.f.sf(f, len(b), estimate.df))
    return pd.Series({"statistic": f, "q": len(b), "df": estimate.df, "p_value": p})


def pretrend_test(estimate: Estimate, reference: int = -1) -> pd.Series:
    """`wald_test` of all leads of an event study, the periods before `reference`."""
    leads = [
        t for t in estimate.frame.index if int(t.split(" × ")[-1].replace("−", "-")) < reference
    ]
    return wald_test(estimate, leads)


def _sample(
    data: pd.DataFrame,
    outcome: str,
    terms: Sequence[str],
    unit: Effect | None,
    time: str | None,
    effects: Sequence[Effect],
    controls: Sequence[str],
    weights: str | None,
    cluster: str | None,
    missing: Literal["raise", "drop"],
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Rows and columns of one estimate, checked; and the rows set aside, by reason."""
    checks.require_columns(data, [outcome], "the outcome")
    checks.require_columns(data, terms, "the treatment")
    if len(set(terms) | set(controls)) < len(terms) + len(controls):
        raise NoVariationError(f"a regressor is named twice: {[*terms, *controls]}")
    checks.require_columns(data, controls, "the controls")
    absorbed = [c for e in effects for c in _columns(e)]
    checks.require_columns(data, absorbed, "the fixed effects")
    extra = [c for c in (weights, cluster) if c is not None]
    checks.require_columns(data, extra, "weights or clusters")
    if unit is not None and time is not None:
        checks.require_unique(data, [*_columns(unit), time])
    numbers = [outcome, *terms, *controls, *([] if weights is None else [weights])]
    data = checks.as_numbers(data, numbers)
    used = list(dict.fromkeys([*numbers, *absorbed, *extra]))
    sample, set_aside = checks.complete_rows(data[used], used, missing)
    # Levels of the index may bear the names of columns, which pandas calls ambiguous.
    sample = sample.rename_axis([None] * sample.index.nlevels)
    checks.require_variation(sample, [*terms, *controls])
    if cluster is not None:
        checks.require_clusters(sample, cluster)
    return sample, set_aside


def _interacted(
    data: pd.DataFrame, controls: Sequence[str | tuple[str, str]]
) -> tuple[pd.DataFrame, list[str]]:
    """Add the columns of controls given as (column, by), and name all controls."""
    names: list[str] = []
    added: dict[str, pd.Series] = {}
    for control in controls:
        if isinstance(control, str):
            names.append(control)
            continue
        column, by = control
        checks.require_columns(data, [column, by], "the controls")
        slopes = {
            # No value where `by` has none: the row is set aside, not taken for the first value.
            f"{column} × {value}": (data[column] * (data[by] == value)).where(data[by].notna())
            for value in sorted(data[by].dropna().unique())[1:]
        }
        names.extend(slopes)
        added.update(slopes)
    return data.assign(**added), names


def _columns(effect: Effect) -> tuple[str, ...]:
    return (effect,) if isinstance(effect, str) else tuple(effect)


def _categories(sample: pd.DataFrame, effects: Sequence[Effect]) -> pd.DataFrame:
    """One categorical column an effect, named as it is printed: ``"discipline × year"``."""
    return pd.DataFrame(
        {
            " × ".join(_columns(e)): pd.Categorical(
                sample.groupby(list(_columns(e)), observed=True).ngroup()
            )
            for e in effects
        },
        index=sample.index,
    )


def _clusters(sample: pd.DataFrame, cluster: str) -> dict[str, Any]:
    codes = pd.Series(pd.factorize(sample[cluster])[0], sample.index, name="cluster")
    return {"cov_type": "clustered", "clusters": codes}


def _absorbed(
    terms: Sequence[str], effects: Sequence[str], controls: Sequence[str]
) -> NoVariationError:
    return NoVariationError(
        f"the fixed effects ({', '.join(effects) or 'none'}) and controls "
        f"({', '.join(controls) or 'none'}) leave no variation of "
        f"{', '.join(map(repr, terms))}, or the regressors are collinear: an exposure that differs "
        "by university only, for one, is gone once university × year effects are in; take out an "
        "effect or a regressor"
    )


def _estimate(
    params: pd.Series,
    vcov: pd.DataFrame,
    df: int,
    *,
    sample: pd.DataFrame,
    cluster: str | None,
    effects: Sequence[str],
    terms: Sequence[str],
    **fields: Any,
) -> Estimate:
    """Inference by t(df) on the treatment terms, in their order."""
    from scipy import stats

    b = params[list(terms)]
    se = pd.Series(np.sqrt(np.diag(vcov)), vcov.index)[list(terms)]
    half = stats.t.ppf(0.975, df) * se
    frame = pd.DataFrame(
        {
            "estimate": b,
            "std_error": se,
            "statistic": b / se,
            "p_value": 2 * stats.t.sf(np.abs(b / se), df),
            "lower": b - half,
            "upper": b + half,
        }
    )
    frame.index.name = "term"
    return Estimate(
        frame=frame,
        vcov=vcov.loc[list(terms), list(terms)],
        n=len(sample),
        clusters=0 if cluster is None else int(sample[cluster].nunique()),
        df=df,
        convention=CLASSICAL if cluster is None else CLUSTERED,
        effects=tuple(effects),
        **fields,
    )
