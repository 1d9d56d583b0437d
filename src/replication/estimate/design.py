"""What is asked of the data: one `Design` for every verb, for one estimate and for ten thousand.

A design names columns and choices and holds no data. `STUDY` is the study's own: what a call does
not change is what the reconstruction register says. Whoever changes a default here changes it in
every estimate, test, simulation and table note.
"""

import difflib
import inspect
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

from replication.errors import DesignError
from replication.records import variables

Model = Literal["ols", "ppml"]
Scale = Literal["level", "log1p", "asinh", "any"]
Missing = Literal["raise", "drop"]
Variance = Literal["CR1", "CR2", "CR3", "none"]
Collinear = Literal["raise", "drop"]
Effect = str | tuple[str, ...]
Control = str | tuple[str, str]

UNIT = ("university", "discipline")
DID_EFFECTS: tuple[Effect, ...] = (UNIT, ("discipline", "year"))
DDD_EFFECTS: tuple[Effect, ...] = (UNIT, ("university", "year"), ("discipline", "year"))
THIRD = "control_exposure"

PURPOSES = {
    "outcome": "the outcome",
    "effects": "the fixed effects",
    "cluster": "the clusters, within which errors may be correlated",
    "unit": "the unit, which with the time identifies a row",
    "time": "the time, which with the unit identifies a row",
}

CONTROLS: tuple[Control, ...] = tuple((control, "year") for control in variables.CONTROLS)
"""The study's controls (R12): pre-period resources, each with a slope of its own in each year."""


@dataclass(frozen=True)
class Design:
    """A difference-in-differences or, with `third`, a triple difference.

    Attributes
    ----------
    outcome : str
    exposure, post : str
        The regressor is their product, called ``"exposure × post"`` after the columns.
    first_treated : number, str or None
        First treated value of `time`, from which `post` and event times are then made, whatever the
        table has. A str names a column with one a unit, missing or 0 where it is never treated;
        where units differ in it there is no post, and `staggered.dynamic_effects` is asked.
    third : str or None
        Third difference, one value a discipline (or any dimension that `effects` cross): the
        regressor is the product of the three.
    treatment : str or sequence of str
        Regressors that are already in the data; then `exposure`, `post` and `third` are not used.
    unit : str or tuple of str, or None
        What identifies a unit; with `time` it must identify a row. None: repeated cross-sections.
    time : str
    effects : sequence of str or tuple of str, or None
        Fixed effects to absorb; a tuple is the interaction of its columns. Empty: a constant.
        None: those of the study, by whether there is a `third`.
    controls : sequence of str or tuple of str
        A tuple ``("log_rd_staff", "year")`` gives the first column a slope in each value of the
        second, the first value being the base.
    weights : str or None
        Column of weights, each row's variance being proportional to 1 / weight. OLS only.
    offset : str or None
        Column that is added to the log of the mean with a coefficient held at one, such as the log
        of all papers where papers with firms are counted: the rate is modelled. PPML only.
    cluster : str, tuple of two str, or None
        Two columns: two-way clustering (Cameron, Gelbach and Miller 2011). None gives the classical
        variance, for comparison with older publications.
    variance : {"CR1", "CR2", "CR3", "none"}
        Of a cluster dimension: with a small-sample factor; bias-reduced (Bell and McCaffrey 2002);
        the cluster jackknife (MacKinnon, Nielsen and Webb 2023). The reference distribution follows
        from it: `convention.REFERENCE`. Two-way clusters have CR1 only. "none" is for expected
        outcomes, which have no noise: coefficients, and no inference.
    model : {"ols", "ppml"}
    scale : {"level", "log1p", "asinh", "any"}
        Transformation of the outcome before OLS: as it is, log(1 + y), asinh(y), 1[y > 0].
    missing : {"raise", "drop"}
        What to do with incomplete rows.
    collinear : {"raise", "drop"}
        What to do with controls that are collinear: "drop" leaves out those that effects, treatment
        and earlier controls give, and names them in `Estimate.dropped_controls`. The treatment is
        never dropped.

    Raises
    ------
    DesignError
        On a choice that does not exist, or two that exclude each other.

    Examples
    --------
    The same columns and choices for every verb; a call changes some of them.

    >>> states = rp.Design(
    ...     outcome="rate", exposure="california", first_treated=4, unit="state", time="quarter",
    ...     effects=["state", "quarter"], cluster="state", variance="CR1",
    ... )
    >>> round(rp.did(rp.load("organ_donations"), states)["california × post"].estimate, 3)
    -0.022
    >>> states.but(third="region").terms
    ('california × post × region',)
    """

    outcome: str = "patents_joint"
    exposure: str = "exposure"
    post: str = "post"
    first_treated: float | str | None = None
    third: str | None = None
    treatment: tuple[str, ...] = ()
    unit: Effect | None = UNIT
    time: str = "year"
    effects: tuple[Effect, ...] = None  # type: ignore[assignment]  # settled by `third`
    controls: tuple[Control, ...] = ()
    weights: str | None = None
    offset: str | None = None
    cluster: Effect | None = "university"
    variance: Variance = "CR3"
    model: Model = "ols"
    scale: Scale = "level"
    missing: Missing = "raise"
    collinear: Collinear = "raise"

    def __post_init__(self) -> None:
        if self.effects is None:
            object.__setattr__(self, "effects", DID_EFFECTS if self.third is None else DDD_EFFECTS)
        for name in ("treatment", "effects", "controls"):
            if isinstance(one := getattr(self, name), str):
                object.__setattr__(self, name, (one,))
        # Lists are welcome in a call; what is kept can be compared and hashed.
        for name in ("treatment", "effects", "controls", "unit", "cluster"):
            object.__setattr__(self, name, _frozen(getattr(self, name)))
        if len(self.clusters) > 2:
            raise DesignError(
                f"cluster has one column or two, not {len(self.clusters)} "
                f"({', '.join(self.clusters)}): for their interaction, make it a column"
            )
        if self.treatment and self.first_treated is not None:
            raise DesignError(
                "first_treated= makes post, and a design that names its treatment= has none: leave "
                "one of them out"
            )
        choices = {
            "model": Model,
            "scale": Scale,
            "missing": Missing,
            "collinear": Collinear,
            "variance": Variance,
        }
        for name, known in choices.items():
            if getattr(self, name) not in get_args(known):
                said = f"{name} must be one of {', '.join(get_args(known))}"
                raise DesignError(f"{said}, not {getattr(self, name)!r}")
        if len(self.clusters) > 1 and self.variance in ("CR2", "CR3"):
            raise DesignError(
                f"{self.variance} needs clusters of one dimension: with two, set variance='CR1'"
            )
        if self.model == "ppml" and self.scale != "level":
            raise DesignError("PPML models the mean of the count itself: leave scale='level'")
        if self.model == "ppml" and self.weights is not None:
            raise DesignError(
                "PPML takes no weights: model the counts, and use an OLS design to weigh"
            )
        if self.model != "ppml" and self.offset is not None:
            raise DesignError(
                "an offset belongs to the log of a Poisson mean: set model='ppml', or subtract the "
                "column from the outcome"
            )

    def but(self, **changes: Any) -> "Design":
        """Return the same design with some choices changed.

        Effects that follow from `third` by default follow its change.

        Raises
        ------
        DesignError
            On a name that is no choice.
        """
        known = [field.name for field in fields(self)]
        for name in changes:
            if name not in known:
                own = _keywords(name)
                near = difflib.get_close_matches(name, [*own, *known], 1)
                hint = f": did you mean {near[0]!r}?" if near else f"; it has {', '.join(known)}"
                more = f", and the verb has {', '.join(own)}" if own and not near else ""
                raise DesignError(f"a design has no {name!r}{hint}{more}")
        if "third" in changes and self.effects in {DID_EFFECTS, DDD_EFFECTS}:
            changes.setdefault("effects", None)
        return replace(self, **changes)

    @property
    def parts(self) -> tuple[str, ...]:
        """Columns whose product is the regressor; none where the treatment is named itself."""
        if self.treatment:
            return ()
        return (self.exposure, self.post, *(() if self.third is None else (self.third,)))

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of the regressors of interest."""
        return self.treatment or (" × ".join(self.parts),)

    @property
    def clusters(self) -> tuple[str, ...]:
        """Columns of the clusters: none, one or two."""
        return () if self.cluster is None else columns_of(self.cluster)

    def purpose(self, choice: str) -> str:
        """What the columns of a choice are needed for, and whether it is the study's default."""
        default = getattr(Design(third=self.third), choice)
        if getattr(self, choice) != default:
            return PURPOSES[choice]
        none = {"cluster": " or cluster=None", "unit": " or unit=None for repeated cross-sections"}
        return (
            f"{PURPOSES[choice]} (no {choice}= was given, and {default!r} is the default, the "
            f"study's own: pass {choice}= with columns of this table{none.get(choice, '')})"
        )

    def require_one_cluster(self, method: str) -> None:
        """Raise `DesignError` unless there is one dimension of clusters, naming the method."""
        if len(self.clusters) != 1:
            raise DesignError(
                f"{method} needs clusters of one dimension, and the design has "
                f"{' and '.join(self.clusters) or 'none'}: name one column with cluster="
            )


def columns_of(effect: Effect) -> tuple[str, ...]:
    """Columns of an effect, a unit or a cluster."""
    return (effect,) if isinstance(effect, str) else tuple(effect)


def _keywords(name: str) -> list[str]:
    """Parameters of the verbs that have passed an unknown `name` on, which may be a slip for one.

    A verb takes a design's choices as ``**changes``, so that a slip in its own is found here only.
    """
    found: list[str] = []
    frame = inspect.currentframe()
    while frame is not None:
        code = frame.f_code
        if name in (frame.f_locals.get("changes") or ()):
            taken = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
            found += [t for t in taken if t not in ("self", "data", "panel", "design", *found)]
        frame = frame.f_back
    return found


def _frozen(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    return tuple(_frozen(one) for one in value)


STUDY = Design()
"""The study's difference-in-differences, and the default of every verb."""

TRIPLE = STUDY.but(third=THIRD)
"""The study's triple difference."""
