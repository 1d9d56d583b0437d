"""How exposure to international exchange is measured (R7), in the simulation and in any panel.

The window (R8) is the caller's: what is handed in are the years before treatment.
"""

from typing import TypeVar

import numpy as np
import pandas as pd

from replication.records.variables import COOPERATION

DECIMALS = 10
"""Floating-point noise differs between machines in the last bits; ten decimals do not."""

Values = TypeVar("Values", np.ndarray, pd.Series)


def standardise(x: Values) -> Values:
    """Mean zero and standard deviation one over the universities (divisor U − 1).

    All alike give no number: the deviation of equal logarithms is rounding error, and not zero.
    """
    return (x - x.mean()) / (x.std(ddof=1) if np.ptp(x) > 0 else np.nan)


def exchange_exposures(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Exposures from the exchange counts of the pre-period.

    Parameters
    ----------
    counts : ndarray of int, shape (U, T, 6)
        In the order of `variables.EXCHANGE`: cooperative research first, then conferences.

    Returns
    -------
    exposure, cooperation, conferences : ndarray, shape (U,)
        Means of log(1 + count), standardised by count over universities and years, then over
        universities.
    """
    z = _by_count(np.log1p(counts), counts).mean(axis=1)
    first = len(COOPERATION)
    return (
        standardise(z.mean(axis=1)),
        standardise(z[:, :first].mean(axis=1)),
        standardise(z[:, first:].mean(axis=1)),
    )


def other_exposures(counts: np.ndarray, staff: np.ndarray) -> pd.DataFrame:
    """Exposures by the alternatives that the register names (R7).

    Parameters
    ----------
    counts : ndarray of int, shape (U, T, 6)
        As of `exchange_exposures`.
    staff : ndarray, shape (U, T)
        R&D staff, positive.

    Returns
    -------
    DataFrame, shape (U, 3)
        ``exposure_per_staff``: as the exposure, of log((1 + count) / staff).
        ``exposure_component``: first principal component of the six standardised logs, means of the
        years, its sign that of their sum; standardised. ``exposure_high``: 1 above the median
        exposure, else 0. A count that is all alike leaves no number, as it leaves none for the
        exposure.
    """
    logs = np.log1p(counts)
    shares = _by_count(logs - np.log(staff)[..., np.newaxis], counts).mean(axis=1)
    z = _by_count(logs, counts).mean(axis=1)
    component = np.full(len(z), np.nan)
    if np.isfinite(z).all():
        _, _, loadings = np.linalg.svd(z, full_matrices=False)
        component = z @ loadings[0] * np.sign(loadings[0].sum())
    exposure = standardise(z.mean(axis=1))
    return pd.DataFrame(
        {
            "exposure_per_staff": standardise(shares.mean(axis=1)),
            "exposure_component": standardise(component),
            "exposure_high": (exposure > np.median(exposure)).astype("int64"),
        }
    )


def _by_count(z: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Standardise by count over universities and years; no number for a count that is all alike."""
    spread = np.where(np.ptp(counts, axis=(0, 1)) > 0, z.std(axis=(0, 1), ddof=1), np.nan)
    return (z - z.mean(axis=(0, 1))) / spread


def hires_exposure(hires: np.ndarray) -> np.ndarray:
    """Log(1 + hires) of the pre-period, standardised over the universities."""
    return standardise(np.log1p(hires))
