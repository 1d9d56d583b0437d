"""Loading the panel: what ships, what a reader brings, and what is refused."""

import re
import shutil
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from replication import cli
from replication.config import DATA
from replication.errors import SchemaError, SourceUnavailableError
from replication.montecarlo.truth import truth
from replication.panel.load import load_panel, load_truth
from tests.support.simulated import SMALL, built, study


class TestShipped:
    def test_panel_is_what_the_records_of_the_default_seed_give(self):
        panel = load_panel()
        assert panel.attrs["source"] == "simulated"
        pd.testing.assert_frame_equal(panel, built()[0])

    def test_sample_flow_is_that_of_the_panel(self):
        shipped = pd.read_csv(DATA / "panel.sample_flow.csv")
        pd.testing.assert_frame_equal(shipped, built()[1])

    def test_truth_is_that_of_the_study(self):
        shipped, now = load_truth(), truth(study())
        exact = shipped.loc[now.index]
        pd.testing.assert_frame_equal(exact, now, rtol=0, atol=1e-7)
        rest = shipped.drop(now.index)
        assert set(rest.index.get_level_values("target")) == {"log(1 + y)"}
        assert (rest["mc_error"].abs() < 0.02 * rest["value"].abs()).all()


class TestOther:
    def test_panel_of_another_file(self, tmp_path):
        path = tmp_path / "mine.parquet"
        built(SMALL)[0].sample(frac=1, random_state=1).to_parquet(path)
        panel = load_panel("restricted", path)
        assert panel.attrs["source"] == "restricted"
        assert len(panel) == len(built(SMALL)[0])
        assert list(panel.index) == list(range(len(panel)))

    def test_unknown_source_is_named_with_the_known(self):
        with pytest.raises(SourceUnavailableError, match="'real' is not one of simulated, restric"):
            load_panel("real")

    @pytest.mark.parametrize(
        ("source", "remedy"),
        [("simulated", "make data"), ("restricted", r"data/restricted/README\.md")],
    )
    def test_absent_file_is_named_with_the_way_to_get_it(self, source, remedy, tmp_path):
        with pytest.raises(SourceUnavailableError, match=rf"absent\.parquet: .*{remedy}"):
            load_panel(source, tmp_path / "absent.parquet")

    def test_absent_truth_is_named_with_the_way_to_get_it(self, tmp_path):
        with pytest.raises(SourceUnavailableError, match=r"absent\.csv.*make data"):
            load_truth(tmp_path / "absent.csv")

    def test_damaged_file_is_named(self, tmp_path):
        path = tmp_path / "damaged.parquet"
        path.write_bytes(b"PAR1 and no more")
        with pytest.raises(SchemaError, match=r"damaged\.parquet cannot be read as Parquet"):
            load_panel(path=path)

    def test_invalid_panel_is_named(self, tmp_path):
        path = tmp_path / "invalid.parquet"
        panel = built(SMALL)[0]
        panel.assign(exposure=panel["exposure"].mask(panel.index == 4, np.nan)).to_parquet(path)
        with pytest.raises(
            SchemaError, match=r"invalid\.parquet .*\n.*'exposure' is empty in row 4"
        ):
            load_panel(path=path)


def lines(change: Callable[[list[str]], list[str]]) -> Callable[[bytes], bytes]:
    return lambda b: "\n".join([*change(b.decode().splitlines()), ""]).encode()


def table(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[bytes], bytes]:
    return lambda _: change(pd.read_csv(DATA / "truth.csv")).to_csv(index=False).encode()


DAMAGED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda _: b"", "cannot be read as CSV: No columns"),
    "header only": (lines(lambda x: x[:1]), "has no rows"),
    "binary": (lambda _: bytes(range(256)) * 9, "cannot be read as CSV"),
    "a Parquet file": (lambda _: (DATA / "panel.parquet").read_bytes(), "cannot be read as CSV"),
    "cut off within a row": (
        lambda b: b[: b.index(b"C8,mean") + 12],
        "column 'mc_error' is empty in row 7",
    ),
    "cut off after a claim": (lines(lambda x: x[:5]), "has no target 'mean' of C5, C6, C7, C8, C9"),
    "no header": (lines(lambda x: x[1:]), "column 'claim' is missing"),
    "semicolons": (lambda b: b.replace(b",", b";"), "column 'claim' is missing"),
    "a field more in one row": (
        lines(lambda x: [*x[:3], x[3] + ",1", *x[4:]]),
        "cannot be read as CSV: Error tokenizing",
    ),
    "a field more in all rows": (
        lines(lambda x: [x[0], *(row + ",1" for row in x[1:])]),
        "column 'claim', row 0: 'mean' breaks the rule",
    ),
    "a column more": (table(lambda t: t.assign(note=1)), "column 'note' is not known"),
    "a column less": (table(lambda t: t.drop(columns="target")), "column 'target' is missing"),
    "a column renamed": (
        table(lambda t: t.rename(columns={"value": "truth"})),
        "column 'value' is missing",
    ),
    "columns swapped": (
        table(lambda t: t.rename(columns={"claim": "target", "target": "claim"})),
        "column 'claim', row 0: 'mean' breaks the rule",
    ),
    "text for a number": (
        lambda b: b.replace(b"0.23077135", b"about 0.2"),
        "column 'value' has type str, not float64",
    ),
    "a decimal comma": (lambda b: b.replace(b"0.23077135", b'"0,23"'), "column 'value' has type"),
    "no value": (lambda b: b.replace(b"0.23077135", b""), "column 'value' is empty in row 0"),
    "nan": (lambda b: b.replace(b"0.23077135", b"nan"), "column 'value' is empty in row 0"),
    "infinity": (lambda b: b.replace(b"0.23077135", b"inf"), "column 'value', row 0: inf breaks"),
    "1e308": (lambda b: b.replace(b"0.23077135", b"1e308"), "column 'value', row 0: 1e+308 breaks"),
    "an error below zero": (
        table(lambda t: t.assign(mc_error=-0.1)),
        "column 'mc_error', row 0: -0.1 breaks the rule",
    ),
    "a claim twice": (
        lines(lambda x: [*x, x[1]]),
        "have the same key (claim C1, target mean): keep one",
    ),
    "an unknown claim": (
        lambda b: b.replace(b"C9,mean", b"C10,mean"),
        "column 'claim', row 8: 'C10' breaks the rule",
    ),
    "an unknown target": (
        lambda b: b.replace(b"C9,mean", b"C9,median"),
        "column 'target', row 8: 'median' breaks the rule",
    ),
    "full-width digits": (
        lambda b: b.replace(b"C9,mean", "C９,mean".encode()),
        "column 'claim', row 8: 'C９' breaks the rule",
    ),
    "another encoding": (lambda b: b.decode().encode("utf-16"), "cannot be read as CSV"),
}


class TestTruth:
    @pytest.mark.parametrize("name", DAMAGED)
    def test_a_damaged_file_is_named(self, name, tmp_path, capsys):
        damage, says = DAMAGED[name]
        path = tmp_path / "truth.csv"
        path.write_bytes(damage((DATA / "truth.csv").read_bytes()))
        with pytest.raises(SchemaError, match=re.escape(says)) as error:
            load_truth(path)
        assert str(error.value).startswith(str(path))
        assert cli.main(["claims", "--truth", str(path)]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert "Traceback" not in said.err

    @pytest.mark.parametrize(
        "damage",
        [
            lambda b: b.replace(b"0.23077135", b"0.33077135"),
            lambda b: b + b"C1,share,0.5,0.0\n",
            lambda b: b.rpartition(b"C5,")[0],
            lambda b: b.replace(b"\n", b"\r\n"),
        ],
    )
    def test_a_change_that_is_a_valid_table_is_seen_by_the_mark(self, damage, tmp_path):
        for name in ("truth.csv", "truth.manifest.json"):
            shutil.copy(DATA / name, tmp_path)
        path = tmp_path / "truth.csv"
        load_truth(path)
        path.write_bytes(damage(path.read_bytes()))
        with pytest.raises(SchemaError, match=r"truth\.csv is not as `replication truth` wrote it"):
            load_truth(path)
