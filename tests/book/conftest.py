"""The built book, made once for all the tests that look at it."""

import functools
import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from replication.config import ROOT

NOT_RUN = "05_real_universities"
BUILD = "from jupyter_book.cli.main import main; main()"


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The book, built apart from the one that a reader may be looking at, without one chapter."""
    out = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # the workers' folders lie in one that they share
        out = out.parent
    out = out / "book"
    html = out / "_build" / "html"
    with FileLock(out.with_suffix(".lock")):
        said = out / "said.txt"
        if not said.is_file():
            out.mkdir(exist_ok=True)
            options = ["-W", "--keep-going", "--all", "-q", "--path-output", str(out)]
            done = subprocess.run(
                [sys.executable, "-c", BUILD, "build", str(ROOT), *options],
                capture_output=True,
                text=True,
                cwd=out,
                env={**os.environ, "REPLICATION_NOT_RUN": json.dumps({NOT_RUN: "no network here"})},
                check=False,
            )
            fault = done.stdout[-3000:] + done.stderr[-6000:] if done.returncode else ""
            said.write_text(fault, encoding="utf-8")
        fault = said.read_text(encoding="utf-8")
    assert not fault, fault
    return html


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """The site over HTTP."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: the tests' own output is what counts."""

    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
