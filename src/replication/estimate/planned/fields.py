"""C2 by field: DID, triple difference and event study of papers with firms, PPML."""

import pandas as pd

from replication.errors import SourceUnavailableError
from replication.estimate.fit import Estimate
from replication.estimate.planned.plan import WINDOWS
from replication.estimate.verbs import ddd, did, event_study
from replication.panel.ministry.fields import field_panel, world_panel
from replication.records.open import download
from replication.records.open.leiden.fields import SOURCE

UNIT = ("university", "field")
FIELDS = WINDOWS.but(unit=UNIT, effects=(UNIT, ("field", "first_year")))
"""Papers with firms: a university, field and period a row."""

TRIPLE = WINDOWS.but(
    unit=UNIT,
    third="control_exposure",
    effects=(UNIT, ("university", "first_year"), ("field", "first_year")),
)
"""The third difference is the field's exposure to technology control."""


def by_field() -> dict[str, Estimate]:
    """Estimate what the plan's C2 asks for, where the workbook is.

    Returns
    -------
    dict of str to Estimate
        ``"DID"``, ``"DDD"``, ``"event study"`` over disjoint periods, and ``"ministry against
        world"``: whether papers with firms grew more at ministry universities than at those of
        other countries, which is no effect of exchange.

    Raises
    ------
    SourceUnavailableError
        The workbook is not here, and cannot be had.
    """
    panel, world = field_panel(), world_panel()
    technical = panel[panel["control_exposure"].notna()]
    return {
        "DID": did(panel, FIELDS),
        "DDD": ddd(technical, TRIPLE),
        "event study": event_study(panel, FIELDS),
        "ministry against world": did(world, FIELDS, exposure="ministry"),
    }


def by_field_here() -> pd.DataFrame:
    """`by_field` as a table where the workbook is, or the reason why there is none.

    Nothing is downloaded for it: 230 MB are brought by `replication fetch leiden-panel` only.

    Returns
    -------
    DataFrame
        Indexed by ``design`` and ``term``: rows of `Estimate.frame`; or, indexed by ``design``, a
        column ``why`` with one row.
    """
    (source,) = download.select([SOURCE])
    try:
        if not download.where(source):
            raise SourceUnavailableError("the workbook is not here")
        found = by_field()
    except SourceUnavailableError as error:
        why = f"not run: {error}; `replication fetch leiden-panel` asks its publisher for it"
        return pd.DataFrame({"why": [why]}, index=pd.Index(["C2 by field"], name="design"))
    return pd.concat({name: one.frame for name, one in found.items()}, names=["design", "term"])
