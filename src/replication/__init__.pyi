# What `import replication as rp` gives. A comment with a colon is a heading of the book's page on
# the facade; the imports below it are the entries, in their order.

__version__: str

# Data: read what ships with the project, what was published, and what was fetched.
from .panel.load import load_panel as load_panel
from .panel.load import load_truth as load_truth
from .panel.load import load_event_truth as load_event_truth
from .panel.export import to_stata as to_stata
from .records.published import load as load
from .records.open.sources import load_sources as load_sources
from .records.open.download import fetch as fetch
from .panel.compilation import compilation_panel as compilation_panel

# Estimates: from a long table and the names of its columns to coefficients.
from .estimate.verbs import did as did
from .estimate.verbs import poisson as poisson
from .estimate.verbs import ddd as ddd
from .estimate.verbs import event_study as event_study
from .estimate.fit import Estimate as Estimate
from .estimate.design import Design as Design
from .estimate.design import STUDY as STUDY
from .estimate.design import TRIPLE as TRIPLE
from .estimate.design import CONTROLS as CONTROLS
from .estimate.verbs import wald_test as wald_test
from .estimate.verbs import pretrend_test as pretrend_test

# Contrasts: does the effect differ between outcomes, between cells, between forms of exchange?
from .estimate.contrasts import stacked as stacked
from .estimate.contrasts import moderated as moderated
from .estimate.contrasts import side_by_side as side_by_side
from .estimate.contrasts import difference as difference
from .estimate.contrasts import question as question

# Robustness: what the answer would be if an assumption failed, a variable or a row were left out.
from .estimate.robustness.parallel_trends import honest_bounds as honest_bounds
from .estimate.robustness.parallel_trends import breakdown as breakdown
from .estimate.robustness.parallel_trends import pretrend_power as pretrend_power
from .estimate.robustness.confounding import sensitivity as sensitivity
from .estimate.robustness.confounding import oster as oster
from .estimate.robustness.leave_out import leave_one_out as leave_one_out
from .estimate.specification import Specification as Specification
from .estimate.specification import specification_curve as specification_curve
from .estimate.specification import explained as explained
from .estimate.robustness.counts import scales as scales
from .estimate.robustness.dose import dose_bins as dose_bins
from .estimate.robustness.dose import dose_spline as dose_spline
from .estimate.robustness.dose import dose_weights as dose_weights
from .estimate.robustness.placebo import fake_years as fake_years
from .estimate.robustness.placebo import shuffled as shuffled
from .estimate.robustness.placebo import instrumented as instrumented
from .estimate.robustness.three_way import three_way as three_way

# Claims: what was expected, and the verdict on it.
from .records.registry import load_claims as load_claims
from .records.plan import load_plan as load_plan
from .records.plan import load_editions as load_editions
from .estimate.claims import evaluate as evaluate
from .estimate.claims import judge as judge
from .estimate.claims import questions as questions
from .estimate.claims import recovery as recovery

# Simulation: a study with a known truth, as records and as a panel.
from .simulate.process import Process as Process
from .simulate.study import simulate as simulate
from .simulate.records import simulate_records as simulate_records
from .panel.build import build_panel as build_panel
from .montecarlo.truth import realised_panel as realised_panel
from .montecarlo.truth import truth as truth

# Chapters: what a notebook shows and writes to results/.
from .exhibit.publish import chapter as chapter
from .exhibit.publish import publish as publish
from .exhibit.publish import number as number
from .exhibit.publish import numbers as numbers

# Namespaces: what is used less often, by subject.
from .exhibit import tables as tables
from .exhibit import chinese as chinese
from .exhibit import doses as doses
from .exhibit import figures as figures
from .exhibit import in_print as in_print
from .exhibit import article as article
from .exhibit import inference as inference
from .exhibit import evidence as evidence
from .exhibit import robustness as robustness
from .exhibit import specification as specification
from .exhibit import studies as studies
from .exhibit import teaching as teaching
from .estimate import claims as claims
from .estimate import contrasts as contrasts
from .estimate import families as families
from .estimate import few_clusters as few_clusters
from .estimate import planned as planned
from .estimate import mediation as mediation
from .estimate import staggered as staggered
from . import montecarlo as montecarlo
from .panel import scores as scores
from .panel import ministry as ministry
from .estimate import open_scores as open_scores
from .records.open import rankings as rankings
from . import errors as errors
