"""What a cell expects, or drew, where a patent is shared among all its classes (R14).

In the simulated records a second class, where there is one, is any class of the concordance.
"""

import numpy as np

from replication.records.classify import load_ipc
from replication.simulate.study import Study


def second_classes(study: Study) -> np.ndarray:
    """Probability that a second class is of each discipline of the study, and of none of them.

    Returns
    -------
    ndarray, shape (D + 1,)
    """
    counts = load_ipc()["discipline"].value_counts(normalize=True)
    known = counts.reindex(study.disciplines).fillna(0.0).to_numpy()
    return np.append(known, max(0.0, 1 - known.sum()))


def shared(study: Study, counts: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Applications of each cell and year after half of some went to other disciplines.

    Parameters
    ----------
    counts : ndarray, shape (C, T)
        By main class.
    second : ndarray, shape (C, T, D + 1)
        Of these, those with a second class of each discipline.

    Returns
    -------
    ndarray, shape (C, T)
        Where the university has no such discipline, the half is in no cell.
    """
    u, d = study.university, study.discipline
    leaving = second[..., :-1].astype(float)
    # A second class of the same discipline keeps the patent whole.
    leaving[np.arange(len(d)), :, d] = 0.0
    arriving = np.zeros((u.max() + 1, *leaving.shape[1:]))
    np.add.at(arriving, u, leaving)
    left = leaving.sum(axis=2) + second[..., -1]
    return counts + (arriving[u, :, d] - left) / 2
