"""The simulated panel and its truth, made for the study and the choices in force."""

import shutil
import warnings
from pathlib import Path

import pandas as pd

from replication.config import DATA
from replication.montecarlo.register.alternatives import process_of
from replication.montecarlo.truth import truth
from replication.panel.build import build_panel
from replication.panel.consistency import require_consistent
from replication.panel.losses import LossWarning
from replication.records.manifest import origin, study_of, write_panel, write_records
from replication.records.manifest import write_truth as keep_truth
from replication.records.mark import mark_path
from replication.records.registry import Choices
from replication.records.study.choices import choices_in_force
from replication.records.study.frame import is_shipped
from replication.simulate.process import Process
from replication.simulate.records import simulate_records
from replication.simulate.study import simulate

SEED = 2026
DRAWS = 20
"""Draws for the targets that have no closed form: a study for one reader needs no third digit."""


def prepare(folder: Path) -> pd.DataFrame:
    """Write ``panel.parquet`` and ``truth.csv`` to `folder`; return the panel.

    The records are drawn anew from the study's process with the shipped seed. Where that is the
    shipped process, the truth is the shipped one: what is planted does not depend on how it is
    looked at.
    """
    if is_shipped() and choices_in_force() == Choices():
        # Choices of the design alone, or none: the panel is the one that ships.
        for name in ("panel.parquet", "panel.sample_flow.csv", "truth.csv"):
            shutil.copy(DATA / name, folder / name)
        for name in ("panel.parquet", "truth.csv"):
            shutil.copy(mark_path(DATA / name), mark_path(folder / name))
        return pd.read_parquet(folder / "panel.parquet")
    process = process_of(choices_in_force())
    study = simulate(process, SEED)
    records = folder / "records"
    tables = simulate_records(study, SEED)
    write_records(records, tables, study_of(process, SEED))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LossWarning)
        panel, flow = build_panel(tables)
    require_consistent(panel, "the panel")
    write_panel(folder / "panel.parquet", panel, flow, records, origin(records))
    shutil.rmtree(records)
    at = folder / "truth.csv"
    if is_shipped() and process == Process():
        shutil.copy(DATA / "truth.csv", at)
        shutil.copy(mark_path(DATA / "truth.csv"), mark_path(at))
    else:
        keep_truth(at, truth(study, draws=DRAWS), study_of(process, SEED), DRAWS)
    return panel
