"""A panel whose columns contradict each other is refused by the name of the rule.

The faults are those of a panel edited or joined by hand; each changes the answer of a claim.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from replication import cli
from replication.errors import SchemaError
from replication.panel.build import build_panel
from replication.panel.consistency import require_consistent
from replication.panel.load import load_panel
from replication.panel.openalex import openalex_panel
from replication.simulate.process import Process
from tests.support.simulated import SMALL, built, tables

Fault = Callable[[pd.DataFrame], pd.DataFrame]


def swap(one: str, other: str) -> Fault:
    return lambda p: p.rename(columns={one: other, other: one})


def at(row: int, **values: object) -> Fault:
    return lambda p: p.assign(**{c: p[c].mask(p.index == row, v) for c, v in values.items()})


def plus(**values: float) -> Fault:
    """One more in the first row that has such patents: a count, or a part of it."""
    return lambda p: p.assign(
        **{c: p[c] + (p.index == p.index[p["patents_joint"] > 2][0]) * v for c, v in values.items()}
    )


FAULTS: dict[str, tuple[Fault, str]] = {
    "a year of a cell is missing": (lambda p: p.drop(index=5), "every cell has each year"),
    "a year of all cells is missing": (lambda p: p[p["year"] != 2015], "every cell has each year"),
    "post is late": (
        lambda p: p.assign(post=(p["year"] >= 2019).astype("int64")),
        "post is 1 from event_time 0 on",
    ),
    "post is turned round": (lambda p: p.assign(post=1 - p["post"]), "post is 1 from event_time"),
    "post of one row": (at(0, post=1), "post does not vary within year"),
    "post of one cell": (
        lambda p: p.assign(post=p["post"].mask(p.index < 12, 0)),
        "post does not vary within year",
    ),
    "event time of one row": (at(3, event_time=9), "event_time does not vary within year"),
    "event time runs back": (
        lambda p: p.assign(event_time=-p["event_time"]),
        "event_time counts the years",
    ),
    "event time is late": (
        lambda p: p.assign(event_time=p["event_time"] - 1),
        "post is 1 from event_time 0 on",
    ),
    "advantaged is turned round": (
        lambda p: p.assign(advantaged=1 - p["advantaged"]),
        "advantaged is 1 for A+, A, A-",
    ),
    "advantaged of a cell without grade": (
        lambda p: p.assign(advantaged=p["advantaged"].mask(p["grade"] == "none", 1)),
        "advantaged is 1 for",
    ),
    "advantaged of one row": (
        lambda p: p.assign(advantaged=p["advantaged"].mask(p.index == 0, 1 - p["advantaged"])),
        "advantaged does not vary within university and discipline",
    ),
    "grade of one row": (
        lambda p: p.assign(
            grade=p["grade"].mask(p.index == 0, "C-" if p["grade"][0] != "C-" else "C")
        ),
        "grade does not vary within university and discipline",
    ),
    "exposure varies in a university": (
        lambda p: p.assign(exposure=p["exposure"] + 0.01 * p["event_time"]),
        "exposure does not vary within university",
    ),
    "exposure is that of another university in a year": (
        lambda p: p.assign(
            exposure=p["exposure"].mask(p["year"] == 2018, p["exposure"].shift(100, fill_value=0))
        ),
        "exposure does not vary within university",
    ),
    "a control varies in a university": (
        lambda p: p.assign(log_rd_staff=p["log_rd_staff"] + 0.1 * p["post"]),
        "log_rd_staff does not vary within university",
    ),
    "control exposure varies in a discipline": (
        lambda p: p.assign(control_exposure=p["control_exposure"].mask(p.index == 0, 0.9)),
        "control_exposure does not vary within discipline",
    ),
    "category varies in a discipline": (
        at(0, category="99"),
        "category does not vary within discipline",
    ),
    "exposure_high varies": (
        lambda p: p.assign(exposure_high=p["exposure_high"] * p["post"]),
        "exposure_high does not vary within university",
    ),
    "exposure_high is turned round": (
        lambda p: p.assign(exposure_high=1 - p["exposure_high"]),
        "exposure_high is 1 for the exposures above the median",
    ),
    "exposure is of another scale": (
        lambda p: p.assign(exposure=10 * p["exposure"]),
        "exposure is in standard deviations",
    ),
    "an exposure was never standardised": (
        lambda p: p.assign(exposure_us=p["exposure_us"] + 7),
        "exposure_us is in standard deviations",
    ),
    "an exposure does not vary": (
        lambda p: p.assign(exposure_us=0.0),
        "exposure_us is in standard deviations",
    ),
    "exposure and US hires are swapped": (swap("exposure", "exposure_us"), "exposure"),
    "exposure and other hires are swapped": (swap("exposure", "exposure_elsewhere"), "exposure"),
    "exposure and cooperation are swapped": (swap("exposure", "exposure_cooperation"), "exposure"),
    "cooperation and US hires are swapped": (
        swap("exposure_cooperation", "exposure_us"),
        "exposure is made of exposure_cooperation and exposure_conferences",
    ),
    "conferences and other hires are swapped": (
        swap("exposure_conferences", "exposure_elsewhere"),
        "exposure is made of exposure_cooperation and exposure_conferences",
    ),
    "cooperation of one university is another": (
        lambda p: p.assign(
            exposure_cooperation=p["exposure_cooperation"]
            + 0.3 * (p["university"] == p["university"][0])
        ),
        "exposure is made of exposure_cooperation and exposure_conferences",
    ),
    "exposure and cooperation are swapped, without the groups": (
        lambda p: swap("exposure", "exposure_cooperation")(p).drop(columns="exposure_high"),
        "exposure is made of exposure_cooperation and exposure_conferences",
    ),
    "exposure and a control are swapped": (swap("exposure", "log_rd_staff"), "exposure"),
    "key does not add up": (
        plus(patents_joint_key=1),
        "patents_joint_key + patents_joint_other is patents_joint",
    ),
    "key and all are swapped": (
        swap("patents_joint_key", "patents_joint"),
        "patents_joint_key + patents_joint_other is patents_joint",
    ),
    "AI does not add up": (
        plus(patents_joint_ai=1),
        "patents_joint_ai + patents_joint_not_ai is patents_joint",
    ),
    "the count is one more": (plus(patents_joint=1), "patents_joint_key + patents_joint_other is"),
    "more granted than filed": (
        plus(patents_joint_granted=10_000),
        "patents_joint_granted is part of patents_joint",
    ),
    "more shares than applications": (
        plus(patents_joint_fractional=10_000.0),
        "patents_joint_fractional is part of patents_joint",
    ),
}


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    return built(SMALL)[0]


class TestFaults:
    @pytest.mark.parametrize("name", FAULTS)
    def test_is_refused_with_its_rule(self, panel, name):
        fault, rule = FAULTS[name]
        broken = fault(panel)
        with pytest.raises(SchemaError) as error:
            require_consistent(broken.reset_index(drop=True), "mine.parquet")
        said = str(error.value)
        assert said.startswith(f"mine.parquet contradicts itself: {rule}"), said
        assert "yet row " in said
        assert "np." not in said

    @pytest.mark.parametrize("name", list(FAULTS)[::5])
    def test_by_the_command_too(self, panel, name, tmp_path, capsys):
        path = tmp_path / "mine.parquet"
        FAULTS[name][0](panel).to_parquet(path, index=False)
        assert cli.main(["claims", "--source", "restricted", "--panel", str(path)]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.startswith(f"replication claims: {path} contradicts itself: ")
        assert "Traceback" not in said.err

    def test_the_first_row_and_its_values_are_named(self, panel):
        broken = panel.assign(post=panel["post"].mask(panel.index == 25, 1))
        with pytest.raises(SchemaError, match=r"row 25 \(.*, 2012\) has post 1 \(1 rows in all"):
            require_consistent(broken, "mine")


class TestSound:
    def test_what_ships_and_any_order_of_rows(self, panel):
        require_consistent(load_panel(), "the shipped panel")
        require_consistent(panel.sample(frac=1, random_state=1).reset_index(drop=True), "mine")

    @pytest.mark.parametrize(
        "lacking", [*built(SMALL)[0].columns.drop(["university", "discipline", "year"])]
    )
    def test_a_column_less(self, panel, lacking):
        require_consistent(panel.drop(columns=lacking), "mine")

    def test_universities_less(self, panel):
        """Exposures are standardised over all universities of the records, panel or not."""
        names = panel.groupby("university")["exposure"].first().sort_values().index
        require_consistent(
            panel[panel["university"].isin(names[2:])].reset_index(drop=True), "mine"
        )

    # The loss is told, loudly; what is tried here is that the panel itself is sound.
    @pytest.mark.filterwarnings("ignore::replication.panel.losses.LossWarning")
    @pytest.mark.parametrize("keep", [2, 3, 6])
    def test_few_universities_of_many_have_cells(self, keep):
        """A hire elsewhere is none of the panel: those that have cells are far above the mean."""
        records = tables(Process(universities=60, cells_per_university=4.0))
        for first in (0, 24, 48):
            some = records["grades"]["university"].unique()[first : first + keep]
            grades = records["grades"][records["grades"]["university"].isin(some)]
            panel, _ = build_panel({**records, "grades": grades.reset_index(drop=True)})
            assert panel["university"].nunique() == keep
            require_consistent(panel, "mine")

    def test_open_panel(self):
        rng = np.random.default_rng(1)
        index = pd.MultiIndex.from_product(
            [["甲", "乙", "丙"], [17, 22], range(2011, 2023)], names=["university", "field", "year"]
        )
        papers = rng.integers(50, 99, len(index))
        counts = pd.DataFrame(
            {
                "papers": papers,
                "papers_foreign": papers // 3 + rng.integers(0, 9, len(index)),
                "papers_firm": papers // 5,
                "papers_firm_foreign": papers // 9,
            },
            index,
        ).reset_index()
        panel = openalex_panel(counts)
        require_consistent(panel, "the open panel")
        more = panel.assign(papers_firm_foreign=panel["papers"])
        with pytest.raises(SchemaError, match="papers_firm_foreign is part of papers_firm"):
            require_consistent(more, "the open panel")
