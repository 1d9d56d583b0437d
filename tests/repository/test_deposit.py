"""The papers of a deposit: checksums, citation and metadata, in agreement with one another."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

import replication
from replication.page.verification.commitment import MANIFEST, manifest, read_manifest
from replication.records.open.sources import read_sources
from tests.support.project import git

ROOT = Path(__file__).resolve().parents[2]
CFF = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
ZENODO = json.loads((ROOT / ".zenodo.json").read_text(encoding="utf-8"))
CODEMETA = json.loads((ROOT / "codemeta.json").read_text(encoding="utf-8"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOIS = [reference["doi"] for reference in CFF["references"]]


def test_the_manifest_has_the_checksum_of_every_file() -> None:
    remedy = "`git add` what is new, then `make readme`"
    assert (ROOT / MANIFEST).read_bytes() == manifest(ROOT), remedy
    listed = set(read_manifest(ROOT / MANIFEST))
    known = git(ROOT, "-c", "core.quotepath=off", "ls-files", "data", "results").splitlines()
    assert set(known) <= listed
    assert {"requirements.txt", "book/references.bib", "src/replication/cli.py"} <= listed


def test_title_version_and_authors_are_the_same_everywhere() -> None:
    assert {CFF["title"], ZENODO["title"], CODEMETA["name"], PROJECT["description"]} == {
        README.splitlines()[0].removeprefix("# ")
    }
    assert {CFF["version"], ZENODO["version"], CODEMETA["version"]} == {replication.__version__}
    authors = [[one["name"] for one in CFF["authors"]], [o["name"] for o in ZENODO["creators"]]]
    authors += [
        [one["name"] for one in CODEMETA["author"]],
        [o["name"] for o in PROJECT["authors"]],
    ]
    assert all(one == authors[0] for one in authors)
    assert authors[0][0] in (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert CODEMETA["identifier"] == PROJECT["name"]
    assert CODEMETA["runtimePlatform"] == f"Python {PROJECT['requires-python']}"


def test_description_keywords_and_licences_are_the_same_everywhere() -> None:
    abstract = CFF["abstract"].strip()
    assert {re.sub(r"</?p>", "", ZENODO["description"]), CODEMETA["description"]} == {abstract}
    assert CFF["keywords"] == ZENODO["keywords"] == CODEMETA["keywords"]
    licences = [f"https://spdx.org/licenses/{one}" for one in CFF["license"]]
    assert CODEMETA["license"] == licences
    assert ZENODO["license"] == PROJECT["license"] == CFF["license"][0]
    assert CFF["license"][1] in (ROOT / "LICENSE-DATA").read_text(encoding="utf-8")
    assert CFF["license"][1] in ZENODO["notes"]


@pytest.mark.parametrize("doi", DOIS)
def test_what_the_package_rests_on_is_cited_in_every_place(doi: str) -> None:
    assert re.fullmatch(r"10\.\d{4,9}/\S+", doi)
    assert doi in [one["identifier"] for one in ZENODO["related_identifiers"]]
    assert f"https://doi.org/{doi}" in [one["@id"] for one in CODEMETA["citation"]]
    assert doi in README
    assert doi in (ROOT / "book" / "references.bib").read_text(encoding="utf-8")


def test_the_citation_file_has_what_its_format_asks_for() -> None:
    # Citation File Format 1.2.0; the file was also held to the schema of the format as published.
    assert CFF["cff-version"] == "1.2.0"
    assert {"authors", "cff-version", "message", "title"} <= set(CFF)
    assert CFF["type"] in ("software", "dataset")
    assert all({"authors", "title", "type"} <= set(one) for one in CFF["references"])


def test_the_zenodo_file_has_what_a_deposit_asks_for() -> None:
    # The fields that Zenodo's interface of deposits requires, and values that it knows.
    required = {"title", "upload_type", "description", "creators", "access_right", "license"}
    assert required <= set(ZENODO)
    assert ZENODO["upload_type"] in ("dataset", "software")
    assert ZENODO["access_right"] == "open"
    assert re.fullmatch(r"[a-z]{2,3}", ZENODO["language"])
    for one in ZENODO["related_identifiers"]:
        assert set(one) == {"identifier", "relation", "scheme"}
        assert one["relation"] in ("cites", "references", "isSupplementTo")


# Terms of CodeMeta 2.0 that this file may use, from the vocabulary's table.
CODEMETA_TERMS = {
    "author", "citation", "codeRepository", "datePublished", "description", "developmentStatus",
    "identifier", "keywords", "license", "name", "operatingSystem", "programmingLanguage", "readme",
    "referencePublication", "runtimePlatform", "softwareRequirements", "url", "version",
}  # fmt: skip


def test_codemeta_uses_terms_of_its_vocabulary() -> None:
    assert CODEMETA["@context"] == "https://doi.org/10.5063/schema/codemeta-2.0"
    assert CODEMETA["@type"] == "SoftwareSourceCode"
    assert {key for key in CODEMETA if not key.startswith("@")} <= CODEMETA_TERMS
    assert (ROOT / CODEMETA["readme"]).is_file()


def test_every_open_source_that_was_seen_has_its_day() -> None:
    seen = {source.group for source in read_sources().source if source.sha256}
    days: dict[str, Any] = {one.name: one.accessed for one in read_sources().group}
    assert {name for name, day in days.items() if day} == seen
    for day in filter(None, days.values()):
        assert f"{day.day} {day:%B %Y}" in README


PAGE = (ROOT / "book" / "checklists.md").read_text(encoding="utf-8")
TEMPLATE, STANDARD = (
    re.findall(
        r"^\* - (.+)\n((?:  - .+\n)+)",
        PAGE.split(f"{{list-table}} {title}")[1].split(":::")[0],
        re.M,
    )[1:]
    for title in ("Template README", "Data and Code Availability Standard")
)
HEADINGS = {re.sub(r"^\d+\. ", "", one) for one in re.findall(r"^#{2,4} (.+)$", README, re.M)}


def test_every_item_of_the_journals_has_its_place() -> None:
    assert len(TEMPLATE) == 14
    # The standard has sixteen rules.
    assert [item for item, _ in STANDARD] == [f"D{number}" for number in range(1, 17)]
    for item, cells in [*TEMPLATE, *STANDARD]:
        place = cells.strip().splitlines()[-1].strip()
        found = re.findall(r"README, “([^”]+)”|`([^`]+)`|\]\(([^)]+)\)", place)
        assert found or place.startswith("- none"), item
        for heading, path, link in found:
            assert not heading or heading in HEADINGS, f"{item}: README has no heading {heading!r}"
            assert not path or (ROOT / path).exists(), f"{item}: {path}"
            assert not link or (ROOT / "book" / link).exists(), f"{item}: {link}"
