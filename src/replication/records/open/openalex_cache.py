"""Questions to OpenAlex, and the cache in which each answer is kept under its question."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import quote, urlencode

from pydantic import BaseModel, Field, ValidationError

from replication.errors import SchemaError
from replication.records.open.download import cache_folder

M = TypeVar("M", bound=BaseModel)
Record = dict[str, Any]
"""What the cache holds of a question: ``query``, ``fetched`` (UTC) and ``answer``."""


@dataclass(frozen=True)
class Service:
    """Where to ask, how, and where answers are kept; times in seconds."""

    folder: Path
    address: str = "https://api.openalex.org"
    # Goes out with each request and nowhere else.
    key: str | None = field(default=None, repr=False)
    # A tenth of what the documentation allows.
    per_second: float = 10.0
    attempts: int = 6
    # Before the second attempt, and twice as long before each one after it.
    backoff: float = 1.0
    timeout: float = 60.0


def service() -> Service:
    """Service with the project's cache, and with the key of ``$OPENALEX_API_KEY``."""
    key = os.environ.get("OPENALEX_API_KEY", "").strip()
    return Service(cache_folder() / "openalex", key=key or None)


@dataclass(frozen=True)
class Question:
    """What is asked of a path, and the check of the answer.

    The check says what is wrong if asking again may help, and raises `SchemaError` if not.
    """

    path: str
    parameters: Mapping[str, str]
    check: Callable[[Any], str | None]


# A truth value would pass as a whole number.
Number = Annotated[int, Field(strict=True, ge=0)]


class Meta(BaseModel):
    """What each answer says of itself."""

    count: Number
    groups_count: Any = None


def documented(model: type[M], answer: Any) -> M:
    """Answer as a model of what the documentation says; raise `SchemaError` where it differs."""
    try:
        return model.model_validate(answer)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the top"
        raise SchemaError(
            f"OpenAlex's answer is not as documented, at {place}: {first['msg']}, found "
            f"{str(first['input'])[:80]!r}; has the API changed?"
        ) from None


def url(at: Service, question: Question) -> str:
    """Address of a question without the key: its name in the cache and in messages."""
    asked = urlencode(sorted(question.parameters.items()), safe=":,>", quote_via=quote)
    return f"{at.address}/{question.path}?{asked}"


def cached(at: Service, question: Question) -> Record | None:
    """Record of an answer in the cache, or None if there is none or it is damaged."""
    query = url(at, question)
    try:
        record: Record = json.loads(_file(at, query).read_text(encoding="utf-8"))
        sound = record["query"] == query and isinstance(record["fetched"], str)
        return record if sound and question.check(record["answer"]) is None else None
    except (OSError, ValueError, LookupError, TypeError, SchemaError):
        return None


def keep(at: Service, question: Question, answer: Any) -> Record:
    """Write an answer to the cache, whole or not at all."""
    query, fetched = url(at, question), datetime.now(UTC).isoformat(timespec="seconds")
    record = {"query": query, "fetched": fetched, "answer": answer}
    path = _file(at, query)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Two runs at a time must not take each other's file.
    part = path.with_suffix(f".{os.getpid()}")
    part.write_text(json.dumps(record, ensure_ascii=False, indent=1), encoding="utf-8")
    part.replace(path)
    return record


def _file(at: Service, query: str) -> Path:
    return at.folder / "answers" / f"{hashlib.sha256(query.encode()).hexdigest()[:40]}.json"
