from . import ministry as ministry
from . import scores as scores
