"""The book's page on the façade: what ``import replication as rp`` gives, from its stub."""

import inspect
import re
from pathlib import Path
from types import ModuleType

from sphinx.pycode import ModuleAnalyzer

import replication

STUB = Path(replication.__file__).with_suffix(".pyi")
SECTION = re.compile(r"^# (?P<title>\w+): (?P<about>.+)\n(?P<imports>(?:from .+\n)+)", re.MULTILINE)
IMPORTED = re.compile(r"^from (\S+) import \w+ as (\w+)$", re.MULTILINE)


def api_markdown() -> str:
    """Markdown of the page: a section for each heading of the stub, an entry for each name.

    Returns
    -------
    str
        Verbs and classes as directives of `sphinx.ext.autodoc`, which prints their signatures and
        docstrings; of a namespace, a table of what it holds, and folded the directives of those
        functions that have an example.
    """
    lines: list[str] = []
    for section in SECTION.finditer(STUB.read_text(encoding="utf-8")):
        about = section["about"]
        lines += [f"## {section['title']}", "", about[0].upper() + about[1:], ""]
        for home, name in IMPORTED.findall(section["imports"]):
            lines += _entry(home, name, getattr(replication, name))
    return "\n".join(lines)


def _entry(home: str, name: str, found: object) -> list[str]:
    """One name of the façade."""
    if isinstance(found, ModuleType):
        members = _members(name, found)
        rows = [f"| `rp.{path}` | {_summary(member)} |" for path, member in members]
        table = ["| | |", "|---|---|", *rows, ""]
        return [f"### `rp.{name}`", "", _summary(found), "", *table, *_examples(members)]
    said = []
    if inspect.isclass(found):
        directive = "autoclass"
    elif inspect.isfunction(found):
        directive = "autofunction"
    else:
        # Data have no docstring: the text behind the definition is read from the source.
        directive = "py:data"
        comments = ModuleAnalyzer.for_module(f"replication{home}").find_attr_docs()
        said = ["", *(f"   {line}" for line in comments["", name])]
    return ["```{eval-rst}", f".. {directive}:: replication.{name}", *said, "```", ""]


def _examples(members: list[tuple[str, object]]) -> list[str]:
    """Folded entries of the members of a namespace that show an example."""
    shown = [path for path, member in members if "Examples\n---" in (inspect.getdoc(member) or "")]
    if not shown:
        return []
    entries = [line for path in shown for line in (f".. autofunction:: replication.{path}", "")]
    fence = ["```{eval-rst}", *entries, "```"]
    return ["````{dropdown} Arguments and examples", *fence, "````", ""]


def _members(path: str, namespace: ModuleType) -> list[tuple[str, object]]:
    """Functions and classes of a namespace and of the modules in it, by path."""
    found: list[tuple[str, object]] = []
    given = getattr(namespace, "__all__", ())
    for name in given or dir(namespace):
        member = getattr(namespace, name)
        where = inspect.getmodule(member)
        own = where is not None and where.__name__.startswith(namespace.__name__)
        if name.startswith("_") or not (given or own):
            continue
        if isinstance(member, ModuleType):
            found += _members(f"{path}.{name}", member)
        elif inspect.isfunction(member) or inspect.isclass(member):
            found.append((f"{path}.{name}", member))
    return found


def _summary(documented: object) -> str:
    """First line of a docstring, fit for a cell of a table."""
    return (inspect.getdoc(documented) or "").partition("\n")[0].replace("|", "\\|")
