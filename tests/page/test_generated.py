"""Generated parts of the pages print what the data files and the committed verdicts hold."""

import tomllib

from replication.config import ROOT
from replication.page import generated
from replication.records.article import load_context, load_timeline
from replication.records.registry import REGISTER, load_claims


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


def test_each_claim_leads_to_an_exhibit_of_a_chapter() -> None:
    for claim, exhibit in load_claims()["exhibit"].items():
        page, name = exhibit.split("#")
        source = (ROOT / page).with_suffix(".md").read_text(encoding="utf-8")
        assert f'"{name}"' in source, claim


def test_each_driver_is_annotated_with_its_five_points() -> None:
    page = generated.drivers_markdown()
    assert page.count(":::{div} driver\n") == 8
    assert page.count("::::{dropdown}") == 4
    for point in ("Claims", "Evidence", "Would test it", "Measured by", "Data say"):
        assert page.count(f"*{point}.*") == 8, point
    context = load_context()
    assert all(f"(driver-{d.id})=" in page and d.claim_zh in page for d in context.driver)
    table = generated.annotation_markdown()
    assert all(d.would_test in table and f"](#driver-{d.id})" in table for d in context.driver)
    assert all(m.zh in generated.measures_markdown() for m in context.measure)
    assert all(r.zh in generated.recommendations_markdown() for r in context.recommendation)
    events = load_timeline()
    assert all(f"`{cite}`" in generated.timeline_markdown() for cite in events["cite"])


def test_an_example_is_said_to_be_of_the_section_it_is_in() -> None:
    page = generated.drivers_markdown()
    assert "Its example: A platform by a team of Guangzhou University" in page
    assert "From section 3.3.2, placed here by us: Shanghai University" in page
    assert "Evidence.* Argument, case (Silicon Valley, by our placement)." in page
