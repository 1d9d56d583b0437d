"""Time and memory of `simulate` and `build` as records grow, and beside pandas: ``make bench``.

Writes ``results/scale.csv``, and beside it ``results/scale.json``. Every row is a process of its
own: seconds by the clock and of all its processors, and the most memory that it held. On a machine
that does other work at the same time the clock says more than the processors.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pandas as pd
from pyarrow import parquet

from replication.config import ROOT

HERE = Path(__file__).parent
SCALES = (1.35, 13.5, 135)
"""Some 100 thousand, one million and ten million patents."""
BESIDE = 13.5
"""Where pandas does the same, which it could not within the memory of a laptop at the last."""


def run(task: str, *command: str) -> dict[str, object]:
    """One process: what it took."""
    script = (
        "import json, resource, subprocess, sys, time; t = time.perf_counter();"
        "done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE);"
        "s = time.perf_counter() - t; r = resource.getrusage(resource.RUSAGE_CHILDREN);"
        "sys.stderr.buffer.write(done.stderr if done.returncode else b'');"
        "print(json.dumps([s, r.ru_utime + r.ru_stime, r.ru_maxrss / 1e6 * 1024]));"
        "sys.exit(done.returncode)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *command], stdout=subprocess.PIPE, check=True
    )
    seconds, processors, memory = json.loads(done.stdout)
    return {"task": task, "seconds": seconds, "processor_seconds": processors, "peak_mb": memory}


def main() -> None:
    """Measure and write."""
    options = argparse.ArgumentParser()
    options.add_argument("--scales", type=float, nargs="+", default=SCALES)
    options.add_argument("--out", type=Path, default=ROOT / "results" / "scale.csv")
    options.add_argument("--note", default="", help="a sentence for the page")
    told = options.parse_args()
    ours = [sys.executable, "-m", "replication.cli"]
    rows = []
    for scale in told.scales:
        with tempfile.TemporaryDirectory() as made:
            records, panel = Path(made) / "records", Path(made) / "panel.parquet"
            found = [
                run("simulate", *ours, "simulate", "--scale", f"{scale}", "--out", str(records))
            ]
            size = {
                name: parquet.read_metadata(records / f"{name}.parquet").num_rows
                for name in ("patents", "papers", "hires")
            }
            build = ("build", "--records", str(records), "--out", str(panel), "--memory", "2GB")
            found.append(run("build", *ours, *build))
            if scale == BESIDE:
                beside = Path(made) / "beside.parquet"
                script = str(HERE / "in_pandas.py")
                found.append(run("pandas", sys.executable, script, str(records), str(beside)))
                require_same(pd.read_parquet(panel), pd.read_parquet(beside))
        rows += [{**row, "scale": scale, **size} for row in found]
        print(pd.DataFrame(rows).to_string(index=False), flush=True)
    pd.DataFrame(rows).to_csv(told.out, index=False, float_format="%.4g", lineterminator="\n")
    told.out.with_suffix(".json").write_text(
        json.dumps(machine(told.note), indent=1) + "\n", encoding="utf-8"
    )


def machine(note: str) -> dict[str, object]:
    """When and where it was measured."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("duckdb", "pandas", "pyarrow")},
        "note": note,
    }


def require_same(panel: pd.DataFrame, beside: pd.DataFrame) -> None:
    """Stop if pandas has come to other counts."""
    pd.testing.assert_frame_equal(panel[list(beside)], beside, check_dtype=False)


if __name__ == "__main__":
    main()
