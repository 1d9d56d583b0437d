"""Robustness: what the estimates say if an assumption, a row or a choice were another."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
