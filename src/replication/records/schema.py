"""The tables of the study: the one description that all code reads.

The codebook, the data README and the validation of any panel are made from it.
"""

import pandera.pandas as pa

from replication.records import columns as col
from replication.records.variables import CONTROLS, EXCHANGE, GRADES, MEDIATOR_LABELS, RESOURCES

_RECORDS = (
    col.table(
        "universities",
        "One row a university of the sample.",
        ["university"],
        col.PATENT,
        university=col.university(),
        applicant_names=col.text(
            "names under which the university applies for patents, separated by semicolons",
            "专利申请人名称",
        ),
    ),
    col.table(
        "disciplines",
        "One row a first-level discipline of the catalogue.",
        ["discipline"],
        col.CATALOGUE,
        discipline=col.discipline(),
        category=col.category(),
        name_en=col.text("discipline, English name", "学科英文名"),
        name_zh=col.text("discipline, Chinese name", "学科中文名"),
    ),
    col.table(
        "exchange",
        "One row a university and year: the six counts of international exchange.",
        ["university", "year"],
        col.MOE,
        university=col.university(),
        year=col.year(),
        **{name: col.count(en, zh, "count") for name, (en, zh) in EXCHANGE.items()},
    ),
    col.table(
        "resources",
        "One row a university and year: staff, spending and students.",
        ["university", "year"],
        col.MOE,
        university=col.university(),
        year=col.year(),
        **{name: col.count(r.en, r.zh, r.unit) for name, r in RESOURCES.items()},
    ),
    col.table(
        "grades",
        "One row a discipline that a university offers: the cells of the study.",
        ["university", "discipline"],
        col.EVALUATION,
        university=col.university(),
        discipline=col.discipline(),
        grade=col.grade("evaluation grade, empty if none was published", GRADES, nullable=True),
    ),
    col.events(
        "patents",
        "One row an invention patent application.",
        ["application"],
        col.PATENT,
        application=col.identifier("application number", "申请号"),
        date=col.column("datetime64[us]", "filing date", "申请日", "date", col.DATE),
        jurisdiction=col.country("office of filing", "受理局"),
        applicants=col.text("all applicants, separated by semicolons", "申请人"),
        ipc=col.text(
            "IPC symbols, the main one first, separated by semicolons", "IPC分类号", nullable=True
        ),
        granted=col.column(bool, "granted by the day of the export", "是否授权", "yes or no"),
    ),
    col.events(
        "papers",
        "One row a paper of a university in a discipline; that of two universities is two rows.",
        ["paper", "university", "discipline"],
        col.PAPER,
        paper=col.identifier("identifier of the paper", "论文标识"),
        university=col.university(),
        discipline=col.discipline(),
        year=col.year(),
        partner_countries=col.countries(
            "countries of the partners, separated by semicolons, empty if none", "合作者国别"
        ),
    ),
    col.events(
        "hires",
        "One row a faculty member hired.",
        ["hire"],
        col.HIRE,
        hire=col.identifier("identifier of the hire", "引进人才标识"),
        university=col.university(),
        discipline=col.discipline(),
        year=col.year(),
        doctorate_country=col.country("country of the doctorate", "博士学位授予国"),
    ),
)

RECORDS: dict[str, pa.DataFrameSchema] = {str(table.name): table for table in _RECORDS}
"""Record tables by name: what `simulate` writes and what a holder of licensed data provides."""

OPTIONAL: dict[str, pa.DataFrameSchema] = {
    "applicant_types": col.table(
        "applicant_types",
        "One row an applicant whose type the export gives; it goes before the rule by name.",
        ["applicant"],
        col.PATENT,
        applicant=col.identifier("applicant, name made uniform", "申请人(规范名)"),
        kind=col.text("kind of applicant, as in firm_names.toml", "申请人类型"),
    )
}
"""Tables that records may have and need not."""


def described(name: str) -> pa.DataFrameSchema:
    """Description of a record table that is needed, or may be there."""
    return (RECORDS | OPTIONAL)[name]


EVENTS = tuple(name for name, table in RECORDS.items() if not table.unique)
"""Tables with one row an event; repetitions are dropped by `panel`, not refused."""

APPLICATIONS = "applications a year"

PANEL: pa.DataFrameSchema = col.table(
    "panel",
    "One row a university, discipline and year: what every design is estimated on.",
    ["university", "discipline", "year"],
    col.DERIVED,
    university=col.university(),
    discipline=col.discipline(),
    year=col.year(),
    category=col.category(),
    event_time=col.column("int64", "years since the first treated year", "相对冲击时间", "years"),
    post=col.flag("first treated year or later", "冲击后"),
    patents_joint=col.count(
        "university–firm joint invention applications",
        "校企联合发明专利申请",
        APPLICATIONS,
        "joint applications",
    ),
    patents_joint_key=col.count(
        "joint applications in key core technology",
        "关键核心技术联合申请",
        APPLICATIONS,
        "joint applications, key core technology",
    ),
    patents_joint_other=col.count(
        "joint applications in other fields",
        "其他领域联合申请",
        APPLICATIONS,
        "joint applications, other fields",
    ),
    patents_joint_ai=col.count(
        "joint applications in AI-related classes", "人工智能相关联合申请", APPLICATIONS
    ),
    patents_joint_not_ai=col.count(
        "joint applications in all other classes", "非人工智能相关联合申请", APPLICATIONS
    ),
    patents_joint_granted=col.count(
        "joint applications granted by the day of the export", "联合申请获授权", APPLICATIONS
    ),
    patents_joint_fractional=col.column(
        "float64",
        "joint applications, each shared equally by its applicants",
        "联合申请（分数计数）",
        APPLICATIONS,
        col.COUNT,
        col.CREDIBLE,
    ),
    **{name: col.count(m.en, m.zh, m.unit, m.words) for name, m in MEDIATOR_LABELS.items()},
    exposure=col.sd("pre-period international exchange", "国际科技交流暴露度"),
    exposure_cooperation=col.sd("pre-period cooperative research", "合作研究暴露度", "cooperation"),
    exposure_conferences=col.sd(
        "pre-period international conferences", "国际学术会议暴露度", "conferences"
    ),
    exposure_us=col.sd(
        "pre-period hires with a US doctorate", "引进美国博士暴露度", "US returnees"
    ),
    exposure_elsewhere=col.sd(
        "pre-period hires with another overseas doctorate",
        "引进其他海外博士暴露度",
        "other returnees",
    ),
    exposure_high=col.flag("exchange above the median of universities", "高交流组"),
    control_exposure=col.column(
        "float64",
        "exposure to technology control",
        "技术管制暴露度",
        "share of the discipline's pre-period applications in controlled subclasses",
        pa.Check.in_range(0, 1),
        word="control",
    ),
    grade=col.grade("evaluation grade, 'none' if none was published", [*GRADES, "none"]),
    advantaged=col.flag("advantaged discipline: grade A− or better", "优势学科"),
    **{
        name: col.column(
            "float64",
            r.en,
            f"{r.zh}（对数）",
            f"log of {r.unit}, mean of the pre-period",
            col.SCORE,
        )
        for name, r in zip(CONTROLS, RESOURCES.values(), strict=True)
    },
)
"""The analysis panel."""

TRUTH: pa.DataFrameSchema = col.table(
    "truth",
    "One row a claim and target: what is true in a simulated study.",
    ["claim", "target"],
    "computed by `replication truth`",
    claim=col.text(
        "claim, with a year of event time where it has one",
        "命题",
        "identifier",
        pa.Check.str_matches(r"^(C[1-9]( [−+]\d{1,2})?|AI)\Z"),
    ),
    target=col.text(
        "what is estimated",
        "目标",
        "identifier",
        pa.Check.isin(
            [
                *("mean", "mean, with controls", "mean, same disciplines"),
                *("log mean", "log(1 + y)", "share"),
            ]
        ),
    ),
    # A change of a log beyond this is no effect: it would multiply the outcome by 20,000.
    value=col.column(
        "float64",
        "planted truth",
        "真值",
        "change of a log, or a share",
        pa.Check.in_range(-10, 10),
    ),
    mc_error=col.column(
        "float64", "Monte-Carlo error", "蒙特卡洛误差", "as the value", pa.Check.in_range(0, 10)
    ),
)
"""The truth file."""


def panel(outcome: str = "applications") -> pa.DataFrameSchema:
    """Schema of a panel whose joint patents are counted so (R5): fractions are no whole numbers."""
    if outcome != "fractional":
        return PANEL
    counts = [c for c in PANEL.columns if c.startswith("patents_joint")]
    return PANEL.update_columns({c: {"dtype": "float64"} for c in counts})
