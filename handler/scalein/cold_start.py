"""The only module that knows what importing costs (measured: docs/decisions/0004-cold-start.md, benchmarks/)."""

from __future__ import annotations

import gc
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Imports with the garbage collector at rest: what an import allocates stays, so looking for garbage is waste."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def defer_rsa() -> None:
    """Lets the SDK load without `cryptography`, which it uses for RSA key pairs alone.

    The module that needs it is put in place unexecuted, by the standard library's own LazyLoader; it runs in full
    the moment anybody touches it.
    """
    from aliyunsdkcore.auth import algorithm

    name = f"{algorithm.__name__}.sha_hmac256"
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None or hasattr(algorithm, "sha_hmac256"):
        return
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    algorithm.sha_hmac256 = module
