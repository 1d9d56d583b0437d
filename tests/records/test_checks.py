"""The checks of `replication.records.checks`, on good input, bad input and the edges between."""

import numpy as np
import pandas as pd
import pytest

from replication import errors
from replication.records import checks

TABLE = pd.DataFrame(
    {
        "unit": ["a", "a", "b", "b"],
        "year": [1, 2, 1, 2],
        "y": [0.5, 1.5, 2.5, 3.5],
        "flat": [3, 3, 3, 3],
    },
    index=["r1", "r2", "r3", "r4"],
)
EMPTY = TABLE.iloc[:0]


def with_values(column: str, values: object) -> pd.DataFrame:
    return TABLE.assign(**{column: pd.Series(values, index=TABLE.index)})


def test_require_columns_passes_when_all_are_there():
    checks.require_columns(TABLE, ["unit", "y"], "a test")
    checks.require_columns(TABLE, [], "a test")
    checks.require_columns(EMPTY, ["unit"], "a test")


def test_require_columns_names_what_is_missing_and_what_is_there():
    with pytest.raises(errors.MissingColumnError) as error:
        checks.require_columns(TABLE, ["y", "exposure", "post"], "the treatment")
    message = str(error.value)
    assert "'exposure', 'post'" in message
    assert "the treatment" in message
    assert "unit, year, y, flat" in message


def test_require_unique_passes_on_a_key():
    checks.require_unique(TABLE, ["unit", "year"])
    checks.require_unique(EMPTY, ["unit", "year"])


@pytest.mark.parametrize("dtype", ["str", "category", "object"])
def test_require_unique_finds_a_duplicate_key(dtype):
    duplicate = with_values("year", [1, 1, 1, 2]).astype({"unit": dtype})
    with pytest.raises(errors.DuplicateRowsError, match=r"2 rows share.*'unit': 'a', 'year': 1"):
        checks.require_unique(duplicate, ["unit", "year"])


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("unit", ["a", None, "b", "b"]),
        ("year", [1, np.nan, 1, 2]),
        ("year", pd.array([1, pd.NA, 1, 2], dtype="Int64")),
        ("unit", pd.Categorical(["a", None, "b", "b"])),
        ("year", pd.to_datetime(["2011-01-01", None, "2011-01-01", "2012-01-01"])),
    ],
)
def test_require_unique_finds_a_gap_in_the_key(column, values):
    with pytest.raises(errors.MissingValueError, match=rf"'{column}'.*1 rows.*'r2'"):
        checks.require_unique(with_values(column, values), ["unit", "year"])


def test_require_unique_needs_its_columns():
    with pytest.raises(errors.MissingColumnError, match="'month'"):
        checks.require_unique(TABLE, ["unit", "month"])


@pytest.mark.parametrize("missing", ["raise", "drop"])
def test_complete_rows_leaves_a_complete_table_alone(missing):
    kept, dropped = checks.complete_rows(TABLE, ["unit", "y"], missing)
    pd.testing.assert_frame_equal(kept, TABLE)
    assert dropped == {}
    assert checks.complete_rows(EMPTY, ["unit", "y"], missing)[0].empty


@pytest.mark.parametrize(
    "values",
    [
        [0.5, np.nan, 2.5, 3.5],
        [0.5, np.inf, 2.5, 3.5],
        [0.5, -np.inf, 2.5, 3.5],
        pd.array([1, pd.NA, 2, 3], dtype="Int64"),
        pd.array([True, pd.NA, False, True], dtype="boolean"),
        pd.array([0.5, pd.NA, 2.5, 3.5], dtype="Float64"),
        pd.array([0.5, np.inf, 2.5, 3.5], dtype="Float64"),
        pd.Categorical(["p", None, "q", "p"], categories=["p", "q", "never"]),
        ["p", None, "q", "p"],
    ],
)
def test_complete_rows_finds_every_kind_of_gap(values):
    table = with_values("y", values)
    with pytest.raises(errors.MissingValueError, match=r"'y'.*1 of 4 rows.*'r2'"):
        checks.complete_rows(table, ["y"], "raise")
    kept, dropped = checks.complete_rows(table, ["y"], "drop")
    assert list(kept.index) == ["r1", "r3", "r4"]
    assert dropped == {"no value of y": 1}


def test_complete_rows_counts_a_row_once_under_its_first_gap():
    table = with_values("y", [np.nan, np.nan, 1, 1]).assign(x=[np.nan, 1, np.nan, 1])
    kept, dropped = checks.complete_rows(table, ["x", "y"], "drop")
    assert dropped == {"no value of x": 2, "no value of y": 1}
    assert len(kept) + sum(dropped.values()) == len(table)


def test_complete_rows_accepts_labels_that_repeat():
    table = with_values("y", [0.5, np.nan, 2.5, 3.5]).set_axis([7, 7, 7, 7])
    assert len(checks.complete_rows(table, ["y"], "drop")[0]) == 3


def test_complete_rows_knows_two_ways_only():
    with pytest.raises(ValueError, match="'raise' or 'drop', not 'ignore'"):
        checks.complete_rows(TABLE, ["y"], "ignore")


@pytest.mark.parametrize(
    "values",
    [
        [1, 0, 2, 3],
        [True, False, True, True],
        pd.array([1, 0, 2, 3], dtype="Int64"),
        pd.array([1, 0, 2, 3], dtype="int64[pyarrow]"),
        np.array([1, 0, 2, 3], dtype=object),
        ["1", "0", "2", "3"],
        pd.Categorical([1, 0, 2, 3], categories=[0, 1, 2, 3, 9]),
    ],
)
def test_as_numbers_makes_floats_of_anything_that_counts(values):
    numbers = checks.as_numbers(with_values("y", values), ["y"])["y"]
    assert numbers.dtype == np.dtype("float64")
    assert numbers.tolist() == [float(v) for v in values]
    assert list(numbers.index) == list(TABLE.index)


@pytest.mark.parametrize(
    "values",
    [
        pd.array([1, pd.NA, 2, 3], dtype="Int64"),
        pd.array([True, pd.NA, True, False], dtype="boolean"),
        np.array([1, None, 2, 3], dtype=object),
    ],
)
def test_as_numbers_keeps_a_gap_a_gap(values):
    assert (
        checks.as_numbers(with_values("y", values), ["y"])["y"].isna().tolist()
        == [False, True] + [False] * 2
    )


def test_as_numbers_refuses_words_and_leaves_the_input_alone():
    table = with_values("y", ["1", "many", "2", "few"])
    before = table.copy()
    with pytest.raises(errors.SchemaError, match=r"'y' holds 'many'.*2 such rows.*'r2'"):
        checks.as_numbers(table, ["y"])
    pd.testing.assert_frame_equal(table, before)


def test_require_whole_numbers():
    checks.require_whole_numbers(with_values("y", [-2.0, -1.0, 0.0, 3.0]), "y")
    checks.require_whole_numbers(EMPTY, "y")
    with pytest.raises(errors.SchemaError, match=r"'y'.*4 rows do not.*'r1' \(0\.5\)"):
        checks.require_whole_numbers(TABLE, "y")


def test_require_variation_passes_on_two_values():
    checks.require_variation(TABLE, ["unit", "year", "y"])
    checks.require_variation(TABLE, [])


@pytest.mark.parametrize(
    "values", [[3, 3, 3, 3], [True] * 4, pd.array([1, 1, 1, 1], dtype="Int64"), ["a"] * 4]
)
def test_require_variation_finds_a_constant(values):
    with pytest.raises(errors.NoVariationError, match=r"'flat' does not vary.*all 4 rows"):
        checks.require_variation(with_values("flat", values), ["y", "flat"])


def test_require_variation_finds_a_categorical_with_one_used_level():
    one = with_values("flat", pd.Categorical(["a"] * 4, categories=["a", "b"]))
    with pytest.raises(errors.NoVariationError):
        checks.require_variation(one, ["flat"])


def test_require_variation_says_that_a_table_is_empty():
    with pytest.raises(errors.NoVariationError, match=r"no rows.*all 0 rows"):
        checks.require_variation(EMPTY, ["y"])


def test_require_outcome_variation():
    checks.require_outcome_variation(TABLE["y"], "y")
    with pytest.raises(errors.NoVariationError, match=r"outcome 'log' does not vary \(3 in all 4"):
        checks.require_outcome_variation(TABLE["flat"], "log")


def test_require_clusters():
    checks.require_clusters(TABLE, "unit")
    with pytest.raises(errors.TooFewClustersError, match=r"'flat' has 1 value"):
        checks.require_clusters(TABLE, "flat")
    with pytest.raises(errors.TooFewClustersError, match=r"'unit' has 0 value"):
        checks.require_clusters(EMPTY, "unit")


def test_require_clusters_does_not_count_levels_that_no_row_has():
    one = with_values("unit", pd.Categorical(["a"] * 4, categories=["a", "b", "c"]))
    with pytest.raises(errors.TooFewClustersError):
        checks.require_clusters(one, "unit")


@pytest.mark.parametrize("values", [[0, 1, 2, 3], [0.0, 0.5, 2.0, np.inf], [False, True] * 2])
def test_require_nonnegative_passes(values):
    checks.require_nonnegative(with_values("y", values), "y", "Poisson")
    checks.require_nonnegative(EMPTY, "y", "Poisson")


@pytest.mark.parametrize(
    "values", [[0, -9, 2, 3], [0.0, -0.1, 1.0, 1.0], pd.array([0, -1, 2, 3], dtype="Int64")]
)
def test_require_nonnegative_finds_a_negative(values):
    with pytest.raises(errors.NegativeCountError, match=r"'y' is negative in 1 rows.*'r2'"):
        checks.require_nonnegative(with_values("y", values), "y", "Poisson")


def test_require_nonnegative_accepts_labels_that_repeat():
    table = with_values("y", [0, -9, 2, 3]).set_axis([7, 7, 7, 7])
    with pytest.raises(errors.NegativeCountError, match=r"row 7 \(-9\): Poisson"):
        checks.require_nonnegative(table, "y", "Poisson")


def test_every_error_is_the_package_s_own():
    """One ``except ReplicationError`` catches whatever a user can correct."""
    own = [e for e in vars(errors).values() if isinstance(e, type)]
    own = [e for e in own if not issubclass(e, Warning)]
    assert all(issubclass(e, errors.ReplicationError) for e in own)
