"""The tables of the study: the one description that all code reads.

The codebook, the data README and the validation of any panel are made from it.
"""

from typing import Any

import pandera.pandas as pa

from replication.records.columns import (
    CATALOGUE,
    COUNT,
    COUNTRY,
    DERIVED,
    EVALUATION,
    FINITE,
    HIRE,
    MOE,
    PAPER,
    PATENT,
    column,
    count,
    discipline,
    flag,
    log,
    sd,
    share,
    text,
    university,
    year,
)
from replication.records.variables import CONTROLS, EXCHANGE, GRADES, MEDIATOR_LABELS, RESOURCES


def _table(name: str, description: str, key: list[str], columns: dict[str, pa.Column]) -> Any:
    # A vendor's export may repeat a patent; `panel` counts the repetition and drops it.
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
"""Tables with one row an event; repetitions are dropped by `panel`, not refused."""

RECORDS: dict[str, pa.DataFrameSchema] = {
    "universities": _table(
        "universities",
        "One row a university of the sample.",
        ["university"],
        {
            "university": university(),
            "applicant_names": text(
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
            "discipline": discipline(),
            "category": text("category of the catalogue", "学科门类", "2-digit code", CATALOGUE),
            "name_en": text("discipline, English name", "学科英文名", "text", CATALOGUE),
            "name_zh": text("discipline, Chinese name", "学科中文名", "text", CATALOGUE),
        },
    ),
    "exchange": _table(
        "exchange",
        "One row a university and year: the six counts of international exchange.",
        ["university", "year"],
        {
            "university": university(),
            "year": year(MOE),
            **{c: count(en, zh, "count", MOE) for c, (en, zh) in EXCHANGE.items()},
        },
    ),
    "resources": _table(
        "resources",
        "One row a university and year: staff, spending and students.",
        ["university", "year"],
        {
            "university": university(),
            "year": year(MOE),
            **{r: count(about.en, about.zh, about.unit, MOE) for r, about in RESOURCES.items()},
        },
    ),
    "grades": _table(
        "grades",
        "One row a discipline that a university offers: the cells of the study.",
        ["university", "discipline"],
        {
            "university": university(),
            "discipline": discipline(),
            "grade": text(
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
            "application": text("application number", "申请号", "text", PATENT),
            "date": column("datetime64[us]", "filing date", "申请日", "date", PATENT),
            "jurisdiction": text("office of filing", "受理局", "2-letter code", PATENT, COUNTRY),
            "applicants": text("all applicants, separated by semicolons", "申请人", "text", PATENT),
            "ipc": text(
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
            "paper": text("identifier of the paper", "论文标识", "text", PAPER),
            "university": university(),
            "discipline": discipline(),
            "year": year(PAPER),
            "partner_countries": text(
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
            "hire": text("identifier of the hire", "引进人才标识", "text", HIRE),
            "university": university(),
            "discipline": discipline(),
            "year": year(HIRE),
            "doctorate_country": text(
                "country of the doctorate", "博士学位授予国", "2-letter code", HIRE, COUNTRY
            ),
        },
    ),
}
"""Record tables by name: what `simulate` writes and what a holder of licensed data provides."""

APPLICATIONS = "applications a year"


def _applications(en: str, zh: str, word: str = "") -> pa.Column:
    return count(en, zh, APPLICATIONS, DERIVED, word)


PANEL: pa.DataFrameSchema = _table(
    "panel",
    "One row a university, discipline and year: what every design is estimated on.",
    ["university", "discipline", "year"],
    {
        "university": university(),
        "discipline": discipline(),
        "year": year(DERIVED),
        "category": text("category of the catalogue", "学科门类", "2-digit code", CATALOGUE),
        "event_time": column(
            "int64", "years since the first treated year", "相对政策时间", "years", DERIVED
        ),
        "post": flag("first treated year or later", "政策后"),
        "patents_joint": _applications(
            "university–firm joint invention applications",
            "校企联合发明专利申请",
            "joint applications",
        ),
        "patents_joint_key": _applications(
            "joint applications in key core technology",
            "关键核心技术联合申请",
            "joint applications, key core technology",
        ),
        "patents_joint_other": _applications(
            "joint applications in other fields",
            "其他领域联合申请",
            "joint applications, other fields",
        ),
        "patents_joint_ai": _applications(
            "joint applications in AI-related classes", "人工智能相关联合申请"
        ),
        "patents_joint_not_ai": _applications(
            "joint applications in all other classes", "非人工智能相关联合申请"
        ),
        "patents_joint_granted": _applications(
            "joint applications granted by the day of the export", "联合申请获授权"
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
        **{
            mediator: count(about.en, about.zh, about.unit, DERIVED, about.words)
            for mediator, about in MEDIATOR_LABELS.items()
        },
        "exposure": sd("pre-period international exchange", "国际科技交流暴露"),
        "exposure_cooperation": sd("pre-period cooperative research", "国际合作研究暴露"),
        "exposure_conferences": sd("pre-period international conferences", "国际学术会议暴露"),
        "exposure_us": sd("pre-period hires with a US doctorate", "留美博士引进暴露"),
        "exposure_elsewhere": sd(
            "pre-period hires with another overseas doctorate", "其他海外博士引进暴露"
        ),
        "exposure_high": flag("exchange above the median of universities", "高交流组"),
        "control_exposure": share(
            "exposure to technology control",
            "技术管制暴露",
            "share of the discipline's pre-period applications in controlled subclasses",
            word="control",
        ),
        "grade": text(
            "evaluation grade, 'none' if none was published",
            "学科评估等级",
            "A+ (best) to C-",
            EVALUATION,
            pa.Check.isin([*GRADES, "none"]),
        ),
        "advantaged": flag("advantaged discipline: grade A− or better", "优势学科"),
        **{
            control: log(about.en, f"{about.zh}(对数)", about.unit)
            for control, about in zip(CONTROLS, RESOURCES.values(), strict=True)
        },
    },
)
"""The analysis panel."""
