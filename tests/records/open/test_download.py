"""Files of others: what is fetched is what the list says, however the network behaves."""

import argparse
import hashlib
import re
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from replication import cli
from replication.errors import SourceUnavailableError
from replication.panel import openalex_collect
from replication.records.open import download, sources
from tests.support.real_files import mirror_or_skip
from tests.support.source_list import COMMIT, entry, group

BODY = bytes(range(256)) * 2000
GOOD = hashlib.sha256(BODY).hexdigest()


class Server(ThreadingHTTPServer):
    """A host on this machine: how it behaves, and what it was asked."""

    behaviour: str = "ranges"
    body: bytes = BODY
    asked: list[str | None]

    def handle_error(self, request: object, client_address: object) -> None:
        """A cut connection is what some tests ask for."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server, wanted = self.server, self.headers["Range"]
        server.asked.append(wanted)
        assert self.headers["Accept-Encoding"] == "identity"
        if server.behaviour == "404":
            self.send_error(404)
            return
        if server.behaviour == "slow":
            time.sleep(1.5)
        begin = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted else 0
        if server.behaviour == "whole":
            begin = 0
        if (begin and begin >= len(server.body)) or (begin and server.behaviour == "416"):
            self.send_error(416)
            return
        shift = 7 if begin and server.behaviour == "elsewhere" else 0
        self.send_response(206 if begin else 200)
        if begin:
            last = len(server.body) - 1
            self.send_header("Content-Range", f"bytes {begin - shift}-{last}/{last + 1}")
        self.send_header("Content-Length", str(len(server.body) - begin + shift))
        self.end_headers()
        rest = server.body[begin - shift :]
        if server.behaviour == "cut":
            server.behaviour = "ranges"
            rest = rest[:200_000]
        self.wfile.write(rest)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server(("127.0.0.1", 0), Handler)
    server.asked, server.daemon_threads = [], True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join(timeout=5)
    server.server_close()


def toy(name: str, url: str, group: str = "toys") -> str:
    return entry(name, url, GOOD, len(BODY), group)


@pytest.fixture
def listed(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A list with one file on the server; nothing in the cache, no mirror."""
    path = tmp_path / "sources.toml"
    path.write_text(group() + toy("toy", f"https://127.0.0.1/{COMMIT}/toy.bin"), encoding="utf-8")
    # The list takes https only, and a test has no certificate.
    plain, read = f"http://127.0.0.1:{server.server_port}/", sources.read_sources

    def without_certificate() -> sources.Sources:
        whole = read(path)
        files = [
            one.model_copy(update={"url": one.url.replace("https://127.0.0.1/", plain)})
            for one in whole.source
        ]
        return whole.model_copy(update={"source": files})

    monkeypatch.setattr(sources, "read_sources", without_certificate)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("REPLICATION_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("REPLICATION_OPEN_DATA", raising=False)
    return path


@pytest.fixture
def part(tmp_path: Path, listed: Path) -> Path:
    """Place of the partial file, in a folder that is there."""
    path = tmp_path / "cache" / "toys" / "toy.bin.part"
    path.parent.mkdir(parents=True)
    return path


def not_here() -> list[str]:
    return [source.name for source in download.select() if not download.where(source)]


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(SourceUnavailableError) as caught:
        call()
    said = str(caught.value)
    assert "\n" not in said
    return said


# Downloading --------------------------------------------------------------------------------------


def test_a_file_is_downloaded_once(server: Server, part: Path) -> None:
    assert not_here() == ["toy"]
    path = download.locate("toy")
    assert path == part.with_suffix("")
    assert path.read_bytes() == BODY
    assert download.locate("toy") == path
    assert server.asked == [None]
    assert not_here() == []
    assert [p.name for p in path.parent.iterdir()] == ["toy.bin"]


def test_a_download_goes_on_where_it_broke_off(server: Server, part: Path) -> None:
    server.behaviour = "cut"
    said = refused(lambda: download.locate("toy"))
    assert "127.0.0.1, which broke off in the middle (the same command goes on" in said
    kept = part.stat().st_size
    assert 0 < kept <= 200_000
    assert not_here() == ["toy"]
    assert download.locate("toy").read_bytes() == BODY
    assert server.asked == [None, f"bytes={kept}-"]
    assert not part.exists()


@pytest.mark.parametrize(
    ("behaviour", "requests"),
    [("ranges", 1), ("whole", 1), ("416", 2), ("elsewhere", 2)],
)
def test_a_partial_file_is_used_only_if_the_server_goes_on_from_it(
    server: Server, part: Path, behaviour: str, requests: int
) -> None:
    part.write_bytes(BODY[:1000])
    server.behaviour = behaviour
    assert download.locate("toy").read_bytes() == BODY
    assert server.asked == ["bytes=1000-", None][:requests]


def test_a_partial_file_longer_than_the_file_is_begun_anew(server: Server, part: Path) -> None:
    part.write_bytes(BODY + b"more")
    assert download.locate("toy").read_bytes() == BODY


@pytest.mark.parametrize("begun", [b"", b"wrong"])
def test_a_wrong_checksum_leaves_nothing(server: Server, part: Path, begun: bytes) -> None:
    if begun:
        part.write_bytes(begun)
    else:
        server.body = BODY[:-1] + b"x"
    said = refused(lambda: download.locate("toy"))
    assert "what 127.0.0.1 sent for toy" in said
    assert GOOD in said
    assert "was removed" in said
    assert list(part.parent.iterdir()) == []
    # What is removed cannot spoil the next attempt.
    server.body = BODY
    assert download.locate("toy").read_bytes() == BODY


@pytest.mark.parametrize("begun", [False, True])
def test_a_file_that_is_not_there(server: Server, part: Path, begun: bool) -> None:
    if begun:
        part.write_bytes(BODY[:1000])
    server.behaviour = "404"
    said = refused(lambda: download.locate("toy"))
    assert said.startswith("could not get toy (text) from 127.0.0.1, which answered 404 Not Found")
    for remedy in ("--mirror DIR", "REPLICATION_OPEN_DATA", "committed results"):
        assert remedy in said


def test_a_host_that_sends_nothing_is_given_up(
    server: Server, part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "TIMEOUT", 0.2)
    server.behaviour = "slow"
    begin = time.monotonic()
    assert "which sent nothing for 0.2 seconds" in refused(lambda: download.locate("toy"))
    assert time.monotonic() - begin < 1.2


def test_a_host_that_refuses(server: Server, listed: Path) -> None:
    server.shutdown()
    server.server_close()
    assert "127.0.0.1, which cannot be reached" in refused(lambda: download.locate("toy"))


def test_a_damaged_file_of_the_cache_is_fetched_again(server: Server, part: Path) -> None:
    path = part.with_suffix("")
    path.write_bytes(BODY[:-1])
    assert not_here() == ["toy"]
    assert download.locate("toy").read_bytes() == BODY
    assert len(server.asked) == 1


def test_progress_is_shown_if_asked_for(part: Path, capsys: pytest.CaptureFixture[str]) -> None:
    download.locate("toy")
    assert capsys.readouterr() == ("", "")
    part.with_suffix("").unlink()
    download.fetch()
    said = capsys.readouterr()
    assert said.out == ""
    assert "toy: 100%" in said.err


# Mirrors ------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, listed: Path) -> Path:
    """A mirror with the file."""
    folder = tmp_path / "mirror"
    (folder / "toys").mkdir(parents=True)
    (folder / "toys" / "toy.bin").write_bytes(BODY)
    return folder


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_a_mirror_goes_before_cache_and_network(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    download.locate("toy")
    if how == "environment":
        monkeypatch.setenv("REPLICATION_OPEN_DATA", str(folder))
    found = download.locate("toy", mirror=folder if how == "argument" else None)
    assert found == folder / "toys" / "toy.bin"
    assert len(server.asked) == 1


def test_a_file_that_the_mirror_lacks_is_downloaded(server: Server, folder: Path) -> None:
    (folder / "toys" / "toy.bin").unlink()
    assert download.locate("toy", mirror=folder).read_bytes() == BODY
    assert len(server.asked) == 1


def test_a_damaged_file_of_a_mirror_is_an_error(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = folder / "toys" / "toy.bin"
    file.write_bytes(BODY[:-1])
    monkeypatch.setenv("REPLICATION_OPEN_DATA", str(folder))
    for call in (lambda: download.locate("toy"), lambda: download.fetch(["toy"])):
        said = refused(call)
        assert said.startswith(f"{file} is damaged")
        assert hashlib.sha256(BODY[:-1]).hexdigest() in said
        assert GOOD in said
        assert "replace it" in said
    assert not_here() == ["toy"]
    assert server.asked == []


def test_a_mirror_that_is_no_folder_is_an_error(listed: Path, tmp_path: Path) -> None:
    assert "nowhere is no folder" in refused(
        lambda: download.locate("toy", mirror=tmp_path / "nowhere")
    )


def test_a_mirror_is_needed_once(server: Server, folder: Path, tmp_path: Path) -> None:
    (copy,) = download.fetch(mirror=folder)
    assert copy == tmp_path / "cache" / "toys" / "toy.bin"
    (folder / "toys" / "toy.bin").unlink()
    assert download.locate("toy") == copy
    assert not_here() == []
    assert server.asked == []


def test_names_and_groups(listed: Path) -> None:
    more = toy("boy", f"https://a.example/{COMMIT}/b") + group("xs")
    more += toy("x", f"https://a/{COMMIT}/", "xs")
    listed.write_text(listed.read_text(encoding="utf-8") + more, encoding="utf-8")

    def chosen(*names: str) -> list[str]:
        return [source.name for source in download.select(names)]

    assert chosen() == ["toy", "boy", "x"]
    assert chosen("toys") == ["toy", "boy"]
    assert chosen("x", "boy", "boy") == ["boy", "x"]
    assert "no source 'ty': name a group (toys, xs)" in refused(lambda: download.select(["ty"]))
    assert "source 'toys' is not one of toy" in refused(lambda: download.locate("toys"))


def test_without_a_variable_the_cache_is_the_system_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REPLICATION_CACHE", raising=False)
    assert "replication" in download.cache_folder().parts


# The command --------------------------------------------------------------------------------------


def test_the_command_fetches_and_lists(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["fetch", "--list"]) == 0
    assert re.search(r"^toy +512 kB  not here +text\n +text; text$", capsys.readouterr().out, re.M)
    assert not (tmp_path / "cache").exists()
    assert cli.main(["fetch", "--list", "--mirror", str(folder)]) == 0
    assert "in the mirror" in capsys.readouterr().out
    assert cli.main(["fetch", "toys", "--mirror", str(folder)]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'cache' / 'toys' / 'toy.bin'}\n"
    assert cli.main(["fetch", "--list"]) == 0
    assert "in the cache" in capsys.readouterr().out


def test_a_damaged_copy_is_called_so(
    server: Server, part: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = part.with_suffix("")
    path.write_bytes(BODY[:-1])
    assert cli.main(["fetch", "--list"]) == 0
    assert re.search(r"^toy +512 kB  damaged ", capsys.readouterr().out, re.M)
    server.behaviour = "404"
    assert cli.main(["fetch"]) == 2
    assert f"the copy {path} is damaged, and could not get toy" in capsys.readouterr().err


def test_a_cache_that_is_no_folder_is_named(
    listed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REPLICATION_CACHE", str(listed))
    assert cli.main(["fetch"]) == 2
    said = capsys.readouterr().err
    assert f"the cache {listed} cannot be written to" in said
    assert "name another folder in REPLICATION_CACHE" in said


def test_what_is_for_openalex_is_not_ignored(
    listed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["fetch", "toy", "--years", "2011-2012"]) == 2
    assert "--years and --institutions are for openalex: name it" in capsys.readouterr().err
    assert cli.main(["fetch", "--list", "openalex"]) == 0
    assert capsys.readouterr().out == "openalex: not collected here\n"


def test_the_command_says_what_is_wrong_in_a_sentence(
    server: Server, listed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.behaviour = "404"
    assert cli.main(["fetch"]) == 2
    said = capsys.readouterr().err
    assert said.splitlines()[-1].startswith("replication fetch: could not get toy")
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("names", "files", "asked"),
    [([], [[]], 0), (["openalex"], [], 1), (["openalex", "the"], [["the"]], 1)],
)
def test_openalex_is_handed_over(
    monkeypatch: pytest.MonkeyPatch, names: list[str], files: list[list[str]], asked: int
) -> None:
    handed: list[argparse.Namespace] = []
    fetched: list[list[str]] = []
    monkeypatch.setattr(openalex_collect, "fetch_command", handed.append)
    monkeypatch.setattr(download, "fetch", lambda names, *_, **__: fetched.append(names) or [])
    assert cli.main(["fetch", *names]) == 0
    assert fetched == files
    assert len(handed) == asked
    assert all(options.command == "fetch" for options in handed)


# A file without a checksum ------------------------------------------------------------------------


@pytest.fixture
def unseen(listed: Path) -> Path:
    """The same list, its file known by its size alone."""
    text = listed.read_text(encoding="utf-8")
    listed.write_text(text.replace(f'sha256 = "{GOOD}"\n', ""), encoding="utf-8")
    assert sources.read_sources().source[0].sha256 is None
    return listed


def test_a_file_without_a_checksum_is_brought_by_name_only(
    server: Server, unseen: Path, part: Path
) -> None:
    assert download.fetch(progress=False) == []
    assert server.asked == []
    assert not_here() == ["toy"]
    (path,) = download.fetch(["toys"], progress=False)
    assert path.read_bytes() == BODY
    assert not_here() == []
    assert download.locate("toy") == path


@pytest.mark.parametrize("body", [BODY[:-1], BODY + b"x", b""])
def test_a_file_without_a_checksum_is_held_to_its_size(
    server: Server, unseen: Path, part: Path, body: bytes
) -> None:
    server.body = body
    assert re.search(r"512,000", refused(lambda: download.fetch(["toy"], progress=False)))
    assert list(part.parent.iterdir()) == []


def test_a_cut_off_copy_without_a_checksum_is_fetched_again(
    server: Server, unseen: Path, part: Path, tmp_path: Path
) -> None:
    file = part.with_suffix("")
    file.write_bytes(BODY[:1000])
    assert download.locate("toy").read_bytes() == BODY
    mirror = tmp_path / "mirror"
    (mirror / "toys").mkdir(parents=True)
    (mirror / "toys" / "toy.bin").write_bytes(BODY[:1000])
    said = refused(lambda: download.locate("toy", mirror))
    assert "its size is 1,000 bytes, expected 512,000" in said


# The real files -----------------------------------------------------------------------------------


def test_a_mirror_of_the_real_files_is_what_the_list_says() -> None:
    rows = tomllib.loads(sources.SOURCES.read_text(encoding="utf-8"))["source"]
    seen = [row for row in rows if "sha256" in row]
    assert [row["name"] for row in rows if row not in seen] == ["leiden-panel-2023"]
    folder = mirror_or_skip(*{row["group"] for row in seen})
    for row in seen:
        content = (folder / row["file"]).read_bytes()
        assert len(content) == row["bytes"]
        assert hashlib.sha256(content).hexdigest() == row["sha256"]
        assert download.locate(row["name"], mirror=folder) == folder / row["file"]


@pytest.mark.parametrize("begun", [0, 1000])
def test_a_host_that_sends_more_is_cut_off(
    server: Server, part: Path, monkeypatch: pytest.MonkeyPatch, begun: int
) -> None:
    """Of a hundred times the file, no more than its own size is ever on the disk."""
    server.body = BODY * 100
    if begun:
        part.write_bytes(BODY[:begun])
    largest, write = [0], download.tqdm.update

    def look(bar: object, n: int = 1) -> object:
        largest[0] = max(largest[0], part.stat().st_size)
        return write(bar, n)

    monkeypatch.setattr(download.tqdm, "update", look)
    with pytest.raises(SourceUnavailableError, match=r"more than the 512,000 bytes of the file"):
        download.fetch(progress=False)
    assert 0 < largest[0] <= len(BODY)
    assert list(part.parent.iterdir()) == []
