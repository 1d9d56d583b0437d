"""The specification curves that are committed, with the size of their joint test.

They take minutes, so that they ship with the checksum of the code that made them, and a sample of
their specifications is estimated again where they are read.
"""

import hashlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from replication.config import DATA, ROOT
from replication.errors import SchemaError
from replication.estimate.design import Design
from replication.estimate.specification import Curve, Specification, specification_curve
from replication.estimate.verbs import did
from replication.montecarlo.committed import as_json, as_parquet, read_manifest, read_table
from replication.montecarlo.record import TOLERANCE, checksum_of_code
from replication.montecarlo.register.null import sizes
from replication.montecarlo.register.panels import EXPECTED, VARIANTS, Panel, panel, shipped
from replication.montecarlo.register.specifications import CHOICES, specifications
from replication.montecarlo.truth import projection
from replication.panel.load import load_panel
from replication.writing import write_files

FOLDER = DATA / "montecarlo"
UNFINISHED = ROOT / "build" / "curves"
MANIFEST = "curves_manifest.json"
FILES = ("curves.parquet", "curves_joint.parquet", "curves_sizes.parquet")
HOW = "`replication montecarlo --all` (minutes)"
"""How the files are made."""
DRAWS = 499
"""Permutations of the joint test."""
AIMS, AIM_SEED = 60, 20260801
"""Draws for targets that have no closed form, and their seed."""
CODE = (
    "panel/*.py",
    "estimate/specification/*.py",
    "montecarlo/register/*.py",
)
"""Modules that the numbers come from, beside those of the studies."""


class Manifest(BaseModel):
    """Checksums of the code that made the files and of the files; seconds that the curves took."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    made_by: str
    agrees_with: str
    seconds: dict[str, float]
    sha256: dict[str, str]


def load_curve(claim: str, folder: Path = FOLDER) -> Curve:
    """The curve of C1 or C2, each specification with its target.

    Returns
    -------
    Curve
        Its table has in addition ``panel``; ``target``, what the specification finds in expected
        outcomes (PPML) or on average over draws (least squares), and ``target_error``, zero where
        it is exact.

    Raises
    ------
    SchemaError
        If a file is missing or is not as its manifest says.
    """
    table, joint = (_load(file, folder) for file in FILES[:2])
    kept = table[table["claim"] == claim].drop(columns="claim").dropna(axis=1, how="all")
    joint = joint[joint["claim"] == claim].drop(columns="claim").set_index("statistic")
    return Curve(kept.reset_index(drop=True), joint)


def load_sizes(folder: Path = FOLDER) -> pd.DataFrame:
    """How often the joint test rejects where exchange does nothing; as `null.sizes`."""
    return _load(FILES[2], folder)


def require_agreement(
    every: int = 60, panels: Sequence[str] = ("as chosen",), folder: Path = FOLDER
) -> int:
    """Estimate a sample of the specifications again, and count the numbers that came out.

    Parameters
    ----------
    every : int
        One of so many specifications of each panel.
    panels : sequence of str
        Of `VARIANTS`; those but the first need records, and take as long as building a panel.

    Raises
    ------
    SchemaError
        If an estimate, standard error or target differs by more than `TOLERANCE`, naming the first.
    """
    compared = 0
    for name in panels:
        made = _panel(name)
        for claim in CHOICES:
            known = load_curve(claim, folder).table
            chosen = [(i, s) for i, s in enumerate(specifications(claim)) if s.panel == name][
                ::every
            ]
            aims = _targets(made, [s.design for _, s in chosen])
            for (i, one), (target, _) in zip(chosen, aims, strict=True):
                row = did(made.data, one.design).frame.iloc[0]
                for column, again in (
                    ("estimate", row.estimate),
                    ("std_error", row.std_error),
                    ("target", target),
                ):
                    committed = float(known[column].iloc[i])
                    if not np.isclose(committed, again, rtol=1e-6, atol=TOLERANCE):
                        raise SchemaError(
                            f"{folder}: {column} of specification {i} of {claim} "
                            f"({dict(one.choices)}) is {again}, committed {committed}: if that is "
                            "meant to be, make the curves anew with `replication montecarlo`"
                        )
                    compared += 1
    return compared


def code() -> str:
    """Checksum of the code that the curves come from."""
    return checksum_of_code(CODE)


def is_stale(folder: Path = FOLDER) -> bool:
    """Whether the code has changed since the curves, or a sample of them, were made."""
    return _manifest(folder).agrees_with != code()


def make(folder: Path = FOLDER, *, jobs: int = 2, everything: bool = False) -> str:
    """Bring the committed curves up to date; what was done, as a sentence.

    Parameters
    ----------
    folder : Path
    jobs : int
        Processes, of one thread each. The numbers do not depend on it.
    everything : bool
        Estimate all, whatever the checksum.
    """
    now = code()
    if not everything and (folder / MANIFEST).is_file():
        manifest = _manifest(folder)
        if manifest.agrees_with == now:
            return "the code is the one that the curves agree with: nothing to do"
        try:
            count = require_agreement(every=24, folder=folder)
        except SchemaError as error:
            print(f"{error}\n", flush=True)
        else:
            noted = manifest.model_copy(update={"agrees_with": now})
            write_files(folder, {MANIFEST: as_json(noted)})
            return f"{count} numbers of the curves came out as committed: the checksum is noted"
    files, seconds = _all(now, jobs)
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    manifest = Manifest(made_by=now, agrees_with=now, seconds=seconds, sha256=sums)
    write_files(folder, files | {MANIFEST: as_json(manifest)})
    return f"{sum(len(specifications(c)) for c in CHOICES):,} specifications in {folder}"


def _all(now: str, jobs: int) -> tuple[dict[str, bytes], dict[str, float]]:
    """All files, and the seconds that each step took; finished parts of an earlier run are kept."""
    kept = UNFINISHED / now[:16]
    seconds: dict[str, float] = {}
    with _timed(seconds, "panels"):
        made = {name: _panel(name) for name in VARIANTS}
    tables, joints = [], []
    for claim in CHOICES:
        chosen = specifications(claim)
        used = {name: made[name].data for name in dict.fromkeys(s.panel for s in chosen)}
        with _timed(seconds, f"curve of {claim}"):
            found = specification_curve(used, chosen, draws=DRAWS, jobs=jobs, keep=kept)
        with _timed(seconds, f"targets of {claim}"):
            aims = _aims(made, chosen, jobs, kept)
        tables.append(found.table.assign(claim=claim, panel=[s.panel for s in chosen], **aims))
        joints.append(found.joint.reset_index().assign(claim=claim))
    with _timed(seconds, "sizes of the joint test"):
        null = sizes(made["as chosen"])
    contents = (pd.concat(tables, ignore_index=True), pd.concat(joints, ignore_index=True), null)
    return {name: as_parquet(c) for name, c in zip(FILES, contents, strict=True)}, seconds


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    """Note how long a step takes, and say so."""
    begin = time.perf_counter()
    yield
    seconds[name] = round(time.perf_counter() - begin, 1)
    print(f"  {name}: {seconds[name]:.0f} s", flush=True)


def _panel(name: str) -> Panel:
    """The panel of a variant, from the shipped one where records need not be read again."""
    variant = VARIANTS[name]
    plain = VARIANTS["as chosen"]
    if (variant.process, variant.choices) == (plain.process, plain.choices):
        return shipped(name, load_panel("simulated"))
    return panel(name)


def _aims(
    made: dict[str, Panel], chosen: Sequence[Specification], jobs: int, keep: Path
) -> dict[str, list[float]]:
    """Targets with their Monte-Carlo errors, panel by panel; finished panels are kept."""
    from joblib import Memory, Parallel, delayed

    own = {name: [i for i, s in enumerate(chosen) if s.panel == name] for name in made}
    one = Memory(keep, verbose=0).cache(_targets)
    aims = Parallel(n_jobs=jobs, inner_max_num_threads=1 if jobs > 1 else None)(
        delayed(one)(made[name], [chosen[i].design for i in places])
        for name, places in own.items()
        if places
    )
    places = [i for of in own.values() for i in of]
    found = dict(zip(places, (pair for part in aims for pair in part), strict=True))
    ordered = [found[i] for i in range(len(chosen))]
    return {"target": [t for t, _ in ordered], "target_error": [e for _, e in ordered]}


def _targets(panel: Panel, designs: Sequence[Design]) -> list[tuple[float, float]]:
    """Target and Monte-Carlo error of each design.

    Poisson: the fit to expected outcomes, exact. Least squares is linear in the transformed
    outcome: its coefficient is a weighted sum, which is averaged over draws.
    """
    transforms = {"log1p": np.log1p, "asinh": np.arcsinh}
    least = {i: projection(panel.data, d) for i, d in enumerate(designs) if d.model == "ols"}
    slopes: dict[int, list[float]] = {i: [] for i in least}
    if least:
        for outcomes in panel.draws(AIMS, AIM_SEED):
            for i, weights in least.items():
                y = transforms[designs[i].scale](outcomes[designs[i].outcome])
                slopes[i].append(float(weights @ y))
    found = []
    for i, one in enumerate(designs):
        if i in least:
            b = np.array(slopes[i])
            found.append((float(b.mean()), float(b.std(ddof=1) / np.sqrt(len(b)))))
        else:
            fit = did(panel.data, one.but(outcome=EXPECTED, variance="none"))
            found.append((float(fit.frame["estimate"].iloc[0]), 0.0))
    return found


def _load(file: str, folder: Path) -> pd.DataFrame:
    return read_table(folder / file, _manifest(folder).sha256.get(file), HOW)


def _manifest(folder: Path) -> Manifest:
    return read_manifest(folder / MANIFEST, Manifest, HOW)
