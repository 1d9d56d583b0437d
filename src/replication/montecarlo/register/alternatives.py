"""What the curve chooses from, by row of the register.

What an alternative changes is said once, in ``data/choices.toml``, for the curve and for a file of
choices; only what no file of choices can ask for is added here.
"""

from collections.abc import Iterable
from typing import Any

from replication.records.registry import Choices
from replication.records.study.choices import panel_choices
from replication.records.study.options import Chosen, choose
from replication.records.variables import RESOURCES
from replication.simulate.process import Process

VALUES: dict[str, tuple[str, ...]] = {
    "R1": ("2011–2022", "2013–2022", "2009–2020"),
    "R2": ("2018", "2017", "2019"),
    "R3": ("university × discipline × year", "university × year"),
    "R5": ("applications", "granted", "fractional"),
    "R6": ("Poisson", "log(1 + y)", "asinh"),
    "R7": ("mean", "component", "per staff", "median"),
    "R8": ("all years", "three years"),
    "R9": ("university × discipline, discipline × year", "university, year"),
    "R10": ("share", "median", "key core"),
    "R12": ("none", "pre-period × year", "time-varying"),
    "R14": ("main class", "all classes"),
    "R15": ("holdings excluded", "holdings included"),
}
"""Alternatives by row, the default first, by the names of ``data/choices.toml``. Of R6 any
application at all is not among them, since its estimate is in other units."""

BY_PANEL = ("R1", "R2", "R3", "R14", "R15")
"""Rows that are decided when records become a panel."""

DEFAULTS = {row: values[0] for row, values in VALUES.items()}
"""What is chosen where nothing else is said, by row of the register."""

NOW = tuple(f"{resource}_now" for resource in RESOURCES)
"""Columns of the logs of the resources of the year itself (R12)."""

MORE: dict[tuple[str, str], dict[str, Any]] = {
    # A run of a file of choices has Poisson beside every other scale, and the panel no resources
    # by year.
    ("R6", "Poisson"): {"model": "ppml", "scale": "level"},
    ("R12", "time-varying"): {"controls": NOW},
}
"""Changes of the design that no file of choices can ask for."""


def taken(choices: Iterable[tuple[str, str]]) -> list[Chosen]:
    """What each row and value of `VALUES` changes."""
    return [
        Chosen(row, value, value, False, {}, MORE[row, value])
        if (row, value) in MORE
        else choose(row, value, "the curve")
        for row, value in choices
    ]


def panel_of(row: str, value: str) -> Choices:
    """What a panel is built by that departs in one row from the default."""
    return panel_choices(taken([(row, value)]))


def process_of(choices: Choices) -> Process:
    """Process of the study in hand, over all years that it or the choices name.

    The treatment of the simulation stays where the study has it: another first treated year (R2)
    looks at the same records in another way.
    """
    usual = Process()
    return Process(
        first_year=min(usual.first_year, choices.first_year),
        last_year=max(usual.last_year, choices.last_year),
    )
