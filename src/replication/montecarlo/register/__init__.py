"""The study under the choices that the abstract leaves open: panels, specifications, targets."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
