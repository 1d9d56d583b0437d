"""Which institution of OpenAlex a university is: by its exact name, or not at all.

A university is looked up under its English name among the education institutions of China
(https://developers.openalex.org/api-reference/institution-types lists the types,
https://docs.openalex.org/api-entities/institutions/search-institutions the names that are
searched). A near match is never taken: the candidates are listed, and the user decides with a file.
"""

import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import BaseModel, StringConstraints

from replication.errors import RegistryError
from replication.records.open.files import read_texts, require, require_all
from replication.records.open.openalex_cache import Meta, Question, documented
from replication.records.open.openalex_client import Ask

PAGE = 100
"""Most results of one answer; a name with more candidates is not decided."""
ID = r"(?i)^(?:https://openalex\.org/)?(I[0-9]+)$"

CHINESE = ("zh", "zh-cn", "zh-hans")
NO_MATCH = "no institution of exactly this name"
SEVERAL = "several institutions of exactly this name"
TOO_MANY = "more candidates than one page holds"
SHARED = "institution shared with another university"


class _Institution(BaseModel):
    id: Annotated[str, StringConstraints(pattern=ID)]
    display_name: str
    display_name_alternatives: list[str] | None = None
    international: dict[str, Any] | None = None

    @property
    def short(self) -> str:
        return self.id.rpartition("/")[2].upper()

    def is_called(self, name_zh: str, name_en: str) -> bool:
        english = [self.display_name, *(self.display_name_alternatives or [])]
        names = (self.international or {}).get("display_name") or {}
        chinese = [str(names[code]) for code in CHINESE if code in names]
        pairs = ((name_en, english), (name_zh, chinese))
        return any(uniform(name) in map(uniform, theirs) for name, theirs in pairs)


class _Found(BaseModel):
    meta: Meta
    results: list[_Institution]


def load_ids(path: Path | None, universities: pd.DataFrame) -> dict[str, str]:
    """Ids that the user decided: a CSV with ``name_zh`` and ``openalex_id``.

    A row without an id leaves its university to be looked up.

    Raises
    ------
    RegistryError, MissingColumnError
        The file cannot be read or lacks a column; or a university is unknown or a duplicate, an id
        is none or is given twice: names file, row and column.
    """
    if path is None:
        return {}
    table = read_texts(path, RegistryError)
    require(table, ["name_zh", "openalex_id"], path.name)
    table = table[table["openalex_id"].str.strip() != ""]
    names = table["name_zh"]
    ids = table["openalex_id"].str.strip().str.extract(ID, expand=False).str.upper()
    for column, good, rule in (
        (names, names.isin(universities["name_zh"]), "no university of the list, in its spelling"),
        (names, ~names.duplicated(), "a duplicate; keep one row"),
        (table["openalex_id"], ids.notna(), "no id of an institution; write it as I1234567"),
        (ids, ~ids.duplicated(), "given to two universities and would count twice; correct one"),
    ):
        require_all(column, good, rule, path.name, RegistryError)
    return dict(zip(names, ids, strict=True))


def institution_question(name_en: str) -> Question:
    """Ask ``GET /institutions`` for one name."""
    parameters = {
        # Brackets, quotes and commas mean something in a search; an apostrophe is part of a word.
        "search": " ".join(re.findall(r"[\w'&-]+", name_en.replace("’", "'"))),
        "filter": "country_code:CN,type:education",
        "select": "id,display_name,display_name_alternatives,international",
        "per_page": str(PAGE),
    }
    return Question("institutions", parameters, check_institutions)


def check_institutions(answer: Any) -> None:
    """Raise `SchemaError` if the answer is no list of institutions; see `Question`."""
    documented(_Found, answer)


def match(name_zh: str, name_en: str, answer: Any) -> tuple[str | None, str, str]:
    """Decide which candidate is the university: its id, or why there is none and the candidates."""
    listed = documented(_Found, answer)
    found = listed.results
    exact = [one for one in found if one.is_called(name_zh, name_en)]
    if listed.meta.count > len(found):
        reason = TOO_MANY
    elif len(exact) == 1:
        return exact[0].short, "", ""
    else:
        reason, found = (SEVERAL, exact) if exact else (NO_MATCH, found)
    candidates = sorted(f"{one.short} {one.display_name}" for one in found)
    return None, reason, "; ".join(candidates[:10])


def resolve(universities: pd.DataFrame, ids: Mapping[str, str], ask: Ask) -> pd.DataFrame:
    """Find the id of each university that has none in `ids`, by ``name_zh``, in their order.

    ``name_zh``, ``name_en``, ``openalex_id`` (missing if unresolved), ``reason``, ``candidates``.
    """
    rows: list[tuple[str | None, ...]] = []
    for name_zh, name_en in zip(universities["name_zh"], universities["name_en"], strict=True):
        if name_zh in ids:
            rows.append((name_zh, name_en, ids[name_zh], "", ""))
            continue
        answer = ask(institution_question(name_en))["answer"]
        rows.append((name_zh, name_en, *match(name_zh, name_en, answer)))
    columns = ["name_zh", "name_en", "openalex_id", "reason", "candidates"]
    table = pd.DataFrame(rows, columns=columns, dtype=object)
    shared = table["openalex_id"].notna() & table.duplicated("openalex_id", keep=False)
    table.loc[shared, "candidates"] = table["openalex_id"]
    table.loc[shared, ["openalex_id", "reason"]] = [None, SHARED]
    return table


def uniform(name: str) -> str:
    """Name in small letters, without apostrophes, other signs as single spaces, & as "and"."""
    folded = unicodedata.normalize("NFKC", name).casefold().replace("&", " and ")
    return " ".join(re.findall(r"[^\W_]+", re.sub("['’‘`]", "", folded)))
