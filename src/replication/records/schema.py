"""The tables of the study and every column in them: the one description that all code reads.

The codebook, the data README and the validation of any panel are made from it. A column states its
type, its unit, its admissible range, where it comes from in real records, and its label in English
and Chinese.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa

from replication.errors import SchemaError

EXCHANGE = {
    "coop_sent": ("persons sent abroad for cooperative research", "合作研究派遣人次"),
    "coop_received": ("persons received for cooperative research", "合作研究接受人次"),
    "conf_attended": ("persons attending international conferences", "国际学术会议出席人次"),
    "conf_papers": ("papers presented at international conferences", "国际学术会议交流论文篇数"),
    "conf_invited": ("invited talks at international conferences", "国际学术会议特邀报告篇数"),
    "conf_hosted": ("international conferences hosted", "国际学术会议主办次数"),
}
"""The six exchange counts of the Ministry of Education's science and technology statistics."""

COOPERATION = tuple(c for c in EXCHANGE if c.startswith("coop"))
CONFERENCES = tuple(c for c in EXCHANGE if c.startswith("conf"))

GRADES = ("A+", "A", "A-", "B+", "B", "B-", "C+", "C", "C-")
ADVANTAGED = ("A+", "A", "A-")

MOE = "MoE S&T statistics (高等学校科技统计资料汇编), university by year"
PATENT = "patent export (incoPat, CNIPA or PATSTAT)"
PAPER = "bibliographic export (Web of Science or OpenAlex)"
HIRE = "university personnel records or public CVs"
EVALUATION = "4th national discipline evaluation (2017)"
CATALOGUE = "national discipline catalogue"
DERIVED = "derived by `replication build`"

COUNT = pa.Check.ge(0)
YEAR = pa.Check.in_range(1985, 2100)
CODE = pa.Check.str_matches(r"^\d{4}$")
FINITE = pa.Check(np.isfinite, name="finite", error="finite")


def column(
    dtype: Any,
    en: str,
    zh: str,
    unit: str,
    source: str,
    *checks: pa.Check,
    nullable: bool = False,
) -> pa.Column:
    """Describe one column: type, labels, unit, source, checks."""
    metadata = {"zh": zh, "unit": unit, "source": source}
    return pa.Column(
        dtype, list(checks), nullable=nullable, title=en, metadata=metadata, coerce=False
    )


def _university() -> pa.Column:
    return column(str, "university", "高校", "identifier", "list of ministry universities")


def _discipline() -> pa.Column:
    return column(str, "first-level discipline", "一级学科", "4-digit code", CATALOGUE, CODE)


def _year(source: str) -> pa.Column:
    return column("int64", "year", "年份", "calendar year", source, YEAR)


def _count(en: str, zh: str, unit: str, source: str) -> pa.Column:
    return column("int64", en, zh, unit, source, COUNT)


def _sd(en: str, zh: str) -> pa.Column:
    return column("float64", en, zh, "standard deviations over universities", DERIVED, FINITE)


def _share(en: str, zh: str, unit: str) -> pa.Column:
    return column("float64", en, zh, unit, DERIVED, pa.Check.in_range(0, 1))


def _flag(en: str, zh: str) -> pa.Column:
    return column("int64", en, zh, "0 or 1", DERIVED, pa.Check.isin([0, 1]))


def _log(en: str, zh: str, unit: str) -> pa.Column:
    return column("float64", en, zh, f"log of {unit}, mean of the pre-period", DERIVED, FINITE)


def _table(name: str, description: str, key: list[str], columns: dict[str, pa.Column]) -> Any:
    # A vendor's export may repeat a patent; `panel` counts the repetition and sets it aside.
    return pa.DataFrameSchema(
        columns,
        name=name,
        description=description,
        unique=None if name in EVENTS else key,
        metadata={"key": key},
        strict=True,
        ordered=False,
        unique_column_names=True,
    )


EVENTS = ("patents", "papers", "hires")
"""Tables with one row an event; repetitions are set aside by `panel`, not refused."""

RECORDS: dict[str, pa.DataFrameSchema] = {
    "universities": _table(
        "universities",
        "One row a university of the sample.",
        ["university"],
        {
            "university": _university(),
            "applicant_names": column(
                str,
                "names under which the university applies for patents, separated by semicolons",
                "专利申请人名称",
                "text",
                PATENT,
            ),
        },
    ),
    "disciplines": _table(
        "disciplines",
        "One row a first-level discipline of the catalogue.",
        ["discipline"],
        {
            "discipline": _discipline(),
            "category": column(
                str, "category of the catalogue", "学科门类", "2-digit code", CATALOGUE
            ),
            "name_en": column(str, "discipline, English name", "学科英文名", "text", CATALOGUE),
            "name_zh": column(str, "discipline, Chinese name", "学科中文名", "text", CATALOGUE),
        },
    ),
    "exchange": _table(
        "exchange",
        "One row a university and year: the six counts of international exchange.",
        ["university", "year"],
        {
            "university": _university(),
            "year": _year(MOE),
            **{c: _count(en, zh, "count", MOE) for c, (en, zh) in EXCHANGE.items()},
        },
    ),
    "resources": _table(
        "resources",
        "One row a university and year: staff, spending and students.",
        ["university", "year"],
        {
            "university": _university(),
            "year": _year(MOE),
            "rd_staff": _count("R&D staff", "研究与发展人员", "full-time equivalents", MOE),
            "rd_spending": _count("R&D spending", "科技经费支出", "thousand yuan", MOE),
            "graduates": _count("graduate students", "在校研究生", "persons", MOE),
        },
    ),
    "grades": _table(
        "grades",
        "One row a discipline that a university offers: the cells of the study.",
        ["university", "discipline"],
        {
            "university": _university(),
            "discipline": _discipline(),
            "grade": column(
                str,
                "evaluation grade, empty if none was published",
                "学科评估等级",
                "A+ (best) to C-",
                EVALUATION,
                pa.Check.isin(GRADES),
                nullable=True,
            ),
        },
    ),
    "patents": _table(
        "patents",
        "One row an invention patent application.",
        ["application"],
        {
            "application": column(str, "application number", "申请号", "text", PATENT),
            "date": column("datetime64[us]", "filing date", "申请日", "date", PATENT),
            "jurisdiction": column(
                str,
                "office of filing",
                "受理局",
                "2-letter code",
                PATENT,
                pa.Check.str_matches(r"^[A-Z]{2}$"),
            ),
            "applicants": column(
                str, "all applicants, separated by semicolons", "申请人", "text", PATENT
            ),
            "ipc": column(
                str,
                "IPC symbols, the main one first, separated by semicolons",
                "IPC分类号",
                "text",
                PATENT,
                nullable=True,
            ),
            "granted": column(
                bool, "granted by the day of the export", "是否授权", "yes or no", PATENT
            ),
        },
    ),
    "papers": _table(
        "papers",
        "One row a paper of a university in a discipline.",
        ["paper"],
        {
            "paper": column(str, "identifier of the paper", "论文标识", "text", PAPER),
            "university": _university(),
            "discipline": _discipline(),
            "year": _year(PAPER),
            "partner_countries": column(
                str,
                "countries of the partners, separated by semicolons, empty if none",
                "合作者国别",
                "2-letter codes",
                PAPER,
                pa.Check.str_matches(r"^([A-Z]{2}(; ?[A-Z]{2})*)?$"),
                nullable=True,
            ),
        },
    ),
    "hires": _table(
        "hires",
        "One row a faculty member hired.",
        ["hire"],
        {
            "hire": column(str, "identifier of the hire", "引进人才标识", "text", HIRE),
            "university": _university(),
            "discipline": _discipline(),
            "year": _year(HIRE),
            "doctorate_country": column(
                str,
                "country of the doctorate",
                "博士学位授予国",
                "2-letter code",
                HIRE,
                pa.Check.str_matches(r"^[A-Z]{2}$"),
            ),
        },
    ),
}
"""Record tables by name: what `simulate` writes and what a holder of licensed data provides."""

APPLICATIONS = "applications a year"

PANEL: pa.DataFrameSchema = _table(
    "panel",
    "One row a university, discipline and year: what every design is estimated on.",
    ["university", "discipline", "year"],
    {
        "university": _university(),
        "discipline": _discipline(),
        "year": _year(DERIVED),
        "category": column(str, "category of the catalogue", "学科门类", "2-digit code", CATALOGUE),
        "event_time": column(
            "int64", "years since the first treated year", "相对政策时间", "years", DERIVED
        ),
        "post": _flag("first treated year or later", "政策后"),
        "patents_joint": _count(
            "university–firm joint invention applications",
            "校企联合发明专利申请",
            APPLICATIONS,
            DERIVED,
        ),
        "patents_joint_key": _count(
            "joint applications in key core technology",
            "关键核心技术联合申请",
            APPLICATIONS,
            DERIVED,
        ),
        "patents_joint_other": _count(
            "joint applications in other fields", "其他领域联合申请", APPLICATIONS, DERIVED
        ),
        "patents_joint_ai": _count(
            "joint applications in AI-related classes",
            "人工智能相关联合申请",
            APPLICATIONS,
            DERIVED,
        ),
        "patents_joint_not_ai": _count(
            "joint applications in all other classes",
            "非人工智能相关联合申请",
            APPLICATIONS,
            DERIVED,
        ),
        "patents_joint_granted": _count(
            "joint applications granted by the day of the export",
            "联合申请获授权",
            APPLICATIONS,
            DERIVED,
        ),
        "patents_joint_fractional": column(
            "float64",
            "joint applications, each shared equally by its applicants",
            "联合申请(分数计数)",
            APPLICATIONS,
            DERIVED,
            COUNT,
            FINITE,
        ),
        "hires_overseas": _count(
            "faculty hired with an overseas doctorate", "海外人才引进", "persons a year", DERIVED
        ),
        "papers_foreign": _count(
            "papers with a foreign partner", "中外高校联合论文", "papers a year", DERIVED
        ),
        "patents_overseas": _count(
            "the university's applications at foreign offices",
            "海外专利申请",
            APPLICATIONS,
            DERIVED,
        ),
        "exposure": _sd("pre-period international exchange", "国际科技交流暴露"),
        "exposure_cooperation": _sd("pre-period cooperative research", "国际合作研究暴露"),
        "exposure_conferences": _sd("pre-period international conferences", "国际学术会议暴露"),
        "exposure_us": _sd("pre-period hires with a US doctorate", "留美博士引进暴露"),
        "exposure_elsewhere": _sd(
            "pre-period hires with another overseas doctorate", "其他海外博士引进暴露"
        ),
        "exposure_high": _flag("exchange above the median of universities", "高交流组"),
        "control_exposure": _share(
            "exposure to technology control",
            "技术管制暴露",
            "share of the discipline's pre-period applications in controlled subclasses",
        ),
        "grade": column(
            str,
            "evaluation grade, 'none' if none was published",
            "学科评估等级",
            "A+ (best) to C-",
            EVALUATION,
            pa.Check.isin([*GRADES, "none"]),
        ),
        "advantaged": _flag("advantaged discipline: grade A− or better", "优势学科"),
        "log_rd_staff": _log("R&D staff", "研究与发展人员(对数)", "full-time equivalents"),
        "log_rd_spending": _log("R&D spending", "科技经费支出(对数)", "thousand yuan"),
        "log_graduates": _log("graduate students", "在校研究生(对数)", "persons"),
    },
)
"""The analysis panel."""


def type_name(column: pa.Column) -> str:
    """Name of a column's type as the codebook and the messages print it."""
    name = str(column.dtype).split("[")[0]
    return {"string": "text", "str": "text", "datetime64": "date (datetime64, no zone)"}.get(
        name, name
    )


def read(path: Path) -> pd.DataFrame:
    """Read a Parquet file, or raise `SchemaError` if it is none."""
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise SchemaError(f"{path} cannot be read as Parquet: {error}") from error


def validate(table: pd.DataFrame, schema: pa.DataFrameSchema, where: str) -> pd.DataFrame:
    """Return `table` with its columns in the schema's order, or say what is wrong with it.

    Parameters
    ----------
    table : DataFrame
    schema : DataFrameSchema
        `PANEL` or an entry of `RECORDS`.
    where : str
        File or source, for the message.

    Raises
    ------
    SchemaError
        Names the file, and for each fault the column, the first row, the value and the rule.
    """
    if not len(table):
        raise SchemaError(f"{where} has no rows")
    table = table.reset_index(drop=True)
    try:
        return schema.validate(table, lazy=True)[list(schema.columns)]
    except pa.errors.SchemaErrors as errors:
        cases = errors.failure_cases
        # A column of the wrong type fails its other checks for no reason of its own.
        is_type = cases["check"].astype(str).str.startswith("dtype")
        cases = cases[is_type | ~cases["column"].isin(cases.loc[is_type, "column"])]
        # One line for each column and rule; a repeated key is one fault of all its columns.
        of_table = cases["check"].astype(str).str.startswith("column_in")
        about = cases["column"].mask(of_table, cases["failure_case"]).astype(str)
        about = about.mask(cases["check"] == "multiple_fields_uniqueness", "")
        cases = cases[~cases.assign(about=about).duplicated(["about", "check"])]
        lines = [_fault(case, schema, table) for case in cases.head(10).to_dict("records")]
        raise SchemaError(
            f"{where} is not a valid table {schema.name!r} (see the codebook; rows are counted "
            "from 0):\n  " + "\n  ".join(lines)
        ) from None


def _fault(case: dict[Any, Any], schema: pa.DataFrameSchema, table: pd.DataFrame) -> str:
    """One line for one failed check."""
    column, check, value, row = (case[k] for k in ("column", "check", "failure_case", "index"))
    if check == "column_in_dataframe":
        return f"column {value!r} is missing: add it"
    if check == "column_in_schema":
        return f"column {value!r} is not known: remove or rename it"
    if check == "dataframe_column_labels_unique":
        return f"column {', '.join(value)} is there more than once: keep one"
    if str(check).startswith("dtype"):
        dtype = table[column].dtype
        mixed = pd.api.types.is_object_dtype(dtype)
        found = f"holds {value!r}" if mixed else f"has type {dtype}"
        return f"column {column!r} {found}, not {type_name(schema.columns[column])}"
    if check == "not_nullable":
        return f"column {column!r} is empty in row {int(row)}: fill it"
    if check == "multiple_fields_uniqueness":
        key = list(schema.unique)
        twice = table[key].eq(table.loc[row, key]).all(axis=1)
        first, second = twice[twice].index[:2]
        said = ", ".join(f"{c} {table.loc[row, c]}" for c in key)
        return f"rows {first} and {second} have the same key ({said}): keep one"
    return f"column {column!r}, row {int(row)}: {value!r} breaks the rule {check}"
