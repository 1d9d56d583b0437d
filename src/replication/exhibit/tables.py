"""Tables as a journal prints them, made by maketables; no stars, standard errors in brackets."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Number
from typing import Any

import numpy as np
import pandas as pd
from maketables import ETable, MTable

from replication.config import own_records
from replication.errors import UnknownTruthError
from replication.estimate.fit import Estimate
from replication.estimate.mediation.decomposition import ALL, Decomposition
from replication.records import small_cells
from replication.records.checks import require_columns
from replication.records.schema import PANEL
from replication.records.variables import CONTROLS, MEDIATORS

WORDS = {
    c: column.metadata["word"] for c, column in PANEL.columns.items() if column.metadata["word"]
}
"""Short names of the study's columns for the heads and rows of tables."""

STATISTICS = {
    "std_error": "standard error",
    "mc_error": "Monte Carlo error",
    "p_value": "p-value",
    "p_adjusted": "adjusted p-value",
    "p_romano_wolf": "Romano–Wolf p-value",
}
"""Names of what is known of an estimate."""

RAW = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+")
"""A column's name as code has it, which no reader should meet."""

KINDS = ("patents_joint_key", "patents_joint_other")
"""Parts of the joint patents."""

DESCRIBED = (
    "patents_joint",
    "patents_joint_key",
    "patents_joint_other",
    *MEDIATORS,
    "exposure",
    "control_exposure",
    "advantaged",
    *CONTROLS,
)
"""Columns of the analysis panel that the descriptive statistics show."""


@dataclass(frozen=True)
class Table:
    """A table to print and the numbers behind it.

    Attributes
    ----------
    printed : MTable
        Renders to HTML and LaTeX.
    data : DataFrame
        Every number of the table in full precision, tidy; this is what is written and checked.
    note : str
        What the table itself knows about its numbers: variance, clusters.
    words : bool
        It holds sentences, whose lines the site may break.
    """

    printed: MTable
    data: pd.DataFrame
    note: str = ""
    words: bool = False


class RegressionTable(ETable):
    """`maketables.ETable` in the style of this project."""

    DEFAULT_COEF_FMT = "b:.3f \n (se:.3f)"
    DEFAULT_FE_MARKER = ("Yes", "No")


def regression(
    models: Mapping[str, Estimate],
    *,
    labels: Mapping[str, str] | None = None,
    rows: Mapping[str, Sequence[Any]] | None = None,
    digits: int = 3,
) -> Table:
    """Several models side by side.

    Parameters
    ----------
    models : mapping of str to Estimate
        Column heads and models, in order.
    labels : mapping of str to str, optional
        Names of regressors and outcomes as they are printed.
    rows : mapping of str to sequence, optional
        Further rows below the effects: label and one entry a model.
    digits : int

    Returns
    -------
    Table
        Its data has one row a model and regressor.

    Examples
    --------
    >>> panel = rp.load_panel()
    >>> models = {"(1)": rp.did(panel, scale="log1p"), "(2)": rp.poisson(panel)}
    >>> table = rp.tables.regression(models)
    >>> table.data[["model", "estimate", "n", "clusters"]].round(3)
      model  estimate      n  clusters
    0   (1)     0.172  12096        56
    1   (2)     0.269  12024        56
    >>> table.note.partition("; ")[2]
    'rows dropped: separated by a fixed effect, up to 72.'
    """
    estimates = list(models.values())
    names = [n for m in estimates for n in (m.outcome, *m.frame.index, *m.effects)]
    # The numbers of the columns are printed anyhow.
    numbered = all(re.fullmatch(r"\(\d+\)", head) for head in models)
    printed = RegressionTable(
        estimates,
        model_heads=None if numbered else list(models),
        head_order="d" if numbered else "hd",
        coef_fmt=f"b:.{digits}f \n (se:.{digits}f)",
        model_stats=["N", "n_clusters"],
        custom_model_stats={
            label: list(values)
            for label, values in (rows or {}).items()
            # A row of which nothing is known of real records, such as what a design aims at.
            if not all(str(value) == "nan" for value in values)
        },
        labels={name: (labels or {}).get(name) or _head(name) for name in names},
        feorder=list(dict.fromkeys(e for m in estimates for e in m.effects)),
        notes=" ",
    )
    printed.df = printed.df.map(_minus)
    data = pd.concat(
        {head: _tidy(model) for head, model in models.items()}, names=["model"]
    ).reset_index()
    return Table(printed, data, _inference(estimates))


def _minus(printed: Any) -> Any:
    """Printed entry with a true minus sign before a number."""
    return re.sub(r"-(?=\d|inf)", "−", printed) if isinstance(printed, str) else printed


def in_words(name: str) -> str:
    """Say a column, or an expression in one, in the study's words.

    Examples
    --------
    >>> rp.tables.in_words("log(1 + patents_joint)")
    'log(1 + joint applications)'
    """
    for column, words in WORDS.items():
        name = re.sub(rf"\b{column}\b", words, name)
    return name.replace("_", " ")


def _head(name: str) -> str:
    """What a table calls a regressor, an outcome or an effect."""
    name = in_words(name)
    return name if name.startswith("log(") else name[0].upper() + name[1:]


def plain(
    frame: pd.DataFrame,
    *,
    formats: Mapping[str, str] | None = None,
    digits: int = 2,
    words: bool = False,
) -> Table:
    """Any table of facts.

    Parameters
    ----------
    frame : DataFrame
        Printed with its index as the first column.
    formats : mapping of str to str, optional
        Format of a column's numbers, as ``"{:.3f}"``.
    digits : int
        Decimals of the other columns of fractional numbers.
    words : bool
        Let the site break the lines of its cells.

    Raises
    ------
    MissingColumnError
        If `formats` names a column that is not there.

    Examples
    --------
    >>> import pandas as pd
    >>> table = rp.tables.plain(pd.DataFrame({"rows": [12096], "share": [0.3098]}, index=["panel"]))
    >>> table.printed.df
             rows share
    panel  12,096  0.31
    """
    formats = formats or {}
    require_columns(frame, list(formats), "a number format")
    if own_records():
        # What real records lack, such as a target, is left out and not printed as a blank.
        known = frame.dropna(axis=1, how="all")
        if known.empty and not frame.empty:
            raise UnknownTruthError("nothing in this table is known of real records")
        frame = known
        formats = {column: style for column, style in formats.items() if column in frame}
    printed = frame.astype(object)
    for column in frame:
        years = _are_years(frame[column])
        printed[column] = [
            _entry(v, formats.get(str(column)), digits, years) for v in frame[column]
        ]
    printed.columns = printed.columns.map(_spoken)
    printed.index = printed.index.map(_spoken)
    printed.index.name = None
    return Table(MTable(printed, notes=" "), frame.reset_index(), words=words)


def _spoken(label: Any) -> Any:
    """A label of a table of facts; what is no name from code stays as it is."""
    if isinstance(label, tuple):
        return tuple(map(_spoken, label))
    if not isinstance(label, str) or RAW.fullmatch(label) is None:
        return label
    return STATISTICS.get(label) or in_words(label)


def _are_years(column: pd.Series) -> bool:
    """Whether whole numbers are calendar years, which are printed without a separator."""
    return pd.api.types.is_integer_dtype(column) and bool(column.between(1900, 2100).all())


def _entry(value: Any, style: str | None, digits: int, year: bool) -> str:
    """Print one value, by `style` or by its own type."""
    if pd.isna(value):
        return ""
    if isinstance(value, bool | np.bool_):
        return "Yes" if value else "No"
    if isinstance(value, str) or not isinstance(value, Number):
        return str(value)
    if style is None:
        whole = isinstance(value, Integral)
        style = ("{:d}" if year else "{:,d}") if whole else f"{{:,.{digits}f}}"
    return str(_minus(style.format(value)))


def descriptives(panel: pd.DataFrame, columns: Sequence[str] | None = None) -> Table:
    """Number of rows, mean, standard deviation, extremes, median and share of zeros.

    `columns` are those of `DESCRIBED` that the panel has, if none are named.

    Examples
    --------
    >>> panel = rp.load_panel()
    >>> rp.tables.descriptives(panel, ["patents_joint"]).printed.df.T
           university–firm joint invention applications
    N                                            12,096
    Mean                                           2.78
    SD                                             5.33
    Min                                            0.00
    Median                                         1.00
    Max                                          102.00
    Zeros                                          0.31
    """
    columns = columns or [c for c in DESCRIBED if c in panel] or DESCRIBED
    require_columns(panel, columns, "the descriptive statistics")
    summary = panel[list(columns)].agg(["count", "mean", "std", "min", "median", "max"]).T
    summary["zeros"] = (panel[list(columns)] == 0).mean()
    summary = summary.astype({"count": int})
    summary.index = pd.Index(
        [PANEL.columns[c].title if c in PANEL.columns else c for c in columns], name="variable"
    )
    summary.columns = ["N", "Mean", "SD", "Min", "Median", "Max", "Zeros"]
    return plain(_suppressed(summary, panel, columns) if small_cells.in_force() else summary)


def _suppressed(summary: pd.DataFrame, panel: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Mark what rests on fewer than three universities: an extreme, or all that is not zero."""
    summary = summary.astype({c: object for c in summary.columns if c != "N"})
    filled = {
        c: small_cells.universities_with(panel, panel[c].ne(0) & panel[c].notna()) for c in columns
    }
    hidden = {c for c, some in filled.items() if 0 < some < small_cells.FEWEST}
    # Of a total and one part, the other part is the difference.
    hidden |= {two for one, two in (KINDS, KINDS[::-1]) if one in hidden and two in filled}
    for row, column in enumerate(columns):
        none = small_cells.universities_with(panel, panel[column] == 0)
        if column in hidden:
            # Any of them would give back the sum.
            summary.iloc[row, 1:] = small_cells.MARK
            continue
        for at, small in zip((3, 4, 5), small_cells.at_places(panel, column), strict=True):
            if small:
                summary.iloc[row, at] = small_cells.MARK
        if 0 < none < small_cells.FEWEST:
            summary.iloc[row, 6] = small_cells.MARK
    return summary


def tests(results: Mapping[str, pd.Series]) -> Table:
    """Tests by name: statistic, restrictions, degrees of freedom, p-value.

    Examples
    --------
    >>> panel = rp.load_panel()
    >>> study = rp.event_study(panel, model="ppml")
    >>> rp.tables.tests({"leads": rp.pretrend_test(study)}).printed.df
              F Restrictions Degrees of freedom p-value
    leads  0.59            6               8.33   0.733
    """
    frame = pd.DataFrame(results).T.astype({"q": int})
    frame.columns = pd.Index(["F", "Restrictions", "Degrees of freedom", "p-value"])
    frame.index.name = "test"
    return plain(frame, formats={"p-value": "{:.3f}", "Degrees of freedom": "{:.3g}"})


def decomposition_table(decomposition: Decomposition, planted: Sequence[float]) -> Table:
    """Parts of a decomposition: a row a mediator, then the sum, the rest and the total.

    Parameters
    ----------
    decomposition : Decomposition
    planted : sequence of float
        True share of each mediator.

    Returns
    -------
    Table
        ``π``, ``ψ``, ``Δ = ψπ`` with ``SE`` and 95 % interval, ``share`` of the total, ``planted``.

    Examples
    --------
    >>> panel = rp.load_panel()
    >>> shares = rp.load_truth()["value"].xs("share", level="target")
    >>> table = rp.tables.decomposition_table(rp.mediation.gelbach(panel), shares)
    >>> table.data[["part", "share", "planted"]].round(2)
                               part  share  planted
    0                overseas hires   0.04     0.25
    1  papers with foreign partners   0.05     0.25
    2         overseas applications   0.08     0.20
    3                 all mediators   0.17     0.70
    4                   unaccounted   0.83     0.30
    5                         total   1.00     1.00
    """
    names = [*decomposition.shares.frame.index[:-1], ALL, "unaccounted", "total"]
    parts = decomposition.parts.frame.loc[names]
    b = decomposition.coefficients.frame["estimate"]
    together = sum(planted)
    # Of real records no share is known, and so neither is that of the whole.
    whole = together if math.isnan(together) else 1.0
    table = pd.DataFrame(
        {
            "π": [b.get(f"π {m}") for m in names],
            "ψ": [b.get(f"ψ {m}") for m in names],
            "Δ = ψπ": parts["estimate"],
            "SE": parts["std_error"],
            "lower": parts["lower"],
            "upper": parts["upper"],
            "share": parts["estimate"] / parts["estimate"]["total"],
            "planted": [*planted, together, 1 - together, whole],
        }
    )
    table = table.rename(index=WORDS).rename_axis("part")
    return plain(table.astype(float), digits=3)


def _tidy(model: Estimate) -> pd.DataFrame:
    return model.frame.assign(
        n=model.n,
        clusters=model.clusters,
        outcome=model.outcome,
        estimator=model.model,
        effects=" + ".join(model.effects),
        convention=model.convention,
        dropped=sum(model.dropped.values()),
    )


def _inference(models: Sequence[Estimate]) -> str:
    text = "Standard errors in brackets: " + "; ".join(
        convention + _clusters(models, convention)
        for convention in sorted({m.convention for m in models})
    )
    dropped = {r: max(m.dropped.get(r, 0) for m in models) for m in models for r in m.dropped}
    if dropped:
        text += "; rows dropped: " + ", ".join(f"{r}, up to {n:,}" for r, n in dropped.items())
    return text + "."


def _clusters(models: Sequence[Estimate], convention: str) -> str:
    """Number of clusters, or its range, of the models of one convention."""
    counts = sorted({m.clusters for m in models if m.convention == convention and m.clusters})
    ends = dict.fromkeys((counts[0], counts[-1])) if counts else ()
    return f", {'–'.join(map(str, ends))} clusters" if ends else ""
