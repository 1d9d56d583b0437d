"""What the registry of published exhibits says, and their numbers in the book."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

KINDS = {"tab": "Table", "fig": "Figure"}
SAID = {
    "simulated": "Simulated data",
    "published": "Published data",
    "restricted": "Licensed records",
    "open": "Open data",
    "coded": "Coded text",
    "none": "No data",
}


@dataclass(frozen=True)
class Exhibit:
    """What the registry says of an exhibit, and its number in the book."""

    chapter: str
    name: str
    label: str
    source: str
    title: str


def registry(results: Path) -> dict[str, Exhibit]:
    """All exhibits by name; "Table 2.3" is the third table of the chapter whose file begins 02."""
    found: dict[str, Exhibit] = {}
    for path in sorted(results.glob("*/exhibits.json")):
        chapter = path.parent.name
        number = chapter.partition("_")[0].removeprefix("0")
        count = dict.fromkeys(KINDS, 0)
        for name, entry in json.loads(path.read_text(encoding="utf-8")).items():
            kind = entry["kind"]
            count[kind] += 1
            label = f"{KINDS[kind]} {number}.{count[kind]}"
            found[name] = Exhibit(chapter, name, label, entry["source"], entry["title"])
    return found
