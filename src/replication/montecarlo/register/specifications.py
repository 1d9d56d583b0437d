"""Which choices of the register are crossed, for the difference-in-differences and the triple.

What is decided when records become a panel (R1, R2, R3, R15) differs from the default in one
row at a time, for each crossing of these would be a panel of its own. What is decided at the
estimation is crossed with it and with itself; R5 and R8 are at their defaults in the panels that
are not the shipped one.
"""

from collections.abc import Mapping
from itertools import product

from replication.estimate.design import CONTROLS, DDD_EFFECTS, DID_EFFECTS, STUDY, Design
from replication.estimate.specification import Specification
from replication.montecarlo.register.panels import NOW, OUTCOMES, VARIANTS

DEFAULTS: dict[str, str] = {
    "R1": "2011–2022",
    "R2": "2018",
    "R3": "cell × year",
    "R5": "applications",
    "R6": "Poisson",
    "R7": "six counts",
    "R8": "all years before",
    "R9": "discipline × year",
    "R10": "share under control",
    "R12": "none",
    "R15": "owned firms left out",
}
"""What is chosen where nothing else is said, by row of the register."""

PLACES = {
    "2013–2022": "R1",
    "2009–2020": "R1",
    "2017": "R2",
    "2019": "R2",
    "university × year": "R3",
    "owned firms included": "R15",
}
"""Row of the register that a panel departs from."""

SCALES: dict[str, dict[str, str]] = {
    "Poisson": {"model": "ppml", "scale": "level"},
    "log(1 + y)": {"model": "ols", "scale": "log1p"},
    "asinh(y)": {"model": "ols", "scale": "asinh"},
}
MEASURES = {
    "six counts": "",
    "first component": "_component",
    "per member of staff": "_per_staff",
    "above the median": "_high",
}
WINDOWS = {"all years before": "", "first three years": "_early"}
EFFECTS = {"discipline × year": DID_EFFECTS, "university and year": ("university", "year")}
CONTROLLED = {
    "none": (),
    "size × year": CONTROLS,
    "size in the year": NOW,
}
THIRDS = {
    "share under control": "control_exposure",
    "above the median share": "control_high",
    "share of key core technology": "key_share",
}

CHOICES = {
    "C1": ("R1", "R2", "R3", "R5", "R6", "R7", "R8", "R9", "R12", "R15"),
    "C2": ("R1", "R2", "R5", "R6", "R7", "R8", "R10", "R15"),
}
"""Rows that are varied for a claim."""


def specifications(claim: str) -> list[Specification]:
    """All combinations for C1 or C2, panel by panel."""
    own = {"C1": {"R9": list(EFFECTS), "R12": list(CONTROLLED)}, "C2": {"R10": list(THIRDS)}}[claim]
    found = []
    for panel in VARIANTS:
        if claim == "C2" and panel == "university × year":
            continue  # Without disciplines there is no third difference.
        levels: dict[str, list[str]] = {"R6": list(SCALES), "R7": list(MEASURES)}
        if panel == "as chosen":
            levels |= {"R5": list(OUTCOMES), "R8": list(WINDOWS)}
        levels |= own
        if panel == "university × year":
            levels["R9"] = ["university and year"]
        place = {PLACES[panel]: panel} if panel in PLACES else {}
        for chosen in product(*levels.values()):
            choices = DEFAULTS | place | dict(zip(levels, chosen, strict=True))
            kept = {row: choices[row] for row in CHOICES[claim]}
            found.append(Specification(kept, panel, design(claim, choices)))
    return found


def design(claim: str, choices: Mapping[str, str]) -> Design:
    """The design of a combination; what is decided with the panel is not in it."""
    exposure = f"exposure{MEASURES[choices['R7']]}{WINDOWS[choices['R8']]}"
    asked = STUDY.but(outcome=OUTCOMES[choices["R5"]], exposure=exposure, **SCALES[choices["R6"]])
    if claim == "C2":
        return asked.but(third=THIRDS[choices["R10"]], effects=DDD_EFFECTS)
    asked = asked.but(effects=EFFECTS[choices["R9"]], controls=CONTROLLED[choices["R12"]])
    if choices["R3"] == "university × year":
        return asked.but(unit="university", effects=("university", "year"))
    return asked
