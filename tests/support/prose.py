"""Numbers that are typed in prose, where only registered ones may stand.

Every number of a page is typed but for what the page's form explains (dates of years, references,
formulas, code, addresses) and what `prose_numbers.toml` allows with a reason.
"""

import ast
import json
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from itertools import islice
from pathlib import Path

from replication.config import NOTEBOOKS, ROOT
from tests.support.rules import calls

PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "book").glob("*.md")),
    *sorted((ROOT / "book" / "exercises").glob("*.md")),
    *sorted(NOTEBOOKS.glob("*.md")),
]

# What is no prose: parts that a command prints, code, mathematics, addresses.
NO_PROSE = re.compile(
    r"""<!--\ (?P<part>\w+)\ -->.*?<!--\ end\ of\ (?P=part)\ -->
    | \A---\n.*?\n---\n
    | ^(?P<fence>`{3,}|~{3,})(?!\{(?!code-cell|code-block|math)).*?^(?P=fence)`*\s*$
    | (?:\{[\w:-]+\})?`[^`\n]+` | \$\$.*?\$\$ | \$[^$\n]+\$
    | https?://\S+ | \b10\.\d{4,}/\S+ | \]\([^)\n]*\)
    | ^:{3,}\{grid\}[\d\ ]+$ | ^:[\w-]+:[\d\s.]*$
    """,
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)
FENCE = re.compile(r"(`{3,}|~{3,})(?:\{([\w-]+)\})?(.*)$")
ARGUMENT_IS_A_NAME = {"figure", "generated", "image", "include", "raw", "source-badge"}
CODE = {"code-cell", "code-block", "math"}
# A word that leads to the glossary is a word of the sentence.
TERM = re.compile(r"\{term\}`([^`<\n]+?)(?: <[^`\n]*>)?`")
# But a number is none the less typed for standing alone in a code span, or in a formula.
TYPED = re.compile(r"`[\d.,%\s−-]+`|\$.*(?:\d\d|\d\.\d).*\$", re.DOTALL)
# What a number may say of the text and not of the data.
EXPLAINED = re.compile(
    r"""(?<![A-Za-z\d_.,])(?:1[89]|20)\d\d(?![A-Za-z\d_]|[.,]\d)   # a year
    | ^\s*(?:[#]+\ )?\d{1,2}\.\                                   # an item of a list, a heading
    | \b\d{1,2}(?:st|nd|rd|th)\b                                  # an ordinal
    | \b[Cc]olumns?\ \(\d\)(?:\ (?:to|and|or)\ \(\d\))*
    | \b(?:[Ss]ection|[Ff]igure|[Tt]able)\ \d{1,2}\b(?!\.\d|\ ?%)
    | \b(?:[Vv]ersion|Python|[\w-]+[=<>~]=)\ ?\d+(?:\.\d+)+ | \bv\d+(?:\.\d+)+
    | \b\d+\(\d+\):\ \d+[–-]\d+                                  # volume, number and pages
    | \b(?:log|t)\((?:1\ \+\ [a-z]|G\ −\ 1)\)
    """,
    re.MULTILINE | re.VERBOSE,
)
# Chinese stands beside a number without a space.
NUMBER = re.compile(r"(?<![A-Za-z\d_])(?<!\d[.,])[−-]?\.?\d+(?:,\d{3})*(?:\.\d+)*")
LIST = Path(__file__).with_name("prose_numbers.toml")


@dataclass(frozen=True)
class Registered:
    """A number that a chapter has registered."""

    name: str
    chapter: str
    value: float


@dataclass(frozen=True)
class Allowed:
    """A text with a number that may be typed on a page (or on all that fit a pattern), and why."""

    page: str
    text: str
    reason: str


def registered(results: Path) -> list[Registered]:
    """All registered numbers; words are left out."""
    return [
        Registered(name, path.parent.name, float(entry["value"]))
        for path in sorted(results.glob("*/numbers.json"))
        for name, entry in json.loads(path.read_text(encoding="utf-8")).items()
        if isinstance(entry["value"], int | float)
    ]


def allowed() -> list[Allowed]:
    """The reviewed list of what may be typed."""
    return [Allowed(**entry) for entry in tomllib.loads(LIST.read_text("utf-8"))["allowed"]]


def blank(match: re.Match[str]) -> str:
    """As many spaces as there are characters; lines stay in their places."""
    return re.sub(r"[^\n]", " ", match[0])


def unfenced(text: str) -> str:
    """Text without the fences of directives that hold prose, each line in its place.

    Left there, the line that closes one would be read as the opening of a block of code.
    """
    lines, open_fences = text.split("\n"), []
    for number, line in enumerate(lines):
        fence = FENCE.match(line)
        if not fence:
            continue
        mark, directive, rest = fence.groups()
        bare = directive is None and not rest.strip()
        if open_fences and bare and mark.startswith(open_fences[-1][0]):
            holds_prose = open_fences.pop()[1]
        else:
            if open_fences and not open_fences[-1][1]:
                continue
            holds_prose = directive is not None and directive not in CODE
            open_fences.append((mark, holds_prose))
        if holds_prose:
            named = directive in ARGUMENT_IS_A_NAME
            lines[number] = "" if named else line.replace(mark, " " * len(mark))
    return "\n".join(lines)


def prose(text: str) -> str:
    """Text of a page with all that is no prose blanked out, each line in its place."""
    text = TERM.sub(r"\1", unfenced(text))
    return NO_PROSE.sub(lambda m: m[0] if TYPED.fullmatch(m[0]) else blank(m), text)


def captions(notebook: Path) -> str:
    """Titles and notes that a chapter types for its exhibits, one a paragraph."""
    values = [k.value for c in calls(notebook, "publish") for k in c.keywords if k.arg != "source"]
    nodes = [node for value in values for node in ast.walk(value)]
    styles = [n.format_spec for n in nodes if isinstance(n, ast.FormattedValue) and n.format_spec]
    apart = {node for style in styles for node in ast.walk(style)}
    texts = [n.value for n in nodes if isinstance(n, ast.Constant) and n not in apart]
    return "\n\n".join(text for text in texts if isinstance(text, str))


def typed_numbers(
    text: str, numbers: Iterable[Registered], exceptions: Iterable[str] = ()
) -> Iterator[str]:
    """Numbers in prose that nothing explains, and which registered ones they may be."""
    rest = prose(text)
    for exception in exceptions:
        rest = rest.replace(exception, " " * len(exception))
    rest = EXPLAINED.sub(blank, rest)
    for match in NUMBER.finditer(rest):
        line = rest.count("\n", 0, match.start()) + 1
        like = ", ".join(islice(resembling(match[0], numbers), 3)) or "no registered number"
        yield (
            f"line {line}: {match[0]} is typed ({like}): use {{glue:text}}, or give the reason in "
            "prose_numbers.toml"
        )


def resembling(typed: str, numbers: Iterable[Registered]) -> Iterator[str]:
    """Registered numbers that a typed one may be: the same, rounded, in per cent, or a share."""
    plain = typed.replace(",", "").lstrip("−-")
    if plain.count(".") > 1:
        return
    half = 0.5 * 10.0 ** -len(plain.partition(".")[2]) * (1 + 1e-9)
    for scale, said in ((1, "is"), (100, "is in per cent"), (0.01, "is as a share")):
        for one in numbers:
            if abs(abs(one.value) * scale - float(plain)) <= half:
                yield f"{said} {one.name!r} of {one.chapter}"


def exceptions(page: str, entries: Iterable[Allowed]) -> list[str]:
    """What may be typed on a page, the longest first."""
    texts = {entry.text for entry in entries if fnmatch(page, entry.page)}
    return sorted(texts, key=len, reverse=True)
