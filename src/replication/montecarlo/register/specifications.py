"""Which choices of the register are crossed, for the difference-in-differences and the triple.

What is decided when records become a panel (`alternatives.BY_PANEL`) differs from the default in
one row at a time, for each crossing of these would be a panel of its own. What is decided at the
estimation is crossed with it and with itself; R5 and R8 are at their defaults in the panels that
are not the shipped one.
"""

from collections.abc import Mapping
from itertools import product

from replication.estimate.design import DDD_EFFECTS, STUDY, Design
from replication.estimate.specification import Specification
from replication.estimate.specification.chosen import design_changes
from replication.montecarlo.register.alternatives import DEFAULTS, VALUES, taken
from replication.montecarlo.register.panels import EARLY, EXPOSURES, OUTCOMES, THIRDS, VARIANTS
from replication.records.study.choices import panel_choices

CHOICES = {
    "C1": ("R1", "R2", "R3", "R5", "R6", "R7", "R8", "R9", "R12", "R14", "R15"),
    "C2": ("R1", "R2", "R5", "R6", "R7", "R8", "R10", "R14", "R15"),
}
"""Rows that are varied for a claim."""

CROSSED = {"C1": ("R6", "R7", "R9", "R12"), "C2": ("R6", "R7", "R10")}
"""Rows that are crossed in every panel."""


def specifications(claim: str) -> list[Specification]:
    """All combinations for C1 or C2, panel by panel."""
    found = []
    for panel, variant in VARIANTS.items():
        if claim == "C2" and variant.summed:
            continue  # Without disciplines there is no third difference.
        levels = {row: VALUES[row] for row in CROSSED[claim]}
        if not variant.place:
            levels |= {row: VALUES[row] for row in ("R5", "R8")}
        if variant.summed:
            levels["R9"] = ("university, year",)
        for chosen in product(*levels.values()):
            choices = DEFAULTS | variant.place | dict(zip(levels, chosen, strict=True))
            kept = {row: choices[row] for row in CHOICES[claim]}
            found.append(Specification(kept, panel, design(claim, kept)))
    return found


def design(claim: str, choices: Mapping[str, str]) -> Design:
    """The design of a combination; what is decided with the panel is in the panel's columns."""
    chosen = taken(choices.items())
    built = panel_choices(chosen)
    changes = {"model": "ols", "scale": "log1p", **design_changes(chosen)}
    early = EARLY if built.window else ""
    changes |= {"outcome": OUTCOMES[built.outcome], "exposure": EXPOSURES[built.exposure] + early}
    if claim == "C2":
        changes |= {"third": THIRDS[built.third], "effects": DDD_EFFECTS}
    return STUDY.but(**changes)
