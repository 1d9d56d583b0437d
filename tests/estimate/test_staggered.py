"""Estimators of another package: what is said where the package is missing."""

import importlib.util

import pandas as pd
import pytest

from replication.errors import SourceUnavailableError
from replication.estimate.staggered import dynamic_effects, honest_interval
from replication.estimate.verbs import event_study
from replication.records.published import load


def test_a_missing_package_is_named_with_the_line_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    states = {"unit": "stfips", "effects": ["stfips", "year"], "cluster": "stfips"}
    study = event_study(load("ehec"), outcome="dins", exposure="expanded", **states)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    said = r"'moderndid', which is not installed: .*`pip install --editable \"\.\[validation\]\"`"
    with pytest.raises(SourceUnavailableError, match=said):
        dynamic_effects(pd.DataFrame())
    with pytest.raises(SourceUnavailableError, match=said):
        honest_interval(study, "FLCI", 0.01)
