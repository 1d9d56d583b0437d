"""Generated parts of the pages print what the data files and the committed verdicts hold."""

import re
import tomllib
from pathlib import Path

import pandas as pd
import pytest

from replication.config import ROOT
from replication.page import generated
from replication.records.article import load_context, load_timeline
from replication.records.registry import REGISTER


def test_every_part_is_markdown_made_from_files_that_are_there() -> None:
    for name, part in generated.PARTS.items():
        assert len(part.markdown().splitlines()) > 5, name
        assert all((ROOT / file).is_file() for file in part.files), name


def test_every_part_stands_in_a_page() -> None:
    pages = [*(ROOT / "book").glob("*.md"), *(ROOT / "notebooks").glob("*.md")]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    assert {name for name in generated.PARTS if f"{{generated}} {name}\n" in text} == set(
        generated.PARTS
    )


def test_the_page_of_the_register_prints_every_text_of_the_file() -> None:
    page = generated.register_markdown()
    for row in tomllib.loads(REGISTER.read_text(encoding="utf-8"))["choice"]:
        texts = [*row.pop("alternatives"), *row.values()]
        assert all(text in page for text in texts)
        anchor = f"register-{row['id'].lower()}"
        assert f"](#{anchor})" in page
        assert f"({anchor})=" in page


def test_each_claim_has_the_committed_numbers_and_leads_to_its_exhibit() -> None:
    committed = pd.read_csv(ROOT / "results" / "03_heterogeneity" / "tab-claims.csv")
    lines = generated.claims_markdown().splitlines()[2:]
    for line, row in zip(lines, committed.to_dict("records"), strict=True):
        link, _, estimate, truth, verdict = line.strip("| ").split(" | ")
        numbers = [float(n) for n in re.findall(r"-?\d\.\d{3}", estimate.replace("−", "-"))]
        assert numbers == [round(row[c], 3) for c in ("estimate", "lower", "upper")]
        assert float(truth) == round(row["target"], 3)
        assert verdict == row["verdict"]
        page, exhibit = re.fullmatch(
            rf'<a href="../(.+)\.html#(.+)">{row["claim"]}</a>', link
        ).groups()
        assert f'"{exhibit}"' in (ROOT / f"{page}.md").read_text(encoding="utf-8")


def test_each_driver_is_annotated_with_its_five_points() -> None:
    page = generated.drivers_markdown()
    assert page.count("::::{margin}\n") == 8
    for point in ("Claims", "Evidence", "Would test it", "Measured by", "Data say"):
        assert page.count(f"*{point}.*") == 8, point
    context = load_context()
    assert all(f"(driver-{d.id})=" in page and d.claim_zh in page for d in context.driver)
    assert all(m.zh in generated.measures_markdown() for m in context.measure)
    assert all(r.zh in generated.recommendations_markdown() for r in context.recommendation)
    events = load_timeline()
    assert all(f"`{cite}`" in generated.timeline_markdown() for cite in events["cite"])


def test_an_example_is_said_to_be_of_the_section_it_is_in() -> None:
    page = generated.drivers_markdown()
    assert "Its example: A platform by a team of Guangzhou University" in page
    assert "From section 3.3.2, placed here by us: Shanghai University" in page
    assert "Evidence.* Argument, case (Silicon Valley, by our placement)." in page


def test_verdicts_on_linked_claims_are_the_committed_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pd.DataFrame({"claim": ["C3", "C4"], "verdict": ["is one thing", "is another"]})
    table.to_csv(tmp_path / "verdicts.csv", index=False)
    monkeypatch.setattr(generated, "VERDICTS", {"simulated": tmp_path / "verdicts.csv"})
    page = generated.drivers_markdown()
    judged = "C3 on simulated data: is one thing; C4 on simulated data: is another."
    assert f"*The design of the claims.* {judged} It says nothing about the driver." in page
