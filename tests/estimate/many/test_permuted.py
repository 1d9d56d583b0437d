"""Many designs under the same permutations, against each fitted again on all dummies."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from replication import errors
from replication.estimate.design import STUDY, TRIPLE, Design
from replication.estimate.few_clusters import randomisation_test
from replication.estimate.many.permuted import PermutedDesign, orders, permuted
from replication.estimate.verbs import did
from tests.support.designs_panel import panel
from tests.support.refits import DDD, DID, fits, informative, orthonormal, poisson, residuals

DRAWS = 60


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Nine universities in no order; one has no value of x1, so that some designs have eight."""
    found = panel()
    found = found[found["university"] <= "U09"].sample(frac=1, random_state=4)
    return found.assign(
        other=found["exposure"] ** 2 + 0.3 * found["exposure"],
        above=(found["exposure"] > 0).astype(float),
        x1=found["x1"].where(found["university"] != "U04"),
    )


DESIGNS = {
    "did": STUDY.but(outcome="y"),
    "ddd": TRIPLE.but(outcome="y"),
    "other exposure": TRIPLE.but(outcome="y", exposure="other"),
    "binary": STUDY.but(outcome="y", exposure="above"),
    "log": STUDY.but(outcome="patents_joint", scale="log1p"),
    "weights": STUDY.but(outcome="y", weights="weight"),
    "controls": TRIPLE.but(outcome="y", controls=("x2", ("x2", "year")), collinear="drop"),
    "eight clusters": STUDY.but(outcome="y", controls=("x1",), missing="drop"),
    "few effects": STUDY.but(outcome="y", effects=("university", "year")),
}
COUNTS = {
    "ppml did": STUDY.but(outcome="patents_joint", model="ppml"),
    "ppml ddd": TRIPLE.but(outcome="patents_joint", model="ppml"),
    "ppml other": STUDY.but(outcome="patents_joint", model="ppml", exposure="other"),
    "ppml controls": STUDY.but(outcome="patents_joint", model="ppml", controls=("x2",)),
}


@pytest.fixture(scope="module")
def drawn(table):
    return orders(table["university"].unique(), draws=DRAWS, seed=5)


@pytest.fixture(scope="module")
def found(table, drawn) -> dict[str, object]:
    """All designs in one call, so that they share what they can."""
    designs = DESIGNS | COUNTS
    return dict(zip(designs, permuted(table, list(designs.values()), drawn), strict=True))


def written_out(table: pd.DataFrame, design: Design, drawn) -> tuple[np.ndarray, ...]:
    """Cluster, schedule, exposures (rows × orders), dummies and controls, of complete rows."""
    names = np.unique(table["university"])
    at = {name: i for i, name in enumerate(drawn.names)}
    own = table.groupby("university")[design.exposure].first()
    exposures = np.empty((len(table), DRAWS + 1))
    for i, order in enumerate(drawn.places):
        # Of the order of all clusters, what is left when the absent ones are struck out.
        left = [drawn.names[p] for p in order if drawn.names[p] in set(names)]
        takes = dict(zip(names, left, strict=True))
        exposures[:, i] = table["university"].map(takes).map(own)
    assert list(at) == sorted(at)
    third = 1.0 if design.third is None else table[design.third].to_numpy()
    effects = [[e] if isinstance(e, str) else list(e) for e in design.effects]
    columns = [pd.get_dummies(table.groupby(e).ngroup()).to_numpy(float) for e in effects]
    for c in design.controls:
        if isinstance(c, str):
            columns.append(table[[c]].to_numpy(float))
        else:
            columns.append(pd.get_dummies(table[c[1]]).to_numpy(float) * table[[c[0]]].to_numpy())
    cluster = np.searchsorted(names, table["university"])
    return cluster, table["post"].to_numpy() * third, exposures, np.column_stack(columns)


@pytest.mark.parametrize("name", DESIGNS)
def test_every_order_is_refitted(table, drawn, found, name):
    design = DESIGNS[name]
    rows = table.dropna(subset="x1") if name == "eight clusters" else table
    cluster, schedule, exposures, others = written_out(rows, design, drawn)
    weights = rows["weight"].to_numpy() if design.weights else np.ones(len(rows))
    root = np.sqrt(weights)[:, None]
    y = rows[design.outcome].to_numpy(float)[:, None]
    y = np.log1p(y) if design.scale == "log1p" else y
    basis = orthonormal(others * root)
    b, t = fits(y * root, exposures * schedule[:, None] * root, basis, cluster)
    one = found[name]
    assert (one.reason, one.df) == ("", cluster.max())
    np.testing.assert_allclose(one.estimate, b, rtol=1e-8, atol=1e-10)
    # CR1: the factor is that of the one fit, by the study's rule, and the same in every order.
    fitted = did(rows, design.but(variance="CR1")).frame.iloc[0]
    assert one.statistic[0] == pytest.approx(fitted.statistic, rel=1e-8)
    assert one.p_values()[0] == pytest.approx(fitted.p_value, rel=1e-7)
    np.testing.assert_allclose(one.statistic / one.statistic[0], t / t[0], rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("name", COUNTS)
def test_a_count_is_fitted_once_and_its_score_taken_for_every_order(table, drawn, found, name):
    """U and I from the restricted means, which statsmodels' score test has, too."""
    design = COUNTS[name]
    effects = DID if design.third is None else DDD
    rows = informative(table, "patents_joint", effects)
    cluster, schedule, exposures, others = written_out(rows, design, drawn)
    y = rows["patents_joint"].to_numpy(float)
    x = exposures * schedule[:, None]
    _, mean = poisson(y, x[:, 0], others, held=0.0)
    root = np.sqrt(mean)[:, None]
    left = residuals(x * root, orthonormal(others * root)) / root
    sums = pd.DataFrame(left * (y - mean)[:, None]).groupby(cluster).sum().to_numpy()
    information = pd.DataFrame(left**2 * mean[:, None]).groupby(cluster).sum().to_numpy()
    step = sums.sum(axis=0) / information.sum(axis=0)
    t = sums.sum(axis=0) / np.sqrt(((sums - step * information) ** 2).sum(axis=0))
    one = found[name]
    np.testing.assert_allclose(one.estimate, step, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(one.statistic / one.statistic[0], t / t[0], rtol=1e-6, atol=1e-7)
    if name == "ppml did":
        # The classical score test of the same null: U² / I, by another program.
        keep = np.linalg.qr(others)[1].diagonal()
        model = sm.GLM(y, others[:, np.abs(keep) > 1e-8], family=sm.families.Poisson())
        statistic = model.fit(tol=1e-12).model
        result = statistic.score_test(model.fit(tol=1e-12).params, exog_extra=x[:, :1])
        expected = float(np.squeeze(result[0]))
        ours = one.estimate[0] ** 2 * information[:, 0].sum()
        assert ours == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("design", [DESIGNS["ddd"], COUNTS["ppml did"]], ids=["ols", "ppml"])
def test_it_is_the_randomisation_test_of_one_design(table, design):
    """With many draws of either, p-values agree within four binomial errors."""
    many = orders(table["university"].unique(), draws=20_000, seed=1)
    (one,) = permuted(table, [design], many)
    ours = float((np.abs(one.statistic) >= abs(one.statistic[0]) * (1 - 1e-9)).mean())
    alone = randomisation_test(table, design, draws=20_000, seed=2)
    assert one.estimate[0] == pytest.approx(alone.estimate, abs=1e-12)
    assert abs(ours - alone.p_value) < 4 * np.sqrt(2 * ours * (1 - ours) / 20_000)


def test_many_outcomes_are_one_each(table, drawn, found):
    one = PermutedDesign(table, DESIGNS["did"], drawn)
    y = table["y"].to_numpy()
    estimate, statistic = one.statistics(np.column_stack([table["x2"], y]))
    np.testing.assert_allclose(estimate[1], found["did"].estimate, atol=1e-12)
    np.testing.assert_allclose(statistic[1], found["did"].statistic, atol=1e-10)
    (other,) = permuted(table, [STUDY.but(outcome="x2")], drawn)
    np.testing.assert_allclose(statistic[0], other.statistic, atol=1e-10)


def test_outcomes_of_a_poisson_model_are_designs_of_their_own(table, drawn):
    one = PermutedDesign(table, COUNTS["ppml did"], drawn)
    with pytest.raises(errors.DesignError, match="restricted fit for each outcome"):
        one.statistics(np.ones((3, 2)))


def test_the_order_of_the_designs_does_not_matter(table, drawn, found):
    designs = DESIGNS | COUNTS
    backwards = permuted(table, list(designs.values())[::-1], drawn)[::-1]
    for name, one in zip(designs, backwards, strict=True):
        np.testing.assert_allclose(one.statistic, found[name].statistic, rtol=1e-7, err_msg=name)


def test_what_cannot_be_estimated_is_an_entry_with_its_reason(table, drawn):
    bad = {
        "leave no variation": STUDY.but(outcome="y", effects=(*DID, ("university", "year"))),
        "differs within a cluster": STUDY.but(outcome="y", exposure="x2"),
        "'nothing' is needed": STUDY.but(outcome="nothing"),
        "exposure= and post=": STUDY.but(outcome="y", treatment="x2"),
        "one dimension": STUDY.but(outcome="y", cluster=("university", "year"), variance="CR1"),
    }
    answers = permuted(table, [*bad.values(), DESIGNS["did"]], drawn)
    for says, answer in zip(bad, answers, strict=False):
        assert says in answer.reason, answer.reason
        assert len(answer.estimate) == len(answer.statistic) == 0
    assert answers[-1].reason == ""


def test_an_order_that_the_effects_absorb_is_no_draw(table, drawn):
    """U09 alone has D6, and nothing else: exposed, it is what discipline × year effects take up."""
    apart = (table["university"] == "U09") == (table["discipline"] == "D6")
    one = table[apart].assign(only=(table["university"] == "U01").astype(float))
    (lost,) = permuted(one, [STUDY.but(outcome="y", exposure="only")], drawn)
    exposed = (drawn.places[1:, -1] == 0).sum()
    assert exposed > 0
    assert f"in {exposed} of {DRAWS} permutations" in lost.reason


@pytest.mark.filterwarnings("ignore::replication.errors.FewClustersWarning")
def test_two_clusters_have_no_standard_error(table):
    """Each score is zero, whoever has which exposure: no statistic, and no p-value below one."""
    two = table[table["university"] < "U03"]
    design = STUDY.but(outcome="y", effects=DID)
    (one,) = permuted(two, [design], orders(["U01", "U02"], draws=9))
    assert "the standard error of 'the treatment' is zero but for rounding" in one.reason
    assert randomisation_test(two, design, draws=9).p_value == 1.0


def test_a_cluster_without_an_order_is_an_error(table):
    with pytest.raises(errors.DesignError, match="'U09' is not one of them"):
        permuted(table, [DESIGNS["did"]], orders([f"U0{i}" for i in range(1, 9)]))


def test_orders_of_some_clusters_are_uniform():
    """Three of five: each of six orders in a sixth of the draws, within four binomial errors."""
    drawn = orders(list("abcde"), draws=30_000, seed=3)
    some = drawn.among(np.array(["a", "c", "e"]))
    assert some[0].tolist() == [0, 1, 2]
    counts = np.unique(some[1:], axis=0, return_counts=True)[1]
    assert len(counts) == 6
    assert np.abs(counts / 30_000 - 1 / 6).max() < 4 * np.sqrt(5 / 36 / 30_000)
