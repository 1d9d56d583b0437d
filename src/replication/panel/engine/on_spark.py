"""Spark: the same expressions, on this machine's processors or on a cluster's.

Which master a session is of, what memory it has and where its files are, is Spark's own matter and
is said to Spark (``SPARK_CONF_DIR``, ``MASTER``). What differs is the language of regular
expressions: those of the builder are of RE2, and are put into Java's here.
"""

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

from replication.errors import SourceUnavailableError
from replication.panel.engine import ROW

try:
    from ibis.backends.pyspark import Backend
    from ibis.backends.pyspark.datatypes import PySparkType
    from ibis.backends.sql.compilers.pyspark import PySparkCompiler
    from pyspark.sql import SparkSession, functions
except ImportError as error:
    raise SourceUnavailableError(
        f"--backend spark needs a package that is not there ({error.name}): `uv pip install "
        "'.[spark]'` or `pip install '.[spark]'`, in an environment of its own if you like"
    ) from error

SETTINGS = {
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.shuffle.partitions": "4",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
"""Of a session that is made here; what SPARK_CONF_DIR says comes before them."""
JAVA = {
    r"\p{Han}": r"\p{IsHan}",
    # Java's own know letters of every script, or a sign more.
    r"\b": r"(?:(?<=[0-9A-Za-z_])(?![0-9A-Za-z_])|(?<![0-9A-Za-z_])(?=[0-9A-Za-z_]))",
    r"\s": r"[\t\n\f\r ]",
    r"\v": r"\x{B}",
    "$": r"\z",
}
"""What RE2 and Java write in two ways, or mean two things by."""


def in_java(pattern: str) -> str:
    """Pattern that finds in Java what `pattern` finds in RE2."""
    out, within = [], False
    for part in re.findall(r"\\[pP]\{\w+\}|\\x\{\w+\}|\\.|.", pattern, re.DOTALL):
        # Within brackets a dollar sign is itself.
        within = part != "]" if within else part == "["
        out.append(part if within and part == "$" else JAVA.get(part, part))
    return "".join(out)


class Compiler(PySparkCompiler):
    """Ibis's, with patterns put into Java's language."""

    def visit_RegexSearch(self, op: Any, *, arg: Any, pattern: Any) -> Any:  # noqa: N802
        """Whether a pattern is found."""
        return self.f.anon.regexp_like(arg, in_java(op.pattern.value))

    def visit_RegexExtract(self, op: Any, *, arg: Any, pattern: Any, index: Any) -> Any:  # noqa: N802
        """Group of the first match, or nothing."""
        return self.f.regexp_extract(arg, in_java(op.pattern.value), index)

    def visit_RegexReplace(self, op: Any, *, arg: Any, pattern: Any, replacement: Any) -> Any:  # noqa: N802
        """Every match replaced."""
        replacement = op.replacement.value.replace("$", r"\$")
        replacement = re.sub(r"\\([0-9])", r"$\1", replacement)
        return self.f.anon.regexp_replace(arg, in_java(op.pattern.value), replacement)

    def visit_RegexSplit(self, op: Any, *, arg: Any, pattern: Any) -> Any:  # noqa: N802
        """Parts between matches."""
        return self.f.anon.split(arg, in_java(op.pattern.value), -1)


class Cluster(Backend):
    """Ibis's, whose functions on Arrow arrays get arrays."""

    compiler = Compiler()

    def _register_udfs(self, expr: ir.Expr) -> None:
        for udf in expr.op().find(ops.ScalarUDF):
            name = self.compiler.__sql_name__(udf)
            on_series = functions.pandas_udf(_on_series(udf.__func__), returnType="string")
            self._session.udf.register(name, on_series)


def _on_series(of_array: Callable[[pa.Array], pa.Array]) -> Callable[[pd.Series], pd.Series]:
    def on_series(texts: pd.Series) -> pd.Series:
        return of_array(pa.array(texts, pa.string())).to_pandas()

    return on_series


class Spark:
    """Tables of a Spark session."""

    def __init__(self, connection: Cluster, folder: Path) -> None:
        self.connection = connection
        self.session = connection._session
        self.folder = folder
        self.kept: list[str] = []

    def table(self, name: str, content: pd.DataFrame | Path) -> ir.Table:
        """Make a frame or a Parquet file a table."""
        if isinstance(content, pd.DataFrame):
            path = self.folder / f"{name}.parquet"
            content.to_parquet(path, index=False)
        else:
            path = content
        read = self.session.read.parquet(str(path.resolve()))
        numbered = read.withColumn(ROW, functions.monotonically_increasing_id())
        return self._kept(numbered)

    def keep(self, table: ir.Table) -> ir.Table:
        """Write a table to the session's warehouse."""
        self.connection._run_pre_execute_hooks(table)
        made = self.session.sql(self.connection.compile(table))
        # Spark has its own integers for what Ibis takes for another.
        types = {name: PySparkType.from_ibis(dtype) for name, dtype in table.schema().items()}
        columns = [functions.col(f"`{name}`").cast(dtype) for name, dtype in types.items()]
        return self._kept(made.select(*columns).toDF(*types))

    def frame(self, table: ir.Table) -> pd.DataFrame:
        """Fetch a table."""
        return table.to_pandas()

    def drop(self) -> None:
        """Remove the tables that were kept."""
        for name in self.kept:
            self.session.sql(f"DROP TABLE IF EXISTS `{name}`")

    def _kept(self, frame: Any) -> ir.Table:
        # A table of the warehouse, not a cached plan: plans on plans soon take longer than data.
        self.kept.append(ibis.util.gen_name("kept"))
        frame.write.saveAsTable(self.kept[-1])
        return self.connection.table(self.kept[-1])


@contextmanager
def open_engine(memory: int | None) -> Iterator[Spark]:
    """Open a session, or take the one that is there; Spark's memory is Spark's to limit."""
    folder = Path(tempfile.mkdtemp(prefix="replication-spark-"))
    running = SparkSession.getActiveSession()
    # The Python that runs this has what the functions need; a configuration may name another.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("replication")
    for key, value in {**SETTINGS, "spark.sql.warehouse.dir": str(folder)}.items():
        builder = builder.config(key, value)
    try:
        session = running or builder.getOrCreate()
    except Exception as error:
        shutil.rmtree(folder)
        raise SourceUnavailableError(
            f"Spark did not start ({str(error).splitlines()[0]}): it needs Java 17 (Debian: "
            "openjdk-17-jre-headless; `make system` installs it), or a cluster that answers"
        ) from error
    try:
        # What `ibis.pyspark` does before anybody connects.
        Cluster.register_options()
        spark = Spark(Cluster().connect(session), folder)
        yield spark
        spark.drop()
    finally:
        if running is None:
            session.stop()
        shutil.rmtree(folder, ignore_errors=True)
