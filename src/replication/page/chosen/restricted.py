"""The chapters on the reader's own records, into a folder that git ignores: all or nothing."""

import os
import re
import tempfile
import time
from collections import Counter
from pathlib import Path

import jupytext
import nbformat
import pandas as pd

from replication.config import BUILD, DATA, RECORDS, environment
from replication.errors import ChapterError, ReplicationError
from replication.estimate.claims import evaluate
from replication.exhibit.publish import SUPPRESSED
from replication.page.chapters import chapters
from replication.page.chosen.cells import Page, execute, results_of
from replication.page.chosen.run import WRITTEN, ours, record_of, require_foreign
from replication.panel import lacking
from replication.panel.load import load_panel
from replication.records.mark import checksum
from replication.records.registry import load_claims
from replication.writing import alone, settle, write_files

WHERE = re.compile(r"notebooks/\w+\.md, cell \d+: (?:\w+(?=:)|[^:\n]+)")
"""What is told of a chapter that failed: the cell and the name of the error, or what befell it."""

NOT_RUN = {
    "00_design": "explains the design on invented numbers and on the simulated study; its one "
    "estimate is column (3) of the first table of estimates in 01_baseline",
    "05_real_universities": "is about open data, which the records do not change",
    "A1_validation": "is about published studies, which the records do not change",
    "A2_design": "is about studies with a known truth, which real records are not",
}
"""Chapters that have nothing to say on the reader's records, and why."""


def run(
    names: list[str] | None, panel: Path | None = None, out: Path | None = None
) -> tuple[Path, str, dict[str, str]]:
    """Run chapters on a panel of the reader's own records.

    Parameters
    ----------
    names : list of str, optional
        Chapters; all of them if none.
    panel : Path, optional
        As `replication build` wrote it; ``data/restricted/panel.parquet`` if none.
    out : Path, optional
        Folder for all that comes out; ``build/restricted`` if none.

    Returns
    -------
    folder : Path
        With ``report.txt``, ``claims.csv``, and for each chapter an executed notebook and a folder
        of results. It changes whole or not at all.
    text : str
        The report.
    failed : dict of str to str
        Chapters that an error ended, and which.

    Raises
    ------
    ReplicationError
        A chapter that is none, or has nothing to say on real records; a panel that is not there
        or not the reader's; a folder of the project's own, or files in it that are not ours.
    """
    wanted = chapters(names)
    if names and (not_run := [name for name in wanted if name in NOT_RUN]):
        raise ReplicationError(f"{not_run[0]} {NOT_RUN[not_run[0]]}: name other chapters")
    path = (panel or DATA / "restricted" / "panel.parquet").resolve()
    own = load_panel("restricted", path, partial=True)
    folder = (out or BUILD / "restricted").resolve()
    require_foreign(folder)
    settle(folder)
    ours(folder, {"report.txt", "claims.csv"})
    BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD) as made, alone(folder, patience=0):
        work = Path(made)
        claims = evaluate(own, "restricted")
        head = _head(path)
        lacks = {c for of in lacking.COLUMNS.values() for c in of} - set(own.columns)
        done, failed, seconds = {}, {}, {}
        for name in (name for name in wanted if name not in NOT_RUN):
            begin = time.perf_counter()
            try:
                done[name] = _executed(name, path, work, lacks)
            except ChapterError as error:
                failed[name] = str(error)
                print(f"  {error}", flush=True)
            seconds[name] = time.perf_counter() - begin
            print(f"  {name}: {seconds[name]:.0f} s", flush=True)
        text = _report(head, own, claims, done, failed)
        files = {
            "report.txt": text.encode(),
            "claims.csv": claims.drop(columns="target").to_csv(lineterminator="\n").encode(),
            **{f"{name}.ipynb": _notebook(page, head) for name, page in done.items()},
            **{f"results/{n}": c for n, c in results_of(work).items() if n.split("/")[0] in done},
        }
        files[WRITTEN] = record_of(files)
        write_files(folder, {**dict.fromkeys(ours(folder, set(files))), **files})
    return folder, text, failed


def _executed(name: str, panel: Path, results: Path, lacks: set[str]) -> Page:
    with environment({RECORDS: panel, "REPLICATION_RESULTS": results}):
        return execute(name, {"OPENBLAS_NUM_THREADS": "1", **os.environ}, lacks)


def _head(panel: Path) -> list[str]:
    return [
        "Licensed records of the reader: every number here comes from them, and none is the book's",
        f"panel: {panel.name}, SHA-256 {checksum(panel)[:16]}",
        "The book's text is about simulated universities and is left out: read it for the methods",
        SUPPRESSED,
    ]


def _notebook(page: Page, head: list[str]) -> bytes:
    """Return an executed chapter that says at its head whose numbers it has."""
    lines = [f"> **{head[0]}.**", *[f"> {line}" for line in head[1:]]]
    page.notebook.metadata["replication_source"] = "restricted"
    page.notebook.cells.insert(0, nbformat.v4.new_markdown_cell("\n>\n".join(lines), id="source"))
    return jupytext.writes(page.notebook, fmt="ipynb").encode()


def _report(
    head: list[str],
    panel: pd.DataFrame,
    claims: pd.DataFrame,
    done: dict[str, Page],
    failed: dict[str, str],
) -> str:
    has = [n for n, columns in lacking.COLUMNS.items() if set(columns) <= set(panel.columns)]
    shown = claims[["estimate", "lower", "upper", "p_adjusted", "verdict", "reason"]]
    registry = load_claims()
    shown = shown.rename(index=registry["short"].to_dict())
    tested = registry.loc[claims.index[claims["estimate"].notna()], "family"].value_counts()
    sizes = ", ".join(f"{family}: {n}" for family, n in tested.items())
    lines = [
        *head,
        "",
        *(absent := list(lacking.said(has))),
        *([""] if absent else []),
        "Effects on the log of the mean by Poisson, of one standard deviation of exposure; 95 %",
        f"intervals by CR3; p_adjusted by Holm over the claims that could be tested ({sizes})",
        "",
        shown.to_string(float_format="{:.3f}".format, na_rep=""),
    ]
    lines += ["", "Chapters:"]
    for name, page in done.items():
        lines.append(f"{name}: {name}.ipynb, results/{name}/")
        counts = Counter(reason for reasons in page.left_out.values() for reason in reasons)
        lines += [
            f"  left out in {n} place{'s' * (n > 1)}: {why}" for why, n in counts.most_common()
        ]
    # What an error says may name a university: it is for the terminal, not for a file.
    kinds = {name: WHERE.match(why) for name, why in failed.items()}
    lines += [
        f"{name}: could not be run: {found[0] if found else ''}" for name, found in kinds.items()
    ]
    lines += [f"{name}: not run; it {why}" for name, why in NOT_RUN.items()]
    return "\n".join(lines) + "\n"
