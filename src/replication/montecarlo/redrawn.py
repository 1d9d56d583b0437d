"""Studies with universities drawn anew: every claim by every variance, and the joint lead tests.

One study is what the shipped one is, of another seed: other universities, cells, shocks, counts.
What is kept of it is enough to judge it by any rule afterwards: `montecarlo.verdicts` does.
"""

import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Any

import numpy as np
import pandas as pd

from replication.errors import TooFewClustersError
from replication.estimate.clustered import Clustered
from replication.estimate.contrasts import CLAIMS, question
from replication.estimate.convention import wald
from replication.estimate.design import STUDY
from replication.estimate.few_clusters import parted, randomisation_test
from replication.estimate.many.resampling import WildBootstrap, bootstrap_weights
from replication.estimate.verbs import event_periods, event_study
from replication.montecarlo.truth import expected_panel, mean_targets, realised_panel
from replication.simulate.process import Process
from replication.simulate.study import Study, draw_counts, redraw, simulate

WORLDS = {"none": Process().without_effect(), "planted": Process()}
STUDIES = {"none": 2000, "planted": 1000}
"""Studies of each world that are committed."""

SEED = 1_000_000
"""Seed of the first study of a world; the next one's is one more."""

RESAMPLES = 999
REDRAWS = 20
"""Redraws of a study's counts from which the target of least squares on log(1 + y) is taken."""

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")

OLS, PPML, MEAN = "log(1 + y)", "PPML", "log of the mean"
MODELS: dict[str, dict[str, Any]] = {
    OLS: {"model": "ols", "scale": "log1p"},
    PPML: {"model": "ppml"},
}
CR1 = STUDY.but(variance="CR1")


def one_study(world: str, number: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Simulate and estimate one study.

    Without effect, every second study is asked everything; the others serve the choice of a rule
    and have C1 and C2 by PPML and the triple difference by least squares. Where the effect is
    planted, all claims are estimated by PPML, which the verdicts rest on.

    Returns
    -------
    claims : DataFrame
        One row a claim and model: ``estimate``, ``target`` (what this estimator aims at in this
        study), ``cr1``, ``cr2``, ``cr3`` (standard errors), ``clusters``, ``effective`` (G*),
        ``df_cr2``; p-values ``wild`` (of the own target) and ``permuted``; ``largest``, the largest
        share of one cluster.
    leads : DataFrame
        One row a model of C1, in every second study without effect: p-values of the joint test of
        all leads, ``f`` (CR1, F(q, G − 1)) and ``htz``, and its ``df``, none where the clusters are
        too few or too unequal for that test. The models are PPML of the counts, and least squares
        on the log of the mean: in both every lead is zero in truth.
    """
    seed, slow = SEED + number, world == "none" and number % 2 == 0
    study = simulate(WORLDS[world], seed)
    panel = realised_panel(study)
    exact = mean_targets(expected_panel(study)) if world != "none" else dict.fromkeys(CLAIMS, 0.0)
    asked = [(claim, PPML) for claim in CLAIMS]
    if world == "none":
        asked = [*asked, ("C1", OLS), ("C2", OLS)] if slow else [*asked[:2], ("C2", OLS)]
    rows = []
    for claim, model in asked:
        data, design = question(claim, panel, **MODELS[model])
        parts = parted(data, design, "a study of many")
        target = exact[claim] if model == PPML else _own_target(study, parts, seed)
        row = {"world": world, "study": number, "claim": claim, "model": model}
        row |= _methods(parts, target, seed, slow and claim in ("C1", "C2"))
        if slow and claim in ("C1", "C2") and model == PPML:
            test = randomisation_test(data, design, draws=RESAMPLES, seed=seed)
            row["permuted"] = test.p_value
        rows.append(row)
    return pd.DataFrame(rows), pd.DataFrame(_leads(study, panel, number) if slow else [])


def _methods(parts: Clustered, target: float, seed: int, slow: bool) -> dict[str, float]:
    """Estimate, standard errors, degrees of freedom and the bootstrap's p-value of the target."""
    reg = parts.regression
    weights = bootstrap_weights(parts.clusters, RESAMPLES, "rademacher", [seed, 1])
    boot = WildBootstrap(reg, parts.residuals + parts.estimate * reg.x)
    return {
        "estimate": parts.estimate,
        "target": target,
        "cr1": parts.std_error("CR1"),
        "cr2": parts.std_error("CR2") if slow else np.nan,
        "cr3": parts.std_error("CR3"),
        "clusters": parts.clusters,
        "effective": parts.effective(),
        "df_cr2": parts.df("CR2") if slow else np.nan,
        "largest": float(reg.leverage.max() / reg.total),
        "wild": float(boot.p_values(target, weights)[0]),
        "permuted": np.nan,
    }


def _own_target(study: Study, parts: Clustered, seed: int) -> float:
    """Mean of the least-squares coefficient over redraws of the study's shocks and counts."""
    rng = np.random.default_rng([seed, 2])
    counts = [
        draw_counts(study, redraw(study, rng)[0], rng).sum(axis=2).ravel() for _ in range(REDRAWS)
    ]
    return float(parts.regression.fit(np.log1p(np.column_stack(counts)))[0].mean())


def _leads(study: Study, panel: pd.DataFrame, number: int) -> list[dict[str, Any]]:
    """Joint tests of all leads of the event study of C1, by model."""
    log_mean = study.level + study.effect + study.shock[:, :, None]
    intensity = np.log(np.exp(log_mean).sum(axis=2)).ravel()
    panels = {PPML: panel, MEAN: panel.assign(patents_joint=intensity)}
    rows = []
    for model, data in panels.items():
        found = event_study(data, CR1, **MODELS.get(model, {}))
        periods = event_periods(found.frame.index)
        terms = [t for t, period in zip(found.frame.index, periods, strict=True) if period < -1]
        b, v = found.frame.loc[terms, "estimate"], found.vcov.loc[terms, terms]
        tests = {"f": wald(b.to_numpy(), v.to_numpy(), found.clusters - 1)}
        try:
            tests["htz"] = found.clustered.wald(terms)
        except TooFewClustersError:
            tests["htz"] = pd.Series({"p_value": np.nan, "df": np.nan})
        p = {name: float(test.p_value) for name, test in tests.items()}
        rows.append({"study": number, "model": model, **p, "df": float(tests["htz"].df)})
    return rows


def _end_with_parent() -> None:
    """Let a process of the pool end when the command that started it ends, and not before.

    Ctrl-C reaches every process of a terminal: the command alone decides what it means.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    Thread(target=watch, daemon=True).start()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let processes that are started meanwhile have one thread each.

    Their matrix products are small, and threads would only wait for each other.
    """
    before = {name: os.environ[name] for name in THREADS if name in os.environ}
    os.environ |= dict.fromkeys(THREADS, "1")
    try:
        yield
    finally:
        for name in THREADS:
            del os.environ[name]
        os.environ |= before


def many_studies(
    tasks: Sequence[tuple[str, int]], jobs: int = 1
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """`one_study` of each world and number, in their order, in `jobs` processes of one thread."""
    if jobs == 1 or not tasks:
        yield from (one_study(*task) for task in tasks)
        return
    context = get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_end_with_parent) as pool:
        with _one_thread():
            # All processes are started here, and read the environment then.
            studies = pool.map(one_study, *zip(*tasks, strict=True))
        yield from studies
