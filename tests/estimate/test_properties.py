"""Any small panel, any verb: a named error, or finite numbers that no way of writing it changes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from replication.errors import ReplicationError
from replication.estimate.contrasts import moderated, side_by_side, stacked
from replication.estimate.design import Design
from replication.estimate.few_clusters import (
    bias_reduced,
    compare,
    jackknife,
    randomisation_test,
    wild_cluster_bootstrap,
)
from replication.estimate.verbs import ddd, did, event_study, poisson

FIRMS = Design(
    outcome="y",
    exposure="dose",
    unit=("region", "firm"),
    time="wave",
    effects=[("region", "firm"), ("firm", "wave")],
    cluster="region",
)
TRIPLE = FIRMS.but(
    third="share", effects=[("region", "firm"), ("region", "wave"), ("firm", "wave")]
)
SEEDED = {"draws": 49, "seed": 1}
VERBS: dict[str, Callable[..., Any]] = {
    "did": lambda p, d: did(p, d).frame,
    "did of any": lambda p, d: did(p, d, scale="log1p").frame,
    "did weighted": lambda p, d: did(p, d, weights="w").frame,
    "did by two": lambda p, d: did(p, d, cluster=["region", "firm"]).frame,
    "did unclustered": lambda p, d: did(p, d, cluster=None).frame,
    "did controlled": lambda p, d: did(p, d, controls=["size"], collinear="drop").frame,
    "ddd": lambda p, d: ddd(p, TRIPLE).frame,
    "event study": lambda p, d: event_study(p, d).frame,
    "poisson": lambda p, d: poisson(p, d).frame,
    "poisson controlled": lambda p, d: poisson(p, d, controls=["size"]).frame,
    "stacked": lambda p, d: stacked(p, "y", "other", d).frame,
    "moderated": lambda p, d: moderated(p, "size", d).frame,
    "side by side": lambda p, d: side_by_side(p, ["dose", "form"], d).frame,
    "CR2": bias_reduced,
    "CR3": jackknife,
    "wild": lambda p, d: wild_cluster_bootstrap(p, d, **SEEDED, interval=False),
    "permuted": lambda p, d: randomisation_test(p, d, **SEEDED),
}
# Slow for what they add: a few examples each.
RARELY: dict[str, Callable[..., Any]] = {
    "CR2 of PPML": lambda p, d: bias_reduced(p, d, model="ppml"),
    "CR3 of PPML": lambda p, d: jackknife(p, d, model="ppml"),
    "compare": compare,
}


@st.composite
def panels(draw: st.DrawFn) -> pd.DataFrame:
    """Two to ten regions, two or three firms, four waves; much that can go wrong."""
    regions, firms = draw(st.integers(2, 10)), draw(st.integers(2, 3))
    r, f, t = np.indices((regions, firms, 4)).reshape(3, -1)
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    doses = {
        "one treated": (np.arange(regions) == 0) * 1.0,
        "half treated": np.arange(regions) % 2 * 1.0,
        "all differ": rng.normal(size=regions),
        "all alike": np.ones(regions),
    }
    dose = doses[draw(st.sampled_from(list(doses)))][r]
    noise = rng.poisson(draw(st.sampled_from([0.3, 2.0, 30.0])), len(r))
    outcomes = {
        "counts": noise,
        "constant": np.full(len(r), 3),
        "one cluster varies": np.where(r == 0, noise, 1),
    }
    kinds = [*outcomes, *["counts"] * 4]
    y = outcomes[draw(st.sampled_from(kinds))].astype(float)
    size = draw(st.sampled_from(["noise", "dose × post", "firm"]))
    sizes = {"noise": rng.normal(size=len(r)), "dose × post": dose * (t >= 2), "firm": f * 1.0}
    weight = rng.integers(draw(st.sampled_from([0, 1, 1, 1])), 4, len(r)).astype(float)
    table = pd.DataFrame(
        {
            "region": r, "firm": f, "wave": t, "post": (t >= 2) * 1, "event_time": t - 2,
            "dose": dose, "form": rng.normal(size=regions)[r], "share": np.cos(1.7 * f),
            "size": sizes[size], "y": y, "other": rng.poisson(2.0, len(r)), "w": weight,
        }
    )  # fmt: skip
    holes = draw(st.sampled_from([0.0, 0.0, 0.2]))
    return table[rng.random(len(r)) >= holes].reset_index(drop=True)


def outcome(call: Callable[..., Any], table: pd.DataFrame, design: Design = FIRMS) -> Any:
    """Numbers of a verb, or the class of the named error; anything else fails the test."""
    try:
        return call(table, design)
    except ReplicationError as error:
        return type(error)


def require_numbers(found: Any, name: str) -> None:
    if isinstance(found, type):
        return
    frame = found if isinstance(found, pd.DataFrame) else found.to_frame().T
    if "method" in frame.index.names:
        frame = frame.loc[frame.get("reason", pd.Series("", frame.index)) == ""]
        frame = frame[["estimate", "p_value"]]
    numbers = frame.drop(columns="influential", errors="ignore").astype(float)
    assert np.isfinite(numbers).all(axis=None), (name, numbers)
    assert (numbers.get("std_error", pd.Series(1.0)) > 0).all(), (name, numbers)
    assert numbers["p_value"].between(0, 1).all(), (name, numbers)


def same(found: Any, expected: Any, name: str, scale: float = 1.0) -> None:
    if isinstance(expected, type) or isinstance(found, type):
        assert found is expected, (name, found, expected)
        return
    a, b = (v if isinstance(v, pd.DataFrame) else v.to_frame().T for v in (found, expected))
    columns = set(b) - {"influential", "reason", "without"}
    size = float(np.abs(b["estimate"].astype(float)).max())
    if "std_error" in b and (b["std_error"].astype(float) < 1e-9 * max(size, 1.0)).any():
        # An outcome without a residual: the estimate is right, its error is the arithmetic's.
        columns = {"estimate"}
    for column in columns:
        factor = scale if column in {"estimate", "std_error", "lower", "upper"} else 1.0
        x, z = a[column].to_numpy(float), b[column].to_numpy(float) * factor
        atol = 1e-7 * max(size, 1e-3) * factor if factor > 1 else 1e-7
        np.testing.assert_allclose(x, z, rtol=1e-5, atol=atol, err_msg=f"{name}, {column}")


def relabelled(p: pd.DataFrame) -> pd.DataFrame:
    """Names for numbers, in the same order, since permutations go by the order of the names."""
    return p.assign(
        region="r" + p["region"].astype(str).str.zfill(2),
        firm=p["firm"].map(dict(enumerate("xyz"))),
    )


WAYS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "rows": lambda p: p.sample(frac=1, random_state=3),
    "labels": relabelled,
    "index": lambda p: p.set_axis([7] * len(p)),
}
RESAMPLED = ["wild", "permuted"]


def nothing_to_compare(table: pd.DataFrame) -> bool:
    """Whether the coefficient or its error is zero but for rounding, as are its resamples."""
    found = outcome(VERBS["did"], table)
    if isinstance(found, type):
        return True
    return bool((found[["estimate", "std_error"]].abs() < 1e-9).any(axis=None))


FEW = settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)


# The permutation test divides by the error of exposures that leave none.
@pytest.mark.filterwarnings("ignore:(divide by zero|invalid value) encountered:RuntimeWarning")
@pytest.mark.filterwarnings("ignore::replication.errors.FewClustersWarning")
@pytest.mark.parametrize("name", VERBS)
@FEW
@given(panels())
def test_a_verb_gives_numbers_or_a_named_error_however_the_table_is_written(
    name: str, table: pd.DataFrame
) -> None:
    found = outcome(VERBS[name], table)
    require_numbers(found, name)
    if name in RESAMPLED and nothing_to_compare(table):
        return
    for way, change in WAYS.items():
        same(outcome(VERBS[name], change(table)), found, f"{name}, other {way}")
    if name != "did of any":
        scaled = outcome(VERBS[name], table.assign(y=table["y"] * 64, other=table["other"] * 64))
        same(scaled, found, f"{name}, outcome × 64", 1.0 if name.startswith("poisson") else 64.0)


@pytest.mark.filterwarnings("ignore::replication.errors.FewClustersWarning")
@pytest.mark.parametrize("name", RARELY)
@settings(FEW, max_examples=2)
@given(panels())
def test_slower_ones_too(name: str, table: pd.DataFrame) -> None:
    found = outcome(RARELY[name], table)
    require_numbers(found, name)
    if nothing_to_compare(table):
        return
    same(outcome(RARELY[name], WAYS["rows"](table)), found, f"{name}, other rows")
