"""Asking OpenAlex: the key, the pace, asking again, and a cache of every answer.

What is relied on, as of the documentation of 2026:

- https://developers.openalex.org/api-reference/authentication – ``api_key=`` in the query; one US
  dollar a day with a free key, a tenth of it without; lists 0.10 and searches 1 dollar per 1,000;
  at most 100 requests a second. An address of the user (``mailto=``) is no longer asked for.
- https://developers.openalex.org/api-reference/errors – status codes, ``message`` in the answer.
- https://docs.openalex.org/how-to-use-the-api/rate-limits-and-authentication – 429 for a used-up
  day and for a burst alike, ``X-RateLimit-…`` headers, new allowance at midnight UTC.

A day that is used up and a burst are told apart by ``Retry-After``: hours against a second, as
those report who met it (https://github.com/J535D165/pyalex/pull/111).
"""

import hashlib
import json
import logging
import math
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

from replication.errors import SchemaError, SourceUnavailableError

ADDRESS = "https://api.openalex.org"
PER_SECOND = 10.0
"""Requests a second: a tenth of what the documentation allows."""

LONGEST_WAIT = 120.0
"""Seconds. A longer ``Retry-After`` means that the day's allowance is used up."""

TEMPORARY = (429, 500, 502, 503, 504)

Parameters = Mapping[str, str]
Check = Callable[[Any], str | None]
"""Says what is wrong with an answer if asking again may mend it; raises `SchemaError` if not."""

Ask = Callable[..., dict[str, Any]]
"""``ask(path, parameters, check, fresh=False)``: ``query``, ``fetched`` and ``answer``."""


@dataclass(frozen=True)
class Service:
    """Where to ask, how, and where answers are kept.

    Attributes
    ----------
    folder : Path
        Of the cache, one file a request.
    address : str
        Of the API, without a slash at the end.
    key : str, optional
        Goes out with each request and nowhere else.
    per_second : float
        Most requests a second.
    attempts : int
        How often one question is asked before giving up.
    backoff : float
        Seconds before the second attempt; doubled for each one after it.
    timeout : float
        Seconds until a silent connection counts as broken.
    """

    folder: Path
    address: str = ADDRESS
    key: str | None = field(default=None, repr=False)
    per_second: float = PER_SECOND
    attempts: int = 6
    backoff: float = 1.0
    timeout: float = 60.0


def service(folder: Path | None = None, address: str = ADDRESS) -> Service:
    """Service with the key of ``$OPENALEX_API_KEY`` and, by default, the project's cache."""
    if folder is None:
        from replication.records.open.download import cache_folder

        folder = cache_folder() / "openalex"
    return Service(folder, address, os.environ.get("OPENALEX_API_KEY", "").strip() or None)


def url(at: Service, path: str, parameters: Parameters) -> str:
    """Address of a question without the key: its name in the cache and in messages."""
    asked = urlencode(sorted(parameters.items()), safe=":,>", quote_via=quote)
    return f"{at.address}/{path}?{asked}"


def cached(at: Service, path: str, parameters: Parameters, check: Check) -> dict[str, Any] | None:
    """Record of an answer in the cache, or None if there is none or it is damaged."""
    query = url(at, path, parameters)
    try:
        record = json.loads(_file(at, query).read_text(encoding="utf-8"))
        sound = record["query"] == query and isinstance(record["fetched"], str)
        return record if sound and check(record["answer"]) is None else None
    except (OSError, ValueError, LookupError, TypeError, SchemaError):
        return None


@contextmanager
def asking(at: Service) -> Iterator[Ask]:
    """Open a connection and give the function that asks over it.

    ``ask`` takes the path, the parameters, the check of the answer, and ``fresh=True`` to pass by
    the cache. It returns the record that the cache then holds.

    Raises
    ------
    SourceUnavailableError
        From ``ask``: the day's allowance is used up; the API refuses the question, with its own
        words; or no sound answer came in all attempts.
    SchemaError
        From ``ask``: the answer is not what the documentation says.
    """
    import requests

    due = 0.0

    # Neither pyalex 0.21 nor urllib3's Retry is used. pyalex has its address and https built in
    # and no time-out, so it could not be tried against a server here. Retry sleeps through a
    # Retry-After of hours, never sees a body that is cut or is no JSON, and prints the address,
    # key and all, in its warnings. One loop does for all faults what Retry does for some.
    def ask(path: str, parameters: Parameters, check: Check, fresh: bool = False) -> dict[str, Any]:
        nonlocal due
        record = None if fresh else cached(at, path, parameters, check)
        if record is not None:
            return record
        query, fault = url(at, path, parameters), ""
        for attempt in range(at.attempts):
            due = _pace(due, at.per_second)
            answer, fault, wait = _once(at, session, path, parameters)
            try:
                fault = fault or check(answer) or ""
            except SchemaError as error:
                raise SchemaError(f"{query}: {error}") from None
            if not fault:
                return _keep(at, query, answer)
            if attempt + 1 < at.attempts:
                pause = max(wait, at.backoff * 2**attempt)
                print(f"{at.address}: {fault}; again in {pause:.0f} s", file=sys.stderr)
                sleep(pause)
        raise SourceUnavailableError(
            f"{query}: {fault}, {at.attempts} times over; every answer so far is kept in "
            f"{at.folder}: run the same command later and it goes on from there"
        )

    with requests.Session() as session, _unlogged(at.key):
        session.headers["User-Agent"] = "replication (university-firm co-innovation)"
        yield ask


def _pace(due: float, per_second: float) -> float:
    """Wait until a request is due, and return when the next one is."""
    if (early := due - monotonic()) > 0:
        sleep(early)
    return max(due, monotonic()) + 1 / per_second


def _once(at: Service, session: Any, path: str, parameters: Parameters) -> tuple[Any, str, float]:
    """Ask once: the answer, or the fault that may pass and the seconds to wait for it."""
    import requests

    sent = {**parameters, **({"api_key": at.key} if at.key else {})}
    try:
        response = session.get(
            f"{at.address}/{path}", params=sent, timeout=at.timeout, allow_redirects=False
        )
    except requests.RequestException as error:
        # Its text would name the address with the key.
        reached = not isinstance(error, requests.ConnectionError)
        said = "no answer" if reached else "cannot be reached, or broke off"
        return None, f"{said} ({type(error).__name__})", 0.0
    if response.status_code == 200:
        try:
            return response.json(), "", 0.0
        except ValueError:
            return None, "the answer is no JSON", 0.0
    said = _hidden(_message(response), at.key)
    wait = _seconds(response.headers.get("Retry-After"))
    if response.status_code == 429 and _used_up(response.headers, wait):
        raise SourceUnavailableError(_tomorrow(at, said, response.headers, wait))
    if response.status_code in TEMPORARY:
        return None, f"status {response.status_code} ({said})", min(wait or 0.0, LONGEST_WAIT)
    raise SourceUnavailableError(
        f"{url(at, path, parameters)}: OpenAlex refuses with status {response.status_code}: {said}"
    )


def _message(response: Any) -> str:
    """What the API says of an error, else the beginning of the page it sent."""
    try:
        answer = response.json()
        return str(answer.get("message") or answer["error"])
    except (ValueError, AttributeError, LookupError):
        return " ".join(response.text.split())[:200] or "without a message"


def _seconds(header: str | None) -> float | None:
    """Seconds of a ``Retry-After``: a number or a date."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def _used_up(headers: Mapping[str, str], wait: float | None) -> bool:
    """Whether a 429 is the day's end and no burst."""
    if wait is not None:
        # "Nothing remains" is also said of a burst, hence the wait decides where there is one.
        return wait > LONGEST_WAIT
    left = headers.get("X-RateLimit-Remaining-USD") or headers.get("X-RateLimit-Remaining")
    return left is not None and (_seconds(left) == 0)


def _tomorrow(at: Service, said: str, headers: Mapping[str, str], wait: float | None) -> str:
    reset = wait or _seconds(headers.get("X-RateLimit-Reset"))
    opens = f"in {reset / 3600:.1f} hours" if reset else "at midnight UTC"
    more = "" if at.key else "; a free key in $OPENALEX_API_KEY allows ten times as much a day"
    return (
        f"today's allowance at OpenAlex is used up ({said}), a new one comes {opens}{more}. What "
        f"has been collected is kept in {at.folder}: run the same command then and it goes on "
        "from there"
    )


def _file(at: Service, query: str) -> Path:
    return at.folder / "answers" / f"{hashlib.sha256(query.encode()).hexdigest()[:40]}.json"


def _keep(at: Service, query: str, answer: Any) -> dict[str, Any]:
    """Write an answer to the cache, whole or not at all."""
    record = {
        "query": query,
        "fetched": datetime.now(UTC).isoformat(timespec="seconds"),
        "answer": answer,
    }
    path = _file(at, query)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = _hidden(json.dumps(record, ensure_ascii=False, indent=1), at.key)
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, suffix=".part", delete=False
    ) as file:
        file.write(text)
    Path(file.name).replace(path)
    return record


def _hidden(text: str, key: str | None) -> str:
    """Text without the key, as it is and as it stands in an address."""
    for form in {key, quote(key), quote_plus(key)} if key else ():
        text = text.replace(str(form), "…")
    return text


@contextmanager
def _unlogged(key: str | None) -> Iterator[None]:
    """Keep the key out of the addresses that urllib3 logs."""

    def hide(record: logging.LogRecord) -> bool:
        record.msg, record.args = _hidden(record.getMessage(), key), ()
        return True

    loggers = [logging.getLogger(f"urllib3.{name}") for name in ("connectionpool", "util.retry")]
    for logger in loggers:
        logger.addFilter(hide)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(hide)
