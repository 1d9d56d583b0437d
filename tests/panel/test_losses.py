"""What empties or halves an outcome is an error or a warning, and what does not is neither."""

import subprocess
import sys
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from replication import cli
from replication.errors import SchemaError
from replication.panel.build import build_panel
from replication.panel.losses import LossWarning
from tests.support.simulated import SMALL, built, tables, thin, thin_panel

Change = Callable[[pd.DataFrame], pd.DataFrame]


def joint(patents: pd.DataFrame) -> pd.Series:
    return patents["applicants"].str.contains(r";F\d+")


def some(patents: pd.DataFrame, share: float) -> pd.Series:
    """A share of the joint patents."""
    return joint(patents) & (np.arange(len(patents)) % 100 < 100 * share)


def said(table: str, change: Change) -> list[str]:
    """Warnings of the build, which are also handed back with the sample flow."""
    records = thin()
    records[table] = change(records[table])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", LossWarning)
        _, flow = build_panel(records)
    texts = [str(w.message) for w in caught if w.category is LossWarning]
    assert texts == flow.attrs["warnings"]
    return texts


def put(column: str, value: object, share: float) -> Change:
    return lambda t: t.assign(**{column: t[column].mask(some(t, share), value)})


def filed_in_taiwan(t: pd.DataFrame, share: float) -> pd.DataFrame:
    """Some joint patents of the office of Taiwan."""
    number = "TW" + t["application"].str.slice(2)
    return t.assign(
        jurisdiction=t["jurisdiction"].mask(some(t, share), "TW"),
        application=t["application"].mask(some(t, share), number),
    )


def renamed(pattern: str, to: str, share: float) -> Change:
    """Applicants of some joint patents under another name."""

    def change(t: pd.DataFrame) -> pd.DataFrame:
        other = t["applicants"].str.replace(pattern, to, regex=True)
        return t.assign(applicants=t["applicants"].mask(some(t, share), other))

    return change


def test_nothing_is_said_of_good_records():
    assert said("patents", lambda t: t) == []


SHORT = r"(股份|集团|有限责任|有限)*公司"
LOSSES = {
    "years": (put("date", pd.Timestamp("2008-05-01"), 0.7), "year outside the study"),
    "classes": (put("ipc", "A61K 31/00", 0.7), "main IPC subclass without a discipline"),
    "offices": (lambda t: filed_in_taiwan(t, 0.7), "filed at an office that counts as overseas"),
    "cells": (put("ipc", "A23L 1/00", 0.9), "no such cell of university and discipline"),
    "utility models": (
        lambda t: t.assign(
            application=t["application"].mask(
                some(t, 0.7), t["application"].str.slice_replace(6, 7, "2")
            )
        ),
        "utility model or design",
    ),
    "kept row without a firm": (
        lambda t: pd.concat(
            [t, t[some(t, 0.7)].assign(applicants=lambda x: x["applicants"].str.split(";").str[0])]
        ),
        "the row that is kept names no firm",
    ),
}


@pytest.mark.parametrize("reason", LOSSES)
def test_a_reason_that_drops_most_joint_patents(reason):
    change, says = LOSSES[reason]
    (warning,) = [text for text in said("patents", change) if " joint patents are dropped" in text]
    assert says in warning
    dropped, counted = (int(n.replace(",", "")) for n in warning.split() if n[0].isdigit())
    assert dropped >= counted > 0


NAMES = {
    "firms without their form": (renamed(SHORT, "", 0.23), "if these are firms", "'F"),
    "brands of four characters": (
        lambda t: t.assign(
            applicants=t["applicants"]
            .mask(some(t, 0.2), t["applicants"].str.split(";").str[0] + ";东湖科技")
            .mask(some(t, 0.2) & (t.index % 5 == 0), t["applicants"] + ";东湖科技股份有限公司")
        ),
        "if these are firms",
        "'东湖科技'",
    ),
    "universities in English": (renamed("大学", " University", 0.1), "universities of the", "'U0"),
    "abbreviated": (renamed("大学", " Univ.", 0.1), "universities of the", "'U0"),
    "traditional": (renamed("大学", "大學", 0.1), "universities of the", "大學'"),
    "numbered": (renamed("U(?=..大学)", "1.U", 0.1), "universities of the", "'1.U"),
    "schools of a university": (
        renamed("大学", "大学研究生院", 0.1),
        "universities of the",
        "研究生院'",
    ),
}


@pytest.mark.parametrize("reason", NAMES)
def test_names_that_look_like_a_firm_or_university(reason):
    change, condition, name = NAMES[reason]
    (warning,) = said("patents", change)
    assert condition in warning
    assert name in warning
    assert "complete the names" in warning


@pytest.mark.parametrize(
    "applicants",
    [";王小湖", ";R101研究所", ";东湖市水利局", ";N77大学", ";东湖大学附属医院"],
)
def test_partners_that_are_no_firms_are_no_loss(applicants):
    def change(t: pd.DataFrame) -> pd.DataFrame:
        alone = ~t["applicants"].str.contains(";")
        return t.assign(applicants=t["applicants"].mask(alone, t["applicants"] + applicants))

    assert said("patents", change) == []


@pytest.mark.parametrize(
    ("table", "change", "says"),
    [
        ("patents", lambda t: t.assign(granted=False), "patents_joint_granted is zero in every"),
        ("papers", lambda t: t.assign(partner_countries=None).astype({"partner_countries": "str"}),
         "papers_foreign is zero in every row"),
        ("papers", lambda t: t.assign(year=t["year"] - 12), "papers: "),
        ("papers", lambda t: t.assign(university="N" + t["university"]), "no such cell"),
        ("patents", lambda t: t[t["jurisdiction"] == "CN"], "patents_overseas is zero in every"),
    ],
)  # fmt: skip
def test_an_outcome_that_is_empty(table, change, says):
    assert any(says in text for text in said(table, change))


@pytest.mark.parametrize("table", ["patents", "papers", "hires"])
def test_a_number_that_stands_for_several_records(table):
    number = {"patents": "application", "papers": "paper", "hires": "hire"}[table]

    def change(t: pd.DataFrame) -> pd.DataFrame:
        # A paper may be of several universities and disciplines: only within a cell it is one.
        cell = ["university", "discipline"] if table == "papers" else np.zeros(len(t))
        return t.assign(**{number: "N" + (t.groupby(cell).cumcount() // 2).astype(str)})

    (warning,) = [text for text in said(table, change) if "listed before with other" in text]
    assert warning.startswith(f"{table}: ")
    assert f"({number} listed before with other content)" in warning


def test_a_university_that_no_application_names():
    (warning,) = said(
        "patents",
        lambda t: t.assign(applicants=t["applicants"].str.replace("U07大学", "U07工程大学")),
    )
    assert "no application names U07 (1 of the sample)" in warning


@pytest.mark.parametrize("named", [["papers", "hires"], ["grades"]])
@pytest.mark.parametrize("name", ["U3", "U\u200b03", "Ｕ０３"])
def test_a_university_under_another_name(named, name):
    records = thin()
    for table in named:
        other = records[table]["university"].replace("U03", name)
        records[table] = records[table].assign(university=other)
    with pytest.warns(LossWarning):
        found = build_panel(records)[1].attrs["warnings"]
    assert len(found) == len(named)
    for table, text in zip(named, sorted(found, reverse=True), strict=True):
        assert f"U03 (1 of the sample): look for its name in {table}" in text


@pytest.mark.parametrize("column", ["ipc", "date"])
def test_a_reason_that_drops_most_overseas_applications(column):
    def change(t: pd.DataFrame) -> pd.DataFrame:
        most = (t["jurisdiction"] != "CN") & (t.index % 10 < 7)
        return t.assign(
            **{
                column: t[column].mask(
                    most, pd.Timestamp("1990-01-01") if column == "date" else None
                )
            }
        )

    (warning,) = said("patents", change)
    assert "overseas applications are dropped and" in warning


def test_hires_at_home_do_not_make_up_for_those_from_abroad():
    def change(t: pd.DataFrame) -> pd.DataFrame:
        more = pd.concat([t[t["doctorate_country"] == "CN"]] * 9, ignore_index=True)
        more["hire"] = "M" + more.index.astype(str)
        abroad = (t["doctorate_country"] != "CN") & (t.index % 10 < 7)
        return pd.concat([t.assign(year=t["year"].mask(abroad, 2005)), more], ignore_index=True)

    (warning,) = said("hires", change)
    assert "hires from abroad are dropped and" in warning
    assert "year outside the study" in warning
    assert (
        said("hires", lambda t: t.assign(year=t["year"].mask(t["doctorate_country"] == "CN", 2005)))
        == []
    )


def test_a_year_of_one_university_that_is_missing():
    records = {**tables(SMALL)}
    assert built(SMALL)[1].attrs["warnings"] == []
    for name in ("papers", "hires"):
        t = records[name]
        records[name] = t[(t["university"] != "U03") | (t["year"] != 2015)]
    with pytest.warns(LossWarning):
        _, flow = build_panel(records)
    texts = flow.attrs["warnings"]
    assert "papers_foreign is zero for U03 in 2015 (1 in all), against 15 a year or more" in texts


@pytest.mark.parametrize(
    ("factor", "value"),
    [(0, "exchange"), (1000, "exchange"), (0.1, "resources"), (10, "resources")],
)
def test_a_year_in_another_unit(factor, value):
    def change(t: pd.DataFrame) -> pd.DataFrame:
        at = (t["university"] == "U03") & (t["year"] == 2014)
        numbers = t.columns[2:]
        return t.assign(**{c: t[c].mask(at, (t[c] * factor).astype(int)) for c in numbers})

    found = said(value, change)
    assert found
    assert all("as in other years for U03 in 2014 (" in text for text in found)


def test_grades_that_are_empty():
    assert "advantaged is zero in every row" in said(
        "grades", lambda t: t.assign(grade=pd.Series([None] * len(t), dtype="str"))
    )


def test_a_paper_of_two_universities_counts_for_both():
    records = thin()
    papers = records["papers"].query("university == 'U01'")
    cells = set(map(tuple, records["grades"][["university", "discipline"]].to_numpy()))
    also = papers.assign(university="U02")
    also = also[[("U02", d) in cells for d in also["discipline"]]]
    before = thin_panel()["papers_foreign"].sum()
    records["papers"] = pd.concat([records["papers"], also], ignore_index=True)
    panel, flow = build_panel(records)
    gained = panel["papers_foreign"].sum() - before
    assert (
        gained
        == also["partner_countries"].fillna("").str.replace("CN", "").str.strip("; ").ne("").sum()
        > 0
    )
    assert "paper listed before with other content" not in set(flow["reason"])


def test_a_year_that_is_missing():
    warnings_of = said("patents", lambda t: t[t["date"].dt.year != 2015])
    assert "patents_joint is zero in 2015: look for a year that is missing" in warnings_of
    assert said("hires", lambda t: t[t["year"] != 2016]) == [
        "hires_overseas is zero in 2016: look for a year that is missing"
    ]


SIGNS = ["\ufeff{}", "{}\u200b", '"{}"', "{}。", "“{}”", "{} "]


def test_a_sign_that_is_no_part_of_a_name():
    """A sign a patent, in turn: any that made another name would move a count."""
    records = thin()
    parts = records["patents"]["applicants"].str.split(";")
    written = [
        ";".join(SIGNS[n % len(SIGNS)].format(one) for one in names)
        for n, names in enumerate(parts)
    ]
    records["patents"] = records["patents"].assign(applicants=written)
    pd.testing.assert_frame_equal(build_panel(records)[0], thin_panel())


BRACKETS = ["（{}）", "〔{}〕", "【{}】", "［{}］", "[{}]"]


def test_a_campus_in_any_brackets():
    """Brackets of a kind a patent, in turn."""
    records = thin()
    patents, universities = records["patents"], records["universities"]
    written = [
        text.replace("U01大学", f"U01大学{BRACKETS[n % len(BRACKETS)].format('北京')}")
        for n, text in enumerate(patents["applicants"])
    ]
    assert sum("北京" in text for text in written) > 10 * len(BRACKETS)
    named = universities["applicant_names"].str.replace("U01大学", "U01大学(北京)")
    records["patents"] = patents.assign(applicants=written)
    records["universities"] = universities.assign(applicant_names=named)
    pd.testing.assert_frame_equal(build_panel(records)[0], thin_panel())


@pytest.mark.parametrize(
    "fault",
    [
        lambda t: t.assign(jurisdiction="HK", application="HK" + t["application"].str.slice(2)),
        lambda t: t.assign(applicants=t["applicants"].str.replace(";", " & ")),
    ],
    ids=["no joint patent", "applicants joined"],
)
def test_an_error_says_nothing_else(fault, tmp_path):
    """Tables that outlive their connection would fail aloud, in a traceback of their own."""
    for name, table in thin().items():
        changed = fault(table) if name == "patents" else table
        changed.to_parquet(tmp_path / f"{name}.parquet", index=False)
    command = [sys.executable, "-m", "replication.cli", "build", "--records", str(tmp_path)]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "panel")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1, done.stderr


def test_no_joint_patent_at_all_is_an_error_with_the_reasons():
    with pytest.raises(SchemaError, match=r"no joint patent .*: utility model or design"):
        said(
            "patents", lambda t: t.assign(application=t["application"].str.slice_replace(6, 7, "2"))
        )


def test_the_command_warns_on_the_error_stream_and_builds(tmp_path, capsys):
    records = {**thin()}
    records["patents"] = filed_in_taiwan(records["patents"], 0.7)
    for name, table in records.items():
        table.to_parquet(tmp_path / f"{name}.parquet", index=False)
    out = tmp_path / "out" / "panel.parquet"
    assert cli.main(["build", "--records", str(tmp_path), "--out", str(out)]) == 0
    shown = capsys.readouterr()
    assert shown.err.startswith("replication build: warning: patents: ")
    assert "counts as overseas" in shown.err
    assert out.is_file()
