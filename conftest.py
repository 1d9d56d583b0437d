"""What the tests and the notebooks under test share.

A notebook is executed once, by nbval, which compares what each cell shows. One more test a
notebook, ``notebooks/x.ipynb::results``, then compares what that same run wrote with ``results/x``
and the alternative texts of its figures, which nbval looks at neither of.
"""

import gc
import os
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from nbval.plugin import IPyNbCell, IPyNbFile

from tools import system_packages

ROOT = Path(__file__).resolve().parent


@cache
def missing() -> tuple[str, ...]:
    """What the machine lacks for the tests marked ``system``."""
    return tuple(system_packages.missing())


def pytest_configure(config: pytest.Config) -> None:
    """Keep the notebooks under test from writing over the committed results."""
    # Where the public files lie beside the checkout, the chapter on open data reads them there.
    mirror = ROOT.parent / "shared" / "open-data"
    if mirror.is_dir():
        os.environ.setdefault("REPLICATION_OPEN_DATA", str(mirror))
    # A worker a core: linear algebra that also asked for every core would wait for the others.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Workers inherit what the main process has set, so each must set its own.
    worker = getattr(config, "workerinput", {}).get("workerid", "main")
    os.environ["REPLICATION_RESULTS"] = str(ROOT / "build" / "tests" / worker)


def pytest_collection_finish() -> None:
    """Keep the garbage collector off what was collected: it would walk thousands of tests."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    """Let what was kept be freed in order."""
    gc.unfreeze()


@cache
def lacking(name: str) -> str:
    """Why the data of a chapter are not to be had here; empty if they are, or if it needs none."""
    from replication.page.chapters import unavailable

    return unavailable(name)


def written(notebook: Path) -> Path:
    """Folder that a notebook under test writes its results to."""
    return Path(os.environ["REPLICATION_RESULTS"]) / notebook.stem


class ResultsError(Exception):
    """The results of a notebook's run are not the committed ones."""


class Results(pytest.Item):
    """Compares what the cells of a notebook, run before this by nbval, have written."""

    def __init__(self, *, cells: list[IPyNbCell], **options: Any) -> None:
        super().__init__(**options)
        self.cells = cells

    def runtest(self) -> None:
        from replication.page.compare import alternative_texts, compare_results

        stopped = [cell.name for cell in self.cells if not completed(cell)]
        if stopped:
            raise ResultsError(
                f"the results of {self.path.name} are incomplete: {', '.join(stopped)} did not run "
                "to the end (select the whole notebook; under xdist use --dist loadscope)"
            )
        found = compare_results(written(self.path), ROOT / "results" / self.path.stem)
        for cell in self.cells:
            fresh, kept = alternative_texts(cell.test_outputs), alternative_texts(cell.cell.outputs)
            if fresh != kept:
                found.append(f"{cell.name}: alternative text is {fresh}, committed {kept}")
        if found:
            remedy = f"If this is as it should be: `replication run --update {self.path.stem}`"
            raise ResultsError("\n".join([*found, remedy]))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, ResultsError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"{self.path.name}: results"


def completed(cell: IPyNbCell) -> bool:
    """Whether nbval has run a cell to its end, whatever it has shown."""
    outputs = cell.test_outputs
    if outputs is None or cell.parent.timed_out:
        return False
    return all(output.output_type != "error" for output in outputs)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    """Add the comparison of results to the cells of a notebook."""
    report: Any = yield
    if isinstance(collector, IPyNbFile) and report.passed:
        item = Results.from_parent(collector, name="results", cells=list(report.result))
        report.result.append(item)
    return report


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Empty a notebook's folder before it runs; skip what needs data or a browser not here."""
    if isinstance(item, IPyNbCell | Results) and (reason := lacking(item.path.stem)):
        pytest.skip(reason)
    if isinstance(item, IPyNbCell) and item.cell_num == 0:
        shutil.rmtree(written(item.path), ignore_errors=True)
    # In continuous integration there is a browser, so there it must run.
    if item.get_closest_marker("system") and os.environ.get("CI") != "true" and missing():
        pytest.skip(f"no {' and no '.join(missing())} on this machine: see `make system`")


@pytest.fixture(scope="session")
def browser() -> str:
    """Path of Chromium or Chrome."""
    path = system_packages.find_browser()
    assert path, "no browser on this machine: see `make system`"
    return path
