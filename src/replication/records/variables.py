"""The study's lists of variables: each is typed once, here, and read by every stage.

A count of exchange, a resource or a mediator that is added to its list is in the records, the
schema, the codebook, the panel, the simulation and the controls. No heavy library is imported.
"""

from typing import NamedTuple

EXCHANGE = {
    "coop_sent": ("persons sent abroad for cooperative research", "合作研究派遣人次"),
    "coop_received": ("persons received for cooperative research", "合作研究接受人次"),
    "conf_attended": ("persons attending international conferences", "国际学术会议出席人次"),
    "conf_papers": ("papers presented at international conferences", "国际学术会议交流论文篇数"),
    "conf_invited": ("invited talks at international conferences", "国际学术会议特邀报告篇数"),
    "conf_hosted": ("international conferences hosted", "国际学术会议主办次数"),
}
"""The six exchange counts of the Ministry of Education's science and technology statistics."""

COOPERATION = tuple(c for c in EXCHANGE if c.startswith("coop"))


class Resource(NamedTuple):
    """A yearly statistic of a university; its log, a mean of the pre-period, is a control."""

    en: str
    zh: str
    unit: str
    # Level of a university of average size in the simulation.
    typical: float


RESOURCES = {
    "rd_staff": Resource("R&D staff", "研究与发展人员", "full-time equivalents", 1500.0),
    "rd_spending": Resource("R&D spending", "科技经费支出", "thousand yuan", 600_000.0),
    "graduates": Resource("graduate students", "在校研究生", "persons", 9000.0),
}

CONTROLS = tuple(f"log_{name}" for name in RESOURCES)
"""Columns of the panel that hold the resources (R12)."""


class Mediator(NamedTuple):
    """A yearly count of a university and discipline through which exchange may act."""

    en: str
    zh: str
    unit: str
    # In tables and figures.
    words: str


MEDIATOR_LABELS = {
    "hires_overseas": Mediator(
        "faculty hired with an overseas doctorate",
        "引进海外博士",
        "persons a year",
        "overseas hires",
    ),
    "papers_foreign": Mediator(
        "papers with a foreign partner",
        "国外联合论文",
        "papers a year",
        "papers with foreign partners",
    ),
    "patents_overseas": Mediator(
        "the university's applications at foreign offices",
        "海外专利申请",
        "applications a year",
        "overseas applications",
    ),
}
MEDIATORS = tuple(MEDIATOR_LABELS)
"""Columns of the mediators, in the order of the claims C3, C4, C5."""

GRADES = ("A+", "A", "A-", "B+", "B", "B-", "C+", "C", "C-")
