"""The choices of the reconstruction register that any panel depends on."""

from dataclasses import dataclass

from replication.errors import NoVariationError


@dataclass(frozen=True)
class Choices:
    """Years, treatment, disciplines and office of a panel.

    Attributes
    ----------
    first_year, last_year : int
        R1.
    first_treated : int
        R2; the years before it are the pre-period (R8).
    categories : tuple of str
        R4.
    domestic : str
        Office whose applications are outcomes; those at any other office are overseas.
    """

    first_year: int = 2011
    last_year: int = 2022
    first_treated: int = 2018
    categories: tuple[str, ...] = ("07", "08")
    domestic: str = "CN"

    def require_years(self) -> None:
        """Raise `NoVariationError` if no year lies before treatment, or none after."""
        if not self.first_year < self.first_treated <= self.last_year:
            raise NoVariationError(
                f"first treated year {self.first_treated}: {self.first_year}–{self.last_year} "
                "must hold at least one year before it, and the year itself"
            )
