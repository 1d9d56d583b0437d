"""The planned test of C1 on the score under every combination of other admissible choices."""

from itertools import product

import pandas as pd

from replication.estimate.planned.plan import EDITIONS, Panels, panels
from replication.estimate.specification import Curve, Specification, specification_curve
from replication.panel.ministry.panels import kept
from replication.records.plan import load_plan
from replication.records.variables import CONTROLS

SINCE = {"from 2016": 2016, "from 2017": 2017}
OUTCOMES = {"points": "industry", "log": "log_industry", "rank": "industry_standing"}
EXPOSURES = {
    "mean of logs": "exposure",
    "component": "exposure_component",
    "per staff": "exposure_per_staff",
    "above median": "exposure_high",
}
CONTROL_SETS = {
    "none": (),
    "resources × edition": tuple((control, "edition") for control in CONTROLS),
}
UNIVERSITIES = {
    "all ranked": None,
    "in every edition": "balanced",
    "below the ceiling": "below ceiling",
    "not on the Entity List": "unlisted",
}
PLANNED = {
    "first treated (R2)": "2021",
    "editions (R1)": "from 2016",
    "universities": "all ranked",
    "outcome (R6)": "points",
    "exposure (R7)": "mean of logs",
    "controls (R12)": "none",
}
"""Choices of the plan."""

CHOICES = tuple(PLANNED)


def curve(main: Panels, *, draws: int = 999, seed: int = 2026) -> Curve:
    """Specification curve of the industry score.

    Parameters
    ----------
    main : mapping of str to DataFrame
        As of `panels`.
    draws, seed : int
        Permutations of the exposure between universities.

    Returns
    -------
    Curve
        Outcomes and exposures are in standard deviations, each of its own panel before treatment,
        so that estimates on different scales can stand on one axis.
    """
    tables, specifications, plan = {}, [], load_plan()
    dated = {plan.first_edition: main["editions"]}
    for first in plan.other_editions:
        dated[first] = panels(first)["editions"]
    for (first, table), since, who in product(sorted(dated.items()), SINCE, UNIVERSITIES):
        rows = kept(table[table["edition"] >= SINCE[since]], UNIVERSITIES[who])
        name = f"{first}, {since}, {who}"
        tables[name] = _in_deviations(rows)
        for outcome, exposure, controls in product(OUTCOMES, EXPOSURES, CONTROL_SETS):
            design = EDITIONS.but(
                outcome=OUTCOMES[outcome],
                exposure=EXPOSURES[exposure],
                controls=CONTROL_SETS[controls],
                variance=plan.variance,
            )
            chosen = (str(first), since, who, outcome, exposure, controls)
            specifications.append(
                Specification(dict(zip(CHOICES, chosen, strict=True)), name, design)
            )
    return specification_curve(tables, specifications, draws=draws, seed=seed)


def _in_deviations(rows: pd.DataFrame) -> pd.DataFrame:
    """Outcomes over their standard deviation before treatment, exposures over universities'."""
    before = rows[rows["post"] == 0]
    one = rows.drop_duplicates("university")
    outcomes = {c: rows[c] / before[c].std() for c in OUTCOMES.values()}
    exposures = {c: rows[c] / one[c].std() for c in EXPOSURES.values()}
    return rows.assign(**outcomes, **exposures)
