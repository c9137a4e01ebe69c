"""Faults of an answer: the work is done, and the answer comes late, changed, or not at all."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

from starlette.responses import Response, StreamingResponse

from localcloud.faults import GATEWAYS, Fault, Faults
from localcloud.garble import garbled

LARGE, BOMB = 64 << 20, 200 << 20
SPACES = b" " * (1 << 16)
JSON = "application/json"
BAD_GATEWAY = "<html><body>502 Bad Gateway</body></html>"


class BrokenResponse(Exception):
    """Raised in an answer that is to break off."""


class Spoiled(NamedTuple):
    """An answer that a fault changes."""

    status: int
    body: bytes
    fault: Fault
    faults: Faults


def response_instead(fault: Fault | None) -> Response | None:
    """Returns what answers instead of doing any work, where the fault is of that kind."""
    if fault and fault.kind == "bad-gateway":
        return Response(BAD_GATEWAY, 502, media_type="text/html")
    if fault and fault.kind == "reset":
        return broken_response()
    return None


async def apply_fault(answer: Response, fault: Fault | None, faults: Faults) -> Response:
    """Returns the answer as the fault changes it; `slow` waits first."""
    if fault is None:
        return answer
    if fault.kind == "slow":
        await asyncio.sleep(fault.seconds)
    if fault.kind in GATEWAYS:
        return _gateway_response(fault.kind)
    if fault.kind == "throttled-with-header":
        answer.headers["Retry-After"] = "1"
    if fault.kind not in CHANGES:
        return answer
    return CHANGES[fault.kind](Spoiled(answer.status_code, bytes(answer.body), fault, faults))


def broken_response() -> Response:
    """Returns a response in which the server has to break the connection."""

    async def parts() -> AsyncIterator[bytes]:
        yield b"{"
        raise BrokenResponse

    return StreamingResponse(parts(), 200, {"content-length": "1000"}, JSON)


def _gateway_response(kind: str) -> Response:
    status, page = GATEWAYS[kind]
    headers = {"location": "https://login.invalid/"} if status == 302 else None
    return Response(page, status, headers, "text/html")


def _garbled_response(answer: Spoiled) -> Response:
    return Response(garbled(answer.body, answer.faults.chance), answer.status, media_type=JSON)


def _gzip_bomb(answer: Spoiled) -> Response:
    packed = gzip.compress(answer.body + b" " * BOMB)
    return Response(packed, answer.status, {"content-encoding": "gzip"}, JSON)


def _streamed(parts: AsyncIterator[bytes], status: int, length: int) -> Response:
    return StreamingResponse(parts, status, {"content-length": str(length)}, JSON)


async def _drip(body: bytes, seconds: float) -> AsyncIterator[bytes]:
    for byte in body:
        yield bytes((byte,))
        await asyncio.sleep(seconds)


async def _half(body: bytes) -> AsyncIterator[bytes]:
    yield body[: len(body) // 2]
    raise BrokenResponse


async def _large(body: bytes) -> AsyncIterator[bytes]:
    yield body
    for _ in range((LARGE - len(body)) // len(SPACES)):
        yield SPACES
    yield b" " * ((LARGE - len(body)) % len(SPACES))


CHANGES: dict[str, Callable[[Spoiled], Response]] = {
    "drip": lambda a: _streamed(_drip(a.body, a.fault.seconds), a.status, len(a.body)),
    "garbled": _garbled_response,
    "gzip-bomb": _gzip_bomb,
    "half-body": lambda a: _streamed(_half(a.body), a.status, len(a.body)),
    "lost-answer": lambda _: broken_response(),
    "not-json": lambda _: Response("<!doctype html>", 200, media_type="text/html"),
    "too-large": lambda a: _streamed(_large(a.body), a.status, LARGE),
}
