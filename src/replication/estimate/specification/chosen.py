"""The nine claims under choices of the register, beside the default."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from replication.errors import ReplicationError
from replication.estimate.contrasts import CLAIMS, estimand
from replication.estimate.design import STUDY
from replication.records.study.options import Chosen

COLUMNS = ("estimate", "std_error", "lower", "upper", "p_value")
OLS = "OLS"
PPML = "PPML"


def claims_under(panel: pd.DataFrame, chosen: Sequence[Chosen] = ()) -> pd.DataFrame:
    """Estimate the coefficient of each claim by PPML and by least squares.

    Parameters
    ----------
    panel : DataFrame
        Built under the same choices.
    chosen : sequence of Chosen
        Of its rows, those that are a matter of the design (R3, R6, R9, R12, R13) are carried out
        here.

    Returns
    -------
    DataFrame
        Indexed by ``claim`` and ``model``: `COLUMNS`, and ``reason``, why it cannot be estimated,
        or empty. Least squares are on log(1 + y) or on the scale that R6 chooses.
    """
    changes = design_changes(chosen)
    scale = changes.pop("scale", "log1p")
    if summed := changes.get("unit") == "university":
        panel = _summed(panel)
    rows = {}
    for claim in CLAIMS:
        own = dict(changes)
        if claim == "C2":
            own.pop("effects", None)
        for model, design in {
            PPML: {**own, "model": "ppml"},
            OLS: {**own, "model": "ols", "scale": scale},
        }.items():
            rows[claim, model] = _row(claim, panel, design, summed)
    frame = pd.DataFrame(rows).T.rename_axis(["claim", "model"])
    return frame.astype(dict.fromkeys(COLUMNS, float))


def design_changes(chosen: Sequence[Chosen]) -> dict[str, Any]:
    """What the choices change of a design."""
    changes: dict[str, Any] = {}
    for one in chosen:
        changes |= one.design
    return changes


def _row(claim: str, panel: pd.DataFrame, design: dict[str, Any], summed: bool) -> dict[str, Any]:
    none: dict[str, Any] = dict.fromkeys(COLUMNS, float("nan"))
    if summed and claim in ("C2", "C7"):
        reason = "a university summed over its disciplines has no discipline to compare (R3)"
        return {**none, "reason": reason}
    try:
        return {**estimand(claim, panel, STUDY, **design)[list(COLUMNS)], "reason": ""}
    except ReplicationError as error:
        return {**none, "reason": str(error)}


def _summed(panel: pd.DataFrame) -> pd.DataFrame:
    """Panel of universities: counts summed over disciplines, what is the university's own kept."""
    key = ["university", "year"]
    counts = [c for c in panel.columns if c.startswith(("patents", "hires", "papers"))]
    own = [c for c in panel.columns if c.startswith(("exposure", "log_"))] + ["post", "event_time"]
    groups = panel.groupby(key, as_index=False)
    return groups[counts].sum().merge(groups[own].first(), on=key)
