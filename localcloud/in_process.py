"""Sends what this process calls at Alibaba Cloud to a local cloud, without edits of endpoints.

The SDKs for Python send through requests, some through a copy of their own. Inside the block the
`send` of its adapters is another: a request for a host of Alibaba Cloud goes to the local cloud,
over HTTP, with its `Host` as it was signed. So whatever a client does before (endpoints, retries,
signatures) and after is what it does in production. A proxy by environment variables was the other
choice: over HTTPS it needs a certificate that the SDKs trust, and some take certificates from one
file alone.

A client that does not send through requests, such as the asynchronous methods of the newer SDKs,
finds no address for these hosts: nothing reaches the real cloud from inside the block.

All this is of the whole process. Where blocks overlap, nested or in several threads, calls go to
the newest, and what was before comes back with the end of the last."""

from __future__ import annotations

import importlib
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from threading import Lock
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from localcloud.authenticator import Authenticator
from localcloud.handle import Fleet, Handle, in_thread

DOMAIN = ".aliyuncs.com"
ADAPTERS = ("requests.adapters", "aliyunsdkcore.vendored.requests.adapters")
KEY_ID, KEY_SECRET, TOKEN = (
    "ALIBABA_CLOUD_ACCESS_KEY_ID",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
    "ALIBABA_CLOUD_SECURITY_TOKEN",
)
Variables = dict[str, str | None]  # of the environment; None: absent


@dataclass(eq=False)
class _Block:
    """One `mocked()` that has not ended."""

    endpoint: str
    before: Variables


OPEN: list[_Block] = []  # the newest last
PATCHES = ExitStack()  # while any is open
LOCK = Lock()

REFUSAL = "localcloud.mocked(): only clients that send through requests reach the local cloud"


@contextmanager
def mocked(
    fleet: Fleet | None = None,
    *,
    access_key_id: str = "localcloud",
    access_key_secret: str = "localcloud-secret",  # noqa: S107 (of no real account)
    **assumptions: Any,
) -> Iterator[Handle]:
    """Yields a local cloud that stands for Alibaba Cloud in this process until the block ends.

    Raises FleetError. `assumptions`: fields of localcloud.ess.model.Assumptions. The key is in the
    environment, too, where SDKs look for one; a client with another key is refused.
    """
    key = Authenticator(access_key_id, access_key_secret)
    hosts = frozenset({DOMAIN})
    with ExitStack() as stack:
        start = {"groups": []} if fleet is None else fleet
        handle = stack.enter_context(in_thread(start, key, assumptions, hosts))
        variables = {KEY_ID: access_key_id, KEY_SECRET: access_key_secret, TOKEN: None}
        stack.enter_context(_standing_in(handle.endpoint, variables))
        yield handle


@contextmanager
def _standing_in(endpoint: str, variables: Variables) -> Iterator[None]:
    """Has calls go to the endpoint, with these variables in the environment."""
    with LOCK:
        if not OPEN:
            for name in ADAPTERS:
                with suppress(ImportError):
                    PATCHES.enter_context(_rerouting(importlib.import_module(name)))
            PATCHES.enter_context(_no_addresses())
        block = _Block(endpoint, _set_environment(variables))
        OPEN.append(block)
    try:
        yield
    finally:
        with LOCK:
            newer = OPEN[OPEN.index(block) + 1 :]
            OPEN.remove(block)
            if newer:
                newer[0].before = block.before
            else:
                _set_environment(block.before)
            if not OPEN:
                PATCHES.close()


def _is_cloud(host: str | None) -> bool:
    return bool(host) and f".{host}".lower().rstrip(".").endswith(DOMAIN)


@contextmanager
def _rerouting(adapters: ModuleType) -> Iterator[None]:
    """Has the adapters of a copy of requests send requests for the cloud to the newest block."""
    adapter = adapters.HTTPAdapter
    original = adapter.send

    def send(self: Any, request: Any, *args: Any, **options: Any) -> Any:
        parts = urlsplit(request.url)
        if not _is_cloud(parts.hostname):
            return original(self, request, *args, **options)
        rerouted = request.copy()
        rerouted.url = urlunsplit(parts._replace(scheme="http", netloc=OPEN[-1].endpoint))
        rerouted.headers.setdefault("Host", parts.netloc)
        return original(self, rerouted, *args, **{**options, "proxies": {}})

    adapter.send = send
    try:
        yield
    finally:
        adapter.send = original


@contextmanager
def _no_addresses() -> Iterator[None]:
    """Has no name of the cloud resolve to an address."""
    original = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **options: Any) -> Any:
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        if _is_cloud(name):
            raise socket.gaierror(socket.EAI_NONAME, f"{REFUSAL} ({name})")
        return original(host, *args, **options)

    socket.getaddrinfo = getaddrinfo
    try:
        yield
    finally:
        socket.getaddrinfo = original


def _set_environment(variables: Mapping[str, str | None]) -> Variables:
    """Sets environment variables, or removes those that are None; returns what they were."""
    before = {name: os.environ.pop(name, None) for name in variables}
    os.environ.update({name: value for name, value in variables.items() if value is not None})
    return before
