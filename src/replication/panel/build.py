"""From records to the analysis panel: one row a university, discipline and year.

Written once as Ibis expressions; DuckDB runs them, and any other backend of Ibis that holds the
record tables can. Every record is either counted or set aside with a reason: `build_panel` returns
the account beside the panel.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from replication.errors import NoVariationError, SchemaError, SourceUnavailableError
from replication.records import schema
from replication.records.checks import require_variation
from replication.records.classify import NameRules, load_ipc, load_name_rules

# A slow query must not draw a progress bar into the output of a command or notebook.
BACKENDS = {"duckdb": "SET enable_progress_bar = false"}
"""Ibis backends that the builder is tested on, with the settings of their connection."""

NO_CELL = "no such cell of university and discipline"
NOT_IN_SAMPLE = "university not in the sample"

# Floating-point noise differs between machines in the last bits; ten decimals do not.
DECIMALS = 10
CELL = ["university", "discipline"]


@dataclass(frozen=True)
class Choices:
    """The choices of the reconstruction register that the panel depends on.

    Attributes
    ----------
    first_year, last_year : int
        R1.
    first_treated : int
        R2; the years before it are the pre-period (R8).
    categories : tuple of str
        R4.
    domestic : str
        Office whose applications are outcomes; those at any other office are overseas.
    """

    first_year: int = 2011
    last_year: int = 2022
    first_treated: int = 2018
    categories: tuple[str, ...] = ("07", "08")
    domestic: str = "CN"


def read_records(folder: Path) -> dict[str, pd.DataFrame]:
    """Read and validate the record tables of `folder`, one Parquet file a table.

    Raises
    ------
    SourceUnavailableError
        Names the files that are not there.
    SchemaError
        Names the file, column, row and rule.
    """
    files = {name: folder / f"{name}.parquet" for name in schema.RECORDS}
    absent = [str(path.name) for path in files.values() if not path.is_file()]
    if absent:
        raise SourceUnavailableError(
            f"{folder} does not hold {', '.join(absent)}: `replication simulate --out {folder}` "
            "writes simulated records; data/restricted/README.md says how to bring your own"
        )
    return {
        name: schema.validate(schema.read(path), schema.RECORDS[name], str(path))
        for name, path in files.items()
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
    account : DataFrame
        ``table``, ``reason``, ``rows``: what became of every record, the reason being
        ``"counted"`` for those that were placed in a cell of the panel (exchange and resources:
        that an exposure or control is made of). For each table the rows add up to the rows that
        came in. ``"patents × universities"`` is not a table but the credits that the patents
        give, one for each university of the sample that a patent names: a patent of two
        universities is one row of ``patents`` and two of these.

    Raises
    ------
    SourceUnavailableError
        On an unknown backend.
    NoVariationError
        If the first treated year leaves no year before it or none after.
    SchemaError
        If two universities share an applicant's name or one has none; if a university lacks
        exchange or resources in a year of the pre-period, or a resource is zero there.
    """
    choices = choices or Choices()
    if backend not in BACKENDS:
        raise SourceUnavailableError(
            f"backend {backend!r} is not one of those the builder runs on: {', '.join(BACKENDS)}"
        )
    if not choices.first_year < choices.first_treated <= choices.last_year:
        raise NoVariationError(
            f"first treated year {choices.first_treated}: {choices.first_year}–{choices.last_year} "
            "must hold at least one year before it, and the year itself"
        )
    _require_pre_period(records, choices)
    connection = getattr(ibis, backend).connect()
    try:
        connection.raw_sql(BACKENDS[backend])
        t = {name: connection.create_table(name, frame) for name, frame in records.items()}
        ipc = connection.create_table("ipc", load_ipc())
        frame, account = _build(t, ipc, choices)
    finally:
        connection.disconnect()
    floats = frame.select_dtypes("float").columns
    frame[floats] = frame[floats].round(DECIMALS)
    exposures = [c for c in schema.PANEL.columns if c.startswith("exposure")]
    flat = [c for c in exposures if frame[c].isna().any()]
    if flat:
        raise SchemaError(
            f"{', '.join(flat)}: no standard deviation, since all universities have the same; look "
            "for a count in exchange or hires that is never filled in"
        )
    require_variation(frame, ["exposure"])
    return schema.validate(_typed(frame), schema.PANEL, "the panel"), account


def _build(
    t: dict[str, ir.Table], ipc: ir.Table, choices: Choices
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Panel and account as the backend gives them."""
    sample = t["universities"].select("university")
    grades = _graded(t, choices)
    cells = grades.filter(_.reason == "counted").drop("reason")
    patents = _patents(t, ipc, cells, choices).cache()
    papers = _placed(t["papers"], cells, choices, key="paper").cache()
    hires = _placed(t["hires"], cells, choices, key="hire").cache()
    before = _.year < choices.first_treated
    years = ibis.range(choices.first_year, choices.last_year + 1).unnest().name("year").as_table()

    joint = patents.filter(_.reason == "counted", _.domestic, _.firm)
    counts = {
        "patents_joint": joint,
        "patents_joint_key": joint.filter(_.key_core),
        "patents_joint_other": joint.filter(~_.key_core),
        "patents_joint_ai": joint.filter(_.ai),
        "patents_joint_not_ai": joint.filter(~_.ai),
        "patents_joint_granted": joint.filter(_.granted),
        "hires_overseas": hires.filter(_.reason == "counted", _.doctorate_country != "CN"),
        # What is left when China and the separators are taken out names a foreign partner.
        "papers_foreign": papers.filter(
            _.reason == "counted",
            _.partner_countries.fill_null("").re_replace(r"\bCN\b|[;\s]", "") != "",
        ),
        "patents_overseas": patents.filter(_.reason == "counted", ~_.domestic),
    }
    panel = cells.cross_join(years).mutate(year=_.year.cast("int64"))
    for name, events in counts.items():
        panel = _add(panel, events.group_by([*CELL, "year"]).agg(**{name: _.count()}), name)
    fractional = joint.group_by([*CELL, "year"]).agg(patents_joint_fractional=_.share.sum())
    panel = _add(panel, fractional, "patents_joint_fractional")

    exchange, resources = (_of_pre_period(t[n], sample, choices) for n in ("exchange", "resources"))
    university = _exposures(exchange.filter(_.reason == "counted"))
    overseas = hires.filter(_.reason == "counted", before)
    for name, wanted in {
        "exposure_us": _.doctorate_country == "US",
        "exposure_elsewhere": ~_.doctorate_country.isin(["US", "CN"]),
    }.items():
        hired = overseas.filter(wanted).group_by("university").agg(n=_.count())
        university = university.left_join(hired, "university").drop("university_right")
        university = university.mutate(**{name: _standard((_.n.fill_null(0) + 1).ln())}).drop("n")
    controls = (
        resources.filter(_.reason == "counted")
        .group_by("university")
        .agg(
            log_rd_staff=_.rd_staff.ln().mean(),
            log_rd_spending=_.rd_spending.ln().mean(),
            log_graduates=_.graduates.ln().mean(),
        )
    )
    filed = patents.filter(_.reason == "counted", _.domestic, before)
    control = filed.group_by("discipline").agg(control_exposure=_.controlled.cast("float64").mean())
    panel = (
        panel.join(university, "university", how="left")
        .drop("university_right")
        .join(controls, "university", how="left")
        .drop("university_right")
        .join(control, "discipline", how="left")
        .drop("discipline_right")
        .mutate(
            # A discipline that filed nothing before treatment filed nothing under control.
            control_exposure=_.control_exposure.fill_null(0.0),
            event_time=_.year - choices.first_treated,
            post=(_.year >= choices.first_treated).cast("int64"),
            advantaged=_.grade.isin(schema.ADVANTAGED).cast("int64"),
        )
    )
    frame = panel.order_by([*CELL, "year"]).to_pandas()
    accounted = {
        "grades": grades,
        "exchange": exchange,
        "resources": resources,
        "patents": _by_record(patents),
        "patents × universities": patents.filter(_.reason.isin(["counted", NO_CELL])),
        "papers": papers,
        "hires": hires,
    }
    account = pd.concat(
        [
            table.group_by("reason").agg(rows=_.count()).to_pandas().assign(table=name)
            for name, table in accounted.items()
        ]
    )[["table", "reason", "rows"]]
    return frame, account.sort_values(["table", "reason"], ignore_index=True)


def _require_pre_period(records: dict[str, pd.DataFrame], choices: Choices) -> None:
    """Raise `SchemaError` unless every university has positive resources and exchange each year."""
    universities = records["universities"]["university"]
    years = range(choices.first_year, choices.first_treated)
    key = ["university", "year"]
    needed = pd.MultiIndex.from_product([universities, years], names=key).to_frame(index=False)
    for name in ("exchange", "resources"):
        table = needed.merge(records[name], how="left", on=key, indicator="found")
        absent = table[table.pop("found") == "left_only"]
        if len(absent):
            raise SchemaError(
                f"{name}: {len(absent)} rows are missing, first {absent['university'].iloc[0]} in "
                f"{absent['year'].iloc[0]}: add them, since exposures and controls are means of "
                "all years before treatment"
            )
        if name == "resources":
            zero = table.melt(key).query("value == 0")
            if len(zero):
                university, year, column, _value = zero.iloc[0]
                raise SchemaError(
                    f"resources: {column} is zero for {university} in {year}, and zero has no "
                    "logarithm: look for a gap in the source that was read as zero"
                )


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    """Give each column the type of the schema; backends differ in their integers and strings."""
    return frame.astype({c: d.type for c, d in schema.PANEL.dtypes.items()})


def _graded(t: dict[str, ir.Table], choices: Choices) -> ir.Table:
    """University × discipline cells, with the reason why one is not in the panel."""
    sample = t["universities"].select("university", in_sample=True)
    disciplines = t["disciplines"].filter(_.category.isin(choices.categories))
    joined = (
        t["grades"]
        .left_join(sample, "university")
        .left_join(disciplines.select("discipline", "category"), "discipline")
    )
    return _reasoned(
        joined,
        [
            (_.in_sample.isnull(), NOT_IN_SAMPLE),
            (_.category.isnull(), "discipline outside the chosen categories"),
        ],
    ).select(*CELL, "category", "reason", grade=_.grade.fill_null("none"))


def _of_pre_period(table: ir.Table, sample: ir.Table, choices: Choices) -> ir.Table:
    """Yearly statistics, with the reason why a row is not part of an exposure or control."""
    joined = table.left_join(sample.mutate(in_sample=True), "university").drop("university_right")
    return _reasoned(
        joined,
        [
            (_.in_sample.isnull(), NOT_IN_SAMPLE),
            (
                ~_.year.between(choices.first_year, choices.first_treated - 1),
                "year outside the pre-period",
            ),
        ],
    )


def _add(panel: ir.Table, counts: ir.Table, name: str) -> ir.Table:
    """Join a count by cell and year, zero where there is none."""
    joined = panel.left_join(counts, [*CELL, "year"])
    return joined.select(*panel.columns, **{name: joined[name].fill_null(0)})


def _standard(x: ir.NumericColumn) -> ir.NumericColumn:
    return (x - x.mean().over()) / x.std(how="sample").over()


def _exposures(exchange: ir.Table) -> ir.Table:
    """Pre-period mean of the standardised log counts, standardised over universities (R7)."""
    z = {c: _standard((_[c] + 1).ln()) for c in schema.EXCHANGE}
    means = (
        exchange.select("university", **z)
        .group_by("university")
        .agg(**{c: _[c].mean() for c in schema.EXCHANGE})
    )
    groups = {
        "exposure": tuple(schema.EXCHANGE),
        "exposure_cooperation": schema.COOPERATION,
        "exposure_conferences": schema.CONFERENCES,
    }
    combined = means.select(
        "university",
        **{g: reduce(add, [means[c] for c in cs]) / len(cs) for g, cs in groups.items()},
    )
    standard = combined.select("university", **{g: _standard(_[g]) for g in groups})
    return standard.mutate(exposure_high=(_.exposure > _.exposure.median().over()).cast("int64"))


def _reasoned(table: ir.Table, rules: list[tuple[ir.BooleanValue, str]]) -> ir.Table:
    """Add ``reason``: the first rule that holds, else ``"counted"``."""
    return table.mutate(reason=ibis.cases(*rules, else_="counted"))


def _first(table: ir.Table, key: str) -> ir.Table:
    """Number the rows that share a key, and what they say, from 0, as their content orders them."""
    others = [c for c in table.columns if c != key]
    return table.mutate(
        repetition=ibis.row_number().over(group_by=key, order_by=others),
        version=ibis.dense_rank().over(group_by=key, order_by=others),
    )


def _repeated(key: str) -> list[tuple[ir.BooleanValue, str]]:
    """Rules of `_reasoned` for the rows after the first of a key."""
    return [
        (_.version > 0, f"{key} listed before with other content"),
        (_.repetition > 0, f"{key} listed before"),
    ]


def _placed(events: ir.Table, cells: ir.Table, choices: Choices, key: str) -> ir.Table:
    """Papers or hires, with the reason why one is not counted."""
    known = cells.select(*CELL).mutate(in_frame=True)
    joined = _first(events, key).left_join(known, CELL)
    return _reasoned(
        joined,
        [
            *_repeated(key),
            (~_.year.between(choices.first_year, choices.last_year), "year outside the study"),
            (_.in_frame.isnull(), NO_CELL),
        ],
    ).drop("university_right", "discipline_right")


def _patents(t: dict[str, ir.Table], ipc: ir.Table, cells: ir.Table, choices: Choices) -> ir.Table:
    """One row a patent and university of the sample, with the reason why one is not counted."""
    rules = load_name_rules()
    first = _first(t["patents"], "application").mutate(
        year=_.date.year().cast("int64"),
        domestic=_.jurisdiction == choices.domestic,
        ipc_subclass=_parts(_.ipc)[0].strip().substr(0, 4),
    )
    uniform = _uniform(rules)
    named = first.select("application", "repetition", name=_parts(_.applicants).unnest())
    named = named.mutate(name=uniform(_.name)).filter(_.name != "")
    aliases = t["universities"].select("university", name=_parts(_.applicant_names).unnest())
    aliases = aliases.mutate(name=uniform(_.name)).filter(_.name != "").distinct()
    _require_own_names(t["universities"], aliases)
    kind = ibis.cases(*((_.name.re_search(p), k) for k, p in rules.kinds), else_="other")
    parties = (
        named.left_join(aliases, "name")
        .mutate(firm=_.university.isnull() & kind.isin(rules.firms))
        .group_by("application", "repetition")
        .agg(
            firm=_.firm.any(),
            universities=_.university.collect(where=_.university.notnull(), distinct=True),
            share=1 / _.name.nunique(),
        )
    )
    placed = (
        first.left_join(parties, ["application", "repetition"])
        .left_join(ipc, "ipc_subclass")
        .mutate(firm=_.firm.fill_null(False))
        .unnest("universities", keep_empty=True)
        .rename(university="universities")
        .left_join(cells.select(*CELL).mutate(in_frame=True), CELL)
    )
    reasons = [
        *_repeated("application"),
        (~_.year.between(choices.first_year, choices.last_year), "year outside the study"),
        (_.university.isnull(), "no university of the sample among the applicants"),
        (_.discipline.isnull(), "main IPC subclass without a discipline"),
        (_.in_frame.isnull(), NO_CELL),
    ]
    return _reasoned(placed, reasons).select(
        "application",
        "repetition",
        *CELL,
        "year",
        "domestic",
        "granted",
        "firm",
        "key_core",
        "controlled",
        "ai",
        "share",
        "reason",
    )


def _by_record(patents: ir.Table) -> ir.Table:
    """One row a patent: counted if it is for one of its universities."""
    counted = (_.reason == "counted").any()
    return patents.group_by("application", "repetition").agg(
        reason=ibis.ifelse(counted, "counted", _.reason.min())
    )


def _require_own_names(universities: ir.Table, aliases: ir.Table) -> None:
    """Raise `SchemaError` if a name stands for two universities, or a university has none."""
    owners = aliases.to_pandas().groupby("name")["university"].agg(list)
    shared = owners[owners.str.len() > 1]
    if len(shared):
        owners_named = " and ".join(sorted(shared.iloc[0]))
        raise SchemaError(
            f"universities: the applicant name {shared.index[0]!r} belongs to {owners_named}: its "
            "patents would count for both, so leave the name to one"
        )
    nameless = set(universities["university"].to_pandas()) - {u for us in owners for u in us}
    if nameless:
        raise SchemaError(
            f"universities: {', '.join(sorted(nameless))} without an applicant name could have no "
            "patent: fill applicant_names"
        )


def _parts(text: ir.StringValue) -> ir.ArrayValue:
    """Split at semicolons, the full-width one of Chinese text included."""
    return text.replace("；", ";").split(";")


def _uniform(rules: NameRules) -> Callable[[ir.StringValue], ir.StringValue]:
    """Steps that make an applicant's name uniform, as an expression."""

    def steps(name: ir.StringValue) -> ir.StringValue:
        name = name.translate(*rules.translate).upper()
        for pattern, replacement in rules.replace:
            name = name.re_replace(pattern, replacement)
        return name

    return steps
