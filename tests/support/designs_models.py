"""Models on the panel in closed form that R has estimated too, and their facts by hand: CR1."""

from replication.estimate.design import STUDY
from replication.estimate.verbs import ddd, did, event_study, poisson
from tests.support import designs_panel as facts

Y = STUDY.but(outcome="y")
CR1 = STUDY.but(variance="CR1")
Y_CR1 = Y.but(variance="CR1")
DID, DDD = "exposure × post", "exposure × post × control_exposure"
UNIT_EFFECT, YEAR_EFFECT = ("university", "discipline"), ("discipline", "year")
G = facts.UNIVERSITIES

# Per model: how we call it, and N and K of the factor G/(G − 1) · (N − 1)/(N − K) by hand.
# K: the regressors, one, and what discipline × years add to the nested effects, by R's rank: of 48,
# the 6 disciplines are redundant beside units, and 7 more years beside university × years too.
# With no effect: the regressors and the constant.
MODELS = {
    "did": (lambda p: did(p, Y_CR1), 577, 1 + 43),
    "did weighted": (lambda p: did(p, Y_CR1, weights="weight"), 577, 1 + 43),
    "did controls": (lambda p: did(p, Y_CR1, controls=["x1", "x2"]), 577, 3 + 43),
    "did log1p": (lambda p: did(p, CR1, scale="log1p"), 577, 1 + 43),
    "did pooled": (
        lambda p: did(p, Y_CR1, effects=(), controls=["exposure", "post"]),
        577,
        3 + 1,
    ),
    "ddd": (lambda p: ddd(p, Y_CR1), 577, 1 + 36),
    "event study": (lambda p: event_study(p, Y_CR1), 577, 7 + 43),
    "ppml did": (lambda p: poisson(p, CR1), 570, 1 + 43),
    "ppml did controls": (lambda p: poisson(p, CR1, controls=["x1", "x2"]), 570, 3 + 43),
    "ppml ddd": (lambda p: ddd(p, CR1, model="ppml"), 565, 1 + 36),
}


def tolerance(name: str) -> float:
    """Least squares is solved, a Poisson likelihood iterated to: R's glm stops at 1e-10."""
    return 1e-7 if name.startswith("ppml") else 1e-10


def counted(n: int, k: int) -> float:
    return G / (G - 1) * (n - 1) / (n - k)
