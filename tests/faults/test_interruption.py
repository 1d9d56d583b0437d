"""A kill at any moment leaves the old files or the new, and two at once do not mix theirs."""

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from replication import cli, writing
from replication.errors import BusyError, ReplicationError
from replication.panel.build import read_records
from replication.panel.load import load_panel, load_truth
from replication.records.manifest import write_truth
from replication.writing import alone, settle, write_files
from tests.support.killed import ROOT, killed
from tests.support.project import HEADER

Contents = dict[str, bytes]


def command(*arguments: object) -> int:
    return cli.main([str(argument) for argument in arguments])


def contents(folder: Path) -> Contents:
    """Files of a folder, without what a kill leaves for the next command to take up or away."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    names = {path.relative_to(folder).as_posix(): path for path in paths}
    return {n: p.read_bytes() for n, p in names.items() if not n.startswith(".replication.")}


def statement(*arguments: object) -> str:
    return f"assert cli.main({[str(a) for a in arguments]!r}) == 0"


CLI = "from replication import cli"
SIMULATE = f"{CLI}; import replication.records.manifest, replication.simulate.records"
BUILD = f"{CLI}; import replication.panel.build, replication.panel.consistency"
WRITE = "from pathlib import Path; from replication.writing import write_files"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records of two seeds, and the panel of each."""
    folder = tmp_path_factory.mktemp("made")
    for seed in (1, 2):
        at = folder / str(seed)
        assert command("simulate", "--out", at / "records", "--scale", 0.1, "--seed", seed) == 0
        assert command("build", "--records", at / "records", "--out", at / "out/panel.parquet") == 0
    return folder


class TestWriting:
    """The one way to write, killed at each of its steps."""

    def test_old_or_new_at_every_step(self, tmp_path):
        folder = tmp_path / "folder"
        old = {"a": b"old", "b": b"old", "gone": b"old", "sub/c": b"old", "mine": b"mine"}
        new = {"a": b"new", "b": b"new", "sub/c": b"new", "sub/d": b"new"}
        for name, content in old.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        code = (
            "from pathlib import Path; from replication.writing import write_files; "
            f"write_files(Path({str(folder)!r}), { ({**new, 'gone': None})!r})"
        )
        seen = []
        for left in killed(code, folder, tmp_path / "after"):
            settle(left)
            found = contents(left)
            assert found in (old, {**new, "mine": b"mine"})
            seen.append(found == old)
        # Once new, it stays new; there are steps before that and after.
        assert seen == sorted(seen, reverse=True)
        assert sum(seen) >= len(new)
        assert len(seen) - sum(seen) >= len(new)
        # The next command finds nothing in its way and leaves nothing behind.
        write_files(folder, {"a": b"newer"})
        assert contents(folder)["a"] == b"newer"
        assert not list(folder.glob(".replication.*"))

    def test_what_a_kill_left_unfinished_is_not_taken_up(self, tmp_path):
        (tmp_path / writing.UNFINISHED).mkdir()
        (tmp_path / writing.UNFINISHED / "a").write_bytes(b"half")
        settle(tmp_path)
        assert contents(tmp_path) == {}
        write_files(tmp_path, {"b": b"whole"})
        assert {path.name for path in tmp_path.iterdir()} == {"b"}

    def test_an_error_leaves_all_as_it_was_and_names_the_file(self, tmp_path):
        (tmp_path / "a").write_bytes(b"old")
        (tmp_path / "folder").mkdir()
        with pytest.raises(FileExistsError) as error:
            write_files(tmp_path, {"a": b"new", "a/b": b"a is no folder"})
        assert error.value.filename == str(tmp_path / "a/b")
        assert {path.name for path in tmp_path.iterdir()} == {"a", "folder"}
        assert (tmp_path / "a").read_bytes() == b"old"


class TestCommands:
    """Commands killed at some of their steps; `make faults` takes all of them."""

    @pytest.fixture
    def every(self) -> int:
        """Steps between two kills."""
        return 9

    def test_simulate(self, made, tmp_path, every):
        old, new = contents(made / "1/records"), contents(made / "2/records")
        folder = Path(shutil.copytree(made / "1/records", tmp_path / "records"))
        code = statement("simulate", "--out", folder, "--scale", 0.1, "--seed", 2)
        found = []
        for left in killed(code, folder, tmp_path / "after", every, SIMULATE):
            read_records(left)
            found.append(contents(left))
            assert found[-1] in (old, new)
        assert found[0] == old
        assert found[-1] == new

    def test_simulate_into_a_new_folder(self, made, tmp_path, every):
        folder = tmp_path / "records"
        folder.mkdir()
        code = statement("simulate", "--out", folder, "--scale", 0.1, "--seed", 2)
        for left in killed(code, folder, tmp_path / "after", every, SIMULATE):
            try:
                read_records(left)
            except ReplicationError as error:
                assert "does not hold universities.parquet" in str(error)  # noqa: PT017
            assert contents(left) in ({}, contents(made / "2/records"))

    def test_build(self, made, tmp_path, every):
        old, new = contents(made / "1/out"), contents(made / "2/out")
        folder = Path(shutil.copytree(made / "1/out", tmp_path / "out"))
        records, out = made / "2/records", folder / "panel.parquet"
        code = statement("build", "--records", records, "--out", out)
        found = []
        for left in killed(code, folder, tmp_path / "after", every, BUILD):
            load_panel("simulated", out)
            found.append(contents(left))
            assert found[-1] in (old, new)
        assert found[0] == old
        assert found[-1] == new

    def test_truth(self, tmp_path):
        out = tmp_path / "out" / "truth.csv"
        shipped = load_truth()
        write_truth(out, shipped.assign(mc_error=0.5), {"seed": 1, "process": {}}, 0)
        old = contents(out.parent)
        write_truth(out, shipped, {"seed": 2, "process": {}}, 9)
        new = contents(out.parent)
        write_truth(out, shipped.assign(mc_error=0.5), {"seed": 1, "process": {}}, 0)
        imports = """
from pathlib import Path
from replication.panel.load import load_truth
from replication.records.manifest import write_truth
shipped = load_truth()
"""
        code = f"write_truth(Path({str(out)!r}), shipped, {{'seed': 2, 'process': {{}}}}, 9)"
        found = []
        for left in killed(code, out.parent, tmp_path / "after", imports=imports):
            load_truth(out)
            found.append(contents(left))
            assert found[-1] in (old, new)
        assert found[0] == old
        assert found[-1] == new

    def test_what_run_keeps(self, tmp_path):
        """The notebook, its results and the record of the run, at each step."""
        project = tmp_path / "project"
        old = {"notebooks/a.ipynb": b"{}", "results/a/tab-old.csv": b"x\n1\n"}
        for name, content in old.items():
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            (project / name).write_bytes(content)
        fresh = tmp_path / "fresh"
        fresh.mkdir()
        (fresh / "tab-new.csv").write_text("x\n2\n")
        imports = f"""
from pathlib import Path
from nbformat.v4 import new_notebook
from replication.page import chapters
chapters.ROOT = Path({str(project)!r})
chapters.NOTEBOOKS = chapters.ROOT / "notebooks"
run = chapters.Run("a", new_notebook(), Path({str(fresh)!r}), 1.0, 1.0)
"""
        found = []
        code = "chapters.update({'a': run})"
        for left in killed(code, project, tmp_path / "after", imports=imports):
            settle(left)
            found.append(contents(left))
        new = found[-1]
        assert set(new) == {"notebooks/a.ipynb", "results/a/tab-new.csv", "results/runs.json"}
        assert json.loads(new["notebooks/a.ipynb"])["nbformat"] == 4
        assert all(one in (old, new) for one in found)
        assert found[0] == old

    def test_a_generated_page(self, tmp_path):
        folder = tmp_path / "pages"
        folder.mkdir()
        text = "<!-- x -->\n\nold\n\n<!-- end of x -->\n"
        (folder / "README.md").write_text(text)
        imports = "from pathlib import Path; from replication.page import readme"
        code = f"readme.write(Path({str(folder / 'README.md')!r}), {{'x': lambda: 'new'}})"
        found = []
        for left in killed(code, folder, tmp_path / "after", imports=imports):
            settle(left)
            found.append((left / "README.md").read_text(encoding="utf-8"))
        assert set(found) == {text, text.replace("old", "new")}


class TestTwoAtOnce:
    def test_the_second_is_refused_by_name(self, tmp_path):
        code = (
            "import sys; from pathlib import Path; from replication.writing import alone\n"
            f"with alone(Path({str(tmp_path)!r})): print('in', flush=True); sys.stdin.read()"
        )
        first = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert first.stdout
        assert first.stdout.readline() == "in\n"
        with pytest.raises(BusyError, match=rf"is writing to {tmp_path}: wait"), alone(tmp_path, 0):
            pass
        # What holds it and is killed does not hold it for ever.
        first.kill()
        first.communicate()
        with alone(tmp_path, 5):
            pass

    def test_four_that_write_leave_the_files_of_one(self, tmp_path):
        code = (
            "import sys; from pathlib import Path\n"
            "from replication.writing import write_files\n"
            f"for _ in range(20): write_files(Path({str(tmp_path)!r}), "
            "{name: sys.argv[1].encode() for name in 'abcdef'})"
        )
        running = [subprocess.Popen([sys.executable, "-c", code, str(n)]) for n in range(4)]
        assert [one.wait() for one in running] == [0] * 4
        assert len(set(contents(tmp_path).values())) == 1
        assert not list(tmp_path.glob(".replication.*"))

    def test_two_that_simulate_leave_the_records_of_one(self, made, tmp_path):
        argv = [sys.executable, "-m", "replication.cli", "simulate", "--scale", "0.1"]
        running = [
            subprocess.Popen(
                [*argv, "--out", str(tmp_path / "records"), "--seed", seed],
                stdout=subprocess.DEVNULL,
            )
            for seed in "12"
        ]
        assert [one.wait() for one in running] == [0, 0]
        found = contents(tmp_path / "records")
        assert found in [contents(made / seed / "records") for seed in "12"]


SLEEPS = (
    HEADER
    + """\

```{code-cell} ipython3
import time
time.sleep(300)
```
"""
)


class TestKernels:
    @pytest.mark.skipif(
        not Path("/proc/self").exists(), reason="processes are looked up in /proc: run it on Linux"
    )
    @pytest.mark.parametrize(
        ("sent", "status"), [(signal.SIGKILL, -9), (signal.SIGTERM, -15), (signal.SIGINT, 130)]
    )
    def test_none_outlives_its_run(self, tmp_path, sent, status):
        for name in ("notebooks", "results"):
            (tmp_path / name).mkdir()
        for name in "ab":
            (tmp_path / "notebooks" / f"{name}.md").write_text(SLEEPS)
        code = f"""
import signal, sys
from pathlib import Path
from replication import cli
from replication.page import chapters
# What runs in the background of a shell inherits an interrupt that is ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
chapters.ROOT = Path({str(tmp_path)!r})
chapters.NOTEBOOKS, chapters.BUILD = chapters.ROOT / "notebooks", chapters.ROOT / "build"
sys.exit(cli.main(["run"]))
"""
        run = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
        kernels = self.wait_for(lambda: len(found := self.kernels(tmp_path)) == 2 and found)
        assert kernels
        run.send_signal(sent)
        said = run.communicate(timeout=20)[1]
        assert run.returncode == status
        if sent == signal.SIGINT:
            assert said == (
                "replication run: interrupted; what it would have written is as it was\n"
            )
        assert self.wait_for(lambda: not self.kernels(tmp_path))

    @staticmethod
    def kernels(folder: Path) -> list[int]:
        """Processes of a kernel that was given this folder for its results."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                known = (
                    f"REPLICATION_RESULTS={folder}".encode() in (process / "environ").read_bytes()
                    and b"ipykernel" in (process / "cmdline").read_bytes()
                )
            except OSError:
                continue
            found += [int(process.name)] if known else []
        return found

    @staticmethod
    def wait_for(condition, seconds=30):
        end = time.monotonic() + seconds
        while not (found := condition()) and time.monotonic() < end:
            time.sleep(0.1)
        return found


@pytest.mark.faults
class TestLong:
    """All steps of the commands, and kills at random times: minutes, so not in `make test`."""

    def test_simulate_at_every_step(self, made, tmp_path):
        TestCommands().test_simulate(made, tmp_path, every=1)

    def test_simulate_into_a_new_folder_at_every_step(self, made, tmp_path):
        TestCommands().test_simulate_into_a_new_folder(made, tmp_path, every=1)

    def test_build_at_every_step(self, made, tmp_path):
        TestCommands().test_build(made, tmp_path, every=1)

    @pytest.mark.parametrize("seed", range(15))
    @pytest.mark.parametrize("name", ["simulate", "build"])
    def test_at_a_random_time(self, made, tmp_path, name, seed):
        records = Path(shutil.copytree(made / "1/records", tmp_path / "records"))
        out = Path(shutil.copytree(made / "1/out", tmp_path / "out")) / "panel.parquet"
        more = {
            "simulate": ["--out", records, "--scale", "0.1", "--seed", "2"],
            "build": ["--records", made / "2/records", "--out", out],
        }[name]
        code = f"{CLI}; {statement(name, *more)}"
        run = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.DEVNULL)
        time.sleep(random.Random(seed).uniform(0.2, 2.5))
        run.kill()
        run.wait()
        read_records(records)
        load_panel("simulated", out)
        assert contents(records) in [contents(made / s / "records") for s in "12"]
        assert contents(out.parent) in [contents(made / s / "out") for s in "12"]
