"""What mediation analysis finds where the truth about mediation is known.

Shocks and counts of a study are drawn many times, its universities, cells and effects staying as
they are. `accounted` says what share the decomposition ascribes to each mediator on average, and
how far that is from the planted one. `declared` counts how often the three steps say "mediation",
and `false_alarms` how often a test of leads rejects where no lead is planted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from replication.estimate.convention import LEVEL, rejects, wald
from replication.estimate.design import STUDY
from replication.estimate.many.variance import vcov, wald_degrees_of_freedom
from replication.estimate.mediation.decomposition import ALL, joint
from replication.estimate.mediation.partial_out import mediation_columns, partial_out
from replication.estimate.sample import Sample
from replication.estimate.verbs import event_periods, event_study
from replication.montecarlo.truth import realised_panel
from replication.records.variables import MEDIATORS
from replication.simulate.process import Process
from replication.simulate.study import Study, draw_counts, redraw, simulate

NOT_MEDIATED = Process().with_mediators(share=0.0)

WORLDS: dict[str, Process] = {
    "mediated": Process(),
    "not mediated, common causes": replace(NOT_MEDIATED, mediator_confounding=0.5),
    "not mediated, no common cause": NOT_MEDIATED,
    "not mediated, one effect for all": NOT_MEDIATED.without_heterogeneity(),
    "mediators do not respond": NOT_MEDIATED.with_mediators(response=0.0),
}
"""Processes to run the three steps on. In all but the first, mediators transmit nothing."""


@dataclass(frozen=True)
class _Layout:
    """What is the same in all draws of a study."""

    study: Study
    sample: Sample
    dose: np.ndarray
    codes: np.ndarray
    group: np.ndarray
    factors: tuple[float, float]

    def within(self, outcome: np.ndarray, mediators: np.ndarray) -> np.ndarray:
        """Outcome, dose, mediators, from arrays of shape (C, T) and (C, T, 3), less effects."""
        columns = [outcome.ravel(), self.dose, mediators.reshape(-1, len(MEDIATORS))]
        return partial_out(np.column_stack(columns), self.codes)


def _layout(study: Study) -> _Layout:
    # The factor is that of one mediator at a time.
    c = mediation_columns(realised_panel(study), MEDIATORS[:1], STUDY)
    return _Layout(study, c.sample, c.raw[:, 1], c.codes, c.group, c.factors)


def accounted(study: Study, draws: int = 200, seed: int = 1) -> pd.DataFrame:
    """Share of the total that the decomposition ascribes to each mediator, over many draws.

    Returns
    -------
    DataFrame
        Indexed by mediator, and all together: ``planted`` share; ``intensity``, what the
        decomposition finds when outcome and mediators are the logs of their means, so that nothing
        is measured with error; ``counts``, what it finds in log(1 + count); and the Monte-Carlo
        errors ``intensity_error``, ``counts_error``.
    """
    rng, layout = np.random.default_rng(seed), _layout(study)
    found: dict[str, list[np.ndarray]] = {"intensity": [], "counts": []}
    for _ in range(draws):
        log_joint, log_mediators = redraw(study, rng)
        counts = draw_counts(study, log_joint, rng).sum(axis=2)
        measured = np.log1p(draw_counts(study, log_mediators, rng))
        mean = np.log(np.exp(log_joint).sum(axis=2))
        for name, y, m in (
            ("intensity", mean, log_mediators),
            ("counts", np.log1p(counts), measured),
        ):
            b, _influence = joint(layout.within(y, m), layout.group, (1.0, 1.0))
            k = len(MEDIATORS)
            found[name].append(np.array([b[0], *b[2 : 2 + k] * b[2 + k :], b[0] - b[1]]))
    planted = study.process.shares
    table = pd.DataFrame({"planted": [*planted, planted.sum()]}, index=[*MEDIATORS, ALL])
    table.index.name = "mediator"
    for name, values in found.items():
        base, parts = np.array(values)[:, 0], np.array(values)[:, 1:]
        share = parts.mean(axis=0) / base.mean()
        # Delta method for the ratio of two means.
        residual = (parts - np.outer(base, share)) / base.mean()
        table[name] = share
        table[f"{name}_error"] = residual.std(axis=0, ddof=1) / np.sqrt(draws)
    table.attrs["draws"] = draws
    return table


def declared(
    worlds: Mapping[str, Process] | None = None,
    draws: int = 200,
    seed: int = 2026,
    level: float = LEVEL,
) -> pd.DataFrame:
    """How often the three steps declare mediation, one mediator at a time.

    Mediation is declared when exposure moves the outcome (step 1) and the mediator (step 2), the
    mediator has a coefficient in the regression on both (step 3), all at `level` by CR1 and
    t(G − 1), and the coefficient of exposure is smaller there than in step 1.

    Parameters
    ----------
    worlds : mapping of str to Process, optional
        `WORLDS` by default.
    draws, seed : int
    level : float

    Returns
    -------
    DataFrame
        Indexed by ``world`` and ``mediator``: ``planted`` share; ``printed``, the median of the
        share a · b / c; the rates ``step_1``, ``step_2``, ``step_3`` and ``declared``.
    """
    rows = []
    for world, process in (WORLDS if worlds is None else worlds).items():
        study = simulate(process, seed)
        rng, layout = np.random.default_rng(seed), _layout(study)
        found = np.array([_three_steps(layout, rng) for _ in range(draws)])
        for i, mediator in enumerate(MEDIATORS):
            t, share = found[:, i, :3], found[:, i, 3]
            steps = rejects(t, 1.0, len(np.unique(layout.group)) - 1, level)
            rates = [*steps.mean(axis=0), (steps.all(axis=1) & (share > 0)).mean()]
            rows.append((world, mediator, process.shares[i], np.median(share), *rates))
    names = ["world", "mediator", "planted", "printed", "step_1", "step_2", "step_3", "declared"]
    table = pd.DataFrame(rows, columns=names).set_index(["world", "mediator"])
    table.attrs["draws"] = draws
    return table


def false_alarms(
    study: Study, draws: int = 200, seed: int = 1, level: float = LEVEL
) -> pd.DataFrame:
    """How often a joint test of all leads rejects for a mediator, though no lead is planted.

    Returns
    -------
    DataFrame
        Indexed by mediator: rates with the log of the mean as the outcome, where every lead is zero
        in truth, by the F test with CR1 (``intensity_f``) and by the small-sample test of
        `verbs.pretrend_test` (``intensity``); and by the second with log(1 + count), where the
        scale makes leads of its own (``counts``).
    """
    panel, rng = realised_panel(study), np.random.default_rng(seed)
    found = event_study(panel, variance="CR1")
    reg, names = found.clustered.regression, found.frame.index
    leads = np.array([period < -1 for period in event_periods(names)])
    contrasts = np.eye(len(names))[:, leads]
    q, eta = int(leads.sum()), wald_degrees_of_freedom(reg, contrasts)
    rejected = []
    for _ in range(draws):
        _joint, log_mediators = redraw(study, rng)
        counts = np.log1p(draw_counts(study, log_mediators, rng))
        outcomes = np.concatenate([log_mediators, counts], axis=2).reshape(len(panel), -1)
        y = reg.kernel.residualise(reg.kernel.arrange(outcomes))
        b = reg.bread @ (reg.x.T @ y)
        for at, own in enumerate(b.T):
            residual = y[:, [at]] - reg.x @ own[:, None]
            v = {k: vcov(reg, residual, k)[np.ix_(leads, leads)] for k in ("CR1", "CR2")}
            tests = [
                wald(own[leads], v["CR1"], found.clusters - 1),
                wald(own[leads], v["CR2"], eta - q + 1, eta),
            ]
            rejected.append([test["p_value"] < level for test in tests])
    rates = np.array(rejected).reshape(draws, 2, len(MEDIATORS), 2).mean(axis=0)
    index = pd.Index(MEDIATORS, name="mediator")
    shares = {"intensity_f": rates[0, :, 0], "intensity": rates[0, :, 1], "counts": rates[1, :, 1]}
    return pd.DataFrame(shares, index=index)


def _three_steps(layout: _Layout, rng: np.random.Generator) -> np.ndarray:
    """One draw: by mediator, t of the three steps and the share of the total in their product."""
    log_joint, log_mediators = redraw(layout.study, rng)
    y = np.log1p(draw_counts(layout.study, log_joint, rng).sum(axis=2))
    within = layout.within(y, np.log1p(draw_counts(layout.study, log_mediators, rng)))
    found = []
    for i in range(len(MEDIATORS)):
        b, influence = joint(within[:, [0, 1, 2 + i]], layout.group, layout.factors)
        t = b / np.sqrt((influence**2).sum(axis=0))
        found.append([t[0], t[2], t[3], b[2] * b[3] / b[0]])
    return np.array(found)
