"""Publications of the ministry universities, counted by OpenAlex: real data for anybody.

For each university, field and year four counts: works; those with authors in more than one country;
those with a firm; those with both. One request gives one count in all years
(https://developers.openalex.org/guides/grouping). Filters are those of
https://developers.openalex.org/api-reference/works, with the range of years that
https://docs.openalex.org/quickstart-tutorial shows.

The filters hold for a work and not for one author: with three universities and a firm it counts for
each of the three, and with two countries even if neither is China. A firm may be anywhere, or the
university's own. ``lineage`` includes what ROR files under a university, such as its hospitals.
Works are of every kind. The same question has another answer in another month, so the cache is part
of a result.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, Field

from replication.errors import SchemaError
from replication.records.open.openalex_cache import Meta, Number, Question, documented

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
Left out are agriculture and veterinary (category 09), medicine and its sciences (10), decision
sciences (12), arts, business, economics, psychology and social sciences.
"""

MEASURES = {
    "papers": "",
    "papers_foreign": ",countries_distinct_count:>1",
    "papers_firm": ",authorships.institutions.type:company",
    "papers_firm_foreign": ",countries_distinct_count:>1,authorships.institutions.type:company",
}
"""The four counts, and what each adds to the filter."""

KEY = ["university", "field", "year"]


class _Year(BaseModel):
    key: Annotated[int, Field(ge=1000, le=9999)]
    count: Number


class _Counts(BaseModel):
    meta: Meta
    group_by: list[_Year]


def count_question(id_: str, field: int, measure: str, years: tuple[int, int]) -> Question:
    """Ask ``GET /works`` for one count in all years."""
    parameters = {
        "filter": (
            f"authorships.institutions.lineage:{id_},primary_topic.field.id:{field},"
            f"publication_year:{years[0]}-{years[1]}{MEASURES[measure]}"
        ),
        "group_by": "publication_year",
        "per_page": "100",
    }
    return Question("works", parameters, lambda answer: check_counts(answer, years))


def check_counts(answer: Any, years: tuple[int, int]) -> str | None:
    """Check an answer for these years; see `Question`."""
    found = documented(_Counts, answer)
    counts, listed = works_by_year(answer), len(found.group_by)
    if len(counts) < listed:
        raise SchemaError("OpenAlex lists a year twice in one answer")
    # The service may list groups without works, which then need not be of these years.
    strange = sorted(y for y, n in counts.items() if n and not years[0] <= y <= years[1])
    if strange:
        raise SchemaError(
            f"OpenAlex counts works of {strange[0]} although {years[0]}–{years[1]} was asked "
            "for: has the filter publication_year changed?"
        )
    told = found.meta.groups_count
    if isinstance(told, int) and told > listed:
        raise SchemaError(
            f"OpenAlex tells of {told} groups and lists {listed}: a page was cut off; ask for "
            "fewer years"
        )
    if (total := sum(counts.values())) != found.meta.count:
        return (
            f"the groups add up to {total} and meta.count is {found.meta.count} (the counts "
            "changed while they were read, or a page was cut)"
        )
    return None


def works_by_year(answer: Any) -> dict[int, int]:
    """Number of works in each year that the answer lists, if it is as documented."""
    return {year.key: year.count for year in documented(_Counts, answer).group_by}


def contradiction(cell: Mapping[str, Mapping[int, int]]) -> str | None:
    """First year in which the four counts of a cell, by measure and year, contradict each other."""
    for year in sorted({year for counts in cell.values() for year in counts}):
        every, foreign, firm, both = (cell[measure].get(year, 0) for measure in MEASURES)
        # Works with both are at most those with either, and those with either at most all.
        if not foreign + firm - every <= both <= min(foreign, firm):
            said = (f"{measure} {cell[measure].get(year, 0)}" for measure in MEASURES)
            return f"{year}: {', '.join(said)}"
    return None
