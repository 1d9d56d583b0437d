"""The builder against a second one written in loops, and against records damaged on purpose."""

import re
import tomllib
from collections import Counter, defaultdict
from datetime import datetime
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from replication.config import DATA
from replication.errors import NoVariationError, SchemaError, SourceUnavailableError
from replication.panel.build import build_panel, read_records
from replication.panel.losses import LossWarning
from replication.records import schema
from replication.records.registry import Choices
from replication.records.validation import validate
from replication.simulate.process import FORMS
from tests.support.simulated import SMALL, built, study, tables

Tables = dict[str, pd.DataFrame]

# Python's regular expressions have no name for the Chinese characters.
HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff"


def python_pattern(pattern: str) -> str:
    inside = re.sub(r"(\[[^\]]*)\\p\{Han\}", rf"\g<1>{HAN}", pattern)
    return inside.replace(r"\p{Han}", f"[{HAN}]")


class Names:
    """Rules of `firm_names.toml`, carried out by Python."""

    def __init__(self) -> None:
        rules = tomllib.loads((DATA / "firm_names.toml").read_text(encoding="utf-8"))
        first = rules["normalise"]
        self.table = str.maketrans(first["translate_from"], first["translate_to"])
        self.steps = [(python_pattern(p), to) for p, to in first["replace"]]
        self.rules = [(python_pattern(r["pattern"]), r["kind"]) for r in rules["rule"]]
        self.known: dict[str, tuple[str, bool]] = {}

    def __call__(self, name: str) -> tuple[str, bool]:
        """Uniform name, and whether it is a firm's."""
        if name not in self.known:
            uniform = name.translate(self.table).upper()
            for pattern, to in self.steps:
                uniform = re.sub(pattern, to, uniform, flags=re.ASCII)
            kind = next(k for p, k in self.rules if re.search(p, uniform, re.ASCII))
            self.known[name] = uniform, kind == "firm"
        return self.known[name]


def looped(t: Tables, first: int = 2011, last: int = 2022, treated: int = 2018) -> pd.DataFrame:
    """Outcomes of the panel, counted record by record."""
    names = Names()
    owner = {
        names(part)[0]: row.university
        for row in t["universities"].itertuples()
        for part in row.applicant_names.split(";")
    }
    lists = {
        name: set(pd.read_csv(DATA / f"{name}.csv", dtype=str)["ipc_subclass"])
        for name in ("key_core_ipc", "export_control_ipc", "ai_ipc")
    }
    concordance = pd.read_csv(DATA / "ipc_discipline.csv", dtype=str)
    discipline_of = dict(zip(concordance["ipc_subclass"], concordance["discipline"], strict=True))
    cells = set(zip(t["grades"]["university"], t["grades"]["discipline"], strict=True))
    counts: dict[str, Counter] = defaultdict(Counter)
    filed, controlled = Counter(), Counter()
    seen = set()
    for p in t["patents"].itertuples():
        if p.application in seen or not first <= p.date.year <= last:
            continue
        seen.add(p.application)
        main = p.ipc.split(";")[0].strip()[:4]
        parties = {names(part) for part in p.applicants.split(";")}
        for university in {owner[name] for name, _ in parties if name in owner}:
            cell = (university, discipline_of.get(main))
            if cell not in cells:
                continue
            key = (*cell, p.date.year)
            if p.jurisdiction != "CN":
                counts["patents_overseas"][key] += 1
                continue
            if p.date.year < treated:
                filed[cell[1]] += 1
                controlled[cell[1]] += main in lists["export_control_ipc"]
            if any(firm for name, firm in parties if name not in owner):
                counts["patents_joint"][key] += 1
                in_key = main in lists["key_core_ipc"]
                counts["patents_joint_key" if in_key else "patents_joint_other"][key] += 1
                in_ai = main in lists["ai_ipc"]
                counts["patents_joint_ai" if in_ai else "patents_joint_not_ai"][key] += 1
                counts["patents_joint_granted"][key] += p.granted
                counts["patents_joint_fractional"][key] += 1 / len(parties)
    for p in t["papers"].itertuples():
        if isinstance(p.partner_countries, str) and p.partner_countries:
            counts["papers_foreign"][p.university, p.discipline, p.year] += 1
    abroad: dict[str, Counter] = {"us": Counter(), "elsewhere": Counter()}
    for h in t["hires"].itertuples():
        if h.doctorate_country != "CN":
            counts["hires_overseas"][h.university, h.discipline, h.year] += 1
            if first <= h.year < treated:
                abroad["us" if h.doctorate_country == "US" else "elsewhere"][h.university] += 1

    universities = list(t["universities"]["university"])
    exchange = t["exchange"][t["exchange"]["year"].between(first, treated - 1)]
    items = [c for c in exchange if c.startswith(("coop", "conf"))]
    z = np.log(exchange[items] + 1)
    z = ((z - z.mean()) / z.std()).groupby(exchange["university"]).mean().loc[universities]
    log_hires = {
        form: np.log([1 + hired[u] for u in universities]) for form, hired in abroad.items()
    }
    exposures = pd.DataFrame(
        {
            "exposure": z.mean(axis=1).to_numpy(),
            "exposure_cooperation": z[[c for c in z if c.startswith("coop")]].mean(axis=1),
            "exposure_conferences": z[[c for c in z if c.startswith("conf")]].mean(axis=1),
            "exposure_us": log_hires["us"],
            "exposure_elsewhere": log_hires["elsewhere"],
        },
        index=universities,
    )
    exposures = (exposures - exposures.mean()) / exposures.std()
    resources = t["resources"][t["resources"]["year"].between(first, treated - 1)]
    means = np.log(resources[["rd_staff", "rd_spending", "graduates"]])
    means = means.groupby(resources["university"]).mean().add_prefix("log_")
    exposures["exposure_high"] = exposures["exposure"] > exposures["exposure"].median()
    fixed = exposures.join(means).to_dict("index")
    grade = {(g.university, g.discipline): g.grade for g in t["grades"].itertuples()}

    rows = []
    for u, d in sorted(cells):
        best = grade[u, d] if isinstance(grade[u, d], str) else "none"
        for year in range(first, last + 1):
            row = {"university": u, "discipline": d, "year": year, "category": d[:2]}
            row |= {"event_time": year - treated, "post": int(year >= treated)}
            row |= {name: counts[name][u, d, year] for name in OUTCOMES}
            row |= fixed[u]
            row["control_exposure"] = controlled[d] / filed[d] if filed[d] else 0.0
            row |= {"grade": best, "advantaged": int(best in ("A+", "A", "A-"))}
            rows.append(row)
    return pd.DataFrame(rows)[list(schema.PANEL.columns)]


OUTCOMES = (
    "patents_joint",
    "patents_joint_key",
    "patents_joint_other",
    "patents_joint_ai",
    "patents_joint_not_ai",
    "patents_joint_granted",
    "patents_joint_fractional",
    "hires_overseas",
    "papers_foreign",
    "patents_overseas",
)


def agree(panel: pd.DataFrame, other: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(panel, other, check_dtype=False, rtol=0, atol=1e-9)


def reasons(flow: pd.DataFrame) -> dict[tuple[str, str], int]:
    return dict(zip(zip(flow["table"], flow["reason"], strict=True), flow["rows"], strict=True))


class TestShippedStudy:
    def test_panel_is_what_loops_over_the_records_count(self):
        agree(built()[0], looped(tables()))

    def test_panel_is_what_the_study_drew(self):
        """Counts and exposures come back through names, classes and dates unchanged."""
        s, panel = study(), built()[0]
        shape = s.level.shape[:2]
        np.testing.assert_array_equal(
            panel[["patents_joint_key", "patents_joint_other"]].to_numpy().reshape(*shape, 2),
            s.counts,
        )
        drawn = {"patents_overseas": s.overseas, "hires_overseas": s.hires.query("country != 'CN'")}
        drawn["papers_foreign"] = s.papers.query("countries != ''")
        for name, events in drawn.items():
            count = np.zeros(shape, int)
            np.add.at(count, (events["cell"], events["year"] - 2011), 1)
            np.testing.assert_array_equal(panel[name].to_numpy().reshape(shape), count, name)
        per_cell = panel.drop_duplicates(["university", "discipline"])
        for name, x in {"exposure": s.exposure, **dict(zip(FORMS, s.forms.T, strict=True))}.items():
            column = name if name == "exposure" else f"exposure_{name}"
            np.testing.assert_allclose(per_cell[column], x[s.university], atol=1e-9)
        control = s.control_exposure[s.discipline]
        np.testing.assert_allclose(per_cell["control_exposure"], control, atol=1e-9)
        np.testing.assert_array_equal(per_cell["advantaged"], s.advantaged)

    def test_panel_is_complete_and_sorted(self):
        panel = built()[0]
        assert len(panel) == 12 * len(tables()["grades"])
        key = ["university", "discipline", "year"]
        pd.testing.assert_frame_equal(panel, panel.sort_values(key, ignore_index=True))
        assert (
            panel["patents_joint"] == panel["patents_joint_key"] + panel["patents_joint_other"]
        ).all()

    def test_every_record_is_counted_or_dropped(self):
        rows = built()[1].groupby("table")["rows"].sum()
        for name in ("grades", "exchange", "resources", "patents", "papers", "hires"):
            assert rows[name] == len(tables()[name]), name

    def test_sample_flow_finds_what_the_simulation_hid(self):
        flow, patents = reasons(built()[1]), tables()["patents"]
        assert flow["patents", "application listed before"] == patents.duplicated().sum()
        assert flow["patents", "no university of the sample among the applicants"] == 200
        assert flow["patents", "main IPC subclass without a discipline"] == 100
        assert flow["patents × universities", "counted"] == flow["patents", "counted"]
        assert flow["exchange", "year outside the pre-period"] == 56 * 5


class TestChoices:
    @pytest.mark.parametrize("years", [(2011, 2022, 2017), (2011, 2022, 2019), (2013, 2020, 2018)])
    def test_years_and_treatment(self, years):
        first, last, treated = years
        panel, flow = build_panel(tables(SMALL), Choices(first, last, treated))
        agree(panel, looped(tables(SMALL), first, last, treated))
        for name in ("patents", "papers", "hires"):
            assert flow.query("table == @name")["rows"].sum() == len(tables(SMALL)[name])

    @pytest.mark.parametrize("treated", [2009, 2011, 2023])
    def test_treatment_needs_a_year_before_and_after(self, treated):
        with pytest.raises(NoVariationError, match=f"first treated year {treated}"):
            build_panel(tables(SMALL), Choices(first_treated=treated))

    def test_years_without_statistics_are_named(self):
        with pytest.raises(SchemaError, match="exchange: 20 rows are missing, first U01 in 2009"):
            build_panel(tables(SMALL), Choices(first_year=2009))

    def test_other_categories(self):
        panel, flow = build_panel(tables(SMALL), Choices(categories=("08",)))
        assert set(panel["category"]) == {"08"}
        outside = (~tables(SMALL)["grades"]["discipline"].str.startswith("08")).sum()
        assert outside > 0
        assert reasons(flow)["grades", "discipline outside the chosen categories"] == outside

    def test_unknown_backend_is_named_with_the_known(self):
        with pytest.raises(SourceUnavailableError, match=r"'sparkle'.*duckdb"):
            build_panel(tables(SMALL), backend="sparkle")


def test_order_of_rows_does_not_matter() -> None:
    shuffled = {
        name: table.sample(frac=1, random_state=7, ignore_index=True)
        for name, table in tables(SMALL).items()
    }
    for one, two in zip(build_panel(shuffled), built(SMALL), strict=True):
        pd.testing.assert_frame_equal(one, two)


FIRM = "F0001精密机械有限公司"
NONE = "no university of the sample among the applicants"
CLASS = "main IPC subclass without a discipline"
CELL = "no such cell of university and discipline"
YEAR = "year outside the study"


class Patent(NamedTuple):
    """A patent added to the small study, what becomes of it, and whose joint patent it is."""

    applicants: str
    fate: str = "counted"
    joint: tuple[str, ...] = ()
    parties: int = 2
    date: str = "2016-05-01"
    ipc: str | None = "A23L 1/00"
    office: str = "CN"
    credits: int = 1


OURS = ("U01",)
PATENTS = [
    Patent(f"U01大学;{FIRM}", joint=OURS),
    Patent(f"U01大学;{FIRM}", joint=OURS, date="2011-01-01"),
    Patent(f"U01大学;{FIRM}", joint=OURS, date="2022-12-31"),
    Patent(f"U01大学;{FIRM}", YEAR, date="2010-12-31"),
    Patent(f"U01大学;{FIRM}", YEAR, date="2023-01-01"),
    Patent(f"U01大学;{FIRM}", CLASS, ipc="A61K 31/00;A23L 1/00"),
    Patent(f"U01大学;{FIRM}", CLASS, ipc="X99Z 1/00"),
    Patent(f"U01大学;{FIRM}", CLASS, ipc=None),
    Patent(f"U01大学;{FIRM}", CLASS, ipc=""),
    Patent(f"U01大学;{FIRM}", joint=OURS, ipc="A23L 1/00;A61K 31/00"),
    Patent(f"U01大学;{FIRM}", joint=OURS, ipc=" A23L1/00 "),
    Patent(f"N77大学;{FIRM}", NONE),
    Patent(f"U01大学附属医院;{FIRM}", NONE),
    Patent("", NONE),
    Patent(" ; ;", NONE),
    Patent(f"U02大学;{FIRM}", CELL),
    # The university alone, with its own holding, with an institute and a person: no firm.
    Patent("U01大学"),
    Patent("U01大学;U01大学资产经营有限公司"),
    Patent("U01大学;R101研究所;王小湖"),
    # A name that the sample lists as the university's own is no firm beside it.
    Patent("U01大学;U01出版社有限公司"),
    # Full-width letters, brackets and blanks; empty parts; the other semicolon.
    Patent("Ｕ０１大学　; 东湖 集团（ 上海 ）", joint=OURS),
    Patent("u01大学;ＥＡＳＴ　ＬＡＫＥ　ＣＯ．，ＬＴＤ．", joint=OURS),
    Patent(f";U01大学;; {FIRM};", joint=OURS),
    Patent(f"U01大学；{FIRM}", joint=OURS, ipc="A23L 1/00；A61K 31/00"),
    Patent(f"U01大学;{FIRM};{FIRM}", joint=OURS),
    # The university under two of its names.
    Patent(f"U01大学;U01 University;{FIRM}", joint=OURS, parties=3),
    # Abroad, a firm does not make it a joint application.
    Patent(f"U01大学;{FIRM}", office="US"),
    # Two universities: both are credited if they have the cell, and one record is counted.
    Patent(f"U01大学;U03大学;{FIRM}", joint=("U01", "U03"), parties=3, credits=2),
    Patent(f"U01大学;U02大学;{FIRM}", joint=OURS, parties=3),
]
# University, discipline, year, country; what becomes of it, and whether it is overseas or foreign.
HIRES = [
    ("U01", "0832", 2019, "US", "counted", True),
    ("U01", "0832", 2019, "CN", "counted", False),
    ("U01", "0832", 2010, "US", YEAR, False),
    ("U02", "0832", 2019, "US", CELL, False),
    ("U01", "0901", 2019, "US", CELL, False),
    ("U99", "0832", 2019, "US", CELL, False),
]
PAPERS = [
    ("U01", "0832", 2019, "US", "counted", True),
    ("U01", "0832", 2019, "CN;US", "counted", True),
    ("U01", "0832", 2019, "US; GB", "counted", True),
    ("U01", "0832", 2019, "CN", "counted", False),
    ("U01", "0832", 2019, "", "counted", False),
    ("U01", "0832", 2019, None, "counted", False),
    ("U01", "0832", 2023, "US", YEAR, False),
    ("U02", "0832", 2019, "US", CELL, False),
]


class TestDamagedRecords:
    """One build of the small study with every damage in it, against the clean one.

    Subclass A23L (food) is neither key core technology nor controlled, and belongs to 0832; the
    cell U01 × 0832 and the lack of U02 × 0832 are made for the test.
    """

    @pytest.fixture(scope="class")
    @classmethod
    def clean(cls) -> Tables:
        t = dict(tables(SMALL))
        grades = t["grades"].query("discipline != '0832'")
        ours = {"university": ["U01", "U03"], "discipline": "0832", "grade": ["A", None]}
        t["grades"] = pd.concat([grades, pd.DataFrame(ours)], ignore_index=True)
        t["universities"] = t["universities"].assign(
            applicant_names=[
                f"{u}大学; {u} UNIVERSITY;{u}大学;{u}出版社有限公司"
                for u in t["universities"]["university"]
            ]
        )
        return t

    @pytest.fixture(scope="class")
    @classmethod
    def before(cls, clean) -> tuple[pd.DataFrame, pd.DataFrame]:
        return build_panel(clean)

    @pytest.fixture(scope="class")
    @classmethod
    def damaged(cls, clean) -> Tables:
        patents = [
            {
                "application": f"X{i:03d}",
                "date": datetime.fromisoformat(p.date),
                "jurisdiction": p.office,
                "applicants": p.applicants,
                "ipc": p.ipc,
                "granted": False,
            }
            for i, p in enumerate(PATENTS)
        ]
        # The first of them again, twice alike, and the second again with another applicant.
        patents += [patents[0], patents[0], patents[1] | {"applicants": f"U01大学;~{FIRM}"}]
        t = dict(clean)
        t["patents"] = cls.added(t["patents"], patents)
        for name, rows, value in (
            ("hires", HIRES, "doctorate_country"),
            ("papers", PAPERS, "partner_countries"),
        ):
            columns = [name[:-1], "university", "discipline", "year", value]
            more = [
                dict(zip(columns, (f"X{i}", *row[:4]), strict=True)) for i, row in enumerate(rows)
            ]
            more += [more[0], more[0] | {value: "ZW"}]
            t[name] = cls.added(t[name], more)
        t["grades"] = cls.added(
            t["grades"],
            [
                {"university": "U99", "discipline": "0832", "grade": "A+"},
                {"university": "U01", "discipline": "0901", "grade": "A+"},
            ],
        )
        t["disciplines"] = cls.added(
            t["disciplines"],
            [
                {
                    "discipline": "0901",
                    "category": "09",
                    "name_en": "Crop Science",
                    "name_zh": "作物学",
                }
            ],
        )
        for name in ("exchange", "resources"):
            other = t[name].query("university == 'U01'").assign(university="U99")
            numbers = other.select_dtypes("int64").columns.drop("year")
            t[name] = pd.concat(
                [t[name], other.assign(**dict.fromkeys(numbers, 9999))], ignore_index=True
            )
        return t

    @pytest.fixture(scope="class")
    @classmethod
    def after(cls, damaged) -> tuple[pd.DataFrame, pd.DataFrame]:
        for name, table in damaged.items():
            validate(table, schema.RECORDS[name], name)
        return build_panel(damaged)

    @staticmethod
    def added(table: pd.DataFrame, rows: list[dict]) -> pd.DataFrame:
        more = pd.DataFrame(rows).astype(table.dtypes.to_dict())
        return pd.concat([table, more], ignore_index=True)

    def test_each_changes_the_panel_as_it_should_and_nothing_else(self, before, after):
        expected = before[0].set_index(["university", "discipline", "year"])
        for p in PATENTS:
            year = int(p.date[:4])
            for university in p.joint:
                at = (university, "0832", year)
                expected.loc[
                    at, ["patents_joint", "patents_joint_other", "patents_joint_not_ai"]
                ] += 1
                expected.loc[at, "patents_joint_fractional"] += 1 / p.parties
            if p.office != "CN":
                expected.loc[("U01", "0832", year), "patents_overseas"] += 1
        for rows, column in ((HIRES, "hires_overseas"), (PAPERS, "papers_foreign")):
            for university, discipline, year, *_, counts in rows:
                if counts:
                    expected.loc[(university, discipline, year), column] += 1
        agree(after[0], expected.reset_index()[list(after[0])])

    def test_each_is_in_the_sample_flow_with_its_reason(self, before, after):
        change = Counter(reasons(after[1]))
        change.subtract(reasons(before[1]))
        expected = Counter(("patents", p.fate) for p in PATENTS)
        credited = sum(p.credits for p in PATENTS if p.fate == "counted")
        expected["patents × universities", "counted"] = credited
        # U02 alone, and U02 beside U01.
        expected["patents × universities", CELL] = 2
        expected["patents", "application listed before"] = 2
        expected["patents", "application listed before with other content"] = 1
        for name, rows in (("hires", HIRES), ("papers", PAPERS)):
            expected.update((name, row[4]) for row in rows)
            expected[name, f"{name[:-1]} listed before"] = 1
            expected[name, f"{name[:-1]} listed before with other content"] = 1
        expected["grades", "university not in the sample"] = 1
        expected["grades", "discipline outside the chosen categories"] = 1
        for name in ("exchange", "resources"):
            expected[name, "university not in the sample"] = 12
        expected.update(self.kinds())
        assert {k: n for k, n in change.items() if n} == dict(expected)

    @staticmethod
    def kinds() -> Counter:
        """Applicants of the added patents by kind, told by hand."""
        parts = [part for p in PATENTS for part in re.split("[;；]", p.applicants) if part.strip()]
        others = {
            "N77大学": "university",
            "U01大学附属医院": "hospital",
            "R101研究所": "institute",
            "王小湖": "person",
            "U01大学资产经营有限公司": "university_holding",
            " 东湖 集团（ 上海 ）": "firm",
            "ＥＡＳＴ　ＬＡＫＥ　ＣＯ．，ＬＴＤ．": "firm",
            f" {FIRM}": "firm",
            FIRM: "firm",
        }
        return Counter(("applicants", others.get(p, "university of the sample")) for p in parts)

    def test_rows_in_are_rows_counted_and_dropped(self, damaged, after):
        rows = after[1].groupby("table")["rows"].sum()
        for name in ("grades", "exchange", "resources", "patents", "papers", "hires"):
            assert rows[name] == len(damaged[name]), name

    def test_cell_without_a_grade_stays(self, after):
        cell = after[0].query("university == 'U03' and discipline == '0832'")
        assert len(cell) == 12
        assert set(cell["grade"]) == {"none"}
        assert set(cell["advantaged"]) == {0}

    def test_order_of_damaged_rows_does_not_matter(self, damaged, after):
        backwards = {name: table[::-1].reset_index(drop=True) for name, table in damaged.items()}
        for one, two in zip(build_panel(backwards), after, strict=True):
            pd.testing.assert_frame_equal(one, two)


def changed(name: str, change: dict, **rows: object) -> Tables:
    """Small study with cells of one table set to other values."""
    table = tables(SMALL)[name].copy()
    at = np.logical_and.reduce([table[c] == v for c, v in rows.items()])
    for column, value in change.items():
        table.loc[at, column] = value
    return {**tables(SMALL), name: table}


class TestRefused:
    def test_name_of_two_universities(self):
        t = changed("universities", {"applicant_names": "U05大学; ｕ０１ 大学"}, university="U05")
        with pytest.raises(SchemaError, match="'U01大学' belongs to U01 and U05"):
            build_panel(t)

    @pytest.mark.parametrize("names", ["", " ; "])
    def test_university_without_a_name(self, names):
        t = changed("universities", {"applicant_names": names}, university="U05")
        with pytest.raises(SchemaError, match="U05 without an applicant name"):
            build_panel(t)

    @pytest.mark.parametrize("name", ["exchange", "resources"])
    def test_university_without_statistics(self, name):
        t = {**tables(SMALL), name: tables(SMALL)[name].query("university != 'U03'")}
        with pytest.raises(SchemaError, match=f"{name}: 7 rows are missing, first U03 in 2011"):
            build_panel(t)
        late = tables(SMALL)[name].query("university != 'U03' or year != 2014")
        with pytest.raises(SchemaError, match=f"{name}: 1 rows are missing, first U03 in 2014"):
            build_panel({**tables(SMALL), name: late})
        after = tables(SMALL)[name].query("university != 'U03' or year != 2019")
        panel, _ = build_panel({**tables(SMALL), name: after})
        pd.testing.assert_frame_equal(panel, built(SMALL)[0])

    def test_resource_of_zero(self):
        t = changed("resources", {"graduates": 0}, university="U04", year=2013)
        with pytest.raises(SchemaError, match="graduates is zero for U04 in 2013"):
            build_panel(t)

    def test_exchange_of_zero_is_a_number(self):
        t = changed("exchange", {"coop_sent": 0}, university="U04", year=2013)
        with pytest.warns(LossWarning, match=r"coop_sent .* for U04 in 2013 \(0\)"):
            panel, _ = build_panel(t)
        agree(panel, looped(t))

    def test_count_that_nobody_fills_in(self):
        t = {**tables(SMALL), "exchange": tables(SMALL)["exchange"].assign(conf_hosted=0)}
        with pytest.raises(SchemaError, match="exposure, exposure_conferences: no standard dev"):
            build_panel(t)


class TestReadingRecords:
    @pytest.fixture
    def folder(self, tmp_path):
        for name, table in tables(SMALL).items():
            table.to_parquet(tmp_path / f"{name}.parquet", index=False)
        return tmp_path

    def test_gives_the_tables_back(self, folder):
        for name, table in read_records(folder).items():
            pd.testing.assert_frame_equal(table, tables(SMALL)[name])

    def test_names_absent_files(self, folder):
        (folder / "exchange.parquet").unlink()
        (folder / "patents.parquet").unlink()
        with pytest.raises(SourceUnavailableError, match=r"exchange\.parquet, patents\.parquet"):
            read_records(folder)

    def test_names_the_file_with_a_fault(self, folder):
        table = tables(SMALL)["hires"].drop(columns="year")
        table.to_parquet(folder / "hires.parquet")
        with pytest.raises(SchemaError, match=r"hires\.parquet .*\n  column 'year' is missing"):
            read_records(folder)

    def test_refuses_what_is_no_parquet(self, folder):
        (folder / "papers.parquet").write_text("paper,year")
        with pytest.raises(SchemaError, match=r"papers\.parquet cannot be read as Parquet"):
            read_records(folder)
