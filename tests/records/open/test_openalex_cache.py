"""The cache of OpenAlex's answers: whole, damaged, shared."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from replication.records.open import openalex_cache
from replication.records.open.openalex_counts import works_by_year
from tests.support.openalex_server import TOTAL, one, right, run, status


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

        monkeypatch.setenv("REPLICATION_CACHE", str(tmp_path))
        assert openalex_cache.service().folder == tmp_path / "openalex"
