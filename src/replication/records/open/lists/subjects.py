"""THE World University Rankings by subject: pillar scores of a university in a discipline.

An edition's data are about three years older than its name, so that all of editions 2011 to 2020
are of years before the first treated year: an exposure by discipline, or a placebo.
"""

import re
from collections.abc import Iterable

import pandas as pd

from replication.records.open import files
from replication.records.open.sources import read_sources
from replication.records.open.universities import match, require_names

GROUP = "the-subjects"
EDITIONS = range(2011, 2021)
PILLARS = {
    "scores_teaching": "teaching",
    "scores_research": "research_environment",
    "scores_citations": "research_quality",
    "scores_industry_income": "industry",
    "scores_international_outlook": "international_outlook",
}
"""Columns of the files, and the names that the readers of THE's overall ranking have for them."""
NAME = re.compile(r"the-([a-z]+)-([0-9]{4})")


def the_subjects(editions: Iterable[int] = EDITIONS) -> pd.DataFrame:
    """Pillar scores by subject of the ministry universities.

    Parameters
    ----------
    editions : iterable of int
        Of 2011 to 2020; six subjects until 2016, eight in 2017, eleven from 2018 on.

    Returns
    -------
    DataFrame
        One row an edition, subject and university: ``edition``, ``subject`` (engineering, physical,
        life, computing, clinical, psychology, social, business, education, law, arts), ``name`` (as
        printed), ``university``, ``joint``, and the scores of `rankings.the_scores`, 0 to 100. A
        dash is missing. ``attrs["dropped"]`` has the number of the other rows.

    Raises
    ------
    SchemaError, MissingColumnError, DuplicateRowsError
        A score is neither a number from 0 to 100 nor a dash; a column is not there; a university
        has two rows in an edition of a subject.
    RegistryError
        All editions are read, and a name of ``data/university_names.csv`` is in none of them.
    """
    wanted = sorted(set(editions))
    tables = [_read(subject, edition) for edition in wanted for subject in subjects_of(edition)]
    whole = files.stack(tables)
    if wanted == list(EDITIONS):
        require_names(GROUP, set(whole["name"]))
    kept = match(whole, GROUP, "name")
    files.require_once(kept, ["edition", "subject", "university"], GROUP)
    return kept[["edition", "subject", "name", "university", "joint", *PILLARS.values()]]


def subjects_of(edition: int) -> list[str]:
    """Subjects that an edition has; raise `ValueError` if there is no such edition."""
    listed = [source.name for source in read_sources().source if source.group == GROUP]
    parts = [found for name in listed if (found := NAME.fullmatch(name))]
    subjects = [part[1] for part in parts if int(part[2]) == edition]
    if not subjects:
        raise ValueError(
            f"edition must be one of {EDITIONS.start} to {EDITIONS.stop - 1}, not {edition}"
        )
    return subjects


def _read(subject: str, edition: int) -> pd.DataFrame:
    """Rows of China."""
    raw, file = files.read(f"the-{subject}-{edition}")
    # A file is named for its subject, and its folder for the edition.
    file = f"{edition}/{file}"
    files.require(raw, ["name", "location", *PILLARS], file)
    scores = {}
    for old, new in PILLARS.items():
        scores[new] = files.numbers(raw[old].mask(raw[old] == "-"), file, 100)
    table = raw[["name"]].assign(edition=edition, subject=subject, **scores)
    return files.keep(table, raw["location"] == "China", "not in China")
