"""Asking OpenAlex: faults, the end of the day, and a key that is nowhere to be read."""

import logging
from dataclasses import replace
from threading import Event

import pandas as pd
import pytest

from replication.errors import SourceUnavailableError
from replication.records.open import openalex_cache, openalex_client
from replication.records.open.openalex_client import LONGEST_WAIT, asking
from replication.records.open.openalex_counts import count_question, works_by_year
from tests.support.openalex_server import (
    EXHAUSTED,
    SECRET,
    TOTAL,
    WORKS,
    YEARS,
    altered,
    counted,
    cut,
    malformed,
    one,
    right,
    run,
    send,
    status,
)


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
        question = count_question("I1", 17, "papers", YEARS)
        unknown = {**question.parameters, "filter": "no.such:1"}
        refused = pytest.raises(SourceUnavailableError, match=r"400: Unknown: 'no\.such'")
        with asking(at) as ask, refused:
            ask(replace(question, parameters=unknown))

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

    def test_comes_from_the_environment(self, monkeypatch):
        monkeypatch.setenv("OPENALEX_API_KEY", f" {SECRET}\n")
        assert openalex_cache.service().key == SECRET
        monkeypatch.setenv("OPENALEX_API_KEY", "")
        assert openalex_cache.service().key is None

    def test_is_not_sent_where_there_is_none(self, server, at):
        one(replace(at, key=None))
        assert "api_key" not in server.asked[0][1]

    def test_loggers_are_left_as_they_were(self, at):
        loggers = [logging.getLogger(n) for n in ("urllib3.connectionpool", "urllib3.util.retry")]
        before = [list(logger.filters) for logger in loggers]
        with pytest.raises(KeyboardInterrupt), asking(at):
            raise KeyboardInterrupt
        assert [logger.filters for logger in loggers] == before
