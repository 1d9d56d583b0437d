"""Technology classes of the simulated applications."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from replication.records.classify import load_ipc

KEY_SHARE = 0.35
"""Expected share of key core technology where a discipline has both groups."""


@dataclass(frozen=True)
class Technology:
    """Which IPC subclasses the applications of a discipline fall in.

    Attributes
    ----------
    subclasses : ndarray of str, shape (S,)
    controlled, ai : ndarray of bool, shape (S,)
        Whether a subclass is under export control, and whether it is related to AI.
    weights : ndarray, shape (D, 2, S)
        Probability of a subclass in the key core and the other group; zero rows where a
        discipline has none.
    """

    subclasses: np.ndarray
    controlled: np.ndarray
    ai: np.ndarray
    weights: np.ndarray

    @property
    def ai_share(self) -> np.ndarray:
        """Probability that an application is in an AI-related subclass, shape (D, 2)."""
        return self.weights @ self.ai

    def pooled(self) -> "Technology":
        """One group instead of two, both groups' subclasses in it alike."""
        both = self.weights.sum(axis=1, keepdims=True)
        return replace(self, weights=both / both.sum(axis=2, keepdims=True))


def draw_technology(disciplines: np.ndarray, rng: np.random.Generator) -> Technology:
    """Draw the weights of the subclasses of each discipline and group."""
    ipc = load_ipc().sort_values("ipc_subclass", ignore_index=True)
    weights = np.zeros((len(disciplines), 2, len(ipc)))
    row = np.searchsorted(disciplines, ipc["discipline"])
    group = np.where(ipc["key_core"], 0, 1)
    weights[row, group, np.arange(len(ipc))] = rng.gamma(1.5, size=len(ipc))
    total = weights.sum(axis=2, keepdims=True)
    weights = np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)
    return Technology(
        ipc["ipc_subclass"].to_numpy(str),
        ipc["controlled"].to_numpy(bool),
        ipc["ai"].to_numpy(bool),
        weights,
    )


def measure_control(patents: pd.DataFrame, d: np.ndarray, technology: Technology) -> np.ndarray:
    """Share of each discipline's pre-period applications in controlled subclasses (R10)."""
    at = d[patents["cell"].to_numpy()]
    controlled = technology.controlled[patents["subclass"].to_numpy()]
    n = len(technology.weights)
    filed = np.bincount(at, minlength=n)
    # A discipline that filed nothing before treatment filed nothing under control.
    return np.bincount(at, controlled, minlength=n) / np.maximum(filed, 1)
