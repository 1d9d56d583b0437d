"""Lists of applicants: taken apart at every separator that is one, refused where it is not sure."""

import pandas as pd
import pytest

from replication.errors import SchemaError
from replication.panel.applicants import applicants
from replication.panel.engine import open_engine

SAMPLE = pd.DataFrame(
    {
        "university": ["A", "B", "C"],
        "applicant_names": ["东湖大学;EASTLAKE UNIVERSITY", "江海大学|江海大学(威海)", "R&D大学"],
    }
)


def kinds(*lists: str) -> list[tuple[str, str]]:
    """Uniform names and kinds of the applicants of some patents."""
    patents = pd.DataFrame({"applicants": lists, "repetition": 0})
    with open_engine("duckdb", None) as engine:
        tables = (engine.table(n, t) for n, t in (("p", patents), ("u", SAMPLE)))
        found = applicants(*tables, engine.keep).of("name", "kind").to_pandas()
    return sorted(zip(found["name"], found["kind"], strict=True))


SEPARATORS = [
    ";",
    "；",
    "; ",
    "|",
    "｜",
    " | ",
    "、",
    "\n",
    "\r\n",
    "\t",
    ",",
    "，",
    ", ",
    "/",
    "／",
    " / ",
    ";;",
    "﹔",
    "︔",
    "\u037e",
    "､",
    "﹑",
    "\v",
    "\f",
    "\x85",
    "\u2029",
]


def test_separators_give_the_same_two_names():
    """A firm of its own for each, so that one that is none leaves a name too many."""
    firms = [f"甲{chr(ord('一') + at)}科技有限公司" for at in range(len(SEPARATORS))]
    lists = [
        sign.join(pair)
        for sign, firm in zip(SEPARATORS, firms, strict=True)
        for pair in (("东湖大学", firm), (firm, "东湖大学"))
    ]
    ours = ("东湖大学", "university of the sample")
    assert kinds(*lists) == sorted(2 * [pair for firm in firms for pair in (ours, (firm, "firm"))])


@pytest.mark.parametrize("sign", ["|", " / ", "\n", "、"])
def test_separators_between_names_in_latin_letters(sign):
    assert kinds(f"EASTLAKE UNIVERSITY{sign}Lake Tools Inc") == [
        ("EASTLAKE UNIVERSITY", "university of the sample"),
        ("LAKE TOOLS INC", "firm"),
    ]


def test_separators_beside_a_chinese_name():
    assert (
        kinds("东湖大学,INTEL CORP")
        == kinds("INTEL CORP，东湖大学")
        == [
            ("INTEL CORP", "firm"),
            ("东湖大学", "university of the sample"),
        ]
    )


@pytest.mark.parametrize(
    "name",
    ["JIA TOOLS CO., LTD.", "Lake Tools, Inc.", "NORDSEE A/S", "JIA TOOLS CO.,LTD", "Tools, LLC"],
)
def test_a_comma_or_slash_of_a_legal_form_is_no_separator(name):
    assert [kind for _, kind in kinds(name)] == ["firm"]
    assert [kind for _, kind in kinds(f"东湖大学; {name}")] == ["firm", "university of the sample"]


@pytest.mark.parametrize("name", ["LAKE, JOHN", "REGENTS OF LAKELAND, NORTH", "R&D SOCIETY + CO"])
def test_a_comma_that_joins_nobody_stays(name):
    assert len(kinds(name)) == 1


def test_a_sign_within_the_name_of_a_university_is_its_own():
    assert kinds("R&D大学;甲公司") == [("R&D大学", "university of the sample"), ("甲公司", "firm")]
    assert kinds("江海大学（威海）") == [("江海大学(威海)", "university of the sample")]


@pytest.mark.parametrize(
    ("written", "sign"),
    [
        ("EASTLAKE UNIVERSITY, LAKE TOOLS INC", ","),
        ("LAKE TOOLS INC, EASTLAKE UNIVERSITY", ","),
        ("EASTLAKE UNIVERSITY/LAKE TOOLS INC", "/"),
        ("东湖大学+甲科技有限公司", "+"),
        ("东湖大学 & 甲科技有限公司", "&"),
        ("东湖大学＆甲科技有限公司", "＆"),
        ("东湖大学:甲科技有限公司", ":"),
        ("东湖大学 甲科技有限公司", " "),
    ],
)
def test_what_may_be_part_of_a_name_is_refused(written, sign):
    with pytest.raises(SchemaError) as caught:
        kinds(written, written, "东湖大学;乙公司")
    said = str(caught.value)
    assert "column 'applicants': in 2 rows" in said
    assert f"joined by {sign!r}" in said
    assert repr(written) in said


@pytest.mark.parametrize(
    "name",
    ["东湖\u00ad大学", "东湖⼤学", "东湖大学\ufe0f", "𝐄𝐀𝐒𝐓𝐋𝐀𝐊𝐄 UNIVERSITY", "\u2066东湖大学\u2069"],
)
def test_a_name_in_another_form_of_unicode(name):
    assert [kind for _, kind in kinds(name)] == ["university of the sample"]


@pytest.mark.parametrize(
    "name",
    [
        "EASTLAKE UNIVERSITY FOUNDER GROUP CO LTD",
        "东湖大学建筑设计研究院有限公司",
        "江海大学(威海)-甲研究院",
    ],
)
def test_a_name_that_begins_with_that_of_a_university_is_its_own(name):
    assert [kind != "university of the sample" for _, kind in kinds(name)] == [True]


@pytest.mark.parametrize(
    "name", ["东湖大学 第三医院", "东湖大学 研究生院", "东湖大学 资产经营有限公司"]
)
def test_a_blank_in_the_name_of_a_part_is_none(name):
    assert kinds(name)[0][1] in ("hospital", "university", "university_holding")
