"""What stands between two applicants, and what may be part of a name."""

SEPARATORS = (
    (r"(?i)[,，]\s*((?:LTD|LIMITED|INC|LLC|LLP|LP|PLC|CORP|CO|GMBH|S\.?A|N\.?V|B\.?V)\b)", r" \1"),
    (r"[；﹔︔\x{37E}|｜¦、､﹑\r\n\t\v\f\x{85}\x{2028}\x{2029}]|\s[/／]\s", ";"),
    (r"([\p{Han})）])\s*[,，/／]", r"\1;"),
    (r"[,，/／]\s*(\p{Han})", r";\1"),
)
"""Pairs of pattern and replacement that leave semicolons alone between names, as the panel does.

A comma or a slash is also a sign within a name (Co., Ltd; A/S): it separates beside a Chinese
character, a slash between blanks.
"""
OTHER = r"[,，﹔︔\x{37E}|｜¦、､﹑\r\n\t\v\f\x{85}\x{2028}\x{2029}/／]"
"""Signs but semicolons of either width: most lists have none, and are taken apart by one step."""
SIGNS = {
    "semicolon": "[;；﹔︔]", "bar": "[|｜¦]", "、": "[、､﹑]", "line break": r"[\r\n]",
    "slash between blanks": r"\s[/／]\s", "comma": "[,，]",
}  # fmt: skip
"""Signs that are counted, and shown, in each file."""
OPEN_COMMA = r"(?i)[A-Z.)]\s*,\s*[A-Z(]"
"""A comma between Latin letters."""


def split_sql(value: str) -> str:
    """SQL that takes a list of names apart: trimmed, none empty."""
    for pattern, replacement in SEPARATORS:
        value = f"regexp_replace({value}, '{pattern}', '{replacement}', 'g')"
    return pieces_sql(value)


def pieces_sql(value: str) -> str:
    """SQL that takes a list apart that has semicolons alone between names."""
    trimmed = f"list_transform(string_split({value}, ';'), lambda n: trim(n, ' 。\u3000'))"
    return f"list_filter({trimmed}, lambda n: n <> '')"


def legal_sql(value: str) -> str:
    """SQL for a cell without the commas of legal forms."""
    pattern, replacement = SEPARATORS[0]
    return f"regexp_replace({value}, '{pattern}', '{replacement}', 'g')"
