"""The work of `replication build` in pandas, as one would write it: whole tables, vectorised.

Not all of it: no check of the input, no number of an application made uniform, no sample flow, no
warnings. What is left comes to the same counts on simulated records, which is looked at. What kind
of applicant a name is, is asked once a name here as there.
"""

import sys
from pathlib import Path

import pandas as pd

from replication.records.classify import load_ipc, load_name_rules
from replication.records.registry import Choices

CELL = ["university", "discipline"]


def counts(folder: Path) -> pd.DataFrame:
    """Joint patents, foreign papers and overseas hires by cell and year."""
    choices = Choices()
    read = {path.stem: pd.read_parquet(path) for path in folder.glob("*.parquet")}
    cells = read["grades"][CELL]
    patents = read["patents"].drop_duplicates("application")
    patents = patents.assign(
        year=patents["date"].dt.year,
        domestic=patents["jurisdiction"].isin(choices.domestic),
        ipc_subclass=patents["ipc"].str.upper().str.extract(r"([A-H][0-9]{2}[A-Z])", expand=False),
    )
    parts = patents[["application", "applicants"]].assign(
        name=patents["applicants"].str.split(r"\s*[;；]\s*", regex=True)
    )
    named = parts.drop(columns="applicants").explode("name")
    kinds = pd.Series(named["name"].unique(), name="name").to_frame()
    rules = load_name_rules()
    uniform = kinds["name"].str.normalize("NFKC").str.upper()
    for pattern, replacement in rules.normalise.replace:
        uniform = uniform.str.replace(pattern.replace(r"\p{Han}", "一-鿿"), replacement, regex=True)
    kinds["kind"] = "other"
    for rule in reversed(rules.rule):
        pattern = rule.pattern.replace(r"\p{Han}", "[一-鿿]")
        kinds.loc[uniform.str.contains(pattern, regex=True), "kind"] = rule.kind
    named = named.merge(kinds, on="name")
    names = read["universities"].rename(columns={"applicant_names": "name"})
    named = named.merge(names, on="name", how="left")
    firm = named.assign(firm=named["kind"] == "firm").groupby("application")["firm"].any()
    ours = named.dropna(subset="university")[["application", "university"]].drop_duplicates()
    credits = patents.merge(ours, on="application").merge(load_ipc(), on="ipc_subclass")
    credits = credits.merge(firm, on="application").merge(cells, on=CELL)
    joint = credits[credits["domestic"] & credits["firm"]]
    papers = read["papers"].drop_duplicates(["paper", *CELL]).merge(cells, on=CELL)
    hires = read["hires"].drop_duplicates("hire").merge(cells, on=CELL)
    home = rf"\b(?:{'|'.join(choices.domestic)})\b|[;\s]"
    foreign = papers["partner_countries"].fillna("").str.replace(home, "", regex=True) != ""
    abroad = ~hires["doctorate_country"].isin(choices.domestic)
    by = {
        "patents_joint": joint,
        "patents_joint_key": joint[joint["key_core"]],
        "patents_joint_ai": joint[joint["ai"]],
        "patents_joint_granted": joint[joint["granted"]],
        "patents_overseas": credits[~credits["domestic"]],
        "papers_foreign": papers[foreign],
        "hires_overseas": hires[abroad],
    }
    sizes = {name: events.groupby([*CELL, "year"]).size() for name, events in by.items()}
    years = pd.Series(range(choices.first_year, choices.last_year + 1), name="year")
    panel = cells.merge(years, how="cross").set_index([*CELL, "year"]).sort_index()
    return panel.join(pd.DataFrame(sizes)).fillna(0).astype("int64")


if __name__ == "__main__":
    counts(Path(sys.argv[1])).reset_index().to_parquet(sys.argv[2], index=False)
