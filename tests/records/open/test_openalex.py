"""The collector against a local server that answers, and fails, as OpenAlex is documented to."""

import argparse
import itertools
import json
import logging
import os
import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pandas as pd
import pytest

from replication import cli
from replication.config import DATA, ROOT
from replication.errors import (
    DuplicateRowsError,
    MissingColumnError,
    MissingValueError,
    NoVariationError,
    RegistryError,
    ReplicationError,
    SchemaError,
    SourceUnavailableError,
)
from replication.estimate.designs import did, event_study, poisson
from replication.panel.build import Choices
from replication.panel.openalex import HERE, OPEN_PANEL, openalex_panel
from replication.records import schema
from replication.records.open import openalex, openalex_client, openalex_institutions
from replication.records.open.openalex import Collected, collect, fetch_command, plan
from replication.records.open.openalex_client import LONGEST_WAIT, Service, asking
from replication.records.open.openalex_counts import (
    FIELDS,
    MEASURES,
    check_counts,
    contradiction,
    count_question,
    works_by_year,
)
from replication.records.open.openalex_institutions import (
    check_institutions,
    institution_question,
    load_ids,
    match,
    uniform,
)

SECRET = "s3cret+key/of=the user"
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


def one(at: Service, measure: str = "works") -> Answer:
    """Ask for one count."""
    with asking(at) as ask:
        return ask("works", count_question("I1", 17, measure, YEARS), check_counts(YEARS))


def right(measure: str = "works") -> dict[int, int]:
    table = counted(WORKS).query("university == '甲大学' and field == 17").set_index("year")
    return {year: n for year, n in table[measure].items() if n}


TOTAL = 3 + 3 * 2 * 4
"""Requests of `run`: three look-ups, and four counts in each of six cells."""


class TestCounts:
    def test_are_those_of_the_records(self, server, at):
        collected = run(at)
        expected = counted(WORKS)
        pd.testing.assert_frame_equal(collected.counts, expected)
        assert len(server.asked) == TOTAL
        # The check would hold of empty tables too.
        assert (expected[list(MEASURES)].sum() > 10).all()
        assert (expected["works_firm_foreign"] == 0).any()

    def test_account_adds_up(self, at):
        assert run(at).account.values.tolist() == [
            ["universities", "counted", 3],
            ["universities × fields", "counted", 6],
        ]

    def test_do_not_depend_on_the_order_of_groups_or_on_empty_ones(self, server, at, tmp_path):
        expected = run(at).counts

        def shuffle(answer: Answer) -> None:
            if "group_by" in answer:
                answer["group_by"].append({"key": "1999", "key_display_name": "1999", "count": 0})
                random.Random(3).shuffle(answer["group_by"])

        server.always = altered(shuffle)
        again = run(replace(at, folder=tmp_path / "other"))
        pd.testing.assert_frame_equal(again.counts, expected)

    def test_do_not_depend_on_the_order_of_universities(self, at):
        counts = run(at).counts
        backwards = collect(UNIVERSITIES[::-1], YEARS, at, fields=TWO_FIELDS[::-1]).counts
        pd.testing.assert_frame_equal(backwards, counts)

    def test_do_not_depend_on_the_hash_seed(self, server, tmp_path):
        """Nor do the names in the cache, so a run goes on in another process."""
        program = (
            "import sys; from pathlib import Path; import pandas as pd\n"
            "from replication.records.open.openalex import collect\n"
            "from replication.records.open.openalex_client import Service\n"
            "u = pd.DataFrame({'name_zh': ['甲大学'], 'name_en': ['Alpha University']})\n"
            "at = Service(Path(sys.argv[1]), sys.argv[2])\n"
            "print(collect(u, (2016, 2019), at, fields=(17, 22)).counts.to_csv())"
        )
        printed = [
            subprocess.run(
                [sys.executable, "-c", program, str(tmp_path / "cache"), server.address],
                env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"},
                capture_output=True,
                text=True,
                encoding="utf-8",
                check=True,
                timeout=60,
            )
            for seed in ("1", "2")
        ]
        assert printed[0].stdout == printed[1].stdout
        assert "甲大学" in printed[0].stdout
        assert printed[0].stderr == "", "no bar where nobody watches"
        assert len(server.asked) == 1 + 8


class TestFaults:
    @pytest.mark.parametrize(
        "fault",
        [
            cut,
            malformed,
            status(500),
            status(502),
            status(503, Retry_After="0"),
            status(504),
            status(429, Retry_After="1"),
            altered(lambda answer: answer["meta"].update(count=answer["meta"]["count"] + 1)),
        ],
        ids=["cut", "malformed", "500", "502", "503", "504", "burst", "count moves"],
    )
    def test_that_pass_leave_no_trace(self, server, at, waits, fault):
        server.faults = [fault, fault]
        assert works_by_year(one(at)["answer"]) == right()
        assert len(server.asked) == 3
        server.always = status(500)
        assert works_by_year(one(at)["answer"]) == right(), "the cache holds the good answer"

    def test_are_waited_for_ever_longer(self, server, at, waits):
        server.faults = [status(500)] * 4
        one(replace(at, backoff=2.0))
        assert waits == [2, 4, 8, 16]

    @pytest.mark.parametrize(
        ("header", "seconds"), [("7", 7.0), ("0.5", 0.5), ("-3", 0.002), ("soon", 0.002)]
    )
    def test_retry_after_is_kept_to(self, server, at, waits, header, seconds):
        server.faults = [status(429, Retry_After=header)]
        one(replace(at, backoff=0.002))
        assert waits == [max(seconds, 0.002)]

    def test_retry_after_may_be_a_date(self, server, at, waits):
        server.faults = [status(503, Retry_After="Thu, 01 Jan 2099 00:00:00 GMT")]
        one(at)
        assert waits == [LONGEST_WAIT]

    @pytest.mark.parametrize("fault", [cut, malformed, status(500, "out of order")])
    def test_that_stay_end_with_an_error(self, server, at, waits, fault):
        server.always = fault
        with pytest.raises(SourceUnavailableError, match="6 times over") as caught:
            one(at)
        assert "primary_topic.field.id:17" in str(caught.value)
        assert str(at.folder) in str(caught.value)
        assert len(server.asked) == 6
        assert len(waits) == 5, "nothing is waited for after the last attempt"

    def test_no_server_at_all(self, server, at, waits):
        with pytest.raises(SourceUnavailableError, match="cannot be reached, or broke off"):
            one(replace(at, address="http://127.0.0.1:9"))

    def test_asking_again_is_said_before_the_wait(self, server, at, waits, capsys):
        with pytest.raises(SourceUnavailableError):
            one(replace(at, address="http://127.0.0.1:9", attempts=3, backoff=2.0))
        said = capsys.readouterr().err.splitlines()
        assert [line.rpartition("; ")[2] for line in said] == ["again in 2 s", "again in 4 s"]
        assert all(line.startswith("http://127.0.0.1:9: cannot be reached") for line in said)

    def test_a_server_that_says_nothing(self, server, at, waits):
        released = Event()
        server.always = lambda *_: released.wait(5) and None
        with pytest.raises(SourceUnavailableError, match=r"no answer \(ReadTimeout\), 2 times"):
            one(replace(at, timeout=0.1, attempts=2))
        released.set()

    @pytest.mark.parametrize("code", [400, 401, 403, 404, 301])
    def test_a_refusal_is_final_and_in_the_api_s_words(self, server, at, waits, code):
        server.always = status(code, "Unknown filter field", Location="http://127.0.0.1:9/")
        with pytest.raises(SourceUnavailableError, match=rf"{code}: Unknown filter field$"):
            one(at)
        assert len(server.asked) == 1
        assert waits == []

    def test_a_refusal_without_json_shows_its_page(self, server, at):
        server.always = lambda handler, _: send(handler, 403, b"<h1>Blocked</h1>\n by the proxy")
        with pytest.raises(SourceUnavailableError, match="<h1>Blocked</h1> by the proxy"):
            one(at)

    def test_the_filters_are_those_that_the_server_knows(self, server, at):
        question = {**count_question("I1", 17, "works", YEARS), "filter": "no.such:1"}
        refused = pytest.raises(SourceUnavailableError, match=r"400: Unknown: 'no\.such'")
        with asking(at) as ask, refused:
            ask("works", question, check_counts(YEARS))

    def test_pace(self, server, at, monkeypatch):
        clock, slept = [100.0], []

        def sleep(seconds: float) -> None:
            slept.append(seconds)
            clock[0] += seconds

        monkeypatch.setattr(openalex_client, "sleep", sleep)
        monkeypatch.setattr(openalex_client, "monotonic", lambda: clock[0])
        run(replace(at, per_second=4.0))
        assert slept == pytest.approx([0.25] * (TOTAL - 1))


class TestEndOfTheDay:
    @pytest.mark.parametrize("before", [0, 1, 3, 10, TOTAL - 1])
    def test_stops_keeps_and_resumes(self, server, at, waits, before):
        server.faults, server.always = [None] * before, EXHAUSTED
        with pytest.raises(SourceUnavailableError, match=r"Insufficient budget.* in 14\.9 hours"):
            run(at)
        assert len(server.asked) == before + 1, "the limit is not hammered"
        assert waits == []
        server.asked.clear()
        server.always = None
        pd.testing.assert_frame_equal(run(at).counts, counted(WORKS))
        assert len(server.asked) == TOTAL - before

    def test_told_by_the_remainder_where_there_is_no_wait(self, server, at, waits):
        server.always = status(429, X_RateLimit_Remaining_USD="0.0", X_RateLimit_Reset="7200")
        with pytest.raises(SourceUnavailableError, match=r"in 2\.0 hours"):
            one(at)
        assert len(server.asked) == 1

    def test_a_burst_may_say_that_nothing_remains(self, server, at, waits):
        server.faults = [status(429, Retry_After="1", X_RateLimit_Remaining="0")]
        assert works_by_year(one(at)["answer"]) == right()
        assert waits == [1]

    def test_tells_who_has_no_key_of_it(self, server, at, waits):
        server.always = EXHAUSTED
        with pytest.raises(SourceUnavailableError, match="OPENALEX_API_KEY"):
            one(replace(at, key=None))
        with pytest.raises(SourceUnavailableError) as caught:
            one(at)
        assert "OPENALEX_API_KEY" not in str(caught.value)


class TestKey:
    def test_goes_out_with_every_request_and_nowhere_else(
        self, server, at, waits, caplog, capfd, tmp_path
    ):
        caplog.set_level(logging.DEBUG)
        server.faults = [cut, status(500, f"key {SECRET}"), None, status(429, Retry_After="1")]
        server.always = altered(lambda answer: answer["meta"].update(note=f"for {SECRET}"))
        run(at)
        assert {query["api_key"] for _, query in server.asked} == {SECRET}
        server.always = status(403, f"the key {SECRET} is blocked")
        with pytest.raises(SourceUnavailableError) as caught:
            run(replace(at, folder=tmp_path / "other"))
        server.always = EXHAUSTED
        with pytest.raises(SourceUnavailableError) as exhausted:
            run(replace(at, folder=tmp_path / "other"))
        with pytest.raises(SourceUnavailableError) as refused:
            one(replace(at, address="http://127.0.0.1:9", folder=tmp_path / "other"))
        assert "the key … is blocked" in str(caught.value)
        written = [str(p) + p.read_text("utf-8") for p in tmp_path.rglob("*") if p.is_file()]
        assert len(written) == TOTAL
        errors = [caught.value, exhausted.value, refused.value]
        chains = [e for one in errors for e in (one, one.__cause__, one.__context__)]
        said = [*written, *map(repr, chains), repr(at), caplog.text, *capfd.readouterr()]
        for form in (SECRET, "s3cret", "of%3Dthe"):
            assert not [text for text in said if form in text]
        assert "GET /works?" in caplog.text, "what urllib3 logs was looked at"

    def test_comes_from_the_environment(self, monkeypatch, tmp_path):
        monkeypatch.setenv("OPENALEX_API_KEY", f" {SECRET}\n")
        assert openalex_client.service(tmp_path).key == SECRET
        monkeypatch.setenv("OPENALEX_API_KEY", "")
        assert openalex_client.service(tmp_path).key is None

    def test_is_not_sent_where_there_is_none(self, server, at):
        one(replace(at, key=None))
        assert "api_key" not in server.asked[0][1]

    def test_loggers_are_left_as_they_were(self, at):
        loggers = [logging.getLogger(n) for n in ("urllib3.connectionpool", "urllib3.util.retry")]
        before = [list(logger.filters) for logger in loggers]
        with pytest.raises(KeyboardInterrupt), asking(at):
            raise KeyboardInterrupt
        assert [logger.filters for logger in loggers] == before


class TestCache:
    def test_answers_the_second_time(self, server, at):
        first = run(at)
        server.asked.clear()
        server.always = status(500)
        second = run(at)
        assert server.asked == []
        pd.testing.assert_frame_equal(second.counts, first.counts)
        assert second.fetched == first.fetched

    def test_does_not_depend_on_the_key(self, server, at):
        run(at)
        server.asked.clear()
        run(replace(at, key=None))
        assert server.asked == []

    def test_holds_question_date_and_answer(self, server, at):
        one(at)
        (file,) = (at.folder / "answers").iterdir()
        record = json.loads(file.read_text("utf-8"))
        assert record["query"] == (
            f"{server.address}/works?filter=authorships.institutions.lineage:I1,"
            "primary_topic.field.id:17,publication_year:2016-2019"
            "&group_by=publication_year&per_page=100"
        )
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", record["fetched"])
        assert works_by_year(record["answer"]) == right()

    @pytest.mark.parametrize(
        "damage",
        [
            lambda text: "",
            lambda text: text[: len(text) // 2],
            lambda text: text.replace("lineage:I1", "lineage:I2"),
            lambda text: re.sub(r'"count": \d+', '"count": 1', text),
            lambda text: re.sub(r'"key": "\d+"', '"key": "unknown"', text),
            lambda text: text.replace('"fetched"', '"caught"'),
            lambda text: "[1, 2]",
        ],
    )
    def test_damaged_file_is_fetched_again(self, server, at, damage):
        one(at)
        (file,) = (at.folder / "answers").iterdir()
        whole = file.read_text("utf-8")
        file.write_text(damage(whole), "utf-8")
        assert file.read_text("utf-8") != whole
        assert works_by_year(one(at)["answer"]) == right()
        assert len(server.asked) == 2
        assert json.loads(file.read_text("utf-8"))["answer"] == json.loads(whole)["answer"]

    def test_a_file_is_there_whole_or_not_at_all(self, server, at, monkeypatch):
        def broken(*_: Any) -> None:
            raise OSError("no space")

        monkeypatch.setattr(Path, "replace", broken)
        with pytest.raises(OSError, match="no space"):
            one(at)
        assert list((at.folder / "answers").glob("*.json")) == []

    def test_questions_have_files_of_their_own(self, at):
        run(at)
        assert len(list((at.folder / "answers").iterdir())) == TOTAL

    def test_default_folder_is_the_project_s(self, monkeypatch, tmp_path):
        from replication.records.open import download

        monkeypatch.setattr(download, "cache_folder", lambda: tmp_path)
        assert openalex_client.service().folder == tmp_path / "openalex"


def said(groups: list[tuple[Any, Any]], count: Any = None, **meta: Any) -> Answer:
    total = sum(n for _, n in groups) if count is None else count
    listed = [{"key": key, "key_display_name": key, "count": n} for key, n in groups]
    return {"meta": {"count": total, **meta}, "group_by": listed}


class TestAnswers:
    @pytest.mark.parametrize(
        "answer",
        [
            said([("2016", 3), ("2019", 1)], groups_count=2),
            said([(2016, 3)]),
            said([], groups_count=0),
            said([("2016", 3), ("1850", 0)]),
            said([("2016", 3)], groups_count=None),
        ],
    )
    def test_sound(self, answer):
        assert check_counts(YEARS)(answer) is None

    @pytest.mark.parametrize(
        ("answer", "message"),
        [
            (said([("unknown", 3)]), "'unknown', which is no year"),
            (said([("201", 3)]), "no year"),
            (said([("²016", 3)]), "no year"),
            (said([("2015", 3)]), r"works of 2015 although 2016–2019"),
            (said([("2020", 1), ("2016", 3)]), "works of 2020"),
            (said([("2016", -1)]), "counts -1 works"),
            (said([("2016", 1.0)]), r"counts 1\.0 works"),
            (said([("2016", True)], 1), "counts True works"),
            (said([("2016", "3")], 3), "counts '3' works"),
            (said([("2016", None)], 3), "counts None works"),
            (said([("2016", 3)], count="3"), "counts '3' works"),
            (said([("2016", 1), ("2016", 2)]), "a year twice"),
            (said([("2016", 3)], groups_count=2), "tells of 2 groups and lists 1"),
            ({"meta": {"count": 0}}, "no meta.count, or no group_by"),
            ({"meta": {}, "group_by": []}, "no meta.count"),
            ({"group_by": []}, "no meta.count"),
            ({"meta": {"count": 0}, "group_by": [{"key": "2016"}]}, "no meta.count"),
            ({"meta": {"count": 0}, "group_by": None}, "no meta.count"),
            ([], "no meta.count"),
            (None, "no meta.count"),
        ],
    )
    def test_not_as_documented(self, answer, message):
        with pytest.raises(SchemaError, match=message):
            check_counts(YEARS)(answer)

    def test_error_names_the_question_and_is_not_asked_again(self, server, at, waits):
        server.always = altered(lambda answer: answer["group_by"][0].update(key="unknown"))
        with pytest.raises(SchemaError, match=r"field\.id:17.*'unknown', which is no year"):
            one(at)
        assert len(server.asked) == 1
        assert cached_files(at) == []

    def test_groups_that_never_add_up(self, server, at, waits):
        server.always = altered(lambda answer: answer["meta"].update(count=10**6))
        with pytest.raises(SourceUnavailableError, match=r"meta\.count is 1000000 .* 6 times") as e:
            one(at)
        assert "field.id:17" in str(e.value)
        assert len(server.asked) == 6
        assert cached_files(at) == []

    def test_contradiction_is_what_no_set_of_works_can_give(self):
        """All sets of up to three works, each with or without a firm and a foreign partner."""
        possible = {
            (n + a + b + c, a + c, b + c, c)
            for n, a, b, c in itertools.product(range(4), repeat=4)
            if n + a + b + c <= 3
        }
        for four in itertools.product(range(4), repeat=4):
            cell = {m: {2016: k} if k else {} for m, k in zip(MEASURES, four, strict=True)}
            assert (contradiction(cell) is None) == (four in possible), four

    def test_counts_that_change_between_requests_are_asked_again(self, server, at):
        """A work with a firm arrives after all works were counted."""
        silent = [r for r in WORKS if not (r["field"] == 17 and r["year"] == 2018)]
        server.records = silent
        with asking(at) as ask:
            ask("works", count_question("I1", 17, "works", YEARS), check_counts(YEARS))
        server.records = WORKS
        server.asked.clear()
        pd.testing.assert_frame_equal(run(at).counts, counted(WORKS))
        assert len(server.asked) == TOTAL - 1 + 4

    def test_contradiction_that_stays_sets_the_cell_aside(self, server, at):
        def more(answer: Answer) -> None:
            if "group_by" in answer and server.asked[-1][1]["filter"].endswith(
                "I2,primary_topic.field.id:17,publication_year:2016-2019,"
                "authorships.institutions.type:company"
            ):
                answer["group_by"] = [{"key": "2016", "key_display_name": "2016", "count": 999}]
                answer["meta"].update(count=999, groups_count=1)

        server.always = altered(more)
        collected = run(at)
        expected = counted(WORKS).query("not (university == '乙大学' and field == 17)")
        pd.testing.assert_frame_equal(collected.counts, expected.reset_index(drop=True))
        account = collected.account.query("table == 'universities × fields'")
        assert account["rows"].sum() == 6
        (reason,) = set(account["reason"]) - {"counted"}
        assert re.match(r"counts contradict each other: 乙大学, field 17, 2016: .*firm 999", reason)
        assert len(server.asked) == TOTAL + 4


def cached_files(at: Service) -> list[Path]:
    return list((at.folder / "answers").glob("*"))


def candidates(*found: Answer, count: int | None = None) -> Answer:
    return {"meta": {"count": len(found) if count is None else count}, "results": list(found)}


class TestInstitutions:
    @pytest.mark.parametrize(
        "found",
        [
            institution("I7", "Xi'an Jiaotong University"),
            institution("I7", "XI’AN  JIAOTONG UNIVERSITY"),
            institution("I7", "XJTU", display_name_alternatives=["Xian Jiaotong-University"]),
            institution("I7", "XJTU", international=chinese("西安交通大学")),
            institution("I7", "XJTU", international={"display_name": {"zh-cn": "西安交通大学"}}),
        ],
    )
    def test_exact_names_match(self, found):
        other = institution("I8", "Xi'an University", international=None)
        answer = candidates(other, found)
        assert match("西安交通大学", "Xi'an Jiaotong University", answer) == ("I7", "", "")

    @pytest.mark.parametrize(
        "found",
        [
            institution("I7", "Xi'an Jiaotong University Hospital"),
            institution("I7", "Jiaotong University"),
            institution("I7", "Xi'an Jiaotong Universty"),
            institution("I7", "Xi'an Jiaotong Liverpool University", international={}),
            institution("I7", "XJTU", display_name_acronyms=["Xi'an Jiaotong University"]),
            institution("I7", "XJTU", international=chinese("西安交通大学医院")),
            institution("I7", "XJTU", international={"display_name": {"ja": "西安交通大学"}}),
        ],
    )
    def test_near_names_do_not(self, found):
        answer = candidates(found)
        id_, reason, listed = match("西安交通大学", "Xi'an Jiaotong University", answer)
        assert (id_, reason) == (None, "no institution of exactly this name")
        assert listed == f"I7 {found['display_name']}"

    def test_two_matches_are_none(self):
        twins = [institution("I9", "Alpha University"), institution("I10", "Alpha university")]
        id_, reason, listed = match("甲", "Alpha University", candidates(*twins, INSTITUTIONS[1]))
        assert (id_, reason) == (None, "several institutions of exactly this name")
        assert listed == "I10 Alpha university; I9 Alpha University"

    def test_more_candidates_than_a_page_are_none(self):
        answer = candidates(INSTITUTIONS[0], count=101)
        assert match("甲大学", "Alpha University", answer)[:2] == (
            None,
            "more candidates than one page holds",
        )

    def test_uniform_names(self):
        assert uniform("Northwest A&F  University ") == "northwest a and f university"
        assert uniform("中国地质大学（北京）") == uniform("中国地质大学(北京)")
        assert uniform("ＡＢ") == "ab"

    def test_signs_are_not_searched_for(self):
        asked = institution_question("China University, of “Chang’an” (A&F) Yat-sen")
        assert asked["search"] == "China University of Chang'an A&F Yat-sen"

    @pytest.mark.parametrize(
        "answer",
        [
            None,
            {},
            {"meta": {"count": 1}},
            {"meta": {"count": "1"}, "results": []},
            {"meta": {"count": 1}, "results": [{"id": "https://openalex.org/I1"}]},
            {"meta": {"count": 1}, "results": [{"id": "W1", "display_name": "x"}]},
            {"meta": {"count": 1}, "results": [{"id": None, "display_name": "x"}]},
        ],
    )
    def test_answer_not_as_documented(self, answer):
        with pytest.raises(SchemaError, match=r"no meta\.count, or no results"):
            check_institutions(answer)

    def test_unresolved_is_set_aside_and_the_run_goes_on(self, server, at):
        server.institutions = [*INSTITUTIONS[:3], institution("I3", "Gamma University (South)")]
        collected = run(at)
        expected = counted(WORKS).query("university != '丙大学'").reset_index(drop=True)
        pd.testing.assert_frame_equal(collected.counts, expected)
        assert collected.account.values.tolist() == [
            ["universities", "counted", 2],
            ["universities", "no institution of exactly this name", 1],
            ["universities × fields", "counted", 4],
            ["universities × fields", "university without an OpenAlex id", 2],
        ]
        row = collected.institutions.set_index("name_zh").loc["丙大学"]
        assert row["openalex_id"] is None
        assert "I3 Gamma University (South)" in row["candidates"]

    def test_institution_of_two_universities_is_set_aside(self, server, at):
        both = [*INSTITUTIONS[0]["display_name_alternatives"], "Be'ta University"]
        shared = INSTITUTIONS[0] | {"display_name_alternatives": both}
        server.institutions = [shared, INSTITUTIONS[3]]
        collected = run(at)
        assert set(collected.counts["university"]) == {"丙大学"}
        assert collected.institutions["reason"].tolist() == [
            "institution shared with another university",
            "institution shared with another university",
            "",
        ]
        assert collected.institutions["candidates"].tolist() == ["I1", "I1", ""]

    def test_no_university_at_all(self, server, at):
        server.institutions = []
        with pytest.raises(SourceUnavailableError, match="--institutions FILE"):
            run(at)

    def test_ids_of_the_user_are_not_looked_up(self, server, at):
        server.institutions = INSTITUTIONS[1:]
        pd.testing.assert_frame_equal(run(at, ids={"甲大学": "I1"}).counts, counted(WORKS))
        assert len(server.asked) == TOTAL - 1

    def test_file_of_ids(self, tmp_path):
        path = tmp_path / "ids.csv"
        path.write_text(
            "name_zh,openalex_id,note\n甲大学, https://openalex.org/I1 ,x\n乙大学,,\n丙大学,i3,\n",
            "utf-8",
        )
        assert load_ids(path, UNIVERSITIES) == {"甲大学": "I1", "丙大学": "I3"}
        assert load_ids(None, UNIVERSITIES) == {}

    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            ("丁大学,I1", r"row 2, column 'name_zh': '丁大学' is no university"),
            ("甲大学,I1\n乙大学,W2", r"row 3, column 'openalex_id': 'W2' is no id"),
            ("甲大学,I1\n甲大学,I2", r"row 3, column 'name_zh': '甲大学' has an id above"),
            ("甲大学,I1\n乙大学,I1", r"row 3, column 'openalex_id': I1 is given to two"),
        ],
    )
    def test_file_of_ids_with_a_fault(self, tmp_path, rows, message):
        path = tmp_path / "ids.csv"
        path.write_text(f"name_zh,openalex_id\n{rows}\n", "utf-8")
        with pytest.raises(RegistryError, match=message):
            load_ids(path, UNIVERSITIES)

    def test_file_of_ids_that_is_none(self, tmp_path):
        with pytest.raises(RegistryError, match=r"there is no file .*none\.csv: name one"):
            load_ids(tmp_path / "none.csv", UNIVERSITIES)
        (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
        with pytest.raises(RegistryError, match="cannot be read as CSV"):
            load_ids(tmp_path / "bytes.csv", UNIVERSITIES)
        (tmp_path / "other.csv").write_text("a,b\n1,2\n")
        with pytest.raises(MissingColumnError, match=r"other\.csv"):
            load_ids(tmp_path / "other.csv", UNIVERSITIES)

    @pytest.mark.parametrize(
        ("change", "error"),
        [
            (lambda t: t.drop(columns="name_en"), MissingColumnError),
            (lambda t: t.assign(name_zh="甲大学"), DuplicateRowsError),
            (lambda t: t.assign(name_en=[None, "b", "c"]), MissingValueError),
        ],
    )
    def test_list_of_universities_with_a_fault(self, server, at, change, error):
        with pytest.raises(error):
            collect(change(UNIVERSITIES), YEARS, at)
        assert server.asked == []


class TestPlan:
    def test_default_run(self, at):
        """75 look-ups, and four requests a university and field."""
        ministry = pd.DataFrame({"name_zh": [f"{i}大学" for i in range(75)], "name_en": "U"})
        at = replace(at, key=None, per_second=openalex_client.PER_SECOND)
        made = plan(ministry, (2011, 2022), at)
        assert made.requests == 75 + 75 * 11 * 4 == 3375
        assert (made.in_cache, made.seconds) == (0, 337.5)
        assert made.dollars == pytest.approx(0.075 + 0.33)
        assert "3,375 requests at most, 0 answers in the cache, 3,375 to ask" in str(made)
        assert "at least 5.6 minutes; 0.41 US dollars of the day's 0.10 (no key in" in str(made)
        # 0.405 dollars at a tenth of a dollar a day.
        assert str(made).endswith("done in 5 days, by running the same command again)")
        made = plan(ministry, (2011, 2022), replace(at, key=SECRET))
        assert str(made).endswith("0.41 US dollars of the day's 1.00 (with your key; done today)")

    def test_asks_nothing(self, server, at):
        plan(UNIVERSITIES, YEARS, at)
        assert server.asked == []

    @pytest.mark.parametrize("before", [0, 1, 2, 3, 4, 20, TOTAL])
    def test_counts_what_is_in_the_cache(self, server, at, before):
        server.faults, server.always = [None] * before, EXHAUSTED if before < TOTAL else None
        if before < TOTAL:
            with pytest.raises(SourceUnavailableError):
                run(at)
        else:
            run(at)
        made = plan(UNIVERSITIES, YEARS, at, fields=TWO_FIELDS)
        assert (made.requests, made.in_cache) == (TOTAL, before)

    def test_knows_who_was_not_found_and_whose_id_is_given(self, server, at):
        server.institutions = INSTITUTIONS[:3]
        run(at)
        assert plan(UNIVERSITIES, YEARS, at, fields=TWO_FIELDS).requests == TOTAL - 8
        made = plan(UNIVERSITIES, YEARS, at, {"丙大学": "I3"}, TWO_FIELDS)
        assert (made.requests, made.in_cache) == (TOTAL - 1, TOTAL - 9)


class TestFields:
    def test_have_names_and_a_category(self):
        assert len(FIELDS) == 11
        assert all(11 <= number <= 36 for number in FIELDS)
        assert {category for _, _, category in FIELDS.values()} == set(Choices().categories)


CHOICES = Choices(first_year=2011, last_year=2022, first_treated=2018)


def drawn(
    effect: float, seed: int = 5, universities: int = 40, fields: tuple[int, ...] = (15, 16, 17, 22)
) -> pd.DataFrame:
    """Counts by a Poisson process in which exposure × post moves works with a firm."""
    rng = np.random.default_rng(seed)
    names = [f"高校{u:02d}" for u in range(universities)]
    index = pd.MultiIndex.from_product(
        [names, fields, range(2011, 2023)], names=["university", "field", "year"]
    )
    table = index.to_frame(index=False)
    u, f = table["university"].factorize()[0], table["field"].factorize()[0]
    size, open_ = rng.normal(0, 0.5, universities), rng.normal(0, 0.6, universities)
    cell = rng.normal(0, 0.3, (universities, len(fields)))[u, f]
    foreign = rng.poisson(np.exp(3 + size[u] + open_[u] + cell))
    x = brute_exposure(table.assign(works_foreign=foreign))
    lift = effect * table["university"].map(x) * (table["year"] >= 2018)
    trend = rng.normal(0, 0.2, (len(fields), 12))[f, table["year"] - 2011]
    firm = rng.poisson(np.exp(1.5 + size[u] + cell + trend + lift))
    both = rng.binomial(np.minimum(foreign, firm), 0.3)
    return table.assign(
        works=foreign + firm + 5, works_foreign=foreign, works_firm=firm, works_firm_foreign=both
    )


def brute_exposure(counts: pd.DataFrame, treated: int = 2018) -> dict[str, float]:
    """Exposure by university in loops."""
    raw = {}
    for name in sorted(set(counts["university"])):
        logs = []
        for year in range(2011, treated):
            rows = counts[(counts["university"] == name) & (counts["year"] == year)]
            logs.append(float(np.log(1 + sum(rows["works_foreign"]))))
        raw[name] = sum(logs) / len(logs)
    mean = sum(raw.values()) / len(raw)
    sd = (sum((v - mean) ** 2 for v in raw.values()) / (len(raw) - 1)) ** 0.5
    return {name: (v - mean) / sd for name, v in raw.items()}


class TestPanel:
    def test_is_what_loops_give(self):
        counts = drawn(0.0, universities=9)
        exposure = brute_exposure(counts)
        middle = float(np.median(list(exposure.values())))
        rows = [
            {
                "university": r.university,
                "discipline": f"00{r.field}",
                "year": r.year,
                "category": FIELDS[r.field][2],
                "event_time": r.year - 2018,
                "post": int(r.year >= 2018),
                "papers_foreign": r.works_foreign,
                "exposure": exposure[r.university],
                "exposure_high": int(exposure[r.university] > middle),
                "papers": r.works,
                "papers_firm": r.works_firm,
                "papers_firm_foreign": r.works_firm_foreign,
            }
            for r in counts.itertuples()
        ]
        panel = openalex_panel(counts, CHOICES)
        pd.testing.assert_frame_equal(panel, pd.DataFrame(rows), check_dtype=False, atol=1e-9)
        assert panel.attrs["source"] == "open"

    def test_has_the_study_s_columns_where_they_apply_and_no_patents(self):
        for name in set(OPEN_PANEL.columns) & set(schema.PANEL.columns):
            ours, theirs = OPEN_PANEL.columns[name], schema.PANEL.columns[name]
            assert (ours.dtype, ours.nullable) == (theirs.dtype, theirs.nullable), name
            # Made here and not by `replication build`, and labelled as what they are here.
            assert ("fetch openalex" in ours.metadata["source"]) == (name != "university")
            assert (ours.title == theirs.title) == (name not in HERE)
            assert [str(c) for c in ours.checks] == [str(c) for c in theirs.checks]
        only = set(OPEN_PANEL.columns) - set(schema.PANEL.columns)
        assert only == {"papers", "papers_firm", "papers_firm_foreign"}
        assert not [name for name in OPEN_PANEL.columns if "patent" in name]

    def test_does_not_depend_on_the_order_of_rows(self):
        counts = drawn(0.0, universities=5)
        shuffled = counts.sample(frac=1, random_state=1)
        pd.testing.assert_frame_equal(
            openalex_panel(shuffled, CHOICES), openalex_panel(counts, CHOICES)
        )

    def test_survives_a_csv(self, tmp_path):
        counts = drawn(0.0, universities=4)
        counts.to_csv(tmp_path / "counts.csv", index=False)
        again = openalex_panel(pd.read_csv(tmp_path / "counts.csv"), CHOICES)
        pd.testing.assert_frame_equal(again, openalex_panel(counts, CHOICES))

    def test_keeps_to_the_choices(self):
        counts = drawn(0.0, universities=5)
        panel = openalex_panel(
            counts, replace(CHOICES, first_year=2013, first_treated=2019, categories=("08",))
        )
        assert set(panel["discipline"]) == {"0015", "0017", "0022"}
        assert panel["year"].min() == 2013
        assert panel.query("event_time == 0")["year"].unique().tolist() == [2019]
        narrow = counts.query("year >= 2013 and field != 16")
        years = narrow.query("year < 2019").groupby(["university", "year"])["works_foreign"].sum()
        x = np.log1p(years).groupby("university").mean()
        np.testing.assert_allclose(
            panel.groupby("university")["exposure"].first(), (x - x.mean()) / x.std(), atol=1e-9
        )

    def test_a_cell_that_is_set_aside_makes_no_university_look_closed(self):
        counts = drawn(0.0, universities=6)
        lost = ~((counts["university"] == "高校03") & (counts["field"] == 22))
        panel = openalex_panel(counts[lost], CHOICES)
        assert len(panel) == len(counts) - 12
        expected = brute_exposure(counts[counts["field"] != 22])
        found = panel.groupby("university")["exposure"].first().to_dict()
        assert found == pytest.approx(expected, abs=1e-9)

    @pytest.mark.parametrize(
        ("change", "error", "message"),
        [
            (lambda c: c.drop(index=3), SchemaError, r"lack years of 2011–2022 in 1 cells, first"),
            (lambda c: c[c["year"] < 2022], SchemaError, "--years 2011-2022"),
            (lambda c: c.drop(columns="works_firm"), SchemaError, "'works_firm' is missing"),
            (lambda c: c.assign(field=27), SchemaError, "'field', row 0: 27"),
            (lambda c: c.assign(works=-1), SchemaError, "'works', row 0: -1"),
            (lambda c: pd.concat([c, c]), SchemaError, "have the same key"),
            (lambda c: c.iloc[:0], SchemaError, "no rows"),
            (lambda c: c.assign(year=c["year"] + 50), SchemaError, "have no row of 2011–2022"),
            (lambda c: c.assign(works_foreign=2), NoVariationError, "'exposure' does not vary"),
            (
                lambda c: c[(c["field"] == 17) == (c["university"] == "高校01")],
                SchemaError,
                "no field that every university has",
            ),
        ],
    )
    def test_counts_with_a_fault(self, change, error, message):
        counts = drawn(0.0, universities=3)
        with pytest.raises(error, match=message):
            openalex_panel(change(counts), CHOICES)

    @pytest.mark.parametrize("treated", [2011, 2023])
    def test_treatment_outside_the_years(self, treated):
        with pytest.raises(NoVariationError, match="at least one year before it"):
            openalex_panel(drawn(0.0, universities=3), replace(CHOICES, first_treated=treated))


class TestVerbs:
    TERM = "exposure × post"

    def test_planted_effect_is_recovered(self):
        row = poisson(openalex_panel(drawn(0.12), CHOICES), "papers_firm")[self.TERM]
        assert row["lower"] <= 0.12 <= row["upper"]
        assert row["lower"] > 0

    def test_nothing_planted_and_nothing_found(self):
        row = poisson(openalex_panel(drawn(0.0), CHOICES), "papers_firm")[self.TERM]
        assert row["lower"] <= 0 <= row["upper"]
        assert row["upper"] < 0.12

    def test_the_other_designs_run(self):
        panel = openalex_panel(drawn(0.12), CHOICES)
        assert did(panel, "papers_firm", scale="log1p")[self.TERM]["lower"] > 0
        frame = event_study(panel, "papers_firm", model="ppml").frame
        assert len(frame) == 11
        assert poisson(panel, "papers_foreign").n == len(panel)

    def test_high_and_low_compared(self):
        panel = openalex_panel(drawn(0.12), CHOICES)
        high = poisson(panel, "papers_firm", exposure="exposure_high")
        assert high["exposure_high × post"]["estimate"] > 0


class TestOnTheCollectedPanel:
    """What the chapter on open data tells a reader to do once the counts are collected."""

    @pytest.fixture(autouse=True)
    def cache(self, tmp_path, monkeypatch) -> None:
        (tmp_path / "openalex").mkdir()
        panel = openalex_panel(drawn(0.12), CHOICES)
        panel.to_parquet(tmp_path / "openalex" / "panel.parquet", index=False)
        monkeypatch.setenv("REPLICATION_CACHE", str(tmp_path))

    def test_the_code_of_the_chapter_runs_and_finds_the_effect(self):
        page = (ROOT / "notebooks" / "05_real_universities.md").read_text(encoding="utf-8")
        (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
        namespace: dict[str, Any] = {}
        exec(code.replace("\npoisson(", "\nfound = poisson(", 1), namespace)
        assert namespace["works"].attrs["source"] == "open"
        assert namespace["found"]["lower"].iloc[0] > 0

    def test_claims_are_judged_and_what_cannot_be_is_not(self, capsys):
        assert cli.main(["claims", "--source", "open", "--json"]) == 0
        table = pd.DataFrame(json.loads(capsys.readouterr().out)).set_index("claim")
        assert table.loc["C1", "verdict"] == "direction supported"
        # Exposure is made of the foreign papers, so these are no outcome for it.
        assert (table.drop("C1")["verdict"] == "not testable").all()
        assert table.loc["C4", "reason"].startswith("OpenAlex counts papers with other countries")

    def test_without_a_panel_the_remedy_is_named(self, tmp_path, capsys):
        (tmp_path / "openalex" / "panel.parquet").unlink()
        assert cli.main(["claims", "--source", "open"]) == 1
        said = capsys.readouterr().err
        assert "the open panel is not at" in said
        assert "`replication fetch openalex` collects it" in said

    def test_another_panel_is_refused_by_its_columns(self, capsys):
        shipped = str(DATA / "panel.parquet")
        assert cli.main(["claims", "--source", "open", "--panel", shipped]) == 1
        assert "is not a valid table 'open_panel'" in capsys.readouterr().err


class TestCommand:
    @pytest.fixture
    def options(self, server, tmp_path, monkeypatch) -> argparse.Namespace:
        names = tmp_path / "ministry.csv"
        UNIVERSITIES.assign(city="").to_csv(names, index=False)
        monkeypatch.setattr(openalex_institutions, "UNIVERSITIES", names)
        monkeypatch.setattr(openalex_client, "sleep", lambda _: None)
        monkeypatch.setenv("OPENALEX_API_KEY", SECRET)
        server.records = works(4000, seed=2)
        return argparse.Namespace(
            folder=tmp_path / "out", address=server.address, years="2016-2019"
        )

    def test_tells_the_plan_collects_and_writes(self, server, options, capsys):
        fetch_command(options)
        printed = capsys.readouterr().out
        assert printed.startswith("OpenAlex: 3 universities × 11 fields × 4 counts: 135 requests")
        assert "universities × fields counted    33" in printed
        folder = options.folder
        panel = schema.validate(
            pd.read_parquet(folder / "panel.parquet"), OPEN_PANEL, "panel.parquet"
        )
        assert len(panel) == 3 * 11 * 4
        counts = pd.read_csv(folder / "counts.csv")
        own = counted(server.records)
        found = counts[counts["field"].isin(TWO_FIELDS)].reset_index(drop=True)
        pd.testing.assert_frame_equal(found, own)
        assert pd.read_csv(folder / "account.csv")["rows"].tolist() == [3, 33]
        # The list of institutions can be mended by hand and given back.
        ids = load_ids(folder / "institutions.csv", UNIVERSITIES)
        assert ids == {"甲大学": "I1", "乙大学": "I2", "丙大学": "I3"}
        before = {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}
        server.asked.clear()
        options.institutions = folder / "institutions.csv"
        fetch_command(options)
        assert server.asked == []
        assert "132 requests at most, 132 answers in the cache" in capsys.readouterr().out
        assert {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()} == before

    def test_names_who_is_set_aside(self, server, options, capsys):
        server.institutions = [*INSTITUTIONS[:1], *INSTITUTIONS[2:3], institution("I5", "Gamma")]
        fetch_command(options)
        assert "set aside: 丙大学 (Gamma University (North)): no institution of exactly this" in (
            capsys.readouterr().out
        )

    @pytest.mark.parametrize("years", ["2016", "2016-19", "2018-2022", "2011-2017", "2022-2011"])
    def test_years_are_checked_before_anything_is_asked(self, server, options, years):
        options.years = years
        with pytest.raises(ReplicationError, match=f"--years {years}"):
            fetch_command(options)
        assert server.asked == []

    def test_years_in_the_wrong_order_are_called_so(self):
        with pytest.raises(ReplicationError, match="2022-2011: the first year is after the last"):
            openalex._choices("2022-2011")

    def test_years_default_to_the_study_s(self):
        assert openalex._choices(None) == Choices()
