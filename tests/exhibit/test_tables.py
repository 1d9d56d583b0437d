"""What a table prints is what its data hold, and its note says how it was made."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from replication.errors import MissingColumnError
from replication.estimate.verbs import did, poisson
from replication.exhibit import tables
from replication.exhibit.tables import Table
from tests.support.designs_panel import SILENT_UNIT_ROWS, panel

CELLS = ("university", "discipline")
YEARS = ("discipline", "year")


@pytest.fixture(scope="module")
def mixed() -> Table:
    """Models that differ in everything a table shows."""
    data = panel()
    small = data[data["university"] < "U09"]
    models = {
        "(1)": did(data, outcome="y", effects=["university", "year"]),
        "(2)": poisson(data, effects=[CELLS, "year"]),
        "(3)": did(data, outcome="y", effects=[], controls=["exposure", "post"], cluster=None),
        "(4)": did(small, outcome="patents_joint", scale="log1p", effects=[CELLS, YEARS]),
        "(5)": did(data, outcome="y", treatment=["x1", "x2"], effects=[CELLS, YEARS]),
    }
    return tables.regression(models, labels={"x1": "R&D_staff"}, rows={"Controls": list("abcde")})


def printed(table: Table, row: str) -> list[str]:
    """Entries of a row as they are printed."""
    frame = table.printed.df
    labels = frame.index.get_level_values(-1)
    assert list(labels).count(row) == 1, f"{row!r} is not one of {list(labels)}"
    return [re.sub(r"\s+", " ", str(v)).strip() for v in frame[labels == row].iloc[0]]


def test_coefficients_are_the_data_rounded(mixed: Table) -> None:
    rows = {"exposure × post": "Exposure × post", "x1": "R&D_staff", "x2": "X2"}
    for term, label in rows.items():
        data = mixed.data[mixed.data["term"] == term].set_index("model")
        for model, entry in zip(
            [f"({i})" for i in range(1, 6)], printed(mixed, label), strict=True
        ):
            if model not in data.index:
                assert entry == ""
                continue
            said = re.fullmatch(r"(−?\d+\.\d{3}) \((\d+\.\d{3})\)", entry)
            assert said, entry
            numbers = [float(x.replace("−", "-")) for x in said.groups()]
            due = data.loc[model, ["estimate", "std_error"]].to_numpy(dtype=float)
            np.testing.assert_allclose(numbers, due, rtol=0, atol=0.0005)


def test_a_negative_coefficient_has_a_true_minus_sign(mixed: Table) -> None:
    (entry,) = [e for e in printed(mixed, "X2") if e]
    assert mixed.data.set_index("term").loc["x2", "estimate"] < 0
    assert entry.startswith("−0.")
    assert "-" not in entry


def test_rows_and_clusters_are_those_of_each_model(mixed: Table) -> None:
    small = int((panel()["university"] < "U09").sum())
    n = [577, 577 - SILENT_UNIT_ROWS, 577, small, 577]
    assert printed(mixed, "Observations") == [str(k) for k in n]
    assert mixed.data.drop_duplicates("model")["n"].tolist() == n
    assert printed(mixed, "Clusters") == ["14", "14", "-", "8", "14"]


def test_fixed_effects_are_those_of_each_model(mixed: Table) -> None:
    assert printed(mixed, "University") == ["Yes", "No", "No", "No", "No"]
    assert printed(mixed, "Year") == ["Yes", "Yes", "No", "No", "No"]
    assert printed(mixed, "University × discipline") == ["No", "Yes", "No", "Yes", "Yes"]
    assert printed(mixed, "Discipline × year") == ["No", "No", "No", "Yes", "Yes"]
    assert printed(mixed, "Controls") == list("abcde")


def test_heads_name_outcomes_and_models(mixed: Table) -> None:
    heads = list(mixed.printed.df.columns)
    assert [head[-1] for head in heads] == [f"({i})" for i in range(1, 6)]
    outcomes = [head[0] for head in heads]
    assert outcomes == ["Y", "Joint applications", "Y", "log(1 + joint applications)", "Y"]
    named = tables.regression({"plain": did(panel(), outcome="y"), "PPML": poisson(panel())})
    assert [head[0] for head in named.printed.df.columns] == ["plain", "PPML"]


def test_the_note_says_convention_clusters_and_rows_dropped(mixed: Table) -> None:
    assert mixed.note == (
        "Standard errors in brackets: CR3 (jackknife), t(G* − 1), 8–14 clusters; "
        "classical, t(N − K); "
        f"rows dropped: separated by a fixed effect, up to {SILENT_UNIT_ROWS}."
    )
    assert (mixed.data.loc[mixed.data["model"] == "(2)", "dropped"] == SILENT_UNIT_ROWS).all()
    one = did(panel(), outcome="y")
    note = tables.regression({"(1)": one}).note
    assert note == "Standard errors in brackets: CR3 (jackknife), t(G* − 1), 14 clusters."
    many = replace(one, sample=replace(one.sample, dropped={"no value of y": 1234}))
    few = replace(one, sample=replace(one.sample, dropped={"no value of y": 3}))
    assert "no value of y, up to 1,234." in tables.regression({"(1)": many, "(2)": few}).note


def test_the_data_hold_every_number_in_full(mixed: Table) -> None:
    assert list(mixed.data.columns[:3]) == ["model", "term", "estimate"]
    model = did(panel(), outcome="y", effects=["university", "year"])
    row = mixed.data.iloc[0]
    for column in model.frame:
        assert row[column] == model.frame[column].iloc[0]
    assert row[["n", "clusters", "effects"]].tolist() == [577, 14, "university + year"]


def test_digits_are_what_was_asked_for() -> None:
    table = tables.regression({"(1)": did(panel(), outcome="y")}, digits=5)
    assert re.fullmatch(r"\d\.\d{5} \(\d\.\d{5}\)", printed(table, "Exposure × post")[0])


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([1234.567, -0.5, np.nan], ["1,234.57", "−0.50", ""]),
        ([12096, -1, 0], ["12,096", "−1", "0"]),
        ([1999, 2011, 2022], ["1999", "2011", "2022"]),
        ([1999, 2011, 3000], ["1,999", "2,011", "3,000"]),
        ([True, False, True], ["Yes", "No", "Yes"]),
        (["a-b", "-1", None], ["a-b", "-1", ""]),
        (pd.array([1, None, 2500], dtype="Int64"), ["1", "", "2,500"]),
        (pd.array([2011, None, 2012], dtype="Int64"), ["2011", "", "2012"]),
        ([1, 2.5, "x"], ["1", "2.50", "x"]),
        ([np.inf, -np.inf, 1.0], ["inf", "−inf", "1.00"]),
        (pd.to_datetime(["2020-01-02"] * 3), ["2020-01-02 00:00:00"] * 3),
    ],
)
def test_plain_prints_each_type_as_it_is_read(values: object, shown: list[str]) -> None:
    frame = pd.DataFrame({"value": values}, index=["a", "b", "c"])
    table = tables.plain(frame)
    assert table.printed.df["value"].tolist() == shown
    assert list(table.printed.df.index) == ["a", "b", "c"]
    pd.testing.assert_frame_equal(table.data.set_index("index"), frame.rename_axis("index"))


def test_plain_formats_what_it_is_told_to() -> None:
    frame = pd.DataFrame({"p": [0.05277, -0.1], "share": [0.5, np.nan], "n": [1, 2000]})
    shown = tables.plain(frame, formats={"p": "{:.3f}", "n": "{:.1f}"}, digits=0).printed.df
    assert shown["p"].tolist() == ["0.053", "−0.100"]
    assert shown["share"].tolist() == ["0", ""]
    assert shown["n"].tolist() == ["1.0", "2000.0"]
    with pytest.raises(MissingColumnError, match="'q' is needed for a number format"):
        tables.plain(frame, formats={"q": "{:.3f}"})


def test_descriptives_are_those_of_a_table_computed_by_hand() -> None:
    frame = pd.DataFrame({"patents_joint": [0, 0, 1, 7], "own": [-1.5, 2.0, np.nan, 0.5]})
    table = tables.descriptives(frame, ["patents_joint", "own"])
    # Deviations of 0, 0, 1, 7 from 2: 4 + 4 + 1 + 25 over 3; of −1.5, 2, .5 from 1/3 over 2.
    own = [(x - 1 / 3) ** 2 for x in (-1.5, 2.0, 0.5)]
    by_hand = [
        ["university–firm joint invention applications", 4, 2.0, (34 / 3) ** 0.5, 0, 0.5, 7, 0.5],
        ["own", 3, 1 / 3, (sum(own) / 2) ** 0.5, -1.5, 0.5, 2.0, 0.0],
    ]
    for row, due in zip(table.data.to_numpy().tolist(), by_hand, strict=True):
        assert row[0] == due[0]
        np.testing.assert_allclose(row[1:], due[1:], rtol=1e-14)
    assert table.printed.df.loc["own"].tolist() == [
        "3", "0.33", "1.76", "−1.50", "0.50", "2.00", "0.00"
    ]  # fmt: skip
    with pytest.raises(MissingColumnError, match="'sales' is needed for the descriptive"):
        tables.descriptives(frame, ["sales"])


def test_tests_show_restrictions_as_whole_numbers() -> None:
    results = {"x": pd.Series({"f": 2.239, "q": 6.0, "df": 55.0, "p": 0.0527})}
    shown = tables.tests(results).printed.df
    assert shown.loc["x"].tolist() == ["2.24", "6", "55", "0.053"]
