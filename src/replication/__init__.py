"""International exchange and university-firm co-innovation: a replication package.

``import replication as rp`` gives the verbs and namespaces of ``__init__.pyi``, each loaded when it
is first used. To add one, add its import there, under the heading it belongs to.
"""

import lazy_loader

__version__ = "0.1.0"

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> object:
    if name in __all__:
        return _load(name)
    from difflib import get_close_matches

    near = " or ".join(f"'{known}'" for known in get_close_matches(name, __all__))
    hint = f"did you mean {near}?" if near else "dir(replication) lists what it has"
    raise AttributeError(f"module 'replication' has no {name!r}; {hint}", name=name)
