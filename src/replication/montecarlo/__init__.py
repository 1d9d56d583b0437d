"""Many studies of which the truth is known: bias, coverage, size, power."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
