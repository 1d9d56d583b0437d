"""Comparing two effects within one model: the test is on the difference, never on two p-values.

That one effect is significant and another is not says nothing about whether they differ (Gelman
and Stern 2006). Each design here holds both effects and the variance of their difference.
"""

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from replication.estimate.design import STUDY, THIRD, Design, columns_of
from replication.estimate.families import step_down
from replication.estimate.fit import Estimate
from replication.estimate.treatment import treatment_columns
from replication.estimate.verbs import did
from replication.records import checks
from replication.records.variables import MEDIATORS

Question = Callable[[pd.DataFrame, Design], tuple[pd.DataFrame, Design]]

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

    Examples
    --------
    The planted difference is .207 (`load_truth`), on the log of the mean.

    >>> panel = rp.load_panel()
    >>> found = rp.stacked(panel, model="ppml")["exposure × post × first"]
    >>> truth = rp.load_truth().loc[("C6", "mean"), "value"]
    >>> print(f"{found.estimate:.3f}, planted {truth:.3f}: {rp.recovery(found, truth)}")
    0.249, planted 0.207: recovers the planted effect
    """
    return did(*_stack(data, first, second, design.but(**changes)))


def _stack(
    data: pd.DataFrame, first: str, second: str, design: Design
) -> tuple[pd.DataFrame, Design]:
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
    return stack, design.but(
        outcome="outcome",
        treatment=(base, f"{base} × first"),
        first_treated=None,
        unit=None if design.unit is None else (*columns_of(design.unit), "technology"),
        effects=[(*columns_of(effect), "technology") for effect in design.effects],
    )


def same_disciplines(panel: pd.DataFrame, outcome: str = AI[0]) -> pd.DataFrame:
    """Rows of the disciplines in which `outcome` is ever above zero.

    Examples
    --------
    Rows that a discipline without any such application would only pad.

    >>> panel = rp.load_panel()
    >>> len(rp.contrasts.same_disciplines(panel)) < len(panel)
    True
    """
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

    Examples
    --------
    What the effect grows by in advantaged disciplines; .166 is planted.

    >>> panel = rp.load_panel()
    >>> found = rp.moderated(panel, "advantaged", model="ppml")["exposure × post × advantaged"]
    >>> truth = rp.load_truth().loc[("C7", "mean"), "value"]
    >>> print(f"{found.lower:.3f} to {found.upper:.3f}, planted {truth:.3f}")
    0.012 to 0.377, planted 0.166
    """
    return did(*_moderate(data, moderator, design.but(**changes)))


def _moderate(data: pd.DataFrame, moderator: str, design: Design) -> tuple[pd.DataFrame, Design]:
    exposure, post = design.exposure, design.post
    columns = [moderator, exposure, post]
    data = treatment_columns(data, design, columns, "the comparison by a moderator")
    dose, base = data[exposure] * data[post], f"{exposure} × {post}"
    terms = {base: dose, f"{base} × {moderator}": dose * data[moderator]}
    trend = {f"{post} × {moderator}": data[post] * data[moderator]}
    controls = (*design.controls, *trend)
    named = design.but(treatment=tuple(terms), first_treated=None, controls=controls)
    return data.assign(**terms, **trend), named


def side_by_side(
    data: pd.DataFrame, exposures: Sequence[str], design: Design = STUDY, **changes: Any
) -> Estimate:
    """Several exposures in one model, each × post; `difference` compares two of them (C8, C9).

    Examples
    --------
    Two forms of exchange in one model.

    >>> panel = rp.load_panel()
    >>> forms = ["exposure_cooperation", "exposure_conferences"]
    >>> both = rp.side_by_side(panel, forms, model="ppml")
    >>> list(both.frame.index)
    ['exposure_cooperation × post', 'exposure_conferences × post']
    """
    return did(*_beside(data, exposures, design.but(**changes)))


def _beside(
    data: pd.DataFrame, exposures: Sequence[str], design: Design
) -> tuple[pd.DataFrame, Design]:
    post = design.post
    data = treatment_columns(data, design, [*exposures, post], "the comparison of exposures")
    terms = {f"{e} × {post}": data[e] * data[post] for e in exposures}
    return data.assign(**terms), design.but(treatment=tuple(terms), first_treated=None)


def difference(estimate: Estimate, first: str, second: str) -> pd.Series:
    """Difference of two coefficients of one model, with the model's own variance.

    Returns
    -------
    Series
        As a row of `fit.Estimate.frame`.

    Examples
    --------
    By the model's own variance, here of two forms of exchange.

    >>> panel = rp.load_panel()
    >>> forms = ["exposure_cooperation", "exposure_conferences"]
    >>> both = rp.side_by_side(panel, forms, model="ppml")
    >>> row = rp.difference(both, *both.frame.index)
    >>> one, two = both.frame["estimate"]
    >>> print(f"{one:.3f} − {two:.3f} = {row.estimate:.3f}")
    0.295 − 0.045 = 0.250
    """
    return estimate.contrast({first: 1.0, second: -1.0}, f"{first} − {second}")


def holm(p_values: pd.Series) -> pd.Series:
    """Holm's adjustment for a family of tests, as `step_down`.

    Examples
    --------
    The smallest of three is tripled, the next doubled, the last kept.

    >>> import pandas as pd
    >>> rp.contrasts.holm(pd.Series({"C6": 0.01, "C7": 0.02, "C8": 0.04})).to_list()
    [0.03, 0.04, 0.04]
    """
    return pd.Series(step_down(p_values.to_numpy(float)), p_values.index, name="p_holm")


def question(
    claim: str, panel: pd.DataFrame, design: Design = STUDY, **changes: Any
) -> tuple[pd.DataFrame, Design]:
    """Data and design of the one coefficient that a claim is about.

    Where a claim compares two coefficients of one model, the model is written so that their
    difference is a coefficient and the rest of it are controls: the estimate is the same to the
    digit, and every method for one coefficient can be asked about it.

    Parameters
    ----------
    claim : str
        ``"C1"`` to ``"C9"``.
    panel : DataFrame
    design, **changes
        As for `verbs.did`: model, scale, effects, variance, …

    Returns
    -------
    data : DataFrame
    design : Design
        For `verbs.did` and the verbs of `few_clusters`: ``compare(*question("C6", panel))``.

    Examples
    --------
    Any method for one coefficient can be asked about a claim.

    >>> panel = rp.load_panel()
    >>> data, design = rp.question("C2", panel, model="ppml")
    >>> design.terms
    ('exposure × post × control_exposure',)
    >>> round(rp.few_clusters.jackknife(data, design)["estimate"], 3)
    0.243
    """
    return _QUESTIONS[claim](panel, design.but(**changes))


def _outcome(name: str) -> Question:
    return lambda panel, design: (panel, design.but(outcome=name))


def _one(data: pd.DataFrame, design: Design, less: bool = False) -> tuple[pd.DataFrame, Design]:
    """Make the last of two regressors the one of interest; with `less`, the first less the last."""
    first, last = design.treatment
    if less:
        name, rest = f"{first} − {last}", f"{first} + {last}"
        data = data.assign(**{name: data[first], rest: data[first] + data[last]})
        return data, design.but(treatment=(name,), controls=(*design.controls, rest))
    return data, design.but(treatment=(last,), controls=(*design.controls, first))


def _pair(*exposures: str) -> Question:
    return lambda panel, design: _one(*_beside(panel, exposures, design), less=True)


MEDIATOR_CLAIMS = dict(zip(("C3", "C4", "C5"), MEDIATORS, strict=False))
"""Mediator of each claim on a mechanism."""

_QUESTIONS: dict[str, Question] = {
    "C1": _outcome("patents_joint"),
    "C2": lambda panel, design: (panel, design.but(third=THIRD)),
    **{claim: _outcome(mediator) for claim, mediator in MEDIATOR_CLAIMS.items()},
    "C6": lambda p, design: _one(*_stack(p, "patents_joint_key", "patents_joint_other", design)),
    "C7": lambda p, design: _one(*_moderate(p, "advantaged", design)),
    "C8": _pair("exposure_us", "exposure_elsewhere"),
    "C9": _pair("exposure_cooperation", "exposure_conferences"),
}


CLAIMS = tuple(sorted(_QUESTIONS))


def estimand(claim: str, panel: pd.DataFrame, design: Design = STUDY, **changes: Any) -> pd.Series:
    """Estimate the one coefficient that a claim is about, as a row of `fit.Estimate.frame`.

    Examples
    --------
    The difference of two coefficients, as one coefficient.

    >>> panel = rp.load_panel()
    >>> both = rp.side_by_side(panel, ["exposure_us", "exposure_elsewhere"])
    >>> one, two = both.frame["estimate"]
    >>> bool(abs(rp.contrasts.estimand("C8", panel).estimate - (one - two)) < 1e-9)
    True
    """
    return did(*question(claim, panel, design, **changes)).frame.iloc[0]
