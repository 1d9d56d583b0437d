"""What the tests need of the system is found, installed where possible, and named otherwise."""

import os
import sys
from pathlib import Path

import pytest

from tools import system_packages

pytestmark = pytest.mark.skipif(
    os.name == "nt", reason="the stand-ins are shell scripts: run it on Linux"
)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Linux machine that has no command but those a test puts into the folder returned."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(system_packages, "MAC_BROWSERS", ())
    return tmp_path


def add(folder: Path, name: str, body: str) -> None:
    """Put a command into the machine."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def test_bare_machine_lacks_both_and_says_what(
    machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert system_packages.main([]) == 1
    message = capsys.readouterr().err
    assert "chromium" in message
    assert "fonts-noto-cjk" in message


def test_placeholder_that_does_not_start_is_no_browser(machine: Path) -> None:
    add(machine, "chromium-browser", "echo 'install the snap'; exit 10")
    assert system_packages.find_browser() is None
    add(machine, "google-chrome", "echo 'Google Chrome 150'")
    assert system_packages.find_browser() == str(machine / "google-chrome")


def test_fonts_are_what_fontconfig_lists(machine: Path) -> None:
    add(machine, "fc-list", "exit 0")
    assert not system_packages.has_chinese_fonts()
    add(machine, "fc-list", "echo 'Noto Sans CJK SC'")
    assert system_packages.has_chinese_fonts()


def test_nothing_is_installed_where_nothing_is_missing(machine: Path) -> None:
    add(machine, "chromium", "exit 0")
    add(machine, "fc-list", "echo 'Noto Sans CJK SC'")
    add(machine, "apt-get", f"echo called >> '{machine}/log'")
    assert system_packages.main([]) == 0
    assert not (machine / "log").exists()


def test_apt_is_not_called_without_the_right_to(machine: Path) -> None:
    add(machine, "apt-get", f"echo called >> '{machine}/log'")
    # Sudo that would ask for a password: it is asked whether it would, and for nothing else.
    add(machine, "sudo", f"echo sudo $* >> '{machine}/log'; exit 1")
    assert system_packages.main([]) == 1
    assert (machine / "log").read_text() == "sudo -n true\n"


@pytest.mark.parametrize("user", ["root", "sudo"])
def test_apt_installs_what_is_missing(
    machine: Path, monkeypatch: pytest.MonkeyPatch, user: str
) -> None:
    if user == "root":
        monkeypatch.setattr(os, "geteuid", lambda: 0)
    else:
        add(machine, "sudo", 'shift; [ "$1" = true ] || exec "$@"')
    add(machine, "fc-list", "echo 'Noto Sans CJK SC'")
    # The stand-in leaves a browser behind when asked for one, as the real one does.
    add(
        machine,
        "apt-get",
        f"echo \"$@\" >> '{machine}/log'\n"
        f"case \"$*\" in *chromium*) echo '#!/bin/sh' > '{machine}/chromium';"
        f" /bin/chmod +x '{machine}/chromium';; esac",
    )
    assert system_packages.main(["--check"]) == 1
    assert not (machine / "log").exists()
    assert system_packages.main([]) == 0
    update, install = (machine / "log").read_text().splitlines()
    assert update.startswith("update")
    assert install.startswith("install -y")
    assert "chromium" in install
    assert "fonts-noto-cjk" not in install


def test_failed_installation_is_reported(
    machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    add(machine, "apt-get", "exit 100")
    assert system_packages.main([]) == 1
    assert "missing for the tests" in capsys.readouterr().err


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_other_systems_bring_their_own_fonts(
    machine: Path, monkeypatch: pytest.MonkeyPatch, system: str
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    assert system_packages.has_chinese_fonts()
