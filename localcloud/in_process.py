"""Sends what this process calls at Alibaba Cloud to a local cloud, without edits of endpoints.

The SDKs for Python send through requests, some through a copy of their own. Inside the block the
`send` of its adapters is another: a request for a host of Alibaba Cloud goes to the local cloud,
over HTTP, with its `Host` as it was signed. So whatever a client does before (endpoints, retries,
signatures) and after is what it does in production. A proxy by environment variables was the other
choice: over HTTPS it needs a certificate that the SDKs trust, and some take certificates from one
file alone.

A client that does not send through requests, such as the asynchronous methods of the newer SDKs,
finds no address for these hosts: nothing reaches the real cloud from inside the block."""

from __future__ import annotations

import importlib
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
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
        for name in ADAPTERS:
            with suppress(ImportError):
                stack.enter_context(_sending_to(importlib.import_module(name), handle.endpoint))
        stack.enter_context(_no_addresses())
        variables = {KEY_ID: access_key_id, KEY_SECRET: access_key_secret, TOKEN: None}
        stack.enter_context(_environment(variables))
        yield handle


def _is_cloud(host: str | None) -> bool:
    return bool(host) and f".{host}".lower().rstrip(".").endswith(DOMAIN)


@contextmanager
def _sending_to(adapters: ModuleType, endpoint: str) -> Iterator[None]:
    """Has the adapters of a copy of requests send requests for the cloud to the endpoint."""
    adapter = adapters.HTTPAdapter
    original = adapter.send

    def send(self: Any, request: Any, *args: Any, **options: Any) -> Any:
        parts = urlsplit(request.url)
        if not _is_cloud(parts.hostname):
            return original(self, request, *args, **options)
        rerouted = request.copy()
        rerouted.url = urlunsplit(parts._replace(scheme="http", netloc=endpoint))
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


@contextmanager
def _environment(variables: Mapping[str, str | None]) -> Iterator[None]:
    """Sets environment variables, or removes those that are None."""
    before = {name: os.environ.pop(name, None) for name in variables}
    os.environ.update({name: value for name, value in variables.items() if value is not None})
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
