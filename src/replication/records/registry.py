"""What the study decides and claims: the reconstruction register (R1–R21), the claims (C1–C9)."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import pandas as pd
from pydantic import Field

from replication.config import DATA
from replication.errors import NoVariationError
from replication.records.study.frame import study
from replication.records.toml import Chinese, Row, Text, read, require_ids

REGISTER = DATA / "register.toml"
CLAIMS = DATA / "claims.toml"
VARIED = DATA / "varied.toml"


@dataclass(frozen=True)
class Choices:
    """The choices of the register that any panel depends on.

    Attributes
    ----------
    first_year, last_year : int
        R1.
    first_treated : int
        R2; the years before it are the pre-period (R8).
    categories : tuple of str
        R4.
    domestic : tuple of str
        R21; offices whose applications are outcomes, those at any other being overseas, and
        countries whose doctorates and partners are not from abroad.
    advantaged : tuple of str
        R17; grades of an advantaged discipline.
    outcome : {"applications", "granted", "fractional"}
        R5; what a joint patent is counted by.
    exposure : {"mean", "component", "median", "per_staff"}
        R7.
    window : int or None
        R8; years from the first on that exposure is measured in, all of the pre-period if None.
    third : {"share", "median", "key_core"}
        R10.
    classes : {"main", "all"}
        R14; whether a patent is of the discipline of its main class, or of those of all its classes
        in equal parts.
    owned_firms : bool
        R15; whether a firm that a university owns makes a patent a joint one.
    key_core : {"key_core", "controlled"}
        R16; column of the concordance that is the list of key core technology.

    What is not given is the study's (``data/study.toml``) or the register's default.
    """

    first_year: int = field(default_factory=lambda: study().first_year)
    last_year: int = field(default_factory=lambda: study().last_year)
    first_treated: int = field(default_factory=lambda: study().first_treated)
    categories: tuple[str, ...] = field(default_factory=lambda: study().categories)
    domestic: tuple[str, ...] = field(default_factory=lambda: study().domestic)
    advantaged: tuple[str, ...] = field(default_factory=lambda: study().advantaged)
    outcome: Literal["applications", "granted", "fractional"] = "applications"
    exposure: Literal["mean", "component", "median", "per_staff"] = "mean"
    window: int | None = None
    third: Literal["share", "median", "key_core"] = "share"
    classes: Literal["main", "all"] = "main"
    owned_firms: bool = False
    key_core: Literal["key_core", "controlled"] = "key_core"

    def require_years(self) -> None:
        """Raise `NoVariationError` if no year lies before treatment, or none after."""
        if not self.first_year < self.first_treated <= self.last_year:
            raise NoVariationError(
                f"first treated year {self.first_treated}: {self.first_year}–{self.last_year} "
                "must hold at least one year before it, and the year itself"
            )


class Choice(Row):
    """What the paper leaves open, what we chose, and why."""

    id: Text
    name: Text
    choice: Text
    reason: Text
    alternatives: list[Text] = Field(min_length=1)
    consequence: Text
    where: Text
    status: Text


class Register(Row):
    """All choices."""

    choice: list[Choice]


class Claim(Row):
    """A claim of the abstract, and how it is judged."""

    id: Text
    short: Text
    kind: Literal["effect", "mechanism", "heterogeneity"]
    en: Text
    zh: Chinese
    estimand: Text
    exhibit: Text
    needs: list[Text] = Field(min_length=1)
    contradicted_by: Text
    open: Text
    family: Text | None = None


class Claims(Row):
    """All claims, and the level of their tests."""

    level: Annotated[float, Field(gt=0, lt=1)]
    claim: list[Claim]


def load_register(path: Path = REGISTER) -> pd.DataFrame:
    """Read the register: one row a choice, R1 … R21 in order, with the fields of `Choice`.

    Raises
    ------
    RegistryError
        Names the file, the row and the field that is missing, empty, unknown or of the wrong kind;
        the row whose id is not the one that belongs there.
    """
    rows = read(path, Register).choice
    require_ids(path, "choice", [row.id for row in rows], [f"R{n}" for n in range(1, 22)])
    return pd.DataFrame([row.model_dump() for row in rows])


class Varied(Row):
    """What each source can vary of a row of the register, or why it cannot."""

    id: Text
    simulated: Text
    open: Text
    restricted: Text


class VariedRows(Row):
    """Content of ``varied.toml``."""

    row: list[Varied]


def load_varied(path: Path = VARIED) -> pd.DataFrame:
    """Which rows of the register each source can vary: ``id``, and a text for each source.

    Raises
    ------
    RegistryError
        As of `load_register`.
    """
    rows = read(path, VariedRows).row
    require_ids(path, "row", [row.id for row in rows], [f"R{n}" for n in range(1, 22)])
    return pd.DataFrame([row.model_dump() for row in rows])


def load_claims(path: Path = CLAIMS) -> pd.DataFrame:
    """Read the claims, indexed by ``id``.

    Returns
    -------
    DataFrame
        One row a claim, C1 … C9 in order, with the fields of `Claim`: ``needs`` are columns of the
        panel, ``open`` is what open data have for it, ``family`` is None if its test stands alone;
        and ``level``.

    Raises
    ------
    RegistryError
        As of `load_register`.
    """
    claims = read(path, Claims)
    require_ids(path, "claim", [row.id for row in claims.claim], [f"C{n}" for n in range(1, 10)])
    frame = pd.DataFrame([row.model_dump() for row in claims.claim])
    frame["family"] = frame["family"].astype(object).where(frame["family"].notna(), None)
    return frame.assign(level=claims.level).set_index("id")
