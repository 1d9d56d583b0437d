"""References as GB/T 7714-2015 prints them, the standard of Chinese journals 参考文献著录规则.

By the numbered system (顺序编码制): names with the family name in capitals first, three at most, a
letter for the kind of work, and the rest in the standard's order and punctuation. A work with a
Chinese title is printed in Chinese. `pybtex` reads the bibliography and takes names apart.
"""

import re
from pathlib import Path

from pybtex.database import Entry, Person, parse_file

from replication.records.article import BIBLIOGRAPHY

HAN = re.compile("[\u3400-\u9fff]")
KINDS = {"article": "J", "book": "M", "techreport": "R", "inproceedings": "C"}
"""Letter of a kind of work; what has an address on the net is EB/OL, what is left is Z."""

NAMED = 3
"""Authors that are named; of more, the first three and 等 or et al."""

NO_PLACE, NEITHER = "[S.l.]", "[S.l.: s.n.]"
"""What the standard prints where a work has no place, or no publisher either."""


def references(path: Path = BIBLIOGRAPHY) -> list[str]:
    """All works of a BibTeX file: those that are printed in Chinese first, then by their names.

    Parameters
    ----------
    path : Path
        Fields beyond BibTeX's own: ``authorzh``, the Chinese names where ``author`` has Pinyin, and
        ``urldate``, the day on which an address was read. A Chinese title stands in square brackets
        behind the translated one, as does the name of a Chinese journal.

    Returns
    -------
    list of str
    """
    works = [reference(entry) for entry in parse_file(str(path)).entries.values()]
    return sorted(works, key=lambda text: (not HAN.match(text), text.casefold()))


def references_markdown(path: Path = BIBLIOGRAPHY) -> str:
    """Numbered list of `references`, without links, to be copied into a manuscript."""
    lines = [f"[{n}] {text}" for n, text in enumerate(references(path), start=1)]
    return "\n".join(["```text", *lines, "```"])


def reference(entry: Entry) -> str:
    """One work, in one line."""
    chinese = bool(HAN.search(entry.fields["title"]))
    parts = [_authors(entry, chinese), f"{_title(entry)}[{_kind(entry)}]{_source(entry)}"]
    if doi := entry.fields.get("doi"):
        parts.append(f"DOI:{doi}")
    elif url := entry.fields.get("url"):
        parts.append(url)
    return ". ".join(part.rstrip(".") for part in parts if part) + "."


def _kind(entry: Entry) -> str:
    return KINDS.get(entry.type) or ("EB/OL" if "url" in entry.fields else "Z")


def _title(entry: Entry) -> str:
    """Title, with the number of a report or what else there is to say of it behind a colon."""
    fields = entry.fields
    more = {
        "techreport": f"{fields.get('type', '')} {fields.get('number', '')}".strip(),
        "misc": "" if "url" in fields else fields.get("note", ""),
    }
    title = _own(fields["title"])
    return f"{title}: {_plain(said)}" if (said := more.get(entry.type)) else title


def _source(entry: Entry) -> str:
    """What stands behind the letter: where the work is to be found."""
    fields = entry.fields
    year = fields["year"][:4]  # a letter behind it is ours
    pages = fields.get("pages", "").replace("--", "-")
    if entry.type == "article":
        volume, number = fields.get("volume", ""), fields.get("number", "")
        issue = f"{volume}({number})" if number else volume
        # Without a volume the number follows the year at once.
        when = f"{year}, {issue}" if volume else f"{year}{issue}"
        place = f"{_own(fields['journal'])}, {when}"
        return f". {place}{f': {pages}' if pages else ''}"
    if entry.type == "misc":
        if "url" in fields:
            return f". ({year})[{fields['urldate']}]" if "urldate" in fields else f". ({year})"
        return f". {year}"
    publisher = fields.get("publisher") or fields.get("institution")
    city = fields.get("address", NO_PLACE)
    place = f"{city}: {_plain(publisher)}, {year}" if publisher else f"{NEITHER}, {year}"
    if entry.type == "inproceedings":
        volume = f": vol. {fields['volume']}" if "volume" in fields else ""
        return f"//{_plain(fields['booktitle'])}{volume}. {place}{f': {pages}' if pages else ''}"
    edition = fields.get("edition")
    return f". {_ordinal(edition)} ed. {place}" if edition else f". {place}"


def _authors(entry: Entry, chinese: bool) -> str:
    if chinese and "authorzh" in entry.fields:
        names = re.split(r"\s+and\s+", entry.fields["authorzh"])
        said = [_plain(name) for name in names]
    else:
        said = [_name(person) for person in entry.persons.get("author", [])]
    others = "others" in said
    said = [name for name in said if name != "others"]
    if len(said) > NAMED or others:
        said = [*said[:NAMED], "等" if chinese and "authorzh" in entry.fields else "et al"]
    return ", ".join(said)


def _name(person: Person) -> str:
    """Family name in capitals and initials; an institution as it is."""
    given = [*person.first_names, *person.middle_names]
    family = _plain(" ".join([*person.prelast_names, *person.last_names]))
    if not given:
        return family
    # Of a double name, as of one in Pinyin, both letters.
    letters = [part[0] for name in given for part in re.split(r"[-\s]", _plain(name)) if part]
    after = ", ".join(_plain(name) for name in person.lineage_names)
    return " ".join([family.upper(), *letters]) + (f", {after}" if after else "")


def _own(text: str) -> str:
    """Name of a Chinese work, which stands in brackets behind its translation; else the name."""
    found = re.search(r"\[(.+)\]", text)
    return _plain(found[1] if found and HAN.search(found[1]) else text)


def _plain(text: str) -> str:
    """Text without the marks of TeX."""
    for mark, sign in (("``", "“"), ("''", "”"), ("`", "‘"), (r"\&", "&"), ("--", "–")):
        text = text.replace(mark, sign)
    return re.sub(r"[{}]", "", text).strip()


def _ordinal(edition: str) -> str:
    ends = {"1": "st", "2": "nd", "3": "rd"}
    return edition + ("th" if edition[-2:-1] == "1" else ends.get(edition[-1], "th"))
