"""Publications of the ministry universities, counted by OpenAlex: real data for anybody.

For each university, field and year four counts: works; those with authors in more than one country;
those with a firm; those with both. One request gives one count in all years
(https://developers.openalex.org/guides/grouping). Filters are those of
https://developers.openalex.org/api-reference/works, with the range of years that
https://docs.openalex.org/quickstart-tutorial shows.

What the counts are not:

- ``countries_distinct_count:>1`` takes any second country of any author. Where the filter of the
  university holds, one of the countries is almost always China, yet a work of its branch abroad
  with a third country counts as well.
- ``authorships.institutions.type:company`` takes a firm anywhere in the world, and one that the
  university itself owns.
- The filters hold for the work and not for one author: a work of three universities and one firm
  counts for each of the three.
- ``lineage`` includes what ROR files under a university, such as its hospitals.
- Works are of every kind (articles, preprints, data sets). OpenAlex grows and is corrected: the
  same question has another answer in another month, so the cache is part of a result.
"""

import re
from collections.abc import Mapping
from typing import Any

from replication.errors import SchemaError
from replication.records.open.openalex_client import Check, Parameters

FIELDS = {
    13: ("Biochemistry, Genetics and Molecular Biology", "生物化学、遗传学与分子生物学", "07"),
    15: ("Chemical Engineering", "化学工程", "08"),
    16: ("Chemistry", "化学", "07"),
    17: ("Computer Science", "计算机科学", "08"),
    19: ("Earth and Planetary Sciences", "地球与行星科学", "07"),
    21: ("Energy", "能源", "08"),
    22: ("Engineering", "工程学", "08"),
    23: ("Environmental Science", "环境科学", "08"),
    25: ("Materials Science", "材料科学", "08"),
    26: ("Mathematics", "数学", "07"),
    31: ("Physics and Astronomy", "物理学与天文学", "07"),
}
"""Fields of OpenAlex that stand for categories 07 science and 08 engineering: name, 名称, category.

From the 26 of https://developers.openalex.org/api-reference/fields. A field goes where most of its
first-level disciplines are: environmental science to 08 with 0830, although ecology (0713) is 07.
Left out: 11 agricultural and biological sciences and 34 veterinary (category 09); 24 immunology and
microbiology, 27 medicine, 28 neuroscience, 29 nursing, 30 pharmacology, 35 dentistry, 36 health
professions (10); 18 decision sciences (12); 12, 14, 20, 32 and 33, arts, business, economics,
psychology and social sciences.
"""

MEASURES = {
    "works": "",
    "works_foreign": ",countries_distinct_count:>1",
    "works_firm": ",authorships.institutions.type:company",
    "works_firm_foreign": ",countries_distinct_count:>1,authorships.institutions.type:company",
}
"""The four counts, and what each adds to the filter."""

KEY = ["university", "field", "year"]


def count_question(id_: str, field: int, measure: str, years: tuple[int, int]) -> Parameters:
    """Parameters of ``GET /works`` for one count in all years."""
    return {
        "filter": (
            f"authorships.institutions.lineage:{id_},primary_topic.field.id:{field},"
            f"publication_year:{years[0]}-{years[1]}{MEASURES[measure]}"
        ),
        "group_by": "publication_year",
        "per_page": "100",
    }


def check_counts(years: tuple[int, int]) -> Check:
    """Check of an answer for these years; see `openalex_api.Check`."""

    def check(answer: Any) -> str | None:
        counts = works_by_year(answer)
        # The service may list groups without works, which then need not be of these years.
        strange = sorted(y for y, n in counts.items() if n and not years[0] <= y <= years[1])
        if strange:
            raise SchemaError(
                f"OpenAlex counts works of {strange[0]} although {years[0]}–{years[1]} was asked "
                "for: has the filter publication_year changed?"
            )
        listed = answer["meta"].get("groups_count")
        if type(listed) is int and listed > len(answer["group_by"]):
            raise SchemaError(
                f"OpenAlex tells of {listed} groups and lists {len(answer['group_by'])}: a page "
                "was cut off; ask for fewer years"
            )
        total, count = sum(counts.values()), answer["meta"]["count"]
        if total != count:
            return (
                f"the groups add up to {total} and meta.count is {count} (the counts changed "
                "while they were read, or a page was cut)"
            )
        return None

    return check


def works_by_year(answer: Any) -> dict[int, int]:
    """Number of works in each year that the answer lists, every number checked.

    Raises
    ------
    SchemaError
        ``meta.count`` or ``group_by`` is missing, a key is no year or there twice, a count is no
        whole number of 0 or more.
    """
    try:
        count, listed = answer["meta"]["count"], answer["group_by"]
        pairs = [(str(group["key"]), group["count"]) for group in listed]
    except (LookupError, TypeError):
        raise SchemaError(
            "OpenAlex's answer has no meta.count, or no group_by with key and count: has the API "
            "changed?"
        ) from None
    # A truth value would pass as a whole number.
    wrong = [n for n in (count, *(n for _, n in pairs)) if type(n) is not int or n < 0]
    if wrong:
        raise SchemaError(f"OpenAlex counts {wrong[0]!r} works, which is no number of works")
    strange = [key for key, _ in pairs if not re.fullmatch(r"[0-9]{4}", key)]
    if strange:
        raise SchemaError(f"OpenAlex groups works by {strange[0]!r}, which is no year")
    counts = {int(key): number for key, number in pairs}
    if len(counts) < len(pairs):
        raise SchemaError("OpenAlex lists a year twice in one answer")
    return counts


def contradiction(cell: Mapping[str, Mapping[int, int]]) -> str | None:
    """First year in which the four counts of a cell cannot be true together, in words.

    Parameters
    ----------
    cell : dict of str to dict of int to int
        Works by measure and year.
    """
    for year in sorted({year for counts in cell.values() for year in counts}):
        every, foreign, firm, both = (cell[measure].get(year, 0) for measure in MEASURES)
        # Works with both are at most those with either, and those with either at most all.
        if not foreign + firm - every <= both <= min(foreign, firm):
            said = (f"{measure} {cell[measure].get(year, 0)}" for measure in MEASURES)
            return f"{year}: {', '.join(said)}"
    return None
