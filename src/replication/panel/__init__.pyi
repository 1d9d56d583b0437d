from . import scores as scores
