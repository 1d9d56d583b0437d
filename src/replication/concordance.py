"""The tables that give records their meaning: disciplines, IPC subclasses, applicants' names."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from replication.errors import RegistryError
from replication.paths import DATA


def load_disciplines(folder: Path = DATA) -> pd.DataFrame:
    """First-level disciplines: ``discipline``, ``category``, ``name_en``, ``name_zh``."""
    return pd.read_csv(folder / "disciplines.csv", dtype=str)


def load_ipc(folder: Path = DATA) -> pd.DataFrame:
    """IPC subclasses with the discipline, and whether they are key core or under export control.

    Returns
    -------
    DataFrame
        ``ipc_subclass``, ``discipline`` (str), ``key_core``, ``controlled`` (bool); one row a
        subclass.

    Raises
    ------
    RegistryError
        If a subclass has two rows in the concordance: its patents would count twice. If a subclass
        of the two lists has none: it could never be counted.
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
