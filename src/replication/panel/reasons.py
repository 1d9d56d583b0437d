"""Why a record is counted or dropped, as Ibis expressions: each record has one reason."""

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir
from ibis import _

from replication.panel.engine import ROW, Keep

COUNTED = "counted"
NO_CELL = "no such cell of university and discipline"
NOT_IN_SAMPLE = "university not in the sample"
OUTSIDE_STUDY = "year outside the study"


def first_of(table: ir.Table, rules: list[tuple[ir.BooleanValue, str]]) -> ir.Table:
    """Add ``reason``: the first rule that holds, else `COUNTED`."""
    return table.mutate(reason=ibis.cases(*rules, else_=COUNTED))


def numbered(
    table: ir.Table, keep: Keep, *key: str, together: Mapping[str, ir.Value] | None = None
) -> ir.Table:
    """Number the rows that share a key, and what they say, from 0, as their content orders them.

    ``shared`` says that there is more than one; `together` is said of all rows of a key at once.
    """
    text = table[key[0]]
    for column in key[1:]:
        text = text.concat("|", table[column])
    # Few rows share a key. A number of the key finds them, and some others that do no harm, in a
    # fraction of the memory that the keys themselves would need.
    marked = table.mutate(mark=text.hash())
    several = keep(marked.group_by("mark").agg(n=_.count()).filter(_.n > 1).select("mark"))
    same = marked.semi_join(several, "mark").drop("mark")
    same = same.mutate(
        **{name: value.over(group_by=key) for name, value in (together or {}).items()}
    )
    others = [c for c in table.columns if c not in (*key, ROW)]
    same = same.mutate(
        repetition=ibis.row_number().over(group_by=key, order_by=others),
        version=ibis.dense_rank().over(group_by=key, order_by=others),
        shared=(_.count() > 1).over(group_by=key),
    )
    zero = ibis.literal(0, "int64")
    alone = marked.anti_join(several, "mark").drop("mark")
    alone = alone.mutate(repetition=zero, version=zero, shared=False)
    return alone.union(keep(same).select(alone.columns))


def repeated(key: str) -> list[tuple[ir.BooleanValue, str]]:
    """Rules of `first_of` for the rows after the first of a key."""
    return [
        (_.version > 0, f"{key} listed before with other content"),
        (_.repetition > 0, f"{key} listed before"),
    ]
