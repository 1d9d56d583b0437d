"""Policies beside the treatment: what is planted comes out where nothing is in its way."""

import pytest

from replication.estimate.design import STUDY, TRIPLE
from replication.montecarlo.co_treatment import LISTED, co_treatment
from replication.simulate.process import Process

SMALL = Process(universities=20, cells_per_university=5.0, last_year=2020)


def test_a_policy_that_follows_exposure_goes_in_and_a_control_for_its_list_takes_a_list_out() -> (
    None
):
    """Without an effect of exchange, expected outcomes move by the policy alone, to the digit."""
    designs = {
        "DID": STUDY.but(model="ppml"),
        "list": STUDY.but(model="ppml", controls=[(LISTED, "year")]),
        "DDD": TRIPLE.but(model="ppml"),
    }
    found = co_treatment(designs, 0.2, SMALL.without_effect())
    assert found["aim"].abs().max() < 1e-6
    assert found.loc[["DID", "list"], "follows"].tolist() == pytest.approx([0.2, 0.2], abs=1e-6)
    assert found.loc["DDD", ["follows", "list"]].tolist() == pytest.approx([0, 0], abs=1e-6)
    assert found.loc["DID", "list"] > 0.02
    assert found.loc["list", "list"] == pytest.approx(0, abs=1e-6)
