"""The ministry's statistics as workbooks: what the PDF says, in any layout, held to the totals."""

# ruff: noqa: E501

from pathlib import Path

import pandas as pd
import pytest

from replication.cli import main
from replication.records.ingest.run import ingest
from replication.records.variables import EXCHANGE
from tests.support.real_files import mirror_or_skip
from tests.support.xlsx import Rows, write_xlsx

GROUPS = ["学校名称", "合作研究", None, "国际学术会议", None, None, None]
HEADS = [
    *(None, "派遣(人次)", "接受(人次)", "出席人员(人次)"),
    *("交流论文(篇)", "特邀报告(篇)", "主办(次)"),
]
MERGED = ["A2:A3", "B2:C2", "D2:G2"]
TITLE = "2017年高等学校科技统计资料汇编 表63 教育部直属高等学校国际科技交流"
BODY = [["清华大学", 1, 2, 3, 4, 5, 6], ["浙江大学", 10, 20, 30, 40, 50, 60]]
SUM = ["合计", 11, 22, 33, 44, 55, 66]
PRINTED = [15650, 15326, 84947, 47352, 10957, 1138]


def exchange(body: Rows, title: str = TITLE) -> Rows:
    """A sheet in the layout of the compilation."""
    return [[title], GROUPS, HEADS, *body]


def read(
    tmp_path: Path, sheets: dict[str, Rows], merged: dict[str, list[str]] | None = None
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """Tables and sample flow of one workbook."""
    (tmp_path / "exports").mkdir()
    write_xlsx(tmp_path / "exports" / "a.xlsx", sheets, merged)
    flow = ingest(tmp_path / "exports", tmp_path / "out", say=lambda _: None)
    names = ("exchange", "resources")
    paths = {name: tmp_path / "out" / f"{name}.parquet" for name in names}
    return {n: pd.read_parquet(p) for n, p in paths.items() if p.is_file()}, flow


def test_a_workbook_says_what_the_pdf_says_and_both_add_up_to_the_printed_totals(tmp_path):
    """Table 63 of the edition of 2017, of calendar 2016; its last row has the totals."""
    edition = mirror_or_skip("compilation") / "moe-statistics" / "hei_science_statistics_2017.pdf"
    (tmp_path / "pdf").mkdir()
    (tmp_path / "pdf" / edition.name).write_bytes(edition.read_bytes())
    flow = ingest(tmp_path / "pdf", tmp_path / "of_pdf", say=lambda _: None)
    assert flow["rows"].tolist() == [65, 65]
    pdf = {
        name: pd.read_parquet(tmp_path / "of_pdf" / f"{name}.parquet")
        for name in ("exchange", "resources")
    }
    assert pdf["exchange"]["year"].unique().tolist() == [2016]
    assert pdf["exchange"][list(EXCHANGE)].sum().tolist() == PRINTED

    year = "2017年高等学校科技统计资料汇编"
    own = pdf["resources"]
    sheets = {
        "交流": exchange([["合计", *PRINTED], *cells(pdf["exchange"], *EXCHANGE)]),
        "人力": [[year], ["学校名称", "研究与发展全时人员(人年)", None], [None, "合计", "科学家和工程师"],
               *([*row, 1] for row in cells(own, "rd_staff"))],
        "经费": [[f"{year} 单位:千元"], ["学校名称", "拨入", "支出"], [None, "合计", "合计"],
               *([name, 1, spent] for name, spent in cells(own, "rd_spending"))],
        "项目": [[year], ["学校名称", "合计"], [None, "在读研究生(人)"], *cells(own, "graduates")],
        "说明": [["本表由本人录入"]],
    }  # fmt: skip
    made, flow = read(tmp_path, sheets, {"交流": MERGED, "人力": ["A2:A3", "B2:C2"]})
    for name, table in pdf.items():
        order = {"by": "university", "ignore_index": True}
        pd.testing.assert_frame_equal(made[name].sort_values(**order), table.sort_values(**order))
    rows = flow.groupby("reason")["rows"].sum()
    assert rows["kept"] == 4 * 65
    assert rows["subtotal or remark of the export"] == 1 + 4 * 3 + 1


def cells(table: pd.DataFrame, *columns: str) -> Rows:
    """Rows of a table: the university and some columns."""
    return table[["university", *columns]].to_numpy().tolist()


LONG = [
    ["学校名称", "年份", *(h for h in ("合作研究派遣人次", "合作研究接受人次"))],
    ["清华大学", 2015, 1, 2], ["浙江大学", 2015, 10, 20], ["合计", 2015, 11, 22],
    ["清华大学", 2016, "1 003", 4], ["浙江大学", 2016, "1,030", 40], ["合计", 2016, 2033, 44],
]  # fmt: skip
REST = ["国际学术会议出席人次", "国际学术会议交流论文篇数", "国际学术会议特邀报告篇数", "国际学术会议主办次数"]  # fmt: skip


def long() -> Rows:
    """Years in a column, a total a year."""
    head, *body = LONG
    return [[*head, *REST], *([*row, 0, 0, 0, 0] for row in body)]


def wide() -> Rows:
    """Years in the head, above the counts; subtotals of two parts."""
    head = ["学校名称", *(f"{y}年{h}" for y in (2015, 2016) for h in [*LONG[0][2:], *REST])]
    first = ["清华大学", 1, 2, 0, 0, 0, 0, 1003, 4, 0, 0, 0, 0]
    second = ["浙江大学", 10, 20, 0, 0, 0, 0, 1030, 40, 0, 0, 0, 0]
    both = ["总计", 11, 22, 0, 0, 0, 0, 2033, 44, 0, 0, 0, 0]
    subtotals = [["北京小计", *first[1:]], ["浙江小计", *second[1:]]]
    return [head, first, subtotals[0], second, subtotals[1], both]


def by_sheet() -> dict[str, Rows]:
    """A sheet a count, a column a year."""
    heads = [*LONG[0][2:], *REST]
    numbers = [[(1, 1003), (10, 1030)], [(2, 4), (20, 40)], *[[(0, 0), (0, 0)]] * 4]
    return {
        head: [["学校名称", "2015年", "2016年"], ["清华大学", *ours], ["浙江大学", *theirs]]
        for head, (ours, theirs) in zip(heads, numbers, strict=True)
    }


@pytest.mark.parametrize("layout", ["long", "wide", "by sheet"])
def test_years_in_rows_in_heads_and_in_sheets(tmp_path, layout):
    sheets = {"long": {"表": long()}, "wide": {"表": wide()}, "by sheet": by_sheet()}[layout]
    made, _ = read(tmp_path, sheets)
    found = made["exchange"].set_index(["university", "year"]).sort_index()
    assert found["coop_sent"].to_dict() == {
        ("浙江大学", 2015): 10, ("浙江大学", 2016): 1030,
        ("清华大学", 2015): 1, ("清华大学", 2016): 1003,
    }  # fmt: skip
    assert found["coop_received"].sum() == 66
    assert found["conf_hosted"].sum() == 0


@pytest.mark.parametrize(
    ("unit", "written", "thousand"),
    [("千元", 600, 600), ("万元", 60.25, 602), ("元", 600_000, 600)],
)
def test_money_is_in_thousand_yuan(tmp_path, unit, written, thousand):
    sheet = [
        ["学校名称", "年份", "研究与发展全时人员(人年)", f"科技经费支出({unit})", "在读研究生(人)"],
        ["清华大学", 2016, 5, written, 7],
    ]
    made, _ = read(tmp_path, {"表": sheet})
    assert made["resources"]["rd_spending"].tolist() == [thousand]


def test_a_university_of_no_sample_is_in_the_total_and_not_in_the_table(tmp_path):
    body = [*BODY, ["东湖大学", 1, 1, 1, 1, 1, 1], ["合计", 12, 23, 34, 45, 56, 67], ["注:略"]]
    made, flow = read(tmp_path, {"表": exchange(body)}, {"表": MERGED})
    assert sorted(made["exchange"]["university"]) == ["浙江大学", "清华大学"]
    rows = flow.set_index("reason")["rows"].to_dict()
    assert rows["no university of the sample"] == 1
    assert sum(rows.values()) == 3 + len(body)


def row(at: int, column: int, value: object) -> Rows:
    """The compilation's sheet with one cell of its body changed."""
    body = [list(one) for one in [*BODY, SUM]]
    body[at][column] = value
    return exchange(body)


BAD: dict[str, tuple[dict[str, Rows], str]] = {
    "total that disagrees": ({"表": row(2, 1, 12)},
        "sheet 表, row 6, column B (合作研究派遣(人次)): 合计 is 12 and the 2 rows add up to 11"),
    "row missing under a total": ({"表": exchange([BODY[0], SUM])}, "row 5, column B"),
    "row twice": ({"表": exchange([*BODY, BODY[0], ["合计", 12, 24, 36, 48, 60, 72]])},
        "has this count of this year in"),
    "subtotal that disagrees": ({"表": exchange([BODY[0], ["小计", *BODY[1][1:]], BODY[1], SUM])},
        "小计 is 10 and the 1 rows add up to 1"),
    "empty cell": ({"表": row(0, 3, None)}, "row 4, column D (国际学术会议出席人员(人次)): '' is no number"),
    "dash": ({"表": row(0, 3, "—")}, "'—' is no number: write 0"),
    "words": ({"表": row(0, 3, "约3")}, "'约3' is no number"),
    "two numbers": ({"表": row(0, 3, "3 44")}, "'3 44' is no number"),
    "below zero": ({"表": row(0, 3, -3)}, "is below zero"),
    "fraction": ({"表": row(0, 3, 3.5)}, "is no whole number"),
    "no name": ({"表": row(0, 0, None)}, "row 4: has numbers and no name"),
    "no year": ({"表": exchange(BODY, "国际科技交流")}, "of which year?"),
    "two years": ({"2015年": exchange(BODY)}, "is of 2015 and 2016?"),
    "year that is none": ({"表": [["学校名称", "年份", "合作研究派遣"], ["清华大学", "去年", 1]]},
        "row 2, column B (年份): '去年' is no year"),
    "count twice": ({"表": [["学校名称", "年份", "合作研究派遣", "合作研究派遣人次"], ["清华大学", 2016, 1, 1]]},
        "columns C and D are both"),
    "years twice": ({"表": [["学校名称", "年份", "年度", "合作研究派遣"], ["清华大学", 2016, 2016, 1]]},
        "columns B and C are both of years"),
    "no count": ({"表": [["学校名称", "年份", "学生"], ["清华大学", 2016, 1]]}, "none of the columns 学校名称"),
    "no head": ({"表": exchange(BODY), "另": [["清华大学", 1]]}, "sheet 另: no column of names"),
    "some counts": ({"表": [["学校名称", "年份", "合作研究派遣"], ["清华大学", 2016, 1]]},
        "the table exchange lacks coop_received"),
    "money without unit": ({"表": [["学校名称", "年份", "科技经费支出"], ["清华大学", 2016, 1]]},
        "its unit is not said"),
    "nobody of the sample": ({"表": exchange([["东湖大学", 1, 2, 3, 4, 5, 6]])},
        "none of the names in it is a university"),
    "a count of one year only": ({"表": [long()[0], ["清华大学", 2015, 1, 2, 0, 0, 0, 0]],
        "派遣": [["学校名称", "年份", "合作研究派遣"], ["清华大学", 2016, 1]]}, "清华大学 has no coop_received"),
    "formula": ({"表": row(2, 1, "=SUM(B4:B5)")}, "is no number"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_refused_by_place_and_nothing_written(name, tmp_path, capsys):
    sheets, said = BAD[name]
    (tmp_path / "exports").mkdir()
    first = next(iter(sheets))
    write_xlsx(
        tmp_path / "exports" / "a.xlsx",
        sheets,
        {first: MERGED} if len(sheets[first][0]) == 1 else None,
    )
    out = tmp_path / "out"
    assert main(["ingest", str(tmp_path / "exports"), "--out", str(out)]) == 2
    assert not out.exists()
    message = capsys.readouterr().err
    assert said in message
    assert "a.xlsx" in message
