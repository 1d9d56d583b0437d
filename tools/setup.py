"""Make the environment in ``.venv``: the lock with its hashes, then this package in place.

Standard library only, on any system: ``python tools/setup.py`` (``make setup``). Where nothing
changed it returns at once. The environment is made anew when the lock or the Python changed, when
the project was moved or when an installation was interrupted, so that it never holds more or less
than the lock says; pip's cache spares the downloads.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path

MINIMUM = (3, 11)
STAMP = "installed.json"
UV_MIRRORS = ("UV_DEFAULT_INDEX", "UV_INDEX_URL")


def environment_python(environment: Path) -> str:
    """Where the interpreter of a virtual environment stands on this system."""
    windows = os.name == "nt"
    return str(environment / ("Scripts/python.exe" if windows else "bin/python"))


def digest(*parts: bytes) -> str:
    """One checksum of several byte strings."""
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def wanted(root: Path) -> dict[str, str]:
    """What a finished environment is stamped with; scripts in it name the place they stand in."""
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    lock = (root / "requirements.txt").read_bytes()
    return {
        "environment": digest(lock, python.encode(), str(root).encode()),
        "project": digest((root / "pyproject.toml").read_bytes()),
    }


def installed(environment: Path) -> dict[str, str]:
    """The stamp of a finished environment whose Python still starts; empty for any other."""
    try:
        stamp = json.loads((environment / STAMP).read_text(encoding="utf-8"))
        command = [environment_python(environment), "-I", "-c", ""]
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, ValueError, subprocess.CalledProcessError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def has_ensurepip() -> bool:
    """Whether Python can put pip into an environment; Debian ships that part separately."""
    return importlib.util.find_spec("ensurepip") is not None


def pip_install(environment: Path, *arguments: str) -> None:
    """Install into an environment, by its own pip or else by that of this Python."""
    python = environment_python(environment)
    # Run from an active .venv, this script's own interpreter is the one being replaced.
    base = getattr(sys, "_base_executable", None) or sys.executable
    pip = [python, "-m", "pip"] if has_ensurepip() else [base, "-m", "pip", "--python", python]
    command = [*pip, "install", "--quiet", "--disable-pip-version-check", *arguments]
    subprocess.run(command, cwd=environment.parent, env=with_mirror(os.environ), check=True)


def with_mirror(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables, in which pip finds a mirror that is named for uv, unless it has its own."""
    named = [environment[name] for name in UV_MIRRORS if environment.get(name)]
    own = environment.get("PIP_INDEX_URL")
    mirror = {"PIP_INDEX_URL": named[0]} if named and not own else {}
    return {**environment, **mirror}


def setup(root: Path) -> str:
    """Bring ``root/.venv`` up to date and return what was done, in one line."""
    environment = root / ".venv"
    want, have = wanted(root), installed(environment)
    if have == want:
        return ".venv is up to date"
    # Without its stamp, an environment whose installation is interrupted is made anew next time.
    (environment / STAMP).unlink(missing_ok=True)
    if have.get("environment") != want["environment"]:
        print("setting up .venv (some minutes the first time) ...", flush=True)
        if environment.exists():
            shutil.rmtree(environment)
        venv.create(environment, symlinks=os.name != "nt", with_pip=has_ensurepip())
        pip_install(environment, "--require-hashes", "-r", "requirements.txt")
    pip_install(environment, "--no-deps", "--no-build-isolation", "--editable", ".")
    (environment / STAMP).write_text(json.dumps(want), encoding="utf-8")
    return f".venv is ready (Python {sys.version.split()[0]})"


def main() -> int:
    """Set up the project this script belongs to."""
    if sys.version_info < MINIMUM:
        print(f"Python 3.11 or later is needed; this is {sys.version.split()[0]}", file=sys.stderr)
        return 1
    try:
        print(setup(Path(__file__).resolve().parents[1]))
    except subprocess.CalledProcessError as error:
        print(f"setting up .venv failed: {' '.join(map(str, error.cmd))}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
