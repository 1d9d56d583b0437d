"""Tables that take long and ship with the project, each held to the checksum in a manifest."""

import hashlib
import io
import json
from pathlib import Path
from typing import TypeVar

import pandas as pd
from pydantic import BaseModel

from replication.errors import SchemaError

M = TypeVar("M", bound=BaseModel)


def read_table(path: Path, sha256: str | None, how: str) -> pd.DataFrame:
    """Read a committed Parquet file.

    Parameters
    ----------
    path : Path
    sha256 : str or None
        Its checksum in the manifest, which may not know it.
    how : str
        How it is made, for the message.

    Raises
    ------
    SchemaError
        If it is missing or is not as its manifest says.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise _lacking(path, how) from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise SchemaError(
            f"{path} is not the file that its manifest names: take both from the repository, or "
            f"make them again with {how}"
        )
    return pd.read_parquet(io.BytesIO(content))


def read_manifest(path: Path, model: type[M], how: str) -> M:
    """Read a manifest; raises `SchemaError` if it is missing or damaged."""
    try:
        return model.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValueError) as error:
        raise _lacking(path, how) from error


def _lacking(path: Path, how: str) -> SchemaError:
    return SchemaError(
        f"{path.parent}: the tables of the Monte Carlo or their manifest {path.name} are missing "
        f"or damaged; take them from the repository, or make them: {how}"
    )


def as_parquet(table: pd.DataFrame) -> bytes:
    """Content of the file of a table."""
    content = io.BytesIO()
    table.to_parquet(content, index=False, compression="zstd")
    return content.getvalue()


def as_json(manifest: BaseModel) -> bytes:
    """Content of the file of a manifest."""
    return (json.dumps(manifest.model_dump(), indent=1) + "\n").encode()
