"""What is true in a simulated study, claim by claim, from its potential outcomes.

An effect here is a change of the log of a mean. Where effects differ between cells there is no
single number; the truth of a claim is then what its own design finds in the *expected* outcomes,
which have no noise in them at all: no count is drawn, no shock is in them, nothing is estimated.
Two targets are kept apart. ``mean``: the design by PPML, so that a cell weighs as much as its
applications. ``log mean``: the least-squares projection of the log of the mean, each cell with the
same weight. A third, ``log(1 + y)``, is the target of least squares on log(1 + y); it has no closed
form and comes from many draws, with its Monte-Carlo error. A mediator's ``share`` of the effect is
a parameter of the process.
"""

import numpy as np
import pandas as pd

from replication.estimate.contrasts import (
    AI,
    CLAIMS,
    MEDIATOR_CLAIMS,
    estimand,
    same_disciplines,
    stacked,
)
from replication.estimate.design import CONTROLS, STUDY, THIRD, TRIPLE, Design
from replication.estimate.many.regression import regression
from replication.estimate.sample import sample
from replication.estimate.verbs import event_study, poisson
from replication.records import variables
from replication.records.variables import MEDIATORS
from replication.simulate.draws import negative_binomial, shocks, tally
from replication.simulate.process import FORMS
from replication.simulate.study import Study

EXPECTED = STUDY.but(variance="none")
"""The study's design for outcomes without noise, of which no variance is asked."""


def expected_panel(study: Study) -> pd.DataFrame:
    """Panel of the study with expected outcomes in the place of counts.

    Returns
    -------
    DataFrame
        The columns of the analysis panel that designs use; ``log_effect`` is the effect on the log
        of the mean of ``patents_joint``.
    """
    treated = np.exp(study.level + study.effect)
    mediators = np.exp(study.mediator_level + study.mediator_effect)
    log_effect = np.log(treated.sum(axis=2) / np.exp(study.level).sum(axis=2))
    ai = np.einsum("ctg,cg->ct", treated, study.technology.ai_share[study.discipline])
    return _panel(study, treated, mediators, ai).assign(log_effect=log_effect.ravel())


def realised_panel(study: Study) -> pd.DataFrame:
    """Panel of the study with its counts, without the way through records.

    Returns
    -------
    DataFrame
        As of `expected_panel`, less ``log_effect``; where both have a column it equals that of
        `panel.build_panel` on the study's records. ``patents_alone`` are the applications that a
        university files without a firm, which exchange does not move.
    """
    related = study.joint[study.technology.ai[study.joint["subclass"]]].assign(group=0)
    shape = (*study.shock.shape, 1)
    ai = tally(related, shape, study.process)[:, :, 0]
    alone = tally(study.sole, shape, study.process)
    panel = _panel(study, study.counts, study.mediator_counts, ai)
    return panel.assign(patents_alone=alone.ravel())


def _panel(
    study: Study, joint: np.ndarray, mediators: np.ndarray, ai: np.ndarray | None = None
) -> pd.DataFrame:
    """Long panel from outcomes (C, T, 2), mediators (C, T, M) and outcomes related to AI (C, T)."""
    process = study.process
    c, t = (i.ravel() for i in np.indices(study.shock.shape))
    u, d = study.university[c], study.discipline[c]
    key, other = joint.reshape(-1, 2).T
    related = {} if ai is None else dict(zip(AI, [n := ai.ravel(), key + other - n], strict=True))
    year = process.years[t]
    before = process.years < process.first_treated
    resources = np.log(study.resources[:, before]).mean(axis=1)[u]
    return pd.DataFrame(
        {
            "university": u,
            "discipline": d,
            "year": year,
            "event_time": year - process.first_treated,
            "post": (year >= process.first_treated).astype(int),
            "patents_joint": key + other,
            "patents_joint_key": key,
            "patents_joint_other": other,
            **related,
            **dict(zip(MEDIATORS, mediators.reshape(-1, len(MEDIATORS)).T, strict=True)),
            "exposure": study.exposure[u],
            **{f"exposure_{form}": study.forms[u, i] for i, form in enumerate(FORMS)},
            "control_exposure": study.control_exposure[d],
            "advantaged": study.advantaged[c].astype(int),
            **dict(zip(variables.CONTROLS, resources.T, strict=True)),
        }
    )


def truth(study: Study, draws: int = 0, seed: int = 1) -> pd.DataFrame:
    """Truth of the claims C1–C9 in a study, and of the contrast of AI-related classes (``AI``).

    Parameters
    ----------
    study : Study
    draws : int
        Draws for the targets that have no closed form; 0 leaves them out.
    seed : int
        Of these draws.

    Returns
    -------
    DataFrame
        Indexed by ``claim`` and ``target``; ``value`` and its ``mc_error`` (0 where exact).
    """
    panel = expected_panel(study)
    rows = _exact_targets(panel)
    shares = study.process.shares
    rows += [(c, "share", float(s), 0.0) for c, s in zip(MEDIATOR_CLAIMS, shares, strict=False)]
    if draws:
        rows += _log_count_targets(study, panel, draws, np.random.default_rng(seed))
    frame = pd.DataFrame(rows, columns=["claim", "target", "value", "mc_error"])
    return frame.set_index(["claim", "target"]).round(8) + 0.0


def mean_targets(panel: pd.DataFrame) -> dict[str, float]:
    """What the design of each claim finds by PPML in expected outcomes, by claim."""
    return {
        claim: float(estimand(claim, panel, EXPECTED, model="ppml").estimate) for claim in CLAIMS
    }


def _exact_targets(panel: pd.DataFrame) -> list[tuple[str, str, float, float]]:
    """Targets that are a design's own fit to expected outcomes."""
    rows = [(claim, "mean", value, 0.0) for claim, value in mean_targets(panel).items()]
    controlled = poisson(panel, EXPECTED, controls=CONTROLS).frame["estimate"].iloc[0]
    rows.append(("C1", "mean, with controls", float(controlled), 0.0))
    rows += [("AI", target, value, 0.0) for target, value in ai_targets(panel).items()]
    effect = panel.assign(patents_joint=panel["log_effect"])
    # Without any effect there is nothing to fit: no design takes an outcome that is constant.
    fits = effect["patents_joint"].nunique() > 1
    rows += [
        (claim, "log mean", float(estimand(claim, effect, EXPECTED).estimate) if fits else 0.0, 0.0)
        for claim in ("C1", "C2")
    ]
    mediators = {claim: EXPECTED.but(outcome=m) for claim, m in MEDIATOR_CLAIMS.items()}
    for claim, design in {"C1": EXPECTED, "C2": EXPECTED.but(third=THIRD), **mediators}.items():
        periods = event_study(panel, design, model="ppml").frame["estimate"].items()
        rows += [(f"{claim} {str(t).split(' × ')[-1]}", "mean", float(b), 0.0) for t, b in periods]
    return rows


def _log_count_targets(
    study: Study, panel: pd.DataFrame, draws: int, rng: np.random.Generator
) -> list[tuple[str, str, float, float]]:
    """Targets of least squares on log(1 + y): the mean of the coefficient over draws."""
    # Least squares is linear in the outcome: residualise the regressor once, then average.
    weights = {"C1": projection(panel, STUDY), "C2": projection(panel, TRIPLE)}
    found: dict[str, list[float]] = {claim: [] for claim in [*weights, *MEDIATOR_CLAIMS]}
    # A stream of their own, so that the targets of the outcome are those of the outcome alone.
    (stream,) = rng.spawn(1)
    log_mediators = study.mediator_level + study.mediator_effect
    process = study.process
    for _ in range(draws):
        shock, mediator_shock = shocks(process, study.university, rng)
        log_mean = (
            study.level + study.effect + (shock + mediator_shock @ process.loadings)[:, :, None]
        )
        y = negative_binomial(rng, log_mean, process.dispersion).sum(axis=2).ravel()
        for claim, weight in weights.items():
            found[claim].append(float(weight @ np.log1p(y)))
        m = negative_binomial(stream, log_mediators + mediator_shock, process.dispersion)
        slopes = weights["C1"] @ np.log1p(m).reshape(-1, len(MEDIATORS))
        for claim, b in zip(MEDIATOR_CLAIMS, slopes, strict=False):
            found[claim].append(float(b))
    return [
        (claim, "log(1 + y)", float(np.mean(b)), float(np.std(b, ddof=1) / np.sqrt(draws)))
        for claim, b in found.items()
    ]


def projection(panel: pd.DataFrame, design: Design) -> np.ndarray:
    """Weights w with w'y the coefficient of the design's regressor in a regression of y, (N,)."""
    reg = regression(sample(panel, design), "the projection on a regressor")
    weights = np.empty(len(panel))
    weights[reg.kernel.order] = reg.x[:, 0] / reg.total
    return weights


def ai_targets(panel: pd.DataFrame) -> dict[str, float]:
    """What `stacked` of `AI` finds by PPML, in all disciplines and in those that have such classes.

    Used on expected outcomes this is a truth. Nothing about AI is planted: what is found there, the
    other moderators have put there, and the mix of universities and disciplines, which differs
    between the two halves of the stack.
    """
    samples = {"mean": panel, "mean, same disciplines": same_disciplines(panel)}
    return {
        target: float(
            stacked(cells, *AI, EXPECTED, model="ppml")["exposure × post × first"].estimate
        )
        for target, cells in samples.items()
    }
