"""What is one application, what is an invention, what is its main class."""

import pandas as pd
import pytest

from replication.panel.build import build_panel
from replication.records.classify import load_ipc
from replication.records.registry import Choices
from tests.support.simulated import thin

OUTCOMES = ["patents_joint", "patents_joint_granted", "patents_joint_key", "patents_overseas"]


def built(patents: pd.DataFrame, choices: Choices | None = None) -> tuple[pd.DataFrame, dict]:
    """Panel and sample flow of the patents: reason to rows."""
    panel, flow = build_panel({**thin(), "patents": patents}, choices)
    flow = flow[flow["table"] == "patents"]
    return panel, dict(zip(flow["reason"], flow["rows"], strict=True))


@pytest.fixture(scope="module")
def patents() -> pd.DataFrame:
    return thin()["patents"].drop_duplicates("application", ignore_index=True)


@pytest.fixture(scope="module")
def clean(patents) -> tuple[pd.DataFrame, dict]:
    return built(patents)


def test_published_and_granted_are_one_application(patents, clean):
    """Its two lines, in either order, count once and as granted."""
    lines = [patents.assign(granted=False), patents]
    for order in (lines, lines[::-1]):
        panel, flow = built(pd.concat(order, ignore_index=True))
        pd.testing.assert_frame_equal(panel, clean[0])
        assert flow["application listed before"] == len(patents)
        assert flow["counted"] == clean[1]["counted"]


SPELT = [
    lambda n: n + "X",
    lambda n: n + ".5",
    lambda n: n.str.lower(),
    lambda n: n.str[2:],
    lambda n: "ZL " + n.str[2:6] + " " + n.str[6:7] + " " + n.str[7:],
    lambda n: n + "A",
    lambda n: n.str[:2] + " " + n.str[2:] + " A1",
    lambda n: n + ".5A",
    lambda n: n.str[:2] + "-" + n.str[2:],
    lambda n: n.str[:6] + "/" + n.str[6:],
    lambda n: "'" + n,
    lambda n: "申请号:" + n,
    lambda n: n.str[:5] + "\u200b" + n.str[5:] + "\u00ad",
    lambda n: n.str.translate({ord("0") + i: ord("０") + i for i in range(10)}),
]
"""Of an application number in China."""


def test_a_number_is_the_same_however_it_is_spelt(patents, clean):
    at_home, own = patents["jurisdiction"] == "CN", patents["application"]
    again = [patents.assign(application=own.mask(at_home, spelt(own))) for spelt in SPELT]
    panel, flow = built(pd.concat([patents, *again], ignore_index=True))
    pd.testing.assert_frame_equal(panel, clean[0])
    assert flow["application listed before"] == len(SPELT) * len(patents)


def test_publications_of_one_number_are_one_application(patents, clean):
    number = "CN" + (100_000_000 + patents.index.to_series()).astype(str)
    number = number.where(patents["jurisdiction"] == "CN", patents["application"])
    at_home = patents["jurisdiction"] == "CN"
    lines = [patents.assign(application=number + at_home.map({True: x, False: ""})) for x in "AB"]
    panel, flow = built(pd.concat(lines, ignore_index=True))
    pd.testing.assert_frame_equal(panel, clean[0])
    assert flow["application listed before"] == len(patents)


INVENTIONS = {
    "invention": "CN20151{}",
    "PCT invention": "CN20158{}.X",
    "granted invention": "CN1{}B",
}
OTHERS = {
    "utility model": "CN20152{}",
    "design": "20153{}",
    "PCT utility model": "ZL20159{}",
    "published utility model": "CN2{}U",
    "utility model in DOCDB": "CN 20152{} U",
    "with hyphens": "CN-20152{}-5",
    "publication without its office": "2{}U",
    "publication with blanks": "CN 2{} U",
    "utility model under an examined number": "CN2{}Y",
    "published design": "CN3{}S",
}
"""How numbers of utility models and designs are written."""


@pytest.mark.parametrize(("numbers", "dropped"), [(INVENTIONS, False), (OTHERS, True)])
def test_utility_models_and_designs_are_no_inventions(patents, clean, numbers, dropped):
    joint = patents[patents["applicants"].str.match(r"U\d+大学;F")].head(7)
    more = [
        joint.assign(application=[number.format(9_000_000 + 7 * at + i) for i in range(7)])
        for at, number in enumerate(numbers.values())
    ]
    panel, flow = built(pd.concat([patents, *more], ignore_index=True))
    added = 7 * len(numbers)
    assert flow.get("utility model or design, no invention", 0) == (added if dropped else 0)
    gained = panel["patents_joint"].sum() - clean[0]["patents_joint"].sum()
    assert gained == (0 if dropped else added)


def test_numbers_of_other_offices_have_no_kind(patents, clean):
    """A digit that marks a utility model in China marks nothing elsewhere."""
    abroad = patents["jurisdiction"] != "CN"
    number = patents["application"].mask(
        abroad, "2015" + "2" + patents.index.astype(str).str.zfill(7)
    )
    pd.testing.assert_frame_equal(built(patents.assign(application=number))[0], clean[0])


CLASSES = [
    lambda ipc: ipc.str.lower(),
    lambda ipc: "; " + ipc,
    lambda ipc: "Int.Cl. " + ipc,
    lambda ipc: ipc.str.replace(" ", "(2006.01)"),
    lambda ipc: ipc.str.replace(";", "；"),
    lambda ipc: ipc.str.replace(";", "|"),
    lambda ipc: ipc.str.translate({c: c + 0xFEE0 for c in range(0x30, 0x5B)}),
    lambda ipc: ipc.str.replace(" ", ""),
    lambda ipc: ipc.str[:2] + "\u200b" + ipc.str[2:],
]
"""Spellings of the classes."""


def test_the_main_class_is_the_same_however_it_is_spelt(patents, clean):
    """Each spelling in its part of the rows, every one of which is counted in the panel."""
    counted = patents["applicants"].str.match(r"U\d+大学;F").cumsum()
    ipc = patents["ipc"].copy()
    for at, spelt in enumerate(CLASSES):
        own = counted % len(CLASSES) == at
        assert own.sum() > 20
        ipc = ipc.mask(own, spelt(patents["ipc"]))
    panel, flow = built(patents.assign(ipc=ipc))
    pd.testing.assert_frame_equal(panel, clean[0])
    assert flow == clean[1]


@pytest.mark.parametrize("ipc", ["X99Z 1/00;A23L 1/00", "X99Z 1/00, A23L 1/00", "TP391", "I01L"])
def test_a_later_class_does_not_stand_for_an_unknown_first(patents, clean, ipc):
    ours = patents[patents["applicants"].str.match(r"U\d+大学;F")].head(5)
    _, flow = built(pd.concat([patents, ours.assign(ipc=ipc, application=list("abcde"))]))
    without = "main IPC subclass without a discipline"
    assert flow[without] == clean[1][without] + 5


def test_offices_at_home_can_be_chosen(patents, clean):
    joint = patents["applicants"].str.contains("公司") & (patents.index % 2 == 0)
    some = patents.assign(
        jurisdiction=patents["jurisdiction"].mask(joint, "HK"),
        application=patents["application"].mask(joint, "HK" + patents["application"].str.slice(2)),
    )
    panel, _ = built(some)
    assert panel["patents_joint"].sum() < 0.7 * clean[0]["patents_joint"].sum()
    wider, _ = built(some, Choices(domestic=("CN", "HK", "MO", "TW")))
    pd.testing.assert_frame_equal(wider, clean[0])


def by_class(patents: pd.DataFrame) -> dict[tuple[str, str, int], float]:
    """Joint applications by university, discipline and year, each class an equal part: a loop."""
    discipline = load_ipc().set_index("ipc_subclass")["discipline"].to_dict()
    found: dict[tuple[str, str, int], float] = {}
    for row in patents.itertuples():
        if row.jurisdiction != "CN" or "公司" not in row.applicants.replace("资产经营", ""):
            continue
        if "大学资产经营" in row.applicants:
            continue
        classes = {symbol.strip()[:4] for symbol in row.ipc.split(";")}
        for name in {n[:3] for n in row.applicants.split(";") if n.startswith("U")}:
            for one in classes & set(discipline):
                at = (name, discipline[one], row.date.year)
                found[at] = found.get(at, 0.0) + 1 / len(classes)
    return found


ALL = Choices(classes="all")


def test_all_classes_share_a_patent_as_a_loop_shares_it(patents):
    """Two universities, one class twice, three classes, one of no discipline, all at once."""
    some = patents.copy()
    joint = some.index[some["applicants"].str.match(r"U\d+大学;F") & (some["jurisdiction"] == "CN")]
    some.loc[joint[0], "ipc"] = "H04L 9/00;H04L 12/00"
    some.loc[joint[1], "ipc"] = "H04L 9/00;A61B 5/00;G06F 3/00"
    some.loc[joint[2], "ipc"] = "H04L 9/00;A61K 1/00"
    some.loc[joint[3], "applicants"] = "U01大学;U02大学;F0001有限公司"
    panel, flow = built(some, ALL)
    key = ["university", "discipline", "year"]
    counted = panel.set_index(key)["patents_joint"]
    expected = pd.Series(by_class(some)).rename_axis(key)
    inside = expected[expected.index.isin(counted.index)]
    assert len(inside) < len(expected)  # Some halves are of disciplines that are not offered.
    pd.testing.assert_series_equal(
        counted[counted > 0].sort_index(), inside.sort_index(), check_names=False
    )
    assert sum(flow.values()) == len(some)
    assert (panel["patents_joint_key"] <= panel["patents_joint"] + 1e-9).all()


def test_by_class_every_row_is_counted_or_dropped(patents):
    flow = build_panel({**thin(), "patents": patents}, ALL)[1]
    rows = flow[flow["table"] == "patents × universities × classes"]["rows"].sum()
    universities = patents["applicants"].str.count(r"U\d+大学(?:;|$)").clip(lower=1)
    classes = patents["ipc"].map(lambda ipc: len({s.strip()[:4] for s in ipc.split(";")}))
    assert rows == (universities * classes).sum()


def test_all_classes_are_the_same_however_they_are_spelt(patents):
    usual = built(patents, ALL)[0]
    spelt = "; Int.Cl. " + patents["ipc"].str.lower().str.replace(";", "；") + " ; "
    pd.testing.assert_frame_equal(built(patents.assign(ipc=spelt), ALL)[0], usual)
