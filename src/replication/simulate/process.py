"""Parameters of the data-generating process; `book/data.md` has it in the same notation."""

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from replication.records.study.frame import study

FORMS = ("cooperation", "conferences", "us", "elsewhere")
ADVANTAGED_SHARE = 0.28


@dataclass(frozen=True)
class Mediator:
    """How exchange acts through one of `records.variables.MEDIATORS`.

    Attributes
    ----------
    name : str
        Its column of the panel.
    share : float
        Share of the effect that it transmits.
    response : float
        Change of its log mean for a total effect of one log point.
    start : float
        Log mean of a cell of average size, openness and merit in the first year.
    follows : {"openness", "size"}
        Characteristic of the university that it rises with.
    events : {"hires", "papers", "overseas"}
        Table of the `Study` whose events it counts.
    where : str
        Condition on these events, as of `DataFrame.query`; all of them if empty.
    """

    name: str
    share: float
    response: float
    start: float
    follows: Literal["openness", "size"]
    events: Literal["hires", "papers", "overseas"]
    where: str = ""


def _mediators(home: str) -> tuple[Mediator, ...]:
    return (
        Mediator("hires_overseas", 0.25, 1.5, -0.1, "openness", "hires", f"country != '{home}'"),
        Mediator("papers_foreign", 0.25, 1.2, 1.3, "size", "papers", "countries != ''"),
        Mediator("patents_overseas", 0.20, 1.5, -0.2, "size", "overseas"),
    )


@dataclass(frozen=True)
class Process:
    """Every parameter of the data-generating process; the defaults are the shipped study.

    Effects are changes of the log of the mean number of joint applications in the years from
    ``first_treated`` on, for one standard deviation of an exposure, at average moderators.

    Attributes
    ----------
    universities, first_year, last_year, first_treated : int
        Size and calendar (R1, R2).
    cells_per_university : float
        Mean number of disciplines a university offers.
    effect_cooperation, effect_conferences, effect_us, effect_elsewhere : float
        Effect of each exposure (C1, C8, C9).
    control, advantaged, key : float
        Relative change of the effect for a discipline fully exposed to technology control, an
        advantaged discipline, a key core technology, against the study's average (C2, C7, C6).
    mediators : tuple of Mediator
        What transmits a share of the effect; the rest is direct (C3–C5).
    mediator_confounding : float
        What a shock to any mediator adds to the log mean of joint applications although the
        mediator transmits nothing of it: a common cause of mediator and outcome.
    pretrend : float
        Slope per year and standard deviation of exposure, in all years: a broken design.
    anticipation : float
        Part of the effect that is there in the last year before treatment.
    confounder : float
        Shock from ``first_treated`` on, per standard deviation of exposure, to every discipline
        alike, that has nothing to do with exchange.
    spillover : float
        What a log point of mean effect in a discipline adds, from ``first_treated`` on, to every
        university there, exchange or none; below zero it is displacement: firms leave others.
    exposure_noise : float
        Standard deviation of what a university's records of a year add to the logs of its six
        counts; the effect acts through the counts without it.
    year_sd, cell_sd, mediator_sd : float
        Standard deviations of the shocks to university × year, cell × year, mediator × cell × year.
    persistence : float
        First-order autocorrelation of these shocks.
    dispersion : float
        Negative binomial: variance = mean + mean² / dispersion.
    """

    universities: int = field(default_factory=lambda: study().universities)
    first_year: int = field(default_factory=lambda: study().first_year)
    last_year: int = field(default_factory=lambda: study().last_year)
    first_treated: int = field(default_factory=lambda: study().first_treated)
    cells_per_university: float = 18.0
    effect_cooperation: float = 0.15
    effect_conferences: float = 0.02
    effect_us: float = 0.14
    effect_elsewhere: float = 0.01
    control: float = 1.2
    advantaged: float = 0.8
    key: float = 0.8
    mediators: tuple[Mediator, ...] = field(default_factory=lambda: _mediators(study().home))
    mediator_confounding: float = 0.0
    pretrend: float = 0.0
    anticipation: float = 0.0
    confounder: float = 0.0
    spillover: float = 0.0
    exposure_noise: float = 0.0
    year_sd: float = 0.07
    cell_sd: float = 0.30
    mediator_sd: float = 0.25
    persistence: float = 0.5
    dispersion: float = 4.0

    @property
    def years(self) -> np.ndarray:
        """Calendar years, shape (T,)."""
        return np.arange(self.first_year, self.last_year + 1)

    @property
    def effects(self) -> np.ndarray:
        """Effects of the four exposures in the order of `FORMS`, shape (4,)."""
        return np.array([getattr(self, f"effect_{form}") for form in FORMS])

    @property
    def shares(self) -> np.ndarray:
        """Mediated shares, shape (M,)."""
        return np.array([m.share for m in self.mediators])

    @property
    def responses(self) -> np.ndarray:
        """Responses of the mediators, shape (M,)."""
        return np.array([m.response for m in self.mediators])

    @property
    def loadings(self) -> np.ndarray:
        """What a log point of shock to each mediator adds to the outcome's log mean, shape (M,).

        A mediator that transmits the share s of an effect, to which it responds by r, has the
        elasticity s / r, and its shocks act through it too; a common cause comes on top.
        """
        silent = self.responses == 0
        if self.shares[silent].any():
            raise ValueError("a mediator whose response is 0 transmits no share of the effect")
        elasticity = self.shares / np.where(silent, 1.0, self.responses)
        return elasticity + self.mediator_confounding

    def position(self, mediator: str) -> int:
        """Position of a mediator in every array of shape (…, M)."""
        return [m.name for m in self.mediators].index(mediator)

    def with_mediators(self, *names: str, **changes: float) -> "Process":
        """Return the same process with these mediators changed, or all if none is named."""
        mediators = list(self.mediators)
        for i in map(self.position, names) if names else range(len(mediators)):
            mediators[i] = replace(mediators[i], **changes)  # type: ignore[arg-type]
        return replace(self, mediators=tuple(mediators))

    def without_effect(self) -> "Process":
        """Return the same process in which exchange does nothing."""
        none: dict[str, Any] = {f"effect_{form}": 0.0 for form in FORMS}
        return replace(self, **none)

    def without_heterogeneity(self) -> "Process":
        """Return the same process with one effect for all disciplines, technologies, exposures."""
        mean = float(self.effects.mean())
        alike: dict[str, Any] = {f"effect_{form}": mean for form in FORMS}
        return replace(self, control=0.0, advantaged=0.0, key=0.0, **alike)
