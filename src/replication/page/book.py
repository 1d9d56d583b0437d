"""Building the site from the committed outputs, and checking it."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from replication.config import ROOT
from replication.page import chapters
from replication.page.site import check_site
from replication.page.verification import render
from replication.page.verification.commitment import known
from replication.page.verification.report import now, report

JUPYTER_BOOK = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()"]

NOT_RUN = "REPLICATION_NOT_RUN"
"""Variable that tells the book's extension which chapters did not run, and why, as JSON."""


def build_site(
    out: Path = ROOT, not_run: Mapping[str, str] | None = None
) -> tuple[Path, list[str]]:
    """Build the site with warnings as errors.

    Parameters
    ----------
    out : Path
        The site is written to ``<out>/_build/html``.
    not_run : mapping of str to str, optional
        Chapters that did not run before this build, and why; their pages say so.

    Returns
    -------
    site : Path
    problems : list of str
        What the builder said, if it did not succeed.
    """
    options = ["-W", "--keep-going", "--all", "-q", "--path-output", str(out)]
    done = subprocess.run(
        [*JUPYTER_BOOK, "build", str(ROOT), *options],
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, "PYTHONUTF8": "1", NOT_RUN: json.dumps(dict(not_run or {}))},
        check=False,
    )
    said = [line for line in done.stderr.splitlines() if "WARNING" in line or "ERROR" in line]
    if done.returncode and not said:
        last = " / ".join((done.stderr or done.stdout).strip().splitlines()[-5:])
        said = [f"jupyter-book ended with {done.returncode}: {last}"]
    return out / "_build" / "html", said


def make(names: list[str] | None = None, jobs: int = 2) -> int:
    """Run the chapters, compare, build and check the site; say where it is and what differed.

    Returns
    -------
    int
        0 if everything is as committed and the site is sound, else 1.
    """
    begun = now()
    outcome = chapters.run(names, jobs=jobs)
    render.write(report(outcome.runs, ROOT, known(), begun, outcome.not_run))
    print("building the site", flush=True)
    site, problems = build_site(not_run=outcome.not_run)
    problems += check_site(site)
    for difference in outcome.differences:
        print(f"differs from what is committed: {difference}")
    for problem in problems:
        print(f"site: {problem}")
    if not outcome.differences:
        print(outcome.verdict)
    index = site / "index.html"
    print(f"the site: {index if index.is_file() else 'not built'}")
    # Last, so that nobody misses it.
    for gap in outcome.gaps:
        print(gap)
    return 1 if outcome.differences or problems else 0
