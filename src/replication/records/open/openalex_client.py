"""Asking OpenAlex: the key, the pace, and asking again.

What is relied on, as of the documentation of 2026:

- https://developers.openalex.org/api-reference/authentication – ``api_key=`` in the query; one US
  dollar a day with a free key, a tenth of it without; lists 0.10 and searches 1 dollar per 1,000.
- https://developers.openalex.org/api-reference/errors – status codes, ``message`` in the answer.
- https://docs.openalex.org/how-to-use-the-api/rate-limits-and-authentication – 429 for a used-up
  day and for a burst alike, ``X-RateLimit-…`` headers, new allowance at midnight UTC.

A day that is used up and a burst are told apart by ``Retry-After``: hours against a second, as
those report who met it (https://github.com/J535D165/pyalex/pull/111).

pyalex 0.21 has its address and https built in and no time-out. urllib3's Retry waits on a used-up
day, never sees a body that is cut or is no JSON, and logs the address, key and all.
"""

import json
import logging
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import mktime_tz, parsedate_tz
from time import monotonic, sleep, time
from typing import Any
from urllib.parse import quote, quote_plus

import requests

from replication.errors import SchemaError, SourceUnavailableError
from replication.records.open.openalex_cache import Question, Record, Service, cached, keep, url

LONGEST_WAIT = 120.0
"""Seconds. A longer ``Retry-After`` means that the day's allowance is used up."""
TEMPORARY = (429, 500, 502, 503, 504)

Ask = Callable[..., Record]


@contextmanager
def asking(at: Service) -> Iterator[Ask]:
    """Open a connection and give the function that asks over it.

    ``ask(question, fresh=False)`` returns the record that the cache then holds; ``fresh`` asks
    although the cache has one. It raises `SourceUnavailableError` if the day's allowance is used
    up, the API refuses the question, with its own words, or no sound answer came in all attempts;
    `SchemaError` if the answer is not what the documentation says.
    """
    due = 0.0

    def ask(question: Question, fresh: bool = False) -> Record:
        nonlocal due
        if not fresh and (record := cached(at, question)) is not None:
            return record
        fault = ""
        for attempt in range(at.attempts):
            if (early := due - monotonic()) > 0:
                sleep(early)
            due = monotonic() + 1 / at.per_second
            answer, fault, wait = _once(at, session, question)
            try:
                fault = fault or question.check(answer) or ""
            except SchemaError as error:
                raise SchemaError(f"{url(at, question)}: {error}") from None
            if not fault:
                return keep(at, question, answer)
            if attempt + 1 < at.attempts:
                pause = max(wait, at.backoff * 2**attempt)
                print(f"{at.address}: {fault}; again in {pause:.0f} s", file=sys.stderr)
                sleep(pause)
        raise SourceUnavailableError(
            f"{url(at, question)}: {fault}, {at.attempts} times over; every answer so far is kept "
            f"in {at.folder}: run the same command later and it goes on from there"
        )

    with requests.Session() as session, _unlogged(at.key):
        session.headers["User-Agent"] = "replication (university-firm co-innovation)"
        yield ask


def _once(at: Service, session: requests.Session, question: Question) -> tuple[Any, str, float]:
    """Ask once: the answer, or the fault that may pass and the seconds to wait for it."""
    sent = {**question.parameters, **({"api_key": at.key} if at.key else {})}
    address = f"{at.address}/{question.path}"
    try:
        response = session.get(address, params=sent, timeout=at.timeout, allow_redirects=False)
    except requests.RequestException as error:
        # Its text would name the address with the key.
        reached = not isinstance(error, requests.ConnectionError)
        said = "no answer" if reached else "cannot be reached, or broke off"
        return None, f"{said} ({type(error).__name__})", 0.0
    text = _hidden(response.content.decode("utf-8", errors="replace"), at.key)
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    status, headers = response.status_code, response.headers
    if status == 200:
        return answer, "" if answer is not None else "the answer is no JSON", 0.0
    told = answer.get("message") or answer.get("error") if isinstance(answer, dict) else None
    said = str(told or " ".join(text.split())[:200] or "without a message")
    wait = _seconds(headers.get("Retry-After"))
    if status == 429 and _used_up(headers, wait):
        raise SourceUnavailableError(_tomorrow(at, said, headers, wait))
    if status in TEMPORARY:
        return None, f"status {status} ({said})", min(wait or 0.0, LONGEST_WAIT)
    raise SourceUnavailableError(
        f"{url(at, question)}: OpenAlex refuses with status {status}: {said}"
    )


def _seconds(header: str | None) -> float | None:
    """Seconds of a header that is a number or a date."""
    try:
        seconds = float(header or "nan")
    except ValueError:
        date = parsedate_tz(header)
        seconds = mktime_tz(date) - time() if date else math.nan
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def _used_up(headers: Mapping[str, str], wait: float | None) -> bool:
    """Whether a 429 is the day's end and no burst."""
    if wait is not None:
        # "Nothing remains" is also said of a burst, hence the wait decides where there is one.
        return wait > LONGEST_WAIT
    left = headers.get("X-RateLimit-Remaining-USD") or headers.get("X-RateLimit-Remaining")
    return _seconds(left) == 0


def _tomorrow(at: Service, said: str, headers: Mapping[str, str], wait: float | None) -> str:
    reset = wait or _seconds(headers.get("X-RateLimit-Reset"))
    opens = f"in {reset / 3600:.1f} hours" if reset else "at midnight UTC"
    more = "" if at.key else "; a free key in $OPENALEX_API_KEY allows ten times as much a day"
    return (
        f"today's allowance at OpenAlex is used up ({said}), a new one comes {opens}{more}. What "
        f"has been collected is kept in {at.folder}: run the same command then and it goes on "
        "from there"
    )


def _hidden(text: str, key: str | None) -> str:
    """Text without the key, as it is and as it stands in an address."""
    for form in {key, quote(key), quote_plus(key)} if key else ():
        text = text.replace(form, "…")
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
