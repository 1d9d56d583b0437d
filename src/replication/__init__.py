"""International exchange and university-firm co-innovation: a replication package."""

__version__ = "0.1.0"
