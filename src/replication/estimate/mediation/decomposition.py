"""Mechanisms: mediators as outcomes, and what their coefficients can and cannot account for.

`responses` asks whether exchange moves a mediator; that is a causal question, and the design
answers it as it does for patents. `gelbach` and `sequential.sequential_g` put mediators on the
right-hand side. The first is arithmetic on two regressions; the second is a direct effect if
nothing else moves both a mediator and the outcome. `three_steps` is what the literature prints.

All of these are least squares on log(1 + y) with mediators as log(1 + m).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from replication.estimate.designs import Estimate, _estimate, did, event_study
from replication.estimate.mediation.partial_out import PURPOSE, columns_of
from replication.exhibit.tables import WORDS
from replication.records import checks
from replication.simulate.study import MEDIATORS

ALL = "all mediators"


def responses(
    panel: pd.DataFrame, mediators: Sequence[str] = MEDIATORS, **options: Any
) -> dict[str, Estimate]:
    """Each mediator as an outcome of the difference-in-differences (C3–C5), as `designs.did`."""
    checks.require_columns(panel, mediators, PURPOSE)
    return {m: did(panel, m, **options) for m in mediators}


def event_studies(
    panel: pd.DataFrame, mediator: str, exposure: str = "exposure", **options: Any
) -> dict[str, Estimate]:
    """Event study of one mediator by least squares on log(1 + m) and by PPML."""
    checks.require_columns(panel, [mediator], PURPOSE)
    return {
        "OLS, log(1 + m)": event_study(
            panel, mediator, exposure=exposure, scale="log1p", **options
        ),
        "PPML": event_study(panel, mediator, exposure=exposure, model="ppml", **options),
    }


@dataclass(frozen=True)
class Decomposition:
    """What the difference between two coefficients of exposure consists of.

    Attributes
    ----------
    coefficients : Estimate
        ``base``, ``full`` (coefficient of exposure without and with mediators), ``π m`` (exposure
        on mediator m) and ``γ m`` (mediator m in the full model), with their joint variance.
    parts : Estimate
        ``total`` (base), one row a mediator (δ = γ π), their sum, ``unaccounted`` (full).
    shares : Estimate
        The parts of the mediators and their sum, over the total.
    """

    coefficients: Estimate
    parts: Estimate
    shares: Estimate


def gelbach(
    panel: pd.DataFrame,
    mediators: Sequence[str] = MEDIATORS,
    outcome: str = "patents_joint",
    **options: Any,
) -> Decomposition:
    """Decompose base − full = Σ γ π, an identity of least squares (Gelbach 2016, eq. 5).

    Parameters
    ----------
    panel : DataFrame
    mediators : sequence of str
    outcome : str
    **options
        ``exposure``, ``post``, ``effects``, ``controls``, ``cluster``, ``missing`` as for
        `designs.did`.

    Returns
    -------
    Decomposition

    Notes
    -----
    Coefficients of all regressions have one joint variance: the sums by cluster of their influence
    functions are stacked, each scaled by the CR1 factor of its own regression, so that `base` and
    `full` have the standard errors of `designs.did`. Products and shares follow by the delta
    method.
    """
    columns = columns_of(panel, mediators, outcome, **options)
    names = columns.mediators
    values, influence = joint(columns.within, columns.group, columns.factors)
    k = len(names)
    base, full, pi, gamma = values[0], values[1], values[2 : 2 + k], values[2 + k :]
    delta = gamma * pi
    # Derivatives of (total, δ, Σδ, unaccounted) with respect to (base, full, π, γ).
    jacobian = np.zeros((k + 3, 2 + 2 * k))
    jacobian[0, 0] = jacobian[-1, 1] = 1.0
    rows = np.arange(k)
    jacobian[1 + rows, 2 + rows], jacobian[1 + rows, 2 + k + rows] = gamma, pi
    jacobian[-2] = jacobian[1 : 1 + k].sum(axis=0)
    parts = np.array([base, *delta, delta.sum(), full])
    by_total = (jacobian[1:-1] - np.outer(parts[1:-1] / base, jacobian[0])) / base

    def estimate(terms: list[str], b: np.ndarray, d: np.ndarray) -> Estimate:
        scores = influence @ d.T
        return _estimate(
            pd.Series(b, terms),
            pd.DataFrame(scores.T @ scores, terms, terms),
            terms=terms,
            **columns.fields,
        )

    steps = ["base", "full", *(f"π {m}" for m in names), *(f"γ {m}" for m in names)]
    return Decomposition(
        estimate(steps, values, np.eye(len(values))),
        estimate(["total", *names, ALL, "unaccounted"], parts, jacobian),
        estimate([*names, ALL], parts[1:-1] / base, by_total),
    )


def account(decomposition: Decomposition, planted: Sequence[float]) -> pd.DataFrame:
    """Table of a decomposition: a row a mediator, then the sum, the rest and the total.

    Parameters
    ----------
    decomposition : Decomposition
    planted : sequence of float
        True share of each mediator.

    Returns
    -------
    DataFrame
        ``π``, ``γ``, ``δ = γπ`` with ``SE`` and 95 % interval, ``share`` of the total, ``planted``.
    """
    parts, shares = decomposition.parts.frame, decomposition.shares.frame["estimate"]
    b = decomposition.coefficients.frame["estimate"]
    names = [*shares.index[:-1], ALL, "unaccounted", "total"]
    true = [*planted, sum(planted), 1 - sum(planted), 1.0]
    table = pd.DataFrame(
        {
            "π": [b.get(f"π {m}") for m in names],
            "γ": [b.get(f"γ {m}") for m in names],
            "δ = γπ": parts.loc[names, "estimate"].to_numpy(),
            "SE": parts.loc[names, "std_error"].to_numpy(),
            "lower": parts.loc[names, "lower"].to_numpy(),
            "upper": parts.loc[names, "upper"].to_numpy(),
            "share": (parts.loc[names, "estimate"] / parts.loc["total", "estimate"]).to_numpy(),
            "planted": true,
        },
        index=pd.Index([WORDS.get(m, m) for m in names], name="part"),
    )
    return table.astype(float)


def three_steps(
    panel: pd.DataFrame, mediator: str, outcome: str = "patents_joint", **options: Any
) -> dict[str, Estimate]:
    """Run the three regressions of Baron and Kenny (1986), which are not evidence of mediation.

    Returns
    -------
    dict of str to Estimate
        ``"(1)"`` outcome on exposure, ``"(2)"`` mediator on exposure, ``"(3)"`` outcome on both.
    """
    checks.require_columns(panel, [mediator], PURPOSE)
    exposure, post = options.get("exposure", "exposure"), options.get("post", "post")
    checks.require_columns(panel, [exposure, post], "the treatment, exposure × post")
    checks.require_nonnegative(panel, mediator, "log1p of a mediator")
    dose, logged = f"{exposure} × {post}", f"log(1 + {mediator})"
    both = panel.assign(**{dose: panel[exposure] * panel[post], logged: np.log1p(panel[mediator])})
    return {
        "(1)": did(panel, outcome, scale="log1p", **options),
        "(2)": did(panel, mediator, scale="log1p", **options),
        "(3)": did(both, outcome, treatment=[dose, logged], scale="log1p", **options),
    }


def sobel(steps: Mapping[str, Estimate]) -> pd.Series:
    """Product of steps 2 and 3 with Sobel's (1982) standard error, as the literature prints it.

    Returns
    -------
    Series
        ``product``, ``std_error``, ``statistic``, ``p_value`` (normal), ``share`` of the total.
    """
    from scipy import stats

    first, a = steps["(1)"].frame.iloc[0], steps["(2)"].frame.iloc[0]
    b = steps["(3)"].frame.iloc[1]
    product = a.estimate * b.estimate
    se = float(np.hypot(a.estimate * b.std_error, b.estimate * a.std_error))
    return pd.Series(
        {
            "product": product,
            "std_error": se,
            "statistic": product / se,
            "p_value": 2 * stats.norm.sf(abs(product / se)),
            "share": product / first.estimate,
        }
    )


def joint(
    within: np.ndarray, group: np.ndarray, factors: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (base, full, π, γ) and their influence functions summed by cluster.

    Parameters
    ----------
    within : ndarray, shape (N, 2 + M)
        Outcome, dose, mediators, less effects and controls.
    group : ndarray of int, shape (N,)
    factors : tuple of float
        On the variances of the short and the full regressions.

    Returns
    -------
    coefficients : ndarray, shape (2 + 2 M,)
    influence : ndarray, shape (G, 2 + 2 M)
        Their cross product is the joint variance.
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
