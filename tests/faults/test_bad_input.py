"""Records that are wrong in every way we could think of: each is refused, and nothing is lost.

A folder of small records beside a panel that was built from them; one fault is put into it and
`replication build` is asked for the panel again. It must end with status 2 and say what is wrong
where, and leave the old panel, its sample flow and the records as they were.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from replication import cli
from tests.support.simulated import thin

Fault = Callable[[Path], object]

# How to damage ------------------------------------------------------------------------------------


def path(folder: Path, table: str) -> Path:
    return folder / f"{table}.parquet"


def raw(table: str, change: Callable[[bytes], bytes]) -> Fault:
    """Fault in the bytes of a file."""
    return lambda folder: path(folder, table).write_bytes(change(path(folder, table).read_bytes()))


def frame(table: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Fault:
    """Fault in a table."""
    return lambda folder: change(pd.read_parquet(path(folder, table))).to_parquet(
        path(folder, table), index=False
    )


def arrow(table: str, change: Callable[[pa.Table], pa.Table]) -> Fault:
    """Fault that pandas could not write."""
    return lambda folder: parquet.write_table(
        change(parquet.read_table(path(folder, table))), path(folder, table)
    )


def cell(table: str, column: str, value: Any, row: int = 3) -> Fault:
    """One cell has another value."""
    return frame(table, lambda t: t.assign(**{column: t[column].where(t.index != row, value)}))


def column(table: str, name: str, change: Callable[[pd.Series], Any]) -> Fault:
    """A whole column is another one."""
    return frame(table, lambda t: t.assign(**{name: change(t[name])}))


def replaced(table: str, old: str, new: str) -> Fault:
    """Every university of one name has another in one table."""
    return column(table, "university", lambda values: values.replace(old, new))


def column_of(table: str, name: str, values: Callable[[int], pa.Array]) -> Fault:
    """A column has another type of Arrow."""
    return arrow(
        table,
        lambda t: t.set_column(t.column_names.index(name), name, values(t.num_rows)),
    )


def swapped(table: str, one: str, other: str) -> Fault:
    return frame(table, lambda t: t.rename(columns={one: other, other: one}))


def applicants(change: Callable[[pd.Series], Any]) -> Fault:
    return column("patents", "applicants", change)


def joined(sign: str, university: str = "U01大学") -> Fault:
    """Joint patents of one university with a foreign firm, its name behind another sign."""
    return applicants(
        lambda a: a.where(~a.str.startswith(f"{university};"), f"{university}{sign}EASTLAKE INC")
    )


def remembered(study: object) -> Fault:
    """A table says of what study it is."""

    def remember(folder: Path) -> None:
        table = pd.read_parquet(path(folder, "grades"))
        table.attrs["study"] = study
        table.to_parquet(path(folder, "grades"), index=False)

    return remember


def two_headers(folder: Path) -> None:
    """A spreadsheet with a heading above its columns' names."""
    table = pd.read_parquet(path(folder, "grades"))
    table.columns = pd.MultiIndex.from_product([["2017"], table.columns])
    table.to_parquet(path(folder, "grades"))


def mark(text: str) -> Fault:
    """A mark beside the records."""
    return lambda folder: (folder / "manifest.json").write_text(text, encoding="utf-8")


def linked(table: str, target: Callable[[Path], Path]) -> Fault:
    def move(folder: Path) -> None:
        to = target(folder)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path(folder, table), to)
        path(folder, table).symlink_to(to)

    return move


def flipped(table: str, part: float) -> Fault:
    """One bit is another one, where a page of a column lies."""

    def flip(content: bytes) -> bytes:
        group = parquet.read_metadata(pa.BufferReader(content)).row_group(0)
        chunk = max(
            (group.column(c) for c in range(group.num_columns)),
            key=lambda c: c.total_compressed_size,
        )
        start = chunk.dictionary_page_offset or chunk.data_page_offset
        at = start + int(part * chunk.total_compressed_size)
        return content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :]

    def damage(folder: Path) -> None:
        written = pd.read_parquet(path(folder, table))
        written.to_parquet(path(folder, table), index=False, write_page_checksum=True)
        raw(table, flip)(folder)

    return damage


def instead(table: str, make: Callable[[Path], object]) -> Fault:
    """Something else stands where a file should be."""

    def put(folder: Path) -> None:
        path(folder, table).unlink()
        make(path(folder, table))

    return put


def excel(dates: pd.Series) -> pd.Series:
    return (dates - pd.Timestamp("1899-12-30")).dt.days


def twice(table: str, rows: slice = slice(2, 3)) -> Fault:
    return frame(table, lambda t: pd.concat([t, t.iloc[rows]], ignore_index=True))


# The faults ---------------------------------------------------------------------------------------

FAULTS: dict[str, dict[str, tuple[Fault, str]]] = {
    "truncated": {
        "half a file": (raw("papers", lambda b: b[: len(b) // 2]), "papers.parquet cannot be read"),
        "last byte": (raw("grades", lambda b: b[:-1]), "grades.parquet cannot be read"),
        "first byte": (raw("hires", lambda b: b[1:]), "hires.parquet cannot be read"),
    },
    "empty file": {
        "patents": (raw("patents", lambda _: b""), "patents.parquet cannot be read"),
        "universities": (raw("universities", lambda _: b""), "universities.parquet cannot be read"),
        "a line break": (raw("exchange", lambda _: b"\n"), "exchange.parquet cannot be read"),
    },
    "another format": {
        "CSV": (raw("hires", lambda _: b"hire,university\nH1,U01\n"), "hires.parquet cannot be"),
        "CSV with a formula": (raw("papers", lambda _: b'=cmd|"/c calc"!A1'), "papers.parquet can"),
        "JSON": (raw("grades", lambda _: json.dumps([1]).encode()), "grades.parquet cannot be rea"),
        "spreadsheet": (raw("exchange", lambda _: b"PK\x03\x04" + bytes(99)), "exchange.parquet c"),
    },
    "flipped bit": {
        "patents": (flipped("patents", 0.5), "patents.parquet cannot be read"),
        "papers": (flipped("papers", 0.7), "papers.parquet cannot be read"),
        "hires": (flipped("hires", 0.6), "hires.parquet cannot be read"),
    },
    "no rows": {
        name: (frame(name, lambda t: t.iloc[:0]), f"{name}.parquet has no rows")
        for name in ("universities", "patents", "resources")
    },
    "missing table": {
        name: (instead(name, lambda _: None), f"does not hold {name}.parquet")
        for name in ("disciplines", "patents", "exchange")
    },
    "no file": {
        "folder": (instead("papers", Path.mkdir), "does not hold papers.parquet"),
        "dangling link": (instead("grades", lambda p: p.symlink_to("gone")), "not hold grades.par"),
        "link to itself": (instead("hires", lambda p: p.symlink_to(p.name)), "hires.parquet"),
    },
    "link out of the folder": {
        "beside it": (linked("hires", lambda f: f.parent / "x.parquet"), "hires.parquet is a link"),
        "below it": (linked("grades", lambda f: f / "deep" / "g.parquet"), "grades.parquet is a l"),
        "far away": (linked("papers", lambda f: f.parent / "a/b/p"), "papers.parquet is a link to"),
    },
    "missing column": {
        f"{table}: {name}": (
            frame(table, lambda t, name=name: t.drop(columns=name)),
            f"column {name!r} is missing",
        )
        for table, name in (("patents", "ipc"), ("exchange", "conf_hosted"), ("grades", "grade"))
    },
    "extra column": {
        "index of pandas": (
            frame("hires", lambda t: t.assign(**{"Unnamed: 0": 1})),
            "column 'Unnamed: 0' is not known",
        ),
        "note": (frame("grades", lambda t: t.assign(note="x")), "column 'note' is not known"),
        "of another table": (
            frame("papers", lambda t: t.assign(jurisdiction="CN")),
            "column 'jurisdiction' is not known",
        ),
    },
    "renamed column": {
        "Chinese": (frame("patents", lambda t: t.rename(columns={"date": "申请日"})), "'申请日'"),
        "blank": (frame("grades", lambda t: t.rename(columns={"grade": "grade "})), "'grade '"),
        "byte-order mark": (
            frame("hires", lambda t: t.rename(columns={"hire": "\ufeffhire"})),
            r"'\ufeffhire'",
        ),
        "capitals": (frame("exchange", lambda t: t.rename(columns=str.upper)), "'UNIVERSITY'"),
    },
    "column twice": {
        table: (
            arrow(table, lambda t, name=name: t.append_column(name, t[name])),
            f"{table}.parquet",
        )
        for table, name in (("grades", "grade"), ("exchange", "year"), ("patents", "application"))
    },
    "columns swapped": {
        "grades": (swapped("grades", "university", "discipline"), "column 'discipline', row 0"),
        "hires": (swapped("hires", "discipline", "doctorate_country"), "column 'doctorate_country"),
        "patents": (swapped("patents", "application", "date"), "column 'date' has type"),
        "papers": (swapped("papers", "year", "paper"), "column 'year' has type"),
    },
    "count as text": {
        "plain": (column("exchange", "coop_sent", lambda c: c.astype(str)), "'coop_sent' has type"),
        "thousands": (column("resources", "rd_staff", lambda _: "1,234"), "'rd_staff' has type"),
        "Chinese": (column("exchange", "conf_papers", lambda _: "十二"), "'conf_papers' has type"),
    },
    "fractional count": {
        "half": (column("exchange", "conf_hosted", lambda c: c + 0.5), "'conf_hosted' has type fl"),
        "whole floats": (
            column("resources", "graduates", lambda c: c * 1.0),
            "'graduates' has typ",
        ),
        "in ten thousands": (
            column("resources", "rd_spending", lambda c: c / 1e4),
            "'rd_spending'",
        ),
    },
    "negative count": {
        "minus one": (cell("exchange", "conf_invited", -1), "'conf_invited', row 3: -1"),
        "code for missing": (cell("resources", "rd_staff", -999), "'rd_staff', row 3: -999"),
        "smallest": (cell("exchange", "coop_sent", -(2**63)), "'coop_sent', row 3: -9223372036854"),
    },
    "count is missing": {
        "NaN": (cell("exchange", "coop_received", np.nan), "'coop_received' has type float64"),
        "empty integers": (
            column("resources", "rd_staff", lambda c: c.astype("Int64").mask(c.index == 3)),
            "'rd_staff'",
        ),
        "whole column": (column_of("exchange", "conf_papers", pa.nulls), "'conf_papers'"),
    },
    "no finite number": {
        "infinite": (cell("resources", "graduates", np.inf), "'graduates' has type float64"),
        "1e308": (
            column("exchange", "conf_attended", lambda c: c * 1e304),
            "'conf_attended' has type f",
        ),
        "minus infinite": (cell("resources", "rd_spending", -np.inf), "'rd_spending' has type flo"),
    },
    "count beyond belief": {
        "2^62": (cell("exchange", "coop_sent", 2**62), "row 3: 4611686018427387904 breaks the ru"),
        "2^63 - 1": (cell("resources", "rd_staff", 2**63 - 1), "row 3: 9223372036854775807 break"),
        "unit of yuan": (cell("resources", "rd_spending", 25 * 10**9), "row 3: 25000000000 break"),
        "2^64 - 1": (
            column("exchange", "conf_papers", lambda c: c.astype("uint64") + np.uint64(2**63)),
            "'conf_papers' has type uint64",
        ),
    },
    "impossible year": {
        "0": (cell("exchange", "year", 0), "'year', row 3: 0 breaks the rule"),
        "with a digit more": (cell("papers", "year", 20189), "'year', row 3: 20189 breaks"),
        "of two digits": (column("hires", "year", lambda y: y - 2000), "'year', row 0: "),
        "2^63 - 1": (cell("resources", "year", 2**63 - 1), "'year', row 3: 9223372036854775807"),
    },
    "year of another type": {
        "text": (column("papers", "year", lambda y: y.astype(str)), "'year' has type str"),
        "date": (column("hires", "year", lambda y: pd.to_datetime(y, format="%Y")), "'year' has t"),
        "float": (column("exchange", "year", lambda y: y * 1.0), "'year' has type float64"),
    },
    "date as text": {
        style: (
            column("patents", "date", lambda d, style=style: d.dt.strftime(style)),
            "column 'date' has type str, not date",
        )
        for style in ("%Y-%m-%d", "%Y%m%d", "%d.%m.%y")
    },
    "date as number": {
        "Excel serial": (column("patents", "date", excel), "column 'date' has type int64"),
        "Excel with hours": (column("patents", "date", lambda d: excel(d) + 0.5), "has type float"),
        "eight digits": (
            column("patents", "date", lambda d: d.dt.strftime("%Y%m%d").astype(int)),
            "column 'date' has type int64",
        ),
        "2^63 - 1": (column("patents", "date", lambda _: 2**63 - 1), "'date' has type int64"),
    },
    "impossible date": {
        "zero of Excel": (
            cell("patents", "date", pd.Timestamp("1899-12-30")),
            "'date', row 3: '18",
        ),
        "zero of Unix": (
            cell("patents", "date", pd.Timestamp("1970-01-01")),
            "'date', row 3: '197",
        ),
        "no end": (cell("patents", "date", pd.Timestamp("2262-01-01")), "'date', row 3: '2262"),
        "none": (cell("patents", "date", pd.NaT), "column 'date' is empty in row 3"),
        "year 9999": (
            column_of(
                "patents", "date", lambda n: pa.array([253402214400000000] * n, "timestamp[us]")
            ),
            "'date', row 0: '9999",
        ),
    },
    "date with a zone": {
        zone: (column("patents", "date", lambda d, z=zone: d.dt.tz_localize(z)), f"{zone}], not d")
        for zone in ("Asia/Shanghai", "UTC", "+08:00")
    },
    "line break at the end": {
        "office": (
            column("patents", "jurisdiction", lambda j: j + "\n"),
            r"'CN\n' breaks the rule",
        ),
        "discipline": (column("grades", "discipline", lambda d: d + "\n"), r"\n' breaks the rule"),
        "doctorate": (cell("hires", "doctorate_country", "US\n"), r"'US\n' breaks the rule"),
        "partners": (cell("papers", "partner_countries", "US;GB\n"), r"'US;GB\n' breaks the rule"),
        "category": (cell("disciplines", "category", "08\n"), r"'08\n' breaks the rule"),
    },
    "full-width characters": {
        "discipline": (cell("grades", "discipline", "０８０１"), "'０８０１' breaks the rule"),
        "office": (cell("patents", "jurisdiction", "ＣＮ"), "'ＣＮ' breaks the rule"),
        "Arabic digits": (cell("hires", "discipline", "٠٨٠١"), "'٠٨٠١' breaks the rule"),
        "category": (cell("disciplines", "category", "０８"), "'０８' breaks the rule"),
    },
    "blank at an end": {
        "after": (
            column("papers", "university", lambda u: u + " "),
            "'U01 ' breaks the rule no bl",
        ),
        "ideographic": (cell("hires", "university", "\u3000U01"), r"'\u3000U01' breaks the rule"),
        "zero width": (cell("grades", "university", "U01\u200b"), r"'U01\u200b' breaks the rule"),
        "no-break": (cell("exchange", "university", "U01\xa0"), r"'U01\xa0' breaks the rule"),
        "number": (cell("patents", "application", " CN1"), "' CN1' breaks the rule no blank"),
    },
    "control character": {
        "NUL": (cell("papers", "paper", "P\0001"), r"'P\x001' breaks the rule"),
        "escape sequence": (cell("hires", "hire", "\x1b[31mH1"), r"'\x1b[31mH1' breaks the rule"),
        "tab": (cell("universities", "university", "U04\tU05"), r"'U04\tU05' breaks the rule"),
    },
    "code of another kind": {
        "small letters": (cell("patents", "jurisdiction", "cn"), "'cn' breaks the rule"),
        "three letters": (cell("hires", "doctorate_country", "USA"), "'USA' breaks the rule"),
        "name": (cell("papers", "partner_countries", "United States"), "'United States' breaks"),
        "comma": (cell("papers", "partner_countries", "US,GB"), "'US,GB' breaks the rule"),
        "empty": (cell("patents", "jurisdiction", ""), "'' breaks the rule"),
    },
    "unknown grade": {
        "D": (cell("grades", "grade", "D"), "'D' breaks the rule"),
        "word": (cell("grades", "grade", "none"), "'none' breaks the rule"),
        "two signs": (cell("grades", "grade", "A++"), "'A++' breaks the rule"),
        "number": (column("grades", "grade", lambda g: range(len(g))), "'grade' has type int64"),
    },
    "code as number": {
        "grades": (
            column("grades", "discipline", lambda d: d.astype(int)),
            "has type int64, not t",
        ),
        "papers": (
            column("papers", "discipline", lambda d: d.astype(float)),
            "has type float64, n",
        ),
        "category": (
            column("disciplines", "category", lambda d: d.astype(int)),
            "type int64, not ",
        ),
    },
    "code of other length": {
        "zero lost": (cell("grades", "discipline", "801"), "'801' breaks the rule"),
        "second level": (cell("papers", "discipline", "080101"), "'080101' breaks the rule"),
        "point": (cell("hires", "discipline", "801.0"), "'801.0' breaks the rule"),
    },
    "key twice": {
        name: (twice(name), "have the same key (university")
        for name in ("universities", "exchange", "resources", "grades")
    },
    "key is missing": {
        "university": (cell("exchange", "university", None), "'university' is empty in row 3"),
        "application": (cell("patents", "application", None), "'application' is empty in row 3"),
        "hire": (cell("hires", "hire", None), "'hire' is empty in row 3"),
        "empty text": (cell("papers", "paper", ""), "'' breaks the rule"),
    },
    "required column without a type": {
        table: (column_of(table, name, pa.nulls), f"column {name!r}")
        for table, name in (
            ("patents", "applicants"),
            ("hires", "doctorate_country"),
            ("exchange", "university"),
        )
    },
    "column of another type": {
        "bytes": (
            column("hires", "hire", lambda h: h.str.encode("utf-8")),
            "column 'hire' holds b",
        ),
        "list": (column("patents", "applicants", lambda a: a.str.split(";")), "'applicants' holds"),
        "struct": (column("papers", "paper", lambda p: [{"id": x} for x in p]), "'paper' holds {"),
        "category": (column("grades", "university", lambda u: u.astype("category")), "category, n"),
    },
    "granted is no truth value": {
        "0 and 1": (
            column("patents", "granted", lambda g: g.astype(int)),
            "has type int64, not bo",
        ),
        "words": (
            column("patents", "granted", lambda g: g.map({True: "是", False: "否"})),
            "'grant",
        ),
        "gaps": (
            column("patents", "granted", lambda g: g.astype("boolean").mask(g.index == 3)),
            "'granted'",
        ),
    },
    "year of a university is missing": {
        "exchange": (
            frame("exchange", lambda t: t.query("university != 'U03' or year != 2014")),
            "exchange: 1 rows are missing, first U03 in 2014",
        ),
        "resources": (
            frame("resources", lambda t: t.query("year != 2011")),
            "resources: 10 rows are missing, first U01 in 2011",
        ),
        "university": (
            frame("exchange", lambda t: t.query("university != 'U10'")),
            "exchange: 7 rows are missing, first U10 in 2011",
        ),
    },
    "number of another office": {
        "United States": (cell("patents", "application", "US201715123456"), "of its office"),
        "filed by the PCT": (cell("patents", "application", "PCT/CN2017/000001"), "of its office"),
        "PCT as DOCDB has it": (cell("patents", "application", "CN 2017000001 W"), "of its office"),
        "all at home": (column("patents", "jurisdiction", lambda _: "CN"), "filed at CN, is not"),
        "all in the United States": (
            column("patents", "jurisdiction", lambda _: "US"),
            "filed at US, is not a number of its office",
        ),
    },
    "number rounded": {
        form: (cell("patents", "application", form), f"{form!r}, filed at CN, was rounded by a sp")
        for form in ("2.01712E+11", "2E+11", "2.01710123456e+12")
    },
    "unknown country": {
        "doctorate": (cell("hires", "doctorate_country", "ZZ"), "'ZZ' breaks the rule code of ISO"),
        "partner": (cell("papers", "partner_countries", "US;XX"), "'US;XX' breaks the rule codes"),
        "office": (cell("patents", "jurisdiction", "AA"), "'AA' breaks the rule code of ISO 3166"),
    },
    "discipline that the catalogue lacks": {
        "row": (frame("disciplines", lambda t: t[t["discipline"] != "0812"]), "disciplines: 0812"),
        "category": (
            frame("disciplines", lambda t: t.assign(category=t["category"].replace("07", "09"))),
            "under another category than its first two digits",
        ),
        "slip": (
            column("grades", "discipline", lambda d: d.replace("0812", "0898")),
            "disciplines: 0898 of grades (1 in all) not there",
        ),
    },
    "remembers what it should not": {
        "study as list": (remembered([1]), "mixes records"),
        "study as object": (remembered({"seed": 1}), "mixes records"),
        "columns of two rows": (two_headers, "grades.parquet has column names in 2 rows"),
    },
    "mark that is none": {
        "deep list": (mark("[" * 100_000), "manifest.json is damaged"),
        "deep object": (mark('{"made_by":' * 100_000), "manifest.json is damaged"),
        "study without a process": (
            mark(
                '{"made_by": "replication build", "source": "simulated", "study": {"seed": 1}, '
                '"sha256": {"grades.parquet": "0"}}'
            ),
            "manifest.json is damaged",
        ),
    },
    "university under another name": {
        "digit": (replaced("exchange", "U03", "U3"), "exchange: no row has the university 'U03'"),
        "case": (replaced("resources", "U03", "u03"), "it has 'u03', which the sample has not"),
        "blank": (replaced("exchange", "U10", "U 10"), "it has 'U 10', which the sample has not"),
    },
    "resource of zero": {
        name: (
            frame(
                "resources", lambda t, name=name: t.assign(**{name: t[name].where(t.index > 1, 0)})
            ),
            f"resources: {name} is zero for U01 in 2011",
        )
        for name in ("rd_staff", "rd_spending", "graduates")
    },
    "count that nobody fills in": {
        "conferences": (column("exchange", "conf_hosted", lambda _: 0), "exposure_conferences: no"),
        "cooperation": (column("exchange", "coop_sent", lambda _: 7), "exposure_cooperation"),
        "no doctorate abroad": (
            column("hires", "doctorate_country", lambda _: "CN"),
            "exposure_us",
        ),
    },
    "applicants joined": {
        f"by {sign!r}": (
            joined(sign),
            f"name are joined by {sign.strip()!r}",
        )
        for sign in (
            *("+", " & ", "#", ":", "_", "·", "@", "%", "=", "·", "・", "﹐", "∥", "→", "<", "…"),
            *("-", "—", "。", "和", "与", "\x00"),
        )
    }
    | {
        "by a blank": (
            applicants(lambda a: a.str.replace(";", " ")),
            "are joined by ' ', which may be part of a name",
        ),
        "by an ideographic blank": (joined("\u3000"), r"are joined by '\u3000', which may be part"),
        "by a word": (joined(" and "), "are joined by ' ', which may be part of a name"),
        "by a comma of English": (
            lambda folder: (
                column(
                    "universities", "applicant_names", lambda n: n + ";LAKE UNIVERSITY " + n.str[:3]
                )(folder),
                applicants(lambda a: "LAKE UNIVERSITY " + a.str[:3] + ", EAST TOOLS CO., LTD.")(
                    folder
                ),
            ),
            "are joined by ',', which may be part of a name",
        ),
    },
    "name of two universities": {
        "alike": (
            cell("universities", "applicant_names", "U04大学;U01大学"),
            "'U01大学' belongs to U0",
        ),
        "small letters": (
            cell("universities", "applicant_names", "u01大学"),
            "'U01大学' belongs to",
        ),
        "full width": (
            cell("universities", "applicant_names", "Ｕ０１　大学"),
            "'U01大学' belongs t",
        ),
        "behind a bar": (
            cell("universities", "applicant_names", "U04大学|U01大学"),
            "'U01大学' belo",
        ),
    },
    "university without a name": {
        "empty": (cell("universities", "applicant_names", ""), "U04 without an applicant name"),
        "separators": (cell("universities", "applicant_names", " ;；| "), "U04 without an applica"),
        "blanks": (
            cell("universities", "applicant_names", "　\xa0 "),
            "U04 without an applicant n",
        ),
    },
    "no joint patent by the applicants": {
        "university alone": (
            applicants(lambda a: a.str.split(";").str[0]),
            "no row names a university and a firm",
        ),
        "firm alone": (applicants(lambda a: a.str.split(";").str[-1]), "no joint patent"),
        "empty": (
            applicants(lambda _: ""),
            "no joint patent of a university of the sample and a f",
        ),
        "firms without their form": (
            applicants(lambda a: a.str.split(";").str[0] + ";东湖精密机械"),
            "these are firms ('东湖精密机械' (498))",
        ),
        "universities in English": (
            applicants(lambda a: a.str.replace("大学", " UNIVERSITY")),
            "these are universities of the sample ('U0",
        ),
        "run together": (applicants(lambda a: a.str.replace(";", "")), "no joint patent"),
    },
    "no joint patent by another column": {
        "years": (column("patents", "date", lambda d: d - pd.Timedelta(days=5000)), "year outside"),
        "offices": (
            frame(
                "patents",
                lambda t: t.assign(
                    jurisdiction="HK", application="HK" + t["application"].str.slice(2)
                ),
            ),
            "counts as overseas",
        ),
        "classes empty": (column("patents", "ipc", lambda _: None), "main IPC subclass without a"),
        "classes of another scheme": (
            column("patents", "ipc", lambda _: "TP391"),
            "main IPC subcl",
        ),
        "utility models": (
            column("patents", "application", lambda a: a.str.slice_replace(6, 7, "2")),
            "utility model or design, no invention",
        ),
        "other universities": (
            column("universities", "applicant_names", lambda n: "N" + n),
            "patents: no joint patent",
        ),
    },
    "beyond measure": {
        "columns": (
            arrow("hires", lambda t: pa.table({f"c{i}": t["hire"] for i in range(1001)})),
            "1,001 columns",
        ),
        "rows that take no room": (
            lambda folder: parquet.write_table(
                pa.table({"paper": pa.nulls(100_000_001)}), path(folder, "papers")
            ),
            "100,000,001 rows",
        ),
        "long text": (cell("patents", "jurisdiction", "X" * 1_000_000), "(1,000,002 characters)"),
    },
}
CASES = [(kind, name) for kind, cases in FAULTS.items() for name in cases]


# The test -----------------------------------------------------------------------------------------


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def build(folder: Path) -> int:
    records, out = folder / "records", folder / "panel.parquet"
    return cli.main(["build", "--records", str(records), "--out", str(out)])


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records of ten universities, their long tables thinned, and the panel built from them."""
    folder = tmp_path_factory.mktemp("good")
    (folder / "records").mkdir()
    for name, table in thin().items():
        table.to_parquet(path(folder / "records", name), index=False)
    assert build(folder) == 0
    return folder


def test_there_are_forty_kinds_with_three_of_each() -> None:
    assert len(FAULTS) >= 40
    assert all(len(cases) >= 3 for cases in FAULTS.values())
    assert len(CASES) >= 120


@pytest.mark.parametrize(("kind", "name"), CASES, ids=[f"{k}: {n}" for k, n in CASES])
def test_a_fault_is_named_and_nothing_is_lost(
    good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, name: str
) -> None:
    fault, says = FAULTS[kind][name]
    folder = tmp_path / "work"
    shutil.copytree(good, folder)
    fault(folder / "records")
    before = contents(folder)
    assert build(folder) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("replication build: ")
    assert says in said.err
    assert "Traceback" not in said.err
    assert "np." not in said.err
    assert len(said.err) < 5000
    assert contents(folder) == before
