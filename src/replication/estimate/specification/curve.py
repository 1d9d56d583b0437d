"""The specification curve and its joint test (Simonsohn, Simmons and Nelson 2020)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from replication.errors import DesignError, ReplicationError
from replication.estimate.convention import LEVEL
from replication.estimate.design import Design
from replication.estimate.many.permuted import Orders, Permuted, orders, permuted
from replication.estimate.verbs import did

CONTROLLED = "a permuted exposure no longer goes with the controls"

ESTIMATES = ("estimate", "std_error", "lower", "upper", "p_value")

Found = tuple[dict[str, object], Permuted]

PART = 24
"""Specifications of one panel that are estimated in one go, and kept when they are done."""


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
        empty; ``not_permuted``, why it takes no part in the joint test, or empty, and
        ``p_permuted``, its own p-value by the permutations (of the absolute statistic).
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
    jobs: int = 1,
    keep: Path | None = None,
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
    jobs : int
        Processes, of one thread each. The numbers do not depend on it.
    keep : Path, optional
        Folder in which finished parts are kept: an interrupted run goes on where it stopped.

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

    Examples
    --------
    >>> panel = rp.load_panel()
    >>> scales = ("log1p", "asinh")
    >>> choices = [rp.Specification({"scale": s}, "all", rp.STUDY.but(scale=s)) for s in scales]
    >>> curve = rp.specification_curve({"all": panel}, choices, draws=99)
    >>> curve.table[["scale", "estimate"]].round(3)
       scale  estimate
    0  log1p     0.172
    1  asinh     0.205
    >>> round(curve.joint.loc["median", "p_value"].item(), 2)
    0.01
    """
    if direction not in (1, -1):
        raise DesignError(f"direction is 1 or -1, the sign that is predicted: not {direction!r}")
    names = _names(panels, specifications)
    found = _found(panels, specifications, _drawn(panels, specifications, draws, seed), jobs, keep)
    rows = [{**s.choices, **row} for s, (row, _) in zip(specifications, found, strict=True)]
    table = pd.DataFrame(rows, columns=[*names, *ESTIMATES, "rows", "reason"])
    why = [str(row["reason"] or one.reason) for row, one in found]
    kept = [one for (_, one), reason in zip(found, why, strict=True) if not reason]
    own = [np.nan if reason else one.p_value for (_, one), reason in zip(found, why, strict=True)]
    return Curve(table.assign(not_permuted=why, p_permuted=own), _joint(kept, direction))


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


def _drawn(
    panels: Mapping[str, pd.DataFrame],
    specifications: Sequence[Specification],
    draws: int,
    seed: int,
) -> Orders:
    """Permutations of the clusters of all panels."""
    clusters = [s.design.clusters[0] for s in specifications if len(s.design.clusters) == 1]
    known: set[object] = set()
    for panel in panels.values():
        for column in set(clusters) & set(panel.columns):
            known |= set(panel[column].dropna().unique())
    return orders(sorted(known, key=str), draws=draws, seed=seed)


def _found(
    panels: Mapping[str, pd.DataFrame],
    specifications: Sequence[Specification],
    drawn: Orders,
    jobs: int,
    keep: Path | None,
) -> list[Found]:
    """What is found by each specification, in their order: in parts, of one panel each."""
    from joblib import Memory, Parallel, delayed

    own = {name: [i for i, s in enumerate(specifications) if s.panel == name] for name in panels}
    parts = [
        (name, places[first : first + PART])
        for name, places in own.items()
        for first in range(0, len(places), PART)
    ]
    one = Memory(keep, verbose=0).cache(_part)
    found = Parallel(n_jobs=jobs, inner_max_num_threads=1 if jobs > 1 else None)(
        delayed(one)(panels[name], [specifications[i].design for i in places], drawn)
        for name, places in parts
    )
    ordered: dict[int, Found] = {}
    for (_, places), part in zip(parts, found, strict=True):
        ordered |= dict(zip(places, part, strict=True))
    return [ordered[i] for i in range(len(specifications))]


def _part(data: pd.DataFrame, designs: Sequence[Design], drawn: Orders) -> list[Found]:
    """Estimates of designs of one panel, and each under all permutations."""
    free = [design for design in designs if not design.controls]
    shuffled = iter(permuted(data, free, drawn))
    controlled = Permuted(reason=CONTROLLED)
    return [
        (_estimated(data, design), controlled if design.controls else next(shuffled))
        for design in designs
    ]


def _estimated(data: pd.DataFrame, design: Design) -> dict[str, object]:
    try:
        found = did(data, design)
    # A fit that does not succeed has a reason too, whoever gives it.
    except (ReplicationError, ArithmeticError, np.linalg.LinAlgError) as error:
        return {"reason": str(error) or type(error).__name__}
    row = found.frame.iloc[0]
    return {**row[list(ESTIMATES)], "rows": found.n, "reason": ""}


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
