"""Loading the panel of a data source: validated, or a clear error."""

from pathlib import Path
from typing import Any

import pandas as pd

from replication.config import DATA, own_records, simulated
from replication.errors import SchemaError, SourceUnavailableError

REMEDY = {
    "simulated": "`make data` rebuilds it: `replication simulate`, then `replication build`",
    "restricted": "data/restricted/README.md says how to bring your own records and build it",
    "open": "`replication fetch openalex` collects it; see data/README.md on what it costs",
}


def load_panel(
    source: str = "simulated", path: Path | None = None, *, partial: bool = False
) -> pd.DataFrame:
    """Read the analysis panel of a data source and check it against the schema.

    Parameters
    ----------
    source : {"simulated", "restricted", "open"}
        Open is what `replication fetch openalex` has collected.
    path : Path, optional
        Another file to read in its place.
    partial : bool
        Accept a panel without some of the columns that are not its key, as a reader with fewer
        records has; what needs them will say so.

    In a run of chapters on the reader's records (`replication run --source restricted`) the
    simulated source is these, partial.

    Returns
    -------
    DataFrame
        As `schema.PANEL` says, or `openalex.OPEN_PANEL` for the open source;
        ``attrs["source"]`` is the source.

    Raises
    ------
    SourceUnavailableError
        If the source is not known, its file is not there, or the file is of another source.
    SchemaError
        If the file is not a valid panel, contradicts itself, or is not as `replication build` wrote
        it.

    Examples
    --------
    >>> panel = rp.load_panel()
    >>> panel.shape
    (12096, 28)
    >>> panel["university"].nunique()
    56
    """
    from replication.panel.consistency import require_consistent
    from replication.records import mark, validation

    if source == "simulated" and (own := own_records()):
        source, path, partial = "restricted", path or own, True
    if source not in REMEDY:
        raise SourceUnavailableError(f"source {source!r} is not one of {', '.join(REMEDY)}")
    usual, expected = _usual(source)
    path = path or usual
    if not path.is_file():
        raise SourceUnavailableError(f"the {source} panel is not at {path}: {REMEDY[source]}")
    said = mark.require_unchanged(mark.mark_path(path), path)
    frame = validation.read(path)
    # A panel that the reader made without the command says nothing, and is the reader's own.
    known = said.source if said else frame.attrs.get("source", "restricted")
    if partial:
        lacking = set(expected.columns) - set(frame.columns) - set(expected.metadata["key"])
        expected = expected.remove_columns(sorted(lacking))
    panel = validation.validate(frame, expected, str(path))
    require_consistent(panel, str(path))
    if known != source:
        raise SourceUnavailableError(
            f"{path} is a panel of the source {known!r}, not {source!r}: name its own source, or "
            f"another panel; {REMEDY[source]}"
        )
    panel.attrs = {"source": source}
    return panel


def _usual(source: str) -> tuple[Path, Any]:
    """Where the panel of a source is unless the caller names another place, and its schema."""
    if source == "open":
        from replication.panel.openalex import OPEN_PANEL
        from replication.records.open.download import cache_folder

        return cache_folder() / "openalex" / "panel.parquet", OPEN_PANEL
    from replication.records.schema import panel
    from replication.records.study.choices import choices_in_force

    choices = choices_in_force()
    folder = simulated() if source == "simulated" else DATA / "restricted"
    return folder / "panel.parquet", panel(choices.outcome, choices.classes)


def load_truth(path: Path | None = None) -> pd.DataFrame:
    """Planted truth of the simulated study in hand, by claim and target; see `truth.truth`.

    `SchemaError` says what is wrong with a damaged file. In a run of chapters on the reader's
    records every value is missing: nothing was planted in them.

    Examples
    --------
    The planted effect on the log of the mean.

    >>> truth = rp.load_truth()
    >>> float(truth.loc[("C1", "mean"), "value"].round(3))
    0.231
    """
    from replication.records import mark, schema, validation

    path = path or simulated() / "truth.csv"
    mark.require_unchanged(mark.mark_path(_there(path)), path)
    try:
        frame = pd.read_csv(path, dtype={"claim": str, "target": str})
    except (OSError, ValueError) as error:
        raise SchemaError(f"{path} cannot be read as CSV: {error}") from error
    truth = validation.validate(frame, schema.TRUTH, str(path)).set_index(["claim", "target"])
    needed = [(f"C{n}", "mean") for n in range(1, 10)]
    if absent := [claim for claim, target in needed if (claim, target) not in truth.index]:
        raise SchemaError(
            f"{path} has no target 'mean' of {', '.join(absent)}: `replication truth` makes it anew"
        )
    return truth.assign(value=float("nan"), mc_error=float("nan")) if own_records() else truth


def load_event_truth(claim: str = "C1", path: Path | None = None) -> pd.Series | None:
    """True effect of a claim's design by event time, as PPML aims at it.

    None in a run of chapters on the reader's records, in which nothing was planted.

    Examples
    --------
    >>> rp.load_event_truth("C1").round(3)
    event_time
    -7    0.001
    -6    0.000
    -5    0.001
    -4   -0.000
    -3    0.001
    -2    0.002
     0    0.232
     1    0.232
     2    0.232
     3    0.231
     4    0.230
    Name: value, dtype: float64
    """
    if own_records():
        return None
    mean = load_truth(path).xs("mean", level="target")["value"]
    by_period = mean[mean.index.str.startswith(f"{claim} ")]
    periods = by_period.index.str.removeprefix(f"{claim} ").str.replace("−", "-").astype(int)
    return by_period.set_axis(periods.rename("event_time"))


def _there(path: Path) -> Path:
    if not path.is_file():
        raise SourceUnavailableError(f"{path} is not there: {REMEDY['simulated']}")
    return path
