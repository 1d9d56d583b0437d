"""Time our tests for few clusters and the peers' in one run: ``make bench``.

Writes ``results/benchmarks.csv``, and beside it ``results/benchmarks.json``, the machine, versions
and date. What one compares between machines are the ratios. Each time is the median of whole calls,
from data frame to p-value, after one that is not counted. A peer that is right is one whose
p-value, on data with most of the effect taken out, is within four binomial errors of the test's
definition carried out draw by draw, and which never answers 0: a permutation or bootstrap test
counts the data as one of the draws.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import peers
from peers import Answer, Call
from tqdm import tqdm

from replication.config import ROOT
from replication.estimate.many.least_squares import kernel
from replication.estimate.many.resampling import Permutations, Schedule, exposures
from replication.estimate.sample import sample

DRAWS = 9999
MANY = 99_999
"""Draws where answers are held to the definition; of wildboottest, which is slow, `DRAWS`."""
REMOVED = 0.12
"""Of the regressor's coefficient, about .17: the p-value of what is left is in the middle."""
TIMES = (1, 10, 100)
"""Rows of the growth table, times those of the panel."""

WILD: dict[str, tuple[Call, int]] = {
    "replication, with interval": (peers.ours_wild, DRAWS),
    "replication, p-value only": (peers.ours_wild_p, DRAWS),
    "StatsPAI, its own fit": (peers.statspai_whole, DRAWS),
    "StatsPAI, on columns demeaned by pyfixest": (peers.statspai_wild, DRAWS),
    "diff-diff, on columns demeaned by pyfixest": (peers.diff_diff_wild, DRAWS),
    "pyfixest, wildboottest": (peers.pyfixest_wild, DRAWS),
}
PERMUTED: dict[str, tuple[Call, int]] = {
    "replication": (peers.ours_permuted, DRAWS),
    # A draw takes the same time as the next: fewer are made, and the time is scaled up.
    "refitting by pyfixest.feols": (peers.refitted, 20),
    "pyfixest, ritest": (peers.pyfixest_ritest, DRAWS),
}
TASKS = {
    "wild cluster bootstrap": (WILD, peers.reference_wild),
    "randomisation test": (PERMUTED, peers.reference_permuted),
    "all five methods": ({"replication": (peers.ours_compare, DRAWS)}, None),
}


def timed(call: Callable[[], object], repeats: int) -> list[float]:
    """Seconds of each of `repeats` calls, after one more."""
    call()
    found = []
    for _ in range(repeats):
        begin = time.perf_counter()
        call()
        found.append(time.perf_counter() - begin)
    return found


def judged(call: Call, draws: int, weak: pd.DataFrame, right: float | None, p: float) -> str:
    """Why an answer is wrong; empty where it is right, or where there is nothing to hold it to."""
    if right is None or draws < DRAWS:
        return ""
    reasons = ["p = 0: the data are not counted as a draw"] if p == 0 else []
    many = DRAWS if call is peers.pyfixest_wild else MANY
    found = call(weak, many).p_value
    near = 4 * np.sqrt(right * (1 - right) * (1 / many + 1 / MANY))
    if found is not None and not abs(found - right) <= near:
        reasons.append(f"p = {found:.4f} where the definition gives {right:.4f}")
    return "; ".join(reasons)


def measured(repeats: int) -> pd.DataFrame:
    """One row a task and peer."""
    whole, weak = peers.study(), peers.study(REMOVED)
    rows = []
    bar = tqdm(total=sum(len(calls) for calls, _ in TASKS.values()))
    for task, (calls, reference) in TASKS.items():
        right = None if reference is None else reference(weak, MANY)
        for peer, (call, draws) in calls.items():
            bar.set_postfix_str(f"{task}: {peer}")
            row = {"task": task, "peer": peer, "rows": len(whole), "draws": DRAWS}
            try:
                answer = call(whole, draws)
                seconds = timed(lambda call=call, draws=draws: call(whole, draws), repeats)
                reason = judged(call, draws, weak, right, float(answer.p_value or 0.0))
            except Exception as error:
                answer, seconds = Answer(None), [np.nan]
                reason = f"no answer: {' '.join(str(error).split())[:90]}"
            scale = (DRAWS + 1) / (draws + 1)
            row |= {"seconds": np.median(seconds) * scale, "least": min(seconds) * scale}
            row |= {"most": max(seconds) * scale, "scaled": scale > 1, "repeats": len(seconds)}
            row |= {"p_value": answer.p_value if scale == 1 else None}
            row |= {"lower": answer.lower, "upper": answer.upper}
            rows.append({**row, "verdict": "wrong" if reason else "right", "reason": reason})
            bar.update()
    bar.close()
    return pd.DataFrame(rows)


def parts(repeats: int) -> pd.DataFrame:
    """Steps of our own: laying out, and the floor of a studentised test with G clusters.

    The floor is what no such test can do without: permutations, G products with a G × G matrix (the
    clusters' squares), one for the scores, statistics. Twice, as one would write it and as we do.
    """
    panel = peers.study()
    rows = sample(panel, peers.DESIGN)
    k = kernel(rows, "a benchmark")
    y = k.residualise(k.arrange(rows.y.to_numpy()))
    actual = pd.Series(rows.exposure).groupby(rows.cluster("a benchmark")).first().to_numpy()
    schedule = Schedule(k, rows.schedule)
    square = np.random.default_rng(0).standard_normal((len(actual),) * 3)

    def floor() -> None:
        drawn = exposures(actual, DRAWS, peers.SEED)
        squares = np.column_stack([((drawn @ one) * drawn).sum(axis=1) for one in square])
        products = drawn @ square[0]
        total = squares.sum(axis=1)
        estimate = products.sum(axis=1) / total
        scores = products - estimate[:, None] * squares
        np.abs(estimate * total / np.linalg.norm(scores, axis=1))

    def ours() -> None:
        Permutations(schedule, exposures(actual, DRAWS, peers.SEED)).statistics(y)

    steps = {
        "checks and columns of a design": lambda: sample(panel, peers.DESIGN),
        "laying out the clusters": lambda: kernel(rows, "a benchmark"),
        "floor of a studentised test": floor,
        "the same steps as we take them": ours,
    }
    found = []
    for step, call in tqdm(steps.items()):
        seconds = timed(call, repeats)
        row = {"task": "steps", "peer": step, "rows": len(panel), "draws": DRAWS}
        row |= {"seconds": np.median(seconds), "least": min(seconds), "most": max(seconds)}
        found.append({**row, "scaled": False, "repeats": repeats})
    return pd.DataFrame(found)


def growth(repeats: int) -> pd.DataFrame:
    """Time and peak memory with more rows in each cell, every size in a process of its own."""
    rows = []
    for times in tqdm(TIMES):
        command = [sys.executable, __file__, "--size", str(times), "--repeats", str(repeats)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        rows.append(json.loads(done.stdout.splitlines()[-1]))
    return pd.DataFrame(rows)


def peak_memory(*, reset: bool = False) -> float:
    """Most memory that this process held since the last reset, in megabytes; on Linux only."""
    # Not getrusage: that starts from the memory of the process which started this one.
    if reset:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 2**10


def one_size(times: int, repeats: int) -> dict[str, object]:
    """Bootstrap and permutation of the panel `times` over, with new noise; memory in megabytes."""
    small = peers.study()
    peers.ours_wild(small, 99)
    panel = pd.concat([small] * times, ignore_index=True)
    panel["y"] += np.random.default_rng(1).normal(0, 0.1, len(panel))
    size = panel.memory_usage(deep=True).sum() / 2**20
    before = peak_memory(reset=True)
    seconds = timed(lambda: peers.ours_wild(panel, DRAWS), repeats)
    peak = peak_memory()
    row = {"task": "growth", "peer": "replication, with interval", "rows": len(panel)}
    row |= {"draws": DRAWS, "seconds": np.median(seconds), "least": min(seconds)}
    row |= {"most": max(seconds), "scaled": False, "repeats": repeats}
    return {**row, "data_mb": size, "memory_mb": peak - before}


def machine() -> dict[str, object]:
    """Where and with what it was measured; kept apart, since nothing else depends on the date."""
    names = ("numpy", "scipy", "pandas", "pyfixest", "wildboottest", "statspai", "diff-diff")
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processors": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "blas_threads": os.environ.get("OPENBLAS_NUM_THREADS", "all"),
        "versions": {name: version(name) for name in names},
    }


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="calls that a median is of")
    parser.add_argument("--out", type=Path, default=ROOT / "results", help="folder of the table")
    parser.add_argument("--size", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    # The peers warn of next versions; what they answer is held against the definition.
    warnings.simplefilter("ignore")
    if chosen.size:
        print(json.dumps(one_size(chosen.size, chosen.repeats), default=float))
        return
    tables = [measured(chosen.repeats), parts(chosen.repeats), growth(chosen.repeats)]
    found = pd.concat(tables, ignore_index=True)
    for _, own in found.groupby("task")["seconds"]:
        found.loc[own.index, "ratio"] = own / own.iloc[0]
    print(found[["task", "peer", "rows", "seconds", "ratio", "p_value", "reason"]].to_string())
    found.to_csv(chosen.out / "benchmarks.csv", index=False, float_format="%.5g")
    text = json.dumps(machine(), indent=2, sort_keys=True)
    (chosen.out / "benchmarks.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
