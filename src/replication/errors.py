"""Errors that a user can correct; each message says what is wrong, where, and what to do."""


class ReplicationError(Exception):
    """Base of all errors that this package raises on purpose."""


class DesignError(ReplicationError, ValueError):
    """A choice of a design does not exist, or does not go with another."""


class MissingColumnError(ReplicationError):
    """A column that the call needs is not in the table."""


class MissingValueError(ReplicationError):
    """A column that must be complete has missing or infinite values."""


class DuplicateRowsError(ReplicationError):
    """A key that must identify a row occurs more than once."""


class NoVariationError(ReplicationError):
    """A regressor does not vary, or the fixed effects and controls leave nothing of it."""


class ConvergenceError(ReplicationError):
    """An iteration did not reach the maximum of its likelihood."""


class TooFewClustersError(ReplicationError):
    """Too few clusters for a clustered variance, or for the joint test that is asked of it."""


class WeightError(ReplicationError):
    """A weight is zero or below."""


class StaggeredTreatmentWarning(UserWarning):
    """Units are treated from different times on, and two-way fixed effects compare them wrongly."""


class ExposureWindowWarning(UserWarning):
    """An exposure was measured before another first treated time than the one that is asked for."""


class FewClustersWarning(UserWarning):
    """The clusters are too few, or too few of them matter, for a standard error to be relied on."""


class NegativeCountError(ReplicationError):
    """A Poisson model or a logarithm was asked of an outcome below zero."""


class SchemaError(ReplicationError):
    """A table is not what its schema says."""


class RegistryError(ReplicationError):
    """A data file of the project (register, exhibits, published numbers) is damaged."""


class SourceUnavailableError(ReplicationError):
    """The records or the panel of a data source are not on this machine."""


class OverwriteError(ReplicationError):
    """A file is in the way that the command did not write."""


class BusyError(ReplicationError):
    """Another command is writing to the same place."""


class ChapterError(ReplicationError):
    """A cell of a chapter failed."""


class UnknownTruthError(MissingValueError):
    """Nothing was planted, so that there is nothing to compare an estimate with."""


class SuppressedError(ReplicationError):
    """Licensed records would be shown of too few universities or patents."""
