"""pyproject.toml, requirements.txt and environment.yml describe one environment."""

import re
import tomllib
from functools import cache
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from replication.records.published import DATASETS

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = (ROOT / "requirements.txt").read_text(encoding="utf-8")
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))

# uv's name for what asks for a package: the project itself, extras included, or one of its groups.
OURS = re.compile(r"exchange-innovation-replication \(pyproject\.toml(?::(?P<group>[\w-]+))?\)")
DIRECT = [
    *[("", text) for text in PROJECT["project"]["dependencies"]],
    *[
        ("", text)
        for extra, texts in PROJECT["project"]["optional-dependencies"].items()
        for text in texts
        if extra != "spark"
    ],
    *[
        (group, text)
        for group, texts in PROJECT["dependency-groups"].items()
        for text in texts
        if group != "benchmarks"
    ],
]
# Of the peers, in an environment of their own: numba in this one would change how moderndid works.
PEERS = (ROOT / "benchmarks" / "requirements.txt").read_text(encoding="utf-8")
# Larger than everything else together, and needed by few.
SPARK = (ROOT / "tests" / "spark" / "requirements.txt").read_text(encoding="utf-8")


@cache
def locked() -> dict[str, tuple[Requirement, list[str], set[str]]]:
    """Each package of the lock: its requirement, its hashes and what it is there for."""
    entries = {}
    for block in re.split(r"^(?=[A-Za-z0-9])", LOCK, flags=re.MULTILINE)[1:]:
        lines, comment = block.splitlines(), block.partition("# via")[2]
        requirement = Requirement(lines[0].rstrip(" \\"))
        hashes = re.findall(r"--hash=(\S+)", block)
        parents = {line.strip(" #") for line in comment.splitlines()} - {""}
        name = canonicalize_name(requirement.name)
        assert name not in entries, f"{name} is locked twice"
        entries[name] = (requirement, hashes, parents)
    return entries


@pytest.mark.parametrize(("group", "text"), DIRECT)
def test_lock_satisfies_what_the_project_asks_for(group: str, text: str) -> None:
    wish = Requirement(text)
    assert canonicalize_name(wish.name) in locked(), "not locked: run `make lock`"
    pin, _, parents = locked()[canonicalize_name(wish.name)]
    (exact,) = pin.specifier
    assert exact.operator == "=="
    assert wish.specifier.contains(exact.version), f"locked at {exact.version}: run `make lock`"
    asking = {match["group"] or "" for match in map(OURS.fullmatch, parents) if match}
    assert group in asking, "the lock was made before this requirement: run `make lock`"


def test_nothing_is_locked_that_the_project_does_not_ask_for() -> None:
    asked = {(group, canonicalize_name(Requirement(text).name)) for group, text in DIRECT}
    reached = set()
    todo = []
    for name, (_, _, parents) in locked().items():
        groups = {match["group"] or "" for match in map(OURS.fullmatch, parents) if match}
        stale = {(group, name) for group in groups} - asked
        assert not stale, f"the lock still serves {stale}: run `make lock`"
        if groups:
            todo.append(name)
    while todo:
        reached.add(parent := todo.pop())
        children = (name for name, (_, _, parents) in locked().items() if parent in parents)
        todo += [name for name in children if name not in reached]
    assert set(locked()) == reached


def test_lock_names_no_place_to_download_from() -> None:
    lines = [line for line in LOCK.splitlines() if not line.startswith("    --hash=")]
    # What is left are pins, comments of uv and nothing else: no option, address or path.
    form = re.compile(r"[A-Za-z0-9._-]+==[\w.+!]+( ; [\w .'<>=!()]+)? \\|\s*#[\w ().:,/-]*")
    assert [line for line in lines if not form.fullmatch(line)] == []
    assert not re.search(r"://|/(?:opt|home|root|tmp|work|Users)/", LOCK)


@pytest.mark.parametrize(
    ("lock", "wishes"),
    [
        (PEERS, PROJECT["dependency-groups"]["benchmarks"]),
        (SPARK, PROJECT["project"]["optional-dependencies"]["spark"]),
    ],
    ids=["peers", "spark"],
)
def test_other_locks_are_beside_the_versions_of_the_project(lock: str, wishes: list[str]) -> None:
    pin = re.compile(
        r"^([a-z0-9][a-z0-9._-]*)==([^ ;]+)[^\\\n]*\\\n    --hash=sha256:", re.MULTILINE
    )
    theirs = {canonicalize_name(name): version for name, version in pin.findall(lock)}
    for text in wishes:
        wish = Requirement(text)
        assert wish.specifier.contains(theirs[canonicalize_name(wish.name)])
    ours = {name: str(pin.specifier).removeprefix("==") for name, (pin, *_) in locked().items()}
    shared = set(theirs) & set(ours)
    assert {n: theirs[n] for n in shared} == {n: ours[n] for n in shared}
    assert {"linearmodels", "pyfixest", "pandas"} <= shared
    assert "://" not in re.sub(r"#.*", "", lock)


def test_every_locked_package_has_hashes() -> None:
    for name, (_, hashes, _) in locked().items():
        assert hashes, f"{name} has no hash"
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", value) for value in hashes), name


def test_lock_is_one_for_every_system_and_every_python() -> None:
    assert "colorama" in locked(), "a lock for Windows holds colorama (pytest needs it there)"
    for text in (text for _, text in DIRECT):
        pin = locked()[canonicalize_name(Requirement(text).name)][0]
        assert pin.marker is None, f"{pin.name} is left out where not {pin.marker}"


def test_conda_takes_the_lock_and_a_python_the_project_supports() -> None:
    plain = [entry for entry in CONDA["dependencies"] if isinstance(entry, str)]
    (pip,) = [entry["pip"] for entry in CONDA["dependencies"] if isinstance(entry, dict)]
    # pip refuses whatever has no hash beside the lock, an editable install included.
    assert pip == ["-r requirements.txt"]
    assert sorted(re.split(r"[=<>]", entry)[0] for entry in plain) == ["pip", "python"]
    (python,) = [entry.partition("=")[2] for entry in plain if entry.startswith("python")]
    assert SpecifierSet(PROJECT["project"]["requires-python"]).contains(f"{python}.0")


def test_jupyter_book_is_pinned_to_one_version_everywhere() -> None:
    (wish,) = [text for _, text in DIRECT if Requirement(text).name == "jupyter-book"]
    assert wish == "jupyter-book==1.0.4.post1"
    assert str(locked()["jupyter-book"][0]) == wish


def test_build_backend_is_in_the_lock() -> None:
    # The package is installed without build isolation, from what the lock has brought.
    assert PROJECT["build-system"]["requires"] == PROJECT["dependency-groups"]["build"]


@pytest.mark.parametrize("name", ["tools/setup.py", "postBuild"])
def test_package_is_installed_without_a_download(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    for option in ("--no-deps", "--no-build-isolation", "--editable"):
        assert option in text


def test_torch_is_not_needed() -> None:
    assert not {"torch", "honestdid"} & set(locked())


def test_the_extra_is_what_its_message_installs() -> None:
    ours = {canonicalize_name(Requirement(text).name) for group, text in DIRECT if not group}
    assert {package for package, _ in DATASETS.values()} <= ours
    assert list(PROJECT["project"]["optional-dependencies"]) == ["validation", "spark", "course"]


def test_the_contract_of_the_stages_names_every_stage() -> None:
    (contract,) = PROJECT["tool"]["importlinter"]["contracts"]
    layers = [name for layer in contract["layers"] for name in layer.split(" | ")]
    package = ROOT / "src" / "replication"
    there = {path.stem for path in package.glob("*.py")} - {"__init__"}
    there |= {path.parent.name for path in package.glob("*/__init__.py")}
    assert sorted(layers) == sorted(there)
