"""Chinese has its own punctuation in every data file, and the words that the book settled on."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "data").glob("*.toml")) + sorted((ROOT / "data").glob("*.csv"))
# Headers as the ministry prints them, and patterns of names: what others write, or a program reads.
AS_FOUND = {"compilation.toml", "firm_names.toml", "vendors.toml"}
PAGES = [*sorted((ROOT / "book").glob("*.md")), ROOT / "README.zh.md"]

HAN = "\u4e00-\u9fff"
HALF = re.compile(rf"[{HAN}][,;:!?](?=[{HAN}])|[{HAN}]\([{HAN}]|[{HAN}]\)[{HAN}]")
"""A half-width mark between two Chinese characters. In a csv the comma parts the columns."""


def half_width(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    found = [text[max(m.start() - 8, 0) : m.end() + 8] for m in HALF.finditer(text)]
    return [one for one in found if not (path.suffix == ".csv" and "," in one)]


WRITTEN = [path for path in [*FILES, *PAGES] if path.name not in AS_FOUND]


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_punctuation_is_full_width(path: Path) -> None:
    assert half_width(path) == []


SOUGHT = """
    安慰剂检验 平行趋势检验 聚类标准误 摘要 冲击后 相对冲击时间 前导项 年度版 关键核心技术领域
    暴露度
    合作研究 部属高校 教育部直属高校
"""


@pytest.mark.parametrize("word", SOUGHT.split())
def test_a_word_that_readers_look_for_is_on_a_page(word: str) -> None:
    assert any(word in path.read_text(encoding="utf-8") for path in PAGES)


@pytest.mark.parametrize("word", ["政策后", "相对政策时间", "先导项", "关键核心技术行业"])
def test_a_word_that_was_given_up_is_gone(word: str) -> None:
    for path in [*FILES, *PAGES, *sorted((ROOT / "src").rglob("*.py"))]:
        text = path.read_text(encoding="utf-8").replace("不说“政策后”", "")
        assert word not in text, path.name
