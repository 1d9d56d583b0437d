"""The simulated records: anonymous, complete, valid, and the same bytes on any machine."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from replication.config import ROOT
from replication.records import schema
from replication.records.validation import validate
from replication.simulate.process import Process
from replication.simulate.records import record_pieces, simulate_records
from replication.simulate.study import simulate
from tests.support.simulated import SMALL, study, tables

SCRIPT = """
import hashlib, io, sys
import ibis
from replication.panel.build import build_panel
from replication.simulate.study import simulate
from replication.simulate.records import simulate_records

connect = ibis.duckdb.connect
def limited(*args, **options):
    connection = connect(*args, **options)
    connection.raw_sql(f"SET threads = {sys.argv[1]}")
    return connection
ibis.duckdb.connect = limited

tables = simulate_records(simulate())
tables["panel"], tables["flow"] = build_panel(tables)
for name, table in tables.items():
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    print(name, hashlib.sha256(buffer.getvalue()).hexdigest())
"""
MACHINES = {
    "one": {
        "PYTHONHASHSEED": "0",
        "TZ": "UTC",
        "LC_ALL": "C",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    },
    # Another place and another processor: their floating-point numbers differ in the last bits.
    "other": {
        "PYTHONHASHSEED": "4242",
        "TZ": "Asia/Shanghai",
        "LC_ALL": "C.utf8",
        "OMP_NUM_THREADS": "4",
        "OPENBLAS_NUM_THREADS": "4",
        "OPENBLAS_CORETYPE": "Nehalem",
        "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
    },
}


def test_one_seed_gives_the_same_bytes_on_any_machine(tmp_path: Path) -> None:
    running = []
    for threads, (name, settings) in enumerate(MACHINES.items(), start=1):
        folder = tmp_path / name
        folder.mkdir()
        running.append(
            subprocess.Popen(
                [sys.executable, "-W", "ignore", "-c", SCRIPT, str(4 * threads - 3)],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(ROOT / "src"), **settings},
                stdout=subprocess.PIPE,
                text=True,
            )
        )
    one, other = (process.communicate(timeout=300)[0].splitlines() for process in running)
    assert [process.returncode for process in running] == [0, 0]
    assert len(one) == len(schema.RECORDS) + 2
    assert one == other


def test_every_table_is_there_and_valid() -> None:
    assert set(tables()) == set(schema.RECORDS)
    for name, table in tables().items():
        assert list(validate(table, schema.RECORDS[name], name)) == list(table)


def test_records_count_what_was_drawn() -> None:
    s, t = study(), tables()
    assert len(t["hires"]) == len(s.hires)
    assert len(t["papers"]) == len(s.papers)
    once = t["patents"].drop_duplicates()
    assert len(once) == len(s.joint) + len(s.sole) + len(s.overseas) + 300
    assert len(t["grades"]) == len(s.university)
    assert Counter(t["hires"]["year"]) == Counter(s.hires["year"])
    us = (t["hires"]["doctorate_country"] == "US").sum()
    assert us == (s.hires["country"] == "US").sum()


def test_statistics_are_those_of_the_university_and_year() -> None:
    s, t = study(), tables()
    row = t["exchange"].query("university == 'U17' and year == 2015").iloc[0]
    assert list(row)[2:] == list(s.exchange[16, 4])
    row = t["resources"].query("university == 'U56' and year == 2022").iloc[0]
    assert list(row)[2:] == list(s.resources[55, 11])


class TestAnonymity:
    def test_universities_are_numbers(self):
        assert list(tables()["universities"]["university"]) == [f"U{i:02d}" for i in range(1, 57)]

    def test_nobody_among_the_applicants_has_a_real_name(self):
        names = tables()["patents"]["applicants"].str.split(";").explode()
        known = (
            r"[UN]\d\d大学|U\d\d大学资产经营有限公司|R\d{3}研究所"
            r"|F\d{4}\w{2,5}(有限公司|股份有限公司|集团有限公司|有限责任公司)"
        )
        assert names.str.fullmatch(known).all()

    def test_every_kind_of_applicant_is_there(self):
        names = tables()["patents"]["applicants"]
        for pattern in (";F", ";R", "资产经营", r"^N\d"):
            assert names.str.contains(pattern).any()


class TestPatents:
    def test_dates_are_in_the_study(self):
        years = tables()["patents"]["date"].dt.year
        assert set(years) == set(range(2011, 2023))

    def test_numbers_tell_the_year_and_the_office(self):
        patents = tables()["patents"]
        assert (patents["application"].str[:2] == patents["jurisdiction"]).all()
        year = patents["application"].str[2:6].astype(int)
        assert (year == patents["date"].dt.year).all()

    def test_some_lines_are_there_twice(self):
        repeated = tables()["patents"].duplicated()
        assert repeated.sum() == tables()["patents"]["application"].duplicated().sum()
        assert 20 <= repeated.sum() <= 100

    def test_main_class_is_the_first(self):
        """Joint applications of a cell fall in the subclasses of its discipline."""
        patents = tables()["patents"].drop_duplicates()
        main = patents["ipc"].str[:4]
        listed = pd.read_csv(ROOT / "data" / "ipc_discipline.csv")["ipc_subclass"]
        assert set(main) - set(listed) == {"A61K"}
        assert (main == "A61K").sum() == 100
        assert patents["ipc"].str.contains(";").mean() == pytest.approx(0.3, abs=0.02)

    @pytest.mark.parametrize("universities", [3, 120])
    def test_dropped_belong_to_a_university_of_the_sample(self, universities):
        t = simulate_records(simulate(Process(universities=universities, cells_per_university=4.0)))
        names = set(t["universities"]["applicant_names"])
        other = t["patents"].loc[t["patents"]["ipc"].str.startswith("A61K"), "applicants"]
        assert {name.split(";")[0] for name in other} <= names


class TestGrades:
    def test_best_are_the_advantaged(self):
        best = tables()["grades"]["grade"].isin(["A+", "A", "A-"])
        np.testing.assert_array_equal(best, study().advantaged)

    def test_stronger_is_never_graded_lower(self):
        order = dict(
            zip(["A+", "A", "A-", "B+", "B", "B-", "C+", "C", "C-"], range(9), strict=True)
        )
        grades = tables()["grades"]["grade"].map(order).fillna(9)
        by_strength = grades.to_numpy()[np.argsort(study().strength, kind="stable")]
        assert (np.diff(by_strength) <= 0).all()
        assert set(grades) == set(range(10))

    def test_a_third_is_not_published(self):
        assert tables()["grades"]["grade"].isna().mean() == pytest.approx(0.3, abs=0.05)


def test_names_and_dates_have_a_seed_of_their_own() -> None:
    s = study(SMALL)
    one, two = simulate_records(s, 1), simulate_records(s, 2)
    assert not one["patents"].equals(two["patents"])
    for name in ("exchange", "resources", "grades", "hires", "papers"):
        pd.testing.assert_frame_equal(one[name], two[name])


@pytest.mark.parametrize("rows", [50, 700, 10**7])
def test_records_do_not_depend_on_their_pieces(rows: int) -> None:
    made = record_pieces(study(SMALL), rows=rows)
    for name in schema.EVENTS:
        pieces, whole = list(made[name]), tables(SMALL)[name]
        # A day of filing is never parted, and the lines that are there twice come last.
        assert rows == 50 or len(pieces) >= len(whole) // rows
        assert rows == 10**7 or len(pieces) > 1
        pd.testing.assert_frame_equal(pd.concat(pieces, ignore_index=True), whole, check_exact=True)
