"""Why a record is counted or dropped, as Ibis expressions: each record has one reason."""

import ibis
import ibis.expr.types as ir
from ibis import _

COUNTED = "counted"
NO_CELL = "no such cell of university and discipline"
NOT_IN_SAMPLE = "university not in the sample"
OUTSIDE_STUDY = "year outside the study"


def first_of(table: ir.Table, rules: list[tuple[ir.BooleanValue, str]]) -> ir.Table:
    """Add ``reason``: the first rule that holds, else `COUNTED`."""
    return table.mutate(reason=ibis.cases(*rules, else_=COUNTED))


def numbered(table: ir.Table, *key: str) -> ir.Table:
    """Number the rows that share a key, and what they say, from 0, as their content orders them."""
    others = [c for c in table.columns if c not in key]
    return table.mutate(
        repetition=ibis.row_number().over(group_by=key, order_by=others),
        version=ibis.dense_rank().over(group_by=key, order_by=others),
    )


def repeated(key: str) -> list[tuple[ir.BooleanValue, str]]:
    """Rules of `first_of` for the rows after the first of a key."""
    return [
        (_.version > 0, f"{key} listed before with other content"),
        (_.repetition > 0, f"{key} listed before"),
    ]
