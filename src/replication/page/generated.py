"""Markdown that the pages take from data: ``{generated} NAME`` stands where a part of it does."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from replication.page import markdown
from replication.page.api import api_markdown
from replication.page.benchmarks import (
    benchmarks_markdown,
    chain_markdown,
    ingest_markdown,
    scale_markdown,
)
from replication.page.codebook import codebook_markdown
from replication.page.gbt7714 import references_markdown
from replication.page.goals import goals_markdown
from replication.page.verification.render import page_markdown
from replication.records.article import Context, Driver, load_context, load_timeline
from replication.records.registry import load_register

# The study ----------------------------------------------------------------------------------------


def register_markdown() -> str:
    """The register: an overview table, then each choice in full."""
    table, details = [], []
    for row in load_register().to_dict("records"):
        anchor = f"register-{row['id'].lower()}"
        table.append((f"[{row['id']}](#{anchor})", row["name"], row["choice"]))
        details += [
            f"({anchor})=",
            f":::{{dropdown}} {row['id']} · {row['name']}",
            f"- *Default.* {row['choice']}",
            f"- *Why.* {row['reason']}",
            f"- *Alternatives.* {'; '.join(row['alternatives'])}",
            f"- *What they do to the answer.* {row['consequence']}",
            f"- *Where.* `{row['where']}`",
            ":::",
            "",
        ]
    return "\n".join([*markdown.table(("id", "choice", "default"), table), "", *details])


# The context article ------------------------------------------------------------------------------


def drivers_markdown() -> str:
    """Each driver, folded by environment: what the article says and shows, and our annotation."""
    context = load_context()
    parts = []
    for environment in context.environment:
        parts.append(f"::::{{dropdown}} The {environment.en} environment {environment.zh}\n")
        for driver in context.driver:
            if driver.environment == environment.id:
                parts += _annotated(context, driver)
        parts.append("::::\n")
    return "\n".join(parts)


def annotation_markdown() -> str:
    """What would test each driver: a row a driver, with a link to all that is said of it."""
    rows = [
        (f"[{driver.en}](#driver-{driver.id})", driver.would_test)
        for driver in load_context().driver
    ]
    return "\n".join(markdown.table(("driver", "would test it"), rows))


def _annotated(context: Context, driver: Driver) -> list[str]:
    """One driver, and below it our annotation."""
    measured = ", ".join(f"`{v}`" for v in driver.variables)
    annotation = [
        f"*Claims.* {driver.short}",
        f"*Evidence.* {_evidence(context, driver)}.",
        f"*Would test it.* {driver.would_test}",
        f"*Measured by.* {measured or 'No column of the panel.'}",
        f"*Data say.* {driver.data_say}",
    ]
    examples = [
        f"Its example: {e.en}."
        if e.section == driver.section
        else f"From section {e.section}, placed here by us: {e.en}."
        for e in context.example
        if e.driver == driver.id
    ]
    name = f"{driver.en[0].upper()}{driver.en[1:]}"
    return [
        f"(driver-{driver.id})=",
        f"**{name} {driver.zh}** (section {driver.section}).",
        " ".join([driver.claim_en, *examples]),
        "",
        driver.claim_zh,
        "",
        ":::{div} driver",
        *[f"- {line}" for line in annotation],
        ":::",
        "",
    ]


def _evidence(context: Context, driver: Driver) -> str:
    """Kinds of evidence, and the cases with whether the article or we file them there."""
    shown = [
        f"{case.short}, by our placement" if placed == "by us" else case.short
        for case in context.case
        if (placed := context.placed(driver.id, case.id))
    ]
    words = ", ".join(driver.evidence) + (f" ({'; '.join(shown)})" if shown else "")
    return f"{words[0].upper()}{words[1:]}"


def measures_markdown() -> str:
    """The cases with their measures: one table a case."""
    context = load_context()
    names = context.driver_names()
    parts = []
    for case in context.case:
        rows = [
            (m.section, f"{m.en}. {m.zh}。", f"[{names[m.driver]}](#driver-{m.driver})", m.placed)
            for m in context.measure
            if m.case == case.id
        ]
        heads = ("section", "measure", "driver", "placed")
        parts += [f"**{case.en}** {case.zh}\n", *markdown.table(heads, rows), ""]
    return "\n".join(parts)


def recommendations_markdown() -> str:
    """Six pieces of advice for three actors."""
    context = load_context()
    names = context.driver_names()
    rows = [
        (
            f"{r.actor} {r.actor_zh}",
            r.section,
            f"*{r.short}*: {r.en} {r.zh}",
            ", ".join(names[d] for d in r.drivers),
        )
        for r in context.recommendation
    ]
    return "\n".join(markdown.table(("actor", "section", "advice", "drivers (ours)"), rows))


def timeline_markdown() -> str:
    """Events with date, source and what each means for the event study."""
    rows = [
        (
            f"{e['date']:%Y-%m-%d}",
            f"{e['en']}. {e['zh']}。 ({e['kind']})",
            e["matters"],
            f"{{cite:p}}`{e['cite']}`",
        )
        for e in load_timeline().to_dict("records")
    ]
    return "\n".join(markdown.table(("date", "event", "what it means here", "source"), rows))


class Part(NamedTuple):
    """A generated part of a page, and the files that it is made from."""

    markdown: Callable[[], str]
    files: tuple[str, ...]


PARTS = {
    "api": Part(api_markdown, ("src/replication/__init__.pyi",)),
    "benchmarks": Part(benchmarks_markdown, ("results/benchmarks.csv", "results/benchmarks.json")),
    "goals": Part(
        goals_markdown, ("results/benchmarks.csv", "data/montecarlo/curves_manifest.json")
    ),
    "scale": Part(scale_markdown, ("results/scale.csv", "results/scale.json")),
    "chain": Part(chain_markdown, ("results/records.csv", "results/records.json")),
    "ingest": Part(ingest_markdown, ("results/ingest.csv", "results/ingest.json")),
    "codebook": Part(
        partial(codebook_markdown, folded=True),
        ("src/replication/records/schema.py", "src/replication/panel/openalex.py"),
    ),
    "context-annotation": Part(annotation_markdown, ("data/context.toml",)),
    "context-drivers": Part(drivers_markdown, ("data/context.toml",)),
    "context-measures": Part(measures_markdown, ("data/context.toml",)),
    "context-recommendations": Part(recommendations_markdown, ("data/context.toml",)),
    "references": Part(references_markdown, ("book/references.bib",)),
    "register": Part(register_markdown, ("data/register.toml",)),
    "verification": Part(page_markdown, ("src/replication/page/verification/render.py",)),
    "timeline": Part(timeline_markdown, ("data/timeline.toml",)),
}
"""What the pages may ask for, by name."""
