"""Which university an address names, which country it is in, which discipline a category is."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from functools import cache

import pandas as pd

from replication.config import DATA
from replication.records.classify import load_name_rules
from replication.records.columns import COUNTRY
from replication.records.ingest.text import simple

# Web of Science shortens words of an address and leaves others out.
SHORT = {
    "UNIVERSITY": "UNIV", "SCIENCE": "SCI", "SCIENCES": "SCI", "TECHNOLOGY": "TECHNOL",
    "ELECTRONIC": "ELECT", "ELECTRIC": "ELECT", "AGRICULTURAL": "AGR", "CHEMICAL": "CHEM",
    "MEDICINE": "MED", "TRADITIONAL": "TRADIT", "PHARMACEUTICAL": "PHARMACEUT",
    "PETROLEUM": "PETR", "GEOSCIENCES": "GEOSCI", "TELECOMMUNICATIONS": "TELECOMMUN",
    "INTERNATIONAL": "INT", "ECONOMICS": "ECON", "POLITICAL": "POLIT", "COMMUNICATION": "COMMUN",
    "CENTRAL": "CENT", "MINING": "MIN", "INSTITUTE": "INST",
}  # fmt: skip
LEFT_OUT = {"OF", "FOR", "THE", "AND", "&"}
FIELD = (
    "科学|工程|技术|信息|材料|机械|化学|化工|物理|数学|数理|生命|生物|电子|电气|自动化|能源|动力|"
    "环境|土木|建筑|计算机|软件|光电|航空|航天|交通|水利|测绘|地质|地理|海洋|力学|冶金|纺织|食品|"
    "核|仪器|控制|通信"
)
UNIT = re.compile(r"(系|学部|学院|实验室|研究所|研究院|研究中心|工程中心)$")
NO_UNIT = re.compile(r"^[(]|医院|附属|附中|分校|公司")
HOMONYMS = {"NORTHEASTERN UNIV", "SOUTHEAST UNIV", "SOUTHWEST UNIV", "SOUTHWESTERN UNIV"}
"""Names of universities of the ministry that universities abroad have as well."""


@cache
def _steps() -> tuple[dict[int, int], list[tuple[str, str]]]:
    steps = load_name_rules().normalise
    table = str.maketrans(steps.translate_from, steps.translate_to)
    # The rules are written for another dialect, in which a class names a script.
    return table, [(old.replace(r"\p{Han}", "\u4e00-\u9fff"), new) for old, new in steps.replace]


def uniform(name: str) -> str:
    """Name of an organisation as applicants' names are made uniform; short words if Latin."""
    table, replace = _steps()
    plain = simple(unicodedata.normalize("NFKC", name)).translate(table).upper()
    for pattern, replacement in replace:
        plain = re.sub(pattern, replacement, plain)
    if re.search(r"[\u4e00-\u9fff]", plain):
        return plain
    plain = re.sub(r"['’`]", "", plain)
    words = re.findall(r"[^\s,;.()\-–]+", plain.replace("&", " & "))
    return " ".join(SHORT.get(word, word) for word in words if word not in LEFT_OUT)


def is_unit(rest: str) -> bool:
    """Whether what follows a university's name is a unit of it.

    A college (学院) may be a school of its own under a university's name (珠海学院, 金陵学院): one
    is taken for a unit only if it is called after a field of science. A hospital never is.
    """
    colleges = rest.split("学院")[:-1]
    return bool(
        UNIT.search(rest)
        and not NO_UNIT.search(rest)
        and all(re.search(FIELD, college) for college in colleges)
    )


class Matcher:
    """Universities by the names under which they are known.

    Parameters
    ----------
    universities : DataFrame
        ``university``, ``applicant_names`` (separated by semicolons).
    """

    def __init__(self, universities: pd.DataFrame) -> None:
        self._known: dict[str, str] = {}
        twice: set[str] = set()
        for university, names in universities[["university", "applicant_names"]].itertuples(
            index=False
        ):
            for name in map(uniform, str(names).split(";")):
                if self._known.setdefault(name, university) != university:
                    twice.add(name)
        # A name of two universities, as their joint campuses have, names neither.
        for name in twice | {""}:
            self._known.pop(name, None)
        self._chinese = sorted(
            (name for name in self._known if re.search(r"[\u4e00-\u9fff]", name)), key=len
        )

    def university(self, address: str) -> str | None:
        """University of an address, exactly; of a unit if it is written behind the name."""
        name = uniform(address)
        if found := self._known.get(name):
            return found
        head = name.split(",", 1)[0]
        if re.search(r"[\u4e00-\u9fff]", name):
            if head != name and head in self._known:
                return self._known[head] if is_unit(name[len(head) :].strip(", ")) else None
            begins = [known for known in self._chinese if name.startswith(known)]
            if begins and is_unit(name[len(begins[-1]) :]):
                return self._known[begins[-1]]
        return None

    def table(self, addresses: Iterable[str]) -> pd.DataFrame:
        """``name``, ``university``, ``homonym`` of the addresses that a university is known of."""
        rows = [
            (name, found, uniform(name) in HOMONYMS)
            for name in addresses
            if (found := self.university(name))
        ]
        return pd.DataFrame(rows, columns=["name", "university", "homonym"])


@cache
def countries() -> dict[str, str]:
    """Codes by a country's name as Web of Science writes it, in capitals, or in Chinese."""
    table = pd.read_csv(DATA / "country_names.csv", dtype=str, keep_default_na=False)
    return dict(zip(table["name"].str.upper(), table["country"], strict=True))


def chinese_countries() -> dict[str, str]:
    """Codes by a country's name in Chinese."""
    return {n: c for n, c in countries().items() if re.search(r"[\u4e00-\u9fff]", n)}


def country_of(place: str, own: Mapping[str, str]) -> tuple[str | None, str]:
    """Code of a place that is a country's name; else None, and what may be proposed."""
    if found := own.get(place) or countries().get(place.upper()):
        return found, found
    begins = [code for name, code in chinese_countries().items() if place.startswith(name)]
    return None, begins[0] if begins else ""


def discipline_of(category: str, disciplines: pd.DataFrame) -> str:
    """Code of the discipline whose name a category is, in either language; else empty.

    Web of Science puts the noun first: Engineering, Mechanical.
    """
    first, comma, second = category.partition(", ")
    wanted = {_key(category)} | ({_key(f"{second} {first}")} if comma else set())
    for code, *names in disciplines[["discipline", "name_en", "name_zh"]].itertuples(index=False):
        if wanted & {_key(str(name)) for name in names}:
            return str(code)
    return ""


def _key(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.replace("&", " and ").casefold())


def is_code(country: str) -> bool:
    """Whether a text is the code of a country."""
    return bool(re.fullmatch(COUNTRY, country))


def wrong(values: Mapping[str, str], allowed: Callable[[str], bool]) -> tuple[str, str] | None:
    """First entry of a table whose value is none of those that may stand there."""
    return next(((k, v) for k, v in values.items() if v and not allowed(v)), None)
