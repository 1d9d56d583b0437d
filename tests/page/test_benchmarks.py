"""The committed benchmarks: complete, judged by their own rule, and ours still answer the same."""

import json

import numpy as np
import pandas as pd
import pytest

from replication.estimate.design import TRIPLE
from replication.estimate.few_clusters import randomisation_test, wild_cluster_bootstrap
from replication.page import benchmarks, goals
from replication.panel.load import load_panel

TABLE = pd.read_csv(benchmarks.TABLE)
PEERS = TABLE[TABLE["task"].isin(benchmarks.HEADS)]


def test_times_are_medians_of_five_calls_at_least() -> None:
    timed = TABLE.dropna(subset="seconds")
    assert (timed["repeats"] >= 5).all()
    assert (timed["least"] <= timed["seconds"]).all()
    assert (timed["seconds"] <= timed["most"]).all()
    for _, own in timed.groupby("task"):
        np.testing.assert_allclose(own["ratio"], own["seconds"] / own["seconds"].iloc[0], rtol=1e-3)


def test_whoever_answers_zero_or_nothing_is_wrong_and_says_why() -> None:
    bad = (PEERS["p_value"] == 0) | PEERS["seconds"].isna()
    assert bad.any()
    assert (PEERS.loc[bad, "verdict"] == "wrong").all()
    assert (PEERS["reason"].notna() == (PEERS["verdict"] == "wrong")).all()
    assert (PEERS.loc[PEERS["peer"].str.startswith("replication"), "verdict"] == "right").all()


@pytest.mark.parametrize("task", ["wild cluster bootstrap", "randomisation test"])
def test_our_answers_are_those_that_were_timed(task: str) -> None:
    panel = load_panel("simulated")
    panel = panel.assign(y=np.log1p(panel["patents_joint"]))
    design = TRIPLE.but(outcome="y", unit=None)
    verb = wild_cluster_bootstrap if task == "wild cluster bootstrap" else randomisation_test
    row = PEERS[PEERS["task"] == task].iloc[0]
    assert row["rows"] == len(panel)
    found = verb(panel, design, draws=int(row["draws"]))
    assert found.p_value == pytest.approx(row["p_value"], rel=1e-4)
    if task == "wild cluster bootstrap":
        assert [found.lower, found.upper] == pytest.approx([row["lower"], row["upper"]], rel=1e-3)


def test_memory_and_time_grow_with_the_rows_and_no_faster() -> None:
    growth = TABLE[TABLE["task"] == "growth"].sort_values("rows")
    first, last = growth.iloc[0], growth.iloc[-1]
    assert last["rows"] == 100 * first["rows"]
    assert last["seconds"] < 100 * first["seconds"]
    # It holds a basis of the effects at least: a measurement of none would be of something else.
    assert 0.5 * last["data_mb"] < last["memory_mb"] < 3 * last["data_mb"]


def test_the_page_prints_every_row_and_where_it_was_measured() -> None:
    page = benchmarks.benchmarks_markdown()
    for peer in PEERS["peer"].unique():
        assert f"| {peer} |" in page
    where = json.loads(benchmarks.MACHINE.read_text(encoding="utf-8"))
    assert f"Measured on {where['date']}" in page
    assert all(version in page for version in where["versions"].values())


def test_reading_is_as_fast_as_the_page_says_and_faster_than_pandas() -> None:
    """A hundred megabytes a second and core, within two gigabytes, on the largest file."""
    found = pd.read_csv(benchmarks.INGEST)
    ours, beside = (found[found["task"] == task].iloc[-1] for task in ("ingest", "pandas"))
    assert ours["megabytes"] / ours["processor_seconds"] > 100
    assert ours["peak_mb"] < 2000
    assert (ours["rows"], ours["megabytes"]) == (beside["rows"], beside["megabytes"])
    assert ours["processor_seconds"] < beside["processor_seconds"]
    assert ours["peak_mb"] < beside["peak_mb"]


def test_the_way_from_exports_to_chapters_is_an_afternoons_at_most() -> None:
    found = pd.read_csv(benchmarks.CHAIN)
    assert found.groupby("tables")["task"].agg(list).map(sorted).tolist() == (
        [["build", "claims", "ingest", "run"]] * 2
    )
    assert (found.groupby("tables")["seconds"].sum() < 600).all()
    assert (found["peak_mb"] < 2000).all()
    printed = benchmarks.chain_markdown()
    for size in found["peak_mb"]:
        assert f"{size:,.0f} |" in printed


def test_the_reason_that_the_page_gives_for_the_randomisation_test_is_so() -> None:
    """Its fastest call is within the bound where its median is not."""
    one = TABLE.set_index(["task", "peer"])
    floor = one.loc[("steps", "floor of a studentised test"), "seconds"]
    ours = one.loc[("randomisation test", "replication")]
    met = goals.goals().set_index("goal").loc["randomisation test, times the floor", "met"]
    assert met or ours["least"] <= 1.5 * floor < ours["seconds"]


def test_goals_are_held_to_the_measured_ratios() -> None:
    """Two of them by hand, from the rows of the file."""
    table = goals.goals().set_index("goal")
    by = TABLE.set_index(["task", "peer"])["seconds"]
    laid = table.loc["laying out the clusters, seconds"]
    assert laid["met"] == (by["steps", "laying out the clusters"] <= 0.03)
    refits = table.loc["refitting, times the randomisation test"]
    assert refits["measured"] == pytest.approx(
        by["randomisation test", "refitting by pyfixest.feols"]
        / by["randomisation test", "replication"]
    )
    assert refits["met"] == (refits["measured"] >= 2000)
    assert goals.goals_markdown().count("\n") == len(table) + 1
