"""Tables of exchange and resources out of the numbers of all workbooks."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from replication.errors import SchemaError
from replication.records.ingest.ministry.workbook import Found
from replication.records.ingest.papers.match import Matcher
from replication.records.ingest.patents import KEPT
from replication.records.schema import RECORDS
from replication.records.validation import validate
from replication.records.variables import EXCHANGE, RESOURCES

OTHER = "no university of the sample"
KEY = ["university", "year"]


def tables(found: Sequence[Found], universities: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Exchange and resources, as far as the workbooks have them.

    Raises
    ------
    SchemaError
        A count of a university and year is in two places, or a table lacks one that others of its
        counts have.
    """
    if not found:
        return {}
    cells = pd.concat([one.cells for one in found], ignore_index=True)
    cells["university"] = _universities(cells["name"], universities)
    cells = cells.dropna(subset="university")
    if cells.empty:
        raise SchemaError(
            f"{found[0].path}: none of the names in it is a university of the sample: put your "
            "universities and their names into a table `universities`"
        )
    twice = cells.duplicated([*KEY, "measure"], keep=False)
    if twice.any():
        first, second = map(_place, cells[twice].sort_values(KEY).head(2).to_dict("records"))
        raise SchemaError(
            f"{second}: {cells.loc[twice, 'name'].iloc[0]} has this count of this year in {first} "
            "too: keep one"
        )
    wide = cells.pivot(index=KEY, columns="measure", values="value")
    made = {}
    for name, measures in (("exchange", list(EXCHANGE)), ("resources", list(RESOURCES))):
        if there := [measure for measure in measures if measure in wide]:
            made[name] = _table(name, wide[there].dropna(how="all"), measures, found)
    return made


def counts(found: Found, universities: pd.DataFrame) -> dict[str, int]:
    """Rows of a workbook by what became of them."""
    rows = found.cells.drop_duplicates(["sheet", "row"])
    known = _universities(rows["name"], universities).notna()
    return {KEPT: int(known.sum()), OTHER: int((~known).sum()), **found.dropped}


def _universities(names: pd.Series, universities: pd.DataFrame) -> pd.Series:
    matcher = Matcher(universities)
    known = {name: matcher.university(name) for name in names.unique()}
    return names.map(known)


def _table(
    name: str, wide: pd.DataFrame, measures: list[str], found: Sequence[Found]
) -> pd.DataFrame:
    files = ", ".join(str(one.path) for one in found)
    if lacking := [measure for measure in measures if measure not in wide]:
        raise SchemaError(
            f"{files}: the table {name} lacks {', '.join(lacking)}: add the sheet of the "
            f"compilation that has it, or take out those of {', '.join(wide.columns)}"
        )
    gaps = wide[wide.isna().any(axis=1)]
    if len(gaps):
        row = gaps.iloc[0]
        university, year = gaps.index.to_frame(index=False).iloc[0]
        raise SchemaError(
            f"{files}: {university} has no {', '.join(row.index[row.isna()])} in {year}, and other "
            f"counts of {name}: a row is missing in one sheet; add it"
        )
    table = wide[measures].round().astype("int64").reset_index()
    return validate(table.astype({"university": "str", "year": "int64"}), RECORDS[name], files)


def _place(cell: dict[Any, Any]) -> str:
    return f"{cell['file']}, sheet {cell['sheet']}, row {cell['row']}, column {cell['column']}"
