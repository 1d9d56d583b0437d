"""Read the data files that people write (TOML) as pydantic models, with errors they can use.

Every loader of the project goes through `read`: the file and the row, the field and what is wrong
with it are named in one way, and a field that a model does not know is refused.
"""

import tomllib
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from replication.errors import RegistryError

Text = Annotated[str, StringConstraints(min_length=1, pattern=r"^\S(.*\S)?$")]
"""One line that is not empty, without blanks at its ends."""
Chinese = Annotated[str, StringConstraints(pattern=r"[\u4e00-\u9fff]")]

M = TypeVar("M", bound=BaseModel)


class Row(BaseModel):
    """A row of a data file: every field is needed, none but these is known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def read(path: Path, model: type[M]) -> M:
    """Content of a TOML file as a model.

    `RegistryError` says that it is missing or no TOML, or its first fault with row, id and field.
    """
    content = parse(path)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        raise RegistryError(f"{path.name}{_place(content, first['loc'])}: {first['msg']}") from None


def parse(path: Path) -> dict[str, Any]:
    """Content of a TOML file; `RegistryError` says that it is missing or no TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RegistryError(
            f"{path}: cannot be read as TOML ({error}); correct the file"
        ) from error


def require_ids(path: Path, table: str, found: Sequence[str], wanted: Sequence[str]) -> None:
    """Raise `RegistryError` on the first row whose id is not the one that stands there."""
    for number, (id_, here) in enumerate(zip_longest(found, wanted), start=1):
        if id_ != here:
            raise RegistryError(
                f"{path.name}, {table} {number}, field 'id': {id_ or 'no row'} where "
                f"{here or 'no row'} belongs; keep {wanted[0]} … {wanted[-1]}, each once, in order"
            )


def require_unique_ids(path: Path, table: str, found: Sequence[str]) -> None:
    """Raise `RegistryError` on the first row whose id an earlier row has."""
    for number, id_ in enumerate(found, start=1):
        if id_ in found[: number - 1]:
            raise RegistryError(
                f"{path.name}, {table} {number}, field 'id': duplicate {id_!r}; rename one row"
            )


def _place(content: dict[str, object], where: tuple[int | str, ...]) -> str:
    """Table, row (counted from 1, with its id if it has one) and field of a fault."""
    if not where:
        return ""
    table, *rest = where
    if not rest or not isinstance(rest[0], int):
        return "".join(f", {part}" for part in where)
    rows = content.get(str(table))
    row = rows[rest[0]] if isinstance(rows, list) else {}
    name = row.get("id") or row.get("name") if isinstance(row, dict) else None
    said = f" ({name})" if isinstance(name, str) else ""
    field = "".join(f", field {part!r}" for part in rest[1:2])
    return f", {table} {rest[0] + 1}{said}{field}"
