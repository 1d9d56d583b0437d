"""From records to the analysis panel: one row a university, discipline and year.

Events are counted by Ibis expressions; DuckDB runs them, and any other backend of Ibis that holds
the record tables can. Every record is either counted or dropped with a reason: `build_panel`
returns the sample flow beside the panel.
"""

from collections.abc import Sequence
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from replication.errors import SchemaError, SourceUnavailableError
from replication.panel import reasons, universities
from replication.panel.losses import losses, warn
from replication.panel.patents import CELL, by_record, patents
from replication.records import schema
from replication.records.checks import require_variation
from replication.records.classify import load_ipc
from replication.records.exposure import DECIMALS
from replication.records.manifest import (
    MANIFEST,
    require_one_study,
    require_unchanged,
    table_path,
)
from replication.records.registry import Choices
from replication.records.study.choices import choices_in_force
from replication.records.validation import read, validate

# A slow query must not draw a progress bar into the output of a command or notebook.
BACKENDS = {"duckdb": "SET enable_progress_bar = false"}
"""Ibis backends that the builder is tested on, with the settings of their connection."""


def read_records(folder: Path) -> dict[str, pd.DataFrame]:
    """Read and validate the record tables of `folder`, one Parquet file a table.

    `SourceUnavailableError` names the files that are not there, `SchemaError` the file, column, row
    and rule of a fault, or a table that is not as it was written, or of another study.
    """
    require_unchanged(folder / MANIFEST)
    files = {name: table_path(folder, name) for name in schema.RECORDS}
    if absent := [path.name for path in files.values() if not path.is_file()]:
        raise SourceUnavailableError(
            f"{folder} does not hold {', '.join(absent)}: data/restricted/README.md says how to "
            "bring your own records; `replication simulate --out NEW_FOLDER` writes simulated ones"
        )
    for path in files.values():
        if path.resolve().parent != folder.resolve():
            raise SourceUnavailableError(
                f"{path} is a link to {path.resolve()}, outside of the folder, where it may change "
                "unseen: copy the file into the folder"
            )
    tables = {name: read(path) for name, path in files.items()}
    require_one_study(tables, folder)
    return {
        name: validate(table, schema.RECORDS[name], str(files[name]))
        for name, table in tables.items()
    }


def build_panel(
    records: dict[str, pd.DataFrame], choices: Choices | None = None, backend: str = "duckdb"
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Build the analysis panel.

    Parameters
    ----------
    records : dict of str to DataFrame
        Tables of `schema.RECORDS`.
    choices : Choices, optional
    backend : str
        One of `BACKENDS`.

    Returns
    -------
    panel : DataFrame
        As `schema.PANEL` says, sorted by its key.
    flow : DataFrame
        ``table``, ``reason``, ``rows``: what became of every record, the reason being
        ``"counted"`` for those that were placed in a cell of the panel (exchange and resources:
        that an exposure or control is made of). For each table the rows add up to the rows that
        came in. ``"patents × universities"`` is not a table but the credits that the patents
        give, one for each university of the sample that a patent names: a patent of two
        universities is one row of ``patents`` and two of these. ``"applicants"`` are those of the
        patents, by kind. ``attrs["warnings"]`` are the sentences of the warnings below.

    Warns
    -----
    LossWarning
        If a reason drops as many joint patents, papers or hires as are counted; if an outcome is
        zero everywhere or in a year; if no application names a university of the sample; if
        applicants that are neither a university of the sample nor a firm look like one, by those
        that would be joint patents.

    Raises
    ------
    SourceUnavailableError
        On an unknown backend.
    NoVariationError
        If the first treated year leaves no year before it or none after.
    SchemaError
        If two universities share an applicant's name or one has none; if a university lacks
        exchange or resources in a year of the pre-period, or a resource is zero there; if
        applicants cannot be told apart, or no joint patent is left.
    """
    choices = choices or choices_in_force()
    if backend not in BACKENDS:
        raise SourceUnavailableError(
            f"backend {backend!r} is not one of those the builder runs on: {', '.join(BACKENDS)}"
        )
    choices.require_years()
    _require_catalogue(records, choices)
    universities.require_pre_period(records, choices)
    connection = getattr(ibis, backend).connect()
    connection.raw_sql(BACKENDS[backend])
    t = {name: connection.create_table(name, frame) for name, frame in records.items()}
    ipc = connection.create_table("ipc", _classes(choices))
    frame, flow = _build(t, ipc, records, choices)
    # Not after an error, which holds cached tables that could then not be dropped: all go together.
    connection.disconnect()
    floats = frame.select_dtypes("float").columns
    frame[floats] = frame[floats].round(DECIMALS)
    exposures = [c for c in schema.PANEL.columns if c.startswith("exposure")]
    if flat := [c for c in exposures if frame[c].isna().any()]:
        raise SchemaError(
            f"{', '.join(flat)}: no standard deviation, since all universities have the same; look "
            "for a count in exchange or hires that is never filled in"
        )
    require_variation(frame, ["exposure"])
    warn(flow.attrs["warnings"])
    # Backends differ in their integers and strings.
    expected = schema.panel(choices.outcome)
    frame = frame.astype({c: d.type for c, d in expected.dtypes.items()})
    return validate(frame, expected, "the panel"), flow


def _classes(choices: Choices) -> pd.DataFrame:
    """Concordance with the list of key core technology that was chosen."""
    ipc = load_ipc()
    return ipc.assign(key_core=ipc[choices.key_core])


def _number(where: ir.BooleanValue) -> ir.Value:
    return _.count(where=where)


def _share(where: ir.BooleanValue) -> ir.Value:
    return _.share.sum(where=where)


def _require_catalogue(records: dict[str, pd.DataFrame], choices: Choices) -> None:
    """Raise `SchemaError` unless the catalogue has each graded discipline of the categories."""
    category = records["disciplines"].set_index("discipline")["category"]
    graded = records["grades"]["discipline"].drop_duplicates()
    # The first two digits of a code are the category.
    chosen = graded[graded.str[:2].isin(choices.categories)]
    if lost := sorted(chosen[chosen.map(category) != chosen.str[:2]]):
        raise SchemaError(
            f"disciplines: {', '.join(lost[:5])} of grades ({len(lost)} in all) not there or under "
            "another category than its first two digits: its cells would be lost; complete the "
            "catalogue (data/disciplines.csv), or correct the code in grades"
        )


def _build(
    t: dict[str, ir.Table], ipc: ir.Table, records: dict[str, pd.DataFrame], choices: Choices
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Panel and sample flow before they are held to their types."""
    grades = _graded(t, choices)
    cells = grades.filter(_.reason == reasons.COUNTED).drop("reason")
    credits, applicants = patents(t, ipc, cells, choices)
    papers = _placed(t["papers"], cells, choices, key="paper", at=CELL).cache()
    hires = _placed(t["hires"], cells, choices, key="hire").cache()
    before = _.year < choices.first_treated
    years = ibis.range(choices.first_year, choices.last_year + 1).unnest().name("year").as_table()

    joint = _.domestic & _.firm
    if choices.outcome == "granted":
        joint = joint & _.granted
    count = _share if choices.outcome == "fractional" else _number
    # What is left when home and the separators are taken out names a foreign partner.
    home = rf"\b(?:{'|'.join(choices.domestic)})\b|[;\s]"
    papers = papers.mutate(outcome=_.partner_countries.fill_null("").re_replace(home, "") != "")
    hires = hires.mutate(outcome=_.doctorate_country.notin(choices.domestic))
    panel = cells.cross_join(years).mutate(year=_.year.cast("int64"))
    panel = _add(
        panel,
        credits,
        patents_joint=count(joint),
        patents_joint_key=count(joint & _.key_core),
        patents_joint_other=count(joint & ~_.key_core),
        patents_joint_ai=count(joint & _.ai),
        patents_joint_not_ai=count(joint & ~_.ai),
        patents_joint_granted=count(joint & _.granted),
        patents_joint_fractional=_.share.sum(where=joint),
        patents_overseas=_.count(where=~_.domestic),
    )
    panel = _add(panel, hires, hires_overseas=_.count(where=_.outcome))
    panel = _add(panel, papers, papers_foreign=_.count(where=_.outcome))
    third = "key_core" if choices.third == "key_core" else "controlled"
    control = (
        credits.filter(_.reason == reasons.COUNTED, _.domestic, before)
        .group_by("discipline")
        .agg(control_exposure=_[third].cast("float64").mean())
    )
    panel = panel.left_join(control, "discipline").drop("discipline_right")
    panel = panel.mutate(
        # A discipline that filed nothing before treatment filed nothing under control.
        control_exposure=_.control_exposure.fill_null(0.0),
        event_time=_.year - choices.first_treated,
        post=(~before).cast("int64"),
        advantaged=_.grade.isin(choices.advantaged).cast("int64"),
    )
    hired = hires.filter(_.reason == reasons.COUNTED, before)
    hired = hired.group_by(["university", "doctorate_country"]).agg(n=_.count()).to_pandas()
    fixed = universities.university_columns(records, hired, choices)
    frame = panel.order_by([*CELL, "year"]).to_pandas().join(fixed, on="university")
    if choices.third == "median":
        middle = frame.drop_duplicates("discipline")["control_exposure"].median()
        frame["control_exposure"] = (frame["control_exposure"] > middle).astype(float)
    events = {
        "grades": grades,
        "patents": by_record(credits),
        "patents × universities": credits.filter(_.reason.isin([reasons.COUNTED, reasons.NO_CELL])),
        "papers": papers,
        "hires": hires,
    }
    why = {name: table.select("reason").to_pandas() for name, table in events.items()}
    why |= {
        name: universities.reasons(records, name, choices).to_frame()
        for name in universities.STATISTICS
    }
    why["applicants"] = applicants.filter(_.repetition == 0).select(reason="kind").to_pandas()
    flow = pd.concat(why, names=["table"]).groupby(["table", "reason"]).size()
    flow = flow.rename("rows").reset_index()
    sample = records["universities"]["university"]
    counted = {"papers": papers, "hires": hires}
    flow.attrs["warnings"] = [
        *losses(frame, sample, credits, applicants, counted),
        *universities.jumps(records, choices),
    ]
    return frame, flow


def _graded(t: dict[str, ir.Table], choices: Choices) -> ir.Table:
    """University × discipline cells, with the reason why one is not in the panel."""
    sample = t["universities"].select("university", in_sample=True)
    disciplines = t["disciplines"].filter(_.category.isin(choices.categories))
    joined = (
        t["grades"]
        .left_join(sample, "university")
        .left_join(disciplines.select("discipline", "category"), "discipline")
    )
    return reasons.first_of(
        joined,
        [
            (_.in_sample.isnull(), reasons.NOT_IN_SAMPLE),
            (_.category.isnull(), "discipline outside the chosen categories"),
        ],
    ).select(*CELL, "category", "reason", grade=_.grade.fill_null("none"))


def _add(panel: ir.Table, events: ir.Table, **counts: ir.Value) -> ir.Table:
    """Count the events of each cell and year, zero where there is none."""
    counted = events.filter(_.reason == reasons.COUNTED).group_by([*CELL, "year"]).agg(**counts)
    joined = panel.left_join(counted, [*CELL, "year"])
    return joined.select(*panel.columns, **{name: joined[name].fill_null(0) for name in counts})


def _placed(
    events: ir.Table, cells: ir.Table, choices: Choices, key: str, at: Sequence[str] = ()
) -> ir.Table:
    """Papers or hires, with the reason why one is not counted.

    A record is one by its `key`, or, where several may have it, by the key and the columns `at`.
    """
    known = cells.select(*CELL).mutate(in_frame=True)
    joined = reasons.numbered(events, key, *at).left_join(known, CELL)
    return reasons.first_of(
        joined,
        [
            *reasons.repeated(key),
            (~_.year.between(choices.first_year, choices.last_year), reasons.OUTSIDE_STUDY),
            (_.in_frame.isnull(), reasons.NO_CELL),
        ],
    ).drop("university_right", "discipline_right")
