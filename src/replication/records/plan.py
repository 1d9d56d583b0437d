"""The analysis plan for real universities, and the dates that it rests on, as data.

The plan was committed before an outcome was related to the ministry's counts of exchange. What was
done differently is a row of its own, a departure.
"""

import datetime
from pathlib import Path
from typing import Annotated, Literal, Self

import pandas as pd
from pydantic import Field, model_validator

from replication.config import DATA
from replication.errors import NoVariationError
from replication.records.toml import Row, Text, read, require_ids, require_unique_ids

EDITIONS = DATA / "the_editions.toml"
PLAN = DATA / "plan.toml"
CLAIMS = [f"C{n}" for n in range(1, 10)]


class Edition(Row):
    """When an edition of THE's ranking appeared, and of which year its income is."""

    edition: int
    published: int
    income_year: int
    evidence: Literal["bounded", "collection", "rule"]
    source: Text

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.income_year < self.published < self.edition:
            raise ValueError("income_year, published and edition must follow each other")
        return self


class Editions(Row):
    """All editions that are used."""

    edition: list[Edition] = Field(min_length=1)


class Test(Row):
    """One coefficient that is estimated: of what, on whom, and what is expected of it.

    Attributes
    ----------
    panel : {"editions", "windows"}
        THE scores by edition, or papers of the Leiden Ranking by window.
    question : str
        Claim whose contrast is asked, as of `contrasts.question`: C1 the effect itself, C7 by the
        share of advantaged disciplines, C9 cooperative research less conferences.
    controls : list of str
        Columns; each has a slope in each period, or one in all if `slopes` says "common".
    offset : str or None
        Column in the log of the mean with a coefficient of one, as the log of all papers.
    keep : str or None
        Universities that are kept; all if None.
    family : str or None
        Tests whose p-values are adjusted together; None for a secondary test.
    """

    id: Text
    claim: Text
    role: Literal["primary", "secondary"]
    family: Text | None = None
    panel: Literal["editions", "windows"]
    outcome: Text
    model: Literal["ols", "ppml"]
    scale: Literal["level"]
    question: Literal["C1", "C7", "C9"]
    controls: list[Text]
    slopes: Literal["period", "common"] = "period"
    offset: Text | None = None
    sample: Text
    keep: Literal["balanced", "below ceiling", "unlisted"] | None = None
    expected: Literal["positive", "unclear"]
    estimand: Text

    @model_validator(mode="after")
    def _family_of_primary(self) -> Self:
        if (self.role == "primary") != (self.family is not None):
            raise ValueError("a primary test has a family, and a secondary one has none")
        if self.offset is not None and self.model != "ppml":
            raise ValueError('an offset belongs to a Poisson model: set model = "ppml"')
        return self


class Untestable(Row):
    """A claim that the open data cannot test, and what would settle it."""

    claim: Text
    reason: Text
    settled_by: Text


class Departure(Row):
    """What was done differently from the plan, and why."""

    date: datetime.date
    what: Text
    reason: Text


class Plan(Row):
    """The whole plan."""

    written: datetime.date
    level: Annotated[float, Field(gt=0, lt=1)]
    variance: Literal["CR3"]
    exposure: Text
    exposure_words: Text
    first_edition: int
    other_editions: list[int]
    rule: Text
    also: list[Text]
    settled: dict[str, Text]
    test: list[Test]
    untestable: list[Untestable]
    departure: list[Departure] = Field(default=[])

    @model_validator(mode="after")
    def _every_claim_once(self) -> Self:
        tested = {test.claim for test in self.test if test.role == "primary"}
        found = sorted([*tested, *(row.claim for row in self.untestable)])
        if found != CLAIMS:
            raise ValueError(
                f"claims {', '.join(found)}: each of C1 to C9 has primary tests or a reason why not"
            )
        if set(self.settled) != tested:
            raise ValueError("settled has a row for each claim that is tested, and for no other")
        return self


def load_plan(path: Path = PLAN) -> Plan:
    """Read the plan.

    Raises
    ------
    RegistryError
        Names the file, the row and the field that is missing, unknown or of the wrong kind; a test
        that is there twice; a claim that is neither tested nor given up.
    """
    plan = read(path, Plan)
    require_unique_ids(path, "test", [test.id for test in plan.test])
    return plan


def planned() -> pd.DataFrame:
    """Tests of the plan, a row each, by ``id``, with the fields of `Test`."""
    return pd.DataFrame([test.model_dump() for test in load_plan().test]).set_index("id")


def load_editions(path: Path = EDITIONS) -> pd.DataFrame:
    """Read the dates of the THE editions, indexed by ``edition``, with the fields of `Edition`.

    Raises
    ------
    RegistryError
        Names the file, the row and the field at fault; an edition that is out of order.
    """
    rows = read(path, Editions).edition
    found = [str(row.edition) for row in rows]
    require_ids(path, "edition", found, [str(rows[0].edition + n) for n in range(len(rows))])
    return pd.DataFrame([row.model_dump() for row in rows]).set_index("edition")


def first_edition(year: int, path: Path = EDITIONS) -> int:
    """First edition whose research income is of `year` or later.

    Raises
    ------
    NoVariationError
        There is none.
    """
    editions = load_editions(path)
    late = editions.index[editions["income_year"] >= year]
    if late.empty:
        raise NoVariationError(
            f"{path.name}: no edition has income of {year} or later; the last is of "
            f"{editions['income_year'].max()}"
        )
    return int(late.min())
