"""Loading the panel of a data source: validated, or a clear error."""

from pathlib import Path
from typing import Any

import pandas as pd

from replication.config import DATA
from replication.errors import SourceUnavailableError

SOURCES = ("simulated", "restricted", "open")
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

    Returns
    -------
    DataFrame
        As `schema.PANEL` says, or `openalex.OPEN_PANEL` for the open source;
        ``attrs["source"]`` is the source.

    Raises
    ------
    SourceUnavailableError
        If the source is not known or its file is not there.
    SchemaError
        If the file is not a valid panel.
    """
    from replication.records import validation

    if source not in SOURCES:
        raise SourceUnavailableError(f"source {source!r} is not one of {', '.join(SOURCES)}")
    path = path or _usual(source)
    if not path.is_file():
        raise SourceUnavailableError(f"the {source} panel is not at {path}: {REMEDY[source]}")
    frame, expected = validation.read(path), _schema(source)
    if partial:
        lacking = set(expected.columns) - set(frame.columns) - set(expected.metadata["key"])
        expected = expected.remove_columns(sorted(lacking))
    panel = validation.validate(frame, expected, str(path))
    panel.attrs["source"] = source
    return panel


def _usual(source: str) -> Path:
    """Where the panel of a source is, unless the caller names another place."""
    if source == "open":
        from replication.records.open.download import cache_folder

        return cache_folder() / "openalex" / "panel.parquet"
    return (DATA if source == "simulated" else DATA / "restricted") / "panel.parquet"


def _schema(source: str) -> Any:
    if source == "open":
        from replication.panel.openalex import OPEN_PANEL

        return OPEN_PANEL
    from replication.records import schema

    return schema.PANEL


def load_truth(path: Path = DATA / "truth.csv") -> pd.DataFrame:
    """Planted truth of the shipped simulated study, by claim and target; see `truth.truth`."""
    return pd.read_csv(_there(path), dtype={"claim": str}, index_col=["claim", "target"])


def load_event_truth(claim: str = "C1", path: Path = DATA / "truth.csv") -> pd.Series:
    """True effect of a claim's design by event time, as PPML aims at it."""
    mean = load_truth(path).xs("mean", level="target")["value"]
    by_period = mean[mean.index.str.startswith(f"{claim} ")]
    periods = by_period.index.str.removeprefix(f"{claim} ").str.replace("−", "-").astype(int)
    return by_period.set_axis(periods.rename("event_time"))


def load_sample_flow(path: Path = DATA / "panel.sample_flow.csv") -> pd.DataFrame:
    """Read what became of each record of the shipped panel: table, reason, rows."""
    return pd.read_csv(_there(path))


def _there(path: Path) -> Path:
    if not path.is_file():
        raise SourceUnavailableError(f"{path} is not there: {REMEDY['simulated']}")
    return path
