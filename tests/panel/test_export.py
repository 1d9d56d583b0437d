"""What Stata is given is the panel, with labels that it can hold."""

from pathlib import Path

import pandas as pd
import pytest

import replication as rp
from replication.errors import OverwriteError, SchemaError
from replication.records.schema import PANEL

PANEL_ = rp.load_panel("simulated")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_is_written_is_read_again_with_its_labels(tmp_path: Path, language: str) -> None:
    path = rp.to_stata(PANEL_, tmp_path / "panel.dta", language)
    read = pd.read_stata(path)
    pd.testing.assert_frame_equal(
        read.astype({"university": "str", "discipline": "str", "category": "str", "grade": "str"}),
        PANEL_.fillna({"grade": ""}),
        check_dtype=False,
    )
    with pd.io.stata.StataReader(path) as reader:
        labels = reader.variable_labels()
    assert list(labels) == list(PANEL_)
    assert all(0 < len(label) <= 80 for label in labels.values())
    zh = [any("\u4e00" <= letter <= "\u9fff" for letter in label) for label in labels.values()]
    assert all(zh) if language == "zh" else not any(zh)
    # Format 118 is the first whose text is UTF-8.
    assert path.read_bytes().startswith(b"<stata_dta><header><release>118</release>")


def test_a_label_that_is_too_long_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PANEL.columns["post"], "title", "x" * 100)
    rp.to_stata(PANEL_[["post"]], tmp_path / "x.dta", "en")
    with pd.io.stata.StataReader(tmp_path / "x.dta") as reader:
        assert reader.variable_labels()["post"] == "x" * 79 + "…"


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine.dta").write_text("mine")
    with pytest.raises(OverwriteError, match=r"mine\.dta is there already"):
        rp.to_stata(PANEL_, tmp_path / "mine.dta")
    assert (tmp_path / "mine.dta").read_text() == "mine"


@pytest.mark.parametrize("name", ["a b", "1st", "x" * 33, 2018])
def test_a_name_that_stata_does_not_take_is_refused(tmp_path: Path, name: object) -> None:
    with pytest.raises(SchemaError, match="cannot be a variable of Stata"):
        rp.to_stata(pd.DataFrame({name: [1.0]}), tmp_path / "x.dta")
    with pytest.raises(SchemaError, match="'fr' of the labels"):
        rp.to_stata(PANEL_, tmp_path / "x.dta", "fr")
    assert not list(tmp_path.iterdir())
