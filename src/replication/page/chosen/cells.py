"""A chapter on the reader's own records: which of its cells can run, and what is left of its text.

The text of the book is about simulated universities, and would be wrong beside other numbers. A
page on real records has the headings, the code, the exhibits with their notes, and nothing else.
"""

import ast
import inspect
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from replication import errors
from replication.config import NOTEBOOKS
from replication.errors import ChapterError
from replication.page.chapters import Failure, failure, opened
from replication.panel import lacking

SIMULATION = ("rp.simulate", "rp.realised_panel", "rp.Process", "rp.montecarlo")
"""What only a statement on the simulated process calls."""
TRUTH = ("truth", "target", "background")
"""Arguments that a verb does without where nothing was planted, or would show too much."""
PLANTED = "about the simulated process: nothing was planted in real records"
DEPENDS = "needs something else that was left out"
REFUSALS = {n for n, c in vars(errors).items() if isinstance(c, type)} - {"ChapterError"}
HEADING = re.compile(r"^#{1,6} .+$", re.MULTILINE)


@dataclass
class Page:
    """An executed chapter.

    Attributes
    ----------
    notebook : NotebookNode
    left_out : dict of int to list of str
        Cells of which a statement did not run, or none, and why.
    whole : set of int
        Cells of which no statement ran.
    gone : set of str
        Names that what was left out would have bound.
    """

    notebook: NotebookNode
    left_out: dict[int, list[str]] = field(default_factory=dict)
    whole: set[int] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)


def names(source: str) -> tuple[set[str], set[str], set[str]]:
    """Names that a statement binds, that it reads, and that it reads as a `TRUTH` argument alone.

    What a comprehension calls its items is its own, and neither.
    """
    tree = ast.parse(source)
    own = {
        node.id
        for loop in ast.walk(tree)
        if isinstance(loop, ast.comprehension)
        for node in ast.walk(loop.target)
        if isinstance(node, ast.Name)
    }
    given = {
        id(keyword.value)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        for keyword in call.keywords
        if keyword.arg in TRUTH and isinstance(keyword.value, ast.Name)
    }
    every = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id not in own]
    bound = {node.id for node in every if isinstance(node.ctx, ast.Store)}
    bound |= {
        a.name.partition(".")[0]
        for n in ast.walk(tree)
        if isinstance(n, ast.Import)
        for a in n.names
    }
    read = {node.id for node in every if isinstance(node.ctx, ast.Load)}
    used = {node.id for node in every if isinstance(node.ctx, ast.Load) and id(node) not in given}
    return bound, used, read - used


def planned(source: str, gone: set[str]) -> tuple[str, set[str]]:
    """Why a statement is left out, empty if it is not; and names that it needs as None.

    `gone` are the names of what was left out before, and is brought up to date.
    """
    bound, used, truths = names(source)
    reason = ""
    if any(re.search(rf"\b{re.escape(word)}\b", source) for word in SIMULATION):
        reason = PLANTED
    elif used & gone:
        reason = DEPENDS
    missing = truths & gone
    gone.difference_update(set() if reason else bound)
    gone.update(bound if reason else set())
    return reason, missing


def execute(name: str, environment: dict[str, str], lacks: Collection[str] = ()) -> Page:
    """Execute ``notebooks/<name>.md`` without what real records cannot say.

    A statement that a `ReplicationError` ends is left out with what kind of error it was, and so is
    every statement that needs it.

    Parameters
    ----------
    name : str
    environment : dict of str to str
        Of the kernel.
    lacks : collection of str
        Columns that the panel has not, for want of a table of records.

    Raises
    ------
    ChapterError
        On any other error, a cell that takes too long, a kernel that dies: the cell, its source,
        what went wrong.
    """
    client = opened(name, NOTEBOOKS)
    notebook = client.nb
    page = Page(notebook)
    wants = {
        table: absent
        for table, columns in lacking.COLUMNS.items()
        if (absent := [column for column in columns if column in lacks])
    }
    with client.setup_kernel(env=environment):
        for index, cell in enumerate(notebook.cells):
            failed = _run(client, page, index, cell, wants) if cell.cell_type == "code" else None
            if failed:
                raise ChapterError(
                    f"notebooks/{name}.md, cell {index}: {failed.said}\n\n{cell.source}"
                )
    notebook.cells = _kept(page)
    return page


def _run(
    client: NotebookClient,
    page: Page,
    index: int,
    cell: NotebookNode,
    wants: Mapping[str, Sequence[str]],
) -> Failure | None:
    """Run a cell statement by statement, so that one that cannot run takes no other with it.

    What went wrong is returned if it is a fault and no refusal.
    """
    reasons, outputs, ran, shown, lines = [], [], [], 0, cell.source.splitlines()
    statements = ast.parse(cell.source).body
    for node in statements:
        # With the comments and blank lines above it.
        source = "\n".join(lines[shown : node.end_lineno])
        shown = node.end_lineno or shown
        reason, missing = planned(source, page.gone)
        if not reason:
            # As in a cell, the value of its last expression alone is shown.
            quiet = "" if node is statements[-1] else ";"
            unknown = "".join(f"{one} = None\n" for one in sorted(missing))
            piece = nbformat.v4.new_code_cell(f"{unknown}{source}{quiet}")
            if failed := failure(client, piece, index):
                if not (reason := _untestable(failed, wants)):
                    return failed
                page.gone |= names(source)[0]
            else:
                ran.append(source)
            outputs += [one for one in piece.outputs if one.output_type != "error"]
        if reason and reason not in reasons:
            reasons.append(reason)
    # The client has put its last piece in the place of the cell.
    page.notebook.cells[index] = cell
    cell.outputs, cell.execution_count = outputs, None
    if reasons:
        cell.source = "\n".join(ran).strip("\n")
        # What only follows from another reason of the same cell says nothing more.
        page.left_out[index] = [one for one in reasons if one != DEPENDS] or reasons
        if not ran:
            page.whole.add(index)
    return None


def _untestable(failed: Failure, wants: Mapping[str, Sequence[str]]) -> str:
    """Say the table of records that is not there, or what kind of error; empty if it is a fault.

    A collection of what could be estimated has no entry for a column that the panel lacks, so that
    a key of that name is missing for want of the table too.
    """
    if failed.kind == "UnknownTruthError":
        return PLANTED
    if failed.kind == "SuppressedError":
        return "would show single universities"
    if failed.kind in ("MissingColumnError", "KeyError"):
        # The columns that are not there come first, those that are after "has".
        words = set(re.findall(r"\w+", re.split(r"\bhas\b|;", failed.message)[0]))
        for table, absent in wants.items():
            if found := [column for column in absent if column in words]:
                return f"not testable, for want of {table} ({', '.join(found)})"
    if failed.kind not in REFUSALS:
        return ""
    # Not what it says, which may name a university or a place on the reader's machine.
    what = (inspect.getdoc(getattr(errors, failed.kind)) or failed.kind).split("\n")[0].rstrip(".")
    return f"could not be estimated on this panel: {what[0].lower()}{what[1:]}"


def _kept(page: Page) -> list[NotebookNode]:
    """Headings, cells that ran, and a line in the place of what was left out."""
    cells: list[NotebookNode] = []
    for index, cell in enumerate(page.notebook.cells):
        if cell.cell_type == "code":
            if index not in page.whole:
                cells.append(cell)
            for reason in page.left_out.get(index, ()):
                line = nbformat.v4.new_markdown_cell(f"*Left out: {reason}.*")
                if not (cells and cells[-1].source == line.source):
                    cells.append(line)
        else:
            cells += [nbformat.v4.new_markdown_cell(h) for h in HEADING.findall(cell.source)]
    kept = [
        cell
        for cell, after in zip(cells, [*cells[1:], None], strict=True)
        # A section of text alone; the title stays, and so does a section above another.
        if not _level(cell)
        or (after is not None and _level(after) in (0, *range(_level(cell) + 1, 7)))
    ]
    for number, cell in enumerate(kept):
        cell["id"] = f"cell-{number:02d}"
    return kept


def _level(cell: NotebookNode) -> int:
    """Level of a heading; 0 of any other cell."""
    found = re.match(r"(#+) ", cell.source) if cell.cell_type == "markdown" else None
    return len(found[1]) if found else 0


def results_of(folder: Path) -> dict[str, bytes]:
    """Files under a folder, by their path in it."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
