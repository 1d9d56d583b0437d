"""Papers with firms and abroad in two windows of the Leiden Ranking, before and after the shock.

The windows are 2015–2018 (edition 2020) and 2017–2020 (edition 2022). The R package that carries
edition 2020 says 2016–2019. We take 2015–2018: the publisher's paper on the edition names it so, as
do its workbook's labels; and the papers of the world grow 1.17-fold to 2017–2020, those of China
1.38-fold, too much for a shift of one year. The windows share 2017 and 2018.
"""

import lzma
import re
import warnings
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import rdata

from replication.errors import SchemaError
from replication.records.open import download, files
from replication.records.open.universities import match_once, require_names

SOURCE = "leiden-2020-all"
DATA_FRAME = "CWTS_2020"
WINDOWS = ("2015–2018", "2017–2020")
PARTS = ("collab", "int_collab", "industry_collab", "short_dist_collab", "long_dist_collab",
         "OA", "gold_OA", "hybrid_OA", "bronze_OA", "green_OA", "OA_unknown")  # fmt: skip
"""Kinds of papers whose number (``P_``) and percentage (``PP_``) edition 2020 has."""
WIDEST = 0.01
"""Largest width of the interval for the number of all papers, relative to it."""
COUNTS = {"P_int_collab": "papers_abroad", "P_industry_collab": "papers_firm"}


def leiden_windows() -> pd.DataFrame:
    """Papers of ministry universities with firms and abroad, in both windows.

    Returns
    -------
    DataFrame
        One row a university and window: ``university``, ``joint`` (whether the row is of two
        campuses together), ``name`` (as printed), ``window``, ``papers``, ``papers_firm``,
        ``papers_abroad`` and ``counting`` ("full": a paper counts once for each university on it).
        All three are in full counting, as the ranking always counts collaboration; its impact
        indicators of 2022 count fractions, and are not here. Edition 2020 does not print
        ``papers``: see `papers_of`. ``attrs["dropped"]`` has the number of the other rows.

    Raises
    ------
    SchemaError, MissingColumnError, DuplicateRowsError, RegistryError
        A file is not what it was; a number is none, or does not go with the others; a university
        has two rows, or is not found under the name of ``data/university_names.csv``.
    """
    both = files.stack([_first(), _second()])
    return both.sort_values(["university", "window"], ignore_index=True)


def papers_of(table: pd.DataFrame, file: str) -> pd.Series:
    """Papers of a university, from the numbers and percentages of the kinds of them.

    A number of a kind and its percentage, rounded to a tenth, leave an interval for the number of
    all; all kinds together leave a narrow one, and its middle is taken. The file of edition 2020:
    0.12 per cent wide at the mean, 0.43 at most.

    Raises
    ------
    SchemaError
        The intervals of a row do not meet, or leave more than one per cent open: its numbers are
        not of one university, or the shares are no percentages.
    """
    low = pd.Series(0.0, table.index)
    high = pd.Series(np.inf, table.index)
    for part in PARTS:
        number, percent = table[f"P_{part}"], table[f"PP_{part}"]
        least = (number - 0.5) / (percent + 0.05) * 100
        # A share that rounds to zero says nothing of how many there are at most.
        most = (number + 0.5) / (percent - 0.05).where(percent > 0.05) * 100
        low = low.where(low > least, least)
        high = high.where(~(most < high), most)
    middle = (low + high) / 2
    # Fractions read as percentages would leave wide intervals, which meet.
    good = (low <= high) & (high - low < WIDEST * middle)
    if not good.all():
        raise SchemaError(
            f"{file}, row {table.index[~good.to_numpy()][0]!r}: its numbers and percentages of "
            "papers do not go together, or are no percentages"
        )
    return middle


def _first() -> pd.DataFrame:
    """Edition 2020: row names of R, percentages."""
    path = download.locate(SOURCE)
    raw, file = _read(path), path.name
    heads = [f"{sign}_{part}" for part in PARTS for sign in ("P", "PP")]
    files.require(raw, heads, file)
    table = pd.DataFrame(
        {
            head: files.numbers(raw[head].astype(float), file, 100 if head[1] == "P" else np.inf)
            for head in heads
        }
    )
    named = pd.DataFrame(
        {
            "name": [printed(name) for name in raw.index],
            "window": WINDOWS[0],
            "papers": papers_of(table, file),
            **{new: table[old] for old, new in COUNTS.items()},
            "counting": "full",
        }
    )
    return _matched(named, "leiden-2020", file)


def _second() -> pd.DataFrame:
    """Edition 2022: a sheet with countries and fractions."""
    raw, file = files.read("leiden-2022")
    files.require(raw, ["University", "Country", "Period", "collab_P", *COUNTS], file)
    rule = f"not {WINDOWS[1]!r}: select the rows of one period"
    files.require_all(raw["Period"], raw["Period"] == WINDOWS[1], rule, file)
    # There is a Northeastern University in Boston, too.
    raw = files.keep(raw, raw["Country"] == "China", "not in China")
    numbers = {"collab_P": "papers", **COUNTS}
    table = raw[["University", "Period"]].set_axis(["name", "window"], axis=1)
    for old, new in numbers.items():
        table[new] = files.numbers(raw[old].astype(str).rename(old), file)
    return _matched(table.assign(counting="full"), "leiden", file)


def _matched(table: pd.DataFrame, source: str, file: str) -> pd.DataFrame:
    require_names(source, set(table["name"]))
    for part in COUNTS.values():
        rule = "more than all papers of the university"
        files.require_all(table[part], table[part] <= table["papers"], rule, file)
    kept = match_once(table, source, file)
    columns = ["university", "joint", "name", "window", "papers", *COUNTS.values(), "counting"]
    return kept[columns]


def printed(name: str) -> str:
    """Name of a university as edition 2020 prints it, from the row name that R made of it.

    R writes what is outside ASCII as ``<U+XXXX>``.
    """
    return re.sub("<U[+]([0-9A-F]{4,6})>", lambda code: chr(int(code[1], 16)), name)


def _read(path: Path) -> pd.DataFrame:
    """Data frame of R; `SchemaError` if the file has none."""
    # What the parts of rdata raise on a file that is damaged or of another kind.
    faults = (OSError, EOFError, ValueError, NotImplementedError, lzma.LZMAError, zlib.error)
    try:
        with warnings.catch_warnings():
            # It warns of a file of another kind, and goes on.
            warnings.simplefilter("error", UserWarning)
            content = rdata.read_rda(path)
    except (*faults, UserWarning) as error:
        raise SchemaError(f"{path.name} cannot be read as data of R: {error}") from error
    frame = content.get(DATA_FRAME)
    if not isinstance(frame, pd.DataFrame):
        raise SchemaError(f"{path.name}: no data frame {DATA_FRAME}; it has {', '.join(content)}")
    return frame
