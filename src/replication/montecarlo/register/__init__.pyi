from . import curves as curves
from .alternatives import DEFAULTS as DEFAULTS
from .curves import load_curve as load_curve
from .curves import load_sizes as load_sizes
from .curves import require_agreement as require_agreement
from .specifications import CHOICES as CHOICES
