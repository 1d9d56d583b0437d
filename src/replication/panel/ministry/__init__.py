"""Panels of real universities: the ministry's counts of exchange, and what was measured later."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
