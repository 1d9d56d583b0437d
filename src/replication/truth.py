"""What is true in a simulated study, claim by claim, from its potential outcomes.

An effect here is a change of the log of a mean. Where effects differ between cells there is no
single number; the truth of a claim is then what its own design finds in the *expected* outcomes,
which have no noise in them at all: no count is drawn, no shock is in them, nothing is estimated.
Two targets are kept apart. ``mean``: the design by PPML, so that a cell weighs as much as its
applications. ``log mean``: the least-squares projection of the log of the mean, each cell with the
same weight. A third, ``log(1 + y)``, is the target of least squares on log(1 + y); it has no closed
form and comes from many draws, with its Monte-Carlo error.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from replication.designs import DDD_EFFECTS, DID_EFFECTS, Effect, Estimate, ddd, did, event_study
from replication.simulate import FORMS, MEDIATORS, Process, Study, _negative_binomial, _shocks

GROUPED: tuple[Effect, ...] = (
    ("university", "discipline", "technology"),
    ("discipline", "year", "technology"),
)
MODERATED: tuple[Effect, ...] = (
    ("university", "discipline"),
    ("discipline", "year"),
)


def expected_panel(study: Study) -> pd.DataFrame:
    """Panel of the study with expected outcomes in the place of counts.

    Returns
    -------
    DataFrame
        The columns of the analysis panel that designs use; ``log_effect`` is the effect on the log
        of the mean of ``patents_joint``.
    """
    process = study.process
    cells, years = study.level.shape[:2]
    c, t = (i.ravel() for i in np.indices((cells, years)))
    u, d = study.university[c], study.discipline[c]
    key, other = np.exp(study.level + study.effect).reshape(-1, 2).T
    nothing = np.exp(study.level).reshape(-1, 2).sum(axis=1)
    mediators = np.exp(study.mediator_level + study.mediator_effect).reshape(-1, 3)
    year = process.years[t]
    return pd.DataFrame(
        {
            "university": u,
            "discipline": d,
            "year": year,
            "event_time": year - process.first_treated,
            "post": (year >= process.first_treated).astype(int),
            "patents_joint": key + other,
            "patents_joint_key": key,
            "patents_joint_other": other,
            "log_effect": np.log((key + other) / nothing),
            **dict(zip(MEDIATORS, mediators.T, strict=True)),
            "exposure": study.exposure[u],
            **{f"exposure_{form}": study.forms[u, i] for i, form in enumerate(FORMS)},
            "control_exposure": study.control_exposure[d],
            "advantaged": study.advantaged[c].astype(int),
        }
    )


def truth(study: Study, draws: int = 0, seed: int = 1) -> pd.DataFrame:
    """Truth of the claims C1–C9 in a study.

    Parameters
    ----------
    study : Study
    draws : int
        Draws for the targets that have no closed form; 0 leaves them out.
    seed : int
        Of these draws.

    Returns
    -------
    DataFrame
        Indexed by ``claim`` and ``target``; ``value`` and its ``mc_error`` (0 where exact).
    """
    panel = expected_panel(study)
    rows = [(claim, "mean", contrast(panel, "ppml"), 0.0) for claim, contrast in CONTRASTS.items()]
    effect = panel.assign(patents_joint=panel["log_effect"])
    rows += [(claim, "log mean", CONTRASTS[claim](effect, "ols"), 0.0) for claim in ("C1", "C2")]
    by_period = event_study(panel, model="ppml").frame["estimate"]
    rows += [(f"C1 {str(term).split(' × ')[-1]}", "mean", b, 0.0) for term, b in by_period.items()]
    if draws:
        rows += _log_count_targets(study, panel, draws, np.random.default_rng(seed))
    frame = pd.DataFrame(rows, columns=["claim", "target", "value", "mc_error"])
    return frame.set_index(["claim", "target"]).round(10)


def _difference(estimate: Estimate) -> float:
    first, second = estimate.frame["estimate"]
    return float(first - second)


def _mediator(name: str) -> Callable[[pd.DataFrame, str], float]:
    return lambda panel, model: _only(did(panel, name, model=model))  # type: ignore[arg-type]


def _only(estimate: Estimate) -> float:
    return float(estimate.frame["estimate"].iloc[0])


def _side_by_side(first: str, second: str) -> Callable[[pd.DataFrame, str], float]:
    def contrast(panel: pd.DataFrame, model: str) -> float:
        terms = {f"{e} × post": panel[e] * panel["post"] for e in (first, second)}
        return _difference(did(panel.assign(**terms), treatment=list(terms), model=model))  # type: ignore[arg-type]

    return contrast


def _key_core(panel: pd.DataFrame, model: str) -> float:
    stacked = pd.concat(
        [
            panel.assign(technology=1, y=panel["patents_joint_key"]),
            panel.assign(technology=0, y=panel["patents_joint_other"]),
        ],
        ignore_index=True,
    )
    dose = stacked["exposure"] * stacked["post"]
    stacked = stacked.assign(dose=dose, dose_key=dose * stacked["technology"])
    unit = ("university", "discipline", "technology")
    estimate = did(
        stacked,
        "y",
        treatment=["dose", "dose_key"],
        unit=unit,
        effects=GROUPED,
        model=model,  # type: ignore[arg-type]
    )
    return float(estimate["dose_key"].estimate)


def _advantaged(panel: pd.DataFrame, model: str) -> float:
    dose = panel["exposure"] * panel["post"]
    panel = panel.assign(
        dose=dose,
        dose_advantaged=dose * panel["advantaged"],
        trend=panel["post"] * panel["advantaged"],
    )
    terms = ["dose", "dose_advantaged"]
    estimate = did(panel, treatment=terms, controls=["trend"], effects=MODERATED, model=model)  # type: ignore[arg-type]
    return float(estimate["dose_advantaged"].estimate)


CONTRASTS: dict[str, Callable[[pd.DataFrame, str], float]] = {
    "C1": lambda panel, model: _only(did(panel, model=model)),  # type: ignore[arg-type]
    "C2": lambda panel, model: _only(ddd(panel, model=model)),
    "C3": _mediator("hires_overseas"),
    "C4": _mediator("papers_foreign"),
    "C5": _mediator("patents_overseas"),
    "C6": _key_core,
    "C7": _advantaged,
    "C8": _side_by_side("exposure_us", "exposure_elsewhere"),
    "C9": _side_by_side("exposure_cooperation", "exposure_conferences"),
}
"""The number that each claim is about, from a panel and a model."""


def _log_count_targets(
    study: Study, panel: pd.DataFrame, draws: int, rng: np.random.Generator
) -> list[tuple[str, str, float, float]]:
    """Targets of least squares on log(1 + y): the mean of the coefficient over draws."""
    designs: dict[str, tuple[pd.Series, tuple[Effect, ...]]] = {
        "C1": (panel["exposure"] * panel["post"], DID_EFFECTS),
        "C2": (panel["exposure"] * panel["post"] * panel["control_exposure"], DDD_EFFECTS),
    }
    # Least squares is linear in the outcome: residualise the regressor once, then average.
    weights = {claim: _projection(panel, x, effects) for claim, (x, effects) in designs.items()}
    found: dict[str, list[float]] = {claim: [] for claim in designs}
    process: Process = study.process
    elasticity = process.shares / process.responses
    for _ in range(draws):
        shock, mediator_shock = _shocks(process, study.university, rng)
        log_mean = study.level + study.effect + (shock + mediator_shock @ elasticity)[:, :, None]
        y = _negative_binomial(rng, log_mean, process.dispersion).sum(axis=2).ravel()
        for claim, weight in weights.items():
            found[claim].append(float(weight @ np.log1p(y)))
    return [
        (claim, "log(1 + y)", float(np.mean(b)), float(np.std(b, ddof=1) / np.sqrt(draws)))
        for claim, b in found.items()
    ]


def _projection(panel: pd.DataFrame, x: pd.Series, effects: tuple[Effect, ...]) -> np.ndarray:
    """Weights w with w'y the coefficient of x in a regression of y on x and the effects."""
    from linearmodels.iv.absorbing import AbsorbingLS

    from replication.designs import LSMR, _categories

    absorb = _categories(panel, effects)
    residual = AbsorbingLS(x, absorb=absorb).fit(**LSMR).resids.to_numpy()
    return residual / (residual @ x.to_numpy())
