"""Refuses requests of foreign web pages, and dates every answer by the cloud's clock.

Any page can have a browser send requests to this machine, and by DNS rebinding read the answers:
then the Host is the page's own name. So a request must be for an address, or for a known name; and
come from no other origin."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from email.utils import format_datetime
from ipaddress import ip_address

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOCALHOST = "localhost"
HOST = re.compile(r"(\[(?P<address>[0-9A-Fa-f:.]+)\]|(?P<name>[^\[\]:]+))(:[0-9]+)?")
PROJECT_AT_ADDRESS = re.compile(r"[A-Za-z0-9-]*[A-Za-z-][A-Za-z0-9-]*\.((?:[0-9]+\.){3}[0-9]+)")
FOREIGN_HOST = (
    "This local cloud answers to addresses and to localhost only. "
    "Another name of this machine: start with --allowed-host NAME.\n"
)
FOREIGN_ORIGIN = "A page of another origin may not use this local cloud.\n"


class HostCheck:
    """ASGI middleware. `now`: the cloud's clock. `hosts`: names of this machine; one that
    begins with a dot stands for all names that end so.
    """

    def __init__(self, app: ASGIApp, now: Callable[[], datetime], hosts: frozenset[str]) -> None:
        self._app = app
        self._now = now
        self._hosts = {host.lower() for host in hosts} | {LOCALHOST}
        self._domains = tuple(host for host in self._hosts if host.startswith("."))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":  # the local cloud has none
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = format_datetime(self._now().replace(microsecond=0), usegmt=True)
                MutableHeaders(scope=message)["date"] = date
            await send(message)

        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self._is_known(host):
            await PlainTextResponse(FOREIGN_HOST, 421)(scope, receive, dated)
        elif origin is not None and origin.lower() != f"{scope['scheme']}://{host}".lower():
            await PlainTextResponse(FOREIGN_ORIGIN, 403)(scope, receive, dated)
        else:
            await self._app(scope, receive, dated)

    def _is_known(self, host: str) -> bool:
        parts = HOST.fullmatch(host)
        if parts is None:
            return False
        name = parts["address"] or parts["name"]
        if name.lower() in self._hosts or name.lower().endswith(self._domains):
            return True
        # A log project before an address: no page has such a name, for its last part is a number.
        project = PROJECT_AT_ADDRESS.fullmatch(name)
        try:
            ip_address(project[1] if project else name)
        except ValueError:
            return False
        return True
