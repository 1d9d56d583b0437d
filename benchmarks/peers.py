"""What is timed: whole calls, from a data frame to a p-value, ours and the peers'.

Each function takes the panel and a number of draws and does all that its answer needs, reading
formulas, absorbing effects and laying out included. A package that cannot absorb three effects is
given columns that pyfixest demeaned within the timed call, which is the fastest way that it has.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import diff_diff
import numpy as np
import pandas as pd
import pyfixest as pf
import statspai
from pyfixest.estimation import demean

import replication as rp
from replication.estimate.few_clusters import (
    compare,
    randomisation_test,
    wild_cluster_bootstrap,
)

DESIGN = rp.TRIPLE.but(outcome="y", unit=None)
EFFECTS = {"ud": ["university", "discipline"], "uy": ["university", "year"]}
EFFECTS |= {"dy": ["discipline", "year"]}
FORMULA = "y ~ x | ud + uy + dy"
SEED = 2026


@dataclass(frozen=True)
class Answer:
    """What a call answers; None where it has no such answer."""

    p_value: float | None
    lower: float | None = None
    upper: float | None = None


Call = Callable[[pd.DataFrame, int], Answer]


def regressor(panel: pd.DataFrame) -> pd.Series:
    """Exposure × post × control exposure."""
    return panel["exposure"] * panel["post"] * panel["control_exposure"]


def study(removed: float = 0.0) -> pd.DataFrame:
    """Return the simulated panel, y = log(1 + patents) less `removed` times the regressor.

    With most of the effect removed the p-value is not the least there is, so that it tells a right
    test from a wrong one.
    """
    panel = rp.load_panel("simulated")
    return panel.assign(y=np.log1p(panel["patents_joint"]) - removed * regressor(panel))


def columns(panel: pd.DataFrame) -> pd.DataFrame:
    """Columns as the peers want them: outcome, regressor, a number a level, cluster."""
    codes = {name: panel.groupby(by).ngroup() for name, by in EFFECTS.items()}
    return pd.DataFrame(
        {
            "y": panel["y"],
            "x": regressor(panel),
            **codes,
            "university": pd.factorize(panel["university"], sort=True)[0],
        }
    )


def demeaned(panel: pd.DataFrame) -> pd.DataFrame:
    """`columns` with the effects out of y and x."""
    frame = columns(panel)
    levels = frame[list(EFFECTS)].to_numpy(np.uintp)
    left, converged = demean(frame[["y", "x"]].to_numpy(), levels, np.ones(len(frame)), tol=1e-10)
    assert converged
    return frame.assign(y=left[:, 0], x=left[:, 1])


# Wild cluster bootstrap ---------------------------------------------------------------------------


def ours_wild(panel: pd.DataFrame, draws: int) -> Answer:
    """Restricted wild cluster bootstrap and the interval that inverts it."""
    found = wild_cluster_bootstrap(panel, DESIGN, draws=draws)
    return Answer(found.p_value, found.lower, found.upper)


def ours_wild_p(panel: pd.DataFrame, draws: int) -> Answer:
    """The p-value alone."""
    return Answer(wild_cluster_bootstrap(panel, DESIGN, draws=draws, interval=False).p_value)


def statspai_wild(panel: pd.DataFrame, draws: int) -> Answer:
    """Restricted bootstrap of demeaned columns; its interval is a percentile-t one."""
    found = statspai.wild_cluster_bootstrap(
        demeaned(panel), "y", ["x"], "university", "x", n_boot=draws, seed=SEED
    )
    return Answer(found["p_boot"], *found["ci_boot"])


def statspai_whole(panel: pd.DataFrame, draws: int) -> Answer:
    """Restricted bootstrap of StatsPAI's own fit with absorbed effects."""
    frame = columns(panel)
    fit = statspai.feols(FORMULA, frame, vcov={"CRV1": "university"})
    found = statspai.wild_cluster_boot(fit, frame, "university", "x", n_boot=draws, seed=SEED)
    return Answer(found["p_boot"], *found["ci_boot"])


def diff_diff_wild(panel: pd.DataFrame, draws: int) -> Answer:
    """Restricted bootstrap of demeaned columns, and the interval that inverts it."""
    frame = demeaned(panel)
    x, y = frame[["x"]].to_numpy(), frame["y"].to_numpy()
    found = diff_diff.wild_bootstrap_se(
        x, y, y, frame["university"].to_numpy(), 0, n_bootstrap=draws, seed=SEED
    )
    return Answer(found.p_value, found.ci_lower, found.ci_upper)


def pyfixest_wild(panel: pd.DataFrame, draws: int) -> Answer:
    """`Feols.wildboottest`, by the package wildboottest; no interval."""
    fit = pf.feols(FORMULA, columns(panel), vcov={"CRV1": "university"})
    found = fit.wildboottest(reps=draws, cluster="university", param="x", seed=SEED)
    return Answer(float(found["Pr(>|t|)"]))


# Permutation of the exposure ----------------------------------------------------------------------


def ours_permuted(panel: pd.DataFrame, draws: int) -> Answer:
    """Studentised randomisation test."""
    return Answer(randomisation_test(panel, DESIGN, draws=draws).p_value)


def pyfixest_ritest(panel: pd.DataFrame, draws: int) -> Answer:
    """`Feols.ritest` of the regressor, assigned by cluster."""
    fit = pf.feols(FORMULA, columns(panel), vcov={"CRV1": "university"})
    rng = np.random.default_rng(SEED)
    found = fit.ritest("x", cluster="university", reps=draws, rng=rng, type="randomization-t")
    return Answer(float(found["Pr(>|t|)"]))


def refitted(panel: pd.DataFrame, draws: int) -> Answer:
    """One `pyfixest.feols` a permutation."""
    frame = columns(panel)
    schedule = panel["post"].to_numpy() * panel["control_exposure"].to_numpy()
    actual = panel.groupby("university")["exposure"].first().to_numpy()
    rng = np.random.default_rng(SEED)
    t = []
    for draw in range(draws + 1):
        exposure = actual if draw == 0 else rng.permutation(actual)
        frame["x"] = exposure[frame["university"]] * schedule
        t.append(pf.feols(FORMULA, frame, vcov={"CRV1": "university"}).tstat().iloc[0])
    return Answer(float((np.abs(t) >= abs(t[0])).mean()))


def ours_compare(panel: pd.DataFrame, draws: int) -> Answer:
    """All five methods of `few_clusters.compare`."""
    del draws  # its own, 9,999
    return Answer(float(compare(panel, DESIGN)["p_value"].iloc[-1]))


# What is right ----------------------------------------------------------------------------------


def reference_wild(panel: pd.DataFrame, draws: int) -> float:
    """p-value of WCR by its definition: every sample made, its effects absorbed anew by pyfixest.

    Shares no code with the package, and takes other draws.
    """
    frame, inside = columns(panel), demeaned(panel)
    levels, ones = frame[list(EFFECTS)].to_numpy(np.uintp), np.ones(len(frame))
    y, x, cluster = (inside[c].to_numpy() for c in ("y", "x", "university"))
    signs = np.random.default_rng(7).choice([-1.0, 1.0], (draws, cluster.max() + 1))
    signs[0] = 1.0
    t = []
    for some in np.array_split(signs, max(1, draws // 100)):
        # Under the null the residuals are y less effects; fitted effects drop out with the effects.
        samples, _ = demean(y[:, None] * some.T[cluster], levels, ones, tol=1e-8)
        t.append(_t(samples, x, cluster))
    sizes = np.abs(np.concatenate(t))
    return float((sizes >= sizes[0] * (1 - 1e-9)).mean())


def reference_permuted(panel: pd.DataFrame, draws: int) -> float:
    """p-value of the permutation test by its definition, effects absorbed by pyfixest."""
    frame, inside = columns(panel), demeaned(panel)
    levels, ones = frame[list(EFFECTS)].to_numpy(np.uintp), np.ones(len(frame))
    y, cluster = inside["y"].to_numpy(), inside["university"].to_numpy()
    schedule = (panel["post"] * panel["control_exposure"]).to_numpy(dtype=float)
    actual = panel.groupby("university")["exposure"].first().to_numpy()
    moved = np.random.default_rng(8).permuted(np.tile(actual, (draws, 1)), axis=1)
    moved[0] = actual
    t = []
    for some in np.array_split(moved, max(1, draws // 100)):
        x, _ = demean(some.T[cluster] * schedule[:, None], levels, ones, tol=1e-8)
        t.append(_t(y[:, None], x, cluster))
    sizes = np.abs(np.concatenate(t))
    return float((sizes >= sizes[0] * (1 - 1e-9)).mean())


def _t(y: np.ndarray, x: np.ndarray, cluster: np.ndarray) -> Any:
    """Statistics t (CR0) of columns of y on x, or of y on columns of x."""
    x = x.reshape(len(y), -1)
    square = (x**2).sum(axis=0)
    b = (x * y).sum(axis=0) / square
    scores = pd.DataFrame(x * (y - b * x)).groupby(cluster).sum().to_numpy()
    return b * square / np.sqrt((scores**2).sum(axis=0))
