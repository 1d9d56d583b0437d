"""A small project with one chapter, committed to git, to be verified and damaged."""

import subprocess
from pathlib import Path

import jupytext

from replication.page import chapters

HEADER = """\
---
kernelspec:
  display_name: Python 3
  name: python3
---
"""
"""Head of a chapter's text."""

CHAPTER = (
    HEADER
    + """\

# A small chapter

```{code-cell} ipython3
import pandas as pd
import replication as rp

rp.chapter("small", source="none")
numbers = pd.DataFrame({"patents_joint": [0, 1, 1, 4], "share": [0.5, 0.25, 1 / 3, 0.125]})
```

```{code-cell} ipython3
rp.publish("tab-x", rp.tables.plain(numbers), title="Four numbers")
rp.number("half", 0.5)
```

```{code-cell} ipython3
rp.publish("fig-x", rp.figures.histogram(numbers), title="Four counts")
```

```{code-cell} ipython3
print(dict(seed=2026), numbers["patents_joint"].sum())
```
"""
)


def git(folder: Path, *arguments: str) -> str:
    """Run git there, as nobody in particular."""
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", str(folder), *who, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def commit(folder: Path) -> None:
    """Commit all that is there."""
    if not (folder / ".git").exists():
        git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "All")


def small_project(folder: Path) -> Path:
    """A committed project: a chapter, what it publishes, and a data file."""
    for name in ("notebooks", "results", "data"):
        (folder / name).mkdir(parents=True)
    (folder / "notebooks" / "small.md").write_text(CHAPTER, encoding="utf-8")
    (folder / "data" / "panel.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    run = chapters.execute("small", folder / "results", folder)
    notebook = jupytext.writes(run.notebook, fmt="ipynb")
    (folder / "notebooks" / "small.ipynb").write_text(notebook, encoding="utf-8")
    commit(folder)
    return folder
