"""The tables that give records their meaning: disciplines, IPC subclasses, applicants' names."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from replication.config import DATA
from replication.errors import RegistryError


def load_disciplines(folder: Path = DATA) -> pd.DataFrame:
    """First-level disciplines: ``discipline``, ``category``, ``name_en``, ``name_zh``."""
    return pd.read_csv(folder / "disciplines.csv", dtype=str)


def load_ipc(folder: Path = DATA) -> pd.DataFrame:
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
    ipc = pd.read_csv(folder / "ipc_discipline.csv", dtype=str)[["ipc_subclass", "discipline"]]
    twice = sorted(set(ipc.loc[ipc["ipc_subclass"].duplicated(), "ipc_subclass"]))
    if twice:
        raise RegistryError(
            f"{folder / 'ipc_discipline.csv'}: {', '.join(twice)} has more than one row: keep one"
        )
    for flag, file in {
        "key_core": "key_core_ipc.csv",
        "controlled": "export_control_ipc.csv",
        "ai": "ai_ipc.csv",
    }.items():
        listed = pd.read_csv(folder / file, dtype=str)["ipc_subclass"]
        stray = sorted(set(listed) - set(ipc["ipc_subclass"]))
        if stray:
            raise RegistryError(
                f"{folder / file}: {', '.join(stray)} not in ipc_discipline.csv: add the subclass "
                "there with its discipline, or take it off this list"
            )
        ipc[flag] = ipc["ipc_subclass"].isin(listed)
    return ipc


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


@dataclass(frozen=True)
class NameRules:
    """How an applicant's name is made uniform and what kind of applicant it then is (R15).

    Attributes
    ----------
    translate : tuple of str
        Characters, and what each becomes.
    replace : tuple of (str, str)
        Regular expressions and replacements, in order, after capitals.
    kinds : tuple of (str, str)
        Kind and regular expression; the first that is found in the name decides.
    firms : tuple of str
        Kinds that count as a firm.
    """

    translate: tuple[str, str]
    replace: tuple[tuple[str, str], ...]
    kinds: tuple[tuple[str, str], ...]
    firms: tuple[str, ...]


def load_name_rules(folder: Path = DATA) -> NameRules:
    """Rules of ``firm_names.toml``."""
    with (folder / "firm_names.toml").open("rb") as file:
        rules = tomllib.load(file)
    first = rules["normalise"]
    return NameRules(
        translate=(first["translate_from"], first["translate_to"]),
        replace=tuple((pattern, to) for pattern, to in first["replace"]),
        kinds=tuple((rule["kind"], rule["pattern"]) for rule in rules["rule"]),
        firms=tuple(rules["firm_kinds"]),
    )
