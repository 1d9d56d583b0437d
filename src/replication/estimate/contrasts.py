"""Comparing two effects within one model: the test is on the difference, never on two p-values.

That one effect is significant and another is not says nothing about whether they differ (Gelman
and Stern 2006). Each design here holds both effects and the variance of their difference.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from replication.estimate.designs import DID_EFFECTS, UNIT, Effect, Estimate, Model, ddd, did
from replication.records import checks

STACKED_EFFECTS: tuple[Effect, ...] = (
    ("university", "discipline", "technology"),
    ("discipline", "year", "technology"),
)


def stacked(
    panel: pd.DataFrame,
    first: str = "patents_joint_key",
    second: str = "patents_joint_other",
    *,
    exposure: str = "exposure",
    post: str = "post",
    effects: Sequence[Effect] = STACKED_EFFECTS,
    unit: Effect = UNIT,
    **options: Any,
) -> Estimate:
    """Stack two outcomes of one cell: is the effect on the first larger? This is C6.

    Parameters
    ----------
    panel : DataFrame
    first, second : str
        Outcomes; ``technology`` is 1 in the rows of the first.
    effects : sequence
        Fixed effects of the stacked data; each should be crossed with ``technology``.
    **options
        As for `designs.did`.

    Returns
    -------
    Estimate
        ``"exposure × post"`` is the effect on the second outcome, ``"exposure × post × first"``
        what the first has more.
    """
    checks.require_columns(panel, [first, second, exposure, post], "the comparison of two outcomes")
    dose = panel[exposure] * panel[post]
    stack = pd.concat(
        [
            panel.assign(outcome=panel[name], technology=k, dose=dose, more=k * dose)
            for k, name in ((1, first), (0, second))
        ],
        ignore_index=True,
    ).rename(columns={"dose": f"{exposure} × {post}", "more": f"{exposure} × {post} × first"})
    terms = [f"{exposure} × {post}", f"{exposure} × {post} × first"]
    unit = (*((unit,) if isinstance(unit, str) else unit), "technology")
    return did(stack, "outcome", treatment=terms, unit=unit, effects=effects, **options)


AI = ("patents_joint_ai", "patents_joint_not_ai")
"""Outcomes of one cell in AI-related classes and in all others, for `stacked`."""


def same_disciplines(panel: pd.DataFrame, outcome: str = AI[0]) -> pd.DataFrame:
    """Rows of the disciplines in which `outcome` is ever above zero."""
    checks.require_columns(panel, [outcome, "discipline"], "the disciplines that have the outcome")
    return panel[panel.groupby("discipline")[outcome].transform("max") > 0]


def ai_targets(panel: pd.DataFrame) -> dict[str, float]:
    """What `stacked` of `AI` finds by PPML, in all disciplines and in those that have such classes.

    Used on expected outcomes this is a truth. Nothing about AI is planted: what is found there, the
    other moderators have put there, and the mix of universities and disciplines, which differs
    between the two halves of the stack.
    """
    samples = {"mean": panel, "mean, same disciplines": same_disciplines(panel)}
    return {
        target: float(stacked(cells, *AI, model="ppml")["exposure × post × first"].estimate)
        for target, cells in samples.items()
    }


def moderated(
    panel: pd.DataFrame,
    moderator: str = "advantaged",
    outcome: str = "patents_joint",
    *,
    exposure: str = "exposure",
    post: str = "post",
    effects: Sequence[Effect] = DID_EFFECTS,
    **options: Any,
) -> Estimate:
    """Effect by a moderator of the cell: does it grow with the moderator? This is C7.

    Returns
    -------
    Estimate
        ``"exposure × post"`` is the effect where the moderator is zero, ``"exposure × post ×
        <moderator>"`` the change for one unit of it. The moderator × post is controlled for.
    """
    checks.require_columns(panel, [moderator, exposure, post], "the comparison by a moderator")
    dose, base = panel[exposure] * panel[post], f"{exposure} × {post}"
    names = {base: dose, f"{base} × {moderator}": dose * panel[moderator]}
    trend = {f"{post} × {moderator}": panel[post] * panel[moderator]}
    controls = [*options.pop("controls", ()), *trend]
    return did(
        panel.assign(**names, **trend),
        outcome,
        treatment=list(names),
        effects=effects,
        controls=controls,
        **options,
    )


def side_by_side(
    panel: pd.DataFrame,
    exposures: Sequence[str],
    outcome: str = "patents_joint",
    *,
    post: str = "post",
    **options: Any,
) -> Estimate:
    """Several exposures in one model, each × post; `difference` compares two of them (C8, C9)."""
    checks.require_columns(panel, [*exposures, post], "the comparison of exposures")
    terms = {f"{e} × {post}": panel[e] * panel[post] for e in exposures}
    return did(panel.assign(**terms), outcome, treatment=list(terms), **options)


def difference(estimate: Estimate, first: str, second: str) -> pd.Series:
    """Difference of two coefficients of one model, with the model's own variance.

    Returns
    -------
    Series
        As a row of `designs.Estimate.frame`.
    """
    from scipy import stats

    v = estimate.vcov.loc[[first, second], [first, second]].to_numpy()
    b = float(estimate[first].estimate - estimate[second].estimate)
    se = float(np.sqrt(v[0, 0] + v[1, 1] - 2 * v[0, 1]))
    half = float(stats.t.ppf(0.975, estimate.df)) * se
    values = {
        "estimate": b,
        "std_error": se,
        "statistic": b / se,
        "p_value": float(2 * stats.t.sf(abs(b / se), estimate.df)),
        "lower": b - half,
        "upper": b + half,
    }
    return pd.Series(values, name=f"{first} − {second}")


def holm(p_values: pd.Series) -> pd.Series:
    """Holm's adjustment for a family of tests, by `statsmodels`."""
    from statsmodels.stats.multitest import multipletests

    return pd.Series(multipletests(p_values, method="holm")[1], p_values.index, name="p_holm")


def _c6(panel: pd.DataFrame, model: Model) -> pd.Series:
    return stacked(panel, model=model)["exposure × post × first"]


def _c7(panel: pd.DataFrame, model: Model) -> pd.Series:
    return moderated(panel, model=model)["exposure × post × advantaged"]


def _pair(first: str, second: str) -> Callable[[pd.DataFrame, Model], pd.Series]:
    def compared(panel: pd.DataFrame, model: Model) -> pd.Series:
        estimate = side_by_side(panel, [first, second], model=model)
        return difference(estimate, f"{first} × post", f"{second} × post")

    return compared


def _outcome(name: str) -> Callable[[pd.DataFrame, Model], pd.Series]:
    return lambda panel, model: did(panel, name, model=model)["exposure × post"]


ESTIMANDS: dict[str, Callable[[pd.DataFrame, Model], pd.Series]] = {
    "C1": _outcome("patents_joint"),
    "C2": lambda panel, model: ddd(panel, model=model)["exposure × post × control_exposure"],
    "C3": _outcome("hires_overseas"),
    "C4": _outcome("papers_foreign"),
    "C5": _outcome("patents_overseas"),
    "C6": _c6,
    "C7": _c7,
    "C8": _pair("exposure_us", "exposure_elsewhere"),
    "C9": _pair("exposure_cooperation", "exposure_conferences"),
}
"""The one number that each claim is about, from a panel and a model, as a row of a frame."""
