"""The reconstruction register: what the paper leaves open, what we chose, and why."""

import tomllib
from pathlib import Path

import pandas as pd

from replication.config import DATA
from replication.errors import RegistryError

REGISTER = DATA / "register.toml"
IDS = tuple(f"R{number}" for number in range(1, 21))
FIELDS = ("id", "name", "choice", "reason", "alternatives", "consequence", "where", "status")


def load_register(path: Path = REGISTER) -> pd.DataFrame:
    """Read the register and check it.

    Returns
    -------
    DataFrame
        One row a choice, R1 … R20 in order, with the columns of `FIELDS`; `alternatives` holds
        a list of strings.

    Raises
    ------
    RegistryError
        The file is missing or is no TOML; a field is missing, empty, of the wrong kind or
        unknown; an id is doubled, unknown or out of order.
    """
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8")).get("choice", [])
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RegistryError(f"{path}: cannot be read as TOML ({error}); mend the file") from error
    for number, row in enumerate(rows, start=1):
        _check_row(row, f"{path.name}, row {number} ({row.get('id', 'without id')})")
    found = [row["id"] for row in rows]
    for number, (wanted, id_) in enumerate(zip(IDS, found, strict=False), start=1):
        if id_ != wanted:
            fault = "is doubled" if id_ in found[: number - 1] else "is out of order or unknown"
            raise RegistryError(
                f"{path.name}, row {number}, field 'id': {id_!r} {fault}; {wanted!r} stands here"
            )
    if len(found) != len(IDS):
        raise RegistryError(
            f"{path.name}: {len(found)} rows, {len(IDS)} are needed; keep {IDS[0]} … {IDS[-1]}"
        )
    return pd.DataFrame(rows, columns=list(FIELDS))


def _check_row(row: dict[str, object], place: str) -> None:
    """Fail on the first field of a row that is missing, unknown, empty or of the wrong kind."""
    for field in sorted(row.keys() - set(FIELDS)):
        raise RegistryError(f"{place}, field {field!r}: unknown; use only {', '.join(FIELDS)}")
    for field in FIELDS:
        value = row.get(field)
        texts = value if field == "alternatives" and isinstance(value, list) else [value]
        if not texts or not all(isinstance(text, str) and text.strip() for text in texts):
            wanted = "a list of texts" if field == "alternatives" else "a text"
            raise RegistryError(f"{place}, field {field!r}: missing or empty; give it {wanted}")
    if isinstance(row["alternatives"], str):
        raise RegistryError(f"{place}, field 'alternatives': write it as a list, [\"…\"]")


def register_markdown(path: Path = REGISTER) -> str:
    """Markdown of the register for the book: an overview table, then each choice in full."""
    table = ["| id | choice | default |", "|---|---|---|"]
    details = []
    for row in load_register(path).to_dict("records"):
        anchor = f"register-{row['id'].lower()}"
        table.append(f"| [{row['id']}](#{anchor}) | {row['name']} | {row['choice']} |")
        details += [
            f"({anchor})=",
            f"**{row['id']} · {row['name']}**",
            f": *Default.* {row['choice']}",
            f": *Why.* {row['reason']}",
            f": *Alternatives.* {'; '.join(row['alternatives'])}",
            f": *What they do to the answer.* {row['consequence']}",
            f": *Where.* `{row['where']}`",
            "",
        ]
    return "\n".join([*table, "", *details])


CLAIM_FIELDS = (
    "id", "short", "kind", "en", "zh", "estimand", "exhibit", "needs", "contradicted_by", "open",
)  # fmt: skip


def load_claims(path: Path = DATA / "claims.toml") -> pd.DataFrame:
    """Claims C1–C9 as data, indexed by ``id``.

    Returns
    -------
    DataFrame
        ``short``, ``kind``, ``en``, ``zh``, ``estimand``, ``exhibit``, ``needs`` (of the panel),
        ``contradicted_by``, ``open`` (what open data have for it), ``family`` (None if the test
        stands alone), ``level``.

    Raises
    ------
    RegistryError
        Names the file, the claim, the field and what to do.
    """
    with path.open("rb") as file:
        content = tomllib.load(file)
    rows = content.get("claim", [])
    for number, row in enumerate(rows, 1):
        missing = [field for field in CLAIM_FIELDS if not row.get(field)]
        if missing:
            raise RegistryError(
                f"{path}, claim {row.get('id', number)}: {', '.join(missing)} missing or empty: "
                "fill it; a claim without its rule cannot be judged"
            )
    frame = pd.DataFrame(rows).reindex(columns=[*CLAIM_FIELDS, "family"])
    expected = [f"C{i}" for i in range(1, 10)]
    if list(frame["id"]) != expected:
        raise RegistryError(f"{path}: claims are {list(frame['id'])}, not {expected} in this order")
    frame["family"] = frame["family"].astype(object).where(frame["family"].notna(), None)
    return frame.assign(level=float(content["level"])).set_index("id")
