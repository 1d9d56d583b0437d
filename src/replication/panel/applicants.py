"""Who applied for a patent: lists of names taken apart, each name made uniform and of one kind."""

import ibis
import ibis.expr.types as ir
import pyarrow.compute as pc
from ibis import _

from replication.errors import SchemaError
from replication.records.classify import NameRules, load_name_rules

OURS = "university of the sample"
FIRM = "firm"

# Pairs of pattern and replacement that leave semicolons alone between names. A comma or a slash is
# also a sign within a name (Co., Ltd; A/S): it separates beside a Chinese character, a slash
# between blanks.
SEPARATORS = (
    (r"(?i)[,，]\s*((?:LTD|LIMITED|INC|LLC|LLP|LP|PLC|CORP|CO|GMBH|S\.?A|N\.?V|B\.?V)\b)", r" \1"),
    (r"[；﹔︔\x{37E}|｜¦、､﹑\r\n\t\v\f\x{85}\x{2028}\x{2029}]|\s[/／]\s", ";"),
    (r"([\p{Han})）])\s*[,，/／]", r"\1;"),
    (r"[,，/／]\s*(\p{Han})", r";\1"),
)
# What may join two names that `SEPARATORS` does not tell apart: a sign, or, since it may as well be
# part of one name, a blank, dash, full stop or word, which joins only what then is a firm.
SOFT = r"\s\p{Z}\p{C}.．。…'‘’\x22“”\-‐-―－"
SIGN = rf"[^\p{{L}}\p{{M}}\p{{N}}{SOFT}()（）〔〕【】［］\[\]]+"
BLANK = rf"[{SOFT}]+|[和与及]"
AND = r"(?i)\s+and\s+|\s*[\-‐-―－]\s*"
# Of no width, or of no meaning, wherever they stand.
INVISIBLE = r"[\p{Cf}\x{FE00}-\x{FE0F}]"


def applicants(patents: ir.Table, universities: ir.Table, owned: bool = False) -> ir.Table:
    """One row an applicant of a row of `patents`.

    ``name`` is uniform; ``university`` is the one of the sample that has it, or null; ``kind`` is
    `OURS`, `FIRM` or another kind of ``firm_names.toml``. With `owned`, a firm that a university
    owns is a `FIRM` too.

    Raises
    ------
    SchemaError
        If a name stands for two universities, or a university has none; if a university of the
        sample and another applicant are joined by what may be part of a name.
    """
    rules = load_name_rules()
    aliases = universities.select("university", name=_parts(_.applicant_names).unnest())
    aliases = aliases.mutate(name=_uniform(_.name, rules)).filter(_.name != "").distinct()
    _require_own_names(universities, aliases)
    named = patents.select("application", "repetition", written=_parts(_.applicants).unnest())
    # A name is on many patents: what it is, is asked once.
    names = named.select("written").distinct().mutate(name=_uniform(_.written, rules))
    names = names.filter(_.name != "").left_join(aliases, "name")
    kinds = [(_.name.re_search(rule.pattern), rule.kind) for rule in rules.rule]
    kind = ibis.cases((_.university.notnull(), OURS), *kinds, else_="other")
    names = names.mutate(kind=kind).select("written", "name", "university", "kind")
    firms = rules.firm_kinds_alternative if owned else rules.firm_kinds
    names = names.mutate(kind=ibis.ifelse(_.kind.isin(firms), FIRM, _.kind)).cache()
    _require_separated(named, names, aliases, rules)
    return named.inner_join(names, "written").select(
        "application", "repetition", "name", "university", "kind"
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
    named: ir.Table, names: ir.Table, aliases: ir.Table, rules: NameRules
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
        .cache()
    )
    if first := joined.order_by("written").limit(1).to_pandas().to_dict("records"):
        rows = named.semi_join(joined, "written").select("application", "repetition").distinct()
        written, sign = first[0]["written"].strip(), first[0]["sign"]
        raise SchemaError(
            f"patents, column 'applicants': in {rows.count().to_pandas()} rows a university of the "
            f"sample and another name are joined by {sign!r}, which may be part of a name, first "
            f"{written!r}: separate applicants by semicolons"
        )


def plain(text: ir.StringValue) -> ir.StringValue:
    """Text in one form of Unicode (NFKC: width, radicals, accents), nothing invisible in it."""
    return _nfkc(text).re_replace(INVISIBLE, "")


@ibis.udf.scalar.pyarrow
def _nfkc(text: str) -> str:
    return pc.utf8_normalize(text, form="NFKC")


def _parts(text: ir.StringValue) -> ir.ArrayValue:
    """Names of a list."""
    for pattern, replacement in SEPARATORS:
        text = text.re_replace(pattern, replacement)
    return text.split(";")


def _uniform(name: ir.StringValue, rules: NameRules) -> ir.StringValue:
    """Applicant's name made uniform."""
    steps = rules.normalise
    name = plain(name).translate(steps.translate_from, steps.translate_to).upper()
    for pattern, replacement in steps.replace:
        name = name.re_replace(pattern, replacement)
    return name
