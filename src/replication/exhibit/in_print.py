"""Published numbers, and ours beside them.

`load` reads a published data set; the notebook calls the study's own verbs on it; `verdicts` puts
every result beside the number in print. There is no tolerance: a number matches if, rounded
to the digits that were printed, it is the printed one.
"""

import math
import tomllib
from collections.abc import Mapping
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pandas as pd

from replication.config import DATA, ROOT
from replication.errors import RegistryError, SourceUnavailableError
from replication.estimate.designs import CLASSICAL, CLUSTERED, Estimate
from replication.exhibit.tables import Table, plain
from replication.records.published import DATASETS, load

__all__ = [
    "load",
    "load_published",
    "r_comparison",
    "r_numbers",
    "r_table",
    "verdict_table",
    "verdicts",
]

PUBLISHED = DATA / "published.toml"
R_NUMBERS = ROOT / "tests" / "oracles" / "r_numbers.csv"

FIELDS = ("id", "dataset", "package", "model", "fit", "term", "statistic", "value", "cite", "where")
STATISTICS = ("estimate", "std_error", "lower", "upper")
CONVENTIONS = {CLASSICAL: "classical", CLUSTERED: "CR1"}

Fit = Estimate | pd.DataFrame


def load_published(path: Path = PUBLISHED) -> pd.DataFrame:
    """Read the published numbers, one row each, and check the file.

    Returns
    -------
    DataFrame
        Columns of `FIELDS`, ``value`` as text exactly as printed, and ``remark`` (empty, or why
        the number cannot be expected to match).

    Raises
    ------
    RegistryError
        If the file is no TOML, or a field is missing, unknown or unreadable, or an id is doubled.
    """
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8")).get("published", [])
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RegistryError(f"{path}: cannot be read as TOML ({error}); mend the file") from error
    for number, row in enumerate(rows, start=1):
        place = f"{path.name}, row {number} ({row.get('id', 'without id')})"
        for name in [*(set(FIELDS) - row.keys()), *(row.keys() - {*FIELDS, "remark"})]:
            raise RegistryError(f"{place}: field {name!r} is missing or unknown; see `FIELDS`")
        if row["statistic"] not in STATISTICS or row["dataset"] not in DATASETS:
            raise RegistryError(f"{place}: unknown statistic or dataset; see STATISTICS, DATASETS")
        if not isinstance(row["value"], str) or not _is_number(row["value"]):
            raise RegistryError(f"{place}: value must be the number as printed, in quotes")
    frame = pd.DataFrame(rows, columns=[*FIELDS, "remark"]).fillna({"remark": ""})
    doubled = frame["id"][frame["id"].duplicated()]
    if len(doubled):
        raise RegistryError(f"{path.name}: id {doubled.iloc[0]!r} is doubled; rename one row")
    return frame


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
    strangers = set(rows["fit"]) ^ set(fits)
    if strangers:
        raise RegistryError(
            f"fits and published rows do not agree on {', '.join(sorted(strangers))}: every fit "
            "needs a published number, and every number its fit"
        )
    record = r_numbers()
    table = [_verdict(row, fits[str(row["fit"])], record) for _, row in rows.iterrows()]
    return pd.DataFrame(table)


def _verdict(row: pd.Series, fit: Fit, record: pd.DataFrame) -> dict[str, Any]:
    frame = _frame(fit)
    if row["term"] not in frame.index or row["statistic"] not in frame.columns:
        raise RegistryError(
            f"{row['id']}: fit {row['fit']!r} has no {row['statistic']} of {row['term']!r}; it has "
            f"{', '.join(map(str, frame.columns))} of {', '.join(map(str, frame.index))}"
        )
    ours = float(frame.loc[row["term"], row["statistic"]])
    printed, unit = Decimal(row["value"]), _last_place(row["value"])
    if _rounded(ours, unit) == printed:
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
        "ours_printed": _as_printed(_rounded(ours, unit), row["value"]),
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
    table["Agreement"] = [_agreement(row) for _, row in compared.iterrows()]
    numbers = ["Estimate", "in R", "Standard error", "error in R"]
    return plain(table, formats=dict.fromkeys(numbers, "{:,.7g}"))


def _agreement(row: pd.Series) -> str:
    """Whether a row agrees within a stated bound; the differences below it are rounding."""
    differences = row[["estimate_relative", "std_error_relative"]].dropna()
    worst = float(differences.max())
    return "within 1e-7" if worst < 1e-7 else f"off by {worst:.1e}"


def r_numbers(path: Path = R_NUMBERS) -> pd.DataFrame:
    """R's recorded numbers, as ``tests/oracles/validation.R`` wrote them."""
    if not path.is_file():
        raise SourceUnavailableError(
            f"R's recorded numbers are not at {path}: take the file from the repository, or write "
            "it again as the head of tests/oracles/validation.R says"
        )
    return pd.read_csv(path)


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except ArithmeticError:
        return False


def _last_place(text: str) -> Decimal:
    """One unit of the last printed digit: 0.001 for ".191"."""
    return Decimal(1).scaleb(int(Decimal(text).as_tuple().exponent))


def _rounded(value: float, unit: Decimal) -> Decimal:
    return Decimal(value).quantize(unit, ROUND_HALF_UP)


def _as_printed(value: Decimal, like: str) -> str:
    """Text of `value` with or without the zero before the point, as the publication has it."""
    text = f"{value:f}"
    return text.replace("0.", ".", 1) if like.lstrip("-").startswith(".") else text
