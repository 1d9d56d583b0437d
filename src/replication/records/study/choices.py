"""What was chosen of the register: read from a file, held together, in force for a run."""

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from replication.errors import RegistryError
from replication.records.classify import load_disciplines, load_ipc
from replication.records.registry import Choices, load_register
from replication.records.study.frame import load_file, study
from replication.records.study.options import Chosen, choose, example, options

VARIABLE = "REPLICATION_CHOICES"
"""Environment variable that names the file of choices in force; ``--choices`` sets it."""
MARK = "‡"
"""Stands behind each number of prose that was made under other choices than the default."""


def load_choices(path: Path) -> list[Chosen]:
    """Read the ``[choices]`` of a file.

    Returns
    -------
    list of Chosen
        The rows that stand in it, in the order of the register.

    Raises
    ------
    RegistryError
        Names the file, the row, the value and what may stand there: an unknown row or value, one
        that no run can carry, two that exclude each other; a file without choices.
    """
    content = load_file(path).choices
    if not content:
        raise RegistryError(
            f"{path}, choices: there is no [choices] table with a row of the register; "
            "`replication choices --template FILE` writes one"
        )
    chosen = [choose(row, value, str(path)) for row, value in content.items()]
    _require_together(chosen, str(path))
    return sorted(chosen, key=lambda one: int(one.row[1:]))


def moved(chosen: Sequence[Chosen]) -> list[Chosen]:
    """Those that are not the default."""
    return [one for one in chosen if not one.default]


def panel_choices(chosen: Sequence[Chosen]) -> Choices:
    """What the panel is built by."""
    changes: dict[str, Any] = {}
    for one in chosen:
        changes |= one.panel
    lists: dict[str, Any] = {
        name: tuple(v) if isinstance(v, list) else v for name, v in changes.items()
    }
    return replace(Choices(), **lists)


def in_force() -> list[Chosen]:
    """Return what the file in `VARIABLE` chose against the default; nothing if none is named."""
    path = os.environ.get(VARIABLE)
    return moved(_loaded(Path(path), study().name)) if path else []


def choices_in_force() -> Choices:
    """What panels are built by in this run."""
    return panel_choices(in_force())


def said() -> str:
    """Sentence for each exhibit of a run under other choices; empty under the default."""
    rows = [f"{one.row} = {one.value}" for one in in_force()]
    return f"{MARK} Under other choices than the book's: {'; '.join(rows)}." if rows else ""


@lru_cache
def _loaded(path: Path, _study: str) -> tuple[Chosen, ...]:
    return tuple(load_choices(path))


def _require_together(chosen: Sequence[Chosen], where: str) -> None:
    """Raise `RegistryError` on choices that exclude each other or that the study cannot carry."""
    by_row = {one.row: one for one in chosen}
    panel = panel_choices(chosen)

    def refuse(row: str, fault: str) -> None:
        value = by_row[row].value if row in by_row else "the default"
        raise RegistryError(f"{where}, choices.{row} = {value!r}: {fault}")

    first, last, treated = panel.first_year, panel.last_year, panel.first_treated
    if not first < last:
        refuse("R1", f"{last} does not lie after {first}; write the first year first")
    if not first < treated <= last:
        row = "R2" if "R2" in by_row else "R1"
        refuse(row, f"{treated} is treated first: write R1 and R2 so that R1 begins before R2")
    if panel.window and panel.window >= treated - first:
        refuse("R8", f"there are {treated - first} years before {treated}: leave R8 out")
    known = load_disciplines()
    with_classes = known[known["discipline"].isin(load_ipc()["discipline"])]["category"]
    for category in panel.categories:
        if category not in set(with_classes):
            has = " + ".join(sorted(set(with_classes)))
            refuse("R4", f"no patent class leads to a discipline of {category}: write out of {has}")
    design = [one.row for one in chosen if "effects" in one.design]
    if len(design) > 1:
        refuse("R9", "R3 = 'university × year' has its own effects already: leave R9 out")
    for row, fields in {"R10": "third", "R7": "exposure"}.items():
        if row in by_row and getattr(panel, fields) == "median" and "R3" in design:
            refuse(row, "a median split of summed units is another question: leave R3 or it out")
    two_way = by_row.get("R13") and "cluster" in by_row["R13"].design
    if two_way and "R3" in design:
        refuse("R13", "summed units have no discipline to cluster by: leave R3 or R13 out")
    if panel.key_core == "controlled" and panel.third == "key_core":
        refuse("R16", "R10 = 'key core' would then be the default under another name: leave one")
    if "R21" in by_row and by_row["R21"].panel and study().home != "CN":
        refuse("R21", f"the study's home is {study().home}: write domestic in its [study]")


def template() -> str:
    """Text of a file with every row of the register at its default, its alternatives beside it."""
    names = load_register().set_index("id")["name"]
    lines = [
        "# Choices of the reconstruction register (data/register.toml), as the paper has them.",
        "# Every row stands at its default: take the sign # away and write what the paper says.",
        "# `replication run --choices THIS_FILE` runs the study under them.",
        "",
        "[choices]",
    ]
    for row, known in options().items():
        lines += ["", f"# {row} {names[row]}"]
        for option in known:
            end = f"; no run can carry it: {option.refused}" if option.refused else ""
            lines.append(f"#   {example(option)!r} – {option.text} (needs {option.needs}){end}")
        lines.append(f'# {row} = "{example(known[0])}"')
    return "\n".join(lines) + "\n"
