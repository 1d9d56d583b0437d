"""The tests of the plan: data and design of each, estimates, verdicts by the plan's rule."""

from collections.abc import Mapping

import pandas as pd

from replication.errors import RegistryError
from replication.estimate.claims import CONTRADICTED, SUPPORTED, UNCLEAR, UNTESTABLE
from replication.estimate.contrasts import holm, question
from replication.estimate.design import Design
from replication.estimate.families import romano_wolf
from replication.estimate.few_clusters import effective_clusters
from replication.estimate.open_scores import SCORES
from replication.estimate.verbs import did
from replication.panel.ministry.panels import edition_panel, kept, window_panel
from replication.records.plan import load_plan

EDITIONS = SCORES
"""THE scores: a university and edition a row."""

WINDOWS = EDITIONS.but(
    outcome="papers_firm", time="first_year", effects=("university", "first_year"), model="ppml"
)
"""Papers of the Leiden Ranking: a university and window a row."""

DESIGNS = {"editions": EDITIONS, "windows": WINDOWS}
Panels = Mapping[str, pd.DataFrame]


def panels(first_treated: int | None = None) -> dict[str, pd.DataFrame]:
    """Both panels of the plan, by their names; read once and handed to every verb.

    Parameters
    ----------
    first_treated : int, optional
        First edition that counts as treated; the plan's if not given.
    """
    first = first_treated or load_plan().first_edition
    return {"editions": edition_panel(first), "windows": window_panel()}


def asked(name: str, panels: Panels) -> tuple[pd.DataFrame, Design]:
    """Data and design of one test of the plan, for `did` and for every method of inference.

    Raises
    ------
    RegistryError
        The plan has no such test.
    """
    tests = {test.id: test for test in load_plan().test}
    if name not in tests:
        raise RegistryError(f"the plan has no test {name!r}; it has {', '.join(tests)}")
    test = tests[name]
    design = DESIGNS[test.panel].but(
        outcome=test.outcome,
        model=test.model,
        scale=test.scale,
        offset=test.offset,
        variance=load_plan().variance,
    )
    own = test.slopes == "period"
    controls = [(c, design.time) if own else c for c in test.controls]
    data = kept(panels[test.panel], test.keep)
    if test.question == "C7":
        # A university outside the frame has no share; the rest of its columns are complete.
        data = data[data["advantaged"].notna()]
    design = design.but(controls=controls)
    # The study's C1 names its own outcome.
    return (data, design) if test.question == "C1" else question(test.question, data, design)


def estimates(panels: Panels) -> pd.DataFrame:
    """Every test of the plan.

    Returns
    -------
    DataFrame
        Indexed by test: ``claim``, ``role``, ``outcome``, ``estimate``, ``std_error``, ``lower``,
        ``upper``, ``p_value``, ``p_holm`` (within its family; missing for a secondary test),
        ``p_all`` (over all primary tests; no verdict rests on it), ``universities``,
        ``effective`` (G*), ``rows``, ``verdict`` (by this test alone).
    """
    plan, rows = load_plan(), {}
    for test in plan.test:
        data, design = asked(test.id, panels)
        found = did(data, design)
        row = found.frame.iloc[0]
        rows[test.id] = {
            "claim": test.claim,
            "role": test.role,
            "family": test.family,
            "outcome": test.outcome,
            **row[["estimate", "std_error", "lower", "upper", "p_value"]],
            "universities": found.clusters,
            "effective": effective_clusters(data, design)["effective"],
            "rows": found.n,
        }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("test")
    table["p_holm"] = float("nan")
    for _, family in table.groupby("family"):
        table.loc[family.index, "p_holm"] = holm(family["p_value"])
    table["p_all"] = holm(table.loc[table["role"] == "primary", "p_value"])
    p = table["p_holm"].fillna(table["p_value"])
    table["verdict"] = [
        UNCLEAR if value >= plan.level else SUPPORTED if b > 0 else CONTRADICTED
        for b, value in zip(table["estimate"], p, strict=True)
    ]
    return table.drop(columns="family")


def verdicts(table: pd.DataFrame) -> pd.DataFrame:
    """Verdict on each claim, by the plan's rule.

    Parameters
    ----------
    table : DataFrame
        As of `estimates`.

    Returns
    -------
    DataFrame
        Indexed by claim, C1 to C9: ``verdict``, ``tests`` (how many primary ones), ``smallest_p``
        (adjusted), ``reason`` (why it is not testable) and ``settled_by``.
    """
    rows = {}
    for claim, tests in table[table["role"] == "primary"].groupby("claim"):
        said = set(tests["verdict"]) - {UNCLEAR}
        rows[claim] = {
            "verdict": said.pop() if len(said) == 1 else UNCLEAR,
            "tests": len(tests),
            "smallest_p": tests["p_holm"].min(),
            "reason": "",
            "settled_by": load_plan().settled[str(claim)],
        }
    for row in load_plan().untestable:
        rows[row.claim] = {
            "verdict": UNTESTABLE,
            "tests": 0,
            "reason": row.reason,
            "settled_by": row.settled_by,
        }
    return pd.DataFrame.from_dict(rows, orient="index").sort_index().rename_axis("claim")


def jointly(panels: Panels, claim: str = "C1") -> pd.Series:
    """Romano and Wolf's p-values of a claim's primary tests, on the universities that all have.

    Returns
    -------
    Series
        ``p_romano_wolf`` by test; ``attrs["universities"]`` is how many they are.
    """
    names = [t.id for t in load_plan().test if t.claim == claim and t.role == "primary"]
    questions = {name: asked(name, panels) for name in names}
    common = set.intersection(*(set(data["university"]) for data, _ in questions.values()))
    found = romano_wolf(
        {
            name: (data[data["university"].isin(common)], design)
            for name, (data, design) in questions.items()
        }
    )
    found.attrs["universities"] = len(common)
    return found
