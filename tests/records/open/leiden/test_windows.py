"""Papers in two windows: edition 2020 of R's data frame beside the sheet of 2022."""

import re
from pathlib import Path

import pandas as pd
import pytest
import rdata

from replication.config import ROOT
from replication.errors import MissingColumnError, RegistryError, ReplicationError, SchemaError
from replication.records.open import universities
from replication.records.open.leiden import windows
from replication.records.open.leiden.windows import leiden_windows, papers_of, printed
from replication.records.open.rankings import leiden
from tests.support.real_files import Replace, mirror_or_skip, put

RDA = "leiden/leiden_2020_all_sciences.rda"
SHEET = "leiden/leiden_2022_all_sciences.xlsx"


@pytest.fixture
def real() -> Path:
    return mirror_or_skip("leiden", "leiden-2020")


def test_names_are_those_before_r_wrote_them_in_ascii() -> None:
    assert printed("Xi<U+2019>an Jiaotong University") == "Xi’an Jiaotong University"
    assert printed("Koç University") == printed("Ko<U+00E7> University")
    assert printed("Texas A&M University. College Station") == (
        "Texas A&M University. College Station"
    )


def test_sixty_units_are_in_both_windows(files: Path) -> None:
    table = leiden_windows()
    first, second = (set(rows["university"]) for _, rows in table.groupby("window"))
    assert (len(first), len(second), len(first & second)) == (60, 61, 60)
    assert second - first == {"西南财经大学"}
    assert table["joint"].sum() == 4
    assert set(table["counting"]) == {"full"}
    # The other universities of edition 2020 and of 2022 are counted: 1,176 and 1,318 in all.
    assert table.attrs["dropped"]["not a ministry university"] > 1176 - 60


def test_numbers_are_those_of_the_files(files: Path) -> None:
    """Edition 2020 by another way to the name; 2022 by the reader of percentages."""
    raw = rdata.read_rda(files / RDA)["CWTS_2020"]
    rows = leiden_windows().set_index(["university", "window"])
    for name, university in {
        "Tsinghua University": "清华大学",
        "Xi'an Jiaotong University": "西安交通大学",
        "Beijing University of Posts & Telecommunications": "北京邮电大学",
        # Of the two of this name, the one that is not "Northeastern University. USA".
        "Northeastern University": "东北大学",
        "China University of Geosciences": "中国地质大学(两地)",
    }.items():
        row, printed_row = rows.loc[(university, "2015–2018")], raw.loc[name]
        assert row["papers_firm"] == printed_row["P_industry_collab"]
        assert row["papers_abroad"] == printed_row["P_int_collab"]
        share = 100 * row["papers_abroad"] / row["papers"]
        assert share == pytest.approx(printed_row["PP_int_collab"], abs=0.051)
    later = rows.xs("2017–2020", level="window")
    other = leiden().set_index("university").loc[later.index]
    pd.testing.assert_series_equal(later["papers"], other["papers"], check_names=False)
    for count, share in (("papers_firm", "pp_industry"), ("papers_abroad", "pp_international")):
        shares = later[count] / later["papers"]
        pd.testing.assert_series_equal(shares, other[share], check_names=False, atol=1e-6)


def test_papers_grow_as_two_years_of_them_do(files: Path) -> None:
    """The evidence for the window: from 2015–2018 to 2017–2020 by 1.17, in China by 1.38."""
    raw = rdata.read_rda(files / RDA)["CWTS_2020"]
    first = papers_of(raw.astype(float), "file")
    first.index = [printed(name).replace(". ", ", ").replace("&", "and") for name in raw.index]
    sheet = pd.read_excel(files / SHEET, engine="calamine")
    # Of two universities of one name neither can be told.
    second = sheet.drop_duplicates("University", keep=False).set_index("University")
    both = second.join(first.rename("first"), how="inner")
    assert len(both) > 1000
    page = (ROOT / "book" / "data.md").read_text(encoding="utf-8")
    tables = {"of all countries": both, "in China": both[both["Country"] == "China"]}
    for (said, rows), growth in zip(tables.items(), (1.17, 1.38), strict=True):
        early, late = rows["first"].sum(), rows["collab_P"].sum()
        assert late / early == pytest.approx(growth, abs=0.01)
        two, one = 100 * (late / early) ** 0.5 - 100, 100 * late / early - 100
        line = f"| {len(rows):,} {said} | {early / 1e6:.2f} million | {late / 1e6:.2f} million | "
        assert f"{line}{late / early:.2f} | {two:.0f} % | {one:.0f} % |" in page


def test_papers_lie_where_every_kind_of_them_allows() -> None:
    """Of 1,000 papers, kinds in whole numbers and percentages in tenths."""
    true = pd.Series([1000, 3217, 45_678])
    table = pd.DataFrame()
    for number, part in enumerate(windows.PARTS, start=2):
        table[f"P_{part}"] = (true / number).round()
        table[f"PP_{part}"] = (table[f"P_{part}"] / true * 100).round(1)
    found = papers_of(table, "file")
    assert ((found / true - 1).abs() < 0.002).all()
    # A kind that nobody has, or so few that it rounds to zero, leaves the number alone.
    table["PP_OA_unknown"], table["P_OA_unknown"] = 0.0, 0
    assert ((papers_of(table, "file") / true - 1).abs() < 0.002).all()
    table.loc[1, "P_collab"] *= 1.02
    with pytest.raises(SchemaError, match="file, row 1: its numbers and percentages of papers do"):
        papers_of(table, "file")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (lambda whole: b"not R", "cannot be read as data of R"),
        (lambda whole: b"", "cannot be read as data of R"),
        (lambda whole: whole[: len(whole) // 2], "cannot be read as data of R"),
    ],
)
def test_a_damaged_data_frame(damage: Replace, content, says: str) -> None:
    damage(RDA, content)
    with pytest.raises(SchemaError, match=f"^leiden_2020_all_sciences.rda {says}"):
        leiden_windows()


def without(raw: pd.DataFrame) -> dict[str, object]:
    return {"CWTS_2020": raw.drop(columns="PP_OA")}


def negative(raw: pd.DataFrame) -> dict[str, object]:
    raw.loc["Tsinghua University", "P_industry_collab"] = -1
    return {"CWTS_2020": raw}


def fraction(raw: pd.DataFrame) -> dict[str, object]:
    """Percentages turned to fractions, as edition 2022 has them."""
    shares = [column for column in raw if column.startswith("PP_")]
    raw[shares] /= 100
    return {"CWTS_2020": raw}


def renamed(raw: pd.DataFrame) -> dict[str, object]:
    return {"CWTS_2020": raw.rename(index={"Nankai University": "Nankai"})}


@pytest.mark.parametrize(
    ("how", "error", "says"),
    [
        (without, MissingColumnError, "column 'PP_OA' is not there"),
        (negative, SchemaError, "row Tsinghua University, column 'P_industry_collab': -1.0 is no"),
        (fraction, SchemaError, "its numbers and percentages of papers do not go together"),
        (renamed, RegistryError, "'Nankai University' is not in the files of 'leiden-2020'"),
        (lambda raw: {"CWTS": raw}, SchemaError, "no data frame CWTS_2020; it has CWTS"),
    ],
)
def test_a_changed_data_frame(
    files: Path, monkeypatch: pytest.MonkeyPatch, how, error: type[ReplicationError], says: str
) -> None:
    changed = how(rdata.read_rda(files / RDA)["CWTS_2020"])
    monkeypatch.setattr(windows.rdata, "read_rda", lambda _: changed)
    with pytest.raises(error, match=re.escape(says)):
        leiden_windows()


def test_a_university_said_to_be_absent_is_looked_for(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "university_names.csv"
    change = put("南开大学,leiden-2020,Nankai University,", "南开大学,leiden-2020,,not there")
    path.write_bytes(change(universities.NAMES.read_bytes()))
    monkeypatch.setattr(universities, "NAMES", path)
    with pytest.raises(RegistryError, match="'Nankai University' is said not to be in 'leiden-20"):
        leiden_windows()
