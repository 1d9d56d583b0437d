"""The generated parts of the READMEs: what the notebooks cost and publish, and the codebook.

They stand between ``<!-- name -->`` and ``<!-- end of name -->``; all else in a README is typed.
"""

import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from replication.config import NOTEBOOKS, ROOT
from replication.errors import RegistryError
from replication.exhibit.publish import load_registry
from replication.page import markdown
from replication.page.chapters import RUNS
from replication.page.codebook import codebook_markdown
from replication.writing import write_file

KINDS = {"tab": "Table", "fig": "Figure"}


def exhibits() -> str:
    """List of tables and figures, each with its program and the line that publishes it."""
    rows = []
    for row in load_registry(ROOT / "results").to_dict("records"):
        program = NOTEBOOKS / f"{row['chapter']}.md"
        stem = f"results/{row['chapter']}/{row['name']}"
        files = (".csv", ".tex") if row["kind"] == "tab" else (".csv", ".png")
        links = ", ".join(f"[{suffix[1:]}]({stem}{suffix})" for suffix in files)
        title = f"{KINDS[row['kind']]}: {row['title']}"
        line = _line(program, row["name"])
        rows.append((title, row["source"], f"`notebooks/{program.name}`", line, links))
    return "\n".join(markdown.table(("exhibit", "source", "program", "line", "files"), rows))


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
    rows = [(f"`{n}`", c["seconds"], f"{c['megabytes']:.0f}") for n, c in sorted(record.items())]
    heads = ("notebook", "seconds", "memory, MB")
    return "\n".join(markdown.table(heads, rows, right=heads[1:]))


Parts = Mapping[str, Callable[[], str]]

PARTS: Parts = {"exhibits": exhibits, "costs": costs}
DATA_PARTS: Parts = {"codebook": partial(codebook_markdown, level=3)}
"""What is generated in ``README.md``, and in ``data/README.md``."""


def generate(text: str, parts: Parts = PARTS) -> str:
    """README with its generated parts made anew.

    Raises
    ------
    RegistryError
        If a part's place is missing in the README.
    """
    for name, part in parts.items():
        place = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
        if not place.search(text):
            raise RegistryError(f"README.md has no place for {name}: add <!-- {name} --> … to it")
        body = part().rstrip("\n")
        text = place.sub(lambda m, body=body: f"{m[1]}\n{body}\n\n{m[2]}", text)  # type: ignore[misc]
    return text


def write(path: Path = ROOT / "README.md", parts: Parts = PARTS) -> None:
    """Make the generated parts of a README anew."""
    text = generate(path.read_text(encoding="utf-8"), parts)
    write_file(path, text.encode())
