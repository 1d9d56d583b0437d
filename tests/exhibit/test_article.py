"""Tables and figures of the article say what its rows say; the arithmetic of months."""

from collections import Counter

import pandas as pd
import pytest

from replication.errors import RegistryError
from replication.exhibit import article
from replication.panel.load import load_panel
from replication.records.article import load_context, load_timeline


def test_the_matrix_says_what_the_rows_say() -> None:
    context = load_context()
    table = article.matrix(context).data.set_index("driver")
    assert table.shape == (8, 6)
    law = table.loc["legal safeguards"]
    assert law[["Xi'an", "Boston"]].to_list() == ["–", "–"]
    assert law["Silicon Valley"].startswith("by us (")
    # Every measure is counted once.
    entries = table[["Xi'an", "Boston", "Silicon Valley"]].stack()
    counted = entries.str.extractall(r"(?P<how>named|by us) \((?P<n>\d+)\)").astype({"n": int})
    found = counted.groupby("how")["n"].sum().to_dict()
    assert found == dict(Counter(m.placed for m in context.measure if m.driver))
    # Interest is in no case; law and technology only where we put them.
    assert article.unnamed(context) == 3
    assert (table["Columns of the panel"] == "–").sum() == 6


def test_flow_has_a_row_a_link_and_its_bands_fill_the_boxes() -> None:
    context = load_context()
    figure = article.flow(context)
    assert len(figure.data) == sum(len(r.drivers) for r in context.recommendation)
    assert set(figure.data["actor"]) == {"government", "firms", "universities"}
    assert all(r.short in figure.alt for r in context.recommendation)
    places = article._stack({"a": 1, "b": 3, "c": 2}, height=10)
    assert [top - bottom for bottom, top in places.values()] == [1, 3, 2]
    assert places["c"][0] == -10
    assert places["a"][0] > places["b"][1] > places["b"][0] > places["c"][1]


def test_timeline_names_each_event_with_its_date() -> None:
    figure = article.timeline(load_timeline(), load_panel())
    assert "ChatGPT 2022-11-30 (AI)" in figure.alt
    assert figure.alt.endswith("first treated year is 2018.")


def test_months_after_an_event_are_counted_in_each_choice_of_years() -> None:
    panel, events = load_panel(), load_timeline()
    found = article.windows(panel, events)
    # Only December 2022 begins after 30 November 2022 and ends before 2023.
    assert found["after"].to_dict() == {"2011–2022": 1, "2009–2020": 0, "2013–2022": 1}
    assert found["months"].tolist() == [144, 144, 120]
    # After 6 July 2018 five whole months are left of that year, and four years.
    assert article.windows(panel, events, "First tariffs")["after"].iloc[0] == 5 + 48
    # The first of a month begins a whole month.
    first = events.assign(date=pd.Timestamp(2022, 11, 1))
    assert article.windows(panel, first, "ChatGPT")["after"].iloc[0] == 2
    with pytest.raises(RegistryError, match="the panel has 2012–2022"):
        article.windows(panel[panel["year"] > 2011], events)
