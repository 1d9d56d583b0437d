"""A local server that answers, and fails, as OpenAlex is documented to."""

import itertools
import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pandas as pd
import pytest

from replication.records.open import openalex_client
from replication.records.open.openalex import Collected, collect
from replication.records.open.openalex_cache import Service
from replication.records.open.openalex_client import asking
from replication.records.open.openalex_counts import MEASURES, count_question

SECRET = "s3cret+key/of=the user"  # pragma: allowlist secret
YEARS = (2016, 2019)
TWO_FIELDS = (17, 22)
UNIVERSITIES = pd.DataFrame(
    {
        "name_zh": ["甲大学", "乙大学", "丙大学"],
        "name_en": ["Alpha University", "Be'ta University", "Gamma University (North)"],
    }
)
Answer = dict[str, Any]
Fault = Callable[[BaseHTTPRequestHandler, Callable[[], Answer]], None]


def institution(id_: str, name: str, **others: Any) -> Answer:
    return {"id": f"https://openalex.org/{id_}", "display_name": name} | others


def chinese(name: str) -> Answer:
    return {"display_name": {"en": "?", "zh": name}}


INSTITUTIONS = [
    institution("I1", "Alpha University", display_name_alternatives=["Alpha"]),
    institution("I11", "Alpha University Hospital", display_name_alternatives=None),
    institution("I2", "University of Beta", display_name_alternatives=["BE’TA  UNIVERSITY"]),
    institution("I3", "North Gamma", international=chinese("丙大学")),
]
# Institutions that sign works: lineage (its own id first), type, country.
HOMES = {"I1": "I1", "I11": "I1", "I2": "I2", "I3": "I3"}
FIRMS = [("I90", "company", "CN"), ("I91", "company", "DE")]
ABROAD = [("I80", "education", "US"), ("I81", "education", "GB")]


def works(n: int = 240, seed: int = 1) -> list[Answer]:
    """Invented works: a year, a field, and the institutions of the authors."""
    draw = random.Random(seed)
    made = []
    for _ in range(n):
        signed = [
            {"id": i, "lineage": [i, HOMES[i]], "type": "education", "country": "CN"}
            for i in draw.sample(sorted(HOMES), draw.choice([1, 1, 1, 2]))
        ]
        partners = draw.sample(FIRMS, draw.choice([0, 0, 1])) + draw.sample(
            ABROAD, draw.choice([0, 0, 1, 2])
        )
        signed += [
            {"id": i, "lineage": [i], "type": kind, "country": country}
            for i, kind, country in partners
        ]
        made.append(
            {
                "year": draw.randint(2014, 2021),
                "field": draw.choice([17, 17, 22, 27]),
                "institutions": signed,
            }
        )
    return made


WORKS = works()


def counted(records: list[Answer]) -> pd.DataFrame:
    """What `collect` must give, counted record by record."""
    rows = []
    for (name, home), number, year in itertools.product(
        [("甲大学", "I1"), ("乙大学", "I2"), ("丙大学", "I3")],
        TWO_FIELDS,
        range(YEARS[0], YEARS[1] + 1),
    ):
        own = [
            r["institutions"]
            for r in records
            if r["year"] == year
            and r["field"] == number
            and any(HOMES.get(i["id"]) == home for i in r["institutions"])
        ]
        foreign = [len({i["country"] for i in signed}) > 1 for signed in own]
        firm = [any(i["id"] in ("I90", "I91") for i in signed) for signed in own]
        both = [a and b for a, b in zip(foreign, firm, strict=True)]
        rows.append((name, number, year, len(own), sum(foreign), sum(firm), sum(both)))
    table = pd.DataFrame(rows, columns=["university", "field", "year", *MEASURES])
    return table.sort_values(["university", "field", "year"], ignore_index=True)


@dataclass
class OpenAlex:
    """The server: what it knows, what it was asked, and how it fails."""

    records: list[Answer] = field(default_factory=lambda: WORKS)
    institutions: list[Answer] = field(default_factory=lambda: INSTITUTIONS)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    faults: list[Fault | None] = field(default_factory=list)
    always: Fault | None = None
    address: str = ""

    def respond(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        query = dict(parse_qsl(parts.query))
        self.asked.append((parts.path, query))
        fault = self.faults.pop(0) if self.faults else self.always

        def answer() -> Answer:
            public = {k: v for k, v in query.items() if k != "api_key"}
            return {"/works": self.groups, "/institutions": self.search}[parts.path](public)

        if fault is not None:
            fault(handler, answer)
            return
        try:
            send(handler, 200, answer())
        except KeyError as error:
            said = {"error": "Invalid filter", "message": f"Unknown: {error}"}
            send(handler, 400, said)

    def groups(self, query: dict[str, str]) -> Answer:
        assert (query.pop("group_by"), query.pop("per_page")) == ("publication_year", "100")
        found = self.records
        for part in query.pop("filter").split(","):
            name, value = part.split(":")
            found = [r for r in found if FILTERS[name](r, value)]
        assert not query
        tally: dict[int, int] = {}
        for record in found:
            tally[record["year"]] = tally.get(record["year"], 0) + 1
        # As documented, the largest group first.
        listed = sorted(tally.items(), key=lambda group: -group[1])
        return {
            "meta": {"count": len(found), "groups_count": len(listed), "per_page": 100},
            "group_by": [
                {"key": str(y), "key_display_name": str(y), "count": n} for y, n in listed
            ],
            "results": [],
        }

    def search(self, query: dict[str, str]) -> Answer:
        assert query["filter"] == "country_code:CN,type:education"
        words = set(query["search"].casefold().split())
        found = [
            one
            for one in self.institutions
            if words & set(re.split(r"\W+", json.dumps(one, ensure_ascii=False).casefold()))
        ]
        shown = set(query["select"].split(","))
        listed = [{k: v for k, v in one.items() if k in shown} for one in found]
        size = int(query["per_page"])
        return {"meta": {"count": len(found), "per_page": size}, "results": listed[:size]}


FILTERS: dict[str, Callable[[Answer, str], bool]] = {
    "authorships.institutions.lineage": lambda r, v: any(
        v in i["lineage"] for i in r["institutions"]
    ),
    "authorships.institutions.type": lambda r, v: any(v == i["type"] for i in r["institutions"]),
    "primary_topic.field.id": lambda r, v: r["field"] == int(v),
    "publication_year": lambda r, v: int(v.split("-")[0]) <= r["year"] <= int(v.split("-")[1]),
    "countries_distinct_count": lambda r, v: (
        len({i["country"] for i in r["institutions"]}) > int(v.removeprefix(">"))
    ),
}


def send(
    handler: BaseHTTPRequestHandler, status: int, body: Answer | bytes, **headers: str
) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(content)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(content)


def status(code: int, message: str = "as documented", **headers: str) -> Fault:
    body = {"error": "an error", "message": message}
    return lambda handler, _: send(handler, code, body, **headers)


def cut(handler: BaseHTTPRequestHandler, answer: Callable[[], Answer]) -> None:
    """Promise the whole body and close in the middle of it."""
    content = json.dumps(answer()).encode()
    send(handler, 200, content[: len(content) // 2], Content_Length=str(len(content)))
    handler.close_connection = True


def malformed(handler: BaseHTTPRequestHandler, answer: Callable[[], Answer]) -> None:
    send(handler, 200, json.dumps(answer()).encode()[:-9])


def altered(change: Callable[[Answer], None]) -> Fault:
    def fault(handler: BaseHTTPRequestHandler, answer: Callable[[], Answer]) -> None:
        said = answer()
        change(said)
        send(handler, 200, said)

    return fault


EXHAUSTED = status(
    429, "Insufficient budget. Resets at midnight UTC", Retry_After="53578", X_RateLimit_Limit="1"
)


@pytest.fixture
def server() -> Iterator[OpenAlex]:
    fake = OpenAlex()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            fake.respond(self)

        def log_message(self, *_: Any) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    fake.address = f"http://127.0.0.1:{httpd.server_port}"
    Thread(target=httpd.serve_forever, args=(0.01,), daemon=True).start()
    yield fake
    httpd.shutdown()
    httpd.server_close()


@pytest.fixture
def at(server: OpenAlex, tmp_path: Path) -> Service:
    return Service(tmp_path / "openalex", server.address, SECRET, per_second=1e6, backoff=0.001)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that would have been slept."""
    slept: list[float] = []
    monkeypatch.setattr(openalex_client, "sleep", slept.append)
    return slept


def run(at: Service, **options: Any) -> Collected:
    return collect(UNIVERSITIES, YEARS, at, fields=TWO_FIELDS, **options)


def one(at: Service, measure: str = "papers") -> Answer:
    """Ask for one count."""
    with asking(at) as ask:
        return ask(count_question("I1", 17, measure, YEARS))


def right(measure: str = "papers") -> dict[int, int]:
    table = counted(WORKS).query("university == '甲大学' and field == 17").set_index("year")
    return {year: n for year, n in table[measure].items() if n}


TOTAL = 3 + 3 * 2 * 4
"""Requests of `run`: three look-ups, and four counts in each of six cells."""


def cached_files(at: Service) -> list[Path]:
    return list((at.folder / "answers").glob("*"))
