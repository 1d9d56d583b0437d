"""The open panel against loops, and the verbs and claims on it."""

import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from replication import cli
from replication.config import DATA, ROOT
from replication.errors import NoVariationError, SchemaError
from replication.estimate.verbs import did, event_study, poisson
from replication.panel.openalex import COLUMNS, OPEN_PANEL, openalex_panel
from replication.records import schema
from replication.records.open.openalex_counts import FIELDS
from replication.records.registry import Choices

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
    x = brute_exposure(table.assign(papers_foreign=foreign))
    lift = effect * table["university"].map(x) * (table["year"] >= 2018)
    trend = rng.normal(0, 0.2, (len(fields), 12))[f, table["year"] - 2011]
    firm = rng.poisson(np.exp(1.5 + size[u] + cell + trend + lift))
    both = rng.binomial(np.minimum(foreign, firm), 0.3)
    return table.assign(
        papers=foreign + firm + 5,
        papers_foreign=foreign,
        papers_firm=firm,
        papers_firm_foreign=both,
    )


def brute_exposure(counts: pd.DataFrame, treated: int = 2018) -> dict[str, float]:
    """Exposure by university in loops."""
    raw = {}
    for name in sorted(set(counts["university"])):
        logs = []
        for year in range(2011, treated):
            rows = counts[(counts["university"] == name) & (counts["year"] == year)]
            logs.append(float(np.log(1 + sum(rows["papers_foreign"]))))
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
                "papers_foreign": r.papers_foreign,
                "exposure": exposure[r.university],
                "exposure_high": int(exposure[r.university] > middle),
                "papers": r.papers,
                "papers_firm": r.papers_firm,
                "papers_firm_foreign": r.papers_firm_foreign,
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
            assert (ours.title == theirs.title) == (COLUMNS[name] is None)
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
        years = narrow.query("year < 2019").groupby(["university", "year"])["papers_foreign"].sum()
        x = np.log1p(years).groupby("university").mean()
        np.testing.assert_allclose(
            panel.groupby("university")["exposure"].first(), (x - x.mean()) / x.std(), atol=1e-9
        )

    def test_a_cell_that_is_dropped_makes_no_university_look_closed(self):
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
            (lambda c: c.drop(columns="papers_firm"), SchemaError, "'papers_firm' is missing"),
            (lambda c: c.assign(field=27), SchemaError, "row 0, column 'field': 27 is no field"),
            (lambda c: c.assign(papers=-1), SchemaError, "'papers', row 0: -1"),
            (lambda c: pd.concat([c, c]), SchemaError, "have the same key"),
            (lambda c: c.iloc[:0], SchemaError, "have no row of 2011–2022"),
            (lambda c: c.assign(year=c["year"] + 50), SchemaError, "have no row of 2011–2022"),
            (lambda c: c.assign(papers_foreign=2), NoVariationError, "'exposure' does not vary"),
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
        row = poisson(openalex_panel(drawn(0.12), CHOICES), outcome="papers_firm")[self.TERM]
        assert row["lower"] <= 0.12 <= row["upper"]
        assert row["lower"] > 0

    def test_nothing_planted_and_nothing_found(self):
        row = poisson(openalex_panel(drawn(0.0), CHOICES), outcome="papers_firm")[self.TERM]
        assert row["lower"] <= 0 <= row["upper"]
        assert row["upper"] < 0.12

    def test_the_other_designs_run(self):
        panel = openalex_panel(drawn(0.12), CHOICES)
        assert did(panel, outcome="papers_firm", scale="log1p")[self.TERM]["lower"] > 0
        frame = event_study(panel, outcome="papers_firm", model="ppml").frame
        assert len(frame) == 11
        assert poisson(panel, outcome="papers_foreign").n == len(panel)

    def test_high_and_low_compared(self):
        panel = openalex_panel(drawn(0.12), CHOICES)
        high = poisson(panel, outcome="papers_firm", exposure="exposure_high")
        assert high["exposure_high × post"]["estimate"] > 0


class TestOnTheCollectedPanel:
    """What the chapter on open data tells a reader to do once the counts are collected."""

    @pytest.fixture(autouse=True)
    def cache(self, tmp_path, monkeypatch) -> None:
        (tmp_path / "openalex").mkdir()
        panel = openalex_panel(drawn(0.12), CHOICES)
        panel.to_parquet(tmp_path / "openalex" / "panel.parquet", index=False)
        monkeypatch.setenv("REPLICATION_CACHE", str(tmp_path))

    def test_the_code_of_the_page_runs_and_finds_the_effect(self):
        page = (ROOT / "book" / "records.md").read_text(encoding="utf-8")
        blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
        (code,) = [block for block in blocks if 'rp.load_panel("open")' in block]
        namespace: dict[str, Any] = {}
        exec(code.replace("\nrp.poisson(", "\nfound = rp.poisson(", 1), namespace)
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
        assert cli.main(["claims", "--source", "open"]) == 2
        said = capsys.readouterr().err
        assert "the open panel is not at" in said
        assert "`replication fetch openalex` collects it" in said

    def test_another_panel_is_refused_by_its_columns(self, capsys):
        shipped = str(DATA / "panel.parquet")
        assert cli.main(["claims", "--source", "open", "--panel", shipped]) == 2
        assert "is not a valid table 'open_panel'" in capsys.readouterr().err
