"""What becomes of an answer that a fault spoils; the work behind it is done."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator

from starlette.responses import Response, StreamingResponse

from localcloud.faults import GATEWAYS, Fault, Faults
from localcloud.garble import garbled

LARGE, BOMB = 64 << 20, 200 << 20
SPACES = b" " * (1 << 16)


class Broken(Exception):
    """An answer that was to break off."""


async def spoilt(answer: Response, fault: Fault | None, faults: Faults) -> Response:
    """The answer as the fault leaves it."""
    kind = fault.kind if fault else ""
    if fault and kind == "slow":
        await asyncio.sleep(fault.seconds)
    if kind == "not-json":
        return Response("<!doctype html>", 200, media_type="text/html")
    if kind == "lost-answer":
        return broken()
    if kind in GATEWAYS:
        status, page = GATEWAYS[kind]
        headers = {"location": "https://login.invalid/"} if status == 302 else None
        return Response(page, status, headers, "text/html")
    body = bytes(answer.body)
    if kind == "garbled":
        return Response(garbled(body, faults.chance), answer.status_code, media_type="application/json")
    if fault and kind == "drip":
        return _streamed(_dripping(body, fault.seconds), answer.status_code, len(body))
    if kind == "half-body":
        return _streamed(_half(body), answer.status_code, len(body))
    if kind == "too-large":
        return _streamed(_large(body), answer.status_code, LARGE)
    if kind == "gzip-bomb":
        packed = gzip.compress(body + b" " * BOMB)
        return Response(packed, answer.status_code, {"content-encoding": "gzip"}, "application/json")
    if kind == "throttled-with-header":
        answer.headers["Retry-After"] = "1"
    return answer


def _streamed(parts: AsyncIterator[bytes], status: int, length: int) -> Response:
    return StreamingResponse(parts, status, {"content-length": str(length)}, "application/json")


async def _dripping(body: bytes, seconds: float) -> AsyncIterator[bytes]:
    for byte in body:
        yield bytes((byte,))
        await asyncio.sleep(seconds)


async def _half(body: bytes) -> AsyncIterator[bytes]:
    yield body[: len(body) // 2]
    raise Broken


async def _large(body: bytes) -> AsyncIterator[bytes]:
    yield body
    for _ in range((LARGE - len(body)) // len(SPACES)):
        yield SPACES
    yield b" " * ((LARGE - len(body)) % len(SPACES))


def broken() -> Response:
    """The server has to break the connection."""

    async def begun() -> AsyncIterator[bytes]:
        yield b"{"
        raise Broken

    return StreamingResponse(begun(), 200, headers={"content-length": "1000"}, media_type="application/json")
