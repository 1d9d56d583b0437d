"""Size of the joint test: how often it rejects where exchange does nothing."""

import numpy as np
import pandas as pd

from replication.estimate.convention import LEVEL
from replication.estimate.many.permuted import Layouts, PermutedDesign, orders
from replication.estimate.specification import Specification
from replication.montecarlo.register.alternatives import DEFAULTS
from replication.montecarlo.register.panels import Panel
from replication.montecarlo.register.specifications import specifications
from replication.montecarlo.repeat import draws, rate_error, scaled

STUDIES, ORDERS, SEED = 1000, 199, 20260802
CHUNK = 125

WORLDS = {
    "exposure as it is": False,
    "exposure drawn by lot": True,
}
"""Whether exposure is dealt anew to universities in each study, as permutations suppose it is."""


def subset(claim: str) -> list[Specification]:
    """Least squares of the shipped panel without controls, R5 at its default."""
    return [
        one
        for one in specifications(claim)
        if one.panel == "as chosen"
        and one.choices["R5"] == DEFAULTS["R5"]
        and one.design.model == "ols"
        and not one.design.controls
    ]


def sizes(panel: Panel, studies: int = STUDIES, number: int = ORDERS) -> pd.DataFrame:
    """How often each joint statistic rejects at 5 % over studies in which exchange does nothing.

    Universities, exposures and cells stay those of the panel's study; shocks and counts are drawn
    anew, with every planted effect zero.

    Returns
    -------
    DataFrame
        One row a claim, world of `WORLDS` and statistic: ``rejected``, ``specifications``,
        ``studies``, ``rate_error``.
    """
    names = np.unique(panel.data["university"])
    drawn = orders(list(names), draws=number, seed=SEED)
    rows = []
    for claim in ("C1", "C2"):
        chosen = subset(claim)
        layouts: Layouts = {}
        designs = [PermutedDesign(panel.data, s.design, drawn, layouts) for s in chosen]
        p_values: dict[str, list[np.ndarray]] = {world: [] for world in WORLDS}
        for y in draws(scaled(panel.study, 0.0), studies, SEED, CHUNK):
            estimates, significant = _statistics(designs, chosen, y)
            lot = np.random.default_rng([SEED, len(p_values["exposure drawn by lot"])])
            for world, dealt in WORLDS.items():
                own = lot.integers(number + 1, size=y.shape[1]) if dealt else np.zeros(y.shape[1])
                p_values[world].append(_p_values(estimates, significant, own.astype(int)))
        for world, found in p_values.items():
            p = np.concatenate(found)
            for i, statistic in enumerate(("median", "share_predicted", "share_significant")):
                rows.append(
                    {
                        "claim": claim,
                        "world": world,
                        "statistic": statistic,
                        "rejected": float((p[:, i] <= LEVEL).mean()),
                        "specifications": len(chosen),
                        "studies": len(p),
                        "rate_error": float(rate_error(len(p))),
                    }
                )
    return pd.DataFrame(rows)


def _statistics(
    designs: list[PermutedDesign], chosen: list[Specification], y: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Estimates, and whether each is significantly positive (CR1): (specifications, S, orders)."""
    from scipy import stats

    transforms = {"log1p": np.log1p, "asinh": np.arcsinh}
    estimates, significant = [], []
    for design, one in zip(designs, chosen, strict=True):
        used = design.layout.rows.rows.index
        estimate, statistic = design.statistics(transforms[one.design.scale](y[used]))
        critical = stats.t.isf(LEVEL / 2, len(design.layout.kernel.names) - 1)
        estimates.append(estimate.astype(np.float32))
        significant.append(statistic > critical)
    return np.stack(estimates), np.stack(significant)


def _p_values(estimates: np.ndarray, significant: np.ndarray, own: np.ndarray) -> np.ndarray:
    """p-values of the three statistics, shape (S, 3), where order `own` is the data's."""
    joint = (
        np.median(estimates, axis=0),
        (estimates > 0).mean(axis=0),
        significant.mean(axis=0),
    )
    found = []
    for values in joint:
        observed = np.take_along_axis(values, own[:, None], axis=1)
        found.append((values >= observed - 1e-7).mean(axis=1))
    return np.column_stack(found)
