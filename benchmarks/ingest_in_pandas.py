"""What `ingest` makes of yearly files, as one would write it by hand in pandas, vectorised.

``python ingest_in_pandas.py EXPORTS OUT``: every row of a folder of files kept or dropped with its
reason; numbers, dates, classes and applicants in one form (width, traditional characters,
separators); publications of one application as one row; wrong check digits; the commonest type of
each applicant, and the rule by name held to it. `ingest.py` holds the tables to those of `ingest`.
Left out are the refusals, the look for encodings and headers, and names nearly a university's.
"""

import sys
import unicodedata
from functools import cache
from pathlib import Path

import opencc
import pandas as pd

from replication.records.classify import load_name_rules
from replication.records.ingest.kinds import TYPES
from replication.records.ingest.separators import SEPARATORS

COLUMNS = [
    *("申请号", "申请日", "申请人", "申请人类型", "IPC主分类号", "IPC分类号"),
    *("专利类型", "公开公告号", "授权公告号"),
]
SYMBOL = r"[A-H]\d{2}[A-Z](?:\s*\d{1,4}\s*/\s*\d{2,6})?"
HAN = "\u4e00-\u9fff"


def plain(cells: pd.Series) -> pd.Series:
    """Cells in one width, where they are beyond ASCII."""
    beyond = cells.str.contains(r"[^\x00-\x7f]", na=False)
    return cells.mask(beyond, cells[beyond].str.normalize("NFKC"))


@cache
def converter() -> opencc.OpenCC:
    """From traditional characters."""
    return opencc.OpenCC("t2s")


def names(cells: pd.Series) -> pd.Series:
    """Lists of names, each list made once."""
    every = cells.drop_duplicates()
    made = every.map(lambda cell: converter().convert(unicodedata.normalize("NFC", cell)))
    for old, new in SEPARATORS:
        python = old.replace(r"\p{Han}", HAN).replace(r"\x{", r"\u{")
        python = python.replace(r"\u{37E}", "\u037e").replace(r"\u{85}", "\x85")
        python = python.replace(r"\u{2028}", "\u2028").replace(r"\u{2029}", "\u2029")
        made = made.str.replace(python, new, regex=True)
    parts = made.str.split(";").map(lambda one: [s for n in one if (s := n.strip(" 。\u3000"))])
    return cells.map(dict(zip(every, parts, strict=True)))


def standard(table: pd.DataFrame) -> pd.DataFrame:
    """Say what each row says in one form, with the reason that it is dropped for."""
    table = table.apply(lambda cells: cells.str.strip())
    number = plain(table["申请号"]).str.upper().str.replace(r"[^0-9A-Z.]", "", regex=True)
    found = number.str.extract(r"^(?:CN|ZL)?((?:19|20)\d{2}[1-9]\d{7})(?:\.?([0-9X]))?")
    kind, publication = table["专利类型"], plain(table["公开公告号"]).str.upper()
    written = plain(table["申请日"])
    dashes = r"^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?$"
    day = pd.to_datetime(written.str.replace(dashes, r"\1-\2-\3", regex=True), format="%Y-%m-%d")
    main, rest = (
        plain(table[c]).str.upper().str.findall(SYMBOL) for c in ("IPC主分类号", "IPC分类号")
    )
    ipc = [
        ";".join(dict.fromkeys(s.replace(" ", "") for s in [*a, *b]))
        for a, b in zip(main, rest, strict=True)
    ]
    other = kind.str.contains("实用新型|外观|^(?:UM|DP|U|Y|S)[0-9]?$")
    other |= found[0].str[4].isin(["2", "3", "9"]) | publication.str.contains("[0-9]-?[UYS][0-9]?$")
    fault = pd.Series(pd.NA, table.index, dtype="str")
    fault[other] = "utility model or design, no invention"
    fault[table["申请人"].isna()] = "no applicant"
    fault[table["申请日"].isna()] = "no filing date"
    fault[table["申请号"].isna()] = "no application number"
    fault[table["申请号"].str.match("合计|总计|小计", na=False)] = (
        "subtotal or remark of the export"
    )
    return pd.DataFrame(
        {
            "application": "CN" + found[0],
            "digit": found[1],
            "date": day.astype("datetime64[us]"),
            "applicants": names(table["申请人"]),
            "types": names(table["申请人类型"]),
            "ipc": pd.Series(ipc, table.index, dtype="str"),
            "granted": kind.str.contains("授权")
            | table["授权公告号"].notna()
            | publication.str.contains("[0-9]-?[BC][0-9]?$"),
            "fault": fault,
        }
    )


def applications(rows: pd.DataFrame) -> pd.DataFrame:
    """One row an application."""
    kept = rows[rows["fault"].isna()]
    made = kept.groupby("application", sort=True).agg(
        date=("date", "min"),
        applicants=("applicants", "first"),
        ipc=("ipc", "first"),
        granted=("granted", "any"),
    )
    made["applicants"] = made["applicants"].str.join(";")
    return made.reset_index()


def flow(rows: pd.DataFrame) -> pd.Series:
    """Rows by what became of them."""
    again = rows[rows["fault"].isna()].duplicated("application")
    reason = rows["fault"].fillna("kept")
    reason[again[again].index] = "another publication of an application read before"
    return reason.value_counts().sort_index()


def wrong_digits(rows: pd.DataFrame) -> int:
    """Check digits that are not the number's (ZC 0006-2003)."""
    kept = rows[rows["fault"].isna() & rows["digit"].notna()]
    digits = kept["application"].str[2:]
    total = sum(digits.str[i].astype("int64") * (2 + i % 8) for i in range(12))
    return int((kept["digit"] != (total % 11).astype("str").replace("10", "X")).sum())


def kinds(rows: pd.DataFrame) -> pd.DataFrame:
    """Pairs of name and type, with the kind that the rule by name gives."""
    first = rows[rows["fault"].isna()].drop_duplicates("application")
    first = first[first["applicants"].str.len() == first["types"].str.len()]
    pairs = first[["applicants", "types"]].explode(["applicants", "types"])
    counted = pairs.value_counts().rename("rows").reset_index()
    rules = load_name_rules()
    steps = rules.normalise
    table = str.maketrans(steps.translate_from, steps.translate_to)
    uniform = plain(counted["applicants"]).str.translate(table).str.upper()
    for old, new in steps.replace:
        uniform = uniform.str.replace(old.replace(r"\p{Han}", HAN), new, regex=True)
    counted = counted.assign(name=uniform).groupby(["name", "types"])["rows"].sum().reset_index()
    kind = pd.Series("other", counted.index, dtype="str")
    for rule in reversed(rules.rule):
        pattern = rule.pattern.replace(r"\p{Han}", HAN)
        kind[counted["name"].str.contains(pattern, regex=True)] = rule.kind
    return counted.assign(kind=kind)


def main(exports: Path, out: Path) -> None:
    """Read, make, write."""
    parts = [
        pd.read_csv(path, usecols=COLUMNS, dtype="str", encoding="utf-8-sig")
        for path in sorted(exports.glob("*.csv"))
    ]
    rows = standard(pd.concat(parts, ignore_index=True)[COLUMNS])
    out.mkdir()
    applications(rows).to_parquet(out / "patents.parquet", index=False)
    flow(rows).to_csv(out / "sample_flow.csv")
    typed = kinds(rows)
    confusion = typed.pivot_table("rows", "types", "kind", "sum", fill_value=0)
    confusion.rename_axis("type").to_csv(out / "types_by_rule.csv")
    most = typed.sort_values("rows", ascending=False).drop_duplicates("name")
    own = most["types"].map(TYPES).where(most["kind"] != "university_holding", most["kind"])
    own = own.where((own == "firm") | (most["kind"] == "firm"), most["kind"])
    most = most.assign(kind=own).rename(columns={"name": "applicant"})
    most[["applicant", "kind"]].to_parquet(out / "applicant_types.parquet", index=False)
    print(f"wrong check digits: {wrong_digits(rows):,}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
