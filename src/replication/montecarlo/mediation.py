"""What mediation analysis finds where the truth about mediation is known.

Shocks and counts of a study are drawn many times, its universities, cells and effects staying as
they are. `accounted` says what share the decomposition ascribes to each mediator on average, and
how far that is from the planted one. `declared` counts how often the three steps say "mediation",
and `false_alarms` how often a test of leads rejects where no lead is planted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from replication.estimate.designs import DID_EFFECTS, Estimate, _categories, small_sample_factor
from replication.estimate.mediation.decomposition import ALL, by_cluster, joint
from replication.estimate.mediation.partial_out import columns_of, partial_out
from replication.exhibit.figures import Figure, _figure, _theme
from replication.exhibit.tables import WORDS
from replication.montecarlo.truth import realised_panel
from replication.simulate.study import MEDIATORS, Process, Study, draw_counts, redraw, simulate

NOT_MEDIATED = Process(share_hires=0.0, share_papers=0.0, share_overseas=0.0)

WORLDS: dict[str, Process] = {
    "mediated": Process(),
    "not mediated, common causes": replace(NOT_MEDIATED, mediator_confounding=0.5),
    "not mediated, no common cause": NOT_MEDIATED,
    "not mediated, one effect for all": NOT_MEDIATED.without_heterogeneity(),
    "mediators do not respond": replace(
        NOT_MEDIATED, response_hires=0.0, response_papers=0.0, response_overseas=0.0
    ),
}
"""Processes to run the three steps on. In all but the first, mediators transmit nothing."""


@dataclass(frozen=True)
class _Design:
    """What is the same in all draws of a study."""

    study: Study
    dose: np.ndarray
    codes: np.ndarray
    group: np.ndarray
    factors: tuple[float, float]

    def within(self, outcome: np.ndarray, mediators: np.ndarray) -> np.ndarray:
        """Outcome, dose, mediators, from arrays of shape (C, T) and (C, T, 3), less effects."""
        columns = [outcome.ravel(), self.dose, mediators.reshape(-1, len(MEDIATORS))]
        return partial_out(np.column_stack(columns), self.codes)


def _design(study: Study) -> _Design:
    # The factor is that of one mediator at a time.
    columns = columns_of(realised_panel(study), MEDIATORS[:1], "patents_joint")
    return _Design(study, columns.raw[:, 1], columns.codes, columns.group, columns.factors)


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
    rng, design = np.random.default_rng(seed), _design(study)
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
            b, _influence = joint(design.within(y, m), design.group, (1.0, 1.0))
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
    return table


def shares_figure(shares: Estimate, targets: pd.DataFrame) -> Figure:
    """Forest plot of the shares of a decomposition, what it aims at, and what is planted.

    Parameters
    ----------
    shares : Estimate
        `mechanisms.Decomposition.shares`.
    targets : DataFrame
        As of `accounted`.
    """
    data = shares.frame[["estimate", "std_error", "lower", "upper"]]
    data = data.join(targets[["counts", "intensity", "planted"]]).rename_axis("mediator")
    data = data.rename(index=WORDS).reset_index()
    marks = {
        "counts": ("s", "its average over draws"),
        "intensity": ("^", "its average, nothing measured with error"),
        "planted": ("D", "planted share"),
    }
    with _theme(3.2) as axes:
        rows = np.arange(len(data))
        axes.axvline(0, color="0.35", linewidth=0.8)
        bars = [data["estimate"] - data["lower"], data["upper"] - data["estimate"]]
        axes.errorbar(data["estimate"], rows, xerr=bars, fmt="o", label="decomposition, 95 %")
        for i, (column, (marker, label)) in enumerate(marks.items()):
            style: dict[str, Any] = {"color": "0.2", "markerfacecolor": "none", "markersize": 7}
            axes.plot(data[column], rows + 0.12 * i, marker, label=label, **style)
        axes.set(xlabel="share of the total", yticks=rows, yticklabels=data["mediator"])
        axes.set_ylim(len(data) - 0.4, -0.6)
        axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=2)
    words = [
        f"{r['mediator']} {r['estimate']:.3f} [{r['lower']:.3f}, {r['upper']:.3f}], on average "
        f"{r['counts']:.3f}, without measurement error {r['intensity']:.3f}, planted "
        f"{r['planted']:.3f}"
        for r in data.to_dict("records")
    ]
    return _figure(axes, data, f"Shares of the total by mediator: {'; '.join(words)}.")


def declared(
    worlds: Mapping[str, Process] | None = None,
    draws: int = 200,
    seed: int = 2026,
    level: float = 0.05,
) -> pd.DataFrame:
    """How often the three steps declare mediation, one mediator at a time.

    Mediation is declared when exposure moves the outcome (step 1) and the mediator (step 2), the
    mediator has a coefficient in the regression on both (step 3), all at `level` by the clustered
    t(G − 1) test, and the coefficient of exposure is smaller there than in step 1.

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
    from scipy import stats

    rows = []
    for world, process in (WORLDS if worlds is None else worlds).items():
        study = simulate(process, seed)
        rng, design = np.random.default_rng(seed), _design(study)
        critical = stats.t.ppf(1 - level / 2, process.universities - 1)
        found = np.array([_three_steps(design, rng) for _ in range(draws)])
        for i, mediator in enumerate(MEDIATORS):
            t, share = found[:, i, :3], found[:, i, 3]
            steps = np.abs(t) > critical
            rates = [*steps.mean(axis=0), (steps.all(axis=1) & (share > 0)).mean()]
            rows.append((world, mediator, process.shares[i], np.median(share), *rates))
    names = ["world", "mediator", "planted", "printed", "step_1", "step_2", "step_3", "declared"]
    return pd.DataFrame(rows, columns=names).set_index(["world", "mediator"])


def false_alarms(
    study: Study, draws: int = 200, seed: int = 1, level: float = 0.05
) -> pd.DataFrame:
    """How often the joint test of all leads rejects for a mediator, though no lead is planted.

    Returns
    -------
    DataFrame
        Indexed by mediator: rate with the log of the mean as the outcome (``intensity``), where
        every lead is zero in truth, and with log(1 + count) (``counts``), where the scale makes
        leads of its own.
    """
    panel, design, rng = realised_panel(study), _design(study), np.random.default_rng(seed)
    periods = [t for t in np.unique(panel["event_time"]) if t != -1]
    leads = sum(t < -1 for t in periods)
    dummies = [(panel["exposure"] * (panel["event_time"] == t)).to_numpy() for t in periods]
    x = partial_out(np.column_stack(dummies), design.codes)
    absorb = _categories(panel, DID_EFFECTS)
    factor, df = small_sample_factor(panel, len(periods), absorb, "university")
    rejected = []
    for _ in range(draws):
        _joint, log_mediators = redraw(study, rng)
        counts = np.log1p(draw_counts(study, log_mediators, rng))
        outcomes = np.concatenate([log_mediators, counts], axis=2).reshape(len(panel), -1)
        y = partial_out(outcomes, design.codes)
        rejected.append([_leads_p(x, column, design.group, factor, df, leads) for column in y.T])
    rates = (np.array(rejected) < level).mean(axis=0).reshape(2, -1)
    index = pd.Index(MEDIATORS, name="mediator")
    return pd.DataFrame({"intensity": rates[0], "counts": rates[1]}, index=index)


def _leads_p(
    x: np.ndarray, y: np.ndarray, group: np.ndarray, factor: float, df: int, leads: int
) -> float:
    """Compute the p-value of `designs.pretrend_test` from columns less their effects."""
    from scipy import stats

    bread = np.linalg.inv(np.einsum("ni,nj->ij", x, x))
    b = bread @ np.einsum("ni,n->i", x, y)
    influence = by_cluster(x * (y - x @ b)[:, None], group) @ bread
    v = factor * influence[:, :leads].T @ influence[:, :leads]
    return float(stats.f.sf(b[:leads] @ np.linalg.solve(v, b[:leads]) / leads, leads, df))


def _three_steps(design: _Design, rng: np.random.Generator) -> np.ndarray:
    """One draw: by mediator, t of the three steps and the share of the total in their product."""
    log_joint, log_mediators = redraw(design.study, rng)
    y = np.log1p(draw_counts(design.study, log_joint, rng).sum(axis=2))
    within = design.within(y, np.log1p(draw_counts(design.study, log_mediators, rng)))
    found = []
    for i in range(len(MEDIATORS)):
        b, influence = joint(within[:, [0, 1, 2 + i]], design.group, design.factors)
        t = b / np.sqrt((influence**2).sum(axis=0))
        found.append([t[0], t[2], t[3], b[2] * b[3] / b[0]])
    return np.array(found)
