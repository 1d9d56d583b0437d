"""The paper's claims, their decision rules and verdicts: by rule and never by taste.

On simulated data a verdict says whether the planted effect was recovered; on real data it says
whether the claim's direction is supported. The two are never mixed.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from replication.errors import MissingValueError, RegistryError, UnknownTruthError
from replication.estimate.contrasts import estimand, holm, question
from replication.estimate.convention import CR3
from replication.estimate.design import STUDY, Design
from replication.estimate.few_clusters import compare
from replication.records import checks
from replication.records.registry import load_claims

RECOVERS = "recovers the planted effect"
MISSES = "finds the direction, misses the size"
UNCLEAR = "not distinguishable from zero"
WRONG = "contradicts the planted effect"
NOTHING = "finds nothing, and nothing is planted"
INVENTS = "claims an effect that is not planted"
SUPPORTED = "direction supported"
CONTRADICTED = "contradicted"
UNTESTABLE = "not testable"


def evaluate(
    panel: pd.DataFrame,
    source: str,
    truth: pd.Series | None = None,
) -> pd.DataFrame:
    """Estimate and judge every claim on a panel.

    Parameters
    ----------
    panel : DataFrame
        An analysis panel; columns that it lacks make the claims that need them untestable.
    source : {"simulated", "restricted", "open"}
    truth : Series, optional
        What each design aims at, by claim; needed for simulated data.

    Returns
    -------
    DataFrame
        Indexed by claim: ``estimate``, ``lower``, ``upper``, ``p_value``, ``p_adjusted`` (Holm
        within the claim's family), ``target``, ``verdict``, ``reason`` (why it is not testable).

    Examples
    --------
    >>> panel = rp.load_panel()
    >>> truth = rp.load_truth()["value"].xs("mean", level="target")
    >>> rp.evaluate(panel, "simulated", truth)["verdict"].value_counts()
    verdict
    recovers the planted effect      6
    not distinguishable from zero    3
    Name: count, dtype: int64
    """
    if source == "open" and "papers_firm" in panel.columns:
        # Publications with a firm stand in for patents. Exposure is made of the foreign ones.
        panel = panel.rename(columns={"papers_firm": "patents_joint"})
        panel = panel.drop(columns="papers_foreign")
    estimates = {}
    for claim in map(str, load_claims().index):
        if not (lacking := _lacking(claim, panel)):
            estimates[claim] = estimand(claim, panel, model="ppml")
        elif source != "open":
            reason = f"the panel has no column {', '.join(lacking)}"
            estimates[claim] = pd.Series({"reason": reason})
    return judge(estimates, source, truth)


def questions(
    claims: Mapping[str, str] | Sequence[str],
    panel: pd.DataFrame,
    design: Design = STUDY,
    **changes: Any,
) -> dict[str, tuple[pd.DataFrame, Design]]:
    """`question` of several claims; those whose columns the panel lacks are left out.

    Parameters
    ----------
    claims : mapping of str to str, or sequence of str
        What each is called, by claim; its own name if not said.
    panel : DataFrame
    design, **changes
        As for `question`.

    Raises
    ------
    MissingColumnError
        If the panel has the columns of none of them.

    Examples
    --------
    >>> panel = rp.load_panel().drop(columns="papers_foreign")
    >>> list(rp.questions({"C3": "hires", "C4": "papers"}, panel, model="ppml"))
    ['hires']
    """
    names = dict(claims) if isinstance(claims, Mapping) else dict(zip(claims, claims, strict=True))
    absent = {claim: _lacking(claim, panel) for claim in names}
    if all(absent.values()):
        checks.require_columns(panel, sorted(set().union(*absent.values())), "the claims")
    return {
        name: question(claim, panel, design, **changes)
        for claim, name in names.items()
        if not absent[claim]
    }


def _lacking(claim: str, panel: pd.DataFrame) -> list[str]:
    """Columns that a claim needs and the panel has not."""
    return [column for column in load_claims()["needs"][claim] if column not in panel.columns]


def methods(panel: pd.DataFrame) -> pd.DataFrame:
    """P-values of all claims by every method of `few_clusters.compare`, PPML.

    Returns
    -------
    DataFrame
        Indexed by claim, one column a method, adjusted by Holm within the claim's family; missing
        where a method is not possible. Claims whose columns the panel lacks are left out.
    """
    claims = load_claims()
    asked = questions([str(claim) for claim in claims.index], panel, model="ppml")
    p = pd.DataFrame({claim: compare(*one)["p_value"] for claim, one in asked.items()})
    p = p.T.rename_axis("claim")
    for family in claims.loc[list(asked)].groupby("family").groups.values():
        adjusted = {m: holm(known) for m in p if len(known := p.loc[family, str(m)].dropna())}
        p.update(pd.DataFrame(adjusted))
    return p


def dissent(p_values: pd.DataFrame) -> pd.Series:
    """Say of each claim which methods disagree with the verdict's about its level.

    Parameters
    ----------
    p_values : DataFrame
        As of `methods`.

    Returns
    -------
    Series
        By claim: ``"all methods agree"``, or the methods that say otherwise and what they say.
    """
    level, said = load_claims()["level"], {}
    for claim, p in zip(p_values.index.astype(str), p_values.to_dict("records"), strict=True):
        verdict = p.pop(CR3) < level[claim]
        others = {method: value for method, value in p.items() if pd.notna(value)}
        against = [m for m, value in others.items() if (value < level[claim]) != verdict]
        word = "significant" if not verdict else "not significant"
        names = ", ".join(str(method).split(",")[0] for method in against)
        said[claim] = f"{word} by {names}" if against else "all methods agree"
    return pd.Series(said, name="methods").rename_axis("claim")


def judge(
    estimates: Mapping[str, pd.Series],
    source: str,
    truth: pd.Series | None = None,
) -> pd.DataFrame:
    """Judge estimates of the claims by their rules.

    Parameters
    ----------
    estimates : mapping of str to Series
        By claim, a row of `fit.Estimate.frame`, or ``reason`` alone where the claim is not
        testable. A claim that is left out is not testable on open data, for the reason in
        ``data/claims.toml``.
    source, truth
        As for `evaluate`, which says what is returned.

    Raises
    ------
    RegistryError
        Simulated data without a truth, a claim that does not exist, or one without an estimate on
        another source than the open one.

    Examples
    --------
    By the rules of ``data/claims.toml``, from estimates that are there already.

    >>> panel = rp.load_panel()
    >>> rows = {c: rp.contrasts.estimand(c, panel, model="ppml") for c in rp.contrasts.CLAIMS}
    >>> truth = rp.load_truth()["value"].xs("mean", level="target")
    >>> rp.judge(rows, "simulated", truth).loc["C1", "verdict"]
    'recovers the planted effect'
    """
    claims = load_claims()
    if source == "simulated" and truth is None:
        raise RegistryError("verdicts on simulated data need the planted truth")
    rows = dict(estimates)
    if source == "open":
        rows = {str(c): pd.Series({"reason": r}) for c, r in claims["open"].items()} | rows
    if set(rows) != set(claims.index):
        raise RegistryError(
            f"estimates of {', '.join(sorted(rows))} and claims {', '.join(claims.index)} differ: "
            "each claim needs an estimate or the reason why there is none"
        )
    rows = {str(claim): rows[str(claim)] for claim in claims.index}
    columns = ["estimate", "std_error", "lower", "upper", "p_value"]
    found = pd.DataFrame(rows).T.reindex(columns=[*columns, "reason"])
    found[columns] = found[columns].astype(float)
    found["p_adjusted"] = found["p_value"]
    for family in claims.groupby("family").groups.values():
        tested = found.loc[family, "p_value"].dropna()
        if len(tested):
            found.loc[tested.index, "p_adjusted"] = holm(tested)
    known = truth if truth is not None and source == "simulated" else pd.Series(dtype=float)
    found["target"] = [float(known.get(claim, float("nan"))) for claim in found.index]
    found["verdict"] = [
        _verdict(row, source, level)
        for (_, row), level in zip(found.iterrows(), claims["level"], strict=True)
    ]
    found["reason"] = found["reason"].astype(object).fillna("")
    return found.rename_axis("claim")


def _verdict(row: pd.Series, source: str, level: float) -> str:
    if pd.isna(row["estimate"]):
        return UNTESTABLE
    if source == "simulated":
        return recovery(row, row["target"], row["p_adjusted"] < level)
    if row["p_adjusted"] >= level:
        return UNCLEAR
    return SUPPORTED if row["estimate"] > 0 else CONTRADICTED


def recovery(estimate: pd.Series, truth: float, significant: bool | None = None) -> str:
    """Verdict on simulated data, where the truth is known.

    Parameters
    ----------
    estimate : Series
        A row of `fit.Estimate.frame`: ``estimate``, ``lower``, ``upper`` (95 % interval).
    truth : float
        What the design aims at; exactly zero if nothing is planted.
    significant : bool, optional
        Result of the claim's test; by default, that the interval excludes zero.

    Returns
    -------
    str
        ``"recovers the planted effect"``: significant, and the interval holds the truth.
        ``"finds the direction, misses the size"``: significant on the side of the truth.
        ``"not distinguishable from zero"``: not significant.
        ``"contradicts the planted effect"``: significant on the other side.
        Where nothing is planted: ``"finds nothing, and nothing is planted"``, or ``"claims an
        effect that is not planted"``.

    Raises
    ------
    MissingValueError
        If the estimate, its interval or the truth is not a finite number.

    Examples
    --------
    >>> panel = rp.load_panel()
    >>> effect = rp.poisson(panel)["exposure × post"]
    >>> rp.recovery(effect, rp.load_truth().loc[("C1", "mean"), "value"])
    'recovers the planted effect'
    >>> rp.recovery(effect, truth=2.0)
    'finds the direction, misses the size'
    """
    values = {**estimate[["estimate", "lower", "upper"]], "truth": truth}
    unknown = [name for name, value in values.items() if not math.isfinite(value)]
    if unknown == ["truth"]:
        raise UnknownTruthError("no verdict without a number for truth")
    if unknown:
        raise MissingValueError(f"no verdict without a number for {', '.join(unknown)}")
    if significant is None:
        significant = not estimate["lower"] <= 0 <= estimate["upper"]
    if truth == 0:
        return INVENTS if significant else NOTHING
    if not significant:
        return UNCLEAR
    if estimate["estimate"] * truth < 0:
        return WRONG
    return RECOVERS if holds(estimate, truth) == "holds" else MISSES


def holds(estimate: pd.Series, truth: float) -> str:
    """Whether an interval ``"holds"`` or ``"misses"`` the truth, for a sentence.

    `UnknownTruthError` says that the truth is not known.
    """
    if not math.isfinite(truth):
        raise UnknownTruthError("no interval holds or misses a truth that is not known")
    return "holds" if estimate["lower"] <= truth <= estimate["upper"] else "misses"
