"""The concordances: from patent class to discipline, to field, to regime; from name to kind.

What is compared with comes from outside: the degree catalogue, the IPC scheme, the control list,
and the names of real organisations.
"""

import csv
import io
import re
import tomllib
from collections import Counter, defaultdict
from pathlib import Path

import duckdb
import pytest

DATA = Path(__file__).parents[2] / "data"
COLUMNS = {
    "disciplines": ["discipline", "category", "name_en", "name_zh"],
    "ipc_discipline": ["ipc_subclass", "discipline", "title", "basis"],
    "key_core_ipc": ["ipc_subclass", "field", "source"],
    "export_control_ipc": ["ipc_subclass", "regime", "source"],
    "ai_ipc": ["ipc_subclass", "kind", "field", "source"],
}
IPC_LISTS = ["ipc_discipline", "key_core_ipc", "export_control_ipc", "ai_ipc"]

# Subclasses of the classes that the concordance uses, IPC 2022.01 (WIPO): class and letters.
IPC_2022 = """
A01 BCDFGHJKLMNP  A21 BCD  A22 BC  A23 BCDFGJKLNP  A61 BCDFGHJKLMNPQ  A62 BCD  B01 BDFJL  B02 BC
B03 BCD  B06 B  B09 BC  B21 BCDFGHJKL  B22 CDF  B23 BCDFGHKPQ  B24 BCD  B25 BCDFGHJ
B27 BCDFGHJKLMN  B28 BCD  B29 BCDKL  B30 B  B32 B  B33 Y  B41 BCDFGJKLMN
B60 BCDFGHJKLMNPQRSTVW  B61 BCDFGHJKL  B62 BCDHJKLM  B63 BCGHJ  B64 BCDFG  B65 BCDFGH  B66 BCDF
B81 BC  B82 BY  C01 BCDFG  C02 F  C03 BC  C04 B  C05 BCDFG  C06 BCDF  C07 BCDFGHJK  C08 BCFGHJKL
C09 BCDFGHJK  C10 BCFGHJKLMN  C11 BCD  C12 CFGHJLMNPQR  C13 BK  C14 BC  C21 BCD  C22 BCF
C23 CDFG  C25 BCDF  C30 B  C40 B  D01 BCDFGH  D02 GHJ  D03 CDJ  D04 BCDGH  D06 BCFGHJLMNPQ
D21 BCDFGHJ  E01 BCDFH  E02 BCDF  E03 BCDF  E04 BCDFGH  E06 BC  E21 BCDF  F01 BCDKLMNP
F02 BCDFGKMNP  F03 BCDGH  F04 BCDF  F15 BCD  F16 BCDFGHJKLMNPST  F17 BCD  F21 HKLSVWY  F22 BDG
F23 BCDGHJKLMNQR  F24 BCDFHSTV  F25 BCDJ  F26 B  F27 BD  F28 BCDFG  F41 ABCFGHJ  F42 BCD
G01 BCDFGHJKLMNPQRSTVW  G02 BCF  G03 BCDFGH  G05 BDFG  G06 CDEFGJKMNQTV  G07 BCDFG  G08 BCG
G09 BCDFG  G10 BCDFGHKL  G11 BC  G16 BCHYZ  G21 BCDFGHJK  H01 BCFGHJKLMPQRST  H02 BGHJKMNPS
H03 BCDFGHJKLM  H04 BHJKLMNQRSW  H05 BCFGHK
"""

# Subclasses that the scheme gives only beside another one, so that no patent has them as its main
# class.
NEVER_FIRST = {
    "A01P",
    "A61P",
    "A61Q",
    "B29K",
    "B29L",
    "B33Y",
    "B82Y",
    "C10N",
    "C12R",
    "F21W",
    "F21Y",
}

# No subclass belongs to them alone: abstract, observational or planning disciplines, and those
# that the IPC tells apart only below the subclass (software, security) or not at all.
WITHOUT_PATENT_CLASS = {
    "0701",
    "0704",
    "0705",
    "0706",
    "0707",
    "0708",
    "0709",
    "0711",
    "0712",
    "0713",
    "0714",
    "0818",
    "0833",
    "0834",
    "0835",
    "0838",
    "0839",
}

# The ten categories of the Commerce Control List (15 CFR part 774, supplement 1).
REGIMES = {
    "0": "0: Nuclear Materials and Miscellaneous Items",
    "1": "1: Materials and Chemicals and Microorganisms and Toxins",
    "2": "2: Materials Processing",
    "3": "3: Electronics",
    "4": "4: Computers",
    "5 Part 1": "5 Part 1: Telecommunications",
    "5 Part 2": "5 Part 2: Information Security",
    "6": "6: Sensors and Lasers",
    "7": "7: Navigation and Avionics",
    "8": "8: Marine",
    "9": "9: Aerospace and Propulsion",
}

# Entries that left the list for 10 CFR part 110 on 15 October 2013 (15 CFR 774.1(b)).
MOVED_TO_NRC = {
    "0A001",
    "0B001",
    "0B002",
    "0B003",
    "0B004",
    "0B005",
    "0B006",
    "0C001",
    "0C002",
    "0C004",
    "0C005",
    "0C006",
    "0C201",
    "1C012",
}


def rows(name: str) -> list[dict[str, str]]:
    with (DATA / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def column(name: str, key: str) -> list[str]:
    return [row[key] for row in rows(name)]


def discipline_of() -> dict[str, str]:
    return {row["ipc_subclass"]: row["discipline"] for row in rows("ipc_discipline")}


def share_by_discipline(listed: str) -> dict[str, float]:
    """Share of a discipline's subclasses that are in a list."""
    inside = set(column(listed, "ipc_subclass"))
    members = defaultdict(list)
    for subclass, discipline in discipline_of().items():
        members[discipline].append(subclass in inside)
    return {discipline: sum(hits) / len(hits) for discipline, hits in members.items()}


@pytest.mark.parametrize("name", COLUMNS)
def test_file_is_plain_sorted_csv(name):
    raw = (DATA / f"{name}.csv").read_bytes()
    assert not raw.startswith(b"\xef\xbb\xbf")
    table = rows(name)
    assert list(table[0]) == COLUMNS[name]
    assert all(value and value == value.strip() for row in table for value in row.values())
    keys = [row[COLUMNS[name][0]] for row in table]
    assert keys == sorted(set(keys))
    again = io.StringIO()
    writer = csv.writer(again, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
    writer.writerows([COLUMNS[name], *(row.values() for row in table)])
    assert raw.decode("utf-8") == again.getvalue()


class TestDisciplines:
    def test_are_the_whole_of_science_and_engineering(self):
        """The 2011 catalogue has 14 and 38; 0839 came in June 2015."""
        expected = [f"07{n:02}" for n in range(1, 15)] + [f"08{n:02}" for n in range(1, 40)]
        assert column("disciplines", "discipline") == expected
        assert Counter(column("disciplines", "category")) == {"07": 14, "08": 39}
        assert all(row["discipline"].startswith(row["category"]) for row in rows("disciplines"))

    def test_names_are_given_once_in_each_language(self):
        for key, alphabet in [("name_en", r"[A-Za-z ]+"), ("name_zh", r"[\u4e00-\u9fff]+")]:
            names = column("disciplines", key)
            assert len(set(names)) == len(names)
            assert all(re.fullmatch(alphabet, name) for name in names)

    @pytest.mark.parametrize(
        ("code", "name"),
        [
            ("0701", "数学"),
            ("0708", "地球物理学"),
            ("0712", "科学技术史"),
            ("0714", "统计学"),
            ("0801", "力学"),
            ("0807", "动力工程及工程热物理"),
            ("0812", "计算机科学与技术"),
            ("0820", "石油与天然气工程"),
            ("0830", "环境科学与工程"),
            ("0835", "软件工程"),
            ("0838", "公安技术"),
            ("0839", "网络空间安全"),
        ],
    )
    def test_code_and_name_are_those_of_the_catalogue(self, code, name):
        assert {row["discipline"]: row["name_zh"] for row in rows("disciplines")}[code] == name


class TestPatentClasses:
    @pytest.mark.parametrize("name", IPC_LISTS)
    def test_exist_in_the_scheme(self, name):
        words = IPC_2022.split()
        scheme = {
            c + letter
            for c, letters in zip(words[::2], words[1::2], strict=True)
            for letter in letters
        }
        listed = column(name, "ipc_subclass")
        assert all(re.fullmatch(r"[A-H]\d{2}[A-Z]", code) for code in listed)
        assert set(listed) <= scheme
        assert not set(listed) & NEVER_FIRST

    def test_lead_to_disciplines_of_the_catalogue(self):
        assert set(discipline_of().values()) <= set(column("disciplines", "discipline"))

    def test_cover_every_discipline_that_patents_can_tell_apart(self):
        count = Counter(discipline_of().values())
        assert sum(count.values()) == 300
        assert len(count) == 36
        assert min(count.values()) >= 3
        assert set(column("disciplines", "discipline")) - set(count) == WITHOUT_PATENT_CLASS

    def test_say_why_they_lead_there(self):
        assert set(column("ipc_discipline", "basis")) == {
            "subject matter",
            "second-level discipline",
            "field of use",
            "closest of several",
        }

    @pytest.mark.parametrize(
        "pairs",
        [
            "C07D 0703, C12N 0710, C12Q 0710, G10K 0702",
            "B23C 0802, B25J 0802, F16H 0802, F16F 0801",
            "G02B 0803, H01S 0803, G01N 0804, G01R 0804",
            "C22C 0805, C04B 0805, C08L 0805, C21C 0806, C22B 0806",
            "F01D 0807, F02C 0807, F25B 0807, H02J 0808, H02M 0808, H01M 0808",
            "H01L 0809, G11C 0809, H01Q 0809, H04L 0810, H04W 0810, H04B 0810",
            "G05B 0811, G05D 0811, G06F 0812, G06N 0812, G06T 0812",
            "E04H 0813, E02D 0814, E01D 0814, E02B 0815, G01C 0816, B01J 0817",
            "E21C 0819, E21B 0820, D06M 0821, D21H 0822, B61L 0823, G08G 0823",
            "B63B 0824, B64C 0825, F42B 0826, G21C 0827, A01B 0828, B27N 0829",
            "C02F 0830, A61B 0831, A23L 0832, C12M 0836, A62C 0837",
        ],
    )
    def test_lead_where_everybody_would_look(self, pairs):
        found = discipline_of()
        for subclass, discipline in (pair.split() for pair in pairs.split(", ")):
            assert found[subclass] == discipline, subclass


class TestKeyCore:
    def test_is_a_list_of_known_classes_with_its_ground(self):
        listed = rows("key_core_ipc")
        assert 40 <= len(listed) <= 60
        assert {row["ipc_subclass"] for row in listed} <= set(discipline_of())
        source = re.compile(r"our reading of (STD2018|NBS2018|FYP2021|CNIPA2021) \w.*")
        assert all(source.fullmatch(row["source"]) for row in listed)

    def test_divides_disciplines_instead_of_following_them(self):
        shares = share_by_discipline("key_core_ipc")
        assert sum(0 < share < 1 for share in shares.values()) == 24
        assert max(shares.values()) < 1

    @pytest.mark.parametrize(
        ("subclass", "what"),
        [
            ("G03F", "lithography machines and photoresist"),
            ("H01L", "chips"),
            ("G06F", "operating systems, databases, industrial software"),
            ("B64D", "engine nacelles"),
            ("G01L", "tactile sensors"),
            ("C23C", "vacuum evaporation"),
            ("H03F", "radio-frequency devices"),
            ("C12Q", "iCLIP"),
            ("F02C", "heavy gas turbines"),
            ("G01S", "lidar"),
            ("B23C", "milling cutters"),
            ("F04B", "high-pressure plunger pumps"),
            ("F02M", "high-pressure common rail"),
            ("H01J", "electron microscopes"),
            ("H01R", "underwater connectors"),
            ("H01M", "separators of lithium batteries, fuel cells"),
            ("C08G", "epoxy resins"),
        ],
    )
    def test_holds_the_technologies_of_the_newspaper_series_of_2018(self, subclass, what):
        source = {row["ipc_subclass"]: row["source"] for row in rows("key_core_ipc")}
        assert "STD2018" in source[subclass], what

    def test_leaves_out_everyday_technology(self):
        everyday = {"A23L", "E04B", "D06P", "B65D", "A01B", "B27N", "C02F", "E04H"}
        assert everyday <= set(discipline_of())
        assert not everyday & set(column("key_core_ipc", "ipc_subclass"))


class TestAI:
    """The scheme of WIPO (2019): techniques, functional applications, application fields."""

    def test_is_a_list_of_known_classes_with_its_ground(self):
        listed = rows("ai_ipc")
        assert {row["ipc_subclass"] for row in listed} <= set(discipline_of())
        source = re.compile(r"our reading of WIPO2019 \w.*")
        assert all(source.fullmatch(row["source"]) for row in listed)
        kinds = {"technique", "functional application", "application field"}
        assert {row["kind"] for row in listed} == kinds

    def test_holds_the_classes_that_ai_has_to_itself(self):
        # Models, recognition of images, speech: what any list of AI classes begins with.
        assert {"G06N", "G06V", "G10L"} <= set(column("ai_ipc", "ipc_subclass"))

    def test_leaves_out_classes_in_which_ai_is_one_subject_of_many(self):
        assert not {"G06F", "G06Q", "G05B", "H04L", "H04N"} & set(column("ai_ipc", "ipc_subclass"))

    def test_lies_in_several_disciplines_none_of_which_is_ai_alone(self):
        shares = share_by_discipline("ai_ipc")
        assert sum(share > 0 for share in shares.values()) == 5
        assert max(shares.values()) < 1


class TestExportControl:
    def test_names_categories_and_entries_that_belong_together(self):
        listed = rows("export_control_ipc")
        assert 50 <= len(listed) <= 80
        assert {row["ipc_subclass"] for row in listed} <= set(discipline_of())
        assert {row["regime"] for row in listed} == set(REGIMES.values())
        for row in listed:
            entries = re.fullmatch(
                r"our reading of CCL2021 (\d[A-E]\d{3})(?: and (\d[A-E]\d{3}))?", row["source"]
            )
            assert entries, row
            for entry in filter(None, entries.groups()):
                category = entry[0]
                if category == "5":
                    category += " Part 1" if entry[2:] == "001" else " Part 2"
                assert row["regime"] == REGIMES[category], row
                assert entry not in MOVED_TO_NRC, row

    @pytest.mark.parametrize(
        ("subclass", "category"),
        [
            ("C12N", "1"),  # 1C351: pathogens
            ("B23Q", "2"),  # 2B001: machine tools
            ("H01L", "3"),  # 3A001: integrated circuits
            ("G06N", "4"),  # 4A004: neural computers
            ("H04L", "5 Part 2"),  # 5A002: cryptography
            ("H01S", "6"),  # 6A005: lasers
            ("G01C", "7"),  # 7A002: gyros
            ("B63G", "8"),  # 8A001: submersibles
            ("F02C", "9"),  # 9A001: aero gas turbines
        ],
    )
    def test_puts_a_technology_into_its_category(self, subclass, category):
        regime = {row["ipc_subclass"]: row["regime"] for row in rows("export_control_ipc")}
        assert regime[subclass] == REGIMES[category]

    def test_spreads_from_untouched_to_nearly_all(self):
        shares = share_by_discipline("export_control_ipc")
        assert sum(share == 0 for share in shares.values()) == 11
        assert {d for d, share in shares.items() if share >= 0.8} == {"0824", "0825", "0826"}
        assert len(set(shares.values())) >= 12
        assert {"0813", "0814", "0828", "0829", "0830", "0832"} <= {
            d for d, share in shares.items() if share == 0
        }

    def test_is_another_list_than_key_core(self):
        control = set(column("export_control_ipc", "ipc_subclass"))
        key = set(column("key_core_ipc", "ipc_subclass"))
        assert len(control & key) == 35
        assert 0.4 <= len(control & key) / len(key) <= 0.6
        assert 0.4 <= len(control & key) / len(control) <= 0.6


FIRM_NAMES = tomllib.loads((DATA / "firm_names.toml").read_text(encoding="utf-8"))
RULES = FIRM_NAMES["rule"]
LABELS = [rule["id"] for rule in RULES]


def deciding_rule(name: str) -> dict:
    """Apply the steps and the rules of the file in DuckDB, whose expressions are RE2."""
    steps = FIRM_NAMES["normalise"]
    uniform = "translate(?, ?, ?)"
    values = [name, steps["translate_from"], steps["translate_to"]]
    if steps["uppercase"]:
        uniform = f"upper({uniform})"
    for pattern, replacement in steps["replace"]:
        uniform = f"regexp_replace({uniform}, ?, ?, 'g')"
        values += [pattern, replacement]
    cases = " ".join(f"WHEN regexp_matches(uniform, ?) THEN {n}" for n in range(len(RULES)))
    # In the order of the text: the patterns of the rules stand before the steps.
    query = f"SELECT CASE {cases} END FROM (SELECT {uniform} AS uniform)"
    found = duckdb.execute(query, [rule["pattern"] for rule in RULES] + values).fetchone()
    assert found is not None
    assert found[0] is not None, f"no rule for {name!r}"
    return RULES[found[0]]


class TestFirmNames:
    def test_rules_are_complete(self):
        assert len(set(LABELS)) == len(LABELS)
        assert {rule["kind"] for rule in RULES} == set(FIRM_NAMES["kinds"])
        assert FIRM_NAMES["firm_kinds"] == ["firm"]
        assert set(FIRM_NAMES["firm_kinds_alternative"]) == {"firm", "university_holding"}
        for rule in RULES:
            assert set(rule) == {"id", "kind", "pattern", "examples", "counterexamples", "note"}
            assert len(set(rule["examples"])) >= 3
            assert rule["counterexamples"]

    def test_every_full_width_letter_becomes_its_ascii_form(self):
        steps = FIRM_NAMES["normalise"]
        assert len(steps["translate_from"]) == len(steps["translate_to"])
        for wide, ascii_ in zip(steps["translate_from"], steps["translate_to"], strict=True):
            assert ord(wide) - ord(ascii_) == 0xFEE0 or ascii_ == " "

    @pytest.mark.parametrize("rule", RULES, ids=LABELS)
    def test_examples_are_decided_by_their_own_rule(self, rule):
        for name in rule["examples"]:
            assert deciding_rule(name)["id"] == rule["id"], name

    @pytest.mark.parametrize("rule", RULES, ids=LABELS)
    def test_counterexamples_are_of_another_kind(self, rule):
        for example in rule["counterexamples"]:
            assert example["kind"] != rule["kind"]
            assert deciding_rule(example["name"])["kind"] == example["kind"], example["name"]

    def test_nothing_is_left_without_a_kind(self):
        for name in ["", " ", "？", "Ψ", "12345"]:
            assert deciding_rule(name)["kind"] == "other"

    @pytest.mark.parametrize(
        ("kind", "names"),
        [
            (
                "firm",
                [
                    "华为技术有限公司",
                    "HUAWEI TECHNOLOGIES CO., LTD.",
                    "ＨＵＡＷＥＩ　ＴＥＣＨＮＯＬＯＧＩＥＳ　ＣＯ．，　ＬＴＤ．",
                    " 华为　技术 有限公司 ",
                    "国网江苏省电力有限公司电力科学研究院",
                    "中国石油化工股份有限公司石油化工科学研究院",
                    "国家电网公司",
                    "北大方正集团有限公司",
                    "浙大网新科技股份有限公司",
                    "同济大学建筑设计研究院（集团）有限公司",
                    "同方威视技术股份有限公司",
                    "北大荒农垦集团有限公司",
                    "中铁大桥局集团有限公司",
                    "松下电器产业株式会社",
                    "罗伯特·博世有限公司",
                    "Robert Bosch GmbH",
                    "SIEMENS AKTIENGESELLSCHAFT",
                    "Koninklijke Philips N.V.",
                    "贵州茅台酒厂",
                ],
            ),
            (
                "university_holding",
                [
                    "清华控股有限公司",
                    "上海交大知识产权管理有限公司",
                    "北大资产经营有限公司",
                    "武汉大学资产经营投资管理有限责任公司",
                    "浙江大学控股集团有限公司",
                    "Oxford University Innovation Limited",
                ],
            ),
            (
                "university",
                [
                    "中国石油大学(北京)",
                    "中国石油大学（华东）",
                    "中国地质大学 (武汉)",
                    "中国科学院大学",
                    "中国科学技术大学",
                    "清华大学深圳国际研究生院",
                    "北京信息科技大学",
                    "常州工学院",
                    "Massachusetts Institute of Technology",
                    "École Polytechnique",
                    "清 华 大 学",
                ],
            ),
            ("hospital", ["北京大学第三医院", "浙江大学医学院附属第一医院", "四川大学华西医院"]),
            (
                "institute",
                [
                    "中国科学院金属研究所",
                    "中国电子科技集团公司第五十四研究所",
                    "中国船舶重工集团公司第七〇一研究所",
                    "工业和信息化部电子第五研究所",
                    "深圳清华大学研究院",
                    "北京大学深圳研究院",
                    "浙江大学台州研究院",
                    "中国农业科学院",
                    "之江实验室",
                    "中国工程物理研究院",
                    "Fraunhofer-Gesellschaft",
                ],
            ),
            ("government", ["北京市环境保护局", "中国人民解放军63921部队"]),
            ("person", ["王伟", "欧阳修远", "约翰·史密斯", "阿卜杜拉·买买提"]),
            ("other", ["中国汽车工程学会", "Nat King Cole"]),
        ],
    )
    def test_real_names_are_of_the_kind_everybody_knows(self, kind, names):
        assert {name: deciding_rule(name)["kind"] for name in names} == dict.fromkeys(names, kind)
