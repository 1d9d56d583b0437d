"""Cost of each command from vendors' files to executed chapters; that nothing is lost on the way.

Writes ``results/records.csv``, and beside it ``results/records.json``. The records are the
simulated study's, patents in the layout of the yearly files with abstracts of the usual length, the
other tables under Chinese headers: once all of them, once those that the yearly files and the
ministry's statistics give. Every row is a process of its own. Stops unless the panel is the shipped
one to the last bit and every number that the pages print is the book's.
"""

import argparse
import json
import re
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from ingest import HEADERS, TEXT
from scale import machine, run

from replication.config import ROOT
from replication.records.schema import RECORDS
from replication.simulate.records import simulate_records
from replication.simulate.study import simulate

MINISTRY = ("universities", "disciplines", "exchange", "resources")
"""Tables beside the patents that no licence is needed for."""


def write_exports(folder: Path, others: tuple[str, ...]) -> float:
    """Write the study's records as a reader has them; megabytes of the yearly files."""
    folder.mkdir()
    tables = simulate_records(simulate())
    size = 0.0
    for year, patents in tables["patents"].groupby(tables["patents"]["date"].dt.year):
        rows = yearly(patents, np.random.default_rng(int(year)))
        rows.to_csv(folder / f"{year}.csv", index=False, encoding="utf-8-sig")
        size += (folder / f"{year}.csv").stat().st_size / 1e6
    for name in others:
        labels = {c: d.metadata["zh"] for c, d in RECORDS[name].columns.items()}
        tables[name].rename(columns=labels).to_csv(folder / f"{name}.csv", index=False)
    return size


def yearly(patents: pd.DataFrame, draw: np.random.Generator) -> pd.DataFrame:
    """Publication of each application, and grant, in the 34 columns of the yearly files."""
    once = pd.DataFrame("", index=patents.index, columns=HEADERS).assign(
        专利类型="发明公开",
        申请人=patents["applicants"].str.replace(";", "；"),
        申请号=patents["application"],
        申请日=patents["date"].dt.strftime("%Y.%m.%d"),
        IPC分类号=patents["ipc"].str.replace(";", "；"),
        摘要文本=[TEXT * n for n in draw.integers(4, 11, len(patents))],
        主权项内容=[TEXT * n for n in draw.integers(6, 16, len(patents))],
    )
    return pd.concat([once, once[patents["granted"]].assign(专利类型="发明授权")])


def measure(others: tuple[str, ...], what: str) -> list[dict[str, object]]:
    """What each command took; stops where a number is not the simulated study's."""
    ours = (sys.executable, "-m", "replication.cli")
    with tempfile.TemporaryDirectory() as made:
        exports, records, out = (Path(made) / name for name in ("exports", "records", "out"))
        panel = records / "panel.parquet"
        told = ("--panel", str(panel))
        size = write_exports(exports, others)
        rows = [
            run("ingest", *ours, "ingest", str(exports), "--out", str(records)),
            run("build", *ours, "build", "--records", str(records), "--out", str(panel)),
            run("claims", *ours, "claims", "--source", "restricted", *told),
            run("run", *ours, "run", "--source", "restricted", *told, "--out", str(out)),
        ]
        require_silence(out)
        if what == "all tables":
            shipped = pd.read_parquet(ROOT / "data" / "panel.parquet")
            pd.testing.assert_frame_equal(pd.read_parquet(panel), shipped, check_exact=True)
            same = compared(out / "results")
            print(f"{same} numbers of the pages are printed as in the book", flush=True)
        kept = sum(pd.read_csv(records / "sample_flow.csv")["rows"])
    return [{"tables": what, **row, "rows": kept, "megabytes": size} for row in rows]


def require_silence(out: Path) -> None:
    """Stop where a table, a note or a figure speaks of what only a simulation has."""
    told = re.compile(r"planted|simulat|\btargets?\b|\baims?\b", re.IGNORECASE)
    texts = {
        path: path.read_text(encoding="utf-8")
        for path in sorted(out.glob("results/*/*"))
        # The table of what each source can vary names the sources, and holds no data.
        if path.suffix in {".csv", ".tex"} and path.stem != "tab-varied"
    }
    for path in sorted(out.glob("results/*/exhibits.json")):
        for name, entry in json.loads(path.read_text(encoding="utf-8")).items():
            texts[path / name] = "" if name == "tab-varied" else f"{entry['title']} {entry['note']}"
    for path, text in texts.items():
        if found := told.search(text.replace("fig-targets", "")):
            raise SystemExit(f"{path.relative_to(out)} speaks of {found[0]!r}")


def compared(found: Path) -> int:
    """Numbers that the pages print as the book does; a verdict is a word, and not compared."""
    count = 0
    for path in sorted(found.glob("*/numbers.json")):
        name = path.parent.name
        own, book = (
            json.loads((folder / name / "numbers.json").read_text(encoding="utf-8"))
            for folder in (found, ROOT / "results")
        )
        numbers = {k: n["text"] for k, n in own.items() if not isinstance(n["value"], str)}
        for key, text in numbers.items():
            if text != book[key]["text"]:
                raise SystemExit(f"{name}: {key} is {text}, in the book {book[key]['text']}")
        count += len(numbers)
    return count


def main() -> None:
    """Measure and write."""
    options = argparse.ArgumentParser()
    options.add_argument("--out", type=Path, default=ROOT / "results" / "records.csv")
    options.add_argument("--note", default="", help="a sentence for the page")
    told = options.parse_args()
    every = tuple(name for name in RECORDS if name != "patents")
    table = pd.DataFrame(
        measure(every, "all tables") + measure(MINISTRY, "patents, exchange, resources")
    )
    print(table.to_string(index=False))
    table.to_csv(told.out, index=False, float_format="%.4g", lineterminator="\n")
    told.out.with_suffix(".json").write_text(
        json.dumps(machine(told.note), indent=1) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
