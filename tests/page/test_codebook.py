"""The codebook says what the schema says, and the README of the data lists what is there."""

import re
import subprocess

import pandas as pd
import pytest

from replication.config import DATA, ROOT
from replication.page import readme
from replication.page.codebook import codebook_markdown
from replication.panel.openalex import OPEN_PANEL
from replication.records import schema

SCHEMAS = {"panel": schema.PANEL, **schema.RECORDS, **schema.OPTIONAL, "open_panel": OPEN_PANEL}
TABLES = list(SCHEMAS)
README = (DATA / "README.md").read_text(encoding="utf-8")
HAN = re.compile("[\u4e00-\u9fff]")


def rows(markdown: str) -> dict[str, list[list[str]]]:
    """Cells of each table of the codebook, by the heading above it."""
    found: dict[str, list[list[str]]] = {}
    for line in markdown.splitlines():
        if heading := re.fullmatch(r"#+ `(\w+)`", line):
            current = found.setdefault(heading[1], [])
        elif line.startswith("| `"):
            current.append([c.strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]])
    return found


BOOK = rows(codebook_markdown())


def test_codebook_in_the_readme_is_what_the_command_prints() -> None:
    assert readme.generate(README, readme.DATA_PARTS) == README, "run `replication codebook`"
    assert rows(README.split("<!-- codebook -->")[1]) == BOOK
    assert rows(codebook_markdown(folded=True)) == BOOK


def test_command_writes_the_codebook_and_leaves_the_rest(tmp_path) -> None:
    path = tmp_path / "README.md"
    path.write_text(
        re.sub("(<!-- codebook -->\n).*(<!-- end)", r"\1\2", README, flags=re.DOTALL),
        encoding="utf-8",
    )
    assert "### `panel`" not in path.read_text(encoding="utf-8")
    readme.write(path, readme.DATA_PARTS)
    assert path.read_bytes() == (DATA / "README.md").read_bytes()


def test_every_column_of_the_shipped_panel_is_in_it_in_order() -> None:
    columns = list(pd.read_parquet(DATA / "panel.parquet"))
    assert [row[0].strip("`") for row in BOOK["panel"]] == columns


@pytest.mark.parametrize("name", TABLES)
class TestTable:
    def test_has_a_row_a_column(self, name):
        columns = SCHEMAS[name].columns
        assert [row[0].strip("`") for row in BOOK[name]] == list(columns)

    def test_says_everything_in_both_languages(self, name):
        for column, english, chinese, *rest in BOOK[name]:
            assert re.search("[A-Za-z]{3}", english), column
            assert not HAN.search(english), column
            assert HAN.search(chinese), column
            assert len(rest) == 4, column
            assert all(rest), column

    def test_says_the_rule_of_every_check(self, name):
        table = SCHEMAS[name]
        for row, column in zip(BOOK[name], table.columns.values(), strict=True):
            parts = row[5].split("; ")
            assert (parts[-1] == "may be empty") == column.nullable
            assert (parts == ["any"]) == (not column.checks and not column.nullable)
            assert not re.search(r"None|<|greater_than|isin|in_range", row[5])

    def test_says_the_source_of_every_column(self, name):
        text = codebook_markdown().split(f"## `{name}`")[1].split("##")[0]
        once = re.search(r"Source unless named: (.+)\.$", text, re.MULTILINE)
        for row, column in zip(BOOK[name], SCHEMAS[name].columns.values(), strict=True):
            said = once[1] if row[6] == "–" and once else row[6]
            assert said == column.metadata["source"], row[0]

    def test_names_its_key(self, name):
        table = SCHEMAS[name]
        text = codebook_markdown().split(f"## `{name}`")[1].split("##")[0]
        key = ", ".join(f"`{c}`" for c in table.metadata["key"])
        assert f"Key: {key}." in text
        assert ("repeated row is dropped" in text) == (name in ("patents", "papers", "hires"))


@pytest.mark.parametrize(
    ("table", "column", "kind", "rule"),
    [
        ("panel", "patents_joint", "int64", "≥ 0; ≤ 1,000,000,000"),
        ("panel", "control_exposure", "float64", "0 to 1"),
        ("panel", "discipline", "text", "matches `[0-9]{4}`"),
        ("panel", "exposure", "float64", "-100 to 100"),
        ("patents", "date", "date (datetime64, no zone)", "1985-01-01 to 2100-12-31"),
        ("patents", "granted", "bool", "any"),
        ("grades", "grade", "text", "one of A+, A, A-, B+, B, B-, C+, C, C-; may be empty"),
    ],
)
def test_type_and_rule_are_readable(table, column, kind, rule) -> None:
    (row,) = [row for row in BOOK[table] if row[0] == f"`{column}`"]
    assert row[3] == kind
    assert row[5] == rule


def test_level_of_headings_can_be_chosen() -> None:
    headings = re.findall(r"^(#+) `", codebook_markdown(level=4), re.MULTILINE)
    assert headings == ["####"] * len(TABLES)
    assert re.findall(r"^(#+) `", codebook_markdown(), re.MULTILINE) == ["##"] * len(TABLES)


class TestFiles:
    listed = re.findall(r"^\| `([\w./]+\.\w+)` \|", README, re.MULTILINE)

    def test_what_is_listed_is_there(self):
        assert self.listed
        for name in self.listed:
            assert (DATA / name).is_file(), name

    def test_what_is_there_is_listed(self):
        """Everything that git does not ignore."""
        shown = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "data"],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if shown.returncode:
            pytest.skip("no git history here: run it in a clone of the repository")
        assert {line.removeprefix("data/") for line in shown.stdout.split()} == set(self.listed)

    def test_disciplines_without_a_class_are_those_of_the_files(self):
        """The notes name them, with ranges; the two files decide."""
        disciplines = pd.read_csv(DATA / "disciplines.csv", dtype=str)["discipline"]
        with_class = pd.read_csv(DATA / "ipc_discipline.csv", dtype=str)["discipline"]
        note = next(x for x in README.splitlines() if "without a row" in x)
        named: set[str] = set()
        for first, last in re.findall(r"\b(0[78]\d\d)(?:–(0[78]\d\d))?", note):
            named |= {f"{n:04d}" for n in range(int(first), int(last or first) + 1)}
        assert named == set(disciplines) - set(with_class)
        assert len(named) == 17

    def test_source_keys_are_explained(self):
        used = set()
        for name in ("key_core_ipc", "export_control_ipc", "ai_ipc"):
            sources = pd.read_csv(DATA / f"{name}.csv")["source"]
            used |= set(sources.str.extract(r"our reading of (\w+)")[0])
        notes = README.split("**Source keys.**")[1]
        assert used <= set(re.findall(r"\b([A-Z]+20\d\d):", notes.splitlines()[0]))


class TestRestricted:
    text = (DATA / "restricted" / "README.md").read_text(encoding="utf-8")

    def test_names_the_eight_tables(self):
        assert re.findall(r"^\| `(\w+)\.parquet` \|", self.text, re.MULTILINE) == list(
            schema.RECORDS
        )

    def test_names_the_command(self):
        build = "replication build --records data/restricted --out data/restricted/panel.parquet"
        assert build in self.text

    def test_git_ignores_what_is_put_there(self):
        for name, ignored in {
            "patents.parquet": True,
            "panel.parquet": True,
            "README.md": False,
        }.items():
            asked = subprocess.run(
                ["git", "check-ignore", "--quiet", "--no-index", f"data/restricted/{name}"],
                cwd=ROOT, check=False,
            )  # fmt: skip
            if asked.returncode == 128:
                pytest.skip("no git history here: run it in a clone of the repository")
            assert (asked.returncode == 0) == ignored, name

    def test_explains_every_reason_of_the_sample_flow(self):
        folder = ROOT / "src" / "replication" / "panel"
        modules = ("build", "patents", "reasons", "universities")
        source = "".join((folder / f"{m}.py").read_text(encoding="utf-8") for m in modules)
        starts = "year outside|university not|no such|no university|main IPC|discipline outside"
        starts += "|utility model"
        reasons = set(re.findall(rf'"((?:{starts})[^"]+)"', source))
        assert len(reasons) == 8
        for reason in reasons:
            assert reason in self.text, reason
