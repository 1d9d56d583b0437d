"""Rows of a list of public files, such as ``data/sources.toml``, for tests."""

from replication.records.open.sources import Source

COMMIT = "0123456789abcdef" * 2 + "01234567"


def group(name: str = "toys") -> str:
    return f'[[group]]\nname = "{name}"\ntitle = "Toys"\nnames = "Name"\n'


def entry(name: str, url: str, sha256: str, size: int, group: str = "toys") -> str:
    texts: dict[str, object] = dict.fromkeys(Source.model_fields, '"text"')
    given = {"name": name, "group": group, "file": f"toys/{name}.bin", "url": url}
    texts |= {field: f'"{text}"' for field, text in (given | {"sha256": sha256}).items()}
    lines = [f"{field} = {text}" for field, text in (texts | {"bytes": size}).items()]
    return "\n".join(["[[source]]", *lines, ""])
