"""The panel in closed form, our fits of it and R's."""

import pandas as pd
import pytest

from replication.config import ROOT
from replication.estimate.fit import Estimate
from tests.support.designs_models import MODELS
from tests.support.designs_panel import panel


@pytest.fixture(scope="session")
def data() -> pd.DataFrame:
    return panel()


@pytest.fixture(scope="session")
def fits(data) -> dict[str, Estimate]:
    return {name: call(data) for name, (call, _, _) in MODELS.items()}


@pytest.fixture(scope="session")
def r() -> pd.DataFrame:
    record = pd.read_csv(ROOT / "tests" / "oracles" / "r_numbers.csv")
    return (
        record[record["dataset"] == "panel"].set_index(["model", "convention", "term"]).sort_index()
    )
