"""Figures of estimates that a reader explores: pointer, finger or arrow keys say each estimate.

A figure whose published numbers hold an estimate and its interval gets them into its page, and
``chart.js`` draws them there. Without a script, and on paper, the figure stays the picture it is.
What a long chart holds stands on a page of its own as a plain table.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd
from finish_registry import SAID, Exhibit

from replication.records.registry import load_register

if TYPE_CHECKING:
    from pathlib import Path

    from bs4 import BeautifulSoup, Tag

NEEDED = {"estimate", "lower", "upper"}
DRAWN = ("estimate", "lower", "upper", "band_lower", "band_upper", "target")
BESIDE = {"event_time", "std_error", "statistic", "p_value", "p_permuted", "target_error"}
BESIDE |= {"rows", "dropped"}
"""Numbers that a figure need not draw; any others are marks or an axis that a chart would lose."""
LONG = 40
"""Estimates beyond which they stand in order, and their table on a page of its own."""
WORDS = {
    "estimate": "Estimate",
    "std_error": "Standard error",
    "lower": "Lower",
    "upper": "Upper",
    "band_lower": "Lower, all periods",
    "band_upper": "Upper, all periods",
    "target": "Aim",
    "target_error": "Error of the aim",
    "p_value": "p-value",
    "p_permuted": "p-value, permuted",
    "event_time": "Year",
    "design": "Design",
    "rows": "Rows",
    "reason": "Why there is no estimate",
    "not_permuted": "Why it is not permuted",
    "panel": "Panel",
    "as_planned": "As planned",
}
CHOICES = r"R\d+$|.+ \(R\d+\)$|universities$"
"""Columns of a curve that hold a choice: a row of the register, alone or behind its name."""


@dataclass(frozen=True)
class Chart:
    """What the script draws, and the same as a table."""

    drawn: dict[str, Any]
    table: pd.DataFrame


def chart_of(data: pd.DataFrame) -> Chart | None:
    """The chart of published numbers, or None where they are not estimates with intervals.

    Estimates lie along event time where they have it, in their own order where they are few, and
    by size where they are many; then the columns of text are the choices behind each.
    """
    if not set(data.columns) >= NEEDED or data["estimate"].isna().all():
        return None
    numbers = (
        set(data.dropna(axis=1, how="all").select_dtypes("number").columns) - BESIDE - set(DRAWN)
    )
    if any(re.match(CHOICES, column) is None for column in numbers):
        return None
    shown = data.dropna(subset=["estimate"]).reset_index(drop=True)
    along = "time" if "event_time" in shown else "rank" if len(shown) > LONG else "name"
    names = [c for c in shown.columns if not pd.api.types.is_numeric_dtype(shown[c])]
    if along == "rank":
        shown = shown.sort_values("estimate", kind="stable").reset_index(drop=True)
        names = [c for c in shown.columns if re.match(CHOICES, c)]
    elif len(names) != 1:
        return None
    texts = {column: shown[column].astype(str) for column in names}
    drawn: dict[str, Any] = {"along": along, "missing": len(data) - len(shown)}
    drawn |= {c: [_number(v) for v in shown[c]] for c in DRAWN if c in shown}
    if along == "time":
        drawn["at"] = shown["event_time"].astype(int).tolist()
    if "as_planned" in shown:
        drawn["planned"] = shown.index[shown["as_planned"].astype(bool)].tolist()
    drawn["texts"] = {
        _title(column): {
            "said": (said := list(dict.fromkeys(text))),
            "of": [said.index(one) for one in text],
        }
        for column, text in texts.items()
    }
    return Chart(drawn, shown)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(f"{value:.5g}")


def _title(column: str) -> str:
    """A column in words; a row of the register with its name."""
    rows = load_register().set_index("id")["name"]
    return f"{column} {rows[column]}" if column in rows.index else WORDS.get(column, column)


def load_chart(exhibit: Exhibit, results: Path) -> Chart | None:
    """The chart of a published figure, if it is one."""
    path = results / exhibit.chapter / f"{exhibit.name}.csv"
    if not exhibit.name.startswith("fig-") or not path.is_file():
        return None
    return chart_of(pd.read_csv(path))


def add_chart(soup: BeautifulSoup, block: Tag, exhibit: Exhibit, results: Path) -> Chart | None:
    """Put the numbers of a figure into its page, for the script to draw."""
    chart = load_chart(exhibit, results)
    if chart is None:
        return None
    holder = soup.new_tag("script", attrs={"type": "application/json", "class": "chart"})
    holder.string = json.dumps(chart.drawn, ensure_ascii=False).replace("<", "\\u003c")
    block.append(holder)
    return chart


def long_table(exhibit: Exhibit, results: Path) -> str | None:
    """The page of a long chart's numbers, one plain table without a script; None for others."""
    chart = load_chart(exhibit, results)
    if chart is None or len(chart.table) <= LONG:
        return None
    shown = chart.table.rename(columns=_title).rename_axis("Rank").reset_index()
    shown["Rank"] += 1
    rows = [[_cell(value) for value in row] for row in shown.itertuples(index=False)]
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in shown.columns)
    body = "\n".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    name = f"{exhibit.label}: {exhibit.title}"
    back = f"../../notebooks/{exhibit.chapter}.html#{exhibit.name}"
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(name)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="../../_static/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="../../_static/table.css"></head>
<body><main><h1>{escape(name)}</h1>
<p class="source-badges"><strong class="source-badge">{SAID[exhibit.source]}</strong>.
<a href="{back}">The figure in its chapter</a></p>
<div class="wide" tabindex="0" role="region" aria-label="Table"><table>
<thead><tr>{head}</tr></thead>
<tbody>
{body}
</tbody></table></div></main></body></html>
"""


def _cell(value: object) -> str:
    if isinstance(value, float):
        if math.isnan(value):
            return ""
        return f"{value:,.0f}" if value.is_integer() else f"{value:.3f}".replace("-", "−")
    return str(value)
