"""A panel held against itself: what its columns say of each other.

Each rule is a fact of how a panel is made. One that needs a column which the panel lacks does not
apply, so that a reader with fewer records and the open panel are held to what they have.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from replication.errors import SchemaError
from replication.records.study.choices import choices_in_force
from replication.records.study.frame import study
from replication.records.variables import CONTROLS

CELL = ["university", "discipline"]
FORMS = ["exposure_cooperation", "exposure_conferences"]
EXPOSURES = ["exposure", *FORMS, "exposure_us", "exposure_elsewhere"]
CONSTANT = {
    ("university",): [*EXPOSURES, "exposure_high", *CONTROLS],
    ("discipline",): ["category", "control_exposure"],
    (*CELL,): ["grade", "advantaged"],
    ("year",): ["event_time", "post"],
}
"""What does not vary within the groups of its key."""
SUMS = {
    "patents_joint_key + patents_joint_other": "patents_joint",
    "patents_joint_ai + patents_joint_not_ai": "patents_joint",
}
PARTS = {
    "patents_joint_granted": "patents_joint",
    "patents_joint_fractional": "patents_joint",
    "papers_foreign": "papers",
    "papers_firm": "papers",
    "papers_firm_foreign": "papers_firm",
}
"""Counts, and the count that each is a part of."""
SOME = 5
"""Universities from which on their standard deviation says something of its unit."""
NOISE = 1e-6
"""What rounding may leave of a zero."""


def require_consistent(panel: pd.DataFrame, where: str) -> None:
    """Raise `SchemaError` if columns of a valid panel contradict each other.

    The message names `where` it is from, the rule, the first row that breaks it, and its values.
    """
    for rule, columns, broken in _rules(panel):
        if broken.any():
            first = int(broken.to_numpy().argmax())
            row = panel.iloc[first]
            key = ", ".join(str(row[c]) for c in (*CELL, "year"))
            values = ", ".join(f"{c} {row[c]}" for c in columns)
            raise SchemaError(
                f"{where} contradicts itself: {rule}, yet row {first} ({key}) has "
                f"{values or 'not'} ({int(broken.sum())} rows in all); build the panel anew"
            )


def _rules(panel: pd.DataFrame) -> Iterator[tuple[str, list[str], pd.Series]]:
    """Rules that apply, in words; the columns they are about; the rows that break them."""
    has = set(panel.columns).issuperset
    years = panel.groupby(CELL)["year"].transform("nunique")
    whole = panel["year"].max() - panel["year"].min() + 1
    rule = f"every cell has each year {panel['year'].min()}–{panel['year'].max()}"
    yield rule, [], years < whole
    for group, columns in CONSTANT.items():
        for column in filter(panel.columns.__contains__, columns):
            broken = panel[column] != panel.groupby(list(group))[column].transform("first")
            yield f"{column} does not vary within {' and '.join(group)}", [column], broken
    if has(["event_time"]):
        clock = panel["year"] - panel["event_time"]
        yield "event_time counts the years", ["event_time"], clock != clock.iloc[0]
    if has(["event_time", "post"]):
        broken = panel["post"] != (panel["event_time"] >= 0)
        yield "post is 1 from event_time 0 on", ["event_time", "post"], broken
    elif has(["post"]):
        so_far = panel.sort_values("year")["post"].cummax()
        broken = panel["post"] < so_far.reindex(panel.index)
        yield "post stays 1 once it is", ["post"], broken
    if has(["grade", "advantaged"]):
        broken = panel["advantaged"] != panel["grade"].isin(choices_in_force().advantaged)
        grades = ", ".join(choices_in_force().advantaged)
        yield f"advantaged is 1 for {grades}", ["grade", "advantaged"], broken
    for total, column in SUMS.items():
        if has(parts := [*total.split(" + "), column]):
            yield (
                f"{total} is {column}",
                parts,
                (panel[parts[:2]].sum(axis=1) - panel[column]).abs() > NOISE,
            )
    for part, column in PARTS.items():
        if has([part, column]):
            broken = panel[part] > panel[column] + NOISE
            yield f"{part} is part of {column}", [part, column], broken
    yield from _exposures(panel)


def _exposures(panel: pd.DataFrame) -> Iterator[tuple[str, list[str], pd.Series]]:
    """Rules of the exposures, which are measured over universities."""
    has = set(panel.columns).issuperset
    one = panel.drop_duplicates("university")
    for column in filter(panel.columns.__contains__, EXPOSURES):
        # They are 0 and 1 over the U universities of the records. Over the n of them that have a
        # cell of the panel neither can be much beyond √(U / n), and few may be much alike.
        mean, sd = one[column].mean(), one[column].std()
        most = 1 + (study().frame / len(one)) ** 0.5
        off = len(one) >= SOME and not (abs(mean) < most and 1 / 20 < sd < most)
        rule = f"{column} is in standard deviations (here its mean is {mean:.3g}, its SD {sd:.3g})"
        yield rule, [column], pd.Series(off, panel.index)
    if has(["exposure", "exposure_high"]):
        low = panel.loc[panel["exposure_high"] == 0, "exposure"].max()
        broken = (panel["exposure_high"] == 1) & (panel["exposure"] <= low)
        columns = ["exposure", "exposure_high"]
        yield "exposure_high is 1 for the exposures above the median", columns, broken
    mean = choices_in_force().exposure == "mean"
    if mean and has(["exposure", *FORMS]) and len(one) > len(FORMS) + 1:
        x = np.column_stack([np.ones(len(one)), one[FORMS]])
        weights = np.linalg.lstsq(x, one["exposure"], rcond=None)[0]
        off = np.abs(x @ weights - one["exposure"]) > NOISE
        broken = (off | (weights[1:] < -NOISE).any()).reindex(panel.index, fill_value=False)
        yield f"exposure is made of {' and '.join(FORMS)}", ["exposure", *FORMS], broken
