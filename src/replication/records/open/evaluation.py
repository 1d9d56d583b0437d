"""Grades of the 4th national discipline evaluation, and the frame of cells that they give (R20)."""

import pandas as pd

from replication.records.open.files import keep, read, require, require_all, require_once
from replication.records.open.universities import match
from replication.records.study.frame import shipped
from replication.records.variables import GRADES

EVALUATION = {"一级学科代码": "discipline", "一级学科名称": "name_zh", "评估结果": "grade"}
STEM = ("07", "08")
# Four rows of Business Administration carry the code of the row above plus one, as a spreadsheet
# fills a column; the discipline has one code.
SLIPS = {("工商管理", code): "1202" for code in ("1209", "1210", "1211", "1212")}


def evaluation() -> pd.DataFrame:
    """Grades of the 4th national discipline evaluation (2017).

    Returns
    -------
    DataFrame
        One row a discipline and university: ``discipline`` (4-digit code), ``name_zh`` (of the
        discipline), ``grade`` (A+ to C-), ``school`` (as printed), ``university``, and ``joint``:
        whether the grade is of two campuses, which the release prints under one name. Such a row
        has the pair for its university, ``中国地质大学(两地)``, and none of the two.

    Raises
    ------
    SchemaError, MissingColumnError, DuplicateRowsError
        A code or a grade is none, or a code has two names; a column is not there; a school has two
        grades in a discipline.
    """
    raw, file = read("evaluation-2017")
    # As many columns as the longest row has schools.
    schools = [str(column) for column in raw if str(column).startswith("学校名称")]
    require(raw, [*EVALUATION, *(schools or ["学校名称1"])], file)
    rows = raw[list(EVALUATION)].apply(lambda column: column.str.strip())
    code, grade = rows["一级学科代码"], rows["评估结果"]
    require_all(code, code.str.fullmatch("[0-9]{4}"), "no 4-digit code", file)
    require_all(grade, grade.isin(GRADES), f"none of {', '.join(GRADES)}", file)
    rows = rows.rename(columns=EVALUATION)
    codes = zip(rows["name_zh"], rows["discipline"], strict=True)
    rows["discipline"] = [SLIPS.get((name, code), code) for name, code in codes]
    for one, other in (("discipline", "name_zh"), ("name_zh", "discipline")):
        first = rows.groupby(one)[other].transform("first")
        require_all(rows[other], rows[other] == first, f"a second {other} of one {one}", file)
    long = rows.join(raw[schools]).melt(list(EVALUATION.values()), value_name="school")
    long["school"] = long["school"].str.strip()
    long = long[long["school"] != ""].drop(columns="variable")
    require_once(long, ["discipline", "school"], file)
    return match(long, "evaluation", "school").sort_values(
        ["discipline", "school"], ignore_index=True
    )


def frame(minimum: int = 2, joint: bool = True) -> pd.DataFrame:
    """Cells of the open study (R20): ministry university by science or engineering discipline.

    Parameters
    ----------
    minimum : int
        Graded disciplines of science (07) or engineering (08) that a university needs.
    joint : bool
        Keep the three pairs of campuses that share a grade, each as one unit.

    Returns
    -------
    DataFrame
        One row a cell: ``university``, ``joint``, ``discipline``, ``category``, ``name_zh``,
        ``grade`` and ``advantaged`` (1 for A- or better, R17).
    """
    grades = evaluation()
    cells = grades.assign(
        category=grades["discipline"].str[:2],
        advantaged=grades["grade"].isin(shipped().advantaged).astype("int64"),
    )
    cells = keep(cells, cells["category"].isin(STEM), "not science or engineering")
    if not joint:
        cells = keep(cells, ~cells["joint"], "two campuses under one name")
    enough = cells.groupby("university")["discipline"].transform("size") >= minimum
    cells = keep(cells, enough, f"of a university with fewer than {minimum} such disciplines")
    columns = ["university", "joint", "discipline", "category", "name_zh", "grade", "advantaged"]
    return cells.sort_values(["university", "discipline"], ignore_index=True)[columns]
