"""The command that collects the open panel, told before and resumed after."""

import argparse

import pandas as pd
import pytest

from replication.errors import ReplicationError
from replication.panel.openalex import OPEN_PANEL
from replication.panel.openalex_collect import choices_of, fetch_command
from replication.records.open import universities
from replication.records.open.openalex_institutions import load_ids
from replication.records.registry import Choices
from replication.records.validation import validate
from tests.support.openalex_server import (
    INSTITUTIONS,
    TWO_FIELDS,
    UNIVERSITIES,
    counted,
    institution,
    works,
)


class TestCommand:
    @pytest.fixture
    def options(self, server, tmp_path, monkeypatch) -> argparse.Namespace:
        names = tmp_path / "ministry.csv"
        UNIVERSITIES.assign(city="Beijing").to_csv(names, index=False)
        monkeypatch.setattr(universities, "MINISTRY", names)
        server.records = works(4000, seed=2)
        return argparse.Namespace(years="2016-2019", institutions=None)

    def test_tells_the_plan_collects_and_writes(self, server, at, options, capsys):
        fetch_command(options, at)
        printed = capsys.readouterr().out
        assert printed.startswith("OpenAlex: 3 universities × 11 fields × 4 counts: 135 requests")
        assert "universities × fields counted    33" in printed
        folder = at.folder
        panel = validate(pd.read_parquet(folder / "panel.parquet"), OPEN_PANEL, "panel.parquet")
        assert len(panel) == 3 * 11 * 4
        counts = pd.read_csv(folder / "counts.csv")
        own = counted(server.records)
        found = counts[counts["field"].isin(TWO_FIELDS)].reset_index(drop=True)
        pd.testing.assert_frame_equal(found, own)
        assert pd.read_csv(folder / "sample_flow.csv")["rows"].tolist() == [3, 33]
        # The list of institutions can be corrected by hand and given back.
        ids = load_ids(folder / "institutions.csv", UNIVERSITIES)
        assert ids == {"甲大学": "I1", "乙大学": "I2", "丙大学": "I3"}
        before = {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}
        server.asked.clear()
        options.institutions = folder / "institutions.csv"
        fetch_command(options, at)
        assert server.asked == []
        assert "132 requests at most, 132 answers in the cache" in capsys.readouterr().out
        assert {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()} == before

    def test_names_who_is_dropped(self, server, at, options, capsys):
        server.institutions = [*INSTITUTIONS[:1], *INSTITUTIONS[2:3], institution("I5", "Gamma")]
        fetch_command(options, at)
        assert "dropped: 丙大学 (Gamma University (North)): no institution of exactly this" in (
            capsys.readouterr().out
        )

    @pytest.mark.parametrize(
        "years",
        ["2016", "2016-19", "２０１６-2019", "2016-2019\n", "2018-2022", "2011-2017", "2022-2011"],
    )
    def test_years_are_checked_before_anything_is_asked(self, server, at, options, years):
        options.years = years
        with pytest.raises(ReplicationError, match=f"--years {years}"):
            fetch_command(options, at)
        assert server.asked == []

    def test_years_in_the_wrong_order_are_called_so(self):
        with pytest.raises(ReplicationError, match="2022-2011: the first year is after the last"):
            choices_of("2022-2011")

    def test_years_default_to_the_study_s(self):
        assert choices_of(None) == Choices()
