"""Write the tables that validation.R reads: ``python tests/oracles/export.py FOLDER``.

Nothing that it writes is kept in the repository.
"""

import sys
from pathlib import Path

from replication.records.published import DATASETS, load
from tests.support.designs_panel import panel


def export(folder: Path) -> None:
    """One csv a data set, numbers in full precision."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in DATASETS:
        load(name).to_csv(folder / f"{name}.csv", index=False)
    panel().to_csv(folder / "panel.csv", index=False)


if __name__ == "__main__":
    export(Path(sys.argv[1]))
