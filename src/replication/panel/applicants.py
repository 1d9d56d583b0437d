"""Who applied for a patent: lists of names taken apart, each name made uniform and of one kind."""

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pyarrow.compute as pc
from ibis import _

from replication.errors import SchemaError
from replication.panel.engine import ROW, Keep
from replication.records.classify import NameRules, load_name_rules
from replication.records.ingest.separators import SEPARATORS

OURS = "university of the sample"
FIRM = "firm"

SUSPECT = r"[,，；﹔︔\x{37E}|｜¦、､﹑\r\n\t\v\f\x{85}\x{2028}\x{2029}/／]"
"""Signs without which none of `SEPARATORS` is found."""
# What may join two names that `SEPARATORS` does not tell apart: a sign, or, since it may as well be
# part of one name, a blank, dash, full stop or word, which joins only what then is a firm.
SOFT = r"\s\p{Z}\p{C}.．。…'‘’\x22“”\-‐-―－"
SIGN = rf"[^\p{{L}}\p{{M}}\p{{N}}{SOFT}()（）〔〕【】［］\[\]]+"
BLANK = rf"[{SOFT}]+|[和与及]"
AND = r"(?i)\s+and\s+|\s*[\-‐-―－]\s*"
# Of no width, or of no meaning, wherever they stand.
INVISIBLE = r"[\p{Cf}\x{FE00}-\x{FE0F}]"


@dataclass(frozen=True)
class Applicants:
    """Who applied for which patent.

    Attributes
    ----------
    named : Table
        ``row`` and ``repetition`` of the patent, ``who``: a row each time a patent names somebody.
    people : Table
        ``who``, the uniform ``name``, the ``university`` of the sample that has it, or null, and
        the ``kind``: `OURS`, `FIRM` or another kind of ``firm_names.toml``. A row an applicant.
    """

    named: ir.Table
    people: ir.Table

    def of(self, *columns: str, where: ir.BooleanValue | None = None) -> ir.Table:
        """Rows of `named` with what is known of whom they name, or of those `where` that holds."""
        people = self.people if where is None else self.people.filter(where)
        return self.named.inner_join(people.select("who", *columns), "who")


def applicants(
    patents: ir.Table,
    universities: ir.Table,
    keep: Keep,
    types: ir.Table | None = None,
    owned: bool = False,
) -> Applicants:
    """Take the applicants of `patents` apart and say who they are.

    `types` has the ``kind`` of each ``applicant`` whose type the export gives: it goes before the
    rule by name. With `owned`, a firm that a university owns is a `FIRM` too (R15).

    Raises
    ------
    SchemaError
        If a name stands for two universities, or a university has none; if a university of the
        sample and another applicant are joined by what may be part of a name.
    """
    rules = load_name_rules()
    aliases = universities.select("university", name=_parts(_.applicant_names).unnest())
    aliases = aliases.mutate(name=_uniform(_.name, rules)).filter(_.name != "").distinct()
    aliases = keep(aliases)
    _require_own_names(universities, aliases)
    written = patents.select(ROW, "repetition", written=_parts(_.applicants).unnest())
    # A name is on many patents: what it is, is asked once. That asks for a table of its own, since
    # a database may well look for the empty names before it leaves one of each.
    names = keep(written.select("written").distinct()).mutate(name=_uniform(_.written, rules))
    names = keep(names).filter(_.name != "").left_join(aliases, "name")
    kinds = [(_.name.re_search(rule.pattern), rule.kind) for rule in rules.rule]
    kind = ibis.cases((_.university.notnull(), OURS), *kinds, else_="other")
    if types is not None:
        names = names.left_join(types, names.name == types.applicant)
        kind = ibis.ifelse(_.university.isnull() & _.kind.notnull(), _.kind, kind)
    names = names.mutate(kind=kind, who=ibis.dense_rank().over(order_by=_.name))
    names = names.select("written", "who", "name", "university", "kind")
    firms = rules.firm_kinds_alternative if owned else rules.firm_kinds
    names = keep(names.mutate(kind=ibis.ifelse(_.kind.isin(firms), FIRM, _.kind)))
    _require_separated(written, names, aliases, rules)
    named = written.inner_join(names.select("written", "who"), "written")
    return Applicants(
        keep(named.select(ROW, "repetition", "who")), keep(names.drop("written").distinct())
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


def _require_separated(
    written: ir.Table, names: ir.Table, aliases: ir.Table, rules: NameRules
) -> None:
    """Raise `SchemaError` if a name holds that of a university and another behind a sign or blank.

    Behind a blank only if the whole is a firm's: a school or hospital may be written with one.
    """
    text = _.written.strip()
    pieces = text.re_split(SIGN).concat(text.re_split(BLANK), text.re_split(AND))
    joined = (
        names.filter(_.university.isnull() & text.re_search(rf"{SIGN}|{BLANK}"))
        .mutate(piece=pieces.unnest())
        .mutate(piece=_uniform(_.piece, rules), sign=text.re_extract(SIGN, 0))
        .filter((_.sign != "") | (_.kind == FIRM))
        .semi_join(aliases, [("piece", "name")])
        .mutate(sign=ibis.ifelse(_.sign == "", text.re_extract(BLANK, 0), _.sign))
        .select("written", "sign")
        .distinct()
    )
    if first := joined.order_by("written").limit(1).to_pandas().to_dict("records"):
        rows = written.semi_join(joined, "written").select(ROW).distinct()
        name, sign = first[0]["written"].strip(), first[0]["sign"]
        raise SchemaError(
            f"patents, column 'applicants': in {rows.count().to_pandas()} rows a university of the "
            f"sample and another name are joined by {sign!r}, which may be part of a name, first "
            f"{name!r}: separate applicants by semicolons"
        )


def plain(text: ir.StringValue) -> ir.StringValue:
    """Text in one form of Unicode (NFKC: width, radicals, accents), nothing invisible in it."""
    # ASCII is plain: most numbers and classes are spared the way through Python.
    other = text.re_search(r"[^\x00-\x7F]")
    return ibis.ifelse(other, _nfkc(text).re_replace(INVISIBLE, ""), text)


@ibis.udf.scalar.pyarrow
def _nfkc(text: str) -> str:
    return pc.utf8_normalize(text, form="NFKC")


def _parts(text: ir.StringValue) -> ir.ArrayValue:
    """Names of a list."""
    clear = text
    for pattern, replacement in SEPARATORS:
        clear = clear.re_replace(pattern, replacement)
    # Most lists hold none of the signs that the patterns are about.
    return ibis.ifelse(text.re_search(SUSPECT), clear, text).split(";")


def _uniform(name: ir.StringValue, rules: NameRules) -> ir.StringValue:
    """Applicant's name made uniform."""
    steps = rules.normalise
    name = plain(name).translate(steps.translate_from, steps.translate_to).upper()
    for pattern, replacement in steps.replace:
        name = name.re_replace(pattern, replacement)
    return name
