"""Simulated patents as an export has them: applicants' names, dates, classes, numbers.

A few are there to be dropped by the builder, as in any export: applications of universities outside
the sample, a main class outside the concordance, a line exported twice.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from replication.records.classify import load_ipc
from replication.records.study import frame as declared
from replication.simulate.draws import abroad
from replication.simulate.study import Study

INDUSTRIES = (
    "精密机械", "电子科技", "新材料", "生物医药", "能源装备", "信息技术", "化工", "汽车零部件",
    "环保工程",
)  # fmt: skip
COMPANY = ("有限公司", "股份有限公司", "集团有限公司", "有限责任公司")
OFFICES = {"US": 0.4, "WO": 0.35, "EP": 0.1, "JP": 0.1, "KR": 0.05}
HOME = len(OFFICES)
FIRMS = 2000
THIRD = 0.2
"""Share of joint applications with a third applicant, an institute."""
INSTITUTE, HOLDING = 0.07, 0.03
"""Shares of applications without a firm: with an institute, with the university's holding."""
SECOND = 0.3
"""Share of applications with a second class, which may be any."""
GRANTED = 0.62
"""Share of applications that are granted."""
OUTSIDE = ("H01L", "A61K")
"""Main classes of what is dropped: that of another university, and that of no discipline."""
TWICE = 2000
"""Of so many lines the export holds one twice."""
SERIES = 10_000_000
"""Applications whose numbers begin with a 1; those beyond are, as PCT filings, numbered from 8."""


class Patents:
    """Patents of a study as numbers of a few bytes, put into words a piece at a time.

    Parameters
    ----------
    study : Study
    names : ndarray of str, shape (U,)
        Applicants' names of the universities.
    rng : numpy.random.Generator
    """

    def __init__(self, study: Study, names: np.ndarray, rng: np.random.Generator) -> None:
        self.names = names
        self.classes = load_ipc()["ipc_subclass"].sort_values().to_numpy(object)
        self.firms = _firms(rng)
        self.rows = _dated(_drawn(study, self.classes, rng), study, self.classes, rng)

    def pieces(self, rows: int) -> Iterator[pd.DataFrame]:
        """Lines in order of date, office, applicants and class, some `rows` at a time.

        A day is never parted, so that lines have one order however many there are in a piece.
        """
        after, again = 0, []
        ends = np.cumsum(self.rows.groupby("date").size().to_numpy())
        while after < len(self.rows):
            end = ends[np.searchsorted(ends, min(after + rows, len(self.rows)))]
            lines = self._in_words(self.rows.iloc[after:end])
            lines = lines.sort_values(
                ["date", "jurisdiction", "applicants", "ipc"], ignore_index=True
            )
            number = _application_numbers(after, len(lines))
            year = lines["date"].dt.year.astype(str)
            lines["application"] = lines["jurisdiction"] + year + number
            lines = lines[["application", "date", "jurisdiction", "applicants", "ipc", "granted"]]
            again.append(lines.iloc[-after % TWICE :: TWICE])
            after = end
            yield lines
        yield pd.concat(again, ignore_index=True)

    def _in_words(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Lines of an export, without their numbers."""
        of = {name: rows[name].to_numpy() for name in rows}
        offices = np.array([*abroad(list(OFFICES)), declared.study().home], dtype=object)
        first = self.names[of["university"]]
        other = of["other"] > 0
        first[other] = "N" + of["other"][other].astype(str).astype(object) + "大学"
        applicants = first.copy()
        firm = of["firm"] >= 0
        applicants[firm] += ";" + self.firms[of["firm"][firm]]
        institute = of["institute"] > 0
        number = of["institute"][institute].astype(str).astype(object)
        applicants[institute] += ";R" + number + "研究所"
        holding = of["holding"]
        applicants[holding] += ";" + first[holding] + "资产经营有限公司"
        classes = np.array([*self.classes, *OUTSIDE], dtype=object)
        words = zip(classes[of["subclass"]], of["group"], of["subgroup"], strict=True)
        ipc = np.array([f"{s} {g}/{h:02d}" for s, g, h in words], dtype=object)
        second = of["second"] >= 0
        ipc[second] += ";" + classes[of["second"][second]] + " 1/00"
        return pd.DataFrame(
            {
                "date": of["date"].astype("datetime64[D]").astype("datetime64[us]"),
                "jurisdiction": offices[of["office"]],
                "applicants": applicants,
                "ipc": ipc,
                "granted": of["granted"],
            }
        )


def _drawn(study: Study, classes: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """Who applied for what, and where: joint applications, others, overseas, the dropped."""
    joint, sole, overseas = (
        pd.DataFrame(
            {
                "year": events["year"],
                "university": study.university[events["cell"]].astype("int32"),
                "subclass": events["subclass"],
            }
        )
        for events in (study.joint, study.sole, study.overseas)
    )
    joint["firm"] = rng.integers(FIRMS, size=len(joint)).astype("int16")
    third = rng.random(len(joint)) < THIRD
    joint["institute"] = np.where(third, _institutes(len(joint), rng), 0)
    draw = rng.random(len(sole))
    sole["institute"] = np.where(draw < INSTITUTE, _institutes(len(sole), rng), 0)
    sole["holding"] = (draw >= INSTITUTE) & (draw < INSTITUTE + HOLDING)
    office = rng.choice(len(OFFICES), len(overseas), p=list(OFFICES.values()))
    overseas["office"] = office.astype("int8")
    dropped = _to_be_dropped(study.process.years, len(classes), rng)
    default = {"firm": -1, "institute": 0, "holding": False, "office": HOME, "other": 0}
    small = {"firm": "int16", "institute": "int16", "holding": "bool", "office": "int8"}
    parts = [
        part.assign(**{c: v for c, v in default.items() if c not in part}).astype(
            {**small, "other": "int8", "year": "int16", "subclass": "int16"}
        )
        for part in (joint, sole, overseas, dropped)
    ]
    return pd.concat(parts, ignore_index=True)


def _dated(
    patents: pd.DataFrame, study: Study, classes: np.ndarray, rng: np.random.Generator
) -> pd.DataFrame:
    """Patents with day of filing, IPC groups, a second class and grant, by day."""
    n = len(patents)
    day = rng.integers(0, 365, n).astype("int16")
    start = (study.process.years - 1970).astype("datetime64[Y]").astype("datetime64[D]")
    year = patents.pop("year").to_numpy() - study.process.first_year
    patents["date"] = (start.astype("int32")[year] + day).astype("int32")
    patents["group"] = rng.integers(1, 30, n).astype("int8")
    patents["subgroup"] = rng.integers(0, 99, n).astype("int8")
    second = rng.random(n) < SECOND
    patents["second"] = np.int16(-1)
    more = rng.integers(len(classes), size=int(second.sum()))
    patents.loc[second, "second"] = more.astype("int16")
    patents["granted"] = rng.random(n) < GRANTED
    return patents.iloc[np.argsort(patents["date"].to_numpy(), kind="stable")]


def _application_numbers(after: int, n: int) -> np.ndarray:
    """Seven digits behind the kind of an application."""
    numbers = range(after + 1, after + n + 1)
    kinds = ("1" if i < SERIES else "8" for i in numbers)
    return np.array(
        [f"{k}{i % SERIES:07d}" for k, i in zip(kinds, numbers, strict=True)], dtype=object
    )


def _institutes(n: int, rng: np.random.Generator) -> np.ndarray:
    return rng.integers(100, 400, n).astype("int16")


def _firms(rng: np.random.Generator) -> np.ndarray:
    industry, form = (
        np.array(words, dtype=object)[rng.integers(len(words), size=FIRMS)]
        for words in (INDUSTRIES, COMPANY)
    )
    names = [f"F{i:04d}" for i in range(1, FIRMS + 1)]
    return np.array(names, dtype=object) + industry + form


def _to_be_dropped(years: np.ndarray, classes: int, rng: np.random.Generator) -> pd.DataFrame:
    """Applications that belong to no cell: another university, or a class of no discipline."""
    n = 300
    elsewhere = np.arange(n) < 200
    other = rng.integers(10, 99, n)
    year = rng.choice(years, n)
    firms = [rng.integers(FIRMS, size=n) for _ in range(2)]
    return pd.DataFrame(
        {
            "year": year,
            "university": np.int32(0),
            "subclass": np.where(elsewhere, classes, classes + 1),
            "firm": np.where(elsewhere, *firms),
            "other": np.where(elsewhere, other, 0),
        }
    )
