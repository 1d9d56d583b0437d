"""Collecting counts: what comes out is what the server holds, and the plan tells it before."""

import json
import os
import random
import subprocess
import sys
from dataclasses import replace

import pandas as pd
import pytest

from replication.errors import SourceUnavailableError
from replication.records.open import openalex_cache
from replication.records.open.openalex import collect, plan
from replication.records.open.openalex_counts import MEASURES, count_question
from tests.support.openalex_server import (
    EXHAUSTED,
    INSTITUTIONS,
    SECRET,
    TOTAL,
    TWO_FIELDS,
    UNIVERSITIES,
    WORKS,
    YEARS,
    Answer,
    altered,
    cached_files,
    counted,
    run,
)


class TestCounts:
    def test_are_those_of_the_records(self, server, at):
        collected = run(at)
        expected = counted(WORKS)
        pd.testing.assert_frame_equal(collected.counts, expected)
        assert len(server.asked) == TOTAL
        # The check would hold of empty tables too.
        assert (expected[list(MEASURES)].sum() > 10).all()
        assert (expected["papers_firm_foreign"] == 0).any()

    def test_sample_flow_adds_up(self, at):
        assert run(at).flow.values.tolist() == [
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

    def test_tell_the_oldest_and_the_newest_answer(self, at):
        newest = run(at).fetched[1]
        asked = openalex_cache.url(at, count_question("I1", 17, "papers", YEARS))
        (first,) = [
            f for f in cached_files(at) if json.loads(f.read_text("utf-8"))["query"] == asked
        ]
        old = json.loads(first.read_text("utf-8")) | {"fetched": "2020-01-01T00:00:00+00:00"}
        first.write_text(json.dumps(old), "utf-8")
        assert run(at).fetched == ("2020-01-01T00:00:00+00:00", newest)

    def test_do_not_depend_on_the_order_of_universities(self, at):
        counts = run(at).counts
        backwards = collect(UNIVERSITIES[::-1], YEARS, at, fields=TWO_FIELDS[::-1]).counts
        pd.testing.assert_frame_equal(backwards, counts)

    def test_do_not_depend_on_the_hash_seed(self, server, tmp_path):
        """Nor do the names in the cache, so a run goes on in another process."""
        program = (
            "import sys; from pathlib import Path; import pandas as pd\n"
            "from replication.records.open.openalex import collect\n"
            "from replication.records.open.openalex_cache import Service\n"
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


class TestPlan:
    def test_default_run(self, at):
        """75 look-ups, and four requests a university and field."""
        ministry = pd.DataFrame({"name_zh": [f"{i}大学" for i in range(75)], "name_en": "U"})
        at = replace(at, key=None, per_second=openalex_cache.Service.per_second)
        made = plan(ministry, (2011, 2022), at)
        assert made.requests == 75 + 75 * 11 * 4 == 3375
        assert made.in_cache == 0
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
