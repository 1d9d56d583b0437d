"""Sequential g-estimation against its algebra and explicit refits on duplicated universities."""

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import lstsq

from replication.errors import MissingColumnError, NoVariationError, TooFewClustersError
from replication.estimate.mediation.decomposition import gelbach
from replication.estimate.mediation.direct_effect import direct_effects, sequential_g
from replication.records.variables import MEDIATORS
from tests.estimate.mediation.test_decomposition import dummies, small


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    return small()


def drawn(groups: int, draws: int, seed: int) -> np.ndarray:
    """How often each university is in each draw."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(groups, np.full(groups, 1 / groups), size=draws)


def duplicated(panel: pd.DataFrame, counts: np.ndarray) -> pd.DataFrame:
    """Copies of universities, each a university of its own."""
    names = pd.unique(panel["university"])
    copies = [
        panel[panel["university"] == name].assign(university=f"{name} copy {k}")
        for name, times in zip(names, counts, strict=True)
        for k in range(times)
    ]
    return pd.concat(copies, ignore_index=True)


def two_stages(
    panel: pd.DataFrame, fixed: list[str], others: list[str], centre: pd.Series | None = None
) -> float:
    """Both stages on every dummy."""
    z = dummies(panel)
    y = np.log1p(panel["patents_joint"].to_numpy(float))
    d = (panel["exposure"] * panel["post"]).to_numpy()
    m = np.log1p(panel[fixed].to_numpy(float))
    if centre is not None:
        m = np.column_stack([m, d[:, None] * (m - centre.to_numpy())])
    x = np.column_stack([d, m, np.log1p(panel[others].to_numpy(float)), z])
    first = lstsq(x, y, cond=1e-9, lapack_driver="gelsy")[0]
    rest = y - m @ first[1 : 1 + m.shape[1]]
    return float(lstsq(np.column_stack([d, z]), rest, cond=1e-9, lapack_driver="gelsy")[0][0])


class TestEstimate:
    def test_is_the_full_model_where_there_is_nothing_to_undo(self, panel):
        found = sequential_g(panel, draws=20).estimate["direct"].estimate
        assert found == pytest.approx(gelbach(panel).parts["unaccounted"].estimate, abs=1e-11)

    def test_leaves_paths_through_intermediate_confounders_in(self, panel):
        others = ["hires_overseas", "patents_overseas"]
        found = sequential_g(panel, ["papers_foreign"], intermediate=others, draws=20).estimate
        parts = gelbach(panel).parts.frame["estimate"]
        assert found["eliminated"].estimate == pytest.approx(parts["papers_foreign"], abs=1e-11)
        assert found["direct"].estimate == pytest.approx(
            two_stages(panel, ["papers_foreign"], others), abs=1e-10
        )

    def test_with_interactions(self, panel):
        centre = np.log1p(panel[list(MEDIATORS)]).mean()
        found = sequential_g(panel, interactions=True, draws=20).estimate["direct"].estimate
        assert found == pytest.approx(two_stages(panel, list(MEDIATORS), [], centre), abs=1e-9)
        assert found != pytest.approx(gelbach(panel).parts["unaccounted"].estimate, abs=1e-3)

    def test_controls(self, panel):
        found = sequential_g(panel, controls=["x1", ("x2", "year")], draws=20).estimate
        full = gelbach(panel, controls=["x1", ("x2", "year")]).parts
        assert found["direct"].estimate == pytest.approx(full["unaccounted"].estimate, abs=1e-10)


class TestBootstrap:
    def test_a_weight_is_a_duplicated_university(self, panel):
        """Draws are those of explicit refits on panels in which a university drawn twice is two."""
        others = ["hires_overseas"]
        fixed = ["papers_foreign", "patents_overseas"]
        centre = np.log1p(panel[fixed]).mean()
        options = {"mediators": fixed, "intermediate": others, "draws": 6, "seed": 8}
        plain = sequential_g(panel, **options).draws
        crossed = sequential_g(panel, interactions=True, **options).draws
        for i, counts in enumerate(drawn(14, 6, seed=8)):
            copied = duplicated(panel, counts)
            assert plain[i, 1] == pytest.approx(two_stages(copied, fixed, others), abs=1e-9)
            assert crossed[i, 1] == pytest.approx(
                two_stages(copied, fixed, others, centre), abs=1e-9
            )
            assert plain[i, 0] == pytest.approx(two_stages(copied, [], []), abs=1e-9)

    def test_intervals_are_those_of_the_draws(self, panel):
        found = sequential_g(panel, draws=200, seed=4)
        assert found.draws.shape == (200, 3)
        np.testing.assert_allclose(
            found.estimate.frame["std_error"], found.draws.std(axis=0, ddof=1)
        )
        np.testing.assert_allclose(
            found.percentile["lower"], np.quantile(found.draws, 0.025, axis=0)
        )
        np.testing.assert_allclose(
            found.percentile["upper"], np.quantile(found.draws, 0.975, axis=0)
        )
        row = found.estimate["direct"]
        # t(13) at 97.5 %, from a table.
        assert (row.upper - row.estimate) / row.std_error == pytest.approx(2.160, abs=5e-4)
        assert "200 draws" in found.estimate.convention

    def test_seed(self, panel):
        one, two, three = (sequential_g(panel, draws=30, seed=s).draws for s in (1, 1, 2))
        np.testing.assert_array_equal(one, two)
        assert not np.array_equal(one, three)

    def test_draws_that_leave_nothing_are_counted(self, panel):
        """With three universities, one draw in nine holds copies of one only."""
        few = panel[panel["university"].isin(["U01", "U02", "U05"])]
        found = sequential_g(few, draws=300)
        expected = (drawn(3, 300, seed=1).max(axis=1) == 3).sum()
        assert found.without == expected > 0
        assert len(found.draws) == 300 - expected

    def test_too_few_clusters(self, panel):
        with pytest.raises((NoVariationError, TooFewClustersError)):
            sequential_g(panel[panel["university"] == "U01"], draws=20)

    def test_missing_mediator(self, panel):
        for column in ("papers_foreign", "hires_overseas"):
            with pytest.raises(MissingColumnError, match=rf"'{column}' is needed for.* mediator"):
                sequential_g(
                    panel.drop(columns=column), ["papers_foreign"], intermediate=["hires_overseas"]
                )


def test_table(panel):
    effects = {
        "all": sequential_g(panel, draws=30),
        "papers": sequential_g(panel, ["papers_foreign"], draws=30),
    }
    table = direct_effects(effects, [0.3, 0.75])
    assert list(table["planted"]) == [0.3, 0.75]
    total = effects["all"].estimate["total"].estimate
    np.testing.assert_allclose(table["share"], table["direct"] / total)
    assert (table["2.5 %"] < table["97.5 %"]).all()
