from . import claims as claims
from . import contrasts as contrasts
from . import families as families
from . import few_clusters as few_clusters
from . import mediation as mediation
from . import open_scores as open_scores
from . import robustness as robustness
from . import staggered as staggered
