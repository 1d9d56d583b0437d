"""The house rules of a chapter, each a function that yields a sentence for every breach.

`replication.page.chapters` compares a run with what is committed; here is what can be said of a
chapter by reading it.
"""

import ast
import base64
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import jupytext
import nbformat

from replication.page.chapters import EXECUTED

LONGEST_CELL = 40
SHORTEST_ALT = 20

# A cell tells what is done; how it is done is in the library, where it is tested.
NOT_IN_A_CELL = {
    ast.FunctionDef: "defines a function",
    ast.AsyncFunctionDef: "defines a function",
    ast.ClassDef: "defines a class",
    ast.Lambda: "holds a lambda",
    ast.For: "loops",
    ast.AsyncFor: "loops",
    ast.While: "loops",
}
PLOTTING = {"matplotlib", "seaborn", "plotly", "bokeh", "altair", "plotnine"}

TAGS = {"folded", "hide-input"}
"""Tags that a cell may have: none that hides an output from a reader or from the comparison."""
METADATA = {"jupytext", "kernelspec", "language_info", EXECUTED}

BADGE = re.compile(r"\{source-badge\}`([^`]+)`|```\{source-badge\}\s+(.+)")
# What `numbers` registers of one coefficient: itself, standard error, interval, p-value.
COEFFICIENT = ("", "_se", "_lower", "_upper", "_p")
GLUE = re.compile(r"\{glue:?\w*\}`([^`]+)`")


def sources(notebook: Path, kind: str) -> list[str]:
    """Sources of a chapter's cells of one kind, in order."""
    return [c.source for c in jupytext.read(notebook).cells if c.cell_type == kind]


def cell_breaches(notebook: Path) -> Iterator[str]:
    """Code that belongs in the library, cells that are too long to read."""
    for index, source in enumerate(sources(notebook, "code")):
        where = f"{notebook.name}, code cell {index}"
        if (length := len(source.splitlines())) > LONGEST_CELL:
            yield f"{where}: has {length} lines, more than {LONGEST_CELL}"
        for node in ast.walk(ast.parse(source)):
            if said := NOT_IN_A_CELL.get(type(node)):
                yield f"{where}, line {node.lineno}: {said}"
            if said := PLOTTING & imported(node):
                yield f"{where}, line {node.lineno}: imports {', '.join(said)}"


def metadata_breaches(notebook: Path) -> Iterator[str]:
    """Tags, settings and comments that hide an output from a reader or from the comparison."""
    half = jupytext.read(notebook)
    if other := sorted(set(half.metadata) - METADATA):
        yield f"{notebook.name}: has the metadata {', '.join(other)}"
    for index, cell in enumerate(half.cells):
        where = f"{notebook.name}, cell {index}"
        if other := sorted(set(cell.metadata) - {"tags"}):
            yield f"{where}: has the metadata {', '.join(other)}"
        if other := sorted(set(cell.metadata.get("tags", [])) - TAGS):
            yield f"{where}: has the tags {', '.join(other)}; only {', '.join(TAGS)} is allowed"
        if cell.cell_type == "code" and re.search(
            r"#\s*(?:NBVAL|PYTEST_VALIDATE)_|^\s*[%!]|:load:|get_ipython", cell.source, re.I | re.M
        ):
            yield f"{where}: speaks to the program that runs or compares it"


def imported(node: ast.AST) -> set[str]:
    """Top-level packages that a statement imports."""
    if isinstance(node, ast.Import):
        return {alias.name.partition(".")[0] for alias in node.names}
    if isinstance(node, ast.ImportFrom):
        return {(node.module or "").partition(".")[0]}
    return set()


def calls(notebook: Path, *functions: str) -> list[ast.Call]:
    """Calls of functions in the cells of a chapter, by name or through ``import replication``."""
    nodes = [n for source in sources(notebook, "code") for n in ast.walk(ast.parse(source))]
    imports = [a for n in nodes if isinstance(n, ast.Import) for a in n.names]
    library = [a.asname or a.name for a in imports if a.name == "replication"]
    names = {*functions, *(f"{name}.{function}" for name in library for function in functions)}
    return [n for n in nodes if isinstance(n, ast.Call) and ast.unparse(n.func) in names]


def opening_breaches(notebook: Path) -> Iterator[str]:
    """A chapter opens under its own name, in its first cell, and shows its source of data."""
    first = ast.parse(sources(notebook, "code")[0])
    opened = calls(notebook, "chapter")
    if len(opened) != 1 or ast.unparse(opened[0]) not in ast.unparse(first):
        yield f"{notebook.name}: chapter(…) must be called once, in the first code cell"
        return
    names = [argument.value for argument in opened[0].args if isinstance(argument, ast.Constant)]
    if names != [notebook.stem]:
        yield f"{notebook.name}: opens chapter {names}, not {notebook.stem!r}"
    source = {k.arg: ast.literal_eval(k.value) for k in opened[0].keywords}.get("source")
    shown = BADGE.findall("\n".join(sources(notebook, "markdown")))
    badges = [name for one in shown for name in "".join(one).split()]
    others = [
        ast.literal_eval(k.value)
        for call in calls(notebook, "publish")
        for k in call.keywords
        if k.arg == "source"
    ]
    # A table without data needs no badge.
    told = [one for one in dict.fromkeys([source, *others]) if one != "none" or one == source]
    if badges != told:
        yield f"{notebook.name}: its data are {told} and its badge says {badges}"


def name_breaches(notebooks: list[Path]) -> Iterator[str]:
    """Exhibits and numbers have each one name in the whole book, written out where it is given."""
    for functions in (("publish",), ("number", "numbers")):
        found: Counter[str] = Counter()
        for notebook in notebooks:
            for call in calls(notebook, *functions):
                names = given(call)
                found.update(names)
                if not names:
                    function = ast.unparse(call.func)
                    yield f"{notebook.name}: a name of {function}() is not written out"
        yield from (f"{functions[0]}({n!r}) is called {k} times" for n, k in found.items() if k > 1)


def given(call: ast.Call) -> list[str]:
    """Names that a call of publish, number or numbers gives; none if one is not written out."""
    first = call.args[0] if call.args else None
    keys = first.keys if isinstance(first, ast.Dict) else [first]
    names = [str(key.value) for key in keys if isinstance(key, ast.Constant)]
    if len(names) < len(keys):
        return []
    several = ast.unparse(call.func).endswith("numbers") and not isinstance(first, ast.Dict)
    return [name + end for name in names for end in (COEFFICIENT if several else ("",))]


def output_breaches(executed: Path, results: Path) -> Iterator[str]:
    """Figures are described in a sentence; what is shown is what is in ``results/``."""
    notebook = nbformat.read(executed, as_version=4)
    outputs = [o for c in notebook.cells if c.cell_type == "code" for o in c.outputs]
    shown = [o for o in outputs if "image/png" in o.get("data", {})]
    for number, output in enumerate(shown, 1):
        alt = str(output.metadata.get("image/png", {}).get("alt") or "")
        if len(alt) < SHORTEST_ALT or " " not in alt or not alt.endswith("."):
            yield f"{executed.name}, figure {number}: alternative text {alt!r} is no sentence"
        if re.search(r"\bnan\b|\binf\b", alt):
            yield f"{executed.name}, figure {number}: alternative text holds no number: {alt!r}"
    registry = json.loads((results / "exhibits.json").read_text(encoding="utf-8"))
    pictures = [(results / f"{n}.png").read_bytes() for n in registry if n.startswith("fig-")]
    if [base64.b64decode(output.data["image/png"]) for output in shown] != pictures:
        yield f"{executed.name}: its figures are not those of results/{results.name}"
    latex = [o.data["text/latex"] for o in outputs if "text/latex" in o.get("data", {})]
    tables = [
        (results / f"{n}.tex").read_text(encoding="utf-8").removesuffix("\n")
        for n in registry
        if n.startswith("tab-")
    ]
    if latex != tables:
        yield f"{executed.name}: its tables are not those of results/{results.name}"


def registry_breaches(results: Path, chapters: list[str]) -> Iterator[str]:
    """Each chapter has its folder of results and each folder its chapter; names are unique."""
    folders = sorted(path.name for path in results.iterdir() if path.is_dir())
    if folders != sorted(chapters):
        yield f"results/ holds {folders}, the chapters are {sorted(chapters)}"
    for file in ("exhibits.json", "numbers.json"):
        names = Counter(
            n for path in results.glob(f"*/{file}") for n in json.loads(path.read_text())
        )
        yield from (f"{n!r} is in {k} files {file}" for n, k in names.items() if k > 1)
    for path in sorted(results.glob("*/exhibits.json")):
        suffixes = {"tab": (".csv", ".tex"), "fig": (".csv", ".png")}
        due = {f"{n}{s}" for n in json.loads(path.read_text()) for s in suffixes[n[:3]]}
        there = {p.name for p in path.parent.iterdir()} - {"exhibits.json", "numbers.json"}
        if due != there:
            yield f"results/{path.parent.name}: files of no exhibit or none: {sorted(due ^ there)}"


def numbers(results: Path) -> dict[str, tuple[str, str]]:
    """Chapter and printed text of each registered number."""
    return {
        name: (path.parent.name, entry["text"])
        for path in sorted(results.glob("*/numbers.json"))
        for name, entry in json.loads(path.read_text(encoding="utf-8")).items()
    }


def glue_breaches(pages: dict[str, str], results: Path) -> Iterator[str]:
    """Prose uses numbers that are registered, and every registered number is used.

    A page is named as ``notebooks/x.md`` or ``book/x.md``; only a chapter has numbers of its own,
    other pages name the notebook: ``notebooks/x.ipynb::name``. Of the numbers of one coefficient,
    which are registered together, one is enough.
    """
    registered = numbers(results)
    used = set()
    for page, text in pages.items():
        for reference in GLUE.findall(text):
            notebook, _, name = reference.rpartition("::")
            chapter = Path(notebook or page).stem
            used.add(name)
            if name not in registered:
                yield f"{page}: no number {name!r} is registered"
            elif registered[name][0] != chapter:
                yield f"{page}: {name!r} is a number of {registered[name][0]}, not of {chapter}"
            elif not notebook and not page.startswith("notebooks/"):
                yield f"{page}: {name!r} must be {registered[name][0]}.ipynb::{name}"
    together = [
        group
        for name in registered
        if (group := {name + end for end in COEFFICIENT}) <= registered.keys()
    ]
    used |= {name for group in together if group & used for name in group}
    yield from (f"number {name!r} is nowhere used" for name in sorted(set(registered) - used))
