"""`import replication as rp`: every name is there, typed, documented, and loaded on first use."""

import ast
import inspect
import re
import rlcompleter
import subprocess
import sys
from pathlib import Path

import pytest

import replication as rp
from replication.config import ROOT

PACKAGE = ROOT / "src" / "replication"
STUBS = sorted(PACKAGE.rglob("__init__.pyi"))


def names(stub: Path) -> list[str]:
    """Names that a stub gives, in its order."""
    tree = ast.parse(stub.read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    # A stub gives only what it imports under the same name once more.
    return [alias.asname for node in imports for alias in node.names if alias.asname]


def fresh(code: str) -> str:
    """What a new interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("name", names(PACKAGE / "__init__.pyi"))
def test_every_name_of_the_facade_is_there_and_documented(name: str) -> None:
    found = getattr(rp, name)
    about = inspect.getdoc(found) or ""
    assert re.match("[A-Z`]", about), about
    if inspect.isfunction(found):
        assert found.__name__ == name
        assert inspect.signature(found).return_annotation is not inspect.Signature.empty


@pytest.mark.parametrize("stub", STUBS, ids=lambda stub: stub.parent.name)
def test_every_package_gives_what_its_stub_says_once(stub: Path) -> None:
    package = ".".join(stub.parent.relative_to(PACKAGE.parent).parts)
    given = names(stub)
    assert len(set(given)) == len(given)
    assert fresh(f"import {package} as p; [getattr(p, n) for n in dir(p)]; print(*dir(p))") == (
        " ".join(sorted(given))
    )


def test_a_verb_stays_a_verb_where_a_stage_has_its_name() -> None:
    # The import system would put the package `replication.simulate` in the verb's place.
    code = "import replication.simulate.study, replication as rp; print(rp.simulate.__name__)"
    assert fresh(code) == "simulate"


def test_importing_it_loads_no_library_but_the_loader() -> None:
    code = """
        import sys
        before = set(sys.modules)
        import replication
        loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
        print(*sorted(loaded - sys.stdlib_module_names))
    """
    assert fresh(inspect.cleandoc(code)) == "lazy_loader replication"


def test_importing_it_takes_no_time() -> None:
    code = """
        from time import perf_counter
        start = perf_counter()
        import replication
        print(perf_counter() - start)
    """
    # The quickest of some, since the machine may be busy; one takes about a hundredth of a second.
    assert min(float(fresh(inspect.cleandoc(code))) for _ in range(5)) < 0.05


def test_a_wrong_name_is_answered_with_the_right_one() -> None:
    with pytest.raises(AttributeError, match="no 'pretend_test'; did you mean 'pretrend_test'"):
        rp.pretend_test  # noqa: B018
    with pytest.raises(AttributeError, match=r"no 'zzyzx'; dir\(replication\) lists what it has"):
        rp.zzyzx  # noqa: B018
    with pytest.raises(ImportError, match="pretend_test"):
        from replication import pretend_test  # noqa: F401


def test_completion_offers_the_verbs_and_the_names_of_a_namespace() -> None:
    complete = rlcompleter.Completer({"rp": rp}).complete
    assert complete("rp.pretrend_t", 0) == "rp.pretrend_test("
    assert (complete("rp.tables.desc", 0) or "").startswith("rp.tables.descriptives(")


def test_mypy_sees_the_types_behind_the_lazy_names(tmp_path: Path) -> None:
    script = tmp_path / "student.py"
    script.write_text(
        "import replication as rp\n"
        "panel = rp.load_panel('simulated')\n"
        "reveal_type(rp.did(panel).frame)\n"
        "reveal_type(rp.tables.regression)\n"
        "rp.did(panel, 'log1p')\n"
        "rp.ddt(panel)\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", str(script)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    said = [line.partition(": ")[2] for line in done.stdout.splitlines()]
    assert 'Revealed type is "pandas.core.frame.DataFrame"' in said[0], done.stdout
    assert "def (models: typing.Mapping[" in said[1]
    assert 'Argument 2 to "did" has incompatible type "str"; expected "Design"' in said[2]
    assert 'Module has no attribute "ddt"' in said[3]
