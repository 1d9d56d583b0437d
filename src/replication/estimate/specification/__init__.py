"""The answer under every combination of choices: a curve, its joint test, and what moves it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
