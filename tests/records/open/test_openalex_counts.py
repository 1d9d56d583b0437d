"""What OpenAlex's counts must be, alone and together."""

import itertools
import re
from typing import Any

import pandas as pd
import pytest

from replication.errors import SchemaError, SourceUnavailableError
from replication.panel.build import Choices
from replication.records.open.openalex_client import asking
from replication.records.open.openalex_counts import (
    FIELDS,
    MEASURES,
    check_counts,
    contradiction,
    count_question,
)
from tests.support.openalex_server import (
    TOTAL,
    WORKS,
    YEARS,
    Answer,
    altered,
    cached_files,
    counted,
    one,
    run,
)


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
        assert check_counts(answer, YEARS) is None

    @pytest.mark.parametrize(
        ("answer", "message"),
        [
            (said([("unknown", 3)]), "group_by.0.key: .*integer.*, found 'unknown'"),
            (said([("201", 3)]), "group_by.0.key: .*1000, found '201'"),
            (said([("²016", 3)]), "group_by.0.key: .*integer.*, found '²016'"),
            (said([("2015", 3)]), r"works of 2015 although 2016–2019"),
            (said([("2020", 1), ("2016", 3)]), "works of 2020"),
            (said([("2016", -1)], 1), "group_by.0.count: .* 0, found '-1'"),
            (said([("2016", 1.0)], 1), r"group_by.0.count: .*, found '1\.0'"),
            (said([("2016", True)], 1), "group_by.0.count: .*, found 'True'"),
            (said([("2016", "3")], 3), "group_by.0.count: .*, found '3'"),
            (said([("2016", None)], 3), "group_by.0.count: .*, found 'None'"),
            (said([("2016", 3)], count="3"), "meta.count: .*, found '3'"),
            (said([("2016", 1), ("2016", 2)]), "a year twice"),
            (said([("2016", 3)], groups_count=2), "tells of 2 groups and lists 1"),
            ({"meta": {"count": 0}}, "at group_by: Field required"),
            ({"meta": {}, "group_by": []}, "at meta.count: Field required"),
            ({"group_by": []}, "at meta: Field required"),
            ({"meta": {"count": 0}, "group_by": [{"key": "2016"}]}, "at group_by.0.count: Field"),
            ({"meta": {"count": 0}, "group_by": None}, "at group_by: Input should be a valid list"),
            ([], "at the top: Input should be"),
            (None, "at the top: Input should be"),
        ],
    )
    def test_not_as_documented(self, answer, message):
        with pytest.raises(SchemaError, match=message):
            check_counts(answer, YEARS)

    def test_error_names_the_question_and_is_not_asked_again(self, server, at, waits):
        server.always = altered(lambda answer: answer["group_by"][0].update(key="unknown"))
        with pytest.raises(SchemaError, match=r"field\.id:17.*key: .*'unknown'; has the API"):
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
            ask(count_question("I1", 17, "papers", YEARS))
        server.records = WORKS
        server.asked.clear()
        pd.testing.assert_frame_equal(run(at).counts, counted(WORKS))
        assert len(server.asked) == TOTAL - 1 + 4

    def test_contradiction_that_stays_drops_the_cell(self, server, at):
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
        flow = collected.flow.query("table == 'universities × fields'")
        assert flow["rows"].sum() == 6
        (reason,) = set(flow["reason"]) - {"counted"}
        assert re.match(r"counts contradict each other: 乙大学, field 17, 2016: .*firm 999", reason)
        assert len(server.asked) == TOTAL + 4


class TestFields:
    def test_have_names_and_a_category(self):
        assert len(FIELDS) == 11
        assert all(11 <= number <= 36 for number in FIELDS)
        assert {category for _, _, category in FIELDS.values()} == set(Choices().categories)
