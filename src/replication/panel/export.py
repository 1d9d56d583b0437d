"""The panel as other programs read it."""

import io
from pathlib import Path

import pandas as pd

from replication.errors import OverwriteError, SchemaError
from replication.records.schema import PANEL
from replication.writing import write_file

LONGEST = 80
"""Characters of a label of a variable in Stata."""
NAME = 32
"""Characters of a name of a variable in Stata."""


def to_stata(frame: pd.DataFrame, path: Path | str, language: str = "zh") -> Path:
    """Write a panel as ``.dta`` with a label for each variable, for Stata 14 and later.

    Parameters
    ----------
    frame : DataFrame
        The study's panel, or any table; a column that the schema does not know has no label.
    path : Path or str
        A new file.
    language : {"zh", "en"}
        Of the labels.

    Returns
    -------
    Path

    Raises
    ------
    OverwriteError
        If the file is there already.
    SchemaError
        On another language; or a name of a column that Stata does not take: no text, longer than 32
        characters, or not letters, digits and ``_``.

    Notes
    -----
    Format 118 of `Stata <https://www.stata.com/help.cgi?dta>`_: text in UTF-8, labels of at most 80
    characters; longer ones end in ``…``.
    """
    path = Path(path)
    if path.exists():
        raise OverwriteError(f"{path} is there already: name a new file, or remove it")
    if language not in ("zh", "en"):
        raise SchemaError(f"language {language!r} of the labels is not zh or en")
    for name in frame.columns:
        if not (isinstance(name, str) and name.isidentifier() and len(name) <= NAME):
            raise SchemaError(
                f"column {name!r} cannot be a variable of Stata: rename it to at most {NAME} "
                "letters, digits and _, no digit first"
            )
    content = io.BytesIO()
    labels = {name: label for name in frame.columns if (label := _label(name, language))}
    frame.to_stata(content, write_index=False, version=118, variable_labels=labels)
    write_file(path, content.getvalue())
    return path


def _label(name: str, language: str) -> str:
    column = PANEL.columns.get(name)
    if column is None:
        return ""
    label = column.metadata["zh"] if language == "zh" else column.title
    return label if len(label) <= LONGEST else label[: LONGEST - 1] + "…"
