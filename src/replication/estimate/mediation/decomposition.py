"""Mechanisms: mediators as outcomes, and what their coefficients can and cannot account for.

`responses` asks whether exchange moves a mediator; that is a causal question, and the design
answers it as it does for patents. `gelbach` and `direct_effect.sequential_g` put mediators on the
right-hand side. The first is arithmetic on two regressions; the second is a direct effect if
nothing else moves both a mediator and the outcome. `three_steps` is what the literature prints.

All of these are least squares on log(1 + y) with mediators as log(1 + m).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from replication.estimate.convention import CLUSTERED
from replication.estimate.design import STUDY, Design
from replication.estimate.fit import Estimate, estimate
from replication.estimate.mediation.partial_out import PURPOSE, mediation_columns
from replication.estimate.treatment import product, treatment_columns
from replication.estimate.verbs import did, event_study
from replication.records import checks
from replication.records.variables import MEDIATORS

ALL = "all mediators"


def responses(
    data: pd.DataFrame,
    mediators: Sequence[str] | None = None,
    design: Design = STUDY,
    **changes: Any,
) -> dict[str, Estimate]:
    """Each mediator as an outcome of the difference-in-differences (C3–C5), as `verbs.did`.

    `mediators` are those of the study that the data have, if none are named; `MissingColumnError`
    says which of those that are named, or that the data have none.

    Examples
    --------
    The planted effect on overseas hires is .298.

    >>> panel = rp.load_panel()
    >>> found = rp.mediation.responses(panel, model="ppml")["hires_overseas"]["exposure × post"]
    >>> rp.recovery(found, rp.load_truth().loc[("C3", "mean"), "value"])
    'recovers the planted effect'
    """
    design = design.but(**changes)
    known = [m for m in MEDIATORS if m in data]
    checks.require_columns(data, mediators or known or MEDIATORS, PURPOSE)
    return {m: did(data, design, outcome=m) for m in mediators or known}


def event_studies(
    data: pd.DataFrame, mediator: str, design: Design = STUDY, **changes: Any
) -> dict[str, Estimate]:
    """Event study of one mediator by least squares on log(1 + m) and by PPML.

    Examples
    --------
    >>> panel = rp.load_panel()
    >>> studies = rp.mediation.event_studies(panel, "hires_overseas")
    >>> list(studies), studies["PPML"].reference
    (['OLS, log(1 + m)', 'PPML'], -1)
    """
    checks.require_columns(data, [mediator], PURPOSE)
    chosen = design.but(**changes, outcome=mediator)
    return {
        "OLS, log(1 + m)": event_study(data, chosen, scale="log1p"),
        "PPML": event_study(data, chosen, model="ppml"),
    }


@dataclass(frozen=True)
class Decomposition:
    """What the difference between two coefficients of exposure consists of.

    Attributes
    ----------
    coefficients : Estimate
        ``base``, ``full`` (coefficient of exposure without and with mediators), ``π m`` (exposure
        on mediator m) and ``ψ m`` (mediator m in the full model), with their joint variance.
    parts : Estimate
        ``total`` (base), one row a mediator (Δ = ψ π), their sum, ``unaccounted`` (full).
    shares : Estimate
        The parts of the mediators and their sum, over the total.
    """

    coefficients: Estimate
    parts: Estimate
    shares: Estimate


def gelbach(
    data: pd.DataFrame,
    mediators: Sequence[str] = MEDIATORS,
    design: Design = STUDY,
    **changes: Any,
) -> Decomposition:
    """Decompose base − full = Σ ψ π, an identity of least squares (Gelbach 2016, eq. 5).

    Parameters
    ----------
    data : DataFrame
    mediators : sequence of str
    design, **changes
        As for `verbs.did`; outcome and mediators enter as log(1 + y), whatever the scale.

    Returns
    -------
    Decomposition

    Notes
    -----
    Coefficients of all regressions have one joint variance: the sums by cluster of their influence
    functions are stacked, each scaled by the CR1 factor of its own regression, so that `base` and
    `full` have the standard errors of `verbs.did` with ``variance="CR1"``. Products and shares
    follow by the delta method.

    Examples
    --------
    An identity: base less full is what all mediators account for.

    >>> panel = rp.load_panel()
    >>> parts = rp.mediation.gelbach(panel).parts.frame["estimate"]
    >>> parts.round(3)
    term
    total               0.172
    hires_overseas      0.008
    papers_foreign      0.008
    patents_overseas    0.013
    all mediators       0.029
    unaccounted         0.142
    Name: estimate, dtype: float64
    >>> bool(abs(parts["total"] - parts["all mediators"] - parts["unaccounted"]) < 1e-12)
    True
    """
    columns = mediation_columns(data, mediators, design.but(**changes))
    names = columns.mediators
    values, influence = joint(columns.within, columns.group, columns.factors)
    k = len(names)
    base, full, pi, gamma = values[0], values[1], values[2 : 2 + k], values[2 + k :]
    delta = gamma * pi
    # Derivatives of (total, Δ, ΣΔ, unaccounted) with respect to (base, full, π, ψ).
    jacobian = np.zeros((k + 3, 2 + 2 * k))
    jacobian[0, 0] = jacobian[-1, 1] = 1.0
    rows = np.arange(k)
    jacobian[1 + rows, 2 + rows], jacobian[1 + rows, 2 + k + rows] = gamma, pi
    jacobian[-2] = jacobian[1 : 1 + k].sum(axis=0)
    parts = np.array([base, *delta, delta.sum(), full])
    by_total = (jacobian[1:-1] - np.outer(parts[1:-1] / base, jacobian[0])) / base

    def inferred(terms: list[str], b: np.ndarray, d: np.ndarray) -> Estimate:
        scores = influence @ d.T
        vcov = pd.DataFrame(scores.T @ scores, terms, terms)
        df = len(influence) - 1
        return estimate(pd.Series(b, terms), vcov, df, CLUSTERED, columns.sample, terms)

    steps = ["base", "full", *(f"π {m}" for m in names), *(f"ψ {m}" for m in names)]
    return Decomposition(
        inferred(steps, values, np.eye(len(values))),
        inferred(["total", *names, ALL, "unaccounted"], parts, jacobian),
        inferred([*names, ALL], parts[1:-1] / base, by_total),
    )


def three_steps(
    data: pd.DataFrame, mediator: str, design: Design = STUDY, **changes: Any
) -> dict[str, Estimate]:
    """Run the three regressions of Baron and Kenny (1986), which are not evidence of mediation.

    Returns
    -------
    dict of str to Estimate
        ``"(1)"`` outcome on exposure, ``"(2)"`` mediator on exposure, ``"(3)"`` outcome on both.

    Examples
    --------
    What the literature does, and no evidence of mediation.

    >>> panel = rp.load_panel()
    >>> list(rp.mediation.three_steps(panel, "hires_overseas"))
    ['(1)', '(2)', '(3)']
    """
    design = design.but(**changes, scale="log1p")
    dose, logged = " × ".join(design.parts), f"log(1 + {mediator})"
    checks.require_columns(data, [mediator], PURPOSE)
    data = treatment_columns(data, design, design.parts, f"the treatment, {dose}")
    design = design.but(first_treated=None)
    checks.require_nonnegative(data, mediator, "log1p of a mediator")
    both = data.assign(**{dose: product(data, design.parts), logged: np.log1p(data[mediator])})
    return {
        "(1)": did(data, design),
        "(2)": did(data, design, outcome=mediator),
        "(3)": did(both, design, treatment=(dose, logged)),
    }


def sobel(steps: Mapping[str, Estimate]) -> pd.Series:
    """Product of steps 2 and 3 with Sobel's (1982) standard error, as the literature prints it.

    Returns
    -------
    Series
        ``a`` and ``b``, the coefficients of steps 2 and 3; ``product``, ``std_error``,
        ``statistic``, ``p_value`` (normal); ``share`` of the total.

    Examples
    --------
    >>> panel = rp.load_panel()
    >>> steps = rp.mediation.three_steps(panel, "hires_overseas")
    >>> rp.mediation.sobel(steps).round(4)
    a            0.2140
    b            0.0410
    product      0.0088
    std_error    0.0043
    statistic    2.0342
    p_value      0.0419
    share        0.0511
    dtype: float64
    """
    from scipy import stats

    first, a = steps["(1)"].frame.iloc[0], steps["(2)"].frame.iloc[0]
    b = steps["(3)"].frame.iloc[1]
    product = a.estimate * b.estimate
    se = float(np.hypot(a.estimate * b.std_error, b.estimate * a.std_error))
    return pd.Series(
        {
            "a": a.estimate,
            "b": b.estimate,
            "product": product,
            "std_error": se,
            "statistic": product / se,
            "p_value": 2 * stats.norm.sf(abs(product / se)),
            "share": product / first.estimate,
        }
    )


def sobel_table(steps: Mapping[str, Mapping[str, Estimate]]) -> pd.DataFrame:
    """`sobel` of several mediators, a row each, from their `three_steps` by name.

    Examples
    --------
    >>> panel = rp.load_panel()
    >>> names = ("hires_overseas", "papers_foreign")
    >>> steps = {name: rp.mediation.three_steps(panel, name) for name in names}
    >>> rp.mediation.sobel_table(steps)[["a", "b", "product"]].round(3)
                        a      b  product
    hires_overseas  0.214  0.041    0.009
    papers_foreign  0.203  0.045    0.009
    """
    return pd.DataFrame({name: sobel(one) for name, one in steps.items()}).T


def sobel_studies(
    studies: Mapping[str, tuple[Mapping[str, Mapping[str, Estimate]], float | pd.Series]],
) -> pd.DataFrame:
    """`sobel_table` of several studies beside the shares that are planted in each.

    Parameters
    ----------
    studies : mapping of str to pair
        By the name of a study: its `three_steps` by mediator, and the planted shares.

    Returns
    -------
    DataFrame
        A row a study and mediator: ``mediator``, what `sobel` returns, ``planted``.
    """
    rows = [
        sobel_table(steps)
        .assign(planted=np.asarray(planted))
        .rename_axis("mediator")
        .reset_index()
        .assign(study=name)
        for name, (steps, planted) in studies.items()
    ]
    return pd.concat(rows).set_index("study")


def joint(
    within: np.ndarray, group: np.ndarray, factors: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (base, full, π, ψ) and their influence functions summed by cluster.

    `within` has the outcome, the dose and the mediators, less effects and controls, shape
    (N, 2 + M); `factors` are those on the variances of the short and the full regressions. The
    cross product of the influence, shape (G, 2 + 2 M), is the joint variance.
    """
    y, x = within[:, 0], within[:, 1:]
    d, left = x[:, 0], np.delete(within, 1, axis=1)
    # Not `@`: threads cost more than they save on so few columns.
    moments = np.einsum("ni,nj->ij", within, within)
    short = np.delete(moments[1], 1) / moments[1, 1]
    bread = np.linalg.inv(moments[1:, 1:])
    full = bread @ moments[1:, 0]
    scores = [
        by_cluster(d[:, None] * (left - np.outer(d, short)), group) / moments[1, 1],
        by_cluster(x * (y - x @ full)[:, None], group) @ bread,
    ]
    influence = np.hstack([s * np.sqrt(f) for s, f in zip(scores, factors, strict=True)])
    m = x.shape[1] - 1
    order = [0, 1 + m, *range(1, 1 + m), *range(2 + m, 2 + 2 * m)]
    return np.concatenate([short, full])[order], influence[:, order]


def by_cluster(scores: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Sums of each column over the rows of each cluster, shape (G, P)."""
    return np.column_stack([np.bincount(group, column) for column in scores.T])
