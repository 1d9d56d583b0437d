"""Design analysis: what the estimators do over many studies of which the truth is known.

Universities, cells, exposures and planted effects stay those of one study; shocks and counts are
drawn anew (`simulate.redraw`). Least squares on all draws is a product with the residualised
regressor, PPML is `counts.poisson_fits`, the remedies are the sufficient statistics of `inference`:
nothing is fitted draw by draw, and the cost is linear in the number of studies. Every study has a
random stream of its own, so that its numbers do not depend on how many are drawn at a time.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import stats

from replication.estimate.designs import DDD_EFFECTS, DID_EFFECTS, _categories, small_sample_factor
from replication.estimate.many.least_squares import (
    Regression,
    degrees_of_freedom,
    kernel,
    regression,
    std_errors,
)
from replication.estimate.many.poisson import poisson_fits
from replication.exhibit.tables import Table, plain
from replication.montecarlo.truth import expected_panel
from replication.simulate.study import Study, draw_counts, redraw

DESIGNS = ("DID", "DDD")
OLS, PPML = "log(1 + y)", "PPML"
ESTIMATORS = tuple((design, model) for design in DESIGNS for model in (OLS, PPML))
CHUNK = 16
"""Studies at a time: their arrays fit a processor's cache."""

HEADS = {
    "target": "target",
    "estimate": "mean estimate",
    "bias": "bias",
    "bias_error": "MC error of the bias",
    "spread": "SD of estimates",
    "std_error": "mean SE",
    "coverage": "coverage",
    "coverage_of_mean": "coverage of effect on mean",
    "size": "size",
    "power": "power",
    "type_s": "type S",
    "type_m": "type M",
    "rejected": "size",
}
"""Columns of the tables as they are printed."""


@dataclass(frozen=True)
class Layout:
    """What the draws of a study have in common, for one of the `DESIGNS`.

    Attributes
    ----------
    panel : DataFrame
        Of `truth.expected_panel`.
    design : str
    """

    panel: pd.DataFrame
    design: str

    @cached_property
    def schedule(self) -> np.ndarray:
        """What multiplies a university's exposure."""
        third = 1.0 if self.design == "DID" else self.panel["control_exposure"]
        return np.asarray(self.panel["post"] * third, dtype=float)

    @cached_property
    def x(self) -> np.ndarray:
        """The regressor."""
        return self.panel["exposure"].to_numpy() * self.schedule

    @cached_property
    def absorb(self) -> pd.DataFrame:
        """The effects."""
        effects = DID_EFFECTS if self.design == "DID" else DDD_EFFECTS
        return _categories(self.panel, effects)

    @cached_property
    def codes(self) -> list[np.ndarray]:
        """Levels of the effects."""
        return [self.absorb[c].cat.codes.to_numpy().astype(int) for c in self.absorb]

    @cached_property
    def cluster(self) -> np.ndarray:
        """University of each row."""
        return self.panel["university"].to_numpy()

    @cached_property
    def discipline(self) -> np.ndarray:
        """Discipline of each row."""
        return self.panel["discipline"].to_numpy()

    @cached_property
    def regression(self) -> Regression:
        """Regressor and effects, taken apart for least squares."""
        return regression(kernel(self.panel["university"], self.absorb), self.x)

    @cached_property
    def factor(self) -> float:
        """CR1 factor of least squares."""
        return small_sample_factor(self.panel, 1, self.absorb, "university")[0]

    @cached_property
    def df(self) -> float:
        """Degrees of freedom of CR2 in least squares."""
        return degrees_of_freedom(self.regression)

    def least_squares(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients (S,) and residualised outcomes (N, S)."""
        k = self.regression.kernel
        residual = k.residualise(k.arrange(y))
        products = self.regression.products(residual)
        return products.sum(axis=0) / self.regression.total, residual


def layouts(study: Study) -> dict[str, Layout]:
    """Both designs of a study."""
    panel = expected_panel(study)
    return {design: Layout(panel, design) for design in DESIGNS}


def scaled(study: Study, scale: float) -> Study:
    """The study with every planted effect multiplied by `scale`."""
    return replace(
        study,
        effect=scale * study.effect,
        mediator_effect=scale * study.mediator_effect,
    )


def alike(study: Study, effect: float) -> Study:
    """The study with one effect for all: `effect` × exposure in every cell after treatment."""
    post = study.process.years >= study.process.first_treated
    dose = effect * np.outer(study.exposure[study.university], post)
    return replace(study, effect=np.repeat(dose[:, :, None], 2, axis=2))


def draws(study: Study, studies: int, seed: int, chunk: int = CHUNK) -> Iterator[np.ndarray]:
    """Draw the counts of many studies, shape (N, up to `chunk`) at a time, rows as in the panel."""
    for first in range(0, studies, chunk):
        columns = []
        for number in range(first, min(first + chunk, studies)):
            rng = np.random.default_rng([seed, number])
            log_mean, _ = redraw(study, rng)
            columns.append(draw_counts(study, log_mean, rng).sum(axis=2).ravel())
        yield np.column_stack(columns).astype(float)


def repeat(
    study: Study,
    studies: int = 1000,
    *,
    seed: int = 2026,
    scale: float = 1.0,
    models: tuple[tuple[str, str], ...] = ESTIMATORS,
    chunk: int = CHUNK,
) -> pd.DataFrame:
    """Draw a study many times and estimate it every time.

    Parameters
    ----------
    study : Study
    studies, seed : int
    scale : float
        Factor on the planted effects; 0 gives studies in which exchange does nothing.
    models : tuple of (design, model)
    chunk : int
        Studies at a time. The memory needed grows with it, the results do not depend on it.

    Returns
    -------
    DataFrame
        One row a study and estimator: ``study``, ``design``, ``model``, ``estimate``,
        ``std_error`` (CR1), ``df`` (G − 1).
    """
    parts = layouts(study)
    rows: list[pd.DataFrame] = []
    done = 0
    for y in draws(scaled(study, scale), studies, seed, chunk):
        chunks = [_estimate(parts[design], model, y) for design, model in models]
        for (design, model), (estimate, error, df) in zip(models, chunks, strict=True):
            rows.append(
                pd.DataFrame(
                    {
                        "study": np.arange(done, done + y.shape[1]),
                        "design": design,
                        "model": model,
                        "estimate": estimate,
                        "std_error": error,
                        "df": df,
                    }
                )
            )
        done += y.shape[1]
    return pd.concat(rows, ignore_index=True)


def _estimate(
    layout: Layout, model: str, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients, CR1 standard errors and degrees of freedom of a chunk of studies."""
    if model == PPML:
        fits = poisson_fits(y, layout.x, layout.codes, layout.cluster)
        return fits.estimate, fits.std_error, fits.clusters - 1
    estimate, residual = layout.least_squares(np.log1p(y))
    reg = layout.regression
    error = std_errors(reg, residual - estimate * reg.x, "CR1", layout.factor)
    return estimate, error, np.full(y.shape[1], len(reg.power) - 1)


def targets(study: Study, scale: float = 1.0, studies: int = 1000, seed: int = 1) -> pd.DataFrame:
    """What each estimator aims at.

    PPML aims at the effect on the log of the mean, known exactly from the expected outcomes. Least
    squares on log(1 + y) aims at its own mean over draws, known up to a Monte-Carlo error from
    draws that are used for nothing else.

    Returns
    -------
    DataFrame
        Indexed by ``design`` and ``model``: ``own``, ``mc_error``, and ``mean``, the effect on the
        log of the mean that an estimate is commonly read as.
    """
    changed = scaled(study, scale)
    expected = expected_panel(changed)["patents_joint"].to_numpy()[:, None]
    parts = layouts(study)
    rows = []
    for design, layout in parts.items():
        fit = poisson_fits(expected, layout.x, layout.codes, layout.cluster)
        exact = 0.0 if scale == 0 else float(fit.estimate[0])
        rows.append((design, PPML, exact, 0.0, exact))
    least = tuple((design, OLS) for design in DESIGNS)
    found = repeat(study, studies, seed=seed, scale=scale, models=least)
    for design, layout_rows in zip(DESIGNS, list(rows), strict=True):
        b = found.loc[found["design"] == design, "estimate"]
        error = float(b.std() / np.sqrt(len(b)))
        rows.append((design, OLS, float(b.mean()), error, layout_rows[4]))
    columns = ["design", "model", "own", "mc_error", "mean"]
    return pd.DataFrame(rows, columns=columns).set_index(["design", "model"]).loc[list(ESTIMATORS)]


def rejects(found: pd.DataFrame, null: pd.Series | float = 0.0, level: float = 0.05) -> pd.Series:
    """Whether each study rejects `null` by CR1 and t(G − 1)."""
    t = (found["estimate"] - null).abs() / found["std_error"]
    return t > stats.t.ppf(1 - level / 2, found["df"])


def coverage(found: pd.DataFrame, nothing: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """Bias, coverage and size of every estimator.

    Parameters
    ----------
    found, nothing : DataFrame
        `repeat` with the planted effect, and with none.
    truth : DataFrame
        `targets` of the first.

    Returns
    -------
    DataFrame
        Indexed by ``design`` and ``model``: ``target``, ``estimate`` (mean), ``bias`` and its
        ``bias_error``, ``spread`` (standard deviation of the estimates), ``std_error`` (mean),
        ``coverage`` of the own target, ``coverage_of_mean`` of the effect on the mean,
        ``size`` (rejections of zero where there is no effect), ``rate_error``, the Monte-Carlo
        error that a rate of 5 % has.
    """
    rows = {}
    for estimator in ESTIMATORS:
        a, b = _of(found, estimator), _of(nothing, estimator)
        own, mean, mc_error = (_entry(truth, c, estimator) for c in ("own", "mean", "mc_error"))
        spread = float(a["estimate"].std())
        rows[estimator] = {
            "target": own,
            "estimate": a["estimate"].mean(),
            "bias": a["estimate"].mean() - own,
            "bias_error": np.hypot(spread / np.sqrt(len(a)), mc_error),
            "spread": spread,
            "std_error": a["std_error"].mean(),
            "coverage": 1 - rejects(a, own).mean(),
            "coverage_of_mean": 1 - rejects(a, mean).mean(),
            "size": rejects(b).mean(),
            "rate_error": rate_error(len(a)),
        }
    return _by_estimator(rows)


def _of(found: pd.DataFrame, estimator: tuple[str, str]) -> pd.DataFrame:
    return found[(found["design"] == estimator[0]) & (found["model"] == estimator[1])]


def _entry(frame: pd.DataFrame, column: str, estimator: tuple[str, str]) -> float:
    return float(frame[column].to_dict()[estimator])


def rate_error(studies: int, rate: float = 0.05) -> float:
    """Monte-Carlo standard error of a rate over so many studies."""
    return float(np.sqrt(rate * (1 - rate) / studies))


def _by_estimator(rows: Mapping[tuple[str, str], Mapping[str, float]]) -> pd.DataFrame:
    index = pd.MultiIndex.from_tuples(list(rows), names=["design", "model"])
    return pd.DataFrame(list(rows.values()), index)


def errors(found: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """Power, type S and type M errors (Gelman and Carlin 2014), against the own target.

    Returns
    -------
    DataFrame
        Indexed by ``design`` and ``model``: ``target``, ``power``; among significant estimates the
        share with the wrong sign, ``type_s``, and the mean of |estimate| / |target|, ``type_m``.
    """
    rows = {}
    for estimator in ESTIMATORS:
        a = _of(found, estimator)
        own = _entry(truth, "own", estimator)
        hits = a.loc[rejects(a), "estimate"]
        rows[estimator] = {
            "target": own,
            "power": len(hits) / len(a),
            "type_s": (hits * own < 0).mean(),
            "type_m": (hits.abs() / abs(own)).mean(),
        }
    return _by_estimator(rows)


def table(frame: pd.DataFrame, columns: list[str], digits: int = 3) -> Table:
    """Print some columns of a result by estimator; its data keep all of them."""
    shown = frame[columns].rename(columns=HEADS)
    shown.index = pd.Index([", ".join(map(str, label)) for label in frame.index])
    return replace(plain(shown, digits=digits), data=frame.reset_index())
