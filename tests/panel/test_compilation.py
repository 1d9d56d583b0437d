"""Exposure and outcomes by the ministry's own statistics: the printed edition, and made ones."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from replication.errors import DuplicateRowsError, NoVariationError, SchemaError
from replication.estimate.verbs import did
from replication.panel import compilation
from replication.panel.compilation import compilation_panel, exchange_2016, exposures
from replication.panel.scores import score_panel
from replication.records.open.compilation import register
from replication.records.open.compilation.reader import read_compilation
from replication.records.open.leiden.windows import leiden_windows
from replication.records.open.universities import ministry_universities
from replication.records.variables import CONTROLS, EXCHANGE
from tests.support.made_compilation import Edition, made
from tests.support.real_files import CHAPTER, mirror_or_skip

COUNTS = list(EXCHANGE)


# The printed edition ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def measured() -> pd.DataFrame:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REPLICATION_OPEN_DATA", str(mirror_or_skip("compilation", *CHAPTER)))
        return exchange_2016()


def test_exposures_of_2016(measured: pd.DataFrame) -> None:
    assert len(measured) == 65
    assert measured.notna().all(axis=None)
    assert measured.attrs == {"source": "open", "dropped": {compilation.UNEXPOSED: 0}}
    standard = measured.filter(like="exposure").drop(columns="exposure_high")
    np.testing.assert_allclose(standard.mean(), 0, atol=1e-12)
    np.testing.assert_allclose(standard.std(), 1)
    # As measured before by hand, from the same table: .7 with log staff and log spending.
    links = measured[["exposure", *CONTROLS]].corr()["exposure"]
    assert links[["log_rd_staff", "log_rd_spending"]].round(1).to_list() == [0.7, 0.7]
    # The component weighs the six by what they share, and should agree closely (R7).
    assert measured["exposure"].corr(measured["exposure_component"]) > 0.99


def test_it_merges_with_scores_by_name(
    measured: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPLICATION_OPEN_DATA", str(mirror_or_skip(*CHAPTER)))
    scores = score_panel()
    merged = scores.drop(columns="exposure").merge(measured, on="university")
    lost = set(scores["university"]) - set(merged["university"])
    # Two campuses under one name, and universities of trade and finance, which do not report.
    assert lost == {"中国矿业大学(两地)", "对外经济贸易大学", "上海财经大学"}
    assert len(merged) == len(scores) - scores["university"].isin(lost).sum()


def test_it_merges_with_the_windows_of_leiden(
    measured: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 60 units in both windows, all but the two that are pairs of campuses."""
    mirror = mirror_or_skip("leiden", "leiden-2020", "compilation")
    monkeypatch.setenv("REPLICATION_OPEN_DATA", str(mirror))
    both = leiden_windows().groupby("university")["window"].size().loc[lambda n: n == 2].index
    counted = set(measured["university"])
    assert len(counted.intersection(both)) == 58
    assert set(both) - counted == {"中国地质大学(两地)", "中国矿业大学(两地)"}


# Editions made by the tests -----------------------------------------------------------------------


def edition(year: int, universities: int = 12) -> Edition:
    """Return a small edition whose controls are positive."""
    one = made(year, universities, seed=3)
    for table, column in (("staff", "rd_staff"), ("funds", "rd_spending_labour"),
                          ("projects", "applied_graduates")):  # fmt: skip
        whole = {"rd_spending_labour": "rd_spending", "applied_graduates": "research_graduates"}
        for name in [column, *filter(None, [whole.get(column)])]:
            for cells in one.numbers[table].values():
                cells[name] += 5
            one.totals[table][name] += 5 * universities
    return one


@pytest.fixture(autouse=True, scope="module")
def once() -> Iterator[None]:
    """Read each PDF once in these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compilation, "read_compilation", cache(read_compilation))
        yield


@pytest.fixture(scope="module")
def editions(tmp_path_factory: pytest.TempPathFactory) -> dict[int, tuple[Edition, Path]]:
    """Editions of 2017, 2018 and 2020 by their year: 2016, 2017 and 2019."""
    folder = tmp_path_factory.mktemp("editions")
    sizes = {2017: 12, 2018: 11, 2020: 12}
    whole = {year: edition(year, size) for year, size in sizes.items()}
    return {year - 1: (one, one.write(folder / f"{year}.pdf")) for year, one in whole.items()}


def test_a_panel_of_three_editions(editions: dict[int, tuple[Edition, Path]]) -> None:
    paths = [editions[year][1] for year in (2019, 2016, 2017)]
    panel = compilation_panel(paths)
    # The twelfth university is not in the edition of 2017, and exposure is measured there.
    twelfth = ministry_universities()["name_zh"][11]
    assert twelfth not in set(panel["university"])
    assert panel.attrs["dropped"] == {compilation.UNEXPOSED: 2}
    assert len(panel) == 11 * 3
    assert panel.groupby("year")[["post", "event_time"]].first().to_numpy().tolist() == [
        [0, -2], [0, -1], [1, 1],
    ]  # fmt: skip
    rows = panel.set_index(["university", "year"])
    for year, (one, _) in editions.items():
        for table, columns in register.columns().groupby("table")["name"]:
            for university, cells in one.numbers[table].items():
                if university != twelfth:
                    found = rows.loc[(university, year), columns].to_dict()
                    assert found == {name: cells[name] for name in columns}
    # Sold to whom: the kinds of buyer add up to what a university took in.
    kinds = [f"transfer_income_{kind}" for kind in ("state", "foreign", "private", "other")]
    assert (panel[kinds].sum(axis=1) == panel["transfer_income"]).all()


def test_the_panel_is_one_that_the_verbs_take(editions: dict[int, tuple[Edition, Path]]) -> None:
    """Funds from firms on exchange, by dense least squares on the numbers that were printed."""
    panel = compilation_panel([path for _, path in editions.values()])
    design = {"unit": "university", "effects": ("university", "year"), "scale": "log1p"}
    found = did(panel, outcome="funds_firms", **design)
    dummies = [pd.get_dummies(panel[c], dtype=float) for c in ("university", "year")]
    x = np.column_stack([panel["exposure"] * panel["post"], *dummies])
    printed = [
        editions[year][0].numbers["funds"][name]["funds_firms"]
        for name, year in zip(panel["university"], panel["year"], strict=True)
    ]
    slope = np.linalg.lstsq(x, np.log1p(printed), rcond=None)[0][0]
    assert found["exposure × post"].estimate == pytest.approx(slope, rel=1e-8)
    assert found.clusters == 11


def test_exposure_is_that_of_the_register(editions: dict[int, tuple[Edition, Path]]) -> None:
    """R7 and R8 by hand, from the numbers that were printed before treatment."""
    panel = compilation_panel([path for _, path in editions.values()])
    names = list(ministry_universities()["name_zh"][:11])
    counts = np.array(
        [
            [[editions[y][0].numbers["exchange"][name][c] for c in COUNTS] for y in (2016, 2017)]
            for name in names
        ]
    )
    z = np.log1p(counts)
    z = (z - z.mean(axis=(0, 1))) / z.std(axis=(0, 1), ddof=1)
    first = panel.groupby("university").first()
    for column, kinds in {
        "exposure": slice(None), "exposure_cooperation": slice(2),
        "exposure_conferences": slice(2, None),
    }.items():  # fmt: skip
        mean = z[:, :, kinds].mean(axis=(1, 2))
        by_hand = pd.Series((mean - mean.mean()) / mean.std(ddof=1), names)
        pd.testing.assert_series_equal(first[column].loc[names], by_hand, check_names=False)
    for control, column, table in (
        ("log_rd_staff", "rd_staff", "staff"), ("log_rd_spending", "rd_spending", "funds"),
        ("log_graduates", "research_graduates", "projects"),
    ):  # fmt: skip
        cells = [[editions[y][0].numbers[table][n][column] for y in (2016, 2017)] for n in names]
        by_hand = pd.Series(np.log(cells).mean(axis=1), names)
        pd.testing.assert_series_equal(first[control].loc[names], by_hand, check_names=False)


def test_editions_must_lie_on_both_sides(editions: dict[int, tuple[Edition, Path]]) -> None:
    before, after = editions[2016][1], editions[2019][1]
    for paths in ([], [before], [after]):
        with pytest.raises(NoVariationError, match="must lie on both sides of it"):
            compilation_panel(paths)
    assert set(compilation_panel([before, after], first_treated=2017)["post"]) == {0, 1}


def test_one_edition_twice(editions: dict[int, tuple[Edition, Path]], tmp_path: Path) -> None:
    other = tmp_path / "copy.pdf"
    other.write_bytes(editions[2016][1].read_bytes())
    with pytest.raises(DuplicateRowsError, match=r"copy.pdf and 2017.pdf are both of edition 2017"):
        compilation_panel([editions[2016][1], other])


def test_zero_has_no_logarithm() -> None:
    table = pd.DataFrame({"university": ["a", "b"], "year": 2016, "rd_staff": [0, 3]})
    table = table.assign(rd_spending=1, research_graduates=1, **dict.fromkeys(COUNTS, 1))
    with pytest.raises(SchemaError, match="rd_staff is zero for a in 2016, and zero has no"):
        exposures(table)
