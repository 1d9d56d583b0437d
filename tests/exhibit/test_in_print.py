"""Every number in print, recomputed; and the machinery that says whether it matches."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from replication.config import ROOT
from replication.errors import RegistryError, SourceUnavailableError
from replication.estimate import staggered
from replication.estimate.design import STUDY
from replication.estimate.verbs import did, event_study, poisson
from replication.exhibit import in_print
from replication.records import published

# One publication has one treated state, and our verb doubts its standard error.
pytestmark = pytest.mark.filterwarnings("ignore::replication.errors.FewClustersWarning")

ROWS = published.load_published()
SIMULATED = ["ehec-flci2-lower", "ehec-clf2-lower"]
"""Numbers whose publication drew them at random; their rows say so, and they differ from ours."""
MPDTA = STUDY.but(outcome="lemp", unit="countyreal", time="year")
FRESH = ROWS.loc[~ROWS["fit"].str.contains("C-LF") & ~ROWS["id"].isin(SIMULATED), "id"]


def estimates() -> dict[str, in_print.Fit]:
    """All models but the slow intervals, written out apart from the notebook."""
    kielmc, injury = published.load("kielmc"), published.load("injury")
    pooled = {"unit": None, "effects": (), "cluster": None}
    study = event_study(
        published.load("ehec"),
        outcome="dins",
        exposure="expanded",
        unit="stfips",
        effects=("stfips", "year"),
        cluster="stfips",
        variance="CR1",
    )
    house = ["age", "agesq", "intst", "land", "area", "rooms", "baths"]
    near = {"exposure": "nearinc", "post": "y81"}
    return {
        "kielmc (1)": did(kielmc, outcome="rprice", **near, controls=["nearinc", "y81"], **pooled),
        "kielmc (3)": did(
            kielmc, outcome="rprice", **near, controls=["nearinc", "y81", *house], **pooled
        ),
        "injury": did(
            injury,
            outcome="ldurat",
            exposure="highearn",
            post="afchnge",
            controls=["highearn", "afchnge"],
            **pooled,
        ),
        "jtrain": did(
            published.load("jtrain"),
            outcome="lscrap",
            treatment=["grant", "grant_1"],
            unit="fcode",
            effects=("fcode", "year"),
            cluster=None,
            missing="drop",
        ),
        "wage_panel": did(
            published.load("wage_panel"),
            outcome="lwage",
            treatment=["union", "married"],
            controls=["expersq"],
            unit="nr",
            effects=("nr", "year"),
            cluster=None,
        ),
        "organ_donations": did(
            published.load("organ_donations"),
            outcome="rate",
            exposure="california",
            unit="state",
            time="quarter",
            effects=("state", "quarter"),
            cluster="state",
            variance="CR1",
        ),
        "mpdta": staggered.dynamic_effects(
            published.load("mpdta"), MPDTA, first_treated="first.treat"
        ),
        "ehec": study,
        "ehec FLCI": staggered.honest_interval(study, "FLCI", 0.01),
        "ehec FLCI 2": staggered.honest_interval(study, "FLCI", 0.02),
        "PatentsHGH": poisson(
            published.load("PatentsHGH"),
            outcome="pat",
            treatment=["logr", *(f"logr{lag}" for lag in range(1, 6))],
            unit="obsno",
            effects=("obsno", "year"),
            cluster="obsno",
            variance="CR1",
        ),
    }


@pytest.fixture(scope="module")
def fits() -> dict[str, in_print.Fit]:
    return estimates()


@pytest.fixture(scope="module")
def table(fits) -> pd.DataFrame:
    rows = ROWS[ROWS["fit"].isin(list(fits))]
    return in_print.verdicts(fits, rows).set_index("id")


# The numbers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("row", FRESH)
def test_every_printed_digit_is_ours(table, row):
    found = table.loc[row]
    assert found["verdict"] == "matches", found[["published", "ours_printed"]].to_dict()
    assert found["ours_printed"] == found["published"]
    assert abs(found["last_digits"]) <= 0.5
    assert found["remark"] == ""


@pytest.mark.parametrize("step", [1, -1])
@pytest.mark.parametrize("row", FRESH)
def test_a_wrong_last_digit_would_be_seen(fits, row, step):
    """One unit more or less in the last printed place, and the number does not match."""
    wrong = ROWS[ROWS["id"] == row].copy()
    value = Decimal(wrong["value"].iloc[0])
    off = value + step * Decimal(1).scaleb(int(value.as_tuple().exponent))
    wrong["value"] = f"{off:f}"
    fit = wrong["fit"].iloc[0]
    assert in_print.verdicts({fit: fits[fit]}, wrong)["verdict"].iloc[0] != "matches"


def test_samples_have_the_size_in_print(fits):
    sizes = {
        "kielmc (1)": 321,
        "kielmc (3)": 321,
        "injury": 5626,
        "jtrain": 162,
        "wage_panel": 4360,
    }
    assert {name: fits[name].n for name in sizes} == sizes
    assert fits["jtrain"].df == 104
    assert fits["jtrain"].dropped == {"no value of lscrap": 471 - 162}


@pytest.fixture(scope="module")
def chapter() -> pd.DataFrame:
    """The table that the chapter shows; that its run repeats it is tested with the notebook."""
    path = ROOT / "results" / "A1_validation" / "tab-validation.csv"
    return pd.read_csv(path, dtype={"In print": str, "Ours, rounded": str})


def test_chapter_shows_every_published_number(chapter):
    assert list(chapter["In print"]) == list(ROWS["value"])
    assert list(chapter["fit"]) == list(ROWS["fit"])


def test_chapter_s_numbers_match_but_those_drawn_at_random(chapter, fits):
    """All numbers in print, and the two slow intervals, which only the chapter computes."""
    other = chapter.set_axis(ROWS["id"]).query("Verdict != 'matches'")
    assert list(other.index) == SIMULATED
    assert list(ROWS.loc[ROWS["remark"] != "", "id"]) == SIMULATED
    off = other["Ours"] - other["In print"].astype(float)
    # A quantile from a million draws: the error is in the fifth decimal.
    assert abs(off["ehec-flci2-lower"]) < 5e-5
    # The neighbouring point of a grid of 1,000 within 20 standard errors of zero.
    step = 40 * fits["ehec"]["expanded × +0"].std_error / 999
    assert off["ehec-clf2-lower"] == pytest.approx(step, abs=1e-6)


def test_chapter_s_estimates_are_those_written_out_here(chapter, table):
    """The notebook's calls and the ones above were written apart; they must agree."""
    both = chapter.set_axis(ROWS["id"]).loc[table.index]
    np.testing.assert_allclose(both["Ours"], table["ours"], rtol=1e-9)


# R ---------------------------------------------------------------------------------------------


def test_r_has_the_same_numbers(table):
    """Where R is recorded it agrees to far more digits than are printed."""
    compared = table["r_relative"].dropna()
    assert len(compared) == len(ROWS) - 8  # The ends of intervals are not in the record.
    assert compared.max() < 1e-7


def test_r_comparison_has_a_row_for_each_package(fits):
    table = in_print.r_comparison(fits)
    packages = table.groupby("model")["r"].apply(lambda p: " ".join(sorted(set(p))))
    assert "plm" in packages["jtrain"]
    assert "plm" in packages["wage_panel"]
    assert "sandwich" in packages["ehec"]
    assert len(table[table["model"] == "ehec"]) == 7
    assert table["estimate_relative"].max() < 1e-10
    assert table["std_error_relative"].max() < 1e-7
    assert set(table.loc[table["std_error_relative"].isna(), "model"]) == {"mpdta"}


def test_agreement_is_that_of_the_number_that_differs_more():
    shown = {
        "model": "m", "term": "x", "variance": "CR1", "r": "R", "estimate": 1.0,
        "r_estimate": 1.0, "std_error": 1.0, "r_std_error": 1.0,
    }  # fmt: skip
    differences = [(9e-8, 0.0), (1e-9, 2e-4), (0.03, 1e-12), (2e-9, np.nan)]
    compared = pd.DataFrame(
        {**shown, "estimate_relative": b, "std_error_relative": se} for b, se in differences
    )
    said = ["within 1e-7", "off by 2.0e-04", "off by 3.0e-02", "within 1e-7"]
    assert in_print.r_table(compared).data["Agreement"].tolist() == said


def test_r_record_is_complete_and_names_its_versions():
    record = in_print.r_numbers()
    expected = [
        "dataset",
        "model",
        "term",
        "package",
        "convention",
        "estimate",
        "std_error",
        "df",
        "n",
        "version",
    ]
    assert list(record) == expected
    assert not record.duplicated(["model", "term", "package", "convention"]).any()
    assert record["version"].str.fullmatch(r"R \d+\.\d+\.\d+ \w+( \d+\.\d+\.\d+)?").all()
    assert set(record["dataset"]) == {*published.DATASETS, "panel"}


def test_a_missing_record_says_how_to_make_it(tmp_path):
    with pytest.raises(SourceUnavailableError, match=r"validation\.R"):
        in_print.r_numbers(tmp_path / "none.csv")


# Verdicts --------------------------------------------------------------------------------------


def verdict(value: str, ours: float) -> pd.Series:
    row = ROWS.iloc[[0]].assign(value=value, fit="toy", term="x", statistic="estimate")
    toy = pd.DataFrame({"estimate": [ours]}, index=["x"])
    return in_print.verdicts({"toy": toy}, row).iloc[0]


@pytest.mark.parametrize(
    ("value", "ours", "expected", "printed"),
    [
        (".191", 0.1914999, "matches", ".191"),
        (".191", 0.1905, "matches", ".191"),
        (".191", 0.1904999, "differs", ".190"),
        (".191", 0.1919, "matches, truncated in print", ".192"),
        (".191", 0.192001, "differs", ".192"),
        (".191", -0.191, "differs", "-.191"),
        ("-.252", -0.2523, "matches", "-.252"),
        ("-.252", -0.2529, "matches, truncated in print", "-.253"),
        ("-.252", -0.2519, "matches", "-.252"),
        (".210", 0.2102, "matches", ".210"),
        (".21", 0.2102, "matches", ".21"),
        (".2100", 0.2102, "differs", ".2102"),
        ("-0.022", -0.0224, "matches", "-0.022"),
        ("-11863.90", -11863.9032, "matches", "-11863.90"),
        ("-11863.90", -11863.915001, "differs", "-11863.92"),
        ("7457", 7456.6, "matches", "7457"),
        ("0.0", 0.04, "matches", "0.0"),
        ("0.0", 0.06, "matches, truncated in print", "0.1"),
    ],
)
def test_verdict(value, ours, expected, printed):
    found = verdict(value, ours)
    assert found["verdict"] == expected
    assert found["ours_printed"] == printed
    assert found["ours"] == ours


def test_difference_is_counted_in_last_digits():
    assert verdict(".191", 0.1935)["last_digits"] == 2.5
    assert verdict("-11863.90", -11863.93)["last_digits"] == -3


def test_no_number_without_estimate_and_no_estimate_without_number(fits):
    toy = pd.DataFrame({"estimate": [1.0]}, index=["x"])
    with pytest.raises(RegistryError, match="do not agree on toy"):
        in_print.verdicts({**dict.fromkeys(ROWS["fit"], toy), "toy": toy})
    with pytest.raises(RegistryError, match=r"do not agree on .*kielmc"):
        in_print.verdicts({"PatentsHGH": toy})
    one = ROWS[ROWS["fit"] == "PatentsHGH"]
    with pytest.raises(RegistryError, match="has no estimate of 'logr'"):
        in_print.verdicts({"PatentsHGH": toy}, one)


def test_convention_of_r_s_standard_error_is_that_of_ours(fits):
    """A clustered error of ours beside R's classical one would be another number."""
    clustered = did(
        published.load("jtrain"),
        outcome="lscrap",
        treatment=["grant", "grant_1"],
        unit="fcode",
        effects=("fcode", "year"),
        cluster="fcode",
        variance="CR1",
        missing="drop",
    )
    row = ROWS[ROWS["id"] == "jtrain-grant-se"]
    classical = in_print.verdicts({"jtrain": fits["jtrain"]}, row).iloc[0]
    ours = in_print.verdicts({"jtrain": clustered}, row).iloc[0]
    assert classical["r"] == pytest.approx(0.1506289943, abs=1e-9)
    assert ours["r"] == pytest.approx(0.1434398541, abs=1e-9)
    assert (classical["verdict"], ours["verdict"]) == ("matches", "differs")


# Modern estimators ----------------------------------------------------------------------------


def test_callaway_and_sant_anna_by_hand():
    """The effect in 2004 on the counties treated in 2004: two differences of means."""
    data = published.load("mpdta").pivot(index="countyreal", columns="year", values="lemp")
    cohort = published.load("mpdta").groupby("countyreal")["first.treat"].first()
    change = (data[2007] - data[2003]).groupby(cohort).mean()
    effects = staggered.dynamic_effects(published.load("mpdta"), MPDTA, first_treated="first.treat")
    assert effects.loc["e = 3", "estimate"] == pytest.approx(change[2004] - change[0], rel=1e-12)
    after = [f"e = {e}" for e in range(4)]
    assert effects.loc["overall", "estimate"] == pytest.approx(
        effects.loc[after, "estimate"].mean(), rel=1e-12
    )


def test_smoothness_intervals_of_other_restrictions(fits):
    """In print: .00286 to .0907 for M = .02, -.00714 to .101 for M = .03, from random draws."""
    found = pd.concat([staggered.honest_interval(fits["ehec"], "FLCI", m) for m in (0.02, 0.03)])
    assert list(found.index) == ["FLCI, M = 0.02", "FLCI, M = 0.03"]
    np.testing.assert_allclose(found["lower"], [0.00286, -0.00714], atol=5e-5)
    assert [round(v, d) for v, d in zip(found["upper"], (4, 3), strict=True)] == [0.0907, 0.101]


def test_relative_magnitudes_are_asked_for_on_r_s_grid(fits, monkeypatch):
    """Five periods before, two after, and the points of the R package near the estimate."""
    import moderndid
    import polars

    asked = {}

    def create(*args, **options):
        asked.update(options, args=args)
        return polars.DataFrame({"lb": [0.1], "ub": [0.2]})

    monkeypatch.setattr(moderndid, "create_sensitivity_results_rm", create)
    found = staggered.honest_interval(fits["ehec"], "C-LF", 0.5)
    assert found.loc["C-LF, M̄ = 0.5"].tolist() == [0.1, 0.2]
    assert asked["args"][2:] == (5, 2)
    assert (asked["method"], asked["m_bar_vec"]) == ("C-LF", [0.5])
    grid = np.linspace(asked["grid_lb"], asked["grid_ub"], asked["grid_points"])
    b, se = fits["ehec"]["expanded × +0"][["estimate", "std_error"]]
    steps = (grid + 20 * se) / (40 * se / 999)
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-9)
    assert b - 10 * se < grid[0] < b - 9.9 * se
    assert b + 9.9 * se < grid[-1] < b + 10 * se
