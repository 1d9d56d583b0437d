"""The codebook, printed from the schema."""

from collections import Counter

import pandas as pd
import pandera.pandas as pa

from replication.page import markdown
from replication.panel.openalex import OPEN_PANEL
from replication.records import schema
from replication.records.validation import type_name

COLUMNS = ("column", "English", "中文", "type", "unit", "range or rule", "source")


def codebook_markdown(level: int = 2, *, folded: bool = False) -> str:
    """Markdown of every table: description, key and one row a column.

    Parameters
    ----------
    level : int
        Level of the tables' headings.
    folded : bool
        Whether the columns stand in a part that readers of the book open.
    """
    tables = [schema.PANEL, *schema.RECORDS.values(), *schema.OPTIONAL.values(), OPEN_PANEL]
    return "\n\n".join(_table(table, "#" * level, folded=folded) for table in tables) + "\n"


def _table(table: pa.DataFrameSchema, marks: str, *, folded: bool) -> str:
    key = ", ".join(f"`{c}`" for c in table.metadata["key"])
    more = " A repeated row is dropped and counted." if table.name in schema.EVENTS else ""
    source = _common_source(table)
    said = f" Source unless named: {source}." if source else ""
    rows = [_row(name, column, source) for name, column in table.columns.items()]
    columns = markdown.table(COLUMNS, rows)
    if folded:
        columns = [f":::{{dropdown}} Its {len(table.columns)} columns", *columns, ":::"]
    head = [f"{marks} `{table.name}`", "", f"{table.description} Key: {key}.{more}{said}", ""]
    return "\n".join([*head, *columns])


def _common_source(table: pa.DataFrameSchema) -> str:
    """The source of most columns, which is said once; empty if each has another."""
    sources = Counter(column.metadata["source"] for column in table.columns.values())
    source, times = sources.most_common(1)[0]
    return source if times > 1 else ""


def _row(name: str, column: pa.Column, common: str) -> list[str]:
    about = column.metadata
    rules = [_rule(check) for check in column.checks]
    rules += ["may be empty"] * column.nullable
    return [
        f"`{name}`",
        column.title,
        about["zh"],
        type_name(column),
        about["unit"],
        "; ".join(rules) or "any",
        "–" if about["source"] == common else about["source"],
    ]


def _rule(check: pa.Check) -> str:
    """Say a check in words."""
    known = check.statistics or {}
    if check.name == "greater_than_or_equal_to":
        return f"≥ {known['min_value']}"
    if check.name == "less_than_or_equal_to":
        return f"≤ {known['max_value']:,}"
    if check.name == "in_range":
        low, high = (
            bound.date() if isinstance(bound, pd.Timestamp) else bound
            for bound in (known["min_value"], known["max_value"])
        )
        return f"{low} to {high}"
    if check.name == "isin":
        return "one of " + ", ".join(map(str, known["allowed_values"]))
    if check.name == "matches":
        return f"matches `{known['pattern']}`"
    return str(check.error)
