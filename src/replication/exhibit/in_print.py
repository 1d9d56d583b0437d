"""Published numbers, and ours beside them.

A chapter calls the study's own verbs on a published data set; `verdicts` puts every result beside
the number in print. There is no tolerance: a number matches if, rounded to the digits that were
printed, it is the printed one.
"""

import math
from collections.abc import Mapping
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pandas as pd

from replication.config import ROOT
from replication.errors import RegistryError, SourceUnavailableError
from replication.estimate.convention import CLASSICAL, NAMES
from replication.estimate.fit import Estimate
from replication.exhibit.tables import Table, plain
from replication.records.published import load_published

R_NUMBERS = ROOT / "tests" / "oracles" / "r_numbers.csv"

CONVENTIONS = {CLASSICAL: "classical", **{said: kind for kind, said in NAMES.items()}}

Fit = Estimate | pd.DataFrame


def verdicts(fits: Mapping[str, Fit], published: pd.DataFrame | None = None) -> pd.DataFrame:
    """Put every published number beside ours.

    Parameters
    ----------
    fits : mapping of str to Estimate or DataFrame
        One entry for each ``fit`` of the published rows; a DataFrame has terms for rows and
        statistics for columns.
    published : DataFrame, optional
        As from `load_published`, which is the default.

    Returns
    -------
    DataFrame
        One row a published number: ``published`` (text), ``ours``, ``ours_printed`` (ours rounded
        to the digits in print), ``last_digits`` (difference in units of the last printed place),
        ``verdict`` ("matches", "matches, truncated in print" or "differs"), ``r`` and
        ``r_relative`` (R's number where one is recorded, and ours relative to it), ``remark``.

    Raises
    ------
    RegistryError
        If a published number has no estimate of ours, or an estimate no published number.
    """
    rows = load_published() if published is None else published
    unmatched = set(rows["fit"]) ^ set(fits)
    if unmatched:
        raise RegistryError(
            f"fits and published rows do not agree on {', '.join(sorted(unmatched))}: every fit "
            "needs a published number, and every number its fit"
        )
    record = r_numbers()
    return pd.DataFrame(_verdict(row, fits[str(row["fit"])], record) for _, row in rows.iterrows())


def _verdict(row: pd.Series, fit: Fit, record: pd.DataFrame) -> dict[str, Any]:
    frame = _frame(fit)
    if row["term"] not in frame.index or row["statistic"] not in frame.columns:
        raise RegistryError(
            f"{row['id']}: fit {row['fit']!r} has no {row['statistic']} of {row['term']!r}; it has "
            f"{', '.join(map(str, frame.columns))} of {', '.join(map(str, frame.index))}"
        )
    ours = float(frame.loc[row["term"], row["statistic"]])
    printed = Decimal(row["value"])
    # One unit of the last printed digit: 0.001 for ".191".
    unit = Decimal(1).scaleb(int(printed.as_tuple().exponent))
    rounded = Decimal(ours).quantize(unit, ROUND_HALF_UP)
    if rounded == printed:
        verdict = "matches"
    elif Decimal(ours).quantize(unit, ROUND_DOWN) == printed:
        verdict = "matches, truncated in print"
    else:
        verdict = "differs"
    r = _recorded(row, fit, record)
    return {
        **{name: row[name] for name in ("id", "dataset", "model", "fit", "term", "statistic")},
        "published": row["value"],
        "ours": ours,
        "ours_printed": _as_printed(rounded, row["value"]),
        "last_digits": round(float((Decimal(ours) - printed) / unit), 2),
        "verdict": verdict,
        "r": r,
        "r_relative": abs(ours / r - 1),
        "remark": row["remark"],
    }


def _recorded(row: pd.Series, fit: Fit, record: pd.DataFrame) -> float:
    """R's number for a row: the same model and term, under the convention of ours; else NaN."""
    at = (record["model"] == row["fit"]) & (record["term"] == row["term"])
    at &= record["convention"] == _convention(fit)
    known = row["statistic"] in record and at.any()
    return float(record.loc[at, row["statistic"]].iloc[0]) if known else math.nan


def _frame(fit: Fit) -> pd.DataFrame:
    return fit.frame if isinstance(fit, Estimate) else fit


def _convention(fit: Fit) -> str:
    return CONVENTIONS[fit.convention] if isinstance(fit, Estimate) else "none"


def r_comparison(fits: Mapping[str, Fit]) -> pd.DataFrame:
    """Put our estimates and standard errors beside every number that R has for them.

    Parameters
    ----------
    fits : mapping of str to Estimate or DataFrame
        Named as the models in R's record; those that R has not are left out.

    Returns
    -------
    DataFrame
        One row a model, term and R package, under the variance of ours: ``estimate``,
        ``r_estimate``, ``estimate_relative``, and the same three of the standard error.
    """
    rows = []
    for _, r in r_numbers().iterrows():
        fit = fits.get(str(r["model"]))
        if fit is None or r["convention"] != _convention(fit):
            continue
        ours = _frame(fit).loc[r["term"]]
        row = {"model": r["model"], "term": r["term"], "variance": r["convention"]}
        for name in ("estimate", "std_error"):
            row |= {name: ours[name], f"r_{name}": r[name]}
            row[f"{name}_relative"] = abs(ours[name] / r[name] - 1)
        rows.append({**row, "r": r["version"]})
    return pd.DataFrame(rows)


def verdict_table(found: pd.DataFrame) -> Table:
    """Print what `verdicts` has found."""
    heads = {
        "term": "Term",
        "statistic": "Statistic",
        "published": "In print",
        "ours_printed": "Ours, rounded",
        "ours": "Ours",
        "last_digits": "Off by (last digits)",
        "verdict": "Verdict",
    }
    table = found.set_index("fit")[list(heads)].rename(columns=heads)
    table["Statistic"] = table["Statistic"].str.replace("std_error", "standard error")
    return plain(table, formats={"Ours": "{:,.8g}", "Off by (last digits)": "{:+.2f}"})


def r_table(compared: pd.DataFrame) -> Table:
    """Print what `r_comparison` has found."""
    heads = {
        "term": "Term",
        "variance": "Variance",
        "estimate": "Estimate",
        "r_estimate": "in R",
        "std_error": "Standard error",
        "r_std_error": "error in R",
        "r": "R package",
    }
    table = compared.set_index("model")[list(heads)].rename(columns=heads)
    # Differences below a stated bound are rounding.
    worst = compared[["estimate_relative", "std_error_relative"]].max(axis=1)
    table["Agreement"] = [
        "within 1e-7" if difference < 1e-7 else f"off by {difference:.1e}" for difference in worst
    ]
    numbers = ["Estimate", "in R", "Standard error", "error in R"]
    return plain(table, formats=dict.fromkeys(numbers, "{:,.7g}"))


def r_numbers(path: Path = R_NUMBERS) -> pd.DataFrame:
    """R's recorded numbers, as ``tests/oracles/validation.R`` wrote them."""
    if not path.is_file():
        raise SourceUnavailableError(
            f"R's recorded numbers are not at {path}: take the file from the repository, or write "
            "it again as the head of tests/oracles/validation.R says"
        )
    return pd.read_csv(path)


def _as_printed(value: Decimal, like: str) -> str:
    """Text of `value` with or without the zero before the point, as the publication has it."""
    text = f"{value:f}"
    return text.replace("0.", ".", 1) if like.lstrip("-").startswith(".") else text
