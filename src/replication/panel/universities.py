"""Columns of a university that do not change: its exposures (R7, R8) and its controls (R12)."""

from collections.abc import Collection, Iterator

import numpy as np
import pandas as pd

from replication.errors import SchemaError
from replication.panel.reasons import COUNTED, NOT_IN_SAMPLE
from replication.records.exposure import exchange_exposures, hires_exposure, other_exposures
from replication.records.registry import Choices
from replication.records.variables import CONTROLS, EXCHANGE, RESOURCES

STATISTICS = ("exchange", "resources")
SOME = 20
"""Median of a count over years from which on it does not become `JUMP` times another by chance."""
JUMP = 8


def university_columns(
    records: dict[str, pd.DataFrame], hired: pd.DataFrame, choices: Choices
) -> pd.DataFrame:
    """Exposures and controls by university; missing where all universities have the same exposure.

    `hired` has ``university``, ``doctorate_country`` and ``n``, the hires of the pre-period that
    count.
    """
    before = {
        name: records[name][reasons(records, name, choices) == COUNTED].sort_values(
            ["university", "year"]
        )
        for name in STATISTICS
    }
    universities = np.sort(records["universities"]["university"])
    measured = before["exchange"]
    if choices.window:
        measured = measured[measured["year"] < choices.first_year + choices.window]
    counts = measured[list(EXCHANGE)].to_numpy()
    foreign = {
        "us": hired["doctorate_country"] == "US",
        "elsewhere": ~hired["doctorate_country"].isin(["US", *choices.domestic]),
    }
    hires = {
        form: hired[rows].groupby("university")["n"].sum().reindex(universities, fill_value=0)
        for form, rows in foreign.items()
    }
    # All alike is not an error here: the caller names what has no standard deviation.
    with np.errstate(invalid="ignore"):
        exposure, cooperation, conferences = exchange_exposures(
            counts.reshape(len(universities), -1, len(EXCHANGE))
        )
        abroad = {f"exposure_{form}": hires_exposure(n.to_numpy()) for form, n in hires.items()}
    logs = before["resources"][list(RESOURCES)].apply(np.log).set_axis(CONTROLS, axis=1)
    exposure = _chosen(exposure, before, choices)
    exposures = pd.DataFrame(
        {
            "exposure": exposure,
            "exposure_cooperation": cooperation,
            "exposure_conferences": conferences,
            **abroad,
            "exposure_high": (exposure > np.median(exposure)).astype("int64"),
        },
        index=pd.Index(universities, name="university"),
    )
    return exposures.join(logs.groupby(before["resources"]["university"]).mean())


def _chosen(exposure: np.ndarray, before: dict[str, pd.DataFrame], choices: Choices) -> np.ndarray:
    """Exposure by the alternative that was chosen (R7)."""
    if choices.exposure == "mean":
        return exposure
    last = choices.first_year + (choices.window or choices.first_treated - choices.first_year)
    tables = {name: table[table["year"] < last] for name, table in before.items()}
    n = len(exposure)
    counts = tables["exchange"][list(EXCHANGE)].to_numpy().reshape(n, -1, len(EXCHANGE))
    staff = tables["resources"]["rd_staff"].to_numpy().reshape(n, -1)
    others = other_exposures(counts, staff)
    column = {"component": "component", "per_staff": "per_staff", "median": "high"}
    return others[f"exposure_{column[choices.exposure]}"].to_numpy(float)


def reasons(records: dict[str, pd.DataFrame], name: str, choices: Choices) -> pd.Series:
    """Why a row of a yearly statistic is part of an exposure or control, or is dropped."""
    table = records[name]
    outside = ~table["university"].isin(records["universities"]["university"])
    other = ~table["year"].between(choices.first_year, choices.first_treated - 1)
    rules = [NOT_IN_SAMPLE, "year outside the pre-period"]
    return pd.Series(np.select([outside, other], rules, COUNTED), table.index, name="reason")


def jumps(records: dict[str, pd.DataFrame], choices: Choices) -> Iterator[str]:
    """Sentences on years of a university that are out of line with its others.

    A gap that was read as zero, another unit or a digit too many would move an exposure or control.
    """
    for name in STATISTICS:
        table = records[name][reasons(records, name, choices) == COUNTED]
        values = table.set_index(["university", "year"]).sort_index()
        usual = values.groupby("university").transform("median")
        off = (usual >= SOME) & ((values * JUMP < usual) | (values > usual * JUMP))
        for column in off:
            if len(first := values[column][off[column]]):
                some = first.head(3).reset_index().to_numpy().tolist()
                at = ", ".join(f"{university} in {year} ({n:,})" for university, year, n in some)
                yield (
                    f"{name}: {column} is over {JUMP} times as large or small as in other years "
                    f"for {at} ({len(first)} in all): look for a gap, another unit or a digit"
                )


def require_pre_period(
    records: dict[str, pd.DataFrame], choices: Choices, has: Collection[str] = STATISTICS
) -> None:
    """Raise `SchemaError` unless every university has positive resources and exchange each year.

    Of tables that are not among those the reader `has`, nothing is asked.
    """
    universities = records["universities"]["university"]
    years = range(choices.first_year, choices.first_treated)
    key = ["university", "year"]
    needed = pd.MultiIndex.from_product([universities, years], names=key).to_frame(index=False)
    for name in [name for name in STATISTICS if name in has]:
        table = needed.merge(records[name], how="left", on=key, indicator="found")
        absent = table[table.pop("found") == "left_only"]
        unknown = sorted(set(records[name]["university"]) - set(universities))
        without = sorted(set(universities) - set(records[name]["university"]))
        if without and unknown:
            raise SchemaError(
                f"{name}: no row has the university {without[0]!r} ({len(without)} of the sample "
                f"are not in the table); it has {', '.join(map(repr, unknown[:3]))}"
                f"{' …' if len(unknown) > 3 else ''}, which the sample has not: write a university "
                "in one way in all tables"
            )
        if len(absent):
            raise SchemaError(
                f"{name}: {len(absent)} rows are missing, first {absent['university'].iloc[0]} in "
                f"{absent['year'].iloc[0]}: add them, since exposures and controls are means of "
                "all years before treatment"
            )
        if name == "resources":
            zero = table.melt(key).query("value == 0")
            if len(zero):
                university, year, column = zero.iloc[0][:3]
                raise SchemaError(
                    f"resources: {column} is zero for {university} in {year}, and zero has no "
                    "logarithm: look for a gap in the source that was read as zero"
                )
