"""All fields and periods of the Leiden Ranking 2023: a panel of joint papers, 2006 to 2021.

One workbook of 230 MB (doi 10.5281/zenodo.8027120, CC BY 4.0). It is read once, row by row, and
kept as a small Parquet file in the cache. No copy of it was at hand when this was written: columns,
fields and periods are those that its publisher and users of it name, and a file with others is
refused. Periods of four years overlap: neighbours share three.
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from replication.errors import SchemaError
from replication.records.open import download, files
from replication.records.open.leiden import workbook
from replication.records.open.universities import match, require_names
from replication.writing import write_file

SOURCE = "leiden-panel-2023"
GROUP = "leiden-panel"
SHEET = "Results"
COLUMNS = {
    "University": "name",
    "Country": "country",
    "Field": "field",
    "Period": "period",
    "Frac_counting": "fractional",
    "impact_P": "p",
    "collab_P": "papers",
    "P_collab": "papers_joint",
    "P_int_collab": "papers_abroad",
    "P_industry_collab": "papers_firm",
    "P_short_dist_collab": "papers_near",
    "P_long_dist_collab": "papers_far",
}
TEXTS = ("name", "country", "field", "period")
PARTS = ("papers_joint", "papers_abroad", "papers_firm", "papers_near", "papers_far")
FIELDS = {
    "All sciences": "all",
    "Biomedical and health sciences": "health",
    "Life and earth sciences": "life",
    "Mathematics and computer science": "computing",
    "Physical sciences and engineering": "physical",
    "Social sciences and humanities": "social",
}
PERIOD = re.compile(r"(20[0-9]{2})–(20[0-9]{2})")
KEY = ["name", "country", "field", "period"]


def leiden_fields() -> pd.DataFrame:
    """Joint papers of ministry universities by main field and period of four years.

    The first call converts the workbook, which takes about a minute and 400 MB of memory.

    Returns
    -------
    DataFrame
        One row a university, field and period: ``university``, ``joint``, ``name`` (as printed),
        ``field`` (`FIELDS`), ``period``, ``first_year``, ``papers`` and, of them,
        ``papers_joint`` (with another institution), ``papers_abroad`` (with another country),
        ``papers_firm`` (with a firm), ``papers_near`` and ``papers_far`` (at most 100 km and more
        than 5,000 km apart), each paper counted in full. ``attrs["dropped"]`` has the number of the
        other rows.

    Raises
    ------
    SourceUnavailableError
        The workbook is not here and cannot be downloaded (`replication fetch leiden-panel`).
    SchemaError, MissingColumnError, DuplicateRowsError, RegistryError
        It is no workbook, or has other columns, fields or periods; a number is none, or more than
        all papers; a row is there twice; a university is not found under the name of
        ``data/university_names.csv``.
    """
    table, file = _counted()
    table = files.keep(table, table["country"] == "China", "not in China")
    require_names(GROUP, set(table["name"]))
    kept = match(table, GROUP, "name")
    files.require_once(kept, ["university", "field", "period"], file)
    kept["first_year"] = kept["period"].str[:4].astype("int64")
    columns = ["university", "joint", "name", "field", "period", "first_year", "papers", *PARTS]
    return kept.sort_values(["university", "field", "period"], ignore_index=True)[columns]


def leiden_world() -> pd.DataFrame:
    """Joint papers of universities outside China, in the columns of `leiden_fields`.

    ``university`` is the printed name with its country; errors as `leiden_fields`.
    """
    table, file = _counted()
    table = files.keep(table, table["country"] != "China", "in China")
    table = table.assign(
        university=table["name"] + ", " + table["country"],
        joint=False,
        first_year=table["period"].str[:4].astype("int64"),
    )
    files.require_once(table, ["university", "field", "period"], file)
    columns = ["university", "joint", "name", "field", "period", "first_year", "papers", *PARTS]
    return table.sort_values(["university", "field", "period"], ignore_index=True)[columns]


def _counted() -> tuple[pd.DataFrame, str]:
    """Rows that hold collaboration, one a university, field and period; the file's name.

    Impact differs between a university's two rows; collaboration is counted in full in the one of
    fractions, as in the sheet of edition 2022.
    """
    path = download.locate(SOURCE)
    table, file = pd.read_parquet(_converted(path)), path.name
    return files.keep(table, table["fractional"] == 1, "second row, of the other counting"), file


def convert(path: Path) -> pd.DataFrame:
    """Rows of the workbook, checked; errors as `leiden_fields`."""
    numbers, rows = [], []
    for number, row in workbook.rows(path, SHEET, list(COLUMNS)):
        numbers.append(number)
        rows.append(row)
    file = f"{path.name}, sheet {SHEET!r}"
    if not rows:
        raise SchemaError(f"{file}: no row below the heads")
    raw = pd.DataFrame(rows, numbers, list(COLUMNS), dtype=object)
    table = pd.DataFrame(index=raw.index)
    for old, new in COLUMNS.items():
        values = raw[old]
        if new in TEXTS:
            given = values.map(lambda value: isinstance(value, str) and value.strip() != "")
            files.require_all(values, given, "no text", file)
            table[new] = values.astype(str)
        else:
            typed = values.map(lambda value: isinstance(value, float))
            files.require_all(values, typed, "no number", file)
            table[new] = files.numbers(values.astype(float), file)
    files.require_all(raw["Field"], raw["Field"].isin(FIELDS), f"none of {', '.join(FIELDS)}", file)
    years = table["period"].str.extract(PERIOD).astype(float)
    four = table["period"].str.fullmatch(PERIOD.pattern) & (years[1] - years[0] == 3)
    files.require_all(raw["Period"], four, "no period of four years", file)
    counting = table["fractional"].isin([0, 1])
    files.require_all(raw["Frac_counting"], counting, "neither 0 nor 1", file)
    for part in PARTS:
        old = next(old for old, new in COLUMNS.items() if new == part)
        fits = table[part] <= table["papers"]
        files.require_all(raw[old], fits, "more than collab_P, all papers", file)
    files.require_once(table, [*KEY, "fractional"], file)
    return table.assign(
        field=table["field"].map(FIELDS), fractional=table["fractional"].astype(np.int64)
    )


def _converted(path: Path) -> Path:
    """Parquet file of a workbook, in the cache; made if it is not there, or older."""
    folder = download.cache_folder() / "leiden"
    target = folder / f"{path.stem}.parquet"
    if not target.is_file() or target.stat().st_mtime < path.stat().st_mtime:
        table = convert(path)
        folder.mkdir(parents=True, exist_ok=True)
        write_file(target, table.to_parquet(index=False, write_page_checksum=True))
    return target
