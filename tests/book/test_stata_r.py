"""The page for readers from Stata and R: each verb is the estimate of the formula beside it."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pyfixest as pf
import pytest

import replication as rp
from replication.config import ROOT

PAGE = (ROOT / "book" / "stata_r.md").read_text(encoding="utf-8")
SECTIONS = dict(
    re.findall(r"^### (.+?)\n(.*?)(?=^##)", PAGE.split("## The designs")[1], re.M | re.S)
)
R_LINE = re.compile(
    r"(?P<verb>feols|fepois)\((?P<formula>.+), panel, cluster = ~(?P<cluster>\w+)\)$", re.M
)
SSC = pf.ssc(k_adj=True, k_fixef="nonnested", G_adj=True, G_df="min")


def fence(section: str, language: str) -> str:
    (code,) = re.findall(rf"^```{language}\n(.*?)^```", section, re.M | re.S)
    return str(code)


@pytest.fixture(scope="module")
def panel() -> Any:
    return rp.load_panel("simulated")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("title", SECTIONS)
def test_the_formula_gives_what_the_verb_gives(title: str, panel: Any) -> None:
    ours = eval(fence(SECTIONS[title], "python"), {"rp": rp, "panel": panel})
    line = R_LINE.search(fence(SECTIONS[title], "r"))
    assert line, title
    fit = getattr(pf, line["verb"])(
        line["formula"].replace(" = ", "="),
        panel,
        vcov={"CRV1": line["cluster"]},
        ssc=SSC,
        **({"iwls_tol": 1e-10} if line["verb"] == "fepois" else {}),
    )
    table = fit.tidy()
    theirs = table[table.index.str.contains("exposure")]
    mine = ours.frame[ours.frame["std_error"] > 0]
    assert len(mine) == len(theirs) == (10 + 1 if title == "Event study" else 1)
    assert np.allclose(mine["estimate"], theirs["Estimate"], rtol=1e-8)
    # Redundant levels of crossed effects are counted in two ways, as the page says.
    assert np.allclose(mine["std_error"], theirs["Std. Error"], rtol=2.5e-3)


def test_every_design_is_written_in_three_languages(tmp_path: Path) -> None:
    assert len(SECTIONS) == 5
    for title, section in SECTIONS.items():
        stata, r = fence(section, "stata"), fence(section, "r")
        (command,) = re.findall(r"^(reghdfe|ppmlhdfe) ", stata, re.M)
        assert (command == "ppmlhdfe") == r.startswith("fepois") == ("poisson" in section), title
        # As many absorbed effects on either side.
        absorbed = re.findall(r"absorb\(([^)]+)\)", stata)[0].split()
        assert len(absorbed) == len(r.partition(" | ")[2].partition(",")[0].split(" + ")), title


def test_the_panel_is_written_as_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)[0]
    exec(code, {})
    assert (tmp_path / "panel.dta").is_file()
