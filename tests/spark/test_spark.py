"""Spark runs the builder's expressions as DuckDB does, to the byte: ``make spark``."""

import io
import os
import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

pytestmark = pytest.mark.spark
pytest.importorskip("pyspark", reason="needs the extra `spark`: `make spark`")

from replication.errors import SchemaError  # noqa: E402
from replication.panel.applicants import AND, INVISIBLE, SEPARATORS, SIGN, SUSPECT  # noqa: E402
from replication.panel.build import build_panel  # noqa: E402
from replication.panel.engine.on_spark import in_java  # noqa: E402
from replication.panel.losses import LEGAL_FORM  # noqa: E402
from replication.panel.patents import ABROAD, APPLICATION, MAIN_CLASS, PUBLICATION  # noqa: E402
from replication.records.classify import load_name_rules  # noqa: E402
from tests.support.simulated import thin  # noqa: E402

TEXTS = [
    "东湖大学", "东湖大学资产经营有限公司", "东湖大学；江海机械厂", "A CO., LTD.",
    "Ａ大学　（苏州）",
    "EASTLAKE UNIVERSITY VENTURES, INC.", "山东北大荒控股集团有限公司", "R12研究所",
    "第七〇九研究所", "x\ny", "x\n", "$5 GmbH & Co. KG", "AG", "机AG", "机 AG\n", "é AG",
    "东湖大学, 江海公司", "A/S", "分类号H04L 9/00", "IntCl:h04l", ";G06F", "CN20181" "0123456.7",
    "CN20181" "0123456", "CN1081" "234567A", "PCT/CN2018/1", "1.2E+12", "", " ", "\x0b", "a\x0bb",
    "\u2028", "東湖大學", "〇〇", "[A]", "(A)", "US;CN", "CN", "CNX;US",
]  # fmt: skip
RULES = load_name_rules()
PATTERNS = [
    *(rule.pattern for rule in RULES.rule),
    *(pattern for pattern, _ in (*RULES.normalise.replace, *SEPARATORS)),
    *(SIGN, AND, SUSPECT, INVISIBLE, LEGAL_FORM),
    *(ABROAD, APPLICATION, MAIN_CLASS, PUBLICATION, r"\bCN\b|[;\s]", r"[^\x00-\x7F]"),
]


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    made = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    made = made.config(
        "spark.sql.warehouse.dir", str(tmp_path_factory.mktemp("warehouse"))
    ).getOrCreate()
    yield made
    made.stop()


def awkward() -> dict[str, pd.DataFrame]:
    """Records with lines told twice, two universities, full width, a patent of nobody."""
    records = dict(thin())
    patents = records["patents"].copy()
    universities = records["universities"]["applicant_names"].to_list()
    at = patents.columns.get_loc("applicants")
    patents.iloc[3, at] = f"{universities[0]}；{universities[1]}；Ｆ1有限公司"
    patents.iloc[4, at] = f"{universities[2]}; EAST TOOLS CO., LTD."
    patents.iloc[5, at] = ""
    patents.iloc[6, at] = f"{universities[0]};{universities[0]} ;F1公司"
    patents.loc[7, "ipc"] = None
    patents.loc[8, "ipc"] = "分类号：ｈ０１ｌ 21/00"
    again = patents.iloc[[10, 11, 12]].copy()
    again["granted"] = ~again["granted"]
    again.loc[again.index[1], "applicants"] = "N1大学"
    records["patents"] = pd.concat([patents, again, patents.iloc[[20]]], ignore_index=True)
    records["papers"] = pd.concat([records["papers"], records["papers"].iloc[:3]])
    return records


def stored(table: pd.DataFrame) -> bytes:
    content = io.BytesIO()
    table.to_parquet(content, index=False)
    return content.getvalue()


@pytest.mark.filterwarnings("ignore")
def test_panel_and_flow_are_those_of_duckdb_to_the_byte(session, tmp_path: Path) -> None:
    records = awkward()
    on_files = dict(records)
    for name in ("patents", "papers", "hires"):
        on_files[name] = tmp_path / f"{name}.parquet"
        records[name].to_parquet(on_files[name], index=False)
    spark, duckdb = build_panel(on_files, backend="spark"), build_panel(records)
    assert stored(spark[0]) == stored(duckdb[0])
    assert stored(spark[1]) == stored(duckdb[1])
    assert spark[1].attrs == duckdb[1].attrs
    assert spark[0]["patents_joint"].sum() > 100


@pytest.mark.filterwarnings("ignore")
def test_a_fault_is_refused_in_the_same_words(session) -> None:
    records = thin()
    patents = records["patents"].copy()
    patents.loc[[5, 9], "application"] = "US20180012345"
    patents.loc[[5, 9], "jurisdiction"] = "CN"
    said = []
    for backend in ("spark", "duckdb"):
        with pytest.raises(SchemaError) as refused:
            build_panel({**records, "patents": patents}, backend=backend)
        said.append(str(refused.value))
    assert said[0] == said[1]
    assert "US20180012345" in said[0]


@pytest.mark.filterwarnings("ignore")
def test_patterns_find_in_java_what_they_find_in_re2(session) -> None:
    from pyspark.sql import functions as f

    texts = session.createDataFrame([(text,) for text in TEXTS], ["text"])
    found = [f.col("text").rlike(in_java(p)).alias(f"p{i}") for i, p in enumerate(PATTERNS)]
    rows = texts.select("text", *found).collect()
    java = {row["text"]: [row[f"p{i}"] for i in range(len(PATTERNS))] for row in rows}
    for i, pattern in enumerate(PATTERNS):
        re2 = pc.match_substring_regex(pa.array(TEXTS), pattern).to_pylist()
        differ = [t for t, hit in zip(TEXTS, re2, strict=True) if java[t][i] != hit]
        assert not differ, f"{pattern!r} as {in_java(pattern)!r}: {differ}"
