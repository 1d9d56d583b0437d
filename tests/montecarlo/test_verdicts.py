"""Rules and verdicts over made-up studies of which every probability is known, or counted."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from replication.estimate import convention
from replication.estimate.claims import INVENTS, MISSES, NOTHING, RECOVERS, UNCLEAR, WRONG, judge
from replication.estimate.contrasts import CLAIMS
from replication.estimate.few_clusters import PERMUTED, WILD
from replication.montecarlo import verdicts as v
from replication.montecarlo.record import load_studies
from replication.montecarlo.redrawn import OLS, PPML

MANY = 200_000
CLUSTERS, EFFECTIVE, SATTERTHWAITE = 31, 11.0, 8.0
DF = {"G": 30, "G*": 10, "Satterthwaite": 8}
RULES = {
    # rule: standard error, its size beside the true one, degrees of freedom
    convention.CLUSTERED: ("cr1", 0.8, "G"),
    v.CR1_FEW: ("cr1", 0.8, "G*"),
    convention.CR2: ("cr2", 0.9, "Satterthwaite"),
    v.CR3_ALL: ("cr3", 1.1, "G"),
    convention.CR3: ("cr3", 1.1, "G*"),
}
ERRORS = {column: size for column, size, _ in RULES.values()}


def studies(n: int, world: str = "none", claim: str = "C1", model: str = PPML) -> pd.DataFrame:
    """Studies in which nothing is known but the clusters."""
    return pd.DataFrame(
        {
            "world": world,
            "study": np.arange(n),
            "claim": claim,
            "model": model,
            "estimate": 0.0,
            "target": 0.0,
            "cr1": 1.0,
            "cr2": 1.0,
            "cr3": 1.0,
            "clusters": CLUSTERS,
            "effective": EFFECTIVE,
            "df_cr2": SATTERTHWAITE,
            "wild": np.nan,
            "permuted": np.nan,
        }
    )


def normal(n: int, seed: int, **options: str) -> pd.DataFrame:
    """Estimates that are normal around a target of each study, with errors a little wrong."""
    rng = np.random.default_rng(seed)
    target = rng.normal(size=n)
    found = studies(n, **options).assign(target=target, estimate=target + rng.normal(size=n))
    return found.assign(**ERRORS)


def probability(size: float, df: int, level: float = 0.05) -> float:
    """How often a normal estimate rejects its target by t(df) and a known error of this size."""
    return 2 * float(stats.norm.sf(size * stats.t.ppf(1 - level / 2, df)))


def near(rate: float, exact: float, n: int) -> bool:
    """Within four Monte-Carlo errors."""
    return abs(rate - exact) < 4 * np.sqrt(exact * (1 - exact) / n)


def test_every_rule_is_looked_at_and_none_can_pass_for_another() -> None:
    assert list(v.RULES) == list(RULES)
    exact = sorted(probability(size, DF[df]) for _, size, df in RULES.values())
    assert min(np.diff(exact)) > 8 * np.sqrt(0.05 / MANY)


@pytest.mark.parametrize("level", [0.05, 0.01])
def test_sizes_are_the_probabilities_of_t(level: float) -> None:
    table = v.sizes(normal(MANY, seed=1), level).set_index("method")
    for rule, (_, size, df) in RULES.items():
        row = table.loc[rule]
        assert near(row["rejected"], probability(size, DF[df], level), MANY), rule
        assert row["studies"] == MANY
        assert row["rate_error"] == pytest.approx(np.sqrt(level * (1 - level) / MANY))


def test_an_error_with_its_own_distribution_has_the_nominal_size() -> None:
    """A normal estimate over the root of χ²/df is t(df): exactly five per cent."""
    found, rng = normal(MANY, seed=2), np.random.default_rng(3)
    for rule, (column, _, name) in RULES.items():
        df = DF[name]
        table = found.assign(**{column: np.sqrt(rng.chisquare(df, MANY) / df)})
        rate = v.sizes(table).set_index("method").loc[rule, "rejected"]
        assert near(rate, 0.05, MANY), rule


def test_sizes_are_of_studies_without_any_effect_and_by_claim_and_model() -> None:
    nothing, effect = studies(8), studies(8, world="planted").assign(estimate=100.0)
    other = studies(4, claim="C2", model=OLS).assign(estimate=100.0)
    table = v.sizes(pd.concat([nothing, effect, other]))
    table = table.set_index(["method", "claim", "model"])
    for rule in RULES:
        assert table.loc[(rule, "C1", PPML), ["rejected", "studies"]].tolist() == [0, 8]
        assert table.loc[(rule, "C2", OLS), ["rejected", "studies"]].tolist() == [1, 4]


def test_tests_by_resampling_reject_at_their_level_and_where_they_were_run() -> None:
    # One thousand p-values in steps of one thousandth: fifty of them are at most .05.
    p = np.arange(1, 1001) / 1000
    found = studies(2000).assign(wild=np.tile(p, 2), permuted=np.r_[p, np.full(1000, np.nan)])
    table = v.sizes(found).set_index("method")
    for method, run in ((WILD, 2000), (PERMUTED, 1000)):
        assert table.loc[method, "rejected"] == pytest.approx(0.05, abs=1e-12)
        assert table.loc[method, "studies"] == run


def test_a_rule_is_judged_where_its_error_is_known() -> None:
    found = studies(10)
    found.loc[5:, "cr2"] = np.nan
    table = v.sizes(found).set_index("method")["studies"]
    assert table[convention.CR2] == 5
    assert table.drop(convention.CR2).drop([WILD, PERMUTED], errors="ignore").eq(10).all()


# The target of least squares is itself a mean over redraws ----------------------------------------


def test_the_redraws_of_a_target_are_part_of_its_variance() -> None:
    rng, n = np.random.default_rng(4), MANY
    found = studies(n, model=OLS).assign(cr1=2.0, clusters=10**9)
    found["estimate"] = rng.normal(scale=2.0, size=n)
    found["target"] = rng.normal(scale=2.0, size=(v.REDRAWS, n)).mean(axis=0)
    rule = convention.CLUSTERED
    assert near((v.p_values(found, rule, found["target"]) <= 0.05).mean(), 0.05, n)
    # Without the correction it would be this much too large, as the bootstrap's is.
    known = found.assign(model=PPML)
    exact = 2 * float(stats.norm.sf(stats.norm.isf(0.025) / np.sqrt(1 + 1 / v.REDRAWS)))
    assert exact == pytest.approx(0.0558, abs=1e-4)
    assert near((v.p_values(known, rule, known["target"]) <= 0.05).mean(), exact, n)


@pytest.mark.parametrize("model", [OLS, PPML])
def test_a_null_that_is_a_number_is_known(model: str) -> None:
    found = studies(3, model=model).assign(estimate=[0.5, 1.0, 3.0])
    due = 2 * stats.t.sf(np.abs(np.array([0.5, 1.0, 3.0]) - 1.0), 30)
    np.testing.assert_allclose(v.p_values(found, convention.CLUSTERED, 1.0), due)
    np.testing.assert_allclose(
        v.p_values(found, convention.CLUSTERED), 2 * stats.t.sf([0.5, 1.0, 3.0], 30)
    )


# Choosing and reporting ---------------------------------------------------------------------------


def test_halves_are_apart_and_have_as_many_studies_of_each_kind() -> None:
    found = pd.concat([studies(2000), studies(1000, world="planted")])
    chosen, reported = v.half(found, "chosen"), v.half(found, "reported")
    assert len(chosen) + len(reported) == len(found)
    keys = [set(zip(h["world"], h["study"], strict=True)) for h in (chosen, reported)]
    assert not keys[0] & keys[1]
    for part in (chosen, reported):
        assert (part["world"] == "none").sum() == 1000
        assert (part.loc[part["world"] == "none", "study"] % 2).sum() == 500
    with pytest.raises(KeyError):
        v.half(found, "chose")


def shares(n: int, **rejected: tuple[float, float]) -> pd.DataFrame:
    """Studies of C1 and C2 of which these shares reject by t(G − 1), and by t(G* − 1) too.

    The statistics are 10 (both reject), 2.1 (t(30) does, t(10) does not), and 0.1.
    """
    tables = []
    for claim, model in (("C1", PPML), ("C2", PPML), ("C2", OLS), ("C1", OLS)):
        found = studies(2 * n, claim=claim, model=model).assign(estimate=1.0)
        for error, (everyone, few) in rejected.items():
            rank = (found["study"] // 4 * 2 + found["study"] % 2).to_numpy()
            t = np.where(rank < few * n, 10.0, np.where(rank < everyone * n, 2.1, 0.1))
            # Against its own mean of redraws the statistic is a little smaller.
            found[error] = 1 / t / (np.sqrt(1 + 1 / v.REDRAWS) if model == OLS else 1.0)
        if (claim, model) == ("C1", OLS):
            found[list(rejected)] = 1e-3  # it rejects always, and counts for nothing
        # In the half that reports, every rule always rejects.
        found.loc[found["study"] // 2 % 2 == 1, list(rejected)] = 1e-3
        tables.append(found)
    return pd.concat(tables, ignore_index=True)


def test_a_rule_that_never_rejects_is_not_nearest_to_nominal() -> None:
    found = shares(2000, cr1=(0.10, 0.08), cr2=(0.07, 0.07), cr3=(0.06, 0.0))
    table = v.distances(found)
    assert table["worst"].round(10).to_dict() == {
        v.CR3_ALL: 0.01,
        convention.CR2: 0.02,
        v.CR1_FEW: 0.03,
        convention.CLUSTERED: 0.05,
        convention.CR3: 0.05,
    }
    assert table.index[0] == v.CR3_ALL
    assert table["tied"].sum() == 1
    assert table["mean"].round(10)[convention.CR3] == 0
    assert table["error"].to_numpy() == pytest.approx(np.sqrt(0.05 * 0.95 / 2000))


def test_of_tied_rules_the_one_that_rejects_least_comes_first() -> None:
    # Of 400 studies a rate has an error of 1.1 points: 6.25, 6 and 4.25 % are tied, 7.5 % is not.
    found = shares(400, cr1=(0.0625, 0.06), cr2=(0.075, 0.075), cr3=(0.12, 0.0425))
    table = v.distances(found)
    assert list(table.index[:3]) == [convention.CR3, v.CR1_FEW, convention.CLUSTERED]
    assert table["tied"].tolist() == [True, True, True, False, False]
    assert list(table.index[3:]) == [convention.CR2, v.CR3_ALL]


def test_the_worst_of_the_judged_sizes_counts() -> None:
    found = shares(1000, cr1=(0.05, 0.05), cr2=(0.05, 0.05), cr3=(0.05, 0.05))
    rejecting = (found["claim"] == "C2") & (found["model"] == OLS) & (found["study"] < 400)
    found.loc[rejecting, "cr2"] = 1e-3
    table = v.distances(found)
    assert table.loc[convention.CR2, "worst"] == pytest.approx(0.2 - 0.05)
    assert table.loc[convention.CR2, "mean"] == pytest.approx((0.05 + 0.05 + 0.2) / 3)
    assert table.drop(index=convention.CR2)["worst"].to_numpy() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("which", ["chosen", "reported"])
def test_what_is_reported_had_no_part_in_the_choice(which: str) -> None:
    found = pd.concat(
        [
            normal(4000, seed=i, claim=c, model=m)
            for i, (c, m) in enumerate([("C1", PPML), ("C2", OLS)])
        ],
        ignore_index=True,
    )
    changed = found.copy()
    at = v.half(found, which).index
    changed.loc[at, "estimate"] = changed.loc[at, "target"] + 100.0
    same = v.distances(changed).equals(v.distances(found))
    assert same == (which == "reported")
    rates = v.sizes(v.half(changed, "reported"))["rejected"]
    assert (rates == 1).all() == (which == "reported")


def test_the_rule_of_the_verdicts_is_the_one_that_the_committed_studies_choose() -> None:
    assert v.distances(load_studies()["claims"]).index[0] == convention.CR3


# Coverage -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", [convention.CR3, convention.CLUSTERED])
def test_coverage_tells_the_own_target_from_that_of_all_universities(rule: str) -> None:
    rng, n, spread = np.random.default_rng(5), MANY, 0.75
    found = studies(n, world="planted").assign(**ERRORS)
    found["target"] = 0.4 + spread * rng.normal(size=n)
    found["estimate"] = found["target"] + rng.normal(size=n)
    nothing = studies(50).assign(estimate=100.0)
    row = v.coverage(pd.concat([found, nothing]), rule).loc[("C1", PPML)]
    _, size, df = RULES[rule]
    assert near(row["own"], 1 - probability(size, DF[df]), n)
    # The estimate varies by both around the mean of the targets.
    assert near(row["mean"], 1 - probability(size / np.hypot(1, spread), DF[df]), n)
    assert row["target"] == pytest.approx(0.4, abs=4 * spread / np.sqrt(n))
    assert row["between"] == pytest.approx(spread, rel=0.01)
    assert row["rate_error"] == pytest.approx(np.sqrt(0.05 * 0.95 / n))


def test_the_mean_target_is_that_of_each_claim() -> None:
    one = studies(2, world="planted").assign(target=[0.0, 2.0], estimate=[1.0, 1.0])
    two = studies(2, world="planted", claim="C2").assign(target=[10.0, 20.0], estimate=[10.0, 20.0])
    table = v.coverage(pd.concat([one, two]).assign(cr3=0.1))
    assert table["target"].tolist() == [1.0, 15.0]
    assert table["own"].tolist() == [0.0, 1.0]
    assert table["mean"].tolist() == [1.0, 0.0]


# Verdicts -----------------------------------------------------------------------------------------


def judged(world: str, number: int, **claims: tuple[float, float, float]) -> pd.DataFrame:
    """One study: estimate, standard error and target of each claim, with very many clusters."""
    rows = [claims.get(claim, (0.0, 1.0, 0.0 if world == "none" else 0.2)) for claim in CLAIMS]
    estimate, error, target = np.array(rows).T
    found = studies(len(CLAIMS), world).assign(study=number, claim=CLAIMS, effective=1e9)
    # The errors of the other rules would reject everything.
    return found.assign(estimate=estimate, cr3=error, cr1=1e-9, cr2=1e-9, target=target)


def z(p: float) -> tuple[float, float, float]:
    """An estimate with this two-sided p-value, which is its target."""
    value = float(stats.norm.isf(p / 2))
    return value, 1.0, value


WRITTEN = {
    ("planted", 0): {
        "C1": ((0.2, 0.05, 0.2), RECOVERS),
        "C2": ((0.3, 0.05, 0.1), MISSES),
        "C3": ((-0.3, 0.05, 0.1), WRONG),
        "C4": ((0.09, 0.05, 0.1), UNCLEAR),
        "C5": ((-0.3, 0.05, -0.3), RECOVERS),
        # Each alone is significant; four times .02 is not.
        **{claim: (z(0.02), UNCLEAR) for claim in ("C6", "C7", "C8", "C9")},
    },
    ("planted", 1): {
        "C1": ((0.2, 0.05, 0.31), MISSES),
        "C2": ((0.099, 0.05, 0.1), RECOVERS),
        "C3": ((0.2, 0.05, 0.2), RECOVERS),
        "C4": ((0.2, 0.05, 0.2), RECOVERS),
        "C5": ((0.2, 0.05, 0.2), RECOVERS),
        # By Holm .04, .048, .056 and then no less.
        "C6": (z(0.01), RECOVERS),
        "C7": (z(0.016), RECOVERS),
        "C8": (z(0.028), UNCLEAR),
        "C9": (z(0.04), UNCLEAR),
    },
    ("none", 4): {
        "C1": ((0.2, 0.05, 0.0), INVENTS),
        "C2": ((-0.2, 0.05, 0.0), INVENTS),
        **dict.fromkeys(("C3", "C4", "C5"), ((0.09, 0.05, 0.0), NOTHING)),
        **{claim: ((z(0.02)[0], 1.0, 0.0), NOTHING) for claim in ("C6", "C7", "C8")},
        "C9": ((z(0.012)[0], 1.0, 0.0), INVENTS),
    },
    ("none", 2): dict.fromkeys(CLAIMS, ((0.01, 0.05, 0.0), NOTHING)),
}


@pytest.fixture(scope="module")
def written() -> pd.DataFrame:
    """These four studies, and what is not judged: one with two claims, models of the logarithm."""
    tables = [
        judged(*key, **{claim: numbers for claim, (numbers, _) in claims.items()})
        for key, claims in WRITTEN.items()
    ]
    part = judged("none", 3).iloc[:2].assign(estimate=100.0)
    log = judged("none", 2).iloc[:2].assign(model=OLS, estimate=100.0)
    return pd.concat([part, *tables, log], ignore_index=True)


def test_verdicts_are_those_written_out_by_hand(written: pd.DataFrame) -> None:
    table = v.verdicts(written)
    assert table.index.names == ["world", "study"]
    assert list(table.index) == list(WRITTEN)
    for key, claims in WRITTEN.items():
        assert table.loc[key].to_dict() == {claim: said for claim, (_, said) in claims.items()}


def test_the_order_of_the_rows_changes_no_verdict(written: pd.DataFrame) -> None:
    mixed = v.verdicts(written.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(mixed.sort_index(), v.verdicts(written).sort_index())


def test_recovery_is_counted_by_world(written: pd.DataFrame) -> None:
    table = v.recovery(v.verdicts(written))
    assert list(table.index) == list(CLAIMS)
    assert table["recovered"].tolist() == [0.5, 0.5, 0.5, 0.5, 1.0, 0.5, 0.5, 0.0, 0.0]
    assert table["direction"].tolist() == [0.5, 0.5, *[0.0] * 7]
    assert table["unclear"].tolist() == [0, 0, 0, 0.5, 0, 0.5, 0.5, 1, 1]
    assert table["wrong"].tolist() == [0, 0, 0.5, *[0] * 6]
    assert table["invented"].tolist() == [0.5, 0.5, *[0] * 6, 0.5]
    assert set(table["studies"]) == set(table["studies_none"]) == {2}


def test_verdicts_take_the_effective_clusters() -> None:
    """t = 2.1 is significant with 31 clusters, and not with eleven that count."""
    found = judged("planted", 0, C1=(2.1, 1.0, 2.1))
    assert v.verdicts(found.assign(effective=31.0)).loc[("planted", 0), "C1"] == RECOVERS
    assert v.verdicts(found.assign(effective=11.0)).loc[("planted", 0), "C1"] == UNCLEAR


# Leads --------------------------------------------------------------------------------------------


def test_joint_tests_of_leads_are_counted() -> None:
    leads = pd.DataFrame(
        {
            "study": [0, 2, 4, 6, 0, 2],
            "model": [PPML] * 4 + ["log of the mean"] * 2,
            "f": [0.01, 0.05, 0.03, 0.2, 0.5, 0.5],
            "htz": [0.2, 0.04, np.nan, 0.3, 0.05, 0.06],
        }
    )
    table = v.lead_tests(leads)
    assert list(table.index) == [PPML, "log of the mean"]
    assert table["f"].tolist() == [0.75, 0.0]
    # A test that is not possible rejects nothing.
    assert table["htz"].tolist() == [0.25, 0.5]
    assert table["none"].tolist() == [0.25, 0.0]
    assert table["studies"].tolist() == [4, 2]
    assert table["rate_error"].tolist() == pytest.approx(list(np.sqrt(0.05 * 0.95 / np.r_[4, 2])))
    assert v.lead_tests(leads, 0.01).loc[PPML, ["f", "htz"]].tolist() == [0.25, 0.0]


def test_committed_studies_have_the_verdicts_that_judge_gives_each_alone() -> None:
    claims = load_studies()["claims"]
    found = v.verdicts(claims)
    for world, step in {"none": 74, "planted": 43}.items():
        for number in range(0, 1000, step):
            own = claims[(claims["world"] == world) & (claims["study"] == number)]
            own = own[own["model"] == PPML].set_index("claim")
            df = (own["effective"] - 1).to_numpy()
            table = convention.coefficient_table(own["estimate"], own["cr3"], df)
            alone = judge({str(c): table.loc[c] for c in CLAIMS}, "simulated", own["target"])
            assert found.loc[(world, number)].to_dict() == alone["verdict"].to_dict()
