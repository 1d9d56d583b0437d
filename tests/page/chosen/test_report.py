"""What is compared, and what is never overwritten."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from replication import cli
from replication.config import ROOT
from replication.errors import OverwriteError
from replication.estimate.specification.chosen import claims_under
from replication.page.chosen import report, run
from replication.panel.load import load_panel
from replication.records.study.options import choose

RESULTS = ROOT / "results" / "01_baseline"


def test_a_chapter_beside_itself_does_not_move() -> None:
    table = report.of_chapter("01_baseline", RESULTS, RESULTS)
    assert len(table) > 300
    assert report.moves(table).empty


def test_a_changed_number_and_a_changed_cell_are_found(tmp_path: Path) -> None:
    shutil.copytree(RESULTS, tmp_path / "new")
    numbers = json.loads((RESULTS / "numbers.json").read_text(encoding="utf-8"))
    numbers["did_ppml"]["value"] += 0.5
    (tmp_path / "new" / "numbers.json").write_text(json.dumps(numbers), encoding="utf-8")
    file = sorted((tmp_path / "new").glob("tab-*.csv"))[0]
    pd.read_csv(file).iloc[1:].to_csv(file, index=False)
    found = report.moves(report.of_chapter("01_baseline", RESULTS, tmp_path / "new"))
    assert found["name"].tolist() == ["did_ppml", file.stem]
    assert found["difference"].iloc[0] == pytest.approx(0.5)


def test_claims_under_the_default_are_those_of_the_verdicts() -> None:
    panel = load_panel("simulated")
    table = claims_under(panel)
    committed = pd.read_csv(ROOT / "results" / "03_heterogeneity" / "tab-claims.csv")
    for claim, estimate in zip(committed["claim"], committed["estimate"], strict=True):
        assert table.loc[(claim, "PPML"), "estimate"] == pytest.approx(estimate, abs=1e-6)


def test_summed_units_cannot_ask_for_disciplines() -> None:
    chosen = [choose("R3", "university × year", "x")]
    table = claims_under(load_panel("simulated"), chosen)
    assert table.xs("PPML", level="model")["estimate"].isna().tolist()[1] is True
    assert "R3" in table.loc[("C7", "OLS"), "reason"]
    assert table.loc[("C1", "PPML"), "reason"] == ""


def test_files_of_others_are_refused(tmp_path: Path) -> None:
    (tmp_path / "report.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(OverwriteError, match=r"report\.txt"):
        run.ours(tmp_path, {"report.txt"})
    assert (tmp_path / "report.txt").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--update"], "--update keeps the book's own outputs"),
        (["--out", str(ROOT / "results")], "is the project's own"),
        (["05_real_universities"], "is about real universities"),
    ],
)
def test_the_command_refuses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    path = tmp_path / "paper.toml"
    path.write_text('[choices]\nR2 = "2017"\n', encoding="utf-8")
    assert cli.main(["run", *arguments, "--choices", str(path)]) == 2
    assert said in capsys.readouterr().err


def test_a_template_is_written_once_and_never_over_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "paper.toml"
    assert cli.main(["choices", "--template", str(path)]) == 0
    text = path.read_text(encoding="utf-8")
    assert cli.main(["choices", "--template", str(path)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert path.read_text(encoding="utf-8") == text
