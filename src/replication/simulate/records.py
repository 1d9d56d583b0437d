"""The simulated study as records: the files that a holder of real data would bring.

Universities, firms and institutes are numbered, never named: no real applicant gets an invented
patent. A few records are there to be dropped by the builder, as in any export: applications of
universities outside the sample, a main class outside the concordance, a line exported twice.
"""

import zlib

import numpy as np
import pandas as pd

from replication.records.classify import load_disciplines, load_ipc
from replication.records.variables import EXCHANGE, GRADES, RESOURCES
from replication.simulate.process import ADVANTAGED_SHARE
from replication.simulate.study import Study

INDUSTRIES = np.array(
    [
        "精密机械",
        "电子科技",
        "新材料",
        "生物医药",
        "能源装备",
        "信息技术",
        "化工",
        "汽车零部件",
        "环保工程",
    ]
)
COMPANY = np.array(["有限公司", "股份有限公司", "集团有限公司", "有限责任公司"])
OFFICES = np.array(["US", "WO", "EP", "JP", "KR"])
FIRMS = 2000


def simulate_records(study: Study, seed: int = 2026) -> dict[str, pd.DataFrame]:
    """Tables of `replication.records.schema.RECORDS` from one draw of the process.

    Parameters
    ----------
    study : Study
    seed : int
        Of the names, dates and IPC groups, which carry no effect.

    Returns
    -------
    dict of str to DataFrame
    """
    rng = np.random.default_rng([seed, zlib.crc32(b"records")])
    width = len(str(study.process.universities))
    ids = np.array([f"U{i + 1:0{max(width, 2)}d}" for i in range(study.process.universities)])
    cell_university, cell_discipline = ids[study.university], study.disciplines[study.discipline]
    names = np.char.add(ids, "大学")
    return {
        "universities": pd.DataFrame({"university": ids, "applicant_names": names}),
        "disciplines": load_disciplines(),
        "exchange": _yearly(ids, study.process.years, study.exchange, list(EXCHANGE)),
        "resources": _yearly(ids, study.process.years, study.resources, list(RESOURCES)),
        "grades": pd.DataFrame(
            {
                "university": cell_university,
                "discipline": cell_discipline,
                "grade": _grades(study.strength),
            }
        ),
        "patents": _patents(study, names[study.university], rng),
        "papers": _events(
            study.papers,
            cell_university,
            cell_discipline,
            "paper",
            "P",
            partner_countries=study.papers["countries"],
        ),
        "hires": _events(
            study.hires,
            cell_university,
            cell_discipline,
            "hire",
            "H",
            doctorate_country=study.hires["country"],
        ),
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
    events: pd.DataFrame,
    university: np.ndarray,
    discipline: np.ndarray,
    name: str,
    prefix: str,
    **columns: pd.Series,
) -> pd.DataFrame:
    cell = events["cell"].to_numpy()
    frame = pd.DataFrame(
        {
            "university": university[cell],
            "discipline": discipline[cell],
            "year": events["year"],
            **columns,
        }
    ).sort_values(["year", "university", "discipline"], kind="stable", ignore_index=True)
    frame.insert(0, name, [f"{prefix}{i + 1:07d}" for i in range(len(frame))])
    return frame


def _patents(study: Study, names: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    subclasses = load_ipc().sort_values("ipc_subclass")["ipc_subclass"].to_numpy(str)
    joint, sole, overseas = study.joint, study.sole, study.overseas
    firm = _firms(rng)
    applicants = {
        "joint": _join(names, joint, firm[rng.integers(FIRMS, size=len(joint))]),
        "sole": names[sole["cell"]].astype(object),
        "overseas": names[overseas["cell"]].astype(object),
    }
    # One joint application in five has a third applicant, an institute.
    third = rng.random(len(joint)) < 0.2
    other = np.char.add(np.char.add("R", rng.integers(100, 400, len(joint)).astype(str)), "研究所")
    applicants["joint"][third] += ";" + other[third].astype(object)
    # One application without a firm in ten is with an institute or the university's own holding.
    draw = rng.random(len(sole))
    institute = np.char.add(
        np.char.add("R", rng.integers(100, 400, len(sole)).astype(str)), "研究所"
    )
    applicants["sole"][draw < 0.07] += ";" + institute[draw < 0.07].astype(object)
    holding = (draw >= 0.07) & (draw < 0.10)
    applicants["sole"][holding] += ";" + applicants["sole"][holding] + "资产经营有限公司"
    frames = [
        pd.DataFrame(
            {
                "year": events["year"].to_numpy(),
                "jurisdiction": (
                    rng.choice(OFFICES, len(events), p=[0.4, 0.35, 0.1, 0.1, 0.05])
                    if kind == "overseas"
                    else "CN"
                ),
                "applicants": applicants[kind],
                "subclass": subclasses[events["subclass"]],
            }
        )
        for kind, events in (("joint", joint), ("sole", sole), ("overseas", overseas))
    ]
    frames.append(_to_be_dropped(study.process.years, names[0], firm, rng))
    patents = pd.concat(frames, ignore_index=True)
    day = rng.integers(0, 365, len(patents)).astype("timedelta64[D]")
    start = (patents["year"].to_numpy() - 1970).astype("datetime64[Y]").astype("datetime64[D]")
    patents["date"] = (start + day).astype("datetime64[us]")
    group, subgroup = rng.integers(1, 30, len(patents)), rng.integers(0, 99, len(patents))
    patents["ipc"] = [
        f"{s} {g}/{h:02d}" for s, g, h in zip(patents.pop("subclass"), group, subgroup, strict=True)
    ]
    second = rng.random(len(patents)) < 0.3
    more = subclasses[rng.integers(len(subclasses), size=int(second.sum()))].astype(object)
    patents.loc[second, "ipc"] += ";" + pd.Series(more + " 1/00", patents.index[second])
    patents["granted"] = rng.random(len(patents)) < 0.62
    patents = patents.sort_values(["date", "jurisdiction", "applicants", "ipc"], ignore_index=True)
    patents["application"] = [
        f"{office}{year}1{i + 1:07d}"
        for i, (office, year) in enumerate(
            zip(patents["jurisdiction"], patents["year"], strict=True)
        )
    ]
    # A line that the export holds twice, for every two thousand.
    patents = pd.concat([patents, patents.iloc[::2000]], ignore_index=True)
    return patents[["application", "date", "jurisdiction", "applicants", "ipc", "granted"]]


def _firms(rng: np.random.Generator) -> np.ndarray:
    number = np.array([f"F{i + 1:04d}" for i in range(FIRMS)])
    industry = INDUSTRIES[rng.integers(len(INDUSTRIES), size=FIRMS)]
    return np.char.add(
        np.char.add(number, industry), COMPANY[rng.integers(len(COMPANY), size=FIRMS)]
    )


def _join(names: np.ndarray, events: pd.DataFrame, firm: np.ndarray) -> np.ndarray:
    return names[events["cell"]].astype(object) + ";" + firm.astype(object)


def _to_be_dropped(
    years: np.ndarray, university: str, firm: np.ndarray, rng: np.random.Generator
) -> pd.DataFrame:
    """Applications that belong to no cell: another university, or a class of no discipline."""
    n = 300
    other = np.char.add(np.char.add("N", rng.integers(10, 99, n).astype(str)), "大学").astype(
        object
    )
    return pd.DataFrame(
        {
            "year": rng.choice(years, n),
            "jurisdiction": "CN",
            "applicants": np.where(
                np.arange(n) < 200,
                other + ";" + firm[rng.integers(FIRMS, size=n)].astype(object),
                university + ";" + firm[rng.integers(FIRMS, size=n)].astype(object),
            ),
            "subclass": np.where(np.arange(n) < 200, "H01L", "A61K"),
        }
    )
