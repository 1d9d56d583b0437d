"""The coded article against the article itself, and damaged copies."""

import datetime as dt
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from replication.config import ROOT
from replication.errors import RegistryError
from replication.records.article import CONTEXT, TIMELINE, load_context, load_timeline
from replication.records.schema import PANEL

Damage = Callable[[str], str]
SEEDS = ROOT.parent / "shared" / "seeds"
ARTICLE = SEEDS / "004_ea490fd67e720676.txt"
PAPER = SEEDS / "000_fa825f54de33e07b.txt"

HAN = re.compile(r"[\u4e00-\u9fff]+")
COPIED = 8
"""A run of so many Chinese characters in common is a phrase, not a term."""

NAMES = (
    # Titles, names of bodies and places, and terms longer than a phrase.
    "人工智能生成式背景下产学研协同创新的动力机制",
    "逆全球化背景下高校国际科技交流对校企合作创新的影响",
    "来自56所部属高校STEM学科的新证据",
    "西安交通大学与中国西部科技创新港",
    "华东师范大学学报",
    "湖北开放职业学院学报",
    "斯坦福大学与硅谷",
    "麻省理工学院与波士顿",
    "创新文化与合作氛围",
    "人才培养与知识交流",
    "高校国际科技交流",
    "中外高校联合论文",
    "关键核心技术领域",
)


@pytest.fixture(scope="module")
def article() -> str:
    """The article, without the piece of another one that its file holds too."""
    if not ARTICLE.is_file():
        pytest.skip(f"the article is not ours to ship: save its text as {ARTICLE}")
    return ARTICLE.read_text(encoding="utf-8").partition("(下转第6页)")[0]


# Against the article ------------------------------------------------------------------------------

NUMERALS = "一二三四五六七八九"


def sections(text: str) -> dict[str, str]:
    """Text of each section by its number: 1.3.2 is its first part, third section, second point."""
    place, found = [0, 0, 0], {"0": ""}
    for line in text.splitlines():
        heading = re.match(rf"#+ *(?:([{NUMERALS}])、|\(([{NUMERALS}])\)|(\d)\.) *", line)
        if heading:
            part, section, point = heading.groups()
            if part:
                place = [NUMERALS.index(part) + 1, 0, 0]
            elif section:
                place = [place[0], NUMERALS.index(section) + 1, 0]
            else:
                place[2] = int(point)
            found[".".join(str(n) for n in place if n)] = ""
        elif "参考文献" in line:
            break
        at = ".".join(str(n) for n in place if n) or "0"
        found[at] = found.get(at, "") + line
    return found


def test_every_section_is_one_of_the_article_and_every_point_is_coded(article: str) -> None:
    outline = sections(article)
    points = {place for place in outline if place.count(".") == 2}
    assert len(points) == 8 + 10 + 6
    context = load_context()
    assert {s.id for s in context.section} == points | {"0", "4"}
    coded = {row.section for table in (context.driver, context.measure, context.recommendation)
             for row in table}  # fmt: skip
    assert coded == points
    assert {case.section for case in context.case} == {"2.1", "2.2", "2.3"} <= set(outline)


@pytest.mark.parametrize(
    ("word", "place"),
    [
        ("正泰", "2.1.2"), ("国家电网", "2.1.2"), ("中国移动", "2.1.2"), ("经纪", "2.1.3"),
        ("概念验证", "2.1.3"), ("超市", "2.1.3"), ("税收减免", "2.2.1"), ("高管", "2.2.3"),
        ("社团", "2.2.3"), ("法案", "2.3.1"), ("失败", "2.3.2"), ("实验室", "2.3.3"),
        ("OTL", "2.3.4"), ("孵化器", "2.3.4"), ("产研链", "1.4.2"), ("柔性", "3.3.2"),
        ("三中全会", "0"), ("算力", "3.1.2"),
    ],
)  # fmt: skip
def test_concrete_measures_and_examples_are_filed_where_the_article_has_them(
    article: str, word: str, place: str
) -> None:
    context = load_context()
    rows = [row for row in (*context.measure, *context.example) if word in row.zh]
    assert [row.section for row in rows] == [place]
    # The article's own word for what we call 税收减免, 社团 and 法案 differs.
    theirs = {"税收减免": "税收优惠", "社团": "俱乐部", "法案": "《小企业"}.get(word, word)
    assert theirs in sections(article)[place]


@pytest.mark.parametrize(
    ("theirs", "place", "ours"),
    [
        ("人工智能产业", "1.1.1", "industry of artificial intelligence"),
        ("共享资源", "1.2.1", "shared resources"), ("广泛关注", "1.3.1", "backs cooperation"),
        ("商业模式", "1.4.1", "ways of doing business"), ("生态", "1.4.2", "open network"),
        ("文化", "2.2.3", "culture of founding"), ("自由", "2.3.2", "freedom"),
        ("制度", "2.3.2", "rules"), ("合作关系", "2.3.3", "Relations"),
        ("研究机构", "2.3.3", "research institutes"), ("核心渠道", "2.3.4", "core channel"),
        ("权益", "2.3.4", "protect the rights"), ("壁垒", "3.1.1", "barriers between government"),
        ("基础性技术", "3.1.1", "basic technologies"), ("荣誉", "3.1.1", "honours"),
        ("信息不对称", "3.1.2", "know different things"),
        ("法规解读", "3.1.2", "explains policies"),
        ("竞争对手", "3.2.1", "competitors"), ("核心业务", "3.2.2", "core business"),
        ("联合培养基地", "3.2.2", "joint training bases"),
        ("创业基金", "3.3.1", "fund for students"),
        ("专业师资", "3.3.1", "teachers for it"),
        ("高层次人才", "3.3.2", "people of high standing"),
        ("授课", "3.3.2", "to teach"),
    ],
)  # fmt: skip
def test_what_a_section_says_is_in_the_rows_of_that_section(
    article: str, theirs: str, place: str, ours: str
) -> None:
    assert theirs in sections(article)[place]
    context = load_context()
    texts = [d.claim_en for d in context.driver if d.section == place]
    texts += [m.en for m in context.measure if m.section == place]
    texts += [r.en for r in context.recommendation if r.section == place]
    assert any(ours in text for text in texts)


def test_law_culture_and_technology_are_linked_where_the_article_acts_on_them() -> None:
    context = load_context()
    law = {m.section for m in context.measure if m.driver == "law"}
    assert law == {"2.3.1", "2.3.4"}
    drivers = {r.section: set(r.drivers) for r in context.recommendation}
    assert "technology" in drivers["3.1.1"] & drivers["3.1.2"]
    assert {"market", "law"} <= drivers["3.1.1"]
    assert "culture" in drivers["3.3.1"]


def phrases(text: str) -> set[str]:
    """All runs of `COPIED` Chinese characters in a text, names of things taken out."""
    for name in NAMES:
        for run in HAN.findall(name):
            text = text.replace(run, "|")
    return {run[i : i + COPIED] for run in HAN.findall(text) for i in range(len(run) - COPIED + 1)}


def ours() -> list[Path]:
    suffixes = {".md", ".toml", ".csv", ".py", ".bib", ".yml", ".cff"}
    folders = ("book", "notebooks", "data", "src")
    found = [p for folder in folders for p in (ROOT / folder).rglob("*") if p.suffix in suffixes]
    return [*found, ROOT / "README.md", ROOT / "CITATION.cff"]


@pytest.mark.parametrize("source", [ARTICLE, PAPER], ids=["article", "paper"])
def test_no_phrase_of_theirs_stands_in_our_text(source: Path) -> None:
    if not source.is_file():
        pytest.skip(f"the text is not ours to ship: save it as {source}")
    theirs = phrases(source.read_text(encoding="utf-8"))
    assert len(theirs) > 100
    copied = {
        path.name: found
        for path in ours()
        if (found := phrases(path.read_text(encoding="utf-8")) & theirs)
    }
    assert copied == {}


def test_a_copied_phrase_would_be_seen(article: str) -> None:
    sentence = max(HAN.findall(article), key=len)
    assert phrases(f"我们说:{sentence}") & phrases(article)


# What must hold among the rows -------------------------------------------------------------------


def test_the_article_is_coded_whole() -> None:
    context = load_context()
    assert Counter(d.environment for d in context.driver) == dict.fromkeys(
        ("political", "economic", "sociocultural", "technological"), 2
    )
    assert Counter(r.actor for r in context.recommendation) == {
        "government": 2, "firms": 2, "universities": 2,
    }  # fmt: skip
    places = Counter(m.section for m in context.measure)
    assert len(places) == 10
    # The mechanisms that each case is said to show, by the study's description.
    named = {c.id: {m.driver for m in context.measure if (m.case, m.placed) == (c.id, "named")}
             for c in context.case}  # fmt: skip
    assert named == {
        "xian": {"policy", "platform"},
        "boston": {"policy", "market", "talent"},
        "valley": {"policy", "culture", "talent"},
    }


def test_no_driver_case_or_advice_is_without_a_row() -> None:
    context = load_context()
    drivers = {d.id for d in context.driver}
    assert {d for r in context.recommendation for d in r.drivers} == drivers
    assert {m.case for m in context.measure} == {c.id for c in context.case}
    assert {v for d in context.driver for v in d.variables} <= set(PANEL.columns)


def put(old: str, new: str) -> Damage:
    return lambda text: text.replace(old, new, 1)


def without(table: str, id_: str) -> Damage:
    """Take one row out."""
    return lambda text: re.sub(rf'\[\[{table}\]\]\nid = "{id_}"\n(?:.+\n)*\n?', "", text)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (put('zh = "法律保障"\n', ""), r"driver 2 \(\w+\), field 'zh': Field required"),
        (put('en = "legal safeguards"', 'en = ""'), r"driver 2 \(\w+\), field 'en': String should"),
        (put('zh = "法律保障"', 'zh = "law"'), r"driver 2 \(\w+\), field 'zh': String sh"),
        (put('claims = ["C3", "C4", "C8"]', 'claims = "C3"'), r"driver 6 .*, field 'claims'"),
        (put('would_test = "Dated', 'would_tell = "Dated'), r"driver 1 \(\w+\), field 'would_t"),
        (put('evidence = ["argument", "case"]', 'evidence = ["belief"]'), r"field 'evidence'"),
        (put('section = "1.1.2"', 'section = "1.1.3"'), r"driver 2: there is no section '1.1.3'"),
        (put('environment = "political"', 'environment = "legal"'), r"driver 1: there is no env"),
        (put('"C3", "C4", "C8"', '"C3", "C44"'), r"driver 6: there is no claim 'C44'"),
        (put('"hires_overseas"', '"hires"'), r"driver 6: there is no column 'hires'"),
        (put('case = "boston"', 'case = "berlin"'), r"measure 9: there is no case 'berlin'"),
        (put('drivers = ["market"]', 'drivers = ["demand"]'), r"recommendation 3: there is no dri"),
        (put('"law", "interest", "market"', '"law", "market"'),
         r"driver 'interest' has no recommendation"),
        (put('evidence = ["argument"]', 'evidence = ["argument", "case"]'),
         r"driver 'interest': evidence is \['argument', 'case'\], and no measure"),
        (lambda text: text.replace('driver = "law"', 'driver = "policy"'),
         r"driver 'law': .* and no measure"),
        (without("driver", "law"), r"7 rows of driver; the article has 8"),
        (without("recommendation", "U2"), r"5 rows of recommendation; the article has 6"),
        (put('id = "law"', 'id = "policy"'), r"driver 'policy' is a duplicate"),
        (put("[[case]]", "[[case]"), r"cannot be read as TOML"),
        (lambda _: "", r"section: Field required"),
    ],
)  # fmt: skip
def test_a_damaged_copy_is_refused(tmp_path: Path, damage: Damage, says: str) -> None:
    good = CONTEXT.read_text(encoding="utf-8")
    bad = damage(good)
    assert bad != good
    (tmp_path / "context.toml").write_text(bad, encoding="utf-8")
    with pytest.raises(RegistryError, match=says):
        load_context(tmp_path / "context.toml")


# Timeline -----------------------------------------------------------------------------------------


def test_every_event_has_a_date_and_a_source_and_both_stories_are_told() -> None:
    events = load_timeline()
    assert events.notna().all(axis=None)
    assert set(events["kind"]) == {"deglobalisation", "AI", "patent policy"}
    dates = events.set_index("label")["date"].dt.date
    # From outside: dates that every account of the years agrees on.
    assert dates["ZTE denial order"] == dt.date(2018, 4, 15)
    assert dates["First tariffs"] == dt.date(2018, 7, 6)
    assert dates["ChatGPT"] == dt.date(2022, 11, 30)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (put('cite = "ustr2018"', 'cite = "nobody2018"'), "'First tariffs': source 'nobody2018'"),
        (put('cite = "ustr2018"\n', ""), "event 6, field 'cite': Field required"),
        (put("date = 2018-07-06", 'date = "in July"'), "event 6, field 'date'"),
        (put("date = 2018-07-06", "date = 2010-07-06"), "in order of time"),
        (put('label = "GPT-4"', 'label = "GPT-3"'), "each label once"),
    ],
)
def test_a_damaged_timeline_is_refused(tmp_path: Path, damage: Damage, says: str) -> None:
    bad = damage(TIMELINE.read_text(encoding="utf-8"))
    (tmp_path / "timeline.toml").write_text(bad, encoding="utf-8")
    with pytest.raises(RegistryError, match=says):
        load_timeline(tmp_path / "timeline.toml")
