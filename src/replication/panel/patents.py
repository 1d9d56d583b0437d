"""Patents in the panel: who applied, who of them is a firm, and which discipline is theirs."""

import ibis
import ibis.expr.types as ir
from ibis import _

from replication.errors import SchemaError
from replication.panel import reasons
from replication.records.classify import NameRules, load_name_rules
from replication.records.registry import Choices

CELL = ["university", "discipline"]


def patents(t: dict[str, ir.Table], ipc: ir.Table, cells: ir.Table, choices: Choices) -> ir.Table:
    """One row a patent and university of the sample, with the reason why one is not counted."""
    names = load_name_rules()
    first = reasons.numbered(t["patents"], "application").mutate(
        year=_.date.year().cast("int64"),
        domestic=_.jurisdiction == choices.domestic,
        ipc_subclass=_parts(_.ipc)[0].strip().substr(0, 4),
    )
    named = first.select("application", "repetition", name=_parts(_.applicants).unnest())
    named = named.mutate(name=_uniform(_.name, names)).filter(_.name != "")
    aliases = t["universities"].select("university", name=_parts(_.applicant_names).unnest())
    aliases = aliases.mutate(name=_uniform(_.name, names)).filter(_.name != "").distinct()
    _require_own_names(t["universities"], aliases)
    kind = ibis.cases(*((_.name.re_search(r.pattern), r.kind) for r in names.rule), else_="other")
    parties = (
        named.left_join(aliases, "name")
        .mutate(firm=_.university.isnull() & kind.isin(names.firm_kinds))
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
    rules = [
        *reasons.repeated("application"),
        (~_.year.between(choices.first_year, choices.last_year), reasons.OUTSIDE_STUDY),
        (_.university.isnull(), "no university of the sample among the applicants"),
        (_.discipline.isnull(), "main IPC subclass without a discipline"),
        (_.in_frame.isnull(), reasons.NO_CELL),
    ]
    what = ("year", "domestic", "granted", "firm", "key_core", "controlled", "ai", "share")
    return reasons.first_of(placed, rules).select(
        "application", "repetition", *CELL, *what, "reason"
    )


def by_record(credits: ir.Table) -> ir.Table:
    """One row a patent: counted if it is for one of its universities."""
    counted = (_.reason == reasons.COUNTED).any()
    return credits.group_by("application", "repetition").agg(
        reason=ibis.ifelse(counted, reasons.COUNTED, _.reason.min())
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
    if nameless := set(universities["university"].to_pandas()) - {u for us in owners for u in us}:
        raise SchemaError(
            f"universities: {', '.join(sorted(nameless))} without an applicant name could have no "
            "patent: fill applicant_names"
        )


def _parts(text: ir.StringValue) -> ir.ArrayValue:
    """Split at semicolons, the full-width one of Chinese text included."""
    return text.replace("；", ";").split(";")


def _uniform(name: ir.StringValue, rules: NameRules) -> ir.StringValue:
    """Applicant's name made uniform."""
    steps = rules.normalise
    name = name.translate(steps.translate_from, steps.translate_to).upper()
    for pattern, replacement in steps.replace:
        name = name.re_replace(pattern, replacement)
    return name
