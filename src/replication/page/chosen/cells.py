"""A chapter on the reader's own records: which of its cells can run, and what is left of its text.

The text of the book is about simulated universities, and would be wrong beside other numbers. A
page on real records has the headings, the code, the exhibits with their notes, and nothing else.
"""

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from replication import errors
from replication.config import NOTEBOOKS
from replication.errors import ChapterError
from replication.panel import lacking

SIMULATION = ("rp.simulate", "rp.realised_panel", "rp.Process", "rp.montecarlo")
"""What only a cell on the simulated process calls."""
TRUTH = ("truth", "target")
"""Arguments that a verb does without where nothing was planted."""
PLANTED = "about the simulated process: nothing was planted in real records"
DEPENDS = "needs what was left out above"
REFUSALS = {n for n, c in vars(errors).items() if isinstance(c, type)} - {"ChapterError"}
HEADING = re.compile(r"^#{1,6} .+$", re.MULTILINE)


@dataclass
class Page:
    """An executed chapter.

    Attributes
    ----------
    notebook : NotebookNode
    left_out : dict of int to str
        Cells that did not run, or broke off, and why.
    """

    notebook: NotebookNode
    left_out: dict[int, str] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)


def names(source: str) -> tuple[set[str], set[str], set[str]]:
    """Names that a cell binds, that it reads, and that it reads as a `TRUTH` argument alone."""
    tree = ast.parse(source)
    given = {
        id(keyword.value)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        for keyword in call.keywords
        if keyword.arg in TRUTH and isinstance(keyword.value, ast.Name)
    }
    every = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
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
    """Why a cell is left out, empty if it is not; and names that it needs as None.

    `gone` are the names of cells that were left out before, and is brought up to date.
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


def execute(name: str, environment: dict[str, str]) -> Page:
    """Execute ``notebooks/<name>.md`` without what real records cannot say.

    A cell that a `ReplicationError` ends is left out with what the error says, and so is every
    cell that needs it.

    Raises
    ------
    ChapterError
        On any other error: the cell, its source, the error.
    """
    notebook = jupytext.read(NOTEBOOKS / f"{name}.md")
    notebook.metadata["kernelspec"] = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    page = Page(notebook)
    client = NotebookClient(
        notebook,
        timeout=3600,
        kernel_name="python3",
        record_timing=False,
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
        resources={"metadata": {"path": str(NOTEBOOKS)}},
    )
    with client.setup_kernel(env=environment):
        for index, cell in enumerate(notebook.cells):
            if cell.cell_type == "code":
                _run(client, name, page, index, cell)
    notebook.cells = _kept(page)
    return page


def _run(client: NotebookClient, name: str, page: Page, index: int, cell: NotebookNode) -> None:
    reason, missing = planned(cell.source, page.gone)
    if reason:
        page.left_out[index] = reason
        return
    if missing:
        unknown = "\n".join(f"{one} = None" for one in sorted(missing))
        client.execute_cell(nbformat.v4.new_code_cell(unknown), index)
    try:
        client.execute_cell(cell, index)
    except CellExecutionError as error:
        if error.ename not in REFUSALS:
            raise ChapterError(
                f"notebooks/{name}.md, cell {index}: {error.ename}: {error.evalue}\n\n{cell.source}"
            ) from None
        cell.outputs = [one for one in cell.outputs if one.output_type != "error"]
        page.left_out[index] = _untestable(error.ename, error.evalue)
        page.gone |= names(cell.source)[0]


def _untestable(error: str, said: str) -> str:
    """Say the table of records that is not there, or what the error says."""
    if error == "MissingColumnError":
        # The columns that are not there come first, those that are after "has".
        words = set(re.findall(r"\w+", re.split(r"\bhas\b|;", said)[0]))
        for table, columns in lacking.COLUMNS.items():
            if found := [column for column in columns if column in words]:
                return f"not testable, for want of {table} ({', '.join(found)})"
    return said.splitlines()[0]


def _kept(page: Page) -> list[NotebookNode]:
    """Headings, cells that ran, and a line in the place of each that was left out."""
    cells: list[NotebookNode] = []
    for index, cell in enumerate(page.notebook.cells):
        if cell.cell_type == "code":
            if reason := page.left_out.get(index):
                if cell.outputs:
                    cells.append(cell)
                line = nbformat.v4.new_markdown_cell(f"*Left out: {reason}.*")
                if not (cells and cells[-1].source == line.source):
                    cells.append(line)
            else:
                cells.append(cell)
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
