"""The studies that are committed: made once, read by the book, and held to a sample run again.

Three thousand studies take most of an hour, so that their tables ship with the project, with the
checksum of the code that made them. Where that code has changed since, `make` runs a sample of the
studies again: if they come out as they were, the new checksum is written down beside the old one,
and if not, all studies are run.
"""

import hashlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict
from tqdm import tqdm

from replication.config import DATA, ROOT
from replication.errors import SchemaError
from replication.montecarlo.committed import as_json, as_parquet, read_manifest, read_table
from replication.montecarlo.redrawn import STUDIES, many_studies
from replication.writing import write_file, write_files

FOLDER = DATA / "montecarlo"
UNFINISHED = ROOT / "build" / "montecarlo"
"""Studies of a run that is not finished; it goes on where it stopped."""

TABLES = {"claims": ["world", "study", "claim", "model"], "leads": ["study", "model"]}
"""Committed tables, each with what identifies a row."""

HOW = "`replication montecarlo --all` (an hour)"
"""How the tables are made."""

PIECE = 50
"""Studies that are written to the disk at a time."""
SAMPLE = 12
"""Studies of each world that are run again where the code has changed."""
TOLERANCE = 1e-8
"""Relative difference of a number that is the same."""

CODE = (
    "records/classify.py",
    "records/exposure.py",
    "records/study/frame.py",
    "records/variables.py",
    "simulate/*.py",
    "estimate/*.py",
    "estimate/many/*.py",
    "montecarlo/truth.py",
    "montecarlo/redrawn.py",
)
"""Modules that the numbers come from."""
LISTS = ("disciplines.csv", "*_ipc.csv", "ipc_discipline.csv", "study.toml")
"""Lists in ``data/`` that studies are simulated from."""


class Manifest(BaseModel):
    """What is known of the committed tables.

    Attributes
    ----------
    studies : dict of str to int
        By world.
    made_by : str
        Checksum of the code that finished the run.
    agrees_with : str
        Checksum of the code by which a sample of them was run last, and came out the same.
    sha256 : dict of str to str
        Checksums of the tables.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    studies: dict[str, int]
    made_by: str
    agrees_with: str
    sha256: dict[str, str]


def load_studies(folder: Path = FOLDER) -> dict[str, pd.DataFrame]:
    """Read the committed tables, ``claims`` and ``leads``, as `redrawn.one_study` describes them.

    Raises
    ------
    SchemaError
        If a file is missing or is not as its manifest says.
    """
    sums = _manifest(folder).sha256
    return {name: read_table(folder / f"{name}.parquet", sums.get(name), HOW) for name in TABLES}


def _manifest(folder: Path) -> Manifest:
    return read_manifest(folder / "manifest.json", Manifest, HOW)


def checksum_of_code(more: Sequence[str] = ()) -> str:
    """Checksum of the modules and lists that the numbers come from; line endings do not count.

    `more` are patterns of further modules.
    """
    whole = hashlib.sha256()
    for folder, patterns in ((Path(__file__).parents[1], (*CODE, *more)), (DATA, LISTS)):
        for path in sorted({path for pattern in patterns for path in folder.glob(pattern)}):
            name, content = path.relative_to(folder).as_posix(), path.read_bytes()
            whole.update(name.encode() + b"\0" + content.replace(b"\r\n", b"\n") + b"\0")
    return whole.hexdigest()


def is_stale(folder: Path = FOLDER) -> bool:
    """Whether the code has changed since the tables, or a sample of them, were made."""
    return _manifest(folder).agrees_with != checksum_of_code()


def require_agreement(
    studies: Mapping[str, Sequence[int]], folder: Path = FOLDER, jobs: int = 1
) -> int:
    """Run some studies of each world again, and count the numbers that came out as committed.

    Raises
    ------
    SchemaError
        If any differs by more than `TOLERANCE`, naming the first.
    """
    compared = 0
    for world, numbers in studies.items():
        differing, count = disagreements(world, numbers, folder, jobs)
        if len(differing):
            raise SchemaError(
                f"{len(differing)} of {count} numbers are not as in {folder}, the first "
                f"{differing.iloc[0].to_dict()}: if that is meant to be, make the tables anew with "
                "`replication montecarlo --all` (an hour)"
            )
        compared += count
    return compared


def disagreements(
    world: str, numbers: Iterable[int], folder: Path = FOLDER, jobs: int = 1
) -> tuple[pd.DataFrame, int]:
    """Run studies of a world again, and tell what is not as committed.

    Returns
    -------
    differing : DataFrame
        One row a number that differs by more than `TOLERANCE`: ``table``, ``row``, ``column``,
        ``committed``, ``again``; a row or column that is on one side alone differs as a whole.
        Empty where all agree.
    compared : int
        Committed numbers that were looked at.
    """
    chosen = sorted(numbers)
    committed = load_studies(folder)
    again = _joined(many_studies([(world, n) for n in chosen], jobs))
    found, compared = [], 0
    for name, keys in TABLES.items():
        known = committed[name]
        known = known[known["study"].isin(chosen)]
        if "world" in keys:
            known = known[known["world"] == world]
        elif world != "none":
            continue
        old, new = _long(known, keys), _long(again[name], keys)
        both = pd.concat({"committed": old, "again": new}, axis=1).sort_index()
        a, b = both.to_numpy().T
        same = np.isclose(a, b, rtol=TOLERANCE, atol=TOLERANCE * 1e-2, equal_nan=True)
        same &= both.index.isin(old.index) & both.index.isin(new.index)
        compared += int(old.notna().sum())
        differing = both[~same].reset_index("column")
        rows = pd.Series(list(differing.index), dtype=object)
        found.append(differing.reset_index(drop=True).assign(table=name, row=rows))
    columns = ["table", "row", "column", "committed", "again"]
    return pd.concat(found, ignore_index=True)[columns], compared


def _long(table: pd.DataFrame, keys: Sequence[str]) -> pd.Series:
    """One row a number, missing ones too, indexed by `keys` and ``column``."""
    numbers = table.set_index(list(keys)).astype(float).rename_axis(columns="column")
    return pd.Series(numbers.stack(future_stack=True))


def make(folder: Path = FOLDER, *, jobs: int = 2, everything: bool = False) -> str:
    """Bring the committed tables up to date; what was done, as a sentence.

    Parameters
    ----------
    folder : Path
    jobs : int
        Processes, of one thread each. The numbers do not depend on it.
    everything : bool
        Run all studies, whatever the checksum.
    """
    code = checksum_of_code()
    if not everything:
        load_studies(folder)
        manifest = _manifest(folder)
        if manifest.agrees_with == code:
            return "the code is the one that the tables agree with: nothing to do"
        if manifest.studies == STUDIES and _sample_agrees(folder, jobs):
            manifest = manifest.model_copy(update={"agrees_with": code})
            write_file(folder / "manifest.json", as_json(manifest))
            return "a sample of the studies came out as committed: the new checksum is noted"
    tables = _all_studies(code, jobs)
    files = {f"{name}.parquet": as_parquet(table) for name, table in tables.items()}
    manifest = Manifest(
        studies=STUDIES,
        made_by=code,
        agrees_with=code,
        sha256={
            n.removesuffix(".parquet"): hashlib.sha256(c).hexdigest() for n, c in files.items()
        },
    )
    write_files(folder, files | {"manifest.json": as_json(manifest)})
    for path in UNFINISHED.glob("*.parquet"):
        path.unlink()
    return f"{sum(STUDIES.values()):,} studies in {folder}"


def _sample_agrees(folder: Path, jobs: int) -> bool:
    for world, studies in STUDIES.items():
        # An odd step, for every second study has more tests than the others.
        numbers = range(0, studies, studies // SAMPLE + 1 - studies // SAMPLE % 2)[:SAMPLE]
        differing, _ = disagreements(world, numbers, folder, jobs)
        if len(differing):
            print(
                f"studies differ from the committed, the first:\n{differing.head()}\n", flush=True
            )
            return False
    return True


def _all_studies(code: str, jobs: int) -> dict[str, pd.DataFrame]:
    """Run all studies, in pieces; those of an interrupted run of the same code are kept."""
    UNFINISHED.mkdir(parents=True, exist_ok=True)
    pieces = [
        (world, range(first, min(first + PIECE, studies)))
        for world, studies in STUDIES.items()
        for first in range(0, studies, PIECE)
    ]
    # All worlds grow alike, so that an unfinished run has something of each.
    pieces.sort(key=lambda piece: piece[1][0] / STUDIES[piece[0]])
    places = {
        (world, own): {
            n: UNFINISHED / f"{code[:16]}-{world}-{own[0]}-{own[-1]}-{n}.parquet" for n in TABLES
        }
        for world, own in pieces
    }
    missing = [p for p in pieces if not all(path.is_file() for path in places[p].values())]
    running = many_studies([(world, n) for world, own in missing for n in own], jobs)
    with tqdm(total=sum(STUDIES.values()), unit=" studies", disable=not sys.stderr.isatty()) as bar:
        bar.update(sum(len(own) for world, own in pieces if (world, own) not in missing))
        for world, own in missing:
            piece = _joined(islice(running, len(own)))
            for name, path in places[world, own].items():
                write_file(path, as_parquet(piece[name]))
            bar.update(len(own))
    found = [{n: pd.read_parquet(path) for n, path in places[p].items()} for p in pieces]
    whole = {name: pd.concat([p[name] for p in found if len(p[name])]) for name in TABLES}
    return {
        name: table.sort_values(TABLES[name], kind="stable", ignore_index=True)
        for name, table in whole.items()
    }


def _joined(studies: Iterable[tuple[pd.DataFrame, pd.DataFrame]]) -> dict[str, pd.DataFrame]:
    claims, leads = zip(*studies, strict=True)
    some = [table for table in leads if len(table)]
    empty = pd.DataFrame(columns=TABLES["leads"])
    return {
        "claims": pd.concat(claims, ignore_index=True),
        "leads": pd.concat(some, ignore_index=True) if some else empty,
    }
