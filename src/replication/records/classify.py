"""The tables that give records their meaning: disciplines, IPC subclasses, applicants' names."""

from pathlib import Path
from typing import Literal

import pandas as pd

from replication.config import DATA
from replication.errors import RegistryError
from replication.records.study.frame import study
from replication.records.toml import Row, Text, read


def load_disciplines(folder: Path | None = None) -> pd.DataFrame:
    """First-level disciplines: ``discipline``, ``category``, ``name_en``, ``name_zh``."""
    return pd.read_csv((folder or study().folder) / "disciplines.csv", dtype=str)


def load_ipc(folder: Path | None = None) -> pd.DataFrame:
    """IPC subclasses with the discipline, and whether key core, under control or related to AI.

    Returns
    -------
    DataFrame
        ``ipc_subclass``, ``discipline`` (str), ``key_core``, ``controlled``, ``ai`` (bool);
        one row a subclass.

    Raises
    ------
    RegistryError
        If a subclass has two rows in the concordance: its patents would count twice. If a subclass
        of a list has none: it could never be counted.
    """
    folder = folder or study().folder
    ipc = pd.read_csv(folder / "ipc_discipline.csv", dtype=str)[["ipc_subclass", "discipline"]]
    if twice := sorted(set(ipc.loc[ipc["ipc_subclass"].duplicated(), "ipc_subclass"])):
        raise RegistryError(
            f"{folder / 'ipc_discipline.csv'}: {', '.join(twice)} has more than one row: keep one"
        )
    for flag, file in {
        "key_core": "key_core_ipc.csv",
        "controlled": "export_control_ipc.csv",
        "ai": "ai_ipc.csv",
    }.items():
        listed = pd.read_csv(folder / file, dtype=str)["ipc_subclass"]
        if stray := sorted(set(listed) - set(ipc["ipc_subclass"])):
            raise RegistryError(
                f"{folder / file}: {', '.join(stray)} not in ipc_discipline.csv: add the subclass "
                "there with its discipline, or take it off this list"
            )
        ipc[flag] = ipc["ipc_subclass"].isin(listed)
    return ipc


def load_fields(folder: Path = DATA) -> pd.DataFrame:
    """Main fields of the Leiden Ranking, with the share of their subclasses under export control.

    Returns
    -------
    DataFrame
        Indexed by ``field``: ``subclasses`` (of its disciplines), ``control_exposure`` (share of
        them that are under control, in [0, 1]). A field without a subclass is not there. Choice R10
        weighs subclasses by patents, which are not counted here: each weighs the same.

    Raises
    ------
    RegistryError
        A discipline has not one row in ``leiden_fields.csv``.
    """
    fields = pd.read_csv(folder / "leiden_fields.csv", dtype=str)
    known = load_disciplines(folder)["discipline"]
    if sorted(fields["discipline"]) != sorted(known):
        odd = sorted(set(fields["discipline"]) ^ set(known)) or sorted(
            fields.loc[fields["discipline"].duplicated(), "discipline"]
        )
        raise RegistryError(
            f"{folder / 'leiden_fields.csv'}: {odd[0]} must have one row, as in disciplines.csv"
        )
    ipc = load_ipc(folder).merge(fields, on="discipline", validate="many_to_one")
    return ipc.groupby("field").agg(
        subclasses=("ipc_subclass", "size"), control_exposure=("controlled", "mean")
    )


def load_ai(folder: Path = DATA) -> pd.DataFrame:
    """Describe the AI-related subclasses: kind, field, discipline, and the other two lists.

    Returns
    -------
    DataFrame
        Indexed by ``ipc_subclass``: ``kind``, ``field``, ``discipline`` (English name),
        ``key_core``, ``controlled`` (bool).
    """
    listed = pd.read_csv(folder / "ai_ipc.csv", dtype=str).drop(columns="source")
    names = load_disciplines(folder).set_index("discipline")["name_en"]
    ipc = load_ipc(folder).set_index("ipc_subclass").drop(columns="ai")
    ipc["discipline"] = ipc["discipline"].map(names)
    return listed.set_index("ipc_subclass").join(ipc)


class Steps(Row):
    """Steps that make a name uniform: characters translated, capitals, patterns replaced."""

    translate_from: str
    translate_to: str
    uppercase: Literal[True]
    replace: list[tuple[str, str]]


class Counterexample(Row):
    """A name that looks as if a rule applied, and the kind that it is of."""

    name: Text
    kind: Text


class NameRule(Row):
    """A kind of applicant, and the regular expression that finds it in a uniform name."""

    id: Text
    kind: Text
    pattern: str
    examples: list[Text]
    counterexamples: list[Counterexample]
    note: Text


class NameRules(Row):
    """How an applicant's name is made uniform and what kind of applicant it then is (R15).

    The first ``rule`` whose pattern is found decides; ``firm_kinds`` count as a firm.
    """

    firm_kinds: list[Text]
    firm_kinds_alternative: list[Text]
    kinds: list[Text]
    normalise: Steps
    rule: list[NameRule]


def load_name_rules(folder: Path = DATA) -> NameRules:
    """Rules of ``firm_names.toml``; raises `RegistryError` with the row and field of a fault."""
    return read(folder / "firm_names.toml", NameRules)
