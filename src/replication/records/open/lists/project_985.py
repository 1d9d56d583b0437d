"""Former Project 985: the ministry universities among its members."""

from pathlib import Path

import pandas as pd

from replication.config import DATA
from replication.errors import RegistryError
from replication.records.open.files import read_texts, require, require_all
from replication.records.open.universities import ministry_universities

MEMBERS = DATA / "project_985.csv"


def project_985(path: Path | None = None) -> pd.DataFrame:
    """Say of each ministry university whether it was of Project 985 985工程.

    The project had 39 members, of which 32 are directly under the ministry. The source is the
    ministry's list “985工程”学校名单, dated 6 December 2006
    (www.moe.gov.cn/srcsite/A22/s7065/200612/t20061206_128833.html); it has not changed since.

    Returns
    -------
    DataFrame
        One row a ministry university, 75: ``university`` and ``project_985`` (1 or 0).

    Raises
    ------
    RegistryError, MissingColumnError
        A name is no ministry university's, or is there twice; there is no column of names.
    """
    path = path or MEMBERS
    table = read_texts(path, RegistryError)
    require(table, ["name_zh"], path.name)
    names = table["name_zh"]
    universities = ministry_universities()["name_zh"]
    rules = {
        "not in ministry_universities.csv; correct it": names.isin(universities),
        "a duplicate; keep one row": ~names.duplicated(),
    }
    for rule, good in rules.items():
        require_all(names, good, rule, path.name, RegistryError)
    member = universities.isin(names).astype("int64")
    return pd.DataFrame({"university": universities, "project_985": member})
