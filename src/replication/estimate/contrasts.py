"""Comparing two effects within one model: the test is on the difference, never on two p-values.

That one effect is significant and another is not says nothing about whether they differ (Gelman
and Stern 2006). Each design here holds both effects and the variance of their difference.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from replication.estimate.convention import Coefficient, coefficient_table
from replication.estimate.design import STUDY, Design, Model, columns_of
from replication.estimate.fit import Estimate
from replication.estimate.sample import treatment_columns
from replication.estimate.verbs import ddd, did
from replication.records import checks
from replication.records.variables import MEDIATORS

AI = ("patents_joint_ai", "patents_joint_not_ai")
"""Outcomes of one cell in AI-related classes and in all others, for `stacked`."""


def stacked(
    data: pd.DataFrame,
    first: str = "patents_joint_key",
    second: str = "patents_joint_other",
    design: Design = STUDY,
    **changes: Any,
) -> Estimate:
    """Stack two outcomes of one cell: is the effect on the first larger? This is C6.

    Parameters
    ----------
    data : DataFrame
    first, second : str
        Outcomes; ``technology`` is 1 in the rows of the first. The unit and every effect of the
        design are crossed with it.
    design, **changes
        As for `verbs.did`.

    Returns
    -------
    Estimate
        ``"exposure × post"`` is the effect on the second outcome, ``"exposure × post × first"``
        what the first has more.
    """
    design = design.but(**changes)
    exposure, post = design.exposure, design.post
    purpose = "the comparison of two outcomes"
    checks.require_columns(data, [first, second], purpose)
    data = treatment_columns(data, design, [exposure, post], purpose)
    base = f"{exposure} × {post}"
    dose = data[exposure] * data[post]
    stack = pd.concat(
        [
            data.assign(
                outcome=data[name], technology=k, **{base: dose, f"{base} × first": k * dose}
            )
            for k, name in ((1, first), (0, second))
        ],
        ignore_index=True,
    )
    return did(
        stack,
        design,
        outcome="outcome",
        treatment=(base, f"{base} × first"),
        unit=None if design.unit is None else (*columns_of(design.unit), "technology"),
        effects=[(*columns_of(effect), "technology") for effect in design.effects],
    )


def same_disciplines(panel: pd.DataFrame, outcome: str = AI[0]) -> pd.DataFrame:
    """Rows of the disciplines in which `outcome` is ever above zero."""
    checks.require_columns(panel, [outcome, "discipline"], "the disciplines that have the outcome")
    return panel[panel.groupby("discipline")[outcome].transform("max") > 0]


def moderated(
    data: pd.DataFrame, moderator: str = "advantaged", design: Design = STUDY, **changes: Any
) -> Estimate:
    """Effect by a moderator of the cell: does it grow with the moderator? This is C7.

    Returns
    -------
    Estimate
        ``"exposure × post"`` is the effect where the moderator is zero, ``"exposure × post ×
        <moderator>"`` the change for one unit of it. The moderator × post is controlled for.
    """
    design = design.but(**changes)
    exposure, post = design.exposure, design.post
    columns = [moderator, exposure, post]
    data = treatment_columns(data, design, columns, "the comparison by a moderator")
    dose, base = data[exposure] * data[post], f"{exposure} × {post}"
    terms = {base: dose, f"{base} × {moderator}": dose * data[moderator]}
    trend = {f"{post} × {moderator}": data[post] * data[moderator]}
    controls = (*design.controls, *trend)
    return did(data.assign(**terms, **trend), design, treatment=tuple(terms), controls=controls)


def side_by_side(
    data: pd.DataFrame, exposures: Sequence[str], design: Design = STUDY, **changes: Any
) -> Estimate:
    """Several exposures in one model, each × post; `difference` compares two of them (C8, C9)."""
    design = design.but(**changes)
    post = design.post
    data = treatment_columns(data, design, [*exposures, post], "the comparison of exposures")
    terms = {f"{e} × {post}": data[e] * data[post] for e in exposures}
    return did(data.assign(**terms), design, treatment=tuple(terms))


def difference(estimate: Estimate, first: str, second: str) -> pd.Series:
    """Difference of two coefficients of one model, with the model's own variance.

    Returns
    -------
    Series
        As a row of `fit.Estimate.frame`.
    """
    v = estimate.vcov.loc[[first, second], [first, second]].to_numpy()
    b = float(estimate[first].estimate - estimate[second].estimate)
    se = float(np.sqrt(v[0, 0] + v[1, 1] - 2 * v[0, 1]))
    table = coefficient_table(pd.Series([b]), pd.Series([se]), estimate.df)
    return Coefficient(table.iloc[0], name=f"{first} − {second}")


def holm(p_values: pd.Series) -> pd.Series:
    """Holm's adjustment for a family of tests, by `statsmodels`."""
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
    return lambda panel, model: did(panel, outcome=name, model=model)["exposure × post"]


MEDIATOR_CLAIMS = dict(zip(("C3", "C4", "C5"), MEDIATORS, strict=False))
"""Mediator of each claim on a mechanism."""

ESTIMANDS: dict[str, Callable[[pd.DataFrame, Model], pd.Series]] = {
    "C1": _outcome("patents_joint"),
    "C2": lambda panel, model: ddd(panel, model=model)["exposure × post × control_exposure"],
    **{claim: _outcome(mediator) for claim, mediator in MEDIATOR_CLAIMS.items()},
    "C6": _c6,
    "C7": _c7,
    "C8": _pair("exposure_us", "exposure_elsewhere"),
    "C9": _pair("exposure_cooperation", "exposure_conferences"),
}
"""The one number that each claim is about, from a panel and a model, as a row of a frame."""
