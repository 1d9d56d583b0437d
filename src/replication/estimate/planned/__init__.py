"""The estimates of ``data/plan.toml`` on real universities, and the checks around them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
