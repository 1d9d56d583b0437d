"""Which files a folder holds, and text files in UTF-8, whatever encoding they came in."""

import codecs
import struct
import zipfile
from pathlib import Path

import pyarrow as pa
from charset_normalizer import from_bytes

from replication.errors import SchemaError, SourceUnavailableError

TEXT = (".csv", ".tsv", ".txt")
BOOKS = (".xlsx", ".xlsm")
LINES = (".jsonl", ".ndjson")
KNOWN = (*TEXT, *BOOKS, *LINES, ".parquet", ".pdf")
PIECE = 4 * 1024 * 1024
MOST_LINE = 64 * 1024 * 1024
KEEPS_REFERENCES = (
    "it has no class of a paper: export CNKI's 自定义 with 中图分类号 ticked, or the full record "
    "of Web of Science as text"
)
HINTS = {
    ".xls": "save it as .xlsx",
    ".zip": "unpack it",
    ".gz": "unpack it",
    ".json": "write a work a line, and name it .jsonl",
    **dict.fromkeys((".net", ".ris", ".enw", ".bib", ".ciw"), KEEPS_REFERENCES),
}
"""What is to be done with files of other kinds."""
MOST_UNPACKED = 2**31
"""Bytes that a workbook may unfold to."""
# Share of lines beyond ASCII that are UTF-8: in between, a file is of two encodings. A short line
# of GB18030 may be UTF-8 by chance.
GB, UTF8 = 0.05, 0.95


def exported(folder: Path) -> list[Path]:
    """Files of a folder that may be exports, by name.

    `SourceUnavailableError` if there is none; `SchemaError` names a link out of the folder, or a
    file that is empty or of a kind that is not read.
    """
    if not folder.is_dir():
        raise SourceUnavailableError(f"{folder} is no folder: name the one that holds the exports")
    found = []
    for path in sorted(folder.rglob("*")):
        if any(part.startswith((".", "~$")) for part in path.relative_to(folder).parts):
            continue
        if not path.resolve().is_relative_to(folder.resolve()):
            raise SchemaError(
                f"{path} is a link to {path.resolve()}, outside of the folder: copy the file"
            )
        if path.is_file() and path.suffix.lower() != ".toml":
            found.append(checked(path))
    if not found:
        raise SourceUnavailableError(f"{folder} holds no file that could be an export")
    return found


def checked(path: Path) -> Path:
    """Return the path of a file that can be read; `SchemaError` if it is of no such kind."""
    if not path.is_file():
        raise SourceUnavailableError(f"{path} is no file: name a table")
    suffix = path.suffix.lower()
    if suffix not in KNOWN and not (suffix == ".xls" and _is_html(path)):
        hint = HINTS.get(suffix, "take it out of the folder")
        raise SchemaError(f"{path}: files {suffix or 'without a suffix'} are not read: {hint}")
    if path.stat().st_size == 0:
        raise SchemaError(f"{path} is empty: export it again, or take it out of the folder")
    if suffix in BOOKS:
        _require_workbook(path)
    return path


def _is_html(path: Path) -> bool:
    """Whether a file named as an old workbook is a table of HTML, as CNKI exports it."""
    with path.open("rb") as file:
        start = file.read(512).replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \r\n\t").lower()
    return start.startswith((b"<html", b"<table", b"<!doctype", b"<meta", b"<head"))


def _require_workbook(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as book:
            size = sum(part.file_size for part in book.infolist())
    except (zipfile.BadZipFile, OSError) as error:
        raise SchemaError(
            f"{path} is no workbook or is cut off ({error}): export it again"
        ) from error
    if size > MOST_UNPACKED:
        raise SchemaError(
            f"{path} would unfold to {size:,} bytes, of {MOST_UNPACKED:,} at most: export it as "
            "CSV, if it is yours at all"
        )


def as_utf8(path: Path, scratch: Path) -> tuple[Path, str]:
    """Return the file, or a copy in UTF-8 under `scratch`, and the encoding that it has.

    Raises
    ------
    SchemaError
        Two encodings in one file, or none of UTF-8, UTF-16 and GB18030.
    """
    with path.open("rb") as file:
        head = file.read(4)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _transcode(path, "utf-16", scratch), "UTF-16"
    if _is_utf8(path):
        return path, "UTF-8 with BOM" if head.startswith(codecs.BOM_UTF8) else "UTF-8"
    lines, good, first_bad = _count_utf8(path)
    share = good / lines
    if head.startswith(codecs.BOM_UTF8) or share > GB:
        which = "is no UTF-8" if share >= UTF8 else "is of another encoding than others"
        raise SchemaError(
            f"{path}, line {first_bad}: {which} ({lines - good:,} such lines of {lines:,} beyond "
            "ASCII): save each part in one encoding, UTF-8 for choice"
        )
    return _transcode(path, "gb18030", scratch), "GB18030"


def _is_utf8(path: Path) -> bool:
    """Whether every byte of a file is part of UTF-8; `SchemaError` names a byte that no text has.

    Arrow looks at gigabytes a second; nothing is decoded, and nothing but the lines that two reads
    share is copied.
    """
    rest = b""
    read = bytearray(PIECE)
    with path.open("rb", buffering=0) as file:
        while size := file.readinto(read):
            if read.find(0, 0, size) >= 0:
                raise SchemaError(
                    f"{path}, line {_line_of_zero(path)}: holds a byte of value 0, which no text "
                    "has: the file is damaged, or is UTF-16 without its mark; export it again"
                )
            first, last = read.find(b"\n", 0, size) + 1, read.rfind(b"\n", 0, size) + 1
            if not last:
                rest += read[:size]
            elif _valid(rest + read[:first]) and _valid(memoryview(read)[first:last]):
                rest = bytes(read[last:size])
            else:
                return False
            if len(rest) > MOST_LINE:
                raise SchemaError(
                    f"{path}: has a line of more than {MOST_LINE:,} bytes: it is no table; export "
                    "it again"
                )
    return _valid(rest)


def _valid(piece: bytes | memoryview) -> bool:
    """Whether whole lines are UTF-8."""
    ends = pa.py_buffer(struct.pack("ii", 0, len(piece)))
    try:
        pa.StringArray.from_buffers(1, ends, pa.py_buffer(piece)).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _line_of_zero(path: Path) -> int:
    with path.open("rb") as file:
        return next(number for number, line in enumerate(file, start=1) if b"\0" in line)


def _count_utf8(path: Path) -> tuple[int, int, int | None]:
    """Lines that are beyond ASCII, those of them that are UTF-8, number of the first that is not.

    Lines are told apart only in a file that has proved to be no UTF-8.
    """
    lines = good = 0
    first: int | None = None
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.isascii():
                continue
            lines += 1
            try:
                line.decode("utf-8")
                good += 1
            except UnicodeDecodeError:
                first = first or number
    return lines, good, first


def _transcode(path: Path, encoding: str, scratch: Path) -> Path:
    target = scratch / f"{len(list(scratch.iterdir()))}.utf8"
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    line = 1
    with path.open("rb") as file, target.open("w", encoding="utf-8", newline="") as out:
        try:
            while piece := file.read(PIECE):
                text = decoder.decode(piece)
                out.write(text)
                line += text.count("\n")
            out.write(decoder.decode(b"", final=True))
        except UnicodeDecodeError as error:
            guess = from_bytes(path.read_bytes()[:PIECE]).best()
            said = f"; it may be {guess.encoding}" if guess else ""
            raise SchemaError(
                f"{path}, line {line} or after: is neither UTF-8 nor {encoding.upper()} "
                f"({error.reason}){said}: save it in UTF-8, or export it again if it is cut off"
            ) from error
    return target
