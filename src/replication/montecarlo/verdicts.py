"""What rules of inference do over studies with universities drawn anew, and their verdicts.

All from the tables of `redrawn`: another rule needs no new study.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from replication.estimate import convention
from replication.estimate.claims import INVENTS, MISSES, NOTHING, RECOVERS, UNCLEAR, WRONG
from replication.estimate.contrasts import CLAIMS
from replication.estimate.families import step_down
from replication.estimate.few_clusters import PERMUTED, WILD
from replication.montecarlo.redrawn import OLS, PPML, REDRAWS
from replication.montecarlo.repeat import rate_error
from replication.records.registry import load_claims

KEYS = ["world", "study", "claim"]
CR1_FEW = "CR1, t(G* − 1)"
CR3_ALL = "CR3 (jackknife), t(G − 1)"


@dataclass(frozen=True)
class Rule:
    """A standard error and degrees of freedom, as columns of the studies."""

    std_error: str
    df: Callable[[pd.DataFrame], np.ndarray]


def _all(found: pd.DataFrame) -> np.ndarray:
    return found["clusters"].to_numpy() - 1.0


def _few(found: pd.DataFrame) -> np.ndarray:
    return found["effective"].to_numpy() - 1.0


def _satterthwaite(found: pd.DataFrame) -> np.ndarray:
    return found["df_cr2"].to_numpy()


RULES = {
    convention.CLUSTERED: Rule("cr1", _all),
    CR1_FEW: Rule("cr1", _few),
    convention.CR2: Rule("cr2", _satterthwaite),
    CR3_ALL: Rule("cr3", _all),
    convention.CR3: Rule("cr3", _few),
}
"""Variances and reference distributions that a verdict could rest on."""


def p_values(found: pd.DataFrame, rule: str, null: pd.Series | float = 0.0) -> np.ndarray:
    """Two-sided p-values of a null by one of `RULES`, one a row of the studies.

    The target of least squares on log(1 + y) is a mean over redraws: their share of the variance is
    added, where the null is that target.
    """
    chosen = RULES[rule]
    drawn = (found["model"] == OLS) & (not np.isscalar(null))
    error = found[chosen.std_error] * np.sqrt(1 + drawn / REDRAWS)
    table = convention.coefficient_table(found["estimate"] - null, error, chosen.df(found))
    return table["p_value"].to_numpy()


def half(found: pd.DataFrame, which: str) -> pd.DataFrame:
    """Studies by which a rule is ``"chosen"``, and those by which it is ``"reported"``.

    Every second pair of them, so that both halves have as many studies with all tests.
    """
    first = found["study"] // 2 % 2 == 0
    return found[{"chosen": first, "reported": ~first}[which]]


def sizes(claims: pd.DataFrame, level: float = convention.LEVEL) -> pd.DataFrame:
    """How often each rule rejects its estimator's own target where exchange does nothing.

    Returns
    -------
    DataFrame
        One row a method, claim and model: ``rejected``, ``rate_error`` (Monte-Carlo), ``studies``.

    Notes
    -----
    The bootstrap takes the target of least squares on log(1 + y) as known: that it is a mean over
    redraws adds up to 0.6 percentage points to its size at 5 %. The randomisation test is of zero.
    """
    found = claims[claims["world"] == "none"]
    tests = {rule: p_values(found, rule, found["target"]) for rule in RULES}
    tests |= {WILD: found["wild"].to_numpy(), PERMUTED: found["permuted"].to_numpy()}
    rows = []
    for method, p in tests.items():
        known = found.assign(p=p).dropna(subset="p")
        hits = (known["p"] <= level).groupby([known["claim"], known["model"]])
        table = hits.agg(rejected="mean", studies="size").reset_index()
        rows.append(table.assign(method=method))
    table = pd.concat(rows, ignore_index=True)
    return table.assign(rate_error=rate_error(table["studies"], level))


def distances(claims: pd.DataFrame) -> pd.DataFrame:
    """How far the size of each rule is from nominal at worst: what a rule is chosen by.

    Over C1 and C2 by PPML, and C2 by least squares on log(1 + y), in the studies of the first half.
    Its difference-in-differences is left out: its target is not the null that its users test. Rules
    as near as the nearest within its Monte-Carlo error are tied; of these, the one that rejects
    least comes first.

    Returns
    -------
    DataFrame
        Indexed by rule, the best first: ``worst`` (largest distance from nominal, above or below),
        ``error`` (its Monte-Carlo error), ``mean`` size, ``tied`` with the best.
    """
    table = sizes(half(claims, "chosen"))
    table = table[table["method"].isin(list(RULES))]
    judged = (table["model"] == PPML) & table["claim"].isin(["C1", "C2"])
    table = table[judged | ((table["model"] == OLS) & (table["claim"] == "C2"))]
    table["distance"] = (table["rejected"] - convention.LEVEL).abs()
    rules = table.groupby("method")
    found = pd.DataFrame(
        {
            "worst": rules["distance"].max(),
            "error": rules["rate_error"].max(),
            "mean": rules["rejected"].mean(),
        }
    ).rename_axis("rule")
    least = found["worst"].min()
    error = found.loc[found["worst"] == least, "error"].max()
    found["tied"] = found["worst"] <= least + error
    order = found["worst"].where(~found["tied"], least)
    return found.assign(order=order).sort_values(["order", "mean"]).drop(columns="order")


def coverage(claims: pd.DataFrame, rule: str = convention.CR3) -> pd.DataFrame:
    """How often a rule's 95 % intervals hold what is there, where the effect is planted.

    Returns
    -------
    DataFrame
        Indexed by claim and model: ``own``, the target of the universities of each study, and
        ``mean``, that over all that might have been drawn (the mean of the targets), with
        ``rate_error``; ``target``, the second, and ``between``, standard deviation of the first.
    """
    found = claims[claims["world"] == "planted"]
    by = ["claim", "model"]
    mean = found.groupby(by)["target"].transform("mean")
    hits = found.assign(
        own=p_values(found, rule, found["target"]) > convention.LEVEL,
        mean=p_values(found, rule, mean) > convention.LEVEL,
    ).groupby(by)
    table = hits.agg(
        target=("target", "mean"),
        between=("target", "std"),
        own=("own", "mean"),
        mean=("mean", "mean"),
    )
    return table.assign(rate_error=rate_error(hits.size(), 0.05))


def verdicts(claims: pd.DataFrame) -> pd.DataFrame:
    """Judge every study that has all claims by the rule of the verdict.

    The rule is `claims.judge`, for all studies at once, since that takes half a minute for two
    thousand of them: a test holds committed studies to it, one by one.

    Returns
    -------
    DataFrame
        Indexed by ``world`` and ``study``, one column a claim, of verdicts.
    """
    found = claims[claims["model"] == PPML]
    asked = found.groupby(["world", "study"])["claim"].transform("size")
    found = found[asked == len(CLAIMS)].reset_index(drop=True)
    rule = RULES[convention.NAMES["CR3"]]
    table = convention.coefficient_table(found["estimate"], found[rule.std_error], rule.df(found))
    known, target = load_claims(), found["target"]
    wide = table["p_value"].set_axis(pd.MultiIndex.from_frame(found[KEYS])).unstack("claim")
    for family in known.groupby("family").groups.values():
        wide[list(family)] = step_down(wide[list(family)].to_numpy())
    adjusted = wide.stack().reindex(pd.MultiIndex.from_frame(found[KEYS])).to_numpy()
    significant = adjusted < found["claim"].map(known["level"]).to_numpy()
    holds = (table["lower"] <= target) & (target <= table["upper"])
    verdict = np.select(
        [
            (target == 0) & significant,
            target == 0,
            ~significant,
            table["estimate"] * target < 0,
            holds,
        ],
        [INVENTS, NOTHING, UNCLEAR, WRONG, RECOVERS],
        MISSES,
    )
    judged = pd.Series(verdict, pd.MultiIndex.from_frame(found[KEYS]))
    order = pd.MultiIndex.from_frame(found[KEYS[:2]]).unique()
    return judged.unstack("claim").rename_axis(columns=None).loc[order]


def recovery(judged: pd.DataFrame) -> pd.DataFrame:
    """How often each claim is recovered where it is planted, and claimed where nothing is.

    Parameters
    ----------
    judged : DataFrame
        As of `verdicts`.

    Returns
    -------
    DataFrame
        Indexed by ``claim``: shares of the studies with the effect planted, ``recovered``,
        ``direction`` (found, size missed), ``unclear``, ``wrong``; of those without any effect,
        ``invented``; and the numbers of studies.
    """
    planted, none = judged.loc["planted"], judged.loc["none"]
    table = pd.DataFrame(
        {
            "recovered": (planted == RECOVERS).mean(),
            "direction": (planted == MISSES).mean(),
            "unclear": (planted == UNCLEAR).mean(),
            "wrong": (planted == WRONG).mean(),
            "invented": (none == INVENTS).mean(),
        }
    ).loc[list(CLAIMS)]
    return table.assign(studies=len(planted), studies_none=len(none)).rename_axis("claim")


def lead_tests(leads: pd.DataFrame, level: float = convention.LEVEL) -> pd.DataFrame:
    """How often each joint test of all leads rejects in studies without any effect.

    Returns
    -------
    DataFrame
        Indexed by ``model``: shares ``f`` and ``htz``; ``none``, the share of studies that are too
        unequal for HTZ, which do not reject; ``rate_error``, ``studies``.
    """
    tests = ["f", "htz"]
    table = (leads[tests] <= level).groupby(leads["model"], sort=False).mean()
    groups = leads.groupby("model", sort=False)
    table["none"] = groups["htz"].apply(lambda p: p.isna().mean())
    return table.assign(rate_error=rate_error(groups.size(), level), studies=groups.size())
