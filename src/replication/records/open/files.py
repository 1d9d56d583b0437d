"""Reading the files of open data: what is not as it should be is named by file, row and column.

Rows are counted as a spreadsheet counts them: the header is row 1.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd
from python_calamine import CalamineError

from replication import errors
from replication.records.open import download

Fault = type[errors.ReplicationError]


def read(name: str) -> tuple[pd.DataFrame, str]:
    """Table of a source and its file's name; raise `SchemaError` if it cannot be read.

    A CSV file is read as texts, of a spreadsheet the first sheet.
    """
    path = download.locate(name)
    if path.suffix != ".xlsx":
        return read_texts(path), path.name
    try:
        raw = pd.read_excel(path, engine="calamine")
    except (CalamineError, ValueError) as error:
        raise errors.SchemaError(f"{path.name} cannot be read as a spreadsheet: {error}") from error
    raw.index += 2
    return raw, path.name


def read_texts(path: Path, error: Fault = errors.SchemaError) -> pd.DataFrame:
    """Texts of a CSV file, with or without a byte-order mark; raise `error` if it is none."""
    try:
        raw = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as fault:
        raise error(f"{path.name} cannot be read as CSV in UTF-8: {fault}") from fault
    raw.index += 2
    return raw


def plain(header: str) -> str:
    """Header without what differs between editions: brackets, points, spaces, their widths."""
    return re.sub(r"[\s()·]", "", unicodedata.normalize("NFKC", header))


def require(table: pd.DataFrame, columns: Iterable[str], file: str) -> None:
    """Raise `MissingColumnError` on the first of `columns` that a file does not have."""
    if missing := [column for column in columns if column not in table.columns]:
        raise errors.MissingColumnError(
            f"{file}: column {missing[0]!r} is not there; it has: "
            f"{', '.join(map(str, table.columns))}"
        )


def require_all(
    values: pd.Series, good: pd.Series, rule: str, file: str, error: Fault = errors.SchemaError
) -> None:
    """Raise `error`, which names the first value that is not `good`: it "is" `rule`."""
    if not good.all():
        at = int((~good).to_numpy().argmax())
        place = f"{file}, row {values.index[at]}, column {values.name!r}"
        raise error(f"{place}: {values.tolist()[at]!r} is {rule}")


def require_once(table: pd.DataFrame, key: Sequence[str], file: str) -> None:
    """Raise `DuplicateRowsError` if a key has more than one row."""
    duplicate = table.duplicated(list(key))
    if duplicate.any():
        said = ", ".join(map(str, table.loc[duplicate, list(key)].iloc[0]))
        raise errors.DuplicateRowsError(
            f"{file}: {said} has more than one row; keep one, or see in university_names.csv "
            "whether two names are one university's"
        )


def numbers(
    values: pd.Series, file: str, high: float = float("inf"), *, empty: bool = False
) -> pd.Series:
    """Floats from 0 to `high`; raise `SchemaError` on the first value that is none.

    What is missing stays so; an empty text is missing if `empty`.
    """
    given = values.notna() & ~((values.astype(str).str.strip() == "") & empty)
    found = pd.to_numeric(values.where(given), errors="coerce").astype(float)
    rule = f"no number from 0 to {high:g}" if high < float("inf") else "no number of 0 or more"
    fits = found.between(0, high) & (found < float("inf"))
    require_all(values, fits | ~given, f"{rule}; look for a band, a mark or another unit", file)
    return found


def shares(values: pd.Series, file: str) -> pd.Series:
    """Shares in [0, 1] of texts such as "7.04%"; raise `SchemaError` on the first that is none.

    An empty text is missing; "0" needs no percent sign.
    """
    text = values.str.strip()
    signed = text.str.endswith("%") | text.isin(["", "0"])
    require_all(values, signed, "no share with a percent sign", file)
    return numbers(text.str.removesuffix("%"), file, 100, empty=True) / 100


def keep(table: pd.DataFrame, rows: pd.Series, reason: str) -> pd.DataFrame:
    """Keep some rows, and count the others in ``attrs["dropped"]`` under their reason."""
    dropped = Counter(table.attrs.get("dropped", {}))
    dropped += Counter({reason: int((~rows).sum())})
    kept = table[rows]
    kept.attrs = {**table.attrs, "source": "open", "dropped": dict(dropped)}
    return kept


def stack(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Put editions one below the other and add up the rows that were dropped of them."""
    if not tables:
        raise ValueError("name at least one edition")
    dropped = sum((Counter(table.attrs["dropped"]) for table in tables), Counter())
    whole = pd.concat(tables, ignore_index=True)
    whole.attrs = {**tables[0].attrs, "dropped": dict(dropped)}
    return whole
