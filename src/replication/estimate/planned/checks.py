"""What surrounds the planned tests: dates, measures, selection, placebos, other choices."""

import numpy as np
import pandas as pd
import statsmodels.api as sm

from replication.estimate.convention import coefficient
from replication.estimate.fit import Estimate
from replication.estimate.planned.plan import EDITIONS, Panels, panels
from replication.estimate.verbs import did
from replication.panel.compilation import compiled_2016, exchange_2016
from replication.panel.ministry.panels import CEILING, kept
from replication.records.open import rankings
from replication.records.open.lists.subjects import the_subjects
from replication.records.plan import load_editions, load_plan
from replication.records.variables import CONTROLS

INCOMES = {
    "funds_firms": "Research funds from firms and institutions",
    "service_income": "Income from technical services",
    "transfer_income": "Income from technology transfer",
}
RANKED = range(2018, 2021)
"""Editions of THE by subject that hold enough Chinese universities; all before the shock."""


def dating() -> pd.DataFrame:
    """How the industry score of each edition goes with the ministry's funds from firms of 2016.

    If the editions are dated rightly, the score goes best with the funds of its own year.

    Returns
    -------
    DataFrame
        By edition: ``income_year`` and ``evidence`` (``data/the_editions.toml``), ``rank_all`` and
        ``rank_always`` (Spearman's rank correlation with funds per teacher, on all universities of
        the edition, and on those in every one), ``universities`` and ``always`` (how many).
    """
    table = compiled_2016().set_index("university")
    funds = table["funds_firms"] / table["teachers"]
    scores = rankings.the_scores(load_editions().index)
    wide = scores.pivot_table(index="university", columns="edition", values="industry")
    wide = wide[wide.index.isin(funds.index)]
    always = wide.dropna()
    rows = load_editions()[["income_year", "evidence"]]
    return rows.assign(
        universities=wide.notna().sum(),
        rank_all=wide.corrwith(funds.reindex(wide.index), method="spearman"),
        always=len(always),
        rank_always=always.corrwith(funds.reindex(always.index), method="spearman"),
    )


def cross_section() -> pd.DataFrame:
    """What exposure goes with before the shock: income from firms of 2016 on exchange of 2016.

    Returns
    -------
    DataFrame
        One row an income and set of controls: least squares of log(1 + income) on the exposure,
        without controls and with the logs of staff, spending and graduate students (R12);
        ``estimate``, ``std_error`` (HC3), ``lower``, ``upper``, ``p_value`` by t(N − K),
        ``universities``: those with a row in the table. It compares universities and is no effect.
    """
    exchange = exchange_2016().set_index("university")
    incomes = compiled_2016().set_index("university").loc[exchange.index]
    rows = []
    for column, name in INCOMES.items():
        for controls in ((), CONTROLS):
            row = _least_squares(np.log1p(incomes[column]), exchange[["exposure", *controls]])
            rows.append({"income": name, "controls": bool(controls), **row})
    return pd.DataFrame(rows).set_index("income")


def in_yuan(points: float) -> pd.Series:
    """What a difference of the industry score means in research income from firms.

    From the edition whose income is of 2016: least squares of the log of the ministry's funds from
    firms per teacher on the score, universities below the ceiling. It compares universities in one
    year.

    Parameters
    ----------
    points : float
        On the score of THE.

    Returns
    -------
    Series
        ``percent`` (of funds per teacher that go with `points`), ``per_teacher`` (median of all
        counted universities, yuan), ``yuan`` (`percent` of that), ``universities``.
    """
    editions = load_editions()
    edition = int(editions.index[editions["income_year"] == 2016][0])
    table = compiled_2016().set_index("university")
    funds = 1000 * table["funds_firms"] / table["teachers"]
    scores = rankings.the_scores([edition]).set_index("university")["industry"]
    both = pd.DataFrame({"funds": np.log(funds), "industry": scores}).dropna()
    both = both[both["industry"] < CEILING]
    slope = _least_squares(both["funds"], both[["industry"]])
    percent = 100 * np.expm1(points * slope["estimate"])
    return pd.Series(
        {
            "percent": percent,
            "per_teacher": funds.median(),
            "yuan": funds.median() * percent / 100,
            "universities": slope["universities"],
        }
    )


def selection() -> pd.DataFrame:
    """Whether being ranked by THE, and staying so, goes with exposure.

    Returns
    -------
    DataFrame
        Linear probability models, as `cross_section`, on the exposure alone: ranked before and
        after, and in every edition, among all universities that were counted; and having left
        after treatment began, among those that were ranked in the last edition before it or later.
    """
    exchange = exchange_2016().set_index("university")
    scores = rankings.the_scores(load_editions().index)
    seen = scores[~scores["joint"]].groupby("university")["edition"].agg(["min", "max", "size"])
    seen = seen.reindex(exchange.index)
    first = load_plan().first_edition
    ranked = {
        "ranked before and after": (seen["min"] < first) & (seen["max"] >= first),
        "ranked in every edition": seen["size"] == len(load_editions()),
        "left after treatment began": (seen["max"] >= first - 1)
        & (seen["max"] < load_editions().index.max()),
    }
    # Who was gone before could not leave any more.
    left = "left after treatment began"
    ranked[left] = ranked[left].astype(float).where(seen["max"] >= first - 1)
    rows = {
        name: {
            **_least_squares(yes.astype(float), exchange[["exposure"]]),
            "share": yes.mean(),
        }
        for name, yes in ranked.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("outcome")


def declared_income() -> dict[str, Estimate]:
    """Placebo with another measure: research income from firms in BCUR, 2016 to 2018.

    All three editions are of years before the shock; the last is taken as if it were treated.

    Returns
    -------
    dict of str to Estimate
        Log of income and log of income a paper, on exposure × last edition.
    """
    table = rankings.bcur().merge(exchange_2016(), on="university", validate="many_to_one")
    table = table.assign(
        post=(table["edition"] == table["edition"].max()).astype("int64"),
        log_income=np.log1p(table["industry_income"]),
        log_income_paper=np.log((table["industry_income"] + 1) / table["papers"]),
    )
    design = EDITIONS.but(variance=load_plan().variance)
    return {
        "Log income": did(table, design, outcome="log_income"),
        "Log income a paper": did(table, design, outcome="log_income_paper"),
    }


def subjects() -> dict[str, Estimate]:
    """Placebo by subject: THE's industry score in editions 2018 to 2020, before the shock.

    Returns
    -------
    dict of str to Estimate
        Each edition after the first taken as if it were the first treated, university × subject and
        subject × edition held fixed.
    """
    table = the_subjects(RANKED)
    table = table[~table["joint"]].merge(exchange_2016(), on="university", validate="many_to_one")
    effects = (("university", "subject"), ("subject", "edition"))
    design = EDITIONS.but(unit=("university", "subject"), effects=effects)
    found = {}
    for first in RANKED[1:]:
        pair = table[table["edition"].isin([first - 1, first])]
        pair = pair.assign(post=(pair["edition"] == first).astype("int64"))
        found[f"{first - 1} to {first}"] = did(pair, design)
    return found


def variants(main: Panels) -> dict[str, Estimate]:
    """The coefficient of the industry score under each choice that the plan leaves open.

    Parameters
    ----------
    main : mapping of str to DataFrame
        As of `panels`.
    """
    table, plan = main["editions"], load_plan()
    early, late = (panels(first)["editions"] for first in plan.other_editions)
    controls = [(control, "edition") for control in CONTROLS]
    frame = table[table["advantaged"].notna()]
    always = kept(table, "balanced")
    return {
        "As planned": did(table, EDITIONS),
        "First treated edition 2020": did(early, EDITIONS),
        "First treated edition 2022": did(late, EDITIONS),
        "Universities in every edition": did(always, EDITIONS),
        "Without scores at the ceiling": did(kept(table, "below ceiling"), EDITIONS),
        "Without universities on the Entity List": did(kept(table, "unlisted"), EDITIONS),
        "Universities of the frame (R20)": did(frame, EDITIONS),
        "Editions from 2017": did(table[table["edition"] > 2016], EDITIONS),
        "Editions to 2022": did(table[table["edition"] <= 2022], EDITIONS),
        "Resources × edition (R12)": did(table, EDITIONS, controls=controls),
        "Exposure per staff (R7)": did(table, EDITIONS, exposure="exposure_per_staff"),
        "Exposure by component (R7)": did(table, EDITIONS, exposure="exposure_component"),
        "Exposure: THE's outlook before": did(table, EDITIONS, exposure="outlook"),
    }


def _least_squares(y: pd.Series, x: pd.DataFrame) -> dict[str, float]:
    """Coefficient of the first column, with HC3 and t(N − K), where there is an outcome."""
    given = y.notna()
    y, x = y[given], x[given]
    found = sm.OLS(y, sm.add_constant(x)).fit(cov_type="HC3", use_t=True)
    name = x.columns[0]
    row = coefficient(found.params[name], found.bse[name], found.df_resid)
    return {
        **{k: float(row[k]) for k in ("estimate", "std_error", "lower", "upper", "p_value")},
        "universities": len(y),
    }
