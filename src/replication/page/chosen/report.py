"""What moves: numbers and exhibits of a run under other choices, beside the default's."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from pandas.api.types import is_numeric_dtype

from replication.estimate.specification.chosen import COLUMNS

HEAD = ["kind", "where", "name", "default", "chosen", "difference"]
KINDS = {
    "claim": "The claims",
    "number": "Numbers in the text of the chapters",
    "exhibit": "Tables and figures",
}
"""Heads of the parts of the page, by kind."""
ALIKE = 1e-9
"""Share by which two numbers may differ and be one."""


def of_claims(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Compare estimates, standard errors and p-values of the claims; columns as of `HEAD`."""
    rows = []
    for claim, model in after.index.to_list():
        row, old = after.loc[(claim, model)], before.loc[(claim, model)]
        at = f"{claim}, {model}"
        rows += [_row("claim", at, column, old[column], row[column]) for column in COLUMNS]
        if row["reason"]:
            rows.append(_row("claim", at, "reason", "", row["reason"]))
    return pd.DataFrame(rows, columns=HEAD)


def of_chapter(name: str, before: Path, after: Path) -> pd.DataFrame:
    """Compare the results of a chapter: its numbers for prose, its tables, its figures' numbers."""
    old, new = (read_json(folder / "numbers.json") for folder in (before, after))
    rows = [
        _row("number", name, key, old.get(key, {}).get("value"), new.get(key, {}).get("value"))
        for key in dict.fromkeys([*old, *new])
    ]
    files = sorted({path.name for folder in (before, after) for path in folder.glob("*.csv")})
    for file in files:
        rows += _of_table(name, file, before / file, after / file)
    return pd.DataFrame(rows, columns=HEAD)


def _of_table(chapter: str, file: str, before: Path, after: Path) -> list[dict[str, Any]]:
    """Compare cell by cell where the two have one shape; otherwise say what shape they have."""
    name = file.removesuffix(".csv")
    if not (before.is_file() and after.is_file()):
        there = ["there" if path.is_file() else "not there" for path in (before, after)]
        return [_row("exhibit", chapter, name, *there)]
    old, new = pd.read_csv(before), pd.read_csv(after)
    if old.shape != new.shape or list(old.columns) != list(new.columns):
        shapes = [f"{len(frame)} rows, {frame.shape[1]} columns" for frame in (old, new)]
        return [_row("exhibit", chapter, name, *shapes)]
    labels = [c for c in old if not is_numeric_dtype(old[c])]
    at = [" · ".join(map(str, row)) for row in old[labels[:2]].to_numpy()]
    return [
        _row("exhibit", chapter, f"{name}: {at[i]} {column}".strip(), old[column][i], value)
        for column in old
        for i, value in enumerate(new[column])
    ]


def moves(report: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a report in which the two differ."""
    return report[report["difference"].ne("")]


def _row(kind: str, where: str, name: str, old: Any, new: Any) -> dict[str, Any]:
    difference: Any = ""
    if all(isinstance(v, (int, float)) or hasattr(v, "dtype") for v in (old, new)):
        if pd.isna(old) != pd.isna(new):
            difference = "one is missing"
        elif not pd.isna(old) and abs(new - old) > ALIKE * max(abs(old), abs(new), 1e-12):
            difference = float(new) - float(old)
    elif old != new and not (pd.isna(old) and pd.isna(new)):
        difference = "another text"
    values = {"default": old, "chosen": new, "difference": difference}
    return {"kind": kind, "where": where, "name": name, **values}


def read_json(path: Path) -> dict[str, Any]:
    """Content of a JSON file; empty if there is none."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def as_text(said: Mapping[str, Any], report: pd.DataFrame) -> str:
    """Print the choices and what moves: every claim's estimate, the count of all else."""
    lines = [said["title"], *[f"  {line}" for line in said["rows"]], *said["notes"], ""]
    claims = report[(report["kind"] == "claim") & report["name"].isin(["estimate", "reason"])]
    shown = claims.drop(columns="kind").map(_printed)
    lines += [shown.to_string(index=False), ""]
    for (kind, where), rows in report[report["kind"] != "claim"].groupby(["kind", "where"]):
        lines.append(f"{where}: {len(moves(rows))} of {len(rows)} {kind} values move")
    return "\n".join(lines) + "\n"


def as_html(said: Mapping[str, Any], report: pd.DataFrame) -> str:
    """Print the same as a page, with every value that moves."""
    moved = moves(report)
    parts = [
        (KINDS[str(kind)], rows.drop(columns="kind").map(_printed).to_numpy().tolist())
        for kind, rows in moved.groupby("kind", sort=False)
    ]
    return _PAGE.render(**said, head=HEAD[1:], parts=parts, moved=len(moved), total=len(report))


def _printed(value: Any) -> str:
    if isinstance(value, float) or hasattr(value, "dtype"):
        return "" if pd.isna(value) else f"{value:.4g}".replace("-", "−")
    return "" if value is None else str(value)


_PAGE = jinja2.Environment(autoescape=True, trim_blocks=True).from_string("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title>
<meta name="viewport" content="width=device-width"><style>
:root { color-scheme: light dark; --line: #8886; --mark: #b58100 }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem }
h1 { font-size: 1.5rem; line-height: 1.25 } h2 { font-size: 1.15rem }
.mark { border: 1px solid var(--mark); border-left-width: 4px; padding: .5rem 1rem }
.wide { overflow-x: auto } table { border-collapse: collapse; font-size: .9rem }
td, th { padding: .25rem .6rem; text-align: left; vertical-align: top }
td:nth-child(n+3), th:nth-child(n+3) { text-align: right; font-variant-numeric: tabular-nums }
td:first-child { white-space: nowrap } td:nth-child(2) { overflow-wrap: anywhere; min-width: 6rem }
td { max-width: 16rem } @media (max-width: 30rem) { td, th { padding: .2rem .3rem } }
tr { border-bottom: 1px solid var(--line) }
thead th { border-bottom: 2px solid var(--line) }
</style></head><body><h1>{{ title }}</h1>
<p class="mark">Simulated data; no number here is the book's default.</p>
<ul>{% for row in rows %}<li>{{ row }}</li>{% endfor %}</ul>
{% for note in notes %}
<p>{{ note }}</p>
{% endfor %}
<p>{{ moved }} of {{ total }} values move.</p>
{% for kind, values in parts %}
<h2>{{ kind }}</h2><div class="wide" role="region" aria-label="{{ kind }}" tabindex="0">
<table><thead><tr>{% for h in head %}<th scope="col">{{ h }}</th>{% endfor %}</tr></thead><tbody>
{% for row in values %}
<tr>{% for value in row %}<td>{{ value }}</td>{% endfor %}</tr>
{% endfor %}
</tbody></table></div>
{% endfor %}
</body></html>
""")
