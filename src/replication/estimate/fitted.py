"""One coefficient taken apart by cluster: where every method for few clusters starts from."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from replication.errors import DesignError, NoVariationError
from replication.estimate.design import Design
from replication.estimate.many.least_squares import Regression, regression
from replication.estimate.many.poisson import poisson_fits
from replication.estimate.many.variance import std_errors
from replication.estimate.sample import Sample, sample, without_separated


@dataclass(frozen=True)
class Fitted:
    """One coefficient, taken apart by cluster: what every method here starts from.

    Attributes
    ----------
    sample : Sample
    regression : Regression
        Least squares; for PPML, its last weighted least squares.
    estimate : float
    residuals : ndarray, shape (N, 1)
        In the order of the regression's kernel.
    """

    sample: Sample
    regression: Regression
    estimate: float
    residuals: np.ndarray

    def std_error(self, kind: str) -> float:
        """Clustered standard error of one kind: CR1, CR2 or CR3."""
        return float(std_errors(self.regression, self.residuals, kind)[0])

    def leave_one_out(self) -> pd.Series:
        """Estimates without each cluster, by the cluster's name.

        Raises
        ------
        NoVariationError
            If a cluster cannot be spared, as the only treated one.
        """
        reg = self.regression
        if len(reg.indispensable):
            raise NoVariationError(
                f"without {reg.indispensable[0]!r} the treatment does not vary any more: there is "
                "no estimate without it, and so no jackknife; compare by permutation or bootstrap"
            )
        moves = reg.kernel.by_cluster(reg.adjusted["CR3"] * self.residuals)[:, 0] / reg.total
        return pd.Series(self.estimate - moves, reg.kernel.names, name="estimate")


def fitted(data: pd.DataFrame, design: Design, method: str) -> Fitted:
    """Lay a design out and fit it.

    Raises
    ------
    ReplicationError
        On input that could yield a wrong number; on a design that `method` is not made for.
    """
    rows = sample(data, design)
    if design.model == "ols":
        reg = regression(rows, method)
        estimate, residuals = reg.fit(rows.y.to_numpy())
        return Fitted(rows, reg, float(estimate[0]), residuals)
    if rows.controls or not design.effects:
        raise DesignError(f"{method} of PPML needs absorbed effects and takes no controls")
    rows = without_separated(rows)
    y = rows.y.to_numpy()
    fit = poisson_fits(rows, y[:, None], keep_mean=True)
    assert fit.mean is not None
    mean = fit.mean[:, 0]
    reg = regression(rows, method, mean)
    return Fitted(rows, reg, float(fit.estimate[0]), reg.kernel.arrange((y - mean) / mean))
