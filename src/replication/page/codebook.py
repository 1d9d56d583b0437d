"""The codebook and the README of `data/`, printed from the schema."""

from pathlib import Path
from typing import NamedTuple

import pandera.pandas as pa

from replication.config import DATA
from replication.panel.openalex import OPEN_PANEL
from replication.records import schema
from replication.records.validation import type_name

COLUMNS = ("column", "English", "中文", "type", "unit", "range or rule", "source")
HEAD = f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|"


class File(NamedTuple):
    """One file that ships in `data/`."""

    name: str
    what: str
    source: str
    made_by: str


BUILD = (
    "`replication simulate --out data/records`, then "
    "`replication build --records data/records --out data/panel.parquet`"
)
HAND = "by hand; tests hold it to its rules"
OURS = "the project"
FILES = (
    File(
        "panel.parquet",
        "the simulated analysis panel: one row a university, discipline and year",
        "simulated by the project, default seed; says nothing about real universities",
        BUILD,
    ),
    File(
        "panel.sample_flow.csv",
        "what became of each simulated record: one row a table and reason",
        "as the panel",
        BUILD,
    ),
    File(
        "truth.csv",
        "planted truth of the simulated study: one row a claim and target",
        "computed from the simulated study",
        "`replication truth --out data/truth.csv`",
    ),
    File(
        "disciplines.csv",
        "first-level disciplines of categories 07 (science) and 08 (engineering)",
        "national discipline catalogue 学位授予和人才培养学科目录 of 2011, with 0839 added in 2015",
        HAND,
    ),
    File(
        "ipc_discipline.csv",
        "concordance from main IPC subclass to discipline: one row a subclass (R14)",
        "our reading of the IPC (WIPO, 2022.01) and of the catalogue",
        HAND,
    ),
    File(
        "key_core_ipc.csv",
        "IPC subclasses of key core technology 关键核心技术 (R16)",
        "our reading of STD2018, NBS2018, FYP2021, CNIPA2021 (see below)",
        HAND,
    ),
    File(
        "export_control_ipc.csv",
        "IPC subclasses under technology export control (R10)",
        "our reading of CCL2021 (see below)",
        HAND,
    ),
    File(
        "ai_ipc.csv",
        "IPC subclasses related to artificial intelligence 人工智能, for the AI-era chapter",
        "our reading of WIPO2019 and CNIPA2023 (see below)",
        HAND,
    ),
    File(
        "context.toml",
        "the context article as coded by us: drivers, cases, measures, recommendations",
        "Mu, Lin and Liu (2026), doi 10.3969/j.issn.2096-711X.2026.08.001; our words",
        HAND,
    ),
    File(
        "timeline.toml",
        "dated events of deglobalisation and of generative AI, each with its source",
        "public documents cited in each row",
        HAND,
    ),
    File(
        "firm_names.toml",
        "rules that tell from an applicant's name what kind it is (R15); the examples are made up",
        OURS,
        HAND,
    ),
    File("register.toml", "the reconstruction register: choices R1–R20 and why", OURS, HAND),
    File(
        "claims.toml",
        "the claims C1–C9 of the paper's abstract, in our words, and how each is judged",
        "Xu, Xu, Cai and Meng (2026), doi 10.16382/j.cnki.1000-5560.2026.07.002, abstract",
        HAND,
    ),
    File(
        "sources.toml",
        "public data that the chapter on open data reads: where each file is, its checksum, terms",
        "the publishers cited in each row; the files are not here",
        HAND,
    ),
    File(
        "ministry_universities.csv",
        "the 75 universities directly under the Ministry of Education 教育部直属高校",
        "list of the Ministry of Education",
        HAND,
    ),
    File(
        "university_names.csv",
        "how each public source prints each of these universities, or why it is not there",
        "the files of `sources.toml`, read name by name",
        HAND,
    ),
    File(
        "published.toml",
        "published numbers that the validation chapter recomputes",
        "the publications cited in each row; the numbers are facts, their data are not here",
        HAND,
    ),
    File("README.md", "this file", OURS, "`replication codebook`"),
    File("restricted/README.md", "how to bring your own licensed records", OURS, "by hand"),
)
"""Everything that ships in `data/`."""

NOTES = """\
- **Disciplines without a row.** Seventeen disciplines have no patent class of their own and \
therefore no row in `ipc_discipline.csv`: 0701, 0704–0709, 0711–0714 (abstract, observational or \
historical), 0818 (only two subclasses, G01V and F24T, would belong to it), 0833, 0834, 0838 \
(planning, landscape, policing), 0835 and 0839 (software and security are told apart only below \
the subclass).
- **Classes of other categories.** Drugs, pesticides, plant breeding and veterinary instruments \
(A61K, A01N, A01H, A61D) belong to categories 09 and 10 and are absent. Subclasses that are never \
a main class (A61P, B82Y, C12R …) are absent.
- **Version of the scheme.** IPC 2022.01. Exports reclassified from 2023.01 on carry H10B, H10K, \
H10N and B64U, which are not here: applications with such a main class are dropped, and the \
sample flow counts them.
- **Technology lists.** All three are our reading at the level of the subclass, and wider than \
the published texts, which name products and groups below it. The list of AI leaves out classes in \
which AI is one subject among many: G06F (with language processing in G06F 40) and G05B (with \
adaptive control in G05B 13).
- **Source keys.** STD2018: series of Science and Technology Daily 科技日报 on technologies China \
lacks, 2018. NBS2018: classification of strategic emerging industries 战略性新兴产业分类, National \
Bureau of Statistics, 2018. FYP2021: outline of the 14th Five-Year Plan, 2021. CNIPA2021: \
国知办函规字〔2021〕121号. CCL2021: Commerce Control List, 15 CFR Part 774 Supplement No. 1, \
edition of October 2021. WIPO2019: Technology Trends: Artificial Intelligence, World Intellectual \
Property Organization, 2019. CNIPA2023: classification of patents in key digital technologies \
关键数字技术专利分类体系, 2023."""


OPEN = """\
`replication fetch openalex` collects the open panel into the cache, outside the repository, and \
`load_panel("open")` reads it. It has the columns of `panel` where they apply; `discipline` is a \
field of OpenAlex in four digits, 0017 for 17, and no code of the catalogue. `exposure` is the \
mean of log(1 + works with another country) over the years before treatment, in standard \
deviations over universities. The default run makes 3,375 requests, at least 5.6 minutes at ten a \
second, and costs about 0.41 US dollars of the 1.00 that a free key (`OPENALEX_API_KEY`) has a \
day by the price list of 2026; where the day's allowance ends, the same command goes on the next \
day. A university whose names match no institution exactly, or more than one, is dropped and \
listed with its candidates; `--institutions FILE` (columns `name_zh`, `openalex_id`) decides.

The collector was tested against a local server that answers as the documentation says, faults \
included; it has never been run against the live service. Not confirmed there: how many of the 75 \
names match exactly, that `international` may still be selected for institutions, the largest \
rate that the service bears, and the headers of a used-up day."""


def codebook_markdown(level: int = 2) -> str:
    """Markdown of every table: description, key and one row a column.

    Parameters
    ----------
    level : int
        Level of the tables' headings.
    """
    tables = [schema.PANEL, *schema.RECORDS.values(), OPEN_PANEL]
    return "\n\n".join(_table(table, "#" * level) for table in tables) + "\n"


def data_readme() -> str:
    """Text of `data/README.md`."""
    files = "\n".join(
        f"| `{f.name}` | {_cell(f.what)} | {_cell(f.source)} | {_cell(f.made_by)} |" for f in FILES
    )
    return f"""\
# Data 数据

Printed by `replication codebook`; edit `src/replication/records/schema.py` or `codebook.py`, not \
this file.

## What ships here

| file | what | source | made by |
|---|---|---|---|
{files}

Licence of all files: CC BY 4.0, as far as the project made them (see `LICENSE-DATA`).

The simulated records themselves are not kept: the first command under `panel.parquet` writes them \
to `data/records`, which git ignores, and the same seed gives the same records. Licensed records \
belong in `data/restricted`, which git ignores too.

## Notes on the concordances

{NOTES}

## Open data 公开数据

{OPEN}

## Codebook 变量说明表

{codebook_markdown(level=3)}"""


def write(folder: Path = DATA) -> list[Path]:
    """Write `README.md` into `folder`.

    Returns
    -------
    list of Path
        What was written.
    """
    path = folder / "README.md"
    path.write_text(data_readme(), encoding="utf-8", newline="\n")
    return [path]


def _table(table: pa.DataFrameSchema, marks: str) -> str:
    key = ", ".join(f"`{c}`" for c in table.metadata["key"])
    more = " A repeated row is dropped and counted." if table.name in schema.EVENTS else ""
    rows = "\n".join(_row(name, column) for name, column in table.columns.items())
    heading = f"{marks} `{table.name}`"
    return f"{heading}\n\n{table.description} Key: {key}.{more}\n\n{HEAD}\n{rows}"


def _row(name: str, column: pa.Column) -> str:
    about = column.metadata
    rules = [_rule(check) for check in column.checks]
    rules.append("may be empty" if column.nullable else "never empty")
    cells = [
        f"`{name}`",
        column.title,
        about["zh"],
        type_name(column),
        about["unit"],
        "; ".join(rules),
        about["source"],
    ]
    return "| " + " | ".join(map(_cell, cells)) + " |"


def _rule(check: pa.Check) -> str:
    """Say a check in words."""
    known = check.statistics or {}
    if check.name == "greater_than_or_equal_to":
        return f"≥ {known['min_value']}"
    if check.name == "in_range":
        return f"{known['min_value']} to {known['max_value']}"
    if check.name == "isin":
        return "one of " + ", ".join(map(str, known["allowed_values"]))
    if check.name == "str_matches":
        return f"matches `{known['pattern']}`"
    return str(check.error)


def _cell(text: str) -> str:
    return text.replace("|", r"\|")
