"""From records to the analysis panel: one row a university, discipline and year.

Events are counted by Ibis expressions, which an engine of `replication.panel.engine` runs; tables
of events may be files, and are then never in memory as a whole. Every record is either counted or
dropped with a reason: `build_panel` returns the sample flow beside the panel.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from replication.errors import SchemaError, SourceUnavailableError
from replication.panel import lacking, reasons, universities
from replication.panel.engine import ROW, Engine, Keep, open_engine
from replication.panel.losses import losses, warn
from replication.panel.patents import CELL, by_record, by_university, patents
from replication.records import schema
from replication.records.checks import require_variation
from replication.records.classify import load_ipc
from replication.records.exposure import DECIMALS
from replication.records.manifest import require_one_study
from replication.records.mark import MANIFEST, require_unchanged
from replication.records.registry import Choices
from replication.records.study.choices import choices_in_force
from replication.records.validation import attributes, read, require_valid, validate
from replication.writing import Progress, silent

Records = dict[str, pd.DataFrame | Path]
"""Record tables by name; those of `schema.EVENTS` may be Parquet files."""


def read_records(folder: Path) -> dict[str, pd.DataFrame]:
    """Read and validate the record tables of `folder`, one Parquet file a table.

    `SourceUnavailableError` names the files that are not there and must be, `SchemaError` the file,
    column, row and rule of a fault, or a table that is not as it was written, or of another study.
    """
    tables = {name: read(path) for name, path in _files(folder).items()}
    require_one_study({name: table.attrs for name, table in tables.items()}, folder)
    return {
        name: validate(table, schema.described(name), str(folder / f"{name}.parquet"))
        for name, table in tables.items()
    }


def open_records(folder: Path, progress: Progress = silent) -> Records:
    """As `read_records`, but tables of events are looked through piece by piece, and stay files."""
    files = _files(folder)
    require_one_study({name: attributes(path) for name, path in files.items()}, folder)
    records: Records = {}
    for name, path in files.items():
        if name in schema.EVENTS:
            require_valid(path, schema.RECORDS[name], progress)
            records[name] = path
        else:
            records[name] = validate(read(path), schema.described(name), str(path))
    return records


def _files(folder: Path) -> dict[str, Path]:
    """Files of a folder of records: what a panel cannot be without is there."""
    require_unchanged(folder / MANIFEST)
    files = lacking.files(folder)
    for path in files.values():
        if path.resolve().parent != folder.resolve():
            raise SourceUnavailableError(
                f"{path} is a link to {path.resolve()}, outside of the folder, where it may change "
                "unseen: copy the file into the folder"
            )
    return files


def build_panel(
    records: Mapping[str, pd.DataFrame | Path],
    choices: Choices | None = None,
    backend: str = "duckdb",
    *,
    memory: int | None = None,
    progress: Progress = silent,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Build the analysis panel.

    Parameters
    ----------
    records : mapping of str to DataFrame or Path
        Tables of `schema.RECORDS`; those of events may be Parquet files that `open_records` has
        looked through. Those of `lacking.COLUMNS` may be absent.
    choices : Choices, optional
    backend : str
        One of `engine.BACKENDS`.
    memory : int, optional
        Bytes that the whole process should stay within; what does not fit goes to disk.
    progress : callable
        Told what is begun, in words.

    Returns
    -------
    panel : DataFrame
        As `schema.PANEL` says, sorted by its key, without the columns that need a table which is
        absent.
    flow : DataFrame
        ``table``, ``reason``, ``rows``: what became of every record, the reason being
        ``"counted"`` for those that were placed in a cell of the panel (exchange and resources:
        that an exposure or control is made of). For each table the rows add up to the rows that
        came in. ``"patents × universities"`` is not a table but the credits that the patents
        give, one for each university of the sample that a patent names: a patent of two
        universities is one row of ``patents`` and two of these. Where all classes count (R14),
        ``"patents × universities × classes"`` has each class of these. ``"applicants"`` are those
        of the patents, by kind. ``attrs["warnings"]`` are the sentences of the warnings below.

    Warns
    -----
    LossWarning
        If a table is absent: what is not testable for want of it. If a reason drops as many joint
        patents, papers or hires as are counted; if an outcome is
        zero everywhere or in a year; if no application names a university of the sample; if
        applicants that are neither a university of the sample nor a firm look like one, by those
        that would be joint patents.

    Raises
    ------
    SourceUnavailableError
        On an unknown backend, or without a table that the panel cannot be without.
    NoVariationError
        If the first treated year leaves no year before it or none after.
    SchemaError
        If two universities share an applicant's name or one has none; if a university lacks
        exchange or resources in a year of the pre-period, or a resource is zero there; if
        applicants cannot be told apart, or no joint patent is left.
    """
    choices = choices or choices_in_force()
    opened = open_engine(backend, memory)
    choices.require_years()
    has = tuple(records)
    records = lacking.completed(records, choices)
    small = {name: table for name, table in records.items() if isinstance(table, pd.DataFrame)}
    _require_catalogue(small, choices)
    universities.require_pre_period(small, choices, has)
    expected = schema.panel(choices.outcome, choices.classes).remove_columns(lacking.lacking(has))
    with opened as engine:
        t = {name: _typed(engine.table(name, of), name) for name, of in records.items()}
        ipc = engine.table("ipc", _classes(choices)).drop(ROW)
        frame, flow = _build(engine, t, ipc, small, choices, progress, has)
    floats = frame.select_dtypes("float").columns
    frame[floats] = frame[floats].round(DECIMALS)
    exposures = [c for c in expected.columns if c.startswith("exposure")]
    if flat := [c for c in exposures if frame[c].isna().any()]:
        raise SchemaError(
            f"{', '.join(flat)}: no standard deviation, since all universities have the same; look "
            "for a count in exchange or hires that is never filled in"
        )
    require_variation(frame, ["exposure"])
    warn(flow.attrs["warnings"])
    # Backends differ in their integers and strings.
    frame = frame.astype({c: d.type for c, d in expected.dtypes.items()})
    return validate(frame, expected, "the panel"), flow


def _classes(choices: Choices) -> pd.DataFrame:
    """Concordance with the list of key core technology that was chosen."""
    ipc = load_ipc()
    return ipc.assign(key_core=ipc[choices.key_core])


def _typed(table: ir.Table, name: str) -> ir.Table:
    """A record table as it was validated: its columns, text even where one is empty throughout."""
    dtypes = schema.described(name).dtypes
    # A file may hold the index of its frame beside them.
    table = table.select(*dtypes, ROW)
    texts = [column for column, of in dtypes.items() if str(of).startswith("str")]
    return table.cast(dict.fromkeys(texts, "string"))


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
    engine: Engine,
    t: dict[str, ir.Table],
    ipc: ir.Table,
    records: dict[str, pd.DataFrame],
    choices: Choices,
    progress: Progress,
    has: Collection[str],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Panel and sample flow before they are held to their types; `has` are the tables there are."""
    keep = engine.keep
    grades = keep(_graded(t, choices))
    cells = grades.filter(_.reason == reasons.COUNTED).drop("reason")
    progress("patents and their applicants")
    credits, who = patents(t, ipc, cells, choices, keep)
    progress("papers and hires")
    # What is left when home and the separators are taken out names a foreign partner.
    home = rf"\b(?:{'|'.join(choices.domestic)})\b|[;\s]"
    foreign = _.partner_countries.fill_null("").re_replace(home, "") != ""
    papers = _placed(t["papers"], cells, choices, keep, key="paper", at=CELL, outcome=foreign)
    abroad = _.doctorate_country.notin(choices.domestic)
    country = ["doctorate_country"]
    hires = _placed(t["hires"], cells, choices, keep, key="hire", outcome=abroad, by=country)
    progress("the panel")
    panel = _panel(credits, papers, hires, cells, choices)
    hired = hires.filter(_.reason == reasons.COUNTED, _.year < choices.first_treated)
    hired = hired.group_by(["university", *country]).agg(n=_.rows.sum())
    fixed = universities.university_columns(records, engine.frame(hired), choices)
    frame = engine.frame(panel.order_by([*CELL, "year"])).join(fixed, on="university")
    frame = frame.drop(columns=lacking.lacking(has))
    if choices.third == "median":
        middle = frame.drop_duplicates("discipline")["control_exposure"].median()
        frame["control_exposure"] = (frame["control_exposure"] > middle).astype(float)
    progress("what was dropped")
    by_class = {"patents × universities × classes": credits} if choices.classes == "all" else {}
    whole = keep(by_university(credits)) if by_class else credits
    events = {
        "grades": grades,
        "patents": by_record(credits),
        "patents × universities": whole.filter(_.reason.isin([reasons.COUNTED, reasons.NO_CELL])),
        **by_class,
        "applicants": who.of("kind").filter(_.repetition == 0).select(reason="kind"),
    }
    events = {name: table.group_by("reason").agg(rows=_.count()) for name, table in events.items()}
    counted = {n: t for n, t in {"papers": papers, "hires": hires}.items() if n in has}
    events |= {n: table.group_by("reason").agg(rows=_.rows.sum()) for n, table in counted.items()}
    rows = {name: engine.frame(table).set_index("reason")["rows"] for name, table in events.items()}
    rows |= {
        name: universities.reasons(records, name, choices).value_counts().rename("rows")
        for name in universities.STATISTICS
    }
    rows = {name: n for name, n in rows.items() if name in has or name not in schema.RECORDS}
    flow = pd.concat(rows, names=["table", "reason"]).sort_index().reset_index()
    sample = records["universities"]["university"]
    flow.attrs["warnings"] = [
        *lacking.said(has),
        *losses(frame, sample, whole, who, counted),
        *universities.jumps(records, choices),
    ]
    return frame, flow


def _panel(
    credits: ir.Table, papers: ir.Table, hires: ir.Table, cells: ir.Table, choices: Choices
) -> ir.Table:
    """What is counted of a cell and year, and what a discipline and a year are."""
    before = _.year < choices.first_treated
    years = ibis.range(choices.first_year, choices.last_year + 1).unnest().name("year").as_table()
    joint = _.domestic & _.firm
    if choices.outcome == "granted":
        joint = joint & _.granted
    count = _share if choices.outcome == "fractional" else _number
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
        patents_overseas=_number(~_.domestic),
    )
    panel = _add(panel, hires, hires_overseas=_.rows.sum(where=_.outcome))
    panel = _add(panel, papers, papers_foreign=_.rows.sum(where=_.outcome))
    third = "key_core" if choices.third == "key_core" else "controlled"
    control = (
        credits.filter(_.reason == reasons.COUNTED, _.domestic, before)
        .group_by("discipline")
        .agg(control_exposure=_.weight.sum(where=_[third]) / _.weight.sum())
    )
    panel = panel.left_join(control, "discipline").drop("discipline_right")
    return panel.mutate(
        # A discipline that filed nothing before treatment filed nothing under control.
        control_exposure=_.control_exposure.fill_null(0.0),
        event_time=_.year - choices.first_treated,
        post=(~before).cast("int64"),
        advantaged=_.grade.isin(choices.advantaged).cast("int64"),
    )


def _number(where: ir.BooleanValue) -> ir.Value:
    return _.weight.sum(where=where)


def _share(where: ir.BooleanValue) -> ir.Value:
    return _.share.sum(where=where)


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
    events: ir.Table,
    cells: ir.Table,
    choices: Choices,
    keep: Keep,
    *,
    key: str,
    outcome: ir.BooleanValue,
    at: Sequence[str] = (),
    by: Sequence[str] = (),
) -> ir.Table:
    """Papers or hires: how many ``rows`` by cell, year, whether an `outcome`, `by`, and the reason.

    A record is one by its `key`, or, where several may have it, by the key and the columns `at`.
    """
    known = cells.select(*CELL).mutate(in_frame=True)
    joined = reasons.numbered(events, keep, key, *at).left_join(known, CELL)
    placed = reasons.first_of(
        joined,
        [
            *reasons.repeated(key),
            (~_.year.between(choices.first_year, choices.last_year), reasons.OUTSIDE_STUDY),
            (_.in_frame.isnull(), reasons.NO_CELL),
        ],
    )
    placed = placed.mutate(outcome=outcome)
    return keep(placed.group_by([*CELL, "year", "outcome", *by, "reason"]).agg(rows=_.count()))
