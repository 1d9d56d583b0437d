"""The finishing of pages: exhibits numbered and linked, tables read aloud and on a phone."""

import json
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag

from replication.config import ROOT

sys.path.insert(0, str(ROOT / "book" / "_ext"))

import finish
import finish_exhibits
import finish_registry
import finish_shell
import finish_tables
import replication_book

TABLE = """<div class="bd-article"><div class="cell"><div class="cell_input">code</div>
<div class="cell_output"><div class="output text_html">
<p class="exhibit-title" id="tab-one">What is shown</p><div class="exhibit">
<table class="gt_table"><thead>
<tr><th rowspan="2"></th><th colspan="2">Log</th></tr><tr><th>b</th><th>p-value</th></tr></thead>
<tbody><tr><th>first</th><td>-11863.90</td><td>0.000</td></tr>
<tr><th>second</th><td>7.5</td><td>0.034</td></tr></tbody></table></div>
<p class="exhibit-note">PPML. Simulated data with a planted effect: no finding about any real
university.</p></div></div></div><p><a href="x.html#tab-one">the table</a></p></div>""".replace(
    "\nuniversity", " university"
)


@pytest.fixture
def exhibits(tmp_path: Path) -> dict[str, finish_registry.Exhibit]:
    (tmp_path / "02_some").mkdir()
    entry = {"kind": "tab", "title": "t", "source": "simulated", "note": ""}
    registry = {"tab-zero": entry, "tab-one": entry}
    (tmp_path / "02_some" / "exhibits.json").write_text(json.dumps(registry))
    return finish_registry.registry(tmp_path)


def table_of(html: str) -> Tag:
    soup = BeautifulSoup(html, "lxml")
    table = soup.table
    assert table
    finish_tables.finish_table(soup, table)
    return table


def test_numbers_have_true_signs_marks_and_no_p_value_of_zero() -> None:
    table = table_of(TABLE)
    assert [cell.get_text() for cell in table.select("td[data-head]")] == [
        "−11,863.90",
        "< .001",
        "7.5",
        "0.034",
    ]
    assert [cell["data-head"] for cell in table.select("tbody tr:first-child td")] == [
        "Log b",
        "Log p-value",
    ]


def test_decimal_points_stand_in_one_line() -> None:
    halves = [
        [half["style"] for half in number.find_all("span")]
        for number in table_of(TABLE).select("td:nth-child(2) .number")
    ]
    assert halves == [["min-width:7ch", "min-width:3ch"]] * 2


def test_years_and_codes_keep_their_digits() -> None:
    table = table_of(
        "<table><thead><tr><th>code</th><th>year</th></tr></thead>"
        "<tr><td>U-12</td><td>20110</td></tr><tr><td>2011-2022</td><td>2012</td></tr></table>"
    )
    assert [cell.get_text() for cell in table.select("td")] == [
        "U-12",
        "20110",
        "2011-2022",
        "2012",
    ]


def test_no_head_is_empty_and_each_says_how_far_it_reaches() -> None:
    table = table_of(TABLE)
    heads = table.select("thead th")
    assert all(head.get_text(strip=True) for head in heads)
    assert [head["scope"] for head in heads] == ["colgroup", "col", "col"]
    assert [head["scope"] for head in table.select("tbody th")] == ["row", "row"]


def test_an_exhibit_is_a_figure_with_a_number_and_links(
    exhibits: dict[str, finish_registry.Exhibit], tmp_path: Path
) -> None:
    soup = BeautifulSoup(TABLE, "lxml")
    assert finish_exhibits.finish_exhibits(soup, exhibits, "../", tmp_path) == {"simulated"}
    finish_exhibits.number_links(soup, exhibits)
    block = soup.select_one("figure#tab-one")
    assert block
    assert block.caption.get_text() == "Table 2.2. What is shown"
    assert block.select_one(".exhibit-note").get_text() == "PPML."
    links = [link["href"] for link in block.select(".exhibit-links a")]
    assert links == [
        "../results/02_some/tab-one.csv",
        "../results/02_some/tab-one.tex",
        "#cell-1",
    ]
    assert soup.select_one("#cell-1")
    assert soup.select_one("a[href='x.html#tab-one']").get_text() == "the table (Table 2.2)"


def test_chinese_is_marked_where_it_stands_and_nothing_is_lost() -> None:
    soup = BeautifulSoup("<p>of 国际科技交流, and <b>校企合作</b></p><script>'中'</script>", "lxml")
    before = soup.get_text()
    finish_shell.say_chinese(soup)
    assert soup.get_text() == before
    assert [one.get_text() for one in soup.select("[lang='zh-Hans']")] == [
        "国际科技交流",
        "校企合作",
    ]


def test_the_root_page_leads_where_the_home_page_does() -> None:
    text = '<html data-content_root="../"><a href="study.html#a"></a><img src="../_static/x.png">'
    page = BeautifulSoup(finish_shell.rooted(text, "book/index.html", "./"), "lxml")
    assert page.a["href"] == "book/study.html#a"
    assert page.img["src"] == "_static/x.png"
    assert page.html["data-content_root"] == "./"


@pytest.mark.parametrize(
    "remote",
    [
        "https://github.com/some/book.git",
        "@".join(["git", "github.com:some/book"]),
        "https://github.com/some/book/",
    ],
)
def test_a_public_remote_is_known(remote: str) -> None:
    found = finish.REMOTE.match(remote)
    assert found
    assert found[2] == "some/book"


def test_another_remote_makes_no_buttons() -> None:
    assert finish.REMOTE.match("/srv/git/book.git") is None


@pytest.mark.parametrize(
    ("british", "us"),
    [("behaviour", "behavior"), ("standardised", "standardized"), ("centre", "center")],
)
def test_both_spellings_are_one_word_of_the_index(british: str, us: str) -> None:
    search = replication_book.SearchEnglishCJK({})
    assert search.stem(british) == search.stem(us)
    assert search.stem("exercise") != search.stem("exert")
