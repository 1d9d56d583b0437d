"""What the design aims at in worlds that break one of its assumptions, and what was there.

All of it is read off expected outcomes: no count is drawn, so that what differs from the effect is
the fault and no noise.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from replication.estimate.robustness.placebo import instrumented
from replication.estimate.verbs import did, poisson
from replication.montecarlo.truth import EXPECTED, expected_panel
from replication.records.exposure import exchange_exposures
from replication.simulate.process import Process
from replication.simulate.study import Study, recorded, simulate

SPILLOVER, DISPLACEMENT, NOISE = 0.5, -0.5, 0.8

WORLDS = {
    "as planted": Process(),
    "spillover to the discipline": Process(spillover=SPILLOVER),
    "displacement in the discipline": Process(spillover=DISPLACEMENT),
    "noise in the exposure": Process(exposure_noise=NOISE),
}


def aims(worlds: Mapping[str, Process] = WORLDS, seed: int = 2026) -> pd.DataFrame:
    """What the baseline by PPML aims at in each world, beside what there was to be found.

    Parameters
    ----------
    worlds : mapping of str to Process
        The first is the one without a fault.
    seed : int

    Returns
    -------
    DataFrame
        A row a ``world``: ``found``, the coefficient; ``own``, that of the first world: the effect
        of a university's own exchange; ``aggregate``, log change of the expected number of joint
        applications of all universities after treatment that all exchange brings about, over that
        in the first world.
    """
    rows: list[tuple[str, float, float, float]] = []
    own = gained = np.nan
    for world, process in worlds.items():
        study = simulate(process, seed)
        found = float(poisson(expected_panel(study), EXPECTED).frame["estimate"].iloc[0])
        if not rows:
            own, gained = found, _aggregate(study)
        rows.append((world, found, own, _aggregate(study) / gained))
    return pd.DataFrame(rows, columns=["world", "found", "own", "aggregate"]).set_index("world")


def _aggregate(study: Study) -> float:
    """Log change of all expected joint applications after treatment due to exchange."""
    post = study.process.years >= study.process.first_treated
    with_it = np.exp(study.level + study.effect)[:, post].sum()
    return float(np.log(with_it / np.exp(study.level)[:, post].sum()))


def measured_twice(study: Study, exchange: np.ndarray) -> pd.DataFrame:
    """Exposures from the odd and from the even years before treatment.

    Parameters
    ----------
    study : Study
    exchange : ndarray of int, shape (U, T, 6)
        Counts as they are recorded.

    Returns
    -------
    DataFrame, shape (U, 2)
        ``exposure_odd`` and ``exposure_even``, in the order of the universities.
    """
    years = study.process.years
    before = years < study.process.first_treated
    halves = {"odd": before & (years % 2 == 1), "even": before & (years % 2 == 0)}
    return pd.DataFrame(
        {
            f"exposure_{name}": exchange_exposures(exchange[:, chosen])[0]
            for name, chosen in halves.items()
        }
    )


def attenuation(
    noises: tuple[float, ...] = (0.4, 0.8, 1.2), draws: int = 10, seed: int = 2026
) -> pd.DataFrame:
    """Slope of the effect in an exposure that is recorded with noise, and the same by two halves.

    Parameters
    ----------
    noises : tuple of float
        As of `Process.exposure_noise`.
    draws, seed : int
        Of the noise.

    Returns
    -------
    DataFrame
        A row a ``noise``, zero first; means over draws, with their Monte-Carlo errors
        ``slope_error`` and ``instrumented_error``. ``reliability``: squared correlation of recorded
        and true exposure. ``slope``: least squares of the effect on the log mean. ``instrumented``:
        mean of the two of `placebo.instrumented`. A recorded exposure is in standard deviations of
        the records, noise included; either slope is put in those of the exposure without noise, by
        the root of the reliability, which the halves' correlation stands for in the second.
    """
    study = simulate(Process(), seed)
    panel = expected_panel(study)
    shared = {"outcome": "log_effect", "model": "ols", "scale": "level"}
    before = study.process.years < study.process.first_treated
    plain = float(did(panel, EXPECTED, **shared).frame["estimate"].iloc[0])
    rows = [{"noise": 0.0, "reliability": 1.0, "slope": plain, "instrumented": plain}]
    for noise in noises:
        found = []
        for draw in range(draws):
            rng = np.random.default_rng([seed, round(1000 * noise), draw])
            counts = recorded(study.exchange, noise, rng)
            exposure = exchange_exposures(counts[:, before])[0]
            halves = measured_twice(study, counts)
            at = panel["university"].to_numpy()
            data = panel.assign(exposure=exposure[at])
            data[["exposure_odd", "exposure_even"]] = halves.to_numpy()[at]
            alike = float(halves.corr().to_numpy()[0, 1])
            both = instrumented(data, "exposure_odd", "exposure_even", EXPECTED, **shared)
            true = float(np.corrcoef(exposure, study.exposure)[0, 1])
            slope = float(did(data, EXPECTED, **shared).frame["estimate"].iloc[0])
            found.append((true**2, slope * true, float(both["estimate"].mean()) * np.sqrt(alike)))
        means, errors = np.mean(found, axis=0), np.std(found, axis=0, ddof=1) / np.sqrt(draws)
        names = ("reliability", "slope", "instrumented")
        rows.append(
            {"noise": noise}
            | dict(zip(names, means, strict=True))
            | {"slope_error": errors[1], "instrumented_error": errors[2]}
        )
    return pd.DataFrame(rows).set_index("noise").fillna(0.0)
