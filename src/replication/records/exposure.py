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
    z = np.log1p(counts)
    spread = np.where(np.ptp(counts, axis=(0, 1)) > 0, z.std(axis=(0, 1), ddof=1), np.nan)
    z = (z - z.mean(axis=(0, 1))) / spread
    z = z.mean(axis=1)
    first = len(COOPERATION)
    return (
        standardise(z.mean(axis=1)),
        standardise(z[:, :first].mean(axis=1)),
        standardise(z[:, first:].mean(axis=1)),
    )


def hires_exposure(hires: np.ndarray) -> np.ndarray:
    """Log(1 + hires) of the pre-period, standardised over the universities."""
    return standardise(np.log1p(hires))
