"""Exposure by hand: what R7 says, on numbers small enough to write down."""

import math

import numpy as np
import pandas as pd
import pytest

from replication.records.exposure import (
    exchange_exposures,
    hires_exposure,
    other_exposures,
    standardise,
)


def test_standard_deviations_are_those_of_a_sample() -> None:
    np.testing.assert_allclose(standardise(np.array([1.0, 2.0, 3.0])), [-1, 0, 1])
    of_series = standardise(pd.Series([2.0, 4.0, 9.0], index=["a", "b", "c"]))
    np.testing.assert_allclose(of_series, np.array([-3, -1, 4]) / math.sqrt(13))
    assert list(of_series.index) == ["a", "b", "c"]


def test_two_universities_are_a_standard_deviation_times_root_two_apart() -> None:
    np.testing.assert_allclose(hires_exposure(np.array([0, 5])), [-(0.5**0.5), 0.5**0.5])


def test_hires_count_by_their_log() -> None:
    """0, 1 and 3 hires are equal steps of log(1 + n)."""
    np.testing.assert_allclose(hires_exposure(np.array([0, 1, 3])), [-1, 0, 1], atol=1e-12)


def test_cooperation_is_the_first_two_counts_and_conferences_the_rest() -> None:
    rng = np.random.default_rng(1)
    counts = rng.poisson(30, (5, 4, 6))
    exposure, cooperation, conferences = exchange_exposures(counts)
    more = counts.copy()
    more[2, :, :2] += 400
    _, raised, same = exchange_exposures(more)
    np.testing.assert_array_equal(same, conferences)
    assert raised.argmax() == 2
    assert raised[2] > cooperation[2]
    more = counts.copy()
    more[2, :, 2:] += 400
    _, same, raised = exchange_exposures(more)
    np.testing.assert_array_equal(same, cooperation)
    assert raised.argmax() == 2
    for x in (exposure, cooperation, conferences):
        assert x.mean() == pytest.approx(0, abs=1e-12)
        assert x.std(ddof=1) == pytest.approx(1)


def test_each_count_weighs_alike_whatever_its_size() -> None:
    """A count in thousands says no more than one in tens when both double."""
    small = np.array([[1, 1], [3, 3], [7, 7], [15, 15]])
    counts = np.stack([small, small, *[small] * 4], axis=2)
    large = counts.copy()
    large[:, :, 3] = 1024 * (large[:, :, 3] + 1) - 1
    for one, two in zip(exchange_exposures(counts), exchange_exposures(large), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-12)


@pytest.mark.parametrize("n", [0, 1, 7, 1234])
def test_all_alike_have_no_standard_deviation(n) -> None:
    """Equal logarithms differ from their mean by rounding, which must not pass for exposure."""
    with np.errstate(invalid="ignore"):
        assert np.isnan(hires_exposure(np.full(11, n))).all()
        counts = np.random.default_rng(1).poisson(30, (11, 7, 6))
        counts[:, :, 0] = n
        exposure, cooperation, conferences = exchange_exposures(counts)
    assert np.isnan(exposure).all()
    assert np.isnan(cooperation).all()
    assert np.isfinite(conferences).all()


def test_counts_per_head_do_not_move_with_size() -> None:
    """Twice the staff and twice of every 1 + count: as exposed per head as before."""
    rng = np.random.default_rng(4)
    counts, staff = rng.poisson(40, (9, 3, 6)), rng.uniform(100, 900, (9, 3))
    per_staff = other_exposures(counts, staff)["exposure_per_staff"]
    counts[5], staff[5] = 2 * (1 + counts[5]) - 1, 2 * staff[5]
    again = other_exposures(counts, staff)["exposure_per_staff"]
    assert again.rank().loc[5] == per_staff.rank().loc[5]
    # By hand: each log less that of staff, standardised by count, the mean of years and counts.
    z = np.log((1 + counts) / staff[..., None])
    z = (z - z.mean(axis=(0, 1))) / z.std(axis=(0, 1), ddof=1)
    np.testing.assert_allclose(again, standardise(z.mean(axis=(1, 2))), atol=1e-12)


def test_the_first_component_is_that_of_the_correlations() -> None:
    """Against an eigenvector of the matrix of correlations, for one year."""
    rng = np.random.default_rng(5)
    size = rng.normal(4, 1, (40, 1, 1))
    counts = rng.poisson(np.exp(size + rng.normal(0, 0.5, (40, 1, 6))))
    logs = np.log1p(counts[:, 0])
    _, vectors = np.linalg.eigh(np.corrcoef(logs.T))
    z = (logs - logs.mean(axis=0)) / logs.std(axis=0, ddof=1)
    by_hand = z @ vectors[:, -1]
    by_hand *= np.sign(np.corrcoef(by_hand, size[:, 0, 0])[0, 1])
    found = other_exposures(counts, np.ones((40, 1)))
    np.testing.assert_allclose(found["exposure_component"], standardise(by_hand), atol=1e-12)
    exposure = exchange_exposures(counts)[0]
    assert found["exposure_high"].sum() == 20
    assert exposure[found["exposure_high"] == 1].min() > exposure[found["exposure_high"] == 0].max()


def test_a_count_that_is_all_alike_leaves_no_alternative_either() -> None:
    counts = np.random.default_rng(1).poisson(30, (11, 7, 6))
    counts[:, :, 4] = 3
    with np.errstate(invalid="ignore"):
        found = other_exposures(counts, np.full((11, 7), 5.0))
    assert found[["exposure_per_staff", "exposure_component"]].isna().all(axis=None)
