"""Simulated records in the layouts in which vendors export patents."""

# ruff: noqa: E501

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from replication.records.schema import RECORDS
from tests.support.simulated import thin


def incopat(patents: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "公开（公告）号": "", "申请号": patents["application"], "申请日": patents["date"],
            "申请人": patents["applicants"].str.replace(";", "; "), "IPC主分类号": "",
            "IPC": patents["ipc"], "当前法律状态": patents["granted"].map({True: "授权", False: "公开"}),
        }
    )  # fmt: skip


def yearly(patents: pd.DataFrame) -> pd.DataFrame:
    one = pd.DataFrame(
        {
            "专利类型": "发明公开", "申请人": patents["applicants"].str.replace(";", "；"),
            "申请人类型": "", "申请号": patents["application"],
            "申请日": patents["date"].dt.strftime("%Y.%m.%d"), "公开公告号": "", "授权公告号": "",
            "IPC分类号": patents["ipc"].str.replace(";", "；"), "摘要文本": "甲,\n\"乙\"",
        }
    )  # fmt: skip
    return pd.concat([one, one[patents["granted"]].assign(专利类型="发明授权")])


def patsnap(patents: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "公开(公告)号": "", "申请号": patents["application"], "申请日": patents["date"],
            "[标]原始申请(专利权)人": patents["applicants"].str.replace(";", " | "),
            "IPC分类号": patents["ipc"].str.replace(";", " | "),
            "简单法律状态": patents["granted"].map({True: "有效", False: "审中"}),
        }
    )  # fmt: skip


def google(patents: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "publication_number": "", "application_number": patents["application"],
            "country_code": patents["jurisdiction"],
            "filing_date": patents["date"].dt.strftime("%Y%m%d"), "assignee": patents["applicants"],
            "ipc": patents["ipc"], "grant_date": patents["granted"].map({True: "20200101", False: "0"}),
        }
    )  # fmt: skip


def patstat(patents: pd.DataFrame) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "appln_auth": patents["jurisdiction"], "appln_nr": patents["application"].str[2:],
            "appln_filing_date": patents["date"].dt.strftime("%Y-%m-%d"),
            "granted": patents["granted"].map({True: "Y", False: "N"}),
            "person_name": patents["applicants"].str.split(";"), "ipc_class_symbol": patents["ipc"],
        }
    )  # fmt: skip
    return table.explode("person_name")


def cnipa(patents: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "申请号": patents["application"], "申请日": patents["date"].dt.strftime("%Y.%m.%d"),
            "公开（公告）号": patents["granted"].map({True: "CN1B", False: "CN1A"}),
            "公开（公告）日": "", "IPC分类号": patents["ipc"],
            "申请（专利权）人": patents["applicants"].str.replace(";", "; "), "发明人": "某甲",
        }
    )  # fmt: skip


PATENTS = (incopat, yearly, patsnap, cnipa, google, patstat)


def write_exports(folder: Path, vendor: Callable[[pd.DataFrame], pd.DataFrame] = yearly) -> None:
    """Write the thin records as a reader has them: a vendor's patents, Chinese headers elsewhere."""
    folder.mkdir()
    for name, table in thin().items():
        if name == "patents":
            vendor(table).to_csv(folder / "patents.csv", index=False, encoding="gb18030")
        else:
            labels = {c: d.metadata["zh"] for c, d in RECORDS[name].columns.items()}
            table.rename(columns=labels).to_csv(folder / f"{name}.csv", index=False)
