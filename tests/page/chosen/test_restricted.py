"""Chapters on the reader's own records: what is left out, what is suppressed, what is the same."""

import json
import os
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest

import replication as rp
from replication import cli
from replication.config import RECORDS, ROOT
from replication.errors import ChapterError, MissingColumnError, ReplicationError, SuppressedError
from replication.page.chosen import cells, restricted
from replication.panel.load import load_panel
from replication.records import small_cells
from tests.support.simulated import thin_panel
from tests.support.vendors import write_exports

PLAIN = {"text/plain"}
CLAIMS = ROOT / "results" / "03_heterogeneity" / "tab-claims.csv"

HEAD = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---
"""

CHAPTER = (
    HEAD
    + """
# A title

In simulated universities it is {glue:text}`effect`.

```{code-cell} ipython3
import replication as rp

rp.chapter("x", source="simulated")
panel = rp.load_panel("simulated")
truth = rp.load_truth()
aim = rp.load_event_truth("C1")
```

## Estimates

```{code-cell} ipython3
models = {"PPML": rp.poisson(panel)}
rp.publish("tab-x", rp.tables.regression(models), title="One")
rp.publish("tab-truth", rp.tables.plain(truth.loc["C1"]), title="Planted")
rp.numbers("effect", models["PPML"].frame.iloc[0])
rp.number("aim", truth.loc[("C1", "mean"), "value"])
```

## Simulated alone

```{code-cell} ipython3
study = rp.simulate()
```

## In part

```{code-cell} ipython3
quiet = rp.Process()
numbers = [n for n in (3, 4)]
# The largest, with the comment above it.
numbers
rp.number("largest", max(numbers), "{:d}")
rp.number("planted", quiet.effect_us)
numbers[0]
```

```{code-cell} ipython3
sorted(n for n in numbers)
```

## For want of papers

```{code-cell} ipython3
papers = rp.poisson(panel, outcome="papers_foreign")
mediators = rp.mediation.responses(panel, model="ppml")
own = mediators["papers_foreign"]
rp.number("mediators", len(mediators), "{:d}")
```

```{code-cell} ipython3
papers.frame
```

## Text alone
"""
)


IN_PART = """numbers = [n for n in (3, 4)]
# The largest, with the comment above it.
numbers
rp.number("largest", max(numbers), "{:d}")
numbers[0]"""
"""What is left of a cell of which a part is about the simulation."""


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The simulated panel as a reader's own, without papers."""
    path = tmp_path_factory.mktemp("own") / "panel.parquet"
    own = load_panel("simulated").drop(columns="papers_foreign")
    own.attrs = {}
    own.to_parquet(path, index=False)
    return path


def test_a_chapter_goes_from_the_command_to_a_page_that_says_whose_numbers_it_has(
    tmp_path: Path, panel: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    judged = pd.read_csv(CLAIMS, index_col="claim").assign(reason="", target=float("nan"))
    notebooks, out = tmp_path / "notebooks", tmp_path / "out"
    notebooks.mkdir()
    (notebooks / "x.md").write_text(CHAPTER, "utf-8")
    monkeypatch.setattr(cells, "NOTEBOOKS", notebooks)
    monkeypatch.setattr(restricted, "chapters", lambda names: ["x"])
    monkeypatch.setattr(restricted, "evaluate", lambda *_: judged)
    arguments = ["run", "--source", "restricted", "--panel", str(panel), "--out", str(out)]
    assert cli.main(arguments) == 0
    assert "papers: no such table" in capsys.readouterr().out
    found = pd.read_csv(out / "results" / "x" / "tab-x.csv")
    # What the same call gives on the simulated source.
    same = rp.poisson(load_panel("simulated")).frame
    assert found["estimate"].tolist() == pytest.approx(same["estimate"].tolist(), rel=1e-12)
    # Another process, whose sums may be in another order.
    assert found["std_error"].tolist() == pytest.approx(same["std_error"].tolist(), rel=1e-12)
    numbers = json.loads((out / "results" / "x" / "numbers.json").read_text("utf-8"))
    assert "effect" in numbers
    assert "aim" not in numbers
    exhibits = json.loads((out / "results" / "x" / "exhibits.json").read_text("utf-8"))
    assert {name: one["source"] for name, one in exhibits.items()} == {"tab-x": "restricted"}
    page = nbformat.read(out / "x.ipynb", as_version=4)
    text = [cell.source for cell in page.cells if cell.cell_type == "markdown"]
    assert text[0].startswith("> **Licensed records of the reader")
    assert text[1:] == [
        "# A title",
        "## Estimates",
        # The table of the truth, of which nothing is known here.
        f"*Left out: {cells.PLANTED}.*",
        "## Simulated alone",
        f"*Left out: {cells.PLANTED}.*",
        "## In part",
        f"*Left out: {cells.PLANTED}.*",
        "## For want of papers",
        "*Left out: not testable, for want of papers (papers_foreign).*",
        f"*Left out: {cells.DEPENDS}.*",
    ]
    code = [cell.source for cell in page.cells if cell.cell_type == "code"]
    assert code[1].startswith('models = {"PPML": rp.poisson(panel)}\nrp.publish("tab-x"')
    assert "tab-x" in str([cell.outputs for cell in page.cells if cell.cell_type == "code"][1])
    assert code[2] == IN_PART
    # What could not run took no other statement of its cell with it.
    assert (numbers["largest"]["value"], numbers["mediators"]["value"]) == (4, 2)
    assert "planted" not in numbers
    # Of the values of expressions, as in any notebook, the last of each cell alone.
    shown = [one for c in page.cells for one in c.get("outputs", []) if set(one.data) == PLAIN]
    assert [one.data["text/plain"] for one in shown] == ["3", "[3, 4]"]


CHAIN = (
    HEAD
    + """
```{code-cell} ipython3
import replication as rp

rp.chapter("x", source="simulated")
panel = rp.load_panel("simulated")
rp.numbers("effect", rp.poisson(panel, variance="CR1").frame.iloc[0])
rp.number("together", panel["patents_joint"].sum(), "{:d}")
```
"""
)


def test_from_exports_to_a_page_in_three_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the page prints is what the same call gives on the records that were exported."""
    write_exports(tmp_path / "exports")
    (tmp_path / "x.md").write_text(CHAIN, "utf-8")
    monkeypatch.setattr(cells, "NOTEBOOKS", tmp_path)
    monkeypatch.setattr(restricted, "chapters", lambda names: ["x"])
    monkeypatch.setattr(
        restricted,
        "evaluate",
        lambda *_: pd.read_csv(CLAIMS, index_col="claim").assign(reason="", target=0.0),
    )
    records, panel, out = (str(tmp_path / name) for name in ("records", "p.parquet", "out"))
    for arguments in (
        ["ingest", str(tmp_path / "exports"), "--out", records],
        ["build", "--records", records, "--out", panel],
        ["run", "--source", "restricted", "--panel", panel, "--out", out],
    ):
        assert cli.main(arguments) == 0
    numbers = json.loads((tmp_path / "out" / "results" / "x" / "numbers.json").read_text("utf-8"))
    same = thin_panel()
    assert numbers["together"]["value"] == same["patents_joint"].sum()
    row = rp.poisson(same, variance="CR1").frame.iloc[0]
    assert numbers["effect"]["value"] == pytest.approx(row["estimate"], rel=1e-10)
    assert numbers["effect_se"]["value"] == pytest.approx(row["std_error"], rel=1e-10)


def test_a_key_that_is_missing_for_no_table_is_a_fault(
    tmp_path: Path, panel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a panel that has papers, the same key is missing for another reason."""
    (tmp_path / "x.md").write_text(
        f"{HEAD}\n```{{code-cell}} ipython3\n{{}}['papers_foreign']\n```\n"
    )
    monkeypatch.setattr(cells, "NOTEBOOKS", tmp_path)
    environment = {**os.environ, RECORDS: str(panel)}
    with pytest.raises(ChapterError, match=r"x\.md, cell 0: KeyError: 'papers_foreign'"):
        cells.execute("x", environment)
    page = cells.execute("x", environment, {"papers_foreign"})
    assert page.left_out == {0: ["not testable, for want of papers (papers_foreign)"]}


def test_a_kernel_that_dies_ends_the_chapter_by_name(
    tmp_path: Path, panel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dies = "import os\n\nos._exit(1)"
    (tmp_path / "x.md").write_text(f"{HEAD}\n```{{code-cell}} ipython3\n{dies}\n```\n", "utf-8")
    monkeypatch.setattr(cells, "NOTEBOOKS", tmp_path)
    with pytest.raises(ChapterError, match=r"x\.md, cell 0: the kernel died") as found:
        cells.execute("x", {**os.environ, RECORDS: str(panel)})
    # A file says so too; of an error it has the name, and not what it says.
    told = restricted.WHERE.match(str(found.value))
    assert told
    assert told[0] == "notebooks/x.md, cell 0: the kernel died (out of memory?)"
    error = restricted.WHERE.match("notebooks/x.md, cell 2: KeyError: 'U07'\n\nx['U07']")
    assert error
    assert error[0] == "notebooks/x.md, cell 2: KeyError"


def test_what_a_comprehension_calls_its_items_is_its_own() -> None:
    gone: set[str] = set()
    assert cells.planned("them = [rp.simulate(x) for x in (1, 2)]", gone) == (cells.PLANTED, set())
    assert gone == {"them"}
    assert cells.planned("{x: 2 * x for x in (1, 2)}", gone) == ("", set())


def test_a_name_that_is_bound_anew_is_there_again() -> None:
    gone: set[str] = set()
    assert cells.planned("study = rp.simulate()", gone) == (cells.PLANTED, set())
    assert cells.planned("more = study", gone) == (cells.DEPENDS, set())
    assert cells.planned("study = 1", gone) == ("", set())
    assert cells.planned("study + 1", gone) == ("", set())
    assert cells.planned("draw(x, truth=more)", gone) == ("", {"more"})
    # Read in another way as well, it cannot be done without.
    assert cells.planned("draw(more, truth=more)", gone) == (cells.DEPENDS, set())


def test_what_is_refused(tmp_path: Path, panel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ReplicationError, match="known truth"):
        restricted.run(["A2_design"], panel, tmp_path)
    with pytest.raises(ReplicationError, match="the project's own"):
        restricted.run(None, panel, ROOT / "results")
    assert cli.main(["run", "--source", "restricted", "--update"]) == 2
    assert cli.main(["run", "--panel", "x"]) == 2
    assert cli.main(["run", "--source", "restricted", "--panel", str(tmp_path / "none")]) == 2
    assert "is not at" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.txt"))


# Small cells ----------------------------------------------------------------------------------


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch, panel: Path) -> None:
    monkeypatch.setenv(RECORDS, str(panel))


def counts(*values: list[int]) -> pd.DataFrame:
    """A university a list, a year a value."""
    return pd.DataFrame(
        [
            {"university": f"U{u}", "year": 2017 + t, "event_time": t, "patents_joint": n}
            for u, series in enumerate(values)
            for t, n in enumerate(series)
        ]
    )


@pytest.mark.parametrize(("others", "seen"), [(2, False), (3, True)])
@pytest.mark.usefixtures("own")
def test_an_extreme_of_two_universities_is_marked(others: int, seen: bool) -> None:
    panel = counts(*[[0, 9]] * others, *[[0, 4]] * 5)
    table = rp.tables.descriptives(panel, ["patents_joint"])
    assert table.data["Max"].tolist() == [9.0 if seen else "<3"]
    assert table.data["Min"].tolist() == [0.0]
    assert ("<3" in table.printed.df.to_string()) is not seen


@pytest.mark.parametrize(("some", "seen"), [(2, False), (3, True)])
@pytest.mark.usefixtures("own")
def test_a_column_that_two_universities_fill_gives_no_sum(some: int, seen: bool) -> None:
    panel = counts(*[[5, 7]] * some, *[[0, 0]] * 6)
    (row,) = rp.tables.descriptives(panel, ["patents_joint"]).data.to_dict("records")
    hidden = [name for name, value in row.items() if value == "<3"]
    assert hidden == ([] if seen else ["Mean", "SD", "Min", "Median", "Max", "Zeros"])


@pytest.mark.parametrize(("rare", "marked"), [(2, [2, 3]), (3, [])])
@pytest.mark.usefixtures("own")
def test_a_bar_of_two_universities_takes_another_with_it(rare: int, marked: list[int]) -> None:
    """Shares add up to one, so that one bar alone could be got back from the others."""
    panel = counts(*[[0, 3]] * 4, *[[0, 2]] * rare, *[[0, 0]] * 5)
    figure = rp.figures.histogram(panel)
    assert figure.data.loc[figure.data["share"].eq("<3"), "count"].tolist() == marked
    assert figure.data["share"].notna().all()


@pytest.mark.usefixtures("own")
def test_two_bars_of_the_same_universities_take_a_third_with_them() -> None:
    panel = counts(*[[1, 2]] * 2, *[[4, 5]] * 3, *[[0, 5]] * 4)
    data = rp.figures.histogram(panel).data
    assert data.loc[data["share"].eq("<3"), "count"].tolist() == [1, 2, 4]


@pytest.mark.usefixtures("own")
def test_the_last_bar_is_one_that_three_universities_reach() -> None:
    data = rp.figures.histogram(counts(*[[0, 9]] * 2, *[[0, 4]] * 5)).data
    assert data["count"].tolist() == [0, 4]
    assert data["share"].tolist() == [0.5, 0.5]


@pytest.mark.usefixtures("own")
def test_a_median_of_one_university_is_marked() -> None:
    """As that of what differs between universities and not within them."""
    doses = counts(*[[n, n] for n in range(9)])
    assert rp.tables.descriptives(doses, ["patents_joint"]).data["Median"].tolist() == ["<3"]
    alike = counts(*[[n // 3, n // 3] for n in range(9)])
    assert rp.tables.descriptives(alike, ["patents_joint"]).data["Median"].tolist() == [1.0]


@pytest.mark.usefixtures("own")
def test_a_part_of_a_total_takes_the_other_with_it() -> None:
    panel = counts(*[[5, 7]] * 6).assign(patents_joint_other=0, patents_joint_key=0)
    panel.loc[panel["university"] == "U0", "patents_joint_key"] = 3
    panel["patents_joint_other"] = panel["patents_joint"] - panel["patents_joint_key"]
    columns = ["patents_joint", "patents_joint_key", "patents_joint_other"]
    means = rp.tables.descriptives(panel, columns).data["Mean"].tolist()
    assert means == [6.0, "<3", "<3"]


@pytest.mark.parametrize(("group", "patents", "seen"), [(2, 9, False), (3, 9, True), (5, 0, True)])
@pytest.mark.usefixtures("own")
def test_a_mean_of_two_universities(group: int, patents: int, seen: bool) -> None:
    panel = counts(*[[patents, patents]] * group, *[[4, 6]] * 5)
    panel["exposure_high"] = panel["university"].isin([f"U{n}" for n in range(group)]).astype(int)
    data = rp.figures.trends(panel).data
    shown = data.loc[data["exposure_high"].str.startswith("more"), "patents_joint"]
    assert shown.ne("<3").all() == seen


@pytest.mark.usefixtures("own")
def test_no_single_university_is_left_out_by_name() -> None:
    data = load_panel("simulated")
    table = rp.leave_one_out(data, scale="log1p", by=["university", "year"])
    of_one = table[table["by"] == "university"]
    assert set(of_one["left_out"]) == {"<3"}
    assert of_one["estimate"].isna().all()
    assert table.loc[table["by"] == "year", "estimate"].notna().all()
    # Among others their place in the order would tell them.
    rare = data.assign(group=np.where(data["university"] == data["university"].iloc[0], "a", "b"))
    rare["group"] += rare["year"].astype(str)
    among = rp.leave_one_out(rare, scale="log1p", by=["group"])["left_out"].tolist()
    assert among[-12:] == ["<3"] * 12
    assert "<3" not in among[:-12]
    figure = rp.robustness.left_out_figure({"C1": table})
    of_one = figure.data["by"] == "university"
    assert set(figure.data.loc[of_one, "estimate"]) == {"<3"}
    # Of which nothing is shown has no panel.
    assert [axes.get_xlabel() for axes in figure.canvas.axes] == ["without one year"]
    with pytest.raises(SuppressedError):
        rp.robustness.left_out_figure({"C1": table[table["by"] != "year"]})


@pytest.mark.usefixtures("own")
def test_what_the_largest_university_weighs_and_changes_is_not_told() -> None:
    table = rp.inference.methods({"C1": rp.question("C1", load_panel("simulated"))})
    told = table.data.dropna(subset="value").set_index("what")["value"]
    small = ["largest_share", "lowest without one", "highest without one"]
    assert told[small].tolist() == ["<3"] * 3
    assert told.drop(small).ne("<3").all()
    assert (table.printed.df.astype(str) == "<3").sum().sum() == 2


@pytest.mark.usefixtures("own")
def test_no_share_is_planted_in_real_records() -> None:
    panel = load_panel("simulated")
    mediators = ["hires_overseas", "patents_overseas"]
    found = rp.mediation.gelbach(panel, mediators)
    known = rp.tables.decomposition_table(found, [0.2, 0.1])
    assert known.printed.df["planted"].tolist() == ["0.200", "0.100", "0.300", "0.700", "1.000"]
    nothing = rp.tables.decomposition_table(found, [0.0, 0.0])
    assert nothing.printed.df["planted"].tolist() == ["0.000", "0.000", "0.000", "1.000", "1.000"]
    unknown = rp.tables.decomposition_table(found, [float("nan")] * 2)
    assert "planted" not in unknown.printed.df
    assert "share" in unknown.printed.df


@pytest.mark.usefixtures("own")
def test_what_the_panel_has_is_described_without_the_rest() -> None:
    described = rp.tables.descriptives(load_panel("simulated")).data["variable"].tolist()
    assert len(described) == len(rp.tables.DESCRIBED) - 1
    with pytest.raises(MissingColumnError, match="papers_foreign"):
        rp.tables.descriptives(load_panel("simulated"), ["papers_foreign"])


@pytest.mark.usefixtures("own")
def test_doses_of_single_universities_are_not_drawn() -> None:
    with pytest.raises(SuppressedError, match="single universities"):
        rp.dose_weights(load_panel("simulated"))


def test_simulated_universities_are_nobody() -> None:
    assert not small_cells.in_force()
    panel = counts([0, 9], [0, 4], [0, 4])
    assert rp.tables.descriptives(panel, ["patents_joint"]).data["Max"].tolist() == [9.0]
