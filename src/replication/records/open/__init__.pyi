from . import rankings as rankings
