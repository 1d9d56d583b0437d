"""The simulated study as records: the files that a holder of real data would bring.

Universities, firms and institutes are numbered, never named: no real applicant gets an invented
patent.
"""

import zlib
from collections.abc import Iterator

import numpy as np
import pandas as pd

from replication.records.classify import load_disciplines
from replication.records.pieces import Table, whole
from replication.records.variables import EXCHANGE, GRADES, RESOURCES
from replication.simulate.patents import Patents
from replication.simulate.process import ADVANTAGED_SHARE
from replication.simulate.study import Study

PIECE = 100_000
"""Events that are put into words together."""


def simulate_records(study: Study, seed: int = 2026) -> dict[str, pd.DataFrame]:
    """Tables of `replication.records.schema.RECORDS` from one draw of the process.

    Parameters
    ----------
    study : Study
    seed : int
        Of the names, dates and IPC groups, which carry no effect.
    """
    return {name: whole(table) for name, table in record_pieces(study, seed).items()}


def record_pieces(study: Study, seed: int = 2026, rows: int = PIECE) -> dict[str, Table]:
    """As `simulate_records`, but tables of events come in pieces, of some `rows` each.

    The events of a study are numbers of a few bytes; as text they need ten times the memory.
    """
    rng = np.random.default_rng([seed, zlib.crc32(b"records")])
    n, years = study.process.universities, study.process.years
    ids = _numbered("U", n, max(len(str(n)), 2))
    names = ids + "大学"
    cells = {
        "university": ids[study.university],
        "discipline": study.disciplines[study.discipline].astype(object),
    }
    return {
        "universities": pd.DataFrame({"university": ids, "applicant_names": names}),
        "disciplines": load_disciplines(),
        "exchange": _yearly(ids, years, study.exchange, list(EXCHANGE)),
        "resources": _yearly(ids, years, study.resources, list(RESOURCES)),
        "grades": pd.DataFrame({**cells, "grade": _grades(study.strength)}),
        "patents": Patents(study, names, rng).pieces(rows),
        "papers": _events(study.papers, cells, "paper", rows, countries="partner_countries"),
        "hires": _events(study.hires, cells, "hire", rows, country="doctorate_country"),
    }


def _yearly(
    ids: np.ndarray, years: np.ndarray, values: np.ndarray, names: list[str]
) -> pd.DataFrame:
    frame = pd.DataFrame(values.reshape(-1, len(names)), columns=names)
    frame.insert(0, "university", np.repeat(ids, len(years)))
    frame.insert(1, "year", np.tile(years, len(ids)))
    return frame


def _grades(strength: np.ndarray) -> pd.Series:
    """Grades by rank in the discipline; the lowest third is not published, as in 2017."""
    cuts = [0, 0.30, 0.37, 0.44, 0.51, 0.58, 0.65, 1 - ADVANTAGED_SHARE, 0.84, 0.94, 1.0]
    labels = [None, *reversed(GRADES)]
    return pd.Series([labels[i] for i in np.digitize(strength, cuts, right=True) - 1], dtype="str")


def _events(
    events: pd.DataFrame, cells: dict[str, np.ndarray], key: str, rows: int, **columns: str
) -> Iterator[pd.DataFrame]:
    """Events numbered in order of year and cell, under the record's names of their columns."""
    # Cells are in order of university and discipline.
    year, cell = (events[c].to_numpy() for c in ("year", "cell"))
    place = (year - year.min()) * np.int64(len(cells["university"])) + cell
    order = np.argsort(place.astype("int32"), kind="stable")
    for first in range(0, len(order), rows):
        piece = events[["year", "cell", *columns]].iloc[order[first : first + rows]]
        frame = piece.rename(columns=columns).astype({"year": "int64"})
        frame = frame.astype(dict.fromkeys(columns.values(), "str")).reset_index(drop=True)
        at = frame.pop("cell")
        frame = frame.assign(**{name: of[at] for name, of in cells.items()})
        frame[key] = _numbered(key[0].upper(), len(frame), 7, first)
        yield frame[[key, *cells, "year", *columns.values()]]


def _numbered(prefix: str, n: int, digits: int, after: int = 0) -> np.ndarray:
    """Labels of a prefix and a number, the first `after` a number."""
    numbers = range(after + 1, after + n + 1)
    return np.array([f"{prefix}{i:0{digits}d}" for i in numbers], dtype=object)
