"""Chinese universities on the US Entity List.

The copy is of one day and has no dates of listing, so that it is no treatment: what it allows is to
leave the listed universities out and look whether an estimate moves.
"""

import pandas as pd
from pydantic import BaseModel, ValidationError

from replication.errors import SchemaError
from replication.records.open import download
from replication.records.open.universities import (
    match_once,
    ministry_universities,
    require_names,
)


class _Entry(BaseModel):
    name: str
    raw: str


class _List(BaseModel):
    entries: list[_Entry]


def entity_list() -> pd.DataFrame:
    """Say of each ministry university whether the Entity List of 30 March 2026 names it.

    Returns
    -------
    DataFrame
        One row a ministry university, 75: ``university`` and ``listed`` (1 or 0).

    Raises
    ------
    SchemaError, DuplicateRowsError, RegistryError
        The file is no such list; a university has two entries, or is not found under the name of
        ``data/university_names.csv``.
    """
    path = download.locate("entity-list-2026")
    try:
        content = _List.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise SchemaError(f"{path.name}, {where or 'file'}: {first['msg']}") from None
    table = pd.DataFrame({"name": [entry.name for entry in content.entries]}, dtype=str)
    table.index += 1
    require_names("entity-list", set(table["name"]))
    named = match_once(table, "entity-list", path.name)
    universities = ministry_universities()["name_zh"]
    listed = universities.isin(named["university"]).astype("int64")
    frame = pd.DataFrame({"university": universities, "listed": listed})
    frame.attrs = named.attrs
    return frame
