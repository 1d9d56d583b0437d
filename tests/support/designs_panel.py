"""A small panel in closed form: no random number, so R can be given the same table.

14 universities × 6 disciplines × 8 years, with holes: a university lacks some disciplines, and a
unit lacks some years. Sines of integers stand in for noise. Some counts are zero throughout a
fixed effect, so that Poisson models have rows to set aside. `tests/oracles/export.py` writes it.
"""

import numpy as np
import pandas as pd

UNIVERSITIES, DISCIPLINES, YEARS = 14, 6, 8
FIRST_YEAR, FIRST_TREATED = 2011, 2015

# What the holes below leave, counted apart from the code under test and used as facts.
ROWS = 577
UNITS = 76
UNIVERSITY_YEARS = 112
DISCIPLINE_YEARS = 48
SILENT_UNIT = ("U03", "D2")
"""All counts of this unit are zero: 7 rows that unit effects separate."""
SILENT_YEAR = ("U07", 2012)
"""All counts of this university in this year are zero: university × year effects separate them."""
SILENT_UNIT_ROWS, SILENT_YEAR_ROWS = 7, 5


def panel() -> pd.DataFrame:
    """Rows ordered by university, discipline and year; ``university`` is the cluster."""
    grid = np.indices((UNIVERSITIES, DISCIPLINES, YEARS)).reshape(3, -1)
    absent = ((7 * grid[0] + 5 * grid[1]) % 9 == 4) | (
        (grid[0] + 2 * grid[1] + 3 * grid[2]) % 17 == 8
    )
    u, d, t = grid[:, ~absent]
    exposure = np.sin(2.3 * u) + 0.05 * u
    third = (1 + np.cos(1.7 * d)) / 2
    post = (t >= FIRST_TREATED - FIRST_YEAR).astype(int)
    wave = np.sin(1.1 * u * u + 2.9 * d + 0.37 * t * t) + 0.6 * np.cos(3.1 * u * t + d)
    x1 = np.cos(0.9 * u * t + 0.4 * d * d)
    x2 = np.sin(1.3 * d * t + 0.2 * u) + 0.1 * t
    trend = 0.2 * exposure * post + 0.5 * exposure * post * third
    y = 1 + 0.3 * np.sin(u) + 0.2 * d + 0.05 * t + trend + 0.4 * x1 - 0.3 * x2 + wave
    mean = np.exp(0.2 + 0.4 * np.sin(1.9 * u + d) + 0.04 * t + trend + 0.5 * wave)
    names = np.array([f"U{i + 1:02d}" for i in range(UNIVERSITIES)])[u]
    fields = np.array([f"D{i + 1}" for i in range(DISCIPLINES)])[d]
    silent = (names == SILENT_UNIT[0]) & (fields == SILENT_UNIT[1])
    silent |= (names == SILENT_YEAR[0]) & (t == SILENT_YEAR[1] - FIRST_YEAR)
    return pd.DataFrame(
        {
            "university": names,
            "discipline": fields,
            "year": FIRST_YEAR + t,
            "event_time": FIRST_YEAR + t - FIRST_TREATED,
            "post": post,
            "exposure": exposure,
            "control_exposure": third,
            "y": y,
            "patents_joint": np.where(silent, 0, np.floor(mean)).astype(int),
            "x1": x1,
            "x2": x2,
            "weight": 1 + ((3 * u + 5 * d + t) % 7) / 4,
        }
    )
