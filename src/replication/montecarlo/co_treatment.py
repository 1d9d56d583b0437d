"""What another policy at the time of treatment does to what a design aims at."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from replication.estimate.design import Design
from replication.estimate.verbs import did
from replication.montecarlo.truth import expected_panel
from replication.simulate.process import Process
from replication.simulate.study import simulate

LISTED = "listed"
"""Column of the universities that the second policy lists."""


def co_treatment(
    designs: Mapping[str, Design], effect: float = 0.15, process: Process | None = None
) -> pd.DataFrame:
    """Change of what designs aim at, by a policy that has nothing to do with exchange.

    Parameters
    ----------
    designs : mapping of str to Design
        A control ``("listed", "year")`` is one for the second policy.
    effect : float
        Of the policy on the log of the mean, in all disciplines alike, from the first treated year.
    process : Process, optional
        The shipped study's.

    Returns
    -------
    DataFrame
        A row a design: ``aim`` without a policy; its change if the policy is in proportion to
        exposure (``follows``), and if it is for those above the mean of exposure (``list``). From
        expected outcomes, which have no noise.
    """
    panel = expected_panel(simulate(process or Process()))
    mean = panel.drop_duplicates("university")["exposure"].mean()
    panel[LISTED] = (panel["exposure"] > mean).astype(float)
    shocks = {"aim": 0 * panel["exposure"], "follows": panel["exposure"], "list": panel[LISTED]}
    found = pd.DataFrame(index=pd.Index(list(designs), name="design"))
    for policy, treated in shocks.items():
        means = panel["patents_joint"] * np.exp(effect * treated * panel["post"])
        lifted = panel.assign(patents_joint=means)
        fits = [did(lifted, design, variance="none") for design in designs.values()]
        found[policy] = [float(fit.frame["estimate"].iloc[0]) for fit in fits]
    return found.assign(follows=found["follows"] - found["aim"], list=found["list"] - found["aim"])
