"""Nothing of the project needs a POSIX system, a long path or a file system that tells a from A."""

import ast
import re
from collections import Counter
from pathlib import Path, PureWindowsPath

import pytest

from tests.support.project import git

ROOT = Path(__file__).resolve().parents[2]
FILES = [name for name in git(ROOT, "ls-files", "-z").split("\0") if name]
POSIX = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
"""Modules of the standard library that Windows has not."""

# Windows takes 260 characters; so many are left for the place of the folder.
LONGEST = 150


@pytest.mark.parametrize(
    "module", [name for name in FILES if re.match(r"(src|tools)/.*\.py$", name)]
)
def test_a_module_imports_nothing_that_windows_has_not(module: str) -> None:
    tree = ast.parse((ROOT / module).read_text(encoding="utf-8"))
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            imported.add(str(node.module).partition(".")[0])
    assert not imported & POSIX


def test_names_of_files_are_good_for_every_system() -> None:
    assert max(map(len, FILES)) <= LONGEST
    folded = Counter(name.casefold() for name in FILES)
    assert [name for name, times in folded.items() if times > 1] == []
    for name in FILES:
        assert not re.search(r'[<>:"\\|?*]|[ .](?:/|$)', name), name
        reserved = r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)"
        assert not any(re.match(reserved, part) for part in PureWindowsPath(name).parts), name


def test_no_file_is_a_link() -> None:
    modes = git(ROOT, "ls-files", "-s").splitlines()
    assert [line for line in modes if line.startswith("120000")] == []


def test_the_steps_for_windows_are_the_others_with_its_paths() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    steps = readme.partition("### Without make")[2].partition("### ")[0]
    rows = re.findall(r"^\|[^|]*\| `([^`]+)` \| `([^`]+)` \|$", steps, re.M)
    assert len(rows) >= 9
    for windows, other in rows:
        same = windows.replace(r".venv\Scripts" + "\\", ".venv/bin/").replace("\\", "/")
        assert same == other.replace("python3 ", "python ", 1), windows
        assert "make" not in windows.split()
