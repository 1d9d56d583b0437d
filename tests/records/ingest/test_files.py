"""Which encoding a file has, and what is said of one that has two."""

import random

import pytest

from replication.errors import SchemaError
from replication.records.ingest import files
from tests.records.ingest.test_ingest import EXPORT, ROWS


def test_pieces_are_utf8_where_the_whole_is(tmp_path, monkeypatch):
    """Python's own decoder is the judge, wherever pieces and lines end."""
    monkeypatch.setattr(files, "PIECE", 16)
    draw = random.Random(7)
    alphabet = ["a", "\n", "é", "大", "𠀀", ","]
    path = tmp_path / "a.csv"
    for number in range(300):
        raw = "".join(draw.choices(alphabet, k=draw.randrange(1, 60))).encode()
        if number % 2:
            at = draw.randrange(len(raw))
            raw = raw[:at] + bytes([draw.randrange(128, 256)]) + raw[at + 1 :]
        path.write_bytes(raw)
        assert files._is_utf8(path) is decodes(raw), raw


def decodes(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def test_lines_in_ascii_are_not_counted_among_those_beyond(tmp_path):
    path = tmp_path / "a.csv"
    ascii_lines = "6,x,,,,,,,,\n" * 1000
    path.write_bytes((EXPORT + ascii_lines).encode() + ROWS[-1].encode("gb18030"))
    with pytest.raises(SchemaError, match=r"line 1007: .* \(1 such lines of 7 beyond ASCII\)"):
        files.as_utf8(path, tmp_path)


def test_a_line_without_end_is_no_table(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "PIECE", 16)
    monkeypatch.setattr(files, "MOST_LINE", 100)
    (tmp_path / "a.csv").write_text("x" * 300)
    with pytest.raises(SchemaError, match=r"a\.csv: has a line of more than 100 bytes"):
        files.as_utf8(tmp_path / "a.csv", tmp_path)
