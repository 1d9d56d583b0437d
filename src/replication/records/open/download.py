"""Public data of others: downloaded once, checked against a checksum, never shipped.

A file is looked for in a mirror (a folder with the same files), then in the cache, then on the
network; whichever it is, its SHA-256 must be the one in ``data/sources.toml``. pooch keeps the
cache, compares the checksums and moves files into place; what is added here is a download that
goes on where it broke off.
"""

import os
import re
import shutil
import tomllib
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import pandas as pd

from replication.config import DATA
from replication.errors import RegistryError, SourceUnavailableError

SOURCES = DATA / "sources.toml"
DESCRIPTION = ("what", "publisher", "citation", "licence", "terms")
TEXTS = ("name", "group", "file", "url", "sha256", *DESCRIPTION)
FIELDS = (*TEXTS, "bytes")
PINNED = re.compile(r"/[0-9a-f]{40}/|/10\.\d{4,9}/")
"""A commit or a DOI: what is behind the address does not change."""

TIMEOUT = 30.0
"""Seconds without a byte after which a download is given up."""
CHUNK = 1 << 16
REMEDY = (
    "try again later, take the files from a folder that holds them (`replication fetch --mirror "
    "DIR`, or set REPLICATION_OPEN_DATA), or read the committed results"
)


def load_sources(path: Path | None = None) -> pd.DataFrame:
    """Read the list of public files and check it.

    Parameters
    ----------
    path : Path, optional
        Another list than `SOURCES`.

    Returns
    -------
    DataFrame
        One row a file, columns of `FIELDS`; ``bytes`` is its size.

    Raises
    ------
    RegistryError
        The list is missing or is no TOML; a field is missing, empty, unknown or of the wrong
        kind; a name or file is doubled; a checksum is no SHA-256; an address is not https, or is
        not pinned to a commit or a DOI.
    """
    path = path or SOURCES
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8")).get("source", [])
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RegistryError(f"{path}: cannot be read as TOML ({error}); mend the file") from error
    if not rows:
        raise RegistryError(f"{path.name}: no [[source]] in it; add one a file")
    for number, row in enumerate(rows, start=1):
        _check_row(row, f"{path.name}, row {number} ({row.get('name', 'without name')})")
    frame = pd.DataFrame(rows, columns=list(FIELDS))
    for field in ("name", "file"):
        doubled = frame.loc[frame[field].duplicated(), field]
        if len(doubled):
            raise RegistryError(
                f"{path.name}: {field} {doubled.iloc[0]!r} is doubled; rename one row"
            )
    both = sorted(set(frame["name"]) & set(frame["group"]))
    if both:
        raise RegistryError(f"{path.name}: {both[0]!r} is a name and a group; rename one of them")
    return frame


def _check_row(row: dict[str, object], place: str) -> None:
    """Fail on the first field of a row that is not as it must be."""
    for field in sorted(row.keys() - set(FIELDS)):
        raise RegistryError(f"{place}, field {field!r}: unknown; use only {', '.join(FIELDS)}")
    for field in TEXTS:
        text = row.get(field)
        if not isinstance(text, str) or not text.strip():
            raise RegistryError(f"{place}, field {field!r}: missing or empty; give it a text")
    size, file, url = row.get("bytes"), PurePosixPath(str(row["file"])), str(row["url"])
    if not isinstance(size, int) or isinstance(size, bool) or size <= 0:
        raise RegistryError(f"{place}, field 'bytes': give the size of the file as a number")
    if file.is_absolute() or ".." in file.parts:
        raise RegistryError(f"{place}, field 'file': {str(file)!r} must stay within the cache")
    if not re.fullmatch("[0-9a-f]{64}", str(row["sha256"])):
        raise RegistryError(f"{place}, field 'sha256': 64 lower-case hexadecimal digits are needed")
    if not url.startswith("https://") or not url.isascii():
        raise RegistryError(
            f"{place}, field 'url': begin with https:// and escape what is no ASCII"
        )
    if not PINNED.search(url):
        raise RegistryError(f"{place}, field 'url': pin it to a commit (40 digits) or a DOI")


def cache_folder() -> Path:
    """Folder of downloaded files: ``$REPLICATION_CACHE``, or where the system keeps caches."""
    return Path(os.environ.get("REPLICATION_CACHE") or _pooch().os_cache("replication"))


def mirror() -> Path | None:
    """Folder that already holds the files, ``$REPLICATION_OPEN_DATA``, if one is named."""
    named = os.environ.get("REPLICATION_OPEN_DATA")
    return Path(named) if named else None


def locate(name: str, mirror: Path | None = None, progress: bool = False) -> Path:
    """Path of a file whose checksum is right: in the mirror, in the cache, or downloaded.

    Parameters
    ----------
    name : str
        Name of one source in ``data/sources.toml``.
    mirror : Path, optional
        Folder to look in first; default ``$REPLICATION_OPEN_DATA``.
    progress : bool
        Show a progress bar while downloading.

    Raises
    ------
    SourceUnavailableError
        The name is not known; the mirror is no folder or its file is damaged; or the file is
        neither here nor to be had from its host.
    """
    source = _named(name)
    return _in_mirror(source, mirror) or _in_cache(source, None, progress)


def fetch(
    names: Iterable[str] = (), mirror: Path | None = None, progress: bool = True
) -> list[Path]:
    """Bring files into the cache, from a mirror where one has them, or else from the network.

    Parameters
    ----------
    names : iterable of str
        Names or groups of ``data/sources.toml``; none means all.
    mirror : Path, optional
        Folder to copy from; default ``$REPLICATION_OPEN_DATA``. It is not needed afterwards.
    progress : bool
        Show a progress bar for each download.

    Raises
    ------
    SourceUnavailableError
        As `locate`. What was fetched before stays, and the next call goes on from there.
    """
    sources = [_named(name) for name in select(names)]
    return [_in_cache(source, _in_mirror(source, mirror), progress) for source in sources]


def select(names: Iterable[str] = ()) -> list[str]:
    """Names of the sources that `names` (names or groups; none means all) stand for."""
    sources = load_sources()
    names = list(names)
    unknown = sorted(set(names) - set(sources["name"]) - set(sources["group"]))
    if unknown:
        groups = ", ".join(sources["group"].unique())
        raise SourceUnavailableError(
            f"no source {unknown[0]!r}: name a group ({groups}) or a file, see "
            "`replication fetch --list`"
        )
    chosen = sources["name"].isin(names) | sources["group"].isin(names) | (not names)
    return list(sources.loc[chosen, "name"])


def missing(names: Iterable[str] = ()) -> list[str]:
    """Those of the sources whose file, with the right checksum, is not here; no network."""
    return [name for name in select(names) if not where(name)]


def listing(names: Iterable[str] = (), folder: Path | None = None) -> str:
    """Text for the terminal: name, size, where it is, what it is and its licence, one file each."""
    sources = load_sources().set_index("name")
    lines = []
    for name in select(names):
        row = sources.loc[name]
        place = where(name, folder)
        damaged = _copies(_named(name), folder)
        there = f"in the {place}" if place else "damaged" if damaged else "not here"
        lines += [f"{name:<16} {row['bytes'] / 1000:>7,.0f} kB  {there:<13}  {row['what']}"]
        lines += [f"{'':<43}{row['licence']}; {row['terms']}"]
    return "\n".join(lines)


def where(name: str, folder: Path | None = None) -> str:
    """Where the intact file of a source is: "mirror", "cache", or "" if it is not here."""
    source = _named(name)
    for place, file in _copies(source, folder).items():
        if _checksum(file) == source["sha256"]:
            return place
    return ""


def _copies(source: dict[str, Any], folder: Path | None) -> dict[str, Path]:
    """Files of a source's name in the mirror and in the cache, intact or not."""
    places = {"mirror": folder or mirror(), "cache": cache_folder()}
    files = {place: at / str(source["file"]) for place, at in places.items() if at}
    return {place: file for place, file in files.items() if file.is_file()}


def _named(name: str) -> dict[str, Any]:
    """Row of one source."""
    sources = load_sources()
    if name not in set(sources["name"]):
        raise SourceUnavailableError(
            f"source {name!r} is not one of {', '.join(sources['name'])} (data/sources.toml)"
        )
    return {str(k): v for k, v in sources[sources["name"] == name].iloc[0].items()}


def _checksum(file: Path) -> str:
    return str(_pooch().file_hash(str(file), alg="sha256"))


def _pooch() -> Any:
    """The library, quiet: it would announce each file, copies included, as "downloading"."""
    with warnings.catch_warnings():
        # In a notebook tqdm asks for widgets, and a warning there would be an output.
        warnings.filterwarnings("ignore", message="IProgress not found")
        import pooch
    pooch.get_logger().setLevel("WARNING")
    return pooch


def _in_mirror(source: dict[str, Any], folder: Path | None) -> Path | None:
    """Intact file of the mirror, or None if there is no mirror or it lacks the file."""
    folder = folder or mirror()
    if folder is None:
        return None
    if not folder.is_dir():
        raise SourceUnavailableError(
            f"the mirror {folder} is no folder: name one with --mirror or REPLICATION_OPEN_DATA"
        )
    file = folder / str(source["file"])
    if not file.is_file():
        return None
    found = _checksum(file)
    if found != source["sha256"]:
        raise SourceUnavailableError(
            f"{file} is damaged or another version: its SHA-256 is {found}, expected "
            f"{source['sha256']}; replace it, or remove it to have it downloaded"
        )
    return file


def _in_cache(source: dict[str, Any], copy_from: Path | None, progress: bool) -> Path:
    """File of the cache; if it is missing or damaged there, copied or downloaded."""
    import requests

    folder, host = cache_folder(), urlsplit(str(source["url"])).hostname
    part = folder / f"{source['file']}.part"
    what = f"{source['name']} ({source['what']})"
    try:
        found = _pooch().retrieve(
            source["url"],
            known_hash=f"sha256:{source['sha256']}",
            fname=source["file"],
            path=folder,
            downloader=_copy(copy_from) if copy_from else _resume(part, source, progress),
        )
    except requests.exceptions.RequestException as error:
        file = folder / str(source["file"])
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
        # pooch has removed what came; its first sentence holds both checksums.
        said = str(error).partition(". ")[0]
        raise SourceUnavailableError(
            f"what {host} sent for {what} is not the file of data/sources.toml and was removed "
            f"({said}): {REMEDY}"
        ) from error
    return Path(found)


Downloader = Callable[[str, str, Any], None]


def _copy(file: Path) -> Downloader:
    """Stand-in for a download: the file of a mirror."""

    def copy(_url: str, output: str, _pooch: Any) -> None:
        shutil.copyfile(file, output)

    return copy


def _resume(part: Path, source: dict[str, Any], progress: bool) -> Downloader:
    """Download that keeps what has come in `part` and asks only for the rest."""

    def download(url: str, output: str, _pooch: Any) -> None:
        from tqdm import tqdm

        with _ask(url, part) as response:
            goes_on = response.status_code == 206 and "Range" in response.request.headers
            begin = part.stat().st_size if goes_on else 0
            bar = {"total": source["bytes"], "initial": begin, "desc": source["name"]}
            with (
                part.open("ab" if goes_on else "wb") as file,
                tqdm(**bar, unit="B", unit_scale=True, disable=not progress) as shown,
            ):
                for chunk in response.iter_content(CHUNK):
                    file.write(chunk)
                    shown.update(len(chunk))
        # From here on it is pooch's: a wrong checksum removes it, so nothing goes on from it.
        part.replace(output)

    return download


def _ask(url: str, part: Path) -> Any:
    """Response with the rest of a file (206), or with the whole of it."""
    import requests

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
    from requests import exceptions

    if isinstance(error, exceptions.HTTPError) and error.response is not None:
        return f"answered {error.response.status_code} {error.response.reason}".rstrip()
    if isinstance(error, exceptions.Timeout) or "timed out" in str(error):
        return f"sent nothing for {TIMEOUT:g} seconds"
    if isinstance(error, exceptions.ChunkedEncodingError):
        return "broke off in the middle (the same command goes on from there)"
    return "cannot be reached"
