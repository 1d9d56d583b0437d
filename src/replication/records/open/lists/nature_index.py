"""Nature Index annual tables 2021: output in selected journals of natural science."""

import pandas as pd

from replication.records.open import files
from replication.records.open.universities import match_once, require_names

COLUMNS = {"Share 2019": "share_2019", "Share 2020": "share_2020", "Count 2020": "count_2020"}
CHANGE = "Change Adjusted in Share 2019-2020"


def nature_index() -> pd.DataFrame:
    """Nature Index of the ministry universities among the 500 academic institutions of 2021.

    Returns
    -------
    DataFrame
        One row a university: ``university``, ``joint``, ``name`` (as printed), ``share_2019`` and
        ``share_2020`` (papers, each shared between its authors), ``count_2020`` (papers, each
        counted in full) and ``change_adjusted`` (per cent). ``attrs["dropped"]`` has the number of
        the other rows.

    Raises
    ------
    SchemaError, MissingColumnError, DuplicateRowsError, RegistryError
        A value is no number, a share is above its count; a column is not there; a university has
        two rows, or is not found under the name of ``data/university_names.csv``.
    """
    raw, file = files.read("nature-index-2021")
    files.require(raw, ["Institution", "Country", CHANGE, *COLUMNS], file)
    raw = files.keep(raw, raw["Country"] == "China", "not in China")
    table = pd.DataFrame({"name": raw["Institution"]})
    for old, new in COLUMNS.items():
        table[new] = files.numbers(raw[old], file)
    fits = table["share_2020"] <= table["count_2020"]
    files.require_all(raw["Share 2020"], fits, "more than Count 2020", file)
    # The one column that may be below zero.
    change = pd.to_numeric(raw[CHANGE], errors="coerce")
    files.require_all(raw[CHANGE], change.notna(), "no number", file)
    table["change_adjusted"] = change
    table.attrs = raw.attrs
    require_names("nature-index", set(table["name"]))
    kept = match_once(table, "nature-index", file)
    return kept[["university", "joint", "name", *COLUMNS.values(), "change_adjusted"]]
