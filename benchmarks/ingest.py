"""Time and memory of `ingest` on yearly files of 34 columns, and beside pandas: ``make bench``.

Writes ``results/ingest.csv``, and beside it ``results/ingest.json``. The files are invented:
abstracts of some 300 characters, as patents have them, of which `ingest` needs nothing. Every row
is a process of its own, its time that of all its threads; ``start_seconds`` is what a process of
the kind takes on an empty table. On a machine that does other work at the same time the clock says
more than the processors.
"""

import argparse
import csv
import json
import random
import sys
import tempfile
from pathlib import Path

import pandas as pd
from scale import machine, run

from replication.config import ROOT

HEADERS = [
    *("专利名称", "专利类型", "申请人", "申请人类型", "申请人地址", "申请人地区", "申请人城市"),
    *("申请人区县", "申请号", "申请日", "申请年份", "公开公告号", "公开公告日", "公开公告年份"),
    *("授权公告号", "授权公告日", "授权公告年份", "IPC分类号", "IPC主分类号", "发明人", "摘要文本"),
    *(
        "主权项内容",
        "当前权利人",
        "当前专利权人地址",
        "专利权人类型",
        "统一社会信用代码",
        "引证次数",
    ),
    *("被引证次数", "自引次数", "他引次数", "被自引次数", "被他引次数", "家族引证次数"),
    "家族被引证次数",
]
TEXT = "本发明公开了一种数据处理方法及装置，包括获取模块、处理模块与输出模块，步骤如下：\n"
CLASSES = ("H04L29/06", "G01N21/00", "A61K31/00", "C08L1/00", "G06F16/00")


def write(path: Path, rows: int) -> None:
    """Write an invented year: four in ten of its applications with a firm, half published twice."""
    draw = random.Random(2018)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        out = csv.DictWriter(file, HEADERS, restval="")
        out.writeheader()
        for number in range(rows):
            own = f"2018{1 if draw.random() < 0.7 else 2}{number // 2:07d}"
            joint = draw.random() < 0.4
            school, firm = (
                f"东湖{draw.randrange(800)}大学",
                f"甲{draw.randrange(90_000)}科技有限公司",
            )
            out.writerow(
                {
                    "专利名称": "一种数据处理方法及装置",
                    "专利类型": "实用新型"
                    if own[4] == "2"
                    else "发明授权"
                    if number % 2
                    else "发明公开",
                    "申请人": f"{school}；{firm}" if joint else school,
                    "申请人类型": "大专院校；企业" if joint else "大专院校",
                    "申请号": f"CN{own}.{number % 10}",
                    "申请日": f"2018.{1 + number % 12:02d}.{1 + number % 28:02d}",
                    "申请年份": 2018,
                    "公开公告号": f"CN{number:09d}{'B' if number % 2 else 'A'}",
                    "IPC分类号": "；".join(draw.sample(CLASSES, 2)),
                    "IPC主分类号": draw.choice(CLASSES),
                    "发明人": "某甲；某乙；某丙",
                    "摘要文本": TEXT * draw.randrange(4, 11),
                    "主权项内容": TEXT * draw.randrange(6, 16),
                    "申请人地址": "某省某市某区某路一号",
                }
            )


def main() -> None:
    """Measure and write."""
    options = argparse.ArgumentParser()
    options.add_argument("--rows", type=int, nargs="+", default=(200_000, 800_000))
    options.add_argument("--out", type=Path, default=ROOT / "results" / "ingest.csv")
    options.add_argument("--note", default="", help="a sentence for the page")
    told = options.parse_args()
    starts = {row["task"]: row["processor_seconds"] for row in measure(10)}
    found = [
        {**row, "start_seconds": starts[row["task"]]}
        for rows in told.rows
        for row in measure(rows)
        if row["task"] == "ingest" or rows == max(told.rows)
    ]
    table = pd.DataFrame(found)
    print(table.to_string(index=False))
    table.to_csv(told.out, index=False, float_format="%.4g", lineterminator="\n")
    told.out.with_suffix(".json").write_text(
        json.dumps(machine(told.note), indent=1) + "\n", encoding="utf-8"
    )


def measure(rows: int) -> list[dict[str, object]]:
    """One year: what `ingest` took, and what the same takes in pandas."""
    with tempfile.TemporaryDirectory() as made:
        exports, out, beside = (Path(made) / name for name in ("exports", "out", "beside"))
        exports.mkdir()
        write(exports / "2018.csv", rows)
        size = (exports / "2018.csv").stat().st_size / 1e6
        command = ("ingest", str(exports), "--out", str(out), "--memory", "2GB")
        script = str(Path(__file__).parent / "ingest_in_pandas.py")
        found = [
            run("ingest", sys.executable, "-m", "replication.cli", *command),
            run("pandas", sys.executable, "-W", "ignore", script, str(exports), str(beside)),
        ]
        require_same(out, beside)
    return [{**row, "rows": rows, "megabytes": size} for row in found]


def require_same(ours: Path, beside: Path) -> None:
    """Stop if pandas has come to other tables."""
    for name, at in (("patents", "application"), ("applicant_types", "applicant")):
        first, second = (
            pd.read_parquet(folder / f"{name}.parquet").sort_values(at, ignore_index=True)
            for folder in (ours, beside)
        )
        pd.testing.assert_frame_equal(first[list(second)], second, check_dtype=False)
    first, second = (pd.read_csv(folder / "sample_flow.csv") for folder in (ours, beside))
    pd.testing.assert_series_equal(
        first.set_index("reason")["rows"].sort_index(),
        second.set_index("fault")["count"].sort_index(),
        check_names=False,
    )


if __name__ == "__main__":
    main()
