"""The generated parts of the README: what the notebooks cost and what they publish.

They stand between ``<!-- name -->`` and ``<!-- end of name -->``; all else in the README is typed.
"""

import json
import re
from pathlib import Path

from replication.config import NOTEBOOKS, ROOT
from replication.errors import RegistryError
from replication.exhibit.publish import load_registry
from replication.page.chapters import RUNS

KINDS = {"tab": "Table", "fig": "Figure"}


def exhibits() -> str:
    """List of tables and figures, each with its program and the line that publishes it."""
    rows = ["| exhibit | source | program | line | files |", "|---|---|---|---|---|"]
    for row in load_registry(ROOT / "results").to_dict("records"):
        program = NOTEBOOKS / f"{row['chapter']}.md"
        stem = f"results/{row['chapter']}/{row['name']}"
        files = (".csv", ".tex") if row["kind"] == "tab" else (".csv", ".png")
        links = ", ".join(f"[{suffix[1:]}]({stem}{suffix})" for suffix in files)
        rows.append(
            f"| {KINDS[row['kind']]}: {_cell(row['title'])} | {row['source']} | "
            f"`notebooks/{program.name}` | {_line(program, row['name'])} | {links} |"
        )
    return "\n".join(rows)


def _cell(text: str) -> str:
    """Text for a cell of a Markdown table, in which a bar would end the cell."""
    return text.replace("|", r"\|")


def _line(program: Path, name: str) -> int:
    if not program.is_file():
        raise RegistryError(f"results/{program.stem} belongs to no chapter: remove it")
    for number, line in enumerate(program.read_text(encoding="utf-8").splitlines(), 1):
        if f'"{name}"' in line:
            return number
    raise RegistryError(
        f"{program.name} publishes no {name!r}: `replication run --update` it again"
    )


def costs() -> str:
    """Measured time and memory of each notebook."""
    path = ROOT / "results" / RUNS
    if not path.is_file():
        raise RegistryError(f"{path} is not there: `replication run --update` makes it")
    record = json.loads(path.read_text(encoding="utf-8"))
    rows = ["| notebook | seconds | memory, MB |", "|---|---:|---:|"]
    rows += [
        f"| `{n}` | {c['seconds']} | {c['megabytes']:.0f} |" for n, c in sorted(record.items())
    ]
    return "\n".join(rows)


PARTS = {"exhibits": exhibits, "costs": costs}


def generate(text: str) -> str:
    """README with its generated parts made anew.

    Raises
    ------
    RegistryError
        If a part's place is missing in the README.
    """
    for name, part in PARTS.items():
        place = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
        if not place.search(text):
            raise RegistryError(f"README.md has no place for {name}: add <!-- {name} --> … to it")
        body = part()
        text = place.sub(lambda m, body=body: f"{m[1]}\n{body}\n\n{m[2]}", text)  # type: ignore[misc]
    return text


def write(path: Path = ROOT / "README.md") -> None:
    """Make the generated parts of the README anew."""
    path.write_text(generate(path.read_text(encoding="utf-8")), encoding="utf-8")
