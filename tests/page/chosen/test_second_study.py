"""An invented study, another country and other years, goes the whole way by its file alone."""

import json
from pathlib import Path

import pandas as pd
import pytest

from replication import cli

STUDY = Path(__file__).parents[2] / "support" / "second_study" / "study.toml"


def test_from_the_file_to_the_claims(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records, panel, truth = (tmp_path / n for n in ("records", "panel.parquet", "truth.csv"))
    for arguments in (
        ["simulate", "--out", records],
        ["build", "--records", records, "--out", panel],
        ["truth", "--draws", "0", "--out", truth],
        ["claims", "--panel", panel, "--truth", truth, "--json"],
    ):
        capsys.readouterr()
        assert cli.main([*map(str, arguments), "--study", str(STUDY)]) == 0
    claims = pd.DataFrame(json.loads(capsys.readouterr().out)).set_index("claim")
    made = pd.read_parquet(panel)
    assert made["university"].nunique() == 14
    assert sorted(made["year"].unique()) == list(range(2006, 2014))
    assert set(made["discipline"].str[:2]) == {"31", "32"}
    assert made.loc[made["post"] == 1, "year"].min() == 2010
    assert set(pd.read_parquet(records / "patents.parquet")["jurisdiction"]) >= {"SG", "US"}
    # The planted effect of exchange is found where it is planted.
    assert abs(claims.loc["C1", "estimate"] - claims.loc["C1", "target"]) < 0.15
