"""Public data of others: downloaded once, checked against a checksum, never shipped.

A file is looked for in a mirror (a folder with the same files), then in the cache, then on the
network; whichever it is, its SHA-256 must be the one in ``data/sources.toml``, or its size where
the list has no checksum. pooch keeps the cache, compares the checksums and moves files into place;
what is added here is a download that goes on where it broke off.
"""

import os
import shutil
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from requests import exceptions
from tqdm import tqdm

from replication.errors import SourceUnavailableError
from replication.records.open import sources
from replication.records.open.sources import Source
from replication.writing import alone

TIMEOUT = 30.0
"""Seconds without a byte after which a download is given up."""
CHUNK = 1 << 16
REMEDY = (
    "try again later, take the files from a folder that holds them (`replication fetch --mirror "
    "DIR`, or set REPLICATION_OPEN_DATA), or read the committed results"
)


def cache_folder() -> Path:
    """Folder of downloaded files: ``$REPLICATION_CACHE``, or where the system keeps caches."""
    return Path(os.environ.get("REPLICATION_CACHE") or _pooch().os_cache("replication"))


def mirror() -> Path | None:
    """Folder that already holds the files, ``$REPLICATION_OPEN_DATA``, if one is named."""
    named = os.environ.get("REPLICATION_OPEN_DATA")
    return Path(named) if named else None


def locate(name: str, mirror: Path | None = None) -> Path:
    """Path of a source's file, its checksum right: in the mirror, in the cache, or downloaded.

    Raises
    ------
    SourceUnavailableError
        The name is not known; the mirror is no folder or its file is damaged; or the file is
        neither here nor to be had from its host.
    """
    known = {source.name: source for source in sources.read_sources().source}
    if name not in known:
        raise SourceUnavailableError(
            f"source {name!r} is not one of {', '.join(known)} (data/sources.toml)"
        )
    return _in_mirror(known[name], mirror) or _in_cache(known[name], None, progress=False)


def fetch(
    names: Iterable[str] = (), mirror: Path | None = None, progress: bool = True
) -> list[Path]:
    """Bring files into the cache, from a mirror where one has them, or else from the network.

    Parameters
    ----------
    names : iterable of str
        Names or groups of ``data/sources.toml``; none means all that have a checksum.
    mirror : Path, optional
        Folder to copy from; default ``$REPLICATION_OPEN_DATA``. It is not needed afterwards.
    progress : bool
        Show a progress bar for each download.

    Raises
    ------
    SourceUnavailableError
        As `locate`. What was fetched before stays, and the next call goes on from there.
    """
    names = list(names)
    wanted = [one for one in select(names) if names or one.sha256]
    return [_in_cache(one, _in_mirror(one, mirror), progress) for one in wanted]


def select(names: Iterable[str] = ()) -> list[Source]:
    """Return the sources that `names` (names or groups; none means all) stand for."""
    listed = sources.read_sources()
    names = set(names)
    groups = [group.name for group in listed.group]
    unknown = sorted(names - {source.name for source in listed.source} - set(groups))
    if unknown:
        raise SourceUnavailableError(
            f"no source {unknown[0]!r}: name a group ({', '.join(groups)}) or a file, see "
            "`replication fetch --list`"
        )
    return [one for one in listed.source if not names or names & {one.name, one.group}]


def listing(names: Iterable[str] = (), folder: Path | None = None) -> str:
    """Text for the terminal: name, size, where it is, what it is and its licence, one file each."""
    lines = []
    for one in select(names):
        place = where(one, folder)
        there = f"in the {place}" if place else "damaged" if _copies(one, folder) else "not here"
        lines += [f"{one.name:<20} {one.bytes / 1000:>7,.0f} kB  {there:<13}  {one.what}"]
        lines += [f"{'':<47}{one.licence}; {one.terms}"]
    return "\n".join(lines)


def where(source: Source, folder: Path | None = None) -> str:
    """Where the intact file of a source is: "mirror", "cache", or "" if it is not here."""
    return next(
        (place for place, file in _copies(source, folder).items() if _intact(source, file)), ""
    )


def _copies(source: Source, folder: Path | None) -> dict[str, Path]:
    """Files of a source's name in the mirror and in the cache, intact or not."""
    places = {"mirror": folder or mirror(), "cache": cache_folder()}
    files = {place: at / source.file for place, at in places.items() if at}
    return {place: file for place, file in files.items() if file.is_file()}


def _checksum(file: Path) -> str:
    return str(_pooch().file_hash(str(file), alg="sha256"))


def _intact(source: Source, file: Path) -> bool:
    if source.sha256 is None:
        return file.stat().st_size == source.bytes
    return _checksum(file) == source.sha256


def _pooch() -> Any:
    """The library, quiet: it would announce each file, copies included, as "downloading"."""
    with warnings.catch_warnings():
        # In a notebook tqdm asks for widgets, and a warning there would be an output.
        warnings.filterwarnings("ignore", message="IProgress not found")
        import pooch
    pooch.get_logger().setLevel("WARNING")
    return pooch


def _in_mirror(source: Source, folder: Path | None) -> Path | None:
    """Intact file of the mirror, or None if there is no mirror or it lacks the file."""
    folder = folder or mirror()
    if folder is None:
        return None
    if not folder.is_dir():
        raise SourceUnavailableError(
            f"the mirror {folder} is no folder: name one with --mirror or REPLICATION_OPEN_DATA"
        )
    file = folder / source.file
    if not file.is_file():
        return None
    if not _intact(source, file):
        found, expected = (
            (f"SHA-256 is {_checksum(file)}", source.sha256)
            if source.sha256
            else (f"size is {file.stat().st_size:,} bytes", f"{source.bytes:,}")
        )
        raise SourceUnavailableError(
            f"{file} is damaged or another version: its {found}, expected {expected}; replace it, "
            "or remove it to have it downloaded"
        )
    return file


def _in_cache(source: Source, copy_from: Path | None, progress: bool) -> Path:
    """File of the cache; if it is missing or damaged there, copied or downloaded."""
    folder, host = cache_folder(), urlsplit(source.url).hostname
    file, what = folder / source.file, f"{source.name} ({source.what})"
    part = file.with_name(f"{file.name}.part")

    def bring(_url: str, output: str, _pooch: Any) -> None:
        if copy_from:
            shutil.copyfile(copy_from, output)
            return
        with alone(file.parent):
            _resume(source, part, progress)
            if source.sha256 is None and part.stat().st_size != source.bytes:
                raise ValueError(f"{part.stat().st_size:,} bytes, not {source.bytes:,}")
            # From here on it is pooch's: a wrong checksum removes it, so nothing goes on from it.
            part.replace(output)

    try:
        if source.sha256 is None and file.is_file() and not _intact(source, file):
            # Without a checksum pooch would take it as it is.
            file.unlink()
        _pooch().retrieve(
            source.url,
            known_hash=f"sha256:{source.sha256}" if source.sha256 else None,
            fname=source.file,
            path=folder,
            downloader=bring,
        )
    except exceptions.RequestException as error:
        old = f"the copy {file} is damaged, and " if file.is_file() else ""
        raise SourceUnavailableError(
            f"{old}could not get {what} from {host}, which {_why(error)}: {REMEDY}"
        ) from error
    except OSError as error:
        raise SourceUnavailableError(
            f"the cache {folder} cannot be written to ({error.strerror or error}): name another "
            "folder in REPLICATION_CACHE"
        ) from error
    except ValueError as error:
        # pooch has removed what came; its first sentence holds both checksums. What is too long is
        # left to us, and no part to go on from.
        part.unlink(missing_ok=True)
        said = str(error).partition(". ")[0]
        raise SourceUnavailableError(
            f"what {host} sent for {what} is not the file of data/sources.toml and was removed "
            f"({said}): {REMEDY}"
        ) from error
    return file


def _resume(source: Source, part: Path, progress: bool) -> None:
    """Download that keeps what has come in `part` and asks only for the rest."""
    with _ask(source.url, part) as response:
        goes_on = response.status_code == 206 and "Range" in response.request.headers
        begin = part.stat().st_size if goes_on else 0
        bar = {"total": source.bytes, "initial": begin, "desc": source.name}
        with (
            part.open("ab" if goes_on else "wb") as partial,
            tqdm(**bar, unit="B", unit_scale=True, disable=not progress) as shown,
        ):
            for chunk in response.iter_content(CHUNK):
                if partial.tell() + len(chunk) > source.bytes:
                    raise ValueError(f"more than the {source.bytes:,} bytes of the file")
                partial.write(chunk)
                shown.update(len(chunk))


def _ask(url: str, part: Path) -> requests.Response:
    """Response with the rest of a file (206), or with the whole of it."""
    # Compressed on the way, bytes could not be counted.
    plain = {"Accept-Encoding": "identity"}
    have = part.stat().st_size if part.is_file() else 0
    if have:
        wanted = {**plain, "Range": f"bytes={have}-"}
        response = requests.get(url, headers=wanted, stream=True, timeout=TIMEOUT)
        begins = response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        if response.status_code not in (206, 416) or (response.status_code == 206 and begins):
            response.raise_for_status()
            return response
        response.close()
    response = requests.get(url, headers=plain, stream=True, timeout=TIMEOUT)
    response.raise_for_status()
    return response


def _why(error: Exception) -> str:
    """What the host did, in words that follow its name."""
    if isinstance(error, exceptions.HTTPError) and error.response is not None:
        return f"answered {error.response.status_code} {error.response.reason}".rstrip()
    if isinstance(error, exceptions.Timeout) or "timed out" in str(error):
        return f"sent nothing for {TIMEOUT:g} seconds"
    if isinstance(error, exceptions.ChunkedEncodingError):
        return "broke off in the middle (the same command goes on from there)"
    return "cannot be reached"
