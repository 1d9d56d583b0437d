"""The specification curve and its joint test (Simonsohn, Simmons and Nelson 2020)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from replication.errors import DesignError, ReplicationError
from replication.estimate.convention import LEVEL
from replication.estimate.design import Design
from replication.estimate.many.permuted import Orders, Permuted, orders, permuted
from replication.estimate.verbs import did

CONTROLLED = "a permuted exposure no longer goes with the controls"

ESTIMATES = ("estimate", "std_error", "lower", "upper", "p_value")


@dataclass(frozen=True)
class Specification:
    """One combination of choices: the panel that it needs, and the design.

    Attributes
    ----------
    choices : mapping of str to str
        What was chosen, by the name of the choice; the same names in every specification.
    panel : str
        Name of the panel.
    design : Design
        With one regressor, named by its exposure and post, and clusters of one dimension.
    """

    choices: Mapping[str, str]
    panel: str
    design: Design


@dataclass(frozen=True)
class Curve:
    """All specifications, and their joint test.

    Attributes
    ----------
    table : DataFrame
        A row a specification, in the order in which they came: its choices; ``estimate`` with its
        inference by the design's own variance; ``rows`` used; ``reason``, why there is none, or
        empty; ``not_permuted``, why it takes no part in the joint test, or empty.
    joint : DataFrame
        Indexed by ``statistic``: ``median`` estimate, ``share_predicted`` and
        ``share_significant``, shares of specifications with the predicted sign and with that sign
        and significant at 5 % (CR1); each as ``observed``, its mean under permutations
        (``expected``) and its ``p_value``, the share of permutations, the data's own order among
        them, that are at least as extreme. ``specifications`` that take part.
    """

    table: pd.DataFrame
    joint: pd.DataFrame

    @property
    def sorted(self) -> pd.DataFrame:
        """Specifications that have an estimate, from the lowest."""
        kept = self.table[self.table["reason"] == ""]
        return kept.sort_values("estimate", kind="stable").reset_index(drop=True)


def specification_curve(
    panels: Mapping[str, pd.DataFrame],
    specifications: Sequence[Specification],
    *,
    direction: int = 1,
    draws: int = 499,
    seed: int = 2026,
) -> Curve:
    """Estimate every specification and test them together.

    Parameters
    ----------
    panels : mapping of str to DataFrame
    specifications : sequence of Specification
    direction : {1, -1}
        Sign that is predicted.
    draws : int
        Permutations of the exposure between the clusters, the same in every specification.
    seed : int

    Returns
    -------
    Curve
        A specification that cannot be estimated is a row with its reason, and takes no part in the
        joint test. Nor does one whose exposure cannot be permuted, or that has controls.

    Raises
    ------
    DesignError
        If `direction` is neither, specifications name different choices or a panel that is not
        there, or two of them are the same design of the same rows.

    Notes
    -----
    Under the joint null no specification has an effect: exposure might as well be another
    cluster's. Least squares are permuted exactly; of a Poisson specification the score statistic
    is, and the Newton step from the fit without the regressor (`many.permuted`). A permuted
    exposure no longer goes with the controls, so that with them its coefficient varies less than
    that of the data's exposure, and its permutations are no reference.
    """
    if direction not in (1, -1):
        raise DesignError(f"direction is 1 or -1, the sign that is predicted: not {direction!r}")
    names = _names(panels, specifications)
    rows = [{**one.choices, **_estimated(panels[one.panel], one.design)} for one in specifications]
    table = pd.DataFrame(rows, columns=[*names, *ESTIMATES, "rows", "reason"])
    shuffled = _shuffled(panels, specifications, draws, seed)
    why = [reason or one.reason for reason, one in zip(table["reason"], shuffled, strict=True)]
    kept = [found for found, reason in zip(shuffled, why, strict=True) if not reason]
    return Curve(table.assign(not_permuted=why), _joint(kept, direction))


def _names(
    panels: Mapping[str, pd.DataFrame], specifications: Sequence[Specification]
) -> list[str]:
    if not specifications:
        raise DesignError("a specification curve needs a specification")
    names = list(specifications[0].choices)
    first = {name: _first_alike(panels, name) for name in panels}
    seen: dict[tuple[str, Design], int] = {}
    for number, one in enumerate(specifications):
        if list(one.choices) != names:
            raise DesignError(
                f"specification {number} chooses {', '.join(one.choices)}, the first "
                f"{', '.join(names)}: name the same choices in the same order"
            )
        if one.panel not in panels:
            raise DesignError(
                f"specification {number} needs the panel {one.panel!r}; there are "
                f"{', '.join(map(repr, panels))}"
            )
        before = seen.setdefault((first[one.panel], one.design), number)
        if before != number:
            raise DesignError(
                f"specifications {before} and {number} are the same rows and design: each counts "
                "once, or the curve is padded"
            )
    return names


def _first_alike(panels: Mapping[str, pd.DataFrame], name: str) -> str:
    """Name of the first panel that holds the same."""
    return next(other for other in panels if panels[other].equals(panels[name]))


def _estimated(data: pd.DataFrame, design: Design) -> dict[str, object]:
    try:
        found = did(data, design)
    except ReplicationError as error:
        return {"reason": str(error)}
    row = found.frame.iloc[0]
    return {**row[list(ESTIMATES)], "rows": found.n, "reason": ""}


def _shuffled(
    panels: Mapping[str, pd.DataFrame],
    specifications: Sequence[Specification],
    draws: int,
    seed: int,
) -> list[Permuted]:
    """Each specification under every permutation, in their order; panel by panel."""
    clusters = [s.design.clusters[0] for s in specifications if len(s.design.clusters) == 1]
    known: set[object] = set()
    for panel in panels.values():
        for column in set(clusters) & set(panel.columns):
            known |= set(panel[column].dropna().unique())
    drawn: Orders = orders(sorted(known, key=str), draws=draws, seed=seed)
    found = dict.fromkeys(range(len(specifications)), Permuted(reason=CONTROLLED))
    for name, panel in panels.items():
        own = [i for i, s in enumerate(specifications) if s.panel == name and not s.design.controls]
        designs = [specifications[i].design for i in own]
        found |= dict(zip(own, permuted(panel, designs, drawn), strict=True))
    return [found[i] for i in range(len(specifications))]


def _joint(kept: Sequence[Permuted], direction: int) -> pd.DataFrame:
    if not kept:
        nothing = {"observed": np.nan, "expected": np.nan, "p_value": np.nan, "specifications": 0}
        rows = dict.fromkeys(("median", "share_predicted", "share_significant"), nothing)
        return pd.DataFrame(rows).T.rename_axis("statistic").astype({"specifications": int})
    estimate = direction * np.array([one.estimate for one in kept])
    significant = np.array([one.p_values() for one in kept]) < LEVEL
    statistics = {
        "median": np.median(estimate, axis=0),
        "share_predicted": (estimate > 0).mean(axis=0),
        "share_significant": ((estimate > 0) & significant).mean(axis=0),
    }
    rows = {
        name: {
            "observed": (direction if name == "median" else 1) * values[0],
            "expected": (direction if name == "median" else 1) * values[1:].mean(),
            "p_value": float((values >= values[0] - 1e-12).mean()),
            "specifications": len(kept),
        }
        for name, values in statistics.items()
    }
    return pd.DataFrame(rows).T.rename_axis("statistic").astype({"specifications": int})
