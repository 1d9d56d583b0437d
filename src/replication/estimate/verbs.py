"""The verbs: difference-in-differences, triple difference, event study, Poisson.

Each takes data and a `Design`, changes what the call changes, and hands over to `fit`.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.sparse.linalg import lsmr

from replication.errors import DesignError, NoVariationError
from replication.estimate.convention import wald, warn_of_doubts
from replication.estimate.design import STUDY, THIRD, Design
from replication.estimate.fit import Estimate, fit
from replication.estimate.sample import Sample, sample
from replication.estimate.treatment import periods_since, product


def did(data: pd.DataFrame, design: Design = STUDY, **changes: Any) -> Estimate:
    """Difference-in-differences: outcome on exposure × post and fixed effects.

    Parameters
    ----------
    data : DataFrame
        Long: one row a unit and time.
    design : Design
        The study's, unless another is given.
    **changes
        Any attribute of `Design`: ``did(panel, scale="log1p")``.

    Returns
    -------
    Estimate

    Raises
    ------
    ReplicationError
        Before anything is estimated, on input that could yield a wrong number: see
        `replication.records.checks`.

    Warns
    -----
    FewClustersWarning
        If a standard error cannot be relied on: see `convention.doubts`.
    ExposureWindowWarning
        If `first_treated` is not the one that a dose was measured before.

    Examples
    --------
    Organ donations, after California asked in another way: in print −.022 (.006).

    >>> donors = rp.load("organ_donations")
    >>> effect = rp.did(
    ...     donors, outcome="rate", exposure="california", unit="state", time="quarter",
    ...     effects=["state", "quarter"], cluster="state", variance="CR1",
    ... )
    >>> print(effect.frame[["estimate", "std_error"]].round(3))
                       estimate  std_error
    term
    california × post    -0.022      0.006
    """
    return _fit(sample(data, design.but(**changes)))


def _fit(rows: Sample) -> Estimate:
    """Estimate a difference in differences, and say where its clusters are too few to tell."""
    found = fit(_whole(rows))
    if rows.design.parts:
        _doubt(found, found.sample.rows[rows.design.parts[0]], found.sample.rows)
    return found


def _doubt(found: Estimate, exposure: pd.Series, rows: pd.DataFrame) -> None:
    """Say where the clusters that `exposure` differs between are too few to rely on."""
    design = found.sample.design
    if len(design.clusters) == 1 and design.variance != "none":
        dose = exposure.set_axis(rows[design.clusters[0]].to_numpy())
        method = f"the standard error ({found.convention})"
        warn_of_doubts(found.sample, np.inf, method, dose)


def _whole(rows: Sample) -> Sample:
    """Refuse a product of which a factor, or a pair of factors, is neither absorbed nor controlled.

    Its coefficient would not be the difference in differences that the product stands for.
    """
    parts = rows.design.parts
    smaller = {
        part: column
        for size in range(1, len(parts))
        for part in combinations(parts, size)
        if not _within(column := product(rows.rows, part).to_numpy(dtype=float), rows.effect_codes)
    }
    if not smaller:
        return rows
    n, controls = len(rows.rows), rows.rows[list(rows.controls)].astype(float)
    controls = (controls - controls.mean()) / controls.std()
    blocks = [sparse.csr_array(np.column_stack([np.ones(n), controls]))]
    blocks += [sparse.csr_array((np.ones(n), (range(n), code))) for code in rows.effect_codes]
    span = sparse.hstack(blocks, format="csr")
    for part, column in smaller.items():
        distance = lsmr(span, column, atol=1e-12, btol=1e-12, maxiter=2000)[3]
        if distance > 1e-6 * np.linalg.norm(column):
            raise DesignError(
                f"the effects ({', '.join(map(str, rows.absorb)) or 'none'}) and controls leave "
                f"{' × '.join(part)!r} in the model, so that the coefficient of {rows.terms[0]!r} "
                "would be no difference in differences: absorb it, or add it to controls"
            )
    return rows


def _within(column: np.ndarray, effects: Sequence[np.ndarray]) -> bool:
    """Whether a column has one value in each level of an effect, which then absorbs it."""
    for code in effects:
        one = np.empty(code.max() + 1)
        one[code] = column
        if (one[code] == column).all():
            return True
    return False


def poisson(data: pd.DataFrame, design: Design = STUDY, **changes: Any) -> Estimate:
    """Poisson pseudo-maximum likelihood of the same design: `did` with ``model="ppml"``.

    The coefficient is an effect on the log of the mean, whatever the distribution of the count
    (Gourieroux, Monfort and Trognon 1984); zeros need no constant added.

    Examples
    --------
    Patents on the log of research spending; in print .3222.

    >>> patents = rp.poisson(
    ...     rp.load("PatentsHGH"), outcome="pat", unit="obsno", effects=["obsno", "year"],
    ...     treatment=["logr", "logr1", "logr2", "logr3", "logr4", "logr5"], cluster="obsno",
    ... )
    >>> round(patents["logr"].estimate, 4)
    0.3222
    """
    return did(data, design, **{"model": "ppml", **changes})


def ddd(data: pd.DataFrame, design: Design = STUDY, **changes: Any) -> Estimate:
    """Triple difference: outcome on exposure × post × third, all pairs absorbed by the effects.

    Parameters
    ----------
    data, design, **changes
        As for `did`; ``third`` is the study's unless the design or the call names another.

    Raises
    ------
    DesignError
        If the design names its regressor with ``treatment``.
        If effects and controls leave a part of the product unabsorbed (exposure × post, say):
        its coefficient would be no triple difference.
    NoVariationError
        Also when the effects absorb the product, as they do if ``third`` varies by university only.

    Examples
    --------
    From 10 to 16 against 6 to 8 where controlled, from 10 to 13 against 6 to 8 elsewhere: 4 less 1.

    >>> import pandas as pd
    >>> cells = pd.DataFrame({
    ...     "university": ["A", "A", "B", "B"] * 2, "year": [2017, 2018] * 4,
    ...     "discipline": ["controlled"] * 4 + ["other"] * 4,
    ...     "exposure": [1, 1, 0, 0] * 2, "post": [0, 1] * 4, "control_exposure": [1] * 4 + [0] * 4,
    ...     "patents": [10, 16, 6, 8, 10, 13, 6, 8],
    ... })
    >>> triple = rp.ddd(cells, outcome="patents", cluster=None, variance="none")
    >>> round(triple["exposure × post × control_exposure"].estimate, 6)
    3.0
    """
    changed = design.but(**{"third": design.third or THIRD, **changes})
    if changed.treatment:
        raise DesignError(
            "a triple difference is the product of exposure, post and third: name these columns, "
            "not a treatment"
        )
    return _fit(sample(data, changed))


def event_study(
    data: pd.DataFrame,
    design: Design = STUDY,
    *,
    event_time: str = "event_time",
    reference: int = -1,
    **changes: Any,
) -> Estimate:
    """Event study: exposure interacted with every period but one, no period left out or binned.

    With a ``third`` in the design it is exposure × third that is interacted: the event study of a
    triple difference.

    Parameters
    ----------
    data, design, **changes
        As for `did`.
    event_time : str
        Periods since treatment began, integer; 0 is the first treated one. It is made where the
        design has `first_treated`; it may be missing where exposure is zero, in units that are
        never treated.
    reference : int
        The omitted period.

    Returns
    -------
    Estimate
        Regressors are called ``"exposure × −3"``, … in order of time; `event_frame` makes them a
        table by period with the reference in it.

    Examples
    --------
    Health insurance where Medicaid grew in 2014; in print .0464 in the first year.

    >>> study = rp.event_study(
    ...     rp.load("ehec"), outcome="dins", exposure="expanded", unit="stfips",
    ...     effects=["stfips", "year"], cluster="stfips", variance="CR1",
    ... )
    >>> round(study["expanded × +0"].estimate, 4)
    0.0464
    """
    design = design.but(**changes)
    parts = [design.exposure, *(() if design.third is None else (design.third,))]
    data, without = periods_since(data, design, event_time, parts)
    periods = sorted(int(p) for p in data[event_time].dropna().unique())
    if reference not in periods:
        raise NoVariationError(
            f"reference period {reference} is not among the periods of {event_time!r}: {periods}"
        )
    dose, name = product(data, parts), " × ".join(parts)
    terms = {event_term(name, p): dose * (data[event_time] == p) for p in periods if p != reference}
    rows = sample(data.assign(**terms), design.but(treatment=tuple(terms), first_treated=None))
    found = fit(replace(rows, dropped=without | rows.dropped))
    _doubt(found, data[design.exposure], data)
    return replace(found, reference=reference)


def event_term(exposure: str, period: int) -> str:
    """Name of the regressor of one period, with a true minus sign."""
    return f"{exposure} × {period:+d}".replace("-", "−")


def event_periods(terms: Sequence[str] | pd.Index) -> list[int]:
    """Periods of the regressors of an event study."""
    return [int(str(t).split(" × ")[-1].replace("−", "-")) for t in terms]


def event_frame(estimate: Estimate, *, simultaneous: bool = False) -> pd.DataFrame:
    """Event-study coefficients by ``event_time``, the reference period in its place as 0.

    With `simultaneous` the intervals hold for all periods at once: `Estimate.simultaneous`.
    """
    reference = reference_of(estimate)
    periods = event_periods(estimate.frame.index)
    frame = estimate.simultaneous() if simultaneous else estimate.frame
    frame = frame.assign(event_time=periods).set_index("event_time")
    frame.loc[reference, ["estimate", "std_error", "lower", "upper"]] = 0.0
    return frame.sort_index()


def reference_of(estimate: Estimate) -> int:
    """Omitted period of an event study; a `DesignError` if the estimate is of something else."""
    if estimate.reference is None:
        raise DesignError("the estimate has no reference period: it is not one of event_study()")
    return estimate.reference


def wald_test(estimate: Estimate, terms: Sequence[str]) -> pd.Series:
    """Joint test that all of `terms` are zero.

    With clusters of one dimension it is the test HTZ of Pustejovsky and Tipton (2018): variance CR2
    and Hotelling's T² with degrees of freedom estimated from the design, for an F test with G − 1
    rejects much too often where clusters are few or unequal. Else F(q, df) with the estimate's own
    variance.

    Returns
    -------
    Series
        ``statistic`` of the F distribution, ``q``, ``df`` of its denominator, ``p_value``.

    Raises
    ------
    TooFewClustersError
        If the clusters are too few, or too unequal, for so many restrictions.

    Examples
    --------
    With one restriction it is the test with CR2 and its degrees of freedom.

    >>> panel = rp.load_panel()
    >>> test = rp.wald_test(rp.did(panel), ["exposure × post"])
    >>> alone = rp.few_clusters.bias_reduced(panel)
    >>> print(f"{test.df:.2f} {test.p_value:.4f}, {alone.df:.2f} {alone.p_value:.4f}")
    16.58 0.0109, 16.58 0.0109
    """
    chosen = list(terms)
    if len(estimate.sample.design.clusters) == 1:
        return estimate.clustered.wald(chosen)
    b = estimate.frame.loc[chosen, "estimate"].to_numpy()
    assert isinstance(estimate.df, int)
    return wald(b, estimate.vcov.loc[chosen, chosen].to_numpy(), estimate.df)


def pretrend_test(estimate: Estimate) -> pd.Series:
    """`wald_test` of all leads of an event study, the periods before its reference.

    Examples
    --------
    Six leads; the shipped trends are parallel on the log of the mean, which Poisson models.

    >>> panel = rp.load_panel()
    >>> print(rp.pretrend_test(rp.event_study(panel, model="ppml")).round(2))
    statistic    0.59
    q            6.00
    df           8.33
    p_value      0.73
    dtype: float64
    """
    terms, reference = estimate.frame.index, reference_of(estimate)
    leads = zip(terms, event_periods(terms), strict=True)
    return wald_test(estimate, [str(term) for term, period in leads if period < reference])
