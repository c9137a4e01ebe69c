"""Makes imports cheaper (measured: docs/decisions/0004-cold-start.md, benchmarks/)."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import module_from_spec
from types import ModuleType

# The SDK imports these at once, and this project does not use them.
UNUSED_MODULES = (
    "aliyunsdkcore.auth.algorithm.sha_hmac256",  # imports cryptography; signs with RSA key pairs
    "aliyunsdkcore.vendored.requests.packages.chardet",  # guesses encodings; `cloud` reads bytes
    "jmespath",  # looks up default timeouts and retries; `cloud` sets both itself
)


@contextmanager
def cheap_imports() -> Iterator[None]:
    """Switches the garbage collector off during imports: an import allocates what is used for the
    life of the process, so a search for garbage finds none.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


def defer(name: str) -> None:
    """Registers a module that is executed when an attribute of it is first read.

    The standard library's LazyLoader executes it as soon as an import statement looks at its
    `__spec__`.
    """
    spec = None if name in sys.modules else _spec(name)
    if spec is not None and spec.loader is not None:
        module = module_from_spec(spec)
        module.__class__ = _Deferred
        sys.modules[name] = module


class _Deferred(ModuleType):
    def __getattr__(self, name: str) -> object:
        self.__class__ = ModuleType  # type: ignore[assignment]
        self.__spec__.loader.exec_module(self)  # type: ignore[union-attr]
        return getattr(self, name)


def _spec(name: str) -> ModuleSpec | None:
    """The spec of a module; None if it is not installed.

    The packages around it are not imported, for they would import the module.
    """
    spec, path = None, None
    parts = name.split(".")
    for depth in range(1, len(parts) + 1):
        spec = PathFinder.find_spec(".".join(parts[:depth]), path)
        if spec is None:
            return None
        path = spec.submodule_search_locations
    return spec
