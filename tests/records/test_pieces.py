"""A table in pieces is written as pandas writes it whole, however it is cut."""

import io

import pandas as pd
import pytest

from replication.records import pieces
from replication.records.pieces import write_parquet
from tests.support.simulated import SMALL, tables


@pytest.mark.parametrize("known", [{}, {"source": "simulated", "study": "名"}])
@pytest.mark.parametrize("group", [1000, 1024 * 1024])
@pytest.mark.parametrize("cut", [1, 333, 1000, 5000, 10**6])
def test_bytes_are_those_of_pandas(
    cut: int, group: int, known: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tables(SMALL)["patents"].head(2500 if cut > 1 else 40)
    monkeypatch.setattr(pieces, "ROW_GROUP", group)
    whole = table.copy()
    whole.attrs = known
    expected = whole.to_parquet(index=False, write_page_checksum=True, row_group_size=group)
    file = io.BytesIO()
    cuts = (table.iloc[i : i + cut] for i in range(0, len(table), cut))
    assert write_parquet(cuts, known, file) == len(table)
    assert file.getvalue() == expected
    alone = io.BytesIO()
    write_parquet(table, known, alone)
    assert alone.getvalue() == expected


def test_pieces_of_a_table_without_rows() -> None:
    table = pd.DataFrame({"a": pd.Series(dtype="int64")})
    file = io.BytesIO()
    assert write_parquet([table], {}, file) == 0
    assert pd.read_parquet(file).equals(table)
