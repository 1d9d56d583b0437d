"""Files that a page names, as links: to the clone's remote, or else to a copy in the site."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from bs4 import BeautifulSoup

NAME = re.compile(r"[\w./-]+\.(?:cff|csv|do|json|md|py|R|toml)")
WITHIN = ("", "src/replication")
"""Folders from which a page names a file."""
OPEN = re.compile(r"(?:benchmarks|book|data|notebooks|results|src|tests|tools)/|[^/]+$")
"""Places of files that are everybody's."""
LARGEST = 500_000
"""Bytes of a file that is copied."""


def file_named(name: str, source: Path) -> str | None:
    """Path from the top of the project of a file that a page names; None for any other word."""
    if NAME.fullmatch(name) is None or ".." in name:
        return None
    for folder in WITHIN:
        path = f"{folder}/{name}".removeprefix("/")
        private = path.startswith("data/restricted/") and not path.endswith("/README.md")
        if (source / path).is_file() and OPEN.match(path) and not private:
            return path
    return None


def link_files(soup: BeautifulSoup, source: Path, site: Path, root: str, remote: str) -> None:
    """Make each file that is named in code a link.

    Parameters
    ----------
    soup : BeautifulSoup
    source, site : Path
        The project, and the built site.
    root : str
        What leads from the page to the top of the site.
    remote : str
        Address below which a public remote shows the files; empty where there is none.
    """
    for code in soup.select(".bd-article code"):
        path = file_named(code.get_text(), source)
        if path is None or code.find_parent("a") is not None:
            continue
        if remote:
            address = f"{remote}/{path}"
        elif (source / path).stat().st_size <= LARGEST:
            copy = site / "files" / path
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / path, copy)
            address = f"{root}files/{path}"
        else:
            continue
        code.wrap(soup.new_tag("a", href=address))
