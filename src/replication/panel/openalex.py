"""The open panel: the study's columns on publications, since patents are not in OpenAlex.

Its outcome is works of a university with a firm, ``papers_firm``. A publication is no patent: what
the designs find on this panel says something of joint publishing, and of the paper's claims on
patents only as far as the two go together. The open counterpart of claim C1 is
``poisson(panel, "papers_firm")``, that of C4 ``poisson(panel, "papers_foreign")``.
"""

import numpy as np
import pandas as pd
import pandera.pandas as pa

from replication.errors import SchemaError
from replication.records import columns as col
from replication.records import schema
from replication.records.checks import require_columns, require_variation
from replication.records.exposure import DECIMALS, standardise
from replication.records.open.files import require_all
from replication.records.open.openalex_counts import FIELDS, KEY
from replication.records.registry import Choices
from replication.records.validation import validate

OPENALEX = "OpenAlex API (`replication fetch openalex`)"

COLUMNS = {
    "university": None,
    "discipline": ("field of OpenAlex, its id in four digits", "OpenAlex领域"),
    "year": None,
    "category": ("category of the catalogue that the field stands for", "对应学科门类"),
    "event_time": None,
    "post": None,
    "papers_foreign": ("works with more than one country", "国外联合论文"),
    "exposure": ("pre-period works with more than one country", "国外联合论文暴露度"),
    "exposure_high": ("exposure above the median of universities", "高暴露组"),
    "papers": ("works", "论文"),
    "papers_firm": ("works with a firm", "校企合作论文"),
    "papers_firm_foreign": ("works with a firm and more than one country", "国际校企合作论文"),
}
"""Columns and their labels; None where the label is that of the study's panel."""


def _column(name: str, label: tuple[str, str] | None) -> pa.Column:
    """Count of works, or a column of the study's panel: the same rules, another source."""
    if name.startswith("papers") and label:
        return col.count(*label, "works a year")
    known = schema.PANEL.columns[name]
    en, zh = label or (known.title, known.metadata["zh"])
    source = known.metadata["source"] if name == "university" else OPENALEX
    return col.column(
        known.dtype.type, en, zh, known.metadata["unit"], *known.checks, source=source
    )


OPEN_PANEL: pa.DataFrameSchema = col.table(
    "open_panel",
    "One row a university (Chinese name), field of OpenAlex and year; `discipline` is the "
    "field's id in four digits, 0017 for 17, and no code of the catalogue.",
    ["university", "discipline", "year"],
    OPENALEX,
    **{name: _column(name, label) for name, label in COLUMNS.items()},
)
"""The open panel: `schema.PANEL` where it applies, and three counts of its own."""


def openalex_panel(counts: pd.DataFrame, choices: Choices | None = None) -> pd.DataFrame:
    """Make the open panel of OpenAlex's counts.

    ``exposure`` is the open counterpart of register row R7: the mean over the years before
    treatment of log(1 + works with more than one country) of the university, in standard deviations
    over universities. It adds up the fields that every university of the counts has, so that a cell
    that was dropped makes no university look closed. With ``papers_foreign`` as the outcome it is
    the pre-period level of the same series: regression to the mean pulls the coefficient down.

    Parameters
    ----------
    counts : DataFrame
        As `openalex.collect` gives them. Years outside the choices are left out.
    choices : Choices, optional
        R1, R2 and R4 apply.

    Raises
    ------
    MissingColumnError, SchemaError
        The counts lack a column, a year of a cell, or a field that all universities have; they have
        another field or are no counts.
    NoVariationError
        No year before treatment or none after; one exposure for all universities.
    """
    choices = choices or Choices()
    first, last = choices.first_year, choices.last_year
    choices.require_years()
    require_columns(counts, [*KEY, "papers_foreign"], "the open panel")
    category = counts["field"].map({field: entry[2] for field, entry in FIELDS.items()})
    require_all(counts["field"], category.notna(), "no field of the study", "counts of OpenAlex")
    chosen = counts["year"].between(first, last) & category.isin(choices.categories)
    frame = counts[chosen].assign(category=category[chosen])
    _require_all_years(frame, first, last)
    exposure = _exposure(frame, choices.first_treated)
    clock = frame["year"] - choices.first_treated
    panel = frame.drop(columns="field").assign(
        discipline=frame["field"].map("{:04d}".format),
        event_time=clock,
        post=(clock >= 0).astype("int64"),
        exposure=frame["university"].map(exposure),
        exposure_high=frame["university"].map((exposure > exposure.median()).astype("int64")),
    )
    panel = panel.sort_values(OPEN_PANEL.metadata["key"], ignore_index=True)
    require_variation(panel, ["exposure"])
    panel = validate(panel, OPEN_PANEL, "the open panel")
    panel.attrs["source"] = "open"
    return panel


def _require_all_years(frame: pd.DataFrame, first: int, last: int) -> None:
    """Raise `SchemaError` unless there are cells and each has every year."""
    if frame.empty:
        raise SchemaError(
            f"the counts of OpenAlex have no row of {first}–{last} and the categories"
        )
    short = frame.groupby(["university", "field"])["year"].nunique() < last - first + 1
    if short.any():
        university, field = short[short].index[0]
        raise SchemaError(
            f"the counts of OpenAlex lack years of {first}–{last} in {int(short.sum())} cells, "
            f"first {university}, field {field}: fetch them with --years {first}-{last}"
        )


def _exposure(frame: pd.DataFrame, first_treated: int) -> pd.Series:
    """Exposure by university, in standard deviations."""
    universities = frame["university"].nunique()
    everywhere = frame.groupby("field")["university"].nunique() == universities
    common = frame["field"].map(everywhere)
    if not common.any():
        raise SchemaError(
            "the counts of OpenAlex have no field that every university has, and exposures over "
            "different fields cannot be compared: leave out the universities with few fields"
        )
    before = frame[common & (frame["year"] < first_treated)]
    yearly = before.groupby(["university", "year"])["papers_foreign"].sum()
    means = np.log1p(yearly).groupby("university").mean()
    return standardise(means).round(DECIMALS)
