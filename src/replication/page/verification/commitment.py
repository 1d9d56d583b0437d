"""What was committed: by git, or by the checksums of a deposit that came without its history."""

import hashlib
import io
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from replication.config import ROOT
from replication.errors import RegistryError, SourceUnavailableError
from replication.writing import write_file

MANIFEST = "MANIFEST.sha256"
"""File of a deposit with the checksum of each file below `COVERED`, as ``sha256sum`` writes it."""

COVERED = (
    "data",
    "notebooks",
    "results",
    "src",
    "book/references.bib",
    "requirements.txt",
    "tests/oracles",
)
"""Folders and files that decide which numbers come out."""

IGNORED = ("__pycache__", ".ipynb_checkpoints", ".egg-info", ".replication.")
"""Parts of paths that tools leave behind."""
OWN = ("data/records/", "data/restricted/")
"""Folders of what the reader simulates or holds; no exhibit of the book reads them."""


@dataclass(frozen=True)
class Commitment:
    """What a run is compared with.

    Attributes
    ----------
    kind : {"git", "manifest", "folder"}
    version : str
        The commit and its date, or the checksum of the manifest; empty where nothing says what was
        committed.
    edited : dict of str to str
        Files below `COVERED` that are no longer as committed: path and ``"edited"``, ``"removed"``
        or ``"not committed"``.
    """

    kind: str
    version: str
    edited: dict[str, str]

    @property
    def sentence(self) -> str:
        """What the run was compared with, for a person."""
        return {
            "git": f"the git commit {self.version}",
            "manifest": f"the deposit of {MANIFEST} {self.version}",
            "folder": "the files of this folder, of which nothing says what was committed",
        }[self.kind]


def commitment(root: Path = ROOT) -> Commitment:
    """Say what is committed in a checkout or a deposit, and what has been edited since.

    Raises
    ------
    SourceUnavailableError
        Without a git history, and without a manifest.
    RegistryError
        If the manifest cannot be read.
    """
    if _is_checkout(root):
        said = _git(root, "log", "-1", "--format=%h of %cs")
        return Commitment("git", said.strip(), _edited_since_commit(root))
    path = root / MANIFEST
    if not path.is_file():
        raise SourceUnavailableError(
            f"{root} has neither a git history nor {MANIFEST}: clone the repository, or unpack the "
            "deposit again, since otherwise nothing says what the committed numbers are"
        )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Commitment("manifest", digest[:12], _edited_since_manifest(root))


def known(root: Path = ROOT) -> Commitment:
    """As `commitment`, and the folder as it is where nothing says what was committed."""
    try:
        return commitment(root)
    except SourceUnavailableError:
        return Commitment("folder", "", {})


def clean_copy(folder: Path, root: Path = ROOT) -> None:
    """Write what was committed to an empty folder: the commit itself, or the deposit's files."""
    if _is_checkout(root):
        archive = _run(root, "archive", "--format=tar", "HEAD")
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(folder, filter="data")
        return
    for name in read_manifest(root / MANIFEST):
        if (root / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, folder / name)


def write_manifest(root: Path = ROOT) -> None:
    """Write `manifest` to its place; what is new is added to git first, or it is left out."""
    write_file(root / MANIFEST, manifest(root))


def manifest(root: Path = ROOT) -> bytes:
    """Checksums of all files below `COVERED` that git knows, in the order of their names.

    Raises
    ------
    SourceUnavailableError
        Outside a git checkout: a stray file would enter the deposit.
    """
    if not _is_checkout(root):
        raise SourceUnavailableError(f"{root} is no git checkout: {MANIFEST} is made in one")
    names = _git(root, "ls-files", "-z", "--", *COVERED).split("\0")
    lines = [
        f"{_digest(root / n)}  {n}\n" for n in sorted(filter(None, names)) if (root / n).is_file()
    ]
    return "".join(lines).encode()


def read_manifest(path: Path) -> dict[str, str]:
    """Checksum of each file of a manifest.

    Raises
    ------
    RegistryError
        On a line that is no checksum with a path below `COVERED`, or that names a file again: its
        number.
    """
    found = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        digest, _, name = line.partition("  ")
        covered = any(name == one or name.startswith(f"{one}/") for one in COVERED)
        if len(digest) != 64 or not covered or ".." in Path(name).parts:
            raise RegistryError(
                f"{path.name}, line {number}: {line!r} is no checksum with the path of a file in "
                f"{', '.join(COVERED)}; unpack the deposit again"
            )
        if name in found:
            raise RegistryError(
                f"{path.name}, line {number}: {name} is in it twice, as after two changes were "
                "merged: `make readme` writes it anew"
            )
        found[name] = digest
    return found


def _edited_since_manifest(root: Path) -> dict[str, str]:
    listed = read_manifest(root / MANIFEST)
    edited = {}
    for name, digest in listed.items():
        if not (root / name).is_file():
            edited[name] = "removed"
        elif _digest(root / name) != digest:
            edited[name] = "edited"
    strays = {name for name in _files(root) if name not in listed}
    return dict(sorted((edited | dict.fromkeys(strays, "not committed")).items()))


def _edited_since_commit(root: Path) -> dict[str, str]:
    said = _git(
        root, "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--", *COVERED
    )
    edited = {}
    for entry in filter(None, said.split("\0")):
        code, name = entry[:2], entry[3:]
        edited[name] = (
            "not committed"
            if code == "??" or "A" in code
            else ("removed" if "D" in code else "edited")
        )
    return dict(sorted(edited.items()))


def _files(root: Path) -> Iterator[str]:
    for one in COVERED:
        place = root / one
        for path in [place] if place.is_file() else place.rglob("*"):
            name = path.relative_to(root).as_posix()
            ours = not name.startswith(OWN) and not any(part in name for part in IGNORED)
            if ours and path.is_file():
                yield name


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_checkout(root: Path) -> bool:
    # A deposit that was unpacked inside some other repository is not that repository's.
    return (root / ".git").exists() and shutil.which("git") is not None


def _git(root: Path, *arguments: str) -> str:
    return _run(root, *arguments).decode("utf-8", "surrogateescape")


def _run(root: Path, *arguments: str) -> bytes:
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, check=False)
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise SourceUnavailableError(f"git {arguments[0]} failed in {root}: {said}")
    return done.stdout
