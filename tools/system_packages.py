"""The system packages that some tests need: a browser (Chromium or Chrome) and Chinese fonts.

``python tools/system_packages.py`` installs what is missing where apt-get can do it without a
password, and otherwise says what to install; ``--check`` only looks. ``--java`` is about the Java
that Spark runs on, and about nothing else. The exit status is 0 when nothing is missing in the end.
"""

import os
import shutil
import subprocess
import sys

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC_BROWSERS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
PACKAGES = {"browser": "chromium", "fonts": "fonts-noto-cjk", "java": "openjdk-17-jre-headless"}
ADVICE = {
    "browser": "Chromium or Google Chrome (Debian: chromium; Fedora: chromium; Arch: chromium)",
    "fonts": "Noto CJK fonts (Debian, Ubuntu: fonts-noto-cjk; Fedora: google-noto-sans-cjk-fonts; "
    "Arch: noto-fonts-cjk) and fontconfig",
    "java": "Java 17 or later (Debian, Ubuntu: openjdk-17-jre-headless; Fedora: "
    "java-17-openjdk-headless; Arch: jre17-openjdk-headless)",
}
TESTS = {"built book": ("browser", "fonts"), "Spark backend": ("java",)}
"""What is needed for the tests of what."""


def succeeds(*command: str) -> bool:
    """Whether a command exists, ends in time and reports success."""
    try:
        done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def find_browser() -> str | None:
    """Path of a browser that starts; Ubuntu's placeholder for its snap does not."""
    names = (os.environ.get("CHROMIUM", ""), *BROWSERS, *MAC_BROWSERS)
    for path in filter(None, map(shutil.which, filter(None, names))):
        if os.name == "nt" or succeeds(path, "--version"):
            return path
    return None


def has_chinese_fonts() -> bool:
    """Whether fontconfig knows a Chinese font; macOS and Windows always bring one."""
    if sys.platform != "linux":
        return True
    try:
        listed = subprocess.run(["fc-list", ":lang=zh", "family"], capture_output=True, check=False)
    except OSError:
        return False
    return bool(listed.stdout.strip())


def has_java() -> bool:
    """Whether there is a Java that starts; macOS has a placeholder that does not."""
    home = os.environ.get("JAVA_HOME")
    return succeeds(f"{home}/bin/java" if home else "java", "-version")


LOOKS = {
    "browser": lambda: find_browser() is not None,
    "fonts": has_chinese_fonts,
    "java": has_java,
}


def missing(tests: str = "built book") -> list[str]:
    """What this machine lacks for one of `TESTS`."""
    return [name for name in TESTS[tests] if not LOOKS[name]()]


def apt_get() -> list[str] | None:
    """The apt-get command of someone who may install without a password, or None."""
    if shutil.which("apt-get") is None:
        return None
    if os.geteuid() == 0:
        return ["apt-get"]
    return ["sudo", "-n", "apt-get"] if succeeds("sudo", "-n", "true") else None


def install(names: list[str]) -> None:
    """Install with apt-get if that is possible; a failure shows in what is still missing."""
    command = apt_get()
    if command is None:
        return
    packages = [PACKAGES[name] for name in names]
    if "fonts" in names:
        packages.append("fontconfig")
    print(f"installing {' '.join(packages)} ...", flush=True)
    quiet = ["-qq", "-o", "Dpkg::Use-Pty=0"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # The lists may be fresh enough when updating them fails, so that only installing decides.
    subprocess.run([*command, "update", *quiet], env=environment, check=False)
    subprocess.run(
        [*command, "install", "-y", "--no-install-recommends", *quiet, *packages],
        env=environment,
        check=False,
    )


def main(arguments: list[str]) -> int:
    """Look, install unless told only to look, and say what is left to do."""
    tests = "Spark backend" if "--java" in arguments else "built book"
    lacking = missing(tests)
    if lacking and "--check" not in arguments:
        install(lacking)
        lacking = missing(tests)
    for name in lacking:
        print(f"missing for the tests of the {tests}: {ADVICE[name]}", file=sys.stderr)
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
