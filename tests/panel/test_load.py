"""Loading the panel: what ships, what a reader brings, and what is refused."""

import numpy as np
import pandas as pd
import pytest

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
