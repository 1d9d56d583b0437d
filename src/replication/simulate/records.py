"""The simulated study as records: the files that a holder of real data would bring.

Universities, firms and institutes are numbered, never named: no real applicant gets an invented
patent. A few records are there to be dropped by the builder, as in any export: applications of
universities outside the sample, a main class outside the concordance, a line exported twice.
"""

import zlib

import numpy as np
import pandas as pd

from replication.records.classify import load_disciplines, load_ipc
from replication.records.study import frame as declared
from replication.records.variables import EXCHANGE, GRADES, RESOURCES
from replication.simulate.draws import abroad
from replication.simulate.process import ADVANTAGED_SHARE
from replication.simulate.study import Study

INDUSTRIES = (
    "精密机械", "电子科技", "新材料", "生物医药", "能源装备", "信息技术", "化工", "汽车零部件",
    "环保工程",
)  # fmt: skip
COMPANY = ("有限公司", "股份有限公司", "集团有限公司", "有限责任公司")
OFFICES = {"US": 0.4, "WO": 0.35, "EP": 0.1, "JP": 0.1, "KR": 0.05}
FIRMS = 2000


def simulate_records(study: Study, seed: int = 2026) -> dict[str, pd.DataFrame]:
    """Tables of `replication.records.schema.RECORDS` from one draw of the process.

    Parameters
    ----------
    study : Study
    seed : int
        Of the names, dates and IPC groups, which carry no effect.
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
        "patents": _patents(study, names[study.university], rng),
        "papers": _events(study.papers, cells, "paper", countries="partner_countries"),
        "hires": _events(study.hires, cells, "hire", country="doctorate_country"),
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
    events: pd.DataFrame, cells: dict[str, np.ndarray], key: str, **columns: str
) -> pd.DataFrame:
    """Events numbered in order of year and cell, under the record's names of their columns."""
    place = {name: of[events["cell"]] for name, of in cells.items()}
    frame = events[["year", *columns]].rename(columns=columns).assign(**place)
    frame = frame.sort_values(["year", *cells], kind="stable", ignore_index=True)
    frame[key] = _numbered(key[0].upper(), len(frame), 7)
    return frame[[key, *cells, "year", *columns.values()]]


def _patents(study: Study, names: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    home = declared.study().home
    offices = abroad(np.array(list(OFFICES), dtype=object))
    subclasses = load_ipc()["ipc_subclass"].sort_values().to_numpy(object)
    joint, sole, overseas = (
        events.assign(
            jurisdiction=home,
            applicants=names[events["cell"]],
            subclass=subclasses[events["subclass"]],
        )
        for events in (study.joint, study.sole, study.overseas)
    )
    firm = _firms(rng)
    joint["applicants"] += ";" + firm[rng.integers(FIRMS, size=len(joint))]
    # One joint application in five has a third applicant, an institute.
    third = rng.random(len(joint)) < 0.2
    joint.loc[third, "applicants"] += ";" + _institutes(len(joint), rng)[third]
    # One application without a firm in ten is with an institute or the university's own holding.
    draw = rng.random(len(sole))
    institute, holding = draw < 0.07, (draw >= 0.07) & (draw < 0.10)
    sole.loc[institute, "applicants"] += ";" + _institutes(len(sole), rng)[institute]
    sole.loc[holding, "applicants"] += ";" + sole["applicants"] + "资产经营有限公司"
    overseas["jurisdiction"] = rng.choice(offices, len(overseas), p=list(OFFICES.values()))
    dropped = _to_be_dropped(study.process.years, names[0], firm, rng)
    patents = pd.concat([joint, sole, overseas, dropped], ignore_index=True)
    day = rng.integers(0, 365, len(patents)).astype("timedelta64[D]")
    start = (patents["year"].to_numpy() - 1970).astype("datetime64[Y]").astype("datetime64[D]")
    patents["date"] = (start + day).astype("datetime64[us]")
    group, subgroup = rng.integers(1, 30, len(patents)), rng.integers(0, 99, len(patents))
    patents["ipc"] = [
        f"{s} {g}/{h:02d}" for s, g, h in zip(patents.pop("subclass"), group, subgroup, strict=True)
    ]
    second = rng.random(len(patents)) < 0.3
    more = subclasses[rng.integers(len(subclasses), size=int(second.sum()))]
    patents.loc[second, "ipc"] += ";" + more + " 1/00"
    patents["granted"] = rng.random(len(patents)) < 0.62
    patents = patents.sort_values(["date", "jurisdiction", "applicants", "ipc"], ignore_index=True)
    number = _numbered("1", len(patents), 7)
    patents["application"] = patents["jurisdiction"] + patents["year"].astype(str) + number
    # A line that the export holds twice, for every two thousand.
    patents = pd.concat([patents, patents.iloc[::2000]], ignore_index=True)
    return patents[["application", "date", "jurisdiction", "applicants", "ipc", "granted"]]


def _numbered(prefix: str, n: int, digits: int) -> np.ndarray:
    """Labels of a prefix and a number, from 1."""
    return np.array([f"{prefix}{i:0{digits}d}" for i in range(1, n + 1)], dtype=object)


def _institutes(n: int, rng: np.random.Generator) -> np.ndarray:
    return "R" + rng.integers(100, 400, n).astype(str).astype(object) + "研究所"


def _firms(rng: np.random.Generator) -> np.ndarray:
    industry, form = (
        np.array(words, dtype=object)[rng.integers(len(words), size=FIRMS)]
        for words in (INDUSTRIES, COMPANY)
    )
    return _numbered("F", FIRMS, 4) + industry + form


def _to_be_dropped(
    years: np.ndarray, university: str, firm: np.ndarray, rng: np.random.Generator
) -> pd.DataFrame:
    """Applications that belong to no cell: another university, or a class of no discipline."""
    n = 300
    elsewhere = np.arange(n) < 200
    other = "N" + rng.integers(10, 99, n).astype(str).astype(object) + "大学"
    return pd.DataFrame(
        {
            "year": rng.choice(years, n),
            "jurisdiction": declared.study().home,
            "applicants": np.where(
                elsewhere,
                other + ";" + firm[rng.integers(FIRMS, size=n)],
                university + ";" + firm[rng.integers(FIRMS, size=n)],
            ),
            "subclass": np.where(elsewhere, "H01L", "A61K"),
        }
    )
