"""Which choice moves the answer most."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import comb

import numpy as np
import pandas as pd

from replication.errors import NoVariationError
from replication.estimate.specification.curve import Curve


def explained(curve: Curve, choices: Sequence[str]) -> pd.DataFrame:
    """Share of the variance of the estimates that each choice explains.

    Parameters
    ----------
    curve : Curve
    choices : sequence of str
        Of its specifications.

    Returns
    -------
    DataFrame
        Indexed by ``choice``, from the largest: ``share``, its Shapley value of R² in a regression
        of the estimates on dummies of all choices (Lindeman, Merenda and Gold 1980), and
        ``spread``, the largest less the smallest coefficient of its alternatives there: the
        difference of means where choices are crossed, and with the others held fixed where they are
        not. The last row, ``"together"``, is R²: what it lacks to one is that
        choices act jointly.

    Raises
    ------
    NoVariationError
        If all estimates are alike.

    Examples
    --------
    With one choice it explains everything.

    >>> panel = rp.load_panel()
    >>> scales = ("log1p", "asinh")
    >>> choices = [rp.Specification({"scale": s}, "all", rp.STUDY.but(scale=s)) for s in scales]
    >>> curve = rp.specification_curve({"all": panel}, choices, draws=99)
    >>> rp.explained(curve, ["scale"])
              share    spread
    choice
    scale       1.0  0.033662
    together    1.0  0.033662
    """
    table = curve.sorted
    y = table["estimate"].to_numpy() - table["estimate"].mean()
    if not np.ptp(y) > 0:
        raise NoVariationError("all specifications have one estimate: no choice moves it")
    dummies = {
        name: pd.get_dummies(table[name].astype(str), dtype=float).to_numpy() for name in choices
    }

    def r_squared(names: tuple[str, ...]) -> float:
        if not names:
            return 0.0
        x = np.column_stack([np.ones(len(y)), *[dummies[name] for name in names]])
        left = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
        return 1 - float(left @ left) / float(y @ y)

    known = {
        frozenset(names): r_squared(names)
        for size in range(len(choices) + 1)
        for names in combinations(choices, size)
    }
    slopes = _slopes(y, dummies)
    rows = {}
    for name in choices:
        others = [c for c in choices if c != name]
        value = 0.0
        for size in range(len(others) + 1):
            weight = 1 / (len(choices) * comb(len(others), size))
            for chosen in map(frozenset, combinations(others, size)):
                value += weight * (known[chosen | {name}] - known[chosen])
        rows[name] = {"share": value, "spread": float(np.ptp(slopes[name]))}
    frame = pd.DataFrame(rows).T.sort_values("share", ascending=False, kind="stable")
    frame.loc["together"] = [known[frozenset(choices)], float(np.ptp(y))]
    return frame.rename_axis("choice")


def _slopes(y: np.ndarray, dummies: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Coefficients of the alternatives of each choice, the first of each being zero."""
    columns = [block[:, 1:] for block in dummies.values()]
    x = np.column_stack([np.ones(len(y)), *columns])
    found = np.linalg.lstsq(x, y, rcond=None)[0][1:]
    ends = np.cumsum([0, *(block.shape[1] for block in columns)])
    return {
        name: np.append(0.0, found[first:last])
        for name, first, last in zip(dummies, ends[:-1], ends[1:], strict=True)
    }
