"""Where the contrast of AI-related classes comes from in a study that plants nothing about AI."""

from dataclasses import replace

import numpy as np
import pandas as pd

from replication.estimate.contrasts import AI
from replication.estimate.verbs import event_frame, event_study
from replication.montecarlo.truth import EXPECTED, ai_targets, expected_panel
from replication.simulate.process import Process
from replication.simulate.study import Study, simulate


def ai_decomposition(seed: int = 2026) -> pd.DataFrame:
    """Targets of the contrast of AI-related classes with some of the planted differences left out.

    Parameters
    ----------
    seed : int
        Of the study, whose universities, cells and classes are the same in every row.

    Returns
    -------
    DataFrame
        Indexed by what is ``planted``: ``all disciplines`` and ``same disciplines``, on the log of
        the mean.
    """
    default = Process()
    none = replace(default, control=0.0, advantaged=0.0, key=0.0)
    planted = {
        "all differences": default,
        "key core only": replace(none, key=default.key),
        "technology control only": replace(none, control=default.control),
        "advantaged only": replace(none, advantaged=default.advantaged),
        "none of the three": none,
    }
    rows = {}
    for name, process in planted.items():
        rows[name] = ai_targets(expected_panel(simulate(process, seed)))
    frame = pd.DataFrame(rows).T.rename_axis("planted")
    return frame.set_axis(["all disciplines", "same disciplines"], axis=1)


def ai_event_truth(study: Study) -> pd.Series:
    """Event study of applications in AI-related classes in expected outcomes, by event time."""
    found = event_study(expected_panel(study), EXPECTED, outcome=AI[0], model="ppml")
    return event_frame(found)["estimate"]


def key_core_shares(study: Study) -> pd.Series:
    """Share of key core technology in expected applications before treatment, with AI and without.

    Returns
    -------
    Series
        ``ai`` and ``other``, over the disciplines that have AI-related classes.
    """
    before = study.process.years < study.process.first_treated
    volume = np.exp(study.level[:, before]).sum(axis=1)
    related = study.technology.ai_share[study.discipline]
    has_ai = related.sum(axis=1) > 0
    ai = (volume * related)[has_ai].sum(axis=0)
    other = (volume * (1 - related))[has_ai].sum(axis=0)
    return pd.Series({"ai": ai[0] / ai.sum(), "other": other[0] / other.sum()})
