"""Numbers, dates, symbols and names as exports spell them, in one form: macros of DuckDB.

Widths and characters that nobody sees go first, and only where there are any: most cells have none.
"""

from functools import cache

import duckdb
import opencc
import pyarrow as pa
import pyarrow.compute as pc
from duckdb.func import ARROW

from replication.records.ingest.separators import OTHER, pieces_sql, split_sql

YES, NO = ("Y", "YES", "TRUE", "1", "是"), ("N", "NO", "FALSE", "0", "否")
"""What says yes and no, in capitals."""
INVISIBLE = r"[\p{Cf}\x{FE00}-\x{FE0F}]"
# U+2E80 on: radicals, ideographs, widths; what is before is Latin and its signs.
BEYOND = r"[^\x00-\x7F]"
# Day of the calendar that spreadsheets count days from (1900 being a leap year there).
EPOCH = "DATE '1899-12-30'"

WEIGHTED = " + ".join(
    f"coalesce(try_cast(substr(x, {i + 1}, 1) AS INTEGER), 0) * {2 + i % 8}" for i in range(12)
)

MACROS = rf"""
CREATE OR REPLACE MACRO plain(x) AS
  CASE WHEN regexp_matches(x, '{BEYOND}') THEN nfkc(x) ELSE x END;
CREATE OR REPLACE MACRO letters(x) AS
  upper(regexp_replace(plain(x), '[^\p{{L}}\p{{N}}.]', '', 'g'));
-- Since October 2003: year, kind, seven digits, perhaps a check digit. Before: two digits of the
-- year, kind, five digits. A kind of publication may follow.
CREATE OR REPLACE MACRO modern(x) AS
  regexp_extract(x,
    '^(?:CN|ZL|CNZL)?((?:19|20)[0-9]{{2}}[1-9][0-9]{{7}})(?:\.?[0-9X])?(?:[ABCUYS][0-9]?)?$', 1);
CREATE OR REPLACE MACRO early(x) AS
  regexp_extract(x, '^(?:CN|ZL|CNZL)?((?:8[5-9]|9[0-9]|0[0-3])[1-9][0-9]{{5}})(?:\.?[0-9X])?$', 1);
-- Digits times 2 to 9 and again from 2, modulo 11, X for ten (ZC 0006-2003).
CREATE OR REPLACE MACRO check_digit(x) AS
  substr('0123456789X', 1 + ({WEIGHTED}) % 11, 1);
CREATE OR REPLACE MACRO day(x) AS CASE
  WHEN regexp_matches(x, '^[0-9]{{8}}$') THEN try_strptime(x, '%Y%m%d')
  WHEN regexp_matches(x, '^[2-5][0-9]{{4}}(\.0+)?$') THEN
    ({EPOCH} + CAST(split_part(x, '.', 1) AS INTEGER))::TIMESTAMP
  ELSE try_strptime(
    regexp_replace(regexp_replace(x, '[ T]+[0-9:.]+Z?$', ''),
      '^([0-9]{{4}})[-/.年]([0-9]{{1,2}})[-/.月]([0-9]{{1,2}})日?$', '\1-\2-\3'),
    '%Y-%m-%d') END;
CREATE OR REPLACE MACRO symbols(x) AS
  list_transform(
    regexp_extract_all(upper(plain(replace(x, '；', ';'))),
      '\b[A-H][0-9]{{2}}[A-Z](?:\s*[0-9]{{1,4}}\s*/\s*[0-9]{{2,6}})?'),
    lambda s: regexp_replace(s, '\s', '', 'g'));
CREATE OR REPLACE MACRO named(x) AS
  CASE WHEN regexp_matches(x, '[^\x00-\x7F\x{{4E00}}-\x{{9FFF}}（）；]') OR traditional(x)
    THEN translate(simplified(x), '〔〕【】［］', '（）（）（）') ELSE x END;
CREATE OR REPLACE MACRO separate(x) AS
  CASE WHEN regexp_matches(x, '{OTHER}') THEN {split_sql("x")}
    ELSE {pieces_sql("replace(x, '；', ';')")} END;
CREATE OR REPLACE MACRO names(x) AS separate(named(x));
"""


@cache
def _converter() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


def simple(name: str) -> str:
    """Name in simplified characters, one width, nothing invisible, no full stop behind it."""
    return str(_converter().convert(name))


def _nfkc(text: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.replace_substring_regex(
        pc.utf8_normalize(text, form="NFKC"), pattern=r"[\p{Cf}\x{FE00}-\x{FE0F}]", replacement=""
    )


def _simplified(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """Characters are simplified cell by cell, and of one cell once."""
    encoded = pc.dictionary_encode(text)
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    values = pc.replace_substring_regex(encoded.dictionary, pattern=INVISIBLE, replacement="")
    made = pa.array([None if v is None else simple(v) for v in values.to_pylist()], pa.string())
    return made.take(encoded.indices)


def prepare(base: duckdb.DuckDBPyConnection) -> None:
    """Define the macros on a connection."""
    text = duckdb.sqltypes.VARCHAR
    base.create_function("nfkc", _nfkc, [text], text, type=ARROW)
    base.create_function("simplified", _simplified, [text], text, type=ARROW)
    base.execute(
        f"CREATE OR REPLACE MACRO traditional(x) AS regexp_matches(x, '[{_traditional()}]')"
    )
    for macro in MACROS.split(";\n"):
        if macro.strip():
            base.execute(macro)


@cache
def _traditional() -> str:
    """Characters that have a simplified form."""
    every = "".join(map(chr, range(0x4E00, 0xA000)))
    return "".join(c for c in every if simple(c) != c)
