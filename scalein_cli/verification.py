"""By which certificates the commands verify servers, and what they say where one does not verify.

Each library reads another variable, and the SDK of Function Compute 3.0 none. The commands verify
all servers by one trust store: that of the first variable that is set, as in cloud/tls.py.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from scalein_cli.errors import MisconnectedError

CA_BUNDLE = "ALIBABA_CLOUD_CA_BUNDLE"
VARIABLES = (CA_BUNDLE, "REQUESTS_CA_BUNDLE")  # the first that is set counts


def trust_store() -> str:
    """The file or directory of certificates that a variable names; empty without one."""
    return next(filter(None, map(os.environ.get, VARIABLES)), "")


@contextmanager
def same_trust_store() -> Iterator[None]:
    """Has every library verify by that trust store, as long as the context lasts."""
    before = {name: os.environ.get(name) for name in VARIABLES}
    if trust_store():
        os.environ.update(dict.fromkeys(VARIABLES, trust_store()))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def check_trust_store() -> None:
    """Raises MisconnectedError if the trust store that a variable names cannot be read."""
    from scalein.cloud.tls import contexts

    store = trust_store()
    try:
        if store:
            contexts().get(store)
    except (OSError, ValueError):
        raise MisconnectedError(
            f"The trust store {store} cannot be read: {' or '.join(VARIABLES)} must name a file of "
            "certificates in PEM, or a hashed directory."
        ) from None


def misconnected(cause: str, setting: str) -> MisconnectedError:
    """What to raise for a cause that TransportError names. `setting`: that of the endpoint."""
    sentence = f"{cause[:1].upper()}{cause[1:]}".rstrip(".")
    if "certificate of " not in cause:
        return MisconnectedError(f"{sentence}. Check {setting}, HTTPS_PROXY and {CA_BUNDLE}.")
    by = f" by {trust_store()}" if trust_store() else ""
    return MisconnectedError(
        f"{sentence}{by}. Set {CA_BUNDLE} to a file (PEM) with its issuer's certificate, or check "
        f"{setting} and HTTPS_PROXY."
    )


def raise_if_unverified(error: BaseException, setting: str) -> None:
    """Raises MisconnectedError if requests failed because a certificate does not verify."""
    from scalein.cloud.tls import is_unverified, unverified_text

    causes = list(_causes(error))
    pools = filter(None, (getattr(cause, "pool", None) for cause in causes))  # of urllib3
    host = next((str(pool.host) for pool in pools), "the server")
    for cause in filter(is_unverified, causes):
        text = unverified_text(cause, host)
        raise misconnected(text, setting) from None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yields the error and what led to it, which requests, urllib3 and SDKs keep in many ways."""
    left, seen = [error], set[int]()
    while left:
        one = left.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        attributes = (getattr(one, "reason", None), getattr(one, "inner_exception", None))
        linked = (one.__cause__, one.__context__, *attributes, *one.args)
        left += [cause for cause in linked if isinstance(cause, BaseException)]
