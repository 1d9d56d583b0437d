"""An estimate taken apart by cluster: what its clustered variances and few-cluster tests share."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from replication.errors import NoVariationError, TooFewClustersError
from replication.estimate import convention
from replication.estimate.design import Variance
from replication.estimate.many import variance
from replication.estimate.many.regression import Regression, regressions
from replication.estimate.sample import Sample


@dataclass(frozen=True)
class Clustered:
    """Coefficients, and what each cluster adds to their variance.

    Attributes
    ----------
    sample : Sample
    regression : Regression
        Least squares; for PPML, its last weighted least squares.
    estimates : Series
        Coefficients of the regressors of interest, by name.
    residuals : ndarray, shape (N, 1)
        In the order of the regression's kernel.
    """

    sample: Sample
    regression: Regression
    estimates: pd.Series
    residuals: np.ndarray

    @property
    def estimate(self) -> float:
        """The one coefficient."""
        (only,) = self.estimates
        return float(only)

    @property
    def clusters(self) -> int:
        """Number of clusters with rows in use."""
        return len(self.regression.kernel.starts)

    def vcov(self, kind: Variance) -> pd.DataFrame:
        """Clustered variance of the coefficients.

        Raises
        ------
        NoVariationError
            CR3, if a cluster cannot be spared.
        """
        if kind == "CR3":
            self.require_spared()
        found = variance.vcov(self.regression, self.residuals, kind)
        return pd.DataFrame(found, self.estimates.index, self.estimates.index)

    def std_error(self, kind: Variance) -> float:
        """Clustered standard error of the one coefficient."""
        return float(np.sqrt(self.vcov(kind).to_numpy()[0, 0]))

    def df(self, kind: Variance, contrast: np.ndarray | None = None) -> float:
        """Degrees of freedom of t for a contrast of the coefficients, by `convention.REFERENCE`."""
        reference = convention.REFERENCE[kind]
        if reference == "Satterthwaite":
            return variance.degrees_of_freedom(self.regression, contrast)
        return (self.clusters if reference == "G" else self.effective(contrast)) - 1

    def effective(self, contrast: np.ndarray | None = None) -> float:
        """Effective number of clusters G* of Carter, Schnepel and Steigerwald (2017)."""
        part = variance.leverage(self.regression, contrast)
        return float(variance.effective(part[:, None])[0])

    def leave_one_out(self) -> pd.DataFrame:
        """Coefficients without each cluster, a row a cluster.

        Raises
        ------
        NoVariationError
            If a cluster cannot be spared, as the only treated one.
        """
        self.require_spared()
        moves = variance.scores(self.regression, self.residuals, "CR3") @ self.regression.bread
        names = pd.Index(self.regression.kernel.names)
        return pd.DataFrame(self.estimates.to_numpy() - moves, names, self.estimates.index)

    def require_spared(self) -> None:
        """Raise `NoVariationError` if without some cluster the treatment does not vary."""
        alone = self.regression.left_out[1]
        if len(alone):
            raise NoVariationError(
                f"without {str(alone[0])!r} the treatment does not vary any more: there is no "
                "estimate without it, and so no jackknife; name another variance, "
                "variance='CR2' or 'CR1', or compare by permutation or bootstrap"
            )

    def wald(self, terms: Sequence[str]) -> pd.Series:
        """Test HTZ of Pustejovsky and Tipton (2018) that all of `terms` are zero.

        Raises
        ------
        TooFewClustersError
            If the clusters are too few, or too unequal, for so many restrictions.
        """
        chosen, q = list(terms), len(terms)
        contrasts = pd.DataFrame(np.eye(len(self.estimates)), columns=self.estimates.index)
        eta = variance.wald_degrees_of_freedom(self.regression, contrasts[chosen].to_numpy())
        if eta <= q - 1:
            raise TooFewClustersError(
                f"{q} restrictions, and the clusters are worth {eta:.1f} degrees of freedom: too "
                "few or too unequal for a joint test; test fewer at a time"
            )
        v = self.vcov("CR2").loc[chosen, chosen].to_numpy()
        return convention.wald(self.estimates[chosen].to_numpy(), v, eta - q + 1, eta)


def take_apart(
    sample: Sample, estimates: pd.Series | None = None, means: np.ndarray | None = None
) -> Clustered:
    """Take an estimate apart by cluster.

    Parameters
    ----------
    sample : Sample
        Rows that are used.
    estimates : Series, optional
        Coefficients by name; worked out here for least squares.
    means : ndarray, shape (N,), optional
        Fitted means of a Poisson model.
    """
    y = sample.y.to_numpy()
    reg = regressions(sample, f"the variance {sample.design.variance}", means)
    working = y if means is None else (y - means) / means
    residuals = reg.kernel.residualise(reg.kernel.arrange(working))
    if means is None:
        b = reg.bread @ (reg.x.T @ residuals)
        residuals = residuals - reg.x @ b
        estimates = pd.Series(b[:, 0], list(sample.terms))
    assert estimates is not None
    return Clustered(sample, reg, estimates[list(sample.terms)], residuals)
