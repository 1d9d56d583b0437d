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
from typing import Any

import pandas as pd

from replication.config import DATA
from replication.errors import RegistryError, SchemaError
from replication.records.checks import require_columns, require_unique
from replication.records.open.openalex_client import Ask, Parameters

UNIVERSITIES = DATA / "ministry_universities.csv"
PAGE = 100
"""Most results of one answer; a name with more candidates is not decided."""

CHINESE = ("zh", "zh-cn", "zh-hans")
NO_MATCH = "no institution of exactly this name"
SEVERAL = "several institutions of exactly this name"
TOO_MANY = "more candidates than one page holds"
SHARED = "institution shared with another university"


def load_universities(path: Path | None = None) -> pd.DataFrame:
    """Ministry universities: ``name_zh``, ``name_en`` and what else the file holds."""
    return checked_universities(pd.read_csv(path or UNIVERSITIES, dtype=str))


def checked_universities(table: pd.DataFrame) -> pd.DataFrame:
    """Raise unless each row has a Chinese and an English name, and no Chinese name is doubled."""
    require_columns(table, ["name_zh", "name_en"], "looking up universities")
    require_unique(table, ["name_zh"])
    require_unique(table, ["name_zh", "name_en"])
    return table


def load_ids(path: Path | None, universities: pd.DataFrame) -> dict[str, str]:
    """Ids that the user decided: a CSV with ``name_zh`` and ``openalex_id``.

    A row without an id leaves its university to be looked up.

    Raises
    ------
    RegistryError
        Names the file, the row, the column and what to do.
    """
    if path is None:
        return {}
    if not path.is_file():
        raise RegistryError(f"there is no file {path}: name one with --institutions")
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise RegistryError(f"{path} cannot be read as CSV ({error}); mend the file") from error
    require_columns(table, ["name_zh", "openalex_id"], f"ids of institutions ({path})")
    ids: dict[str, str] = {}
    known = set(universities["name_zh"])
    for row, (name, entry) in enumerate(zip(table["name_zh"], table["openalex_id"], strict=True)):
        if not entry.strip():
            continue
        where = f"{path}, row {row + 2}"
        if name not in known:
            raise RegistryError(
                f"{where}, column 'name_zh': {name!r} is no university of the list; write the "
                "name as it stands there"
            )
        if name in ids:
            raise RegistryError(f"{where}, column 'name_zh': {name!r} has an id above; keep one")
        if not (found := _id(entry.strip())):
            raise RegistryError(
                f"{where}, column 'openalex_id': {entry!r} is no id of an institution; write it "
                "as I1234567"
            )
        if found in ids.values():
            raise RegistryError(
                f"{where}, column 'openalex_id': {found} is given to two universities, whose works "
                "would count twice; correct one"
            )
        ids[name] = found
    return ids


def institution_question(name_en: str) -> Parameters:
    """Parameters of ``GET /institutions`` for one name."""
    return {
        # Brackets, quotes and commas mean something in a search; an apostrophe is part of a word.
        "search": " ".join(re.findall(r"[\w'&-]+", name_en.replace("’", "'"))),
        "filter": "country_code:CN,type:education",
        "select": "id,display_name,display_name_alternatives,international",
        "per_page": str(PAGE),
    }


def check_institutions(answer: Any) -> str | None:
    """Raise `SchemaError` if the answer is no list of institutions; see `openalex_api.Check`."""
    try:
        sound = type(answer["meta"]["count"]) is int and all(
            _id(found["id"]) and isinstance(found["display_name"], str)
            for found in answer["results"]
        )
    except (LookupError, TypeError):
        sound = False
    if not sound:
        raise SchemaError(
            "OpenAlex's answer to a search for an institution has no meta.count, or no results "
            "with id and display_name: has the API changed?"
        )
    return None


def match(name_zh: str, name_en: str, answer: Mapping[str, Any]) -> tuple[str | None, str, str]:
    """Decide which candidate is the university.

    Parameters
    ----------
    name_zh, name_en : str
    answer : dict
        To `institution_question`.

    Returns
    -------
    id : str or None
        As ``"I1234567"``.
    reason : str
        Why there is none; empty if there is one.
    candidates : str
        Ids and names that were to choose from, if there is none.
    """
    found = answer["results"]
    exact = [one for one in found if _same(one, name_zh, name_en)]
    if answer["meta"]["count"] > len(found):
        reason = TOO_MANY
    elif len(exact) == 1:
        return _id(exact[0]["id"]), "", ""
    else:
        reason, found = (SEVERAL, exact) if exact else (NO_MATCH, found)
    listed = sorted((str(_id(one["id"])), one["display_name"]) for one in found)
    return None, reason, "; ".join(f"{id_} {name}" for id_, name in listed[:10])


def resolve(universities: pd.DataFrame, ids: Mapping[str, str], ask: Ask) -> pd.DataFrame:
    """Find each university's id.

    Parameters
    ----------
    universities : DataFrame
        ``name_zh``, ``name_en``.
    ids : dict of str to str
        By ``name_zh``, as decided by the user: not looked up.
    ask : callable
        Of `openalex_api.asking`.

    Returns
    -------
    DataFrame
        ``name_zh``, ``name_en``, ``openalex_id`` (missing if unresolved), ``reason``,
        ``candidates``, in the order of `universities`.
    """
    rows: list[tuple[str | None, ...]] = []
    for name_zh, name_en in zip(universities["name_zh"], universities["name_en"], strict=True):
        if name_zh in ids:
            rows.append((name_zh, name_en, ids[name_zh], "", ""))
            continue
        record = ask("institutions", institution_question(name_en), check_institutions)
        rows.append((name_zh, name_en, *match(name_zh, name_en, record["answer"])))
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


def _same(candidate: Mapping[str, Any], name_zh: str, name_en: str) -> bool:
    english = [candidate["display_name"], *(candidate.get("display_name_alternatives") or [])]
    international = (candidate.get("international") or {}).get("display_name") or {}
    chinese = {uniform(str(international[code])) for code in CHINESE if code in international}
    return uniform(name_en) in map(uniform, map(str, english)) or uniform(name_zh) in chinese


def _id(text: str) -> str | None:
    """Short form of an institution's id, or None if it is none."""
    found = re.fullmatch(r"(?:https://openalex\.org/)?(I\d+)", text, re.IGNORECASE)
    return found[1].upper() if found else None
